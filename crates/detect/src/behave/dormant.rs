//! An account that nobody used for long is used again.

use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Outcome, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DAY: i64 = 86_400 * 1_000_000_000;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dormant {
    /// Days without anything.
    days: i64,
    /// Accounts of which nothing was seen for so many days are forgotten.
    forget_days: i64,
}

impl Default for Dormant {
    fn default() -> Self {
        Self {
            days: 45,
            forget_days: 800,
        }
    }
}

impl Fold for Dormant {
    type Member = Arc<Who>;
    type State = Option<Timestamp>;

    fn step(&self, last: &mut Self::State, at: Stamp, who: &Arc<Who>, out: &mut Out) {
        let before = last.replace(at.time);
        let Some(before) = before else { return };
        let slept = at.time.0.saturating_sub(before.0);
        if slept >= self.days.saturating_mul(DAY) {
            let mut verdict = Verdict::over(at, std::iter::once((at, who)));
            verdict.because = Some(format!("not used since {before}, for {} days", slept / DAY));
            out.closed.push(verdict);
        }
    }

    fn open<'s>(&self, _: &'s Self::State) -> Option<&'s Verdict> {
        None
    }

    fn is_spent(&self, last: &Self::State, from: Timestamp) -> bool {
        last.is_none_or(|last| last.plus_nanos(self.forget_days.saturating_mul(DAY)) < from)
    }
}

impl Behaviour for Dormant {
    const SHEET: Sheet = Sheet {
        id: "ambit.dormant_account",
        title: "An account that nobody used for long",
        level: Level::Low,
        attack: &["T1078"],
        doc: "An account does something after 45 days and more without anything, where it was seen before.",
        budget: "A few a week for each thousand accounts of customers, one a month for each hundred of staff.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Arc<Who>)) {
        if matches!(seen.event.outcome, Outcome::Failure | Outcome::Denied) {
            return;
        }
        if let Some(account) = seen.account() {
            give(key(&[&account]), seen.who());
        }
    }
}
