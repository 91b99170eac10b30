//! Spans of time as sets of instants.

use ambit_event::{Span, Timestamp};

/// The spans as the fewest that cover the same instants, in order.
pub(super) fn union(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().filter(|s| !s.is_empty()).collect();
    spans.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => out.push(span),
        }
    }
    out
}

/// What remains of a span when these, in order, are taken out.
pub(super) fn without(span: Span, holes: &[Span]) -> Vec<Span> {
    let mut rest = Vec::new();
    let mut from: Timestamp = span.from;
    for hole in holes {
        rest.push(Span::new(from, hole.from.max(from)));
        from = from.max(hole.until);
    }
    rest.push(Span::new(from, span.until.max(from)));
    rest.retain(|s| !s.is_empty());
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        Span::new(Timestamp(from), Timestamp(until))
    }

    #[test]
    fn spans_are_joined_and_cut() {
        assert_eq!(
            union([span(5, 9), span(1, 3), span(3, 4), span(8, 12)]),
            [span(1, 4), span(5, 12)]
        );
        assert_eq!(
            without(span(0, 10), &[span(2, 3), span(8, 12)]),
            [span(0, 2), span(3, 8)]
        );
        assert_eq!(without(span(0, 10), &[]), [span(0, 10)]);
        assert_eq!(without(span(0, 10), &[span(0, 10)]), []);
    }
}
