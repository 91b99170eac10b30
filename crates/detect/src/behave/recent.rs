//! The members of a group within a time, and the verdict over them that may still grow.

use crate::stream::{Out, Stamp, Verdict, Who};
use ambit_event::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) const SECOND: i64 = 1_000_000_000;
/// Members that are kept; of more, the oldest are left out, and counted.
const MOST_KEPT: usize = 512;

/// Members within a time.
#[derive(Debug, Clone)]
pub(crate) struct Recent<T> {
    members: VecDeque<(Stamp, Arc<Who>, T)>,
    pub open: Option<Box<Verdict>>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self {
            members: VecDeque::new(),
            open: None,
        }
    }
}

impl<T> Recent<T> {
    /// Takes in a member, and forgets those that are more seconds older.
    pub fn push(&mut self, at: Stamp, who: &Arc<Who>, member: T, secs: i64, out: &mut Out) {
        let oldest = at.time.plus_nanos(-secs.saturating_mul(SECOND));
        while self
            .members
            .front()
            .is_some_and(|(first, ..)| first.time < oldest)
        {
            self.members.pop_front();
        }
        if self.members.len() >= MOST_KEPT {
            self.members.pop_front();
            out.n_clipped += 1;
        }
        self.members.push_back((at, Arc::clone(who), member));
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Stamp, &T)> {
        self.members.iter().map(|(at, _, member)| (*at, member))
    }

    pub fn n_within(&self, now: Timestamp, secs: i64) -> usize {
        let oldest = now.plus_nanos(-secs.saturating_mul(SECOND));
        self.members
            .iter()
            .rev()
            .take_while(|(at, ..)| at.time >= oldest)
            .count()
    }

    /// Notes whether something is to be told at a member. What is told is one verdict until `secs` have gone by without
    /// anything of it; the first has the members for which `is_of` holds.
    pub fn note(
        &mut self,
        holds: bool,
        at: Stamp,
        who: &Arc<Who>,
        secs: i64,
        is_of: impl Fn(&T) -> bool,
        out: &mut Out,
    ) {
        let oldest = at.time.plus_nanos(-secs.saturating_mul(SECOND));
        let is_old = |open: &Verdict| {
            open.until < oldest || at.time.0.saturating_sub(open.anchor.time.0) > 86_400 * SECOND
        };
        if self.open.as_deref().is_some_and(is_old) {
            out.close(&mut self.open);
        }
        if !holds {
            return;
        }
        match &mut self.open {
            Some(open) => open.add(at, who),
            None => {
                let members = self.members.iter().filter(|(.., member)| is_of(member));
                let verdict = Verdict::over(at, members.map(|(at, who, _)| (*at, who)));
                self.open = Some(Box::new(verdict));
            }
        }
    }

    /// Whether nothing of it matters from an instant on, `secs` after the last.
    pub fn is_spent(&self, from: Timestamp, secs: i64) -> bool {
        let last = self.members.back().map(|(at, ..)| at.time);
        let last = last.max(self.open.as_ref().map(|open| open.until));
        last.is_none_or(|last| last.plus_nanos(secs.saturating_mul(SECOND)) < from)
    }
}

/// Implements what folds over [`Recent`] members have in common.
macro_rules! folds_recent {
    ($secs:ident) => {
        fn open<'s>(&self, state: &'s Self::State) -> Option<&'s crate::stream::Verdict> {
            state.open.as_deref()
        }

        fn is_spent(&self, state: &Self::State, from: ambit_event::Timestamp) -> bool {
            state.is_spent(from, self.$secs)
        }
    };
}
pub(crate) use folds_recent;
