//! A producer's fields as the Sigma engine looks into them: read once, in their order, and their texts borrowed from
//! the JSON that an event keeps. What is nested is read as values.

use ambit_event::Fields;
use rsigma_eval::{Event as _, EventValue, JsonEvent};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

/// The fields.
#[derive(Debug, Default)]
pub(crate) struct Row<'e> {
    cells: Vec<Cell<'e>>,
    /// The same as one value, for paths that take more than steps from name to name.
    whole: OnceCell<Value>,
}

/// A field.
#[derive(Debug)]
pub(crate) struct Cell<'e> {
    key: Cow<'e, str>,
    leaf: Leaf<'e>,
    /// The text in the form in which texts are compared, where it is another one.
    folded: OnceCell<Option<Box<str>>>,
}

#[derive(Debug)]
enum Leaf<'e> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'e, str>),
    /// A list or an object; and a number that the engine takes for the nearest one with a point.
    Nested(Cow<'e, Value>),
}

impl<'e> Row<'e> {
    pub fn of(fields: &'e Fields) -> Self {
        // Not through the event's own map, which it would keep from then on.
        let read = fields.as_json().and_then(Self::parse);
        read.unwrap_or_else(|| Self::of_map(fields))
    }

    fn parse(text: &'e str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let cells = reader.deserialize_map(Cells).ok()?;
        reader.end().ok()?;
        let whole = OnceCell::new();
        Some(Self { cells, whole })
    }

    fn of_map(map: &'e Map<String, Value>) -> Self {
        let cells = map
            .iter()
            .map(|(key, value)| Cell::new(Cow::Borrowed(key), Leaf::of(value)));
        Self {
            cells: cells.collect(),
            whole: OnceCell::new(),
        }
    }

    pub fn cells(&self) -> &[Cell<'e>] {
        &self.cells
    }

    fn cell(&self, key: &str) -> Option<&Cell<'e>> {
        // Where a key stands twice, the later one counts, as in a map.
        self.cells.iter().rfind(|cell| cell.key == key)
    }

    /// The field of that name; else what the path of names leads to, over all members of lists.
    pub fn get(&self, path: &str) -> Option<EventValue<'_>> {
        if let Some(cell) = self.cell(path) {
            return Some(cell.value());
        }
        if path.contains(['[', '\\']) {
            return JsonEvent::borrow(self.whole())
                .get_field(path)
                .map(|value| owned(&value));
        }
        let (root, rest) = path.split_once('.')?;
        let Leaf::Nested(value) = &self.cell(root)?.leaf else {
            return None;
        };
        let mut found = Vec::new();
        follow(value, rest, &mut found);
        match found.len() {
            0 => None,
            1 => found.pop(),
            _ => Some(EventValue::Array(found)),
        }
    }

    /// Every text of the record, however deep.
    pub fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        for cell in &self.cells {
            match &cell.leaf {
                Leaf::Text(text) => visit(text),
                Leaf::Nested(value) => JsonEvent::borrow(value).visit_string_values(visit),
                _ => {}
            }
        }
    }

    /// Whether some text of the record passes.
    pub fn any_text(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        self.cells.iter().any(|cell| match &cell.leaf {
            Leaf::Text(text) => passes(text),
            Leaf::Nested(value) => JsonEvent::borrow(value).any_string_value(passes),
            _ => false,
        })
    }

    /// The record as one value.
    pub fn whole(&self) -> &Value {
        self.whole.get_or_init(|| {
            let fields = self.cells.iter().map(|cell| {
                let value = match &cell.leaf {
                    Leaf::Nested(value) => value.as_ref().clone(),
                    _ => cell.value().to_json(),
                };
                (cell.key.to_string(), value)
            });
            Value::Object(fields.collect())
        })
    }
}

impl<'e> Cell<'e> {
    fn new(key: Cow<'e, str>, leaf: Leaf<'e>) -> Self {
        let folded = OnceCell::new();
        Self { key, leaf, folded }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn value(&self) -> EventValue<'_> {
        match &self.leaf {
            Leaf::Null => EventValue::Null,
            Leaf::Bool(is_so) => EventValue::Bool(*is_so),
            Leaf::Int(number) => EventValue::Int(*number),
            Leaf::Float(number) => EventValue::Float(*number),
            Leaf::Text(text) => EventValue::Str(Cow::Borrowed(text)),
            Leaf::Nested(value) => EventValue::from(value.as_ref()),
        }
    }

    /// The text, if it is one, and as `fold` has it, which is asked once.
    pub fn text(&self, fold: fn(&str) -> Cow<'_, str>) -> Option<(&str, &str)> {
        let Leaf::Text(text) = &self.leaf else {
            return None;
        };
        let folded = self.folded.get_or_init(|| match fold(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(folded) => Some(folded.into()),
        });
        Some((text, folded.as_deref().unwrap_or(text)))
    }
}

/// Follows names, and every member of lists on the way.
fn follow<'v>(value: &'v Value, path: &str, found: &mut Vec<EventValue<'v>>) {
    match value {
        Value::Array(members) => members.iter().for_each(|member| follow(member, path, found)),
        Value::Object(map) => {
            let (name, rest) = match path.split_once('.') {
                Some((name, rest)) => (name, Some(rest)),
                None => (path, None),
            };
            match (map.get(name), rest) {
                (Some(value), Some(rest)) => follow(value, rest, found),
                (Some(value), None) => found.push(EventValue::from(value)),
                (None, _) => {}
            }
        }
        _ => {}
    }
}

fn owned(value: &EventValue<'_>) -> EventValue<'static> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Owned(text.to_string())),
        EventValue::Int(number) => EventValue::Int(*number),
        EventValue::Float(number) => EventValue::Float(*number),
        EventValue::Bool(is_so) => EventValue::Bool(*is_so),
        EventValue::Null => EventValue::Null,
        EventValue::Array(members) => EventValue::Array(members.iter().map(owned).collect()),
        EventValue::Map(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (Cow::Owned(key.to_string()), owned(value)));
            EventValue::Map(fields.collect())
        }
    }
}

impl<'e> Leaf<'e> {
    fn of(value: &'e Value) -> Self {
        match EventValue::from(value) {
            EventValue::Str(text) => Self::Text(text),
            EventValue::Int(number) => Self::Int(number),
            EventValue::Float(number) if value.is_f64() => Self::Float(number),
            EventValue::Bool(is_so) => Self::Bool(is_so),
            EventValue::Null => Self::Null,
            EventValue::Float(_) | EventValue::Array(_) | EventValue::Map(_) => {
                Self::Nested(Cow::Borrowed(value))
            }
        }
    }
}

/// Reads an object's fields.
struct Cells;

impl<'e> Visitor<'e> for Cells {
    type Value = Vec<Cell<'e>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'e>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut cells = Vec::with_capacity(40);
        while let Some(key) = access.next_key_seed(Name)? {
            cells.push(Cell::new(key, access.next_value_seed(OfLeaf)?));
        }
        Ok(cells)
    }
}

struct Name;

impl<'e> DeserializeSeed<'e> for Name {
    type Value = Cow<'e, str>;

    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'e> Visitor<'e> for Name {
    type Value = Cow<'e, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'e str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct OfLeaf;

impl<'e> DeserializeSeed<'e> for OfLeaf {
    type Value = Leaf<'e>;

    fn deserialize<D: Deserializer<'e>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'e> Visitor<'e> for OfLeaf {
    type Value = Leaf<'e>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Leaf::Null)
    }

    fn visit_bool<E>(self, is_so: bool) -> Result<Self::Value, E> {
        Ok(Leaf::Bool(is_so))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Leaf::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        let large = || Leaf::Nested(Cow::Owned(Value::from(number)));
        Ok(i64::try_from(number).map_or_else(|_| large(), Leaf::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Leaf::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'e str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'e>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element()? {
            members.push(member);
        }
        Ok(Leaf::Nested(Cow::Owned(Value::Array(members))))
    }

    fn visit_map<A: MapAccess<'e>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = access.next_entry()? {
            map.insert(key, value);
        }
        Ok(Leaf::Nested(Cow::Owned(Value::Object(map))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is asked for, the answer is that of the engine's own reading of the same value.
    #[test]
    fn fields_are_found_as_the_engine_finds_them() {
        let text = r#"{"a":{"b":[{"c":"x"},{"c":7},{"d":null}],"e.f":1,"":2},"a.e":"flat","n":null,"i":-3,"u":18446744073709551615,
            "f":1.5,"t":true,"s":"C:\\Wind\u00f6ws","l":["p","q",["r"]],"k[0]":"literal","":{"z":1},"o":{}}"#;
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let map = value.as_object().cloned().unwrap_or_default();
        let engine = JsonEvent::borrow(&value);
        let as_map = Fields::from(map);
        let as_text = Fields::from_json(text.to_owned());
        for fields in [&as_text, &as_map] {
            let row = Row::of(fields);
            for path in [
                "a", "a.b", "a.b.c", "a.b.d", "a.b.c.x", "a.e", "a.e.f", "a.", "a..b", ".z", "n", "n.x", "i",
                "u", "f", "t", "s", "s.x", "l", "l.x", "l[0]", "l[-1]", "l[2][0]", "a.b[1].c", "k[0]",
                "k\\[0\\]", "gone", "gone.x", "gone[0]", "", ".", "o", "o.x",
            ] {
                assert_eq!(row.get(path), engine.get_field(path), "{path}");
            }
            let mut texts = Vec::new();
            row.visit_texts(&mut |text| texts.push(text.to_owned()));
            assert_eq!(texts, engine.all_string_values());
            assert!(row.any_text(&|text| text == "r") && !row.any_text(&|text| text == "7"));
            assert_eq!(row.whole(), &value);
        }
    }

    #[test]
    fn what_is_no_object_has_no_fields() {
        for text in ["[]", "{\"a\":1", "null", ""] {
            assert!(
                Row::of(&Fields::from_json(text.to_owned())).cells().is_empty(),
                "{text}"
            );
        }
    }
}
