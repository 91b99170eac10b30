//! A mapping made ready: fields found once, then each column's rule.

mod builder;
mod keys;

pub use keys::KnownKeys;

use super::path::{Names, Place};
use super::rule::{Condition, Picker, Rule, Slots, all_hold};
use super::spec::Instant;
use super::transform::Transform;
use crate::json::{Json, Object};
use crate::quick::Quick;
use crate::redact::Redactor;
use crate::time::{self, Clock};
use crate::{Context, Output, RejectReason, http, redact};
use ambit_event::{Column, ColumnKind, Event, EventId, Outcome, Span, printable};
use jiff::tz::TimeZone;
use keys::fingerprint;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// A mapping made ready. Fields are looked up by going once through a record, whatever the number of rules.
#[derive(Debug, Clone)]
pub struct Rulebook {
    /// For each first key of a path: the slots that it may fill, and what remains of the path below it.
    heads: HashMap<String, Vec<(usize, String)>, Quick>,
    n_slots: usize,
    time: TimeRule,
    http: HttpRule,
    columns: Vec<(Column, Vec<Rule>)>,
    duration: Vec<Rule>,
    /// Paths whose values are secrets, with what is done to them before they are fingerprinted.
    secrets: BTreeMap<String, Vec<Transform>>,
    /// Those of them that may lie within a field, with the slot of what is looked into.
    nested_secrets: Vec<(usize, Place, Vec<Transform>)>,
    id: Option<IdRule>,
    names: Names,
    losses: Vec<Told>,
    spreads: Vec<Told>,
}

/// What some records say for a while: that others are missing, that they sum up several.
#[derive(Debug, Clone)]
struct Told {
    when: Vec<Condition>,
    nanos: i64,
    why: String,
}

#[derive(Debug, Clone)]
struct TimeRule {
    source: Picker,
    format: TimeFormat,
    zone: Option<TimeZone>,
    /// Nanoseconds below which the producer's clock tells nothing.
    coarsest: i64,
    is: Instant,
}

#[derive(Debug, Clone)]
enum TimeFormat {
    Auto,
    Epoch(i64),
    Pattern(String),
}

#[derive(Debug, Clone)]
struct HttpRule {
    request: Picker,
    method: Picker,
    uri: Picker,
    query: Picker,
    status: Picker,
    bytes: Picker,
}

/// Where the producer's own name of a record comes from.
#[derive(Debug, Clone)]
struct IdRule {
    from: Picker,
    /// In which it means something.
    family: String,
    /// On every host, or on that of the record.
    everywhere: bool,
    /// Whether what did not succeed is another record than what did, under one name.
    by_outcome: bool,
}

/// The columns that hold credentials: always keyed fingerprints.
const CREDENTIALS: &[Column] = &[
    Column::ActorSession,
    Column::ActorCredential,
    Column::IssuedSession,
    Column::IssuedCredential,
];

impl Rulebook {
    /// Fills an event by what a record's fields tell, and gives them back without their secrets.
    pub fn fill<'r>(
        &self,
        event: &mut Event,
        mut fields: Object<'r>,
        context: &Context,
        redactor: &mut Redactor,
        keys: &mut KnownKeys,
        out: &mut Output,
    ) -> Result<Object<'r>, RejectReason> {
        keys.learn(&fields, self, redactor);
        let mut slots = vec![None; self.n_slots];
        for (nth, (name, value)) in fields.iter().enumerate() {
            match keys.nth(nth) {
                Some(key) => self.lay_into(&mut slots, &key.heads, value),
                None => self.lay_into(&mut slots, self.heads_of(name), value),
            }
        }
        let clock = self.time.read(&slots, context)?;
        event.duration = first(&self.duration, |rule| rule.integer(&slots));
        set_time(event, clock, self.time.is);
        if let Some(spread) = self.spreads.iter().find(|told| all_hold(&told.when, &slots)) {
            event.precision = event.precision.saturating_add(spread.nanos);
        }
        self.http.fill(event, &slots, redactor);
        for (column, rules) in &self.columns {
            fill(event, *column, rules, &slots, redactor);
        }
        if event.actor_user.is_none() {
            event.actor_realm = None;
        }
        if let Some(id) = &self.id
            && let Some(native) = id.from.text(&slots)
        {
            let host = event.host.as_deref().or(context.host.as_deref());
            let host = host.filter(|_| !id.everywhere).unwrap_or("");
            event.id = match event.outcome {
                other if id.by_outcome && other != Outcome::Success => {
                    EventId::native(&id.family, host, &format!("{native} {}", other.name()))
                }
                _ => EventId::native(&id.family, host, &native),
            };
        }
        for told in self.losses.iter().filter(|told| all_hold(&told.when, &slots)) {
            let span = Span::new(event.time, event.time.plus_nanos(told.nanos));
            out.lose(span, None, told.why.as_str());
        }
        let places = self.nested_secrets.iter();
        let is_there: Vec<bool> = places.map(|(slot, ..)| slots[*slot].is_some()).collect();
        drop(slots);
        self.redact(redactor, &mut fields, keys, &is_there);
        Ok(fields)
    }

    /// Whether the fields that tell the time are there.
    pub fn has_time(&self, fields: &Object<'_>) -> bool {
        let mut slots = vec![None; self.n_slots];
        for (name, value) in fields.iter() {
            self.lay_into(&mut slots, self.heads_of(name), value);
        }
        self.time.source.text(&slots).is_some()
    }

    /// Whether a field of this name is asked for.
    pub fn reads(&self, name: &str) -> bool {
        !self.heads_of(name).is_empty() || self.secret_of(name).is_some()
    }

    fn heads_of(&self, name: &str) -> &[(usize, String)] {
        self.heads.get(&*self.names.key(name)).map_or(&[], Vec::as_slice)
    }

    fn secret_of(&self, name: &str) -> Option<&Vec<Transform>> {
        self.secrets.get(&*self.names.key(name))
    }

    /// Each slot takes the first value that is found for it.
    fn lay_into<'f>(
        &self,
        slots: &mut [Option<&'f Json<'f>>],
        heads: &[(usize, String)],
        value: &'f Json<'f>,
    ) {
        for (slot, rest) in heads {
            if slots[*slot].is_none() {
                slots[*slot] = self.names.below(value, rest);
            }
        }
    }

    /// Takes the secrets out of the fields. What feeds a credential's column becomes the same fingerprint.
    fn redact(&self, redactor: &mut Redactor, fields: &mut Object<'_>, keys: &KnownKeys, is_there: &[bool]) {
        fields.change(|nth, name, value| {
            let transform = match keys.nth(nth) {
                Some(key) => key.transform.as_ref(),
                None => self.secret_of(name),
            };
            transform.is_some_and(|transform| fingerprint(redactor, transform, value))
        });
        for ((_, place, transform), _) in self
            .nested_secrets
            .iter()
            .zip(is_there)
            .filter(|(_, there)| **there)
        {
            if let Some(value) = self.names.within_mut(fields, &place.head) {
                let mut change = |value: &mut Json<'_>| {
                    fingerprint(redactor, transform, value);
                };
                self.names.change(value, &place.steps, &mut change);
            }
        }
        fields.change(|nth, name, value| {
            let is_secret = match keys.nth(nth) {
                Some(key) => key.is_secret,
                None => redactor.is_secret(name),
            };
            match is_secret {
                true => redactor.secret(value),
                false => redactor.value(value),
            }
        });
    }
}

/// For an operation that lasts, the doubt reaches from its arrival to its end.
fn set_time(event: &mut Event, clock: Clock, is: Instant) {
    let lasted = event.duration.unwrap_or(0).max(0);
    event.time = match is {
        Instant::Arrival => clock.at,
        Instant::End => clock.at.plus_nanos(-lasted),
    };
    event.precision = clock.resolution.saturating_add(lasted);
}

fn fill<'s>(
    event: &mut Event,
    column: Column,
    rules: &'s [Rule],
    slots: &Slots<'s>,
    redactor: &mut Redactor,
) {
    match column.kind() {
        ColumnKind::Integer => {
            if let Some(number) = first(rules, |rule| rule.integer(slots)) {
                event.set_integer(column, Some(number));
            }
        }
        ColumnKind::TextList => {
            let list = first(rules, |rule| {
                Some(rule.list(slots)).filter(|list| !list.is_empty())
            });
            let list = list
                .unwrap_or_default()
                .into_iter()
                .map(|item| redact::owned(&redactor.keys, item))
                .collect();
            event.set_list(column, list);
        }
        ColumnKind::Text => {
            let Some((rule, value)) = first(rules, |rule| Some((rule, rule.text(slots)?))) else {
                return;
            };
            if CREDENTIALS.contains(&column) {
                event.set_text(column, Some(redactor.fingerprint(&value)));
            } else if column == Column::Outcome {
                event.outcome = outcome(&value);
            } else {
                let shown = match value {
                    // What stands in the record as it is.
                    Cow::Borrowed(part) if rule.copies() => redactor.part(part).into_owned(),
                    other => redact::owned(&redactor.keys, other.into_owned()),
                };
                event.set_text(column, Some(shown));
            }
        }
    }
}

/// An outcome by its name, or by the HTTP status that it is.
fn outcome(value: &str) -> Outcome {
    Outcome::parse(value).unwrap_or_else(|| http::outcome(value))
}

fn first<'r, T>(rules: &'r [Rule], give: impl Fn(&'r Rule) -> Option<T>) -> Option<T> {
    rules.iter().find_map(give)
}

impl TimeRule {
    fn read(&self, slots: &Slots<'_>, context: &Context) -> Result<Clock, RejectReason> {
        let zone = self.zone.as_ref().unwrap_or(&context.time_zone);
        let written = self
            .source
            .text(slots)
            .ok_or_else(|| RejectReason::field("time", "the record has no time"))?;
        let clock = match &self.format {
            TimeFormat::Auto => time::parse(&written, zone).map(|clock| self.widened(clock, slots)),
            TimeFormat::Epoch(unit) => {
                time::parse_epoch_in(written.trim(), *unit).map(|clock| self.widened(clock, slots))
            }
            TimeFormat::Pattern(pattern) => time::parse_pattern(written.trim(), pattern, zone),
        };
        let clock = clock.ok_or_else(|| {
            RejectReason::field("time", format!("`{}` is no time", printable(&written, 60)))
        })?;
        let resolution = clock.resolution.max(self.coarsest);
        Ok(Clock { resolution, ..clock })
    }

    /// A JSON number has lost the zeros at its end: its resolution is that of whole milliseconds, or finer.
    fn widened(&self, clock: Clock, slots: &Slots<'_>) -> Clock {
        let is_number = self.source.is_fraction(slots);
        let resolution = match clock.resolution {
            r if !is_number || r > 1_000_000_000 => r,
            1_000_000.. => 1_000_000,
            _ => 1_000,
        };
        Clock { resolution, ..clock }
    }
}

impl HttpRule {
    fn fill(&self, event: &mut Event, slots: &Slots<'_>, redactor: &mut Redactor) {
        let exchange = http::Exchange {
            request: self.request.text(slots),
            method: self.method.text(slots),
            uri: self.uri.text(slots),
            query: self.query.text(slots),
            status: self.status.text(slots),
            bytes: self.bytes.text(slots).and_then(|n| n.parse().ok()),
        };
        http::fill(event, exchange, redactor);
    }
}
