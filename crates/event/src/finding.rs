//! What a rule concludes over events.

use crate::{Error, EventId, Observable, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

    /// Reads the 32 hexadecimal digits that it is shown as.
    ///
    /// # Errors
    /// As for [`EventId::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        EventId::parse(text).map(Self)
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

/// What is noted of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum FindingEntry {
    Raised {
        #[serde(flatten)]
        finding: Finding,
    },
    /// A late event, or more events of the same, made another finding of it.
    Corrected {
        before: FindingId,
        #[serde(flatten)]
        finding: Finding,
    },
    /// With a late event it does not hold.
    Withdrawn { before: FindingId, rule_id: String },
}

/// An entry, with when it was noted by the clock of whoever looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    pub noted_at: Timestamp,
    #[serde(flatten)]
    pub entry: FindingEntry,
}

impl Noted {
    /// The identity of what was noted then: the same entry taken in twice is one.
    #[must_use]
    pub fn id(&self) -> EventId {
        let what = match &self.entry {
            FindingEntry::Raised { finding } => format!("raised {}", finding.id),
            FindingEntry::Corrected { before, finding } => format!("corrected {before} {}", finding.id),
            FindingEntry::Withdrawn { before, .. } => format!("withdrawn {before}"),
        };
        EventId::native("noted", &self.noted_at.0.to_string(), &what)
    }

    /// The finding that it tells of, where it tells of one that holds.
    #[must_use]
    pub const fn finding(&self) -> Option<&Finding> {
        match &self.entry {
            FindingEntry::Raised { finding } | FindingEntry::Corrected { finding, .. } => Some(finding),
            FindingEntry::Withdrawn { .. } => None,
        }
    }
}

/// A finding, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    #[serde(flatten)]
    pub finding: Finding,
    /// When it was first noted; of a corrected one, when that which it corrects was.
    pub noticed_at: Timestamp,
    /// When it was found not to hold; `None` while it stands.
    pub withdrawn_at: Option<Timestamp>,
    /// The finding that stands instead of it.
    pub instead: Option<FindingId>,
}

/// What entries come to: every finding that they tell of, those that stand and those that do not, by time, then id.
#[must_use]
pub fn noticed(mut entries: Vec<Noted>) -> Vec<Noticed> {
    entries.sort_by_key(|noted| (noted.noted_at, noted.id()));
    let mut known: BTreeMap<FindingId, Noticed> = BTreeMap::new();
    for Noted { noted_at, entry } in entries {
        let (before, finding) = match entry {
            FindingEntry::Raised { finding } => (None, Some(finding)),
            FindingEntry::Corrected { before, finding } => (Some(before), Some(finding)),
            FindingEntry::Withdrawn { before, .. } => (Some(before), None),
        };
        let mut since = noted_at;
        if let Some(old) = before.and_then(|before| known.get_mut(&before)) {
            since = since.min(old.noticed_at);
            old.withdrawn_at = Some(noted_at);
            old.instead = finding.as_ref().map(|finding| finding.id);
        }
        let Some(finding) = finding else { continue };
        let since = known
            .get(&finding.id)
            .map_or(since, |old| since.min(old.noticed_at));
        let new = Noticed {
            finding,
            noticed_at: since,
            withdrawn_at: None,
            instead: None,
        };
        known.insert(new.finding.id, new);
    }
    let mut all: Vec<Noticed> = known.into_values().collect();
    all.sort_by_key(|noticed| (noticed.finding.time, noticed.finding.id));
    all
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

    fn raised(id: u8, at: i64) -> Noted {
        let finding = Finding {
            id: FindingId(EventId([id; 16])),
            rule_id: "r".into(),
            title: "R".into(),
            level: Some(Level::High),
            attack: vec!["T1110".into()],
            time: Timestamp(i64::from(id)),
            until: Timestamp(i64::from(id)),
            source: "s".into(),
            host: None,
            actor: Vec::new(),
            because: None,
            events: vec![EventId([id; 16])],
            n_events: 1,
        };
        Noted {
            noted_at: Timestamp(at),
            entry: FindingEntry::Raised { finding },
        }
    }

    fn corrected(before: u8, id: u8, at: i64) -> Noted {
        let mut noted = raised(id, at);
        if let FindingEntry::Raised { finding } = noted.entry {
            noted.entry = FindingEntry::Corrected {
                before: FindingId(EventId([before; 16])),
                finding,
            };
        }
        noted
    }

    fn withdrawn(id: u8, at: i64) -> Noted {
        Noted {
            noted_at: Timestamp(at),
            entry: FindingEntry::Withdrawn {
                before: FindingId(EventId([id; 16])),
                rule_id: "r".into(),
            },
        }
    }

    /// The findings as `id noticed-at`, with `!` behind those that do not stand.
    fn told(entries: Vec<Noted>) -> Vec<String> {
        let show = |n: &Noticed| {
            let mark = if n.withdrawn_at.is_some() { "!" } else { "" };
            format!("{} {}{mark}", n.finding.time.0, n.noticed_at.0)
        };
        noticed(entries).iter().map(show).collect()
    }

    #[test]
    fn what_corrects_a_finding_was_noticed_when_that_was() {
        assert_eq!(
            told(vec![corrected(1, 2, 200), raised(1, 100)]),
            ["1 100!", "2 100"]
        );
        assert_eq!(
            told(vec![raised(1, 100), corrected(1, 1, 200)]),
            ["1 100"],
            "it grew and is the same"
        );
        let chain = vec![raised(1, 100), corrected(1, 2, 200), corrected(2, 3, 300)];
        assert_eq!(told(chain), ["1 100!", "2 100!", "3 100"]);
    }

    #[test]
    fn what_is_withdrawn_and_found_again_stands_since_it_was_first_noticed() {
        assert_eq!(told(vec![raised(1, 100), withdrawn(1, 200)]), ["1 100!"]);
        assert_eq!(
            told(vec![raised(1, 100), withdrawn(1, 200), raised(1, 300)]),
            ["1 100"]
        );
        assert_eq!(
            told(vec![withdrawn(1, 50)]),
            [] as [&str; 0],
            "of what nobody raised"
        );
    }

    #[test]
    fn entries_come_back_from_their_json() {
        for noted in [raised(1, 100), corrected(1, 2, 200), withdrawn(1, 300)] {
            let json = serde_json::to_string(&noted).unwrap_or_default();
            assert_eq!(serde_json::from_str::<Noted>(&json).ok(), Some(noted), "{json}");
        }
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
