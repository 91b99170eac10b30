//! The tables of logs, and which of them a log source of a rule or an event belongs to.

use super::map::FieldMap;
use crate::rule::LogSource;
use ambit_event::{Column, Event};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Events of some of our sources that are what a log source of Sigma means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// `product/category/service`.
    sigma: Vec<Named>,
    /// Our sources.
    pub source: Vec<String>,
    /// Values of the stream's column, one of which it must have; none: any.
    #[serde(default)]
    pub stream: Vec<String>,
    /// Values of the operation's column.
    #[serde(default)]
    pub operation: Vec<String>,
    /// Values of the column of services.
    #[serde(default)]
    pub service: Vec<String>,
    /// Fields that must have one of these values.
    #[serde(default)]
    pub only: BTreeMap<String, Vec<String>>,
    /// Fields that there must be.
    #[serde(default)]
    pub has: Vec<String>,
    #[serde(default)]
    pub map: FieldMap,
    /// What such a record can hold; empty where that is not known.
    #[serde(default)]
    pub fields: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct Named(LogSource);

impl From<String> for Named {
    fn from(text: String) -> Self {
        let mut parts = text
            .split('/')
            .map(|part| (!part.is_empty()).then(|| part.to_owned()));
        let mut next = || parts.next().flatten();
        Self(LogSource {
            product: next(),
            category: next(),
            service: next(),
        })
    }
}

impl Log {
    /// Whether an event is one of this log, as far as its columns tell.
    pub fn has_columns(&self, event: &Event) -> bool {
        let is_one = |allowed: &[String], column: Column| {
            let value = event.text(column).unwrap_or_default();
            allowed.is_empty() || allowed.iter().any(|one| one.eq_ignore_ascii_case(value))
        };
        is_one(&self.stream, Column::Stream)
            && is_one(&self.operation, Column::Operation)
            && is_one(&self.service, Column::ActorService)
    }

    /// Whether more than the columns decides.
    pub fn asks_for_fields(&self) -> bool {
        !self.only.is_empty() || !self.has.is_empty()
    }
}

/// All logs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub log: Vec<Log>,
}

const TABLES: [&str; 4] = [
    include_str!("windows.toml"),
    include_str!("linux.toml"),
    include_str!("web.toml"),
    include_str!("cloud.toml"),
];

static BUILT_IN: LazyLock<Table> = LazyLock::new(|| {
    let read = TABLES.iter().map(|text| toml::from_str::<Table>(text));
    // A test holds that each of them can be read.
    let log = read.flatten().flat_map(|table| table.log).collect();
    Table { log }
});

impl Table {
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The logs that a rule's log source means, by their numbers: those of exactly that name, and where there are
    /// none, those whose names say all that it says. None: nothing that is read here is meant.
    pub fn meant_by(&self, source: &LogSource) -> Vec<usize> {
        let all = |is_meant: &dyn Fn(&LogSource) -> bool| -> Vec<usize> {
            let logs = self.log.iter().enumerate();
            logs.filter(|(_, log)| log.sigma.iter().any(|named| is_meant(&named.0)))
                .map(|(at, _)| at)
                .collect()
        };
        let exact = all(&|named| named == source);
        if exact.is_empty() {
            all(&|named| source.holds(named))
        } else {
            exact
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read() {
        for text in TABLES {
            let table: Result<Table, _> = toml::from_str(text);
            assert!(
                table.as_ref().is_ok_and(|table| !table.log.is_empty()),
                "{table:?}"
            );
        }
    }

    fn source(text: &str) -> LogSource {
        Named::from(text.to_owned()).0
    }

    #[test]
    fn a_log_source_means_the_logs_of_its_name_else_those_that_say_more() {
        let table = Table::built_in();
        let operations = |text: &str| -> Vec<&str> {
            let logs = table.meant_by(&source(text));
            logs.iter()
                .flat_map(|at| table.log[*at].operation.iter().map(String::as_str))
                .collect()
        };
        let windows = [
            "Microsoft-Windows-Sysmon/1",
            "Microsoft-Windows-Security-Auditing/4688",
        ];
        assert_eq!(operations("windows/process_creation"), windows);
        // Without a product: that of every system.
        assert_eq!(
            operations("/process_creation"),
            [&windows[..], &["execve", "execveat", "Linux-Sysmon/1"]].concat()
        );
        assert!(operations("windows").is_empty() && table.meant_by(&source("windows")).len() == 1);
        assert!(table.meant_by(&source("cisco//aaa")).is_empty());
        assert!(!table.meant_by(&source("kubernetes//audit")).is_empty());
    }
}
