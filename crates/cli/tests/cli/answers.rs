//! The whole way: from logs to the answer, on the screen and in files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, ingest, make, matches, seed};
use std::fs;

#[test]
fn the_demo_tells_the_story_and_the_truth_is_inside() {
    let dir = tempfile::tempdir().unwrap();
    matches("demo", dir.path(), &["demo"]);
    let report = fs::read_to_string(dir.path().join("ambit-demo/report.html")).unwrap();
    assert!(report.starts_with("<!doctype html>") && report.contains("1 person (at least 1, at most 1)"));
    let statement = fs::read_to_string(dir.path().join("ambit-demo/statement.txt")).unwrap();
    for said in [
        "The data of 1 person was reached.",
        "The requests came through the Android app.",
        "It could first have been noticed on 20 May 2014",
        "We knew on 21 May 2014",
        "No internal company data was read.",
        "What you should do",
    ] {
        assert!(statement.replace('\n', " ").contains(said), "{said}: {statement}");
    }
    assert!(!statement.contains("NOT TO BE ISSUED"), "{statement}");
    // The evidence's root says nothing to the public.
    assert!(!statement.contains("root"), "{statement}");
}

#[test]
fn the_demo_with_a_hole_says_what_it_cannot_exclude() {
    let dir = tempfile::tempdir().unwrap();
    matches("demo_gap", dir.path(), &["demo", "--gap", "nginx:20m"]);
    let statement = fs::read_to_string(dir.path().join("ambit-demo/statement.txt")).unwrap();
    for said in [
        "The data of at least 1 person was reached, and of at most 981 persons",
        "It cannot be excluded that payment data",
        "Some of our records are missing or incomplete from",
        "It is not certain that the intruder's access has ended.",
    ] {
        assert!(statement.replace('\n', " ").contains(said), "{said}: {statement}");
    }
    assert!(!statement.contains("Only this one"), "{statement}");
}

#[test]
fn a_scope_leaves_its_files_and_masks_persons() {
    let folder = incident();
    let seed = seed(folder);
    let asked = [
        "scope",
        "--seed",
        &seed,
        "--map",
        "map.toml",
        "--case",
        "files",
        "--html",
        "out/report.html",
        "--subjects",
        "out/subjects.csv",
        "--timesketch",
        "out/timesketch.csv",
    ];
    let said = ambit(folder, &asked).done();
    let answer = ambit(folder, &[&asked[..], &["--json"]].concat()).done().json();
    let report = fs::read_to_string(folder.join("out/report.html")).unwrap();
    for subject in answer["subjects"]["confirmed"].as_array().unwrap() {
        let key = subject.as_str().unwrap().split_once(':').unwrap().1;
        for text in [&said.out, &report] {
            assert!(
                !text.contains(&format!("/{key}/")) && !text.contains(&format!("user {key}")),
                "{key} is shown"
            );
        }
    }
    let subjects = fs::read_to_string(folder.join("out/subjects.csv")).unwrap();
    assert!(
        subjects.starts_with("domain,key,class,effect,grade,evidence\n"),
        "{subjects}"
    );
    assert_eq!(
        subjects.lines().count() - 1,
        answer["pairs"].as_array().unwrap().len()
    );
    let events = fs::read_to_string(folder.join("out/timesketch.csv")).unwrap();
    assert!(events.starts_with("message,datetime,timestamp_desc,"), "{events}");
    assert_eq!(
        events.lines().count() as u64 - 1,
        answer["n_attributed"].as_u64().unwrap()
    );
}

#[test]
fn a_report_runs_nothing_and_loads_nothing() {
    let folder = incident();
    let seed = seed(folder);
    ambit(
        folder,
        &[
            "scope",
            "--seed",
            &seed,
            "--map",
            "map.toml",
            "--case",
            "still",
            "--html",
            "still.html",
        ],
    )
    .done();
    let report = fs::read_to_string(folder.join("still.html")).unwrap();
    assert!(report.contains("default-src 'none'"));
    for forbidden in [
        "<script",
        "<link",
        "<iframe",
        "<img",
        "src=\"",
        "url(http",
        "@import",
        " style=\"",
        " onload",
    ] {
        assert!(!report.contains(forbidden), "{forbidden}");
    }
    assert!(!report.replace("https://", "").contains("href=\"http"));
}

#[test]
fn without_a_map_everything_is_listed_as_unmapped_and_unknown() {
    let folder = incident();
    matches(
        "scope_without_map",
        folder,
        &["scope", "--seed", &seed(folder), "--case", "unmapped"],
    );
}

#[test]
fn the_same_question_at_the_same_version_has_the_same_bytes() {
    let folder = incident();
    let seed = seed(folder);
    let asked = [
        "scope", "--seed", &seed, "--map", "map.toml", "--case", "same", "--json",
    ];
    let first = ambit(folder, &asked).done();
    let version = first.json()["lake_version"].to_string();
    let again = ambit(folder, &[&asked[..], &["--at-version", &version]].concat()).done();
    assert!(first.out == again.out);
}

#[test]
fn indicators_come_from_files() {
    let folder = incident();
    let seed = seed(folder);
    let (kind, value) = seed.split(',').next().unwrap().split_once('=').unwrap();
    fs::write(
        folder.join("seeds.csv"),
        format!("type,value\n{kind},{value}\nmd5,aa\n"),
    )
    .unwrap();
    let said = ambit(
        folder,
        &[
            "scope",
            "--seeds",
            "seeds.csv",
            "--map",
            "map.toml",
            "--case",
            "csv",
            "--json",
        ],
    )
    .done();
    assert!(said.err.contains("md5 (1)"), "{}", said.err);
    assert!(said.json()["n_attributed"].as_u64() > Some(0));
}

#[test]
fn a_release_is_joined_with_the_logs() {
    let folder = incident();
    let asked = ["app", "expose", "app/tonal-0.9.4.aab", "--map", "map.toml"];
    let answer = ambit(folder, &[&asked[..], &["--json"]].concat()).done().json();
    assert_eq!(answer["counted"], serde_json::json!(["0.9.4"]), "{answer}");
    for name in ["accounts", "sessions", "devices"] {
        assert!(answer[name]["at_least"].as_u64() > Some(0), "{name}: {answer}");
    }
    let routes = answer["routes"].as_array().unwrap();
    let profile = routes
        .iter()
        .find(|r| r["operation"].as_str().unwrap().ends_with("/profile"))
        .unwrap();
    assert_eq!(profile["classes"], serde_json::json!(["contact", "identity"]));
    let told = ambit(folder, &asked).done().out;
    for part in [
        "Who used it",
        "0.9.4",
        "admin.tonal.internal",
        "It rests on",
        "--seed app_version=0.9.4",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_key_that_leaked_through_the_app_leads_to_whoever_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("leaked");
    make(&folder, &["--attack", "stolen-api-key"]);
    ambit(&folder, &ingest()).done();
    let asked = [
        "app",
        "expose",
        "app/tonal-0.9.4.aab",
        "--map",
        "map.toml",
        "--json",
    ];
    let said = ambit(&folder, &asked).done();
    let told = fs::read_to_string(folder.join("truth.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&told).unwrap();
    let seed = truth["seeds"][0].as_str().unwrap();
    let key = seed.trim_start_matches("token=").split(',').next().unwrap();
    assert!(!said.out.contains(key), "the key's value is shown");
    let answer = said.json();
    let key = &answer["keys"][0];
    assert!(key["n_foreign_addresses"].as_u64() > Some(0), "{key}");
    assert_eq!(key["n_by_app"], 0, "{key}");
    let seeds: Vec<&str> = answer["seeds"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["seed"].as_str())
        .collect();
    assert!(seeds[0].starts_with("token=fp_"), "{seeds:?}");
    let scope = ambit(
        &folder,
        &["scope", "--seed", seeds[0], "--map", "map.toml", "--json"],
    )
    .done();
    assert!(scope.json()["subjects"]["possible"].is_array());
}

#[test]
fn a_package_is_held_against_what_is_pinned() {
    let folder = incident();
    let said = ambit(
        folder,
        &["app", "scan", "app/tonal-0.9.4.aab", "--signer", &"ab".repeat(32)],
    );
    assert!(said.out.contains("is it ours? no"), "{}", said.out);
    assert!(said.out.contains("its signature is unsigned"), "{}", said.out);
    let wrong = ambit(folder, &["app", "scan", "app/tonal-0.9.4.aab", "--signer", "abc"]);
    assert_eq!(wrong.code, 1, "{}", wrong.err);
}
