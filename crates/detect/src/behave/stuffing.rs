//! One address tries the passwords of many accounts, and some fit.

use super::login::Login;
use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

const SECOND: i64 = 1_000_000_000;
const MOST_KEPT: usize = 1024;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stuffing {
    /// Accounts that were tried within `within_secs`.
    accounts: usize,
    within_secs: i64,
    /// The least share of attempts that fail.
    failing: f64,
    /// Failures that there must be at least.
    failures: usize,
}

impl Default for Stuffing {
    fn default() -> Self {
        Self {
            accounts: 3,
            within_secs: 3600,
            failing: 0.5,
            failures: 4,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    logins: VecDeque<(Stamp, Login)>,
    open: Option<Verdict>,
}

impl Stuffing {
    fn holds(&self, state: &State) -> Option<(usize, usize)> {
        let accounts: BTreeSet<u64> = state
            .logins
            .iter()
            .filter_map(|(_, login)| login.account)
            .collect();
        // Where failures do not name the account, each is taken for another: the right one is seldom met twice.
        let nameless = state
            .logins
            .iter()
            .filter(|(_, login)| login.account.is_none())
            .count();
        let failed = state.logins.iter().filter(|(_, login)| !login.is_success).count();
        let n_fitting = state.logins.len() - failed;
        let n_accounts = accounts.len() + nameless;
        let share = failed as f64 / state.logins.len().max(1) as f64;
        let is_met =
            n_fitting > 0 && failed >= self.failures && share >= self.failing && n_accounts >= self.accounts;
        is_met.then_some((failed, n_fitting))
    }
}

impl Fold for Stuffing {
    type Member = Login;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, login: &Login, out: &mut Out) {
        let oldest = at.time.plus_nanos(-self.within_secs.saturating_mul(SECOND));
        while state.logins.front().is_some_and(|(first, _)| first.time < oldest) {
            state.logins.pop_front();
        }
        state.logins.push_back((at, login.clone()));
        if state.logins.len() > MOST_KEPT {
            state.logins.pop_front();
            out.n_clipped += 1;
        }
        let met = self.holds(state);
        match &mut state.open {
            Some(open) if met.is_some() => open.add(at, &login.who),
            Some(_) => out.closed.extend(state.open.take()),
            None if met.is_some() => {
                let logins = state.logins.iter();
                state.open = Some(Verdict::over(at, logins.map(|(at, login)| (*at, &login.who))));
            }
            None => {}
        }
        if let (Some(open), Some((failed, fitting))) = (&mut state.open, met) {
            open.because = Some(format!(
                "within {} s {failed} logins failed and {fitting} succeeded",
                self.within_secs
            ));
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.logins.back().map(|(at, _)| at.time);
        last.is_none_or(|last| last.plus_nanos(self.within_secs.saturating_mul(SECOND)) < from)
    }
}

impl Behaviour for Stuffing {
    const SHEET: Sheet = Sheet {
        id: "ambit.credential_stuffing",
        title: "Passwords of many accounts tried from one address, and some fit",
        level: Level::High,
        attack: &["T1110.004", "T1078"],
        doc: "From one address the logins of several accounts of a service are tried within an hour, most of them fail \
              and some succeed.",
        budget: "One a month for each address that a thousand people share.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Login)) {
        let Some(login) = seen.login().filter(|login| !login.is_bare).cloned() else {
            return;
        };
        if let Some(address) = login.address.clone() {
            give(key(&[&seen.event.source, &address]), login);
        }
    }
}
