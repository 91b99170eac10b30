//! Journal entries in the two forms that journalctl writes for other programs.

use crate::json::{self, Filling, Json, Object};
use crate::{RawRecord, RejectReason};
use std::borrow::Cow;

/// Reads an entry of the export format.
pub fn export<'a>(record: &RawRecord<'a>) -> Result<Object<'a>, RejectReason> {
    let mut values: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
    let mut rest = record.bytes;
    while !rest.is_empty() {
        let (name, value, after) = field(rest).ok_or_else(|| {
            let at = record.bytes.len() - rest.len();
            RejectReason::new(format!("a field was expected at byte {at} of the entry"))
        })?;
        values.push((json::text(name), Json::Text(json::text(value))));
        rest = after;
    }
    Ok(gathered(values))
}

/// The first field: its name, its value, and what follows.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (line, after) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    if let Some(at) = memchr::memchr(b'=', line) {
        return is_name(&line[..at]).then_some((&line[..at], &line[at + 1..], after));
    }
    let length: [u8; 8] = after.get(..8)?.try_into().ok()?;
    let length = usize::try_from(u64::from_le_bytes(length)).ok()?;
    let value = after.get(8..)?.get(..length)?;
    let rest = &after[8 + length..];
    // The line end behind the last value was taken off with the record's.
    let rest = match rest.first() {
        None => rest,
        Some(b'\n') => &rest[1..],
        Some(_) => return None,
    };
    is_name(line).then_some((line, value, rest))
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}

/// A field that stands several times has a list of values.
fn gathered<'a>(values: Vec<(Cow<'a, str>, Json<'a>)>) -> Object<'a> {
    let mut filling = Filling::default();
    let mut again: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
    for (name, value) in values {
        let kept = value.clone();
        if let Err(name) = filling.add(name, value) {
            again.push((name, kept));
        }
    }
    again.sort_by(|a, b| a.0.cmp(&b.0));
    for same in again.chunk_by(|a, b| a.0 == b.0) {
        if let Some(value) = filling.object.get_mut(&same[0].0) {
            let first = std::mem::replace(value, Json::Null);
            let others = same.iter().map(|(_, value)| value.clone());
            *value = Json::Array(std::iter::once(first).chain(others).collect());
        }
    }
    filling.object
}

/// Reads an entry of the JSON format: bytes that are no text come as lists of numbers, values that were too
/// long as null. Shippers write numbers as such, which the journal has as texts.
pub fn object<'a>(text: &'a str) -> Result<Object<'a>, RejectReason> {
    let mut object = json::object(text.trim_start_matches('\u{1e}'))?;
    for (_, value) in object.iter_mut() {
        if let Json::Number(number) = value {
            *value = Json::Text(Cow::Owned(number.to_string()));
        } else if let Json::Array(items) = value {
            match bytes(items) {
                Some(text) => *value = Json::Text(Cow::Owned(text)),
                None => items.iter_mut().for_each(|item| {
                    if let Some(text) = list(item).and_then(bytes) {
                        *item = Json::Text(Cow::Owned(text));
                    }
                }),
            }
        }
    }
    Ok(object)
}

fn list<'v, 'a>(value: &'v Json<'a>) -> Option<&'v [Json<'a>]> {
    match value {
        Json::Array(items) => Some(items),
        _ => None,
    }
}

/// The text of a list of bytes; `None` where it is a list of something else.
fn bytes(items: &[Json<'_>]) -> Option<String> {
    let byte = |item: &Json<'_>| match item {
        Json::Number(number) => u8::try_from(number.as_u64()?).ok(),
        _ => None,
    };
    let bytes: Vec<u8> = items.iter().map(byte).collect::<Option<_>>()?;
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of a field, the first where it has several.
pub fn get<'o>(fields: &'o Object<'_>, name: &str) -> Option<&'o str> {
    let found = match fields.get(name)? {
        Json::Array(items) => items.first()?.as_str()?,
        other => other.as_str()?,
    };
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> Result<String, String> {
        let record = RawRecord {
            bytes,
            offset: 0,
            line: 1,
        };
        let object = export(&record).map_err(|e| e.to_string())?;
        serde_json::to_string(&object).map_err(|e| e.to_string())
    }

    #[test]
    fn exported_fields_are_read() {
        assert_eq!(
            shown(b"A=1=2\nMESSAGE\n\x03\0\0\0\0\0\0\0x\ny\n_B=\nA=3\nC\n\x01\0\0\0\0\0\0\0z").as_deref(),
            Ok(r#"{"A":["1=2","3"],"MESSAGE":"x\ny","_B":"","C":"z"}"#)
        );
        for bad in [
            &b"A"[..],
            b"A\n\x05\0\0\0\0\0\0\0x",
            b"A\n\x01\0\0\0\0\0\0\0xyz",
            b"a b=c",
            b"=c",
        ] {
            assert!(shown(bad).is_err());
        }
    }

    #[test]
    fn numbers_are_the_texts_that_the_journal_has() {
        let fields = object(r#"{"__REALTIME_TIMESTAMP":1400839200000001,"_PID":"7"}"#).unwrap_or_default();
        assert_eq!(get(&fields, "__REALTIME_TIMESTAMP"), Some("1400839200000001"));
        assert_eq!(get(&fields, "_PID"), Some("7"));
    }

    #[test]
    fn json_values_may_be_bytes_or_several() {
        let fields =
            object("\u{1e}{\"A\":[104,105],\"B\":[\"x\",[104,105]],\"C\":null,\"D\":[]}").unwrap_or_default();
        let text = serde_json::to_string(&fields).unwrap_or_default();
        assert_eq!(text, r#"{"A":"hi","B":["x","hi"],"C":null,"D":[]}"#);
        assert_eq!(get(&fields, "B"), Some("x"));
    }
}
