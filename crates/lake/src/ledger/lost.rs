//! Records that are known to be lost, and how several such losses become one span.

use ambit_event::Span;
use std::fmt::Write as _;

/// How it is known that records are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Missing numbers in the numbering of the whole stream, which counts every record.
    Numbers,
    /// Missing numbers within a part of the stream.
    Part,
    /// A producer, a transport or our own reader says so.
    Stated,
    /// Records arrived and could not be read.
    Unread,
}

/// Records lost in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lost {
    pub span: Span,
    pub at_most: Option<u64>,
    pub cause: Cause,
    pub why: String,
}

/// Overlapping losses taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    pub span: Span,
    pub at_most: Option<u64>,
    pub because: String,
}

/// Whether the numbering of the whole stream counts every one of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbering {
    Complete,
    Partial,
}

/// Takes overlapping losses together. The answer is sorted and free of overlaps.
pub(super) fn together(mut lost: Vec<Lost>, numbering: Numbering) -> Vec<Missing> {
    let key = |l: &Lost| (l.span, l.cause, l.at_most);
    lost.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.why.cmp(&b.why)));
    let mut groups: Vec<(Span, Vec<Lost>)> = Vec::new();
    for one in lost {
        match groups.last_mut() {
            Some((span, group)) if one.span.overlaps(*span) => {
                *span = span.hull(one.span);
                group.push(one);
            }
            _ => groups.push((one.span, vec![one])),
        }
    }
    let missing = |(span, group): (Span, Vec<Lost>)| Missing {
        span,
        at_most: at_most(&group, numbering),
        because: because(&group),
    };
    groups.into_iter().map(missing).collect()
}

/// A complete numbering counts the unread records too: they are among the missing numbers.
fn at_most(group: &[Lost], numbering: Numbering) -> Option<u64> {
    let sum = |cause| -> Option<u64> {
        let of = group.iter().filter(|l| l.cause == cause);
        of.map(|l| l.at_most)
            .try_fold(0_u64, |sum, n| Some(sum.saturating_add(n?)))
    };
    let (numbers, unread) = (sum(Cause::Numbers)?, sum(Cause::Unread)?);
    let seen_twice = match numbering {
        Numbering::Complete => numbers.max(unread),
        Numbering::Partial => numbers.saturating_add(unread),
    };
    let others = sum(Cause::Part)?.saturating_add(sum(Cause::Stated)?);
    Some(seen_twice.saturating_add(others))
}

/// At most three reasons of each kind in words, the others counted.
fn because(group: &[Lost]) -> String {
    const SHOWN: usize = 3;
    let mut text = String::new();
    for cause in [Cause::Numbers, Cause::Part, Cause::Stated, Cause::Unread] {
        let mut reasons: Vec<&str> = group
            .iter()
            .filter(|l| l.cause == cause)
            .map(|l| l.why.as_str())
            .collect();
        reasons.dedup();
        let n_more = reasons.len().saturating_sub(SHOWN);
        for reason in reasons.into_iter().take(SHOWN) {
            text.push_str(if text.is_empty() { "" } else { "; " });
            text.push_str(reason);
        }
        if n_more > 0 {
            let _ = write!(text, "; and {n_more} more like this");
        }
    }
    text
}

/// `1 record`, `2 records`.
pub(super) fn records(n: u64) -> String {
    format!("{n} record{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    fn lost(from: i64, until: i64, at_most: Option<u64>, cause: Cause) -> Lost {
        let span = Span::new(Timestamp(from), Timestamp(until));
        Lost {
            span,
            at_most,
            cause,
            why: format!("{cause:?} {from}"),
        }
    }

    #[test]
    fn overlapping_losses_add_up_and_adjacent_ones_stay_apart() {
        let all = vec![
            lost(10, 20, Some(2), Cause::Part),
            lost(0, 11, Some(3), Cause::Stated),
            lost(20, 30, Some(5), Cause::Part),
            lost(29, 31, None, Cause::Stated),
        ];
        let missing = together(all, Numbering::Partial);
        let short = |m: &Missing| (m.span.from.0, m.span.until.0, m.at_most, m.because.clone());
        assert_eq!(
            missing.iter().map(short).collect::<Vec<_>>(),
            [
                (0, 20, Some(5), "Part 10; Stated 0".into()),
                (20, 31, None, "Part 20; Stated 29".into())
            ]
        );
    }

    #[test]
    fn a_complete_numbering_counts_the_unread_too() {
        let all = || {
            vec![
                lost(0, 10, Some(4), Cause::Numbers),
                lost(0, 10, Some(3), Cause::Unread),
            ]
        };
        assert_eq!(together(all(), Numbering::Complete)[0].at_most, Some(4));
        assert_eq!(together(all(), Numbering::Partial)[0].at_most, Some(7));
    }

    #[test]
    fn many_reasons_are_counted() {
        let all = (0..9).map(|n| lost(n, 20, Some(1), Cause::Part)).collect();
        assert_eq!(
            together(all, Numbering::Partial)[0].because,
            "Part 0; Part 1; Part 2; and 6 more like this"
        );
    }
}
