//! SigmaHQ's rules and their regression tests: every rule is loaded, or stands on a committed list with the reason why
//! not; every test fires its rule as often as it says; and the index before the rules leaves out none that matches.

use super::Report;
use ambit_detect::{Detector, Placeholders, Refusal, RuleSet};
use ambit_event::{Batch, Event, Keys};
use ambit_source::{Options, discover, read};
use saphyr::{LoadableYamlNode, Yaml};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What is known of the public rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By file: what the refusal must say, in part.
    refused: BTreeMap<String, String>,
    /// Tests whose log holds another number of matching events than the test says.
    #[serde(default)]
    counted: Vec<Counted>,
}

/// How often a rule matches its test's log by the rule's own words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    rule: String,
    n: usize,
    why: String,
}

/// Collections whose events both ways of asking the rules are compared on.
const CORPORA: [&str; 5] = [
    "sigma/regression",
    "evtx-to-mitre",
    "otrf-security-datasets",
    "crowdsec-hub-tests",
    "stratus-red-team",
];

/// Events of each file that are asked about without the index, which takes a hundred times as long.
const COMPARED: usize = 40;

impl Table {
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|error| format!("sigma.toml: {error}"))?;
        match table.counted.iter().any(|counted| counted.why.trim().is_empty()) {
            true => Err("sigma.toml: every count has a reason".to_owned()),
            false => Ok(table),
        }
    }

    pub fn check(&self, data: &Path) -> Vec<(&'static str, Report)> {
        let rules_dir = data.join("sigma/rules-all");
        let mut loaded = Report::default();
        let rules = self.rules(&rules_dir, &mut loaded);
        vec![
            ("sigma/rules-all", loaded),
            (
                "sigma/regression",
                self.regression(&data.join("sigma/regression"), &rules),
            ),
            ("sigma/index", index(data, &rules)),
        ]
    }

    fn rules(&self, dir: &Path, report: &mut Report) -> RuleSet {
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
        let n_idle = Detector::new(&rules).idle().count();
        report.note(format!(
            "{n_idle} of the rules are about logs that are not read here"
        ));
        rules
    }

    /// Each test fires its rule on its log. Findings of other rules are counted.
    fn regression(&self, dir: &Path, rules: &RuleSet) -> Report {
        let mut report = Report::default();
        let mut detector = Detector::new(rules);
        let (mut n_others, mut others) = (0, BTreeSet::new());
        let infos = WalkDir::new(dir).sort_by_file_name().into_iter().flatten();
        for info in infos.filter(|entry| entry.file_name() == "info.yml") {
            for test in tests(info.path()) {
                if !test.log.exists() {
                    report.note(format!("{}: the log of a test is not there", test.rule));
                    continue;
                }
                report.n_sets += 1;
                let events = events(&test.log, &mut report);
                let fired: Vec<String> = events
                    .iter()
                    .flat_map(|event| detector.check(event))
                    .map(|finding| finding.rule_id)
                    .collect();
                let n = fired.iter().filter(|id| **id == test.rule).count();
                n_others += fired.len() - n;
                others.extend(fired.into_iter().filter(|id| *id != test.rule));
                report.n_fields += 1;
                let counted = self.counted.iter().find(|counted| counted.rule == test.rule);
                let wanted = counted.map(|counted| counted.n).or(test.n);
                if wanted.map_or(n == 0, |wanted| n != wanted) {
                    let wanted = wanted.map_or("once or more".to_owned(), |n| n.to_string());
                    report.fail(format!(
                        "{}: fired {n} times, not {wanted}: {}",
                        test.rule,
                        test.log.display()
                    ));
                }
            }
        }
        report.note(format!("{} other rules fired {n_others} times", others.len()));
        report
    }
}

fn says(refusal: &Refusal, why: &str) -> bool {
    refusal.to_string().contains(why)
}

/// A test of a rule: the log that must fire it.
struct Test {
    rule: String,
    log: PathBuf,
    /// How often, where it says so.
    n: Option<usize>,
}

fn tests(info: &Path) -> Vec<Test> {
    let info_text = std::fs::read_to_string(info).unwrap_or_default();
    let Ok(documents) = Yaml::load_from_str(&info_text) else {
        return Vec::new();
    };
    let Some(document) = documents.into_iter().next() else {
        return Vec::new();
    };
    let ids: Vec<String> = list(&document, "rule_metadata")
        .iter()
        .filter_map(|rule| text(rule, "id").map(str::to_owned))
        .collect();
    let mut found = Vec::new();
    for test in list(&document, "regression_tests_info") {
        let name = text(test, "path")
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        let n = test.as_mapping_get("match_count").and_then(Yaml::as_integer);
        for rule in &ids {
            found.push(Test {
                rule: rule.clone(),
                log: info.with_file_name(name),
                n: n.and_then(|n| usize::try_from(n).ok()),
            });
        }
    }
    found
}

fn list<'y>(yaml: &'y Yaml<'_>, key: &str) -> &'y [Yaml<'y>] {
    yaml.as_mapping_get(key)
        .and_then(|list| list.as_vec())
        .map_or(&[], Vec::as_slice)
}

fn text<'y>(yaml: &'y Yaml<'_>, key: &str) -> Option<&'y str> {
    yaml.as_mapping_get(key)?.as_str()
}

/// Both ways of asking the rules give the same findings.
fn index(data: &Path, rules: &RuleSet) -> Report {
    let mut report = Report::default();
    let (mut quick, mut slow) = (Detector::new(rules), Detector::unfiltered(rules));
    for corpus in CORPORA {
        let files = WalkDir::new(data.join(corpus))
            .sort_by_file_name()
            .into_iter()
            .flatten();
        for file in files.filter(|entry| entry.file_type().is_file()) {
            let mut unread = Report::default();
            let events = events(file.path(), &mut unread);
            report.n_sets += usize::from(!events.is_empty());
            // Spread over the file, so that each kind of event has its chance.
            for event in events.iter().step_by(events.len().div_ceil(COMPARED).max(1)) {
                report.n_events += 1;
                let (ours, all) = (quick.check(event), slow.check(event));
                report.n_fields += all.len();
                if ours != all {
                    let ids = |findings: &[ambit_event::Finding]| -> Vec<String> {
                        findings.iter().map(|finding| finding.rule_id.clone()).collect()
                    };
                    let (ours, all) = (ids(&ours), ids(&all));
                    report.fail(format!(
                        "{}: {ours:?} with the index, {all:?} without",
                        file.path().display()
                    ));
                }
            }
        }
    }
    report
}

fn events(path: &Path, report: &mut Report) -> Vec<Event> {
    let options = Options::default();
    let (inputs, errors) = discover(&[path.to_owned()], &options);
    for error in errors {
        report.fail(error.to_string());
    }
    let mut events = Vec::new();
    for input in inputs {
        let mut sink = |batch: Batch| {
            report.n_events += batch.events.len();
            report.n_rejects += batch.rejects.len();
            events.extend(batch.events);
            ControlFlow::Continue(())
        };
        if let Err(error) = read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink) {
            report.fail(error.to_string());
        }
    }
    events
}
