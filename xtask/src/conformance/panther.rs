//! Checks our events of the labelled records in Panther's rules: each is decoded alone, and its own fields are
//! looked up in it once more by the committed table.

use super::Report;
use super::records::{self, Producer, recognized};
use ambit_event::{Event, Keys, printable};
use ambit_source::{Context, Format, decode_all, formats};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use walkdir::WalkDir;

/// The committed table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    log_type: Vec<LogType>,
    /// The fields of the producers that no other collection has.
    producer: BTreeMap<String, Producer>,
}

/// One of their log types, and what it is to us.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogType {
    /// Theirs.
    name: String,
    /// By this name it has its floor.
    set: String,
    /// Ours: the format that reads it, and the source of its events where records of several stand together.
    format: String,
    /// Which kind of record has which fields; the first that fits.
    kind: Vec<Kind>,
    /// Where the time stands. Records were cut down to what a rule looks at: one without a time must be a reject,
    /// and is checked with a time put into the first of these places.
    time: Vec<String>,
    /// What stands in their place where somebody blackened it.
    #[serde(default)]
    no_time: Vec<String>,
    #[serde(default)]
    skip: Vec<Skip>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    /// JSON pointers with the values that they must have; none fits every record.
    #[serde(default)]
    when: BTreeMap<String, Vec<String>>,
    source: String,
    producer: String,
}

/// Records that are left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    when: BTreeMap<String, Vec<String>>,
    why: String,
}

/// The time that a record gets that has none.
const SOME_TIME: &str = "2014-05-23T10:00:00Z";

/// A labelled record: where it stands, and what it is.
struct Case {
    place: String,
    log_type: String,
    record: Value,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood, or leaves something out without a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|e| format!("panther.toml: {e}"))?;
        let mut skips = table.log_type.iter().flat_map(|t| &t.skip);
        match skips.any(|skip| skip.why.trim().is_empty()) {
            true => Err("panther.toml: every record that is left out has a reason".to_owned()),
            false => Ok(table),
        }
    }

    /// Checks every log type; a report each.
    pub fn check<'t>(&'t self, folder: &Path, others: &'t records::Table) -> Vec<(&'t str, Report)> {
        let mut reports: BTreeMap<&str, Report> = BTreeMap::new();
        let cases = cases(folder, &mut |broken| {
            reports.entry("panther-analysis").or_default().fail(broken);
        });
        for log_type in &self.log_type {
            let report = reports.entry(log_type.set.as_str()).or_default();
            report.n_sets += 1;
            self.check_type(log_type, &cases, others, report);
        }
        reports.into_iter().collect()
    }

    fn check_type(&self, log_type: &LogType, cases: &[Case], others: &records::Table, report: &mut Report) {
        let built_in = formats::built_in();
        let Some(format) = built_in.iter().find(|f| f.name() == log_type.format) else {
            return report.fail(format!("there is no format `{}`", log_type.format));
        };
        let (mut n_cases, mut n_known) = (0, 0);
        for case in cases.iter().filter(|case| case.log_type == log_type.name) {
            if log_type.skip.iter().any(|skip| fits(&skip.when, &case.record)) {
                report.n_skipped += 1;
                continue;
            }
            n_cases += 1;
            let Some(kind) = log_type.kind.iter().find(|kind| fits(&kind.when, &case.record)) else {
                report.fail(format!("{}: of no kind that the table names", case.place));
                continue;
            };
            n_known += usize::from(
                recognized("record.json", case.record.to_string().as_bytes())
                    .is_some_and(|f| f.source() == kind.source),
            );
            let producer = self.producer.get(&kind.producer);
            match producer.or_else(|| others.producer(&kind.producer)) {
                Some(producer) => check_case(case, log_type, kind, producer, format, report),
                None => report.fail(format!("there is no producer `{}`", kind.producer)),
            }
        }
        let name = &log_type.name;
        report.note(format!(
            "{name}: {n_cases} records, {n_known} of them whole enough to be recognized by themselves"
        ));
    }
}

fn check_case(
    case: &Case,
    log_type: &LogType,
    kind: &Kind,
    producer: &Producer,
    format: &Arc<dyn Format>,
    report: &mut Report,
) {
    let keys = Keys::derive(&[7; 32]);
    let mut record = case.record.clone();
    let mut told = log_type.time.iter().filter_map(|at| record.pointer(at));
    let is_time = |told: &Value| !told.is_null() && !log_type.no_time.iter().any(|none| told == none);
    if !told.any(is_time) {
        report.n_rejects += 1;
        if let Ok(event) = decode(format, &record, &keys) {
            report.fail(format!(
                "{}: has no time and is an event at {}",
                case.place, event.time
            ));
        }
        put_time(&mut record, log_type);
    }
    let event = match decode(format, &record, &keys) {
        Ok(event) => event,
        Err(why) => return report.fail(format!("{}: {why}", case.place)),
    };
    report.n_events += 1;
    report.n_fields += 1;
    if event.source != kind.source {
        report.fail(format!("{}: the source is {}", case.place, event.source));
    }
    for field in &producer.field {
        report.n_fields += 1;
        if let Err(why) = field.check(&event, &record, &keys) {
            report.fail(format!("{}: {why}", case.place));
        }
    }
}

/// The one event of a record, or why there is none.
fn decode(format: &Arc<dyn Format>, record: &Value, keys: &Keys) -> Result<Event, String> {
    let context = Context::bare(keys.clone());
    let mut batch = decode_all(format, record.to_string().as_bytes(), &context).map_err(|e| e.to_string())?;
    match (batch.events.len(), batch.rejects.first()) {
        (1, None) => batch.events.pop().ok_or_else(String::new),
        (_, Some(reject)) => Err(format!("rejected: {}", reject.reason)),
        (n, None) => Err(format!("{n} events of one record")),
    }
}

fn put_time(record: &mut Value, log_type: &LogType) {
    let Some(names) = log_type.time.first() else {
        return;
    };
    let mut at = record;
    let mut names = names.trim_start_matches('/').split('/').peekable();
    while let (Some(name), Some(object)) = (names.next(), at.as_object_mut()) {
        match names.peek() {
            None => return drop(object.insert(name.to_owned(), SOME_TIME.into())),
            Some(_) => at = object.entry(name).or_insert_with(|| Map::new().into()),
        }
    }
}

/// Whether a record has the values; `*` for any.
fn fits(when: &BTreeMap<String, Vec<String>>, record: &Value) -> bool {
    when.iter().all(|(pointer, values)| {
        let found = record.pointer(pointer).filter(|found| !found.is_null());
        found.is_some_and(|found| {
            let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            values.iter().any(|wanted| wanted == "*" || *wanted == text)
        })
    })
}

/// The labelled records of every rule file, in the order of their paths.
fn cases(folder: &Path, broken: &mut dyn FnMut(String)) -> Vec<Case> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name().into_iter().flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "yml") {
            continue;
        }
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        match Yaml::load_from_str(&text) {
            Ok(documents) => documents
                .iter()
                .for_each(|rule| found.extend(cases_of(&name, &json(rule)))),
            Err(why) => broken(format!("{name}: {why}")),
        }
    }
    found
}

/// A rule for several log types says of each record which it is.
fn cases_of(file: &str, rule: &Value) -> Vec<Case> {
    let list = |name: &str| {
        rule.get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let types = list("LogTypes");
    let only = types.first().filter(|_| types.len() == 1).and_then(Value::as_str);
    let mut found = Vec::new();
    for test in list("Tests") {
        let name = test.get("Name").and_then(Value::as_str).unwrap_or("");
        let record = match test.get("Log") {
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(record) => record.clone(),
            None => Value::Null,
        };
        let told = record.get("p_log_type").and_then(Value::as_str);
        if let Some(log_type) = told.or(only).map(str::to_owned).filter(|_| record.is_object()) {
            found.push(Case {
                place: printable(&format!("{file}: {name}"), 160),
                log_type,
                record,
            });
        }
    }
    found
}

fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Boolean(value)) => Value::Bool(*value),
        Yaml::Value(Scalar::Integer(value)) => Value::from(*value),
        Yaml::Value(Scalar::FloatingPoint(value)) => {
            Number::from_f64(value.into_inner()).map_or(Value::Null, Value::Number)
        }
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(map) => {
            let field = |(key, value): (&Yaml<'_>, &Yaml<'_>)| {
                let key = match json(key) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (key, json(value))
            };
            Value::Object(map.iter().map(field).collect())
        }
        Yaml::Tagged(_, inner) => json(inner),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_the_log_type_that_it_names() {
        let rule = "LogTypes: [A, B]\nTests:\n  - Name: one\n    Log: {p_log_type: B, n: 7, t: yes, f: 1.5}\n  - Name: two\n    Log: {n: 8}\n";
        let rule = Yaml::load_from_str(rule).unwrap_or_default();
        let cases: Vec<Case> = rule.iter().flat_map(|r| cases_of("f", &json(r))).collect();
        let shown: Vec<_> = cases
            .iter()
            .map(|c| (c.log_type.as_str(), c.record.to_string()))
            .collect();
        let record = r#"{"p_log_type":"B","n":7,"t":"yes","f":1.5}"#;
        assert_eq!(shown, [("B", record.to_owned())]);
    }
}
