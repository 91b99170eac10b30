//! The address of a client, in one form.

use ambit_event::Event;
use std::net::{IpAddr, SocketAddr};

/// One address is one text, whatever its producer wrote: `::ffff:192.0.2.1`, `2001:DB8::7`, a port behind it. As it was
/// written it stands in the fields. What is no address stays.
pub fn settle_address(event: &mut Event) {
    let Some(written) = &event.src_ip else {
        return;
    };
    let (address, port) = match written.parse::<IpAddr>() {
        // Of an address of version 4 there is one text.
        Ok(IpAddr::V4(_)) => return,
        Ok(address) => (address, None),
        Err(_) => match written.parse::<SocketAddr>() {
            Ok(with_port) => (with_port.ip(), Some(with_port.port())),
            Err(_) => return,
        },
    };
    let address = address.to_canonical().to_string();
    if *written != address {
        event.src_ip = Some(address);
        event.src_port = event.src_port.or(port.map(i64::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    #[test]
    fn an_address_is_one_text_however_it_was_written() {
        for (written, kept, port) in [
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("2001:DB8:0::7", "2001:db8::7", None),
            ("192.0.2.1:443", "192.0.2.1", Some(443)),
            ("[2001:db8::7]:80", "2001:db8::7", Some(80)),
            ("192.0.2.1", "192.0.2.1", None),
            ("unix:", "unix:", None),
            ("gw-1:443", "gw-1:443", None),
        ] {
            let mut event = Event::new("s", Timestamp(0));
            event.src_ip = Some(written.to_owned());
            settle_address(&mut event);
            assert_eq!(
                (event.src_ip.as_deref(), event.src_port),
                (Some(kept), port),
                "{written}"
            );
        }
    }
}
