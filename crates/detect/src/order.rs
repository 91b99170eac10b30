//! Events of many files in the order of their times, as far as some memory goes.

use crate::run::Judged;
use ambit_event::{Event, EventId, Timestamp};
use std::collections::BTreeMap;

/// Holds events back until so many wait, or so many bytes of them, and gives out the earliest. Files that follow each
/// other in a command line often tell of the same days. What rules say of them is worked out before they wait.
#[derive(Debug)]
pub struct InOrder {
    /// By time and id, and then as they came.
    waiting: BTreeMap<(Timestamp, EventId, u64), Box<Judged>>,
    n_pushed: u64,
    n_bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl InOrder {
    /// Events wait until there are more than that, or until they take more bytes than that.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            waiting: BTreeMap::new(),
            n_pushed: 0,
            n_bytes: 0,
            most,
            most_bytes,
        }
    }

    /// Takes an event in, and gives those out that need not wait longer, the earliest first.
    pub fn push(&mut self, judged: Judged) -> Vec<Judged> {
        let event = judged.event();
        self.n_bytes += bytes(event);
        self.n_pushed += 1;
        let at = (event.time, event.id, self.n_pushed);
        self.waiting.insert(at, Box::new(judged));
        let mut due = Vec::new();
        while self.waiting.len() > self.most || self.n_bytes > self.most_bytes {
            due.extend(self.pop());
        }
        due
    }

    /// Gives the earliest out.
    pub fn pop(&mut self) -> Option<Judged> {
        let (_, judged) = self.waiting.pop_first()?;
        self.n_bytes = self.n_bytes.saturating_sub(bytes(judged.event()));
        Some(*judged)
    }
}

/// What an event takes in memory without its fields, about: itself, and the longest of its texts.
fn bytes(event: &Event) -> usize {
    let texts = [&event.message, &event.query_text, &event.resource];
    let of_texts: usize = texts.into_iter().flatten().map(String::len).sum();
    size_of::<Judged>() + SHORT_TEXTS + of_texts
}

/// What the others take together in most events.
const SHORT_TEXTS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Placeholders, RuleSet};
    use crate::run::{Run, Terms};

    fn judged(event: Event) -> Judged {
        Run::new(&RuleSet::load(&[], &Placeholders::none()), Terms::new()).judge(event)
    }

    #[test]
    fn the_earliest_comes_first() {
        let mut order = InOrder::new(2, usize::MAX);
        let mut times = Vec::new();
        for at in [5, 3, 9, 1, 7] {
            let due = order.push(judged(Event::new("s", Timestamp(at))));
            times.extend(due.iter().map(|due| due.event().time.0));
        }
        assert_eq!(times, [3, 1, 5]);
        while let Some(due) = order.pop() {
            times.push(due.event().time.0);
        }
        assert_eq!(times, [3, 1, 5, 7, 9]);
    }

    #[test]
    fn few_large_events_wait_as_many_small_ones() {
        let mut order = InOrder::new(usize::MAX, 1 << 20);
        let mut n_due = 0;
        for at in 0..100 {
            let mut event = Event::new("s", Timestamp(at));
            event.message = Some("x".repeat(100_000));
            n_due += order.push(judged(event)).len();
        }
        assert_eq!(n_due, 90);
        while order.pop().is_some() {
            n_due += 1;
        }
        assert_eq!((n_due, order.n_bytes), (100, 0));
    }
}
