//! Conditions over facts: yes, no, or depends, and then on what.

use super::model::{Condition, Threshold};
use crate::fact::{Facts, RISKS, term};
use crate::words::at_utc;
use ambit_scope::Bounds;
use std::collections::BTreeSet;

/// What keeps a condition open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Open {
    /// Nobody said it yet.
    Missing { fact: String, question: String },
    /// The bounds lie on both sides of the threshold.
    Straddles {
        what: String,
        at_least: u64,
        at_most: Option<u64>,
        threshold: Threshold,
    },
    /// The rule is recorded, and nobody compared it with a source that is good enough.
    Unverified { what: String },
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    Yes { because: Vec<String> },
    No { because: Vec<String> },
    Depends { on: BTreeSet<Open> },
}

impl Holds {
    #[must_use]
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Yes { .. })
    }

    #[must_use]
    pub const fn is_no(&self) -> bool {
        matches!(self, Self::No { .. })
    }

    /// `yes`, `no`, `depends`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Yes { .. } => "yes",
            Self::No { .. } => "no",
            Self::Depends { .. } => "depends",
        }
    }

    fn yes(because: String) -> Self {
        Self::Yes {
            because: vec![because],
        }
    }

    fn no(because: String) -> Self {
        Self::No {
            because: vec![because],
        }
    }

    pub(crate) fn missing(fact: &str) -> Self {
        let question = term(fact).map_or("", |term| term.question).to_owned();
        Self::Depends {
            on: BTreeSet::from([Open::Missing {
                fact: fact.to_owned(),
                question,
            }]),
        }
    }

    /// Both: one *no* decides, then one *depends*.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No { because }, _) | (_, Self::No { because }) => Self::No { because },
            (Self::Yes { because: mut a }, Self::Yes { because: b }) => {
                a.extend(b);
                Self::Yes { because: a }
            }
            (Self::Depends { on: mut a }, Self::Depends { on: b }) => {
                a.extend(b);
                Self::Depends { on: a }
            }
            (Self::Depends { on }, Self::Yes { .. }) | (Self::Yes { .. }, Self::Depends { on }) => {
                Self::Depends { on }
            }
        }
    }

    /// The contrary; what is open stays open.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Yes { because } => Self::No { because },
            Self::No { because } => Self::Yes { because },
            open @ Self::Depends { .. } => open,
        }
    }

    fn or(self, other: Self) -> Self {
        self.reversed().and(other.reversed()).reversed()
    }
}

impl Condition {
    /// Whether it holds by these facts. What is not known is never taken for *no*.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> Holds {
        match self {
            Self::All(parts) => each(parts, facts)
                .reduce(Holds::and)
                .unwrap_or(Holds::Yes { because: Vec::new() }),
            Self::Any(parts) => each(parts, facts)
                .reduce(Holds::or)
                .unwrap_or(Holds::No { because: Vec::new() }),
            Self::Not(inner) => inner.holds(facts).reversed(),
            Self::Flag(fact) => match facts.flag(fact) {
                Some(true) => Holds::yes(format!("{fact}: yes")),
                Some(false) => Holds::no(format!("{fact}: no")),
                None => Holds::missing(fact),
            },
            Self::Sent(duty) => sent(facts, duty),
            Self::Word { fact, is } => word(facts, fact, is),
            Self::Count { fact, threshold } => match facts.count(fact) {
                Some(bounds) => threshold.holds(fact, &bounds),
                None => Holds::missing(fact),
            },
            Self::Classes {
                all,
                effect,
                threshold,
            } => classes(facts, all, effect, *threshold),
            Self::Risk(level) => risk(facts, level),
            Self::Disputed(inner) => disputed(inner.holds(facts)),
            Self::Always => Holds::Yes { because: Vec::new() },
        }
    }

    /// Names of the facts that it looks at.
    #[must_use]
    pub fn facts(&self) -> BTreeSet<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::facts).collect(),
            Self::Not(inner) | Self::Disputed(inner) => inner.facts(),
            Self::Flag(fact) | Self::Word { fact, .. } | Self::Count { fact, .. } => {
                BTreeSet::from([fact.as_str()])
            }
            Self::Classes { .. } => BTreeSet::from(["classes"]),
            Self::Sent(_) => BTreeSet::from(["sent:"]),
            Self::Risk(_) => BTreeSet::from(["risk"]),
            Self::Always => BTreeSet::new(),
        }
    }
}

fn each<'c>(parts: &'c [Condition], facts: &'c Facts) -> impl Iterator<Item = Holds> + 'c {
    parts.iter().map(move |part| part.holds(facts))
}

/// What was not sent yet may still be.
fn sent(facts: &Facts, duty: &str) -> Holds {
    let name = format!("sent:{duty}");
    match facts.instant(&name) {
        Some(at) => Holds::yes(format!("{duty} was sent on {}", at_utc(at))),
        None => Holds::missing(&name),
    }
}

fn word(facts: &Facts, fact: &str, is: &[String]) -> Holds {
    let Some(said) = facts.words(fact) else {
        return Holds::missing(fact);
    };
    match is.iter().find(|word| said.contains(*word)) {
        Some(word) => Holds::yes(format!("{fact}: {word}")),
        None => Holds::no(format!("{fact}: not {}", is.join(" or "))),
    }
}

/// Persons are counted where the scope counts them; else the classes that a person named decide for one or none.
fn classes(facts: &Facts, all: &[String], effect: &str, threshold: Threshold) -> Holds {
    let what = format!("persons whose {} data was {effect}", all.join(" and "));
    if let Some(bounds) = facts.combined(all, effect) {
        return threshold.holds(&what, &bounds);
    }
    let Some(said) = facts.words("classes") else {
        return Holds::missing("classes");
    };
    if let Some(absent) = all.iter().find(|class| !said.contains(*class)) {
        return threshold.holds(
            &format!("persons whose {absent} data was {effect}"),
            &Bounds {
                at_least: 0,
                at_most: Some(0),
                because: Vec::new(),
            },
        );
    }
    let persons = facts.count("subjects");
    let most = persons.as_ref().and_then(|bounds| bounds.at_most);
    let alone = all.len() == 1 || persons.is_some_and(|bounds| bounds.at_most == Some(1));
    let bounds = Bounds {
        at_least: u64::from(alone),
        at_most: most,
        because: Vec::new(),
    };
    threshold.holds(&what, &bounds)
}

fn risk(facts: &Facts, level: &str) -> Holds {
    let rank = |word: &str| RISKS.iter().position(|risk| *risk == word);
    match facts.word("risk") {
        None => Holds::missing("risk"),
        Some(said) if rank(said) >= rank(level) => Holds::yes(format!("the risk was decided to be {said}")),
        Some(said) => Holds::no(format!("the risk was decided to be {said}")),
    }
}

fn disputed(inner: Holds) -> Holds {
    match inner {
        Holds::Yes { because } => Holds::Depends {
            on: BTreeSet::from([Open::Unverified {
                what: format!("whether the law reaches this: {}", because.join(", ")),
            }]),
        },
        other => other,
    }
}

impl Threshold {
    /// Over bounds: yes where both ends pass, no where neither does.
    #[must_use]
    pub fn holds(self, what: &str, bounds: &Bounds) -> Holds {
        let (least, most) = (bounds.at_least, bounds.at_most);
        let shown = || match most {
            Some(most) if most == least => format!("{what}: {least}"),
            Some(most) => format!("{what}: {least} to {most}"),
            None => format!("{what}: at least {least}"),
        };
        let (low, high) = (
            self.passes(least),
            most.map_or(self.passes(u64::MAX), |most| self.passes(most)),
        );
        match (low, high) {
            (true, true) => Holds::yes(format!("{}, and {self} counts", shown())),
            (false, false) => Holds::no(format!("{}, and {self} counts", shown())),
            _ => Holds::Depends {
                on: BTreeSet::from([Open::Straddles {
                    what: what.to_owned(),
                    at_least: least,
                    at_most: most,
                    threshold: self,
                }]),
            },
        }
    }

    const fn passes(self, n: u64) -> bool {
        match self {
            Self::AtLeast(least) => n >= least,
            Self::MoreThan(bound) => n > bound,
            Self::Fewer(bound) => n < bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::bounds;

    #[test]
    fn five_hundred_or_more_is_not_more_than_five_hundred() {
        for (threshold, least, most, expected) in [
            (Threshold::AtLeast(500), 500, Some(500), "yes"),
            (Threshold::MoreThan(500), 500, Some(500), "no"),
            (Threshold::MoreThan(500), 501, Some(501), "yes"),
            (Threshold::AtLeast(500), 499, Some(500), "depends"),
            (Threshold::MoreThan(500), 499, Some(500), "no"),
            (Threshold::MoreThan(500), 3, None, "depends"),
            (Threshold::AtLeast(500), 500, None, "yes"),
            (Threshold::Fewer(500), 0, None, "depends"),
            (Threshold::Fewer(500), 500, None, "no"),
            (Threshold::Fewer(500), 1, Some(499), "yes"),
        ] {
            let holds = threshold.holds("persons", &bounds(least, most));
            assert_eq!(holds.name(), expected, "{threshold} over {least} to {most:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_asked_for_and_a_no_needs_no_answer() {
        let facts = Facts::default();
        let open = Condition::Flag("key_taken".into());
        let Holds::Depends { on } = open.holds(&facts) else {
            panic!("an unknown flag decides nothing");
        };
        assert!(matches!(on.first(), Some(Open::Missing { fact, .. }) if fact == "key_taken"));
        let never = Condition::Any(Vec::new());
        assert!(
            Condition::All(vec![open.clone(), never.clone()])
                .holds(&facts)
                .is_no()
        );
        assert!(
            Condition::Any(vec![open.clone(), Condition::Always])
                .holds(&facts)
                .is_yes()
        );
        assert_eq!(Condition::Not(Box::new(open)).holds(&facts).name(), "depends");
        assert!(Condition::Not(Box::new(never)).holds(&facts).is_yes());
        assert_eq!(
            Condition::Disputed(Box::new(Condition::Always))
                .holds(&facts)
                .name(),
            "depends"
        );
    }
}
