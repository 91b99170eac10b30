//! Logs go in, and come out again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, ingest, make, matches};
use std::fs;

#[test]
fn the_same_logs_twice_add_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("twice");
    make(&folder, &[]);
    matches("ingest", &folder, &ingest());
    matches("ingest_again", &folder, &ingest());
    let root = |said: crate::run::Said| said.json()["content_root"].clone();
    let before = root(ambit(&folder, &["lake", "info", "--json"]));
    ambit(&folder, &["lake", "compact"]).done();
    assert_eq!(root(ambit(&folder, &["lake", "info", "--json"])), before);
}

/// The lake is made where one stands, which is mostly where the logs are.
#[test]
fn a_lake_among_the_logs_is_none_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"203.0.113.7 - - [23/May/2014:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/7""#;
    fs::write(dir.path().join("access.log"), format!("{line}\n")).unwrap();
    for n_new in [1, 0] {
        let said = ambit(dir.path(), &["ingest", ".", "--host", "gw1", "--json"])
            .done()
            .json();
        assert_eq!(said["n_events"], n_new, "{said}");
    }
    ambit(dir.path(), &["detect", "."]).done();
}

#[test]
fn what_cannot_be_read_is_told_and_the_code_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let line = r#"203.0.113.7 - - [23/May/2014:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/7""#;
    let hostile = "\u{1b}[31mred\u{202e}";
    let lines: Vec<String> = (0..9)
        .map(|n| {
            if n == 4 {
                hostile.to_owned()
            } else {
                line.replace("/a", &format!("/{n}"))
            }
        })
        .collect();
    fs::write(dir.path().join("access.log"), lines.join("\n") + "\n").unwrap();
    fs::write(dir.path().join("photo.bin"), [0u8, 159, 146, 150, 1, 2, 3]).unwrap();
    matches(
        "ingest_rejects",
        dir.path(),
        &["ingest", "access.log", "photo.bin", "--host", "gw1"],
    );
    matches("rejects", dir.path(), &["rejects"]);
    matches(
        "rejects_revealed",
        dir.path(),
        &["rejects", "--reveal", "to see what it is"],
    );
    matches("rejects_journal", dir.path(), &["case", "show"]);
}

#[test]
fn searches_mask_persons_unless_somebody_says_why() {
    let folder = incident();
    matches("search", folder, &["search", "outcome = denied", "--limit", "5"]);
    matches(
        "sql",
        folder,
        &[
            "sql",
            "select source, count(*) n from events group by source order by source",
        ],
    );
    matches("coverage", folder, &["coverage"]);
    matches("map_check", folder, &["map", "check", "map.toml"]);
    let event =
        ambit(folder, &["search", "source = sshd", "--limit", "1", "--json"]).json()["events"][0]["id"]
            .clone();
    matches("show_event", folder, &["show", event.as_str().unwrap()]);
    let proposal = ambit(folder, &["map", "init"]).done().out;
    fs::write(folder.join("proposal.toml"), proposal).unwrap();
    matches("map_check_proposal", folder, &["map", "check", "proposal.toml"]);
}

fn access(n: usize) -> String {
    format!(
        "203.0.113.7 - - [23/May/2014:10:{:02}:{:02} +0000] \"GET /{n} HTTP/1.1\" 200 12 \"-\" \"curl/7\"\n",
        n / 60,
        n % 60
    )
}

#[test]
fn what_was_said_of_a_file_is_remembered_until_it_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let text = |from: usize, until: usize| (from..until).map(access).collect::<String>();
    fs::create_dir(folder.join("web1")).unwrap();
    fs::write(folder.join("web1/access.log"), text(0, 9)).unwrap();
    let said = ambit(
        folder,
        &["ingest", "web1", "--source", "apache_access", "--host", "gw1"],
    );
    assert!(
        said.code == 0 && said.err.contains("is remembered"),
        "{}",
        said.err
    );
    // Rotated, and beside it a file of which nothing was said.
    fs::rename(folder.join("web1/access.log"), folder.join("web1/access.log.1")).unwrap();
    fs::write(folder.join("web1/access.log"), text(9, 20)).unwrap();
    fs::write(folder.join("web1/site.log"), text(100, 110)).unwrap();
    let said = ambit(folder, &["ingest", "web1"]);
    assert!(said.out.contains("as told on 20"), "{}", said.out);
    let again = ambit(folder, &["ingest", "web1", "--json"]).json();
    assert_eq!(again["n_events"], 0);
    let files = again["files"].as_array().unwrap();
    for file in files {
        let is_told = !file["path"].as_str().unwrap().ends_with("site.log");
        let expected = if is_told { "apache_access" } else { "nginx_access" };
        assert_eq!(file["source"], expected, "{file}");
        assert_eq!(file["told_at"].is_string(), is_told, "{file}");
        assert_eq!(file["host"] == "gw1", is_told, "{file}");
    }
    let told = ambit(folder, &["sources", "--told", "--json"]).json();
    assert_eq!(told["told"][0]["source"], "apache_access");
    let written = fs::read_to_string(folder.join("ambit-lake/told.toml")).unwrap();
    assert!(written.contains("source = \"apache_access\""), "{written}");
    ambit(folder, &["sources", "--forget", "web1/access.log"]).done();
    assert_eq!(ambit(folder, &["sources", "--forget", "web1/access.log"]).code, 1);
    let told = ambit(folder, &["sources", "--told", "--json"]).json();
    assert_eq!(told["told"].as_array().map(Vec::len), Some(0));
    fs::write(folder.join("ambit-lake/told.toml"), "[[told]\n").unwrap();
    let said = ambit(folder, &["ingest", "web1"]);
    assert!(
        said.code == 1 && said.err.contains("told.toml is damaged"),
        "{}",
        said.err
    );
}

#[test]
fn a_line_that_is_half_written_waits_and_is_no_lasting_gap() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let ingest = ["ingest", "access.log", "--json"];
    let text: String = (0..30).map(access).collect();
    fs::write(folder.join("access.log"), &text[..text.len() - 10]).unwrap();
    let said = ambit(folder, &["ingest", "access.log"]);
    assert_eq!(said.code, 3);
    assert!(
        said.out
            .contains("access.log: its last record is not complete yet: "),
        "{}",
        said.out
    );
    let n_rejects = || ambit(folder, &["rejects", "--json"]).json()["n_rejects"].clone();
    let gaps = || {
        let answer = ambit(folder, &["coverage", "--json"]).json();
        answer["gaps"].to_string().contains("could not be read")
    };
    assert!(n_rejects() == 1 && gaps());
    let again = ambit(folder, &ingest).json();
    assert_eq!((&again["n_events"], &again["n_rejects"]), (&0.into(), &0.into()));
    assert_eq!(again["files"][0]["n_waiting_bytes"], access(29).len() - 10);
    assert!(n_rejects() == 1 && gaps());
    fs::write(folder.join("access.log"), text + &access(30)).unwrap();
    let grown = ambit(folder, &ingest);
    assert_eq!((grown.code, &grown.json()["n_events"]), (0, &2.into()));
    assert_eq!(grown.json()["files"][0]["n_waiting_bytes"], 0);
    assert!(n_rejects() == 0 && !gaps());
    let count = ambit(folder, &["sql", "select count(*) from rejects", "--json"]).json();
    assert_eq!(count["rows"][0][0], "0");
    ambit(folder, &["lake", "compact"]).done();
    assert!(n_rejects() == 0 && !gaps());
}

#[test]
fn a_file_without_a_line_end_is_taken_whole_on_a_persons_word() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let text: String = (0..3).map(access).collect();
    fs::write(folder.join("access.log"), text.trim_end()).unwrap();
    let n_events = |args: &[&str]| ambit(folder, args).json()["n_events"].clone();
    assert_eq!(n_events(&["ingest", "access.log", "--json"]), 2);
    assert_eq!(n_events(&["ingest", "access.log", "--whole", "--json"]), 1);
    assert_eq!(n_events(&["ingest", "access.log", "--json"]), 0);
    assert_eq!(ambit(folder, &["rejects", "--json"]).json()["n_rejects"], 0);
}
