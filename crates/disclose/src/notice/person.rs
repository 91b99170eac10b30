//! What one person is told: that person's own classes and period, and nothing of others.

use super::Matter;
use super::pen::Pen;
use super::saying::{Carrier, Topic};
use super::tongue::{Phrases, filled};
use crate::regime::Regime;
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Claim, Grade, Scope, Territory, Verdict, Within};
use std::collections::{BTreeMap, BTreeSet};

/// What the scope says of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Class and effect, with the strongest grade.
    pairs: BTreeMap<(String, String), Grade>,
    recorded: Option<(Timestamp, Timestamp)>,
    certainly: Option<(Timestamp, Timestamp)>,
}

/// Everybody whom a scope names, and what may have befallen anybody.
#[derive(Debug)]
pub(super) struct Roll<'s> {
    scope: &'s Scope,
    persons: BTreeMap<String, Own>,
    /// Effect and class that somebody whom no record names may have suffered.
    anybody: BTreeSet<(String, String)>,
}

impl<'s> Roll<'s> {
    pub fn of(scope: &'s Scope) -> Self {
        let mut persons: BTreeMap<String, Own> = BTreeMap::new();
        let mut n_named: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for pair in &scope.pairs {
            let own = persons
                .entry(format!("{}:{}", pair.subject, pair.key))
                .or_default();
            let grade = own
                .pairs
                .entry((pair.class.clone(), pair.effect.clone()))
                .or_insert(pair.grade);
            *grade = (*grade).max(pair.grade);
            *n_named.entry((&pair.effect, &pair.class)).or_default() += 1;
        }
        for access in &scope.accesses {
            for person in &access.subjects {
                if let Some(own) = persons.get_mut(person) {
                    own.saw(access.time, access.grade == Grade::Certain);
                }
            }
        }
        let anybody = scope
            .effects
            .iter()
            .flat_map(|(effect, classes)| classes.iter().map(move |(class, bounds)| (effect, class, bounds)))
            .filter(|(effect, class, bounds)| {
                let named = n_named.get(&(effect.as_str(), class.as_str())).copied();
                may_be_anybody(scope, class, effect, bounds, named.unwrap_or(0))
            })
            .map(|(effect, class, _)| (effect.clone(), class.clone()))
            .collect();
        Self {
            scope,
            persons,
            anybody,
        }
    }

    pub fn get(&self, person: &str) -> Option<&Own> {
        self.persons.get(person)
    }

    /// In the order of their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.persons.keys().map(String::as_str)
    }
}

impl Own {
    /// The certain accesses bound the period where there are any.
    fn saw(&mut self, at: Timestamp, certain: bool) {
        let widened = |period: Option<(Timestamp, Timestamp)>| {
            Some(period.map_or((at, at), |(from, to)| (from.min(at), to.max(at))))
        };
        self.recorded = widened(self.recorded);
        if certain {
            self.certainly = widened(self.certainly);
        }
    }

    /// Of the accesses that name the person and reached something, the certain ones where there are any.
    fn period(&self) -> Option<(Timestamp, Timestamp)> {
        self.certainly.or(self.recorded)
    }

    fn graded(&self, effect: &str, certain: bool) -> Vec<&str> {
        let fits = |((_, e), grade): &(&(String, String), &Grade)| {
            e == effect && (**grade == Grade::Certain) == certain
        };
        self.pairs
            .iter()
            .filter(fits)
            .map(|((class, _), _)| class.as_str())
            .collect()
    }

    /// The same counts as for a scope, of this one person: what sentences of the letter are held against. A class
    /// that somebody whom nobody can name may have lost is open for this person too.
    pub fn bounds(&self, roll: &Roll<'_>, effect: &str) -> BTreeMap<String, Bounds> {
        let known = roll.scope.effects.get(effect).into_iter().flatten();
        let own = self.pairs.keys().filter(|(_, e)| e == effect);
        let all: BTreeSet<&str> = known
            .map(|(class, _)| class.as_str())
            .chain(own.map(|(class, _)| class.as_str()))
            .collect();
        let each = all.into_iter().map(|class| {
            let grade = self.grade(class, effect);
            let open = grade.is_some() || roll.anybody.contains(&(effect.to_owned(), class.to_owned()));
            let bounds = Bounds {
                at_least: u64::from(grade == Some(Grade::Certain)),
                at_most: Some(u64::from(open)),
                because: Vec::new(),
            };
            (class.to_owned(), bounds)
        });
        each.collect()
    }

    fn is_certain(&self) -> bool {
        self.pairs.values().any(|grade| *grade == Grade::Certain)
    }

    fn grade(&self, class: &str, effect: &str) -> Option<Grade> {
        self.pairs.get(&(class.to_owned(), effect.to_owned())).copied()
    }

    /// The claims as they stand for this person: those on classes from the person's own counts, the others as they are.
    pub fn claims(&self, roll: &Roll<'_>) -> Vec<Claim> {
        let scope = roll.scope;
        let read = self.bounds(roll, "read");
        let each = scope.claims.iter().map(|claim| {
            let class = claim
                .id
                .strip_prefix("class:")
                .and_then(|rest| rest.strip_suffix(":read"));
            let bounds = class.and_then(|class| read.get(class));
            let verdict = match bounds.map(|bounds| (bounds.at_least, bounds.at_most)) {
                Some((0, Some(0))) if claim.verdict != Verdict::Undecided => Verdict::Supported,
                Some((0, Some(0))) if scope.unanswered.is_empty() && scope.mapped => Verdict::Supported,
                Some((0, _)) => Verdict::Undecided,
                Some(_) => Verdict::Contradicted,
                None => claim.verdict,
            };
            Claim {
                verdict,
                ..claim.clone()
            }
        });
        each.collect()
    }
}

/// Whether somebody whom no record names may have lost data of the class: then it may be anyone. So it is too where
/// more persons are counted than are named.
fn may_be_anybody(scope: &Scope, class: &str, effect: &str, bounds: &Bounds, n_named: u64) -> bool {
    let unnamed = scope
        .subjects
        .unnamed
        .iter()
        .any(|unnamed| unnamed.effect == effect && unnamed.classes.iter().any(|c| c == class));
    let all_named = bounds.at_most.is_some_and(|most| most <= n_named);
    unnamed || !scope.unanswered.is_empty() || !scope.mapped || !all_named
}

impl Pen<'_> {
    /// What is told to the person alone.
    pub fn own(&mut self, roll: &Roll<'_>, own: &Own, person: &str, place: Option<&str>) {
        let case = &self.tongue.phrases.case;
        let text = if own.is_certain() {
            &case.certain
        } else {
            &case.open
        };
        let least = Bounds {
            at_least: u64::from(own.is_certain()),
            at_most: Some(1),
            because: Vec::new(),
        };
        let carried = vec![Carrier::count("data of this person reached", &least)];
        self.out.put("your_case", Topic::Other, text, carried);
        for effect in ["read", "changed", "destroyed", "unavailable"] {
            self.own_effect(roll, own, effect);
        }
        self.own_period(own);
        self.advice_for(roll, own);
        match place {
            Some(place) => self.rights(place),
            None => self
                .out
                .ask("residence", Topic::Other, &format!("residence:{person}")),
        }
    }

    fn own_effect(&mut self, roll: &Roll<'_>, own: &Own, effect: &str) {
        let Some(phrases) = self.tongue.phrases.effect(effect) else {
            return;
        };
        let bounds = own.bounds(roll, effect);
        self.own_graded(own, effect, true, &phrases.was);
        self.own_graded(own, effect, false, &phrases.may);
        let unclear: Vec<&str> = bounds
            .iter()
            .filter(|(class, bounds)| bounds.at_most != Some(0) && own.grade(class, effect).is_none())
            .map(|(class, _)| class.as_str())
            .collect();
        if !unclear.is_empty() {
            let text = self.classed(&phrases.unclear, &unclear);
            let id = format!("your_open:{effect}:unnamed");
            self.out.put(&id, Topic::Other, &text, vec![Carrier::Coverage]);
        }
        let none: Vec<(&String, &Bounds)> = bounds
            .iter()
            .filter(|(_, bounds)| bounds.at_most == Some(0))
            .collect();
        if !none.is_empty() && effect == "read" {
            let names: Vec<&String> = none.iter().map(|(class, _)| *class).collect();
            let text = self.classed(&phrases.not, &names);
            let carried = none
                .iter()
                .map(|(class, bounds)| Carrier::count(&format!("{class} data of this person read"), bounds))
                .collect();
            self.out.put("your_excluded", Topic::Other, &text, carried);
        }
    }

    fn own_graded(&mut self, own: &Own, effect: &str, certain: bool, phrase: &str) {
        let names = own.graded(effect, certain);
        if names.is_empty() {
            return;
        }
        let group = if certain { "your_read" } else { "your_open" };
        let bounds = Bounds {
            at_least: u64::from(certain),
            at_most: Some(1),
            because: Vec::new(),
        };
        let carried = names
            .iter()
            .map(|name| Carrier::count(&format!("{name} data of this person {effect}"), &bounds))
            .collect();
        let text = self.classed(phrase, &names);
        self.out
            .put(&format!("{group}:{effect}"), Topic::Other, &text, carried);
    }

    fn classed<S: AsRef<str>>(&self, phrase: &str, classes: &[S]) -> String {
        filled(phrase, &[("classes", &self.tongue.phrases.classes(classes))])
    }

    fn own_period(&mut self, own: &Own) {
        let Some((from, to)) = own.period() else { return };
        let phrases = &self.tongue.phrases;
        let period = &phrases.period;
        let phrase = match (own.is_certain(), from == to) {
            (true, true) => &period.once,
            (true, false) => &period.between,
            (false, true) => &period.may_once,
            (false, false) => &period.may_between,
        };
        let text = filled(phrase, &[("from", &phrases.at(from)), ("to", &phrases.at(to))]);
        let carried = vec![Carrier::Timeline {
            name: "accesses that name this person",
        }];
        self.out.put("your_period", Topic::Nature, &text, carried);
    }

    /// What the law of the person's place wants them to be told.
    fn rights(&mut self, place: &str) {
        let matter = self.matter;
        let here = matter
            .regimes
            .iter()
            .filter(|regime| binds(regime, place) == Within::Yes);
        let mut n = 0;
        for regime in here {
            let content = regime.duties.iter().filter_map(|rule| rule.content.as_ref());
            for what in content.flat_map(|content| &content.what) {
                if let Some(text) = self.tongue.phrases.right(what) {
                    let carried = vec![Carrier::Rule {
                        regime: regime.id.clone(),
                        what: what.clone(),
                    }];
                    n += 1;
                    self.out.put(&format!("rights:{n}"), Topic::Other, text, carried);
                }
            }
        }
    }

    /// What the person's own records name, and what is open for anybody: whoever cannot be told that a password was
    /// not read is told to change it.
    fn advice_for(&mut self, roll: &Roll<'_>, own: &Own) {
        let read = own.bounds(roll, "read");
        let open = read.iter().filter(|(_, bounds)| bounds.at_most != Some(0));
        let named = own.pairs.keys().filter(|(_, effect)| effect == "read");
        let classes: BTreeSet<&str> = named
            .map(|(class, _)| class.as_str())
            .chain(open.map(|(class, _)| class.as_str()))
            .collect();
        self.advise(&classes);
    }

    /// What a person can do: as somebody signed it, else what the classes suggest.
    pub fn advise(&mut self, classes: &BTreeSet<&str>) {
        let fact = self.in_tongue("advice");
        if self.facts.text(&fact).is_some() {
            return self.out.signed("advice", Topic::Other, self.facts, &fact);
        }
        let mut said = BTreeSet::new();
        let mut classes: Vec<&str> = classes.iter().copied().collect();
        classes.sort_by_key(|name| Phrases::urgency(name));
        for name in &classes {
            let text = self.tongue.phrases.advice(name);
            if said.insert(text) {
                let carried = vec![Carrier::Advice {
                    class: (*name).to_owned(),
                }];
                self.out
                    .put(&format!("advice:{name}"), Topic::Other, text, carried);
            }
        }
        if classes.is_empty() {
            self.out.ask("advice", Topic::Other, &fact);
        }
    }

    /// Classes that were read, or may have been.
    pub fn classes_at_risk(&self) -> BTreeSet<&'static str> {
        let read = self.scope.and_then(|scope| scope.effects.get("read"));
        let reached = |class: &&&'static str| match read {
            Some(classes) => classes
                .get(**class)
                .is_some_and(|bounds| bounds.at_most != Some(0)),
            None => self
                .facts
                .words("classes")
                .is_some_and(|words| words.contains(**class)),
        };
        ambit_scope::CLASSES.iter().filter(reached).copied().collect()
    }
}

/// Whether the law of a regime's place is that of the place where somebody lives.
pub(super) fn binds(regime: &Regime, place: &str) -> Within {
    match (Territory::parse(place), Territory::parse(&regime.jurisdiction)) {
        (Some(place), Some(of_law)) => place.within(&of_law),
        _ if regime.jurisdiction == place => Within::Yes,
        _ => Within::No,
    }
}

/// The place whose law decides what a letter may say: as somebody signed where the person lives, else as the table of
/// addresses and the data map's table of residences have it. `None` where nobody says, or these two disagree.
pub(super) fn residence(matter: &Matter<'_>, person: &str, told: Option<&str>) -> Option<String> {
    let facts = &matter.known.facts;
    if let Some(signed) = facts.text(&format!("residence:{person}")) {
        return Some(
            Territory::parse(signed).map_or_else(|| signed.to_ascii_lowercase(), |place| place.to_string()),
        );
    }
    let place = |text: &str| Territory::parse(text);
    match (told.and_then(place), facts.residence(person).and_then(place)) {
        (Some(told), Some(listed)) if told.within(&listed) == Within::Yes => Some(told.to_string()),
        (Some(told), Some(listed)) if listed.within(&told) == Within::Yes => Some(listed.to_string()),
        // The tables speak against each other: somebody has to say which is right.
        (Some(_), Some(_)) => None,
        (told, listed) => told.or(listed).map(|place| place.to_string()),
    }
}
