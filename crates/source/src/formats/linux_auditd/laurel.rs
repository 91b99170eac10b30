//! Laurel's JSON: one object an event, a member a kind of record.

use super::record::{Head, Part};
use crate::json::{Json, Object};
use crate::time::{self, Clock};
use crate::{RejectReason, json};
use ambit_event::printable;
use std::borrow::Cow;

/// Reads an event; the object comes back for its fields.
pub fn read(text: &str) -> Result<(Object<'_>, Clock, i64), RejectReason> {
    let object = json::object(text)?;
    let wrong = |id: &str| {
        let why = format!("`{}` is no seconds.millis:serial", printable(id, 40));
        RejectReason::field("ID", why)
    };
    let id = object.get("ID").and_then(Json::as_str).unwrap_or("");
    let (clock, serial) = stamp(id).ok_or_else(|| wrong(id))?;
    Ok((object, clock, serial))
}

fn stamp(id: &str) -> Option<(Clock, i64)> {
    let (stamp, serial) = id.split_once(':')?;
    let clock = time::parse_epoch_in(stamp, 1_000_000_000).filter(|_| stamp.contains('.'))?;
    Some((clock, serial.parse().ok().filter(|n| *n >= 0)?))
}

/// The head that the same event has in the audit log.
pub fn head<'a>(object: &'a Object<'_>, clock: Clock, serial: i64) -> Head<'a> {
    let text = |name: &str| object.get(name).and_then(Json::as_str);
    let kind = object.iter().map(|(name, _)| name).find(|name| is_record(name));
    Head {
        host: text("NODE").filter(|node| !node.is_empty()),
        kind: kind.unwrap_or(""),
        stamp: text("ID")
            .and_then(|id| id.split_once(':'))
            .map_or("", |(stamp, _)| stamp)
            .into(),
        clock,
        serial,
        body: "",
        is_interpreted: false,
    }
}

fn is_record(name: &str) -> bool {
    !matches!(name, "ID" | "NODE")
}

/// The records of an event.
pub fn parts<'a>(object: &'a Object<'_>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for (kind, value) in object.iter().filter(|(name, _)| is_record(name)) {
        match value {
            Json::Array(items) => parts.extend(items.iter().filter_map(|item| part(kind, item))),
            other => parts.extend(part(kind, other)),
        }
    }
    parts
}

fn part<'a>(kind: &'a str, value: &'a Json<'_>) -> Option<Part<'a>> {
    let mut part = Part {
        kind: Cow::Borrowed(kind),
        ..Part::default()
    };
    for (name, value) in value.as_object()?.iter() {
        match (name, value) {
            ("ARGV", Json::Array(items)) if kind == "PROCTITLE" => {
                let words: Vec<_> = items.iter().filter_map(scalar).collect();
                part.fields.push(("proctitle".into(), words.join(" ").into()));
            }
            ("ARGV", Json::Array(items)) => {
                let arguments = items.iter().filter_map(scalar).enumerate();
                part.fields
                    .extend(arguments.map(|(n, text)| (Cow::Owned(format!("a{n}")), text)));
            }
            ("ARGV_STR", Json::Text(text)) if kind == "PROCTITLE" => {
                part.fields.push(("proctitle".into(), Cow::Borrowed(text)));
            }
            ("ARGV_STR", Json::Text(text)) => part.fields.push(("cmd".into(), Cow::Borrowed(text))),
            _ => part
                .fields
                .extend(scalar(value).map(|text| (Cow::Borrowed(name), text))),
        }
    }
    Some(part)
}

fn scalar<'a>(value: &'a Json<'_>) -> Option<Cow<'a, str>> {
    match value {
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        Json::Bool(value) => Some(Cow::Borrowed(if *value { "1" } else { "0" })),
        _ => None,
    }
}
