//! The column in which the client's address is taken to stand, where nobody said what the columns are. One line of a
//! file may show that it is a header, which clients write: then the others of the file have that header there too.

use crate::json::{Json, Object};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// What the lines of a file have shown so far.
#[derive(Debug, Default)]
pub struct Forwarded {
    /// Texts that no server writes of its peer, as it writes them of a header.
    none: &'static [&'static str],
    is_first: bool,
    is_behind_name: bool,
}

impl Forwarded {
    pub fn new(none: &'static [&'static str]) -> Self {
        Self {
            none,
            ..Self::default()
        }
    }

    /// Whether a line may show anything: a look that is cheap enough for each line of a file.
    pub fn may_show(&self, line: &[u8]) -> bool {
        let head = &line[..line.len().min(LONGEST)];
        let end = memchr::memchr(b'[', head).unwrap_or(head.len());
        memchr::memchr(b',', &head[..end]).is_some()
            || self.none.iter().any(|none| line.starts_with(none.as_bytes()))
    }

    /// Learns from the fields of a line.
    pub fn see(&mut self, fields: &Object<'_>) {
        let first = fields.iter().next().filter(|(name, _)| *name == "ambiguous");
        let Some(written) = first.and_then(|(_, value)| value.as_str()) else {
            return;
        };
        if self.none.contains(&written) || is_list(written) {
            self.is_first = true;
        } else if let Some((name, rest)) = written.split_once(' ') {
            self.is_behind_name |= name.contains(':') && is_list(rest);
        }
    }

    /// Takes the address out of fields that stand where another line has a header.
    pub fn settle<'f>(&self, fields: Object<'f>) -> Object<'f> {
        if !self.is_first && !self.is_behind_name {
            return fields;
        }
        let name = fields.iter().next().map(|(name, _)| name);
        let is_header = self.is_first && name == Some("remote_addr")
            || self.is_behind_name && name == Some("server_name");
        if !is_header {
            return fields;
        }
        let text = |name: &str| fields.get(name).and_then(Json::as_str);
        let both = match (text("remote_addr"), text("ambiguous")) {
            (Some(address), Some(columns)) => format!("{address} - {columns}"),
            _ => {
                return fields.renamed(|name| match &*name {
                    "remote_addr" => Cow::Borrowed("ambiguous"),
                    _ => name,
                });
            }
        };
        let mut fields = fields;
        fields.retain(|name| name != "remote_addr");
        fields.insert("ambiguous".into(), Json::Text(both.into()));
        fields
    }
}

/// The lines of the beginning of a file, but for the last, which may be cut.
pub fn whole_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', head).unwrap_or(0);
    head[..end].split(|byte| *byte == b'\n')
}

/// Bytes of a line in which the address stands.
const LONGEST: usize = 512;

/// Addresses as proxies write one behind the other.
fn is_list(text: &str) -> bool {
    let is_one = |part: &str| {
        let part = part.trim();
        part == "unknown" || part.parse::<IpAddr>().is_ok() || part.parse::<SocketAddr>().is_ok()
    };
    text.contains(',') && text.split(',').all(is_one)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::formats::nginx;
    use crate::{Context, Decoder, Format, Output, RawRecord};
    use ambit_event::Keys;

    const LIST: &str =
        r#"203.0.113.50, 10.1.1.1 - - [20/Mar/2024:10:11:12 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl""#;
    const ONE: &str = r#"8.8.8.8 - - [20/Mar/2024:10:11:13 +0000] "GET /b HTTP/1.1" 200 512 "-" "curl""#;

    fn record(line: &str) -> RawRecord<'_> {
        RawRecord {
            bytes: line.as_bytes(),
            offset: 0,
            line: 1,
        }
    }

    fn address(decoder: &mut dyn Decoder) -> Option<String> {
        let mut out = Output::default();
        decoder.decode(&record(ONE), &mut out).unwrap();
        out.events.remove(0).src_ip
    }

    #[test]
    fn a_list_tells_of_other_lines_wherever_it_stands() {
        let mut context = Context::bare(Keys::derive(&[7; 32]));
        let new = |context: &Context| nginx::Access.decoder(context).unwrap();
        let known = Some("8.8.8.8".to_owned());
        assert_eq!(address(&mut *new(&context)), known);
        let head = |text: String| move || text.clone().into_bytes();
        let mut ahead = new(&context);
        ahead.foresee(&mut head(format!("{ONE}\n{LIST}\n{ONE}")));
        assert_eq!(address(&mut *ahead), None);
        let mut cut = new(&context);
        cut.foresee(&mut head(format!("{ONE}\n{LIST}")));
        assert_eq!(address(&mut *cut), known);
        let mut resumed = new(&context);
        resumed.pass_over(&record(LIST));
        assert_eq!(address(&mut *resumed), None);
        // Another host's line tells nothing, and a log_format tells what the columns are.
        context.is_mixed = true;
        let mut mixed = new(&context);
        mixed.pass_over(&record(LIST));
        assert_eq!(address(&mut *mixed), known);
        context.is_mixed = false;
        context.log_format = Some(r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#.to_owned());
        let mut own = new(&context);
        own.pass_over(&record(LIST));
        assert_eq!(address(&mut *own), known);
    }
}
