//! All history: the events of a lake in the order of their times, in pieces that fit in memory.

use crate::run::Run;
use crate::suspect::Board;
use ambit_event::{Column, Event, Span, Timestamp};
use ambit_lake::{Error, Filter, Lake, Query, Test};

/// Events that are asked for at once.
const MOST: usize = 30_000;
const HOUR: i64 = 3_600_000_000_000;

/// Shows a run the events of the lake that happened in the span, as if they came now one after the other, and tells
/// what it found. Rules alone are shown the events of their own log sources only. `progress` is told how many more
/// events were looked at.
///
/// The events of a lake are shown in order, so that none is too late.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn hunt(
    lake: &Lake,
    span: Span,
    run: &mut Run,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Board, Error> {
    let mut board = Board::default();
    if let Some((filter, span)) = meant(lake, span, run).await? {
        let mut pieces = Pieces::of(span);
        while let Some(piece) = pieces.next() {
            let query = Query::of(filter.clone()).within(piece).limited(MOST + 1);
            let events = lake.events(&query).await?;
            if events.len() > MOST && pieces.was_too_wide() {
                continue;
            }
            let events = match events.len() > MOST {
                true => lake.events(&Query { limit: None, ..query }).await?,
                false => events,
            };
            pieces.was_done(events.len());
            // One whose clock is not that fine may have happened in two pieces.
            let begun: Vec<&Event> = events.iter().filter(|event| piece.contains(event.time)).collect();
            for event in &begun {
                run.take(event).into_iter().for_each(|entry| board.note(entry));
            }
            progress(begun.len() as u64);
        }
    }
    run.finish().into_iter().for_each(|entry| board.note(entry));
    Ok(board)
}

/// How many events [`hunt`] would show the run, by a count that may hold a few more.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn n_hunted(lake: &Lake, span: Span, run: &Run) -> Result<u64, Error> {
    match meant(lake, span, run).await? {
        Some((filter, span)) => lake.count(&Query::of(filter).within(span)).await,
        None => Ok(0),
    }
}

/// The events that the run is about, and when the first and the last of them happened.
async fn meant(lake: &Lake, span: Span, run: &Run) -> Result<Option<(Filter, Span)>, Error> {
    let present = lake
        .distinct(&[Column::Source], &Query::of(Filter::All(Vec::new())))
        .await?;
    let asked = run.sources();
    let is_meant = |name: &str| asked.as_ref().is_none_or(|asked| asked.contains(name));
    let meant: Vec<_> = present
        .iter()
        .filter(|source| source.value.as_deref().is_none_or(is_meant))
        .collect();
    let hull = meant.iter().map(|source| source.seen).reduce(Span::hull);
    let Some(hull) = hull.filter(|hull| hull.overlaps(span)) else {
        return Ok(None);
    };
    let filter = match meant.len() == present.len() {
        true => Filter::All(Vec::new()),
        false => {
            let names = meant.iter().filter_map(|source| source.value.clone());
            Filter::Column(Column::Source, Test::In(names.collect()))
        }
    };
    let from = hull.from.max(span.from);
    let until = hull.until.plus_nanos(1).min(span.until);
    Ok(Some((filter, Span::new(from, until))))
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

    /// Whether the same place is to be asked for again, more narrowly.
    fn was_too_wide(&mut self) -> bool {
        let narrowed = self.width / 4;
        if narrowed > 0 {
            self.width = narrowed;
        }
        narrowed > 0
    }

    fn was_done(&mut self, n_events: usize) {
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
        let (mut run, mut n) = (run(), 0);
        let expected = n_hunted(lake, span, &run).await.unwrap();
        let board = hunt(lake, span, &mut run, &mut |more| n += more).await.unwrap();
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
