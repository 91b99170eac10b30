//! PostgreSQL's log with pgaudit.

mod audit;
mod entry;
mod handed;
mod mapping;
mod message;
mod session;
mod sql;
mod stderr;
mod time;

pub use handed::{Frame, Handed, is_program};
pub use mapping::SOURCE;

use crate::{Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample};
use ambit_event::{Event, EventId, Provenance, Span, Timestamp};
use entry::{Entry, Part};
use mapping::Numbering;
use message::Said;
use serde_json::Value;
use session::{Sessions, Step};
use std::sync::Arc;
use time::Clock;

const MANUAL: &str = include_str!("manual.txt");

/// `log_destination = csvlog`
pub struct Csvlog;
/// `log_destination = jsonlog` (15 and later)
pub struct Jsonlog;
/// `log_destination = stderr`, with any `log_line_prefix`
pub struct Stderr;

impl Format for Csvlog {
    fn name(&self) -> &str {
        "postgresql_csvlog"
    }

    fn source(&self) -> &str {
        mapping::SOURCE
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        if sample.first().is_some_and(begins_csvlog) {
            Confidence(95)
        } else {
            Confidence::NONE
        }
    }

    fn framing(&self) -> Framing {
        Framing::Csv
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Postgresql::new(context, Form::Csv)))
    }
}

impl Format for Jsonlog {
    fn name(&self) -> &str {
        "postgresql_jsonlog"
    }

    fn source(&self) -> &str {
        mapping::SOURCE
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let has = |line: &[u8], name: &[u8]| memchr::memmem::find(line, name).is_some();
        let percent = sample.percent(|line| {
            line.starts_with(b"{") && has(line, b"\"error_severity\":") && has(line, b"\"timestamp\":")
        });
        Confidence::share(95, percent)
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Postgresql::new(context, Form::Json)))
    }
}

impl Format for Stderr {
    fn name(&self) -> &str {
        "postgresql_stderr"
    }

    fn source(&self) -> &str {
        mapping::SOURCE
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let is_headed = sample
            .lines
            .iter()
            .any(|line| !line.starts_with(b"\t") && stderr::looks_like(line));
        if !is_headed {
            return Confidence::NONE;
        }
        Confidence::share(85, sample.percent(stderr::looks_like))
    }

    fn framing(&self) -> Framing {
        Framing::Blocks(Arc::new(stderr::begins))
    }

    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let lines = stderr::Lines::new(context.log_format.as_deref())?;
        Ok(Box::new(Postgresql::new(context, Form::Stderr(Box::new(lines)))))
    }
}

/// Whether a line begins a record of the CSV log: `2014-05-23 10:00:00.123 UTC,"app","music",4711,…`, a time and then at
/// least six columns.
fn begins_csvlog(line: &[u8]) -> bool {
    let digits = line.iter().take(19).filter(|b| b.is_ascii_digit()).count();
    let comma = memchr::memchr(b',', line).unwrap_or(usize::MAX);
    digits == 14
        && line.get(4) == Some(&b'-')
        && line.get(13) == Some(&b':')
        && comma < 64
        // Times of other logs stand before JSON; the name that follows here is quoted or empty.
        && matches!(line.get(comma + 1), Some(b'"' | b','))
        && !line[..comma].contains(&b'{')
        && memchr::memchr_iter(b',', line).count() > 12
}

enum Form {
    Csv,
    Json,
    Stderr(Box<stderr::Lines>),
}

/// What the host's log says of a message that it brings.
struct Outer {
    at: Timestamp,
    precision: i64,
    host: Option<String>,
    /// The session's process.
    pid: Option<i64>,
    id: EventId,
    /// The frame's own fields, under their name.
    frame: (&'static str, Value),
    raw: Vec<u8>,
}

impl Outer {
    /// Sets what the frame tells. Many hosts may write to one log: a process is known by its host too.
    fn dress(&self, event: &mut Event, entry: &Entry<'_>) {
        let host = self.host.as_deref().unwrap_or("");
        event.id = self.id;
        event.connection = entry.opt(Part::SessionId).map(ToOwned::to_owned).or_else(|| {
            let pid = entry.opt(Part::Pid)?;
            Some(format!("{host}:postgres:{pid}"))
        });
        event.fields.insert(self.frame.0.to_owned(), self.frame.1.clone());
    }
}

/// Decodes the three forms of the log.
struct Postgresql {
    context: Context,
    clock: Clock,
    form: Form,
    sessions: Sessions,
    span: Option<Span>,
    /// Around the message at hand.
    outer: Option<Outer>,
}

impl Postgresql {
    fn new(context: &Context, form: Form) -> Self {
        let clock = Clock::new(context.time_zone.clone());
        Self {
            context: context.clone(),
            clock,
            form,
            sessions: Sessions::default(),
            span: None,
            outer: None,
        }
    }

    fn entry<'t>(&mut self, text: &'t str) -> Result<Entry<'t>, RejectReason> {
        match &mut self.form {
            Form::Csv => entry::parse_csv(text, &mut self.clock),
            Form::Json => entry::parse_json(text, &mut self.clock),
            Form::Stderr(lines) => {
                let received = self.outer.as_ref().map(|outer| (outer.at, outer.precision));
                let mut entry = entry::checked(lines.parse(text)?, &mut self.clock, received)?;
                let pid = self.outer.as_ref().and_then(|outer| outer.pid);
                if let Some(pid) = pid.filter(|_| entry.opt(Part::Pid).is_none()) {
                    entry.set(Part::Pid, pid.to_string());
                }
                Ok(entry)
            }
        }
    }

    /// By what the records of a session are known; empty where nothing ties them together.
    fn key(&self, entry: &Entry<'_>) -> String {
        let session = entry.opt(Part::SessionId).or_else(|| entry.opt(Part::Pid));
        let session = session.filter(|key| key.len() <= session::LONGEST_NAME);
        let host = self.outer.as_ref().and_then(|outer| outer.host.as_deref());
        match (session, host) {
            (Some(session), Some(host)) => format!("{host}:{session}"),
            (session, _) => session.unwrap_or("").to_owned(),
        }
    }

    const fn numbering(&self) -> Numbering {
        match self.form {
            Form::Csv | Form::Json => Numbering::PerRecord,
            Form::Stderr(_) => Numbering::PerLine,
        }
    }

    /// Lines of the session that should stand before this record and do not.
    fn note_missing_lines(&mut self, key: &str, entry: &Entry<'_>, out: &mut Output) {
        if self.numbering() == Numbering::PerRecord || key.is_empty() {
            return;
        }
        if let Some((n, since)) = self.sessions.missing_lines(key, entry) {
            let why = format!("the line numbers of session {key} leave out {n}");
            out.lose(
                Span::new(since, entry.at.plus_nanos(1)),
                u64::try_from(n).ok(),
                why,
            );
        }
    }
}

impl Decoder for Postgresql {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let entry = self.entry(&text)?;
        let message = entry.get(Part::Message);
        let audit = audit::parse(message)?;
        let said = if audit.is_some() {
            Said::Other
        } else {
            message::read(message)
        };
        let step = audit.as_ref().map_or(Step::Said(&said), Step::Audit);

        let key = self.key(&entry);
        let outer = self.outer.take();
        let named = outer.as_ref().and_then(|outer| outer.host.as_deref());
        let host = named.or(self.context.host.as_deref());
        let keys = &self.context.keys;
        let mut event = mapping::base(&entry, self.sessions.client(&key), host, self.numbering());
        let mut fields = mapping::fields(&entry, keys);
        let began = match &step {
            Step::Audit(audit) => {
                let previous = self.sessions.previous(&key, audit);
                let text = match (&*audit.statement, previous) {
                    (audit::PREVIOUSLY_LOGGED, previous) => previous.map_or("", |p| p.statement.as_str()),
                    (audit::NOT_LOGGED, _) => "",
                    (text, _) => text,
                }
                .to_owned();
                mapping::set_audit(&mut event, &mut fields, audit, previous, keys);
                Some(text)
            }
            Step::Said(said) => {
                mapping::set_message(&mut event, &mut fields, &entry, said, keys);
                match said {
                    Said::Statement { text, took: None, .. } => Some((*text).to_owned()),
                    _ => None,
                }
            }
        };
        event.fields = fields.kept(record.bytes.len());
        if let Some(outer) = &outer {
            outer.dress(&mut event, &entry);
        }
        let is_held = began.is_some() && !key.is_empty();
        if is_held || outer.is_some() {
            event.raw = outer.map_or_else(|| record.bytes.to_vec(), |outer| outer.raw);
            event.provenance = Provenance {
                offset: record.offset,
                length: event.raw.len() as u64,
                line: record.line,
                ..Provenance::default()
            };
        }
        self.span = Some(self.span.unwrap_or(event.when()).hull(event.when()));
        self.note_missing_lines(&key, &entry, out);
        self.sessions.settle(&key, &entry, &step, out);
        self.sessions.remember(&key, &step);
        match began {
            Some(text) if is_held => self.sessions.hold(&key, event, &text, &entry, &step, out),
            // Nothing ties the records of a session together: how the statement ended is not known.
            Some(_) => {
                event.outcome = ambit_event::Outcome::Unknown;
                out.push(event);
            }
            None => out.push(event),
        }
        self.sessions.bound(out);
        Ok(())
    }

    fn held_from(&self) -> Option<u64> {
        self.sessions.held_from()
    }

    fn holds(&self, offset: u64) -> bool {
        self.sessions.holds(offset)
    }

    fn finish(&mut self, out: &mut Output) {
        let n_evicted = self.sessions.finish(out);
        if let Some(span) = self.span.filter(|_| n_evicted > 0) {
            let why =
                format!("{n_evicted} statements were given out before their end was known: too many at once");
            out.lose(span, Some(0), why);
        }
    }
}
