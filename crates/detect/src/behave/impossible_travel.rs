//! An account is used in two places, and nobody travels so fast from the one to the other.
//!
//! The places are those of a database that the user brings. It says where most who use an address are; behind a VPN, a
//! proxy or the gateway of a mobile carrier, that is where the gateway stands. Its radius is one of two thirds of the
//! users, so it is taken twice. What is left is a reason to ask the owner, and no more.

use super::seen::{Seen, hash, ip, key};
use super::{Behaviour, Sheet};
use crate::places::{Country, Spot};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Outcome, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::net::IpAddr;
use std::sync::Arc;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Places that are remembered of an account; of more, the one of which nothing was seen for longest is forgotten.
const MOST_KEPT: usize = 12;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImpossibleTravel {
    /// What an airliner makes, in kilometres an hour.
    speed_kmh: f64,
    /// Less far apart than this is never told.
    least_km: f64,
    /// So many times the radius that the database gives a place is taken off the distance, and so many kilometres where
    /// it gives none.
    radius_times: f64,
    unknown_radius_km: u16,
    /// How far the clocks of two sources may be apart.
    slack_secs: i64,
    /// Who is in more places than this in a day is no single traveller: a program, or whoever comes through many
    /// proxies. That was told by then, and is not told again for each place.
    most_places: usize,
    /// A place in which the account was on so many days is its own. Between two such places nothing is told.
    own_days: u32,
    /// A place of which nothing was seen for so many days is forgotten.
    forget_days: i64,
    /// Networks of VPNs and proxies through which people come: they are nowhere.
    egress: Vec<Network>,
}

impl Default for ImpossibleTravel {
    fn default() -> Self {
        Self {
            speed_kmh: 1000.0,
            least_km: 500.0,
            radius_times: 2.0,
            unknown_radius_km: 200,
            slack_secs: 600,
            most_places: 5,
            own_days: 3,
            forget_days: 30,
            egress: Vec::new(),
        }
    }
}

/// A network, or an address alone.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Network(IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let bad = |_| de::Error::custom(format!("`{text}` is no network: 192.0.2.0/24 is one"));
        network.map(Self).map_err(bad)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// An account somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    who: Arc<Who>,
    spot: Spot,
    country: Option<Country>,
    client: Option<u64>,
    /// Nanoseconds after its time within which it certainly was.
    precision: i64,
}

/// A place in which the account was.
#[derive(Debug, Clone)]
struct Been {
    last: Stamp,
    visit: Visit,
    /// Days on which it was there, and the last of them.
    days: u32,
    day: i64,
}

#[derive(Debug, Clone, Default)]
pub struct State {
    been: Vec<Been>,
    open: Option<Verdict>,
}

impl ImpossibleTravel {
    /// How far apart at least, in kilometres.
    fn apart(&self, a: &Spot, b: &Spot) -> f64 {
        let radius =
            |spot: &Spot| self.radius_times * f64::from(spot.radius_km.unwrap_or(self.unknown_radius_km));
        (a.km_to(b) - radius(a) - radius(b)).max(0.0)
    }

    /// The latest place from which nobody comes here in that time, how far it is, and in how many seconds at most.
    fn unreachable<'s>(&self, state: &'s State, at: Stamp, visit: &Visit) -> Option<(&'s Been, f64, i64)> {
        let candidates = state.been.iter().filter_map(|been| {
            let nanos = at
                .time
                .0
                .saturating_sub(been.last.time.0)
                .saturating_add(visit.precision);
            let secs = (nanos / SECOND).saturating_add(self.slack_secs).max(1);
            let km = self.apart(&been.visit.spot, &visit.spot);
            let is_far = km >= self.least_km && km > self.speed_kmh * secs as f64 / 3600.0;
            is_far.then_some((been, km, nanos / SECOND))
        });
        candidates.max_by_key(|(been, ..)| been.last)
    }

    fn is_own(&self, been: Option<&Been>) -> bool {
        been.is_some_and(|been| been.days >= self.own_days)
    }

    /// What is to be told at a visit, with the stamp and actor of the visit before.
    fn judged(&self, state: &State, at: Stamp, visit: &Visit) -> Option<Told> {
        let (before, km, secs) = self.unreachable(state, at, visit)?;
        let here = state
            .been
            .iter()
            .find(|been| been.visit.spot.is_same(&visit.spot));
        let day_ago = at.time.plus_nanos(-DAY);
        let lately = state.been.iter().filter(|been| been.last.time >= day_ago).count();
        let is_scattered = lately + usize::from(here.is_none()) > self.most_places;
        if is_scattered || (self.is_own(Some(before)) && self.is_own(here)) {
            return None;
        }
        let is_one_client = visit.client.is_some() && visit.client == before.visit.client;
        Some(Told {
            from: (before.last, Arc::clone(&before.visit.who)),
            level: if is_one_client { Level::Low } else { Level::Medium },
            because: format!(
                "{} and {secs} s later {}, at least {km:.0} km apart by the database of places{}",
                before.visit,
                visit,
                if is_one_client { "; by the same client" } else { "" }
            ),
        })
    }
}

/// What is told at a visit.
struct Told {
    from: (Stamp, Arc<Who>),
    level: Level,
    because: String,
}

impl Spot {
    /// To a tenth of a degree, some ten kilometres: a database gives all of a town the same place.
    fn is_same(&self, other: &Self) -> bool {
        let is_near = |a: f32, b: f32| (a - b).abs() < 0.1;
        is_near(self.latitude, other.latitude) && is_near(self.longitude, other.longitude)
    }
}

impl std::fmt::Display for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Spot {
            latitude,
            longitude,
            radius_km,
        } = self.spot;
        write!(f, "near {latitude:.1}, {longitude:.1} (")?;
        match self.country {
            Some(country) => write!(f, "{country}, ")?,
            None => f.write_str("no country, ")?,
        }
        match radius_km {
            Some(km) => write!(f, "within {km} km)"),
            None => f.write_str("nobody says how near)"),
        }
    }
}

impl State {
    /// Remembers a visit.
    fn note(&mut self, at: Stamp, visit: &Visit, forget_days: i64) {
        let oldest = at.time.plus_nanos(-forget_days.saturating_mul(DAY));
        self.been.retain(|been| been.last.time >= oldest);
        let day = at.time.day();
        if let Some(been) = self
            .been
            .iter_mut()
            .find(|been| been.visit.spot.is_same(&visit.spot))
        {
            been.days = been.days.saturating_add(u32::from(been.day != day));
            (been.last, been.day, been.visit) = (at, day, visit.clone());
            return;
        }
        if self.been.len() >= MOST_KEPT
            && let Some(oldest) =
                (0..self.been.len()).min_by_key(|nth| self.been.get(*nth).map(|been| been.last))
        {
            self.been.swap_remove(oldest);
        }
        self.been.push(Been {
            last: at,
            visit: visit.clone(),
            days: 1,
            day,
        });
    }
}

impl Fold for ImpossibleTravel {
    type Member = Visit;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, visit: &Visit, out: &mut Out) {
        let told = self.judged(state, at, visit);
        let is_over = |open: &Verdict| at.time.0.saturating_sub(open.anchor.time.0) > DAY;
        if state.open.as_ref().is_some_and(is_over) {
            out.closed.extend(state.open.take());
        }
        if let Some(told) = told {
            match &mut state.open {
                Some(open) => {
                    open.add(at, &visit.who);
                    open.level = open.level.max(Some(told.level));
                }
                None => {
                    let (from, who) = told.from;
                    let both = [(from, &who), (at, &visit.who)];
                    let mut verdict = Verdict::over(at, both.into_iter());
                    verdict.level = Some(told.level);
                    verdict.because = Some(told.because);
                    state.open = Some(verdict);
                }
            }
        }
        state.note(at, visit, self.forget_days);
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        let last = state.been.iter().map(|been| been.last.time).max();
        last.is_none_or(|last| last.plus_nanos(self.forget_days.saturating_mul(DAY)) < from)
    }
}

impl Behaviour for ImpossibleTravel {
    const SHEET: Sheet = Sheet {
        id: "ambit.impossible_travel",
        title: "An account in two places, too far apart for the time between",
        level: Level::Medium,
        attack: &["T1078"],
        doc: "An account is used in two places that are further apart than an airliner flies in the time between, the \
              radius of each taken off twice; low where it is the same client. It looks for nothing without a database \
              of places. Networks of VPNs, and places in which the account is on three days, are left alone.",
        budget: "Medium: one a week for each hundred accounts whose VPNs nobody has listed, one a month where they are.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Visit)) {
        let event = seen.event;
        let Some(account) = seen.account() else { return };
        // Whoever was refused is somebody else more often than not.
        let is_refused = matches!(event.outcome, Outcome::Failure | Outcome::Denied);
        let Some(place) = seen.place().filter(|_| !is_refused) else {
            return;
        };
        let address = seen.address().and_then(ip);
        let is_egress = address.is_some_and(|ip| self.egress.iter().any(|network| network.0.contains(&ip)));
        let is_failed = seen.login().is_some_and(|login| !login.is_success);
        let Some(spot) = place.spot.filter(|_| !is_egress && !is_failed) else {
            return;
        };
        let client = event.device.as_deref().or(event.user_agent.as_deref());
        let visit = Visit {
            who: seen.who(),
            spot,
            country: place.country,
            client: client.filter(|text| !text.is_empty()).map(hash),
            precision: event.precision.max(0),
        };
        give(key(&[&account]), visit);
    }
}
