//! The values of a column that has few, summed up with each commit: a question for all of them reads no events.

use crate::query::{Distinct, Filter, Query, Test};
use ambit_event::{Column, Event, Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The column that is summed up: every scope asks through which platforms anything came at all.
const COLUMN: Column = Column::AppPlatform;
/// A column of more values is not summed up. Values are written by clients, attackers among them.
const MOST: usize = 64;

/// Each value with the number of its events, their first and their last nanosecond; `None` where they are too many or
/// a commit does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Few(Option<BTreeMap<String, (u64, i64, i64)>>);

impl Default for Few {
    /// What a commit says that does not speak of it.
    fn default() -> Self {
        Self(None)
    }
}

impl Few {
    /// Of no events.
    pub const NONE: Self = Self(Some(BTreeMap::new()));

    pub fn of<'e>(events: impl Iterator<Item = &'e Event>) -> Self {
        let mut few = Self::NONE;
        for event in events {
            if let Some(value) = event.text(COLUMN) {
                let when = event.when();
                few.add(value, (1, when.from.0, when.until.0));
            }
        }
        few
    }

    pub fn merge(&mut self, other: &Self) {
        match &other.0 {
            Some(values) => values.iter().for_each(|(value, seen)| self.add(value, *seen)),
            None => self.0 = None,
        }
    }

    fn add(&mut self, value: &str, (more, first, last): (u64, i64, i64)) {
        let Some(values) = &mut self.0 else {
            return;
        };
        if let Some((n, from, until)) = values.get_mut(value) {
            *n += more;
            (*from, *until) = ((*from).min(first), (*until).max(last));
        } else if values.len() < MOST {
            values.insert(value.to_owned(), (more, first, last));
        } else {
            self.0 = None;
        }
    }

    /// The answer to a question for all values, where it is known.
    pub fn answer(&self, columns: &[Column], query: &Query) -> Option<Vec<Distinct>> {
        let for_all = query.span == Span::ALL
            && query.limit.is_none()
            && query.filter == Filter::Column(COLUMN, Test::Present);
        let values = self.0.as_ref().filter(|_| for_all && columns == [COLUMN])?;
        let distinct = values.iter().map(|(value, (n, first, last))| Distinct {
            column: COLUMN,
            value: Some(value.clone()),
            n_events: *n,
            seen: Span::new(Timestamp(*first), Timestamp(*last)),
        });
        Some(distinct.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(value: &str, at: i64) -> Event {
        let mut event = Event::new("s", Timestamp(at));
        event.app_platform = Some(value.to_owned());
        event
    }

    #[test]
    fn few_values_are_summed_up_and_many_are_not() {
        let all = Query::of(Filter::Column(COLUMN, Test::Present));
        let events = [
            event("ios", 5),
            event("web", 1),
            event("ios", 2),
            Event::new("s", Timestamp(0)),
        ];
        let mut few = Few::of(events[..2].iter());
        few.merge(&Few::of(events[2..].iter()));
        assert_eq!(few, Few::of(events.iter()));
        let told = few.answer(&[COLUMN], &all).unwrap_or_default();
        let told: Vec<_> = told
            .iter()
            .map(|d| (d.value.as_deref(), d.n_events, d.seen.from.0))
            .collect();
        assert_eq!(told, [(Some("ios"), 2, 2), (Some("web"), 1, 1)]);
        assert_eq!(few.answer(&[Column::Source], &all), None);

        let many: Vec<Event> = (0..=MOST).map(|n| event(&n.to_string(), 0)).collect();
        assert_eq!(Few::of(many.iter()), Few::default());
        few.merge(&Few::default());
        assert_eq!(few.answer(&[COLUMN], &all), None);
    }
}
