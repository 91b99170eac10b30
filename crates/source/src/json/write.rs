//! Writes the fields of a record as an event keeps them: as serde_json would, and what the record itself wrote that
//! way is copied.

use super::plain::text_end;
use super::{Json, Object};
use std::fmt::Write;

/// Writes an object.
pub fn object(object: &Object<'_>, out: &mut String) {
    out.push('{');
    for (nth, (key, value)) in object.fields.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
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
        Json::Object(inner) => object(inner, out),
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
    if text_end(plain.as_bytes(), 0).is_some() {
        // A text can always be written.
        out.push_str(&serde_json::to_string(plain).unwrap_or_default());
        return;
    }
    out.push('"');
    out.push_str(plain);
    out.push('"');
}
