//! Correlations over what happened within a time of each other, in any order or in one.

use super::counted::{Member, events};
use super::episode;
use super::model::{Order, Plan, Window};
use crate::stream::{Fold, Out, Stamp, Verdict};
use ambit_event::Timestamp;
use std::sync::Arc;

/// A member, which several lists of a group have.
type Kept = Arc<(Stamp, Member)>;

#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// For each rule below the latest member.
    latest: Box<[Option<Kept>]>,
    ordered: Option<Box<Ordered>>,
    /// The first member, where the window does not slide.
    first: Option<Timestamp>,
    open: Option<Box<Verdict>>,
}

/// What is kept where the order counts.
#[derive(Debug, Clone)]
struct Ordered {
    /// For each rule below the chain of members, one of each rule up to it in their order, that began latest.
    chains: Box<[Option<Chain>]>,
    /// Members of the present instant, which come in no known order.
    same: Vec<Kept>,
}

type Chain = Arc<[Kept]>;

impl Ordered {
    fn of(n: usize) -> Self {
        Self {
            chains: vec![None; n].into(),
            same: Vec::with_capacity(1),
        }
    }

    fn note(&mut self, kept: Kept) {
        let (time, part) = (kept.0.time, kept.0.part);
        if self.same.first().is_some_and(|other| other.0.time != time) {
            self.same.clear();
        }
        // One member of each rule tells all that an instant can.
        self.same.retain(|other| other.0.part != part);
        self.same.push(kept);
        self.link();
    }

    /// Lengthens the chains by the members of this instant: what happened at once may have happened in the order
    /// that is looked for.
    fn link(&mut self) {
        self.same.sort_by_key(|kept| kept.0.part);
        for kept in &self.same {
            let part = kept.0.part as usize;
            let before = match part.checked_sub(1) {
                None => Some(Chain::default()),
                Some(before) => self.chains.get(before).cloned().flatten(),
            };
            let Some(before) = before else { continue };
            let chain: Chain = before.iter().chain([kept]).cloned().collect();
            let began = |chain: &Chain| chain.first().map(|kept| kept.0.time);
            if let Some(present) = self.chains.get_mut(part)
                && present.as_ref().and_then(began) <= began(&chain)
            {
                *present = Some(chain);
            }
        }
    }
}

impl State {
    /// When its last member was.
    fn last(&self) -> Option<Timestamp> {
        self.latest.iter().flatten().map(|kept| kept.0.time).max()
    }
}

/// A correlation in time.
#[derive(Debug)]
pub(crate) struct Temporal(pub Arc<Plan>);

impl Temporal {
    fn begin(&self, state: &mut State, at: Stamp, out: &mut Out) {
        let n = self.0.n_over;
        let last = state.last();
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
            out.close(&mut state.open);
            *state = State::default();
        }
        if state.latest.len() != n {
            state.latest = vec![None; n].into();
            state.ordered = (self.0.order == Order::AsNamed).then(|| Box::new(Ordered::of(n)));
        }
        state.first.get_or_insert(at.time);
    }

    fn note(state: &mut State, at: Stamp, member: &Member) {
        let kept = Arc::new((at, member.clone()));
        if let Some(latest) = state.latest.get_mut(at.part as usize) {
            *latest = Some(Arc::clone(&kept));
        }
        if let Some(ordered) = &mut state.ordered {
            ordered.note(kept);
        }
    }

    /// The members that the condition holds over, if it does.
    fn met(&self, state: &State, now: Timestamp) -> Option<Vec<Kept>> {
        let oldest = now.plus_nanos(-self.0.span);
        let is_near = |at: &Stamp| self.0.window != Window::Sliding || at.time >= oldest;
        if self.0.order == Order::AsNamed {
            let chain = state.ordered.as_ref()?.chains.last()?.as_ref()?;
            let is_met = chain.first().is_some_and(|kept| is_near(&kept.0));
            return is_met.then(|| chain.to_vec());
        }
        let seen: Vec<bool> = state
            .latest
            .iter()
            .map(|kept| kept.as_ref().is_some_and(|kept| is_near(&kept.0)))
            .collect();
        self.0.is_met(&seen).then(|| {
            let near = state.latest.iter().flatten().filter(|kept| is_near(&kept.0));
            near.cloned().collect()
        })
    }
}

impl Fold for Temporal {
    type Member = Member;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, member: &Member, out: &mut Out) {
        self.begin(state, at, out);
        Self::note(state, at, member);
        let met = self.met(state, at.time);
        let members = met.iter().flatten().map(|kept| (kept.0, &kept.1));
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
        state.open.as_deref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.last();
        last.is_none_or(|last| last.plus_nanos(self.0.span) < from)
    }
}
