//! What is suspicious in a lake while it grows: each event is looked at once, as it comes.

use crate::looking::Looking;
use crate::quarry::{Hunted, Look, Quarry, keep};
use ambit_detect::{Asked, Entry, Hunt, Incoming, Run};
use ambit_event::{Finding, FindingId, Noticed, Span, Timestamp};
use ambit_lake::Lake;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Batches that wait to be looked at.
const AHEAD: usize = 4;

/// Looking at a lake that grows.
pub struct Live<'a> {
    quarry: Quarry<'a>,
    /// What was seen; it is not here while a thread looks.
    incoming: Option<Incoming>,
    /// The findings that stand by what was seen.
    standing: Vec<Finding>,
    /// Of the lake: all that there were when it began, and those that came since.
    n_events: u64,
}

impl<'a> Live<'a> {
    /// Over a lake without events.
    pub fn from_nothing(quarry: Quarry<'a>) -> Self {
        Self {
            incoming: Some(Incoming::over(quarry.run())),
            standing: Vec::new(),
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
    pub async fn begin(quarry: Quarry<'a>, lake: &Lake) -> Result<(Self, Hunted)> {
        let known = lake.findings().await?;
        let mut begun = Begun::over(&quarry, lake, &known).await?;
        let mut writer = lake.writer().await?;
        let newest = lake.refresh().await?;
        let known = newest.findings().await?;
        if newest.version() != lake.version() {
            begun = Begun::over(&quarry, &newest, &known).await?;
        }
        let entries = begun.look.news(&known);
        let version = keep(&mut writer, entries.clone()).await?;
        let hunted = Hunted::of_entries(entries, &begun.look, version);
        let live = Self {
            incoming: Some(begun.incoming),
            standing: begun.look.findings,
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
        let entries = self.news(&look, &newest.findings().await?);
        let version = keep(&mut writer, entries.clone()).await?;
        let hunted = Hunted::of_entries(entries, &look, version);
        self.standing = look.findings;
        Ok(Some(hunted))
    }

    /// What is otherwise than it was the last time. What this stream told it may take back.
    fn news(&self, look: &Look, known: &[Noticed]) -> Vec<Entry> {
        let before = self.standing.iter().map(|finding| Noticed {
            finding: finding.clone(),
            noticed_at: Timestamp::MIN,
            withdrawn_at: None,
            instead: None,
        });
        let asked = Asked {
            looked: Span::ALL,
            is_whole: true,
            ..look.asked.clone()
        };
        let mut entries = look.news_since(&before.collect::<Vec<_>>(), &asked);
        let standing = known.iter().filter(|noticed| noticed.withdrawn_at.is_none());
        let standing: BTreeMap<FindingId, &Finding> = standing
            .map(|noticed| (noticed.finding.id, &noticed.finding))
            .collect();
        // An earlier look may have told it already.
        entries.retain(|entry| match entry {
            Entry::Raised { finding } => standing.get(&finding.id) != Some(&finding),
            _ => true,
        });
        entries.extend(look.silences_since(known));
        entries
    }
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
