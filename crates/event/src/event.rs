//! One normalized record of something that happened.

use crate::{Column, ColumnSet, EventId, EvidenceId, Fields, Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// How an operation ended, as its producer recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what was asked.
    Success,
    /// It failed; how far it came before is not known.
    Failure,
    /// It was refused before any data was touched.
    Denied,
    /// It began and was cut off: cancelled, timed out, aborted, connection lost.
    Aborted,
    /// The record does not say.
    #[default]
    Unknown,
}

impl Outcome {
    pub const ALL: &'static [Self] = &[
        Self::Success,
        Self::Failure,
        Self::Denied,
        Self::Aborted,
        Self::Unknown,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Aborted => "aborted",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome of that name, whatever the case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|o| o.name().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The pointer from an event to its preserved bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Provenance {
    /// The evidence file.
    pub evidence: EvidenceId,
    /// Offset of the first byte of the record in the (decompressed) file; of UTF-16, in the same text as UTF-8.
    pub offset: u64,
    /// Bytes of the record, without its line end.
    pub length: u64,
    /// Line on which the record begins, from 1.
    pub line: u64,
}

/// One normalized record of something that happened. Every `Option` that is `None` means *the record
/// does not say*, never *no*.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    pub id: EventId,
    /// The earliest instant at which it can have happened (for a request: its arrival).
    pub time: Timestamp,
    /// Nanoseconds after `time` within which it certainly was: the clock's resolution, and for an
    /// operation that lasts, its duration.
    pub precision: i64,
    pub source: String,
    pub host: Option<String>,
    pub stream: Option<String>,
    pub sequence: Option<i64>,
    pub class: Option<String>,
    pub activity: Option<String>,
    pub outcome: Outcome,
    pub status_code: Option<String>,
    pub actor_user: Option<String>,
    pub actor_realm: Option<String>,
    pub actor_session: Option<String>,
    pub actor_credential: Option<String>,
    pub actor_invoker: Option<String>,
    pub actor_service: Option<String>,
    pub process_pid: Option<i64>,
    pub src_ip: Option<String>,
    pub src_port: Option<i64>,
    pub device: Option<String>,
    pub user_agent: Option<String>,
    pub app_platform: Option<String>,
    pub app_version: Option<String>,
    pub trace: Option<String>,
    pub connection: Option<String>,
    pub operation: Option<String>,
    pub resource: Option<String>,
    pub query_text: Option<String>,
    pub parameters: Vec<String>,
    pub record_count: Option<i64>,
    pub bytes_out: Option<i64>,
    pub duration: Option<i64>,
    pub issued_session: Option<String>,
    pub issued_credential: Option<String>,
    pub subject_refs: Vec<String>,
    pub data_classes: Vec<String>,
    pub message: Option<String>,
    /// The decoded fields exactly as the producer named them, secrets replaced by fingerprints.
    pub fields: Fields,
    pub provenance: Provenance,
    /// The raw record. Empty where the event came back from the lake, which keeps raw bytes sealed.
    #[serde(skip)]
    pub raw: Vec<u8>,
}

macro_rules! text_fields {
    ($($variant:ident $field:ident),* $(,)?) => {
        impl Event {
            /// The text of a text column, `None` where the record does not say or the column is of
            /// another kind.
            #[must_use]
            #[inline]
            pub fn text(&self, column: Column) -> Option<&str> {
                match column {
                    Column::Source => Some(&self.source),
                    Column::Outcome => Some(self.outcome.name()),
                    $(Column::$variant => self.$field.as_deref(),)*
                    _ => None,
                }
            }

            /// The columns of which the record says something.
            #[must_use]
            pub fn filled(&self) -> ColumnSet {
                let all = [
                    ColumnSet::of(Column::Source).with(ColumnSet::of(Column::Outcome)),
                    $(one(Column::$variant, self.$field.is_some()),)*
                    one(Column::Sequence, self.sequence.is_some()),
                    one(Column::ProcessPid, self.process_pid.is_some()),
                    one(Column::SrcPort, self.src_port.is_some()),
                    one(Column::RecordCount, self.record_count.is_some()),
                    one(Column::BytesOut, self.bytes_out.is_some()),
                    one(Column::Duration, self.duration.is_some()),
                    one(Column::Parameters, !self.parameters.is_empty()),
                    one(Column::SubjectRefs, !self.subject_refs.is_empty()),
                    one(Column::DataClasses, !self.data_classes.is_empty()),
                ];
                all.into_iter().fold(ColumnSet::default(), ColumnSet::with)
            }

            /// Bytes of the texts in its columns.
            #[must_use]
            pub fn n_text_bytes(&self) -> usize {
                let lists = [&self.parameters, &self.subject_refs, &self.data_classes];
                let listed = lists.into_iter().flatten();
                let n_listed: usize = listed.map(|text| text.len() + size_of::<String>()).sum();
                [Some(self.source.len()), $(self.$field.as_ref().map(String::len),)*]
                    .into_iter()
                    .flatten()
                    .sum::<usize>()
                    + n_listed
            }

            /// Sets a text column; any other column is left as it is.
            pub fn set_text(&mut self, column: Column, value: Option<String>) {
                match column {
                    Column::Source => self.source = value.unwrap_or_default(),
                    Column::Outcome => self.outcome = value.as_deref().and_then(Outcome::parse).unwrap_or_default(),
                    $(Column::$variant => self.$field = value,)*
                    _ => {}
                }
            }
        }
    };
}

const fn one(column: Column, is_there: bool) -> ColumnSet {
    match is_there {
        true => ColumnSet::of(column),
        false => ColumnSet::of_none(),
    }
}

text_fields! {
    Host host, Stream stream, Class class, Activity activity, StatusCode status_code,
    ActorUser actor_user, ActorRealm actor_realm, ActorSession actor_session,
    ActorCredential actor_credential, ActorInvoker actor_invoker, ActorService actor_service, SrcIp src_ip, Device device,
    UserAgent user_agent, AppPlatform app_platform, AppVersion app_version, Trace trace,
    Connection connection, Operation operation, Resource resource, QueryText query_text,
    IssuedSession issued_session, IssuedCredential issued_credential, Message message,
}

impl Event {
    /// An event of this source at this instant that says nothing else yet.
    #[must_use]
    pub fn new(source: &str, time: Timestamp) -> Self {
        Self {
            source: source.to_owned(),
            time,
            ..Self::default()
        }
    }

    /// The instants at which it can have happened, half-open.
    #[must_use]
    pub fn when(&self) -> Span {
        Span::new(self.time, self.time.plus_nanos(self.precision.max(1)))
    }

    /// The field in which a decoder says how many numbers of its stream the record takes, from its
    /// sequence on, where that is more than one: PostgreSQL's stderr log numbers each line of a message,
    /// `DETAIL` and `STATEMENT` lines included.
    pub const NUMBERS_FIELD: &'static str = "ambit.numbers";

    /// The first and the last number that the record takes in its stream; `None` where it has none.
    /// More than 64 are not believed: a forged field must not hide missing records.
    #[must_use]
    pub fn numbers(&self) -> Option<(i64, i64)> {
        let first = self.sequence?;
        let is_told = |text: &str| text.contains(Self::NUMBERS_FIELD);
        let count = match self.fields.as_json().is_none_or(is_told) {
            true => self.fields.get(Self::NUMBERS_FIELD).and_then(Value::as_i64),
            false => None,
        };
        let more = count.filter(|n| (1..=64).contains(n)).unwrap_or(1) - 1;
        Some((first, first.saturating_add(more)))
    }

    /// The number in an integer column, `None` where the record does not say or the column is of
    /// another kind.
    #[must_use]
    #[inline]
    pub const fn integer(&self, column: Column) -> Option<i64> {
        match column {
            Column::Sequence => self.sequence,
            Column::ProcessPid => self.process_pid,
            Column::SrcPort => self.src_port,
            Column::RecordCount => self.record_count,
            Column::BytesOut => self.bytes_out,
            Column::Duration => self.duration,
            _ => None,
        }
    }

    /// Sets an integer column; any other column is left as it is.
    pub const fn set_integer(&mut self, column: Column, value: Option<i64>) {
        match column {
            Column::Sequence => self.sequence = value,
            Column::ProcessPid => self.process_pid = value,
            Column::SrcPort => self.src_port = value,
            Column::RecordCount => self.record_count = value,
            Column::BytesOut => self.bytes_out = value,
            Column::Duration => self.duration = value,
            _ => {}
        }
    }

    /// The values of a list column; empty where the record does not say.
    #[must_use]
    pub fn list(&self, column: Column) -> &[String] {
        match column {
            Column::Parameters => &self.parameters,
            Column::SubjectRefs => &self.subject_refs,
            Column::DataClasses => &self.data_classes,
            _ => &[],
        }
    }

    /// Sets a list column; any other column is left as it is.
    pub fn set_list(&mut self, column: Column, values: Vec<String>) {
        match column {
            Column::Parameters => self.parameters = values,
            Column::SubjectRefs => self.subject_refs = values,
            Column::DataClasses => self.data_classes = values,
            _ => {}
        }
    }

    /// A producer's field by its dotted path (`request.headers.host`), as text.
    #[must_use]
    pub fn field(&self, path: &str) -> Option<Cow<'_, str>> {
        let value = match self.fields.get(path) {
            Some(value) => value,
            None => descend(&self.fields, path)?,
        };
        Some(match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Null => return None,
            other => Cow::Owned(other.to_string()),
        })
    }
}

/// Follows a dotted path; a key that itself holds dots is found where it is a prefix of the path.
fn descend<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    path.match_indices('.').find_map(|(at, _)| {
        let rest = &path[at + 1..];
        let inner = map.get(&path[..at])?.as_object()?;
        inner.get(rest).or_else(|| descend(inner, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnKind;

    #[test]
    fn every_column_is_written_and_read_back() {
        for &column in Column::ALL {
            let mut event = Event::new("s", Timestamp(0));
            let always = [Column::Source, Column::Outcome].contains(&column);
            assert_eq!(event.filled().has(column), always, "{column}");
            match column.kind() {
                ColumnKind::Text => {
                    event.set_text(column, Some("denied".into()));
                    assert_eq!(event.text(column), Some("denied"), "{column}");
                }
                ColumnKind::Integer => {
                    event.set_integer(column, Some(7));
                    assert_eq!(event.integer(column), Some(7), "{column}");
                }
                ColumnKind::TextList => {
                    event.set_list(column, vec!["x".into()]);
                    assert_eq!(event.list(column), ["x"], "{column}");
                }
            }
            assert!(event.filled().has(column), "{column}");
        }
    }

    #[test]
    fn the_bytes_of_every_text_are_counted() {
        for &column in Column::ALL {
            let mut event = Event::new("", Timestamp(0));
            let text = "x".repeat(1000);
            let n_expected = match column.kind() {
                // One of a few words, not a text of its own.
                ColumnKind::Text if column == Column::Outcome => 0,
                ColumnKind::Text => {
                    event.set_text(column, Some(text));
                    1000
                }
                ColumnKind::Integer => 0,
                ColumnKind::TextList => {
                    event.set_list(column, vec![text.clone(), text]);
                    2000
                }
            };
            let n_bytes = event.n_text_bytes();
            assert!(
                (n_expected..n_expected + 100).contains(&n_bytes),
                "{column}: {n_bytes}"
            );
        }
    }

    #[test]
    fn a_record_can_take_several_numbers() {
        let mut event = Event::new("s", Timestamp(0));
        assert_eq!(event.numbers(), None);
        event.sequence = Some(7);
        for (count, last) in [
            (Value::Null, 7),
            (1.into(), 7),
            (3.into(), 9),
            (65.into(), 7),
            ((-1).into(), 7),
        ] {
            event.fields.insert(Event::NUMBERS_FIELD.into(), count);
            assert_eq!(event.numbers(), Some((7, last)));
        }
    }

    #[test]
    fn fields_are_found_by_dotted_path() {
        let mut event = Event::new("s", Timestamp(0));
        event.fields = serde_json::json!({"a": {"b": {"c": 1}, "x.y": "z"}, "d.e": true})
            .as_object()
            .cloned()
            .unwrap_or_default()
            .into();
        assert_eq!(event.field("a.b.c").as_deref(), Some("1"));
        assert_eq!(event.field("a.x.y").as_deref(), Some("z"));
        assert_eq!(event.field("d.e").as_deref(), Some("true"));
        assert_eq!(event.field("a.q"), None);
    }
}
