//! Is a silence longer, or a stretch thinner, than the stream's own habits predict?
//!
//! The rate behind a silence is read from the minutes that stay *empty*, not from the number of records,
//! so that a burst does not pass for a habit, and from how soon a silence once begun used to end, so
//! that people who come and go do not either. Where of *n* minutes none was empty, the next one is empty
//! with a chance of at most one in *n* + 1. A silence is an absence where it would come about by chance
//! less than once in a million times, which is where that rate predicts 13.8 records or more.
//!
//! With three days of history or more the rate is that of the hour of the day (the median over the days
//! on which the stream wrote at all), and with two weeks also that of the hour of the week; the lower of
//! both counts. With less history it is the rate of the nearest 60 busy minutes on each side of the
//! silence; again the lower counts. Where the rate is below three an hour nothing is predicted: there a
//! silence cannot be told from a loss, and says so.
//!
//! A minute is too coarse for a busy stream: one that writes in nearly every ten seconds is judged by
//! those as well, for silences of one minute to fifteen. See `slots`.
//!
//! At the ends of the window the file may simply begin or end, so a stream too sparse for a prediction
//! is absent there once it is silent for more than twice its longest silence.
//!
//! A stretch of ten minutes or more is thin where it holds less than a fifth of the records that the
//! median minute of that hour predicts (without history: of the two hours before and after), and that
//! would come about by chance less than once in a million times, given how unevenly this stream writes.

mod history;
mod slots;
mod volume;

use super::minutes::{MINUTE, Minutes, Run, end};
use crate::coverage::{CoverageSpan, CoverageState};
use ambit_event::Span;
use history::History;
use std::collections::BTreeMap;

/// −ln of one in a million.
const SURE: f64 = 13.815_510_557_964_274;
/// Records a minute below which nothing is predicted: three an hour.
const SPARSE: f64 = 3.0 / 60.0;
/// Busy minutes that are looked at on each side of a silence, and the fewest that tell a rate.
const NEARBY: usize = 60;
const FEWEST: usize = 15;
/// How many empty minutes it takes to believe the number of silences as much as their share.
const DOUBT: f64 = 4.0;
/// The longest silence that tells whether records come in clusters, in minutes, and how many of them
/// may be absences.
const SHORT: i64 = 15;
const OUTLIERS: usize = 4;
/// Whether losses that are known for the whole of a span account for so many missing records.
pub(super) type Explained<'a> = &'a dyn Fn(Span, f64) -> bool;

/// The states of one stream, as far as cadence can tell; partitions the window.
pub(super) fn judge(minutes: &Minutes, window: Span, explained: Explained<'_>) -> Vec<CoverageSpan> {
    if minutes.is_scattered() {
        let because = "its records lie too scattered in time to know a cadence";
        return vec![part(window, CoverageState::Degraded, because.to_owned())];
    }
    let stream = Stream::of(minutes);
    if stream.runs.is_empty() {
        let because = "no record that could be read is of this source";
        return vec![part(window, CoverageState::Absent, because.to_owned())];
    }
    let absent = stream.absences(window, explained);
    let spans: Vec<Span> = absent.iter().map(|(span, _)| *span).collect();
    let thin = volume::thin(&stream.runs, stream.history.as_ref(), &spans);
    partition(window, &absent, &thin, &stream.habit())
}

/// Absence first, then thinness, the rest as predicted. Both lists are sorted and free of overlaps.
fn partition(window: Span, absent: &[Found], thin: &[Found], habit: &str) -> Vec<CoverageSpan> {
    let mut worse: Vec<CoverageSpan> = Vec::new();
    let cuts: Vec<Span> = absent.iter().map(|(span, _)| *span).collect();
    worse.extend(
        absent
            .iter()
            .map(|(s, because)| part(*s, CoverageState::Absent, because.clone())),
    );
    for (span, because) in thin {
        let left = super::spans::without(*span, &cuts).into_iter();
        worse.extend(left.map(|s| part(s, CoverageState::Degraded, because.clone())));
    }
    worse.sort_by_key(|p| p.span);
    let mut parts = Vec::with_capacity(2 * worse.len() + 1);
    let mut from = window.from;
    for worse in worse {
        if from < worse.span.from {
            parts.push(part(
                Span::new(from, worse.span.from),
                CoverageState::Consistent,
                habit.to_owned(),
            ));
        }
        from = worse.span.until;
        parts.push(worse);
    }
    if from < window.until {
        parts.push(part(
            Span::new(from, window.until),
            CoverageState::Consistent,
            habit.to_owned(),
        ));
    }
    parts
}

/// A span and what is wrong with it.
type Found = (Span, String);

fn part(span: Span, state: CoverageState, because: String) -> CoverageSpan {
    CoverageSpan {
        span,
        state,
        at_most: None,
        because,
    }
}

/// What is predicted for a span.
#[derive(Clone, Copy)]
struct Prediction {
    /// Records, counted so that silence below [`SURE`] of them is nothing odd. 0: nothing is predicted.
    sure: f64,
    /// Records, as they usually come.
    usual: f64,
}

struct Stream<'a> {
    runs: Vec<(i64, &'a Run)>,
    clustering: f64,
    history: Option<History>,
}

impl<'a> Stream<'a> {
    fn of(minutes: &'a Minutes) -> Self {
        let runs: Vec<_> = minutes.runs().collect();
        let clustering = clustering(&runs);
        let history = History::of(&runs, clustering);
        Self {
            runs,
            clustering,
            history,
        }
    }

    fn absences(&self, window: Span, explained: Explained<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        let mut longest = 0;
        for (n, pair) in self.runs.windows(2).enumerate() {
            let span = Span::new(pair[0].1.last, pair[1].1.first);
            let predicted = self.predict(span, Some(n), Some(n + 1));
            if predicted.sure >= SURE && !explained(span, predicted.usual) {
                found.push((span, no_record(span, predicted)));
            } else {
                longest = longest.max(span.nanos());
            }
        }
        self.add_short_absences(&mut found, explained);
        let odd = |end: &End| end.is_odd(longest) && !explained(end.span, end.predicted.usual);
        let said = |end: End, what: &str| (end.span, format!("{what}{}", end.about()));
        let head = self.head(window).filter(odd);
        let head = head.map(|end| said(end, "before the first record of this source"));
        let tail = self.tail(window).filter(odd);
        let tail = tail.map(|end| said(end, "after the last record of this source"));
        head.into_iter().chain(found).chain(tail).collect()
    }

    /// Adds the silences that show only when one looks closer than by the minute.
    fn add_short_absences(&self, found: &mut Vec<Found>, explained: Explained<'_>) {
        for (span, predicted) in slots::silences(&self.runs) {
            // Where it usually writes nothing at this hour, its neighbourhood says less than its habit.
            let habitual = self
                .history
                .as_ref()
                .is_some_and(|h| h.predict(span).usual < SURE);
            let known = found.iter().any(|(other, _)| other.overlaps(span));
            if !habitual && !known && !explained(span, predicted.usual) {
                found.push((span, no_record(span, predicted)));
            }
        }
        found.sort();
    }

    fn head(&self, window: Span) -> Option<End> {
        let (_, run) = self.runs.first()?;
        let span = Span::new(window.from, run.first);
        Some(End {
            span,
            predicted: self.predict(span, None, Some(0)),
        })
    }

    fn tail(&self, window: Span) -> Option<End> {
        let (_, run) = self.runs.last()?;
        let span = Span::new(run.last, window.until);
        Some(End {
            span,
            predicted: self.predict(span, Some(self.runs.len() - 1), None),
        })
    }

    /// What is predicted for a silence after one run and before another.
    fn predict(&self, span: Span, after: Option<usize>, before: Option<usize>) -> Prediction {
        match &self.history {
            Some(history) => history.predict(span),
            None => self.predict_from_nearby(span, after, before),
        }
    }

    fn predict_from_nearby(&self, span: Span, after: Option<usize>, before: Option<usize>) -> Prediction {
        let earlier = after.map(|n| Nearby::of(self.runs[..=n].iter().rev(), Toward::Past));
        let later = before.map(|n| Nearby::of(self.runs[n..].iter(), Toward::Future));
        let told = earlier
            .into_iter()
            .chain(later)
            .filter(|side| side.n_busy >= FEWEST);
        let rates = told.map(|side| (side.rate(self.clustering), side.mean()));
        let (rate, mean) = rates.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
        let length = span.nanos() as f64 / MINUTE as f64;
        Prediction {
            sure: if rate < SPARSE { 0.0 } else { rate * length },
            usual: mean * length,
        }
    }

    /// How the stream usually writes, in words, and what would not show.
    fn habit(&self) -> String {
        let (first, last) = (
            self.runs[0].0,
            self.runs.last().map_or(0, |(start, run)| end(*start, run)),
        );
        let n_minutes = (last - first) as f64;
        let n_records: f64 = self
            .runs
            .iter()
            .flat_map(|(_, run)| &run.counts)
            .map(|n| f64::from(*n))
            .sum();
        let n_busy: usize = self.runs.iter().map(|(_, run)| run.counts.len()).sum();
        let rate = rate(
            n_busy as f64,
            n_minutes,
            (self.runs.len() - 1) as f64,
            self.clustering,
        );
        let about = about(n_records / n_minutes);
        let by_minute = (n_busy >= FEWEST && rate >= SPARSE).then(|| SURE / rate);
        match by_minute
            .into_iter()
            .chain(slots::shortest(&self.runs))
            .reduce(f64::min)
        {
            None => format!("it writes {about}: too little for a silence to be told from a loss"),
            Some(shortest) => format!(
                "records come as its history predicts ({about}); a silence of less than about {} would not show",
                minutes_long(shortest)
            ),
        }
    }
}

/// A silence at an end of the window.
struct End {
    span: Span,
    predicted: Prediction,
}

impl End {
    fn is_odd(&self, longest: i64) -> bool {
        if self.predicted.sure > 0.0 {
            return self.predicted.sure >= SURE;
        }
        self.span.nanos() > longest.saturating_mul(2).max(2 * MINUTE)
    }

    fn about(&self) -> String {
        let length = self.span.nanos() as f64 / MINUTE as f64;
        match self.predicted.usual {
            usual if usual > 0.0 => format!("; this source writes {} then", about(usual / length)),
            _ => String::new(),
        }
    }
}

fn no_record(span: Span, predicted: Prediction) -> String {
    let length = span.nanos() as f64 / MINUTE as f64;
    let about = about(predicted.usual / length);
    format!(
        "no record from {} to {}; this source writes {about} at this hour",
        span.from, span.until
    )
}

/// The rate a minute that fits so many busy minutes and so many silences among so many minutes.
///
/// Were minutes busy independently of each other, the share of busy ones would tell how likely a
/// silence ends in its next minute. Where records come in clusters, silences are rarer and longer than
/// that share says. Two counts tell by how much: the silences here against the minutes they fill, which
/// says the more the more empty minutes there are, and the `clustering` of the whole stream. The least
/// of all three counts.
fn rate(n_busy: f64, n_minutes: f64, n_silences: f64, clustering: f64) -> f64 {
    let busy = n_busy / n_minutes;
    let counted = (n_silences + DOUBT * busy) / (n_minutes - n_busy + DOUBT);
    let ends = counted.min(clustering * busy);
    let most = (n_minutes + 1.0).ln();
    if ends < 1.0 {
        most.min(-(1.0 - ends).ln())
    } else {
        most
    }
}

/// How many silences there are against what independent minutes would give: 1 where records come
/// independently of each other, less where they come in clusters. Long silences are left out, because
/// those may be absences, and because hours that have them tell well enough by themselves; the few that
/// weigh the most are left out for the same reason.
fn clustering(runs: &[(i64, &Run)]) -> f64 {
    let mut busy: BTreeMap<i64, f64> = BTreeMap::new();
    for (start, run) in runs {
        for minute in *start..end(*start, run) {
            *busy.entry(minute.div_euclid(60)).or_default() += 1.0 / 60.0;
        }
    }
    let expected = |pair: &[(i64, &Run)]| {
        let begins = end(pair[0].0, pair[0].1);
        let length = pair[1].0.saturating_sub(begins);
        let busy = busy.get(&begins.div_euclid(60)).copied().unwrap_or_default();
        (length <= SHORT).then_some(length as f64 * busy)
    };
    let mut expected: Vec<f64> = runs.windows(2).filter_map(expected).collect();
    expected.sort_by(f64::total_cmp);
    expected.truncate(expected.len().saturating_sub(OUTLIERS));
    let n_silences = expected.len() as f64;
    ((n_silences + DOUBT) / (expected.iter().sum::<f64>() + DOUBT)).min(1.0)
}

/// `about 12 a minute`, `about 5 an hour`.
fn about(a_minute: f64) -> String {
    if a_minute >= 0.95 {
        format!("about {a_minute:.0} a minute")
    } else if a_minute * 60.0 >= 0.95 {
        format!("about {:.0} an hour", a_minute * 60.0)
    } else {
        "less than one an hour".to_owned()
    }
}

fn minutes_long(minutes: f64) -> String {
    if minutes < 120.0 {
        format!("{:.0} minutes", minutes.ceil().max(2.0))
    } else {
        format!("{:.0} hours", (minutes / 60.0).ceil())
    }
}

/// The busy minutes nearest to a silence on one side of it.
struct Nearby {
    n_busy: usize,
    n_silences: usize,
    n_minutes: i64,
    n_records: u64,
}

#[derive(Clone, Copy)]
enum Toward {
    Past,
    Future,
}

impl Nearby {
    /// `runs` lead away from the silence.
    fn of<'a>(runs: impl Iterator<Item = &'a (i64, &'a Run)>, toward: Toward) -> Self {
        let mut side = Self {
            n_busy: 0,
            n_silences: 0,
            n_minutes: 0,
            n_records: 0,
        };
        let mut edge = None;
        for (start, run) in runs {
            let wanted = (NEARBY - side.n_busy).min(run.counts.len());
            let counts = match toward {
                Toward::Past => &run.counts[run.counts.len() - wanted..],
                Toward::Future => &run.counts[..wanted],
            };
            side.n_busy += wanted;
            side.n_records += counts.iter().map(|n| u64::from(*n)).sum::<u64>();
            side.n_silences += usize::from(edge.is_some());
            let last = end(*start, run);
            let edge = *edge.get_or_insert(match toward {
                Toward::Past => last,
                Toward::Future => *start,
            });
            side.n_minutes = match toward {
                Toward::Past => edge.saturating_sub(last) + wanted as i64,
                Toward::Future => start.saturating_sub(edge) + wanted as i64,
            };
            if side.n_busy == NEARBY {
                break;
            }
        }
        side
    }

    fn rate(&self, clustering: f64) -> f64 {
        rate(
            self.n_busy as f64,
            self.n_minutes as f64,
            self.n_silences as f64,
            clustering,
        )
    }

    fn mean(&self) -> f64 {
        self.n_records as f64 / self.n_minutes as f64
    }
}
