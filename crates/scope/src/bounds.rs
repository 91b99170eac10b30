//! From contributions to numbers: who is confirmed, who cannot be excluded, and how many that is.

use crate::account::Contribution;
use crate::map::{Completion, DataMap, Effect, Persons, Who};
use crate::{Bounds, Grade, InternalAccess, Pair, Subjects, Unnamed};
use ambit_event::EventId;
use std::collections::{BTreeMap, BTreeSet};

/// Domain, key, class and effect.
type PairKey = (String, String, String, Effect);

/// The strongest grade with all evidence.
type Graded = (Grade, BTreeSet<EventId>);

/// Everything the contributions say, class by class.
#[derive(Debug, Default)]
pub struct Tally {
    pairs: BTreeMap<PairKey, Graded>,
    pub unnamed: BTreeSet<Unnamed>,
    /// Stores whose whole population cannot be excluded, whatever the class: the trace was cut.
    reasons: BTreeMap<(String, Effect), BTreeSet<String>>,
}

const MOST_EVIDENCE: usize = 8;

impl Tally {
    #[must_use]
    pub fn of(contributions: &[Contribution], map: &DataMap) -> Self {
        let mut tally = Self::default();
        // To make one of all aliases takes longer than to count what an event touched.
        let mut persons: BTreeMap<&str, Persons> = BTreeMap::new();
        for c in contributions {
            for g in &c.touches {
                let subject = &g.touch.subject;
                let persons = persons.entry(subject).or_insert_with(|| map.persons(subject));
                tally.touch(c, g, persons);
            }
        }
        tally
    }

    fn touch(&mut self, c: &Contribution, g: &crate::account::Graded, persons: &Persons) {
        let touch = &g.touch;
        for class in &touch.classes {
            if g.grade < Grade::Certain {
                self.reasons
                    .entry((class.clone(), touch.effect))
                    .or_default()
                    .insert(reason_of(c, g));
            }
        }
        match &touch.who {
            Who::Keys(keys) => {
                for key in keys {
                    for class in &touch.classes {
                        let at = (
                            touch.subject.clone(),
                            persons.canonical(key).to_owned(),
                            class.clone(),
                            touch.effect,
                        );
                        let (grade, evidence) = self.pairs.entry(at).or_insert((g.grade, BTreeSet::new()));
                        *grade = (*grade).max(g.grade);
                        evidence.insert(c.event);
                    }
                }
            }
            Who::AtMost(n) => self.unnamed(c, g, Some(*n), None),
            Who::Part { name, at_most } => self.unnamed(c, g, Some(*at_most), Some(name)),
            Who::Everyone => self.unnamed(c, g, None, None),
        }
    }

    fn unnamed(
        &mut self,
        c: &Contribution,
        g: &crate::account::Graded,
        at_most: Option<u64>,
        part: Option<&String>,
    ) {
        self.unnamed.insert(Unnamed {
            subject: g.touch.subject.clone(),
            store: g.touch.store.clone(),
            classes: g.touch.classes.iter().cloned().collect(),
            effect: g.touch.effect.name().to_owned(),
            at_most,
            because: g.because.clone(),
            gap: c.gap.clone(),
            evidence: if c.event == EventId::default() {
                Vec::new()
            } else {
                vec![c.event]
            },
            part: part.cloned(),
        });
    }

    /// The pairs, ordered, each with at most eight events of evidence.
    #[must_use]
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = self
            .pairs
            .iter()
            .map(|((subject, key, class, effect), (grade, evidence))| Pair {
                subject: subject.clone(),
                key: key.clone(),
                class: class.clone(),
                effect: effect.name().to_owned(),
                grade: *grade,
                evidence: evidence.iter().copied().take(MOST_EVIDENCE).collect(),
            })
            .collect();
        pairs.sort();
        pairs
    }

    /// Classes that the map knows or that were touched, for every effect that was.
    #[must_use]
    pub fn classes(&self, map: &DataMap) -> BTreeSet<String> {
        let tables = map
            .stores
            .iter()
            .flat_map(|s| s.tables.iter().flat_map(|t| t.classes.values()).chain(&s.classes));
        let known = tables
            .chain(map.operations.iter().flat_map(|o| &o.classes))
            .filter(|c| !c.is_empty())
            .cloned();
        known
            .chain(self.pairs.keys().map(|(_, _, class, _)| class.clone()))
            .chain(self.unnamed.iter().flat_map(|u| u.classes.clone()))
            .collect()
    }

    /// How many persons' data of the class suffered the effect.
    #[must_use]
    pub fn bounds(&self, map: &DataMap, class: &str, effect: Effect) -> Bounds {
        let of = |c: &str, e: Effect| c == class && e == effect;
        let named = self
            .pairs
            .iter()
            .filter(|((_, _, c, e), _)| of(c, *e))
            .map(|((s, k, _, _), (g, _))| (s, k, *g));
        let unnamed = self
            .unnamed
            .iter()
            .filter(|u| u.effect == effect.name() && u.classes.iter().any(|c| c == class));
        let (at_least, at_most) = over(map, &domains(named, unnamed));
        let because = self
            .reasons
            .get(&(class.to_owned(), effect))
            .cloned()
            .unwrap_or_default();
        let because = if at_most == Some(at_least) {
            Vec::new()
        } else {
            condense(because)
        };
        Bounds {
            at_least,
            at_most,
            because,
        }
    }

    /// Each named person with the strongest grade that any class of it has.
    fn best(&self) -> BTreeMap<(&String, &String), Grade> {
        let mut best: BTreeMap<(&String, &String), Grade> = BTreeMap::new();
        for ((subject, key, _, _), (grade, _)) in &self.pairs {
            let known = best.entry((subject, key)).or_insert(*grade);
            *known = (*known).max(*grade);
        }
        best
    }

    /// The persons of each domain, all classes and effects together.
    pub(crate) fn domains(&self) -> BTreeMap<&str, Domain> {
        let best = self.best();
        let named = best.iter().map(|((s, k), g)| (*s, *k, *g));
        // The same persons of one access stand in several entries, one for each effect: count them once.
        let mut once: BTreeMap<_, &Unnamed> = BTreeMap::new();
        for u in &self.unnamed {
            let at = (&u.evidence, &u.subject, &u.store, u.gap.as_ref());
            let known = once.entry(at).or_insert(u);
            if widest(u.at_most) > widest(known.at_most) {
                *known = u;
            }
        }
        domains(named, once.into_values())
    }

    /// All classes and effects together.
    #[must_use]
    pub fn subjects(&self, map: &DataMap) -> Subjects {
        let best = self.best();
        let (at_least, at_most) = over(map, &self.domains());
        let list = |grade: Grade| {
            best.iter()
                .filter(|(_, g)| **g == grade)
                .map(|((s, k), _)| format!("{s}:{k}"))
                .collect()
        };
        let because = self.reasons.values().flatten().cloned().collect();
        Subjects {
            at_least,
            at_most,
            because: if at_most == Some(at_least) {
                Vec::new()
            } else {
                condense(because)
            },
            confirmed: list(Grade::Certain),
            probable: list(Grade::Probable),
            possible: list(Grade::Possible),
            unnamed: self.unnamed.iter().cloned().collect(),
        }
    }
}

const fn widest(at_most: Option<u64>) -> u64 {
    match at_most {
        Some(n) => n,
        None => u64::MAX,
    }
}

/// The persons of one domain.
pub(crate) struct Domain {
    pub confirmed: BTreeSet<String>,
    pub all: BTreeSet<String>,
    /// Unnamed persons at most; `None`: everyone.
    pub unnamed: Option<u64>,
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            confirmed: BTreeSet::new(),
            all: BTreeSet::new(),
            unnamed: Some(0),
        }
    }
}

impl Domain {
    /// Persons that are provably distinct, and those that the keys and unnamed persons can be at most, never more
    /// than the population.
    pub fn bounds(&self, persons: &Persons) -> (u64, Option<u64>) {
        let lower = persons.at_least(&self.confirmed);
        let upper = match self.unnamed {
            Some(n) => Some(persons.at_most(&self.all).saturating_add(n)),
            None => persons.population(),
        };
        let upper = match (upper, persons.population()) {
            (Some(n), Some(all)) => Some(n.min(all.max(lower))),
            (upper, _) => upper,
        };
        (lower, upper)
    }
}

/// Persons over all domains. Two domains may hold the same person, so the lower bound is that of the largest.
fn over(map: &DataMap, domains: &BTreeMap<&str, Domain>) -> (u64, Option<u64>) {
    let mut at_least = 0;
    let mut at_most = Some(0u64);
    for (subject, domain) in domains {
        let (lower, upper) = domain.bounds(&map.persons(subject));
        at_least = at_least.max(lower);
        at_most = at_most.zip(upper).map(|(a, b)| a.saturating_add(b));
    }
    (at_least, at_most)
}

fn domains<'a>(
    named: impl Iterator<Item = (&'a String, &'a String, Grade)>,
    unnamed: impl Iterator<Item = &'a Unnamed>,
) -> BTreeMap<&'a str, Domain> {
    let mut domains: BTreeMap<&str, Domain> = BTreeMap::new();
    for (subject, key, grade) in named {
        let domain = domains.entry(subject).or_default();
        domain.all.insert(key.clone());
        if grade == Grade::Certain {
            domain.confirmed.insert(key.clone());
        }
    }
    let mut parts = BTreeSet::new();
    for u in unnamed {
        let domain = domains.entry(&u.subject).or_default();
        if u.part.is_none() || parts.insert((&u.subject, &u.part)) {
            domain.unnamed = domain.unnamed.zip(u.at_most).map(|(a, b)| a.saturating_add(b));
        }
    }
    domains
}

fn reason_of(c: &Contribution, g: &crate::account::Graded) -> String {
    match (&c.gap, c.grade) {
        (Some(gap), _) => format!("{} ({gap})", c.because),
        (None, Grade::Certain) => g.because.clone(),
        (None, grade) => format!(
            "it is {grade}, not certain, that the intruder did `{}`",
            c.operation
        ),
    }
}

/// At most twelve reasons, the rest counted.
fn condense(because: BTreeSet<String>) -> Vec<String> {
    let more = because.len().saturating_sub(12);
    let mut out: Vec<String> = because.into_iter().take(12).collect();
    if more > 0 {
        out.push(format!("and {more} more reasons of this kind"));
    }
    out
}

/// Stored items: at least one for each confirmed person and store, and each one that a sure record names; at most
/// what the accesses can have held, those that are named counted once.
#[must_use]
pub fn records(contributions: &[Contribution]) -> Bounds {
    let mut confirmed = BTreeSet::new();
    let mut named = BTreeSet::new();
    let mut sure = BTreeSet::new();
    let mut beside = Some(0u64);
    let mut open = BTreeSet::new();
    for c in contributions.iter().filter(|c| !c.touches.is_empty()) {
        for g in c.touches.iter().filter(|g| g.grade == Grade::Certain) {
            if let Who::Keys(keys) = &g.touch.who {
                confirmed.extend(keys.iter().map(|k| (&g.touch.store, &g.touch.subject, k)));
            }
        }
        let names = c.record_names.iter().map(|name| (&c.store, name));
        named.extend(names.clone());
        if all_told(c) {
            sure.extend(names);
        }
        let unnamed = c.records.map(|n| n.saturating_sub(len(&c.record_names)));
        beside = beside.zip(unnamed).map(|(a, b)| a.saturating_add(b));
        if c.records.is_none() {
            open.insert(format!(
                "nothing says how many records `{}` returned at most",
                c.operation
            ));
        }
    }
    let at_least = len(&confirmed).max(len(&sure));
    let at_most = beside.map(|n| n.saturating_add(len(&named)));
    Bounds {
        at_least,
        at_most: at_most.map(|n| n.max(at_least)),
        because: condense(open),
    }
}

fn len<T>(set: &BTreeSet<T>) -> u64 {
    u64::try_from(set.len()).unwrap_or(u64::MAX)
}

/// Whether each record that is named was surely reached: of several some may not exist, unless the producer counts
/// as many.
fn all_told(c: &Contribution) -> bool {
    let counted = c.records == Some(len(&c.record_names));
    c.grade == Grade::Certain && c.completion == Completion::Done && counted
}

/// Internal data that was reached, by store and object.
#[must_use]
pub fn internal(contributions: &[Contribution]) -> Vec<InternalAccess> {
    let mut by: BTreeMap<_, (Grade, Option<u64>, BTreeSet<EventId>)> = BTreeMap::new();
    for c in contributions {
        for touch in &c.internal {
            let at = (touch.store.clone(), touch.object.clone(), touch.effect);
            let (grade, records, evidence) = by.entry(at).or_insert((c.grade, Some(0), BTreeSet::new()));
            *grade = (*grade).max(c.grade);
            *records = records.zip(touch.records).map(|(a, b)| a.saturating_add(b));
            evidence.insert(c.event);
        }
    }
    by.into_iter()
        .map(
            |((store, object, effect), (grade, at_most, evidence))| InternalAccess {
                store,
                object,
                effect: effect.name().to_owned(),
                grade,
                records: Bounds {
                    at_least: 0,
                    at_most,
                    because: if at_most.is_none() {
                        vec!["nothing says how many records were returned".to_owned()]
                    } else {
                        Vec::new()
                    },
                },
                evidence: evidence.into_iter().take(MOST_EVIDENCE).collect(),
            },
        )
        .collect()
}
