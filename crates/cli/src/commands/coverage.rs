//! `ambit coverage`: what each source surely saw.

use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::Setting;
use crate::words;
use ambit_event::printable;
use ambit_lake::{Assertion, Coverage, CoverageState, Gap};
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;

/// What each source surely saw, where it is blind, and why
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CoverageArgs {
    /// Only this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Assert that nothing is missing: coverage:SOURCE[@HOST][=FROM..UNTIL]:REASON
    #[arg(long, value_name = "ASSERTION", value_parser = Assertion::parse)]
    assume: Vec<Assertion>,
}

const EXAMPLES: &str = "Examples:
  ambit coverage
  ambit coverage --source nginx_access
  ambit coverage --assume 'coverage:sshd@bastion=2014-05-20..2014-05-27:one disk, never full'
  ambit show gap:1a2b3c4d5e6f

States: proved (its own numbering has no hole), consistent (as its history predicts), asserted (a
person says so), degraded (some lost), absent. The exit code is 3 where a source has gaps.";

#[derive(Serialize)]
struct Answer<'a> {
    lake_version: u64,
    #[serde(flatten)]
    coverage: &'a Coverage,
    gaps: &'a [Gap],
}

pub async fn run(setting: &Setting, args: &CoverageArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let mut coverage = lake.ledger().await?.coverage(&args.assume);
    check_sources(args, &coverage)?;
    if let Some(source) = &args.source {
        coverage.streams.retain(|stream| stream.source == *source);
    }
    let gaps = coverage.gaps();
    if setting.is_json {
        setting.json(&Answer {
            lake_version: lake.version().0,
            coverage: &coverage,
            gaps: &gaps,
        })?;
    } else {
        tell(setting, &coverage, &gaps)?;
    }
    Ok(Exit::incomplete_if(!gaps.is_empty()))
}

/// A source that the lake does not hold has no gaps to show, which would read as none.
fn check_sources(args: &CoverageArgs, coverage: &Coverage) -> Result<()> {
    let known: BTreeSet<&str> = coverage.streams.iter().map(|stream| &*stream.source).collect();
    let mut asked = args
        .source
        .iter()
        .chain(args.assume.iter().map(|said| &said.source));
    match asked.find(|source| !known.contains(source.as_str())) {
        Some(source) => bail!(
            "the lake holds no source `{}`; it holds {}",
            printable(source, 60),
            known.into_iter().collect::<Vec<_>>().join(", ")
        ),
        None => Ok(()),
    }
}

fn tell(setting: &Setting, coverage: &Coverage, gaps: &[Gap]) -> Result<()> {
    let Some(window) = coverage.window else {
        return Ok(setting.say("the lake holds no events: `ambit ingest LOGS` takes some in")?);
    };
    setting.say(&format!("window {} UTC", words::span(window)))?;
    let head = ["source", "host", "first", "last", "events", "rejects", "at worst"]
        .map(str::to_owned)
        .to_vec();
    let mut rows = vec![head];
    rows.extend(coverage.streams.iter().map(|stream| {
        let worst = stream
            .spans
            .iter()
            .map(|span| span.state)
            .min()
            .unwrap_or(CoverageState::Absent);
        vec![
            printable(&stream.source, 40),
            printable(stream.host.as_deref().unwrap_or("-"), 40),
            words::instant(stream.first),
            words::instant(stream.last),
            words::number(stream.n_events),
            words::number(stream.n_rejects),
            words::state(worst).to_owned(),
        ]
    }));
    setting.say_all(columns(&rows))?;
    if gaps.is_empty() {
        return Ok(setting.say("no gaps")?);
    }
    setting.say("")?;
    for gap in gaps {
        tell_gap(setting, gap)?;
    }
    Ok(())
}

fn tell_gap(setting: &Setting, gap: &Gap) -> Result<()> {
    let host = gap
        .host
        .as_deref()
        .map(|host| format!("@{host}"))
        .unwrap_or_default();
    let lost = gap
        .at_most
        .map(|n| format!(", at most {} lost", words::counted(n, "record", "records")));
    let text = format!(
        "{} {}{host} {} {} ({}){}",
        gap.id,
        gap.source,
        words::state(gap.state),
        words::span(gap.span),
        words::length(gap.span.nanos()),
        lost.unwrap_or_default()
    );
    let tone = if gap.state == CoverageState::Absent {
        Tone::Bad
    } else {
        Tone::Open
    };
    setting.say(&setting.paint.tone(tone, &printable(&text, 400)))?;
    for line in setting.paint.wrapped(2, &printable(&gap.because, 1000), 4) {
        setting.say(&format!("  {}", setting.paint.tone(Tone::Faint, &line)))?;
    }
    Ok(())
}
