//! The examples of the guidance as facts, with the decisions that they reach: what the assessment is held against.

use super::Decision;
use crate::fact::{Fact, Facts, Provenance, Value};
use ambit_event::Timestamp;
use ambit_scope::Bounds;
use serde::Deserialize;
use std::collections::BTreeMap;

const FILES: [&str; 2] = [
    include_str!("../../cases/edpb.toml"),
    include_str!("../../cases/wp250.toml"),
];

/// One example.
#[derive(Debug, Clone)]
pub struct Case {
    /// Such as `edpb-11` or `wp250-iv`.
    pub id: String,
    pub title: String,
    pub citation: String,
    /// How sure it is that the guidance decides so.
    pub confidence: String,
    pub facts: Facts,
    pub authority: Decision,
    pub persons: Decision,
    pub flips: Vec<Flip>,
}

/// The same with facts changed.
#[derive(Debug, Clone)]
pub struct Flip {
    pub why: String,
    pub facts: Facts,
    pub authority: Decision,
    pub persons: Decision,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<RawCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    id: String,
    title: String,
    citation: String,
    confidence: String,
    facts: BTreeMap<String, RawValue>,
    authority: Decision,
    persons: Decision,
    #[serde(default)]
    flip: Vec<RawFlip>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFlip {
    why: String,
    facts: BTreeMap<String, RawValue>,
    authority: Decision,
    persons: Decision,
}

/// A flag, words, the two ends of a count, or `"unset"`.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum RawValue {
    Flag(bool),
    Words(Vec<String>),
    Count(Vec<u64>),
    Unset(Unset),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unset {
    Unset,
}

/// All examples; a file that cannot be read gives none, and a test counts them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let files = FILES.iter().filter_map(|text| toml::from_str::<File>(text).ok());
    files.flat_map(|file| file.case).map(case).collect()
}

fn case(raw: RawCase) -> Case {
    let mut facts = Facts::default();
    change(&mut facts, &raw.facts, &raw.citation);
    let flips = raw.flip.into_iter().map(|flip| {
        let mut changed = facts.clone();
        change(&mut changed, &flip.facts, &flip.why);
        Flip {
            why: flip.why,
            facts: changed,
            authority: flip.authority,
            persons: flip.persons,
        }
    });
    Case {
        flips: flips.collect(),
        id: raw.id,
        title: raw.title,
        citation: raw.citation,
        confidence: raw.confidence,
        facts,
        authority: raw.authority,
        persons: raw.persons,
    }
}

fn change(facts: &mut Facts, said: &BTreeMap<String, RawValue>, entry: &str) {
    for (name, raw) in said {
        let value = match raw.clone() {
            RawValue::Flag(flag) => Value::Flag(flag),
            RawValue::Words(words) => Value::Words(words.into_iter().collect()),
            RawValue::Count(ends) => Value::Count(Bounds {
                at_least: ends.first().copied().unwrap_or(0),
                at_most: ends.get(1).copied(),
                because: Vec::new(),
            }),
            RawValue::Unset(Unset::Unset) => {
                facts.unset(name);
                continue;
            }
        };
        let provenance = Provenance::Signed {
            entry: entry.to_owned(),
            by: "the guidance".to_owned(),
            at: Timestamp::from_secs(0),
        };
        let taken = facts.set(name, Fact { value, provenance });
        debug_assert_eq!(taken, Ok(()), "{entry}: {name}");
    }
}
