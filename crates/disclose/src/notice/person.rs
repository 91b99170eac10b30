//! What one person is told: that person's own classes and period, and nothing of others.

use super::Matter;
use super::pen::Pen;
use super::saying::{Carrier, Topic};
use crate::words::{at_utc, class, list};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Claim, Grade, Scope, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// What the scope says of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Own {
    /// Class and effect, with the strongest grade.
    pairs: BTreeMap<(String, String), Grade>,
    /// Of the accesses that name the person and reached something, the certain ones where there are any.
    period: Option<(Timestamp, Timestamp)>,
}

impl Own {
    /// `None` where the scope does not name the person (`user:1042`).
    pub fn of(scope: &Scope, person: &str) -> Option<Self> {
        let mut own = Self::default();
        for pair in &scope.pairs {
            if person
                .strip_prefix(pair.subject.as_str())
                .and_then(|rest| rest.strip_prefix(':'))
                != Some(pair.key.as_str())
            {
                continue;
            }
            let grade = own
                .pairs
                .entry((pair.class.clone(), pair.effect.clone()))
                .or_insert(pair.grade);
            *grade = (*grade).max(pair.grade);
        }
        if own.pairs.is_empty() {
            return None;
        }
        let named = |certain: bool| {
            scope
                .accesses
                .iter()
                .filter(move |access| !certain || access.grade == Grade::Certain)
                .filter(|access| access.subjects.iter().any(|subject| subject == person))
                .map(|access| access.time)
        };
        let certain = named(true).min().zip(named(true).max());
        own.period = certain.or_else(|| named(false).min().zip(named(false).max()));
        Some(own)
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
    pub fn bounds(&self, scope: &Scope, effect: &str) -> BTreeMap<String, Bounds> {
        let classes = scope.effects.get(effect);
        let known = classes.into_iter().flatten().map(|(class, _)| class.as_str());
        let own = self
            .pairs
            .keys()
            .filter(|(_, e)| e == effect)
            .map(|(class, _)| class.as_str());
        let all: BTreeSet<&str> = known.chain(own).collect();
        let each = all.into_iter().map(|class| {
            let of_all = classes.and_then(|classes| classes.get(class));
            let at_least = u64::from(self.grade(class, effect) == Some(Grade::Certain));
            let excluded =
                self.grade(class, effect).is_none() && !may_be_anybody(scope, class, effect, of_all);
            let bounds = Bounds {
                at_least,
                at_most: Some(u64::from(!excluded)),
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
    pub fn claims(&self, scope: &Scope) -> Vec<Claim> {
        let read = self.bounds(scope, "read");
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
fn may_be_anybody(scope: &Scope, class: &str, effect: &str, bounds: Option<&Bounds>) -> bool {
    let named = scope
        .pairs
        .iter()
        .filter(|pair| pair.class == class && pair.effect == effect);
    let n_named = named.count() as u64;
    let unnamed = scope
        .subjects
        .unnamed
        .iter()
        .any(|unnamed| unnamed.effect == effect && unnamed.classes.iter().any(|c| c == class));
    let all_named = bounds
        .and_then(|bounds| bounds.at_most)
        .is_some_and(|most| most <= n_named);
    unnamed || !scope.unanswered.is_empty() || !scope.mapped || !all_named
}

impl Pen<'_> {
    /// What is told to the person alone.
    pub fn own(&mut self, scope: &Scope, own: &Own, person: &str) {
        let text = match own.is_certain() {
            true => "We write to you because data of yours was reached without permission.",
            false => {
                "We write to you because it cannot be excluded that data of yours was reached without permission."
            }
        };
        let least = Bounds {
            at_least: u64::from(own.is_certain()),
            at_most: Some(1),
            because: Vec::new(),
        };
        let carried = vec![Carrier::count("data of this person reached", &least)];
        self.out.put("your_case", Topic::Other, text, carried);
        for (effect, verb) in [
            ("read", "read"),
            ("changed", "changed"),
            ("destroyed", "destroyed"),
            ("unavailable", "made unavailable"),
        ] {
            let bounds = own.bounds(scope, effect);
            self.own_effect(own, effect, verb);
            let unsure: Vec<String> = bounds
                .iter()
                .filter(|(class, bounds)| bounds.at_most != Some(0) && own.grade(class, effect).is_none())
                .map(|(name, _)| class(name))
                .collect();
            if !unsure.is_empty() {
                let text = format!(
                    "As for your {} data, our records do not allow us to say whether it was {verb}; it cannot be excluded.",
                    list(&unsure, "and")
                );
                self.out.put(
                    &format!("your_open:{effect}:unnamed"),
                    Topic::Other,
                    &text,
                    vec![Carrier::Coverage],
                );
            }
            let none: Vec<String> = bounds
                .iter()
                .filter(|(_, bounds)| bounds.at_most == Some(0))
                .map(|(name, _)| class(name))
                .collect();
            if !none.is_empty() && effect == "read" {
                let text = format!("Your {} data was not read.", list(&none, "and"));
                let carried = bounds
                    .iter()
                    .filter(|(_, bounds)| bounds.at_most == Some(0))
                    .map(|(name, bounds)| Carrier::count(&format!("{name} data of this person read"), bounds))
                    .collect();
                self.out.put("your_excluded", Topic::Other, &text, carried);
            }
        }
        if let Some((from, to)) = own.period {
            let when = match from == to {
                true => format!("on {}", at_utc(from)),
                false => format!("between {} and {}", at_utc(from), at_utc(to)),
            };
            let text = match own.is_certain() {
                true => format!("This happened {when}."),
                false => {
                    format!("What may have been the intruder's access to your data was recorded {when}.")
                }
            };
            self.out.put(
                "your_period",
                Topic::Nature,
                &text,
                vec![Carrier::Timeline {
                    name: "accesses that name this person",
                }],
            );
        }
        self.advice_for(own);
        match residence(self.matter, person) {
            Some(place) => self.rights(&place),
            None => self
                .out
                .ask("residence", Topic::Other, &format!("residence:{person}")),
        }
    }

    /// What the law of the person's place wants them to be told.
    fn rights(&mut self, place: &str) {
        let matter = self.matter;
        let here = matter
            .regimes
            .iter()
            .filter(|regime| regime.jurisdiction == place);
        for regime in here {
            let content = regime.duties.iter().filter_map(|rule| rule.content.as_ref());
            for what in content.flat_map(|content| &content.what) {
                if let Some(text) = right(what) {
                    let carried = vec![Carrier::Rule {
                        regime: regime.id.clone(),
                        what: what.clone(),
                    }];
                    let id = format!("rights:{}", self.out.iter().count());
                    self.out.put(&id, Topic::Other, text, carried);
                }
            }
        }
    }

    fn own_effect(&mut self, own: &Own, effect: &str, verb: &str) {
        for (certain, group) in [(true, "your_read"), (false, "your_open")] {
            let names: Vec<String> = own.graded(effect, certain).into_iter().map(class).collect();
            if names.is_empty() {
                continue;
            }
            let shown = list(&names, "and");
            let text = if certain {
                format!("Your {shown} data was {verb}.")
            } else {
                format!("It cannot be excluded that your {shown} data was {verb}.")
            };
            let bounds = Bounds {
                at_least: u64::from(certain),
                at_most: Some(1),
                because: Vec::new(),
            };
            let carried = names
                .iter()
                .map(|name| Carrier::count(&format!("{name} data of this person {verb}"), &bounds))
                .collect();
            self.out
                .put(&format!("{group}:{effect}"), Topic::Other, &text, carried);
        }
    }

    fn advice_for(&mut self, own: &Own) {
        let classes: BTreeSet<&str> = own
            .pairs
            .keys()
            .filter(|(_, effect)| effect == "read")
            .map(|(class, _)| class.as_str())
            .collect();
        self.advise(&classes);
    }

    /// What a person can do: as somebody signed it, else what the classes suggest.
    pub fn advise(&mut self, classes: &BTreeSet<&str>) {
        if self.facts.text("advice").is_some() {
            return self.out.signed("advice", Topic::Other, self.facts, "advice");
        }
        let mut said = BTreeSet::new();
        for name in classes {
            let text = suggestion(name);
            if said.insert(text) {
                let carried = vec![Carrier::Advice {
                    class: (*name).to_owned(),
                }];
                self.out
                    .put(&format!("advice:{name}"), Topic::Other, text, carried);
            }
        }
        if classes.is_empty() {
            self.out.ask("advice", Topic::Other, "advice");
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

/// What helps where such data is in somebody's hands. It states nothing of what happened.
fn suggestion(class: &str) -> &'static str {
    match class {
        "credential" => {
            "Choose a new password here, and wherever else you use the same one; switch on a second factor where there is one."
        }
        "payment" => {
            "Look through your card statements, and ask your bank for a new card if you see something that is not yours."
        }
        "financial" => {
            "Look through your account statements, and tell your bank at once of anything that is not yours."
        }
        "government_id" => {
            "Watch for contracts or accounts in your name, and consider a freeze or an alert with the credit bureaus."
        }
        "contact" | "identity" | "demographic" => {
            "Be wary of messages and calls that refer to us or to your account: we do not ask for your password, and you can always reach us as stated below."
        }
        "communication" | "content" | "social" => {
            "Think of what your messages and files hold that could be used against you or others, and tell those whom it concerns."
        }
        "location" | "behaviour" | "preferences" => {
            "Consider who should not know your habits and places, and be wary of messages that know them."
        }
        "health" | "genetic" | "biometric" | "special" | "sexual" | "political" | "religion" | "union" => {
            "If somebody threatens or approaches you with what they know, do not pay or answer: tell the police, and tell us."
        }
        _ => "Be wary of messages and calls that know more of you than they should.",
    }
}

/// Contents of a letter that are the same for everybody.
fn right(what: &str) -> Option<&'static str> {
    match what {
        "the right to obtain a police report" => {
            Some("You have the right to obtain a police report of this incident.")
        }
        "how to request a security freeze, free of charge" => Some(
            "You can ask each consumer reporting agency for a security freeze on your credit report; it costs you nothing. They will ask for your full name, social security number, date of birth, addresses of recent years and a copy of an identity card.",
        ),
        _ => None,
    }
}

/// The place whose law decides what a letter may say, as somebody said where the person lives.
pub(super) fn residence(matter: &Matter<'_>, person: &str) -> Option<String> {
    matter
        .known
        .facts
        .text(&format!("residence:{person}"))
        .map(str::to_ascii_lowercase)
}
