//! Whether a source records a way at all: that a log is complete does not say that it holds these operations.

use super::Way;
use super::hole::Hole;
use crate::Error;
use crate::ways::is_logged;
use ambit_event::{Column, Span};
use ambit_lake::{CoverageState, Filter, Query, Test};
use std::collections::BTreeSet;

/// So many times the mean time between two records without one show that they are not recorded: chance alone
/// leaves such a silence once in 500 million.
const SILENCE: i64 = 20;

impl Way<'_> {
    /// When no record shows that the sources record what goes this way: operations that the map names are not
    /// there, not yet, or no longer.
    pub(super) async fn unshown(&self, window: Span) -> Result<Vec<Hole>, Error> {
        let Some(operations) = &self.channel.shown_by else {
            return self.without_statements(window).await;
        };
        let sources = BTreeSet::from([&self.channel.attributing, &self.channel.accounting]);
        let shown = Query::of(Filter::All(vec![
            Filter::one_of(Column::Source, sources),
            Filter::Column(Column::Operation, Test::like(operations.pattern())),
        ]));
        let seen = self
            .lake
            .distinct(&[Column::Operation], &shown.within(window))
            .await?;
        let n = seen.iter().map(|d| d.n_events).sum();
        let seen = seen.into_iter().map(|d| d.seen).reduce(Span::hull);
        let spans = silences(window, seen, n).into_iter();
        Ok(spans
            .map(|span| self.unrecorded(span, &format!("`{}`", operations.pattern())))
            .collect())
    }

    /// A database that logs no reads, or slow ones alone, tells by its silence of nothing: where only its own log says
    /// who came into tables and what he did, a way is recorded only where at least one short read is, by whoever goes it.
    async fn without_statements(&self, window: Span) -> Result<Vec<Hole>, Error> {
        let store = self.map.store(&self.channel.store);
        if self.is_implied || !self.is_its_own_account() || store.is_none_or(|s| s.tables.is_empty()) {
            return Ok(Vec::new());
        }
        let is_logged = is_logged(self.lake, self.channel, window).await?;
        let hole = || self.unrecorded(window, "a read, however short,");
        Ok((!is_logged).then(hole).into_iter().collect())
    }

    fn unrecorded(&self, span: Span, operations: &str) -> Hole {
        let source = &self.channel.accounting;
        Hole {
            id: format!("gap:{source}:{}:not-recorded:{}", self.channel.name, span.from.0),
            host: None,
            span,
            state: CoverageState::Absent,
            at_most: None,
            because: format!("no record of {source} shows that it records {operations} then"),
        }
    }
}

/// The ends of the window in which nothing is seen although it should be, as often as it is seen between.
fn silences(window: Span, seen: Option<Span>, n: u64) -> Vec<Span> {
    let Some(seen) = seen else { return vec![window] };
    let lasted = seen.until.0.saturating_sub(seen.from.0);
    let longest = match i64::try_from(n.saturating_sub(1)) {
        Ok(0) => 0,
        Ok(intervals) => (lasted / intervals).saturating_mul(SILENCE),
        Err(_) => 0,
    };
    let ends = [
        Span::new(window.from, seen.from.min(window.until)),
        Span::new(seen.until.max(window.from), window.until),
    ];
    let silent = |s: &Span| s.until.0.saturating_sub(s.from.0) > longest;
    ends.into_iter().filter(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    fn span(from: i64, until: i64) -> Span {
        Span::new(Timestamp::from_secs(from), Timestamp::from_secs(until))
    }

    #[test]
    fn a_silence_is_one_where_records_would_have_come() {
        let window = span(0, 10_000);
        for (seen, n, expected) in [
            (None, 0, vec![window]),
            // One every ten seconds, from the middle on; to the end; only for a while.
            (Some(span(5_000, 10_000)), 501, vec![span(0, 5_000)]),
            (Some(span(100, 9_900)), 981, vec![]),
            (
                Some(span(4_000, 6_000)),
                201,
                vec![span(0, 4_000), span(6_000, 10_000)],
            ),
            // One alone says nothing of the time around it.
            (
                Some(span(5_000, 5_001)),
                1,
                vec![span(0, 5_000), span(5_001, 10_000)],
            ),
            (Some(span(0, 10_000)), 2, vec![]),
        ] {
            assert_eq!(silences(window, seen, n), expected, "{seen:?} {n}");
        }
    }
}
