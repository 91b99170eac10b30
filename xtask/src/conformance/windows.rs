//! Checks our Windows decoders: binary logs against the crate `evtx`'s own reading of them and against dumps that
//! others made of them, JSON of shippers against its own fields.

mod expected;

use super::Report;
use ambit_event::{Batch, Event, EventId, Keys};
use ambit_source::{Options, discover, read};
use expected::Expected;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The committed list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(default)]
    skip: Vec<Skip>,
    #[serde(default)]
    reject: Vec<Known>,
}

/// A file that is not checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    file: String,
    why: String,
}

/// A record that cannot be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    file: String,
    contains: String,
    why: String,
}

impl Table {
    /// # Errors
    /// Where the list cannot be understood or lacks a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|e| format!("windows.toml: {e}"))?;
        let mut reasons = table
            .skip
            .iter()
            .map(|s| &s.why)
            .chain(table.reject.iter().map(|r| &r.why));
        match reasons.any(|why| why.trim().is_empty()) {
            true => Err("windows.toml: every entry has a reason".to_owned()),
            false => Ok(table),
        }
    }

    /// Checks the three collections.
    pub fn check(&self, data: &Path) -> Vec<(&'static str, Report)> {
        type Check = fn(&mut Set<'_>, &Path);
        let collections: [(&'static str, &str, &str, Check); 3] = [
            ("sigma regression", "sigma/regression", "evtx", |set, file| {
                set.pair(file)
            }),
            ("evtx-to-mitre", "evtx-to-mitre", "evtx", |set, file| {
                set.binary(file)
            }),
            (
                "otrf-security-datasets",
                "otrf-security-datasets/datasets",
                "zip gz",
                |set, file| set.shipped(file),
            ),
        ];
        let checked = collections.map(|(name, folder, endings, check)| {
            let mut report = Report::default();
            let files = files(&data.join(folder), endings);
            if files.is_empty() {
                report.note(format!("{folder}: not there"));
            }
            for file in files {
                if let Some(skip) = self.skip.iter().find(|skip| file.ends_with(&skip.file)) {
                    report.note(format!("{} is not checked: {}", skip.file, skip.why));
                    continue;
                }
                report.n_sets += 1;
                let set = &mut Set {
                    table: self,
                    report: &mut report,
                };
                check(set, &file);
            }
            (name, report)
        });
        checked.into()
    }
}

fn files(folder: &Path, endings: &str) -> Vec<PathBuf> {
    let is_wanted = |path: &Path| {
        let ending = path.extension().and_then(|e| e.to_str());
        ending.is_some_and(|ending| endings.split(' ').any(|wanted| wanted == ending))
    };
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    walk.map(walkdir::DirEntry::into_path)
        .filter(|path| is_wanted(path))
        .collect()
}

struct Set<'a> {
    table: &'a Table,
    report: &'a mut Report,
}

impl Set<'_> {
    /// A binary log beside the dump that others made of it.
    fn pair(&mut self, file: &Path) {
        let events = self.binary_events(file);
        let dump = file.with_extension("json");
        let theirs = std::fs::read_to_string(&dump).unwrap_or_default();
        let theirs: Vec<Value> = serde_json::Deserializer::from_str(&theirs)
            .into_iter()
            .flatten()
            .collect();
        let ours = self.events(&dump, "windows_json");
        if (events.len(), ours.len()) != (theirs.len(), theirs.len()) {
            let (n, m) = (events.len(), ours.len());
            let why = format!(
                "{n} events in the log, {m} in the dump, {} by serde_json",
                theirs.len()
            );
            return self.fail(file, &why);
        }
        let dumped: BTreeMap<EventId, &Event> = ours.iter().map(|event| (event.id, event)).collect();
        for (event, value) in events.iter().zip(&theirs) {
            self.compare(file, event, &Expected::dumped(value));
            match dumped.get(&event.id) {
                None => self.fail(file, "the event in the log and in its dump are not one"),
                Some(twin) => self.compare_twins(file, event, twin),
            }
        }
        for (event, value) in ours.iter().zip(&theirs) {
            self.compare(&dump, event, &Expected::dumped(value));
        }
    }

    /// A binary log beside what the crate says of it.
    fn binary(&mut self, file: &Path) {
        let events = self.binary_events(file);
        let theirs: Vec<_> = match evtx::EvtxParser::from_path(file) {
            Ok(mut parser) => parser.records_json_value().collect(),
            Err(error) => return self.fail(file, &error.to_string()),
        };
        if events.len() != theirs.len() {
            let why = format!("{} events, {} by the crate itself", events.len(), theirs.len());
            return self.fail(file, &why);
        }
        for (event, value) in events.iter().zip(theirs) {
            match value {
                Ok(record) => self.compare(file, event, &Expected::exact(&record.data)),
                Err(error) => self.fail(file, &error.to_string()),
            }
        }
    }

    /// JSON lines of a shipper.
    fn shipped(&mut self, file: &Path) {
        for event in self.events(file, "windows_json") {
            match serde_json::from_slice(&event.raw) {
                Ok(value) => self.compare(file, &event, &Expected::shipped(&value)),
                Err(error) => self.fail(file, &format!("what became an event is no JSON: {error}")),
            }
        }
    }

    fn binary_events(&mut self, file: &Path) -> Vec<Event> {
        let events = self.events(file, "windows_evtx");
        let bytes = std::fs::read(file).unwrap_or_default();
        for event in &events {
            let from = usize::try_from(event.provenance.offset).unwrap_or(usize::MAX);
            let is_there = bytes.get(from..).is_some_and(|rest| rest.starts_with(&event.raw));
            if !is_there || !event.raw.starts_with(b"**\0\0") {
                self.fail(file, "an event's bytes do not stand where it says");
            }
        }
        events
    }

    /// The events of a file that is recognized as this format; a reject is a failure unless it is known.
    fn events(&mut self, file: &Path, format: &str) -> Vec<Event> {
        let options = Options::default();
        let (inputs, errors) = discover(&[file.to_owned()], &options);
        for error in errors {
            self.fail(file, &error.to_string());
        }
        let mut whole = Batch::default();
        for input in inputs {
            if input.evidence.source != format {
                self.fail(file, &format!("read as {}", input.evidence.source));
            }
            let mut sink = |batch: Batch| {
                whole.events.extend(batch.events);
                whole.rejects.extend(batch.rejects);
                whole.rejects.extend(batch.unfinished.unwrap_or_default().rejects);
                ControlFlow::Continue(())
            };
            if let Err(error) = read(&input, &options, &keys(), None, &mut sink) {
                self.fail(file, &error.to_string());
            }
        }
        for reject in &whole.rejects {
            let text = String::from_utf8_lossy(&reject.raw);
            let is_known = |known: &Known| file.ends_with(&known.file) && text.contains(&known.contains);
            if !self.table.reject.iter().any(is_known) {
                self.fail(
                    file,
                    &format!("rejected at {}: {}", reject.position.offset, reject.reason),
                );
            }
        }
        self.report.n_rejects += whole.rejects.len();
        self.report.n_events += whole.events.len();
        whole.events
    }

    /// Each field that the other reading knows, and none besides; and the columns that say the same.
    fn compare(&mut self, file: &Path, event: &Event, expected: &Expected) {
        for (name, wanted) in &expected.fields {
            self.report.n_fields += 1;
            if let Some(why) = expected.differs(event.fields.get(name), wanted) {
                self.fail(file, &format!("event {:?}: {name}: {why}", event.sequence));
            }
        }
        let unknown = event
            .fields
            .iter()
            .find(|(name, _)| !expected.fields.contains_key(*name));
        if let Some((name, value)) = unknown {
            self.fail(
                file,
                &format!("event {:?}: {name} is not in the record: {value}", event.sequence),
            );
        }
        let text = |name: &str| expected.fields.get(name).and_then(Value::as_str);
        let number = |name: &str| expected.fields.get(name).and_then(expected::number);
        let columns = [
            (event.host.as_deref() == text("Computer"), "host"),
            (event.stream.as_deref() == text("Channel"), "stream"),
            (event.sequence == number("EventRecordID"), "sequence"),
            (expected.is_at(event.time), "time"),
        ];
        for (is_same, column) in columns {
            self.report.n_fields += 1;
            if !is_same {
                self.fail(
                    file,
                    &format!("event {:?}: the column {column} differs", event.sequence),
                );
            }
        }
    }

    /// What an older dump loses are blanks at the end and digits of the time, nothing else.
    fn compare_twins(&mut self, file: &Path, log: &Event, dump: &Event) {
        let all = |event: &Event| -> BTreeMap<String, Value> {
            event
                .fields
                .iter()
                .map(|(name, value)| (name.clone(), expected::trimmed(value)))
                .collect()
        };
        let columns = |event: &Event| {
            let mut event = event.clone();
            event.time.0 = event.time.0.div_euclid(1000);
            event.resource = event.resource.map(|text| text.trim().to_owned());
            event.precision = 0;
            event.raw.clear();
            event.fields = ambit_event::Fields::default();
            event.provenance = ambit_event::Provenance::default();
            event
        };
        self.report.n_fields += 1;
        if all(log) != all(dump) || columns(log) != columns(dump) {
            self.fail(
                file,
                &format!("event {:?} differs between the log and its dump", log.sequence),
            );
        }
    }

    fn fail(&mut self, file: &Path, why: &str) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        self.report
            .fail(format!("{name}: {}", ambit_event::printable(why, 300)));
    }
}

fn keys() -> Keys {
    Keys::derive(&[7; 32])
}
