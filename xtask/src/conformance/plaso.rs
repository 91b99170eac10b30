//! Checks our decoders against text logs that Plaso's parsers are tested with. What their lines say was read
//! off them by hand, into a committed table.

use super::Report;
use super::crowdsec::ours;
use super::records::recognized;
use ambit_event::{Batch, Event, Keys, Timestamp, printable};
use ambit_source::{Context, decode_all};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The committed table: which files are whose, and what their lines say.
#[derive(Debug, Deserialize)]
pub struct Table {
    #[serde(default)]
    file: Vec<Known>,
    #[serde(default)]
    skip: Vec<Skip>,
}

#[derive(Debug, Deserialize)]
struct Known {
    name: String,
    source: String,
    /// When it was last written, for lines without a year.
    modified: Option<String>,
    events: usize,
    /// Lines that are rightly rejected: what each begins with, and why.
    #[serde(default)]
    rejects: BTreeMap<String, String>,
    #[serde(default)]
    line: Vec<Line>,
}

/// What a line says, by our columns and fields.
#[derive(Debug, Deserialize)]
struct Line {
    at: u64,
    says: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Skip {
    name: String,
    why: String,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood, or skips something without a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|e| format!("plaso.toml: {e}"))?;
        let mut reasons = table
            .skip
            .iter()
            .map(|s| &s.why)
            .chain(table.file.iter().flat_map(|f| f.rejects.values()));
        match reasons.any(|why| why.trim().is_empty()) {
            true => Err("plaso.toml: every skip and reject has a reason".to_owned()),
            false => Ok(table),
        }
    }
}

/// Checks each file of the folder.
pub fn check(folder: &Path, table: &Table, report: &mut Report) {
    if !folder.is_dir() {
        return report.note(format!("{}: not there", folder.display()));
    }
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    let files: BTreeSet<_> = entries
        .filter(|e| e.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .collect();
    for path in files {
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if let Some(known) = table.file.iter().find(|f| f.name == name) {
            match std::fs::read(&path) {
                Ok(bytes) => known.check(&bytes, report),
                Err(error) => report.fail(format!("{name}: {error}")),
            }
        } else if table.skip.iter().any(|s| name.starts_with(&s.name)) {
            report.n_skipped += 1;
        } else {
            *report.unlisted.entry(name).or_default() += 1;
        }
    }
}

impl Known {
    fn check(&self, bytes: &[u8], report: &mut Report) {
        report.n_sets += 1;
        let Some(format) = recognized(&self.name, bytes) else {
            return report.fail(format!("{}: no format recognizes it", self.name));
        };
        if format.name() != self.source {
            report.fail(format!(
                "{}: recognized as {}, not as {}",
                self.name,
                format.name(),
                self.source
            ));
        }
        let mut context = Context::bare(Keys::derive(&[7; 32]));
        context.modified = self.modified.as_deref().and_then(|at| Timestamp::parse(at).ok());
        let batch = decode_all(&format, bytes, &context).unwrap_or_default();
        report.n_events += batch.events.len();
        if batch.events.len() != self.events {
            let why = format!(
                "{}: {} events, not {}",
                self.name,
                batch.events.len(),
                self.events
            );
            report.fail(why);
        }
        self.check_rejects(&batch, report);
        for line in &self.line {
            match batch.events.iter().find(|e| e.provenance.line == line.at) {
                Some(event) => self.check_line(line, event, report),
                None => report.fail(format!("{} line {}: no event", self.name, line.at)),
            }
        }
    }

    fn check_rejects(&self, batch: &Batch, report: &mut Report) {
        report.n_rejects += batch.rejects.len();
        for reject in &batch.rejects {
            let text = String::from_utf8_lossy(&reject.raw);
            if !self.rejects.keys().any(|head| text.starts_with(head)) {
                let shown = printable(&text, 80);
                report.fail(format!("{}: rejected ({}): {shown}", self.name, reject.reason));
            }
        }
    }

    fn check_line(&self, line: &Line, event: &Event, report: &mut Report) {
        for (path, expected) in &line.says {
            report.n_fields += 1;
            let found = ours(event, path);
            let is_same = found.as_deref().unwrap_or("").trim() == expected;
            if !is_same {
                let found = found.map_or_else(|| "nothing".to_owned(), |v| format!("`{v}`"));
                let why = format!(
                    "{} line {}: {path}: expected `{expected}`, found {found}",
                    self.name, line.at
                );
                report.fail(printable(&why, 300));
            }
        }
    }
}
