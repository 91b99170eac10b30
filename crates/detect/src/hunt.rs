//! All history: the events of a lake in the order of their times, in pieces that fit in memory.

use crate::run::Run;
use crate::suspect::Board;
use ambit_event::{Column, Event, Span, Timestamp};
use ambit_lake::{Distinct, Filter, Query, Test};

/// Events that are asked for at once.
const MOST: usize = 30_000;
const HOUR: i64 = 3_600_000_000_000;

/// Shows a run the events of a lake one after the other, as if they came now. It asks, and whoever holds the lake
/// answers; rules alone are shown the events of their own log sources only. The events of a lake are shown in order, so
/// that none is too late.
///
/// ```no_run
/// # async fn example(lake: ambit_lake::Lake, run: ambit_detect::Run) -> Result<(), ambit_lake::Error> {
/// use ambit_detect::Hunt;
/// use ambit_event::Span;
///
/// let sources = lake.distinct(Hunt::COLUMNS, &Hunt::everything()).await?;
/// let mut hunt = Hunt::over(run, &sources, Span::ALL);
/// while let Some(query) = hunt.asks() {
///     hunt.take(lake.events(&query).await?);
/// }
/// let (run, board) = hunt.finish();
/// # Ok(()) }
/// ```
pub struct Hunt {
    run: Run,
    board: Board,
    filter: Filter,
    span: Span,
    pieces: Pieces,
    /// The piece holds too many events for one asking, and is as narrow as it can be.
    is_crowded: bool,
}

impl Hunt {
    /// The columns whose values [`Self::over`] wants to know.
    pub const COLUMNS: &'static [Column] = &[Column::Source];

    /// The question which values they have.
    #[must_use]
    pub fn everything() -> Query {
        Query::of(Filter::All(Vec::new()))
    }

    /// A hunt over the events that happened in the span, in a lake with these sources.
    #[must_use]
    pub fn over(run: Run, sources: &[Distinct], span: Span) -> Self {
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
            run,
            board: Board::default(),
            filter,
            span,
            pieces: Pieces::of(span),
            is_crowded: false,
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
            false => query.limited(MOST + 1),
        })
    }

    /// Takes the answer in, and tells how many more events were looked at.
    pub fn take(&mut self, events: Vec<Event>) -> u64 {
        let Some(piece) = self.pieces.next() else { return 0 };
        if events.len() > MOST && !self.is_crowded {
            self.is_crowded = !self.pieces.narrow();
            return 0;
        }
        self.is_crowded = false;
        self.pieces.pass(events.len());
        // One whose clock is not that fine may have happened in two pieces.
        let begun = events.iter().filter(|event| piece.contains(event.time));
        let mut n_looked = 0;
        for event in begun {
            n_looked += 1;
            for entry in self.run.take(event) {
                self.board.note(entry);
            }
        }
        n_looked
    }

    /// What was found, with the run that found it.
    #[must_use]
    pub fn finish(mut self) -> (Run, Board) {
        for entry in self.run.finish() {
            self.board.note(entry);
        }
        (self.run, self.board)
    }
}

/// Parts of a span, one after the other, as wide as they may be for the events in them to be few enough.
struct Pieces {
    at: Timestamp,
    until: Timestamp,
    /// Nanoseconds.
    width: i64,
}

impl Pieces {
    const fn of(span: Span) -> Self {
        Self {
            at: span.from,
            until: span.until,
            width: HOUR,
        }
    }

    fn next(&self) -> Option<Span> {
        (self.at < self.until).then(|| Span::new(self.at, self.at.plus_nanos(self.width).min(self.until)))
    }

    /// Makes the pieces from here on narrower, where that is possible.
    fn narrow(&mut self) -> bool {
        let narrowed = self.width / 4;
        if narrowed > 0 {
            self.width = narrowed;
        }
        narrowed > 0
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
    use crate::{Behaviours, Terms};
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
        let (mut hunt, mut n) = (Hunt::over(run(), &sources, span), 0);
        let expected = lake.count(&hunt.whole()).await.unwrap();
        while let Some(query) = hunt.asks() {
            n += hunt.take(lake.events(&query).await.unwrap());
        }
        let (run, board) = hunt.finish();
        assert_eq!(board.len() as u64, n);
        assert_eq!(
            run.tally().limits,
            crate::Limits::default(),
            "none is late in a lake"
        );
        assert!(expected >= n);
        (board.len(), n)
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
    async fn more_at_once_than_fit_and_years_without_any_are_no_matter() {
        let crowd = 2 * u32::try_from(MOST).unwrap() + 10;
        let times = (0..crowd).map(|_| 5).chain([1 << 60, i64::MAX / 2]);
        let lake = lake_of(times, 1).await;
        assert_eq!(found(&lake, Span::ALL).await.0, crowd as usize / 2 + 1);
        assert_eq!(found(&Lake::in_memory([0; 32]), Span::ALL).await.0, 0);
    }
}
