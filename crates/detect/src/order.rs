//! Events of many files in the order of their times, as far as some memory goes.

use crate::run::Judged;
use ambit_event::{EventId, Timestamp};
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
        self.n_bytes += judged.n_bytes();
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
        self.n_bytes = self.n_bytes.saturating_sub(judged.n_bytes());
        Some(*judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Placeholders, RuleSet};
    use crate::run::{Run, Terms};
    use ambit_event::{Event, Fields};

    const RULES: &str = "title: A\nname: a\nlogsource: {product: okta}\ndetection: {s: {a: '*'}, condition: s}\n---\n\
        title: B\ncorrelation: {type: event_count, rules: [a], group-by: [a], timespan: 1m, condition: {gte: 2}}\n";

    fn judged(event: Event) -> Judged {
        let rules = RuleSet::parse(RULES, "rules.yml", &Placeholders::none());
        assert_eq!(rules.refused(), []);
        Run::new(&rules, Terms::new()).judge(event)
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
        let large: [fn(&mut Event); 4] = [
            |event| event.message = Some("x".repeat(100_000)),
            |event| event.user_agent = Some("x".repeat(100_000)),
            |event| event.parameters = vec!["x".repeat(50_000), "x".repeat(50_000)],
            // The field that a correlation groups by.
            |event| event.fields = Fields::from_json(format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000))),
        ];
        for make_large in large {
            let mut order = InOrder::new(usize::MAX, 1 << 20);
            let mut n_due = 0;
            for at in 0..100 {
                let mut event = Event::new("okta_system", Timestamp(at));
                make_large(&mut event);
                n_due += order.push(judged(event)).len();
            }
            assert!((89..=90).contains(&n_due), "{n_due}");
            while order.pop().is_some() {
                n_due += 1;
            }
            assert_eq!((n_due, order.n_bytes), (100, 0));
        }
    }
}
