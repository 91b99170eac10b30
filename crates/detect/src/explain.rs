//! Where a rule would run, and what it asks for that is not there.

use crate::logsource::{Log, Origin, Table};
use crate::rule::{Rule, fields_of};
use ambit_event::Column;

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

impl Rule {
    /// Whether its log source is none that is read here: then it never matches.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Table::built_in().meant_by(&self.log_source).is_empty()
    }
}

impl Explanation {
    /// What would become of the rule.
    #[must_use]
    pub fn of(rule: &Rule) -> Self {
        let (fields, has_keywords) = fields_of(rule);
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
