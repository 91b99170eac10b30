//! Where a rule would run, and what it asks for that is not there.

use crate::logsource::{FieldMap, Log, Origin, Table};
use crate::rule::{Asks, Fault, Refusal, Rule, fields_of, wanted};
use crate::view::Record;
use ambit_event::{Column, Event};
use rsigma_eval::EventValue;

/// What would become of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The fields that it asks for, in order.
    pub fields: Vec<String>,
    /// Whether it looks for words wherever they stand.
    pub has_keywords: bool,
    /// The events that it is asked about. None: it never matches.
    pub sites: Vec<Site>,
}

/// Events that a rule is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Our sources.
    pub sources: Vec<String>,
    /// By which columns and fields such events are told from others of these sources: column or field, and what it
    /// may say.
    pub only: Vec<(String, Vec<String>)>,
    /// The rule's field, and where its value comes from, where that has another name.
    pub renamed: Vec<(String, Vec<String>)>,
    /// Fields of the rule that such events never have.
    pub absent: Vec<String>,
    /// Whether it is known what such events can hold; else no field is told to be absent.
    pub is_closed: bool,
}

/// Why a rule says nothing of an event, from the farthest to the nearest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// The event is of none of its logs, or of none of the numbers that it names.
    OtherLog,
    /// The event has none of the values of these fields, which the rule asks for.
    NoField(Vec<String>),
    /// The event says something else.
    OtherValue,
}

impl Rule {
    /// What keeps the rule from matching an event, where it does not match.
    #[must_use]
    pub fn miss(&self, event: &Event) -> Miss {
        let table = Table::built_in();
        let record = Record::read(event);
        let wanted = wanted(&self.sigma);
        let plain = FieldMap::default();
        let number = match rsigma_eval::Event::get_field(&record.view(&plain), "EventID") {
            Some(EventValue::Int(number)) => Some(number),
            _ => None,
        };
        if !wanted.numbers.is_empty() && number.is_some_and(|number| !wanted.numbers.contains(&number)) {
            return Miss::OtherLog;
        }
        let logs = table.meant_by(&self.log_source).into_iter();
        let logs = logs
            .map(|at| &table.log[at])
            .filter(|log| log.source.contains(&event.source) && log.has_columns(event) && record.fits(log));
        let lacking = logs.map(|log| {
            let view = record.view(&log.map);
            let is_lacking = |field: &&String| rsigma_eval::Event::get_field(&view, field).is_none();
            wanted
                .fields
                .iter()
                .filter(is_lacking)
                .cloned()
                .collect::<Vec<String>>()
        });
        match lacking.min_by_key(Vec::len) {
            None => Miss::OtherLog,
            Some(lacking) if lacking.is_empty() => Miss::OtherValue,
            Some(lacking) => Miss::NoField(lacking),
        }
    }

    /// Whether its log source is none that is read here: then it never matches.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Table::built_in().meant_by(&self.log_source).is_empty()
    }

    /// Where pipelines left it nothing to match, or less than it had: a log source that is none that is read here, or
    /// fields that none of its logs is known to have.
    #[must_use]
    pub fn lost_in_pipelines(&self) -> Option<Refusal> {
        let before = self.before.as_ref()?;
        let origin = &self.head.origin;
        let fault = lost(self, before)?;
        Some(Refusal::new(origin.path.clone(), origin.place, fault))
    }
}

impl Explanation {
    /// What would become of the rule.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        let (fields, has_keywords) = fields_of(&rule.sigma);
        let table = Table::built_in();
        let logs = table.meant_by(&rule.log_source);
        let sites = logs.iter().map(|at| site(&table.log[*at], &fields)).collect();
        Self {
            fields,
            has_keywords,
            sites,
        }
    }
}

fn lost(rule: &Rule, before: &Asks) -> Option<Fault> {
    let was_idle = Table::built_in().meant_by(&before.log_source).is_empty();
    if rule.is_idle() {
        let reason = format!(
            "pipelines leave it nowhere to run: no log that is read here is {}, which was {}",
            rule.log_source, before.log_source
        );
        let hint = "see the pipeline's `change_logsource`, or load the rule without it";
        return (!was_idle).then(|| Fault::new("pipeline-nowhere", reason).hint(hint));
    }
    let told = Explanation::of(rule);
    let is_lost = |field: &&String| {
        let is_absent = |site: &Site| site.is_closed && site.absent.contains(field);
        !before.fields.contains(field) && told.sites.iter().all(is_absent)
    };
    let lost: Vec<&String> = told.fields.iter().filter(is_lost).collect();
    if lost.is_empty() {
        return None;
    }
    let (code, left) = match lost.len() == told.fields.len() && !told.has_keywords {
        true => ("pipeline-nowhere", "pipelines leave it nothing to match"),
        false => ("pipeline-fields", "pipelines leave it less to match"),
    };
    let names: Vec<String> = lost.iter().map(|field| format!("`{field}`")).collect();
    let reason = format!("{left}: none of its logs is known to have {}", names.join(", "));
    let hint = "rules go by the names of Sigma here; `ambit rules explain` shows which its logs have";
    Some(Fault::new(code, reason).hint(hint))
}

/// What every event of Windows says in its system part.
const SYSTEM: [&str; 8] = [
    "Provider_Name",
    "EventID",
    "Channel",
    "Computer",
    "Level",
    "Task",
    "Opcode",
    "Security_UserID",
];

fn site(log: &Log, fields: &[String]) -> Site {
    let columns = [
        (Column::Stream, &log.stream),
        (Column::Operation, &log.operation),
        (Column::ActorService, &log.service),
    ];
    let named = columns.into_iter().filter(|(_, values)| !values.is_empty());
    let by_column = named.map(|(column, values)| (column.name().to_owned(), values.clone()));
    let by_field = log
        .only
        .iter()
        .map(|(field, values)| (field.clone(), values.clone()));
    let by_presence = log.has.iter().map(|field| (field.clone(), Vec::new()));
    let is_system = |field: &str| log.source.iter().any(|s| s == "windows_evtx") && SYSTEM.contains(&field);
    let is_there = |field: &str| match log.map.get(field) {
        Some(origins) => origins.iter().any(|origin| is_known(origin, log)),
        None => log.fields.contains(field) || is_system(field),
    };
    let is_closed = !log.fields.is_empty();
    let absent = fields
        .iter()
        .filter(|field| is_closed && !is_there(field))
        .cloned();
    let renamed = fields.iter().filter_map(|field| {
        let origins = log.map.get(field)?;
        Some((field.clone(), origins.iter().map(ToString::to_string).collect()))
    });
    Site {
        sources: log.source.clone(),
        only: by_column.chain(by_field).chain(by_presence).collect(),
        renamed: renamed.collect(),
        absent: absent.collect(),
        is_closed,
    }
}

fn is_known(origin: &Origin, log: &Log) -> bool {
    let root = |path: &str| {
        let known = |field: &String| {
            path == field
                || path
                    .strip_prefix(field.as_str())
                    .is_some_and(|r| r.starts_with('.'))
        };
        log.fields.is_empty() || log.fields.iter().any(known)
    };
    match origin {
        Origin::Field(path) | Origin::Part(path, _) => root(path),
        Origin::Column(_) | Origin::Constant(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Placeholders, RuleSet};

    #[test]
    fn it_says_what_keeps_a_rule_from_an_event() {
        let text = "title: T\nlogsource: {product: windows, service: security}\n\
            detection:\n  s: {EventID: 4769, ServiceName: a}\n  f: {Company: b}\n  condition: s and not f\n";
        let rules = RuleSet::parse(text, "t.yml", &Placeholders::none());
        let miss = |stream: &str, fields: &str| {
            let mut event = Event::new("windows_evtx", ambit_event::Timestamp(0));
            event.stream = Some(stream.to_owned());
            event.fields = ambit_event::Fields::from_json(fields.to_owned());
            rules.rules().iter().map(|rule| rule.miss(&event)).next()
        };
        let id = r#"{"EventID":4769}"#;
        assert_eq!(miss("System", id), Some(Miss::OtherLog));
        let lacking = vec!["ServiceName".to_owned()];
        assert_eq!(miss("Security", id), Some(Miss::NoField(lacking)));
        let other = r#"{"EventID":4769,"ServiceName":"c"}"#;
        assert_eq!(miss("Security", other), Some(Miss::OtherValue));
    }

    #[test]
    fn it_says_where_a_rule_runs_and_what_is_not_there() {
        let text = "title: T\nlogsource: {product: windows, category: process_creation}\n\
            detection:\n  s: {Image|endswith: a.exe, OriginalFileName: b}\n  k: [word]\n  condition: s or k\n";
        let rules = RuleSet::parse(text, "t.yml", &Placeholders::none());
        let told = rules.rules().iter().map(Explanation::of).next();
        let told = told.unwrap_or_else(|| panic!("{:?}", rules.refused()));
        assert_eq!(
            (told.fields.as_slice(), told.has_keywords),
            (&["Image".to_owned(), "OriginalFileName".to_owned()][..], true)
        );
        let sites: Vec<(&str, &[String])> = told
            .sites
            .iter()
            .map(|site| (site.only[0].1[0].as_str(), site.absent.as_slice()))
            .collect();
        let nothing: &[String] = &[];
        let name = ["OriginalFileName".to_owned()];
        assert_eq!(
            sites,
            [
                ("Microsoft-Windows-Sysmon/1", nothing),
                ("Microsoft-Windows-Security-Auditing/4688", &name[..])
            ]
        );
        assert_eq!(
            told.sites[1].renamed,
            [("Image".to_owned(), vec!["NewProcessName".to_owned()])]
        );
    }
}
