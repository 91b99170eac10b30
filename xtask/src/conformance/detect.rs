//! What the behaviours find, without any rule: the attackers that other people's tests name, nobody where they expect
//! none, and each attack of the drills, with few findings beside it.

use super::{Report, crowdsec};
use ambit_detect::{Board, Entry, Pipelines, Placeholders, RuleSet, Run, Terms};
use ambit_drill::{Attack, Folder, Plan, Truth};
use ambit_event::{Batch, Event, Finding, Keys, Level, ObservableKind, Timestamp};
use ambit_source::{Mapping, Options, discover, read};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

/// What is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Sets with these log types are looked at.
    log_types: Vec<String>,
    /// The least share of attackers that must be named.
    recall: f64,
    /// Sets that are not looked at.
    #[serde(default)]
    skip_set: Vec<Reason>,
    /// Attackers that cannot be named.
    #[serde(default)]
    missed: Vec<Reason>,
    /// The attacks of drills, with what must be found of them.
    #[serde(default)]
    drill: Vec<Noticed>,
    /// The most findings above low over the web log of people and crawlers.
    #[serde(default)]
    web_above_low: usize,
    /// The most findings above low in a day of the drills' benign traffic.
    #[serde(default)]
    false_a_day: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    name: String,
    why: String,
}

/// What must be found of an attack.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Noticed {
    attack: String,
    /// The rule that notices it; none: it is not noticed, for this reason.
    rule: Option<String>,
    why: Option<String>,
}

impl Table {
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Self = toml::from_str(text).map_err(|error| format!("detect.toml: {error}"))?;
        let mut reasons = table.skip_set.iter().chain(&table.missed);
        let unnoticed = table.drill.iter().filter(|drill| drill.rule.is_none());
        let is_bare = reasons.any(|reason| reason.why.trim().is_empty());
        match is_bare || unnoticed.into_iter().any(|drill| drill.why.is_none()) {
            true => Err("detect.toml: whatever is not found has a reason".to_owned()),
            false => Ok(table),
        }
    }

    pub fn check(&self, data: &Path) -> Vec<(&'static str, Report)> {
        vec![
            (
                "detect/crowdsec-hub-tests",
                self.named(&data.join("crowdsec-hub-tests")),
            ),
            (
                "detect/elastic-examples",
                self.benign(&data.join("elastic-examples")),
            ),
            ("detect/drills", self.drills()),
        ]
    }

    /// Attackers that are named, and findings where there should be none.
    fn named(&self, dir: &Path) -> Report {
        let mut report = Report::default();
        let mut sets: Vec<_> = std::fs::read_dir(dir).into_iter().flatten().flatten().collect();
        sets.sort_by_key(std::fs::DirEntry::file_name);
        let (mut n_wanted, mut n_named, mut n_by_rule) = (0, 0, BTreeMap::<String, usize>::new());
        for set in sets {
            let name = set.file_name().to_string_lossy().into_owned();
            let config = std::fs::read_to_string(set.path().join("config.yaml")).unwrap_or_default();
            let log_type = crowdsec::setting(&config, "log_type");
            if !self.log_types.contains(&log_type) || self.skip_set.iter().any(|skip| skip.name == name) {
                continue;
            }
            let Ok(log) = std::fs::read(set.path().join(crowdsec::setting(&config, "log_file"))) else {
                report.fail(format!("{name}: its log file cannot be read"));
                continue;
            };
            let wanted = attackers(&set.path().join("scenario.assert"));
            let (events, _) = crowdsec::decode(&name, &log_type, &log, &Keys::derive(&[7; 32]));
            report.n_sets += 1;
            report.n_events += events.len();
            let found = found(events);
            let addresses: BTreeSet<&str> = found.iter().flat_map(addresses).collect();
            for finding in &found {
                *n_by_rule.entry(finding.rule_id.clone()).or_default() += 1;
            }
            for address in &wanted {
                n_wanted += 1;
                let is_named = addresses.contains(address.as_str());
                n_named += usize::from(is_named);
                let key = format!("{name} {address}");
                if !is_named && !self.missed.iter().any(|missed| missed.name == key) {
                    report.note(format!("nobody is named for {key}"));
                }
            }
            if wanted.is_empty() {
                for finding in found.iter().filter(|finding| finding.level > Some(Level::Low)) {
                    report.fail(format!(
                        "{name} expects none: {} {:?} {:?}",
                        finding.rule_id, finding.actor, finding.because
                    ));
                }
            }
        }
        report.n_fields = n_named;
        let share = n_named as f64 / f64::max(n_wanted as f64, 1.0);
        report.note(format!(
            "{n_named} of {n_wanted} attackers are named; findings by behaviour: {n_by_rule:?}"
        ));
        if share < self.recall {
            report.fail(format!("{:.1} % of the attackers are named", share * 100.0));
        }
        report
    }

    /// A web log that is mostly people and crawlers.
    fn benign(&self, dir: &Path) -> Report {
        let mut report = Report::default();
        let options = Options::default();
        let (inputs, _) = discover(&[dir.to_owned()], &options);
        let mut events = Vec::new();
        for input in inputs {
            let mut sink = |batch: Batch| {
                events.extend(batch.events);
                ControlFlow::Continue(())
            };
            // What is no log stands beside it.
            let read = read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink);
            report.n_sets += usize::from(read.is_ok());
        }
        report.n_events = events.len();
        let found = found(events);
        let mut by_rule: BTreeMap<(String, Option<Level>), usize> = BTreeMap::new();
        for finding in &found {
            *by_rule
                .entry((finding.rule_id.clone(), finding.level))
                .or_default() += 1;
        }
        report.note(format!("findings: {by_rule:?}"));
        let above: Vec<&Finding> = found
            .iter()
            .filter(|finding| finding.level > Some(Level::Low))
            .collect();
        for finding in &above {
            let actor: Vec<&str> = addresses(finding).collect();
            report.note(format!("{} {actor:?}: {:?}", finding.rule_id, finding.because));
        }
        if above.len() > self.web_above_low {
            report.fail(format!(
                "{} findings above low, at most {} may be",
                above.len(),
                self.web_above_low
            ));
        }
        report
    }

    /// Each attack is noticed, how soon, and what else is.
    fn drills(&self) -> Report {
        let mut report = Report::default();
        let (mut n_false, mut days) = (0, 0.0);
        for attack in Attack::ALL {
            let told = match drill(*attack) {
                Ok(told) => told,
                Err(error) => {
                    report.fail(format!("{attack}: {error}"));
                    continue;
                }
            };
            report.n_sets += 1;
            report.n_events += told.n_events;
            n_false += told.n_false;
            days += told.days;
            let wanted = self.drill.iter().find(|drill| drill.attack == attack.name());
            let rules: Vec<String> = told
                .rules
                .iter()
                .map(|(rule, (secs, level))| format!("{rule} ({level:?}) after {secs} s"))
                .collect();
            report.note(format!(
                "{attack}: {}; {} other findings above low in {:.0} days: {:?}",
                if rules.is_empty() {
                    "not noticed".to_owned()
                } else {
                    rules.join(", ")
                },
                told.n_false,
                told.days,
                told.others
            ));
            match wanted {
                None => report.fail(format!("{attack}: detect.toml does not say how it is noticed")),
                Some(Noticed { rule: Some(rule), .. }) if !told.rules.contains_key(rule) => {
                    report.fail(format!("{attack}: {rule} did not notice it"));
                }
                Some(Noticed { rule: Some(_), .. }) => report.n_fields += 1,
                Some(_) => {}
            }
        }
        let a_day = n_false as f64 / f64::max(days, 1.0);
        report.note(format!(
            "{a_day:.2} findings above low a day that are about nobody's attack"
        ));
        if a_day > self.false_a_day {
            report.fail(format!(
                "{a_day:.2} findings a day beside the attacks, at most {} may be",
                self.false_a_day
            ));
        }
        report
    }
}

/// What became of a drill.
struct Told {
    n_events: usize,
    days: f64,
    /// By rule: seconds from the intruder's first record to the one with which he was noticed, and the level.
    rules: BTreeMap<String, (i64, Option<Level>)>,
    n_false: usize,
    others: BTreeMap<String, usize>,
}

fn drill(attack: Attack) -> Result<Told, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut folder = Folder::create(dir.path()).map_err(|error| error.to_string())?;
    let mut plan = Plan::new(attack).users(400).hours(48).random_seed(5);
    plan.conduct.victims = 25;
    let truth = ambit_drill::publish(&plan, &mut folder).map_err(|error| error.to_string())?;
    let mappings = ["nginx_access.toml", "app.toml"].map(|name| {
        let text = std::fs::read_to_string(dir.path().join("mappings").join(name)).unwrap_or_default();
        Mapping::parse(&text, name).map_err(|error| error.to_string())
    });
    let options = Options {
        mappings: mappings.into_iter().collect::<Result<_, _>>()?,
        ..Options::default()
    };
    let (inputs, errors) = discover(&[dir.path().join("logs")], &options);
    if let Some(error) = errors.first() {
        return Err(error.to_string());
    }
    let mut events: Vec<(Event, bool)> = Vec::new();
    for input in inputs {
        let file = input.evidence.path.clone();
        let lines: BTreeSet<u64> = intruders_lines(&truth, &file);
        let mut sink = |batch: Batch| {
            events.extend(batch.events.into_iter().map(|event| {
                let is_intruders = lines.contains(&event.provenance.line);
                (event, is_intruders)
            }));
            ControlFlow::Continue(())
        };
        read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink)
            .map_err(|error| error.to_string())?;
    }
    events.sort_by_key(|(event, _)| (event.time, event.id));
    Ok(judged(&truth, &events))
}

fn intruders_lines(truth: &Truth, file: &str) -> BTreeSet<u64> {
    let found = truth.events.iter().filter_map(|event| event.found.as_ref());
    found
        .filter(|found| file.ends_with(&found.file))
        .map(|found| found.line)
        .collect()
}

fn judged(truth: &Truth, events: &[(Event, bool)]) -> Told {
    let ids: BTreeSet<_> = events
        .iter()
        .filter(|(_, is)| *is)
        .map(|(event, _)| event.id)
        .collect();
    let mut run = Run::new(&own_rules(), Terms::new());
    let mut board = Board::default();
    let mut rules: BTreeMap<String, (i64, Option<Level>)> = BTreeMap::new();
    let first = truth.first.unwrap_or_default();
    let mut note = |now: Timestamp, entry: Entry| {
        if let Entry::Raised { finding } | Entry::Corrected { finding, .. } = &entry
            && finding.events.iter().any(|id| ids.contains(id))
        {
            let secs = (now.0 - first.0) / 1_000_000_000;
            let told = rules
                .entry(finding.rule_id.clone())
                .or_insert((secs, finding.level));
            told.1 = told.1.max(finding.level);
        }
        board.note(entry);
    };
    for (event, _) in events {
        for entry in run.take(event) {
            note(event.time, entry);
        }
    }
    for entry in run.finish() {
        note(truth.window.until, entry);
    }
    let beside = |finding: &&&Finding| {
        finding.level > Some(Level::Low) && !finding.events.iter().any(|id| ids.contains(id))
    };
    let findings = board.findings();
    let others: Vec<&&Finding> = findings.iter().filter(beside).collect();
    let mut by_rule: BTreeMap<String, usize> = BTreeMap::new();
    for finding in &others {
        *by_rule.entry(finding.rule_id.clone()).or_default() += 1;
    }
    Told {
        n_events: events.len(),
        days: truth.window.nanos() as f64 / 86_400e9,
        rules,
        n_false: others.len(),
        others: by_rule,
    }
}

/// The rules that are built in.
fn own_rules() -> RuleSet {
    RuleSet::load_with_own(&[], &Placeholders::none(), &Pipelines::none())
}

/// What is found by what is built in over events that come as they were written.
fn found(events: Vec<Event>) -> Vec<Finding> {
    let mut run = Run::new(
        &own_rules(),
        Terms {
            lateness_secs: 86_400 * 36_500,
            ..Terms::new()
        },
    );
    let mut board = Board::default();
    for event in &events {
        run.take(event).into_iter().for_each(|entry| board.note(entry));
    }
    run.finish().into_iter().for_each(|entry| board.note(entry));
    board.findings().into_iter().cloned().collect()
}

fn addresses(finding: &Finding) -> impl Iterator<Item = &str> {
    let is_address = |actor: &&ambit_event::Observable| actor.kind == ObservableKind::Address;
    finding
        .actor
        .iter()
        .filter(is_address)
        .map(|actor| actor.value.as_str())
}

/// The addresses that a test expects to be named.
fn attackers(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let named = text.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
        rest.contains(".Overflow.GetSources()").then(|| name.to_owned())
    });
    named
        .filter(|name| name.parse::<std::net::IpAddr>().is_ok())
        .collect()
}
