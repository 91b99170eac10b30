//! What stands at the unfinished ends of files: it counts until the file was read on.

use super::stated::Losses;
use super::unread::Unread;
use ambit_event::{EventId, Loss, Span};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// By the end that they are of, records that are not all there and what is not there at all. An end that is settled
/// is named in the ledger, so that it is of no matter what comes first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Ends(BTreeMap<EventId, (Unread, Losses)>);

impl Ends {
    pub fn add_reject(&mut self, end: EventId, between: Option<Span>) {
        self.0.entry(end).or_default().0.add(between);
    }

    pub fn add_loss(&mut self, end: EventId, loss: &Loss) {
        self.0.entry(end).or_default().1.add(loss);
    }

    pub fn merge(&mut self, other: Self) {
        for (end, (unread, losses)) in other.0 {
            let here = self.0.entry(end).or_default();
            here.0.merge(unread);
            here.1.merge(losses);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn drop_settled(&mut self, settled: &BTreeSet<EventId>) {
        self.0.retain(|end, _| !settled.contains(end));
    }

    /// All of it.
    pub fn together(self) -> (Unread, Losses) {
        let mut all = (Unread::default(), Losses::default());
        for (unread, losses) in self.0.into_values() {
            all.0.merge(unread);
            all.1.merge(losses);
        }
        all
    }
}
