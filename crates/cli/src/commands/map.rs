//! `ambit map`: propose a data map, check one, try it.

use super::scope::load_map;
use super::search::PeriodArgs;
use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::{Setting, read_text};
use crate::words;
use ambit_event::{Column, Event, EventId, Span, printable};
use ambit_lake::{Filter, Lake, Query};
use ambit_scope::{Basis, DataMap, Diagnostic, Proposal, Severity, Trial};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The data map: which operations reach whose data of which classes
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum MapCommand {
    /// Propose a map from what the logs show, on standard output
    Init(InitArgs),
    /// Say what is wrong with a map, with line, span and hint
    Check(CheckArgs),
    /// Try a map on the newest events: which operations it knows, which not
    Test(TestArgs),
}

const EXAMPLES: &str = "Examples:
  ambit map init > map.toml
  ambit map check map.toml
  ambit map test map.toml --from 2014-05-23

`map check` ends with 1 where the map cannot be used, `map test` with 3 where operations are
unmapped.";

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Look at no more events than this, the earliest first
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    period: PeriodArgs,
}

#[derive(Debug, Args)]
pub struct TestArgs {
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Try at most so many events
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    period: PeriodArgs,
}

pub async fn run(setting: &Setting, command: MapCommand) -> Result<Exit> {
    match command {
        MapCommand::Init(args) => init(setting, &args).await,
        MapCommand::Check(args) => check(setting, &args.file),
        MapCommand::Test(args) => test(setting, &args).await,
    }
}

fn check(setting: &Setting, file: &Path) -> Result<Exit> {
    let text = read_text(file)?;
    let (map, mut diagnostics) = DataMap::parse(&text, &file.display().to_string());
    if map.is_some() {
        // The files that it names are looked at too.
        diagnostics = DataMap::load(file)?.1;
    }
    if setting.is_json {
        let said: Vec<_> = diagnostics
            .iter()
            .map(|d| {
                json!({ "severity": severity(d.severity), "code": d.code, "title": d.title, "origin": d.origin,
                        "line": d.line, "column": d.column, "span": d.span, "hint": d.hint })
            })
            .collect();
        setting.json(&json!({ "usable": map.is_some(), "diagnostics": said }))?;
    } else {
        for line in alike(&diagnostics) {
            setting.say(&printable(&line, 400))?;
        }
        setting.say(&told(map.as_ref(), diagnostics.len()))?;
    }
    Ok(if map.is_some() {
        Exit::Complete
    } else {
        Exit::Failed
    })
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// The first diagnostic of each code and title, whole, and where there are more of it.
fn alike(diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut groups: BTreeMap<(Reverse<Severity>, &str, &str), Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in diagnostics {
        let key = (
            Reverse(diagnostic.severity),
            diagnostic.code,
            diagnostic.title.as_str(),
        );
        groups.entry(key).or_default().push(diagnostic);
    }
    let mut lines = Vec::new();
    for group in groups.values() {
        lines.extend(group[0].to_string().lines().map(str::to_owned));
        let more: Vec<String> = group[1..].iter().take(12).map(|d| d.line.to_string()).collect();
        if !more.is_empty() {
            let dots = if group.len() > 13 { ", …" } else { "" };
            lines.push(format!("   = also on lines {}{dots}", more.join(", ")));
        }
        lines.push(String::new());
    }
    lines
}

fn told(map: Option<&DataMap>, n_diagnostics: usize) -> String {
    let count = |n: usize, one: &str, many: &str| words::counted(n as u64, one, many);
    let said = count(n_diagnostics, "remark", "remarks");
    match map {
        None => format!("the map cannot be used: {said}"),
        Some(map) => format!(
            "the map can be used: {}, {}, {}, {}; {said}",
            count(map.subjects.len(), "subject domain", "subject domains"),
            count(map.stores.len(), "store", "stores"),
            count(map.operations.len(), "operation", "operations"),
            count(map.channels.len(), "channel", "channels")
        ),
    }
}

/// What a trial says, in the shape that is written.
#[derive(Serialize)]
struct Tried {
    lake_version: u64,
    span: Option<Span>,
    n_events: u64,
    n_unmapped: u64,
    /// Events per basis.
    bases: BTreeMap<&'static str, u64>,
    /// Events per operation of the map, those without any included.
    operations: BTreeMap<String, u64>,
    unmapped: Vec<Unmapped>,
    /// Unmapped events beyond the kinds that are listed.
    n_unlisted: u64,
}

#[derive(Serialize)]
struct Unmapped {
    source: String,
    operation: String,
    why: String,
    n_events: u64,
    examples: Vec<EventId>,
}

async fn test(setting: &Setting, args: &TestArgs) -> Result<Exit> {
    let loaded = load_map(&args.file)?;
    let lake = setting.open_lake().await?;
    let span = span(&lake, &args.period).await?;
    let events = mappable(&lake, span, args.limit).await?;
    let tried = tried(loaded.map.trial(&events), lake.version().0, span);
    if setting.is_json {
        setting.json(&tried)?;
    } else {
        tell(setting, &tried)?;
    }
    Ok(Exit::incomplete_if(tried.n_unmapped > 0))
}

/// The period that was asked for, else the last day that the lake knows of.
async fn span(lake: &Lake, period: &PeriodArgs) -> Result<Option<Span>> {
    if let Some(span) = period.span() {
        return Ok(Some(span));
    }
    let window = lake.coverage().await?.window;
    Ok(window.map(|window| Span::new(window.until.plus_secs(-86_400).max(window.from), window.until)))
}

/// Events that a map can speak of.
async fn mappable(lake: &Lake, span: Option<Span>, limit: usize) -> Result<Vec<Event>> {
    let mut query = Query::of(Filter::one_of(Column::Class, MAPPABLE)).within(span.unwrap_or(Span::ALL));
    query.limit = Some(limit);
    Ok(lake.events(&query).await?)
}

const MAPPABLE: [&str; 3] = ["http_activity", "datastore_activity", "api_activity"];

fn tried(trial: Trial, lake_version: u64, span: Option<Span>) -> Tried {
    let bases: BTreeMap<&str, u64> = trial.bases.iter().map(|(name, n)| (basis(*name), *n)).collect();
    Tried {
        lake_version,
        span,
        n_events: trial.n_events,
        n_unmapped: bases.get("unmapped").copied().unwrap_or(0),
        bases,
        operations: trial.operations,
        unmapped: trial
            .unmapped
            .into_iter()
            .map(|kind| Unmapped {
                source: kind.source,
                operation: kind.operation,
                why: kind.why,
                n_events: kind.n_events,
                examples: kind.examples,
            })
            .collect(),
        n_unlisted: trial.n_unlisted,
    }
}

const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Nothing => "nothing",
        Basis::Named => "named",
        Basis::Replayed => "replayed",
        Basis::Counted => "counted",
        Basis::Whole => "whole",
        Basis::Statements => "statements",
        Basis::Unmapped => "unmapped",
    }
}

fn tell(setting: &Setting, tried: &Tried) -> Result<()> {
    let mut rows = vec![["operation", "events"].map(str::to_owned).to_vec()];
    rows.extend(
        tried
            .operations
            .iter()
            .map(|(name, n)| vec![printable(name, 60), words::number(*n)]),
    );
    setting.say_all(columns(&rows))?;
    for kind in tried.unmapped.iter().take(MOST_TOLD) {
        let example = kind
            .examples
            .first()
            .map(|id| format!(", such as {id}"))
            .unwrap_or_default();
        let text = format!(
            "unmapped: {} {} ({}{example})",
            kind.source,
            kind.operation,
            words::counted(kind.n_events, "event", "events")
        );
        setting.say(&setting.paint.tone(Tone::Open, &printable(&text, 300)))?;
        setting.say(&format!(
            "  {}",
            setting.paint.tone(Tone::Faint, &printable(&kind.why, 300))
        ))?;
    }
    let more = tried.unmapped.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        setting.say(&format!(
            "and {} of unmapped operations more: --json lists them",
            words::counted(more as u64, "kind", "kinds")
        ))?;
    }
    let bases: Vec<String> = tried
        .bases
        .iter()
        .map(|(name, n)| format!("{name} {}", words::number(*n)))
        .collect();
    let span = tried
        .span
        .map(|span| format!(" of {} UTC", words::span(span)))
        .unwrap_or_default();
    let events = words::counted(tried.n_events, "event", "events");
    Ok(setting.say(&format!("{events}{span}: {}", bases.join(", ")))?)
}

const MOST_TOLD: usize = 12;

/// Proposes a map from the logs, as TOML with questions in comments.
async fn init(setting: &Setting, args: &InitArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let mut proposal = Proposal::default();
    for event in mappable(&lake, args.period.span(), args.limit).await? {
        proposal.add(&event);
    }
    let text = proposal.toml();
    if setting.is_json {
        setting.json(&json!({ "lake_version": lake.version(), "toml": text }))?;
    } else {
        setting.say_all(text.lines())?;
    }
    Ok(Exit::Complete)
}
