//! Findings as they stand after all entries, and one suspicion for each actor, so that a noisy rule does not bury the
//! one that matters.

use crate::Entry;
use ambit_event::{Finding, FindingId, Level, Observable, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// The findings that stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board(BTreeMap<FindingId, Finding>);

impl Board {
    pub fn note(&mut self, entry: Entry) {
        match entry {
            Entry::Raised { finding } => {
                self.0.insert(finding.id, finding);
            }
            Entry::Corrected { before, finding } => {
                self.0.remove(&before);
                self.0.insert(finding.id, finding);
            }
            Entry::Withdrawn { before, .. } => {
                self.0.remove(&before);
            }
        }
    }

    /// Takes out a finding that does not stand.
    pub(crate) fn take_out(&mut self, id: FindingId) {
        self.0.remove(&id);
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By time, then rule.
    #[must_use]
    pub fn findings(&self) -> Vec<&Finding> {
        let mut findings: Vec<&Finding> = self.0.values().collect();
        findings.sort_by(|a, b| (a.time, &a.rule_id, a.id).cmp(&(b.time, &b.rule_id, b.id)));
        findings
    }

    /// One suspicion for each actor, the heaviest first.
    #[must_use]
    pub fn suspicions(&self) -> Vec<Suspicion> {
        let mut by_actor: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
        for finding in self.findings() {
            by_actor.entry(actor_of(finding)).or_default().push(finding);
        }
        let mut suspicions: Vec<Suspicion> = by_actor
            .into_iter()
            .filter_map(|(actor, findings)| Suspicion::of(actor, &findings))
            .collect();
        suspicions.sort_by(|a, b| (b.score, a.first, &a.actor).cmp(&(a.score, b.first, &b.actor)));
        suspicions
    }
}

/// All that was found about one actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    /// Who: an account, session, token, address or device, else a host or source.
    pub actor: String,
    /// 0 to 100: what its rules weigh. How often one of them fires adds little.
    pub score: u32,
    pub level: Option<Level>,
    pub first: Timestamp,
    pub last: Timestamp,
    pub rules: Vec<Fired>,
}

/// A rule that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fired {
    pub rule_id: String,
    pub title: String,
    pub level: Option<Level>,
    pub attack: Vec<String>,
    pub n_findings: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// Of the heaviest of its findings.
    pub because: Option<String>,
}

impl Suspicion {
    fn of(actor: String, findings: &[&Finding]) -> Option<Self> {
        let mut rules: BTreeMap<&str, Fired> = BTreeMap::new();
        for finding in findings {
            let fired = rules
                .entry(&finding.rule_id)
                .or_insert_with(|| Fired::of(finding));
            fired.add(finding);
        }
        let mut rules: Vec<Fired> = rules.into_values().collect();
        rules.sort_by(|a, b| (b.level, a.first, &a.rule_id).cmp(&(a.level, b.first, &b.rule_id)));
        let score: u32 = rules.iter().map(Fired::weight).sum();
        Some(Self {
            actor,
            score: score.min(100),
            level: rules.iter().filter_map(|rule| rule.level).max(),
            first: rules.iter().map(|rule| rule.first).min()?,
            last: rules.iter().map(|rule| rule.last).max()?,
            rules,
        })
    }
}

impl Fired {
    fn of(finding: &Finding) -> Self {
        Self {
            rule_id: finding.rule_id.clone(),
            title: finding.title.clone(),
            level: finding.level,
            attack: finding.attack.clone(),
            n_findings: 0,
            first: finding.time,
            last: finding.until,
            because: finding.because.clone(),
        }
    }

    fn add(&mut self, finding: &Finding) {
        self.n_findings += 1;
        self.first = self.first.min(finding.time);
        self.last = self.last.max(finding.until);
        if finding.level > self.level {
            self.level = finding.level;
            self.because.clone_from(&finding.because);
        }
    }

    /// What a rule of that level weighs; firing a hundred times, it weighs twice as much.
    fn weight(&self) -> u32 {
        let once = match self.level {
            None | Some(Level::Informational) => 1,
            Some(Level::Low) => 4,
            Some(Level::Medium) => 15,
            Some(Level::High) => 40,
            Some(Level::Critical) => 70,
        };
        let often = self.n_findings.max(1).ilog10().min(2);
        once + once * often / 2
    }
}

/// Whom a finding is about: the first that its events name, else where they were written.
fn actor_of(finding: &Finding) -> String {
    let place = || {
        let host = finding.host.as_deref().map(|host| format!("host={host}"));
        host.unwrap_or_else(|| format!("source={}", finding.source))
    };
    finding.actor.first().map_or_else(place, Observable::to_string)
}
