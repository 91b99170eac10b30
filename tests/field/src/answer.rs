//! Ambit's answers to what happened, against what the test knows.

use super::people::Story;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAP: &str = include_str!("map.toml");
const MAPPING: &str = include_str!("app.toml");

/// Three readings of the same evening: all logs, the gateway's log cut, both cut.
pub fn check(ambit: &Path, dir: &Path, story: &Story) -> Result<()> {
    let logs = Logs::gather(dir)?;
    whole(
        &Ask {
            ambit,
            dir: dir.join("whole"),
            story,
        },
        &logs,
    )?;
    gateway_cut(
        &Ask {
            ambit,
            dir: dir.join("gateway-cut"),
            story,
        },
        &logs,
    )?;
    both_cut(
        &Ask {
            ambit,
            dir: dir.join("both-cut"),
            story,
        },
        &logs,
    )
}

/// The files as the servers wrote them.
struct Logs {
    gateway: String,
    database: String,
    database_json: String,
    app: String,
}

impl Logs {
    fn gather(dir: &Path) -> Result<Self> {
        let read = |path: &str| {
            std::fs::read_to_string(dir.join(path)).with_context(|| format!("there is no {path}"))
        };
        Ok(Self {
            gateway: read("gate/access.json.log")?,
            database: read("db/data/log/postgresql.csv")?,
            database_json: read("db/data/log/postgresql.json")?,
            app: read("app.jsonl")?,
        })
    }
}

struct Ask<'a> {
    ambit: &'a Path,
    dir: PathBuf,
    story: &'a Story,
}

impl Ask<'_> {
    /// Ingests these logs into a fresh lake and scopes the stolen session.
    fn scope(&self, gateway: &str, database: &str, json: Option<&str>, app: &str) -> Result<Value> {
        let logs = self.dir.join("logs");
        std::fs::create_dir_all(&logs)?;
        std::fs::write(logs.join("access.json.log"), gateway)?;
        std::fs::write(logs.join("postgresql.csv"), database)?;
        if let Some(json) = json {
            std::fs::write(logs.join("postgresql.json"), json)?;
        }
        std::fs::write(logs.join("app.jsonl"), app)?;
        std::fs::write(self.dir.join("map.toml"), MAP)?;
        std::fs::write(self.dir.join("app.toml"), MAPPING)?;
        self.run(&["ingest", "logs", "--mapping", "app.toml"])?;
        let seed = format!("session={}", self.story.session);
        let text = self.run(&["scope", "--seed", &seed, "--map", "map.toml", "--json"])?;
        serde_json::from_str(&text).context("`ambit scope --json` gave no JSON")
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let out = Command::new(self.ambit)
            .args(["--lake", "lake"])
            .args(args)
            .current_dir(&self.dir)
            .output()?;
        // 3: done, and something is incomplete, which is the point of the cut logs.
        if !matches!(out.status.code(), Some(0 | 3)) {
            bail!(
                "ambit {args:?} ended with {}: {}{}",
                out.status,
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            );
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

fn keys(answer: &Value, list: &str) -> Vec<String> {
    let list = answer["subjects"][list].as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|k| Some(k.as_str()?.to_owned())).collect()
}

/// `at_least..at_most` of a class, `?` where unknown.
fn class(answer: &Value, class: &str) -> String {
    let bounds = &answer["classes"][class];
    format!(
        "{}..{}",
        bounds["at_least"],
        if bounds["at_most"].is_null() {
            "?".into()
        } else {
            bounds["at_most"].to_string()
        }
    )
}

fn persons(story: &Story, more: Option<&str>) -> Vec<String> {
    let mut all: Vec<String> = story
        .read
        .iter()
        .copied()
        .chain(more)
        .map(|k| format!("user:{k}"))
        .collect();
    all.sort();
    all
}

/// All logs: exactly the intruder's persons and classes.
fn whole(ask: &Ask<'_>, logs: &Logs) -> Result<()> {
    let answer = ask.scope(
        &logs.gateway,
        &logs.database,
        Some(&logs.database_json),
        &logs.app,
    )?;
    let found = keys(&answer, "confirmed");
    ensure!(
        found == persons(ask.story, Some(ask.story.read_in_cut)),
        "whole logs: confirmed {found:?}: {}",
        answer["subjects"]
    );
    for (name, expected) in [
        ("contact", "2..2"),
        ("identity", "2..2"),
        ("payment", "1..1"),
        ("credential", "0..0"),
    ] {
        ensure!(
            class(&answer, name) == expected,
            "whole logs: {name} is {}, not {expected}: {}",
            class(&answer, name),
            answer["classes"][name]
        );
    }
    println!("field test: whole logs: exactly {found:?}");
    Ok(())
}

/// The gateway's log cut: what the database read then and nothing explains is possible.
fn gateway_cut(ask: &Ask<'_>, logs: &Logs) -> Result<()> {
    let answer = ask.scope(
        &cut_gateway(&logs.gateway, ask.story),
        &logs.database,
        None,
        &logs.app,
    )?;
    holds(ask, &answer, "gateway cut")?;
    ensure!(
        keys(&answer, "possible").contains(&format!("user:{}", ask.story.read_in_cut)),
        "gateway cut: {} is not possible: {}",
        ask.story.read_in_cut,
        answer["subjects"]
    );
    ensure!(
        answer["classes"]["payment"]["at_most"]
            .as_u64()
            .is_some_and(|n| n < 200),
        "gateway cut: payment is {}",
        class(&answer, "payment")
    );
    told(&answer, "gateway cut", "nginx_access")
}

/// Both cut: everyone is possible.
fn both_cut(ask: &Ask<'_>, logs: &Logs) -> Result<()> {
    let answer = ask.scope(
        &cut_gateway(&logs.gateway, ask.story),
        &cut_database(&logs.database, ask.story),
        None,
        &logs.app,
    )?;
    holds(ask, &answer, "both cut")?;
    ensure!(
        answer["classes"]["payment"]["at_most"].as_u64() == Some(200),
        "both cut: payment is {}",
        class(&answer, "payment")
    );
    told(&answer, "both cut", "nginx_access")?;
    told(&answer, "both cut", "postgresql")
}

/// The truth lies inside the bounds: what is confirmed is true, and the number true is not excluded.
fn holds(ask: &Ask<'_>, answer: &Value, which: &str) -> Result<()> {
    let truth = persons(ask.story, Some(ask.story.read_in_cut));
    let found = keys(answer, "confirmed");
    ensure!(
        found == persons(ask.story, None),
        "{which}: confirmed {found:?}: {}",
        answer["subjects"]
    );
    let at_most = answer["subjects"]["at_most"].as_u64();
    ensure!(
        at_most.is_none_or(|n| n >= truth.len() as u64),
        "{which}: at most {at_most:?}"
    );
    let contact = &answer["classes"]["contact"];
    ensure!(
        contact["at_least"] == 2 && contact["at_most"].as_u64().is_none_or(|n| n >= 2),
        "{which}: contact is {}",
        class(answer, "contact")
    );
    println!(
        "field test: {which}: confirmed {found:?}, at most {at_most:?}, payment {}",
        class(answer, "payment")
    );
    Ok(())
}

/// The answer names the gap and says what follows.
fn told(answer: &Value, which: &str, source: &str) -> Result<()> {
    let gaps = answer["gaps"].as_array().cloned().unwrap_or_default();
    ensure!(
        gaps.iter()
            .any(|g| g["source"] == source && g["consequence"].as_str().is_some_and(|c| !c.is_empty())),
        "{which}: no gap of {source} is told: {gaps:?}"
    );
    Ok(())
}

fn cut_gateway(log: &str, story: &Story) -> String {
    let inside = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let secs: f64 = value["msec"].as_str().and_then(|t| t.parse().ok()).unwrap_or(0.0);
        (story.cut.0.as_millisecond() as f64 / 1e3..story.cut.1.as_millisecond() as f64 / 1e3).contains(&secs)
    };
    log.lines()
        .filter(|l| !inside(l))
        .map(|l| format!("{l}\n"))
        .collect()
}

/// No record of this database spans lines, so lines can be cut.
fn cut_database(log: &str, story: &Story) -> String {
    let text = |at: jiff::Timestamp| at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let (from, until) = (text(story.cut.0), text(story.cut.1));
    let inside = |line: &str| {
        line.get(..23)
            .is_some_and(|at| from.as_str() <= at && at < until.as_str())
    };
    log.lines()
        .filter(|l| !inside(l))
        .map(|l| format!("{l}\n"))
        .collect()
}
