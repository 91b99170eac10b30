//! The attributed events as a CSV that Timesketch imports as it is.

use ambit_event::{Column, Event};
use ambit_scope::{Answer, Attributed};
use anyhow::Result;

const HEAD: &[&str] = &[
    "message",
    "datetime",
    "timestamp_desc",
    "timestamp",
    "source_short",
    "hostname",
    "grade",
    "event_id",
    "src_ip",
    "user",
    "session",
    "operation",
    "resource",
    "outcome",
    "hops",
    "tag",
];

/// `message`, `datetime` (ISO 8601) and `timestamp_desc` are what Timesketch asks for; the rest becomes
/// attributes of the event.
pub fn table(answer: &Answer) -> Result<Vec<u8>> {
    super::table(HEAD, answer.attributed.iter().map(row))
}

fn row(attributed: &Attributed) -> Vec<String> {
    let event = &attributed.event;
    let text = |column: Column| event.text(column).unwrap_or_default().to_owned();
    vec![
        message(event),
        event.time.to_string().replace('Z', "+00:00"),
        "Event Logged".to_owned(),
        event.time.0.div_euclid(1000).to_string(),
        event.source.clone(),
        text(Column::Host),
        attributed.grade.to_string(),
        event.id.to_string(),
        text(Column::SrcIp),
        text(Column::ActorUser),
        text(Column::ActorSession),
        text(Column::Operation),
        text(Column::Resource),
        event.outcome.to_string(),
        attributed.hops.join(" "),
        format!("ambit_{}", attributed.grade),
    ]
}

fn message(event: &Event) -> String {
    let what = event
        .message
        .as_ref()
        .or(event.operation.as_ref())
        .or(event.activity.as_ref());
    let on = event
        .resource
        .as_deref()
        .map(|resource| format!(" on {resource}"))
        .unwrap_or_default();
    format!(
        "{}: {}{on} ({})",
        event.source,
        what.map_or("event", String::as_str),
        event.outcome
    )
}
