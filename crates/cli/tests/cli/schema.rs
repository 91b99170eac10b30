//! Real answers have the shape that `schemas/` promises. The checker knows the part of JSON Schema that
//! these schemas use, and refuses any other.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::run::{ambit, incident, ingest, make, seed};
use regex::Regex;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub struct Schema(Value);

impl Schema {
    pub fn load(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../schemas")
            .join(format!("{name}.schema.json"));
        Self(serde_json::from_slice(&fs::read(file).unwrap()).unwrap())
    }

    pub fn check(&self, value: &Value) -> Result<(), String> {
        self.fits(&self.0, value, "$")
    }

    fn fits(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (word, rule) in schema.as_object().unwrap() {
            self.rule(word, rule, schema, value, at)?;
        }
        Ok(())
    }

    fn rule(&self, word: &str, rule: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let fail = |what: &str| Err(format!("{at}: {what}: {value}"));
        match word {
            "$schema" | "$id" | "$defs" | "title" | "description" | "additionalProperties" => Ok(()),
            "$ref" => self.fits(
                self.0
                    .pointer(rule.as_str().unwrap().trim_start_matches('#'))
                    .unwrap(),
                value,
                at,
            ),
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if types.iter().any(|kind| is_of(kind.as_str().unwrap(), value)) {
                    Ok(())
                } else {
                    fail("wrong type")
                }
            }
            "enum" if rule.as_array().unwrap().contains(value) => Ok(()),
            "enum" => fail("not among the allowed"),
            "minimum" if value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()) => Ok(()),
            "maximum" if value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()) => Ok(()),
            "minimum" | "maximum" => fail("out of range"),
            "pattern" => match value.as_str() {
                Some(text) if !Regex::new(rule.as_str().unwrap()).unwrap().is_match(text) => {
                    fail("wrong form")
                }
                _ => Ok(()),
            },
            "anyOf" | "oneOf" => {
                let tried: Vec<_> = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|s| self.fits(s, value, at))
                    .collect();
                match tried.iter().filter(|t| t.is_ok()).count() {
                    1 => Ok(()),
                    _ => Err(format!("{at}: {tried:?}")),
                }
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                items.try_for_each(|(n, item)| self.fits(rule, item, &format!("{at}[{n}]")))
            }
            "required" => {
                let absent = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|name| value.get(name.as_str().unwrap()).is_none());
                absent
                    .filter(|_| value.is_object())
                    .map_or(Ok(()), |name| Err(format!("{at}: {name} is missing")))
            }
            "properties" => self.properties(schema, value, at),
            other => panic!("the checker does not know `{other}`"),
        }
    }

    fn properties(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(known), _) => self.fits(known, inner, &at)?,
                (None, Some(Value::Bool(false))) => return Err(format!("{at}: not in the schema")),
                (None, _) => {}
            }
        }
        Ok(())
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("unknown type `{other}`"),
    }
}

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
        ("regime", vec!["regime", "list"]),
        ("regime", vec!["regime", "show", "eu-gdpr"]),
        ("lake", vec!["lake", "info"]),
        ("lake", vec!["lake", "versions"]),
        (
            "scope",
            vec!["scope", "--seed", &seed, "--map", "map.toml", "--case", "shapes"],
        ),
        ("scope", vec!["scope", "--seed", &seed, "--case", "shapes"]),
        ("case", vec!["case", "note", "shapes", "a remark"]),
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
