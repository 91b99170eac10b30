//! Facts for tests, short to write.

use ambit_disclose::{Fact, Facts, Provenance, Value};
use ambit_event::Timestamp;
use ambit_scope::Bounds;

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn fact(value: Value) -> Fact {
    let provenance = Provenance::Signed {
        entry: "12".into(),
        by: "the privacy officer".into(),
        at: at("2026-01-01T00:00:00Z"),
    };
    Fact { value, provenance }
}

pub fn flag(facts: &mut Facts, name: &str, flag: bool) {
    facts.set(name, fact(Value::Flag(flag))).unwrap();
}

pub fn words(facts: &mut Facts, name: &str, words: &[&str]) {
    let words = words.iter().map(|w| (*w).to_owned()).collect();
    facts.set(name, fact(Value::Words(words))).unwrap();
}

pub fn instant(facts: &mut Facts, name: &str, text: &str) {
    facts.set(name, fact(Value::Instant(at(text)))).unwrap();
}

pub fn count(facts: &mut Facts, name: &str, at_least: u64, at_most: Option<u64>) {
    let bounds = Bounds {
        at_least,
        at_most,
        because: Vec::new(),
    };
    facts.set(name, fact(Value::Count(bounds))).unwrap();
}
