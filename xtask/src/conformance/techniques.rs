//! ATT&CK techniques that other people recorded, one in each log: is there a finding that names the right one?

use super::Report;
use ambit_detect::{Board, Miss, Pipelines, Placeholders, Rule, RuleSet, Run, Terms};
use ambit_event::{Batch, Event, Keys};
use ambit_source::{LastRecord, Options, discover, read};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Numbers that ATT&CK gave up, and those that say the same now.
    renamed: BTreeMap<String, String>,
    /// The techniques of logs of which their authors name the tactic alone, by the name of the log.
    ours: BTreeMap<String, Vec<String>>,
    /// The least share of logs, by collection.
    floor: BTreeMap<String, Floor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    exact: f64,
    technique: f64,
    any: f64,
}

/// How near the findings of a log come to the technique that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    Nothing,
    /// There is a finding above informational, of another technique.
    Other,
    /// The technique is right, the sub-technique is not.
    Technique,
    Exact,
}

/// Why a log is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    NoRule,
    OtherLogs,
    NoFields,
    OtherValues,
}

impl Why {
    const fn of(miss: &Miss) -> Self {
        match miss {
            Miss::OtherLog => Self::OtherLogs,
            Miss::NoField(_) => Self::NoFields,
            Miss::OtherValue => Self::OtherValues,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NoRule => "no rule names the technique",
            Self::OtherLogs => "its rules are about other logs or events",
            Self::NoFields => "its rules ask for fields that the records do not have",
            Self::OtherValues => "its rules ask for other values",
        }
    }
}

/// A log and the techniques one of which it is of.
struct Case {
    name: String,
    log: PathBuf,
    techniques: Vec<String>,
}

impl Table {
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("techniques.toml: {error}"))
    }

    /// With SigmaHQ's rules, and with those that are built in beside them.
    pub fn check(&self, data: &Path) -> Vec<(&'static str, Report)> {
        let theirs = [data.join("sigma/rules-all")];
        let (none, no_pipeline) = (Placeholders::none(), Pipelines::none());
        let windows = self.of_folders(&data.join("evtx-to-mitre"));
        let cloud = self.of_index(&data.join("stratus-red-team"));
        let rules = RuleSet::load(&theirs, &none);
        let both = RuleSet::load_with_own(&theirs, &none, &no_pipeline);
        vec![
            (
                "techniques/evtx-to-mitre",
                self.judged("evtx-to-mitre", &windows, &rules),
            ),
            (
                "techniques/stratus-red-team",
                self.judged("stratus-red-team", &cloud, &rules),
            ),
            (
                "techniques/evtx-to-mitre and our rules",
                self.judged("evtx-to-mitre and our rules", &windows, &both),
            ),
            (
                "techniques/stratus-red-team and our rules",
                self.judged("stratus-red-team and our rules", &cloud, &both),
            ),
        ]
    }

    /// Logs below folders that bear the number of a technique.
    fn of_folders(&self, dir: &Path) -> Vec<Case> {
        let files = WalkDir::new(dir).sort_by_file_name().into_iter().flatten();
        let logs = files.filter(|file| file.path().extension().is_some_and(|end| end == "evtx"));
        let case = |log: walkdir::DirEntry| {
            let folder = log.path().parent()?.file_name()?.to_string_lossy().into_owned();
            let technique = folder
                .split(['-', ' '])
                .next()?
                .trim_end_matches(".xxx")
                .to_owned();
            is_technique(&technique).then(|| Case {
                name: format!("{folder}/{}", log.file_name().to_string_lossy()),
                log: log.path().to_path_buf(),
                techniques: vec![self.now(&technique)],
            })
        };
        logs.filter_map(case).collect()
    }

    /// Logs that an index names with their techniques; numbers of other catalogues are passed over.
    fn of_index(&self, dir: &Path) -> Vec<Case> {
        let index = std::fs::read_to_string(dir.join("index.yaml")).unwrap_or_default();
        let mut named: BTreeMap<String, Vec<String>> = self.ours.clone();
        let mut current = String::new();
        for line in index.lines() {
            let line = line.trim().trim_start_matches("- ");
            match line.strip_prefix("id: ") {
                Some(id) if is_technique(id) => named.entry(current.clone()).or_default().push(id.to_owned()),
                Some(id) if id.contains('.') && !id.starts_with('T') => current = id.to_owned(),
                _ => {}
            }
        }
        let mut logs: Vec<PathBuf> = std::fs::read_dir(dir.join("detonation-logs"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        logs.sort();
        let case = |log: PathBuf| {
            let name = log.file_stem()?.to_string_lossy().into_owned();
            let techniques = named.get(&name)?.iter().map(|one| self.now(one)).collect();
            Some(Case {
                name,
                log,
                techniques,
            })
        };
        logs.into_iter().filter_map(case).collect()
    }

    fn now(&self, technique: &str) -> String {
        self.renamed
            .get(technique)
            .map_or_else(|| technique.to_owned(), Clone::clone)
    }

    fn judged(&self, collection: &str, cases: &[Case], rules: &RuleSet) -> Report {
        let mut report = Report::default();
        let mut of_technique: BTreeMap<&str, (Near, usize, usize)> = BTreeMap::new();
        let mut counted: BTreeMap<Near, usize> = BTreeMap::new();
        let mut whys: BTreeMap<(Why, Near), usize> = BTreeMap::new();
        for case in cases {
            report.n_sets += 1;
            let events = events(&case.log, &mut report);
            let (near, told) = self.near(case, rules, &events);
            *counted.entry(near).or_default() += 1;
            for technique in &case.techniques {
                let known = of_technique.entry(technique).or_insert((Near::Nothing, 0, 0));
                known.0 = known.0.max(near);
                known.1 += 1;
                known.2 += usize::from(near >= Near::Technique);
            }
            if near < Near::Technique {
                let (why, rules) = self.why(case, rules, &events);
                *whys.entry((why, near)).or_default() += 1;
                report.note(format!(
                    "{} ({}): {near:?}: {told:?}: {}{rules}",
                    case.name,
                    case.techniques.join(" "),
                    why.text()
                ));
            }
        }
        for ((why, near), n) in &whys {
            let found = match near {
                Near::Nothing => "no finding",
                _ => "findings of other techniques",
            };
            report.note(format!("missed, {found}: {n}: {}", why.text()));
        }
        let least = |near: Near| -> usize {
            counted
                .iter()
                .filter(|(one, _)| **one >= near)
                .map(|(_, n)| n)
                .sum()
        };
        report.n_fields = least(Near::Technique);
        report.note(format!(
            "of {} logs a finding names the sub-technique of {}, the technique of {}, and there is one of {}",
            cases.len(),
            least(Near::Exact),
            least(Near::Technique),
            least(Near::Other)
        ));
        let of = |near: Near| of_technique.values().filter(|known| known.0 >= near).count();
        report.note(format!(
            "of {} techniques a finding names the sub-technique of {}, the technique of {}",
            of_technique.len(),
            of(Near::Exact),
            of(Near::Technique)
        ));
        for (technique, (near, n, n_right)) in &of_technique {
            report.note(format!("| {technique} | {n} | {n_right} | {near:?} |"));
        }
        if let Some(floor) = self.floor.get(collection) {
            let n = f64::max(cases.len() as f64, 1.0);
            for (near, floor) in [
                (Near::Exact, floor.exact),
                (Near::Technique, floor.technique),
                (Near::Other, floor.any),
            ] {
                let share = least(near) as f64 / n;
                if share < floor {
                    report.fail(format!(
                        "{near:?}: {share:.3} of the logs, at least {floor} must be"
                    ));
                }
            }
        } else {
            report.fail("techniques.toml has no floor for it".to_owned());
        }
        report
    }

    /// Why no rule of the technique matches, and the rules that come nearest.
    fn why(&self, case: &Case, rules: &RuleSet, events: &[Event]) -> (Why, String) {
        let is_of_it = |rule: &&Rule| {
            let mut named = rule.head.techniques();
            named.any(|told| nearness(&self.now(&told), &case.techniques) >= Near::Technique)
        };
        let misses = rules.rules().iter().filter(is_of_it).filter_map(|rule| {
            let nearest = events.iter().map(|event| rule.miss(event)).max();
            nearest.map(|miss| (miss, rule.head.title.as_str()))
        });
        let misses: Vec<(Miss, &str)> = misses.collect();
        let Some((nearest, _)) = misses.iter().max() else {
            return (Why::NoRule, String::new());
        };
        let why = Why::of(nearest);
        if why == Why::OtherLogs {
            return (why, format!(" ({})", misses.len()));
        }
        let mut told: Vec<String> = misses
            .iter()
            .filter(|(miss, _)| Why::of(miss) == why)
            .map(|(miss, title)| match miss {
                Miss::NoField(fields) => format!("{title} ({})", fields.join(" ")),
                _ => (*title).to_owned(),
            })
            .collect();
        told.sort();
        (why, format!(": {}", told.join("; ")))
    }

    /// How near the findings over a log come, and what they name.
    fn near(&self, case: &Case, rules: &RuleSet, events: &[Event]) -> (Near, BTreeSet<String>) {
        let mut run = Run::new(
            rules,
            Terms {
                lateness_secs: 86_400 * 36_500,
                ..Terms::new()
            },
        );
        let mut board = Board::default();
        for event in events {
            run.take(event).into_iter().for_each(|entry| board.note(entry));
        }
        run.finish().into_iter().for_each(|entry| board.note(entry));
        let findings = board.findings();
        let mut told = BTreeSet::new();
        let mut near = Near::Nothing;
        for finding in findings {
            near = near.max(Near::Other);
            for attack in finding.attack.iter().map(|attack| self.now(attack)) {
                near = near.max(nearness(&attack, &case.techniques));
                told.insert(attack);
            }
        }
        (near, told)
    }
}

fn nearness(told: &str, meant: &[String]) -> Near {
    let parent = |technique: &str| technique.split('.').next().unwrap_or_default().to_owned();
    let one = |meant: &String| match () {
        // A sub-technique is one of the technique, where no more is said.
        () if told == meant || (!meant.contains('.') && parent(told) == *meant) => Near::Exact,
        () if parent(told) == parent(meant) => Near::Technique,
        () => Near::Nothing,
    };
    meant.iter().map(one).max().unwrap_or(Near::Nothing)
}

/// `T1059` or `T1059.001`.
fn is_technique(text: &str) -> bool {
    let digits = text.strip_prefix('T').unwrap_or_default();
    let mut parts = digits.split('.');
    let is_number = |part: &str, n: usize| part.len() == n && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next().is_some_and(|part| is_number(part, 4))
        && parts.next().is_none_or(|part| is_number(part, 3))
        && parts.next().is_none()
}

fn events(path: &Path, report: &mut Report) -> Vec<Event> {
    let options = Options {
        last_record: LastRecord::IsWhole,
        ..Options::default()
    };
    let (inputs, errors) = discover(&[path.to_owned()], &options);
    errors
        .into_iter()
        .for_each(|error| report.fail(error.to_string()));
    let mut events = Vec::new();
    for input in inputs {
        let mut sink = |batch: Batch| {
            report.n_rejects += batch.rejects.len();
            events.extend(batch.events);
            ControlFlow::Continue(())
        };
        if let Err(error) = read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink) {
            report.fail(error.to_string());
        }
    }
    report.n_events += events.len();
    events
}
