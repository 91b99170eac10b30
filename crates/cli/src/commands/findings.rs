//! `ambit findings`: what was found so far, and when it was noticed.

use super::search::PeriodArgs;
use crate::detection::{allow_list, level, shown};
use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::{Setting, remark};
use crate::words;
use ambit_event::{Level, Noticed, Observable, Span, printable};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// List the findings that the lake keeps, and when each was noticed
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct FindingsArgs {
    /// Only of this rule or behaviour, by its id
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Only findings of this level and above
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    min_level: Option<Level>,
    /// Those that were withdrawn or corrected too
    #[arg(long)]
    withdrawn: bool,
    /// Findings that are not to be told, each with its reason and its end
    #[arg(long, value_name = "FILE.toml")]
    allow: Option<PathBuf>,
    /// Show at most so many, the latest first
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    period: PeriodArgs,
}

const EXAMPLES: &str = "Examples:
  ambit findings                                    the latest first
  ambit findings --min-level high --from 2014-05-20
  ambit findings --allow allow.toml                 without what somebody decided to live with, for a time
  ambit findings --rule ambit.two_places --json | jq -r '[.noticed_at, .time, .id] | @tsv'
  ambit scope --seed finding=ID --map map.toml      what whoever did this reached

`ambit hunt` and `ambit ingest --detect` keep findings. With --json each is a line of its own, all of them.";

pub async fn run(setting: &Setting, args: &FindingsArgs) -> Result<Exit> {
    let span = args.period.asked()?;
    let lake = setting.open_lake().await?;
    let mut findings = lake.findings().await?;
    findings.retain(|noticed| is_asked_for(args, span, noticed));
    let n_asked_for = findings.len();
    let mut allowed = allow_list(args.allow.as_deref())?;
    findings.retain(|noticed| !allowed.holds(&noticed.finding));
    let n_allowed = (n_asked_for - findings.len()) as u64;
    if n_allowed > 0 {
        let are = words::counted(n_allowed, "finding is", "findings are");
        remark(&format!("{are} on the allow-list, and not told"));
    }
    if setting.is_json {
        let lines: Result<Vec<String>, _> = findings.iter().map(serde_json::to_string).collect();
        setting.say_all(lines?)?;
        return Ok(Exit::Complete);
    }
    let latest: Vec<&Noticed> = findings.iter().rev().take(args.limit).collect();
    if !latest.is_empty() {
        let head = [
            "time (UTC)",
            "level",
            "source",
            "what",
            "who",
            "events",
            "noticed (UTC)",
            "finding",
        ];
        let rows =
            std::iter::once(head.map(str::to_owned).to_vec()).chain(latest.iter().map(|found| row(found)));
        for (n, line) in columns(&rows.collect::<Vec<_>>()).into_iter().enumerate() {
            let line = if n == 0 {
                setting.paint.tone(Tone::Faint, &line)
            } else {
                line
            };
            setting.say(&line)?;
        }
    }
    let more = match latest.len() < findings.len() {
        true => format!(
            "; the latest {} are shown, --limit shows more",
            words::number(latest.len() as u64)
        ),
        false => String::new(),
    };
    let n = words::counted(findings.len() as u64, "finding", "findings");
    setting.say(&format!("{n}{more}"))?;
    Ok(Exit::Complete)
}

fn is_asked_for(args: &FindingsArgs, span: Option<Span>, noticed: &Noticed) -> bool {
    let finding = &noticed.finding;
    (args.withdrawn || noticed.withdrawn_at.is_none())
        && args.rule.as_ref().is_none_or(|rule| *rule == finding.rule_id)
        && args.min_level.is_none_or(|least| finding.level >= Some(least))
        && span.is_none_or(|span| span.contains(finding.until))
}

fn row(noticed: &Noticed) -> Vec<String> {
    let finding = &noticed.finding;
    let who = finding.actor.first().map(Observable::to_string);
    let noticed_at = match noticed.withdrawn_at {
        None => words::instant(noticed.noticed_at),
        Some(at) if noticed.instead.is_some() => format!("corrected {}", words::instant(at)),
        Some(at) => format!("withdrawn {}", words::instant(at)),
    };
    vec![
        words::instant(finding.time),
        finding.level.map_or("-", Level::name).to_owned(),
        printable(&finding.source, 24),
        printable(&finding.title, 60),
        who.map_or_else(|| printable(&finding.source, 40), |who| shown(&who)),
        words::number(finding.n_events),
        noticed_at,
        finding.id.to_string(),
    ]
}
