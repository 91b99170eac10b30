//! What `detect`, `hunt` and `ingest --detect` share: which rules, what was found, and what was not looked at.

use crate::paint::{Paint, Tone, columns};
use crate::progress::Progress;
use crate::setting::read_text;
use crate::words;
use ambit_detect::{
    AllowList, Asked, Behaviours, Blind, Board, Entry, Fired, Hunt, Placeholders, RuleSet, Run, Suspicion,
    Terms, blind, revise, silences,
};
use ambit_event::{
    Batch, Finding, FindingId, Level, Noted, ObservableKind, Span, Timestamp, mask, printable,
};
use ambit_lake::{Coverage, Lake};
use anyhow::{Result, bail};
use clap::Args;
use std::path::{Path, PathBuf};

/// How rules and behaviours are asked.
#[derive(Debug, Clone, Default, Args)]
pub struct DetectionArgs {
    /// What %placeholders% in rules stand for: TOML with `name = ["value", …]`
    #[arg(long, value_name = "FILE.toml")]
    pub placeholders: Option<PathBuf>,
    /// Parameters of the behaviours; see docs/DETECTION.md
    #[arg(long, value_name = "FILE.toml")]
    pub behaviours: Option<PathBuf>,
    /// Findings that are not to be told, each with its reason and its end
    #[arg(long, value_name = "FILE.toml")]
    pub allow: Option<PathBuf>,
    /// Only findings of this level and above
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub min_level: Option<Level>,
}

/// What was not read, or is unknown, is told in full up to here.
const MOST_TOLD: usize = 20;

pub fn level(text: &str) -> Result<Level, String> {
    let names: Vec<&str> = Level::ALL.iter().map(|level| level.name()).collect();
    Level::parse(text).ok_or_else(|| format!("levels are {}", names.join(", ")))
}

impl DetectionArgs {
    /// The rules of some files and folders.
    pub fn rules(&self, paths: &[PathBuf]) -> Result<RuleSet> {
        if let Some(missing) = paths.iter().find(|path| !path.exists()) {
            bail!("{}: there is no such file or folder", missing.display());
        }
        let rules = RuleSet::load(paths, &placeholders(self.placeholders.as_deref())?);
        if !paths.is_empty() && rules.n_loaded() == 0 {
            bail!("no rule could be loaded: `ambit rules check` says why");
        }
        Ok(rules)
    }

    pub fn terms(&self) -> Result<Terms> {
        let mut terms = Terms::new();
        if let Some(file) = &self.behaviours {
            terms.behaviours = Behaviours::parse(&read_text(file)?, &file.display().to_string())?;
        }
        if let Some(file) = &self.allow {
            terms.allow = AllowList::parse(&read_text(file)?, &file.display().to_string())?;
        }
        Ok(terms)
    }

    pub fn is_heard(&self, finding: &Finding) -> bool {
        self.min_level.is_none_or(|least| finding.level >= Some(least))
    }

    /// Whether nothing of it was given.
    pub const fn is_empty(&self) -> bool {
        self.placeholders.is_none()
            && self.behaviours.is_none()
            && self.allow.is_none()
            && self.min_level.is_none()
    }
}

/// The values of placeholders, where a file gives some.
pub fn placeholders(file: Option<&Path>) -> Result<Placeholders> {
    match file {
        Some(file) => Ok(Placeholders::parse(
            &read_text(file)?,
            &file.display().to_string(),
        )?),
        None => Ok(Placeholders::none()),
    }
}

/// What was found in a lake, and what of it was new.
pub struct Hunted {
    /// Those that stand, by time, whether new or not.
    pub findings: Vec<Finding>,
    pub n_raised: u64,
    pub n_corrected: u64,
    pub n_withdrawn: u64,
    /// Found before, and standing.
    pub n_known: u64,
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
    /// What is found is kept in the lake, noted at this instant.
    pub noted_at: Option<Timestamp>,
}

impl Quarry<'_> {
    /// Looks through the lake and keeps what is new.
    pub async fn look(self, lake: &Lake) -> Result<Hunted> {
        let has_behaviours = self.terms.behaviours != Behaviours::none();
        let allows = self.terms.allow != AllowList::default();
        let run = Run::new(self.rules, self.terms);
        let from = Timestamp(self.span.from.0.saturating_sub(run.look_back()));
        let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await?;
        let mut hunt = Hunt::over(run, &sources, Span::new(from, self.span.until));
        let mut progress = Progress::of_events(lake.count(&hunt.whole()).await?);
        while let Some(query) = hunt.asks() {
            progress.looked(hunt.take(lake.events(&query).await?));
        }
        progress.finish();
        let (run, mut board) = hunt.finish();
        let coverage = lake.coverage().await?;
        if has_behaviours {
            for finding in silences(&coverage) {
                board.note(Entry::Raised { finding });
            }
        }
        let findings = board.findings().into_iter();
        let findings: Vec<&Finding> = findings.filter(|found| self.span.contains(found.until)).collect();
        let mut rules = run.asked().clone();
        rules.extend(has_behaviours.then(|| ambit_detect::SILENCE.id.to_owned()));
        let asked = Asked {
            rules,
            // What is allowed is not told, which does not say that it does not hold.
            is_whole: self.span == Span::ALL && run.tally().limits.is_exact() && !allows,
        };
        let mut hunted = Hunted {
            findings: findings.iter().map(|finding| (*finding).clone()).collect(),
            n_raised: 0,
            n_corrected: 0,
            n_withdrawn: 0,
            n_known: 0,
            lake_version: lake.version().0,
            remarks: Remarks::of(&run, self.rules, &coverage, self.span, self.given_by),
        };
        if let Some(at) = self.noted_at {
            hunted.keep(lake, &findings, &asked, at).await?;
        }
        Ok(hunted)
    }
}

impl Hunted {
    async fn keep(&mut self, lake: &Lake, found: &[&Finding], asked: &Asked, at: Timestamp) -> Result<()> {
        // Holding the writer, nobody else notes anything meanwhile.
        let mut writer = lake.writer().await?;
        let known = lake.refresh().await?.findings().await?;
        let entries = revise(&known, found, asked);
        for entry in &entries {
            match entry {
                Entry::Raised { .. } => self.n_raised += 1,
                Entry::Corrected { .. } => self.n_corrected += 1,
                Entry::Withdrawn { .. } => self.n_withdrawn += 1,
            }
        }
        self.n_known = found.len() as u64 - self.n_raised - self.n_corrected;
        let noted = entries.into_iter().map(|entry| Noted { noted_at: at, entry });
        let batch = Batch {
            noted: noted.collect(),
            ..Batch::default()
        };
        writer.push(batch).await?;
        self.lake_version = writer.commit().await?.version.0;
        Ok(())
    }

    /// What was kept, in one line.
    pub fn kept(&self) -> String {
        let count = |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", words::number(n)));
        let parts = [
            Some(words::counted(self.n_raised, "new finding", "new findings")),
            count(self.n_known, "known before"),
            count(self.n_corrected, "corrected"),
            count(self.n_withdrawn, "withdrawn"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} · lake version {}", parts.join(", "), self.lake_version)
    }
}

/// What was not looked at, or in vain.
#[derive(Default)]
pub struct Remarks {
    pub lines: Vec<String>,
    /// Whether everything was looked at.
    pub is_complete: bool,
}

impl Remarks {
    /// What a run over some coverage says of itself. `given_by` is how rules can be given.
    pub fn of(run: &Run, rules: &RuleSet, coverage: &Coverage, span: Span, given_by: &str) -> Self {
        let tally = run.tally();
        let n_behaviours = run.n_behaviours() as u64;
        let mut lines = vec![format!(
            "{} looked at with {} and {}",
            words::counted(tally.n_events, "event", "events"),
            words::counted(rules.n_loaded() as u64, "rule", "rules"),
            words::counted(n_behaviours, "behaviour", "behaviours"),
        )];
        if rules.n_loaded() == 0 && rules.refused().is_empty() {
            lines.push(format!(
                "no rules were given, only behaviours were looked for: {given_by} takes Sigma rules, such as a clone of \
                 https://github.com/SigmaHQ/sigma"
            ));
        }
        if !rules.refused().is_empty() {
            let n = words::counted(rules.refused().len() as u64, "rule was", "rules were");
            lines.push(format!("{n} refused; `ambit rules check` says why"));
        }
        let n_idle = run.idle().count() as u64;
        if n_idle > 0 {
            let n = words::counted(n_idle, "rule is", "rules are");
            lines.push(format!("{n} about logs that are not read here"));
        }
        lines.extend(limits(run));
        lines.extend(expired(
            run,
            coverage.window.map_or(Timestamp::MIN, |window| window.until),
        ));
        let blind = blind(rules, coverage, span);
        lines.extend(unknown(&blind));
        Self {
            lines,
            is_complete: rules.refused().is_empty() && tally.limits.is_exact() && blind.is_empty(),
        }
    }

    /// Notes that something was not looked at.
    pub fn missing(&mut self, line: String) {
        self.lines.push(line);
        self.is_complete = false;
    }

    /// Notes each of these, in full up to a limit.
    pub fn all_missing(&mut self, what: &str, of: &[String]) {
        for line in of.iter().take(MOST_TOLD) {
            self.missing(format!("{what}: {line}"));
        }
        let n_more = of.len().saturating_sub(MOST_TOLD);
        if n_more > 0 {
            self.missing(format!("{what}: {n_more} more"));
        }
    }

    pub fn tell(&self) {
        self.lines.iter().for_each(|line| crate::setting::remark(line));
    }
}

/// What was given up, where something was.
fn limits(run: &Run) -> Vec<String> {
    let tally = run.tally();
    let limits = &tally.limits;
    let counts = [
        (
            limits.n_too_late,
            "came later than --lateness allows, and were left out of what takes several",
        ),
        (
            limits.n_evicted,
            "groups of events were given up, because too many lived",
        ),
        (limits.n_clipped, "were left out of windows that held too many"),
        (
            limits.n_crowded,
            "times a group waited no longer for earlier events, because too many came",
        ),
        (
            tally.n_without_group,
            "matches have no field that their correlation groups by",
        ),
        (tally.n_allowed, "findings are on the allow-list"),
    ];
    let told = counts.into_iter().filter(|(n, _)| *n > 0);
    told.map(|(n, what)| format!("{} {what}", words::number(n)))
        .collect()
}

fn expired(run: &Run, last: Timestamp) -> Vec<String> {
    let line = |entry: &ambit_detect::Allowed| {
        format!("the allow-list's `{}` ended on {}", entry.reason, entry.until)
    };
    run.allow_list().expired(last).map(line).collect()
}

/// What rules cannot know, because their source is blind.
fn unknown(blind: &[Blind]) -> Vec<String> {
    let line = |gap: &Blind| {
        let host = gap
            .host
            .as_deref()
            .map_or(String::new(), |host| format!(" on {host}"));
        let rules = match gap.rules.len() as u64 {
            0 => "behaviours".to_owned(),
            n => format!("{} and behaviours", words::counted(n, "rule", "rules")),
        };
        let (from, until) = (gap.span.from, gap.span.until);
        format!(
            "unknown: {rules} over {}{host} from {from} to {until}: {}",
            gap.source, gap.because
        )
    };
    let mut lines: Vec<String> = blind.iter().take(MOST_TOLD).map(line).collect();
    let n_more = blind.len().saturating_sub(MOST_TOLD) as u64;
    if n_more > 0 {
        lines.push(format!("unknown: {} more", words::counted(n_more, "gap", "gaps")));
    }
    lines
}

/// One suspicion for each actor of these findings.
pub fn suspicions<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<Suspicion> {
    let mut board = Board::default();
    for finding in findings {
        board.note(Entry::Raised {
            finding: finding.clone(),
        });
    }
    board.suspicions()
}

/// A paragraph for each suspicion, with a line for each rule.
pub fn told(paint: &Paint, suspicions: &[Suspicion]) -> Vec<String> {
    if suspicions.is_empty() {
        return vec!["nothing was found".to_owned()];
    }
    let mut lines = Vec::new();
    for suspicion in suspicions {
        let level = suspicion.level.map_or("no level", Level::name);
        let head = format!(
            "{} · risk {} · {level} · {}",
            shown(&suspicion.actor),
            suspicion.score,
            words::span(Span::new(suspicion.first, suspicion.last.plus_nanos(1)))
        );
        lines.push(paint.tone(Tone::Strong, &head));
        let rows: Vec<Vec<String>> = suspicion.rules.iter().map(row).collect();
        lines.extend(columns(&rows).iter().map(|line| format!("  {line}")));
    }
    lines
}

fn row(fired: &Fired) -> Vec<String> {
    let because = fired.because.as_deref().unwrap_or("");
    vec![
        fired.level.map_or("-", Level::name).to_owned(),
        words::number(fired.n_findings),
        printable(&fired.title, 90),
        fired.attack.join(" "),
        printable(because, 160),
    ]
}

/// An actor, persons' accounts masked.
pub fn shown(actor: &str) -> String {
    let account = format!("{}=", ObservableKind::Account.name());
    let text = match actor.strip_prefix(&account) {
        Some(name) => match name.rsplit_once('/') {
            Some((realm, name)) => format!("{account}{realm}/{}", mask(name)),
            None => format!("{account}{}", mask(name)),
        },
        None => actor.to_owned(),
    };
    printable(&text, 200)
}

/// A finding's id as people write it, alone or as `finding:ID`.
pub fn finding_id(text: &str) -> Result<FindingId, ambit_event::Error> {
    FindingId::parse(text.strip_prefix("finding:").unwrap_or(text))
}
