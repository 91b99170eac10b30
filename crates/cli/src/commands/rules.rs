//! `ambit rules`: which detection rules can be used, and why the others cannot.

use crate::exit::Exit;
use crate::setting::Setting;
use crate::words;
use ambit_detect::{
    Behaviours, Correlation, Described, Explanation, Head, Pipelines, Refusal, Rule, RuleSet, SILENCE, Site,
};
use ambit_event::{Level, printable};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Detection rules: which of them can be used, and why the others cannot
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum RulesCommand {
    /// Load Sigma rules, filters and correlations, and name each that cannot be used
    Check(CheckArgs),
    /// Say on which logs a rule would run, under which names its fields go there, and which are absent
    Explain(ExplainArgs),
}

const EXAMPLES: &str = "Examples:
  ambit rules check sigma/rules
  ambit rules check sigma/rules our-rules --placeholders values.toml
  ambit rules check new.yml --json
  ambit rules explain new.yml
  ambit rules explain brute_force          a behaviour: what it looks for, its parameters, how often it is wrong
  ambit rules explain \"Windows Service Installed\"       a rule that is built in
  ambit rules explain 5f113a8f-8b61-41ca-b90f-d374fa7e4a39 --rules sigma/rules

`rules check` ends with 3 where a rule was refused, `rules explain` where a rule runs nowhere.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct CheckArgs {
    /// Rule files, and folders of them; what ends in .yml or .yaml below a folder is a rule
    #[arg(value_name = "DIR", required = true)]
    paths: Vec<PathBuf>,
    /// What %placeholders% in rules stand for: TOML with `name = [\"value\", …]`
    #[arg(long, value_name = "FILE.toml")]
    placeholders: Option<PathBuf>,
    /// Sigma pipelines that rules go through first
    #[arg(long, value_name = "FILE.yml")]
    pipeline: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExplainArgs {
    /// A rule file; the id, name or title of a rule that is built in or stands below --rules; or a behaviour
    #[arg(value_name = "RULE")]
    rule: String,
    /// Where the rule is looked for
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// What %placeholders% in rules stand for: TOML with `name = [\"value\", …]`
    #[arg(long, value_name = "FILE.toml")]
    placeholders: Option<PathBuf>,
    /// Sigma pipelines that rules go through first
    #[arg(long, value_name = "FILE.yml")]
    pipeline: Vec<PathBuf>,
}

pub fn run(setting: &Setting, command: RulesCommand) -> Result<Exit> {
    match command {
        RulesCommand::Check(args) => check(setting, &args),
        RulesCommand::Explain(args) => explain(setting, &args),
    }
}

fn check(setting: &Setting, args: &CheckArgs) -> Result<Exit> {
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        bail!("{}: there is no such file or folder", missing.display());
    }
    let rules = RuleSet::load_through(
        &args.paths,
        &crate::detection::placeholders(args.placeholders.as_deref())?,
        &Pipelines::load(&args.pipeline)?,
    );
    let remarks = remarks(&rules);
    if setting.is_json {
        setting.json(&answer(&rules, &remarks))?;
    } else {
        let remarks = remarks.iter().map(|remark| format!("remark: {remark}"));
        setting.say_all(rules.refused().iter().map(ToString::to_string).chain(remarks))?;
        setting.say_all(idle_sources(&rules))?;
        setting.say(&told(&rules))?;
    }
    Ok(Exit::incomplete_if(!rules.refused().is_empty()))
}

/// What is to be known of rules that were loaded.
fn remarks(rules: &RuleSet) -> Vec<Refusal> {
    let lost = rules.rules().iter().filter_map(Rule::lost_in_pipelines);
    let mut all: Vec<Refusal> = rules.remarks().iter().cloned().chain(lost).collect();
    all.sort();
    all
}

fn answer(rules: &RuleSet, remarks: &[Refusal]) -> Value {
    let all = |refusals: &[Refusal]| refusals.iter().map(shown).collect::<Vec<_>>();
    json!({
        "loaded": rules.n_loaded(),
        "rules": rules.rules().len(),
        "correlations": rules.correlations().len(),
        "filters": rules.filters().len(),
        "refused": all(rules.refused()),
        "remarks": all(remarks),
        "idle": rules.rules().iter().filter(|rule| rule.is_idle()).map(name_of).collect::<Vec<_>>(),
        "passed_over": rules.n_passed_over(),
    })
}

fn name_of(rule: &Rule) -> Value {
    let source = &rule.log_source;
    json!({
        "rule_id": rule.head.id,
        "title": rule.head.title,
        "path": rule.head.origin.path.to_string_lossy(),
        "log_source": { "product": source.product, "category": source.category, "service": source.service },
    })
}

/// Log sources whose rules never match here.
fn idle_sources(rules: &RuleSet) -> Vec<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for rule in rules.rules().iter().filter(|rule| rule.is_idle()) {
        *counts.entry(rule.log_source.to_string()).or_default() += 1;
    }
    let line = |(source, n): (&String, &u64)| {
        let rules = words::counted(*n, "rule runs", "rules run");
        format!(
            "remark: {rules} nowhere: no log that is read here is {}",
            printable(source, 200)
        )
    };
    counts.iter().map(line).collect()
}

fn explain(setting: &Setting, args: &ExplainArgs) -> Result<Exit> {
    if let Some(found) = described(&args.rule) {
        return explain_behaviour(setting, &found);
    }
    let placeholders = crate::detection::placeholders(args.placeholders.as_deref())?;
    let file = PathBuf::from(&args.rule);
    let is_id = !args.rules.is_empty() || !file.exists();
    let pipelines = Pipelines::load(&args.pipeline)?;
    let rules = match is_id {
        true => RuleSet::load_with_own(&args.rules, &placeholders, &pipelines),
        false => RuleSet::load_through(std::slice::from_ref(&file), &placeholders, &pipelines),
    };
    let is_asked = |head: &Head| !is_id || head.is_called(&args.rule) || head.title == args.rule;
    let found: Vec<&Rule> = rules.rules().iter().filter(|rule| is_asked(&rule.head)).collect();
    let over: Vec<&Correlation> = rules
        .correlations()
        .iter()
        .filter(|rule| is_asked(&rule.head))
        .collect();
    if found.is_empty() && over.is_empty() && (is_id || rules.refused().is_empty()) {
        bail!(
            "{}: no file, behaviour or rule that is built in{} is called so, or it was refused: see `ambit rules check`",
            args.rule,
            if args.rules.is_empty() {
                ""
            } else {
                " or stands below --rules"
            }
        );
    }
    let explained: Vec<(&Rule, Explanation)> =
        found.iter().map(|rule| (*rule, Explanation::of(rule))).collect();
    let refused = if is_id { &[][..] } else { rules.refused() };
    if setting.is_json {
        setting.json(&json!({
            "rules": explained.iter().map(|(rule, told)| explanation(rule, told)).collect::<Vec<_>>(),
            "correlations": over.iter().map(|rule| correlation(rule)).collect::<Vec<_>>(),
            "refused": refused.iter().map(shown).collect::<Vec<_>>(),
        }))?;
    } else {
        setting.say_all(refused.iter().map(ToString::to_string))?;
        for (rule, told) in &explained {
            setting.say_all(lines(rule, told).iter().map(|line| printable(line, 1000)))?;
        }
        for rule in &over {
            let within = words::length(
                i64::try_from(rule.within_secs())
                    .unwrap_or(i64::MAX)
                    .saturating_mul(1_000_000_000),
            );
            let line = format!(
                "{} ({})\n  over {} within {within}",
                rule.head.title,
                rule.head.id,
                rule.over.join(", ")
            );
            setting.say_all(line.lines().map(|line| printable(line, 1000)))?;
        }
    }
    let runs_nowhere = explained.iter().any(|(_, told)| told.sites.is_empty());
    Ok(Exit::incomplete_if(runs_nowhere || !refused.is_empty()))
}

/// The behaviour of that id or name; also that a source is silent, which has no parameters.
fn described(name: &str) -> Option<Described> {
    let silence = Described {
        name: "source_silent",
        sheet: SILENCE,
        parameters: BTreeMap::new(),
    };
    let mut all = Behaviours::described().into_iter().chain([silence]);
    all.find(|one| one.sheet.id == name || one.name == name)
}

fn explain_behaviour(setting: &Setting, found: &Described) -> Result<Exit> {
    let sheet = &found.sheet;
    if setting.is_json {
        setting.json(&json!({
            "behaviour": found.name,
            "rule_id": sheet.id,
            "title": sheet.title,
            "level": sheet.level,
            "attack": sheet.attack,
            "doc": sheet.doc,
            "budget": sheet.budget,
            "parameters": found.parameters,
        }))?;
        return Ok(Exit::Complete);
    }
    let head = [
        format!("{} ({}, {})", sheet.title, sheet.id, sheet.level.name()),
        format!("  looks for   {}", sheet.doc),
        format!("  ATT&CK      {}", sheet.attack.join(", ")),
        format!("  wrong       {}", sheet.budget),
    ];
    setting.say_all(head)?;
    if !found.parameters.is_empty() {
        setting.say(&format!(
            "  parameters  [{}] in --behaviours FILE.toml",
            found.name
        ))?;
    }
    setting.say_all(found.parameters.iter().map(|(name, value)| match value {
        Value::Null => format!("    {name} is not set"),
        value => format!("    {name} = {value}"),
    }))?;
    Ok(Exit::Complete)
}

fn explanation(rule: &Rule, told: &Explanation) -> Value {
    let mut value = name_of(rule);
    value["level"] = json!(rule.head.level);
    value["filters"] = json!(rule.filters);
    value["fields"] = json!(told.fields);
    value["keywords"] = json!(told.has_keywords);
    value["sites"] = told.sites.iter().map(site).collect();
    value["lost_in_pipelines"] = json!(rule.lost_in_pipelines().map(|lost| lost.reason));
    value
}

fn site(site: &Site) -> Value {
    let only = site
        .only
        .iter()
        .map(|(name, values)| json!({ "name": name, "values": values }));
    let renamed = site
        .renamed
        .iter()
        .map(|(field, from)| json!({ "field": field, "from": from }));
    json!({
        "sources": site.sources,
        "only": only.collect::<Vec<_>>(),
        "renamed": renamed.collect::<Vec<_>>(),
        "absent": if site.is_closed { json!(site.absent) } else { Value::Null },
    })
}

fn correlation(rule: &Correlation) -> Value {
    json!({
        "rule_id": rule.head.id,
        "title": rule.head.title,
        "path": rule.head.origin.path.to_string_lossy(),
        "over": rule.over,
        "within_secs": rule.within_secs(),
    })
}

fn lines(rule: &Rule, told: &Explanation) -> Vec<String> {
    let level = rule.head.level.map_or("no level", Level::name);
    let mut lines = vec![
        format!("{} ({}, {level})", rule.head.title, rule.head.id),
        format!("  log source  {}", rule.log_source),
        format!(
            "  fields      {}",
            if told.fields.is_empty() {
                "none".to_owned()
            } else {
                told.fields.join(", ")
            }
        ),
    ];
    if told.has_keywords {
        lines.push("              and words wherever they stand".to_owned());
    }
    if !rule.filters.is_empty() {
        lines.push(format!("  filters     {}", rule.filters.join(", ")));
    }
    if let Some(lost) = rule.lost_in_pipelines() {
        lines.push(format!("  pipelines   {}", lost.reason));
    }
    if told.sites.is_empty() {
        lines.push("  runs nowhere: no log that is read here is its log source".to_owned());
    }
    for site in &told.sites {
        lines.push(format!("  runs on     {}", site.sources.join(", ")));
        for (name, values) in &site.only {
            lines.push(match values.as_slice() {
                [] => format!("    where     {name} is there"),
                values => format!("    where     {name} is {}", values.join(" or ")),
            });
        }
        for (field, from) in &site.renamed {
            lines.push(format!("    there     {field} is {}", from.join(" or ")));
        }
        lines.push(match (site.is_closed, site.absent.as_slice()) {
            (false, _) => "    absent    not known: such records can hold any field".to_owned(),
            (true, []) => "    absent    none".to_owned(),
            (true, absent) => format!("    absent    {}", absent.join(", ")),
        });
    }
    lines
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
