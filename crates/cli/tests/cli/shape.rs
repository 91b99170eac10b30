//! A checker of answers against `schemas/`. It knows the part of JSON Schema that these schemas use, and refuses any
//! other. The tests of other crates use it too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use regex::Regex;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A schema of `schemas/`.
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
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("unknown type `{other}`"),
    }
}
