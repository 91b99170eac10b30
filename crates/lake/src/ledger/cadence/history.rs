//! How a stream usually writes at each hour of the week.

use super::super::minutes::{MINUTE, Run};
use super::{Prediction, SPARSE, rate};
use ambit_event::Span;
use std::collections::{BTreeMap, BTreeSet};

const WEEK: usize = 168;

/// How a stream writes at each hour of the week (hours since 1970, modulo 168, in UTC).
pub(super) struct History {
    /// Records a minute behind a silence; 0 below [`SPARSE`].
    sure: Vec<f64>,
    /// Records a minute, as they usually come.
    usual: Vec<f64>,
    /// Records in the median minute: bursts do not show in it.
    steady: Vec<f64>,
}

/// One hour of history.
#[derive(Clone, Copy, Default)]
struct Hour {
    /// Records a minute behind a silence.
    sure: f64,
    n_records: u64,
    /// Records in the median minute.
    median: u32,
}

impl History {
    /// `None` where there are less than three days of it.
    pub fn of(runs: &[(i64, &Run)], clustering: f64) -> Option<Self> {
        let (first, last) = (runs.first()?.1.first, runs.last()?.1.last);
        let hour = 60 * MINUTE;
        let whole = first.0.saturating_add(hour - 1).div_euclid(hour)..last.0.div_euclid(hour);
        let hours = hours(runs, clustering);
        let days: BTreeSet<i64> = hours.keys().map(|hour| hour.div_euclid(24)).collect();
        if whole.end - whole.start < 72 || days.len() < 3 {
            return None;
        }
        let at = |hour| hours.get(&hour).copied().unwrap_or_default();
        let sample = |hour: i64| whole.contains(&hour).then(|| at(hour));
        let by_day = samples(24, days.iter().map(|day| day * 24), sample);
        let blocks: BTreeSet<i64> = hours
            .keys()
            .map(|hour| (hour - whole.start).div_euclid(WEEK as i64))
            .collect();
        let by_week = samples(WEEK, blocks.iter().map(|b| whole.start + b * WEEK as i64), sample);
        let cells = (0..WEEK).map(|cell| Cell::of(&by_day[cell % 24], &by_week[cell]));
        let mut history = Self {
            sure: Vec::new(),
            usual: Vec::new(),
            steady: Vec::new(),
        };
        for cell in cells {
            let sure = if cell.sure < SPARSE { 0.0 } else { cell.sure };
            history.sure.push(sure);
            history.usual.push(cell.usual);
            history.steady.push(cell.steady);
        }
        Some(history)
    }

    pub fn predict(&self, span: Span) -> Prediction {
        Prediction {
            sure: integral(&self.sure, span),
            usual: integral(&self.usual, span),
        }
    }

    /// Records in the median minute of such an hour.
    pub fn steady(&self, minute: i64) -> f64 {
        self.steady[minute.div_euclid(60).rem_euclid(WEEK as i64) as usize]
    }
}

/// The hours in which the stream wrote.
fn hours(runs: &[(i64, &Run)], clustering: f64) -> BTreeMap<i64, Hour> {
    let mut counts: BTreeMap<i64, [u32; 60]> = BTreeMap::new();
    for (start, run) in runs {
        for (minute, count) in (*start..).zip(&run.counts) {
            let hour = counts.entry(minute.div_euclid(60)).or_insert([0; 60]);
            hour[minute.rem_euclid(60) as usize] = *count;
        }
    }
    counts
        .into_iter()
        .map(|(at, counts)| (at, Hour::of(counts, clustering)))
        .collect()
}

impl Hour {
    fn of(mut counts: [u32; 60], clustering: f64) -> Self {
        let n_busy = counts.iter().filter(|n| **n > 0).count();
        let n_silences = counts
            .chunk_by(|a, b| (*a == 0) == (*b == 0))
            .filter(|run| run[0] == 0)
            .count();
        counts.sort_unstable();
        Self {
            sure: rate(n_busy as f64, 60.0, n_silences as f64, clustering),
            n_records: counts.iter().map(|n| u64::from(*n)).sum(),
            median: counts[30],
        }
    }
}

/// The hours of history by their place in a period of `n_hours`, from where those periods begin.
fn samples(
    n_hours: usize,
    begins: impl Iterator<Item = i64>,
    sample: impl Fn(i64) -> Option<Hour>,
) -> Vec<Vec<Hour>> {
    let mut cells = vec![Vec::new(); n_hours];
    for begin in begins {
        for hour in begin..begin + n_hours as i64 {
            if let Some(hour_then) = sample(hour) {
                cells[hour.rem_euclid(n_hours as i64) as usize].push(hour_then);
            }
        }
    }
    cells
}

#[derive(Clone, Copy, Default)]
struct Cell {
    sure: f64,
    usual: f64,
    steady: f64,
}

impl Cell {
    /// The less of what both periods predict; the week counts where it came at least twice.
    fn of(by_day: &[Hour], by_week: &[Hour]) -> Self {
        let day = Self::median(by_day);
        if by_week.len() < 2 {
            return day;
        }
        let week = Self::median(by_week);
        Self {
            sure: day.sure.min(week.sure),
            usual: day.usual.min(week.usual),
            steady: day.steady.min(week.steady),
        }
    }

    /// The median over the hours, the upper one of two.
    fn median(hours: &[Hour]) -> Self {
        if hours.is_empty() {
            return Self::default();
        }
        let upper = |values: Vec<f64>| {
            let mut values = values;
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            sure: upper(hours.iter().map(|h| h.sure).collect()),
            usual: upper(hours.iter().map(|h| h.n_records as f64).collect()) / 60.0,
            steady: upper(hours.iter().map(|h| f64::from(h.median)).collect()),
        }
    }
}

/// The sum over a span of rates a minute that change with the hour of the week.
fn integral(rates: &[f64], span: Span) -> f64 {
    let hour = 60 * MINUTE;
    let (first, last) = (span.from.0.div_euclid(hour), span.until.0.div_euclid(hour));
    let at = |hour: i64| rates[hour.rem_euclid(WEEK as i64) as usize];
    let minutes = |nanos: i64| nanos as f64 / MINUTE as f64;
    let (into_first, into_last) = (span.from.0.rem_euclid(hour), span.until.0.rem_euclid(hour));
    let edges = at(last) * minutes(into_last) - at(first) * minutes(into_first);
    let n_weeks = (last - first) / WEEK as i64;
    let rest: f64 = (first + n_weeks * WEEK as i64..last).map(at).sum();
    let week: f64 = rates.iter().sum();
    edges + 60.0 * (rest + week * n_weeks as f64)
}
