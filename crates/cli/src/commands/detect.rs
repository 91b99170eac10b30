//! `ambit detect`: what is suspicious in some logs, without a lake.

use super::ingest::ReadingArgs;
use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::progress::Progress;
use crate::setting::{Setting, read_text, remark};
use crate::words;
use ambit_detect::{
    AllowList, Behaviours, Blind, Board, Entry, Fired, InOrder, Once, RuleSet, Run, Suspicion, Terms, blind,
    silences,
};
use ambit_event::{Batch, Event, Finding, Keys, Level, ObservableKind, Span, Timestamp, mask, printable};
use ambit_lake::Ledger;
use ambit_source::{Input, Options, discover};
use anyhow::{Result, bail};
use clap::Args;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Say what is suspicious in logs: Sigma rules and built-in behaviours, without a lake
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DetectArgs {
    /// Files, folders, tar and zip archives; gz, zst, xz and bz2 are unpacked
    #[arg(required = true, value_name = "LOGS")]
    paths: Vec<PathBuf>,
    /// Sigma rules, filters and correlations: files, and folders of them
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// What %placeholders% in rules stand for: TOML with `name = ["value", …]`
    #[arg(long, value_name = "FILE.toml")]
    placeholders: Option<PathBuf>,
    /// Parameters of the behaviours; see docs/DETECTION.md
    #[arg(long, value_name = "FILE.toml")]
    behaviours: Option<PathBuf>,
    /// Findings that are not to be told, each with its reason and its end
    #[arg(long, value_name = "FILE.toml")]
    allow: Option<PathBuf>,
    /// Only findings of this level and above
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    min_level: Option<Level>,
    /// How late an event may be, by the time of the others, in seconds
    #[arg(long, default_value_t = 3600, value_name = "SECS")]
    lateness: i64,
    #[command(flatten)]
    reading: ReadingArgs,
}

const EXAMPLES: &str = "Examples:
  ambit detect /var/log                              the behaviours that are built in
  ambit detect /var/log --rules sigma/rules          and rules: clone https://github.com/SigmaHQ/sigma for them
  ambit detect evtx/ --rules sigma/rules --json | jq -r '[.time, .level, .title] | @tsv'
  ambit detect logs.tar.zst --min-level medium
  ambit detect logs/ --allow allow.toml --behaviours behaviours.toml

With --json each finding is a line of its own: rule_id, title, level, attack, time, actor, events and more.
What could not be looked at is told on standard error; the exit code is then 3.";

/// Events that wait for earlier ones from other files. Where the logs hold more, files are read as they come beyond.
const WAITING: usize = 200_000;
/// What was not read, or is unknown, is told in full up to here.
const MOST_TOLD: usize = 20;

fn level(text: &str) -> Result<Level, String> {
    let names: Vec<&str> = Level::ALL.iter().map(|level| level.name()).collect();
    Level::parse(text).ok_or_else(|| format!("levels are {}", names.join(", ")))
}

pub fn run(setting: &Setting, args: &DetectArgs) -> Result<Exit> {
    if let Some(missing) = args.paths.iter().chain(&args.rules).find(|path| !path.exists()) {
        bail!("{}: there is no such file or folder", missing.display());
    }
    let rules = RuleSet::load(&args.rules, &super::rules::values(args.placeholders.as_deref())?);
    if !args.rules.is_empty() && rules.n_loaded() == 0 {
        bail!("no rule could be loaded: `ambit rules check` says why");
    }
    let mut looked = Looked::over(&rules, terms(args)?);
    looked.read_all(&args.paths, &args.reading.options()?)?;
    let board = looked.finish();
    let is_heard = |finding: &&Finding| args.min_level.is_none_or(|least| finding.level >= Some(least));
    let findings: Vec<&Finding> = board.findings().into_iter().filter(is_heard).collect();
    if setting.is_json {
        let lines: Result<Vec<String>, _> = findings.iter().map(serde_json::to_string).collect();
        setting.say_all(lines?)?;
    } else {
        let mut heard = Board::default();
        for finding in findings {
            heard.note(Entry::Raised {
                finding: finding.clone(),
            });
        }
        setting.say_all(told(setting, &heard.suspicions()))?;
    }
    let is_complete = looked.remark(&rules, args.rules.is_empty());
    Ok(Exit::incomplete_if(!is_complete))
}

fn terms(args: &DetectArgs) -> Result<Terms> {
    let mut terms = Terms {
        lateness_secs: args.lateness,
        ..Terms::new()
    };
    if let Some(file) = &args.behaviours {
        terms.behaviours = Behaviours::parse(&read_text(file)?, &file.display().to_string())?;
    }
    if let Some(file) = &args.allow {
        terms.allow = AllowList::parse(&read_text(file)?, &file.display().to_string())?;
    }
    Ok(terms)
}

/// What was looked at so far.
struct Looked {
    run: Run,
    order: InOrder,
    board: Board,
    ledger: Ledger,
    span: Option<Span>,
    n_rejects: u64,
    errors: Vec<String>,
    blind: Vec<Blind>,
}

impl Looked {
    fn over(rules: &RuleSet, terms: Terms) -> Self {
        Self {
            run: Run::new(rules, terms),
            order: InOrder::new(WAITING),
            board: Board::default(),
            ledger: Ledger::default(),
            span: None,
            n_rejects: 0,
            errors: Vec::new(),
            blind: Vec::new(),
        }
    }

    fn read_all(&mut self, paths: &[PathBuf], options: &Options) -> Result<()> {
        let (inputs, errors) = discover(paths, options);
        self.errors.extend(errors.iter().map(ToString::to_string));
        let keys = keys(&inputs);
        let mut progress = Progress::over(inputs.iter().map(|input| input.evidence.bytes).sum());
        let mut once = Once::new();
        for input in inputs {
            let bytes = input.evidence.bytes;
            let mut sink = |mut batch: Batch| {
                let offset = batch
                    .checkpoint
                    .as_ref()
                    .map_or(0, |checkpoint| checkpoint.offset);
                progress.read(
                    offset,
                    bytes,
                    batch.events.len() as u64,
                    batch.rejects.len() as u64,
                );
                // A record that stands in two files is one event.
                batch.events.retain(|event| once.is_new(event.id));
                self.take(batch);
                ControlFlow::Continue(())
            };
            if let Err(error) = ambit_source::read(&input, options, &keys, None, &mut sink) {
                self.errors.push(error.to_string());
            }
            progress.file_done(bytes);
        }
        progress.finish();
        Ok(())
    }

    fn take(&mut self, mut batch: Batch) {
        self.ledger.add(&batch);
        self.n_rejects += batch.rejects.len() as u64;
        for event in std::mem::take(&mut batch.events) {
            let at = event.when();
            self.span = Some(self.span.map_or(at, |span| span.hull(at)));
            if let Some(event) = self.order.push(event) {
                self.look(&event);
            }
        }
    }

    fn look(&mut self, event: &Event) {
        for entry in self.run.take(event) {
            self.board.note(entry);
        }
    }

    fn finish(&mut self) -> Board {
        while let Some(event) = self.order.pop() {
            self.look(&event);
        }
        for entry in self.run.finish() {
            self.board.note(entry);
        }
        for finding in silences(&self.ledger.coverage(&[])) {
            self.board.note(Entry::Raised { finding });
        }
        std::mem::take(&mut self.board)
    }

    /// Tells what was not looked at, or in vain. Whether there is nothing of it.
    fn remark(&mut self, rules: &RuleSet, has_no_rules: bool) -> bool {
        let tally = self.run.tally();
        let mut lines = vec![format!(
            "{} looked at with {} and {}",
            words::counted(tally.n_events, "event", "events"),
            words::counted(rules.n_loaded() as u64, "rule", "rules"),
            words::counted(Behaviours::NAMES.len() as u64, "behaviour", "behaviours"),
        )];
        if has_no_rules {
            lines.push(
                "no rules were given, only behaviours were looked for: --rules DIR takes Sigma rules, such as a clone of \
                 https://github.com/SigmaHQ/sigma"
                    .to_owned(),
            );
        }
        if !rules.refused().is_empty() {
            let n = words::counted(rules.refused().len() as u64, "rule was", "rules were");
            lines.push(format!("{n} refused; `ambit rules check` says why"));
        }
        let n_idle = self.run.idle().count() as u64;
        if n_idle > 0 {
            let n = words::counted(n_idle, "rule is", "rules are");
            lines.push(format!("{n} about logs that are not read here"));
        }
        if self.n_rejects > 0 {
            let n = words::counted(self.n_rejects, "record", "records");
            lines.push(format!("{n} could not be parsed"));
        }
        let errors = self.errors.iter().take(MOST_TOLD);
        lines.extend(errors.map(|error| format!("not read: {error}")));
        let limits = &tally.limits;
        for (n, what) in [
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
        ] {
            if n > 0 {
                lines.push(format!("{} {what}", words::number(n)));
            }
        }
        lines.extend(self.expired());
        lines.extend(self.unknown(rules));
        lines.iter().for_each(|line| remark(line));
        rules.refused().is_empty()
            && self.n_rejects == 0
            && self.errors.is_empty()
            && limits.is_exact()
            && self.blind.is_empty()
    }

    fn expired(&self) -> Vec<String> {
        let last = self.span.map_or(Timestamp::MIN, |span| span.until);
        let expired = self.run.allow_list().expired(last);
        let line = |entry: &ambit_detect::Allowed| {
            format!("the allow-list's `{}` ended on {}", entry.reason, entry.until)
        };
        expired.map(line).collect()
    }

    /// What rules cannot know, because their source is blind.
    fn unknown(&mut self, rules: &RuleSet) -> Vec<String> {
        self.blind = blind(rules, &self.ledger.coverage(&[]), self.span.unwrap_or(Span::ALL));
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
        let mut lines: Vec<String> = self.blind.iter().take(MOST_TOLD).map(line).collect();
        let n_more = self.blind.len().saturating_sub(MOST_TOLD) as u64;
        if n_more > 0 {
            lines.push(format!("unknown: {} more", words::counted(n_more, "gap", "gaps")));
        }
        lines
    }
}

/// Fingerprints of secrets without a lake: the same for the same evidence, and for no other.
fn keys(inputs: &[Input]) -> Keys {
    let mut ids: Vec<&str> = inputs.iter().map(|input| input.evidence.id.0.as_str()).collect();
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.as_bytes());
        hash.update(b"\n");
    }
    Keys::derive(&hash.finalize().into())
}

/// A paragraph for each suspicion, with a line for each rule.
fn told(setting: &Setting, suspicions: &[Suspicion]) -> Vec<String> {
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
        lines.push(setting.paint.tone(Tone::Strong, &head));
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
fn shown(actor: &str) -> String {
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
