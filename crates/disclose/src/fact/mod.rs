//! Facts with where they come from: nothing enters a duty or a text without a scope or a signature behind it.

mod from_scope;
mod known;
mod name;
mod order;
mod outrun;
mod parts;
mod read;
mod vocabulary;

pub use from_scope::Standing;
pub use known::{Conflict, Known};
pub use name::check_name;
pub use order::check_period;
pub use outrun::outrun;
pub use read::{is_place, told};
pub use vocabulary::{Kind, RISKS, Term, VOCABULARY, term, wants_knower};

use ambit_event::Timestamp;
use ambit_scope::{Bounds, Residence, TableOfResidence, Territory};
use name::ONE_STATE;
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
    /// A table of persons that the data map names, read with the scope of this version.
    Snapshot {
        version: u64,
        content_root: String,
        table: TableOfResidence,
    },
    /// An entry of the case's journal that a person signed.
    Signed {
        entry: String,
        by: String,
        at: Timestamp,
        /// Who knew, where the fact is that somebody knew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        knower: Option<String>,
        /// What it rests on, as the person said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<String>,
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
    /// Where the persons live, as far as a table says.
    residence: Option<Residence>,
}

/// Persons that a signature adds to those of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    AtMost(u64),
    Unbounded,
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
            None => name
                .strip_prefix("residents:")
                .and_then(|place| self.residents(place)),
        }
    }

    /// How many live in a place of which nobody signed a count: as the table of residences bounds it, else as many as
    /// there are persons.
    fn residents(&self, place: &str) -> Option<Bounds> {
        if let Some(residence) = &self.residence {
            return Some(living(residence, place));
        }
        let known = self.count("subjects");
        let around = around(place).into_iter().filter_map(|whole| self.said(&whole));
        let wholes: Vec<Bounds> = known.into_iter().chain(around).collect();
        (!wholes.is_empty()).then(|| Bounds {
            at_least: 0,
            at_most: wholes.iter().filter_map(|whole| whole.at_most).min(),
            because: vec!["nobody said how many of the persons reside there".to_owned()],
        })
    }

    /// The count of a place as somebody or something says it itself.
    fn said(&self, place: &str) -> Option<Bounds> {
        match &self.get(&format!("residents:{place}"))?.value {
            Value::Count(bounds) => Some(bounds.clone()),
            _ => None,
        }
    }

    /// The bounds that the table of residences gives for `residents:…`.
    fn residence_of(&self, name: &str) -> Option<Bounds> {
        let place = name.strip_prefix("residents:")?;
        self.residence.as_ref().map(|residence| living(residence, place))
    }

    /// Where a person lives: as somebody signed, else as the table of residences says.
    #[must_use]
    pub fn residence(&self, person: &str) -> Option<&str> {
        let told = || self.residence.as_ref()?.persons.get(person).map(String::as_str);
        self.text(&format!("residence:{person}")).or_else(told)
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

    /// Persons beside those that the table of residences was asked of may live in each place.
    fn widen_residents(&mut self, beyond: Beyond) {
        if beyond == Beyond::AtMost(0) {
            return;
        }
        let widened = |bounds: &mut Bounds| {
            bounds.at_most = match beyond {
                Beyond::AtMost(n) => bounds.at_most.map(|most| most.saturating_add(n)),
                Beyond::Unbounded => None,
            };
            bounds
                .because
                .push("a signature adds persons of whom nobody said where they live".to_owned());
        };
        if let Some(residence) = &mut self.residence {
            residence.places.values_mut().for_each(widened);
            residence.unlisted.values_mut().for_each(widened);
        }
        for (_, fact) in self
            .known
            .iter_mut()
            .filter(|(name, _)| name.starts_with("residents:"))
        {
            if let Value::Count(bounds) = &mut fact.value {
                widened(bounds);
            }
        }
    }

    pub(crate) fn live(&mut self, residence: Residence) {
        self.residence = Some(residence);
    }

    pub(crate) fn hold(&mut self, holdings: Holdings) {
        self.holdings = Some(holdings);
    }
}

/// The greater places in which all of this one lies.
fn around(place: &str) -> Vec<String> {
    if place == ONE_STATE {
        return vec!["us".to_owned()];
    }
    let read = Territory::parse(place).map(|place| place.and_around());
    let names = read.into_iter().flatten().map(|place| place.to_string());
    names.filter(|whole| whole != place).collect()
}

/// The bounds of a place; one in which nobody of the table lives has those of the nearest that says anything.
fn living(residence: &Residence, name: &str) -> Bounds {
    if name == ONE_STATE {
        return in_one_state(residence);
    }
    let unlisted = |name: &str| residence.unlisted.get(name).cloned();
    let anywhere = || unlisted("").unwrap_or_else(unknown);
    let Some(place) = Territory::parse(name) else {
        return anywhere();
    };
    let listed = residence.places.get(place.as_str()).cloned();
    let part = || place.has_region().then(|| unlisted(place.country())).flatten();
    let member = || place.is_in_union().then(|| unlisted("eu")).flatten();
    listed.or_else(part).or_else(member).unwrap_or_else(anywhere)
}

fn in_one_state(residence: &Residence) -> Bounds {
    let listed = residence
        .places
        .iter()
        .filter(|(place, _)| place.starts_with("us-"))
        .map(|(_, bounds)| bounds);
    let other = residence
        .unlisted
        .get("us")
        .or_else(|| residence.unlisted.get(""));
    let each: Vec<&Bounds> = listed.chain(other).collect();
    let at_most = each
        .iter()
        .map(|bounds| bounds.at_most)
        .collect::<Option<Vec<u64>>>();
    Bounds {
        at_least: each.iter().map(|bounds| bounds.at_least).max().unwrap_or(0),
        at_most: at_most.map(|all| all.into_iter().max().unwrap_or(0)),
        because: Vec::new(),
    }
}

const fn unknown() -> Bounds {
    Bounds {
        at_least: 0,
        at_most: None,
        because: Vec::new(),
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
                knower: None,
                evidence: None,
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
