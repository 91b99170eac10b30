//! A producer's own fields, as JSON text until somebody looks into them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// A producer's own fields: a map of JSON values. Most events are read, kept and given on without anybody
/// looking into it, so that a decoder may hand over the JSON text; it is read where it is looked into.
#[derive(Clone, Default)]
pub struct Fields {
    text: Option<String>,
    /// Where the fields stand in the text; none where nobody noted it.
    spots: Vec<Spot>,
    map: OnceLock<Map<String, Value>>,
}

/// Where a field stands in the text of its object, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The first of the name, behind its quote.
    pub name: u32,
    /// The first of the value.
    pub value: u32,
}

impl Fields {
    /// Values nested deeper than this are kept as the text that they are: not every reader of JSON goes
    /// deeper.
    pub const DEEPEST: usize = 64;

    /// The fields that a JSON object's text holds, which is well formed and nested no deeper than
    /// [`Self::DEEPEST`].
    #[must_use]
    pub fn from_json(object: String) -> Self {
        Self::from_json_at(object, Vec::new())
    }

    /// The same, where whoever wrote the text noted where each field stands in it: all of them or none. It is written
    /// without blanks then, and no name has an escape.
    #[must_use]
    pub fn from_json_at(object: String, spots: Vec<Spot>) -> Self {
        Self {
            text: Some(object),
            spots,
            map: OnceLock::new(),
        }
    }

    /// The names and the values, as they are written in JSON without the names' quotes; `None` where nobody noted
    /// where they stand.
    pub fn written(&self) -> Option<impl Iterator<Item = (&str, &str)>> {
        let text = self.text.as_deref().filter(|_| !self.spots.is_empty())?;
        let part = |from: u32, until: usize| text.get(from as usize..until).unwrap_or_default();
        let behind = self.spots.iter().skip(1);
        let ends = behind.map(|spot| (spot.name as usize).saturating_sub(",\"".len()));
        let ends = ends.chain([text.len().saturating_sub("}".len())]);
        let fields = self.spots.iter().zip(ends);
        Some(fields.map(move |(spot, end)| {
            let name_end = (spot.value as usize).saturating_sub("\":".len());
            (part(spot.name, name_end), part(spot.value, end))
        }))
    }

    /// The fields that a text holds, where it is a JSON object.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        if !text.starts_with('{') {
            return serde_json::from_str::<Map<_, _>>(text).map(Self::from);
        }
        serde_json::from_str::<serde::de::IgnoredAny>(text)?;
        Ok(Self::from_json(text.to_owned()))
    }

    /// Sets a field. Where only the text is at hand, a number or text that it has not got yet is added to it.
    pub fn put(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        self.spots.clear();
        let text = self.text.as_mut();
        if text.is_some_and(|text| is_added(text, name, &value)) {
            self.map = OnceLock::new();
        } else {
            self.insert(name.to_owned(), value);
        }
    }

    /// Keeps the text alone, which takes a tenth of the memory of a map.
    pub fn pack(&mut self) {
        let map = self.map.take();
        if self.text.is_none()
            && let Some(map) = map.filter(|map| !map.is_empty())
        {
            let mut text = written(&map);
            text.shrink_to_fit();
            self.text = Some(text);
        }
    }

    /// The fields as JSON text, nested no deeper than [`Self::DEEPEST`].
    #[must_use]
    pub fn to_json(&self) -> Cow<'_, str> {
        match &self.text {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(written(self.read())),
        }
    }

    /// The fields as JSON text, where that is at hand.
    #[must_use]
    pub fn as_json(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn read(&self) -> &Map<String, Value> {
        self.map.get_or_init(|| {
            let text = self.text.as_deref().unwrap_or("{}");
            serde_json::from_str(text).unwrap_or_default()
        })
    }
}

/// Fields are looked for in texts up to this length; many fields are better kept in a map.
const SHORT: usize = 1024;

/// Adds a field to an object's text, where that is short and does not even mention the field's name.
fn is_added(text: &mut String, name: &str, value: &Value) -> bool {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_scalar = !matches!(value, Value::Array(_) | Value::Object(_));
    if !is_plain || !is_scalar || text.len() > SHORT || text.contains(name) || text.pop() != Some('}') {
        return false;
    }
    let comma = if text.ends_with('{') { "" } else { "," };
    // Writing to a text does not fail.
    let _ = write!(text, "{comma}\"{name}\":{value}}}");
    true
}

fn written(map: &Map<String, Value>) -> String {
    let is_flat = map.values().all(|value| is_within(value, Fields::DEEPEST));
    let text = match is_flat {
        true => serde_json::to_string(map),
        false => {
            let fields = map
                .iter()
                .map(|(key, value)| (key.clone(), cut(value, Fields::DEEPEST)));
            serde_json::to_string(&fields.collect::<Map<_, _>>())
        }
    };
    text.unwrap_or_else(|_| "{}".to_owned())
}

fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => false,
        Value::Array(values) => values.iter().all(|value| is_within(value, levels - 1)),
        Value::Object(map) => map.values().all(|value| is_within(value, levels - 1)),
        _ => true,
    }
}

/// The value with what lies deeper as text.
fn cut(value: &Value, levels: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => Value::String(value.to_string()),
        Value::Array(values) => values.iter().map(|value| cut(value, levels - 1)).collect(),
        Value::Object(map) => {
            let values = map
                .iter()
                .map(|(key, value)| (key.clone(), cut(value, levels - 1)));
            Value::Object(values.collect())
        }
        other => other.clone(),
    }
}

impl Deref for Fields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        self.read()
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.read();
        self.text = None;
        self.spots.clear();
        let map = std::mem::take(&mut self.map).into_inner().unwrap_or_default();
        self.map = OnceLock::from(map);
        match self.map.get_mut() {
            Some(map) => map,
            None => unreachable!("the map was set in the line before"),
        }
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(map: Map<String, Value>) -> Self {
        Self {
            map: OnceLock::from(map),
            ..Self::default()
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_map_are_alike() {
        let text = r#"{"b":[1.5,null],"a":{"c":"x"}}"#;
        let lazy = Fields::from_json(text.to_owned());
        let eager: Fields = serde_json::from_str(text).unwrap_or_default();
        assert_eq!((lazy.as_json(), eager.as_json()), (Some(text), None));
        assert_eq!(lazy, eager);
        assert_eq!(serde_json::to_string(&lazy).ok().as_deref(), Some(text));
        assert_eq!(format!("{lazy:?}"), format!("{eager:?}"));
        assert_eq!(Fields::default(), Fields::from_json("{}".into()));
    }

    #[test]
    fn packed_fields_say_the_same_and_what_is_no_object_is_refused() {
        let text = r#"{"b":{"c.d":"\"\u0001é"},"a":[1,null,0.25]}"#;
        let mut fields: Fields = serde_json::from_str(text).unwrap_or_default();
        let before = fields.clone();
        fields.pack();
        assert_eq!((fields.as_json(), &fields), (Some(text), &before));
        assert_eq!(Fields::parse(text).ok(), Some(before));
        for text in ["", "[]", "{", "{} x", r#"{"a":}"#, "null"] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_that_is_put_is_added_or_replaced() {
        for start in ["{}", r#"{"a":1}"#, r#"{"b":"a"}"#, r#"{"c":{"b":1}}"#] {
            let mut added = Fields::from_json(start.to_owned());
            let mut inserted = Fields::parse(start).unwrap_or_default();
            for (name, value) in [
                ("b", Value::from("x\"\n")),
                ("d e", 2.into()),
                ("b", Value::Null),
                ("f", Value::from(vec![1])),
                ("g", 0.5.into()),
            ] {
                added.put(name, value.clone());
                inserted.insert(name.to_owned(), value);
            }
            added.pack();
            assert_eq!(added.to_json(), inserted.to_json(), "{start}");
        }
        let mut none = Fields::default();
        none.put("a", 1);
        assert_eq!(none.to_json(), r#"{"a":1}"#);
    }

    #[test]
    fn what_lies_too_deep_is_kept_as_text() {
        let deep = (0..100).fold(Value::from("bottom"), |inner, _| Value::from(vec![inner]));
        let mut fields = Fields::from(Map::from_iter([("deep".to_owned(), deep.clone())]));
        let text = fields.to_json().into_owned();
        fields.pack();
        assert_eq!(fields.as_json(), Some(&*text));
        let bottom = (0..Fields::DEEPEST).fold(&fields["deep"], |value, _| &value[0]);
        assert!(
            bottom
                .as_str()
                .is_some_and(|text| deep.to_string().contains(text))
        );
    }

    #[test]
    fn fields_whose_places_were_noted_are_given_as_they_are_written() {
        let text = r#"{"a":"x\n","b c":{"d":[1,2]},"":-1.5}"#;
        let at = |name: &str, value: &str| Spot {
            name: text.find(name).map_or(0, |at| at as u32 + 1),
            value: text.find(value).unwrap_or(0) as u32,
        };
        let spots = vec![at("\"a\"", "\"x"), at("\"b c\"", "{\"d"), at("\"\":", "-1")];
        let mut fields = Fields::from_json_at(text.to_owned(), spots);
        let written: Option<Vec<(&str, &str)>> = fields.written().map(Iterator::collect);
        let expected = [("a", r#""x\n""#), ("b c", r#"{"d":[1,2]}"#), ("", "-1.5")];
        assert_eq!(written.as_deref(), Some(&expected[..]));
        fields.put("e", 1);
        assert!(fields.written().is_none() && fields.len() == 4);
        assert!(Fields::from_json(text.to_owned()).written().is_none());
    }

    #[test]
    fn what_is_changed_is_no_text_any_more() {
        let mut fields = Fields::from_json(r#"{"a":1}"#.into());
        fields.insert("b".into(), 2.into());
        assert_eq!((fields.len(), fields.as_json()), (2, None));
        let text = serde_json::to_string(&fields).unwrap_or_default();
        assert_eq!(text, r#"{"a":1,"b":2}"#);
    }
}
