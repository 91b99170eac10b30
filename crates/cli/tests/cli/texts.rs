//! Help and messages.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, matches};

#[test]
fn help_teaches_by_examples() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    matches("help", root, &["--help"]);
    for command in [
        "demo", "ingest", "coverage", "rejects", "search", "sql", "show", "scope", "map", "case", "lake",
        "rules", "regime", "drill", "sources",
    ] {
        let said = ambit(root, &[command, "--help"]);
        assert_eq!(said.code, 0, "{command}");
        assert!(
            said.out.contains("Examples:\n  ambit "),
            "{command} shows no example"
        );
    }
    matches("help_scope", root, &["scope", "--help"]);
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    matches("no_lake", folder, &["search", "ip = 203.0.113.7"]);
    matches("no_file", folder, &["ingest", "absent.log"]);
    matches(
        "bad_seed",
        folder,
        &["scope", "--seed", "ip=203.0.113.7,exclusive"],
    );
    matches(
        "bad_assertion",
        folder,
        &["coverage", "--assume", "coverage:nginx"],
    );
    matches("bad_case_name", folder, &["case", "note", "../x", "text"]);
    matches("bad_search", incident(), &["search", "planet = mars"]);
    matches("not_read_only", incident(), &["sql", "delete from events"]);
    matches(
        "no_event",
        incident(),
        &["show", "00000000000000000000000000000000"],
    );
}

#[test]
fn a_rule_that_cannot_be_used_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let rule = |field: &str| {
        format!(
            "title: A shell\nlogsource: {{product: linux}}\ndetection:\n  shell:\n    {field}: /sh\n  condition: shell\n"
        )
    };
    std::fs::write(rules.join("good.yml"), rule("Image|endswith")).unwrap();
    std::fs::write(rules.join("bad.yml"), rule("Image|endsin")).unwrap();
    std::fs::write(rules.join("README.md"), "what these rules are for").unwrap();
    matches("rules_check", dir.path(), &["rules", "check", "rules"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = incident();
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "{} search --limit 5000 | head -n 1",
            env!("CARGO_BIN_EXE_ambit")
        ))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_page_that_help_names_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let said = ambit(dir.path(), &["sources", "mapping"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("[columns]"), "{}", said.out);
}
