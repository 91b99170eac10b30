//! `ambit regime`: which breach laws are known, what each asks, and whether a file of them can be read.

use crate::exit::Exit;
use crate::setting::{Setting, read_text};
use crate::words;
use ambit_disclose::{Citation, Condition, Regime, Rule, built_in, parse};
use ambit_scope::{Diagnostic, Severity};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Breach laws as dated data: which are known, what each asks, and whether a file of them can be read
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum RegimeCommand {
    /// List the regimes that are known, with their status and days
    List,
    /// Show what a regime asks: duties, clocks, thresholds, citations
    Show(ShowArgs),
    /// Read a regime's file, and say what is wrong with it
    Check(CheckArgs),
}

const EXAMPLES: &str = "Examples:
  ambit regime list
  ambit regime show eu-gdpr
  ambit regime list --json
  ambit regime check our-regime.toml

Nothing here is legal advice. A rule whose confidence is below H answers `depends: rule unverified`.
`regime check` ends with 1 where a file cannot be used.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ShowArgs {
    /// The regime's id, as `ambit regime list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// Files of regimes
    #[arg(value_name = "FILE.toml", required = true)]
    files: Vec<PathBuf>,
}

pub fn run(setting: &Setting, command: &RegimeCommand) -> Result<Exit> {
    match command {
        RegimeCommand::List => list(setting),
        RegimeCommand::Show(args) => show(setting, &args.id),
        RegimeCommand::Check(args) => check(setting, args),
    }
}

fn list(setting: &Setting) -> Result<Exit> {
    let regimes = built_in();
    if setting.is_json {
        setting.json(&Value::Array(regimes.iter().map(head).collect()))?;
    } else {
        setting.say_all(regimes.iter().map(line))?;
        setting.say("ambit regime show ID tells what one asks; nothing here is legal advice")?;
    }
    Ok(Exit::Complete)
}

fn show(setting: &Setting, id: &str) -> Result<Exit> {
    let Some(regime) = built_in().into_iter().find(|regime| regime.id == id) else {
        bail!("there is no regime `{id}`: see ambit regime list");
    };
    if setting.is_json {
        setting.json(&whole(&regime))?;
    } else {
        setting.say_all(told(&regime))?;
    }
    Ok(Exit::Complete)
}

fn check(setting: &Setting, args: &CheckArgs) -> Result<Exit> {
    let (mut regimes, mut found) = (Vec::new(), Vec::new());
    for file in &args.files {
        let (read, diagnostics) = parse(&read_text(file)?, &file.display().to_string());
        regimes.extend(read);
        found.extend(diagnostics);
    }
    let n_errors = found.iter().filter(|d| d.severity == Severity::Error).count();
    if setting.is_json {
        setting.json(&json!({
            "regimes": regimes.iter().map(head).collect::<Vec<_>>(),
            "diagnostics": found.iter().map(diagnostic).collect::<Vec<_>>(),
        }))?;
    } else {
        setting.say_all(found.iter().map(ToString::to_string))?;
        let n = words::counted(regimes.len() as u64, "regime", "regimes");
        setting.say(&format!("{n} can be used; errors: {n_errors}"))?;
    }
    Ok(if n_errors == 0 {
        Exit::Complete
    } else {
        Exit::Failed
    })
}

fn line(regime: &Regime) -> String {
    let from = regime.valid_from.map_or("-".to_owned(), |day| day.to_string());
    format!(
        "{:<20} {:<9} {from:<11} {}",
        regime.id,
        regime.status.name(),
        regime.title
    )
}

fn head(regime: &Regime) -> Value {
    json!({
        "id": regime.id,
        "title": regime.title,
        "jurisdiction": regime.jurisdiction,
        "status": regime.status.name(),
        "valid_from": regime.valid_from.map(|day| day.to_string()),
        "valid_to": regime.valid_to.map(|day| day.to_string()),
        "citations": regime.citations.values().map(citation).collect::<Vec<_>>(),
    })
}

fn citation(citation: &Citation) -> Value {
    json!({
        "instrument": citation.instrument,
        "article": citation.article,
        "url": citation.url,
        "confidence": citation.confidence.letter(),
        "basis": citation.basis,
    })
}

fn whole(regime: &Regime) -> Value {
    let mut value = head(regime);
    value["duties"] = regime.duties.iter().map(|rule| duty(regime, rule)).collect();
    value["notes"] = json!(regime.notes);
    value
}

fn duty(regime: &Regime, rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "title": rule.title,
        "recipient": rule.recipient.what,
        "starts": rule.starts.what,
        "period": rule.period.what.to_string(),
        "backstop": rule.backstop.as_ref().map(|(event, period)| format!("{} from {event}", period.what)),
        "valid_from": rule.valid_from.map(|day| day.to_string()),
        "valid_to": rule.valid_to.map(|day| day.to_string()),
        "verified": regime.carrying(rule).iter().all(|citation| citation.confidence.is_verified()),
        "looks_at": looks_at(regime, rule),
        "content": rule.content.as_ref().map(|content| &content.what),
        "forbidden": rule.forbidden.as_ref().map(|forbidden| &forbidden.what),
        "citations": regime.carrying(rule).into_iter().map(citation).collect::<Vec<_>>(),
    })
}

/// The facts that its conditions look at.
fn looks_at(regime: &Regime, rule: &Rule) -> Vec<String> {
    let conditions = [&regime.applies.what, &rule.trigger.what];
    let all = conditions
        .into_iter()
        .chain(rule.exemptions.iter().map(|e| &e.when.what));
    let facts: std::collections::BTreeSet<&str> = all.flat_map(Condition::facts).collect();
    facts.into_iter().map(str::to_owned).collect()
}

fn told(regime: &Regime) -> Vec<String> {
    let days = match (regime.valid_from, regime.valid_to) {
        (Some(from), Some(to)) => format!(", from {from} until {to}"),
        (Some(from), None) => format!(", from {from}"),
        (None, _) => String::new(),
    };
    let mut lines = vec![regime.title.clone(), format!("  {}{days}", regime.status.name())];
    for rule in &regime.duties {
        lines.extend(rule_told(regime, rule));
    }
    lines.extend(regime.notes.iter().map(|note| format!("  note: {note}")));
    lines.push("nothing here is legal advice".to_owned());
    lines
}

fn rule_told(regime: &Regime, rule: &Rule) -> Vec<String> {
    let mut lines = vec![
        format!("  {}: {}", rule.id, rule.title),
        format!("    to        {}", rule.recipient.what),
        format!("    by        {} from {}", rule.period.what, rule.starts.what),
    ];
    if let Some((event, period)) = &rule.backstop {
        lines.push(format!("    at most   {} from {event}", period.what));
    }
    let version = [("from", rule.valid_from), ("until", rule.valid_to)];
    lines.extend(
        version
            .into_iter()
            .filter_map(|(word, day)| Some(format!("    {word:<9} {}", day?))),
    );
    lines.push(format!("    looks at  {}", looks_at(regime, rule).join(", ")));
    let forbidden = rule.forbidden.iter().flat_map(|forbidden| &forbidden.what);
    lines.extend(forbidden.map(|what| format!("    forbids   {what}")));
    lines.extend(rule.notes.iter().map(|note| format!("    note      {note}")));
    for citation in regime.carrying(rule) {
        let verified = if citation.confidence.is_verified() {
            ""
        } else {
            ": unverified"
        };
        lines.push(format!(
            "    cites     {citation} ({}{verified})",
            citation.confidence.letter()
        ));
    }
    lines
}

fn diagnostic(found: &Diagnostic) -> Value {
    json!({
        "severity": if found.severity == Severity::Error { "error" } else { "warning" },
        "code": found.code,
        "title": found.title,
        "origin": found.origin,
        "line": found.line,
        "column": found.column,
        "span": found.span,
        "hint": found.hint,
    })
}
