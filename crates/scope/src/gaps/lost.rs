//! Lines that were deleted from a log without sequence numbers.

use super::everyone::population;
use super::hole::Hole;
use super::spans::union;
use super::{Gapped, Way};
use crate::Error;
use ambit_event::{Column, Event, Span};
use ambit_lake::{CoverageState, Filter, Query, Test};

impl Way<'_> {
    /// Where the source that says who is not proved complete, a trace id that it stamped and does not hold
    /// itself shows a record of it that is missing: a deleted line in a log without sequence numbers.
    pub(super) async fn lost_lines(&self, control: &[Span], out: &mut Gapped) -> Result<(), Error> {
        if self.is_its_own_account() || !self.stamps() {
            return Ok(());
        }
        for span in self.believed(control) {
            let orphans = self.orphans(span).await?;
            if let Some(hull) = orphans.iter().map(Event::when).reduce(Span::hull) {
                self.lost(hull, &orphans, out).await;
            }
        }
        Ok(())
    }

    /// Where records of the source that says what are lost, and each request that is recorded then has its own: what
    /// is lost was made by requests that are lost too, and nobody can say whose data they reached.
    pub(super) async fn lost_with_their_lines(
        &self,
        accounting: &[Hole],
        control: &[Span],
        out: &mut Gapped,
    ) -> Result<(), Error> {
        if self.is_its_own_account() {
            return Ok(());
        }
        let believed = self.believed(control);
        for hole in accounting.iter().filter(|h| h.at_most.is_some()) {
            let Some(span) = believed.iter().find_map(|span| span.intersect(hole.span)) else {
                continue;
            };
            if !self.is_explained(self.trace.tolerated(hole.span)).await? {
                self.unmade(hole, span, out);
            }
        }
        Ok(())
    }

    /// Whether a request of this time may have made records that are not there.
    async fn is_explained(&self, span: Span) -> Result<bool, Error> {
        let of_requests = |test| {
            Query::of(Filter::All(vec![
                Filter::eq(Column::Source, &self.channel.attributing),
                Filter::Column(Column::Trace, test),
            ]))
            .within(span)
        };
        let nameless = of_requests(Test::Absent).limited(1);
        if !self.lake.events(&nameless).await?.is_empty() {
            return Ok(true);
        }
        let requests = self.trace_ids(&of_requests(Test::Present)).await?;
        if requests.is_empty() || !self.stamps() {
            return Ok(!requests.is_empty());
        }
        let recorded = Query::of(self.accounted(Filter::Column(Column::Trace, Test::Present)));
        let recorded = self.trace_ids(&recorded.within(span)).await?;
        Ok(!requests.is_subset(&recorded))
    }

    fn unmade(&self, hole: &Hole, span: Span, out: &mut Gapped) {
        let channel = self.channel;
        let (who, what) = (&channel.attributing, &channel.accounting);
        let lost = Hole {
            id: format!("gap:{who}:lost:{}", span.from.0),
            host: None,
            because: format!("{what} lost records then that no request of {who} can have made"),
            ..hole.clone()
        };
        out.contributions.push(population(self.map, channel, &lost, span));
        let consequence = format!(
            "everyone in {} cannot be excluded from {} to {}: the requests are missing too",
            channel.store, span.from, span.until
        );
        out.gaps
            .push(lost.told(who, channel, "attributing", span, consequence));
    }

    /// When the source is taken for complete although nothing proves it.
    fn believed(&self, control: &[Span]) -> Vec<Span> {
        let believed = |state| matches!(state, CoverageState::Consistent | CoverageState::Asserted);
        let coverage = &self.trace.coverage;
        let window = coverage.window.unwrap_or(Span::ALL);
        let pieces = coverage.state_over(&self.channel.attributing, window).pieces;
        union(
            pieces
                .iter()
                .filter(|p| believed(p.part.state))
                .flat_map(|p| control.iter().filter_map(|c| c.intersect(p.part.span))),
        )
    }

    async fn lost(&self, span: Span, orphans: &[Event], out: &mut Gapped) {
        let channel = self.channel;
        let (who, what) = (&channel.attributing, &channel.accounting);
        let hole = Hole {
            id: format!("gap:{who}:lost:{}", span.from.0),
            host: None,
            span,
            state: CoverageState::Degraded,
            at_most: None,
            because: format!(
                "{what} holds trace ids that only {who} can have stamped, and that {who} does not hold"
            ),
        };
        for event in orphans.iter().filter(|e| !self.is_attributed(e)) {
            out.contributions.extend(self.possible(&hole, event).await);
        }
        let consequence = format!(
            "{} accesses whose requests are missing are possible",
            orphans.len()
        );
        out.gaps
            .push(hole.told(who, channel, "attributing", span, consequence));
    }
}
