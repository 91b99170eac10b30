//! Syslog files: RFC 3164, RFC 5424 and rsyslog's dialects.

mod accounts;
mod frame;
mod sftp;
mod sudo;

use crate::formats::guests::{Guests, SYSMON};
use crate::formats::{linux_auditd, postgresql, sshd, windows};
use crate::json::{Json, Object};
use crate::redact::{self, Redactor};
use crate::time::Clock;
use crate::{Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample};
use ambit_event::{Event, Fields, Keys, Loss, Span, Timestamp};
use frame::Frame;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The source of what no decoder of its own reads.
pub const SOURCE: &str = "syslog";

/// A syslog file.
pub struct Syslog;

impl Format for Syslog {
    fn name(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("manual.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let sure = sample.percent(|line| program_of(line).is_some());
        let framed = sample.percent(|line| frame::parse(&crate::json::text(line)).is_ok());
        // Senders may leave the program out: its lines are known by those beside them.
        Confidence::share(55, if sure >= 25 { framed.max(sure) } else { sure })
    }

    fn framing(&self) -> Framing {
        framing()
    }

    /// A message of PostgreSQL's goes over several lines, and how its statement ended stands further below.
    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Stream {
            redactor: linux_auditd::redactor(context),
            context: context.clone(),
            guests: Guests::new(context)?,
            servers: postgresql::Handed::new(context),
            last: None,
            clock: None,
            sequences: BTreeMap::new(),
        }))
    }
}

/// A line that begins with a blank goes on with the message before it, as journalctl and careless senders write it.
#[must_use]
pub fn framing() -> Framing {
    Framing::Blocks(Arc::new(|line| !matches!(line.first(), Some(b' ' | b'\t'))))
}

/// The host that a frame names, of which only the part before the message is at hand.
#[must_use]
pub fn host_of(frame: &str) -> Option<&str> {
    frame::parse(frame).ok()?.hostname
}

/// Reads what a program said into an event that already has time, host, process and message: OpenSSH's server,
/// its file server, sudo, the tools for accounts, PAM's modules in any program; of others the class.
pub fn interpret(event: &mut Event, program: &str, message: &str, keys: &Keys) {
    let message = first_line(message);
    if sshd::is_program(program) {
        return sshd::decode(event, message, keys);
    }
    event.class = Some(class(program).to_owned());
    let is_read = match program {
        "sudo" => sudo::decode(event, message, keys),
        _ if sftp::is_program(program) => sftp::decode(event, message, keys),
        _ => accounts::decode(event, program, message),
    };
    if !is_read || message.starts_with("pam_") {
        sshd::decode_pam(event, message);
    }
}

/// Whether a program's sentences are taken for what they say.
#[must_use]
pub fn is_read(program: &str) -> bool {
    program == "sudo" || sftp::is_program(program) || accounts::is_program(program)
}

/// Whether a program is OpenSSH's file server.
#[must_use]
pub fn is_file_server(program: &str) -> bool {
    sftp::is_program(program)
}

/// Whether a program counts what it drops.
#[must_use]
pub fn is_counter(program: &str) -> bool {
    COUNTERS.contains(&program)
}

/// What a program says stands in one line; further ones are not its own to be believed.
pub fn first_line(message: &str) -> &str {
    message.split('\n').next().unwrap_or(message)
}

/// Whether a line is a syslog record of OpenSSH's server.
#[must_use]
pub fn is_from_sshd(line: &[u8]) -> bool {
    program_of(line).is_some_and(|program| sshd::is_program(&program))
}

/// The program of a syslog line; empty where it names none, `None` where the line is no syslog.
fn program_of(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line);
    let frame = frame::parse(&text).ok()?;
    let is_sure = frame.pri.is_some() || frame.program.is_some();
    is_sure.then(|| frame.program.unwrap_or("").to_owned())
}

const FACILITIES: [&str; 24] = [
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
    "ntp",
    "security",
    "console",
    "solaris-cron",
    "local0",
    "local1",
    "local2",
    "local3",
    "local4",
    "local5",
    "local6",
    "local7",
];

const SEVERITIES: [&str; 8] = [
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
];

/// The class of what a program logs, where its name tells.
const CLASSES: &[(&str, &[&str])] = &[
    (
        "authentication",
        &[
            "sudo",
            "su",
            "login",
            "systemd-logind",
            "gdm-password",
            "polkitd",
            "pkexec",
            "doas",
        ],
    ),
    ("scheduled_job_activity", &["cron", "crond", "anacron", "atd"]),
    ("kernel_activity", &["kernel"]),
    ("dhcp_activity", &["dhclient", "dhcpd", "dhcpcd"]),
    ("dns_activity", &["named", "unbound", "dnsmasq", "pdns_recursor"]),
    (
        "email_activity",
        &["postfix", "dovecot", "exim", "sendmail", "opendkim"],
    ),
    ("ftp_activity", &["proftpd", "vsftpd", "pure-ftpd"]),
    ("ntp_activity", &["ntpd", "chronyd", "systemd-timesyncd"]),
];

fn class(program: &str) -> &'static str {
    let name = program.split('/').next().unwrap_or(program).to_ascii_lowercase();
    CLASSES
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()))
        .map_or("base_event", |(class, _)| class)
}

/// Whether a message is an event of Sysmon that was cut off.
fn is_cut(program: &str, message: &str) -> bool {
    program == SYSMON && windows::is_cut(message)
}

/// Programs that pass on records of the kernel's audit.
const AUDIT: &[&str] = &["audispd", "audisp-syslog", "auditd", "audit", "kernel", "auoms"];

/// One file: several programs' records in one stream.
struct Stream {
    context: Context,
    redactor: Redactor,
    guests: Guests,
    servers: postgresql::Handed,
    last: Option<Timestamp>,
    /// The last time as it was written, and what it means: busy logs have the same in many lines.
    clock: Option<(String, Clock)>,
    /// Per host the last `meta sequenceId` and its time.
    sequences: BTreeMap<String, (i64, Timestamp)>,
}

/// Hosts whose numbering is followed; more than send to any one collector.
const MOST_HOSTS: usize = 10_000;
/// Bytes of a host's name, as DNS has it.
const LONGEST_HOST: usize = 255;

impl Decoder for Stream {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let frame = frame::parse(text.trim_end())?;
        let clock = self.instant(frame.timestamp)?;
        let mut event = Event::new(SOURCE, clock.at);
        event.precision = clock.resolution;
        event.host = frame
            .hostname
            .map(ToOwned::to_owned)
            .or_else(|| self.context.host.clone());
        event.process_pid = frame.pid.and_then(|pid| pid.parse().ok());
        event.actor_service = frame.program.map(ToOwned::to_owned);
        event.fields = self.fields(&frame);

        let (message, n_repeated) = repeated(frame.message);
        event.message = Some(redact::text(&self.context.keys, message).into_owned());
        if n_repeated > 1 {
            event.fields.put("repeated", n_repeated);
        }
        let program = frame.program.unwrap_or("");
        let own = RawRecord {
            bytes: first_line(message).as_bytes(),
            ..*record
        };
        match self.guest(program, &event, own) {
            Some(guest) => event = guest,
            None => interpret(&mut event, program, message, &self.context.keys),
        }
        self.note_losses(&frame, n_repeated, &event, out);
        self.last = Some(event.time);
        if postgresql::is_program(program) {
            let handed = postgresql::Frame {
                fields: Value::Object((*event.fields).clone()),
                plain: event,
                name: "syslog",
                is_session: true,
            };
            let plain = self.servers.take(handed, message, record, out);
            out.events.extend(plain);
        } else {
            out.push(event);
        }
        Ok(())
    }

    fn held_from(&self) -> Option<u64> {
        self.servers.held_from()
    }

    fn finish(&mut self, out: &mut Output) {
        self.servers.finish(out);
    }
}

impl Stream {
    /// The message decoded as a record of its program's own format, where it has one.
    fn guest(&mut self, program: &str, outer: &Event, record: RawRecord<'_>) -> Option<Event> {
        if AUDIT.contains(&program) {
            let audit = linux_auditd::single(&record.lossy(), &self.context, &mut self.redactor);
            return audit.map(|mut event| {
                event.message = event.message.or_else(|| outer.message.clone());
                framed(event, outer)
            });
        }
        let event = self.guests.event(program, &record)?;
        Some(framed(event, outer))
    }

    fn instant(&mut self, written: &str) -> Result<Clock, RejectReason> {
        match &self.clock {
            Some((before, clock)) if before == written => Ok(*clock),
            _ => {
                let clock = frame::instant(written, &self.context.time_zone, self.context.modified)?;
                self.clock = Some((written.to_owned(), clock));
                Ok(clock)
            }
        }
    }

    /// The frame under its own names; the message stands in its column.
    fn fields(&self, frame: &Frame<'_>) -> Fields {
        let text = |text| Json::Text(Cow::Borrowed(text));
        let mut fields = Object::with_capacity(10);
        fields.push("timestamp".into(), text(frame.timestamp));
        if let Some(pri) = frame.pri {
            let facility = FACILITIES.get(usize::from(pri / 8));
            fields.push("pri".into(), Json::Number(pri.into()));
            fields.push("facility".into(), facility.map_or(Json::Null, |name| text(name)));
            fields.push("severity".into(), text(SEVERITIES[usize::from(pri % 8)]));
        }
        if let Some(level) = frame.level {
            let level = Json::Text(Cow::Owned(level.to_ascii_lowercase()));
            fields.insert("severity".into(), level);
        }
        for (name, value) in [
            ("version", frame.version),
            ("hostname", frame.hostname),
            ("program", frame.program),
            ("pid", frame.pid),
            ("msgid", frame.msgid),
        ] {
            if let Some(value) = value {
                fields.push(name.into(), text(value));
            }
        }
        let mut fields = fields.kept(192);
        if !frame.data.is_empty() {
            fields.put("structured_data", self.structured(frame));
        }
        fields
    }

    fn structured(&self, frame: &Frame<'_>) -> Value {
        let mut data = Map::new();
        for element in &frame.data {
            let params = element.params.iter().map(|(name, value)| {
                let is_secret = Keys::is_secret_name(name);
                let keys = &self.context.keys;
                let value = if is_secret {
                    keys.fingerprint(value).into()
                } else {
                    redact::text(keys, value)
                };
                ((*name).to_owned(), json!(value))
            });
            data.insert(element.id.to_owned(), Value::Object(params.collect()));
        }
        Value::Object(data)
    }

    /// What the log itself says is missing before this record.
    fn note_losses(&mut self, frame: &Frame<'_>, n_repeated: u64, event: &Event, out: &mut Output) {
        let since = self.last.unwrap_or(event.time);
        if n_repeated > 1 {
            let why = format!("a message came {n_repeated} times and was logged once");
            lose(event, since, Some(n_repeated - 1), &why, out);
        }
        if is_cut(frame.program.unwrap_or(""), frame.message) {
            out.losses.push(Loss {
                source: windows::SOURCE.to_owned(),
                host: event.host.clone(),
                span: event.when(),
                at_most: Some(1),
                why: "an event of Sysmon was cut off".to_owned(),
            });
        }
        if let Some((n, why)) = admitted(frame.program, frame.message) {
            lose(event, since, n, why, out);
        }
        if admits_audit(frame.program, frame.message) {
            let span = Span::new(since.min(event.time), event.when().until);
            out.losses.push(Loss {
                source: linux_auditd::SOURCE.to_owned(),
                host: event.host.clone(),
                span,
                at_most: None,
                why: "audit records were dropped".to_owned(),
            });
        }
        let Some(number) = sequence(frame) else { return };
        let host = event.host.clone().unwrap_or_default();
        let is_new = !self.sequences.contains_key(&host);
        if is_new && (self.sequences.len() >= MOST_HOSTS || host.len() > LONGEST_HOST) {
            return;
        }
        if let Some((last, at)) = self.sequences.insert(host, (number, event.time))
            && number > last.saturating_add(1)
        {
            lose(
                event,
                at,
                u64::try_from(number - last - 1).ok(),
                "the sender's sequenceId leaves numbers out",
                out,
            );
        }
    }
}

/// The event of a message that is a record of another format, with the frame around it.
fn framed(mut event: Event, outer: &Event) -> Event {
    event.host = outer.host.clone().or(event.host);
    let frame = Value::Object((*outer.fields).clone());
    event.fields.insert("syslog".to_owned(), frame);
    event
}

/// Whose record it was is not known: every source that this stream feeds has lost some.
fn lose(event: &Event, since: Timestamp, at_most: Option<u64>, why: &str, out: &mut Output) {
    let span = Span::new(since.min(event.time), event.when().until);
    for source in [SOURCE, sshd::SOURCE] {
        out.losses.push(Loss {
            source: source.to_owned(),
            host: event.host.clone(),
            span,
            at_most,
            why: why.to_owned(),
        });
    }
}

/// `meta sequenceId`, by which a sender numbers its messages.
fn sequence(frame: &Frame<'_>) -> Option<i64> {
    let meta = frame.data.iter().find(|element| element.id == "meta")?;
    meta.params
        .iter()
        .find(|(name, _)| *name == "sequenceId")?
        .1
        .parse()
        .ok()
}

/// `message repeated 3 times: [ …]`: the message itself, and how often.
fn repeated(message: &str) -> (&str, u64) {
    // Two blanks stand before what rsyslog says of itself.
    let trimmed = message.trim_start();
    let found = trimmed.strip_prefix("message repeated ").and_then(|rest| {
        let (n, rest) = rest.split_once(" times: [")?;
        Some((
            rest.strip_suffix(']').unwrap_or(rest).trim_start(),
            n.parse().ok()?,
        ))
    });
    found.unwrap_or((message, 1))
}

/// Programs that count what they drop.
const COUNTERS: &[&str] = &[
    "rsyslogd",
    "syslogd",
    "syslog-ng",
    "systemd-journald",
    "systemd-journal",
    "journal",
    "kernel",
    "imjournal",
];

/// Phrases with which they say so; the number stands in the sentence.
const ADMISSIONS: &[(&str, &str)] = &[
    ("last message repeated ", "the last message was repeated"),
    ("due to rate-limiting", "messages were dropped by rate limiting"),
    ("Suppressed ", "messages were suppressed by rate limiting"),
    (
        "callbacks suppressed",
        "kernel messages were suppressed by rate limiting",
    ),
    ("Missed ", "kernel messages were missed"),
    (" missed ", "messages were missed"),
    ("messages lost", "messages were lost"),
];

/// Phrases by which the kernel and the audit daemon say that audit records were dropped. The kernel's number
/// counts all since its start.
const AUDIT_ADMISSIONS: &[&str] = &[
    "audit_lost=",
    "audit: backlog limit exceeded",
    "queue is full",
    "queue to plugins is full",
];

/// Whether audit records are said to be lost.
fn admits_audit(program: Option<&str>, message: &str) -> bool {
    program.is_some_and(|program| AUDIT.contains(&program))
        && AUDIT_ADMISSIONS.iter().any(|phrase| message.contains(phrase))
}

/// Whether a line in a frame says that audit records were lost.
pub fn admits_audit_loss(line: &str) -> bool {
    AUDIT_ADMISSIONS.iter().any(|phrase| line.contains(phrase))
        && frame::parse(line).is_ok_and(|frame| admits_audit(frame.program, frame.message))
}

/// How many messages the syslog machinery says it dropped.
#[must_use]
pub fn admitted(program: Option<&str>, message: &str) -> Option<(Option<u64>, &'static str)> {
    let is_last = message.starts_with("last message repeated ") || program == Some("last");
    let is_counter = program.is_some_and(|p| COUNTERS.contains(&p)) || is_last;
    let (_, why) = ADMISSIONS
        .iter()
        .find(|(phrase, _)| is_counter && message.contains(phrase))?;
    let words = message.split(|c: char| !c.is_ascii_alphanumeric());
    let number = words.filter_map(|w| w.parse::<u64>().ok()).next();
    let is_pid = message.contains("begins to drop");
    Some((number.filter(|_| !is_pid), why))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ambit_event::Outcome;

    fn decode(text: &str) -> (Event, Vec<Loss>) {
        let mut context = Context::bare(Keys::derive(&[7; 32]));
        context.modified = Timestamp::parse("2014-06-01T00:00:00Z").ok();
        let mut out = Output::default();
        let record = RawRecord {
            bytes: text.as_bytes(),
            offset: 0,
            line: 1,
        };
        Syslog
            .decoder(&context)
            .unwrap()
            .decode(&record, &mut out)
            .unwrap();
        (out.events.remove(0), out.losses)
    }

    #[test]
    fn sshd_within_syslog_is_sshd() {
        let (event, _) = decode(
            "May 23 10:00:00 bastion sshd[42]: Accepted password for alice from 192.0.2.7 port 4711 ssh2",
        );
        assert_eq!((event.source.as_str(), event.outcome), ("sshd", Outcome::Success));
        assert_eq!(event.connection.as_deref(), Some("bastion:sshd:42"));
        assert_eq!(event.actor_realm.as_deref(), Some("host"));
        let (event, _) = decode(
            "<86>May 23 10:00:00 bastion sudo: pam_unix(sudo:session): session opened for user root by alice(uid=1)",
        );
        assert_eq!(
            (event.source.as_str(), event.activity.as_deref()),
            ("syslog", Some("Logon"))
        );
        assert_eq!(event.field("facility").as_deref(), Some("authpriv"));
    }

    #[test]
    fn audit_records_within_syslog_are_audit_records() {
        let (event, _) = decode(
            "May 23 10:00:00 bastion audispd: node=x type=USER_CMD msg=audit(1.5:7): auid=1000 ses=3 msg='cmd=\"id\" res=success'",
        );
        assert_eq!(
            (event.source.as_str(), event.resource.as_deref()),
            ("linux_auditd", Some("id"))
        );
        assert_eq!(event.host.as_deref(), Some("bastion"));
        assert_eq!(
            (event.sequence, event.field("syslog.program").as_deref()),
            (None, Some("audispd"))
        );
    }

    #[test]
    fn repetitions_and_admitted_drops_are_losses() {
        let (event, losses) = decode(
            "May 23 10:00:00 b sshd[4]: message repeated 3 times: [ Failed password for root from 192.0.2.7 port 4 ssh2]",
        );
        assert_eq!(event.src_ip.as_deref(), Some("192.0.2.7"));
        assert_eq!(
            losses.iter().map(|l| l.at_most).collect::<Vec<_>>(),
            [Some(2), Some(2)]
        );
        for (text, n) in [
            (
                "May 23 10:00:00 b rsyslogd: imuxsock lost 253 messages from pid 17 due to rate-limiting",
                Some(253),
            ),
            (
                "May 23 10:00:00 b rsyslogd: imuxsock[pid 17]: begins to drop messages due to rate-limiting",
                None,
            ),
            (
                "May 23 10:00:00 b kernel: [ 7.1] audit: audit_lost=5 audit_rate_limit=0 audit_backlog_limit=64",
                None,
            ),
            (
                "May 23 10:00:00 b systemd-journald[9]: Suppressed 12 messages from sshd.service",
                Some(12),
            ),
        ] {
            assert_eq!(decode(text).1.first().map(|l| l.at_most), Some(n), "{text}");
        }
        assert!(
            decode("May 23 10:00:00 b app: Suppressed 12 messages")
                .1
                .is_empty()
        );
    }
}
