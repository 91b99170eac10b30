//! Checks our AuditEvents against the same resources read by a table of paths, without our decoder.

use super::Report;
use super::crowdsec::ours;
use super::path::texts;
use ambit_event::{Event, Keys, Timestamp, printable};
use ambit_source::{Context, decode_all, formats};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The committed table: where the value of a column stands in each release of the standard.
#[derive(Debug, Deserialize)]
pub struct Table {
    field: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    column: String,
    /// The first path that has a value counts.
    #[serde(default)]
    paths: Vec<String>,
    /// All paths' values count; ours are each the beginning of one of them, and each of them has one.
    #[serde(default)]
    all: Vec<String>,
    /// What a value is called in our column.
    #[serde(default)]
    means: BTreeMap<String, String>,
    /// The value holds ours in base64.
    #[serde(default)]
    base64: bool,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| format!("fhir.toml: {e}"))
    }
}

/// Checks each resource of the folder.
pub fn check(folder: &Path, table: &Table, report: &mut Report) {
    if !folder.is_dir() {
        return report.note(format!("{}: not there", folder.display()));
    }
    let Some(format) = formats::built_in()
        .into_iter()
        .find(|f| f.name() == "fhir_auditevent")
    else {
        return report.fail("there is no source fhir_auditevent".to_owned());
    };
    let context = Context::bare(Keys::derive(&[7; 32]));
    let entries = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten();
    for entry in entries.filter(|e| e.path().extension().is_some_and(|e| e == "json")) {
        let name = entry
            .path()
            .strip_prefix(folder)
            .unwrap_or(entry.path())
            .display()
            .to_string();
        let Ok(bytes) = std::fs::read(entry.path()) else {
            report.fail(format!("{name}: cannot be read"));
            continue;
        };
        report.n_sets += 1;
        let batch = decode_all(&format, &bytes, &context).unwrap_or_default();
        report.n_events += batch.events.len();
        report.n_rejects += batch.rejects.len();
        for reject in &batch.rejects {
            report.fail(format!("{name}: rejected: {}", reject.reason));
        }
        match (serde_json::from_slice::<Value>(&bytes), batch.events.as_slice()) {
            (Ok(resource), [event]) => table.check(&name, &resource, event, report),
            (_, events) => report.fail(format!("{name}: {} events, not one", events.len())),
        }
    }
}

impl Table {
    fn check(&self, name: &str, resource: &Value, event: &Event, report: &mut Report) {
        for field in &self.field {
            let ours = ours(event, &field.column).unwrap_or_default();
            let expected = field.expected(resource);
            report.n_fields += 1;
            if !field.fits(&expected, &ours) {
                let why = format!("{name}: {}: expected {expected:?}, found `{ours}`", field.column);
                report.fail(printable(&why, 400));
            }
        }
    }
}

impl Field {
    fn expected(&self, resource: &Value) -> Vec<String> {
        let values = |path: &String| texts(resource, path);
        if !self.all.is_empty() {
            return self.all.iter().flat_map(values).collect();
        }
        let first = self.paths.iter().find_map(|path| values(path).into_iter().next());
        first
            .map(|value| self.means.get(&value).cloned().unwrap_or(value))
            .into_iter()
            .collect()
    }

    fn fits(&self, expected: &[String], ours: &str) -> bool {
        if !self.all.is_empty() {
            let ours: Vec<&str> = ours.split(',').filter(|o| !o.is_empty()).collect();
            return ours.iter().all(|o| expected.iter().any(|e| e.starts_with(o)))
                && expected.iter().all(|e| ours.iter().any(|o| e.starts_with(o)));
        }
        let expected = expected.first().map_or("", String::as_str);
        match self.base64 {
            true => base64(ours.as_bytes()) == expected,
            false => ours == expected || self.column == "time" && is_same_instant(ours, expected),
        }
    }
}

fn is_same_instant(ours: &str, expected: &str) -> bool {
    Timestamp::parse(ours).is_ok_and(|at| Timestamp::parse(expected) == Ok(at))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= chunk.len() { digit as char } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded() {
        assert_eq!(
            (base64(b"hi"), base64(b""), base64(b"abc")),
            ("aGk=".into(), String::new(), "YWJj".into())
        );
    }
}
