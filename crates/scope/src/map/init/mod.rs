//! A data map proposed from the logs: what a person would otherwise begin with an empty page.
//!
//! Everything in it is a guess from names and counts. What is doubtful stands as a question in a comment;
//! the proposal can be read as a map at once, and is no assertion until a person has read it.

mod guess;
mod operations;
mod page;
mod seen;
mod stores;
#[cfg(test)]
mod tests;
mod ways;

use super::model::DataMap;
use ambit_event::Event;
use page::Page;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen, event by event.
#[derive(Debug, Default)]
pub struct Proposal {
    n_events: u64,
    /// Source, then method and template.
    routes: BTreeMap<(String, String), Route>,
    /// Source, then operation names that are no routes.
    calls: BTreeMap<(String, String), u64>,
    /// Source of statements, then table.
    tables: BTreeMap<String, BTreeMap<String, Seen>>,
    /// Trace id to the sources that named it.
    traces: BTreeMap<String, BTreeSet<String>>,
    /// Database session to trace ids, to tell pooled ones.
    sessions: BTreeMap<(String, String), BTreeSet<String>>,
    /// Source of statements, then database account, by whether its statements carry a trace id.
    roles: BTreeMap<(String, String), Role>,
    issuers: BTreeSet<(String, &'static str)>,
    /// Sources whose records carry tokens or keys.
    tokens: BTreeSet<String>,
    /// Machines on which somebody logged in.
    hosts: BTreeSet<String>,
    n_forgotten: u64,
}

#[derive(Debug, Default)]
struct Route {
    n_events: u64,
    most_bytes: i64,
    /// Values by the place of their segment.
    segments: BTreeMap<usize, BTreeSet<String>>,
    query: BTreeMap<String, BTreeSet<String>>,
    sessions: bool,
}

#[derive(Debug, Default)]
struct Seen {
    n_statements: u64,
    columns: BTreeSet<String>,
    /// Columns that statements bind to values, with how often.
    bound: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Role {
    traced: u64,
    untraced: u64,
}

impl Proposal {
    /// The proposal as TOML, which [`DataMap::parse`] reads.
    #[must_use]
    pub fn toml(&self) -> String {
        let mut page = Page::default();
        page.line(format!(
            "# A data map, proposed from {} events. Everything here is a guess from names and counts:",
            self.n_events
        ));
        page.line(
            "# read it, answer the questions (?), and check it with `ambit map check` and `ambit map test`.",
        );
        if self.n_forgotten > 0 {
            page.line(format!(
                "# There was more than fits here: {} events were counted without a proposal.",
                self.n_forgotten
            ));
        }
        self.subject(&mut page);
        self.stores(&mut page);
        self.operations(&mut page);
        self.channels(&mut page);
        self.rest(&mut page);
        page.into_text()
    }
}

impl DataMap {
    /// A map proposed from events, as TOML.
    #[must_use]
    pub fn propose<'e>(events: impl IntoIterator<Item = &'e Event>) -> String {
        let mut proposal = Proposal::default();
        for event in events {
            proposal.add(event);
        }
        proposal.toml()
    }
}
