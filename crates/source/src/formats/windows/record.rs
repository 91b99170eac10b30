//! From an event in any of its JSON forms to an event of ours.

use super::flat::Layouts;
use super::meaning::{TABLE, text_of};
use super::shape::{self, Shaped};
use crate::json::{Json, Object};
use crate::redact::Redactor;
use crate::time::{self, Clock};
use crate::{Context, RejectReason};
use ambit_event::{Event, EventId};
use jiff::tz::TimeZone;

/// The source of these events, in whichever form they come.
pub const SOURCE: &str = "windows_evtx";

/// Makes events of JSON objects.
pub struct Maker {
    zone: TimeZone,
    redactor: Redactor,
    layouts: Layouts,
}

impl Maker {
    pub fn new(context: &Context) -> Self {
        Self {
            zone: context.time_zone.clone(),
            redactor: Redactor::new(&context.keys),
            layouts: Layouts::default(),
        }
    }

    /// The event that an object tells, which has so many bytes of text. `written` stands for a time that it lacks.
    pub fn event(
        &mut self,
        object: Object<'_>,
        n_bytes: usize,
        written: Option<Clock>,
    ) -> Result<Event, RejectReason> {
        let Shaped { mut fields, time } = shape::shaped(object, &mut self.layouts)?;
        let text = time.as_deref().map(undressed);
        let clock = text.and_then(|text| time::parse(text, &self.zone)).or(written);
        let clock = clock.ok_or_else(|| match text {
            Some(text) => RejectReason::field(
                "TimeCreated",
                format!("`{}` is no time", ambit_event::printable(text, 60)),
            ),
            None => RejectReason::field("TimeCreated", "the event says no time"),
        })?;
        let id = match fields.get("EventID") {
            Some(Json::Number(number)) => number.as_u64(),
            _ => None,
        };
        let id = id.ok_or_else(|| RejectReason::field("EventID", "the event has no number for its kind"))?;
        let mut event = Event {
            source: SOURCE.to_owned(),
            time: clock.at,
            precision: clock.resolution,
            host: known(&fields, "Computer"),
            stream: known(&fields, "Channel"),
            sequence: fields.get("EventRecordID").and_then(record_id),
            ..Event::default()
        };
        let provider = known(&fields, "Provider_Name").unwrap_or_default();
        event.operation = Some(format!("{provider}/{id}"));
        TABLE.fill(&mut event, &fields, &provider, id, &self.redactor.keys);
        let local = text.filter(|text| !names_zone(text));
        let own = identity(&event, local).filter(|_| !is_nameless(&fields, &provider));
        event.id = own.unwrap_or_default();
        self.redact(&mut fields);
        event.fields = fields.kept(n_bytes);
        event.resource = event.resource.map(|text| self.redactor.text(&text).into_owned());
        Ok(event)
    }

    /// Windows has names that mean a secret elsewhere and none here: `Signature` is who signed a program, `Sid` an
    /// account, `SessionId` a number that counts from 1.
    fn redact(&mut self, fields: &mut Object<'_>) {
        fields.change(
            |_, name, value| match ends_with(name, "password") || ends_with(name, "passwd") {
                true => self.redactor.secret(value),
                false => self.redactor.value(value),
            },
        );
    }
}

/// The number by which the log itself knows a record, its channel, its computer and its time name it in every form.
/// Numbers can begin anew, so the time belongs to it: to the millisecond, which is what the coarsest of the exact
/// forms keeps; as it was written where it names no zone, for then its instant is what somebody says it is.
fn identity(event: &Event, local: Option<&str>) -> Option<EventId> {
    let (host, channel) = (event.host.as_deref()?, event.stream.as_deref()?);
    let number = event.sequence?;
    let at = match local {
        Some(text) => text.to_owned(),
        None => event.time.0.div_euclid(1_000_000).to_string(),
    };
    let native = format!("{}\n{number}\n{at}", channel.to_ascii_lowercase());
    Some(EventId::native(SOURCE, &host.to_ascii_lowercase(), &native))
}

/// Whether the names of the event's data did not come along: who acts, and on what, is not told then. The event with
/// all its data is another record, which such a one must not keep out.
fn is_nameless(fields: &Object<'_>, provider: &str) -> bool {
    let is_list = |name: &&str| matches!(fields.get(name), Some(Json::Array(_)));
    provider.starts_with("Microsoft-Windows-") && ["Properties", "StringInserts"].iter().any(is_list)
}

/// Whether a name ends so, whatever the case.
pub fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.and_then(|at| name.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn record_id(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Number(number) => number.as_i64().filter(|number| *number >= 0),
        _ => None,
    }
}

fn known(fields: &Object<'_>, name: &str) -> Option<String> {
    let text = text_of(fields, name)?;
    (!text.is_empty() && text != "-").then(|| text.into_owned())
}

/// PowerShell's `/Date(1603079441104)/` without its dress.
fn undressed(text: &str) -> &str {
    let inner = text
        .strip_prefix("/Date(")
        .and_then(|text| text.strip_suffix(")/"));
    inner.unwrap_or(text)
}

/// Whether a time as it was written says of which zone it is.
fn names_zone(text: &str) -> bool {
    let is_date = text.as_bytes().get(4).is_some_and(|b| matches!(b, b'-' | b'/'));
    let behind = text.get(19..).unwrap_or_default();
    !is_date || behind.contains(['Z', 'z', '+', '-'])
}
