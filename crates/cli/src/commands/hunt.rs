//! `ambit hunt`: what is suspicious in all that the lake holds.

use super::search::PeriodArgs;
use crate::detection::{DetectionArgs, suspicions, told};
use crate::exit::Exit;
use crate::quarry::Quarry;
use crate::setting::Setting;
use ambit_detect::{Behaviours, Terms};
use ambit_event::{Finding, Span};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Ask rules of everything that the lake holds; what is found is kept in it
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct HuntArgs {
    /// Sigma rules, filters and correlations: files, and folders of them; none: what is built in, rules and behaviours
    #[arg(value_name = "RULE|DIR")]
    rules: Vec<PathBuf>,
    /// Look for what is built in too, rules and behaviours, not for what the given rules say alone; so does --behaviours
    #[arg(long)]
    with_behaviours: bool,
    #[command(flatten)]
    detection: DetectionArgs,
    #[command(flatten)]
    period: PeriodArgs,
    /// Only tell what is found, and keep nothing in the lake
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "Examples:
  ambit hunt                                       the rules and behaviours that are built in, over all history
  ambit hunt sigma/rules --with-behaviours
  ambit hunt new_rule.yml --from 2014-05-01 --to 2014-06-01
  ambit hunt new_rule.yml --dry-run --json | jq -r '[.time, .title] | @tsv'
  ambit findings                                   what was found so far, and since when it is known

Findings are kept with the instant at which they were noted. Looked for again, they are the same; what newer records
changed is corrected, and what does not hold over all history (without --from and --to) is withdrawn.
A finding is a seed: `ambit scope --seed finding=ID`.";

pub async fn run(setting: &Setting, args: &HuntArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let wants_own = args.rules.is_empty() || args.with_behaviours || args.detection.behaviours.is_some();
    let mut terms: Terms = args.detection.terms()?;
    let rules = match wants_own {
        true => args.detection.rules_and_own(&args.rules)?,
        false => args.detection.rules(&args.rules)?,
    };
    if !wants_own {
        terms.behaviours = Behaviours::none();
    }
    let quarry = Quarry {
        rules: &rules,
        terms,
        span: args.period.asked()?.unwrap_or(Span::ALL),
        given_by: "`ambit hunt DIR`",
    };
    let mut hunted = match args.dry_run {
        true => quarry.look(&lake).await?,
        false => quarry.look_and_keep(&lake, None).await?,
    };
    let kept = hunted.kept();
    let findings = hunted.heard(&args.detection);
    let findings: Vec<&Finding> = findings.iter().collect();
    args.detection.write_exports(&findings)?;
    if setting.is_json {
        let lines: Result<Vec<String>, _> = findings.iter().map(serde_json::to_string).collect();
        setting.say_all(lines?)?;
    } else {
        setting.say_all(told(&setting.paint, &suspicions(findings)))?;
    }
    if !args.dry_run {
        hunted.remarks.lines.push(kept);
    }
    hunted.remarks.tell();
    Ok(Exit::incomplete_if(!hunted.remarks.is_complete))
}
