//! One address tries few passwords on many accounts of a service.

use super::login::Login;
use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

const SECOND: i64 = 1_000_000_000;
const MOST_KEPT: usize = 1024;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spraying {
    /// Accounts on which logins failed within `within_secs`.
    accounts: usize,
    within_secs: i64,
    /// At most so many failures for each account, on average: more is guessing at single accounts.
    each: f64,
    /// Accounts from which on it is high.
    many: usize,
}

impl Default for Spraying {
    fn default() -> Self {
        Self {
            accounts: 5,
            within_secs: 3600,
            each: 4.0,
            many: 20,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    failures: VecDeque<(Stamp, Login)>,
    accounts: BTreeMap<u64, u32>,
    open: Option<Verdict>,
}

impl State {
    fn pop(&mut self) {
        let account = self.failures.pop_front().and_then(|(_, login)| login.account);
        if let Some(account) = account
            && let Some(n) = self.accounts.get_mut(&account)
        {
            *n -= 1;
            if *n == 0 {
                self.accounts.remove(&account);
            }
        }
    }
}

impl Fold for Spraying {
    type Member = Login;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, login: &Login, out: &mut Out) {
        let Some(account) = login.account else { return };
        let oldest = at.time.plus_nanos(-self.within_secs.saturating_mul(SECOND));
        while state
            .failures
            .front()
            .is_some_and(|(first, _)| first.time < oldest)
        {
            state.pop();
        }
        state.failures.push_back((at, login.clone()));
        *state.accounts.entry(account).or_default() += 1;
        if state.failures.len() > MOST_KEPT {
            state.pop();
            out.n_clipped += 1;
        }
        let n_accounts = state.accounts.len();
        let is_spread = (state.failures.len() as f64) <= self.each * n_accounts as f64;
        let holds = n_accounts >= self.accounts && is_spread;
        match &mut state.open {
            Some(open) if holds => open.add(at, &login.who),
            Some(_) => out.closed.extend(state.open.take()),
            None if holds => {
                let failures = state.failures.iter();
                state.open = Some(Verdict::over(at, failures.map(|(at, login)| (*at, &login.who))));
            }
            None => {}
        }
        if let Some(open) = &mut state.open {
            if n_accounts >= self.many {
                open.level = Some(Level::High);
            }
            open.because = Some(format!(
                "{} failed logins; within {} s on {n_accounts} accounts",
                open.n_events, self.within_secs
            ));
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.failures.back().map(|(at, _)| at.time);
        last.is_none_or(|last| last.plus_nanos(self.within_secs.saturating_mul(SECOND)) < from)
    }
}

impl Behaviour for Spraying {
    const SHEET: Sheet = Sheet {
        id: "ambit.password_spraying",
        title: "Failed logins on many accounts from one address",
        level: Level::Medium,
        attack: &["T1110.003"],
        doc: "From one address logins fail on five accounts or more of a service within an hour, with few tries on each.",
        budget: "One a month for each address that a thousand people share.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Login)) {
        let Some(login) = seen.login().filter(|login| !login.is_success).cloned() else {
            return;
        };
        if let Some(address) = login.address.clone() {
            give(key(&[&seen.event.source, &address]), login);
        }
    }
}
