//! A session is used whose login nobody saw, although the logs go back far enough.
//!
//! A login that lies before the logs begin, or in a gap of them, is not a missing one: before the beginning nothing is
//! told here, and what a gap may hide is taken back where the coverage is known ([`NoLogin::looks_back`]).

use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Finding, Level, Outcome, Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DAY: i64 = 86_400 * 1_000_000_000;

/// Its parameters. Without them it looks for nothing: that logs are complete, and how long a session lasts, somebody
/// must say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoLogin {
    /// Sources in which the login of every session is told.
    sources: Vec<String>,
    /// From when on they are complete.
    complete_since: Option<Timestamp>,
    /// How long a session lasts at most.
    session_days: i64,
}

impl Default for NoLogin {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            complete_since: None,
            session_days: 30,
        }
    }
}

/// A session is issued, or used.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    who: Arc<Who>,
    is_issue: bool,
    /// Since when every source with logins was seen, as far as was known when it came.
    seen_since: Option<Timestamp>,
}

/// When the session was last seen, and whether something was seen of it before.
#[derive(Debug, Clone, Default)]
pub struct State {
    last: Option<Timestamp>,
}

impl NoLogin {
    /// Where the login may lie that a finding misses: in which sources, and over which time.
    pub fn looks_back(&self, finding: &Finding) -> (&[String], Span) {
        let lasts = self.session_days.saturating_mul(DAY);
        let span = Span::new(finding.time.plus_nanos(-lasts), finding.time);
        (&self.sources, span)
    }
}

impl Fold for NoLogin {
    type Member = Step;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, step: &Step, out: &mut Out) {
        let is_first = state.last.replace(at.time).is_none();
        // What somebody says of the sources holds for the logs that were given: those that begin later, or lack one of
        // the sources, do not have the logins of before.
        let (Some(said), Some(seen)) = (self.complete_since, step.seen_since) else {
            return;
        };
        let since = said.max(seen);
        let lasts = self.session_days.saturating_mul(DAY);
        if is_first && !step.is_issue && since.plus_nanos(lasts) <= at.time {
            let mut verdict = Verdict::over(at, std::iter::once((at, &step.who)));
            verdict.because = Some(format!(
                "no login of this session since {since}, and sessions last {} days",
                self.session_days
            ));
            out.closed.push(verdict);
        }
    }

    fn open<'s>(&self, _: &'s State) -> Option<&'s Verdict> {
        None
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let lasts = self.session_days.saturating_mul(DAY);
        state.last.is_none_or(|last| last.plus_nanos(lasts) < from)
    }
}

impl Behaviour for NoLogin {
    const SHEET: Sheet = Sheet {
        id: "ambit.session_without_login",
        title: "A session without the login before it",
        level: Level::High,
        attack: &["T1550.004", "T1606"],
        doc: "A session is used whose login is not in the logs, although these are complete for longer than a session lasts. \
              It looks for nothing until somebody says in which sources every login is told, and since when.",
        budget: "None: each is a forged session, or a gap in the logs.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Step)) {
        let event = seen.event;
        if !self.sources.contains(&event.source) {
            return;
        }
        let issued = event.issued_session.as_deref().map(|session| (session, true));
        let used = event.actor_session.as_deref().map(|session| (session, false));
        let is_refused = matches!(event.outcome, Outcome::Denied | Outcome::Failure);
        let since: Option<Vec<Timestamp>> = self.sources.iter().map(|source| seen.since(source)).collect();
        if let Some((session, is_issue)) = issued.or(used.filter(|_| !is_refused)) {
            let step = Step {
                who: seen.who(),
                is_issue,
                seen_since: since.and_then(|since| since.into_iter().max()),
            };
            give(key(&[session]), step);
        }
    }
}
