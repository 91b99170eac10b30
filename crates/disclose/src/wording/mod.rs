//! Sentences against what the evidence carries: "only", "no evidence of", "not accessed" and every number need a claim.
//!
//! The check reads plain sentences, English or German. A sentence in which it finds nothing to check is *unbound*: a person, or
//! the template that made it, answers for it.

mod marks;

use ambit_scope::{Bounds, Claim, Verdict};
pub use marks::Language;
use marks::{Marks, Said};
use std::collections::BTreeMap;

/// What sentences are held against: the claims and counts of one scope.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'g> {
    pub claims: &'g [Claim],
    pub persons: &'g Bounds,
    pub records: &'g Bounds,
    /// Persons whose data of the class was read.
    pub classes: &'g BTreeMap<String, Bounds>,
    /// The same for every effect: effect, then class.
    pub effects: &'g BTreeMap<String, BTreeMap<String, Bounds>>,
    /// Gaps that matter to the scope, and reasons why nothing can be excluded.
    pub n_gaps: usize,
    /// Whether a signed fact says that the data was unreadable and the key is safe; `None` where nobody said.
    pub unreadable: Option<bool>,
}

/// What a sentence is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worth {
    /// Nothing in it can be checked against the evidence.
    Unbound,
    /// The evidence carries it.
    Carried,
    /// It is worded as open, and it is open.
    Hedged,
    /// It makes less of what is certain.
    Understated,
    /// The evidence cannot carry it; word it as open.
    Overclaimed,
    /// The evidence says otherwise; it cannot be issued.
    Contradicted,
}

/// One thing that a sentence says, with what the evidence makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    pub worth: Worth,
    /// The words that it is about.
    pub words: String,
    pub because: String,
    /// The claim that it is bound to.
    pub claim: Option<String>,
}

/// A sentence with all remarks; its worth is the worst of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    pub worth: Worth,
    pub remarks: Vec<Remark>,
}

impl Worth {
    /// Whether a notice may say it.
    #[must_use]
    pub const fn may_be_issued(self) -> bool {
        matches!(self, Self::Unbound | Self::Carried | Self::Hedged)
    }
}

/// Holds a sentence against the ground.
#[must_use]
pub fn lint(sentence: &str, language: Language, ground: &Ground<'_>) -> Linted {
    let marks = Marks::of(sentence, language);
    let mut remarks = Vec::new();
    remarks.extend(marks.numbers.iter().map(|number| ground.number(number, &marks)));
    if let Some(words) = &marks.only {
        remarks.push(ground.claimed("only_these_persons", words, &marks));
    }
    remarks.extend(ground.negations(&marks));
    remarks.extend(ground.affirmed(&marks));
    if let Some(words) = &marks.no_evidence {
        remarks.push(ground.no_evidence(words));
    }
    if let Some(words) = &marks.ended {
        remarks.push(ground.claimed("control_ended", words, &marks));
    }
    if let Some(words) = &marks.encrypted {
        remarks.push(ground.encrypted(words));
    }
    if let Some(words) = &marks.nobody_else {
        remarks.push(ground.claimed("nobody_else", words, &marks));
    }
    Linted {
        worth: remarks
            .iter()
            .map(|remark| remark.worth)
            .max()
            .unwrap_or(Worth::Unbound),
        remarks,
    }
}

impl Ground<'_> {
    fn claim(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// A sentence that says what a claim says.
    fn claimed(&self, id: &str, words: &str, marks: &Marks) -> Remark {
        let Some(claim) = self.claim(id) else {
            return remark(
                Worth::Overclaimed,
                words,
                format!("no claim `{id}` carries it"),
                None,
            );
        };
        let worth = match (claim.verdict, marks.hedged) {
            (Verdict::Supported, _) => Worth::Carried,
            (Verdict::Undecided, true) => Worth::Hedged,
            (Verdict::Undecided, false) => Worth::Overclaimed,
            (Verdict::Contradicted, _) => Worth::Contradicted,
        };
        let because = claim
            .because
            .first()
            .cloned()
            .unwrap_or_else(|| claim.text.clone());
        remark(worth, words, because, Some(id))
    }

    /// What was not read, not changed, not lost.
    fn negations(&self, marks: &Marks) -> Vec<Remark> {
        let Some(words) = &marks.negated else {
            return Vec::new();
        };
        if marks.no_evidence.is_some() || marks.only.is_some() && marks.classes.is_empty() {
            return Vec::new();
        }
        if let Some(effect) = marks.effect.filter(|_| marks.classes.is_empty()) {
            return vec![self.claimed(&format!("effect:{effect}"), words, marks)];
        }
        let named = marks
            .classes
            .iter()
            .map(|class| self.claimed(&format!("class:{class}:read"), words, marks));
        let mut remarks: Vec<Remark> = named.collect();
        if remarks.is_empty() && marks.all_data {
            remarks.push(self.nothing(words, marks));
        }
        remarks
    }

    /// "No personal data was read": every class, and nobody.
    fn nothing(&self, words: &str, marks: &Marks) -> Remark {
        let (worth, because) = match (self.persons.at_least, self.persons.at_most, marks.hedged) {
            (0, Some(0), _) => (Worth::Carried, "nobody's data was reached".to_owned()),
            (0, _, true) => (Worth::Hedged, "it is open".to_owned()),
            (0, _, false) => (
                Worth::Overclaimed,
                "somebody's data cannot be excluded".to_owned(),
            ),
            (n, _, _) => (Worth::Contradicted, format!("data of at least {n} was reached")),
        };
        remark(worth, words, because, Some("only_these_persons"))
    }

    /// What was read, changed or lost. Hedging what is certain makes less of it.
    fn affirmed(&self, marks: &Marks) -> Vec<Remark> {
        let effect = marks.effect.unwrap_or("read");
        let words = match marks.effect {
            Some(_) => marks.effect,
            None => marks.affirmed.as_deref(),
        };
        let Some(words) = words.filter(|_| marks.negated.is_none() && marks.no_evidence.is_none()) else {
            return Vec::new();
        };
        let each = marks.classes.iter().filter_map(|class| {
            let bounds = self.of_class(class, effect)?;
            let (worth, because) = match (bounds.at_least, bounds.at_most, marks.hedged) {
                (0, Some(0), _) => (Worth::Contradicted, format!("no {class} data was {effect}")),
                (0, _, true) => (
                    Worth::Hedged,
                    format!("whether {class} data was {effect} is open"),
                ),
                (0, _, false) => (
                    Worth::Overclaimed,
                    format!("nothing shows that {class} data was {effect}"),
                ),
                (n, _, true) => (
                    Worth::Understated,
                    format!("{class} data of at least {n} was {effect} for certain"),
                ),
                (n, _, false) => (
                    Worth::Carried,
                    format!("{class} data of at least {n} was {effect}"),
                ),
            };
            let claim = match effect {
                "read" => format!("class:{class}:read"),
                effect => format!("effect:{effect}"),
            };
            Some(remark(worth, words, because, Some(&claim)))
        });
        each.collect()
    }

    /// How many persons' data of the class suffered the effect.
    fn of_class(&self, class: &str, effect: &str) -> Option<&Bounds> {
        match effect {
            "read" => self.classes.get(class),
            effect => self.effects.get(effect)?.get(class),
        }
    }

    /// "No evidence" is worth what the logs could have shown.
    fn no_evidence(&self, words: &str) -> Remark {
        match self.n_gaps {
            0 => remark(
                Worth::Carried,
                words,
                "the logs that would show it are complete".to_owned(),
                None,
            ),
            n => remark(
                Worth::Overclaimed,
                words,
                format!("the logs that would show it have {n} gaps: say what they cannot show"),
                None,
            ),
        }
    }

    fn encrypted(&self, words: &str) -> Remark {
        let (worth, because) = match self.unreadable {
            Some(true) => (
                Worth::Carried,
                "a person signed that the data was unreadable and the key is safe",
            ),
            Some(false) => (Worth::Contradicted, "the data was readable, or its key was taken"),
            None => (
                Worth::Overclaimed,
                "nobody said how the data was encrypted and where the key is",
            ),
        };
        remark(worth, words, because.to_owned(), None)
    }

    /// A number must say what the bounds say.
    fn number(&self, number: &marks::Number, marks: &Marks) -> Remark {
        let bounds = match number.of_records {
            true => self.records,
            false => match marks.classes.as_slice() {
                [class] if marks.negated.is_none() => self
                    .of_class(class, marks.effect.unwrap_or("read"))
                    .unwrap_or(self.persons),
                _ => self.persons,
            },
        };
        let (least, most) = (bounds.at_least, bounds.at_most);
        let excluded = |n: u64| n < least || most.is_some_and(|most| n > most);
        let n = number.n;
        let worth = match number.said {
            Said::Exactly if (least, most) == (n, Some(n)) => Worth::Carried,
            Said::Exactly | Said::About if excluded(n) => Worth::Contradicted,
            Said::Exactly => Worth::Overclaimed,
            Said::About if most.is_some_and(|most| most.saturating_sub(least) <= n / 5) => Worth::Carried,
            Said::About => Worth::Overclaimed,
            Said::AtLeast if n <= least => Worth::Carried,
            Said::AtLeast if most.is_some_and(|most| n > most) => Worth::Contradicted,
            Said::AtLeast => Worth::Overclaimed,
            Said::AtMost if most.is_some_and(|most| most <= n) => Worth::Carried,
            Said::AtMost if n < least => Worth::Contradicted,
            Said::AtMost => Worth::Overclaimed,
        };
        let told = most.map_or("no upper bound is known".to_owned(), |most| {
            format!("at most {most}")
        });
        remark(
            worth,
            &number.words,
            format!("the bounds are at least {least}, {told}"),
            None,
        )
    }
}

fn remark(worth: Worth, words: &str, because: String, claim: Option<&str>) -> Remark {
    Remark {
        worth,
        words: words.to_owned(),
        because,
        claim: claim.map(str::to_owned),
    }
}
