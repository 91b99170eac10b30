//! JSON records: strict where a reading would be a guess, and borrowed from their bytes where they can be.

mod object;
mod plain;
mod seed;
mod write;

pub use object::{Becomes, Filling, Object};

use crate::RejectReason;
use seed::{ObjectSeed, ValueSeed};
use serde::de::DeserializeSeed;
use serde::ser::{Serialize, Serializer};
use serde_json::Number;
use std::borrow::Cow;
use std::fmt;

/// A value in a record. Kept small, as records are vectors of them: most values are texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Box<[Json<'a>]>),
    Object(Box<Object<'a>>),
}

impl<'a> Json<'a> {
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    fn n_flat(&self) -> Option<usize> {
        match self {
            Self::Text(text) => Some(text.len() + "\"\"".len()),
            Self::Null | Self::Bool(_) => Some("false".len()),
            // Most numbers are no longer.
            Self::Number(_) => Some(20),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    #[must_use]
    pub const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_within(&self, levels: usize) -> bool {
        match self {
            Self::Array(items) => levels > 0 && items.iter().all(|item| item.is_within(levels - 1)),
            Self::Object(object) => object.is_within(levels),
            _ => true,
        }
    }

    fn into_owned(self) -> Json<'static> {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Number(number) => Json::Number(number),
            Self::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Self::Array(items) => Json::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(object) => Json::Object(Box::new(object.into_owned())),
        }
    }
}

/// As JSON text.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

/// Reads one JSON object. A key that stands twice in one object is refused (readers differ in which of
/// the values they take), and so is nesting beyond 128 levels.
pub fn object(text: &str) -> Result<Object<'_>, RejectReason> {
    plain::object(text).map_or_else(|| parse(text).map_err(refused), Ok)
}

/// Reads one JSON object as nginx writes it where its `log_format` lacks `escape=json`: with `\xHH` in texts.
pub fn object_with_hex(text: &str) -> Result<Object<'_>, RejectReason> {
    if let Some(object) = plain::object(text) {
        return Ok(object);
    }
    parse(text).or_else(|error| match hex_to_unicode(text) {
        Cow::Borrowed(_) => Err(refused(error)),
        Cow::Owned(mended) => parse(&mended).map(Object::into_owned).map_err(|_| refused(error)),
    })
}

fn refused(error: serde_json::Error) -> RejectReason {
    RejectReason::new(format!("a JSON object was expected: {error}"))
}

/// How deep JSON within a text may be nested to be read as such: with what is around it, it must stay readable.
const NESTED: usize = 32;

/// The object or list that a text is the JSON of; `None` for any other text.
pub fn nested(text: &str) -> Option<Json<'static>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueSeed.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    value.is_within(NESTED).then(|| value.into_owned())
}

/// As [`String::from_utf8_lossy`], quicker for what is UTF-8.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn parse(text: &str) -> Result<Object<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = ObjectSeed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(object)
}

/// `\xHH` for one byte each; the bytes of a character are put together again.
fn hex_to_unicode(text: &str) -> Cow<'_, str> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let (byte, len) = match (
            bytes[at],
            bytes.get(at + 1),
            bytes.get(at + 2..at + 4).and_then(hex_byte),
        ) {
            (b'\\', Some(b'x'), Some(byte)) => (Some(byte), 4),
            (b'\\', Some(_), _) => (None, 2),
            _ => (None, 1),
        };
        match byte {
            Some(byte) if byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f) => {
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            }
            Some(byte) => out.push(byte),
            None => out.extend_from_slice(&bytes[at..(at + len).min(bytes.len())]),
        }
        at += len;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// The byte that two hexadecimal digits name.
pub fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |d: u8| (d as char).to_digit(16);
    let (high, low) = (digit(*digits.first()?)?, digit(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_and_endless_objects_are_refused() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":{"a":1,"a":1}}"#,
            "[]",
            "{",
            r#"{"a":1} x"#,
            "",
        ] {
            assert!(object(bad).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        assert!(object(&deep).is_err());
        let wide: String = (0..100).map(|n| format!("\"k{n}\":1,")).collect();
        assert!(object(&format!("{{{wide}\"z\":1}}")).is_ok());
        assert!(object(&format!("{{{wide}\"k77\":1}}")).is_err());
    }

    #[test]
    fn order_and_values_stay() {
        let text = r#"{"b":1,"a":[1.5,null,true,"x"],"c":{"d":-2}}"#;
        let map = object(text).unwrap_or_default();
        assert_eq!(map.kept(0).as_json(), Some(text));
    }

    #[test]
    fn where_fields_stand_is_known() {
        for text in [
            r#"{"b":1,"a":[1.5,{"b":null}],"c":{"d":-2},"":"x\\\"y/","é":"\u0001"}"#,
            r#"{ "b" : "\u0041" , "a":"\/" }"#,
            "{}",
            r#"{"a\"b":1,"c":2}"#,
        ] {
            let kept = object(text).unwrap_or_default().kept(0);
            let read = |(name, value): (&str, &str)| {
                let value: serde_json::Value = serde_json::from_str(value).unwrap_or_default();
                (name.to_owned(), value)
            };
            let noted: Option<Vec<_>> = kept.written().map(|fields| fields.map(read).collect());
            let fields = kept.iter().map(|(name, value)| (name.clone(), value.clone()));
            let is_noted = !text.contains("a\\") && text != "{}";
            assert_eq!(noted, is_noted.then(|| fields.collect()), "{text}");
        }
    }

    #[test]
    fn what_is_nested_deep_is_kept_as_values() {
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        for (levels, is_text) in [(64, true), (65, false), (120, false)] {
            let text = nested(levels);
            let kept = object(&text).unwrap_or_default().kept(0);
            assert_eq!(kept.as_json().is_some(), is_text);
            assert_eq!(serde_json::to_string(&kept).ok(), Some(text));
        }
    }

    #[test]
    fn nginx_hex_escapes_become_their_characters() {
        let map = object_with_hex(r#"{"ua":"a\x22b\xC3\xA9\x5Cx\n","u":"\u0041"}"#).unwrap_or_default();
        assert_eq!(map.get("ua"), Some(&Json::Text("a\"bé\\x\n".into())));
        assert_eq!(map.get("u"), Some(&Json::Text("A".into())));
        assert!(object_with_hex(r#"{"ua":"\xZZ"}"#).is_err());
    }
}
