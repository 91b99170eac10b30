//! What the intruder may have taken out of the logs of hosts that it was on.

use crate::map::DataMap;
use ambit_event::Timestamp;
use ambit_lake::{Coverage, CoverageState, StreamCoverage};

/// What a host wrote and had not yet given away is lost by an unknown number, from the moment at which
/// the intruder may have been on it: back to the beginning of the piece that was then being written. A
/// stream of which nobody knows the host may have been written there.
pub(super) fn degrade(coverage: &mut Coverage, map: &DataMap, host: &str, since: Timestamp) {
    let there = |s: &&mut StreamCoverage| match &s.host {
        Some(name) => map.may_be_one_host(name, host),
        None => map.may_be_written_on(&s.source, host),
    };
    for stream in coverage.streams.iter_mut().filter(there) {
        for part in stream
            .spans
            .iter_mut()
            .filter(|p| p.span.until > since && !p.state.is_gap())
        {
            part.state = CoverageState::Degraded;
            part.at_most = None;
            part.because = match &stream.host {
                Some(host) => {
                    format!("the intruder may have been on {host}, which wrote this, since {since}")
                }
                None => format!(
                    "the intruder may have been on {host} since {since}, and nobody says which host wrote this"
                ),
            };
        }
    }
}
