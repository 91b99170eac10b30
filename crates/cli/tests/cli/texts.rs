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
        "rules", "detect", "hunt", "findings", "regime", "disclose", "app", "drill", "sources",
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
fn who_guesses_passwords_is_found_without_a_rule() {
    let dir = tempfile::tempdir().unwrap();
    let line = |nth: u32| {
        format!(
            "May 23 10:00:{:02} bastion sshd[{}]: Failed password for invalid user u{nth} from 203.0.113.9 port 4{nth:03} ssh2\n",
            nth,
            40 + nth
        )
    };
    std::fs::write(
        dir.path().join("auth.log"),
        (10..22).map(line).collect::<String>(),
    )
    .unwrap();
    let said = ambit(dir.path(), &["detect", "auth.log", "--json"]).done();
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let schema = crate::shape::Schema::load("detect");
    let mut rules: Vec<&str> = Vec::new();
    for line in &lines {
        schema.check(line).unwrap();
        assert_eq!(line["actor"][0]["value"], "203.0.113.9", "{line}");
        rules.push(line["rule_id"].as_str().unwrap());
    }
    assert_eq!(rules, ["ambit.brute_force", "ambit.password_spraying"]);
    assert!(said.err.contains("--rules DIR"), "{}", said.err);
    let said = ambit(dir.path(), &["detect", "auth.log"]).done();
    assert!(said.out.contains("ip=203.0.113.9 · risk "), "{}", said.out);
    let none = ambit(dir.path(), &["detect", "auth.log", "--rules", "absent"]);
    assert_eq!((none.code, none.out.as_str()), (1, ""));
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
