//! What the records tell of writes to tables whose states are known: a state tells a later one only with them.

use crate::Error;
use crate::map::{DataMap, WriteRecords, Wrote};
use crate::trace::Trace;
use ambit_event::{Column, Span, Timestamp};
use ambit_lake::{CoverageState, Filter, Lake, Query};
use std::collections::{BTreeMap, BTreeSet};

/// The writes to each table that has a snapshot, by store and table.
pub struct Writes<'t> {
    trace: &'t Trace<'t>,
    map: &'t DataMap,
    /// A table that is not here was written more often than can be looked at.
    tables: BTreeMap<(String, String), Vec<Record>>,
}

/// One statement that wrote, or may have.
struct Record {
    when: Span,
    /// `None` where it does not tell whose rows it wrote.
    wrote: Option<Vec<Wrote>>,
}

impl<'t> Writes<'t> {
    /// Reads the statements of every store with a snapshot.
    ///
    /// # Errors
    /// Where the lake cannot answer.
    pub async fn read(lake: &Lake, trace: &'t Trace<'t>, map: &'t DataMap) -> Result<Self, Error> {
        let mut tables = BTreeMap::new();
        for store in &map.stores {
            let with_states: Vec<_> = store
                .tables
                .iter()
                .filter(|t| !t.snapshots.is_empty() && t.history.is_none())
                .collect();
            let Some(from) = with_states.iter().flat_map(|t| &t.snapshots).map(|s| s.at).min() else {
                continue;
            };
            let sources = accounting(map, &store.name);
            let query = Query {
                limit: Some(trace.budget().saturating_add(1)),
                ..Query::of(Filter::All(vec![
                    Filter::one_of(Column::Source, sources),
                    Filter::eq(Column::Class, "datastore_activity"),
                ]))
                .within(Span::new(from, Timestamp::MAX))
            };
            let events = lake.events(&query).await?;
            if events.len() > trace.budget() {
                continue;
            }
            for table in with_states {
                let record = |event: &ambit_event::Event| Record {
                    when: event.when(),
                    wrote: map.wrote(event, &store.name, &table.name),
                };
                let wrote = |r: &Record| r.wrote.as_ref().is_none_or(|w| !w.is_empty());
                let records = events.iter().map(record).filter(wrote).collect();
                tables.insert((store.name.clone(), table.name.clone()), records);
            }
        }
        Ok(Self { trace, map, tables })
    }
}

/// The sources that keep account of what happens in a store.
fn accounting<'m>(map: &'m DataMap, store: &str) -> BTreeSet<&'m str> {
    let channels = map.channels.iter().filter(|c| c.store == store);
    channels.map(|c| c.accounting.as_str()).collect()
}

impl WriteRecords for Writes<'_> {
    fn between(&self, store: &str, table: &str, span: Span) -> Option<Vec<Wrote>> {
        let sources = accounting(self.map, store);
        let covered = |source: &&str| self.trace.state_over(source, span) >= CoverageState::Asserted;
        if sources.is_empty() || !sources.iter().all(covered) {
            return None;
        }
        let records = self.tables.get(&(store.to_owned(), table.to_owned()))?;
        let mut all = Vec::new();
        for record in records.iter().filter(|r| r.when.overlaps(span)) {
            all.extend(record.wrote.clone()?);
        }
        Some(all)
    }
}
