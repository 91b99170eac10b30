//! `ambit rules`: which detection rules can be used, and why the others cannot.

use crate::exit::Exit;
use crate::setting::{Setting, read_text};
use crate::words;
use ambit_detect::{Placeholders, Refusal, RuleSet};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Detection rules: which of them can be used, and why the others cannot
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum RulesCommand {
    /// Load Sigma rules, filters and correlations, and name each that cannot be used
    Check(CheckArgs),
}

const EXAMPLES: &str = "Examples:
  ambit rules check sigma/rules
  ambit rules check sigma/rules our-rules --placeholders values.toml
  ambit rules check new.yml --json

`rules check` ends with 3 where a rule was refused.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// Rule files, and folders of them; what ends in .yml or .yaml below a folder is a rule
    #[arg(value_name = "DIR", required = true)]
    paths: Vec<PathBuf>,
    /// What %placeholders% in rules stand for: TOML with `name = [\"value\", …]`
    #[arg(long, value_name = "FILE.toml")]
    placeholders: Option<PathBuf>,
}

pub fn run(setting: &Setting, command: RulesCommand) -> Result<Exit> {
    match command {
        RulesCommand::Check(args) => check(setting, &args),
    }
}

fn check(setting: &Setting, args: &CheckArgs) -> Result<Exit> {
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        bail!("{}: there is no such file or folder", missing.display());
    }
    let rules = RuleSet::load(&args.paths, &values(args.placeholders.as_deref())?);
    if setting.is_json {
        setting.json(&answer(&rules))?;
    } else {
        let remarks = rules.remarks().iter().map(|remark| format!("remark: {remark}"));
        setting.say_all(rules.refused().iter().map(ToString::to_string).chain(remarks))?;
        setting.say(&told(&rules))?;
    }
    Ok(Exit::incomplete_if(!rules.refused().is_empty()))
}

fn values(file: Option<&Path>) -> Result<Placeholders> {
    match file {
        Some(file) => Ok(Placeholders::parse(
            &read_text(file)?,
            &file.display().to_string(),
        )?),
        None => Ok(Placeholders::none()),
    }
}

fn answer(rules: &RuleSet) -> Value {
    let all = |refusals: &[Refusal]| refusals.iter().map(shown).collect::<Vec<_>>();
    json!({
        "loaded": rules.n_loaded(),
        "rules": rules.rules().len(),
        "correlations": rules.correlations().len(),
        "filters": rules.filters().len(),
        "refused": all(rules.refused()),
        "remarks": all(rules.remarks()),
        "passed_over": rules.n_passed_over(),
    })
}

fn shown(refusal: &Refusal) -> Value {
    json!({
        "path": refusal.path.to_string_lossy(),
        "document": refusal.place.document,
        "line": refusal.place.line,
        "column": refusal.place.column,
        "code": refusal.code,
        "reason": refusal.reason,
        "hint": refusal.hint,
    })
}

fn told(rules: &RuleSet) -> String {
    let count = |n: usize, one: &str, many: &str| words::counted(n as u64, one, many);
    let mut text = format!(
        "loaded: {}, {}, {}; refused: {}",
        count(rules.rules().len(), "rule", "rules"),
        count(rules.correlations().len(), "correlation", "correlations"),
        count(rules.filters().len(), "filter", "filters"),
        rules.refused().len(),
    );
    if rules.n_passed_over() > 0 {
        let passed = count(rules.n_passed_over(), "file or folder", "files and folders");
        text.push_str(&format!("; {passed} passed over: hidden, or no YAML"));
    }
    text
}
