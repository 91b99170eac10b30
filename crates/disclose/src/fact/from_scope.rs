//! What a scope tells, as facts: counts with their bounds, classes by effect, persons' combinations, instants.

use super::{Fact, Facts, Holdings, Provenance, Value};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Grade, Pair, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// A scope with the version of the lake that it was computed at.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'s> {
    pub version: u64,
    pub scope: &'s Scope,
}

impl Standing<'_> {
    /// The facts that the logs know. What they cannot know (who lives where, who was aware when) is not here.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let scope = self.scope;
        let persons = Bounds {
            at_least: scope.subjects.at_least,
            at_most: scope.subjects.at_most,
            because: scope.subjects.because.clone(),
        };
        self.breach(&mut facts, &persons);
        self.put(&mut facts, "subjects", Value::Count(persons));
        self.put(&mut facts, "records", Value::Count(scope.records.clone()));
        for (effect, classes) in &scope.effects {
            for (class, bounds) in classes {
                self.put(
                    &mut facts,
                    &format!("class:{class}:{effect}"),
                    Value::Count(bounds.clone()),
                );
            }
        }
        self.words(&mut facts);
        self.instants(&mut facts);
        facts.hold(held(&scope.pairs));
        self.residence(&mut facts);
        facts
    }

    /// Where the persons live, each place with the bounds that the scope and the table give.
    fn residence(&self, facts: &mut Facts) {
        let Some((residence, table)) = self
            .scope
            .residence
            .as_ref()
            .and_then(|r| Some((r, r.tables.first()?)))
        else {
            return;
        };
        let provenance = Provenance::Snapshot {
            version: self.version,
            content_root: self.scope.content_root.clone(),
            table: table.clone(),
        };
        for (place, bounds) in &residence.places {
            let fact = Fact {
                value: Value::Count(bounds.clone()),
                provenance: provenance.clone(),
            };
            let taken = facts.set(&format!("residents:{place}"), fact);
            debug_assert_eq!(taken, Ok(()), "the vocabulary has residents");
        }
        facts.live(residence.clone());
    }

    /// Whether personal data was reached at all: undecided where it can neither be shown nor excluded.
    fn breach(&self, facts: &mut Facts, persons: &Bounds) {
        let touched = |bounds: &Bounds| bounds.at_least > 0;
        let affected = persons.at_least > 0
            || self
                .scope
                .effects
                .values()
                .flat_map(BTreeMap::values)
                .any(touched);
        if affected {
            self.put(facts, "personal_data_breach", Value::Flag(true));
        } else if persons.at_most == Some(0) && self.scope.unanswered.is_empty() {
            self.put(facts, "personal_data_breach", Value::Flag(false));
        }
    }

    /// Classes and effects, where none of them is in doubt; else they are asked for.
    fn words(&self, facts: &mut Facts) {
        let all = || {
            self.scope.effects.iter().flat_map(|(effect, classes)| {
                classes.iter().map(move |(class, bounds)| (effect, class, bounds))
            })
        };
        let open = |bounds: &Bounds| bounds.at_least == 0 && bounds.at_most != Some(0);
        if self.scope.effects.is_empty() || all().any(|(_, _, bounds)| open(bounds)) {
            return;
        }
        let sure = || all().filter(|(_, _, bounds)| bounds.at_least > 0);
        let known = |class: &&String| ambit_scope::CLASSES.contains(&class.as_str());
        if sure().all(|(_, class, _)| known(&class)) {
            let classes: BTreeSet<String> = sure().map(|(_, class, _)| class.clone()).collect();
            self.put(facts, "classes", Value::Words(classes));
        }
        let effects: BTreeSet<String> = sure().map(|(effect, _, _)| effect.clone()).collect();
        self.put(facts, "effects", Value::Words(effects));
    }

    fn instants(&self, facts: &mut Facts) {
        let times = &self.scope.timeline;
        let instants: [(&str, Option<Timestamp>); 4] = [
            ("occurred_from", times.first_activity),
            ("occurred_to", times.last_activity),
            ("noticeable_at", times.first_noticeable),
            ("detected_at", times.first_noticed),
        ];
        for (name, at) in instants {
            if let Some(at) = at {
                self.put(facts, name, Value::Instant(at));
            }
        }
    }

    /// The words that the logs show for certain, for `classes` and `effects`.
    pub(super) fn certainly(&self, name: &str) -> Option<BTreeSet<String>> {
        self.worded(name, |bounds| bounds.at_least > 0)
    }

    /// The words that the logs neither show nor exclude.
    pub(super) fn open(&self, name: &str) -> BTreeSet<String> {
        let open = |bounds: &Bounds| bounds.at_least == 0 && bounds.at_most != Some(0);
        let certain = self.certainly(name).unwrap_or_default();
        let all = self.worded(name, open).unwrap_or_default();
        all.difference(&certain).cloned().collect()
    }

    fn worded(&self, name: &str, fits: impl Fn(&Bounds) -> bool) -> Option<BTreeSet<String>> {
        let all =
            self.scope.effects.iter().flat_map(|(effect, classes)| {
                classes.iter().map(move |(class, bounds)| (effect, class, bounds))
            });
        let fitting = all.filter(|(_, _, bounds)| fits(bounds));
        match name {
            // What the vocabulary has no word for is told by the counts.
            "classes" => Some(
                fitting
                    .map(|(_, class, _)| class.clone())
                    .filter(|class| ambit_scope::CLASSES.contains(&class.as_str()))
                    .collect(),
            ),
            "effects" => Some(fitting.map(|(effect, _, _)| effect.clone()).collect()),
            _ => None,
        }
    }

    fn put(&self, facts: &mut Facts, name: &str, value: Value) {
        let provenance = Provenance::ScopeAt {
            version: self.version,
            content_root: self.scope.content_root.clone(),
        };
        let taken = facts.set(name, Fact { value, provenance });
        debug_assert_eq!(taken, Ok(()), "the vocabulary has `{name}`");
    }
}

/// Combinations that are certain: both classes read, in one person.
fn held(pairs: &[Pair]) -> Holdings {
    let mut certain: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pair in pairs
        .iter()
        .filter(|p| p.grade == Grade::Certain && p.effect == "read")
    {
        let person = format!("{}:{}", pair.subject, pair.key);
        certain.entry(person).or_default().insert(pair.class.clone());
    }
    Holdings { certain }
}
