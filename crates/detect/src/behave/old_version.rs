//! An app version calls what it never called.

use super::seen::{Seen, hash, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

const SECOND: i64 = 1_000_000_000;
const LONGEST: i64 = 400 * 86_400 * SECOND;
/// Operations and accounts of a version that are remembered.
const MOST_KEPT: usize = 1024;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OldVersion {
    /// Requests after which what a version calls is known.
    requests: u64,
    /// Accounts or sessions that made them.
    users: usize,
    /// How long they go back.
    history_secs: i64,
}

impl Default for OldVersion {
    fn default() -> Self {
        Self {
            requests: 300,
            users: 5,
            history_secs: 4 * 3600,
        }
    }
}

/// A request of an app.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    who: Arc<Who>,
    operation: u64,
    user: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub struct State {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    n: u64,
    operations: Arc<BTreeSet<u64>>,
    users: Arc<BTreeSet<u64>>,
}

impl Fold for OldVersion {
    type Member = Call;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, call: &Call, out: &mut Out) {
        let since = state
            .first
            .get_or_insert(at.time)
            .plus_nanos(self.history_secs.saturating_mul(SECOND));
        let is_known = state.n >= self.requests && state.users.len() >= self.users && since <= at.time;
        state.last = Some(at.time);
        state.n += 1;
        if let Some(user) = call
            .user
            .filter(|user| state.users.len() < MOST_KEPT && !state.users.contains(user))
        {
            Arc::make_mut(&mut state.users).insert(user);
        }
        if state.operations.contains(&call.operation) || state.operations.len() >= MOST_KEPT {
            return;
        }
        Arc::make_mut(&mut state.operations).insert(call.operation);
        if is_known {
            let mut verdict = Verdict::over(at, std::iter::once((at, &call.who)));
            verdict.because = Some(format!(
                "in {} requests of this version nobody called this operation",
                state.n - 1
            ));
            out.closed.push(verdict);
        }
    }

    fn open<'s>(&self, _: &'s State) -> Option<&'s Verdict> {
        None
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        state.last.is_none_or(|last| last.plus_nanos(LONGEST) < from)
    }
}

impl Behaviour for OldVersion {
    const SHEET: Sheet = Sheet {
        id: "ambit.version_calls_anew",
        title: "An app version calls what it never called",
        level: Level::Low,
        attack: &["T1190"],
        doc: "After 300 requests of five users and more over four hours, an app version calls an operation that it never \
              called: an app does not learn, so somebody else may speak in its name.",
        budget: "A few on the first day of each version, then one a month.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Call)) {
        let event = seen.event;
        let (Some(version), Some(operation)) = (event.app_version.as_deref(), event.operation.as_deref())
        else {
            return;
        };
        let call = Call {
            who: seen.who(),
            operation: hash(operation),
            user: seen.principal().map(hash),
        };
        let platform = event.app_platform.as_deref().unwrap_or("");
        give(key(&[&event.source, platform, version]), call);
    }
}
