//! Real answers have the shape that `schemas/` promises.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, ingest, make, seed};
use crate::shape::Schema;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn fits(schema: &str, folder: &Path, args: &[&str]) -> Value {
    let args = [args, &["--json"]].concat();
    let answer = ambit(folder, &args).done().json();
    if let Err(why) = Schema::load(schema).check(&answer) {
        panic!("ambit {}: {why}", args.join(" "));
    }
    answer
}

#[test]
fn every_json_answer_has_its_documented_shape() {
    let folder = incident();
    let seed = seed(folder);
    fs::create_dir_all(folder.join("rules")).unwrap();
    fs::write(folder.join("rules/a.yml"), "title: A\n---\n[").unwrap();
    let rule = "title: B\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n";
    fs::write(folder.join("rules/b.yml"), rule).unwrap();
    let pinned = format!(
        "package = \"example.tonal.app\"\nsigners = [\"{}\"]\nminimum_version = 95\n",
        "0".repeat(64)
    );
    fs::write(folder.join("app.toml"), pinned).unwrap();
    let accepted = "[[accept]]\ncheck = \"supported_versions\"\nreason = \"old phones\"\nuntil = \"2099-01-01T00:00:00Z\"\n";
    fs::write(folder.join("accepted.toml"), accepted).unwrap();
    for (schema, args) in [
        ("coverage", vec!["coverage"]),
        ("rejects", vec!["rejects"]),
        ("search", vec!["search", "outcome = denied", "--limit", "50"]),
        (
            "sql",
            vec![
                "sql",
                "select source, count(*) n from events group by 1 order by 1",
            ],
        ),
        ("sources", vec!["sources"]),
        ("sources", vec!["sources", "--told"]),
        ("map", vec!["map", "check", "map.toml"]),
        ("map", vec!["map", "test", "map.toml"]),
        ("rules", vec!["rules", "check", "rules"]),
        ("rules", vec!["rules", "explain", "rules/b.yml"]),
        ("rules", vec!["rules", "explain", "brute_force"]),
        ("rules", vec!["rules", "explain", "ambit.source_silent"]),
        ("regime", vec!["regime", "list"]),
        ("regime", vec!["regime", "show", "eu-gdpr"]),
        ("app", vec!["app", "scan", "app/tonal-0.9.4.aab"]),
        (
            "app",
            vec![
                "app",
                "scan",
                "app/tonal-0.9.4.aab",
                "--ours",
                "app.toml",
                "--reference",
                "app/tonal-0.9.4.aab",
                "--accept",
                "accepted.toml",
            ],
        ),
        (
            "app",
            vec!["app", "diff", "app/tonal-0.9.4.aab", "app/tonal-0.9.4.aab"],
        ),
        (
            "app",
            vec!["app", "expose", "app/tonal-0.9.4.aab", "--map", "map.toml"],
        ),
        ("lake", vec!["lake", "info"]),
        ("lake", vec!["lake", "versions"]),
        (
            "scope",
            vec!["scope", "--seed", &seed, "--map", "map.toml", "--case", "shapes"],
        ),
        ("scope", vec!["scope", "--seed", &seed, "--case", "shapes"]),
        ("case", vec!["case", "note", "shapes", "a remark"]),
        (
            "disclose",
            vec![
                "disclose",
                "fact",
                "set",
                "shapes",
                "role=controller",
                "residents:us-ca=0..3",
            ],
        ),
        ("disclose", vec!["disclose", "fact", "list", "shapes"]),
        ("disclose", vec!["disclose", "fact", "list", "--names"]),
        ("disclose", vec!["disclose", "status", "shapes"]),
        (
            "disclose",
            vec![
                "disclose",
                "decide",
                "shapes",
                "likely",
                "--reason",
                "as it stands",
            ],
        ),
        ("disclose", vec!["disclose", "notice", "public", "shapes"]),
        (
            "disclose",
            vec![
                "disclose",
                "sent",
                "shapes",
                "eu-gdpr/authority",
                "--at",
                "2026-05-23T09:05:00Z",
                "--proof",
                "a receipt",
            ],
        ),
        ("disclose", vec!["disclose", "letters", "shapes"]),
        ("case", vec!["case", "show", "shapes"]),
        ("case", vec!["case", "list"]),
        ("case", vec!["case", "verify", "shapes"]),
    ] {
        fits(schema, folder, &args);
    }
}

#[test]
fn what_is_made_read_and_shown_has_its_documented_shape() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("shown");
    make(&folder, &["--gap", "nginx:20m"]);
    let ingested = fits("ingest", &folder, &ingest());
    fs::write(folder.join("more.jsonl"), "{\"time\":\"2014-05-23T10:00:00Z\"}\n").unwrap();
    fits(
        "ingest",
        &folder,
        &["ingest", "more.jsonl", "--source", "app_jsonl"],
    );
    let told = fits("sources", &folder, &["sources", "--told"]);
    assert!(told["told"][0].is_object(), "{told}");
    assert!(ingested["n_events"].as_u64() > Some(0), "{ingested}");
    let coverage = fits("coverage", &folder, &["coverage"]);
    let gap = coverage["gaps"][0]["id"].as_str().unwrap().to_owned();
    let answer = fits(
        "scope",
        &folder,
        &["scope", "--seed", &seed(&folder), "--map", "map.toml"],
    );
    let hop = answer["trace"][0]["id"].as_str().unwrap();
    let event = answer["trace"][0]["evidence"][0].as_str().unwrap();
    for id in [gap.as_str(), hop, event] {
        fits("show", &folder, &["show", id]);
    }
    fits("show", &folder, &["show", event, "--reveal", "the test looks"]);
    fits("lake", &folder, &["lake", "pin", "kept"]);
    fits("lake", &folder, &["lake", "compact", "--vacuum"]);
    fits(
        "drill",
        dir.path(),
        &["drill", "--users", "5", "--hours", "3", "--out", "another"],
    );
}

#[test]
fn the_demo_has_its_documented_shape() {
    let dir = tempfile::tempdir().unwrap();
    let told = fits("demo", dir.path(), &["demo"]);
    assert!(told.is_object(), "{told}");
}

#[test]
fn the_checker_refuses_what_does_not_fit() {
    let schema = Schema::load("sql");
    let good = serde_json::json!({"lake_version": 1, "columns": ["a"], "rows": [["x"], [null]]});
    assert_eq!(schema.check(&good), Ok(()));
    for (field, value) in [
        ("lake_version", serde_json::json!(-1)),
        ("columns", serde_json::json!([1])),
        ("more", serde_json::json!(1)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(schema.check(&bad).is_err(), "{field}");
    }
    assert!(
        schema
            .check(&serde_json::json!({"columns": [], "rows": []}))
            .is_err()
    );
}
