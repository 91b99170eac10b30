//! What is measured of detection, each in a program of its own: its time and its memory are nobody else's.

use ambit_detect::{Entry, Found, Incoming, Once, Placeholders, RuleSet, Run, Terms};
use ambit_event::{Batch, Event, EventId, Fields, Keys, Timestamp};
use ambit_source::{LastRecord, Options, discover, read};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// `evtx LOGS`, `read LOGS`, `rules RULES`, `detect RULES LOGS`, `groups N`: does it, and prints what it saw.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let seen = match words.as_slice() {
        ["evtx", logs] => evtx_alone(Path::new(logs))?,
        ["read", logs] => reading_alone(logs)?,
        ["rules", rules] => json!({ "n_rules": loaded(rules).n_loaded() }),
        ["detect", "-", logs] => detected(&RuleSet::load(&[], &Placeholders::none()), logs)?,
        ["detect", rules, logs] => detected(&loaded(rules), logs)?,
        ["groups", n] => groups(n.parse().map_err(|_| "how many groups?".to_owned())?)?,
        _ => return Err("no such part".to_owned()),
    };
    println!("{seen}");
    Ok(())
}

fn loaded(rules: &str) -> RuleSet {
    RuleSet::load(&[PathBuf::from(rules)], &Placeholders::none())
}

/// The crate that reads EVTX, alone: each record to JSON, and nothing made of it.
fn evtx_alone(dir: &Path) -> Result<Value, String> {
    let (mut n_events, mut n_bytes) = (0_u64, 0);
    let files = walkdir::WalkDir::new(dir).into_iter().flatten();
    for file in files.filter(|file| file.path().extension().is_some_and(|end| end == "evtx")) {
        let settings = evtx::ParserSettings::default().num_threads(1).indent(false);
        let parser = evtx::EvtxParser::from_path(file.path()).map_err(|e| e.to_string())?;
        for record in parser.with_configuration(settings).records_json().flatten() {
            n_events += 1;
            n_bytes += record.data.len();
        }
    }
    Ok(json!({ "n_events": n_events, "n_bytes": n_bytes }))
}

fn reading_alone(logs: &str) -> Result<Value, String> {
    let mut n_events = 0;
    each_batch(logs, &mut |batch| n_events += batch.events.len())?;
    Ok(json!({ "n_events": n_events }))
}

fn each_batch(logs: &str, take: &mut dyn FnMut(Batch)) -> Result<(), String> {
    let options = Options {
        last_record: LastRecord::IsWhole,
        may_go_on: false,
        ..Options::default()
    };
    let (inputs, _) = discover(&[PathBuf::from(logs)], &options);
    let keys = Keys::derive(&[7; 32]);
    for input in inputs {
        let mut sink = |batch: Batch| {
            take(batch);
            ControlFlow::Continue(())
        };
        // What is no log stands beside the logs.
        let _ = read(&input, &options, &keys, None, &mut sink);
    }
    Ok(())
}

/// As `ambit detect` does it.
fn detected(rules: &RuleSet, logs: &str) -> Result<Value, String> {
    let mut incoming = Incoming::over(Run::new(rules, Terms::new()));
    let mut once = Once::new();
    each_batch(logs, &mut |batch| {
        let new = batch.events.into_iter().filter(|event| once.is_new(event.id));
        new.for_each(|event| incoming.take(event));
    })?;
    let Found { run, board, .. } = incoming.finish();
    let of_rules = |id: &str| !id.starts_with("ambit.");
    let findings = board.findings();
    Ok(json!({
        "n_events": run.tally().n_events,
        "n_findings": findings.iter().filter(|finding| of_rules(&finding.rule_id)).count(),
        "n_of_behaviours": findings.iter().filter(|finding| !of_rules(&finding.rule_id)).count(),
    }))
}

/// A correlation with so many groups at once.
fn groups(n: u64) -> Result<Value, String> {
    const RULES: &str = "title: Started\n\
        name: started\n\
        logsource: {product: windows, category: process_creation}\n\
        detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n\
        ---\n\
        title: Often\n\
        correlation: {type: event_count, rules: [started], group-by: [User], timespan: 1d, condition: {gte: 2}}\n";
    let rules = RuleSet::parse(RULES, "groups.yml", &Placeholders::none());
    let mut run = Run::new(&rules, Terms::new());
    let (mut n_findings, mut n_events) = (0, 0);
    // Twice each, so that each group is one that something is concluded of, at the end.
    for nth in 0..n {
        n_events += 1;
        n_findings += raised(run.take(&started(nth, nth)));
    }
    let limits = run.tally().limits;
    for nth in 0..n.min(1000) {
        n_events += 1;
        n_findings += raised(run.take(&started(n - 1 - nth, n + nth)));
    }
    n_findings += raised(run.finish());
    Ok(json!({ "n_events": n_events, "n_findings": n_findings, "n_evicted": limits.n_evicted }))
}

fn raised(entries: Vec<Entry>) -> usize {
    let is_one = |entry: &&Entry| matches!(entry, Entry::Raised { .. });
    entries.iter().filter(is_one).count()
}

fn started(user: u64, nth: u64) -> Event {
    // Hundredths of a second: a million are less than three hours.
    let at = i64::try_from(nth).unwrap_or(i64::MAX).saturating_mul(10_000_000);
    let mut event = Event::new("windows_evtx", Timestamp(at));
    event.id = EventId::native("bench", "", &nth.to_string());
    event.operation = Some("Microsoft-Windows-Sysmon/1".to_owned());
    let fields =
        json!({ "Image": "C:\\Windows\\System32\\whoami.exe", "User": format!("CORP\\user-{user:07}") });
    event.fields = Fields::from_json(fields.to_string());
    event
}
