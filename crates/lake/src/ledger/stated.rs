//! What producers, transports and manifests state: losses, and spans in which nothing is missing.

use super::lost::{Cause, Lost, records};
use ambit_event::{Attestation, Loss, Span, Timestamp, printable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// So many statements of a kind are kept one by one. What goes beyond is kept as one sum: the
/// earliest stay, so that the result depends on no order.
const MOST: usize = 16_384;

/// Stated losses of one stream. Two that are equal in everything, the reason included, are the same
/// loss told twice: a source that reports two of them tells them apart in `why`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Losses {
    /// `(from, until, at most, why)` in nanoseconds since 1970.
    #[serde(rename = "l")]
    kept: BTreeSet<(i64, i64, Option<u64>, String)>,
    /// `(from, until, at most, how many)` of those beyond.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    beyond: Option<(i64, i64, Option<u64>, u64)>,
}

/// Attested spans of one stream. Those beyond the limit are forgotten: then less is proved than could be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Attested(BTreeSet<(i64, i64, String)>);

impl Losses {
    pub fn add(&mut self, loss: &Loss) {
        self.kept.insert((
            loss.span.from.0,
            loss.span.until.0,
            loss.at_most,
            printable(&loss.why, 200),
        ));
        self.bound();
    }

    pub fn merge(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.beyond = self.beyond.into_iter().chain(other.beyond).reduce(sum);
        self.bound();
    }

    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let kept = self.kept.iter().map(|l| span(l.0, l.1));
        kept.chain(self.beyond.iter().map(|l| span(l.0, l.1)))
    }

    pub fn lost(&self) -> impl Iterator<Item = Lost> {
        let one = |(from, until, at_most, why): &(i64, i64, Option<u64>, String)| Lost {
            span: span(*from, *until),
            at_most: *at_most,
            cause: Cause::Stated,
            why: match at_most {
                Some(n) => format!("{why} (at most {})", records(*n)),
                None => format!("{why} (nobody knows how many records)"),
            },
        };
        let beyond = |(from, until, at_most, n): &(i64, i64, Option<u64>, u64)| Lost {
            span: span(*from, *until),
            at_most: *at_most,
            cause: Cause::Stated,
            why: format!("{n} further losses are stated"),
        };
        self.kept.iter().map(one).chain(self.beyond.iter().map(beyond))
    }

    fn bound(&mut self) {
        while self.kept.len() > MOST {
            let Some((from, until, at_most, _)) = self.kept.pop_last() else {
                return;
            };
            let one = (from, until, at_most, 1);
            self.beyond = Some(self.beyond.map_or(one, |all| sum(all, one)));
        }
    }
}

impl Attested {
    pub fn add(&mut self, attestation: &Attestation) {
        let because = printable(&attestation.because, 200);
        self.0
            .insert((attestation.span.from.0, attestation.span.until.0, because));
        self.bound();
    }

    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.bound();
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn spans(&self) -> impl Iterator<Item = (Span, &str)> {
        let all = self.0.iter();
        all.map(|(from, until, because)| (Span::new(Timestamp(*from), Timestamp(*until)), because.as_str()))
    }

    fn bound(&mut self) {
        while self.0.len() > MOST {
            self.0.pop_last();
        }
    }
}

/// A loss at an instant is one within its nanosecond.
fn span(from: i64, until: i64) -> Span {
    Span::new(Timestamp(from), Timestamp(until.max(from.saturating_add(1))))
}

fn sum(
    (from, until, at_most, n): (i64, i64, Option<u64>, u64),
    (more_from, more_until, more_at_most, more_n): (i64, i64, Option<u64>, u64),
) -> (i64, i64, Option<u64>, u64) {
    let at_most = at_most.zip(more_at_most).map(|(a, b)| a.saturating_add(b));
    (
        from.min(more_from),
        until.max(more_until),
        at_most,
        n.saturating_add(more_n),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(from: i64, at_most: Option<u64>) -> Loss {
        Loss {
            source: "s".into(),
            host: None,
            span: Span::new(Timestamp(from), Timestamp(from + 5)),
            at_most,
            why: "throttled".into(),
        }
    }

    #[test]
    fn the_same_loss_told_twice_is_one_and_very_many_become_a_sum() {
        let n = MOST as i64 + 10;
        let mut forward = Losses::default();
        (0..n).for_each(|at| forward.add(&loss(at, Some(2))));
        let (mut early, mut late) = (Losses::default(), Losses::default());
        (0..n / 2).rev().for_each(|at| early.add(&loss(at, Some(2))));
        (n / 2..n).for_each(|at| late.add(&loss(at, Some(2))));
        early.add(&loss(3, Some(2)));
        late.merge(early);
        assert_eq!(forward, late);
        let last = forward.lost().last().map(|l| (l.span.from.0, l.at_most));
        assert_eq!(last, Some((MOST as i64, Some(20))));
    }
}
