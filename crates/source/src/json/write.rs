//! Writes the fields of a record as an event keeps them: as serde_json would, and what the record itself wrote that
//! way is copied.

use super::plain::text_end;
use super::{Json, Object};
use ambit_event::Spot;
use std::fmt::Write;

/// Writes an object, and tells where its fields stand in it; of none where a name has an escape.
pub fn spotted(object: &Object<'_>, out: &mut String) -> Vec<Spot> {
    let mut spots = Vec::with_capacity(object.len());
    each(object, out, &mut |at, key| {
        let has_escape = text_end(key.as_bytes(), 0).is_some();
        let name = at + "\"".len();
        let value = name + key.len() + "\":".len();
        if let (false, Ok(name), Ok(value)) = (has_escape, u32::try_from(name), u32::try_from(value)) {
            spots.push(Spot { name, value });
        }
    });
    if spots.len() < object.len() {
        spots.clear();
    }
    spots
}

/// Writes an object; each field is told before it is written, by where it will stand and its name.
fn each(object: &Object<'_>, out: &mut String, tell: &mut dyn FnMut(usize, &str)) {
    out.push('{');
    for (nth, (key, value)) in object.fields.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        tell(out.len(), key);
        match object.written.get(nth) {
            Some(written) if !written.is_empty() => out.push_str(written),
            _ => {
                text(key, out);
                out.push(':');
                self::value(value, out);
            }
        }
    }
    out.push('}');
}

fn value(value: &Json<'_>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => {
            // Writing to a text does not fail.
            let _ = write!(out, "{number}");
        }
        Json::Text(plain) => text(plain, out),
        Json::Array(items) => array(items, out),
        Json::Object(inner) => each(inner, out, &mut |_, _| {}),
    }
}

fn array(items: &[Json<'_>], out: &mut String) {
    out.push('[');
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        value(item, out);
    }
    out.push(']');
}

fn text(plain: &str, out: &mut String) {
    out.reserve(plain.len() + "\"\"".len());
    out.push('"');
    let mut from = 0;
    while let Some(at) = text_end(plain.as_bytes(), from) {
        out.push_str(&plain[from..at]);
        escape(plain.as_bytes()[at], out);
        from = at + 1;
    }
    out.push_str(&plain[from..]);
    out.push('"');
}

/// A character that cannot stand in a text as it is.
fn escape(byte: u8, out: &mut String) {
    let letter = match byte {
        b'\n' => 'n',
        b'\r' => 'r',
        b'\t' => 't',
        0x8 => 'b',
        0xc => 'f',
        b'"' | b'\\' => char::from(byte),
        _ => {
            // Writing to a text does not fail.
            let _ = write!(out, "\\u{byte:04x}");
            return;
        }
    };
    out.push('\\');
    out.push(letter);
}
