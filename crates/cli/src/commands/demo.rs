//! `ambit demo`: a whole incident with known truth, made, read and answered.

use super::drill::{commands, emptied, mappings};
use super::ingest::{ReadingArgs, ingest, table};
use super::scope::{self, ScopeArgs};
use super::search::PeriodArgs;
use crate::exit::Exit;
use crate::paint::Tone;
use crate::setting::{CaseArgs, Setting, by, write_file};
use crate::words;
use ambit_case::{By, Dossier, Signed};
use ambit_disclose::{NoticeKind, Risk, Wanted, built_in, draft, notice_page, notice_text};
use ambit_drill::{GapSpec, Plan, Truth, publish};
use ambit_lake::Lake;
use ambit_scope::{Scope, Seed};
use anyhow::Result;
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A complete incident with known truth: made, read, answered, and compared with the truth
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DemoArgs {
    /// Cut a hole into the logs first: SOURCE:LENGTH[:KIND][@PLACE]; may be given again
    #[arg(long = "gap", value_name = "GAP", value_parser = GapSpec::parse)]
    gaps: Vec<GapSpec>,
    /// The folder for everything that is made; an earlier demo in it is replaced
    #[arg(long, default_value = "./ambit-demo", value_name = "DIR")]
    out: PathBuf,
}

const EXAMPLES: &str = "Examples:
  ambit demo
  ambit demo --gap nginx:20m               the same incident with a hole in the gateway's log
  ambit demo --gap both:20m --out /tmp/hole

A music service in May 2014: a gateway, services, a database, staff and a bastion. One stolen
session reads one user's profile through a hole in an old Android app, with the noise of thousands
around it. The lake of the demo lies in the same folder; --lake is not used.";

pub async fn run(setting: &Setting, args: &DemoArgs) -> Result<Exit> {
    let truth = make(args)?;
    let setting = Setting {
        lake: args.out.join("lake"),
        ..*setting
    };
    let lake = setting.create_lake().await?;
    answer(&setting, lake, args, &truth).await
}

/// Writes the incident.
pub fn make(args: &DemoArgs) -> Result<Truth> {
    let plan = args.gaps.iter().fold(Plan::story(), |plan, gap| plan.gap(*gap));
    Ok(publish(&plan, &mut emptied(&args.out)?)?)
}

/// Reads it into an empty lake, answers, and compares with the truth.
pub async fn answer(setting: &Setting, lake: Lake, args: &DemoArgs, truth: &Truth) -> Result<Exit> {
    let lake = take_in(setting, lake, args, truth).await?;
    let outcome = scope::answer(setting, &lake, &question(args, truth)?).await?;
    statement(setting, args)?;
    if setting.is_json {
        setting.json(&outcome.answer)?;
    } else {
        outcome.tell(setting)?;
        tell_end(setting, args, truth, &outcome.answer.scope)?;
    }
    let verdict = compare(truth, &outcome.answer.scope);
    let exit = scope::exit(&outcome.answer);
    outcome.kept()?;
    Ok(match verdict {
        Verdict::Inside => exit,
        Verdict::Outside(_) => Exit::Failed,
    })
}

/// The lake with everything that was made.
async fn take_in(setting: &Setting, lake: Lake, args: &DemoArgs, truth: &Truth) -> Result<Lake> {
    let reading = ReadingArgs {
        mappings: mappings(&args.out),
        ..ReadingArgs::default()
    };
    let ingested = ingest(&lake, &[args.out.join("logs")], reading.options()?, None).await?;
    let lake = lake.refresh().await?;
    if setting.is_json {
        return Ok(lake);
    }
    let made = format!(
        "A music service with {} persons, {} of logs, {}",
        words::number(truth.population),
        words::length(truth.window.nanos()),
        words::counted(truth.n_records, "record", "records")
    );
    setting.say(&setting.paint.tone(Tone::Faint, &made))?;
    for line in table(&ingested) {
        setting.say(&setting.paint.tone(Tone::Faint, &line))?;
    }
    setting.say("")?;
    Ok(lake)
}

fn question(args: &DemoArgs, truth: &Truth) -> Result<ScopeArgs> {
    Ok(ScopeArgs {
        seeds: truth
            .seeds
            .iter()
            .map(|seed| Seed::parse(seed))
            .collect::<Result<_, _>>()?,
        files: Vec::new(),
        map: Some(args.out.join("map.toml")),
        assume: Vec::new(),
        at_version: None,
        shown: PeriodArgs::default(),
        html: Some(args.out.join("report.html")),
        subjects: None,
        timesketch: None,
        case: CaseArgs {
            name: CASE.to_owned(),
            reveal: None,
        },
    })
}

/// What people of the simulated service knew and did: no log can tell it.
const SAID: &[&str] = &[
    "organisation=Tonal Music (simulated)",
    "contact=privacy@tonal.example",
    "nature=Somebody took over the session of a member and read through a hole in an old version of our Android app",
    "consequences=Whoever has a name and an address can write to that person and claim to come from us",
    "measures=We closed the hole, ended the session, and guide members with old versions of the app to a new one over the next days",
    "establishment=eu",
    "sectors=none_of_these",
    "role=controller",
    "encryption=none",
    "recipient=malicious",
    "detected_at=2014-05-21T08:55:00Z",
    "aware_at=2014-05-21T09:40:00Z",
];

/// Leaves a draft statement beside the report, from the answer and from what the simulated people said.
fn statement(setting: &Setting, args: &DemoArgs) -> Result<()> {
    let by = By::new("Ana Lind (simulated)", by().at);
    let (knew, evidence) = ("the head of security", "the gateway's record of the read profile");
    let mut case = setting.open_case(CASE)?;
    for fact in SAID {
        case.append(&by, &Signed::read(fact, Some(knew), Some(evidence))?.act())?;
    }
    let regimes = built_in();
    case.decide(
        &by,
        Risk::Likely,
        "name and address are in an attacker's hands",
        &regimes,
    )?;
    let wanted = Wanted::of(NoticeKind::Public);
    let drafted = Dossier::of(&case)?.matter(&regimes, |matter| draft(matter, &wanted));
    let drafted = drafted.map_err(|error| anyhow::anyhow!("{error}"))?;
    write_file(&args.out.join("statement.txt"), notice_text(&drafted).as_bytes())?;
    write_file(&args.out.join("statement.html"), notice_page(&drafted).as_bytes())
}

/// The case of the demo.
const CASE: &str = "demo";

fn tell_end(setting: &Setting, args: &DemoArgs, truth: &Truth, scope: &Scope) -> Result<()> {
    let persons = words::counted(truth.persons.len() as u64, "person", "persons");
    let verdict = match compare(truth, scope) {
        Verdict::Inside => "yes".to_owned(),
        Verdict::Outside(what) => format!("NO, {what}"),
    };
    let line = format!(
        "the truth: {persons}, {}; inside the bounds: {verdict}",
        true_classes(truth)
    );
    setting.say("")?;
    setting.say(&setting.paint.tone(Tone::Strong, &line))?;
    let page = args.out.join("statement.html");
    setting.say(&format!(
        "a draft statement, with what carries each sentence: {}",
        page.display()
    ))?;
    setting.say("")?;
    setting.say("by hand:")?;
    let lake = args.out.join("lake-by-hand");
    Ok(setting.say_all(commands(&args.out, truth, &lake.to_string_lossy()))?)
}

fn true_classes(truth: &Truth) -> String {
    let mut effects: Vec<(&str, BTreeSet<&str>)> = Vec::new();
    for effect in words::EFFECTS {
        let classes: BTreeSet<&str> = truth
            .pairs
            .iter()
            .filter(|pair| pair.effect == effect)
            .map(|pair| pair.class.as_str())
            .collect();
        if !classes.is_empty() {
            effects.push((effect, classes));
        }
    }
    let said: Vec<String> = effects
        .iter()
        .map(|(effect, classes)| {
            format!(
                "{} data {effect}",
                words::list(&classes.iter().collect::<Vec<_>>())
            )
        })
        .collect();
    if said.is_empty() {
        "no data reached".to_owned()
    } else {
        said.join("; ")
    }
}

enum Verdict {
    Inside,
    /// Which number does not hold.
    Outside(String),
}

/// Whether the truth lies within every bound of the answer.
fn compare(truth: &Truth, scope: &Scope) -> Verdict {
    let all: BTreeSet<&str> = truth.pairs.iter().map(|pair| pair.key.as_str()).collect();
    let subjects = &scope.subjects;
    if !is_within(truth.n_persons(&all), subjects.at_least, subjects.at_most) {
        return Verdict::Outside("not the number of persons".to_owned());
    }
    for (effect, classes) in &scope.effects {
        for (class, bounds) in classes {
            let n = truth.n_persons(&truth.keys(class, effect));
            if !is_within(n, bounds.at_least, bounds.at_most) {
                return Verdict::Outside(format!("not for {class} data {effect}: {n}"));
            }
        }
    }
    let missing = truth.pairs.iter().find(|pair| {
        let classes = scope.effects.get(&pair.effect);
        !classes.is_some_and(|classes| classes.contains_key(&pair.class))
    });
    match missing {
        Some(pair) => Verdict::Outside(format!(
            "{} data {} is not in the answer",
            pair.class, pair.effect
        )),
        None => Verdict::Inside,
    }
}

fn is_within(n: u64, at_least: u64, at_most: Option<u64>) -> bool {
    at_least <= n && at_most.is_none_or(|most| n <= most)
}
