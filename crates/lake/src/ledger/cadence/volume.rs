//! Is a stretch thinner than the stream's own habits predict?

use super::super::lost::records;
use super::super::minutes::{Run, end, start_of};
use super::Found;
use super::history::History;
use ambit_event::Span;
use std::ops::Range;

/// Minutes over which volume is compared, the fewest records that must be predicted for them, and the
/// share of them below which a stretch is thin.
const STRETCH: usize = 10;
const PREDICTED: f64 = 60.0;
const THIN: f64 = 0.2;
/// So many independent arrivals must be predicted: a Poisson count of mean 30 falls below a fifth of it
/// less than once in a million times.
const ARRIVALS: f64 = 30.0;
/// Minutes on each side from which a volume is predicted where there is no history.
const AROUND: usize = 120;
/// The median of the square of a standard normal variable.
const MEDIAN_SQUARE: f64 = 0.455;

/// Stretches of minutes with far fewer records than predicted, silences that are absences left out.
pub(super) fn thin(runs: &[(i64, &Run)], history: Option<&History>, absent: &[Span]) -> Vec<Found> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return Vec::new();
    };
    // The first and the last minute may be cut off.
    let whole = first.0 + 1..end(last.0, last.1) - 1;
    let mut dense = Vec::new();
    let mut at = 0;
    while at < runs.len() {
        let next = Dense::from(&runs[at..], &whole, absent);
        at += next.n_runs;
        dense.push(next);
    }
    let least = PREDICTED.max(ARRIVALS * unevenness(&dense));
    let of = |dense: &Dense| dense.thin(&dense.predicted(history, least), least);
    dense.iter().flat_map(of).collect()
}

/// How many records usually come together: 1 where they come independently of each other. From the
/// differences of neighbouring stretches, as the median of their squares over their sums.
fn unevenness(dense: &[Dense]) -> f64 {
    let sums = |dense: &Dense| -> Vec<f64> {
        let judged = dense
            .counts
            .chunks_exact(STRETCH)
            .zip(dense.judged.chunks_exact(STRETCH));
        let whole = judged.filter(|(_, judged)| judged.iter().all(|j| *j));
        whole
            .map(|(counts, _)| counts.iter().map(|n| f64::from(*n)).sum())
            .collect()
    };
    let square = |pair: &[f64]| (pair[1] - pair[0]).powi(2) / (pair[0] + pair[1]);
    let mut squares: Vec<f64> = Vec::new();
    for sums in dense.iter().map(sums) {
        squares.extend(sums.windows(2).map(square).filter(|square| square.is_finite()));
    }
    squares.sort_by(f64::total_cmp);
    squares
        .get(squares.len() / 2)
        .map_or(1.0, |median| (median / MEDIAN_SQUARE).max(1.0))
}

/// Whether a minute overlaps one of these spans.
fn within(spans: &[Span], minute: i64) -> bool {
    let (from, until) = (start_of(minute), start_of(minute + 1));
    let first = spans.partition_point(|span| span.until <= from);
    spans.get(first).is_some_and(|span| span.from < until)
}

/// Runs so near to each other that a stretch can span them, with the empty minutes between them.
struct Dense {
    start: i64,
    counts: Vec<u32>,
    /// Whether a minute is wholly within the log and no part of an absence.
    judged: Vec<bool>,
    n_runs: usize,
}

impl Dense {
    /// The first of these runs and those that follow it closely.
    fn from(runs: &[(i64, &Run)], whole: &Range<i64>, absent: &[Span]) -> Self {
        let margin = STRETCH - 1;
        let mut dense = Self {
            start: runs[0].0 - margin as i64,
            counts: vec![0; margin],
            judged: Vec::new(),
            n_runs: 0,
        };
        for (start, run) in runs {
            let Ok(offset) = usize::try_from(*start - dense.start) else {
                break;
            };
            if offset > dense.counts.len() + 2 * margin {
                break;
            }
            dense.counts.resize(offset, 0);
            dense.counts.extend(&run.counts);
            dense.n_runs += 1;
        }
        dense.counts.extend(vec![0; margin]);
        let judged = |minute| whole.contains(&minute) && !within(absent, minute);
        dense.judged = dense.minutes().map(judged).collect();
        dense
    }

    fn minutes(&self) -> impl Iterator<Item = i64> {
        (self.start..).take(self.counts.len())
    }

    /// What is predicted for each minute.
    fn predicted(&self, history: Option<&History>, least: f64) -> Vec<f64> {
        match history {
            Some(history) => self.minutes().map(|minute| history.steady(minute)).collect(),
            None => self.around(least),
        }
    }

    /// What the minutes around predict for each minute: the lesser of the medians on both sides, a
    /// stretch away, so that a drop does not predict itself.
    fn around(&self, least: f64) -> Vec<f64> {
        let n = self.counts.len();
        let most = self.counts.iter().copied().max().unwrap_or_default();
        if f64::from(most) * (STRETCH as f64) < least {
            return vec![0.0; n];
        }
        let median = |range: Range<usize>| {
            let judged = range.filter(|&i| i < n && self.judged[i]);
            let mut counts: Vec<u32> = judged.map(|i| self.counts[i]).collect();
            counts.sort_unstable();
            if counts.len() < AROUND / 4 {
                0
            } else {
                counts[counts.len() / 2]
            }
        };
        let both = |i: usize| {
            let earlier = median(i.saturating_sub(STRETCH + AROUND)..i.saturating_sub(STRETCH));
            let later = median(i + STRETCH + 1..i + STRETCH + 1 + AROUND);
            f64::from(earlier.min(later))
        };
        (0..n).map(both).collect()
    }

    /// The stretches whose every window of [`STRETCH`] minutes is thin, with normal minutes at both
    /// ends cut off.
    fn thin(&self, predicted: &[f64], least: f64) -> Vec<Found> {
        let n = self.counts.len();
        let mut marked = vec![false; n];
        let (mut sum, mut usual) = (0.0, 0.0);
        let value = |i: usize| {
            if self.judged[i] {
                (f64::from(self.counts[i]), predicted[i])
            } else {
                (0.0, 0.0)
            }
        };
        for i in 0..n {
            sum += value(i).0;
            usual += value(i).1;
            if i + 1 >= STRETCH {
                let from = i + 1 - STRETCH;
                if usual >= least && sum < THIN * usual {
                    marked[from..=i].fill(true);
                }
                sum -= value(from).0;
                usual -= value(from).1;
            }
        }
        let is_thin = |i: usize| marked[i] && self.judged[i];
        let mut found = Vec::new();
        let mut at = 0;
        while at < n {
            let length = (at..n).take_while(|&i| is_thin(i)).count();
            found.extend(self.stretch(at, at + length, predicted));
            at += length.max(1);
        }
        found
    }

    /// One stretch of marked minutes, cut at both ends to where the records really are few.
    fn stretch(&self, from: usize, until: usize, predicted: &[f64]) -> Option<Found> {
        let few = |i: &usize| f64::from(self.counts[*i]) < 0.5 * predicted[*i];
        let from = (from..until).find(few)?;
        let until = (from..until).rev().find(few)? + 1;
        let n_records: u64 = self.counts[from..until].iter().map(|n| u64::from(*n)).sum();
        let usual: f64 = predicted[from..until].iter().sum();
        let at = |i: usize| start_of(self.start + i as i64);
        let span = Span::new(at(from), at(until));
        let because = format!(
            "only {} where its history predicts about {usual:.0}",
            records(n_records)
        );
        (until - from >= STRETCH / 2).then_some((span, because))
    }
}
