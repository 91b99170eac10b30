//! All history: the events of a lake in the order of their times, in pieces that fit in memory.

use crate::run::Run;
use ambit_event::{Column, Event, Span, Timestamp};
use ambit_lake::{Distinct, Filter, Query, Test};

/// Events that are asked for at once.
const MOST: usize = 30_000;
const HOUR: i64 = 3_600_000_000_000;

/// Asks for the events of a lake one piece after the other, as if they came now. It asks, and whoever holds the lake
/// answers; rules alone are to be shown the events of their own log sources only. What it gives out is in the order of
/// time, so that none is too late.
///
/// ```no_run
/// # async fn example(lake: ambit_lake::Lake, run: ambit_detect::Run) -> Result<(), ambit_lake::Error> {
/// use ambit_detect::{Hunt, Incoming};
/// use ambit_event::Span;
///
/// let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await?;
/// let mut hunt = Hunt::over(&run, &sources, Span::ALL);
/// let mut incoming = Incoming::in_order(run);
/// while let Some(query) = hunt.asks() {
///     for event in hunt.take(lake.events(&query).await?) {
///         incoming.take(event);
///     }
/// }
/// let found = incoming.finish();
/// # Ok(()) }
/// ```
pub struct Hunt {
    filter: Filter,
    span: Span,
    pieces: Pieces,
    /// The piece is one instant, at which there are too many events for one asking.
    is_crowded: bool,
    /// Events that were given out and may have happened in the next piece too, as their clock is not that fine.
    n_over: usize,
}

impl Hunt {
    /// The columns whose values [`Self::over`] wants to know.
    pub const COLUMNS: &'static [Column] = &[Column::Source];

    /// The question which values they have.
    #[must_use]
    pub fn everything() -> Query {
        Query::of(Filter::All(Vec::new()))
    }

    /// A hunt for a run over the events that happened in the span, in a lake with these sources.
    #[must_use]
    pub fn over(run: &Run, sources: &[Distinct], span: Span) -> Self {
        let asked = run.sources();
        let is_meant = |name: &str| asked.as_ref().is_none_or(|asked| asked.contains(name));
        let meant: Vec<&Distinct> = sources
            .iter()
            .filter(|source| source.value.as_deref().is_none_or(is_meant))
            .collect();
        let filter = match meant.len() == sources.len() {
            true => Filter::All(Vec::new()),
            false => {
                let names = meant.iter().filter_map(|source| source.value.clone());
                Filter::Column(Column::Source, Test::In(names.collect()))
            }
        };
        let hull = meant.iter().map(|source| source.seen).reduce(Span::hull);
        let hull = hull.filter(|hull| hull.overlaps(span));
        let span = hull.map_or(Span::new(Timestamp::MAX, Timestamp::MAX), |hull| {
            Span::new(hull.from.max(span.from), hull.until.plus_nanos(1).min(span.until))
        });
        Self {
            filter,
            span,
            pieces: Pieces::of(span),
            is_crowded: false,
            n_over: 0,
        }
    }

    /// The question which events there are, to tell how far the hunt is.
    #[must_use]
    pub fn whole(&self) -> Query {
        Query::of(self.filter.clone()).within(self.span)
    }

    /// What it asks next; `None` where it saw everything.
    #[must_use]
    pub fn asks(&self) -> Option<Query> {
        let query = Query::of(self.filter.clone()).within(self.pieces.next()?);
        Some(match self.is_crowded {
            true => query,
            false => query.limited(MOST + 1 + self.n_over),
        })
    }

    /// Takes the answer in, and gives out the events that come next, in their order.
    pub fn take(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        let Some(piece) = self.pieces.next() else {
            return Vec::new();
        };
        let is_cut = events.len() > MOST + self.n_over && !self.is_crowded;
        let last = events.last().filter(|_| is_cut).map(|last| last.time);
        if last.is_some_and(|last| last <= piece.from) {
            self.is_crowded = true;
            self.pieces.narrow_to_instant();
            return Vec::new();
        }
        // There may be more at the last instant.
        let until = last.unwrap_or(piece.until);
        self.n_over = events
            .iter()
            .filter(|event| event.time < until && event.when().until > until)
            .count();
        events.retain(|event| event.time >= piece.from && event.time < until);
        match (last, self.is_crowded) {
            (Some(last), _) => self.pieces.narrow_to(last),
            (None, true) => self.pieces.pass_instant(),
            (None, false) => self.pieces.pass(events.len()),
        }
        self.is_crowded = false;
        events
    }
}

/// Parts of a span, one after the other, as wide as they may be for the events in them to be few enough.
struct Pieces {
    at: Timestamp,
    until: Timestamp,
    /// Nanoseconds.
    width: i64,
    /// The width before it was narrowed to an instant.
    wide: i64,
}

impl Pieces {
    const fn of(span: Span) -> Self {
        Self {
            at: span.from,
            until: span.until,
            width: HOUR,
            wide: HOUR,
        }
    }

    fn next(&self) -> Option<Span> {
        (self.at < self.until).then(|| Span::new(self.at, self.at.plus_nanos(self.width).min(self.until)))
    }

    /// Goes on to an instant within the piece, up to which it holds as many events as one may.
    fn narrow_to(&mut self, at: Timestamp) {
        self.width = at.0.saturating_sub(self.at.0).max(1);
        self.at = at;
    }

    /// Makes the piece the instant at which it begins.
    fn narrow_to_instant(&mut self) {
        self.wide = self.width;
        self.width = 1;
    }

    /// Goes on behind an instant, as wide as before it.
    fn pass_instant(&mut self) {
        self.at = self.at.plus_nanos(1).min(self.until);
        self.width = self.wide;
    }

    /// Goes on to the next piece, after one with so many events.
    fn pass(&mut self, n_events: usize) {
        self.at = self.at.plus_nanos(self.width).min(self.until);
        let wider = match n_events {
            0 => 16,
            n if n < MOST / 8 => 4,
            n if n < MOST / 3 => 2,
            _ => 1,
        };
        self.width = self.width.saturating_mul(wider);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rule::{Placeholders, RuleSet};
    use crate::{Behaviours, Incoming, Terms};
    use ambit_event::{Batch, EventId};
    use ambit_lake::Lake;

    async fn lake_of(times: impl Iterator<Item = i64>, precision: i64) -> Lake {
        let lake = Lake::in_memory([0; 32]);
        let event = |(nth, at): (u32, i64)| {
            let mut event = Event::new(if nth % 2 == 0 { "nginx_access" } else { "sshd" }, Timestamp(at));
            event.precision = precision;
            event.class = Some("http_activity".into());
            event.activity = Some("GET".into());
            event.id = EventId::nth("s", "h", &nth.to_le_bytes(), 1);
            event
        };
        let batch = Batch {
            events: (0..).zip(times).map(event).collect(),
            ..Batch::default()
        };
        let mut writer = lake.writer().await.unwrap();
        writer.push(batch).await.unwrap();
        writer.commit().await.unwrap();
        lake.refresh().await.unwrap()
    }

    fn run() -> Run {
        let rule = "title: A\nid: a\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n";
        let rules = RuleSet::parse(rule, "rules.yml", &Placeholders::none());
        let terms = Terms {
            behaviours: Behaviours::none(),
            ..Terms::new()
        };
        Run::new(&rules, terms)
    }

    async fn found(lake: &Lake, span: Span) -> (usize, u64) {
        let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await.unwrap();
        let run = run();
        let (mut hunt, mut n) = (Hunt::over(&run, &sources, span), 0);
        let expected = lake.count(&hunt.whole()).await.unwrap();
        let mut incoming = Incoming::in_order(run);
        while let Some(query) = hunt.asks() {
            for event in hunt.take(lake.events(&query).await.unwrap()) {
                n += 1;
                incoming.take(event);
            }
        }
        let found = incoming.finish();
        assert_eq!((found.board.len() as u64, found.n_events), (n, n));
        assert!(
            found.run.is_exact() && found.is_as_replayed,
            "none is late in a lake"
        );
        assert!(expected >= n);
        (found.board.len(), n)
    }

    #[tokio::test]
    async fn each_event_of_the_log_sources_is_looked_at_once() {
        for precision in [1, 1_000_000_000, 40 * HOUR] {
            let times = (0..2_000).map(|n| n * HOUR / 3);
            let lake = lake_of(times, precision).await;
            assert_eq!(found(&lake, Span::ALL).await.0, 1_000);
            let day = Span::new(Timestamp(0), Timestamp(24 * HOUR));
            assert_eq!(found(&lake, day).await.0, 36);
        }
    }

    #[tokio::test]
    async fn more_in_a_second_than_fit_are_passed_in_a_few_steps() {
        let crowd = 2 * i64::try_from(MOST).unwrap() + 10;
        let times = (0..crowd).map(|nth| (nth % 3) * 1_000_000_000);
        let lake = lake_of(times, 1_000_000_000).await;
        let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await.unwrap();
        let mut hunt = Hunt::over(&run(), &sources, Span::ALL);
        let (mut n_asked, mut n_seen) = (0, 0);
        while let Some(query) = hunt.asks() {
            n_seen += hunt.take(lake.events(&query).await.unwrap()).len();
            n_asked += 1;
            assert!(n_asked < 30, "it goes through the second step by step");
        }
        assert_eq!(n_seen, crowd as usize / 2);
    }

    #[tokio::test]
    async fn more_at_once_than_fit_and_years_without_any_are_no_matter() {
        let crowd = 2 * u32::try_from(MOST).unwrap() + 10;
        let times = (0..crowd).map(|_| 5).chain([1 << 60, i64::MAX / 2]);
        let lake = lake_of(times, 1).await;
        assert_eq!(found(&lake, Span::ALL).await.0, crowd as usize / 2 + 1);
        assert_eq!(found(&Lake::in_memory([0; 32]), Span::ALL).await.0, 0);
    }
}
