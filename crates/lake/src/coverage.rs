//! What each source surely saw, and where it is blind: a pure function of records, rejects and manifests.
//!
//! # What is shown by what
//!
//! Each stream (one source on one host) is in one state at each instant of the window:
//!
//! - **Proved**: a digest chain or another checked attestation covers the span; or *every* record of
//!   the stream carries a number of one numbering for the whole stream, and the numbers on both sides
//!   of the span are gapless. Nothing else is proof. Numbers within parts of a stream (database
//!   sessions) show what is missing inside a part, never that no whole part is missing.
//! - **Consistent**: no silence is longer than the stream's own cadence predicts, and no stretch is far
//!   thinner than it predicts. The `because` says how short a silence would not show; for a stream that
//!   writes hardly anything it says that a silence cannot be told from a loss.
//! - **Asserted**: a person says that nothing is missing, see [`Assertion`].
//! - **Degraded**: records are known to be lost: missing numbers, rejects, stated losses, a strong drop
//!   in volume. `at_most` counts them where that is known.
//! - **Absent**: nothing was received although something should have been; before a stream's first
//!   record and after its last.
//!
//! Where several apply: an attestation beats everything but rejects (a record that arrived and could not
//! be read is missing here, whoever attests that it arrived). Missing numbers, rejects and stated losses
//! beat proof by number, cadence and persons; only a stated loss can be waived by an assertion, and what
//! an assertion cannot waive says so in its `because`. A person's word replaces what cadence alone found.
//! A silence stays an absence although some losses within it are known, for others may be lost beside
//! them, unless these account for it: missing numbers where every record of the stream is numbered, or
//! rejects and stated losses over the whole silence of at least four fifths of what cadence predicts.
//!
//! Overlapping losses of known number become one span with the sum, so that adding up the spans of a
//! stream counts each lost record once, except where a stronger state cuts such a span in two.
//!
//! # What it cannot know
//!
//! Numbers prove as much as whoever writes them. A source that arrived over an unauthenticated transport
//! can be forged, numbers included: the caller who knows the transport must not take its *proved* for
//! more than *consistent*. The same holds from the moment the intruder may control the host. And cadence
//! sees only what is long against the stream's habits: a single deleted record in an unnumbered log
//! leaves the stream *consistent*, which is why every claim on it prints that assumption.

mod assertion;

pub use assertion::Assertion;

use ambit_event::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much a source can be believed to have seen in a span, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// Nothing was received.
    Absent,
    /// Some records are lost, at most so many where that is known.
    Degraded,
    /// A person says that nothing is missing.
    Asserted,
    /// Cadence and volume are as the source's history predicts.
    Consistent,
    /// A gapless sequence, a digest chain or an acknowledged stream shows that nothing is missing.
    Proved,
}

/// A span of one stream in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageSpan {
    pub span: Span,
    pub state: CoverageState,
    /// For degraded spans: at most so many records are lost; `None` where nobody knows.
    pub at_most: Option<u64>,
    pub because: String,
}

/// The coverage of one source on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamCoverage {
    pub source: String,
    pub host: Option<String>,
    /// The time of the first event; the window's beginning where there is none.
    pub first: Timestamp,
    /// The time of the last event; the window's end where there is none.
    pub last: Timestamp,
    pub n_events: u64,
    pub n_rejects: u64,
    /// Partitions the window of the whole coverage, in order.
    pub spans: Vec<CoverageSpan>,
}

/// A span in which a stream is absent or degraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Stable for the same gap: `gap:` and 12 hexadecimal digits over source, host and span.
    pub id: String,
    pub source: String,
    pub host: Option<String>,
    pub span: Span,
    pub state: CoverageState,
    pub at_most: Option<u64>,
    pub because: String,
}

/// The coverage of everything in the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Coverage {
    /// From the first to the last instant that any stream speaks of; `None` for an empty lake.
    pub window: Option<Span>,
    /// Ordered by source, then host.
    pub streams: Vec<StreamCoverage>,
}

/// What is known of one stream in one span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The host of the stream; `None` also where no stream of the source is known at all.
    pub host: Option<String>,
    #[serde(flatten)]
    pub part: CoverageSpan,
}

/// What is known of a source in one span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// The worst state of any piece.
    pub state: CoverageState,
    /// Each stream of the source, cut to the span; ordered by host, then time. Never empty.
    pub pieces: Vec<Piece>,
}

impl CoverageState {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Degraded => "degraded",
            Self::Asserted => "asserted",
            Self::Consistent => "consistent",
            Self::Proved => "proved",
        }
    }

    /// Whether records are missing in this state.
    #[must_use]
    pub const fn is_gap(self) -> bool {
        matches!(self, Self::Absent | Self::Degraded)
    }
}

impl StreamCoverage {
    /// What is known of this stream in a span. Outside the window nothing was received: absent there.
    #[must_use]
    pub fn within(&self, span: Span) -> Vec<CoverageSpan> {
        let span = not_empty(span);
        let known = Span {
            from: self.spans.first().map_or(span.until, |s| s.span.from),
            until: self.spans.last().map_or(span.until, |s| s.span.until),
        };
        let cut = |of: &CoverageSpan| {
            let span = of.span.intersect(span)?;
            Some(CoverageSpan { span, ..of.clone() })
        };
        let before = outside(Span {
            from: span.from,
            until: span.until.min(known.from),
        });
        let after = outside(Span {
            from: span.from.max(known.until),
            until: span.until,
        });
        before
            .into_iter()
            .chain(self.spans.iter().filter_map(cut))
            .chain(after)
            .collect()
    }
}

impl Coverage {
    /// Every span in which a stream is absent or degraded; ordered by source, host and time.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let of = |stream: &StreamCoverage| {
            let gaps = stream.spans.iter().filter(|part| part.state.is_gap());
            gaps.map(|part| gap(stream, part)).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(of).collect()
    }

    /// The gap of that id.
    #[must_use]
    pub fn gap(&self, id: &str) -> Option<Gap> {
        self.gaps().into_iter().find(|gap| gap.id == id)
    }

    #[must_use]
    pub fn has_source(&self, source: &str) -> bool {
        self.streams_of(source).next().is_some()
    }

    /// The streams of a source, one a host.
    pub fn streams_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a StreamCoverage> {
        self.streams.iter().filter(move |stream| stream.source == source)
    }

    /// What is known of a source in a span (an empty span is taken for its one instant). A source that
    /// writes on several hosts is only as good as the worst of them; one that was never collected is
    /// absent. Whether another source makes up for it is for the caller to say.
    #[must_use]
    pub fn state_over(&self, source: &str, span: Span) -> Over {
        let of = |stream: &StreamCoverage| {
            let host = stream.host.clone();
            let pieces = stream.within(span).into_iter();
            pieces
                .map(|part| Piece {
                    host: host.clone(),
                    part,
                })
                .collect::<Vec<_>>()
        };
        let mut pieces: Vec<Piece> = self.streams_of(source).flat_map(of).collect();
        if pieces.is_empty() {
            pieces.push(Piece {
                host: None,
                part: never_collected(not_empty(span)),
            });
        }
        let state = pieces
            .iter()
            .map(|p| p.part.state)
            .min()
            .unwrap_or(CoverageState::Absent);
        Over { state, pieces }
    }

    /// The spans of the window in which a stream of the source is in a worse state than this one;
    /// ordered by host and time. A source that was never collected is absent in the whole window.
    #[must_use]
    pub fn spans_worse_than(&self, source: &str, state: CoverageState) -> Vec<Piece> {
        let Some(window) = self.window else {
            return Vec::new();
        };
        let pieces = self.state_over(source, window).pieces.into_iter();
        pieces.filter(|piece| piece.part.state < state).collect()
    }
}

fn not_empty(span: Span) -> Span {
    Span::new(span.from, span.until.max(span.from.plus_nanos(1)))
}

fn outside(span: Span) -> Option<CoverageSpan> {
    (!span.is_empty()).then(|| CoverageSpan {
        span,
        state: CoverageState::Absent,
        at_most: None,
        because: "nothing in the lake is of that time".to_owned(),
    })
}

fn never_collected(span: Span) -> CoverageSpan {
    CoverageSpan {
        span,
        state: CoverageState::Absent,
        at_most: None,
        because: "no record of this source is in the lake".to_owned(),
    }
}

fn gap(stream: &StreamCoverage, part: &CoverageSpan) -> Gap {
    Gap {
        id: gap_id(stream, part.span),
        source: stream.source.clone(),
        host: stream.host.clone(),
        span: part.span,
        state: part.state,
        at_most: part.at_most,
        because: part.because.clone(),
    }
}

/// Lengths are hashed along with the texts, so that no two streams share an id by where they are cut.
fn gap_id(stream: &StreamCoverage, span: Span) -> String {
    let mut hash = Sha256::new();
    for text in [Some(stream.source.as_str()), stream.host.as_deref()] {
        hash.update(text.map_or(u64::MAX, |t| t.len() as u64).to_le_bytes());
        hash.update(text.unwrap_or_default());
    }
    hash.update(span.from.0.to_le_bytes());
    hash.update(span.until.0.to_le_bytes());
    format!("gap:{}", hex::encode(&hash.finalize()[..6]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use CoverageState::{Absent, Consistent, Degraded, Proved};

    fn span(from: i64, until: i64) -> Span {
        Span::new(Timestamp(from), Timestamp(until))
    }

    fn part(from: i64, until: i64, state: CoverageState) -> CoverageSpan {
        CoverageSpan {
            span: span(from, until),
            state,
            at_most: None,
            because: String::new(),
        }
    }

    fn stream(host: Option<&str>, spans: Vec<CoverageSpan>) -> StreamCoverage {
        StreamCoverage {
            source: "s".into(),
            host: host.map(Into::into),
            first: Timestamp(0),
            last: Timestamp(99),
            n_events: 2,
            n_rejects: 0,
            spans,
        }
    }

    fn coverage() -> Coverage {
        Coverage {
            window: Some(span(0, 100)),
            streams: vec![
                stream(
                    Some("a"),
                    vec![part(0, 50, Proved), part(50, 60, Degraded), part(60, 100, Proved)],
                ),
                stream(Some("b"), vec![part(0, 90, Consistent), part(90, 100, Absent)]),
            ],
        }
    }

    #[test]
    fn a_source_is_as_good_as_its_worst_host() {
        let coverage = coverage();
        for (asked, state, n_pieces) in [
            (span(0, 10), Consistent, 2),
            (span(40, 55), Degraded, 3),
            (span(70, 95), Absent, 3),
            (span(5, 5), Consistent, 2),
            (span(-5, 5), Absent, 4),
            (span(200, 300), Absent, 2),
        ] {
            let over = coverage.state_over("s", asked);
            assert_eq!((over.state, over.pieces.len()), (state, n_pieces), "{asked:?}");
            let length = |p: &Piece| p.part.span.nanos();
            assert_eq!(
                over.pieces.iter().map(length).sum::<i64>(),
                2 * asked.nanos().max(1)
            );
        }
        assert_eq!(coverage.state_over("t", span(0, 10)).state, Absent);
        assert!(coverage.has_source("s") && !coverage.has_source("t"));
        assert_eq!(Coverage::default().state_over("s", Span::ALL).state, Absent);
    }

    #[test]
    fn gaps_have_ids_that_stay() {
        let gaps = coverage().gaps();
        assert_eq!(
            gaps.iter().map(|g| g.span).collect::<Vec<_>>(),
            [span(50, 60), span(90, 100)]
        );
        assert_ne!(gaps[0].id, gaps[1].id);
        assert_eq!(coverage().gap(&gaps[1].id).as_ref(), gaps.get(1));
        assert_eq!(gaps[0].id.len(), "gap:".len() + 12);
        let nameless = Coverage {
            streams: vec![stream(None, vec![part(50, 60, Degraded)])],
            ..coverage()
        };
        assert_ne!(nameless.gaps()[0].id, gaps[0].id);
    }

    #[test]
    fn worse_spans_are_found_per_host() {
        let worse = |state| coverage().spans_worse_than("s", state).len();
        assert_eq!(
            [worse(Proved), worse(Consistent), worse(Degraded), worse(Absent)],
            [3, 2, 1, 0]
        );
        assert_eq!(
            coverage().spans_worse_than("t", Degraded)[0].part.span,
            span(0, 100)
        );
    }
}
