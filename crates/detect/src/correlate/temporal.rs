//! Correlations over what happened within a time of each other, in any order or in one.

use super::counted::{Member, events};
use super::episode;
use super::model::{Order, Plan, Window};
use crate::stream::{Fold, Out, Stamp, Verdict};
use ambit_event::Timestamp;
use std::sync::Arc;

type Kept = (Stamp, Member);

#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// For each rule below the latest member.
    latest: Vec<Option<Kept>>,
    /// For each rule below the chain of members, one of each rule up to it in their order, that began latest.
    chains: Vec<Option<Vec<Kept>>>,
    /// Members of the present instant, which come in no known order.
    same: Vec<Kept>,
    /// The first member, where the window does not slide.
    first: Option<Timestamp>,
    open: Option<Verdict>,
}

/// A correlation in time.
#[derive(Debug)]
pub(crate) struct Temporal(pub Arc<Plan>);

impl Temporal {
    fn begin(&self, state: &mut State, at: Stamp, out: &mut Out) {
        let n = self.0.n_over;
        let last = state.latest.iter().flatten().map(|(at, _)| at.time).max();
        let is_over = match (self.0.window, state.first, last) {
            (Window::Sliding, ..) | (_, None, _) | (_, _, None) => false,
            (Window::Tumbling, Some(first), _) => {
                first.0.div_euclid(self.0.span.max(1)) != at.time.0.div_euclid(self.0.span.max(1))
            }
            (Window::Session { gap }, Some(first), Some(last)) => {
                at.time > last.plus_nanos(gap) || at.time > first.plus_nanos(self.0.span)
            }
        };
        if is_over {
            out.closed.extend(state.open.take());
            *state = State::default();
        }
        if state.latest.len() != n {
            state.latest = vec![None; n];
            state.chains = vec![None; n];
        }
        state.first.get_or_insert(at.time);
    }

    fn note(&self, state: &mut State, at: Stamp, member: &Member) {
        if state.same.first().is_some_and(|(other, _)| other.time != at.time) {
            state.same.clear();
        }
        // One member of each rule tells all that an instant can.
        state.same.retain(|(other, _)| other.part != at.part);
        state.same.push((at, member.clone()));
        if let Some(latest) = state.latest.get_mut(at.part as usize) {
            *latest = Some((at, member.clone()));
        }
        if self.0.order == Order::AsNamed {
            self.link(state);
        }
    }

    /// Lengthens the chains by the members of this instant: what happened at once may have happened in the order
    /// that is looked for.
    fn link(&self, state: &mut State) {
        let mut same = state.same.clone();
        same.sort_by_key(|(at, _)| at.part);
        for kept in same {
            let part = kept.0.part as usize;
            let before = match part.checked_sub(1) {
                None => Some(Vec::new()),
                Some(before) => state.chains.get(before).cloned().flatten(),
            };
            let Some(mut chain) = before else { continue };
            chain.push(kept);
            let began = |chain: &Vec<Kept>| chain.first().map(|(at, _)| at.time);
            if let Some(present) = state.chains.get_mut(part)
                && present.as_ref().and_then(began) <= began(&chain)
            {
                *present = Some(chain);
            }
        }
    }

    /// The members that the condition holds over, if it does.
    fn met(&self, state: &State, now: Timestamp) -> Option<Vec<Kept>> {
        let oldest = now.plus_nanos(-self.0.span);
        let is_near = |at: &Stamp| self.0.window != Window::Sliding || at.time >= oldest;
        if self.0.order == Order::AsNamed {
            let chain = state.chains.last()?.as_ref()?;
            return chain.first().filter(|(at, _)| is_near(at)).map(|_| chain.clone());
        }
        let seen: Vec<bool> = state
            .latest
            .iter()
            .map(|kept| kept.as_ref().is_some_and(|(at, _)| is_near(at)))
            .collect();
        self.0.is_met(&seen).then(|| {
            let near = state.latest.iter().flatten().filter(|(at, _)| is_near(at));
            near.cloned().collect()
        })
    }
}

impl Fold for Temporal {
    type Member = Member;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, member: &Member, out: &mut Out) {
        self.begin(state, at, out);
        self.note(state, at, member);
        let met = self.met(state, at.time);
        let members = met.iter().flatten().map(|(at, member)| (*at, member));
        episode::note(
            &mut state.open,
            met.is_some(),
            at,
            &member.who,
            || events(members),
            out,
        );
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.latest.iter().flatten().map(|(at, _)| at.time).max();
        last.is_none_or(|last| last.plus_nanos(self.0.span) < from)
    }
}
