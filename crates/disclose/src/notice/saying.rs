//! One thing that a notice says, with what carries it.

use crate::fact::{Facts, Provenance, term};
use crate::words::at_utc;
use ambit_event::printable;
use ambit_scope::{Bounds, Claim, Verdict};
use std::fmt;

/// Characters that mark sayings inside a rendered template; they are taken out of every other text.
pub(super) const MARKS: [char; 3] = ['\u{e000}', '\u{e001}', '\u{e002}'];

/// The longest text of one saying, in characters.
const LONGEST: usize = 4000;

/// What carries a saying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// A claim of the scope, with its verdict. A sentence is worded as the verdict is.
    Claim {
        id: String,
        verdict: Verdict,
    },
    /// A count with both ends.
    Count {
        what: String,
        at_least: u64,
        at_most: Option<u64>,
    },
    /// An instant of the scope's timeline.
    Timeline {
        name: &'static str,
    },
    Gap {
        id: String,
    },
    /// How complete the sources are.
    Coverage,
    /// A fact, with who stands behind it.
    Fact {
        name: String,
        by: String,
    },
    /// A person's decision in the journal.
    Decision {
        entry: String,
        by: String,
    },
    /// Advice by class of data, which states nothing.
    Advice {
        class: String,
    },
    /// What the law of a place wants to be told.
    Rule {
        regime: String,
        what: String,
    },
}

/// What the law of a place may forbid to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What happened, how and when.
    Nature,
    /// How many persons.
    Number,
    /// Anything else.
    Other,
}

/// A text that is bound to what carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// Group and, where it has several members, which: `persons`, `read:contact`.
    pub id: String,
    pub text: String,
    pub topic: Topic,
    pub carried_by: Vec<Carrier>,
    /// The fact that a person must say first.
    pub missing: Option<String>,
}

impl Saying {
    /// Whether it says what was, and not what one may do.
    pub(super) fn states(&self) -> bool {
        let counsel = |carrier: &Carrier| matches!(carrier, Carrier::Advice { .. } | Carrier::Rule { .. });
        self.missing.is_none() && !(self.carried_by.iter().any(counsel))
    }

    pub(super) fn group(&self) -> &str {
        self.id
            .split_once(':')
            .map_or(self.id.as_str(), |(group, _)| group)
    }
}

/// Everything that can be said, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sayings(pub(super) Vec<Saying>);

impl Sayings {
    pub fn iter(&self) -> impl Iterator<Item = &Saying> {
        self.0.iter()
    }

    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Saying> {
        self.0.iter().find(|saying| saying.id == id)
    }

    pub(super) fn put(&mut self, id: &str, topic: Topic, text: &str, carried_by: Vec<Carrier>) {
        self.0.push(Saying {
            id: id.to_owned(),
            text: clean(text),
            topic,
            carried_by,
            missing: None,
        });
    }

    /// A fact that a person must say before this can be issued.
    pub(super) fn ask(&mut self, id: &str, topic: Topic, fact: &str) {
        let question = term(fact).map_or(fact, |term| term.question);
        self.0.push(Saying {
            id: id.to_owned(),
            text: clean(&format!("[to be said by a person: {question}]")),
            topic,
            carried_by: Vec::new(),
            missing: Some(fact.to_owned()),
        });
    }

    /// A name or address that a person signed, or the question for it.
    pub(super) fn named(&mut self, name: &str, facts: &Facts) {
        match facts.text(name) {
            Some(text) => self.put(name, Topic::Other, text, vec![Carrier::fact(facts, name)]),
            None => self.ask(name, Topic::Other, name),
        }
    }

    /// A text that a person signed, or the question for it.
    pub(super) fn signed(&mut self, id: &str, topic: Topic, facts: &Facts, fact: &str) {
        match facts.text(fact) {
            Some(text) => self.put(id, topic, &sentence(text), vec![Carrier::fact(facts, fact)]),
            None => self.ask(id, topic, fact),
        }
    }
}

impl Carrier {
    pub(super) fn claim(claim: &Claim) -> Self {
        Self::Claim {
            id: claim.id.clone(),
            verdict: claim.verdict,
        }
    }

    pub(super) fn count(what: &str, bounds: &Bounds) -> Self {
        Self::Count {
            what: what.to_owned(),
            at_least: bounds.at_least,
            at_most: bounds.at_most,
        }
    }

    pub(super) fn fact(facts: &Facts, name: &str) -> Self {
        let by = match facts.get(name).map(|fact| &fact.provenance) {
            Some(Provenance::ScopeAt { version, .. }) => format!("the scope at version {version}"),
            Some(Provenance::Snapshot { version, table, .. }) => {
                format!(
                    "{} of {} in the scope at version {version}",
                    table.file,
                    at_utc(table.at)
                )
            }
            Some(Provenance::Signed { entry, by, .. }) => format!("{by}, entry {entry}"),
            None => "nobody".to_owned(),
        };
        Self::Fact {
            name: name.to_owned(),
            by,
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim { id, verdict } => {
                let verdict = match verdict {
                    Verdict::Supported => "supported",
                    Verdict::Contradicted => "contradicted",
                    Verdict::Undecided => "undecided",
                };
                write!(f, "claim {id}: {verdict}")
            }
            Self::Count {
                what,
                at_least,
                at_most,
            } => match at_most {
                Some(most) => write!(f, "{what}: at least {at_least}, at most {most}"),
                None => write!(f, "{what}: at least {at_least}, no upper bound"),
            },
            Self::Timeline { name } => write!(f, "timeline of the scope: {name}"),
            Self::Gap { id } => f.write_str(id),
            Self::Coverage => f.write_str("coverage of the sources"),
            Self::Fact { name, by } => write!(f, "fact {name}, by {by}"),
            Self::Decision { entry, by } => write!(f, "decision of {by}, entry {entry}"),
            Self::Advice { class } => write!(f, "advice for {class} data"),
            Self::Rule { regime, what } => write!(f, "content that {regime} asks for: {what}"),
        }
    }
}

/// A text of one line, safe to print and without our marks.
pub(super) fn clean(text: &str) -> String {
    let unmarked: String = text
        .chars()
        .map(|c| {
            if c == '\n' || c == '\r' || c == '\t' {
                ' '
            } else {
                c
            }
        })
        .filter(|c| !MARKS.contains(c))
        .collect();
    printable(unmarked.trim(), LONGEST)
}

/// With a full stop where a person left it out.
fn sentence(text: &str) -> String {
    let text = text.trim();
    match text.chars().next_back() {
        Some('.' | '!' | '?' | ':') | None => text.to_owned(),
        Some(_) => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_bring_no_lines_and_no_marks() {
        assert_eq!(clean("a\u{e000}b\n# c\u{e002}"), "ab # c");
        assert_eq!(sentence("we closed it"), "we closed it.");
        assert_eq!(sentence("why?"), "why?");
    }
}
