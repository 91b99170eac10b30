//! The ways into stores of which the data map declares none: nobody said that they cannot be reached.

use crate::Error;
use crate::map::{Channel, DataMap, Principal, Store};
use ambit_event::{Column, Span, Timestamp};
use ambit_lake::{Filter, Lake, Query};
use std::collections::BTreeSet;

/// The sources of the lake by what they record.
struct Sources {
    requests: BTreeSet<String>,
    statements: BTreeSet<String>,
}

/// One way for each source that may record accesses to a store without a channel: those of its operations,
/// those of statements where it has tables, else all that record requests or statements. Each says both who
/// and what, for nothing says that another makes up for it.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn implied_ways(lake: &Lake, map: &DataMap) -> Result<Vec<Channel>, Error> {
    let open: Vec<&Store> = map.stores_without_channel().collect();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let sources = Sources {
        requests: sources_of(lake, &["http_activity", "api_activity"]).await?,
        statements: sources_of(lake, &["datastore_activity"]).await?,
    };
    Ok(open
        .into_iter()
        .flat_map(|store| sources.ways_into(store, map))
        .collect())
}

async fn sources_of(lake: &Lake, classes: &[&str]) -> Result<BTreeSet<String>, Error> {
    let query = Query::of(Filter::one_of(Column::Class, classes.iter().copied()));
    let found = lake.distinct(&[Column::Source], &query).await?;
    Ok(found.into_iter().filter_map(|d| d.value).collect())
}

impl Sources {
    fn ways_into(&self, store: &Store, map: &DataMap) -> Vec<Channel> {
        let mut sources = BTreeSet::new();
        for operation in map.operations.iter().filter(|o| o.store == store.name) {
            match &operation.source {
                Some(source) => sources.extend([source.clone()]),
                None => sources.extend(self.requests.iter().cloned()),
            }
        }
        if !store.tables.is_empty() {
            sources.extend(self.statements.iter().cloned());
        }
        if sources.is_empty() {
            sources.extend(self.requests.union(&self.statements).cloned());
        }
        if sources.is_empty() {
            sources.insert(NOTHING.to_owned());
        }
        sources.into_iter().map(|s| way(store, s)).collect()
    }
}

fn way(store: &Store, source: String) -> Channel {
    Channel {
        store: store.name.clone(),
        name: source.clone(),
        // Nothing says what can be done there, so everything can.
        principal: Principal::Connection,
        attributing: source.clone(),
        accounting: source,
        roles: Vec::new(),
        pooled: false,
        shown_by: None,
    }
}

/// Stands for the source where none records requests or statements: none is collected under this name.
const NOTHING: &str = "requests";

/// Whether the lake holds any statement of whoever goes a way. Where all are logged one is soon found in the middle of
/// what is recorded, and little of the lake is read for it.
pub async fn is_logged(lake: &Lake, way: &Channel, window: Span) -> Result<bool, Error> {
    const MINUTE: i64 = 60_000_000_000;
    let middle = Timestamp(window.from.0 / 2 + window.until.0 / 2);
    let around = |nanos: i64| Span::new(middle.plus_nanos(-nanos), middle.plus_nanos(nanos));
    let near = [MINUTE, 60 * MINUTE, 24 * 60 * MINUTE].map(around);
    for span in near.into_iter().chain([window]) {
        let first = Query {
            limit: Some(1),
            ..Query::of(way.statements()).within(span)
        };
        if !lake.events(&first).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
