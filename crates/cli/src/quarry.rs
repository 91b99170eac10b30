//! Looking for what is suspicious in a lake, and keeping what is found there.

use crate::detection::{DetectionArgs, Remarks};
use crate::looking::Looking;
use crate::progress::Progress;
use crate::setting::by;
use crate::words;
use ambit_detect::{
    AllowList, Asked, Board, Entry, Found, Hunt, Incoming, RuleSet, Run, SILENCE, Terms, revise, silences,
};
use ambit_event::{Batch, Finding, FindingId, Noted, Noticed, Span, Timestamp};
use ambit_lake::{Lake, Writer};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};

/// What was found in a lake, and what of it was new.
pub struct Hunted {
    /// Those that stand, by time, whether new or not.
    pub findings: Vec<Finding>,
    pub n_raised: u64,
    pub n_corrected: u64,
    pub n_withdrawn: u64,
    /// Withdrawn before, and found again.
    pub n_again: u64,
    /// Found before, and standing.
    pub n_known: u64,
    /// The version that was looked at, with what was kept.
    pub lake_version: u64,
    /// What people should know beside.
    pub remarks: Remarks,
}

/// What a hunt is about.
pub struct Quarry<'a> {
    pub rules: &'a RuleSet,
    pub terms: Terms,
    /// The findings are about events that happened then.
    pub span: Span,
    /// How rules can be given, for people.
    pub given_by: &'static str,
}

/// What was seen in one look through the lake.
pub struct Look {
    /// All that stand.
    pub findings: Vec<Finding>,
    /// Those are to be told that are about events of then.
    span: Span,
    /// All of the lake's; `None` where behaviours were not looked for.
    silences: Option<Vec<Finding>>,
    /// Of these the ones that are to be told: those of the time that was asked about, and not allowed.
    silences_told: Vec<Finding>,
    pub asked: Asked,
    pub remarks: Remarks,
}

impl Quarry<'_> {
    /// Looks through the lake and keeps nothing.
    pub async fn look(&self, lake: &Lake) -> Result<Hunted> {
        let look = self.once(lake, &lake.findings().await?).await?;
        Ok(Hunted::of(look, lake.version().0))
    }

    /// Looks through the lake and keeps what is new; where all that it holds was seen already, it goes by that. Where
    /// somebody wrote meanwhile, it looks again, and nobody writes until it is done.
    pub async fn look_and_keep(&self, lake: &Lake, seen: Option<Found>) -> Result<Hunted> {
        let mut look = match self.all(lake, seen).await? {
            Some(mut seen) => self.conclude(lake, Span::ALL, &mut seen.run, seen.board).await?,
            None => self.once(lake, &lake.findings().await?).await?,
        };
        let mut writer = lake.writer().await?;
        let newest = lake.refresh().await?;
        let known = newest.findings().await?;
        if newest.version() != lake.version() {
            look = self.once(&newest, &known).await?;
        }
        let entries = look.news(&known);
        let mut hunted = Hunted::of(look, newest.version().0);
        hunted.count(&entries, &known);
        hunted.lake_version = keep(&mut writer, entries).await?;
        Ok(hunted)
    }

    /// What was seen, where that is all that the lake holds and all that is asked about.
    async fn all(&self, lake: &Lake, seen: Option<Found>) -> Result<Option<Found>> {
        let Some(seen) = seen.filter(|_| self.span == Span::ALL) else {
            return Ok(None);
        };
        let n_events = lake.count(&Hunt::everything()).await?;
        Ok((n_events == seen.n_events).then_some(seen))
    }

    async fn once(&self, lake: &Lake, known: &[Noticed]) -> Result<Look> {
        let run = self.run();
        let looked = self.reach(&run, known);
        let mut found = self.through(lake, looked, run).await?.finish();
        self.conclude(lake, looked, &mut found.run, found.board).await
    }

    /// A run over no event yet.
    pub fn run(&self) -> Run {
        Run::new(self.rules, self.terms.clone())
    }

    /// Shows a run the events of the lake that happened then.
    pub async fn through(&self, lake: &Lake, looked: Span, run: Run) -> Result<Incoming> {
        let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await?;
        let mut hunt = Hunt::over(&run, &sources, looked);
        let mut progress = Progress::of_events(lake.count(&hunt.whole()).await?);
        let looking = Looking::over(Incoming::in_order(run), 1, |_| true);
        while let Some(query) = hunt.asks() {
            let events = hunt.take(lake.events(&query).await?);
            progress.looked(events.len() as u64);
            looking.take(events).await;
        }
        progress.finish();
        looking.stop()?.context("what looks at the events gave up")
    }

    /// What follows from what a run found.
    pub async fn conclude(&self, lake: &Lake, looked: Span, run: &mut Run, mut board: Board) -> Result<Look> {
        let coverage = lake.coverage().await?;
        run.forget_beside();
        let silences = (run.n_behaviours() > 0).then(|| silences(&coverage));
        let mut silences_told = silences.clone().unwrap_or_default();
        silences_told.retain(|silence| {
            let when = Span::new(silence.time, silence.until.plus_nanos(1));
            self.span.overlaps(when) && !run.is_allowed(silence)
        });
        let unproven = run.take_out_unproven(&mut board, &coverage);
        let mut remarks = Remarks::of(run, self.rules, &coverage, self.span, self.given_by);
        remarks.unproven(&unproven);
        remarks.places(self.terms.places.as_deref());
        if run.tally().n_events == 0 {
            remarks.missing("no record in the lake is one that these rules are about, then".to_owned());
        }
        Ok(Look {
            findings: board.findings().into_iter().cloned().collect(),
            span: self.span,
            silences,
            silences_told,
            asked: Asked {
                rules: run.asked().clone(),
                looked,
                // What is allowed is not told, which does not say that it does not hold.
                is_whole: self.span == Span::ALL
                    && run.tally().limits.is_exact()
                    && self.terms.allow == AllowList::default(),
            },
            remarks,
        })
    }

    /// What must be looked at for the findings of the span to be whole: what their windows and habits rest on, and
    /// findings that are known and reach into it.
    pub fn reach(&self, run: &Run, known: &[Noticed]) -> Span {
        let mut from = self.span.from;
        let mut standing: Vec<&Finding> = known
            .iter()
            .filter(|noticed| noticed.withdrawn_at.is_none())
            .map(|noticed| &noticed.finding)
            .filter(|finding| run.asked().contains(&finding.rule_id))
            .collect();
        standing.sort_by_key(|finding| std::cmp::Reverse(finding.until));
        // One that goes on may have begun long before: so may what it goes on from.
        for finding in standing {
            let reach = Timestamp(from.0.saturating_sub(run.look_back()));
            if finding.until >= reach {
                from = from.min(finding.time);
            }
        }
        Span::new(Timestamp(from.0.saturating_sub(run.look_back())), self.span.until)
    }
}

impl Look {
    /// What is to be noted, given what is known.
    pub fn news(&self, known: &[Noticed]) -> Vec<Entry> {
        let mut entries = self.news_since(known, &self.asked);
        entries.extend(self.silences_since(known, |told, now| told != now));
        entries
    }

    /// The same without silences, given what was told before of what was asked.
    pub fn news_since(&self, before: &[Noticed], asked: &Asked) -> Vec<Entry> {
        let found: Vec<&Finding> = self.in_span().collect();
        revise(before, &found, asked)
    }

    /// What is to be noted of silences; one that is known is told again where that is due. They follow from the coverage,
    /// which is always that of everything.
    pub fn silences_since(&self, known: &[Noticed], is_due: fn(&Finding, &Finding) -> bool) -> Vec<Entry> {
        let silences = self.silences.as_deref();
        silences.map_or(Vec::new(), |silences| revised(silences, known, is_due))
    }

    /// The findings that are to be told.
    fn in_span(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|found| self.span.contains(found.until))
    }
}

/// What is to be noted where these silences are found. One that begins when a known one does is the same.
pub fn revised(found: &[Finding], known: &[Noticed], is_due: fn(&Finding, &Finding) -> bool) -> Vec<Entry> {
    let standing = known.iter().filter(|noticed| noticed.withdrawn_at.is_none());
    let standing = standing.map(|noticed| &noticed.finding);
    let standing = standing.filter(|one| one.rule_id == SILENCE.id);
    let begun = |one: &Finding| (one.source.clone(), one.host.clone(), one.time);
    let (mut told, mut entries) = (BTreeMap::new(), Vec::new());
    let mut gone: Vec<&Finding> = standing.filter_map(|one| told.insert(begun(one), one)).collect();
    for finding in found {
        let finding = finding.clone();
        entries.extend(match told.remove(&begun(&finding)) {
            None => Some(Entry::Raised { finding }),
            Some(told) if !is_due(told, &finding) => None,
            Some(told) => Some(Entry::Corrected {
                before: told.id,
                finding,
            }),
        });
    }
    gone.extend(told.into_values());
    entries.extend(gone.into_iter().map(|gone| Entry::Withdrawn {
        before: gone.id,
        rule_id: SILENCE.id.to_owned(),
    }));
    entries
}

/// What stands after an entry.
fn finding_of(entry: Entry) -> Option<Finding> {
    match entry {
        Entry::Raised { finding } | Entry::Corrected { finding, .. } => Some(finding),
        Entry::Withdrawn { .. } => None,
    }
}

/// Keeps what is to be noted, and tells the version that has it.
pub async fn keep(writer: &mut Writer, entries: Vec<Entry>) -> Result<u64> {
    // They are noticed now, and not when the look began.
    let noted_at = by().at;
    let noted = entries.into_iter().map(|entry| Noted { noted_at, entry });
    let batch = Batch {
        noted: noted.collect(),
        ..Batch::default()
    };
    writer.push(batch).await?;
    Ok(writer.commit().await?.version.0)
}

impl Hunted {
    pub fn of(look: Look, lake_version: u64) -> Self {
        let mut findings: Vec<Finding> = look.in_span().cloned().collect();
        findings.extend(look.silences_told);
        findings.sort_by(|a, b| (a.time, &a.rule_id, a.id).cmp(&(b.time, &b.rule_id, b.id)));
        Self {
            findings,
            n_raised: 0,
            n_corrected: 0,
            n_withdrawn: 0,
            n_again: 0,
            n_known: 0,
            lake_version,
            remarks: look.remarks,
        }
    }

    /// What was noted alone, and not what stood before.
    pub fn of_entries(entries: Vec<Entry>, look: &Look, lake_version: u64) -> Self {
        let is_told = |entry: &Entry| match entry {
            Entry::Raised { finding } | Entry::Corrected { finding, .. } if finding.rule_id == SILENCE.id => {
                look.silences_told.iter().any(|told| told.id == finding.id)
            }
            _ => true,
        };
        let entries: Vec<Entry> = entries.into_iter().filter(is_told).collect();
        let n_of = |is_it: fn(&Entry) -> bool| entries.iter().filter(|entry| is_it(entry)).count() as u64;
        let [n_raised, n_corrected, n_withdrawn] = [
            n_of(|entry| matches!(entry, Entry::Raised { .. })),
            n_of(|entry| matches!(entry, Entry::Corrected { .. })),
            n_of(|entry| matches!(entry, Entry::Withdrawn { .. })),
        ];
        let mut findings: Vec<Finding> = entries.into_iter().filter_map(finding_of).collect();
        findings.sort_by(|a, b| (a.time, &a.rule_id, a.id).cmp(&(b.time, &b.rule_id, b.id)));
        Self {
            findings,
            n_raised,
            n_corrected,
            n_withdrawn,
            n_again: 0,
            n_known: 0,
            lake_version,
            remarks: look.remarks.clone(),
        }
    }

    pub fn count(&mut self, entries: &[Entry], known: &[Noticed]) {
        let known: BTreeSet<FindingId> = known.iter().map(|noticed| noticed.finding.id).collect();
        let mut told = BTreeSet::new();
        for entry in entries {
            if let Entry::Raised { finding } | Entry::Corrected { finding, .. } = entry {
                told.insert(finding.id);
            }
            match entry {
                Entry::Raised { finding } if known.contains(&finding.id) => self.n_again += 1,
                Entry::Raised { .. } => self.n_raised += 1,
                Entry::Corrected { .. } => self.n_corrected += 1,
                Entry::Withdrawn { .. } => self.n_withdrawn += 1,
            }
        }
        let is_as_before = |finding: &&Finding| !told.contains(&finding.id);
        self.n_known = self.findings.iter().filter(is_as_before).count() as u64;
    }

    /// What was kept, in one line.
    pub fn kept(&self) -> String {
        let count = |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", words::number(n)));
        let parts = [
            Some(words::counted(self.n_raised, "new finding", "new findings")),
            count(self.n_again, "withdrawn before and found again"),
            count(self.n_known, "known before"),
            count(self.n_corrected, "corrected"),
            count(self.n_withdrawn, "withdrawn"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} · lake version {}", parts.join(", "), self.lake_version)
    }

    /// Those that people want to hear of; what is kept back by its level is counted.
    pub fn heard(&mut self, args: &DetectionArgs) -> Vec<Finding> {
        let all = std::mem::take(&mut self.findings);
        let n_all = all.len();
        let heard: Vec<Finding> = all.into_iter().filter(|finding| args.is_heard(finding)).collect();
        let n_less = (n_all - heard.len()) as u64;
        if n_less > 0 {
            let n = words::counted(n_less, "finding", "findings");
            self.remarks
                .lines
                .push(format!("{n} below --min-level, not told"));
        }
        heard
    }
}
