//! A VERIS record of the community schema, version 1.4. A class has an amount only where both ends of its count meet.

use super::{register, stated, uuid};
use crate::fact::Facts;
use crate::notice::Matter;
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Scope};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The record as it stands at an instant.
#[must_use]
pub fn veris(matter: &Matter<'_>, now: Timestamp) -> Value {
    let facts = &matter.known.facts;
    let scope = matter.standing.map(|standing| standing.scope);
    let draft = register(matter);
    let said = |groups: &[&str]| {
        draft
            .as_ref()
            .map(|draft| stated(draft, groups))
            .unwrap_or_default()
    };
    let summary = said(&["nature", "persons"]);
    json!({
        "schema_version": "1.4.0",
        "incident_id": uuid(matter.case, "veris"),
        "source_id": "ambit",
        "security_incident": match facts.flag("personal_data_breach") {
            Some(true) => "Confirmed",
            _ => "Suspected",
        },
        "confidence": if scope.is_some_and(|scope| scope.gaps.is_empty()) { "High" } else { "Medium" },
        "summary": if summary.is_empty() { "No facts yet".to_owned() } else { summary },
        "timeline": timeline(facts, now),
        "victim": {
            "victim_id": facts.text("organisation").unwrap_or("Unknown"),
            "country": ["Unknown"],
            "employee_count": "Unknown",
            "industry": "000",
        },
        "actor": actor(facts),
        "action": action(facts, scope, &said(&["method", "platform", "version"])),
        "asset": { "assets": [{ "variety": asset(scope) }], "cloud": ["Unknown"] },
        "attribute": attribute(facts, scope, &said(&["read", "harmed", "open", "excluded"])),
        "discovery_method": { "unknown": true },
        "targeted": "Unknown",
        "plus": { "created": now, "modified": now },
    })
}

fn timeline(facts: &Facts, now: Timestamp) -> Value {
    let begun = facts.instant("occurred_from");
    let at = begun.unwrap_or(now);
    let mut incident = Map::new();
    if let Ok(at) = jiff::Timestamp::from_second(at.0.div_euclid(1_000_000_000)) {
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        incident.insert("year".to_owned(), json!(day.year()));
        if begun.is_some() {
            incident.insert("month".to_owned(), json!(day.month()));
            incident.insert("day".to_owned(), json!(day.day()));
        }
    }
    let mut timeline = json!({ "incident": incident });
    if let Some((from, to)) = begun
        .zip(facts.instant("detected_at"))
        .filter(|(from, to)| to >= from)
    {
        let minutes = to.0.saturating_sub(from.0) / 60_000_000_000;
        timeline["discovery"] = json!({ "unit": "Minutes", "value": minutes });
    }
    timeline
}

fn actor(facts: &Facts) -> Value {
    let unknown = json!({ "variety": ["Unknown"], "motive": ["Unknown"], "country": ["Unknown"] });
    match facts.flag("external_intrusion") {
        Some(true) => json!({ "external": unknown }),
        _ => json!({ "unknown": { "notes": "nobody said whether the intruder came from outside" } }),
    }
}

/// What the trace starts from is all that is known of the means.
fn action(facts: &Facts, scope: Option<&Scope>, notes: &str) -> Value {
    let credential = scope.is_some_and(|scope| {
        let seeds = scope.trace.iter().filter(|hop| hop.rule == "seed");
        seeds
            .into_iter()
            .any(|hop| ["session", "token", "account"].contains(&hop.to.kind.name()))
    });
    let notes = if notes.is_empty() {
        "nothing is known of it"
    } else {
        notes
    };
    match (credential, facts.flag("external_intrusion")) {
        (true, Some(true)) => json!({
            "hacking": { "variety": ["Use of stolen creds"], "vector": ["Unknown"], "notes": notes },
        }),
        _ => json!({ "unknown": { "notes": notes } }),
    }
}

fn asset(scope: Option<&Scope>) -> &'static str {
    let databases = scope.is_some_and(|scope| scope.accesses.iter().any(|access| access.store.is_some()));
    if databases { "S - Database" } else { "Unknown" }
}

fn attribute(facts: &Facts, scope: Option<&Scope>, notes: &str) -> Value {
    let none = BTreeMap::new();
    let effect = |name: &str| scope.and_then(|scope| scope.effects.get(name)).unwrap_or(&none);
    let mut attribute = Map::new();
    let read = effect("read");
    let disclosure = match (certain(read), possible(read), facts.words("effects")) {
        (true, _, _) => Some("Yes"),
        (false, true, _) => Some("Potentially"),
        (false, false, Some(said)) if scope.is_none() && said.contains("read") => Some("Yes"),
        (false, false, _) => None,
    };
    if let Some(disclosure) = disclosure {
        let mut confidentiality = json!({ "data_disclosure": disclosure, "data_victim": ["Unknown"] });
        let data = data(read, facts);
        if !data.is_empty() {
            confidentiality["data"] = json!(data);
        }
        if let Some(records) = facts.count("records").and_then(exact) {
            confidentiality["data_total"] = json!(records);
        }
        if !notes.is_empty() {
            confidentiality["notes"] = json!(notes);
        }
        attribute.insert("confidentiality".to_owned(), confidentiality);
    }
    if certain(effect("changed")) {
        attribute.insert("integrity".to_owned(), json!({ "variety": ["Modify data"] }));
    }
    let lost: Vec<&str> = [("destroyed", "Destruction"), ("unavailable", "Interruption")]
        .into_iter()
        .filter(|(name, _)| certain(effect(name)))
        .map(|(_, variety)| variety)
        .collect();
    if !lost.is_empty() {
        attribute.insert("availability".to_owned(), json!({ "variety": lost }));
    }
    if attribute.is_empty() {
        let notes = if notes.is_empty() {
            "nothing is known of it"
        } else {
            notes
        };
        attribute.insert("unknown".to_owned(), json!({ "notes": notes }));
    }
    Value::Object(attribute)
}

/// One entry a variety: the classes of a scope that certainly were read. What may have been stands in the notes.
fn data(read: &BTreeMap<String, Bounds>, facts: &Facts) -> Vec<Value> {
    let mut by: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    let said = facts
        .words("classes")
        .into_iter()
        .flatten()
        .map(|class| (class, None));
    let shown = read
        .iter()
        .filter(|(_, bounds)| bounds.at_least > 0)
        .map(|(class, bounds)| (class, exact(bounds.clone())));
    let all: Vec<(&String, Option<u64>)> = if read.is_empty() {
        said.collect()
    } else {
        shown.collect()
    };
    for (class, amount) in all {
        // Persons of several classes of one variety may be the same.
        by.entry(variety(class))
            .and_modify(|known| *known = None)
            .or_insert(amount);
    }
    by.into_iter()
        .map(|(variety, amount)| match amount {
            Some(amount) => json!({ "variety": variety, "amount": amount }),
            None => json!({ "variety": variety }),
        })
        .collect()
}

fn variety(class: &str) -> &'static str {
    match class {
        "credential" => "Credentials",
        "payment" => "Payment",
        "financial" => "Bank",
        "health" | "genetic" => "Medical",
        "internal" => "Internal",
        _ => "Personal",
    }
}

fn exact(bounds: Bounds) -> Option<u64> {
    bounds.at_most.filter(|most| *most == bounds.at_least)
}

fn certain(classes: &BTreeMap<String, Bounds>) -> bool {
    classes.values().any(|bounds| bounds.at_least > 0)
}

fn possible(classes: &BTreeMap<String, Bounds>) -> bool {
    classes.values().any(|bounds| bounds.at_most != Some(0))
}
