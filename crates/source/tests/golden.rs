//! Golden pairs: `golden/<format>/<case>.in` is what a producer wrote, `.out` what becomes of it. Beside them
//! may stand `<case>.opt`: host, time_zone, log_format, modified, mapping (a file in the same folder).
//! `AMBIT_BLESS=1` rewrites the `.out` files; read what it wrote.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Event, Keys, Reject, Timestamp, printable};
use ambit_source::{Context, Format, Mapping, Options, Sample, decode_all, formats, time};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn every_case_gives_what_it_gave() {
    let mut failures = Vec::new();
    let mut n_cases = 0;
    for case in cases() {
        n_cases += 1;
        let shown = show(&decode(&case));
        let expected_at = case.with_extension("out");
        if std::env::var_os("AMBIT_BLESS").is_some() {
            std::fs::write(&expected_at, &shown).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&expected_at).unwrap_or_default();
        if let Some(difference) = first_difference(&expected, &shown) {
            failures.push(format!("{}: {difference}", case.display()));
        }
    }
    assert!(n_cases > 14, "only {n_cases} cases were found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A file goes to its own source: each source has a case that is known as its own, and none is taken for another's.
#[test]
fn cases_are_recognized() {
    let built_in = formats::built_in();
    let mut known = std::collections::BTreeSet::new();
    let mut failures = Vec::new();
    let is_plain = |case: &&PathBuf| {
        let options = std::fs::read_to_string(case.with_extension("opt")).unwrap_or_default();
        !options.contains("mapping") && !options.contains("log_format")
    };
    for case in cases().iter().filter(is_plain) {
        let name = case.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(case).unwrap();
        let sample = Sample::new("case", &bytes[..bytes.len().min(64 << 10)]);
        let sure = built_in.iter().map(|f| (f.recognize(&sample).0, f));
        match sure.rev().max_by_key(|(sure, _)| *sure) {
            Some((1.., found)) if found.name() == name => {
                known.insert(name.to_owned());
            }
            Some((sure @ 1.., found)) if found.source() != name => {
                failures.push(format!("{}: {sure} percent {}", case.display(), found.name()));
            }
            _ => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let unknown: Vec<_> = built_in
        .iter()
        .map(|f| f.name())
        .filter(|name| !known.contains(*name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut found: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "in"))
        .collect();
    found.sort();
    found
}

fn decode(case: &Path) -> Batch {
    let options: toml::Table = std::fs::read_to_string(case.with_extension("opt"))
        .map(|text| toml::from_str(&text).unwrap())
        .unwrap_or_default();
    let text = |name: &str| options.get(name).and_then(|v| v.as_str()).map(str::to_owned);
    let context = Context {
        host: text("host"),
        time_zone: text("time_zone").map_or(jiff::tz::TimeZone::UTC, |name| time::zone(&name).unwrap()),
        modified: text("modified").map(|at| Timestamp::parse(&at).unwrap()),
        log_format: text("log_format"),
        ..Context::bare(Keys::derive(&[7; 32]))
    };
    decode_all(
        &format(case, text("mapping")),
        &std::fs::read(case).unwrap(),
        &context,
    )
    .unwrap()
}

fn format(case: &Path, mapping: Option<String>) -> Arc<dyn Format> {
    let name = case.parent().unwrap().file_name().unwrap().to_str().unwrap();
    match mapping {
        Some(file) => formats::declared(&Mapping::load(&case.with_file_name(file)).unwrap()),
        None => Options::default().format(name).unwrap(),
    }
}

fn show(batch: &Batch) -> String {
    let events: Vec<Value> = batch.events.iter().map(event).collect();
    let rejects: Vec<Value> = batch.rejects.iter().map(reject).collect();
    let losses = serde_json::to_value(&batch.losses).unwrap();
    let whole = json!({ "events": events, "rejects": rejects, "losses": losses });
    let mut shown = serde_json::to_string_pretty(&whole).unwrap();
    shown.push('\n');
    shown
}

/// Only what an event says.
fn event(event: &Event) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    let Value::Object(all) = serde_json::to_value(event).unwrap() else {
        unreachable!()
    };
    let mut kept: Map<String, Value> = all.into_iter().filter(|(_, value)| says(value)).collect();
    let place = kept.get_mut("provenance").and_then(Value::as_object_mut).unwrap();
    place.remove("evidence");
    Value::Object(kept)
}

fn reject(reject: &Reject) -> Value {
    json!({
        "line": reject.position.line,
        "offset": reject.position.offset,
        "reason": reject.reason,
        "field": reject.field,
        "between": reject.between.map(|b| b.to_string()),
        "n_bytes": reject.n_bytes,
        "raw": printable(&String::from_utf8_lossy(&reject.raw), 60),
    })
}

fn first_difference(expected: &str, shown: &str) -> Option<String> {
    if expected == shown {
        return None;
    }
    let at = expected.lines().zip(shown.lines()).position(|(a, b)| a != b);
    let at = at.unwrap_or(expected.lines().count().min(shown.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").trim().to_owned();
    Some(format!(
        "line {}: expected {}, got {}",
        at + 1,
        line(expected),
        line(shown)
    ))
}
