//! `ambit ingest --follow`: what is written while it runs, what is found in it, and what becomes of it when it is
//! killed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::ambit;
use crate::shape::Schema;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than this nothing takes, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `ambit ingest logs --follow` at work, until it is dropped: then it is killed.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn of(folder: &Path, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ambit"))
            .args(["ingest", "logs", "--follow", "--every", "1", "--json"])
            .args(options)
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            let mut lines = out.lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| tell.send(line).is_ok()) {}
        });
        Self { child, lines }
    }

    /// The next time that something came.
    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("nothing was told");
        let told: Value = serde_json::from_str(&line).unwrap();
        Schema::load("ingest").check(&told).unwrap();
        told
    }

    /// Waits until a finding of this title is told.
    fn found(&self, title: &str) -> Value {
        loop {
            let told = self.next();
            let findings = told["detected"]["findings"].as_array().cloned();
            let found = findings
                .into_iter()
                .flatten()
                .find(|found| found["title"] == title);
            if let Some(found) = found {
                return found;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn logins(minute: u32, address: &str) -> String {
    let line = |second| {
        format!(
            "2014-05-21T10:{minute:02}:{second:02}.000000+00:00 gw1 sshd[{second}]: Failed password for root from \
             {address} port {} ssh2\n",
            50_000 + second
        )
    };
    (0..30).map(line).collect()
}

fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

const TITLE: &str = "Many failed logins";

#[test]
fn what_is_written_is_told_as_it_comes_and_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, log) = (dir.path(), dir.path().join("logs/auth.log"));
    fs::create_dir(folder.join("logs")).unwrap();
    append(&log, &logins(1, "198.51.100.7"));
    {
        let following = Following::of(folder, &["--detect"]);
        assert_eq!(following.found(TITLE)["actor"][0]["value"], "198.51.100.7");
        append(&log, &logins(5, "203.0.113.9"));
        assert_eq!(following.found(TITLE)["actor"][0]["value"], "203.0.113.9");
        // It goes on in a new file.
        fs::rename(&log, folder.join("logs/auth.log.1")).unwrap();
        append(&log, &logins(9, "192.0.2.77"));
        assert_eq!(following.found(TITLE)["actor"][0]["value"], "192.0.2.77");
    }
    let kept = ambit(folder, &["findings", "--json"]).done().out;
    let hunted = ambit(folder, &["hunt"]).done();
    assert!(hunted.err.contains("0 new findings"), "{}", hunted.err);
    let n_standing = kept.lines().filter(|line| line.contains(TITLE)).count();
    assert_eq!(n_standing, 3, "{kept}");

    // What was written while nobody looked, and what belongs to a finding that was told before.
    append(
        &log,
        "2014-05-21T10:09:40.000000+00:00 gw1 sshd[50]: Accepted password for root from 192.0.2.77 port 9 ssh2\n",
    );
    {
        let following = Following::of(folder, &["--detect"]);
        let because = following.found(TITLE)["because"].to_string();
        assert!(because.contains("a login that succeeded"), "{because}");
    }
    let now = ambit(folder, &["findings", "--json"]).done().out;
    assert_eq!(
        now.lines().filter(|line| line.contains(TITLE)).count(),
        3,
        "{now}"
    );
}

#[test]
fn what_others_write_into_the_lake_is_looked_at_too() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, log) = (dir.path(), dir.path().join("logs/auth.log"));
    fs::create_dir(folder.join("logs")).unwrap();
    append(
        &log,
        "2014-05-21T10:00:00.000000+00:00 gw1 sshd[1]: Accepted publickey for a from 192.0.2.1 port 9 ssh2\n",
    );
    let following = Following::of(folder, &["--detect"]);
    following.next();
    append(&folder.join("other.log"), &logins(1, "198.51.100.7"));
    // It may write at the same instant.
    while ambit(folder, &["ingest", "other.log"]).code != 0 {}
    append(
        &log,
        "2014-05-21T10:09:00.000000+00:00 gw1 sshd[2]: Accepted publickey for a from 192.0.2.1 port 8 ssh2\n",
    );
    assert_eq!(following.found(TITLE)["actor"][0]["value"], "198.51.100.7");
}

#[test]
fn without_detection_it_reads_alone_and_refuses_what_needs_an_end() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, log) = (dir.path(), dir.path().join("logs/auth.log"));
    fs::create_dir(folder.join("logs")).unwrap();
    append(&log, &logins(1, "198.51.100.7"));
    let following = Following::of(folder, &[]);
    assert_eq!(following.next()["n_events"], 30);
    // A line without its end waits.
    let (half, rest) = (
        "2014-05-21T10:31:00.000000+00:00 gw1 sshd[9]: Accepted pass",
        "word for a from 192.0.2.1 port 1 ssh2\n",
    );
    append(&log, half);
    append(&log, rest);
    while following.next()["n_events"] != 1 {}
    drop(following);
    assert!(!ambit(folder, &["findings"]).out.contains(TITLE));
    let refused = ambit(
        folder,
        &["ingest", "logs", "--detect", "--follow", "--ocsf", "x.json"],
    );
    assert!(
        refused.code == 1 && refused.err.contains("--follow has none"),
        "{}",
        refused.err
    );
}
