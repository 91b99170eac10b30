//! Facts with where they come from: nothing enters a duty or a text without a scope or a signature behind it.

mod from_scope;
mod vocabulary;

pub use from_scope::Standing;
pub use vocabulary::{Kind, RISKS, Term, VOCABULARY, term};

use ambit_event::Timestamp;
use ambit_scope::Bounds;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Flag(bool),
    /// Persons, records or clients, with their doubt.
    Count(Bounds),
    Instant(Timestamp),
    /// Words of the term's list; a term that takes one word holds a set of one.
    Words(BTreeSet<String>),
    Text(String),
}

/// Who or what stands behind a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The scope of this case, computed at this version of the lake.
    ScopeAt { version: u64, content_root: String },
    /// An entry of the case's journal that a person signed.
    Signed {
        entry: String,
        by: String,
        at: Timestamp,
    },
}

/// A value that somebody or something answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub value: Value,
    pub provenance: Provenance,
}

/// Who holds which class, as far as records name persons: law asks for combinations in one person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// Person, then the classes of theirs that were certainly reached.
    pub certain: BTreeMap<String, BTreeSet<String>>,
}

/// Everything that is known, by the names of the vocabulary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    known: BTreeMap<String, Fact>,
    holdings: Option<Holdings>,
}

/// Why a fact was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The vocabulary has no such name.
    Unknown { name: String },
    /// The value is of another kind than the name wants.
    WrongKind { name: String, expected: Kind },
    /// The word is none of those that the name takes.
    NoSuchWord { name: String, word: String },
}

impl Facts {
    /// Takes a fact; a later one of the same name stands in its place.
    ///
    /// # Errors
    /// Where the vocabulary does not know the name or takes another kind of value.
    pub fn set(&mut self, name: &str, fact: Fact) -> Result<(), Refused> {
        let term = term(name).ok_or_else(|| Refused::Unknown {
            name: name.to_owned(),
        })?;
        if !term.kind.takes(&fact.value) {
            return Err(Refused::WrongKind {
                name: name.to_owned(),
                expected: term.kind,
            });
        }
        if let (Value::Words(words), Some(strange)) = (&fact.value, term.stranger(&fact.value)) {
            debug_assert!(words.contains(&strange));
            return Err(Refused::NoSuchWord {
                name: name.to_owned(),
                word: strange,
            });
        }
        self.known.insert(name.to_owned(), fact);
        Ok(())
    }

    /// Forgets a fact, so that whoever needs it asks again.
    pub fn unset(&mut self, name: &str) {
        self.known.remove(name);
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.known.get(name)
    }

    /// All facts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.known.iter().map(|(name, fact)| (name.as_str(), fact))
    }

    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    #[must_use]
    pub fn instant(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)?.value {
            Value::Instant(at) => Some(at),
            _ => None,
        }
    }

    #[must_use]
    pub fn words(&self, name: &str) -> Option<&BTreeSet<String>> {
        match &self.get(name)?.value {
            Value::Words(words) => Some(words),
            _ => None,
        }
    }

    /// The one word of a term that takes one.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        self.words(name)?.first().map(String::as_str)
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A count as it is known. Persons of some residence are some of all persons, so that the whole bounds the
    /// part where nobody said how many.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<Bounds> {
        match self.get(name).map(|fact| &fact.value) {
            Some(Value::Count(bounds)) => Some(bounds.clone()),
            Some(_) => None,
            None if name.starts_with("residents:") => self.count("subjects").map(|all| Bounds {
                at_least: 0,
                at_most: all.at_most,
                because: vec!["nobody said how many of the persons reside there".to_owned()],
            }),
            None => None,
        }
    }

    /// In how many persons all of these classes meet.
    #[must_use]
    pub fn combined(&self, classes: &[String], effect: &str) -> Option<Bounds> {
        let each: Option<Vec<Bounds>> = classes
            .iter()
            .map(|class| self.count(&format!("class:{class}:{effect}")))
            .collect();
        let each = each?;
        let most = each.iter().filter_map(|bounds| bounds.at_most).min();
        let least = match (each.as_slice(), &self.holdings) {
            ([one], _) => one.at_least,
            (_, Some(held)) if effect == "read" => held.n_with(classes),
            _ => 0,
        };
        Some(Bounds {
            at_least: least,
            at_most: most,
            because: Vec::new(),
        })
    }

    pub(crate) fn hold(&mut self, holdings: Holdings) {
        self.holdings = Some(holdings);
    }
}

impl Holdings {
    fn n_with(&self, classes: &[String]) -> u64 {
        let all = |held: &&BTreeSet<String>| classes.iter().all(|class| held.contains(class));
        self.certain.values().filter(all).count() as u64
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signed(value: Value) -> Fact {
        Fact {
            value,
            provenance: Provenance::Signed {
                entry: "7".into(),
                by: "the privacy officer".into(),
                at: Timestamp::from_secs(0),
            },
        }
    }

    fn count(at_least: u64, at_most: Option<u64>) -> Fact {
        signed(Value::Count(Bounds {
            at_least,
            at_most,
            because: Vec::new(),
        }))
    }

    #[test]
    fn a_fact_of_another_name_kind_or_word_is_refused() {
        let mut facts = Facts::default();
        assert!(matches!(
            facts.set("awares", signed(Value::Flag(true))),
            Err(Refused::Unknown { .. })
        ));
        assert!(matches!(
            facts.set("aware_at", signed(Value::Flag(true))),
            Err(Refused::WrongKind { .. })
        ));
        let words = |word: &str| signed(Value::Words(BTreeSet::from([word.to_owned()])));
        assert!(matches!(
            facts.set("encryption", words("rot13")),
            Err(Refused::NoSuchWord { .. })
        ));
        assert_eq!(facts.set("encryption", words("strong")), Ok(()));
        assert_eq!(facts.word("encryption"), Some("strong"));
    }

    #[test]
    fn residents_are_bounded_by_all_persons_where_nobody_said() {
        let mut facts = Facts::default();
        assert_eq!(facts.count("residents:us-ca"), None);
        facts.set("subjects", count(3, Some(40))).unwrap();
        let bounds = facts.count("residents:us-ca").unwrap();
        assert_eq!((bounds.at_least, bounds.at_most), (0, Some(40)));
    }

    #[test]
    fn a_combination_needs_both_in_one_person() {
        let mut facts = Facts::default();
        facts.set("class:identity:read", count(2, Some(9))).unwrap();
        facts.set("class:payment:read", count(2, None)).unwrap();
        let both = ["identity".to_owned(), "payment".to_owned()];
        let bounds = facts.combined(&both, "read").unwrap();
        assert_eq!((bounds.at_least, bounds.at_most), (0, Some(9)));
        let person = |classes: &[&str]| classes.iter().map(|c| (*c).to_owned()).collect();
        facts.hold(Holdings {
            certain: BTreeMap::from([
                ("user:1".to_owned(), person(&["identity", "payment"])),
                ("user:2".to_owned(), person(&["identity"])),
            ]),
        });
        assert_eq!(facts.combined(&both, "read").unwrap().at_least, 1);
        assert_eq!(facts.combined(&["health".to_owned()], "read"), None);
    }
}
