//! Where a source is absent or degraded, and what that leaves open.

use crate::ScopeGap;
use crate::map::Channel;
use ambit_event::Span;
use ambit_lake::{Coverage, CoverageState};

/// A stretch of one source in which records are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub id: String,
    pub host: Option<String>,
    pub span: Span,
    pub state: CoverageState,
    /// At most so many records are missing, where that is known: so some are.
    pub at_most: Option<u64>,
    pub because: String,
}

impl Hole {
    /// As the answer tells of it, for a span of it and one role of the source.
    pub fn told(
        &self,
        source: &str,
        channel: &Channel,
        role: &str,
        span: Span,
        consequence: String,
    ) -> ScopeGap {
        let state = match self.state {
            CoverageState::Absent => "absent",
            _ => "degraded",
        };
        ScopeGap {
            id: self.id.clone(),
            source: source.to_owned(),
            host: self.host.clone(),
            span,
            state: state.to_owned(),
            because: self.because.clone(),
            channel: channel.name.clone(),
            role: role.to_owned(),
            consequence,
        }
    }
}

/// Where a source is absent or degraded; one that was never collected is absent for the whole window.
pub(super) fn holes(coverage: &Coverage, source: &str, window: Span) -> Vec<Hole> {
    if !coverage.has_source(source) {
        return vec![Hole {
            id: format!("gap:{source}:not-collected"),
            host: None,
            span: window,
            state: CoverageState::Absent,
            at_most: None,
            because: format!("no record of {source} was collected"),
        }];
    }
    let gaps = coverage.gaps().into_iter().filter(|g| g.source == source);
    gaps.map(|g| Hole {
        id: g.id,
        host: g.host,
        span: g.span,
        state: g.state,
        at_most: g.at_most,
        because: g.because,
    })
    .collect()
}
