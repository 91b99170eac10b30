//! What the sources that the answer was read from surely saw.

use super::Parts;
use crate::SourceCoverage;
use crate::trace::Trace;
use ambit_lake::CoverageState;
use std::collections::BTreeSet;

impl Parts<'_> {
    pub(super) fn coverage_of_sources(&self, trace: &Trace<'_>) -> Vec<SourceCoverage> {
        let mut read: BTreeSet<&str> = self
            .ways()
            .flat_map(|c| [c.attributing.as_str(), c.accounting.as_str()])
            .collect();
        read.extend(trace.attributed.values().map(|c| c.event.source.as_str()));
        let streams = self
            .coverage
            .streams
            .iter()
            .filter(|s| read.contains(s.source.as_str()));
        streams
            .map(|s| SourceCoverage {
                source: s.source.clone(),
                host: s.host.clone(),
                worst: state_name(
                    s.spans
                        .iter()
                        .map(|p| p.state)
                        .min()
                        .unwrap_or(CoverageState::Absent),
                )
                .to_owned(),
                spans: s.spans.clone(),
            })
            .collect()
    }
}

const fn state_name(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Absent => "absent",
        CoverageState::Degraded => "degraded",
        CoverageState::Asserted => "asserted",
        CoverageState::Consistent => "consistent",
        CoverageState::Proved => "proved",
    }
}
