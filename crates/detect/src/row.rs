//! A producer's fields as the Sigma engine looks into them: found once, in their order, and their texts borrowed from
//! the JSON that an event keeps. What is written with escapes, and what is nested, is read where it is asked for.

mod lex;

use ambit_event::Fields;
use rsigma_eval::{Event as _, EventValue, JsonEvent};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;

/// The fields.
#[derive(Debug, Default)]
pub(crate) struct Row<'e> {
    /// The JSON that they are written in, where that is at hand.
    json: Option<&'e str>,
    folded_json: OnceCell<Option<Box<str>>>,
    cells: Vec<Cell<'e>>,
    /// The same as one value, for paths that take more than steps from name to name.
    whole: OnceCell<Value>,
}

/// A field. There are many of them for each event, so that it is small, and most of them nobody asks for.
#[derive(Debug)]
pub(crate) struct Cell<'e> {
    key: Cow<'e, str>,
    leaf: Leaf<'e>,
    read: OnceCell<Box<Read>>,
}

/// What was made of a field that was asked for.
#[derive(Debug, Default)]
struct Read {
    /// The text that is written with escapes.
    text: OnceCell<Box<str>>,
    /// The text in the form in which texts are compared, where it is another one.
    folded: OnceCell<Option<Box<str>>>,
    /// The list or object that is written.
    value: OnceCell<Value>,
}

/// A text as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare<'c> {
    pub written: &'c str,
    pub is_escaped: bool,
}

#[derive(Debug)]
enum Leaf<'e> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'e str),
    /// A text with escapes, as it is written between the quotes.
    Escaped(&'e str),
    /// A list or an object; and a number that the engine takes for the nearest one with a point.
    Nested(&'e Value),
    /// The same, as it is written.
    Written(&'e str),
}

impl<'e> Row<'e> {
    pub fn of(fields: &'e Fields) -> Self {
        // Not through the event's own map, which it would keep from then on.
        let json = fields.as_json();
        let noted = fields.written().and_then(lex::cells_of);
        match noted.or_else(|| lex::cells(json?)) {
            Some(cells) => Self {
                json,
                cells,
                ..Self::default()
            },
            None => Self::of_map(fields),
        }
    }

    fn of_map(map: &'e Map<String, Value>) -> Self {
        let cells = map
            .iter()
            .map(|(key, value)| Cell::new(Cow::Borrowed(key), Leaf::of(value)));
        Self {
            cells: cells.collect(),
            ..Self::default()
        }
    }

    pub fn cells(&self) -> &[Cell<'e>] {
        &self.cells
    }

    /// The JSON of the fields as `fold` has it, which is asked once. A part of one of their texts is in it as it is
    /// written with the escapes that must be. `None` where that is not sure.
    pub fn folded_json(&self, fold: fn(&str) -> Cow<'_, str>) -> Option<&str> {
        let folded = self.folded_json.get_or_init(|| {
            let json = self.json.filter(|json| json.is_ascii() && lex::is_plain(json))?;
            Some(fold(json).into())
        });
        folded.as_deref()
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
        let mut found = Vec::new();
        follow(self.cell(root)?.nested()?, rest, &mut found);
        match found.len() {
            0 => None,
            1 => found.pop(),
            _ => Some(EventValue::Array(found)),
        }
    }

    /// Every text of the record, however deep.
    pub fn visit_texts(&self, visit: &mut dyn FnMut(&str)) {
        for cell in &self.cells {
            if let Some(text) = cell.str() {
                visit(text);
            } else if let Some(value) = cell.nested() {
                JsonEvent::borrow(value).visit_string_values(visit);
            }
        }
    }

    /// Whether some text of the record passes.
    pub fn any_text(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        self.cells.iter().any(|cell| match (cell.str(), cell.nested()) {
            (Some(text), _) => passes(text),
            (None, Some(value)) => JsonEvent::borrow(value).any_string_value(passes),
            (None, None) => false,
        })
    }

    /// The record as one value.
    pub fn whole(&self) -> &Value {
        self.whole.get_or_init(|| {
            let fields = self.cells.iter().map(|cell| {
                let value = match cell.nested() {
                    Some(value) => value.clone(),
                    None => cell.value().to_json(),
                };
                (cell.key.to_string(), value)
            });
            Value::Object(fields.collect())
        })
    }
}

impl<'e> Cell<'e> {
    fn new(key: Cow<'e, str>, leaf: Leaf<'e>) -> Self {
        let read = OnceCell::new();
        Self { key, leaf, read }
    }

    fn read(&self) -> &Read {
        self.read.get_or_init(Box::default)
    }

    fn unescaped(&self, written: &str) -> &str {
        self.read().text.get_or_init(|| lex::unescaped(written).into())
    }

    fn parsed(&self, written: &str) -> &Value {
        let parsed = || serde_json::from_str(written).unwrap_or_default();
        self.read().value.get_or_init(parsed)
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
            Leaf::Escaped(text) => EventValue::Str(Cow::Borrowed(self.unescaped(text))),
            Leaf::Nested(value) => EventValue::from(*value),
            Leaf::Written(text) => EventValue::from(self.parsed(text)),
        }
    }

    fn str(&self) -> Option<&str> {
        match &self.leaf {
            Leaf::Text(text) => Some(text),
            Leaf::Escaped(text) => Some(self.unescaped(text)),
            _ => None,
        }
    }

    /// The value, if it is more than a scalar.
    fn nested(&self) -> Option<&Value> {
        match &self.leaf {
            Leaf::Nested(value) => Some(value),
            Leaf::Written(text) => Some(self.parsed(text)),
            _ => None,
        }
    }

    /// The text as it is written, if it is one.
    pub fn bare(&self) -> Option<Bare<'_>> {
        let (written, is_escaped) = match &self.leaf {
            Leaf::Text(text) => (*text, false),
            Leaf::Escaped(text) => (*text, true),
            _ => return None,
        };
        Some(Bare { written, is_escaped })
    }

    /// The text, if it is one, and as `fold` has it, which is asked once.
    pub fn text(&self, fold: fn(&str) -> Cow<'_, str>) -> Option<(&str, &str)> {
        let text = self.str()?;
        let folded = self.read().folded.get_or_init(|| match fold(text) {
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
            EventValue::Str(_) => Self::Text(value.as_str().unwrap_or_default()),
            EventValue::Int(number) => Self::Int(number),
            EventValue::Float(number) if value.is_f64() => Self::Float(number),
            EventValue::Bool(is_so) => Self::Bool(is_so),
            EventValue::Null => Self::Null,
            EventValue::Float(_) | EventValue::Array(_) | EventValue::Map(_) => Self::Nested(value),
        }
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
        for text in [
            "[]",
            "{\"a\":1",
            "null",
            "",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{\"a\":1}}",
            "{\"a\":1e999}",
            "{a:1}",
            "{,}",
            "{\"a\":tru}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":[1}",
            "{\"a\":\"b}",
            "{\"a\":-}",
            "{\"a\":01}",
            "{\"a\":\"\\x\"}",
        ] {
            assert!(
                Row::of(&Fields::from_json(text.to_owned())).cells().is_empty(),
                "{text}"
            );
        }
    }
}
