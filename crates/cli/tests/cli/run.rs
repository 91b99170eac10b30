//! Runs `ambit`, and compares what it says with a file.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use regex::Regex;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// What a run said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }

    /// The run did what was asked.
    pub fn done(self) -> Self {
        assert!([0, 3].contains(&self.code), "{}\n{}", self.out, self.err);
        self
    }
}

/// Runs `ambit` in a folder, without a terminal and with nothing of this machine in its environment.
pub fn ambit(folder: &Path, args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_ambit"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("AMBIT_WHO", "ana")
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Compares a run with `snapshots/NAME.txt`. `AMBIT_BLESS=1` rewrites the file.
pub fn matches(name: &str, folder: &Path, args: &[&str]) {
    let said = ambit(folder, args);
    let mut text = format!("$ ambit {}\nexit {}\n", args.join(" "), said.code);
    for (title, part) in [("stdout", &said.out), ("stderr", &said.err)] {
        if !part.is_empty() {
            write!(text, "--- {title}\n{part}").unwrap();
        }
    }
    let text = normal(&text, folder);
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/snapshots")
        .join(format!("{name}.txt"));
    if std::env::var_os("AMBIT_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == expected,
        "{name} differs from its snapshot (AMBIT_BLESS=1 rewrites it):\n{text}"
    );
}

/// What differs from run to run, in place of itself: the folder, this year's clock, keyed fingerprints
/// and what is computed from them.
fn normal(text: &str, folder: &Path) -> String {
    let mut text = text.replace(&folder.to_string_lossy().into_owned(), "[DIR]");
    for (pattern, name) in [
        (r"fp_[0-9a-f]+…?", "fp_[…]"),
        (r"hop:[0-9a-f]{12}", "hop:[…]"),
        (r"20[2-9][0-9]-[0-9]{2}-[0-9]{2}[ T][0-9:.]+Z?", "[NOW]"),
        (r"(head|answer)\s+[0-9a-f]{64}", "$1 […]"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

/// A small incident, made and read once for all tests: `logs/`, `map.toml`, `mappings/`, `truth.json`,
/// and the lake `ambit-lake`.
pub fn incident() -> &'static Path {
    static INCIDENT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = INCIDENT.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("incident");
        make(&folder, &[]);
        ambit(&folder, &ingest()).done();
        (dir, folder)
    });
    folder
}

/// Writes a small drill.
pub fn make(folder: &Path, more: &[&str]) {
    let out = folder.to_string_lossy().into_owned();
    let args = [
        "drill",
        "--users",
        "40",
        "--hours",
        "6",
        "--random-seed",
        "7",
        "--out",
        &out,
    ];
    ambit(Path::new("/"), &[&args[..], more].concat()).done();
}

/// The command that reads it.
pub fn ingest() -> [&'static str; 6] {
    [
        "ingest",
        "logs",
        "--mapping",
        "mappings/nginx_access.toml",
        "--mapping",
        "mappings/app.toml",
    ]
}

/// The first seed of the incident's truth.
pub fn seed(folder: &Path) -> String {
    let truth: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap();
    truth["seeds"][0].as_str().unwrap().to_owned()
}
