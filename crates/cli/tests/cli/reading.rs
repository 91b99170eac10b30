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
