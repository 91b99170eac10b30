//! How many records a stream wrote in each minute, and in which ten seconds of it.

use ambit_event::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const MINUTE: i64 = 60_000_000_000;
/// Ten seconds, and how many of them a minute has.
pub(super) const SLOT: i64 = 10_000_000_000;
pub(super) const SLOTS: i64 = MINUTE / SLOT;

/// So many separate runs are kept; a stream that has more is not judged by its cadence.
const MOST_RUNS: usize = 1 << 20;

/// Counts per minute, kept as runs of minutes that each have a record. The exact first and last instant
/// of a run are kept with it, and with them the exact edges of every silence that holds a whole minute.
/// Runs that meet become one, so that the result depends on no order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub(super) struct Minutes {
    /// By the run's first minute.
    runs: BTreeMap<i64, Run>,
    /// There were more runs than are kept: nothing is known.
    scattered: bool,
}

/// Consecutive minutes, none of them empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// Records by minute.
    pub counts: Vec<u32>,
    /// The slots of each minute that have a record, the first in the lowest bit. As long as `counts`.
    pub slots: Vec<u8>,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// `(scattered, [(minutes since the end of the run before, nanoseconds of the first record into the
/// first minute, of the last into the last minute, counts, slots as one character a minute)])`
#[derive(Serialize, Deserialize)]
struct Packed(bool, Vec<(i64, i64, i64, Vec<u32>, String)>);

/// The character that stands for a minute with no slot busy; the others follow it, up to `o`.
const NO_SLOT: u8 = b'0';

/// Whole minutes since 1970, rounded down.
pub(super) const fn minute_of(at: Timestamp) -> i64 {
    at.0.div_euclid(MINUTE)
}

/// The instant at which a minute begins.
pub(super) const fn start_of(minute: i64) -> Timestamp {
    Timestamp(minute.saturating_mul(MINUTE))
}

impl Minutes {
    pub fn add(&mut self, at: Timestamp) {
        let minute = minute_of(at);
        let slot = 1 << (at.0.rem_euclid(MINUTE) / SLOT);
        let near = self.runs.range_mut(..=minute).next_back();
        if let Some((start, run)) = near
            && let Some(n) = index(minute - start).filter(|n| *n < run.counts.len())
        {
            run.counts[n] = run.counts[n].saturating_add(1);
            run.slots[n] |= slot;
            run.first = run.first.min(at);
            run.last = run.last.max(at);
            return;
        }
        self.insert(
            minute,
            Run {
                counts: vec![1],
                slots: vec![slot],
                first: at,
                last: at,
            },
        );
    }

    pub fn merge(&mut self, other: Self) {
        self.scattered |= other.scattered;
        for (start, run) in other.runs {
            self.insert(start, run);
        }
        self.bound();
    }

    /// Whether the records lie so scattered that their cadence was given up.
    pub fn is_scattered(&self) -> bool {
        self.scattered
    }

    /// The runs with their first minutes, in order.
    pub fn runs(&self) -> impl Iterator<Item = (i64, &Run)> {
        self.runs.iter().map(|(start, run)| (*start, run))
    }

    fn insert(&mut self, mut start: i64, mut run: Run) {
        if run.counts.is_empty() {
            return;
        }
        // Kept runs do not touch one another: the search ends at the first that does not touch this one.
        while let Some((&near, _)) = self.runs.range(..=end(start, &run)).next_back() {
            if self.runs.get(&near).is_none_or(|other| end(near, other) < start) {
                break;
            }
            let Some(other) = self.runs.remove(&near) else {
                break;
            };
            (start, run) = fused((near, other), (start, run));
        }
        self.runs.insert(start, run);
        self.bound();
    }

    fn bound(&mut self) {
        self.scattered |= self.runs.len() > MOST_RUNS;
        if self.scattered {
            self.runs.clear();
        }
    }
}

/// The minute after the run.
pub(super) fn end(start: i64, run: &Run) -> i64 {
    start.saturating_add(i64::try_from(run.counts.len()).unwrap_or(i64::MAX))
}

fn index(minutes: i64) -> Option<usize> {
    usize::try_from(minutes).ok()
}

/// One run of two that overlap or touch. The one that begins first keeps its memory, so that a log
/// read in order is appended to.
fn fused(a: (i64, Run), b: (i64, Run)) -> (i64, Run) {
    let ((start, mut run), (later, other)) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    let offset = index(later - start).unwrap_or_default();
    let length = run.counts.len().max(offset + other.counts.len());
    run.counts.resize(length, 0);
    for (sum, count) in run.counts[offset..].iter_mut().zip(&other.counts) {
        *sum = sum.saturating_add(*count);
    }
    run.slots.resize(length, 0);
    for (all, slots) in run.slots[offset..].iter_mut().zip(&other.slots) {
        *all |= slots;
    }
    run.first = run.first.min(other.first);
    run.last = run.last.max(other.last);
    (start, run)
}

/// Every slot of a minute.
const ALL: u8 = (1 << SLOTS) - 1;

/// The slots of so many minutes. What is damaged counts as busy: it makes no silence.
fn unpacked(text: &str, n: usize) -> Vec<u8> {
    let slots = |byte: u8| byte.checked_sub(NO_SLOT).filter(|s| *s <= ALL).unwrap_or(ALL);
    let mut slots: Vec<u8> = text.bytes().take(n).map(slots).collect();
    slots.resize(n, ALL);
    slots
}

impl From<Packed> for Minutes {
    fn from(Packed(scattered, packed): Packed) -> Self {
        let mut minutes = Self {
            scattered,
            ..Self::default()
        };
        let mut at = 0_i64;
        for (skipped, first, last, counts, slots) in packed {
            // What was stored may be damaged: no minute lies outside the representable years.
            let start = at
                .saturating_add(skipped)
                .clamp(minute_of(Timestamp::MIN), minute_of(Timestamp::MAX));
            let run = Run {
                slots: unpacked(&slots, counts.len()),
                counts,
                first: start_of(start),
                last: start_of(start),
            };
            at = end(start, &run);
            let (first, last) = (
                start_of(start).plus_nanos(first),
                start_of(at.saturating_sub(1)).plus_nanos(last),
            );
            minutes.insert(start, Run { first, last, ..run });
        }
        minutes
    }
}

impl From<Minutes> for Packed {
    fn from(minutes: Minutes) -> Self {
        let mut at = 0_i64;
        let pack = |(start, run): (i64, Run)| {
            let skipped = start - at;
            at = end(start, &run);
            let first = run.first.0 - start_of(start).0;
            let last = run.last.0 - start_of(at - 1).0;
            let slots = run
                .slots
                .iter()
                .map(|s| char::from(NO_SLOT + (s & ALL)))
                .collect();
            (skipped, first, last, run.counts, slots)
        };
        Self(minutes.scattered, minutes.runs.into_iter().map(pack).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn runs_are_the_same_in_any_order_and_survive_storage() {
        let secs = [5, 61, 62, 119, 300, 360, 181, -30, 240];
        let mut forward = Minutes::default();
        secs.iter().for_each(|s| forward.add(Timestamp::from_secs(*s)));
        let mut backward = Minutes::default();
        secs.iter()
            .rev()
            .for_each(|s| backward.add(Timestamp::from_secs(*s)));
        assert_eq!(forward, backward);
        let runs: Vec<_> = forward
            .runs()
            .map(|(s, r)| (s, r.counts.clone(), r.slots.clone(), r.first, r.last))
            .collect();
        let at = Timestamp::from_secs;
        assert_eq!(
            runs,
            [
                (-1, vec![1, 1, 3], vec![0b1000, 0b1, 0b10_0001], at(-30), at(119)),
                (3, vec![1, 1, 1, 1], vec![1, 1, 1, 1], at(181), at(360))
            ]
        );
        let text = serde_json::to_string(&forward).unwrap();
        assert_eq!(serde_json::from_str::<Minutes>(&text).unwrap(), forward);
    }

    #[test]
    fn extreme_times_do_no_harm() {
        let mut minutes = Minutes::default();
        for at in [Timestamp::MIN, Timestamp::MAX, Timestamp(0)] {
            minutes.add(at);
        }
        let text = serde_json::to_string(&minutes).unwrap();
        assert_eq!(serde_json::from_str::<Minutes>(&text).unwrap().runs().count(), 3);
    }
}
