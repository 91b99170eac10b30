//! Rows of the table from what a writer holds, and back.

use super::form::When;
use super::instants;
use super::schema::kind;
use super::template;
use crate::error::Error;
use crate::pending::settled_id;
use ambit_event::{
    Attestation, Column, ColumnKind, Event, EventId, Evidence, EvidenceId, Fields, FindingEntry,
};
use ambit_event::{Level, Loss, Noted, Outcome, Provenance, Reject, Span, Timestamp};
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::Int64Type;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

/// Where the sealed bytes of a raw record lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawRef {
    pub block: Arc<str>,
    pub start: i64,
    pub length: i64,
}

/// One row. What is no event is dressed as one, so that there is a single way to write.
pub(super) struct Row<'a> {
    pub kind: &'static str,
    pub event: Dressed<'a>,
    /// The instants that the row speaks of; `None` where it speaks of none.
    pub when: Option<Span>,
    /// The template of the fields, or the whole of what is no event, as JSON.
    pub json: String,
    pub raw: Option<RawRef>,
}

/// An event, or what is dressed as one.
pub(super) enum Dressed<'a> {
    Event(&'a Event),
    Other(Box<Event>),
}

impl Deref for Dressed<'_> {
    type Target = Event;

    fn deref(&self) -> &Event {
        match self {
            Self::Event(event) => event,
            Self::Other(event) => event,
        }
    }
}

impl<'a> Row<'a> {
    /// `template` is that of the event's fields. Where its raw record lies is told when its block is sealed.
    pub fn event(event: &'a Event, template: String) -> Self {
        Self {
            kind: kind::EVENT,
            when: Some(event.when()),
            json: template,
            event: Dressed::Event(event),
            raw: None,
        }
    }

    pub fn reject(id: EventId, reject: &Reject, end: Option<&EventId>, raw: Option<RawRef>) -> Self {
        let event = Event {
            id,
            source: reject.source.clone(),
            host: reject.host.clone(),
            resource: Some(reject.position.path.clone()),
            message: Some(reject.reason.clone()),
            operation: reject.field.clone(),
            stream: end.map(EventId::to_string),
            provenance: Provenance {
                evidence: reject.position.evidence.clone(),
                offset: reject.position.offset,
                length: reject.n_bytes,
                line: reject.position.line,
            },
            ..Event::default()
        };
        Self::side(kind::REJECT, event, reject.between, to_json(reject), raw)
    }

    pub fn loss(id: EventId, loss: &Loss, end: Option<&EventId>) -> Self {
        let event = Event {
            id,
            source: loss.source.clone(),
            host: loss.host.clone(),
            message: Some(loss.why.clone()),
            stream: end.map(EventId::to_string),
            record_count: loss.at_most.and_then(|n| i64::try_from(n).ok()),
            ..Event::default()
        };
        Self::side(kind::LOSS, event, Some(loss.span), to_json(loss), None)
    }

    pub fn attestation(id: EventId, said: &Attestation) -> Self {
        let event = Event {
            id,
            source: said.source.clone(),
            host: said.host.clone(),
            message: Some(said.because.clone()),
            ..Event::default()
        };
        Self::side(kind::ATTESTATION, event, Some(said.span), to_json(said), None)
    }

    pub fn evidence(id: EventId, evidence: &Evidence) -> Self {
        let event = Event {
            id,
            source: evidence.source.clone(),
            host: evidence.host.clone(),
            resource: Some(evidence.path.clone()),
            stream: Some(evidence.lineage.clone()),
            record_count: Some(i64::from(evidence.confidence)),
            provenance: Provenance {
                evidence: evidence.id.clone(),
                length: evidence.bytes,
                ..Provenance::default()
            },
            ..Event::default()
        };
        Self::side(kind::EVIDENCE, event, None, to_json(evidence), None)
    }

    /// That an unfinished end is known.
    pub fn unfinished(end: EventId) -> Self {
        let event = Event {
            id: end,
            ..Event::default()
        };
        Self::side(kind::UNFINISHED, event, None, "{}".to_owned(), None)
    }

    /// That an unfinished end was read on from.
    pub fn settled(end: EventId) -> Self {
        let event = Event {
            id: settled_id(end),
            stream: Some(end.to_string()),
            ..Event::default()
        };
        Self::side(kind::SETTLED, event, None, "{}".to_owned(), None)
    }

    /// What was noted of a finding. Its id stands in the stream, that which it withdraws in the connection.
    pub fn noted(id: EventId, noted: &Noted) -> Self {
        let (before, rule) = match &noted.entry {
            FindingEntry::Raised { finding } => (None, &finding.rule_id),
            FindingEntry::Corrected { before, finding } => (Some(before), &finding.rule_id),
            FindingEntry::Withdrawn { before, rule_id } => (Some(before), rule_id),
        };
        let finding = noted.finding();
        let event = Event {
            id,
            source: finding.map(|finding| finding.source.clone()).unwrap_or_default(),
            host: finding.and_then(|finding| finding.host.clone()),
            stream: finding.map(|finding| finding.id.to_string()),
            connection: before.map(ToString::to_string),
            operation: Some(rule.clone()),
            message: finding.map(|finding| finding.title.clone()),
            status_code: finding
                .and_then(|finding| finding.level)
                .map(|level: Level| level.to_string()),
            record_count: finding.and_then(|finding| i64::try_from(finding.n_events).ok()),
            ..Event::default()
        };
        let when = finding.map(|finding| Span::new(finding.time, finding.until.plus_nanos(1)));
        Self::side(kind::NOTED, event, when, to_json(noted), None)
    }

    /// What a commit says in sum, as JSON.
    pub fn commit(json: String) -> Self {
        Self::side(kind::COMMIT, Event::default(), None, json, None)
    }

    fn side(kind: &'static str, event: Event, when: Option<Span>, json: String, raw: Option<RawRef>) -> Self {
        Self {
            kind,
            event: Dressed::Other(Box::new(event)),
            when,
            json,
            raw,
        }
    }
}

/// Values of this crate's own types always have a JSON form.
pub(super) fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// Whole microseconds, rounded up.
pub(super) const fn micros_up(nanos: i64) -> i64 {
    nanos.div_euclid(1000) + (nanos.rem_euclid(1000) > 0) as i64
}

/// The columns that an event is rebuilt from.
pub(super) fn event_columns() -> Vec<&'static str> {
    let own = ["id", "fields", "evidence"];
    let places = ["record_offset", "record_length", "record_line"];
    let own = own.into_iter().chain(instants::COLUMNS).chain(places);
    own.chain(Column::ALL.iter().map(|c| c.name())).collect()
}

/// Rebuilds the events of a batch that has all of [`event_columns`].
pub(super) fn decode(batch: &RecordBatch, table: &Path) -> Result<Vec<Event>, Error> {
    let cells = Cells { batch, table };
    let mut events = Vec::with_capacity(batch.num_rows());
    let (ids, fields, evidence) = (
        cells.texts("id")?,
        cells.texts("fields")?,
        cells.texts("evidence")?,
    );
    let (times, precisions) = (cells.begins()?, cells.integers("precision_ns")?);
    let (offsets, lengths) = (cells.integers("record_offset")?, cells.integers("record_length")?);
    let lines = cells.integers("record_line")?;
    for row in 0..batch.num_rows() {
        events.push(Event {
            id: EventId::parse(ids.value(row)).map_err(|e| cells.damaged(&e.to_string()))?,
            time: Timestamp(times.value(row)),
            precision: precisions.value(row),
            provenance: Provenance {
                evidence: EvidenceId(evidence.value(row).to_owned()),
                offset: offsets.value(row).cast_unsigned(),
                length: lengths.value(row).cast_unsigned(),
                line: lines.value(row).cast_unsigned(),
            },
            ..Event::default()
        });
    }
    for &column in Column::ALL {
        cells.fill(column, &mut events)?;
    }
    for (row, event) in events.iter_mut().enumerate() {
        let held = |column| template::held(event, column);
        let filled = template::fill(fields.value(row), When::from(&*event), held);
        let filled = filled.ok_or_else(|| cells.damaged("fields name a column that holds nothing"))?;
        event.fields = Fields::parse(&filled).map_err(|e| cells.damaged(&e.to_string()))?;
    }
    Ok(events)
}

/// Typed access to a batch, with errors that name the column.
pub(super) struct Cells<'a> {
    pub batch: &'a RecordBatch,
    /// The folder of the table, for messages.
    pub table: &'a Path,
}

impl<'a> Cells<'a> {
    pub fn texts(&self, name: &str) -> Result<&'a StringViewArray, Error> {
        let array = self.column(name)?.as_string_view_opt();
        array.ok_or_else(|| self.damaged(&format!("column `{name}` is no text")))
    }

    pub fn integers(&self, name: &str) -> Result<&'a Int64Array, Error> {
        let array = self.column(name)?.as_primitive_opt::<Int64Type>();
        array.ok_or_else(|| self.damaged(&format!("column `{name}` is no number")))
    }

    /// When the events happened at the earliest, nanoseconds.
    pub fn begins(&self) -> Result<Int64Array, Error> {
        instants::begins(self.batch).ok_or_else(|| self.damaged("there are no times"))
    }

    fn lists(&self, name: &str) -> Result<&'a ListArray, Error> {
        self.column(name)?
            .as_list_opt()
            .ok_or_else(|| self.damaged(&format!("column `{name}` is no list")))
    }

    fn column(&self, name: &str) -> Result<&'a ArrayRef, Error> {
        self.batch
            .column_by_name(name)
            .ok_or_else(|| self.damaged(&format!("there is no column `{name}`")))
    }

    pub fn damaged(&self, what: &str) -> Error {
        Error::Damaged {
            path: self.table.to_owned(),
            what: what.to_owned(),
        }
    }

    fn fill(&self, column: Column, events: &mut [Event]) -> Result<(), Error> {
        match column.kind() {
            ColumnKind::Text => {
                let values = self.texts(column.name())?;
                for (event, value) in events.iter_mut().zip(values) {
                    set_text(event, column, value);
                }
            }
            ColumnKind::Integer => {
                let values = self.integers(column.name())?;
                for (event, value) in events.iter_mut().zip(values) {
                    event.set_integer(column, value);
                }
            }
            ColumnKind::TextList => {
                let values = self.lists(column.name())?;
                for (event, value) in events.iter_mut().zip(values.iter()) {
                    if let Some(value) = value {
                        event.set_list(column, strings(&value));
                    }
                }
            }
        }
        Ok(())
    }
}

fn set_text(event: &mut Event, column: Column, value: Option<&str>) {
    match (column, value) {
        (_, None) => {}
        (Column::Outcome, Some(name)) => event.outcome = Outcome::parse(name).unwrap_or_default(),
        (_, Some(value)) => event.set_text(column, Some(value.to_owned())),
    }
}

fn strings(array: &ArrayRef) -> Vec<String> {
    let texts = array.as_string_view_opt().into_iter().flatten();
    texts.map(|text| text.unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::columns::encode;
    use super::super::leaves::leaves;
    use super::*;
    use datafusion::arrow::array::TimestampMicrosecondArray;
    use serde_json::Value;

    fn encoded(events: &[&Event]) -> RecordBatch {
        let mut templates = template::Writer::default();
        let written = events.iter().map(|event| {
            let fields = event.fields.to_json();
            Row::event(event, templates.write(event, &fields, leaves(&fields)))
        });
        encode(&written.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        let mut event = Event::new("nginx_access", Timestamp(-1));
        for &column in Column::ALL {
            event.set_text(column, Some(format!("{column} ü")));
            event.set_integer(column, Some(i64::MIN));
            event.set_list(column, vec![String::new(), "b".into()]);
        }
        event.outcome = Outcome::Aborted;
        event.precision = 1_500;
        event.fields = serde_json::json!({"a": {"b": [1, 0.25, null]}, "c": "\"\u{1}"})
            .as_object()
            .unwrap()
            .clone()
            .into();
        event.provenance.offset = u64::MAX;
        let bare = Event::new("", Timestamp(i64::MAX));
        let batch = encoded(&[&event, &bare]);
        let back = decode(&batch, Path::new("x")).unwrap();
        assert_eq!(back, [event, bare]);
    }

    #[test]
    fn what_is_too_deep_for_a_reader_is_kept_as_text() {
        let mut event = Event::new("s", Timestamp(0));
        let deep = (0..1000).fold(Value::from("bottom"), |inner, _| Value::from(vec![inner]));
        event.fields.insert("deep".into(), deep);
        let batch = encoded(&[&event]);
        let back = decode(&batch, Path::new("x")).unwrap().remove(0);
        assert!(back.field("deep").unwrap().contains("bottom"));
        assert_ne!(back, event);
    }

    #[test]
    fn microseconds_enclose_the_truth() {
        let mut event = Event::new("s", Timestamp(1_001));
        event.precision = 1;
        let batch = encoded(&[&event]);
        let micros = |name| {
            let array = batch.column_by_name(name).unwrap().clone();
            array
                .as_any()
                .downcast_ref::<TimestampMicrosecondArray>()
                .unwrap()
                .value(0)
        };
        assert_eq!((micros("time"), micros_up(event.when().until.0)), (1, 2));
        assert_eq!(
            (micros_up(-1), micros_up(-1_001), micros_up(i64::MIN)),
            (0, -1, i64::MIN / 1000)
        );
    }
}
