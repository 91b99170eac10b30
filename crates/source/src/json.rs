//! JSON records: strict where a reading would be a guess.

use crate::RejectReason;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::fmt;

/// Reads one JSON object. A key that stands twice in one object is refused (readers differ in which of
/// the values they take), and so is nesting beyond 128 levels. Bytes that are not UTF-8 become U+FFFD.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, RejectReason> {
    let text = text(bytes);
    parse(&text).map_err(|error| RejectReason::new(format!("a JSON object was expected: {error}")))
}

/// Reads one JSON object as nginx writes it where its `log_format` lacks `escape=json`: with `\xHH` in texts.
pub fn object_with_hex(bytes: &[u8]) -> Result<Map<String, Value>, RejectReason> {
    let text = text(bytes);
    parse(&text).or_else(|error| {
        let mended = hex_to_unicode(&text);
        match mended {
            Cow::Borrowed(_) => Err(error),
            Cow::Owned(text) => parse(&text).map_err(|_| error),
        }
        .map_err(|error| RejectReason::new(format!("a JSON object was expected: {error}")))
    })
}

/// As [`String::from_utf8_lossy`], quicker for what is UTF-8.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

fn parse(text: &str) -> Result<Map<String, Value>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let map = ObjectSeed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(map)
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

struct ObjectSeed;

impl<'de> DeserializeSeed<'de> for ObjectSeed {
    type Value = Map<String, Value>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::with_capacity(14);
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(ValueSeed)?;
            match map.entry(key) {
                serde_json::map::Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                serde_json::map::Entry::Occupied(entry) => {
                    return Err(A::Error::custom(format!(
                        "the key `{}` stands twice",
                        short(entry.key())
                    )));
                }
            }
        }
        Ok(map)
    }
}

fn short(text: &str) -> String {
    ambit_event::printable(text, 60)
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(ValueSeed)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        ObjectSeed.visit_map(access).map(Value::Object)
    }
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
            assert!(object(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
        assert!(object(deep.as_bytes()).is_err());
    }

    #[test]
    fn order_and_values_stay() {
        let text = r#"{"b":1,"a":[1.5,null,true,"x"],"c":{"d":-2}}"#;
        let map = object(text.as_bytes()).unwrap_or_default();
        assert_eq!(serde_json::to_string(&map).ok().as_deref(), Some(text));
    }

    #[test]
    fn nginx_hex_escapes_become_their_characters() {
        let map = object_with_hex(br#"{"ua":"a\x22b\xC3\xA9\x5Cx\n","u":"\u0041"}"#).unwrap_or_default();
        assert_eq!(map.get("ua"), Some(&Value::String("a\"bé\\x\n".into())));
        assert_eq!(map.get("u"), Some(&Value::String("A".into())));
        assert!(object_with_hex(br#"{"ua":"\xZZ"}"#).is_err());
    }
}
