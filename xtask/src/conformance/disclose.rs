//! Checks the assessment of a breach against the decisions of the guidance's examples, as a table of others has them.

use super::Report;
use ambit_disclose::{Case, assess, cases};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The committed table: what each decision in the data means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    means: BTreeMap<String, String>,
}

impl Table {
    /// # Errors
    /// Where the table cannot be understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| format!("disclose.toml: {e}"))
    }

    /// Checks each row of both tables below the folder.
    pub fn check(&self, folder: &Path, report: &mut Report) {
        let cases = cases();
        for file in ["edpb_cases.csv", "wp250_annex_b.csv"] {
            let path = folder.join(file);
            if !path.is_file() {
                report.note(format!("{}: not there", path.display()));
                continue;
            }
            report.n_sets += 1;
            if let Err(why) = self.rows(&path, &cases, report) {
                report.fail(format!("{file}: {why}"));
            }
        }
    }

    fn rows(&self, path: &Path, cases: &[Case], report: &mut Report) -> Result<(), csv::Error> {
        let mut reader = csv::Reader::from_path(path)?;
        for row in reader.deserialize::<BTreeMap<String, String>>() {
            let row = row?;
            let said = |name: &str| row.get(name).map_or("", String::as_str);
            let id = said("id");
            report.n_events += 1;
            let Some(case) = cases.iter().find(|case| case.id == id) else {
                report.fail(format!("{id}: no such case here"));
                continue;
            };
            let found = assess(&case.facts);
            for (what, theirs, ours) in [
                ("authority", said("notify_sa"), found.notify_authority),
                ("persons", said("notify_subjects"), found.tell_persons),
            ] {
                report.n_fields += 1;
                match self.means.get(theirs) {
                    Some(meant) if *meant == ours.to_string() => {}
                    Some(meant) => report.fail(format!("{id}: {what}: expected {meant}, found {ours}")),
                    None => *report.unlisted.entry(theirs.to_owned()).or_default() += 1,
                }
            }
        }
        Ok(())
    }
}
