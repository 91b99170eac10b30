//! What really happened, and what the best possible answer is.

use crate::gap::GapKind;
use crate::plan::Plan;
use crate::service::CLASSES;
use crate::world::{User, World};
use ambit_event::{Span, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One record of the intruder's doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrueEvent {
    pub source: String,
    pub host: String,
    /// When its producer wrote it, by that host's own clock.
    pub at: Timestamp,
    /// What the intruder did, in one or two words.
    pub deed: String,
    /// Where the record stands; `None` where it was lost.
    pub found: Option<Found>,
    /// How it was lost; `None` where it stands.
    pub lost: Option<String>,
}

/// A place in the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Relative path.
    pub file: String,
    /// First line of the record, from 1.
    pub line: u64,
}

/// Data of one key that suffered an effect. The persons behind the key are in [`Truth::persons`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pair {
    pub key: String,
    pub class: String,
    pub effect: String,
}

/// A person whose data was touched, with all keys that the service knows the person by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    pub person: String,
    pub keys: Vec<String>,
}

/// A hole that was cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MadeGap {
    pub source: String,
    pub host: String,
    pub span: Span,
    pub kind: String,
    pub n_records: u64,
}

/// At least and at most so many persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    pub at_least: u64,
    pub at_most: u64,
}

/// What is known of a drill, and what its investigator would start from. Written as `truth.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Truth {
    pub plan: Plan,
    pub window: Span,
    /// Persons in the service.
    pub population: u64,
    /// Keys in the service.
    pub n_keys: u64,
    /// Records that were written, the lost ones left out.
    pub n_records: u64,
    /// As `ambit scope --seed` takes them.
    pub seeds: Vec<String>,
    /// The bounds that the evidence allows are the truth itself.
    pub exact: bool,
    /// The intruder's records, by time.
    pub events: Vec<TrueEvent>,
    pub persons: Vec<Person>,
    pub pairs: Vec<Pair>,
    /// Business documents that were read.
    pub internal: Vec<String>,
    pub gaps: Vec<MadeGap>,
    /// First and last record of the intruder's.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// When somebody first noticed something.
    pub noticed_at: Timestamp,
    pub noticed: String,
    /// Persons by class whose data was read, for exact drills; every class is there.
    pub expects: Option<BTreeMap<String, Range>>,
    /// Accounts that were used from the version with the hole.
    pub n_exposed: u64,
}

impl Truth {
    /// The keys whose data of this class suffered this effect.
    #[must_use]
    pub fn keys(&self, class: &str, effect: &str) -> BTreeSet<&str> {
        self.pairs
            .iter()
            .filter(|pair| pair.class == class && pair.effect == effect)
            .map(|pair| pair.key.as_str())
            .collect()
    }

    /// Whether the data of a person whom the service knows by this key suffered the effect, be it under
    /// another key of the same person.
    #[must_use]
    pub fn holds(&self, key: &str, class: &str, effect: &str) -> bool {
        let touched = self.keys(class, effect);
        let mut same = self
            .persons
            .iter()
            .filter(|person| person.keys.iter().any(|k| k == key));
        same.any(|person| person.keys.iter().any(|k| touched.contains(k.as_str())))
    }

    /// How many persons stand behind these keys.
    #[must_use]
    pub fn n_persons(&self, keys: &BTreeSet<&str>) -> u64 {
        self.persons
            .iter()
            .filter(|person| person.keys.iter().any(|key| keys.contains(key.as_str())))
            .count() as u64
    }
}

/// Gathers the truth while the drill runs.
#[derive(Debug, Default)]
pub struct Gathered {
    pub pairs: BTreeSet<(User, &'static str, &'static str)>,
    pub internal: BTreeSet<String>,
    pub seeds: Vec<String>,
    pub events: Vec<TrueEvent>,
    pub gaps: BTreeMap<(usize, Timestamp, GapKind), MadeGap>,
    pub n_records: u64,
    pub exposed: BTreeSet<User>,
    pub noticed_at: Option<Timestamp>,
}

impl Gathered {
    /// The user's data of these classes suffered this effect.
    pub fn touch(&mut self, user: User, classes: &[&'static str], effect: &'static str) {
        self.pairs
            .extend(classes.iter().map(|class| (user, *class, effect)));
    }

    /// Notes that records were lost in a hole, which the stream, its beginning and its kind name.
    pub fn lose(&mut self, hole: (usize, Timestamp, GapKind), made: MadeGap) {
        let n_records = made.n_records;
        self.gaps
            .entry(hole)
            .and_modify(|known| known.n_records += n_records)
            .or_insert(made);
    }

    pub fn finish(mut self, plan: &Plan, world: &World, noticed: &str) -> Truth {
        self.events
            .sort_by(|a, b| (a.at, &a.source, &a.host).cmp(&(b.at, &b.source, &b.host)));
        let users: BTreeSet<User> = self.pairs.iter().map(|(user, _, _)| *user).collect();
        let mut truth = Truth {
            plan: plan.clone(),
            window: plan.window(),
            population: world.population(),
            n_keys: u64::from(world.users),
            n_records: self.n_records,
            seeds: self.seeds,
            exact: plan.is_exact(),
            first: self.events.first().map(|e| e.at),
            last: self.events.last().map(|e| e.at),
            events: self.events,
            persons: persons_of(world, &users),
            pairs: named_pairs(&self.pairs),
            internal: self.internal.into_iter().collect(),
            gaps: self.gaps.into_values().collect(),
            noticed_at: self.noticed_at.unwrap_or_else(|| plan.window().until),
            noticed: noticed.to_owned(),
            expects: None,
            n_exposed: self.exposed.len() as u64,
        };
        truth.gaps.sort();
        truth.expects = truth.exact.then(|| expected(&truth));
        truth
    }
}

fn named_pairs(pairs: &BTreeSet<(User, &'static str, &'static str)>) -> Vec<Pair> {
    let mut named: Vec<Pair> = pairs
        .iter()
        .map(|(user, class, effect)| Pair {
            key: World::key(*user).to_string(),
            class: (*class).to_owned(),
            effect: (*effect).to_owned(),
        })
        .collect();
    named.sort();
    named
}

/// The persons behind these accounts, each with all keys, those that were not touched included.
fn persons_of(world: &World, users: &BTreeSet<User>) -> Vec<Person> {
    let mut found: BTreeMap<String, BTreeSet<User>> = BTreeMap::new();
    for &user in users {
        let before = user
            .checked_sub(1)
            .filter(|first| world.alias(*first) == Some(user));
        let keys = [Some(user), before, world.alias(user)];
        for person in world.persons(user) {
            found
                .entry(person)
                .or_default()
                .extend(keys.into_iter().flatten());
        }
    }
    found
        .into_iter()
        .map(|(person, users)| Person {
            person,
            keys: users
                .into_iter()
                .map(|user| World::key(user).to_string())
                .collect(),
        })
        .collect()
}

fn expected(truth: &Truth) -> BTreeMap<String, Range> {
    CLASSES
        .iter()
        .map(|class| {
            let n = truth.n_persons(&truth.keys(class, "read"));
            (
                (*class).to_owned(),
                Range {
                    at_least: n,
                    at_most: n,
                },
            )
        })
        .collect()
}
