//! What the lake was asked once is not asked again: a walk comes back to the same sessions, accounts and
//! trace ids in every round.

use crate::Error;
use ambit_event::{Column, Event, EventId, Keys, Span};
use ambit_lake::{Distinct, Filter, Lake, Query, Test};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Columns that name one principal, device or request, which a walk asks for again and again.
const RECALLED: &[Column] = &[
    Column::ActorSession,
    Column::ActorCredential,
    Column::ActorUser,
    Column::ActorInvoker,
    Column::Device,
    Column::IssuedSession,
    Column::IssuedCredential,
    Column::Trace,
];
/// Events that are kept: some 100 MB. What does not fit is asked for each time.
const MOST: usize = 50_000;

/// The most pieces in which values are asked for: each question reads the whole lake where no index helps, so
/// their number must not grow with that of the values.
const PIECES: usize = 16;
/// Values that one question names at least, where there are so many.
const PIECE: usize = 400;
/// So many known events a question leaves out: a device's events are its sessions' and its account's too, and to take an
/// event out of the lake costs far more than to see that it is known.
const LEFT_OUT: usize = 4096;

/// Values in pieces of which one question each names all.
pub fn pieces<T>(values: &[T]) -> std::slice::Chunks<'_, T> {
    values.chunks(values.len().div_ceil(PIECES).max(PIECE))
}

/// A lake that remembers. It gives the answers of the lake, all at its one version.
pub struct Recall<'a> {
    lake: &'a Lake,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    events: HashMap<EventId, Event>,
    /// All events with a value in a column.
    with: BTreeMap<(Column, String), Vec<EventId>>,
    /// Values with more events than are kept.
    large: BTreeSet<(Column, String)>,
}

impl<'a> Recall<'a> {
    pub fn new(lake: &'a Lake) -> Self {
        Self {
            lake,
            known: Mutex::default(),
        }
    }

    pub fn keys(&self) -> &Keys {
        self.lake.keys()
    }

    /// As [`Lake::distinct`].
    pub async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error> {
        Ok(self.lake.distinct(columns, query).await?)
    }

    /// As [`Lake::values`].
    pub async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error> {
        Ok(self.lake.values(column, test).await?)
    }

    /// As [`Lake::events`].
    pub async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        if let Filter::Column(column, Test::In(values)) = &query.filter
            && RECALLED.contains(column)
            && self.learn(*column, values).await?
        {
            return Ok(self.recalled(*column, values, query));
        }
        Ok(self.lake.events(query).await?)
    }

    /// Whether all events with these values are known now.
    async fn learn(&self, column: Column, values: &[String]) -> Result<bool, Error> {
        let (unknown, mut left_out, room) = {
            let known = self.known();
            let key = |value: &String| (column, value.clone());
            if values.iter().any(|value| known.large.contains(&key(value))) {
                return Ok(false);
            }
            let unknown = values
                .iter()
                .filter(|value| !known.with.contains_key(&key(value)));
            let unknown: BTreeSet<String> = unknown.cloned().collect();
            let left_out = known.ids_of(column, &unknown);
            (unknown, left_out, MOST.saturating_sub(known.events.len()))
        };
        if unknown.is_empty() {
            return Ok(true);
        }
        // What is known and comes nevertheless must not take the place of what is new.
        let n_most = left_out.len() + room + 1;
        left_out.truncate(LEFT_OUT);
        let mut filter = Filter::one_of(column, unknown.iter().cloned());
        if !left_out.is_empty() {
            filter = Filter::All(vec![filter, Filter::Not(Box::new(Filter::Ids(left_out)))]);
        }
        let query = Query::of(filter).limited(n_most);
        let (found, near) = match column {
            // Those are the answer themselves.
            Column::Trace => (self.lake.events(&query).await?, Vec::new()),
            _ => self.lake.events_and_near(&query).await?,
        };
        let mut known = self.known();
        let all = known.keep(column, unknown, found, room);
        known.note(near);
        Ok(all)
    }

    fn recalled(&self, column: Column, values: &[String], query: &Query) -> Vec<Event> {
        let known = self.known();
        let values: BTreeSet<&String> = values.iter().collect();
        let all = values
            .into_iter()
            .filter_map(|value| known.with.get(&(column, value.clone())))
            .flatten()
            .filter_map(|id| known.events.get(id));
        let within = |event: &&Event| query.span == Span::ALL || event.when().overlaps(query.span);
        let mut found: Vec<&Event> = all.filter(within).collect();
        found.sort_by_key(|event| (event.time, event.id));
        found.truncate(query.limit.unwrap_or(usize::MAX));
        found.into_iter().cloned().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The known events that have one of these values in the column.
    fn ids_of(&self, column: Column, values: &BTreeSet<String>) -> Vec<EventId> {
        let has = |event: &&Event| event.text(column).is_some_and(|value| values.contains(value));
        self.events.values().filter(has).map(|event| event.id).collect()
    }

    /// Keeps events that will be asked for, where half of the room stays for those that are asked for already.
    fn note(&mut self, near: Vec<Event>) {
        if self.events.len() + near.len() <= MOST / 2 {
            self.events
                .extend(near.into_iter().map(|event| (event.id, event)));
        }
    }

    /// Keeps what was found of these values beside what was known, unless it is more than there is room for.
    fn keep(&mut self, column: Column, values: BTreeSet<String>, found: Vec<Event>, room: usize) -> bool {
        let is_new = |event: &&Event| !self.events.contains_key(&event.id);
        if found.iter().filter(is_new).count() > room {
            self.large.extend(values.into_iter().map(|value| (column, value)));
            return false;
        }
        self.events
            .extend(found.into_iter().map(|event| (event.id, event)));
        let ids = self.ids_of(column, &values);
        self.with
            .extend(values.into_iter().map(|value| ((column, value), Vec::new())));
        for id in ids {
            if let Some(value) = self.events.get(&id).and_then(|event| event.text(column)) {
                self.with.entry((column, value.to_owned())).or_default().push(id);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ambit_event::{Batch, Timestamp};

    /// Whatever is asked, in whatever order, the answer is the lake's.
    #[tokio::test]
    async fn it_answers_as_the_lake_does() {
        let lake = Lake::in_memory([1; 32]);
        let event = |n: u64| Event {
            id: EventId::nth("s", "", b"", n),
            time: Timestamp::from_secs((n * 7 % 20).cast_signed()),
            actor_user: Some((n % 3).to_string()),
            trace: Some((n % 5).to_string()),
            ..Event::default()
        };
        let mut writer = lake.writer().await.unwrap();
        let batch = Batch {
            events: (0..60).map(event).collect(),
            ..Batch::default()
        };
        writer.push(batch).await.unwrap();
        writer.commit().await.unwrap();
        drop(writer);
        let lake = lake.refresh().await.unwrap();
        let recall = Recall::new(&lake);
        let at = Timestamp::from_secs;
        for (column, values, span, limit) in [
            (Column::ActorUser, vec!["1"], Span::ALL, Some(1)),
            (
                Column::ActorUser,
                vec!["1", "2", "9"],
                Span::new(at(3), at(9)),
                None,
            ),
            (Column::ActorUser, vec!["2", "1", "1"], Span::ALL, Some(30)),
            (Column::Trace, vec!["4"], Span::new(at(0), at(5)), None),
            (Column::Trace, vec!["4", "0"], Span::ALL, None),
            (Column::Source, vec![""], Span::ALL, Some(2)),
        ] {
            let query = Query {
                limit,
                ..Query::of(Filter::one_of(column, values)).within(span)
            };
            assert_eq!(
                recall.events(&query).await.unwrap(),
                lake.events(&query).await.unwrap(),
                "{query:?}"
            );
        }
        assert_eq!(recall.known().with.len(), 5);
        // An event that was found by one value is the same event by another.
        assert_eq!(recall.known().events.len(), 48);
    }

    #[test]
    fn the_questions_do_not_grow_with_the_values() {
        let n = |values: usize| pieces(&vec![0; values]).count();
        assert_eq!(
            [0, 1, 400, 401, 6_400, 40_000, 200_000].map(n),
            [0, 1, 1, 2, 16, 16, 16]
        );
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let mut known = Known::default();
        let found = [1, 2, 3].map(|n| Event {
            id: EventId::nth("s", "", b"", n),
            ..Event::default()
        });
        let found = found.to_vec();
        assert!(!known.keep(Column::Trace, BTreeSet::from(["t".to_owned()]), found, 2));
        assert!(known.with.is_empty() && known.events.is_empty() && known.large.len() == 1);
    }
}
