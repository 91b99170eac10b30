//! OpenSSH's server, as it logs to syslog.

mod message;
mod pam;

use crate::formats::syslog;
use crate::{Confidence, Context, Decoder, Error, Format, Framing, Sample};
use ambit_event::{Event, Keys, Outcome};
use message::Act;

/// The source of these events, whichever syslog file they stand in.
pub const SOURCE: &str = "sshd";

/// A syslog file that is mostly OpenSSH's.
pub struct Sshd;

impl Format for Sshd {
    fn name(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("manual.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        Confidence::share(80, sample.percent(syslog::is_from_sshd))
    }

    fn framing(&self) -> Framing {
        syslog::framing()
    }

    fn is_stateful(&self) -> bool {
        syslog::Syslog.is_stateful()
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        syslog::Syslog.decoder(context)
    }
}

/// Whether a syslog program is OpenSSH's server or a part of it.
#[must_use]
pub fn is_program(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "sshd" | "sshd-session" | "sshd-auth") || name.starts_with("sshd@")
}

/// Reads what the server said into an event that already has time, host, process and message.
pub fn decode(event: &mut Event, text: &str, keys: &Keys) {
    event.source = SOURCE.to_owned();
    let host = event.host.as_deref().unwrap_or("");
    event.connection = event.process_pid.map(|pid| format!("{host}:sshd:{pid}"));
    event.class = Some("base_event".to_owned());
    if !decode_pam(event, text)
        && let Some(said) = message::read(text)
    {
        set(event, &said, keys);
    }
}

/// Whether a sentence is a PAM module's.
#[must_use]
pub fn is_of_pam(text: &str) -> bool {
    pam::read(text).is_some()
}

/// Whether a sentence tells no more than what became of a session: the server's process for a session, which runs
/// as the session's account, says no other.
#[must_use]
pub fn is_of_session(text: &str) -> bool {
    let is_of_session =
        |said: message::Said<'_>| matches!(said.act, Act::Logoff | Act::Left | Act::Session(_));
    !is_of_pam(text) && message::read(text).is_none_or(is_of_session)
}

fn set(event: &mut Event, said: &message::Said<'_>, keys: &Keys) {
    let (class, activity, outcome) = match said.act {
        Act::Logon => ("authentication", "Logon", Outcome::Success),
        Act::LogonFailed => ("authentication", "Logon", Outcome::Failure),
        Act::LogonDenied => ("authentication", "Logon", Outcome::Denied),
        Act::Logoff => ("authentication", "Logoff", Outcome::Success),
        Act::Left => ("authentication", "Logoff", Outcome::Unknown),
        Act::PreauthFailed => ("authentication", "Preauth", Outcome::Failure),
        Act::Preauth => ("authentication", "Preauth", Outcome::Unknown),
        Act::Open => ("network_activity", "Open", Outcome::Success),
        Act::Session(name) => ("authentication", name, Outcome::Success),
    };
    act(event, class, activity, outcome);
    set_user(event, said.user);
    event.src_ip = said.ip.and_then(ip);
    event.src_port = said.port.and_then(|p| p.parse::<u16>().ok()).map(i64::from);
    for (name, value) in [
        ("method", said.method),
        ("key", said.key),
        ("reason", said.reason),
    ] {
        if let Some(value) = value {
            event.fields.put(name, crate::redact::text(keys, value));
        }
    }
    if said.is_invalid_user {
        event.fields.put("invalid_user", true);
    }
    let hash = said
        .key
        .and_then(|key| key.split(' ').find(|part| part.contains(':')));
    event.actor_credential = hash.map(|hash| keys.fingerprint(hash));
}

/// Reads what a PAM module said, whatever program it runs in; false where the text is no module's.
pub fn decode_pam(event: &mut Event, text: &str) -> bool {
    let Some(said) = pam::read(text) else { return false };
    event.fields.put("pam_module", said.module);
    event.fields.put("pam_service", said.service);
    let (activity, outcome) = match said.act {
        pam::Act::Opened => ("Logon", Outcome::Success),
        pam::Act::Closed => ("Logoff", Outcome::Success),
        pam::Act::Failed => ("Logon", Outcome::Failure),
        pam::Act::Other => return true,
    };
    act(event, "authentication", activity, outcome);
    set_user(event, said.user);
    if let Some(by) = said.by {
        event.fields.put("by_user", by);
    }
    event.src_ip = said.rhost.and_then(ip);
    for (name, value) in said.pairs {
        event.fields.put(name, value);
    }
    true
}

fn act(event: &mut Event, class: &str, activity: &str, outcome: Outcome) {
    event.class = Some(class.to_owned());
    event.activity = Some(activity.to_owned());
    event.operation = Some(activity.to_owned());
    event.outcome = outcome;
}

/// The account of a host.
pub fn set_user(event: &mut Event, user: Option<&str>) {
    event.actor_user = user.map(ToOwned::to_owned);
    event.actor_realm = user.map(|_| "host".to_owned());
}

/// An address, an IPv4 one that wears an IPv6 coat taken out of it; `None` for a name.
pub fn ip(text: &str) -> Option<String> {
    let bare = text.trim_matches(['[', ']']).split('%').next()?;
    Some(bare.parse::<std::net::IpAddr>().ok()?.to_canonical().to_string())
}
