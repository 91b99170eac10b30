//! `ambit app`: what a release of an Android app lets out, whose it is, and what a newer one repaired.

use super::expose::{self, ExposeArgs};
use crate::exit::Exit;
use crate::setting::{Setting, by, read_text, remark};
use ambit_apk::{
    AcceptList, AppReport, Contents, Detail, Limits, Ours, Pinned, diff, digest_of, find, ours, page, sarif,
    scan,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The app itself: what a release lets out, whether it is really ours, and what a newer one repaired
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum AppCommand {
    /// Read packages, verify their signatures, and say what is weak in them, with proof
    Scan(ScanArgs),
    /// Compare two releases: repaired, left, introduced, and whether the upgrade keeps local data
    Diff(DiffArgs),
    /// Join a release with the logs: who used it, its keys and addresses, and from where
    Expose(ExposeArgs),
}

const EXAMPLES: &str = "Examples:
  ambit app scan shop.apk
  ambit app scan releases/ --all
  ambit app scan shop.apks --json
  ambit app scan shop.apk --sarif > shop.sarif
  ambit app scan shop.aab --html shop.html
  ambit app scan found.apk --ours app.toml --reference shop-1.7.apk
  ambit app scan shop.apk --accept accepted.toml
  ambit app diff shop-1.7.apk shop-1.8.apk
  ambit app expose shop-1.7.apk --map map.toml

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
    /// Whether it is ours: the signer that is pinned, by the SHA-256 of its certificate or by a package of ours
    #[arg(long, value_name = "SHA256|FILE.apk")]
    signer: Option<String>,
    /// Whether it is ours: package, signers, source stamp, least version and installer, as a person pinned them
    #[arg(long, value_name = "app.toml")]
    ours: Option<PathBuf>,
    /// A release that is known to be ours: classes and files that differ from it are told
    #[arg(long, value_name = "FILE.apk")]
    reference: Option<PathBuf>,
    /// Findings that are accepted for a time, with reasons
    #[arg(long, value_name = "FILE.toml")]
    accept: Option<PathBuf>,
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

pub async fn run(setting: &Setting, command: &AppCommand) -> Result<Exit> {
    match command {
        AppCommand::Scan(args) => run_scan(setting, args),
        AppCommand::Diff(args) => run_diff(setting, args),
        AppCommand::Expose(args) => expose::run(setting, args).await,
    }
}

fn run_scan(setting: &Setting, args: &ScanArgs) -> Result<Exit> {
    let files = find(&args.paths)?;
    if files.is_empty() {
        bail!("there is no package below these folders: the endings are .apk, .apks, .xapk, .apkm and .aab");
    }
    let limits = Limits::default();
    let question = Question::read(args, &limits)?;
    let (mut reports, mut refused) = (Vec::new(), Vec::new());
    for file in &files {
        match scan(file, &limits) {
            Ok(mut report) => {
                question.accepted.apply(&mut report, question.now);
                reports.push(report);
            }
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
    let mut judged: Vec<Ours> = Vec::new();
    for report in &reports {
        judged.extend(question.judge(report, &limits)?);
    }
    if args.sarif {
        setting.json(&sarif(&reports))?;
    } else if setting.is_json {
        setting.json(&json!({ "reports": reports, "refused": refused, "ours": judged }))?;
    } else {
        let detail = if args.all { Detail::All } else { Detail::Own };
        for (nth, report) in reports.iter().enumerate() {
            setting.say_all(report.told(detail))?;
            setting.say_all(judged.get(nth).map(Ours::told).unwrap_or_default())?;
        }
    }
    let is_incomplete = |report: &AppReport| !report.coverage.unread.is_empty() || report.coverage.n_cut > 0;
    Ok(Exit::incomplete_if(
        !refused.is_empty() || reports.iter().any(is_incomplete),
    ))
}

/// What a scan is asked beside the package.
struct Question {
    pinned: Option<Pinned>,
    reference: Option<Contents>,
    accepted: AcceptList,
    now: ambit_event::Timestamp,
}

impl Question {
    fn read(args: &ScanArgs, limits: &Limits) -> Result<Self> {
        let mut pinned = match &args.ours {
            Some(path) => Some(Pinned::parse(&read_text(path)?)?),
            None => None,
        };
        let reference = match &args.reference {
            Some(path) => Some((scan(path, limits)?, Contents::read(path, limits)?)),
            None => None,
        };
        if let Some(signer) = &args.signer {
            let more = signer_of(signer, limits)?;
            let pinned = pinned.get_or_insert_default();
            pinned.signers.extend(more.signers);
            pinned.package = pinned.package.take().or(more.package);
        } else if let (None, Some((reference, _))) = (&pinned, &reference) {
            pinned = Some(Pinned::of(reference));
        }
        let (accepted, now) = match &args.accept {
            Some(path) => (AcceptList::parse(&read_text(path)?)?, by().at),
            None => Default::default(),
        };
        for line in accepted.expired(now) {
            remark(&format!("no more accepted: {line}"));
        }
        Ok(Self {
            pinned,
            reference: reference.map(|(_, contents)| contents),
            accepted,
            now,
        })
    }

    fn judge(&self, report: &AppReport, limits: &Limits) -> Result<Option<Ours>> {
        let Some(pinned) = &self.pinned else {
            return Ok(None);
        };
        let altered = match &self.reference {
            Some(reference) => {
                let contents = Contents::read(Path::new(&report.file), limits)?;
                Some(contents.altered(reference, &report.manifest.package))
            }
            None => None,
        };
        Ok(Some(ours(report, pinned, altered)))
    }
}

/// A signer by its digest, or by a package that it signed.
fn signer_of(text: &str, limits: &Limits) -> Result<Pinned> {
    if let Some(digest) = digest_of(text) {
        return Ok(Pinned {
            signers: vec![digest],
            ..Pinned::default()
        });
    }
    let report = scan(Path::new(text), limits)
        .with_context(|| format!("{text} is neither a SHA-256 in hexadecimal nor a package"))?;
    let pinned = Pinned::of(&report);
    if pinned.signers.is_empty() {
        bail!("{text} has no signer whose signature holds, so nothing can be pinned by it");
    }
    Ok(pinned)
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
