//! The ways into stores of which the data map declares none: nobody said that they cannot be reached.

use crate::Error;
use crate::map::{Channel, DataMap, Principal, Store};
use ambit_event::{Column, Event, Span, Timestamp};
use ambit_lake::{Filter, Lake, Query, Test};
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

const POSTGRESQL: &str = "postgresql";

/// Whether the lake shows that reads are logged, short ones too, of whoever goes a way. Where they are one is soon
/// found in the middle of what is recorded, and little of the lake is read for it.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn is_logged(lake: &Lake, way: &Channel, window: Span) -> Result<bool, Error> {
    const MINUTE: i64 = 60_000_000_000;
    const SEEN: usize = 64;
    let middle = Timestamp(window.from.0 / 2 + window.until.0 / 2);
    let around = |nanos: i64| Span::new(middle.plus_nanos(-nanos), middle.plus_nanos(nanos));
    let near = [MINUTE, 60 * MINUTE, 24 * 60 * MINUTE].map(around);
    for span in near.into_iter().chain([window]) {
        let first = Query::of(way.statements()).within(span).limited(SEEN);
        if lake.events(&first).await?.iter().any(shows_reads) {
            return Ok(true);
        }
    }
    let short = Filter::All(vec![way.statements(), is_short_read()]);
    let any = Query::of(short).within(window).limited(1);
    Ok(!lake.events(&any).await?.is_empty())
}

/// What reads rows in PostgreSQL. `log_statement = mod` and `ddl` log none of these, however often they occur.
const READS: &[&str] = &["SELECT", "FETCH", "DECLARE CURSOR", "TABLE", "VALUES", "WITH"];
/// `log_min_duration_statement` is in milliseconds: what took less is logged only where all is.
const MILLISECOND: i64 = 1_000_000;

/// Whether a statement shows that its database logs reads, and not slow ones alone. A duration that was told with the
/// statement, so that its beginning is known no better, may be why it was logged.
fn shows_reads(statement: &Event) -> bool {
    if statement.source != POSTGRESQL {
        return true;
    }
    let is_read = statement.operation.as_deref().is_some_and(|o| READS.contains(&o));
    let may_be_slow = |took: i64| took >= MILLISECOND && statement.precision >= took;
    is_read && !statement.duration.is_some_and(may_be_slow)
}

/// The same for what the engine can tell by columns alone.
fn is_short_read() -> Filter {
    let short = Test::Between(None, Some(MILLISECOND - 1));
    let took = [Test::Absent, short].map(|test| Filter::Column(Column::Duration, test));
    let read = Filter::All(vec![
        Filter::one_of(Column::Operation, READS.iter().copied()),
        Filter::Any(took.to_vec()),
    ]);
    let other = Filter::Not(Box::new(Filter::eq(Column::Source, POSTGRESQL)));
    Filter::Any(vec![other, read])
}
