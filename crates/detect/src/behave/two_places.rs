//! A session or token is used by two clients, or from two places, at once.

use super::recent::{Recent, SECOND, folds_recent};
use super::seen::{Seen, hash, key, network};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Who};
use ambit_event::Level;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TwoPlaces {
    /// Uses within so many seconds are looked at.
    within_secs: i64,
    /// Uses within so many seconds are at once.
    at_once_secs: i64,
}

impl Default for TwoPlaces {
    fn default() -> Self {
        Self {
            within_secs: 3 * 86_400,
            at_once_secs: 1800,
        }
    }
}

/// One use of a session or token.
#[derive(Debug, Clone)]
pub(crate) struct Use {
    who: Arc<Who>,
    network: Option<u64>,
    client: Option<u64>,
    /// A key that services share is used in several places as a rule.
    is_key: bool,
}

/// How two uses differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Apart {
    /// From another network, by the same client: a phone that changes its network does that once, not to and fro.
    Moves,
    /// By another client.
    Client,
    /// By another client from another network.
    Both,
}

impl Use {
    fn apart(&self, other: &Self) -> Option<Apart> {
        let differ = |a: Option<u64>, b: Option<u64>| a.zip(b).is_some_and(|(a, b)| a != b);
        match (
            differ(self.network, other.network),
            differ(self.client, other.client),
        ) {
            (true, true) => Some(Apart::Both),
            (false, true) => Some(Apart::Client),
            (true, false) => Some(Apart::Moves),
            (false, false) => None,
        }
    }
}

/// How far the last use is apart from those before it, where that is more than one change; and how long ago the other
/// was, in nanoseconds.
fn found(uses: &Recent<Use>, at: Stamp, last: &Use, at_once: i64) -> Option<(Apart, i64)> {
    let before = uses.iter().rev().skip(1);
    let mut worst: Option<(Apart, i64)> = None;
    let mut returned = false;
    for (then, other) in before {
        let ago = at.time.0.saturating_sub(then.time.0);
        match last.apart(other) {
            Some(apart) if worst.is_none_or(|(worst, _)| worst < apart) => worst = Some((apart, ago)),
            // The same as now, and something else in between.
            None if worst.is_some() && ago <= at_once => returned = true,
            _ => {}
        }
    }
    worst.filter(|(apart, _)| match (apart, last.is_key) {
        (Apart::Both, false) => true,
        (_, true) => false,
        (Apart::Client | Apart::Moves, false) => returned,
    })
}

impl Fold for TwoPlaces {
    type Member = Use;
    type State = Recent<Use>;

    fn step(&self, state: &mut Self::State, at: Stamp, one: &Use, out: &mut Out) {
        state.push(at, &one.who, one.clone(), self.within_secs, out);
        let at_once = self.at_once_secs.saturating_mul(SECOND);
        let apart = found(state, at, one, at_once);
        state.note(apart.is_some(), at, &one.who, self.within_secs, |_| true, out);
        if let (Some(open), Some((apart, ago))) = (&mut state.open, apart) {
            let (level, how) = match apart {
                Apart::Both if ago <= at_once => {
                    (Level::High, "by different clients from different networks")
                }
                Apart::Both => (Level::Medium, "by different clients from different networks"),
                Apart::Client => (Level::Medium, "by different clients, to and fro"),
                Apart::Moves => (Level::Low, "from different networks, to and fro"),
            };
            if open.level < Some(level) {
                open.level = Some(level);
                open.because = Some(format!("used within {} s {how}", ago / SECOND));
            }
        }
    }

    folds_recent!(within_secs);
}

impl Behaviour for TwoPlaces {
    const SHEET: Sheet = Sheet {
        id: "ambit.session_in_two_places",
        title: "A session in two places at once",
        level: Level::Medium,
        attack: &["T1539", "T1550.004"],
        doc: "One session is used by two clients from two networks within half an hour (high) or three days (medium), or within half \
              an hour to and fro by two clients (medium) or from two networks (low).",
        budget: "High: one a month for each thousand sessions. Low: phones between two networks, several a day.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Use)) {
        let event = seen.event;
        let session = event.actor_session.as_deref();
        let Some(id) = session.or(event.actor_credential.as_deref()) else {
            return;
        };
        let client = event.device.as_deref().or(event.user_agent.as_deref());
        let one = Use {
            who: seen.who(),
            network: seen.address().and_then(network),
            client: client.filter(|text| !text.is_empty()).map(hash),
            is_key: session.is_none(),
        };
        if one.network.is_some() || one.client.is_some() {
            give(key(&[&event.source, id]), one);
        }
    }
}
