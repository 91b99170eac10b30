//! Events as they are read: in whatever order they come, they are looked at in that of their times, as far as some
//! memory goes.

use crate::order::InOrder;
use crate::run::{Judged, Run};
use crate::suspect::Board;
use ambit_event::{Event, EventId, Timestamp};
use std::collections::BTreeSet;

/// Events that wait for earlier ones from other files, and bytes of them. Where the logs hold more, files are looked
/// at as they come beyond.
const WAITING: usize = 200_000;
const WAITING_BYTES: usize = 256 << 20;

/// Shows a run events while they are read, and notes what it finds.
pub struct Incoming {
    run: Run,
    /// The sources whose events it is about, where not all are.
    sources: Option<BTreeSet<String>>,
    order: InOrder,
    board: Board,
    n_events: u64,
    last: Option<(Timestamp, EventId)>,
    is_sorted: bool,
}

/// What was found among events that each came once.
pub struct Found {
    /// The run that found it.
    pub run: Run,
    pub board: Board,
    /// Those that came, whether a rule is about them or not.
    pub n_events: u64,
    /// See [`Incoming::is_as_replayed`].
    pub is_as_replayed: bool,
}

impl Incoming {
    /// Events that come in any order: they wait for earlier ones.
    #[must_use]
    pub fn over(run: Run) -> Self {
        Self::waiting(run, InOrder::new(WAITING, WAITING_BYTES))
    }

    /// Events that come in the order of their times, as those of a [`crate::Hunt`]: none waits.
    #[must_use]
    pub fn in_order(run: Run) -> Self {
        Self::waiting(run, InOrder::new(0, 0))
    }

    fn waiting(run: Run, order: InOrder) -> Self {
        Self {
            sources: run.sources(),
            run,
            order,
            board: Board::default(),
            n_events: 0,
            last: None,
            is_sorted: true,
        }
    }

    /// Takes in an event that did not come before.
    pub fn take(&mut self, event: Event) {
        self.n_events += 1;
        let is_meant = |sources: &BTreeSet<String>| sources.contains(&event.source);
        if !self.sources.as_ref().is_none_or(is_meant) {
            return;
        }
        let judged = self.run.judge(event);
        for judged in self.order.push(judged) {
            self.look(judged);
        }
    }

    /// From now on events come in any order, as for [`Self::over`].
    #[must_use]
    pub fn then_waiting(mut self) -> Self {
        self.order = InOrder::new(WAITING, WAITING_BYTES);
        self
    }

    /// Looks at all that waits, although earlier events may still come, and tells all that there is to be told by now.
    pub fn catch_up(&mut self) {
        self.look_at_rest();
        for entry in self.run.catch_up() {
            self.board.note(entry);
        }
    }

    /// What stands by now.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    #[must_use]
    pub const fn run(&self) -> &Run {
        &self.run
    }

    /// To weigh what was found against what is known beside the events.
    pub const fn run_mut(&mut self) -> &mut Run {
        &mut self.run
    }

    /// Whether what was found so far is what [`crate::Hunt`] finds among the same events in a lake: they were looked at
    /// in the order of their times, as they are there, or whatever came late was folded in all the same.
    #[must_use]
    pub fn is_as_replayed(&self) -> bool {
        self.is_sorted || self.run.is_exact()
    }

    fn look_at_rest(&mut self) {
        while let Some(judged) = self.order.pop() {
            self.look(judged);
        }
    }

    fn look(&mut self, judged: Judged) {
        let at = Some((judged.event().time, judged.event().id));
        self.is_sorted &= self.last <= at;
        self.last = at;
        for entry in self.run.take_judged(judged) {
            self.board.note(entry);
        }
    }

    /// What was found, as nothing more comes.
    #[must_use]
    pub fn finish(mut self) -> Found {
        self.look_at_rest();
        for entry in self.run.finish() {
            self.board.note(entry);
        }
        Found {
            is_as_replayed: self.is_as_replayed(),
            n_events: self.n_events,
            run: self.run,
            board: self.board,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Placeholders, RuleSet};
    use crate::run::Terms;

    const RULES: &str = "title: A\nname: a\nlogsource: {product: okta}\ndetection: {s: {a: '*'}, condition: s}\n---\n\
        title: B\ncorrelation: {type: event_count, rules: [a], group-by: [a], timespan: 1m, condition: {gte: 3}}\n";

    fn event(secs: i64) -> Event {
        let mut event = Event::new("okta_system", Timestamp::from_secs(secs));
        event.id = EventId([secs as u8; 16]);
        event.fields = ambit_event::Fields::from_json(r#"{"a":"x"}"#.to_owned());
        event
    }

    /// Events of one group within a minute, in this order of arrival.
    fn incoming(order: [i64; 4], lateness_secs: i64, most: usize) -> Incoming {
        let rules = RuleSet::parse(RULES, "rules.yml", &Placeholders::none());
        assert_eq!(rules.refused(), []);
        let terms = Terms {
            lateness_secs,
            ..Terms::new()
        };
        let mut incoming = Incoming::waiting(Run::new(&rules, terms), InOrder::new(most, usize::MAX));
        order.into_iter().for_each(|secs| incoming.take(event(secs)));
        incoming
    }

    /// Over how many events each finding of the correlation is.
    fn of_b(board: &Board) -> Vec<u64> {
        let findings = board.findings().into_iter();
        findings
            .filter(|one| one.title == "B")
            .map(|one| one.n_events)
            .collect()
    }

    #[test]
    fn it_says_whether_something_came_too_late() {
        for (order, lateness_secs, most) in
            [([1, 2, 3, 4], 0, 0), ([4, 1, 3, 2], 0, 4), ([1, 4, 2, 3], 10, 0)]
        {
            let found = incoming(order, lateness_secs, most).finish();
            assert!(found.is_as_replayed, "{order:?}");
            assert_eq!(of_b(&found.board), [4], "{order:?}");
        }
        let late = incoming([1, 4, 2, 3], 0, 0).finish();
        assert!(!late.is_as_replayed && of_b(&late.board).is_empty() && late.n_events == 4);
        // Nothing is left out, but what is told of a source may rest on since when it is watched.
        let begun_earlier = incoming([2, 1, 3, 4], 10, 0).finish();
        assert!(!begun_earlier.is_as_replayed && of_b(&begun_earlier.board) == [4]);
        assert!(!begun_earlier.run.is_too_late() && late.run.is_too_late());
    }

    #[test]
    fn what_was_looked_at_before_its_time_is_revised() {
        let mut incoming = incoming([1, 3, 4, 5], 3600, 100);
        assert!(incoming.board().is_empty(), "they wait");
        incoming.catch_up();
        assert_eq!(of_b(incoming.board()), [4]);
        incoming.take(event(2));
        incoming.catch_up();
        assert_eq!(of_b(incoming.board()), [5]);
        assert!(incoming.run().is_exact());
    }

    #[test]
    fn what_no_rule_is_about_moves_no_clock() {
        let rules = RuleSet::parse(RULES, "rules.yml", &Placeholders::none());
        let terms = Terms {
            behaviours: crate::Behaviours::none(),
            ..Terms::new()
        };
        let mut incoming = Incoming::in_order(Run::new(&rules, terms));
        incoming.take(event(1));
        incoming.take(Event::new("nginx_access", Timestamp::from_secs(9)));
        let found = incoming.finish();
        assert_eq!((found.n_events, found.run.tally().n_events), (2, 1));
    }
}
