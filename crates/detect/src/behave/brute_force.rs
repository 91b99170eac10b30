//! Many failed logins from one address at one service, or, where no address is told, at one account.

use super::login::Login;
use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

const SECOND: i64 = 1_000_000_000;
/// Attempts that a group remembers.
const MOST_KEPT: usize = 512;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BruteForce {
    /// Failures within `quick_secs` that are told.
    quick: usize,
    quick_secs: i64,
    /// Failures within `slow_secs` that are told.
    slow: usize,
    slow_secs: i64,
    /// Failures from which on it is more than low, where several accounts or connections were tried.
    many: u64,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self {
            quick: 4,
            quick_secs: 60,
            slow: 10,
            slow_secs: 1800,
            many: 8,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    failures: VecDeque<(Stamp, Login)>,
    open: Option<Verdict>,
    accounts: BTreeSet<u64>,
    connections: BTreeSet<u64>,
    has_password: bool,
}

impl State {
    fn forget(&mut self) {
        self.accounts.clear();
        self.connections.clear();
        self.has_password = false;
    }

    fn note(&mut self, login: &Login) {
        if self.accounts.len() < MOST_KEPT {
            self.accounts.extend(login.account);
        }
        if self.connections.len() < MOST_KEPT {
            self.connections.extend(login.connection);
        }
        self.has_password |= !login.is_bare;
    }
}

impl BruteForce {
    fn is_reached(&self, state: &State, now: Timestamp) -> bool {
        let within = |n: usize, secs: i64| {
            let nth = state
                .failures
                .len()
                .checked_sub(n)
                .and_then(|at| state.failures.get(at));
            nth.is_some_and(|(at, _)| at.time >= now.plus_nanos(-secs.saturating_mul(SECOND)))
        };
        within(self.quick, self.quick_secs) || within(self.slow, self.slow_secs)
    }

    /// One attempt is often told by several records of one connection.
    fn is_repeated(state: &State, at: Stamp, login: &Login) -> bool {
        let same = |(other, one): &(Stamp, Login)| {
            one.connection == login.connection
                && one.text != login.text
                && (one.account == login.account || login.account.is_none())
                && at.time.0.saturating_sub(other.time.0) < SECOND
        };
        login.connection.is_some() && state.failures.iter().rev().take(4).any(same)
    }

    fn weigh(&self, state: &mut State, has_success: bool) {
        let (n_accounts, n_connections) = (state.accounts.len(), state.connections.len());
        let Some(open) = &mut state.open else { return };
        let is_spread = n_accounts > 1 || n_connections > 2 || n_connections == 0;
        open.level = Some(match () {
            () if has_success && state.has_password && open.n_events >= self.many => Level::High,
            () if state.has_password && is_spread && open.n_events >= self.many => Level::Medium,
            () => Level::Low,
        });
        let on = match n_accounts {
            0 => String::new(),
            1 => " on one account".to_owned(),
            n => format!(" on {n} accounts"),
        };
        let then = if has_success {
            ", then a login that succeeded"
        } else {
            ""
        };
        open.because = Some(format!("{} failed logins{on}{then}", open.n_events));
    }
}

impl Fold for BruteForce {
    type Member = Login;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, login: &Login, out: &mut Out) {
        let oldest = at.time.plus_nanos(-self.slow_secs.saturating_mul(SECOND));
        while state
            .failures
            .front()
            .is_some_and(|(first, _)| first.time < oldest)
        {
            state.failures.pop_front();
        }
        if state.open.as_ref().is_some_and(|open| open.until < oldest) {
            out.closed.extend(state.open.take());
            state.forget();
        }
        if login.is_success {
            let has_failed = !login.is_bare && state.open.is_some();
            if let Some(open) = state.open.as_mut().filter(|_| has_failed) {
                open.add(at, &login.who);
                open.n_events -= 1;
                self.weigh(state, true);
                out.closed.extend(state.open.take());
                state.failures.clear();
                state.forget();
            }
            return;
        }
        if Self::is_repeated(state, at, login) {
            return;
        }
        state.failures.push_back((at, login.clone()));
        if state.failures.len() > MOST_KEPT {
            state.failures.pop_front();
        }
        if let Some(open) = &mut state.open {
            open.add(at, &login.who);
            state.note(login);
        } else if self.is_reached(state, at.time) {
            let failures = state.failures.iter();
            state.open = Some(Verdict::over(at, failures.map(|(at, login)| (*at, &login.who))));
            for login in state
                .failures
                .iter()
                .map(|(_, login)| login.clone())
                .collect::<Vec<_>>()
            {
                state.note(&login);
            }
        }
        self.weigh(state, false);
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.failures.back().map(|(at, _)| at.time);
        let last = last.max(state.open.as_ref().map(|open| open.until));
        last.is_none_or(|last| last.plus_nanos(self.slow_secs.saturating_mul(SECOND)) < from)
    }
}

impl Behaviour for BruteForce {
    const SHEET: Sheet = Sheet {
        id: "ambit.brute_force",
        title: "Many failed logins",
        level: Level::Low,
        attack: &["T1110.001"],
        doc: "Failed logins from one address at one service: four within a minute or ten within half an hour. More than \
              low where passwords were tried on several accounts or over several connections, high where after eight and more a \
              login of that address succeeds.",
        budget: "Low: one a day for each hundred people who mistype, and clients with an old password. Medium and \
                 above: one a month for each thousand accounts.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Login)) {
        let Some(login) = seen.login().cloned() else {
            return;
        };
        let source = seen.event.source.as_str();
        let service = seen.event.actor_service.as_deref().unwrap_or("");
        match (login.address.clone(), seen.account()) {
            (Some(address), _) => give(key(&[source, service, "address", &address]), login),
            (None, Some(account)) => give(key(&[source, service, "account", &account]), login),
            (None, None) => {}
        }
    }
}
