//! SigmaHQ's rules: every one is loaded, or stands on a committed list with the reason why not.

use super::Report;
use ambit_detect::{Placeholders, Refusal, RuleSet};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What is known of the public rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By file: what the refusal must say, in part.
    refused: BTreeMap<String, String>,
}

impl Table {
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("sigma.toml: {error}"))
    }

    pub fn check(&self, data: &Path) -> Vec<(&'static str, Report)> {
        vec![("sigma/rules-all", self.rules(&data.join("rules-all")))]
    }

    fn rules(&self, dir: &Path) -> Report {
        let mut report = Report::default();
        let mut folders: Vec<_> = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("rules"))
            })
            .collect();
        folders.sort();
        let rules = RuleSet::load(&folders, &Placeholders::none());
        report.n_sets = folders.len();
        report.n_events = rules.n_loaded();
        report.n_rejects = rules.refused().len();
        let mut left = self.refused.clone();
        for refusal in rules.refused() {
            let name = refusal
                .path
                .strip_prefix(dir)
                .unwrap_or(&refusal.path)
                .to_string_lossy()
                .into_owned();
            match left.remove(&name) {
                Some(why) if says(refusal, &why) => {}
                _ => report.fail(refusal.to_string()),
            }
        }
        for name in left.keys() {
            report.fail(format!("{name} is on the list of refusals and was loaded"));
        }
        for remark in rules.remarks() {
            report.note(remark.to_string());
        }
        report
    }
}

fn says(refusal: &Refusal, why: &str) -> bool {
    refusal.to_string().contains(why)
}
