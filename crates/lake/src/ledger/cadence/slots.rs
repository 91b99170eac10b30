//! Silences of one minute to fifteen in a stream that writes in nearly every ten seconds.
//!
//! The same reasoning as by the minute, on a finer scale: the rate behind a silence is read from the ten
//! seconds that stay empty among the nearest 60 busy minutes on each side, the lower of both counts.
//! Where an edge lies is known to ten seconds, so a silence is told with both of them.

use super::super::minutes::{Run, SLOT, SLOTS};
use super::{NEARBY, Prediction, SHORT, SURE, rate};
use ambit_event::{Span, Timestamp};

/// Empty slots that make a silence worth judging: 50 seconds, so 50 to 70 without a record.
const SHORTEST: i64 = 5;
/// The fewest busy slots on a side that tell a rate: a minute of them.
const FEWEST: u32 = 6;

/// Slots of a day.
const DAY: i64 = 24 * 60 * SLOTS;

/// A busy minute, with what came before it in the stream.
struct Busy {
    first: i64,
    last: i64,
    /// Sums up to and with this minute: busy slots, silences that ended, records.
    n_busy: u32,
    n_silences: u32,
    n_records: u64,
}

/// The silences that chance does not explain, in order, and what is predicted for each.
pub(super) fn silences(runs: &[(i64, &Run)]) -> Vec<(Span, Prediction)> {
    let minutes = minutes(runs);
    let silence = |(n, pair): (usize, &[Busy])| {
        let empty = pair[1].first - pair[0].last - 1;
        let span = Span::new(start_of(pair[0].last), start_of(pair[1].first + 1));
        (SHORTEST..=SHORT * SLOTS)
            .contains(&empty)
            .then_some((n, empty, span))
    };
    let all: Vec<(usize, i64, Span)> = minutes.windows(2).enumerate().filter_map(silence).collect();
    let n_days = minutes.last().map_or(0, |m| m.last - minutes[0].first) / DAY;
    let odd = |&(n, empty, span): &(usize, i64, Span)| {
        let (rate, mean) = nearby(&minutes, n)?;
        let predicted = Prediction {
            sure: rate * empty as f64,
            usual: mean * (span.nanos() / SLOT) as f64,
        };
        let odd = predicted.sure >= SURE && !is_daily(span, &all, n_days);
        odd.then_some((span, predicted))
    };
    all.iter().filter_map(odd).collect()
}

/// Whether such a silence is at this time of the day on at least half of the other days, of two or more:
/// a restart, a rotation.
fn is_daily(span: Span, silences: &[(usize, i64, Span)], n_days: i64) -> bool {
    let day = DAY * SLOT;
    let apart = |other: &Span| (other.from.0 - span.from.0 + day / 2).rem_euclid(day) - day / 2;
    let near = |other: &Span| *other != span && apart(other).abs() < span.nanos();
    n_days >= 2 && 2 * silences.iter().filter(|(.., other)| near(other)).count() as i64 >= n_days
}

/// The shortest silence that would show, in minutes; `None` where the stream writes too seldom to be
/// judged on this scale.
pub(super) fn shortest(runs: &[(i64, &Run)]) -> Option<f64> {
    let minutes = minutes(runs);
    let (rate, _) = side(&minutes, 0, minutes.len())?;
    let minutes = ((SURE / rate).max(SHORTEST as f64) + 2.0) / SLOTS as f64;
    (minutes <= SHORT as f64).then_some(minutes)
}

/// The lower of the rates on both sides of the silence after the `n`th minute, in records a slot: behind
/// a silence, and as they usually come.
fn nearby(minutes: &[Busy], n: usize) -> Option<(f64, f64)> {
    let before = side(minutes, (n + 1).saturating_sub(NEARBY), n + 1);
    let after = side(minutes, n + 1, minutes.len().min(n + 1 + NEARBY));
    before.into_iter().chain(after).min_by(|a, b| a.0.total_cmp(&b.0))
}

/// The rates of these minutes, where they tell any.
fn side(minutes: &[Busy], from: usize, until: usize) -> Option<(f64, f64)> {
    let (first, last) = (minutes.get(from)?, minutes.get(until.checked_sub(1)?)?);
    let before = from.checked_sub(1).map(|n| &minutes[n]);
    let n_busy = last.n_busy - before.map_or(0, |b| b.n_busy);
    let n_records = last.n_records - before.map_or(0, |b| b.n_records);
    // The silence before the first minute ended in it, but is none of this side's.
    let n_silences = last.n_silences - before.map_or(0, |b| b.n_silences);
    let led = before.is_some_and(|b| b.last + 1 < first.first);
    let n_silences = n_silences.saturating_sub(u32::from(led));
    let n_slots = (last.last - first.first + 1) as f64;
    let behind = rate(f64::from(n_busy), n_slots, f64::from(n_silences), 1.0);
    (n_busy >= FEWEST).then(|| (behind, n_records as f64 / n_slots))
}

fn minutes(runs: &[(i64, &Run)]) -> Vec<Busy> {
    let of = |(start, run): &(i64, &Run)| {
        let each = run.slots.iter().zip(&run.counts);
        (*start..)
            .zip(each)
            .map(|(m, (slots, n))| (m, *slots, *n))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<Busy> = Vec::new();
    let (mut n_busy, mut n_silences, mut n_records) = (0, 0, 0);
    for (minute, slots, count) in runs.iter().flat_map(of).filter(|(_, slots, _)| *slots != 0) {
        let at = |slot: u32| minute * SLOTS + i64::from(slot);
        let (first, last) = (at(slots.trailing_zeros()), at(slots.ilog2()));
        let begins = (slots & !(slots << 1)).count_ones();
        let adjoins = all.last().is_none_or(|before| before.last + 1 == first);
        n_busy += slots.count_ones();
        n_silences += begins - u32::from(adjoins);
        n_records += u64::from(count);
        all.push(Busy {
            first,
            last,
            n_busy,
            n_silences,
            n_records,
        });
    }
    all
}

fn start_of(slot: i64) -> Timestamp {
    Timestamp(slot.saturating_mul(SLOT))
}
