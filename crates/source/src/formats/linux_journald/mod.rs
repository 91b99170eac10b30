//! systemd's journal, as journalctl gives it out.

mod entry;
mod fed;
mod numbers;
mod vouched;

use crate::formats::guests::{Guests, SYSMON};
use crate::formats::{linux_auditd, postgresql, sshd, syslog, windows};
use crate::json::{self, Object};
use crate::redact::{self, Redactor};
use crate::time::{self, Clock};
use crate::{Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample};
use ambit_event::{Event, EventId, Fields, Loss, Span, Timestamp, printable};
use fed::Fed;
use numbers::{Numbers, Place};
use serde_json::Value;
use std::sync::Arc;

/// The source of what no decoder of its own reads.
pub const SOURCE: &str = "linux_journald";

const MANUAL: &str = include_str!("manual.txt");

/// `journalctl -o export`
pub struct Export;
/// `journalctl -o json`
pub struct JsonLines;

impl Format for Export {
    fn name(&self) -> &str {
        "linux_journald_export"
    }

    fn source(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_cursor = |line: &[u8]| line.starts_with(b"__CURSOR=");
        let is_time = |line: &[u8]| line.starts_with(b"__REALTIME_TIMESTAMP=");
        let is_head = sample
            .first()
            .is_some_and(|line| is_cursor(line) || is_time(line));
        match is_head && sample.lines.iter().any(|line| is_time(line)) {
            true => Confidence(98),
            false => Confidence::NONE,
        }
    }

    fn framing(&self) -> Framing {
        Framing::Fields
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Journal::new(context, Form::Export)?))
    }
}

impl Format for JsonLines {
    fn name(&self) -> &str {
        "linux_journald_json"
    }

    fn source(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_entry = |line: &[u8]| {
            let has_time = memchr::memmem::find(line, b"\"__REALTIME_TIMESTAMP\"").is_some();
            has_time && entry::object(&json::text(line)).is_ok_and(|fields| is_entry(&fields))
        };
        Confidence::share(96, sample.percent_of(&self.framing(), is_entry))
    }

    fn framing(&self) -> Framing {
        Framing::Json(Arc::new(is_entry))
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Journal::new(context, Form::Json)?))
    }
}

fn is_entry(fields: &Object<'_>) -> bool {
    fields.contains_key("__REALTIME_TIMESTAMP")
}

#[derive(Clone, Copy)]
enum Form {
    Export,
    Json,
}

struct Journal {
    context: Context,
    redactor: Redactor,
    form: Form,
    numbers: Numbers,
    guests: Guests,
    servers: postgresql::Handed,
    fed: Fed,
    last: Option<Timestamp>,
}

impl Journal {
    fn new(context: &Context, form: Form) -> Result<Self, Error> {
        Ok(Self {
            context: context.clone(),
            redactor: linux_auditd::redactor(context),
            form,
            numbers: Numbers::default(),
            guests: Guests::new(context)?,
            servers: postgresql::Handed::new(context),
            fed: Fed::default(),
            last: None,
        })
    }

    /// The event of an entry, if it is not held back, and what is said to be missing.
    fn event(
        &mut self,
        mut fields: Object<'_>,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> Result<(Option<Event>, Vec<Loss>), RejectReason> {
        let get = |name: &str| entry::get(&fields, name);
        let clock = instant(&fields)?;
        let mut event = Event::new(SOURCE, clock.at);
        event.precision = clock.resolution;
        event.host = get("_HOSTNAME")
            .or(self.context.host.as_deref())
            .map(str::to_owned);
        event.process_pid = get("_PID")
            .or_else(|| get("SYSLOG_PID"))
            .and_then(|pid| pid.trim().parse().ok());
        let speaker = Speaker::of(&fields);
        event.actor_service = Some(speaker.name.clone()).filter(|p| !p.is_empty());
        // What is not vouched for is no program's.
        let program = match speaker.is_vouched {
            true => speaker.name,
            false => String::new(),
        };
        event.actor_session = session(&fields).map(|session| self.context.keys.fingerprint(&session));
        let is_said = get("MESSAGE").is_some();
        let message = get("MESSAGE").unwrap_or("").to_owned();
        let keys = &self.context.keys;
        event.message = Some(redact::text(keys, &message).into_owned()).filter(|m| !m.is_empty());
        let place = Place::of(get("__SEQNUM"), get("__SEQNUM_ID"), get("__CURSOR"));
        let audit = audit(&fields, &message);
        let mut losses = self.losses(&event, &program, &message, place.as_ref());
        if program == SYSMON {
            losses.extend(self.fed.see(windows::SOURCE));
            losses.extend(cut(is_said.then_some(&*message), &event));
        }
        // What a service writes comes in as the words of the process that it began with.
        let is_session = get("_TRANSPORT") != Some("stdout");
        self.redactor.fields(&mut fields);
        event.fields = fields.kept(record.bytes.len());
        if let Some(why) = &speaker.doubt {
            event.fields.put("unvouched", why.as_str());
        }
        if let Some(guest) = self.guest(&program, &message, &event) {
            losses.extend(self.fed.see(&guest.source));
            event = guest;
            self.last = self.last.max(Some(event.time));
            return Ok((Some(named(event, place)), losses));
        }
        match audit.and_then(|text| linux_auditd::single(&text, &self.context, &mut self.redactor)) {
            Some(audited) => event = with_audit(event, audited),
            None if !speaker.is_vouched => event.class = Some("base_event".to_owned()),
            None => syslog::interpret(&mut event, &program, &message, &self.context.keys),
        }
        let event = named(event, place);
        self.last = self.last.max(Some(event.time));
        if !postgresql::is_program(&program) {
            return Ok((Some(event), losses));
        }
        losses.extend(self.fed.see(postgresql::SOURCE));
        let handed = postgresql::Frame {
            fields: frame(&event.fields),
            plain: event,
            name: "journal",
            is_session,
        };
        Ok((self.servers.take(handed, &message, record, out), losses))
    }

    /// The record of a format of its own that a message is, with the journal's entry under `fields.journal`.
    fn guest(&mut self, program: &str, message: &str, entry: &Event) -> Option<Event> {
        let text = match program {
            SYSMON => message,
            _ => syslog::first_line(message),
        };
        let record = RawRecord {
            bytes: text.as_bytes(),
            offset: 0,
            line: 1,
        };
        let mut event = self.guests.event(program, &record)?;
        event.host = entry.host.clone().or(event.host);
        event.fields.insert("journal".to_owned(), frame(&entry.fields));
        Some(event)
    }

    /// What the journal says is missing before this entry, or at all.
    fn losses(&mut self, event: &Event, program: &str, message: &str, place: Option<&Place>) -> Vec<Loss> {
        let numbered = place.and_then(|place| self.numbers.add(place, event.time, event.host.as_deref()));
        let said = syslog::admitted(Some(program), message).map(|(at_most, why)| {
            let since = self.last.unwrap_or(event.time);
            Loss {
                source: String::new(),
                host: event.host.clone(),
                span: Span::new(since.min(event.time), event.when().until),
                at_most,
                why: why.to_owned(),
            }
        });
        self.shared(numbered.into_iter().chain(said).collect())
    }

    /// Whose entries are missing is not known: each source that a journal feeds has lost some.
    fn shared(&mut self, losses: Vec<Loss>) -> Vec<Loss> {
        let of_guests = self.fed.losses(&losses);
        let of = |loss: &Loss, source: &str| Loss {
            source: source.to_owned(),
            ..loss.clone()
        };
        let both = losses
            .iter()
            .flat_map(|loss| [of(loss, SOURCE), of(loss, sshd::SOURCE)]);
        both.chain(of_guests).collect()
    }
}

/// An entry goes by its place in the journal, a record of a format of its own by the name that it has there.
fn named(mut event: Event, place: Option<Place>) -> Event {
    if let Some(place) = place.filter(|_| event.id == EventId::default()) {
        let host = event.host.as_deref().unwrap_or("");
        event.id = EventId::native(SOURCE, host, &format!("{}:{}", place.journal, place.number));
    }
    event
}

/// Events of Sysmon's whose text is not all there: what sends them cuts long ones, and journalctl leaves them out
/// of its JSON.
fn cut(message: Option<&str>, entry: &Event) -> Option<Loss> {
    let why = match message {
        None => "an event of Sysmon was too long for journalctl: export with --all",
        Some(text) if windows::is_cut(text) => "an event of Sysmon was cut off",
        Some(_) => return None,
    };
    Some(Loss {
        source: windows::SOURCE.to_owned(),
        host: entry.host.clone(),
        span: entry.when(),
        at_most: Some(1),
        why: why.to_owned(),
    })
}

/// The entry without the message, which became an event.
fn frame(fields: &Fields) -> Value {
    let rest = fields.iter().filter(|(name, _)| *name != "MESSAGE");
    Value::Object(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
}

impl Decoder for Journal {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text;
        let fields = match self.form {
            Form::Export => entry::export(record)?,
            Form::Json => {
                text = record.lossy();
                entry::object(&text)?
            }
        };
        let (event, losses) = self.event(fields, record, out)?;
        out.losses.extend(losses);
        out.events.extend(event);
        Ok(())
    }

    fn held_from(&self) -> Option<u64> {
        self.servers.held_from()
    }

    fn finish(&mut self, out: &mut Output) {
        self.servers.finish(out);
        let lost = self.numbers.finish();
        out.losses.extend(self.shared(lost));
    }
}

/// When it happened: the journal's clock when the entry came in, or the sender's as the kernel passed it on,
/// where that is earlier.
fn instant(fields: &Object<'_>) -> Result<Clock, RejectReason> {
    const NAME: &str = "__REALTIME_TIMESTAMP";
    const MICROSECOND: i64 = 1000;
    let read = |text: &str| time::parse_epoch_in(text, MICROSECOND);
    let written =
        entry::get(fields, NAME).ok_or_else(|| RejectReason::field(NAME, "the entry has no time"))?;
    let received = read(written).ok_or_else(|| {
        RejectReason::field(
            NAME,
            format!("`{}` is no microseconds since 1970", printable(written, 40)),
        )
    })?;
    let sent = entry::get(fields, "_SOURCE_REALTIME_TIMESTAMP").and_then(read);
    Ok(match sent.filter(|sent| sent.at < received.at) {
        Some(sent) => {
            let doubt = received.at.0.saturating_sub(sent.at.0);
            Clock::new(sent.at, doubt.saturating_add(received.resolution))
        }
        None => received,
    })
}

/// The program that speaks.
struct Speaker {
    name: String,
    /// Whether what it says may be taken for what it says.
    is_vouched: bool,
    doubt: Option<String>,
}

impl Speaker {
    /// Any process can give itself a name in what it says. One that counts (whose sentences are read) must at least
    /// be that of the process, where this is told; what more it takes `vouched` says.
    fn of(fields: &Object<'_>) -> Self {
        let get = |name: &str| entry::get(fields, name);
        let own = get("SYSLOG_IDENTIFIER");
        let known = get("_COMM");
        let is_kernel = get("_TRANSPORT") == Some("kernel");
        let (name, other) = match (own, known) {
            _ if is_kernel => (Some("kernel"), None),
            (Some(own), Some(known)) if vouched::counts(own) && !bears_out(known, own) => (
                Some(known),
                Some(format!(
                    "it names itself {}, and _COMM is another",
                    printable(own, 40)
                )),
            ),
            (Some(own), _) => (Some(own), None),
            (None, known) => (known.or_else(|| get("_SYSTEMD_UNIT")), None),
        };
        let name = name.unwrap_or("");
        let message = syslog::first_line(get("MESSAGE").unwrap_or(""));
        let unvouched = vouched::doubt(fields, name, message);
        Self {
            name: name.to_owned(),
            is_vouched: unvouched.is_none(),
            doubt: unvouched.or(other),
        }
    }
}

/// The kernel cuts names at 15 bytes.
fn bears_out(known: &str, own: &str) -> bool {
    let own = own.rsplit('/').next().unwrap_or(own);
    vouched::is_named(known, own)
        || own == known
        || known.len() == 15 && own.starts_with(known)
        || (sshd::is_program(own) || own == "internal-sftp") && sshd::is_program(known)
}

/// The kernel's session, which is one of a start of a host.
fn session(fields: &Object<'_>) -> Option<String> {
    let get = |name: &str| entry::get(fields, name);
    let session = get("_AUDIT_SESSION").filter(|s| !matches!(*s, "4294967295" | "-1"))?;
    Some(format!(
        "{}:{}:{session}",
        get("_HOSTNAME").unwrap_or(""),
        get("_BOOT_ID")?
    ))
}

/// An entry of the kernel's audit as a line of the audit log.
fn audit(fields: &Object<'_>, message: &str) -> Option<String> {
    let get = |name: &str| entry::get(fields, name);
    if get("_TRANSPORT") != Some("audit") {
        return None;
    }
    let kind = get("_AUDIT_TYPE_NAME").or_else(|| get("_AUDIT_TYPE"))?;
    let at: i64 = get("_SOURCE_REALTIME_TIMESTAMP")
        .or_else(|| get("__REALTIME_TIMESTAMP"))?
        .parse()
        .ok()?;
    let (seconds, millis) = (at.div_euclid(1_000_000), at.rem_euclid(1_000_000) / 1000);
    let body = message.strip_prefix(kind).unwrap_or(message);
    Some(format!(
        "type={kind} msg=audit({seconds}.{millis:03}:{}): {}",
        get("_AUDIT_ID")?,
        body.trim_start()
    ))
}

/// What an audit record says, in the journal's frame.
fn with_audit(event: Event, audited: Event) -> Event {
    let mut fields = event.fields;
    for (name, value) in audited.fields.iter().filter(|(name, _)| *name != "msg") {
        fields.insert(name.clone(), value.clone());
    }
    Event {
        source: event.source,
        host: event.host,
        time: event.time,
        precision: event.precision,
        message: event.message,
        actor_session: event.actor_session,
        fields,
        ..audited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_counts_must_be_borne_out() {
        for (own, known, expected) in [
            ("sshd", "sshd-session", "sshd"),
            ("sshd", "logger", "logger"),
            ("sudo", "python3", "python3"),
            ("sysmon", "python3", "python3"),
            ("useradd", "python3", "python3"),
            ("internal-sftp", "sshd-session", "internal-sftp"),
            ("app", "python3", "app"),
            ("systemd-journald", "systemd-journal", "systemd-journald"),
        ] {
            let text = format!(r#"{{"SYSLOG_IDENTIFIER":"{own}","_COMM":"{known}"}}"#);
            let fields = entry::object(&text).unwrap_or_default();
            let speaker = Speaker::of(&fields);
            assert_eq!(speaker.name, expected, "{own} {known}");
            assert_eq!(
                speaker.doubt.is_some(),
                own == "sshd" && known == "logger" || known == "python3" && own != "app"
            );
        }
    }
}
