//! `conformance [DIR [PART...]]`: our decoders against other people's test data, read in place.
//!
//! It fails on a wrong field, a panic, or a reject that is not on a committed list with its reason. The
//! tables under `xtask/conformance` say which of their names is which of our columns, what is skipped and
//! why, and how much must at least have been checked.

mod asserts;
mod crowdsec;
mod detect;
mod disclose;
mod fhir;
mod panther;
mod path;
mod pgaudit;
mod plaso;
mod records;
mod sigma;
mod techniques;
mod windows;

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What was checked, and what was wrong.
#[derive(Debug, Default)]
pub struct Report {
    pub n_sets: usize,
    pub n_events: usize,
    pub n_fields: usize,
    pub n_rejects: usize,
    /// Values on the skip list.
    pub n_skipped: usize,
    /// Values of parsers that read what we do not.
    pub n_foreign: usize,
    /// Lengths of lists.
    pub n_counts: usize,
    /// Records without a part by which to find them.
    pub n_unidentified: usize,
    /// Names that no table lists, and how often.
    pub unlisted: BTreeMap<String, usize>,
    failures: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    pub fn fail(&mut self, why: String) {
        self.failures.push(why);
    }

    pub fn note(&mut self, what: String) {
        self.notes.push(what);
    }
}

/// The least that must have been checked where the data is the one that the floors were measured on, by the
/// name of each collection.
type Floors = BTreeMap<String, Floor>;

/// Unknown names in it are refused: a misspelt one would hold nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    sets: usize,
    events: usize,
    fields: usize,
    /// At most so many rejects.
    rejects: usize,
}

/// Failures shown; the rest is counted.
const MOST_SHOWN: usize = 60;

/// Parts that can be asked for alone, which hold no floors then.
const PARTS: [&str; 3] = ["sigma", "detect", "techniques"];

/// Runs the check over `dir`, or over `../shared/data` beside the workspace; all of it, or some parts.
pub fn run(dir: Option<&str>, parts: &[String]) -> ExitCode {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        eprintln!(
            "conformance: {unknown} is no part; there are {}",
            PARTS.join(", ")
        );
        return ExitCode::from(2);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf();
    let data = dir.map_or_else(|| root.join("../shared/data"), PathBuf::from);
    if !data.is_dir() {
        println!(
            "conformance: {} is not there; nothing was checked",
            data.display()
        );
        return ExitCode::SUCCESS;
    }
    let tables = root.join("xtask/conformance");
    let is_good = match parts {
        [] => all(&data, &tables, dir.is_none()),
        some => of_detection(&data, &tables, some).map(|reports| judge(reports, None)),
    };
    match is_good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all(data: &Path, tables: &Path, has_floors: bool) -> Result<bool, String> {
    let load = |name: &str| std::fs::read_to_string(tables.join(name)).map_err(|e| format!("{name}: {e}"));
    let table = crowdsec::Table::parse(&load("crowdsec.toml")?)?;
    let known = pgaudit::Known::parse(&load("pgaudit.toml")?)?;
    let plaso_table = plaso::Table::parse(&load("plaso.toml")?)?;
    let fhir_table = fhir::Table::parse(&load("fhir.toml")?)?;
    let floors: Floors = toml::from_str(&load("floors.toml")?).map_err(|e| format!("floors.toml: {e}"))?;

    let mut crowdsec = Report::default();
    crowdsec::check(&data.join("crowdsec-hub-tests"), &table, &mut crowdsec);
    let mut pgaudit = Report::default();
    pgaudit::check(&data.join("pgaudit"), &known, &mut pgaudit);
    let mut plaso = Report::default();
    plaso::check(&data.join("plaso-test-logs"), &plaso_table, &mut plaso);
    let mut fhir = Report::default();
    fhir::check(&data.join("fhir-auditevent"), &fhir_table, &mut fhir);
    let records = records::Table::parse(&load("records.toml")?)?;
    let mut reports = vec![
        ("crowdsec-hub-tests", crowdsec),
        ("pgaudit", pgaudit),
        ("plaso-test-logs", plaso),
        ("fhir-auditevent", fhir),
    ];
    reports.extend(records.check(data));
    let panther = panther::Table::parse(&load("panther.toml")?)?;
    reports.extend(panther.check(&data.join("panther-analysis"), &records));
    let windows = windows::Table::parse(&load("windows.toml")?)?;
    reports.extend(windows.check(data));
    reports.extend(of_detection(data, tables, &PARTS.map(str::to_owned))?);
    let mut guidance = Report::default();
    disclose::Table::parse(&load("disclose.toml")?)?.check(&data.join("standards"), &mut guidance);
    // A decision that nobody translated was not compared.
    for (text, n) in std::mem::take(&mut guidance.unlisted) {
        guidance.fail(format!("`{text}` means nothing in disclose.toml ({n} times)"));
    }
    reports.push(("standards", guidance));
    Ok(judge(reports, has_floors.then_some(&floors)))
}

/// Rules and behaviours.
fn of_detection(data: &Path, tables: &Path, parts: &[String]) -> Result<Vec<(&'static str, Report)>, String> {
    let load = |name: &str| std::fs::read_to_string(tables.join(name)).map_err(|e| format!("{name}: {e}"));
    let is_asked = |name: &str| parts.iter().any(|part| part == name);
    let mut reports = Vec::new();
    if is_asked("sigma") {
        reports.extend(sigma::Table::parse(&load("sigma.toml")?)?.check(data));
    }
    if is_asked("detect") {
        reports.extend(detect::Table::parse(&load("detect.toml")?)?.check(data));
    }
    if is_asked("techniques") {
        reports.extend(techniques::Table::parse(&load("techniques.toml")?)?.check(data));
    }
    Ok(reports)
}

/// Holds each report to its floor, and shows it. A collection without a floor is a failure, and so is a floor
/// without its collection: either would let a check fall silent.
fn judge(reports: Vec<(&str, Report)>, floors: Option<&Floors>) -> bool {
    let mut is_good = true;
    let names: BTreeSet<&str> = reports.iter().map(|(name, _)| *name).collect();
    for stray in floors.into_iter().flat_map(BTreeMap::keys) {
        if !names.contains(stray.as_str()) {
            println!("conformance: floors.toml names {stray}, which nothing checks");
            is_good = false;
        }
    }
    for (name, mut report) in reports {
        match floors.map(|floors| floors.get(name)) {
            Some(Some(floor)) => hold(&mut report, floor),
            Some(None) => report.fail("floors.toml has no floor for it".to_owned()),
            None => {}
        }
        show(name, &report);
        is_good &= report.failures.is_empty();
    }
    is_good
}

fn hold(report: &mut Report, floor: &Floor) {
    for (what, ours, least) in [
        ("sets", report.n_sets, floor.sets),
        ("events", report.n_events, floor.events),
        ("fields", report.n_fields, floor.fields),
    ] {
        if ours < least {
            report.fail(format!("only {ours} {what} checked, at least {least} must be"));
        }
    }
    if report.n_rejects > floor.rejects {
        report.fail(format!(
            "{} rejects, at most {} may be",
            report.n_rejects, floor.rejects
        ));
    }
}

fn show(name: &str, report: &Report) {
    println!(
        "{name}: {} sets, {} events, {} fields checked, {} rejects, {} values skipped with reason, {} of other programs' parsers, {} counts, {} records without identity, {} failures",
        report.n_sets,
        report.n_events,
        report.n_fields,
        report.n_rejects,
        report.n_skipped,
        report.n_foreign,
        report.n_counts,
        report.n_unidentified,
        report.failures.len(),
    );
    for note in &report.notes {
        println!("  note: {note}");
    }
    for (name, n) in &report.unlisted {
        println!("  not in any table: {name} ({n} times)");
    }
    for failure in report.failures.iter().take(MOST_SHOWN) {
        println!("  FAIL {failure}");
    }
    if report.failures.len() > MOST_SHOWN {
        println!("  ... and {} more", report.failures.len() - MOST_SHOWN);
    }
}
