//! `ambit app`: what a release of an Android app lets out, whose it is, and what a newer one repaired.

use crate::exit::Exit;
use crate::setting::{Setting, remark};
use ambit_apk::{AppReport, Detail, Limits, diff, find, page, sarif, scan};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

/// The app itself: what a release lets out, whether it is really ours, and what a newer one repaired
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum AppCommand {
    /// Read packages, verify their signatures, and say what is weak in them, with proof
    Scan(ScanArgs),
    /// Compare two releases: repaired, left, introduced, and whether the upgrade keeps local data
    Diff(DiffArgs),
}

const EXAMPLES: &str = "Examples:
  ambit app scan shop.apk
  ambit app scan releases/ --all
  ambit app scan shop.apks --json
  ambit app scan shop.apk --sarif > shop.sarif
  ambit app scan shop.aab --html shop.html
  ambit app diff shop-1.7.apk shop-1.8.apk

Nothing is executed, and nothing is unpacked to disk.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ScanArgs {
    /// Packages (.apk, .apks, .xapk, .apkm, .aab), and folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Tell every finding, those of libraries and those that only inform too
    #[arg(long)]
    all: bool,
    /// Answer as SARIF 2.1.0
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
    /// Write a page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DiffArgs {
    /// The release that is in use
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The release that is to take its place
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

pub fn run(setting: &Setting, command: &AppCommand) -> Result<Exit> {
    match command {
        AppCommand::Scan(args) => run_scan(setting, args),
        AppCommand::Diff(args) => run_diff(setting, args),
    }
}

fn run_scan(setting: &Setting, args: &ScanArgs) -> Result<Exit> {
    let files = find(&args.paths)?;
    if files.is_empty() {
        bail!("there is no package below these folders: the endings are .apk, .apks, .xapk, .apkm and .aab");
    }
    let limits = Limits::default();
    let (mut reports, mut refused) = (Vec::new(), Vec::new());
    for file in &files {
        match scan(file, &limits) {
            Ok(report) => reports.push(report),
            Err(error) => {
                remark(&format!("{}: {error}", file.display()));
                refused.push(json!({ "file": file.display().to_string(), "why": error.to_string() }));
            }
        }
    }
    if reports.is_empty() {
        bail!("none of these files could be read as a package");
    }
    if let Some(path) = &args.html {
        std::fs::write(path, page(&reports))
            .with_context(|| format!("{} was not written", path.display()))?;
    }
    if args.sarif {
        setting.json(&sarif(&reports))?;
    } else if setting.is_json {
        setting.json(&json!({ "reports": reports, "refused": refused }))?;
    } else {
        let detail = if args.all { Detail::All } else { Detail::Own };
        for report in &reports {
            setting.say_all(report.told(detail))?;
        }
    }
    let is_incomplete = |report: &AppReport| !report.coverage.unread.is_empty() || report.coverage.n_cut > 0;
    Ok(Exit::incomplete_if(
        !refused.is_empty() || reports.iter().any(is_incomplete),
    ))
}

fn run_diff(setting: &Setting, args: &DiffArgs) -> Result<Exit> {
    let limits = Limits::default();
    let (old, new) = (scan(&args.old, &limits)?, scan(&args.new, &limits)?);
    let answer = diff(&old, &new);
    if setting.is_json {
        setting.json(&answer)?;
    } else {
        setting.say_all(answer.told())?;
    }
    Ok(Exit::incomplete_if(!answer.unread.is_empty()))
}
