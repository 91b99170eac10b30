//! Whether the sources that keep account of a store tell all that a request reached there.

use super::{Carried, Trace, group_by};
use crate::Error;
use crate::map::{Basis, Channel, Whose};
use crate::origin::is_datastore;
use crate::recall::pieces;
use crate::ways::is_logged;
use ambit_event::{Column, Event, ObservableKind, Span};
use ambit_lake::{CoverageState, Filter, Lake, Query};
use std::collections::BTreeSet;

/// What the records of other sources tell of a request and one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// Its records stand there, and tell all that it reached.
    Records,
    /// It has none there, and each would be there: it reached nothing.
    Absence,
    /// It has none there, although the map says that it reaches data: a copy may have answered.
    Silence,
    /// Nobody can say which records are its own.
    Unjoined,
    /// Records may be missing.
    Gapped,
    /// No other source keeps account of what such requests reach there.
    Alone,
}

impl Telling {
    /// Whether nothing that the request reached in the store can be missing from the records.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Records | Self::Absence)
    }
}

impl Trace<'_> {
    /// What is told of a request and a store.
    pub fn telling(&self, event: &Event, store: &str) -> Telling {
        let ways = self.ways(event, store);
        if ways.is_empty() || ways.iter().any(|c| c.accounting == event.source) {
            return Telling::Alone;
        }
        // Clocks differ: a statement may be recorded in a gap into which its request does not fall.
        let around = self.around(event);
        let covered = |c: &&Channel| self.state_over(&c.accounting, around) >= CoverageState::Asserted;
        if !ways.iter().all(covered) {
            return Telling::Gapped;
        }
        let Some(joined) = self.stamped.get(&event.id) else {
            return Telling::Unjoined;
        };
        let is_unlogged = ways.iter().any(|c| self.is_unlogged(c));
        if ways.iter().any(|c| joined.contains(&c.accounting)) {
            // Where slow statements alone are logged, or changes alone, others of the request's are not.
            if is_unlogged {
                Telling::Gapped
            } else {
                Telling::Records
            }
        } else if self.is_meant(event, store) {
            Telling::Silence
        } else if is_unlogged {
            Telling::Alone
        } else if ways.iter().all(|c| c.pooled) {
            Telling::Absence
        } else {
            // What a session of its own did need not bear the id of a request.
            Telling::Unjoined
        }
    }

    /// A database that logs no read of a way's roles, or slow ones alone, says nothing by having none of a request.
    pub(super) async fn find_unlogged(&mut self, lake: &Lake) -> Result<(), Error> {
        let Some(map) = self.map else { return Ok(()) };
        let window = self.coverage.window.unwrap_or(Span::ALL);
        for way in map.channels.iter().filter(|c| c.attributing != c.accounting) {
            if map.store(&way.store).is_none_or(|store| store.tables.is_empty()) {
                continue;
            }
            if !is_logged(lake, way, window).await? {
                self.unlogged.insert((way.store.clone(), way.name.clone()));
            }
        }
        Ok(())
    }

    fn is_unlogged(&self, way: &Channel) -> bool {
        let known = |(store, name): &(String, String)| *store == way.store && *name == way.name;
        self.unlogged.iter().any(known)
    }

    /// The ways by which a request of this source comes into a store.
    pub fn ways(&self, event: &Event, store: &str) -> Vec<&Channel> {
        let channels = self.map.into_iter().flat_map(|m| &m.channels);
        channels
            .filter(|c| c.store == store && c.attributing == event.source)
            .collect()
    }

    /// Whether the map says that the operation which was meant reaches persons' data in the store.
    fn is_meant(&self, event: &Event, store: &str) -> bool {
        let name = self.reach(event).and_then(|r| r.operation);
        let operation = name.and_then(|name| self.map?.operation(&name));
        operation.is_some_and(|o| o.store == store && o.subjects != Whose::None)
    }

    /// Notes the requests that their own records do not bound and whose trace id a trusted hop stamped once,
    /// each with the sources of the records that bear it.
    pub(super) async fn note_stamped(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let open: Vec<&Event> = carried
            .iter()
            .map(|c| &c.event)
            .filter(|e| e.trace.is_some() && self.is_open(e))
            .collect();
        for events in pieces(&open) {
            let ids = events.iter().filter_map(|e| e.trace.as_deref());
            let query = Query::of(Filter::one_of(Column::Trace, ids));
            let groups = group_by(self.fetch(query).await?, Column::Trace);
            for event in events {
                let group = event.trace.as_ref().and_then(|id| groups.get(id));
                if let Some(sources) = group.and_then(|g| self.recorded_by(event, g)) {
                    self.stamped.insert(event.id, sources);
                }
            }
        }
        Ok(())
    }

    /// Whether the map leaves it to other records what a request reached.
    fn is_open(&self, event: &Event) -> bool {
        let open = |basis| matches!(basis, Basis::Unmapped | Basis::Statements);
        !is_datastore(event) && self.reach(event).is_some_and(|r| open(r.basis))
    }

    /// The sources that hold records of a request; `None` where no trusted hop joins them.
    fn recorded_by(&self, event: &Event, group: &[Event]) -> Option<BTreeSet<String>> {
        let stamp = self.only_stamp(group).filter(|stamp| self.within(stamp, event))?;
        let records = group.iter().filter(|e| self.within(stamp, e));
        Some(records.map(|e| e.source.clone()).collect())
    }

    /// The kinds of credential that an unmapped request may have read where no other record tells it.
    pub(super) fn untold_credentials(&self, event: &Event, stores: &BTreeSet<&str>) -> Vec<ObservableKind> {
        let Some(map) = self.map else { return Vec::new() };
        let untold = stores
            .iter()
            .filter(|store| !self.telling(event, store).is_whole())
            .filter_map(|store| map.store(store));
        let kinds: BTreeSet<ObservableKind> = untold.flat_map(|s| map.credentials_in(s)).collect();
        kinds.into_iter().collect()
    }
}
