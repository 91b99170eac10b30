//! Seeds from the files that people exchange: tables of indicators, and STIX 2.1.
//!
//! What a file holds beside observables that logs can hold is not dropped in silence: it is counted and
//! told.

use crate::setting::read_text;
use ambit_event::{Observable, ObservableKind, Timestamp, refang};
use ambit_scope::Seed;
use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

/// What was found in a file.
#[derive(Debug, Default)]
pub struct Found {
    pub seeds: Vec<Seed>,
    /// Kinds that no log can be asked for, with how many there were.
    pub left_out: BTreeMap<String, u64>,
}

/// Reads a file of indicators: CSV with a header line, or a STIX bundle.
pub fn load(path: &Path) -> Result<Found> {
    let shown = path.display();
    let text = read_text(path)?;
    let found = if text.trim_start().starts_with(['{', '[']) {
        of_stix(&text).with_context(|| format!("{shown} is not a STIX 2.1 bundle"))?
    } else {
        of_table(&text).with_context(|| format!("{shown} is not a table of indicators"))?
    };
    if found.seeds.is_empty() && found.left_out.is_empty() {
        bail!("{shown} holds no indicator");
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, kind: Option<ObservableKind>, said: &str, value: &str) -> Option<&mut Seed> {
        let value = refang(value.trim());
        let seed = kind
            .filter(|_| !value.is_empty())
            .and_then(|kind| Seed::of(Observable::of_kind(kind, &value)).ok());
        let Some(seed) = seed else {
            *self.left_out.entry(said.to_owned()).or_default() += 1;
            return None;
        };
        self.seeds.push(seed);
        self.seeds.last_mut()
    }

    /// One sentence about what was left out.
    pub fn remark(&self, path: &Path) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let kinds: Vec<String> = self
            .left_out
            .iter()
            .map(|(kind, n)| format!("{kind} ({n})"))
            .collect();
        Some(format!(
            "{}: left out, as no log can be asked for them: {}",
            path.display(),
            kinds.join(", ")
        ))
    }
}

/// A table with the columns `kind` (or `type`) and `value`; `from`, `until`, `exclusive` (a reason) and
/// others may stand beside, as in exports of MISP.
fn of_table(text: &str) -> Result<Found> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads: Vec<String> = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
    let column = |names: &[&str]| heads.iter().position(|head| names.contains(&head.as_str()));
    let (Some(kind), Some(value)) = (column(&["kind", "type"]), column(&["value", "indicator"])) else {
        bail!(
            "the first line must name the columns kind (or type) and value; it names {}",
            heads.join(", ")
        );
    };
    let (from, until, exclusive) = (column(&["from"]), column(&["until"]), column(&["exclusive"]));
    let mut found = Found::default();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        let (Some(said), Some(value)) = (cell(Some(kind)), cell(Some(value))) else {
            bail!("line {line}: kind or value is empty");
        };
        let value = value.split('|').next().unwrap_or(value);
        let Some(seed) = found.add(kind_of_misp(said), said, value) else {
            continue;
        };
        seed.from = instant(cell(from), line, "from")?;
        seed.until = instant(cell(until), line, "until")?;
        if let Some(reason) = cell(exclusive) {
            seed.exclusive = Some(reason.to_owned());
            seed.grade = ambit_scope::Grade::Certain;
        }
    }
    Ok(found)
}

fn instant(cell: Option<&str>, line: u64, column: &str) -> Result<Option<Timestamp>> {
    cell.map(Timestamp::parse)
        .transpose()
        .with_context(|| format!("line {line}, column {column}"))
}

/// The kind by Ambit's own name or MISP's attribute type.
fn kind_of_misp(text: &str) -> Option<ObservableKind> {
    match text.to_ascii_lowercase().as_str() {
        "ip-src" | "ip-dst" | "ip-src|port" | "ip-dst|port" | "ipv4" | "ipv6" | "ipv4-addr" | "ipv6-addr" => {
            Some(ObservableKind::Address)
        }
        "user-agent" | "http-user-agent" => Some(ObservableKind::UserAgent),
        "target-user" | "username" | "user-account" | "login" => Some(ObservableKind::Account),
        "session-id" | "cookie" => Some(ObservableKind::Session),
        "api-key" | "apikey" => Some(ObservableKind::Token),
        other => ObservableKind::parse(other),
    }
}

static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"([a-z0-9-]+):([A-Za-z0-9_.'\-\[\]]+)\s*(!?=|(?:NOT\s+)?IN|(?:NOT\s+)?[A-Z]+|[<>]=?)\s*(\([^)]*\)|'(?:[^'\\]|\\.)*')";
    match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
});

static LITERAL: LazyLock<Regex> = LazyLock::new(|| match Regex::new(r"'((?:[^'\\]|\\.)*)'") {
    Ok(regex) => regex,
    Err(error) => unreachable!("the pattern is fixed: {error}"),
});

/// Indicators' patterns and observed objects of a bundle; what was revoked is left out.
fn of_stix(text: &str) -> Result<Found> {
    let bundle: Value = serde_json::from_str(text)?;
    let objects = bundle.get("objects").unwrap_or(&bundle);
    let Some(objects) = objects.as_array() else {
        bail!("there is no list `objects`");
    };
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for object in objects {
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        if object.get("revoked") == Some(&Value::Bool(true)) {
            *found.left_out.entry(format!("revoked {kind}")).or_default() += 1;
        } else if kind == "indicator" {
            add_pattern(object, &mut found);
        } else {
            add_object(kind, object, &mut found);
        }
    }
    found.seeds.retain(|seed| seen.insert(seed.clone()));
    Ok(found)
}

fn add_pattern(object: &Value, found: &mut Found) {
    let is_stix = object
        .get("pattern_type")
        .and_then(Value::as_str)
        .is_none_or(|kind| kind == "stix");
    let pattern = object.get("pattern").and_then(Value::as_str).filter(|_| is_stix);
    let comparisons: Vec<_> = pattern
        .map(|pattern| COMPARISON.captures_iter(pattern).collect())
        .unwrap_or_default();
    if comparisons.is_empty() {
        *found
            .left_out
            .entry("indicator without a STIX comparison".to_owned())
            .or_default() += 1;
    }
    for comparison in comparisons {
        let said = format!("{}:{}", &comparison[1], &comparison[2]);
        let is_equal = matches!(&comparison[3], "=" | "IN");
        let kind = kind_of_stix(&comparison[1], &comparison[2]).filter(|_| is_equal);
        for literal in LITERAL.captures_iter(&comparison[4]) {
            let value = literal[1].replace("\\'", "'").replace("\\\\", "\\");
            found.add(kind, &said, &value);
        }
    }
}

/// A cyber observable that stands in the bundle by itself.
fn add_object(kind: &str, object: &Value, found: &mut Found) {
    let path = match kind {
        "ipv4-addr" | "ipv6-addr" => "value",
        "user-account" if object.get("account_login").is_some() => "account_login",
        "user-account" => "user_id",
        // Everything else in a bundle tells about the indicators.
        _ => return,
    };
    let value = object.get(path).and_then(Value::as_str).unwrap_or_default();
    found.add(kind_of_stix(kind, path), kind, value);
}

fn kind_of_stix(object: &str, path: &str) -> Option<ObservableKind> {
    match (object, path) {
        ("ipv4-addr" | "ipv6-addr", "value") => Some(ObservableKind::Address),
        ("network-traffic", "src_ref.value" | "dst_ref.value") => Some(ObservableKind::Address),
        ("network-traffic", path) if path.to_ascii_lowercase().contains("user-agent") => {
            Some(ObservableKind::UserAgent)
        }
        ("user-account", "account_login" | "user_id") => Some(ObservableKind::Account),
        _ => object
            .strip_prefix("x-")
            .and_then(|own| ObservableKind::parse(own.trim_start_matches("ambit-"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(found: &Found) -> Vec<String> {
        found
            .seeds
            .iter()
            .map(|seed| seed.observable.to_string())
            .collect()
    }

    #[test]
    fn tables_of_indicators_are_read_and_what_no_log_holds_is_told() {
        let found = of_table(
            "uuid,Type,category,value,exclusive\n1,ip-src,net,203.0.113[.]7,rented by him\n2,md5,file,aa,\n3,user-agent,net,\"Mozilla/5.0 (X11, Linux)\",\n4,account,x,db/reporting,\n5,ip-dst|port,net,198.51.100.2|443,\n",
        )
        .unwrap();
        assert_eq!(
            shown(&found),
            [
                "ip=203.0.113.7",
                "user_agent=Mozilla/5.0 (X11, Linux)",
                "account=db/reporting",
                "ip=198.51.100.2"
            ]
        );
        assert_eq!(found.seeds[0].exclusive.as_deref(), Some("rented by him"));
        assert_eq!(found.left_out.get("md5"), Some(&1));
        assert!(of_table("a,b\n1,2\n").is_err());
        assert!(of_table("kind,value\nip,\n").is_err());
    }

    #[test]
    fn stix_patterns_and_observed_objects_are_read() {
        let found = of_stix(
            r#"{"type":"bundle","objects":[
            {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '203.0.113.7' OR user-account:account_login = 'o\\'hara']"},
            {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value IN ('198.51.100.1', '198.51.100.2')]"},
            {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value != '10.0.0.1']"},
            {"type":"indicator","pattern_type":"yara","pattern":"rule x {}"},
            {"type":"indicator","revoked":true,"pattern":"[ipv4-addr:value = '192.0.2.1']"},
            {"type":"indicator","pattern":"[file:hashes.MD5 = 'aa']"},
            {"type":"ipv4-addr","value":"203.0.113.7"},{"type":"identity","name":"x"}]}"#,
        )
        .unwrap();
        assert_eq!(
            shown(&found),
            [
                "ip=203.0.113.7",
                "account=o'hara",
                "ip=198.51.100.1",
                "ip=198.51.100.2"
            ]
        );
        assert_eq!(found.left_out.values().sum::<u64>(), 4, "{:?}", found.left_out);
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        assert!(of_stix("{\"type\":\"bundle\"}").is_err());
        assert!(of_stix("{").is_err());
    }
}
