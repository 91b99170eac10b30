//! A map tried on events: what it knows of them, and what it does not.

use super::model::DataMap;
use super::reach::{Basis, ReachContext};
use ambit_event::{Event, EventId};
use std::collections::BTreeMap;

/// The most examples of one kind that are kept.
const EXAMPLES: usize = 5;
/// The most kinds of unmapped operation that are kept apart.
const KINDS: usize = 1_000;

/// What a map made of events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trial {
    pub n_events: u64,
    /// How many events each basis has.
    pub bases: BTreeMap<Basis, u64>,
    /// How many events each operation of the map has, those that have none included.
    pub operations: BTreeMap<String, u64>,
    /// What the map does not know or what does not fit, the most frequent first.
    pub unmapped: Vec<UnmappedKind>,
    /// Unmapped events beyond the kinds that are listed.
    pub n_unlisted: u64,
}

/// Unmapped events of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmappedKind {
    pub source: String,
    pub operation: String,
    pub why: String,
    pub n_events: u64,
    pub examples: Vec<EventId>,
}

impl DataMap {
    /// Tries the map on events, each by its own record.
    #[must_use]
    pub fn trial<'e>(&self, events: impl IntoIterator<Item = &'e Event>) -> Trial {
        let mut trial = Trial {
            operations: self.operations.iter().map(|o| (o.name.clone(), 0)).collect(),
            ..Trial::default()
        };
        let mut kinds: BTreeMap<(String, String, String), UnmappedKind> = BTreeMap::new();
        for event in events {
            trial.n_events += 1;
            let reach = self.reach(event, &ReachContext::default());
            *trial.bases.entry(reach.basis).or_default() += 1;
            if let Some(n) = reach
                .operation
                .as_ref()
                .and_then(|name| trial.operations.get_mut(name))
            {
                *n += 1;
            }
            if reach.basis == Basis::Unmapped {
                trial.n_unlisted += note(&mut kinds, event, reach.because);
            }
        }
        trial.unmapped = kinds.into_values().collect();
        trial
            .unmapped
            .sort_by_key(|kind| std::cmp::Reverse(kind.n_events));
        trial
    }
}

/// Notes one event; 1 where there is no room for another kind.
fn note(kinds: &mut BTreeMap<(String, String, String), UnmappedKind>, event: &Event, why: String) -> u64 {
    let operation = ambit_event::printable(event.operation.as_deref().unwrap_or(""), 200);
    let key = (event.source.clone(), operation.clone(), why.clone());
    if !kinds.contains_key(&key) && kinds.len() >= KINDS {
        return 1;
    }
    let kind = kinds.entry(key).or_insert_with(|| UnmappedKind {
        source: event.source.clone(),
        operation,
        why,
        n_events: 0,
        examples: Vec::new(),
    });
    kind.n_events += 1;
    if kind.examples.len() < EXAMPLES {
        kind.examples.push(event.id);
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    #[test]
    fn what_is_not_mapped_is_listed_with_examples() {
        let events: Vec<Event> = (0..7)
            .map(|n| {
                let mut event = Event::new("nginx_access", Timestamp::from_secs(n));
                event.class = Some("http_activity".into());
                event.operation = Some(if n < 5 { "GET /a" } else { "GET /b" }.into());
                event
            })
            .collect();
        let trial = DataMap::default().trial(&events);
        let listed: Vec<_> = trial
            .unmapped
            .iter()
            .map(|k| (k.operation.as_str(), k.n_events, k.examples.len()))
            .collect();
        assert_eq!(listed, [("GET /a", 5, 5), ("GET /b", 2, 2)]);
        assert_eq!(trial.bases, BTreeMap::from([(Basis::Unmapped, 7)]));
    }
}
