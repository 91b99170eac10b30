//! Events of Sysmon for Linux: the journal keeps their XML as messages.

use crate::formats::windows;
use crate::{Context, Decoder, Error, Format, Output, RawRecord};
use ambit_event::{Event, Fields, Loss, Span};
use serde_json::Value;

/// The name under which Sysmon logs.
pub const PROGRAM: &str = "sysmon";

/// What a journal holds of Sysmon.
pub struct Sysmon {
    decoder: Box<dyn Decoder>,
    is_seen: bool,
    /// What the journal had lost before anything showed that Sysmon runs on its host.
    before: Option<Loss>,
}

impl Sysmon {
    pub fn new(context: &Context) -> Result<Self, Error> {
        Ok(Self {
            decoder: windows::Xml.decoder(context)?,
            is_seen: false,
            before: None,
        })
    }

    /// The event that a message holds, with the journal's entry under `fields.journal`; `None` where it holds none.
    pub fn event(&mut self, message: &str, entry: &Event) -> Option<Event> {
        self.is_seen = true;
        if !message.starts_with('<') {
            return None;
        }
        let record = RawRecord {
            bytes: message.as_bytes(),
            offset: 0,
            line: 1,
        };
        let mut out = Output::default();
        self.decoder.decode(&record, &mut out).ok()?;
        let mut event = out.events.pop()?;
        event.source = windows::SOURCE.to_owned();
        event.host = entry.host.clone().or(event.host);
        event.fields.insert("journal".to_owned(), frame(&entry.fields));
        event.raw.clear();
        Some(event)
    }

    /// Events whose text is not all there: what sends them cuts long ones, and journalctl leaves them out of its
    /// JSON.
    pub fn cut(message: Option<&str>, entry: &Event) -> Option<Loss> {
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

    /// Events of Sysmon's may be among the entries that the journal lost, where Sysmon runs at all.
    pub fn losses(&mut self, lost: &[Loss]) -> Vec<Loss> {
        let lost = lost.iter().map(|loss| Loss {
            source: windows::SOURCE.to_owned(),
            ..loss.clone()
        });
        if self.is_seen {
            return self.before.take().into_iter().chain(lost).collect();
        }
        self.before = self.before.take().into_iter().chain(lost).reduce(joined);
        Vec::new()
    }
}

/// One loss for two.
fn joined(a: Loss, b: Loss) -> Loss {
    Loss {
        span: Span::new(a.span.from.min(b.span.from), a.span.until.max(b.span.until)),
        at_most: a.at_most.zip(b.at_most).map(|(a, b)| a.saturating_add(b)),
        host: a.host.filter(|host| b.host.as_ref() == Some(host)),
        ..a
    }
}

/// The entry without the message, which became the event.
fn frame(fields: &Fields) -> Value {
    let rest = fields.iter().filter(|(name, _)| *name != "MESSAGE");
    Value::Object(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
}
