//! Records that arrived and could not be read: how many, and when they were written.

use super::lost::{Cause, Lost, records};
use super::minutes::minute_of;
use ambit_event::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rejects by the span in which they were written. Spans that touch the same minute are one, so that
/// the memory is bounded by the minutes of the log, and the result depends on no order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub(super) struct Unread {
    /// By the first minute that the span touches.
    placed: BTreeMap<i64, (Span, u64)>,
    /// How many have no known time.
    unplaced: u64,
}

/// `(unplaced, [(from, length in nanoseconds, n)])`
#[derive(Serialize, Deserialize)]
struct Packed(u64, Vec<(i64, i64, u64)>);

impl Unread {
    pub fn add(&mut self, between: Option<Span>) {
        match between {
            Some(span) => self.insert(Span::new(span.from, span.until.max(span.from.plus_nanos(1))), 1),
            None => self.unplaced = self.unplaced.saturating_add(1),
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.unplaced = self.unplaced.saturating_add(other.unplaced);
        for (span, n) in other.placed.into_values() {
            self.insert(span, n);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.unplaced == 0 && self.placed.is_empty()
    }

    pub fn n_rejects(&self) -> u64 {
        let placed = self.placed.values().map(|(_, n)| *n);
        placed.fold(self.unplaced, u64::saturating_add)
    }

    /// From the earliest to the latest known time of a reject. Before the first event of a file, and after its
    /// last, only one end is known, and the other stretches nothing.
    pub fn span(&self) -> Option<Span> {
        let known = |(span, _): &(Span, u64)| match (span.from > Timestamp::MIN, span.until < Timestamp::MAX)
        {
            (true, true) => Some(*span),
            (true, false) => Some(Span::new(span.from, span.from.plus_nanos(1))),
            (false, true) => Some(Span::new(span.until.plus_nanos(-1), span.until)),
            (false, false) => None,
        };
        self.placed.values().filter_map(known).reduce(Span::hull)
    }

    /// The losses; those without a time may lie anywhere in `anywhere`.
    pub fn lost(&self, anywhere: Span) -> impl Iterator<Item = Lost> {
        let lost = |span, n| Lost {
            span,
            at_most: Some(n),
            cause: Cause::Unread,
            why: format!("{} could not be read", records(n)),
        };
        let unplaced = (self.unplaced > 0).then_some((anywhere, self.unplaced));
        let all = self.placed.values().copied().chain(unplaced);
        all.map(move |(span, n)| lost(span, n))
    }

    fn insert(&mut self, mut span: Span, mut n: u64) {
        let last = minute_of(span.until.plus_nanos(-1));
        // Whatever begins no later than the last minute and reaches into the first one is joined. No
        // two that are kept touch the same minute, so that the search ends at the first that falls short.
        while let Some((&key, &(near, more))) = self.placed.range(..=last).next_back() {
            if minute_of(near.until.plus_nanos(-1)) < minute_of(span.from) {
                break;
            }
            self.placed.remove(&key);
            span = span.hull(near);
            n = n.saturating_add(more);
        }
        self.placed.insert(minute_of(span.from), (span, n));
    }
}

impl From<Packed> for Unread {
    fn from(Packed(unplaced, placed): Packed) -> Self {
        let mut unread = Self {
            unplaced,
            ..Self::default()
        };
        for (from, length, n) in placed {
            let from = ambit_event::Timestamp(from);
            unread.insert(Span::new(from, from.plus_nanos(length.max(1))), n);
        }
        unread
    }
}

impl From<Unread> for Packed {
    fn from(unread: Unread) -> Self {
        let placed = unread.placed.into_values();
        Self(
            unread.unplaced,
            placed.map(|(span, n)| (span.from.0, span.nanos(), n)).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_of_one_minute_are_one_span_in_any_order() {
        let secs = |from, until| Some(Span::new(Timestamp::from_secs(from), Timestamp::from_secs(until)));
        let all = [
            secs(10, 12),
            secs(50, 70),
            secs(200, 201),
            secs(5, 5),
            None,
            secs(119, 121),
        ];
        let mut forward = Unread::default();
        all.iter().for_each(|s| forward.add(*s));
        let mut backward = Unread::default();
        all.iter().rev().for_each(|s| backward.add(*s));
        assert_eq!(forward, backward);
        assert_eq!(forward.n_rejects(), 6);
        let spans: Vec<_> = forward.lost(Span::ALL).map(|l| (l.span, l.at_most)).collect();
        let expected = [
            (secs(5, 121), Some(4)),
            (secs(200, 201), Some(1)),
            (Some(Span::ALL), Some(1)),
        ];
        assert_eq!(spans, expected.map(|(s, n)| (s.unwrap_or(Span::ALL), n)));
    }
}
