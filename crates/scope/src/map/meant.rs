//! Which operation of the map a record is: of those that fit, the most special one.

use super::model::{Attribute, Condition, DataMap, Match, Operation};
use super::reach::is_http;
use super::route::{Captures, PlainPath};
use ambit_event::Event;
use std::borrow::Cow;
use std::cmp::Reverse;

impl DataMap {
    /// The most special operation that fits: routes before patterns, literal segments before parameters, the
    /// longer pattern, the more special name of the object, more conditions.
    pub(super) fn operation_of(&self, event: &Event) -> Result<Option<(&Operation, Captures)>, String> {
        let of_source = |o: &&Operation| o.source.as_ref().is_none_or(|s| *s == event.source);
        let fulfilled = |o: &&Operation| o.when.iter().all(|c| c.is_fulfilled(event));
        let candidates: Vec<&Operation> = self
            .operations
            .iter()
            .filter(of_source)
            .filter(fulfilled)
            .collect();
        if let Some(found) = by_route(&candidates, event)? {
            return Ok(Some(found));
        }
        Ok(by_name(&candidates, event))
    }
}

impl Condition {
    fn is_fulfilled(&self, event: &Event) -> bool {
        let text = match &self.attribute {
            Attribute::Activity => event.activity.as_deref().map(Cow::Borrowed),
            Attribute::Resource => event.resource.as_deref().map(Cow::Borrowed),
            Attribute::Query => event.query_text.as_deref().map(Cow::Borrowed),
            Attribute::User => event.actor_user.as_deref().map(Cow::Borrowed),
            Attribute::Field(path) => event.field(path),
        };
        text.is_some_and(|text| self.pattern.fits(&text))
    }
}

fn by_route<'m>(
    candidates: &[&'m Operation],
    event: &Event,
) -> Result<Option<(&'m Operation, Captures)>, String> {
    let method = event.activity.as_deref().unwrap_or("");
    let Some(path) = event
        .resource
        .as_deref()
        .filter(|p| p.starts_with('/') && !method.is_empty())
    else {
        return Ok(None);
    };
    let path = match PlainPath::parse(path) {
        Ok(path) => path,
        Err(why) if is_http(event) => return Err(format!("its path fits no route: {why}")),
        Err(_) => return Ok(None),
    };
    // A server answers HEAD as it answers GET, without the body.
    let method = if method.eq_ignore_ascii_case("HEAD") {
        "GET"
    } else {
        method
    };
    let fitting = candidates.iter().filter_map(|o| match &o.matches {
        Match::Route(route) => Some(((route.rank(), o.when.len()), *o, route.captures(method, &path)?)),
        Match::Api(_) => None,
    });
    Ok(most_special(fitting))
}

fn by_name<'m>(candidates: &[&'m Operation], event: &Event) -> Option<(&'m Operation, Captures)> {
    let name = event.operation.as_deref().filter(|name| !name.is_empty())?;
    let fitting = candidates.iter().filter_map(|o| {
        let Match::Api(glob) = &o.matches else { return None };
        let captures = object(o, event).filter(|_| glob.fits(name))?;
        let object = o.resource.as_ref().map(super::route::ObjectPath::rank);
        let special = (glob.pattern().len(), object, o.when.len(), Reverse(&o.name));
        Some((special, *o, captures))
    });
    most_special(fitting)
}

/// What the name of the record's object gives the operation's parameters; `None` where it is not such a name.
/// A path of HTTP can be written in many ways: only routes compare it.
fn object(operation: &Operation, event: &Event) -> Option<Captures> {
    match &operation.resource {
        None => Some(Captures::new()),
        Some(_) if is_http(event) => None,
        Some(pattern) => pattern.captures(event.resource.as_deref()?),
    }
}

/// Of equals the first in the file.
fn most_special<'m, R: PartialOrd>(
    fitting: impl Iterator<Item = (R, &'m Operation, Captures)>,
) -> Option<(&'m Operation, Captures)> {
    let mut best: Option<(R, &Operation, Captures)> = None;
    for found in fitting {
        if best.as_ref().is_none_or(|b| found.0 > b.0) {
            best = Some(found);
        }
    }
    best.map(|(_, operation, captures)| (operation, captures))
}
