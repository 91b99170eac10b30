//! The error log.

use crate::json::{Json, Object};
use crate::redact::{self, Redactor};
use crate::{Confidence, Context, Decoder, Error, Format, Output, RawRecord, RejectReason, Sample, time};
use ambit_event::{Event, Outcome, printable};

/// `apache_error`; its manual page is [`MANUAL`].
pub struct ErrorLog;

const MANUAL: &str = "\
apache_error: the error log of the Apache HTTP server

Reads   [Fri May 23 10:00:00.123456 2014] [core:error] [pid 12:tid 34] [client 203.0.113.7:4711] AH00126: message
        and the older form without pid and module.
Known   by the beginning of its lines.
Fills   fields time, module, level, pid, tid, client, code, message; class application_error, or
        authentication for log-ins by password (actor.user, realm app: mod_auth_basic, mod_auth_digest, mod_auth_form);
        src_endpoint.ip and port. Refused by a rule or for a wrong password is denied, with the user whom a Require shut
        out; other errors are failures.
Time    the server's zone: give it with --tz where it is not UTC.
Proves  nothing: lines are not numbered, and requests without an error leave none.
";

impl Format for ErrorLog {
    fn name(&self) -> &str {
        "apache_error"
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        Confidence::share(92, sample.percent(begins))
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(LineDecoder::new(context)))
    }
}

const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// Whether a line begins as records of the error log do: `[Fri May 23 `.
pub fn begins(line: &[u8]) -> bool {
    line.len() > 26
        && line[0] == b'['
        && DAYS.contains(&&line[1..4])
        && line[4] == b' '
        && time::month(&line[5..8]).is_some()
}

/// Decodes single records of the error log.
pub struct LineDecoder {
    context: Context,
    redactor: Redactor,
}

impl LineDecoder {
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            redactor: Redactor::new(&context.keys),
        }
    }
}

/// A record divided.
#[derive(Default)]
struct Line<'l> {
    time: &'l str,
    module: Option<&'l str>,
    level: &'l str,
    pid: Option<&'l str>,
    tid: Option<&'l str>,
    client: Option<&'l str>,
    code: Option<&'l str>,
    /// What the system said, and where in the server's own text: `(13)Permission denied`, `mod_proxy.c(77)`.
    error: Option<&'l str>,
    file: Option<&'l str>,
    message: &'l str,
}

impl Decoder for LineDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let line =
            divide(&text).ok_or_else(|| RejectReason::new("`[time] [module:level] message` was expected"))?;
        let pattern = if line.time.contains('.') {
            "%a %b %d %H:%M:%S%.f %Y"
        } else {
            "%a %b %d %H:%M:%S %Y"
        };
        let clock = time::parse_pattern(line.time, pattern, &self.context.time_zone).ok_or_else(|| {
            RejectReason::field("time", format!("`{}` is no time", printable(line.time, 40)))
        })?;
        let keys = &self.context.keys;
        let mut event = Event::new("apache_error", clock.at);
        event.precision = clock.resolution;
        event.class = Some("application_error".into());
        event.process_pid = line.pid.and_then(|pid| pid.parse().ok());
        (event.src_ip, event.src_port) = line.client.map_or((None, None), address);
        event.message = Some(redact::text(keys, line.message).into_owned());
        event.status_code = line.code.map(str::to_owned);
        event.outcome = line.outcome();
        if line.login().is_some() {
            event.class = Some("authentication".into());
            event.activity = Some("Logon".into());
        }
        if let Some(user) = line.login().or_else(|| line.barred()) {
            event.actor_user = Some(redact::text(keys, user).into_owned());
            event.actor_realm = Some("app".into());
        }
        let mut fields = line.fields();
        self.redactor.fields(&mut fields);
        event.fields = fields.kept(record.bytes.len());
        out.push(event);
        Ok(())
    }
}

/// `203.0.113.7:4711`, `[2001:db8::1]:4711`, `2001:db8::1:4711` as Apache writes it, or an address alone.
fn address(client: &str) -> (Option<String>, Option<i64>) {
    let plain = |text: &str| {
        text.trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .ok()
            .map(|ip| ip.to_string())
    };
    let (host, port) = client.rsplit_once(':').unwrap_or((client, ""));
    match (plain(host), port.parse()) {
        (Some(ip), Ok(port)) => (Some(ip), Some(port)),
        _ => (plain(client), None),
    }
}

fn divide(text: &str) -> Option<Line<'_>> {
    let mut line = Line::default();
    let (time, mut rest) = text.strip_prefix('[')?.split_once(']')?;
    line.time = time;
    // Both stand before the client only: behind it, and in its brackets, it is the client who speaks.
    let client_at = text.find(": [client ").unwrap_or(0);
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        if let Some(before) = text.get(at..client_at)
            && (line.error.is_none() || line.file.is_none())
        {
            let error = before.split_once(": ").map_or(before, |(first, _)| first);
            let place = match (is_file(error), is_error(error)) {
                (true, _) => Some(&mut line.file),
                (_, true) => Some(&mut line.error),
                _ => None,
            };
            if let Some(place) = place.filter(|place| place.is_none()) {
                *place = Some(error);
                rest = &rest[error.len() + ": ".len()..];
                continue;
            }
        }
        let Some((part, after)) = rest.strip_prefix('[').and_then(|r| r.split_once("] ")) else {
            break;
        };
        match part.split_once(' ') {
            Some(("pid", ids)) => {
                (line.pid, line.tid) = ids
                    .split_once(":tid ")
                    .map_or((Some(ids), None), |(pid, tid)| (Some(pid), Some(tid)));
            }
            Some(("client", client)) => {
                line.client = Some(client);
                rest = after;
                break;
            }
            None if line.level.is_empty() => {
                (line.module, line.level) = part
                    .split_once(':')
                    .map_or((None, part), |(module, level)| (Some(module), level));
            }
            _ => break,
        }
        rest = after;
    }
    line.message = rest.trim_start();
    line.code = line
        .message
        .split_once(": ")
        .map(|(code, _)| code)
        .filter(|code| code.len() == 7 && code.starts_with("AH"));
    (!line.level.is_empty()).then_some(line)
}

/// `(13)Permission denied`
fn is_error(text: &str) -> bool {
    let number = text.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(number, said)| number.parse::<u32>().is_ok() && !said.contains('['))
}

/// `mod_proxy.c(77)`
fn is_file(text: &str) -> bool {
    let parts = text.strip_suffix(')').and_then(|rest| rest.split_once(".c("));
    parts.is_some_and(|(name, at)| {
        at.parse::<u32>().is_ok() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

impl<'l> Line<'l> {
    fn outcome(&self) -> Outcome {
        let says = |part: &str| self.message.contains(part);
        let is_refused = says("client denied by server configuration")
            || says("ModSecurity: Access denied with ")
            || self.said().starts_with("access to ") && says(" denied")
            || self.login().is_some()
            || self.barred().is_some();
        match self.level {
            _ if is_refused => Outcome::Denied,
            "error" | "crit" | "alert" | "emerg" => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }

    /// The message behind its code.
    fn said(&self) -> &'l str {
        let coded = self.message.split_once(": ").filter(|_| self.code.is_some());
        coded.map_or(self.message, |(_, rest)| rest)
    }

    /// The account whose log-in failed: `AH01617: user alice: authentication failure for "/": Password Mismatch`,
    /// `AH01618: user alice not found: /`. mod_auth_form and mod_auth_digest put it in quotes of their own:
    /// `AH01807: user 'alice': authentication failure ...`, ``AH01790: user `alice' in realm `r' not found: /``.
    fn login(&self) -> Option<&'l str> {
        let said = self.said();
        let rest = said
            .strip_prefix("Digest: ")
            .unwrap_or(said)
            .strip_prefix("user ")?;
        let is_of = |module: &str| self.module.is_none_or(|own| own == module);
        if is_of("auth_digest") {
            if let Some((user, why)) = rest.strip_prefix('`').and_then(|r| r.split_once("' in realm `"))
                && (why.contains("' not found: ") || why.contains("' denied by provider: "))
            {
                return Some(user);
            }
            if let Some((user, _)) = rest.split_once(": password mismatch: ") {
                return Some(user);
            }
        }
        let (user, _) = rest
            .split_once(": authentication failure")
            .or_else(|| rest.split_once(" not found: "))?;
        let bare = user.strip_prefix('\'').and_then(|user| user.strip_suffix('\''));
        Some(bare.filter(|_| self.module == Some("auth_form")).unwrap_or(user))
    }

    /// The account that logged in and that a `Require` shuts out: `AH01631: user bob: authorization failure for "/":`,
    /// `AH01663: access to / failed, reason: user 'bob' does not meet 'require'ments ...`,
    /// `Authorization of user bob to access / failed, reason: ...`.
    fn barred(&self) -> Option<&'l str> {
        let said = self.said();
        if let Some((user, _)) = said
            .strip_prefix("user ")
            .and_then(|rest| rest.split_once(": authorization failure for \""))
        {
            return Some(user);
        }
        if let Some(rest) = said.strip_prefix("Authorization of user ") {
            let (user, _) = rest
                .split_once(" to access ")
                .filter(|(_, why)| why.contains(" failed, reason: "))?;
            return Some(user);
        }
        let (_, why) = said
            .strip_prefix("access to ")?
            .rsplit_once(" failed, reason: user '")?;
        Some(why.split_once("' does not meet ")?.0)
    }

    fn fields(&self) -> Object<'l> {
        let some = [
            ("time", Some(self.time)),
            ("module", self.module),
            ("level", Some(self.level)),
            ("pid", self.pid),
            ("tid", self.tid),
            ("client", self.client),
            ("code", self.code),
            ("error", self.error),
            ("file", self.file),
            ("message", Some(self.message)),
        ];
        let mut fields = Object::default();
        for (key, value) in some {
            if let Some(value) = value {
                fields.insert(key.into(), Json::Text(value.into()));
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_and_one_file_stand_before_the_client() {
        let line = |before: &str| format!("[t] [core:error] [pid 1] {before}: [client 192.0.2.1:1] x");
        let shown = |text: &str| {
            let line = divide(text).unwrap_or_default();
            let (client, message) = (line.client.map(str::to_owned), line.message.len());
            (line.error.map(str::to_owned), client, message)
        };
        let client = Some("192.0.2.1:1".to_owned());
        assert_eq!(
            shown(&line("(13)No: mod_a.c(7)")),
            (Some("(13)No".into()), client, 1)
        );
        let (error, client, _) = shown(&line(&"(1): ".repeat(10)));
        assert_eq!((error.as_deref(), client), (Some("(1)"), None));
    }

    #[test]
    fn addresses_come_with_their_port_or_without() {
        let shown = |text| address(text).0.zip(address(text).1.or(Some(0)));
        assert_eq!(shown("203.0.113.7:4711"), Some(("203.0.113.7".into(), 4711)));
        assert_eq!(shown("[2001:db8::1]:4711"), Some(("2001:db8::1".into(), 4711)));
        assert_eq!(shown("203.0.113.7"), Some(("203.0.113.7".into(), 0)));
        assert_eq!(shown("nobody"), None);
    }
}
