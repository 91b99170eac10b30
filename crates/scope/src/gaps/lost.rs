//! Lines that were deleted from a log without sequence numbers.

use super::hole::Hole;
use super::spans::union;
use super::{Gapped, Way};
use crate::Error;
use ambit_event::{Event, Span};
use ambit_lake::CoverageState;

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
