//! Is disclosure warranted? The risk to persons by the factors of EDPB Guidelines 9/2022, from the facts.
//!
//! What is not known is tried in every way it may be: where all lead to the same answer nothing is asked, else the
//! answer *depends*, and on which facts. ENISA's severity stands beside it as an explanation; it decides nothing. A
//! person decides, and signs.

mod cases;
mod enisa;
mod situation;

pub use cases::{Case, Flip, cases};
pub use enisa::{Severity, SeverityLevel};

use crate::fact::{Facts, term};
use enisa::severity;
use serde::Deserialize;
use situation::{Open, Situation};
use std::collections::HashMap;
use std::fmt;

/// How likely a risk to persons' rights and freedoms is; the words of the fact `risk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    Unlikely,
    Likely,
    High,
}

/// Yes, no, or it depends on facts that nobody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    No,
    Depends,
    Yes,
}

/// The answer with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    pub at_least: Risk,
    pub at_most: Risk,
    pub notify_authority: Decision,
    pub tell_persons: Decision,
    /// What speaks for the level, one sentence each; for the higher end where it depends.
    pub because: Vec<String>,
    /// The facts on which it depends, with their questions.
    pub depends_on: Vec<(String, String)>,
    /// `None` where the facts do not suffice for a score.
    pub severity: Option<Severity>,
    /// Where the score suggests another decision, and why it does.
    pub disagreement: Option<String>,
}

/// Assesses the risk by these facts.
#[must_use]
pub fn assess(facts: &Facts) -> Assessment {
    let open = Open::of(facts);
    let situations = open.situations();
    let levels: Vec<(Risk, &Situation)> = situations.iter().map(|s| (s.risk().0, s)).collect();
    let at_least = levels
        .iter()
        .map(|(risk, _)| *risk)
        .min()
        .unwrap_or(Risk::Unlikely);
    let worst = levels.iter().max_by_key(|(risk, _)| *risk);
    let at_most = worst.map_or(Risk::High, |(risk, _)| *risk);
    let severity = match situations.as_slice() {
        [only] => severity(facts, only),
        _ => None,
    };
    let mut assessment = Assessment {
        at_least,
        at_most,
        notify_authority: decision(at_least, at_most, Risk::Likely),
        tell_persons: decision(at_least, at_most, Risk::High),
        because: worst.map(|(_, situation)| situation.risk().1).unwrap_or_default(),
        depends_on: asked(&open, &levels, (at_least, at_most)),
        severity,
        disagreement: None,
    };
    assessment.disagreement = assessment
        .severity
        .as_ref()
        .and_then(|s| s.disagrees(&assessment));
    assessment
}

const fn decision(at_least: Risk, at_most: Risk, needs: Risk) -> Decision {
    if at_least as u8 >= needs as u8 {
        Decision::Yes
    } else if (at_most as u8) < needs as u8 {
        Decision::No
    } else {
        Decision::Depends
    }
}

/// An open fact is asked for where it alone can make a difference, whatever the other open facts are.
fn asked(open: &Open, levels: &[(Risk, &Situation)], whole: (Risk, Risk)) -> Vec<(String, String)> {
    if whole.0 == whole.1 {
        return Vec::new();
    }
    let decides = |name: &&&str| {
        let mut others: HashMap<Situation, Risk> = HashMap::new();
        levels
            .iter()
            .any(|(risk, situation)| *others.entry(situation.without(name)).or_insert(*risk) != *risk)
    };
    let questions = open.unknown.iter().filter(decides);
    questions
        .map(|name| {
            (
                (*name).to_owned(),
                term(name).map_or("", |t| t.question).to_owned(),
            )
        })
        .collect()
}

impl Risk {
    /// The word of the fact `risk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlikely => "unlikely",
            Self::Likely => "likely",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Depends => "depends",
            Self::Yes => "yes",
        })
    }
}
