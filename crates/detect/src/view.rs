//! An event as the Sigma engine asks for it: the producer's fields, read from their JSON once, under the names that
//! the log's table gives them.

use crate::logsource::{FieldMap, Log, Origin, Part};
use crate::row::Row;
use ambit_event::{Column, ColumnKind, Event};
use rsigma_eval::{EventValue, JsonEvent};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;

/// A producer's fields, read.
pub(crate) struct Record<'e> {
    event: &'e Event,
    row: Row<'e>,
    folded_texts: OnceCell<Vec<Box<str>>>,
}

impl<'e> Record<'e> {
    pub fn read(event: &'e Event) -> Self {
        Self {
            event,
            row: Row::of(&event.fields),
            folded_texts: OnceCell::new(),
        }
    }

    /// Whether the fields are what the log asks for.
    pub fn fits(&self, log: &Log) -> bool {
        let get = |field: &str| self.row.get(field);
        log.has.iter().all(|field| get(field).is_some())
            && log
                .only
                .iter()
                .all(|(field, allowed)| get(field).is_some_and(|value| is_any_of(&value, allowed)))
    }

    pub fn view<'r>(&'r self, map: &'r FieldMap) -> View<'r> {
        View {
            event: self.event,
            row: &self.row,
            folded_texts: &self.folded_texts,
            map,
        }
    }
}

fn is_any_of(value: &EventValue<'_>, allowed: &[String]) -> bool {
    match value {
        EventValue::Array(values) => values.iter().any(|value| is_any_of(value, allowed)),
        other => other
            .as_str()
            .is_some_and(|text| allowed.iter().any(|one| *one == text)),
    }
}

/// The event under the names of a log.
pub(crate) struct View<'r> {
    event: &'r Event,
    row: &'r Row<'r>,
    folded_texts: &'r OnceCell<Vec<Box<str>>>,
    map: &'r FieldMap,
}

impl<'r> View<'r> {
    /// The record's own fields.
    pub fn row(&self) -> &'r Row<'r> {
        self.row
    }

    fn value(&self, origin: &Origin) -> Option<EventValue<'_>> {
        match origin {
            Origin::Field(path) => self.row.get(path),
            Origin::Part(path, part) => part_of(self.row.get(path)?, *part),
            Origin::Constant(text) => Some(EventValue::Str(Cow::Owned(text.clone()))),
            Origin::Column(column) => self.column(*column),
        }
    }

    fn column(&self, column: Column) -> Option<EventValue<'_>> {
        match column.kind() {
            ColumnKind::Text => Some(EventValue::Str(Cow::Borrowed(self.event.text(column)?))),
            ColumnKind::Integer => self.event.integer(column).map(EventValue::Int),
            ColumnKind::TextList => {
                let texts = self.event.list(column).iter();
                Some(EventValue::Array(
                    texts.map(|text| EventValue::Str(Cow::Borrowed(text))).collect(),
                ))
            }
        }
    }

    /// Texts beside the fields in which words are looked for: the sentence of the record, which its fields may have
    /// been taken from, and the statement.
    fn texts(&self) -> impl Iterator<Item = &str> {
        [Column::Message, Column::QueryText]
            .into_iter()
            .filter_map(|column| self.event.text(column))
    }

    /// The texts beside the fields as `fold` has them, which is asked once.
    pub fn folded_texts(&self, fold: fn(&str) -> Cow<'_, str>) -> &'r [Box<str>] {
        let folded = || self.texts().map(|text| fold(text).into()).collect();
        self.folded_texts.get_or_init(folded)
    }
}

fn part_of(value: EventValue<'_>, part: Part) -> Option<EventValue<'_>> {
    match (part, value) {
        (Part::Text, value @ (EventValue::Array(_) | EventValue::Map(_))) => {
            Some(EventValue::Str(Cow::Owned(value.to_json().to_string())))
        }
        (Part::Text, value) => Some(value),
        (part, EventValue::Str(Cow::Borrowed(text))) => part.of(text).map(EventValue::Str),
        (part, EventValue::Str(Cow::Owned(text))) => part
            .of(&text)
            .map(|part| EventValue::Str(Cow::Owned(part.into_owned()))),
        _ => None,
    }
}

impl rsigma_eval::Event for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let Some(origins) = self.map.get(path) else {
            return self.row.get(path);
        };
        let mut values: Vec<EventValue<'_>> = Vec::new();
        for value in origins.iter().filter_map(|origin| self.value(origin)) {
            match value {
                EventValue::Array(members) => values.extend(members),
                one => values.push(one),
            }
        }
        match values.len() {
            0 => self.row.get(path),
            1 => values.pop(),
            _ => Some(EventValue::Array(values)),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.texts().any(pred) || self.row.any_text(pred)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut all = Vec::new();
        self.row
            .visit_texts(&mut |text| all.push(Cow::Owned(text.to_owned())));
        all.extend(self.texts().map(Cow::Borrowed));
        all
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        self.texts().for_each(&mut *visit);
        self.row.visit_texts(visit);
    }

    fn to_json(&self) -> Value {
        self.row.whole().clone()
    }

    fn field_keys(&self) -> Vec<Cow<'_, str>> {
        let whole = JsonEvent::borrow(self.row.whole());
        let mut keys: Vec<Cow<'_, str>> = Vec::new();
        keys.extend(
            rsigma_eval::Event::field_keys(&whole)
                .into_iter()
                .map(|key| Cow::Owned(key.into_owned())),
        );
        keys.extend(self.map.names().map(Cow::Borrowed));
        keys
    }

    fn top_level_keys(&self) -> Option<Vec<Cow<'_, str>>> {
        let keys = self.row.cells().iter().map(|cell| Cow::Borrowed(cell.key()));
        Some(keys.chain(self.map.names().map(Cow::Borrowed)).collect())
    }

    /// A name of the map is visited whether or not its field is there: a key that is not visited is never asked for.
    fn visit_top_level_keys(&self, visit: &mut dyn FnMut(&str)) -> bool {
        self.map.names().for_each(&mut *visit);
        self.row.cells().iter().for_each(|cell| visit(cell.key()));
        true
    }
}
