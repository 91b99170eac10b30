//! The error log.

use crate::http::{self, Exchange};
use crate::json::{Json, Object};
use crate::redact::{self, Redactor};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, time,
};
use ambit_event::{Event, Outcome, printable};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// `nginx_error`; its manual page is [`MANUAL`].
pub struct ErrorLog;

const MANUAL: &str = "\
nginx_error: the error log of nginx

Reads   2014/05/23 10:00:00 [error] 12#12: *5 message, client: 203.0.113.7, server: _, request: \"GET / HTTP/1.1\", ...
        Lines that do not begin so belong to the record before them (what a backend wrote to its stderr).
Known   by the beginning of its lines.
Fills   fields time, level, pid, tid, cid, message, client, server, request, upstream, host, referrer, login;
        class application_error, or authentication for basic and mail log-ins (actor.user, realm app);
        src_endpoint.ip, activity, api.operation and resource.name from client and request. What nginx
        refused (limits, access rules, wrong passwords) is denied, other errors are failures; of a request that was let
        through (dry run) or only delayed the outcome is unknown. A record in which
        `, client: ` stands twice names no client: one of the two was written by whom it accuses.
Time    whole seconds of the server's zone: give it with --tz where it is not UTC.
Proves  nothing: lines are not numbered, and requests without an error leave none.
";

impl Format for ErrorLog {
    fn name(&self) -> &str {
        "nginx_error"
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        if sample.first().is_none_or(|line| !begins(line)) {
            return Confidence::NONE;
        }
        Confidence::share(
            92,
            sample.percent(|line| {
                begins(line)
                    || line.starts_with(b"PHP message")
                    || line.starts_with(b"Stack trace")
                    || line.starts_with(b"#")
            }),
        )
    }

    fn framing(&self) -> Framing {
        Framing::Blocks(Arc::new(|line| begins(line) || is_access_line(line)))
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(ErrorDecoder {
            lines: LineDecoder::new(context),
            access: super::Access.decoder(&Context {
                log_format: None,
                ..context.clone()
            })?,
        }))
    }
}

/// Lines of the access log that stand in the same file go to its decoder.
struct ErrorDecoder {
    lines: LineDecoder,
    access: Box<dyn Decoder>,
}

impl Decoder for ErrorDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        if begins(record.bytes) {
            self.lines.decode(record, out)
        } else {
            self.access.decode(record, out)
        }
    }
}

/// Whether a line begins as records of the error log do: `2014/05/23 10:00:00 [`.
pub fn begins(line: &[u8]) -> bool {
    const FORM: &[u8] = b"0000/00/00 00:00:00 [";
    line.len() > FORM.len()
        && FORM.iter().zip(line).all(|(form, byte)| {
            if *form == b'0' {
                byte.is_ascii_digit()
            } else {
                form == byte
            }
        })
}

/// Whether a line holds a time as access logs write it: `[23/May/`.
fn is_access_line(line: &[u8]) -> bool {
    memchr::memchr_iter(b'[', line).any(|at| {
        line.get(at + 1..at + 8)
            .is_some_and(|t| t[0].is_ascii_digit() && t[1].is_ascii_digit() && t[2] == b'/' && t[6] == b'/')
    })
}

/// Decodes single records of the error log.
pub struct LineDecoder {
    context: Context,
    redactor: Redactor,
}

/// A record divided.
struct Line<'l> {
    time: &'l str,
    level: &'l str,
    pid: &'l str,
    tid: &'l str,
    cid: Option<&'l str>,
    message: &'l str,
    /// client, server, request and so on, where the record names exactly one client.
    tags: Vec<(&'l str, &'l str)>,
}

impl LineDecoder {
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            redactor: Redactor::new(&context.keys),
        }
    }

    pub fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let line =
            divide(&text).ok_or_else(|| RejectReason::new("`time [level] pid#tid: message` was expected"))?;
        let clock = time::parse(line.time, &self.context.time_zone).ok_or_else(|| {
            RejectReason::field("time", format!("`{}` is no time", printable(line.time, 40)))
        })?;
        let mut event = Event::new("nginx_error", clock.at);
        event.precision = clock.resolution;
        event.process_pid = line.pid.parse().ok();
        let request = line.tag("request").map(Cow::Borrowed);
        http::fill(
            &mut event,
            Exchange {
                request,
                ..Exchange::default()
            },
            &mut self.redactor,
        );
        let keys = &self.context.keys;
        event.class = Some("application_error".into());
        let (ip, port) = line.origin();
        (event.src_ip, event.src_port) = (ip.map(|ip| ip.to_string()), port);
        event.message = Some(redact::text(keys, line.message).into_owned());
        event.outcome = line.outcome();
        if line.is_login() {
            event.class = Some("authentication".into());
            event.activity = Some("Logon".into());
        }
        if let Some(user) = line.user() {
            event.class = Some("authentication".into());
            event.activity = Some("Logon".into());
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

fn divide(text: &str) -> Option<Line<'_>> {
    let time = text.get(..19)?;
    let (level, rest) = text.get(19..)?.strip_prefix(" [")?.split_once("] ")?;
    let (ids, rest) = rest.split_once(": ")?;
    let (pid, tid) = ids.split_once('#')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(pid) || !is_number(tid) {
        return None;
    }
    let (cid, rest) = match rest.strip_prefix('*').and_then(|r| r.split_once(' ')) {
        Some((cid, rest)) if is_number(cid) => (Some(cid), rest),
        _ => (None, rest),
    };
    let (message, tags) = divide_tags(rest);
    Some(Line {
        time,
        level,
        pid,
        tid,
        cid,
        message,
        tags,
    })
}

/// The message and what follows it. Both the message and the request hold what a client sent: a second
/// `, client: ` makes the record ambiguous, and then nothing is taken from it.
fn divide_tags(rest: &str) -> (&str, Vec<(&str, &str)>) {
    const CLIENT: &str = ", client: ";
    let Some((message, tail)) = rest.split_once(CLIENT).filter(|(_, tail)| !tail.contains(CLIENT)) else {
        return (rest, Vec::new());
    };
    let mut tags = Vec::new();
    let (mut key, mut tail) = ("client", tail);
    loop {
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => quoted
                .find("\", ")
                .map_or((quoted.trim_end_matches('"'), ""), |at| {
                    (&quoted[..at], &quoted[at + 1..])
                }),
            None => tail
                .find(", ")
                .map_or((tail, ""), |at| (&tail[..at], &tail[at..])),
        };
        tags.push((key, value));
        match after.strip_prefix(", ").and_then(|a| a.split_once(": ")) {
            Some((next, rest)) if KNOWN.contains(&next) => (key, tail) = (next, rest),
            _ => return (message, tags),
        }
    }
}

const KNOWN: &[&str] = &[
    "server",
    "request",
    "subrequest",
    "upstream",
    "host",
    "referrer",
    "login",
    "session",
];

impl<'l> Line<'l> {
    fn tag(&self, name: &str) -> Option<&'l str> {
        self.tags
            .iter()
            .find(|(key, value)| *key == name && !value.is_empty())
            .map(|(_, value)| *value)
    }

    fn outcome(&self) -> Outcome {
        let says = |part: &str| self.message.contains(part);
        if self.message.starts_with("client logged in") {
            return Outcome::Success;
        }
        // The request was let through: how it ended stands in the access log.
        let is_served = self.message.starts_with("delaying request")
            || self.message.starts_with("limiting ") && says(", dry run");
        let is_refused = self.message.starts_with("limiting ")
            || self.message.starts_with("access forbidden")
            || self.message.starts_with("client login failed")
            || self.message.starts_with("no user/password was provided")
            || says("ModSecurity: Access denied with ")
            || self.message.starts_with("user \"") && (says("was not found in") || says("password mismatch"));
        match self.level {
            _ if is_served => Outcome::Unknown,
            _ if is_refused => Outcome::Denied,
            "error" | "crit" | "alert" | "emerg" => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }

    /// The client's address, and its port where the record begins with it (the mail module's
    /// `client 203.0.113.7:4711 connected to ...`).
    fn origin(&self) -> (Option<IpAddr>, Option<i64>) {
        let address = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        if let Some(client) = self.tag("client") {
            return (client.split(' ').next().and_then(address), None);
        }
        let connected = self
            .message
            .strip_prefix("client ")
            .and_then(|m| m.split_once(" connected to "));
        match connected.and_then(|(client, _)| client.rsplit_once(':')) {
            Some((ip, port)) => (address(ip), port.parse::<u16>().ok().map(i64::from)),
            None => (None, None),
        }
    }

    /// Whether the mail module tells how a log-in ended.
    fn is_login(&self) -> bool {
        self.message.starts_with("client login failed") || self.message.starts_with("client logged in")
    }

    /// The account of a log-in that the record tells of.
    fn user(&self) -> Option<&'l str> {
        if let Some(rest) = self.message.strip_prefix("user \"") {
            let (user, rest) = rest
                .rsplit_once("\" was not found in ")
                .or_else(|| rest.rsplit_once("\": password mismatch"))?;
            return rest.len().lt(&4096).then_some(user);
        }
        self.tag("login").filter(|_| self.is_login())
    }

    fn fields(&self) -> Object<'l> {
        let fixed = [
            ("time", self.time),
            ("level", self.level),
            ("pid", self.pid),
            ("tid", self.tid),
            ("message", self.message),
        ];
        let cid = self.cid.map(|cid| ("cid", cid));
        let all = fixed.into_iter().chain(cid).chain(self.tags.iter().copied());
        let mut fields = Object::default();
        for (key, value) in all {
            fields.insert(key.into(), Json::Text(value.into()));
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_writes_a_second_client_names_none() {
        let one = divide(
            "2014/05/23 10:00:00 [error] 1#2: *3 open() \"/a\" failed, client: 10.0.0.1, server: _, request: \"GET /a, b: c HTTP/1.1\", host: \"h\"",
        );
        let tags = one.map(|l| l.tags).unwrap_or_default();
        assert_eq!(
            tags,
            [
                ("client", "10.0.0.1"),
                ("server", "_"),
                ("request", "GET /a, b: c HTTP/1.1"),
                ("host", "h")
            ]
        );
        let two = divide(
            "2014/05/23 10:00:00 [error] 1#2: *3 open() \"/a, client: 10.9.9.9\" failed, client: 10.0.0.1, server: _",
        );
        assert!(two.is_some_and(|l| l.tags.is_empty()));
    }
}
