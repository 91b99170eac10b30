//! Correlations that count, sum or measure: the events of a group within a time.

use super::episode;
use super::model::{Measure, Plan, Window};
use crate::stream::{Fold, Out, Stamp, Verdict, Who};
use ambit_event::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Members that a window holds; of more, the oldest are left out, and counted.
const MOST_KEPT: usize = 10_000;
/// A window of so few members has no more room than it needs, and its values are counted by looking at each.
const FEW: usize = 8;

/// One event that a rule below matched, or one finding of a correlation below.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub who: Arc<Who>,
    /// The value that is counted, as a hash, or measured.
    pub value: Value,
    /// The events behind it, where it is a finding.
    pub events: Option<Arc<Vec<Stamp>>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    None,
    Hash(u64),
    Number(f64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    window: VecDeque<(Stamp, Member)>,
    /// How often each value is there, of a window of more members than a [`FEW`].
    distinct: Option<Box<Distinct>>,
    open: Option<Box<Verdict>>,
}

/// How often each value is there.
#[derive(Debug, Clone, Default)]
struct Distinct(HashMap<u64, u32>);

impl Distinct {
    fn add(&mut self, hash: u64) {
        *self.0.entry(hash).or_default() += 1;
    }

    fn take_away(&mut self, hash: u64) {
        if let Some(n) = self.0.get_mut(&hash) {
            *n -= 1;
            if *n == 0 {
                self.0.remove(&hash);
            }
        }
    }
}

impl State {
    fn push(&mut self, at: Stamp, member: &Member, out: &mut Out) {
        if self.window.len() == self.window.capacity() && self.window.len() < FEW {
            self.window.reserve_exact(1);
        }
        self.window.push_back((at, member.clone()));
        self.count(member.value);
        if self.window.len() > MOST_KEPT {
            self.pop();
            out.n_clipped += 1;
        }
    }

    fn pop(&mut self) {
        let Some((_, member)) = self.window.pop_front() else {
            return;
        };
        if let Value::Hash(hash) = member.value
            && let Some(distinct) = &mut self.distinct
        {
            distinct.take_away(hash);
        }
    }

    /// Counts a value that was added, and where it is the first of more than a few, those before it.
    fn count(&mut self, value: Value) {
        let Value::Hash(hash) = value else { return };
        if let Some(distinct) = &mut self.distinct {
            distinct.add(hash);
        } else if self.window.len() > FEW {
            let mut distinct = Box::<Distinct>::default();
            self.hashes().for_each(|hash| distinct.add(hash));
            self.distinct = Some(distinct);
        }
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.window.iter().filter_map(|(_, member)| match member.value {
            Value::Hash(hash) => Some(hash),
            _ => None,
        })
    }

    /// How many different values there are.
    fn n_distinct(&self) -> usize {
        match &self.distinct {
            Some(distinct) => distinct.0.len(),
            None => {
                let hashes = self.hashes().enumerate();
                hashes
                    .filter(|(nth, hash)| !self.hashes().take(*nth).any(|other| other == *hash))
                    .count()
            }
        }
    }

    fn clear(&mut self) {
        self.window.clear();
        self.distinct = None;
    }

    fn first(&self) -> Option<Timestamp> {
        self.window.front().map(|(at, _)| at.time)
    }

    fn last(&self) -> Option<Timestamp> {
        self.window.back().map(|(at, _)| at.time)
    }
}

/// The events behind members, by time.
pub(crate) fn events<'a>(
    members: impl Iterator<Item = (Stamp, &'a Member)>,
) -> impl Iterator<Item = (Stamp, &'a Arc<Who>)> {
    let mut all: Vec<(Stamp, &Arc<Who>)> = Vec::new();
    for (at, member) in members {
        match &member.events {
            Some(events) => all.extend(events.iter().map(|at| (*at, &member.who))),
            None => all.push((at, &member.who)),
        }
    }
    all.sort_by_key(|(at, _)| (at.time, at.id));
    all.dedup_by_key(|(at, _)| at.id);
    all.into_iter()
}

/// A counting correlation.
#[derive(Debug)]
pub(crate) struct Counted(pub Arc<Plan>);

impl Counted {
    fn measured(&self, state: &State) -> Option<f64> {
        let numbers = || -> Vec<f64> {
            let values = state.window.iter().filter_map(|(_, member)| match member.value {
                Value::Number(number) => Some(number),
                _ => None,
            });
            values.collect()
        };
        match self.0.measure {
            Measure::Events => Some(state.window.len() as f64),
            Measure::Values => Some(state.n_distinct() as f64),
            Measure::Sum => Some(numbers().iter().sum()),
            Measure::Average => {
                let numbers = numbers();
                (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
            }
            Measure::Percentile(rank) => percentile(numbers(), rank),
        }
    }

    fn holds(&self, state: &State) -> bool {
        self.measured(state).is_some_and(|value| self.0.holds(value))
    }

    /// The instant after which nothing is added to the window that is there, but for one that slides.
    fn end(&self, state: &State) -> Option<Timestamp> {
        let (first, last) = (state.first()?, state.last()?);
        let span = self.0.span;
        Some(match self.0.window {
            Window::Sliding => first.plus_nanos(span),
            Window::Tumbling => Timestamp(bucket(first, span).saturating_add(span).saturating_sub(1)),
            Window::Session { gap } => last.plus_nanos(gap).min(first.plus_nanos(span)),
        })
    }

    /// What is concluded over a window that is complete, of a condition that more events can end.
    fn judged(&self, state: &State) -> Option<Verdict> {
        let (last, _) = state.window.back()?;
        let members = state.window.iter().map(|(at, member)| (*at, member));
        self.holds(state).then(|| Verdict::over(*last, events(members)))
    }
}

/// Begin of the stretch that an instant lies in; the stretches follow each other from 1970 on.
fn bucket(at: Timestamp, span: i64) -> i64 {
    at.0.saturating_sub(at.0.rem_euclid(span.max(1)))
}

/// By linear interpolation between the two nearest.
fn percentile(mut numbers: Vec<f64>, rank: f64) -> Option<f64> {
    numbers.retain(|number| number.is_finite());
    numbers.sort_by(f64::total_cmp);
    let place = rank / 100.0 * (numbers.len().checked_sub(1)? as f64);
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let (low, high, part) = (numbers.get(low)?, numbers.get(high)?, place.fract());
    Some(low + part * (high - low))
}

impl Fold for Counted {
    type Member = Member;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, member: &Member, out: &mut Out) {
        let slides = self.0.window == Window::Sliding && self.0.is_rising;
        if slides {
            let oldest = at.time.plus_nanos(-self.0.span);
            while state.first().is_some_and(|first| first < oldest) {
                state.pop();
            }
        } else if self.end(state).is_some_and(|end| at.time > end) {
            if !self.0.is_rising {
                out.closed.extend(self.judged(state));
            }
            out.close(&mut state.open);
            state.clear();
        }
        state.push(at, member, out);
        if self.0.is_rising {
            let holds = self.holds(state);
            let State { window, open, .. } = state;
            let members = window.iter().map(|(at, member)| (*at, member));
            episode::note(open, holds, at, &member.who, || events(members), out);
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_deref()
    }

    fn rests(&self) -> bool {
        !self.0.is_rising
    }

    fn rest(&self, state: &State, now: Timestamp, out: &mut Out) {
        if self.rests() && self.end(state).is_some_and(|end| now > end) {
            out.closed.extend(self.judged(state));
        }
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let lasts_until = match (self.0.window, self.0.is_rising) {
            (Window::Sliding, true) => state.last().map(|last| last.plus_nanos(self.0.span)),
            _ => self.end(state),
        };
        lasts_until.is_none_or(|end| end < from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_the_nearest() {
        assert_eq!(percentile(vec![4.0, 1.0, 3.0, 2.0], 50.0), Some(2.5));
        assert_eq!(percentile(vec![1.0, f64::NAN], 100.0), Some(1.0));
        assert_eq!(percentile(Vec::new(), 50.0), None);
    }
}
