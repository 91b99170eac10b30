//! Events of many files in the order of their times, as far as some memory goes.

use ambit_event::{Event, EventId, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Holds events back until so many wait, and gives out the earliest of them. Files that follow each other in a
/// command line often tell of the same days.
#[derive(Debug)]
pub struct InOrder {
    waiting: BinaryHeap<Reverse<Waiting>>,
    most: usize,
}

#[derive(Debug)]
struct Waiting {
    at: (Timestamp, EventId),
    event: Box<Event>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl InOrder {
    /// Events wait until there are more than that.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            waiting: BinaryHeap::new(),
            most,
        }
    }

    /// Takes an event in, without its raw bytes, and gives the earliest out where too many wait.
    pub fn push(&mut self, mut event: Event) -> Option<Event> {
        event.raw = Vec::new();
        event.fields.pack();
        let at = (event.time, event.id);
        let event = Box::new(event);
        self.waiting.push(Reverse(Waiting { at, event }));
        match self.waiting.len() > self.most {
            true => self.pop(),
            false => None,
        }
    }

    /// Gives the earliest out.
    pub fn pop(&mut self) -> Option<Event> {
        self.waiting.pop().map(|Reverse(waiting)| *waiting.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first() {
        let mut order = InOrder::new(2);
        let mut times = Vec::new();
        for at in [5, 3, 9, 1, 7] {
            times.extend(
                order
                    .push(Event::new("s", Timestamp(at)))
                    .map(|event| event.time.0),
            );
        }
        assert_eq!(times, [3, 1, 5]);
        while let Some(event) = order.pop() {
            times.push(event.time.0);
        }
        assert_eq!(times, [3, 1, 5, 7, 9]);
    }
}
