//! The sieve before the rules leaves out none that matches, whatever the rules and the events.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Detector, Placeholders, RuleSet};
use ambit_event::{Event, Fields, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::fmt::Write;

/// Few words, so that rules and events meet.
const WORDS: [&str; 16] = [
    "cmd",
    "cmd.exe",
    "/bin/sh",
    "C:\\Windows\\cmd.exe",
    "-enc",
    "ſ",
    "İ",
    "straße",
    "STRASSE",
    "10.0.0.7",
    "7",
    "",
    "c*d?exe",
    "ma\u{17f}\u{212a}",
    "MASK",
    "7.0",
];

/// Names that a log has itself, names that it maps, and names that it does not have.
const FIELDS: [&str; 12] = [
    "Image",
    "CommandLine",
    "User",
    "ParentImage",
    "a.b",
    "a",
    "list",
    "number",
    "cs-uri-query",
    "sc-status",
    "request",
    "gone",
];

const MODIFIERS: [&str; 17] = [
    "",
    "|contains",
    "|startswith",
    "|endswith",
    "|contains|all",
    "|re",
    "|cidr",
    "|exists",
    "|cased",
    "|gt",
    "|contains|windash",
    "|base64offset|contains",
    "|neq",
    "|fieldref",
    "|contains|cased",
    "|re|i",
    "|endswith|all",
];

const LOGS: [(&str, &str, &str); 5] = [
    (
        "{product: windows, category: process_creation}",
        "windows_evtx",
        "Microsoft-Windows-Sysmon/1",
    ),
    (
        "{category: process_creation}",
        "windows_evtx",
        "Microsoft-Windows-Security-Auditing/4688",
    ),
    (
        "{product: linux, category: process_creation}",
        "linux_auditd",
        "execve",
    ),
    ("{category: webserver}", "nginx_access", "GET /"),
    ("{product: windows}", "windows_evtx", "Microsoft-Windows-Sysmon/5"),
];

const CONDITIONS: [&str; 8] = [
    "a",
    "a and b",
    "a or b",
    "a and not b",
    "not a",
    "1 of them",
    "all of them",
    "(a or b) and not (a and b)",
];

fn value() -> impl Strategy<Value = Value> {
    let word = || (0..WORDS.len()).prop_map(|n| json!(WORDS[n]));
    prop_oneof![
        6 => word(),
        1 => (0..20i64).prop_map(|n| json!(n)),
        1 => (0..20u8).prop_map(|n| json!(f64::from(n) / 2.0)),
        1 => any::<bool>().prop_map(|b| json!(b)),
        1 => Just(Value::Null),
        1 => prop::collection::vec(word(), 0..3).prop_map(Value::from),
        1 => (0..WORDS.len()).prop_map(|n| json!({ "b": WORDS[n] })),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let fields = prop::collection::vec((0..FIELDS.len(), value()), 0..8);
    let names = ["exe", "NewProcessName", "SubjectUserName", "status", "UID", "a.b"];
    let mapped = prop::collection::vec((0..names.len(), value()), 0..4);
    (0..LOGS.len(), fields, mapped, prop::option::of(0..WORDS.len())).prop_map(
        move |(log, fields, mapped, message)| {
            let mut event = Event::new(LOGS[log].1, Timestamp(0));
            event.operation = Some(LOGS[log].2.to_owned());
            event.activity = Some("cmd".to_owned());
            event.message = message.map(|n| WORDS[n].to_owned());
            let all = fields.into_iter().map(|(n, value)| (FIELDS[n].to_owned(), value));
            let more = mapped.into_iter().map(|(n, value)| (names[n].to_owned(), value));
            event.fields = Fields::from(all.chain(more).collect::<Map<_, _>>());
            event.fields.pack();
            event
        },
    )
}

/// A detection of one field, or of words.
fn detection() -> impl Strategy<Value = String> {
    let field = (
        0..FIELDS.len(),
        0..MODIFIERS.len(),
        prop::collection::vec(0..WORDS.len(), 1..4),
    );
    let field = field.prop_map(|(field, modifier, words)| {
        let values: Vec<String> = words.iter().map(|n| json!(WORDS[*n]).to_string()).collect();
        let values = match MODIFIERS[modifier] {
            "|exists" => "true".to_owned(),
            "|cidr" => "10.0.0.0/8".to_owned(),
            "|gt" => "6".to_owned(),
            "" if words.len() == 1 => "7".to_owned(),
            "|fieldref" => "User".to_owned(),
            _ => format!("[{}]", values.join(", ")),
        };
        format!("{{\"{}{}\": {values}}}", FIELDS[field], MODIFIERS[modifier])
    });
    let null = (0..FIELDS.len()).prop_map(|n| format!("{{\"{}\": null}}", FIELDS[n]));
    let words = prop::collection::vec(0..WORDS.len(), 1..3)
        .prop_map(|words| json!(words.iter().map(|n| WORDS[*n]).collect::<Vec<_>>()).to_string());
    prop_oneof![6 => field, 1 => null, 1 => words]
}

fn rules() -> impl Strategy<Value = String> {
    let rule = (0..LOGS.len(), detection(), detection(), 0..CONDITIONS.len());
    prop::collection::vec(rule, 1..12).prop_map(|rules| {
        let mut text = String::new();
        for (n, (log, a, b, condition)) in rules.into_iter().enumerate() {
            let (log, condition) = (LOGS[log].0, CONDITIONS[condition]);
            let _ = write!(
                text,
                "---\ntitle: r{n}\nlogsource: {log}\ndetection:\n  a: {a}\n  b: {b}\n  condition: {condition}\n"
            );
        }
        text
    })
}

#[test]
fn the_sieve_leaves_out_no_rule_that_matches() {
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let (n_rules, n_findings) = (Cell::new(0), Cell::new(0));
    let world = (rules(), prop::collection::vec(event(), 1..12));
    let held = TestRunner::new(config).run(&world, |(text, events)| {
        let rules = RuleSet::parse(&text, "rules.yml", &Placeholders::none());
        n_rules.set(n_rules.get() + rules.n_loaded());
        let (mut quick, mut slow) = (Detector::new(&rules), Detector::unfiltered(&rules));
        for event in &events {
            let all = slow.check(event);
            n_findings.set(n_findings.get() + all.len());
            prop_assert_eq!(quick.check(event), all, "{}\n{:?}", text, event.fields);
        }
        Ok(())
    });
    held.unwrap_or_else(|why| panic!("{why}"));
    // Worlds in which nothing is asked or nothing matches would show nothing.
    assert!(
        n_rules.get() > 1000 && n_findings.get() > 1000,
        "{n_rules:?} {n_findings:?}"
    );
}
