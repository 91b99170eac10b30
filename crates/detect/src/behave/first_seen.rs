//! An account or key with a habit does what it never did: from a client and network, in a country, with a key, or as
//! an administrator. Countries are those of a database of places, where the user brings one.

use super::seen::{Seen, hash, key, network};
use super::{Behaviour, Sheet};
use crate::places::Country;
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirstSeen {
    /// Events after which something is a habit, and how long they must go back.
    events: u64,
    history_secs: i64,
    /// Whoever comes from more networks or by more clients than this has no habit.
    most: usize,
    /// A habit of which nothing was seen for so many days is forgotten.
    forget_days: i64,
}

impl Default for FirstSeen {
    fn default() -> Self {
        Self {
            events: 30,
            history_secs: 3600,
            most: 4,
            forget_days: 90,
        }
    }
}

/// What an event tells of who acts how.
#[derive(Debug, Clone)]
pub(crate) struct Doing {
    who: Arc<Who>,
    is_key: bool,
    network: Option<u64>,
    client: Option<u64>,
    key: Option<u64>,
    country: Option<Country>,
    /// What was done, where only administrators do it.
    admin: Option<u64>,
}

/// Values that were seen, the last ones of many.
#[derive(Debug, Clone, Default)]
struct Habit(VecDeque<u64>);

/// Values that a habit remembers.
const MOST_KEPT: usize = 32;

impl Habit {
    /// Whether there is a value, and it is new.
    fn is_new(&mut self, value: Option<u64>) -> bool {
        let Some(value) = value else { return false };
        if self.0.contains(&value) {
            return false;
        }
        if self.0.len() >= MOST_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(value);
        true
    }
}

#[derive(Debug, Clone, Default)]
pub struct State {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    n: u64,
    networks: Habit,
    clients: Habit,
    keys: Habit,
    countries: Habit,
    admin: Habit,
}

impl FirstSeen {
    fn has_habit(&self, state: &State, now: Timestamp) -> bool {
        let since = state
            .first
            .unwrap_or(now)
            .plus_nanos(self.history_secs.saturating_mul(SECOND));
        state.n >= self.events && since <= now
    }
}

impl Fold for FirstSeen {
    type Member = Doing;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, doing: &Doing, out: &mut Out) {
        let has_habit = self.has_habit(state, at.time);
        let (networks, clients) = (state.networks.0.len(), state.clients.0.len());
        let new_network = state.networks.is_new(doing.network);
        let new_client = state.clients.is_new(doing.client);
        let new_key = state.keys.is_new(doing.key) && !doing.is_key;
        let new_admin = state.admin.is_new(doing.admin);
        let countries = state.countries.0.len();
        // The first country that is known at all is no news.
        let new_country =
            state.countries.is_new(doing.country.map(hash)) && (1..=self.most).contains(&countries);
        state.first.get_or_insert(at.time);
        state.last = Some(at.time);
        state.n += 1;
        if !has_habit {
            return;
        }
        let is_strange = new_network && new_client && networks <= self.most && clients <= self.most;
        let (level, what) = match (is_strange, new_admin) {
            (true, false) if new_country && !doing.is_key => {
                (Level::Medium, "a client, a network and a country that are new")
            }
            (true, _) if doing.is_key => (
                Level::Medium,
                "a key is used by a client and from a network that it never was",
            ),
            (true, true) => (
                Level::High,
                "an administrator's action, by a client and from a network that are new",
            ),
            (true, false) if new_key => (Level::Medium, "a client, a network and a key that are new"),
            (true, false) => (Level::Low, "a client and a network that are new"),
            (false, true) => (Level::Low, "an administrator's action that it never did"),
            (false, false) if new_country => (Level::Low, "a country that is new"),
            (false, false) => return,
        };
        let mut verdict = Verdict::over(at, std::iter::once((at, &doing.who)));
        verdict.level = Some(level);
        let country = doing.country.filter(|_| new_country);
        let country = country.map_or(String::new(), |country| {
            format!(" ({country}, by the database of places)")
        });
        verdict.because = Some(format!("{what}{country}, after {} events", state.n - 1));
        out.closed.push(verdict);
    }

    fn open<'s>(&self, _state: &'s State) -> Option<&'s Verdict> {
        None
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let forget = self.forget_days.saturating_mul(DAY);
        state.last.is_none_or(|last| last.plus_nanos(forget) < from)
    }
}

/// Beginnings of what administrators do, in lower case.
const ADMIN: [&str; 22] = [
    "createuser",
    "createaccesskey",
    "createloginprofile",
    "attach",
    "putuserpolicy",
    "putrolepolicy",
    "addusertogroup",
    "updateassumerolepolicy",
    "createpolicyversion",
    "deactivatemfadevice",
    "setiampolicy",
    "createserviceaccountkey",
    "add member to role",
    "add service principal",
    "consent to application",
    "user.account.privilege.grant",
    "group.privilege.grant",
    "policy.lifecycle",
    "org.add_member",
    "new-inboxrule",
    "create role",
    "alter role",
];

fn admin(seen: &Seen<'_>) -> Option<u64> {
    let event = seen.event;
    let operation = event.operation.as_deref().unwrap_or("");
    let lower = operation.to_ascii_lowercase();
    let name = lower.rsplit(':').next().unwrap_or(&lower);
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_named = ADMIN
        .iter()
        .any(|one| name.starts_with(one) || last.starts_with(one));
    let is_class = matches!(
        seen.class(),
        "user_access" | "account_change" | "group_management"
    );
    (is_named || is_class).then(|| hash(lower))
}

impl Behaviour for FirstSeen {
    const SHEET: Sheet = Sheet {
        id: "ambit.first_seen",
        title: "Something that this account or key never did",
        level: Level::Low,
        attack: &["T1078"],
        doc: "After 30 events over an hour and more, an account or key is used by a client and from a network that are both \
              new (of a key medium, else low), or acts as an administrator in a way that it never did (with a new client and \
              network: high). With a database of places also from a country that is new: low, and medium where client \
              and network are new too.",
        budget: "Low: a few a week for each hundred accounts. Medium and above: one a month for each hundred keys.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Doing)) {
        let event = seen.event;
        let token = event.actor_credential.as_deref();
        let Some(principal) = seen.account().or_else(|| token.map(Into::into)) else {
            return;
        };
        // A failed login is somebody else's more often than not, and makes no habit.
        if seen.login().is_some_and(|login| !login.is_success) {
            return;
        }
        let client = event.device.as_deref().or(event.user_agent.as_deref());
        let doing = Doing {
            who: seen.who(),
            is_key: token.is_some() && event.actor_session.is_none(),
            network: seen.address().and_then(network),
            client: client.filter(|text| !text.is_empty()).map(family),
            key: token.map(hash),
            country: seen.place().and_then(|place| place.country),
            admin: admin(seen),
        };
        if doing.network.is_some() || doing.client.is_some() || doing.admin.is_some() {
            give(key(&[&event.source, &principal]), doing);
        }
    }
}

/// A client program without its version, which changes every week.
fn family(client: &str) -> u64 {
    let mut plain = String::new();
    for part in client.chars().filter(|c| !c.is_ascii_digit() && *c != '.') {
        plain.push(part);
    }
    hash(plain)
}
