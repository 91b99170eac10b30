//! What a case keeps.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, ingest, make, matches, seed};

#[test]
fn a_case_keeps_what_was_asked_answered_and_decided() {
    let folder = incident();
    let seed = seed(folder);
    let asked = ["scope", "--seed", &seed, "--map", "map.toml", "--case", "kept"];
    ambit(folder, &asked).done();
    ambit(
        folder,
        &[&asked[..], &["--reveal", "to call the person"]].concat(),
    )
    .done();
    ambit(
        folder,
        &[
            "case",
            "decide",
            "kept",
            "notify",
            "--reason",
            "contact data was read",
        ],
    )
    .done();
    let entries = ambit(folder, &["case", "show", "kept", "--json"]).done().json();
    let kinds: Vec<&str> = entries["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "seeds",
            "assertions",
            "scope",
            "seeds",
            "assertions",
            "scope",
            "reveal",
            "decision"
        ]
    );
    let hash = |n: usize| entries["entries"][n]["body"]["answer_hash"].clone();
    assert_eq!(
        hash(2),
        hash(5),
        "the same question has the same answer, byte for byte"
    );
    let head = entries["entries"][4]["hash"].as_str().unwrap();
    assert_eq!(ambit(folder, &["case", "verify", "kept", "--head", head]).code, 0);
    assert_eq!(
        ambit(folder, &["case", "verify", "kept", "--head", &"0".repeat(64)]).code,
        1
    );
    matches("case_verify", folder, &["case", "verify", "kept"]);
    matches("case_show", folder, &["case", "show", "kept"]);
}

#[test]
fn a_secret_seed_stands_nowhere_but_as_its_fingerprint() {
    let folder = incident();
    let said = ambit(
        folder,
        &[
            "scope",
            "--seed",
            "session=verysecretvalue",
            "--case",
            "secret",
            "--html",
            "secret.html",
        ],
    )
    .done();
    let journal = ambit(folder, &["case", "show", "secret", "--json"]).done();
    let report = std::fs::read_to_string(folder.join("secret.html")).unwrap();
    for text in [&said.out, &said.err, &journal.out, &report] {
        assert!(!text.contains("verysecretvalue"), "{text}");
    }
    assert!(journal.out.contains("session=fp_"));
}

/// Whoever may read a lake and not write into it has his answer, and is told that it is not kept.
#[test]
fn an_answer_that_cannot_be_kept_is_printed_before_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("incident");
    make(&folder, &[]);
    ambit(&folder, &ingest()).done();
    // A folder where the case would lie.
    std::fs::create_dir_all(folder.join("ambit-lake/cases/default.sqlite")).unwrap();
    let said = ambit(&folder, &["scope", "--seed", &seed(&folder), "--map", "map.toml"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.out.contains("SCOPE") && said.out.contains("RESTS ON"),
        "{}",
        said.out
    );
    assert!(said.err.contains("stands in no case"), "{}", said.err);
}

/// What is wrong for every file is said once, before one is opened.
#[test]
fn an_option_that_fits_no_file_is_refused_once() {
    let folder = incident();
    for (option, said) in [
        (["--tz", "Nowhere/X"], "Nowhere/X"),
        (["--source", "nope"], "nope"),
    ] {
        let refused = ambit(folder, &[&["ingest", "logs"], &option[..]].concat());
        assert_eq!(refused.code, 1, "{}", refused.err);
        assert_eq!(refused.err.matches(said).count(), 1, "{}", refused.err);
    }
}
