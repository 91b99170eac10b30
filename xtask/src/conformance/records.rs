//! Checks our events of JSON logs against the fields of the records themselves: a table says which of a
//! producer's fields is which of our columns, and the records are read by another reader than ours.

use super::Report;
use ambit_event::{Batch, Column, ColumnKind, Event, Keys, Timestamp, printable};
use ambit_source::{Context, Format, LastRecord, Options, Sample, decode_all, formats};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The committed table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    set: Vec<Set>,
    /// The fields of each producer.
    producer: BTreeMap<String, Producer>,
}

/// Files of one producer in one collection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    /// By this name it has its floor.
    name: String,
    /// Files below the data folder; a folder stands for the `.json` files in it.
    files: Vec<String>,
    /// The source as which they must be recognized.
    source: String,
    producer: String,
    /// The field whose text is the record, where another program put it there.
    within: Option<String>,
    #[serde(default)]
    not_ours: Vec<NotOurs>,
}

/// A file that no source may take for its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotOurs {
    file: String,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Producer {
    /// The fields that name a record together: records are one event exactly where these are the same.
    #[serde(default)]
    id: Vec<String>,
    pub(super) field: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Field {
    /// A column by its path, or `time`.
    pub(super) ours: String,
    /// JSON pointers; the first that is there counts, or with `join` all of them.
    #[serde(default)]
    theirs: Vec<String>,
    join: Option<String>,
    /// Or a text with pointers in braces.
    template: Option<String>,
    /// The end that is taken off what stands first.
    #[serde(default)]
    without: String,
    #[serde(default)]
    how: How,
    /// What their words mean in ours; `""` is for a record that does not say, `*` for any other.
    #[serde(default)]
    means: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Same,
    /// In small letters.
    Lower,
    /// Where it is an address, in its usual form, its port taken off; else ours is absent.
    Address,
    Fingerprint,
    Number,
    Time,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood, or leaves something out without a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|e| format!("records.toml: {e}"))?;
        for set in &table.set {
            if !table.producer.contains_key(&set.producer) {
                return Err(format!("records.toml: no producer `{}`", set.producer));
            }
            if set.not_ours.iter().any(|other| other.why.trim().is_empty()) {
                return Err("records.toml: every file that is not ours has a reason".to_owned());
            }
        }
        Ok(table)
    }

    /// The fields of a producer.
    pub(super) fn producer(&self, name: &str) -> Option<&Producer> {
        self.producer.get(name)
    }

    /// Checks every set; a report each.
    pub fn check(&self, data: &Path) -> Vec<(&str, Report)> {
        self.set
            .iter()
            .map(|set| (set.name.as_str(), self.check_set(set, data)))
            .collect()
    }

    fn check_set(&self, set: &Set, data: &Path) -> Report {
        let mut report = Report::default();
        let Some(producer) = self.producer.get(&set.producer) else {
            return report;
        };
        for path in set.files.iter().flat_map(|name| files(&data.join(name))) {
            let name = path.strip_prefix(data).unwrap_or(&path).display().to_string();
            let Ok(bytes) = std::fs::read(&path) else {
                report.note(format!("{name}: not there"));
                continue;
            };
            report.n_sets += 1;
            if name.ends_with(".zip") {
                File { name, set, producer }.check_archive(&path, &mut report);
                continue;
            }
            let not_ours = set.not_ours.iter().find(|other| name.ends_with(&other.file));
            let file = File { name, set, producer };
            match (recognized(&file.name, &bytes), not_ours) {
                (Some(format), None) if format.name() == set.source => {
                    file.check(&format, &bytes, &mut report)
                }
                (found, Some(_)) if found.as_ref().is_none_or(|f| f.name() != set.source) => {
                    report.n_foreign += 1
                }
                (found, _) => {
                    let found = found.as_ref().map_or("nothing", |f| f.name());
                    report.fail(format!("{}: recognized as {found}", file.name));
                }
            }
        }
        report
    }
}

/// The file, or the JSON files of a folder in their order.
fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_path_buf()];
    }
    let entries = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path());
    let mut found: Vec<_> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    found.sort();
    found
}

/// The built-in source that takes a file for its own, as sure as the program must be.
pub(super) fn recognized(name: &str, bytes: &[u8]) -> Option<Arc<dyn Format>> {
    let sample = Sample::new(name, &bytes[..bytes.len().min(64 << 10)]);
    let sure = formats::built_in()
        .into_iter()
        .map(|f| (f.recognize(&sample).0, f));
    let best = sure
        .filter(|(sure, _)| *sure >= 30)
        .rev()
        .max_by_key(|(sure, _)| *sure);
    best.map(|(_, format)| format)
}

struct File<'a> {
    name: String,
    set: &'a Set,
    producer: &'a Producer,
}

impl File<'_> {
    fn check(&self, format: &Arc<dyn Format>, bytes: &[u8], report: &mut Report) {
        let keys = Keys::derive(&[7; 32]);
        let theirs = match records(bytes, self.set.within.as_deref()) {
            Ok(theirs) => theirs,
            Err(why) => return report.fail(format!("{}: {why}", self.name)),
        };
        let Ok(ours) = decode_all(format, bytes, &Context::bare(keys.clone())) else {
            return report.fail(format!("{}: no decoder", self.name));
        };
        self.compare(&ours, &theirs, &keys, report);
    }

    /// An archive is unpacked by our reader alone: each event is compared with the record that it keeps.
    fn check_archive(&self, path: &Path, report: &mut Report) {
        let keys = Keys::derive(&[7; 32]);
        let options = Options {
            last_record: LastRecord::IsWhole,
            ..Options::default()
        };
        let (inputs, errors) = ambit_source::discover(&[path.to_path_buf()], &options);
        for error in errors {
            report.fail(format!("{}: {error}", self.name));
        }
        for input in inputs
            .iter()
            .filter(|input| input.evidence.source == self.set.source)
        {
            let mut ours = Batch::default();
            let mut sink = |batch: Batch| {
                ours.events.extend(batch.events);
                ours.rejects.extend(batch.rejects);
                ours.rejects.extend(batch.unfinished.unwrap_or_default().rejects);
                ControlFlow::Continue(())
            };
            let read = ambit_source::read(input, &options, &keys, None, &mut sink);
            let raw: Vec<u8> = ours
                .events
                .iter()
                .flat_map(|e| [&e.raw[..], b"\n"].concat())
                .collect();
            match (read, records(&raw, self.set.within.as_deref())) {
                (Ok(_), Ok(theirs)) => self.compare(&ours, &theirs, &keys, report),
                (Err(why), _) => report.fail(format!("{}: {why}", self.name)),
                (_, Err(why)) => report.fail(format!("{}: {why}", self.name)),
            }
        }
    }

    fn compare(&self, ours: &Batch, theirs: &[Value], keys: &Keys, report: &mut Report) {
        for reject in &ours.rejects {
            report.n_rejects += 1;
            report.fail(format!("{}: rejected: {}", self.name, reject.reason));
        }
        report.n_events += ours.events.len();
        if ours.events.len() != theirs.len() {
            let (n, of) = (ours.events.len(), theirs.len());
            return report.fail(format!("{}: {n} events of {of} records", self.name));
        }
        for (n, (event, record)) in ours.events.iter().zip(theirs).enumerate() {
            for field in &self.producer.field {
                self.check_field(n, field, event, record, keys, report);
            }
        }
        self.check_ids(&ours.events, theirs, keys, report);
    }

    fn check_field(
        &self,
        n: usize,
        field: &Field,
        event: &Event,
        record: &Value,
        keys: &Keys,
        report: &mut Report,
    ) {
        report.n_fields += 1;
        if let Err(why) = field.check(event, record, keys) {
            report.fail(format!("{} record {n}: {why}", self.name));
        }
    }

    /// Records of one name that say the same are one event, and records of other names are others.
    fn check_ids(&self, events: &[Event], records: &[Value], keys: &Keys, report: &mut Report) {
        let mut by_name = BTreeMap::new();
        let mut by_id = BTreeMap::new();
        for (event, record) in events.iter().zip(records) {
            report.n_fields += 1;
            let parts = self
                .producer
                .id
                .iter()
                .map(|pointer| record.pointer(pointer).and_then(text));
            let name: Vec<_> = parts.collect();
            let said = |field: &Field| field.expected(record, keys);
            let said: Vec<_> = self.producer.field.iter().map(said).collect();
            let first = by_name.entry((name.clone(), said)).or_insert(event.id);
            let other = by_id.entry(event.id).or_insert_with(|| name.clone());
            if *first != event.id || *other != name {
                report.fail(format!("{}: the record {name:?} is not one event", self.name));
            }
        }
    }
}

impl Field {
    /// Whether our column says what the record's own field does.
    pub(super) fn check(&self, event: &Event, record: &Value, keys: &Keys) -> Result<(), String> {
        let (ours, expected) = (column(event, &self.ours), self.expected(record, keys));
        let is_same = match (self.how, &ours, &expected) {
            (How::Time, Some(ours), Some(expected)) => {
                Timestamp::parse(ours).is_ok_and(|at| instant(expected) == Some(at))
            }
            _ => ours == expected,
        };
        match is_same {
            true => Ok(()),
            false => {
                let why = format!("{}: expected {expected:?}, found {ours:?}", self.ours);
                Err(printable(&why, 400))
            }
        }
    }

    fn expected(&self, record: &Value, keys: &Keys) -> Option<String> {
        let value = self.value(record);
        if !self.means.is_empty() {
            let word = value.as_deref().unwrap_or("");
            let fallback = self.means.get("*").filter(|_| !word.is_empty());
            return self.means.get(word).or(fallback).cloned();
        }
        let value = value?;
        match self.how {
            How::Same | How::Time => Some(value),
            How::Lower => Some(value.to_lowercase()),
            How::Address => {
                let bare = value.parse::<IpAddr>().ok();
                let ip = bare.or_else(|| value.parse::<SocketAddr>().ok().map(|at| at.ip()));
                ip.map(|ip| ip.to_canonical().to_string())
            }
            How::Fingerprint => Some(keys.fingerprint(&value)),
            How::Number => value.parse::<f64>().ok().map(|n| format!("{n:.0}")),
        }
    }

    fn value(&self, record: &Value) -> Option<String> {
        if let Some(template) = &self.template {
            return filled(template, record);
        }
        let mut found = self
            .theirs
            .iter()
            .map(|pointer| at(record, pointer).and_then(text));
        let Some(join) = &self.join else {
            let first = found.flatten().next()?;
            return Some(
                first
                    .strip_suffix(self.without.as_str())
                    .unwrap_or(&first)
                    .to_owned(),
            );
        };
        let mut parts: Vec<String> = found.by_ref().collect::<Option<_>>()?;
        if let Some(first) = parts.first_mut()
            && let Some(head) = first.strip_suffix(self.without.as_str())
        {
            *first = head.to_owned();
        }
        Some(parts.join(join))
    }
}

/// A template with the values for its pointers; `None` where one is absent.
fn filled(template: &str, record: &Value) -> Option<String> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((plain, behind)) = rest.split_once('{') {
        let (pointer, behind) = behind.split_once('}')?;
        out.push_str(plain);
        out.push_str(&at(record, pointer).and_then(text)?);
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

/// An instant with its zone, in UTC without one, or in milliseconds since 1970.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(millis) = text.parse::<i64>() {
        return Some(Timestamp(millis.checked_mul(1_000_000)?));
    }
    let bare = || Timestamp::parse(&format!("{}Z", text.replacen(' ', "T", 1)));
    Timestamp::parse(text).or_else(|_| bare()).ok()
}

/// A JSON pointer in which `-` as the last step is the last element.
fn at<'v>(record: &'v Value, pointer: &str) -> Option<&'v Value> {
    match pointer.strip_suffix("/-") {
        Some(list) => record.pointer(list)?.as_array()?.last(),
        None => record.pointer(pointer),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The records of a file, however they stand in it.
fn records(bytes: &[u8], within: Option<&str>) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match document.map_err(|e| e.to_string())? {
            Value::Array(items) => found.extend(items),
            Value::Object(mut frame) if frame.get("Records").is_some_and(Value::is_array) => {
                if let Some(Value::Array(items)) = frame.remove("Records") {
                    found.extend(items);
                }
            }
            other => found.push(other),
        }
    }
    let Some(field) = within else { return Ok(found) };
    let inner = found.iter().map(|record| {
        let text = record.get(field).and_then(Value::as_str).unwrap_or("");
        serde_json::from_str(text).map_err(|e| format!("{field}: {e}"))
    });
    inner.collect()
}

fn column(event: &Event, path: &str) -> Option<String> {
    if path == "time" {
        return Some(event.time.to_string());
    }
    let column = Column::parse(path).ok()?;
    match column.kind() {
        ColumnKind::Text => event.text(column).map(ToOwned::to_owned),
        ColumnKind::Integer => event.integer(column).map(|n| n.to_string()),
        ColumnKind::TextList => Some(event.list(column).join(",")).filter(|list| !list.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
        [[set]]
        name = "calls"
        files = ["calls.json"]
        source = "aws_cloudtrail"
        producer = "cloudtrail"
        [producer.cloudtrail]
        id = ["/eventID"]
        field = [
          { ours = "time", theirs = ["/eventTime"], how = "time" },
          { ours = "api.operation", theirs = ["/eventSource", "/eventName"], join = ":", without = ".amazonaws.com" },
          { ours = "src_endpoint.ip", theirs = ["/sourceIPAddress"], how = "address" },
          { ours = "status", theirs = ["/errorCode"], means = { "" = "success", "*" = "failure" } },
        ]
    "#;

    fn failures(table: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap_or_else(|why| panic!("{why}"));
        let record = |id: u8, error: &str| {
            format!(
                r#"{{"eventTime":"2024-05-23T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",
                "awsRegion":"x","sourceIPAddress":"s3.amazonaws.com","eventID":"{id}"{error}}}"#
            )
        };
        let failed = r#","errorCode":"NoSuchKey""#;
        let text = format!("[{},{},{}]", record(1, ""), record(2, failed), record(3, ""));
        std::fs::write(dir.path().join("calls.json"), text).unwrap_or_default();
        let table = Table::parse(table).unwrap_or_else(|why| panic!("{why}"));
        let mut reports = table.check(dir.path());
        let (_, report) = reports.remove(0);
        assert_eq!((report.n_sets, report.n_events, report.n_fields), (1, 3, 15));
        report.failures
    }

    #[test]
    fn what_is_the_same_passes_and_what_differs_is_told() {
        assert_eq!(failures(TABLE), Vec::<String>::new());
        for (right, wrong) in [
            (r#"join = ":""#, r#"join = ".""#),
            (r#"how = "address""#, r#"how = "same""#),
            (r#""*" = "failure""#, r#""*" = "denied""#),
            (r#"["/eventID"]"#, r#"["/eventName"]"#),
        ] {
            assert!(!failures(&TABLE.replace(right, wrong)).is_empty(), "{wrong}");
        }
    }
}
