//! An account copies a whole table or a store out, as it never did.

use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DAY: i64 = 86_400 * 1_000_000_000;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BulkExport {
    /// An account that did it within so many days does it as a rule.
    days: i64,
    /// Exports within so many seconds are one finding.
    within_secs: i64,
}

impl Default for BulkExport {
    fn default() -> Self {
        Self {
            days: 40,
            within_secs: 3600,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    last: Option<Timestamp>,
    open: Option<Verdict>,
}

impl Fold for BulkExport {
    type Member = Arc<Who>;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, who: &Arc<Who>, out: &mut Out) {
        let since = |secs: i64| at.time.plus_nanos(-secs.saturating_mul(1_000_000_000));
        let before = state.last.replace(at.time);
        if state
            .open
            .as_ref()
            .is_some_and(|open| open.until < since(self.within_secs))
        {
            out.closed.extend(state.open.take());
        }
        match &mut state.open {
            Some(open) => open.add(at, who),
            None if before
                .is_none_or(|before| before.plus_nanos(self.days.saturating_mul(DAY)) < at.time) =>
            {
                state.open = Some(Verdict::over(at, std::iter::once((at, who))));
            }
            None => {}
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        state
            .last
            .is_none_or(|last| last.plus_nanos(self.days.saturating_mul(DAY)) < from)
    }
}

/// Operations that take a whole store out.
const OPERATIONS: [&str; 16] = [
    "exporttable",
    "exporttos3",
    "exporttabletopointintime",
    "createdbsnapshot",
    "modifydbsnapshotattribute",
    "copydbsnapshot",
    "modifysnapshotattribute",
    "startexporttask",
    "createexporttask",
    "export_data",
    "repo.download_zip",
    "storage.buckets.export",
    "cloudsql.instances.export",
    "unload",
    "microsoft.storage/storageaccounts/export",
    "content.export",
];

fn is_export(seen: &Seen<'_>) -> bool {
    let event = seen.event;
    let operation = event.operation.as_deref().unwrap_or("").to_ascii_lowercase();
    if seen.class() != "datastore_activity" {
        let last = operation.rsplit(':').next().unwrap_or("");
        return OPERATIONS.iter().any(|one| last.starts_with(one));
    }
    let text = event.query_text.as_deref().unwrap_or("").to_ascii_lowercase();
    match operation.as_str() {
        "copy" => text.contains(" to ") || text.is_empty(),
        "select" => {
            text.contains("into outfile") || text.contains("into dumpfile") || text.contains("lo_export(")
        }
        other => matches!(other, "unload" | "export" | "backup"),
    }
}

impl Behaviour for BulkExport {
    const SHEET: Sheet = Sheet {
        id: "ambit.bulk_export",
        title: "A whole table or store copied out",
        level: Level::Medium,
        attack: &["T1213.006", "T1005"],
        doc: "An account copies a table, a snapshot or a store out (COPY … TO, UNLOAD, an export), and did not within 40 \
              days before.",
        budget: "Once for each job that does so every night, and a few a year for each administrator.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Arc<Who>)) {
        if !is_export(seen) {
            return;
        }
        if let Some(principal) = seen.principal() {
            give(key(&[&seen.event.source, &principal]), seen.who());
        }
    }
}
