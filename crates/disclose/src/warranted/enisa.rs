//! ENISA's severity of 2013: SE = DPC × EI + CB. An explanation beside the assessment, never the decision: it gives
//! volume no weight, and scores credentials by what they open.

use super::situation::{MALICIOUS, NOBODY, Situation};
use super::{Assessment, Decision};
use crate::fact::Facts;
use std::fmt;

/// The score with its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Severity {
    /// Context of the data, 1 to 4.
    pub context: f64,
    /// Ease of identification, 0.25 to 1.
    pub identification: f64,
    /// Circumstances of the breach, summed.
    pub circumstances: f64,
    pub score: f64,
    pub level: SeverityLevel,
    /// Reported beside the score, not in it.
    pub flags: Vec<String>,
}

/// Below 2, below 3, below 4, and from 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeverityLevel {
    Low,
    Medium,
    High,
    VeryHigh,
}

/// The score of a situation in which nothing is open; `None` where no classes are named.
pub(super) fn severity(facts: &Facts, situation: &Situation) -> Option<Severity> {
    let classes = facts.words("classes")?;
    let context = classes.iter().map(|class| base(class)).fold(1.0, f64::max);
    let identification = match situation.identification {
        0 => 0.25,
        1 => 0.5,
        2 => 0.75,
        _ => 1.0,
    };
    let circumstances = circumstances(situation);
    let score = context * identification + circumstances;
    let mut flags = Vec::new();
    if situation.many {
        flags.push("more than 100 persons".to_owned());
    }
    if situation.unreadable || facts.words("unintelligible").is_some() {
        flags.push("data is unintelligible".to_owned());
    }
    if classes.contains("credential") {
        flags.push("credentials are scored by what they open, which is not known here".to_owned());
    }
    Some(Severity {
        context,
        identification,
        circumstances,
        score,
        level: level(score),
        flags,
    })
}

/// Simple 1, behavioural 2, financial 3, sensitive 4.
fn base(class: &str) -> f64 {
    match class {
        "behaviour" | "location" | "communication" | "content" | "preferences" | "social" => 2.0,
        "financial" | "payment" => 3.0,
        "health" | "biometric" | "genetic" | "political" | "religion" | "sexual" | "special" | "union" => 4.0,
        _ => 1.0,
    }
}

fn circumstances(s: &Situation) -> f64 {
    let confidentiality = match (s.read, s.recipient) {
        (false, _) | (_, NOBODY) => 0.0,
        (true, 1..=3) => 0.25,
        (true, _) => 0.5,
    };
    let restored = |harmed: bool| match (harmed, s.restored) {
        (false, _) => 0.0,
        (true, 2) => 0.5,
        (true, _) => 0.25,
    };
    let intent = if s.recipient == MALICIOUS { 0.5 } else { 0.0 };
    confidentiality + restored(s.changed) + restored(s.lost) + intent
}

fn level(score: f64) -> SeverityLevel {
    match score {
        s if s < 2.0 => SeverityLevel::Low,
        s if s < 3.0 => SeverityLevel::Medium,
        s if s < 4.0 => SeverityLevel::High,
        _ => SeverityLevel::VeryHigh,
    }
}

impl Severity {
    /// What people usually take the level to mean, though no authority said so.
    const fn suggests(&self) -> (Decision, Decision) {
        match self.level {
            SeverityLevel::Low => (Decision::No, Decision::No),
            SeverityLevel::Medium => (Decision::Yes, Decision::No),
            SeverityLevel::High | SeverityLevel::VeryHigh => (Decision::Yes, Decision::Yes),
        }
    }

    /// Where it suggests another decision than the factors, and why.
    pub(super) fn disagrees(&self, assessment: &Assessment) -> Option<String> {
        let (authority, persons) = self.suggests();
        if (authority, persons) == (assessment.notify_authority, assessment.tell_persons) {
            return None;
        }
        let flags = match self.flags.as_slice() {
            [] => "it weighs the circumstances less than the consequences for persons".to_owned(),
            flags => format!("not in the score: {}", flags.join(", ")),
        };
        Some(format!(
            "the score {:.2} ({}) would suggest authority: {authority}, persons: {persons}; {flags}",
            self.score, self.level
        ))
    }
}

impl fmt::Display for SeverityLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very high",
        })
    }
}
