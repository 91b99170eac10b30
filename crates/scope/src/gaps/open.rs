//! A hole in the source that says who: everyone while the other source is blind too, else the accesses that
//! it records and nobody explains.

use super::everyone::{incomplete, population};
use super::hole::Hole;
use super::spans::{union, without};
use super::{Gapped, Way};
use crate::Error;
use ambit_event::Span;

impl Way<'_> {
    pub(super) async fn open(
        &self,
        hole: &Hole,
        span: Span,
        accounting: &[Hole],
        out: &mut Gapped,
    ) -> Result<(), Error> {
        let blind = self.blind(span, accounting);
        for blind in &blind {
            self.blind_span(hole, *blind, out);
        }
        for lit in without(span, &blind) {
            self.lit_span(hole, lit, out).await?;
        }
        Ok(())
    }

    /// When neither source can tell.
    fn blind(&self, span: Span, accounting: &[Hole]) -> Vec<Span> {
        if self.is_its_own_account() {
            return vec![span];
        }
        // By the clock of the other source a record of this span may stand beside it.
        let near = accounting.iter().map(|h| self.trace.tolerated(h.span));
        union(near.filter_map(|h| h.intersect(span)))
    }

    fn blind_span(&self, hole: &Hole, span: Span, out: &mut Gapped) {
        let channel = self.channel;
        let consequence = format!(
            "everyone in {} cannot be excluded from {} to {}: {} complete then",
            channel.store,
            span.from,
            span.until,
            incomplete(channel)
        );
        out.contributions.push(population(self.map, channel, hole, span));
        let role = "attributing and accounting";
        out.gaps
            .push(hole.told(&channel.attributing, channel, role, span, consequence));
    }

    async fn lit_span(&self, hole: &Hole, span: Span, out: &mut Gapped) -> Result<(), Error> {
        let channel = self.channel;
        let unexplained = self.unexplained(self.trace.tolerated(span)).await?;
        let consequence = match &unexplained {
            Some(events) => format!(
                "{} accesses that {} records and {} does not explain are possible",
                events.len(),
                channel.accounting,
                channel.attributing
            ),
            None => format!(
                "everyone in {} cannot be excluded: {} records more accesses then than can be looked at",
                channel.store, channel.accounting
            ),
        };
        match unexplained {
            Some(events) => {
                for event in &events {
                    out.contributions.extend(self.possible(hole, event).await);
                }
            }
            None => out.contributions.push(population(self.map, channel, hole, span)),
        }
        out.gaps
            .push(hole.told(&channel.attributing, channel, "attributing", span, consequence));
        Ok(())
    }
}
