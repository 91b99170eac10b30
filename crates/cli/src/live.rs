//! What is suspicious in a lake while it grows: each event is looked at once, as it comes.

use crate::looking::Looking;
use crate::quarry::{Hunted, Look, Quarry, keep};
use crate::setting::by;
use ambit_detect::{Asked, Entry, Hunt, Incoming, Run};
use ambit_event::{Finding, FindingId, Noticed, Span, Timestamp};
use ambit_lake::Lake;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Batches that wait to be looked at.
const AHEAD: usize = 4;

/// What a finding grows by is told so long after it was told last, in nanoseconds, or where it doubles.
const PATIENCE: i64 = 300 * 1_000_000_000;

/// A finding as it was told, and when.
struct Told {
    finding: Finding,
    at: Timestamp,
}

/// Looking at a lake that grows.
pub struct Live<'a> {
    quarry: Quarry<'a>,
    /// What was seen; it is not here while a thread looks.
    incoming: Option<Incoming>,
    /// The findings that stand by what was seen, as they were told.
    standing: BTreeMap<FindingId, Told>,
    /// Of the lake: all that there were when it began, and those that came since.
    n_events: u64,
}

impl<'a> Live<'a> {
    /// Over a lake without events.
    pub fn from_nothing(quarry: Quarry<'a>) -> Self {
        Self {
            incoming: Some(Incoming::over(quarry.run())),
            standing: BTreeMap::new(),
            n_events: 0,
            quarry: Quarry {
                span: Span::ALL,
                ..quarry
            },
        }
    }

    /// Looks through what the lake holds, as far as it can matter to what comes, and keeps and tells what is new in that
    /// among the findings that the quarry is about. Where somebody wrote meanwhile, it looks again, and nobody writes
    /// until it is done.
    pub async fn begin(mut quarry: Quarry<'a>, lake: &Lake) -> Result<(Self, Hunted)> {
        let known = lake.findings().await?;
        let mut begun = Begun::over(&quarry, lake, &known).await?;
        let mut writer = lake.writer().await?;
        let newest = lake.refresh().await?;
        let known = newest.findings().await?;
        if newest.version() != lake.version() {
            // What was written meanwhile may be older than what the quarry is about.
            quarry.span = Span::ALL;
            begun = Begun::over(&quarry, &newest, &known).await?;
        }
        let entries = begun.look.news(&known);
        let version = keep(&mut writer, entries.clone()).await?;
        let hunted = Hunted::of_entries(entries, &begun.look, version);
        let live = Self {
            incoming: Some(begun.incoming),
            standing: all_told(begun.look.findings, by().at),
            n_events: newest.count(&Hunt::everything()).await?,
            quarry: Quarry {
                span: Span::ALL,
                ..quarry
            },
        };
        Ok((live, hunted))
    }

    /// A thread that looks at what comes; [`Self::took`] takes back what it saw.
    pub fn looking(&mut self) -> Option<Looking> {
        let incoming = self.incoming.take()?;
        Some(Looking::over(incoming, AHEAD, |_| true))
    }

    pub fn took(&mut self, looking: Looking, n_new: u64) -> Result<()> {
        self.incoming = Some(looking.stop()?.context("what looks at the events gave up")?);
        self.n_events += n_new;
        Ok(())
    }

    /// The run that looks at what comes.
    pub fn run(&self) -> Option<&Run> {
        self.incoming.as_ref().map(Incoming::run)
    }

    /// Whether nothing came too late.
    pub fn saw_everything(&self) -> bool {
        self.run().is_some_and(|run| !run.is_too_late())
    }

    /// Keeps what is new since the last time in a lake that holds what came, and tells that alone. `None` where the lake
    /// holds what did not come through here.
    pub async fn note(&mut self, lake: &Lake) -> Result<Option<Hunted>> {
        let mut writer = lake.writer().await?;
        let newest = lake.refresh().await?;
        if newest.count(&Hunt::everything()).await? != self.n_events {
            return Ok(None);
        }
        let incoming = self.incoming.as_mut().context("the events are still looked at")?;
        incoming.catch_up();
        let board = incoming.board().clone();
        let look = self
            .quarry
            .conclude(&newest, Span::ALL, incoming.run_mut(), board)
            .await?;
        let known = newest.findings().await?;
        let now = by().at;
        let changes = self.changes(&look, now);
        let mut entries = news(&changes, &known);
        entries.extend(look.silences_since(&known, is_longer));
        let version = keep(&mut writer, entries.clone()).await?;
        changes.into_iter().for_each(|change| self.stand(change, now));
        Ok(Some(Hunted::of_entries(entries, &look, version)))
    }

    /// What is otherwise than it was told, and worth telling by now. What this stream told it may take back.
    fn changes(&self, look: &Look, now: Timestamp) -> Vec<Entry> {
        let before = self.standing.values().map(|told| Noticed {
            finding: told.finding.clone(),
            noticed_at: told.at,
            withdrawn_at: None,
            instead: None,
        });
        let asked = Asked {
            looked: Span::ALL,
            is_whole: true,
            ..look.asked.clone()
        };
        let mut entries = look.news_since(&before.collect::<Vec<_>>(), &asked);
        // Two that became one are one at once.
        if !entries
            .iter()
            .any(|entry| matches!(entry, Entry::Withdrawn { .. }))
        {
            entries.retain(|entry| self.is_due(entry, now));
        }
        entries
    }

    fn is_due(&self, entry: &Entry, now: Timestamp) -> bool {
        let Entry::Corrected { before, finding } = entry else {
            return true;
        };
        let told = self.standing.get(before);
        told.is_none_or(|told| !only_grew(&told.finding, finding) || told.at.plus_nanos(PATIENCE) <= now)
    }

    fn stand(&mut self, change: Entry, at: Timestamp) {
        match change {
            Entry::Raised { finding } => {
                self.standing.insert(finding.id, Told { finding, at });
            }
            Entry::Corrected { before, finding } => {
                self.standing.remove(&before);
                self.standing.insert(finding.id, Told { finding, at });
            }
            Entry::Withdrawn { before, .. } => {
                self.standing.remove(&before);
            }
        }
    }
}

fn all_told(findings: Vec<Finding>, at: Timestamp) -> BTreeMap<FindingId, Told> {
    let told = |finding: Finding| (finding.id, Told { finding, at });
    findings.into_iter().map(told).collect()
}

/// Whether nothing but its number of events and its end is otherwise, and that not by much.
fn only_grew(told: &Finding, now: &Finding) -> bool {
    let said = |one: &Finding| (one.level, one.time, one.attack.clone(), one.actor.clone());
    let is_some_more = now.n_events >= told.n_events && now.n_events < 2 * told.n_events;
    said(told) == said(now) && is_some_more
}

/// The changes without those that an earlier look noted in the lake.
fn news(changes: &[Entry], known: &[Noticed]) -> Vec<Entry> {
    let standing = known.iter().filter(|noticed| noticed.withdrawn_at.is_none());
    let standing: BTreeMap<FindingId, &Finding> = standing
        .map(|noticed| (noticed.finding.id, &noticed.finding))
        .collect();
    let is_new = |entry: &&Entry| match entry {
        Entry::Raised { finding } => standing.get(&finding.id) != Some(&finding),
        _ => true,
    };
    changes.iter().filter(is_new).cloned().collect()
}

/// Whether a silence that goes on is to be told again: where it weighs more, or is twice as long.
fn is_longer(told: &Finding, now: &Finding) -> bool {
    let length = |one: &Finding| one.until.0.saturating_sub(one.time.0);
    told.level != now.level || length(now) >= length(told).saturating_mul(2)
}

/// What was seen of all that the lake held.
struct Begun {
    incoming: Incoming,
    look: Look,
}

impl Begun {
    async fn over(quarry: &Quarry<'_>, lake: &Lake, known: &[Noticed]) -> Result<Self> {
        let run = quarry.run();
        let looked = quarry.reach(&run, known);
        let mut incoming = quarry.through(lake, looked, run).await?.then_waiting();
        incoming.catch_up();
        let board = incoming.board().clone();
        let look = quarry.conclude(lake, looked, incoming.run_mut(), board).await?;
        Ok(Self { incoming, look })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::quarry::revised;
    use ambit_detect::SILENCE;
    use ambit_event::{Level, Noted, noticed};

    fn finding(rule: &str, secs: (i64, i64), n_events: u64, level: Level) -> Finding {
        Finding {
            id: FindingId::of(&format!("{rule} {secs:?}"), &[]),
            rule_id: rule.to_owned(),
            title: String::new(),
            level: Some(level),
            attack: Vec::new(),
            time: Timestamp::from_secs(secs.0),
            until: Timestamp::from_secs(secs.1),
            source: "s".to_owned(),
            host: None,
            actor: Vec::new(),
            because: None,
            events: Vec::new(),
            n_events,
        }
    }

    #[test]
    fn growth_is_told_where_it_doubles_and_all_else_at_once() {
        let told = finding("r", (0, 9), 8, Level::Medium);
        let grown = |n_events| finding("r", (0, 30), n_events, Level::Medium);
        assert!(only_grew(&told, &grown(8)) && only_grew(&told, &grown(15)));
        assert!(!only_grew(&told, &grown(16)) && !only_grew(&told, &grown(7)));
        assert!(!only_grew(&told, &finding("r", (0, 30), 9, Level::High)));
        assert!(!only_grew(&told, &finding("r", (-1, 30), 9, Level::Medium)));
    }

    /// What stands in a journal after one look more.
    fn after(journal: &mut Vec<Noted>, found: &[Finding]) -> usize {
        let entries = revised(found, &noticed(journal.clone()), is_longer);
        let noted_at = Timestamp::from_secs(journal.len() as i64 + 1);
        let n = entries.len();
        journal.extend(entries.into_iter().map(|entry| Noted { noted_at, entry }));
        n
    }

    #[test]
    fn a_silence_that_goes_on_is_one_and_seldom_told() {
        let mut journal = Vec::new();
        let n_told = (300..4000).filter(|until| {
            let open = finding(SILENCE.id, (0, *until), 0, Level::Low);
            after(&mut journal, &[open]) > 0
        });
        assert_eq!(n_told.count(), 4, "after 300, 600, 1200 and 2400 seconds");
        assert_eq!(
            after(&mut journal, &[finding(SILENCE.id, (0, 4001), 0, Level::Medium)]),
            1
        );
        let standing = noticed(journal.clone());
        let standing: Vec<_> = standing.iter().filter(|one| one.withdrawn_at.is_none()).collect();
        assert_eq!(
            (standing.len(), standing[0].noticed_at),
            (1, Timestamp::from_secs(1))
        );
        assert_eq!(after(&mut journal, &[]), 1);
        assert!(noticed(journal).iter().all(|one| one.withdrawn_at.is_some()));
    }
}
