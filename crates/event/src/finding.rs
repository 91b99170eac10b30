//! What a rule concludes over events.

use crate::{EventId, Observable, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a finding weighs, as the author of its rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub const ALL: &'static [Self] = &[
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of that name, whatever the case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.name().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The identity of a finding: of its rule, the events that made it and, where it is over several, the group and the
/// place in it, so that the same conclusion reached twice is one finding, and two over the same events are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(EventId);

impl FindingId {
    /// The identity of what a rule concludes over these events, in whichever order.
    #[must_use]
    pub fn of(rule_id: &str, events: &[EventId]) -> Self {
        let mut ids: Vec<String> = events.iter().map(ToString::to_string).collect();
        ids.sort();
        Self(EventId::native("finding", rule_id, &ids.join(",")))
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a rule concludes over events: a reason to look, not a fact about anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub id: FindingId,
    pub rule_id: String,
    pub title: String,
    /// `None` where the rule's author does not say.
    pub level: Option<Level>,
    /// ATT&CK techniques, as MITRE writes them: `T1059.001`.
    pub attack: Vec<String>,
    /// The earliest instant of the events that made it.
    pub time: Timestamp,
    /// The latest instant of them.
    pub until: Timestamp,
    /// The source of the event that completed it.
    pub source: String,
    pub host: Option<String>,
    /// Who acted, by what the events say: account, session, token, address, device, in this order.
    pub actor: Vec<Observable>,
    /// What was seen, in one sentence, where that is more than the title says.
    pub because: Option<String>,
    /// The events that made it, in the order of their times; where they are very many, the first of them.
    pub events: Vec<EventId>,
    /// How many events made it, those counted that are not listed.
    pub n_events: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_conclusion_is_one_finding_whatever_the_order() {
        let [a, b] = [1, 2].map(|n| EventId([n; 16]));
        assert_eq!(FindingId::of("r", &[a, b]), FindingId::of("r", &[b, a]));
        assert_ne!(FindingId::of("r", &[a, b]), FindingId::of("r", &[a]));
        assert_ne!(FindingId::of("r", &[a]), FindingId::of("s", &[a]));
    }

    #[test]
    fn levels_are_ordered_and_read_back() {
        assert!(Level::ALL.is_sorted());
        for level in Level::ALL {
            assert_eq!(Level::parse(&level.name().to_uppercase()), Some(*level));
        }
        assert_eq!(Level::parse("severe"), None);
    }
}
