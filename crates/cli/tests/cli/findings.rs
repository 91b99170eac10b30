//! What detection finds in a lake, keeps and revises.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{Said, ambit};
use crate::shape::Schema;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A log of so many seconds in which somebody guesses passwords, and is let in where asked for.
fn guessing(seconds: std::ops::Range<u32>, is_let_in: bool) -> String {
    let line = |nth: u32| {
        format!(
            "May 23 10:00:{nth} bastion sshd[{}]: Failed password for root from 203.0.113.9 port 4{nth:03} ssh2\n",
            40 + nth
        )
    };
    let last =
        "May 23 10:00:59 bastion sshd[99]: Accepted password for root from 203.0.113.9 port 4999 ssh2\n";
    let lines: String = seconds.map(line).collect();
    lines + if is_let_in { last } else { "" }
}

fn lines_of(said: &Said) -> Vec<Value> {
    let lines = said.out.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_found_is_kept_corrected_and_a_seed() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, log) = (dir.path(), dir.path().join("auth.log"));
    fs::write(&log, guessing(10..30, false)).unwrap();
    let said = ambit(folder, &["ingest", "auth.log", "--detect", "--json"])
        .done()
        .json();
    Schema::load("ingest").check(&said).unwrap();
    assert_eq!(said["detected"]["n_raised"], 1, "{said}");

    let loose = lines_of(&ambit(folder, &["detect", "auth.log", "--json"]).done());
    let kept = lines_of(&ambit(folder, &["findings", "--json"]).done());
    assert_eq!(loose.len(), 1);
    assert_eq!(
        loose[0]["id"], kept[0]["id"],
        "a stream finds what the lake shows"
    );
    Schema::load("findings").check(&kept[0]).unwrap();
    let again = ambit(folder, &["hunt"]).done();
    assert!(
        again.err.contains("0 new findings, 1 known before"),
        "{}",
        again.err
    );

    // The log goes on: the same attempt, which succeeds.
    fs::write(&log, guessing(10..30, true)).unwrap();
    let said = ambit(folder, &["ingest", "auth.log", "--detect"]).done();
    assert!(said.err.contains("1 corrected"), "{}", said.err);
    let now = lines_of(&ambit(folder, &["findings", "--json"]).done());
    assert_eq!(now.len(), 1);
    assert_eq!(now[0]["noticed_at"], kept[0]["noticed_at"], "it was noticed then");
    assert_ne!(now[0]["id"], kept[0]["id"]);
    let all = lines_of(&ambit(folder, &["findings", "--withdrawn", "--json"]).done());
    assert_eq!(all.iter().filter(|f| f["instead"] == now[0]["id"]).count(), 1);

    let id = now[0]["id"].as_str().unwrap();
    let shown = ambit(folder, &["show", id]).done();
    assert!(
        shown.out.contains("203.0.113.9") && shown.out.contains("it stands"),
        "{}",
        shown.out
    );
    Schema::load("show")
        .check(&ambit(folder, &["show", id, "--json"]).done().json())
        .unwrap();
    let seed = format!("finding={id},grade=certain");
    let answer = ambit(folder, &["scope", "--seed", &seed, "--json"]).done().json();
    assert_eq!(
        answer["timeline"]["first_noticed"], now[0]["noticed_at"],
        "{answer}"
    );
    let statement = "select distinct actor, substr(actor, 4) piece, title from findings";
    let asked = ambit(folder, &["sql", statement]).done();
    assert!(
        asked.out.contains("ip=203.0.113.9") && asked.out.contains("•••"),
        "{}",
        asked.out
    );
    assert!(
        !asked.out.contains("  203"),
        "a function shows no piece: {}",
        asked.out
    );
    let listed = ambit(folder, &["findings"]).done();
    assert!(
        listed.out.contains("ip=203.0.113.9") && listed.out.contains("1 finding\n"),
        "{}",
        listed.out
    );
}

#[test]
fn a_rule_is_hunted_for_alone_and_without_a_trace_where_asked() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    fs::write(folder.join("auth.log"), guessing(10..30, false)).unwrap();
    ambit(folder, &["ingest", "auth.log"]).done();
    let rule = "title: Root\nid: 0a7e7ee5-7c6b-4b5a-9d3a-1f5ad1b0c001\nlevel: low\nlogsource: {product: linux, service: sshd}\n\
                detection: {s: ['Failed password for root'], condition: s}\n";
    fs::write(folder.join("root.yml"), rule).unwrap();
    let dry = lines_of(&ambit(folder, &["hunt", "root.yml", "--dry-run", "--json"]).done());
    assert_eq!(dry.len(), 20);
    assert_eq!(ambit(folder, &["findings"]).done().out, "0 findings\n");
    let part = ["hunt", "root.yml", "--from", "2026-01-01", "--to", "2026-01-02"];
    assert_eq!(ambit(folder, &part).done().out, "nothing was found\n");
    let said = ambit(folder, &["hunt", "root.yml"]).done();
    assert!(said.err.contains("20 new findings"), "{}", said.err);
    // What the rule does not say any more is withdrawn.
    fs::write(folder.join("root.yml"), rule.replace("for root", "for nobody")).unwrap();
    let said = ambit(folder, &["hunt", "root.yml"]).done();
    assert!(said.err.contains("20 withdrawn"), "{}", said.err);
    assert_eq!(ambit(folder, &["findings"]).done().out, "0 findings\n");
    let table = ["sql", "select count(*) n, count(finding) f from findings"];
    assert!(ambit(folder, &table).done().out.contains("40  20"));
    let alone = ambit(folder, &["ingest", "auth.log", "--min-level", "low"]);
    assert!(alone.code == 1 && alone.err.contains("--detect"), "{}", alone.err);
}

/// So many failed logins, a second each, from 10:00 on.
fn failures(n: u32) -> String {
    let line = |nth: u32| {
        let (minute, second) = (nth / 60, nth % 60);
        format!(
            "May 23 10:{minute:02}:{second:02} bastion sshd[{}]: Failed password for root from 203.0.113.9 port 4{nth:03} ssh2\n",
            100 + nth
        )
    };
    (0..n).map(line).collect()
}

/// The one finding that stands: its level, and how many events made it.
fn standing(folder: &Path) -> (String, u64) {
    let found = lines_of(&ambit(folder, &["findings", "--json"]).done());
    assert_eq!(found.len(), 1, "{found:?}");
    (
        found[0]["level"].as_str().unwrap().to_owned(),
        found[0]["n_events"].as_u64().unwrap(),
    )
}

#[test]
fn many_failures_do_not_hide_the_login_that_follows_and_a_part_does_not_replace_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, log) = (dir.path(), dir.path().join("auth.log"));
    let detect = ["ingest", "auth.log", "--detect"];
    fs::write(&log, failures(300)).unwrap();
    ambit(folder, &detect).done();
    assert_eq!(standing(folder), ("medium".to_owned(), 300));
    fs::write(&log, failures(310)).unwrap();
    ambit(folder, &detect).done();
    assert_eq!(standing(folder), ("medium".to_owned(), 310));
    let last =
        "May 23 10:05:20 bastion sshd[999]: Accepted password for root from 203.0.113.9 port 4999 ssh2\n";
    fs::write(&log, failures(310) + last).unwrap();
    ambit(folder, &detect).done();
    assert_eq!(standing(folder), ("high".to_owned(), 310));
    let year = lines_of(&ambit(folder, &["findings", "--json"]))[0]["time"]
        .as_str()
        .unwrap()[..4]
        .to_owned();
    let until = format!("{year}-05-23T10:02:00Z");
    for part in [["hunt", "--to", &until], ["hunt", "--from", &until]] {
        ambit(folder, &part).done();
        assert_eq!(standing(folder), ("high".to_owned(), 310), "{part:?}");
    }
}

#[test]
fn what_was_read_without_a_look_is_looked_at_and_no_record_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    fs::write(folder.join("auth.log"), failures(20)).unwrap();
    ambit(folder, &["ingest", "auth.log"]).done();
    ambit(folder, &["ingest", "auth.log", "--detect"]).done();
    assert_eq!(standing(folder).1, 20);
    let rule = "title: W\nid: 0a7e7ee5-7c6b-4b5a-9d3a-1f5ad1b0c002\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n";
    fs::write(folder.join("web.yml"), rule).unwrap();
    let said = ambit(folder, &["hunt", "web.yml"]);
    assert_eq!(said.code, 3, "{}", said.err);
    let turned = ambit(folder, &["hunt", "--from", "2026-05-21", "--to", "2026-05-20"]);
    assert!(
        turned.code == 1 && turned.err.contains("is not after"),
        "{}",
        turned.err
    );
    let absent = ambit(folder, &["show", "finding:00000000000000000000000000000001"]);
    assert!(
        absent.err.contains("the lake keeps no finding:0000"),
        "{}",
        absent.err
    );
}
