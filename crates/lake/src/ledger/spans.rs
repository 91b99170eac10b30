//! Lists of spans: what they share, and what is left of them.

use ambit_event::Span;

/// The parts of the span that none of these covers. `cuts` is sorted and its spans do not overlap.
pub(super) fn without(span: Span, cuts: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut from = span.from;
    let first = cuts.partition_point(|cut| cut.until <= span.from);
    for cut in cuts[first..].iter().take_while(|cut| cut.from < span.until) {
        if from < cut.from {
            left.push(Span::new(from, cut.from));
        }
        from = from.max(cut.until);
    }
    if from < span.until {
        left.push(Span::new(from, span.until));
    }
    left
}

/// Sorted and free of overlaps: where two overlap, the later one begins where the earlier one ends.
pub(super) fn disjoint<T: Ord>(mut labelled: Vec<(Span, T)>) -> Vec<(Span, T)> {
    labelled.retain(|(span, _)| !span.is_empty());
    labelled.sort();
    let mut out: Vec<(Span, T)> = Vec::with_capacity(labelled.len());
    for (span, label) in labelled {
        let from = out
            .last()
            .map_or(span.from, |(last, _)| span.from.max(last.until));
        if from < span.until {
            out.push((Span::new(from, span.until), label));
        }
    }
    out
}

/// The union of the spans; those that touch become one.
pub(super) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.is_empty());
    spans.sort();
    let mut out: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.from <= last.until => *last = last.hull(span),
            _ => out.push(span),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    fn span(from: i64, until: i64) -> Span {
        Span::new(Timestamp(from), Timestamp(until))
    }

    #[test]
    fn spans_are_cut_and_joined() {
        let cuts = [span(0, 10), span(20, 30), span(40, 50)];
        assert_eq!(without(span(5, 45), &cuts), [span(10, 20), span(30, 40)]);
        assert_eq!(without(span(60, 70), &cuts), [span(60, 70)]);
        assert_eq!(without(span(22, 28), &cuts), []);
        assert_eq!(
            disjoint(vec![(span(5, 9), 'b'), (span(0, 7), 'a'), (span(1, 2), 'c')]),
            [(span(0, 7), 'a'), (span(7, 9), 'b')]
        );
        assert_eq!(
            union(vec![span(5, 9), span(0, 5), span(10, 11)]),
            [span(0, 9), span(10, 11)]
        );
    }
}
