//! Wholes and their parts: who lives in Sweden lives in the Union, and is one of all persons. A signed part raises the
//! whole; parts that are more than the whole may be are a conflict.

use super::name::ONE_STATE;
use super::{Fact, Facts, Known, Provenance, Value};
use crate::words::{list, number, range};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Territory};
use std::collections::BTreeMap;

/// A part that somebody signed, with what is certain of it.
#[derive(Clone)]
struct Part {
    name: String,
    at_least: u64,
    fact: Fact,
}

/// Raises every whole that signed parts show to be greater, from the smallest places up.
pub(super) fn raise(known: &mut Known) {
    for (whole, parts) in grouped(&known.facts, |place| {
        place.has_region().then(|| place.country().to_owned())
    }) {
        known.raised(&format!("residents:{whole}"), &parts);
    }
    one_state(known);
    let member = |place: &Territory| {
        let is_member = place.is_in_union() && !place.has_region() && place.as_str() != "eu";
        is_member.then(|| "eu".to_owned())
    };
    for (whole, parts) in grouped(&known.facts, member) {
        known.raised(&format!("residents:{whole}"), &parts);
    }
    let apart = |place: &Territory| {
        let is_apart = place.as_str() == "eu" || !(place.has_region() || place.is_in_union());
        is_apart.then(|| "subjects".to_owned())
    };
    for (whole, parts) in grouped(&known.facts, apart) {
        known.raised(&whole, &parts);
    }
    // Classes overlap in one person, places do not.
    for part in signed(&known.facts, "class:") {
        known.raised("subjects", &[part]);
    }
}

/// Most of one State are no more than all of the States.
fn one_state(known: &mut Known) {
    let name = format!("residents:{ONE_STATE}");
    let states = signed(&known.facts, "residents:us-");
    for part in states.iter().filter(|part| part.name != name) {
        known.raised(&name, std::slice::from_ref(part));
    }
    let most = signed(&known.facts, &name);
    for part in most {
        known.raised("residents:us", &[part]);
    }
}

fn signed(facts: &Facts, prefix: &str) -> Vec<Part> {
    let each = facts.iter().filter_map(|(name, fact)| {
        let Value::Count(bounds) = &fact.value else {
            return None;
        };
        let counts = name.starts_with(prefix)
            && bounds.at_least > 0
            && matches!(fact.provenance, Provenance::Signed { .. });
        counts.then(|| Part {
            name: name.to_owned(),
            at_least: bounds.at_least,
            fact: fact.clone(),
        })
    });
    each.collect()
}

/// The signed places by the whole that each lies in.
fn grouped(facts: &Facts, whole: impl Fn(&Territory) -> Option<String>) -> BTreeMap<String, Vec<Part>> {
    let mut all: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    for part in signed(facts, "residents:") {
        let place = part.name.strip_prefix("residents:").and_then(Territory::parse);
        let place = place.filter(|place| part.name.ends_with(place.as_str()));
        if let Some(whole) = place.and_then(|place| whole(&place)) {
            all.entry(whole).or_default().push(part);
        }
    }
    all
}

impl Known {
    /// The whole is no smaller than parts that do not overlap are together.
    fn raised(&mut self, whole: &str, parts: &[Part]) {
        let sum = parts
            .iter()
            .fold(0u64, |sum, part| sum.saturating_add(part.at_least));
        let shown = self.facts.count(whole).unwrap_or(Bounds {
            at_least: 0,
            at_most: None,
            because: Vec::new(),
        });
        let Some(newest) = parts.iter().max_by_key(|part| signed_at(&part.fact)) else {
            return;
        };
        if sum <= shown.at_least {
            return;
        }
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let names = list(&names, "and");
        let said = self.facts.get(whole).filter(|fact| signed_at(fact).is_some());
        // A whole that nobody counted has its bound from a greater one, of which the same will be told.
        let is_counted = self.facts.get(whole).is_some() || self.facts.residence_of(whole).is_some();
        if is_counted && shown.at_most.is_some_and(|most| most < sum) {
            let (name, signed) = match said {
                Some(fact) => (whole.to_owned(), fact.clone()),
                None => (newest.name.clone(), newest.fact.clone()),
            };
            self.conflicts.push(super::Conflict {
                name,
                signed,
                because: format!(
                    "{names} {} {} at least, and {whole} is bounded by {}",
                    if parts.len() == 1 { "is" } else { "are together" },
                    number(sum),
                    range(&shown)
                ),
            });
        }
        let mut because = shown.because;
        because.push(format!("{names} alone show {} at least", number(sum)));
        let value = Value::Count(Bounds {
            at_least: sum,
            at_most: shown.at_most.map(|most| most.max(sum)),
            because,
        });
        let provenance = newest.fact.provenance.clone();
        let taken = self.facts.set(whole, Fact { value, provenance });
        debug_assert_eq!(taken, Ok(()), "the vocabulary has wholes");
    }
}

fn signed_at(fact: &Fact) -> Option<Timestamp> {
    match &fact.provenance {
        Provenance::Signed { at, .. } => Some(*at),
        _ => None,
    }
}
