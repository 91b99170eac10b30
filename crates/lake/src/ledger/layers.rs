//! What several kinds of evidence say of one stream, laid over each other.

use super::lost::Missing;
use super::spans::{disjoint, union};
use crate::coverage::{CoverageSpan, CoverageState};
use ambit_event::Span;

/// What each kind of evidence says of one stream.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// What cadence says; partitions the window.
    pub cadence: Vec<CoverageSpan>,
    /// Spans in which the numbers are gapless, and why.
    pub numbered: Vec<(Span, String)>,
    /// Known losses; sorted and free of overlaps.
    pub missing: Vec<Missing>,
    /// Spans in which missing numbers of the whole stream count everything that is lost.
    pub counted: Vec<Span>,
    pub attested: Vec<(Span, String)>,
    /// What persons say.
    pub asserted: Vec<(Span, String)>,
    /// Stated losses that a person waives, and why.
    pub waived: Vec<(Span, String)>,
}

/// A cursor into a sorted list of spans without overlaps.
struct Cursor<'a, T> {
    list: &'a [T],
    span: fn(&T) -> Span,
}

impl<'a, T> Cursor<'a, T> {
    /// The element that covers a piece that no element ends or begins within.
    fn over(&mut self, piece: Span) -> Option<&'a T> {
        while let [first, rest @ ..] = self.list
            && (self.span)(first).until <= piece.from
        {
            self.list = rest;
        }
        self.list
            .first()
            .filter(|first| (self.span)(first).from <= piece.from)
    }
}

fn labelled(list: &[(Span, String)]) -> Cursor<'_, (Span, String)> {
    Cursor {
        list,
        span: |(span, _)| *span,
    }
}

/// One state for each instant of the window; neighbours that say the same are one.
pub(super) fn flatten(layers: Layers) -> Vec<CoverageSpan> {
    let layers = Layers {
        numbered: disjoint(layers.numbered),
        attested: disjoint(layers.attested),
        asserted: disjoint(layers.asserted),
        waived: disjoint(layers.waived),
        counted: union(layers.counted),
        ..layers
    };
    let hull = layers.attested.iter().map(|(span, _)| *span).reduce(Span::hull);
    let mut at = At {
        hull,
        cadence: Cursor {
            list: &layers.cadence,
            span: |part| part.span,
        },
        missing: Cursor {
            list: &layers.missing,
            span: |missing| missing.span,
        },
        counted: Cursor {
            list: &layers.counted,
            span: |span| *span,
        },
        numbered: labelled(&layers.numbered),
        attested: labelled(&layers.attested),
        asserted: labelled(&layers.asserted),
        waived: labelled(&layers.waived),
    };
    let mut flat: Vec<CoverageSpan> = Vec::new();
    for pair in cuts(&layers).windows(2) {
        let Some(part) = at.state(Span::new(pair[0], pair[1])) else {
            continue;
        };
        match flat.last_mut() {
            Some(last) if says_the_same(last, &part) => last.span.until = part.span.until,
            _ => flat.push(part),
        }
    }
    flat
}

fn says_the_same(a: &CoverageSpan, b: &CoverageSpan) -> bool {
    (a.state, a.at_most, &a.because) == (b.state, b.at_most, &b.because)
}

/// Every instant of the window at which anything changes.
fn cuts(layers: &Layers) -> Vec<ambit_event::Timestamp> {
    let (Some(first), Some(last)) = (layers.cadence.first(), layers.cadence.last()) else {
        return Vec::new();
    };
    let window = Span::new(first.span.from, last.span.until);
    let labelled = [
        &layers.numbered,
        &layers.attested,
        &layers.asserted,
        &layers.waived,
    ];
    let spans = (labelled.into_iter().flatten().map(|(span, _)| *span))
        .chain(layers.cadence.iter().map(|part| part.span))
        .chain(layers.missing.iter().map(|missing| missing.span))
        .chain(layers.counted.iter().copied());
    let mut cuts: Vec<_> = spans
        .filter_map(|span| span.intersect(window))
        .flat_map(|span| [span.from, span.until])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

struct At<'a> {
    /// From the first attested instant to the last.
    hull: Option<Span>,
    cadence: Cursor<'a, CoverageSpan>,
    missing: Cursor<'a, Missing>,
    counted: Cursor<'a, Span>,
    numbered: Cursor<'a, (Span, String)>,
    attested: Cursor<'a, (Span, String)>,
    asserted: Cursor<'a, (Span, String)>,
    waived: Cursor<'a, (Span, String)>,
}

impl At<'_> {
    /// The order of precedence, the strongest evidence first. Losses that an attestation excludes were
    /// taken out of `missing` before, those that a person waives stand in `waived`.
    fn state(&mut self, piece: Span) -> Option<CoverageSpan> {
        let cadence = self.cadence.over(piece)?;
        let part = |state, at_most, because| CoverageSpan {
            span: piece,
            state,
            at_most,
            because,
        };
        let silent = cadence.state == CoverageState::Absent;
        let (missing, counted) = (self.missing.over(piece), self.counted.over(piece).is_some());
        let attested = self.attested.over(piece);
        let (numbered, asserted) = (self.numbered.over(piece), self.asserted.over(piece));
        let waived = self.waived.over(piece);
        if let Some(missing) = missing {
            // Known losses do not explain a silence unless they count everything that is lost.
            if silent && !counted && attested.is_none() && asserted.is_none() {
                let because = format!("{}; {}", cadence.because, missing.because);
                return Some(part(CoverageState::Absent, None, because));
            }
            return Some(part(
                CoverageState::Degraded,
                missing.at_most,
                missing.because.clone(),
            ));
        }
        if let Some((_, because)) = attested {
            return Some(part(CoverageState::Proved, None, because.clone()));
        }
        if let Some((_, because)) = waived {
            return Some(part(CoverageState::Asserted, None, because.clone()));
        }
        if let Some((_, because)) = numbered {
            return Some(part(CoverageState::Proved, None, because.clone()));
        }
        match asserted {
            Some((_, reason)) if cadence.state.is_gap() => {
                let because = format!("{reason}; though {}", cadence.because);
                Some(part(CoverageState::Asserted, None, because))
            }
            Some(_) => Some(part(cadence.state, cadence.at_most, cadence.because.clone())),
            // Whoever attests this source left this stretch out: an ordinary cadence does not mend that.
            None if !cadence.state.is_gap() && self.hull.is_some_and(|hull| hull.covers(piece)) => {
                let because = "what came before and after is attested, and this is not".to_owned();
                Some(part(CoverageState::Degraded, None, because))
            }
            None => Some(part(cadence.state, cadence.at_most, cadence.because.clone())),
        }
    }
}
