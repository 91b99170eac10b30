//! What a rule over several events is made of: a fold over members in the order of their own times.
//!
//! Whatever the order in which members arrive, they are folded in the order of their stamps. That alone makes a
//! stream and its replay conclude the same.

use ambit_event::{EventId, Level, Observable, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Events that a verdict lists; those beyond are counted.
pub(crate) const MOST_LISTED: usize = 256;
/// Observables that a verdict names.
const MOST_NAMED: usize = 8;

/// Where a member stands in time. Two members of one event differ in their part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub time: Timestamp,
    pub id: EventId,
    pub part: u32,
}

/// Where an event comes from, and who acted in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Who {
    pub source: Arc<str>,
    pub host: Option<Arc<str>>,
    pub actor: Arc<[Observable]>,
}

/// What is concluded over some members of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The member that completed it: what tells two verdicts of a group apart.
    pub anchor: Stamp,
    /// The first events that made it, by time; at most [`MOST_LISTED`].
    pub events: Vec<Stamp>,
    /// How many of those listed there were when it was completed.
    pub n_core: usize,
    /// Those counted that are not listed.
    pub n_events: u64,
    pub until: Timestamp,
    pub who: Who,
    /// Where the fold says otherwise than its sheet.
    pub level: Option<Level>,
    pub because: Option<String>,
    /// The techniques of its sheet that it is of; all of them where it does not say.
    pub attack: BTreeSet<&'static str>,
}

impl Verdict {
    /// A verdict that is complete with these events, which are in the order of time.
    pub fn over<'a>(anchor: Stamp, events: impl Iterator<Item = (Stamp, &'a Arc<Who>)>) -> Self {
        let mut verdict = Self {
            anchor,
            events: Vec::new(),
            n_core: 0,
            n_events: 0,
            until: anchor.time,
            who: Who::default(),
            level: None,
            because: None,
            attack: BTreeSet::new(),
        };
        for (at, who) in events {
            verdict.add(at, who);
        }
        verdict.n_core = verdict.events.len();
        verdict
    }

    /// Takes in another event, which is not earlier than the others.
    pub fn add(&mut self, at: Stamp, who: &Arc<Who>) {
        if self.events.last().is_some_and(|last| last.id == at.id) {
            // Several rules below matched one event.
            return;
        }
        self.n_events += 1;
        self.until = self.until.max(at.time);
        if self.events.len() < MOST_LISTED {
            self.events.push(at);
        }
        if self.n_core > 0 {
            // Who acted is told by the events that completed it.
            return;
        }
        if self.n_events == 1 {
            self.who = (**who).clone();
            return;
        }
        // The event that completes it says where that was.
        self.who.source = Arc::clone(&who.source);
        self.who.host.clone_from(&who.host);
        self.who.meet(who);
    }

    /// The earliest of its events.
    pub fn since(&self) -> Timestamp {
        self.events.first().map_or(self.anchor.time, |at| at.time)
    }

    /// The events that completed it.
    pub fn core(&self) -> &[Stamp] {
        self.events.get(..self.n_core).unwrap_or(&self.events)
    }
}

impl Who {
    /// Leaves what both say of who acted; where that is nothing, what either says.
    fn meet(&mut self, other: &Self) {
        let is_shared = |one: &Observable| other.actor.contains(one);
        if self.actor.iter().any(is_shared) {
            if !self.actor.iter().all(is_shared) {
                self.actor = self.actor.iter().filter(|one| is_shared(one)).cloned().collect();
            }
            return;
        }
        if !other.actor.is_empty() {
            let both = self
                .actor
                .iter()
                .chain(other.actor.iter().filter(|one| !self.actor.contains(one)));
            self.actor = both.take(MOST_NAMED).cloned().collect();
        }
    }
}

/// What a step puts out.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// Verdicts to which nothing is added any more.
    pub closed: Vec<Verdict>,
    /// Members that were left out because a window held too many.
    pub n_clipped: u64,
}

impl Out {
    /// Puts out the verdict that may still grow, if there is one.
    pub fn close(&mut self, open: &mut Option<Box<Verdict>>) {
        self.closed.extend(open.take().map(|verdict| *verdict));
    }
}

/// A rule over the members of one group.
pub(crate) trait Fold {
    type Member: Clone;
    type State: Clone + Default;

    /// Takes in the next member.
    fn step(&self, state: &mut Self::State, at: Stamp, member: &Self::Member, out: &mut Out);

    /// The verdict that may still grow.
    fn open<'s>(&self, state: &'s Self::State) -> Option<&'s Verdict>;

    /// What is concluded if nothing more came until now.
    fn rest(&self, _state: &Self::State, _now: Timestamp, _out: &mut Out) {}

    /// Whether that nothing came can conclude something.
    fn rests(&self) -> bool {
        false
    }

    /// Gives back what members from this instant on do not look at.
    fn slim(&self, _state: &mut Self::State, _from: Timestamp) {}

    /// Whether members from this instant on find nothing in the state that matters to them.
    fn is_spent(&self, state: &Self::State, from: Timestamp) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::ObservableKind;

    fn who(actor: &[(ObservableKind, &str)]) -> Arc<Who> {
        Arc::new(Who {
            source: "s".into(),
            host: None,
            actor: actor.iter().map(|(kind, v)| Observable::new(*kind, *v)).collect(),
        })
    }

    #[test]
    fn the_actor_is_what_all_events_share() {
        use ObservableKind::{Account, Address};
        let at = |n: i64| Stamp {
            time: Timestamp(n),
            id: EventId([n as u8; 16]),
            part: 0,
        };
        let (a, b) = (
            who(&[(Account, "a"), (Address, "x")]),
            who(&[(Account, "b"), (Address, "x")]),
        );
        let verdict = Verdict::over(at(2), [(at(1), &a), (at(2), &b)].into_iter());
        assert_eq!(*verdict.who.actor, [Observable::new(Address, "x")]);
        let c = who(&[(Account, "c")]);
        let verdict = Verdict::over(at(2), [(at(1), &a), (at(2), &c)].into_iter());
        assert_eq!(verdict.who.actor.len(), 3);
        assert_eq!((verdict.since(), verdict.until), (Timestamp(1), Timestamp(2)));
    }
}
