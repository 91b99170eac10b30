//! What a privacy officer asks and signs, without logs: cases that are there, facts that can be, the state of a day.

#![allow(clippy::unwrap_used)]

use crate::run::{Said, ambit};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A case that a note began, with some facts.
fn begun() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    assert_eq!(
        ambit(folder, &["case", "note", "may", "a letter was lost"]).code,
        0
    );
    let said = set(
        folder,
        &["establishment=eu", "sectors=none_of_these", "role=controller"],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    dir
}

fn set(folder: &Path, facts: &[&str]) -> Said {
    let mut asked = vec!["disclose", "fact", "set", "may"];
    asked.extend(facts);
    let knew = ["--knew", "head of security", "--evidence", "a call"];
    asked.extend(knew);
    ambit(folder, &asked)
}

#[test]
fn a_name_that_is_no_case_begins_none() {
    let dir = begun();
    let folder = dir.path();
    for asked in [
        &["disclose", "fact", "set", "mya", "role=controller"][..],
        &["disclose", "fact", "unset", "mya", "role", "--reason", "wrong"],
        &["disclose", "decide", "mya", "likely", "--reason", "because"],
        &[
            "disclose",
            "sent",
            "mya",
            "eu-gdpr/authority",
            "--at",
            "2026-01-01T00:00:00Z",
            "--proof",
            "x",
        ],
        &["disclose", "status", "mya"],
        &["disclose", "notice", "public", "mya"],
        &["disclose", "letters", "mya"],
        &["case", "decide", "mya", "x", "--reason", "y"],
        &["case", "show", "mya"],
    ] {
        let said = ambit(folder, asked);
        assert_eq!(said.code, 1, "{asked:?}");
        assert!(
            said.err
                .contains("no case `mya`; there are: may. Begin one with `ambit scope --case mya`"),
            "{asked:?}: {}",
            said.err
        );
    }
    assert!(!folder.join("ambit-lake/cases/mya.sqlite").exists());
    let begins = ambit(folder, &["case", "note", "june", "another"]);
    assert!(
        begins.code == 0 && begins.err.contains("begins the case june"),
        "{}",
        begins.err
    );
}

#[test]
fn nothing_is_signed_by_nobody() {
    let dir = begun();
    let done = Command::new(env!("CARGO_BIN_EXE_ambit"))
        .args(["disclose", "fact", "set", "may", "encryption=none"])
        .current_dir(dir.path())
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.code() == Some(1) && said.contains("nobody is named who signs"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_written() {
    let dir = begun();
    let folder = dir.path();
    for (facts, because) in [
        (&["residents:zz=3"][..], "`zz` is no code of a place"),
        (&["residents:SE=3"], "write it as `residents:se`"),
        (
            &["class:foo:read=3"],
            "`foo` is no class of data: they are behaviour",
        ),
        (&["sectors=none_of_these,sec_registrant"], "stands alone"),
        (
            &[
                "occurred_from=2026-01-03T00:00:00Z",
                "occurred_to=2026-01-02T00:00:00Z",
            ],
            "it cannot end before it begins",
        ),
    ] {
        let said = set(folder, facts);
        assert_eq!(said.code, 1, "{facts:?}");
        assert!(said.err.contains(because), "{facts:?}: {}", said.err);
    }
    assert_eq!(set(folder, &["occurred_from=2026-01-03T00:00:00Z"]).code, 0);
    let said = set(folder, &["occurred_to=2026-01-02T00:00:00Z"]);
    assert!(
        said.code == 1 && said.err.contains("before it begins"),
        "{}",
        said.err
    );
    let sent = [
        "disclose",
        "sent",
        "may",
        "eu-gdpr/authority",
        "--proof",
        "receipt",
        "--at",
    ];
    let said = ambit(folder, &[&sent[..], &["2026-01-02T00:00:00Z"]].concat());
    assert!(
        said.code == 1 && said.err.contains("before it began"),
        "{}",
        said.err
    );
    // Who knew before it began is told at once, and stands beside the other facts.
    let said = set(folder, &["aware_at=2026-01-01T00:00:00Z"]);
    assert!(
        said.code == 0 && said.err.contains("conflict: aware_at"),
        "{}",
        said.err
    );
    let status = ambit(folder, &["disclose", "status", "may"]);
    assert!(status.out.contains("CONFLICT   aware_at"), "{}", status.out);
    let entries = ambit(folder, &["case", "show", "may", "--json"]).done().json();
    assert_eq!(entries["entries"].as_array().unwrap().len(), 6);
}

#[test]
fn the_state_of_a_day_is_what_the_journal_held_then() {
    let dir = begun();
    let folder = dir.path();
    let asked = ["disclose", "status", "may"];
    let now = ambit(folder, &asked);
    assert!(
        now.out.contains("CASE       may · open") && !now.out.contains("AS OF"),
        "{}",
        now.out
    );
    let then = ambit(folder, &[&asked[..], &["--at", "2020-01-01T00:00:00Z"]].concat());
    for told in [
        "nothing is known yet",
        "4 later entries of its journal are no part of this",
    ] {
        assert!(then.out.contains(told), "{}", then.out);
    }
    let json = ambit(
        folder,
        &[&asked[..], &["--at", "2020-01-01T00:00:00Z", "--json"]].concat(),
    )
    .json();
    assert_eq!(
        (
            json["n_later_entries"].as_u64(),
            json["facts"].as_array().map(Vec::len)
        ),
        (Some(4), Some(0))
    );
    // With the clock alone all that is known now counts.
    let clock = ambit(
        folder,
        &[
            &asked[..],
            &["--clock", "2017-01-01T00:00:00Z", "--html", "s.html"],
        ]
        .concat(),
    );
    assert!(!clock.out.contains("AS OF"), "{}", clock.out);
    let page = std::fs::read_to_string(folder.join("s.html")).unwrap();
    for text in [&clock.out, &page] {
        assert!(text.contains("eu-gdpr: not in force on 2017-01-01"), "{text}");
    }
}

#[test]
fn an_answer_that_nobody_read_to_its_end_is_no_success() {
    let dir = begun();
    for asked in [
        &["disclose", "notice", "public", "may"][..],
        &["disclose", "status", "may", "--json"],
        &["disclose", "fact", "list", "--names"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = Command::new(env!("CARGO_BIN_EXE_ambit"))
            .args(asked)
            .current_dir(dir.path())
            .env_remove("AMBIT_LAKE")
            .stdout(writer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!((done.status.code(), said.as_ref()), (Some(141), ""), "{asked:?}");
    }
}
