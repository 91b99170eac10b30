//! What the sources of requests surely saw, and how many of their records are missing.

use super::answer::SourceState;
use crate::Bounds;
use ambit_lake::{Coverage, CoverageState};
use std::collections::BTreeSet;

/// Reasons of one source that are told.
const REASONS: usize = 3;

/// The coverage of the sources that an answer is read from.
pub struct Sight {
    streams: Vec<SourceState>,
}

impl Sight {
    pub fn of(coverage: &Coverage, sources: &BTreeSet<String>) -> Self {
        let streams = coverage
            .streams
            .iter()
            .filter(|stream| sources.contains(&stream.source))
            .map(|stream| {
                let worst = stream.spans.iter().map(|part| part.state).min();
                let gaps: Vec<_> = stream.spans.iter().filter(|part| part.state.is_gap()).collect();
                let mut because: Vec<String> = Vec::new();
                for part in &gaps {
                    if !because.contains(&part.because) && because.len() < REASONS {
                        because.push(part.because.clone());
                    }
                }
                SourceState {
                    source: stream.source.clone(),
                    host: stream.host.clone(),
                    worst: worst.unwrap_or(CoverageState::Absent).name().to_owned(),
                    n_missing: gaps
                        .iter()
                        .try_fold(0u64, |sum, part| Some(sum.saturating_add(part.at_most?))),
                    because,
                }
            })
            .collect();
        Self { streams }
    }

    pub fn told(self) -> Vec<SourceState> {
        self.streams
    }

    /// Records that are missing at most, in all these sources; `None` where nobody knows.
    pub fn n_missing(&self) -> Option<u64> {
        self.streams
            .iter()
            .try_fold(0u64, |sum, stream| Some(sum.saturating_add(stream.n_missing?)))
    }

    /// So many at least, and so many more at most where nothing is missing from the logs; each missing record may be
    /// one more.
    pub fn bounds(&self, at_least: u64, more: Option<u64>, mut because: Vec<String>) -> Bounds {
        let missing = self.n_missing();
        match missing {
            None => because.push("records of requests are missing, nobody knows how many".to_owned()),
            Some(n) if n > 0 => because.push(format!(
                "{n} records of requests are missing, and each may be one more"
            )),
            Some(_) => {}
        }
        let at_most = more
            .zip(missing)
            .map(|(more, missing)| at_least.saturating_add(more).saturating_add(missing));
        Bounds {
            at_least,
            at_most,
            because,
        }
    }
}
