//! `ambit drill`: an incident with known truth, as a test bed and as an exercise.

use crate::exit::Exit;
use crate::setting::Setting;
use crate::words;
use ambit_drill::{Attack, Folder, GapSpec, Plan, Truth, publish};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Make the logs of an incident with known truth: logs, data map, mappings and truth.json
#[derive(Debug, Args)]
#[command(after_long_help = examples())]
pub struct DrillArgs {
    /// The folder to write into; it must be empty or absent
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the intruder does
    #[arg(long, default_value = "stolen-session", value_name = "NAME", value_parser = Attack::parse)]
    attack: Attack,
    /// Accounts of the service
    #[arg(long, default_value_t = 2000, value_name = "N")]
    users: u32,
    /// Length of the window
    #[arg(long, default_value_t = 3, value_name = "N", conflicts_with = "hours")]
    days: u32,
    /// Length of the window in hours
    #[arg(long, value_name = "N")]
    hours: Option<u32>,
    /// A hole in the logs: SOURCE:LENGTH[:KIND][@PLACE]; may be given again
    #[arg(long = "gap", value_name = "GAP", value_parser = GapSpec::parse)]
    gaps: Vec<GapSpec>,
    /// Exports and backups lie in a bucket of a cloud account, whose CloudTrail is among the logs; bucket-theft and
    /// holes in cloudtrail bring it along
    #[arg(long)]
    cloud: bool,
    /// The same number gives the same bytes
    #[arg(long, default_value_t = 1, value_name = "N")]
    random_seed: u64,
}

fn examples() -> String {
    let attacks: Vec<&str> = Attack::ALL.iter().map(|attack| attack.name()).collect();
    format!(
        "Examples:
  ambit drill --out exercise
  ambit drill --users 100000 --days 14 --attack stolen-session --gap nginx:20m --random-seed 7 --out exercise
  ambit drill --attack sql-dump --gap both:1h --out exercise
  ambit drill --attack bucket-theft --gap cloudtrail:2h --out exercise

Attacks: {}.
Gaps: nginx, app, postgresql, bastion, cloudtrail, both or all; 20m, 1h; lines, truncated, host, garbled or deleted;
@attack, @2h or @random. Such as nginx:20m, postgresql:1h:truncated, app:30m:host@2h.

The team gets logs/, map.toml, mappings/ and app/; truth.json stays with whoever leads the exercise.",
        attacks.join(", ")
    )
}

#[derive(Serialize)]
struct Answer<'a> {
    out: &'a Path,
    n_records: u64,
    seeds: &'a [String],
    n_gaps: usize,
}

pub fn run(setting: &Setting, args: &DrillArgs) -> Result<Exit> {
    let truth = publish(&plan(args), &mut Folder::create(&args.out)?)?;
    if setting.is_json {
        setting.json(&Answer {
            out: &args.out,
            n_records: truth.n_records,
            seeds: &truth.seeds,
            n_gaps: truth.gaps.len(),
        })?;
    } else {
        let lines = [
            format!(
                "{} records in {}",
                words::number(truth.n_records),
                args.out.join("logs").display()
            ),
            "answer it with:".to_owned(),
        ];
        setting.say_all(lines)?;
        setting.say_all(commands(&args.out, &truth, "./ambit-lake"))?;
    }
    Ok(Exit::Complete)
}

fn plan(args: &DrillArgs) -> Plan {
    let mut plan = Plan::new(args.attack)
        .users(args.users)
        .random_seed(args.random_seed);
    if args.cloud {
        plan = plan.with_cloud();
    }
    plan = match args.hours {
        Some(hours) => plan.hours(hours),
        None => plan.days(args.days),
    };
    args.gaps.iter().fold(plan, |plan, gap| plan.gap(*gap))
}

/// The commands that a person types to repeat it.
pub fn commands(out: &Path, truth: &Truth, lake: &str) -> Vec<String> {
    let shown = out.display();
    let lake = if lake == "./ambit-lake" {
        String::new()
    } else {
        format!(" --lake {lake}")
    };
    let mappings: Vec<String> = mappings(out)
        .iter()
        .map(|path| format!(" --mapping {}", path.display()))
        .collect();
    let seeds: Vec<String> = truth
        .seeds
        .iter()
        .map(|seed| format!(" --seed {}", words::quoted(seed)))
        .collect();
    vec![
        format!("  ambit ingest {shown}/logs{}{lake}", mappings.concat()),
        format!("  ambit coverage{lake}"),
        format!(
            "  ambit scope{} --map {shown}/map.toml --html {shown}/report.html{lake}",
            seeds.concat()
        ),
    ]
}

/// The mappings that a drill wrote, in the order of their names.
pub fn mappings(out: &Path) -> Vec<PathBuf> {
    ambit_drill::mappings()
        .iter()
        .map(|(name, _)| out.join("mappings").join(name))
        .collect()
}

/// What a demo leaves in its folder.
const LEFT: [&str; 12] = [
    "app",
    "logs",
    "mappings",
    "snapshots",
    "aliases.csv",
    "map.toml",
    "truth.json",
    "report.html",
    "statement.html",
    "statement.txt",
    "lake",
    "lake-by-hand",
];

/// The folder without what an earlier demo left there; where anything else is in it, nothing is taken away, and that
/// is an error.
pub fn emptied(out: &Path) -> Result<Folder> {
    if out.join("truth.json").is_file() && holds_nothing_else(out)? {
        for name in LEFT {
            let path = out.join(name);
            if path.is_dir() {
                std::fs::remove_dir_all(&path)?;
            } else if path.exists() {
                std::fs::remove_file(&path)?;
            }
        }
    }
    Folder::create(out).context("name another folder with --out")
}

fn holds_nothing_else(out: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(out)? {
        let name = entry?.file_name();
        if !LEFT.iter().any(|left| name == *left) {
            return Ok(false);
        }
    }
    Ok(true)
}
