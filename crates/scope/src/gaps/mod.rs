//! What missing records leave open, channel by channel (SCOPE §6).

mod access;
mod control;
mod everyone;
mod hole;
mod lost;
mod open;
mod shown;
mod spans;

pub use everyone::everyone;

use crate::account::Contribution;
use crate::map::{Channel, DataMap, Principal, WriteRecords};
use crate::trace::Trace;
use crate::{Error, ScopeGap};
use ambit_event::Span;
use ambit_lake::{Coverage, CoverageState, Lake};
use control::{any_control, control_spans};
use hole::holes;
use std::collections::BTreeSet;

/// What the gaps add.
#[derive(Debug, Default)]
pub struct Gapped {
    pub contributions: Vec<Contribution>,
    pub gaps: Vec<ScopeGap>,
    /// Assumptions that coverage which is not proved makes necessary.
    pub assumptions: BTreeSet<String>,
}

/// One way into a store, with everything that tells who went it.
struct Way<'w> {
    lake: &'w Lake,
    trace: &'w Trace<'w>,
    map: &'w DataMap,
    channel: &'w Channel,
    /// No channel of the map says who can go it.
    is_implied: bool,
    writes: &'w dyn WriteRecords,
}

/// Looks at every way into a store that the intruder may have been able to go.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn gapped(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    implied: &[Channel],
    coverage: &Coverage,
    writes: &dyn WriteRecords,
) -> Result<Gapped, Error> {
    let mut out = Gapped::default();
    let Some(window) = coverage.window else {
        return Ok(out);
    };
    let declared = map.channels.iter().map(|channel| (channel, false));
    for (channel, is_implied) in declared.chain(implied.iter().map(|channel| (channel, true))) {
        let way = Way {
            lake,
            trace,
            map,
            channel,
            is_implied,
            writes,
        };
        way.gapped(coverage, window, &mut out).await?;
    }
    out.gaps
        .sort_by(|a, b| (a.span, &a.id, &a.channel, &a.role).cmp(&(b.span, &b.id, &b.channel, &b.role)));
    out.contributions.sort_by_key(|c| (c.time, c.event));
    Ok(out)
}

impl Way<'_> {
    async fn gapped(&self, coverage: &Coverage, window: Span, out: &mut Gapped) -> Result<(), Error> {
        let channel = self.channel;
        let control = match self.is_implied {
            true => any_control(self.trace, window),
            false => control_spans(self.trace, channel, window),
        };
        if control.is_empty() {
            out.assumptions.insert(no_control(channel));
            return Ok(());
        }
        let controlled = |span: Span| control.iter().any(|c| c.overlaps(span));
        let mut attributing = holes(coverage, &channel.attributing, window);
        let mut accounting = holes(coverage, &channel.accounting, window);
        let unshown = self.unshown(window).await?;
        attributing.extend(unshown.iter().cloned());
        accounting.extend(unshown);
        assume_coverage(out, coverage, channel, &control);
        out.assumptions.extend(self.of_other_objects());
        if attributing.iter().any(|h| controlled(h.span)) {
            out.assumptions.insert(format!(
                "what is missing of {} shows the intruder with no session, key, account, device or address beside those that the trace found",
                channel.attributing
            ));
        }
        for hole in &attributing {
            for span in control.iter().filter_map(|c| c.intersect(hole.span)) {
                self.open(hole, span, &accounting, out).await?;
            }
        }
        self.lost_lines(&control, out).await?;
        self.lost_with_their_lines(&accounting, &control, out).await?;
        if !self.is_its_own_account() {
            for hole in accounting.iter().filter(|h| controlled(h.span)) {
                let consequence =
                    "operations stay known; whose data they reached is bounded by the data map alone";
                let what = &channel.accounting;
                out.gaps
                    .push(hole.told(what, channel, "accounting", hole.span, consequence.to_owned()));
            }
        }
        Ok(())
    }

    /// What shows that a way is recorded may have been done to something else in the same source.
    fn of_other_objects(&self) -> Option<String> {
        let Channel { shown_by, store, .. } = self.channel;
        let shown = shown_by.as_ref()?.pattern();
        Some(format!(
            "where `{shown}` is recorded of anything, it is recorded of all that is in {store}"
        ))
    }

    /// Who and what stand in the same log.
    fn is_its_own_account(&self) -> bool {
        self.channel.attributing == self.channel.accounting
    }

    /// Whether the source that says who stamps the trace ids, whatever the client sends.
    fn stamps(&self) -> bool {
        self.map.trust.trace.contains(&self.channel.attributing)
    }
}

fn no_control(channel: &Channel) -> String {
    let principal = match channel.principal {
        Principal::Account => "an account".to_owned(),
        other => format!("a {}", other.name()),
    };
    format!(
        "nothing shows that the intruder controlled {principal} that could use the way `{}`",
        channel.name
    )
}

/// Coverage that is not proved carries a claim only together with a printed assumption.
fn assume_coverage(out: &mut Gapped, coverage: &Coverage, channel: &Channel, control: &[Span]) {
    let controlled = |span: Span| control.iter().any(|c| c.overlaps(span));
    for source in BTreeSet::from([&channel.attributing, &channel.accounting]) {
        for stream in coverage.streams.iter().filter(|s| s.source == *source) {
            let spans = stream.spans.iter().filter(|p| controlled(p.span));
            let how = match spans.map(|p| p.state).filter(|s| is_assumed(*s)).min() {
                None => continue,
                Some(CoverageState::Asserted) => "as a person asserts",
                Some(_) => "as its own cadence predicts, though nothing proves it",
            };
            let host = stream.host.as_deref();
            let host = host.map(|h| format!(" on {h}")).unwrap_or_default();
            out.assumptions.insert(format!(
                "{source}{host} is complete where no gap is listed, {how}"
            ));
        }
    }
}

fn is_assumed(state: CoverageState) -> bool {
    state >= CoverageState::Asserted && state < CoverageState::Proved
}
