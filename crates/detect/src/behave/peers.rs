//! What others do: how many different things the principals of a route reach in their busiest hours.
//!
//! An event is compared with hours that lie so far back that nothing of them can still arrive, so the same figures
//! come of any order of arrival within the allowed lateness.

use super::seen::hash;
use crate::stream::{Clock, Key, Stamp};
use ambit_event::Timestamp;
use cardinality_estimator::CardinalityEstimator;
use std::collections::{BTreeMap, HashMap};

const HOUR: i64 = 3600 * 1_000_000_000;
/// Hours of history that are compared with.
const HISTORY: i64 = 72;
/// Principals of an hour that are counted: those with the smallest hashes, which is a sample by chance, and the same
/// one in every hour.
const MOST_SAMPLED: usize = 48;
/// Fewer others than this say nothing of what is usual.
const LEAST_PEERS: usize = 5;
/// Routes that are known; of more, the tenth of which nothing was seen for longest is given up, and counted.
const MOST_ROUTES: usize = 1_000;

/// The busiest hours of others: nine tenths of them reached no more than this in any hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usual {
    pub n: usize,
    pub n_peers: usize,
}

/// How many different things one principal reached in an hour.
enum Count {
    Open(CardinalityEstimator<u64>),
    /// Nothing more can come.
    Done(u32),
}

impl Count {
    fn n(&self) -> u32 {
        match self {
            Self::Open(different) => u32::try_from(different.estimate()).unwrap_or(u32::MAX),
            Self::Done(n) => *n,
        }
    }
}

#[derive(Default)]
struct Route {
    hours: BTreeMap<i64, BTreeMap<u64, Count>>,
    newest: Timestamp,
    /// The hour up to which nothing more can come.
    settled: i64,
    /// The history before an hour.
    before: Option<(i64, History)>,
}

/// The busiest hour of each principal.
struct History {
    busiest: BTreeMap<u64, u32>,
    /// The same numbers, the lowest first.
    sorted: Vec<u32>,
}

impl History {
    /// How many others there are, and what nine tenths of them reached at most.
    fn others(&self, own: u64) -> Option<Usual> {
        let own = self.busiest.get(&own);
        let n_peers = self.sorted.len() - usize::from(own.is_some());
        let nth = (n_peers * 9).div_ceil(10).saturating_sub(1);
        // One's own is not among them.
        let own_place = own.map_or(usize::MAX, |own| self.sorted.partition_point(|n| n < own));
        let n = self.sorted.get(nth + usize::from(nth >= own_place));
        n.filter(|_| n_peers >= LEAST_PEERS).map(|n| Usual {
            n: *n as usize,
            n_peers,
        })
    }
}

/// All routes.
#[derive(Default)]
pub(crate) struct Peers {
    routes: HashMap<Key, Route>,
    n_evicted: u64,
}

impl Peers {
    pub fn n_evicted(&self) -> u64 {
        self.n_evicted
    }

    /// What was usual on a route for others than this principal, until a while before an instant. `None` where too few
    /// are known.
    pub fn usual(&mut self, route: &Key, principal: &str, at: Stamp, clock: &Clock) -> Option<Usual> {
        let until = at.time.0.div_euclid(HOUR) - lag(clock);
        self.routes.get_mut(route)?.before(until).others(hash(principal))
    }

    /// Takes in that a principal reached something. What comes too late is left out here as elsewhere, and so is a date
    /// so far ahead that nobody believes it.
    pub fn note(&mut self, route: &Key, principal: &str, subject: u64, at: Stamp, clock: &Clock) {
        if at.time < clock.horizon() || at.time > clock.now() {
            return;
        }
        if !self.routes.contains_key(route) {
            if self.routes.len() >= MOST_ROUTES {
                self.make_room();
            }
            self.routes.insert(route.clone(), Route::default());
        }
        if let Some(route) = self.routes.get_mut(route) {
            route.note(hash(principal), subject, at.time, clock);
        }
    }

    fn make_room(&mut self) {
        let mut by_age: Vec<(Timestamp, Key)> = self
            .routes
            .iter()
            .map(|(key, route)| (route.newest, key.clone()))
            .collect();
        by_age.sort();
        for (_, key) in by_age.into_iter().take(MOST_ROUTES / 10) {
            self.routes.remove(&key);
            self.n_evicted += 1;
        }
    }
}

impl Route {
    fn note(&mut self, principal: u64, subject: u64, at: Timestamp, clock: &Clock) {
        let hour = at.0.div_euclid(HOUR);
        let open = clock.horizon().0.div_euclid(HOUR);
        if open > self.settled {
            self.settle(open, lag(clock));
        }
        self.newest = self.newest.max(at);
        let sample = self.hours.entry(hour).or_default();
        if sample.len() >= MOST_SAMPLED && !sample.contains_key(&principal) {
            if sample.last_key_value().is_none_or(|(last, _)| *last < principal) {
                return;
            }
            sample.pop_last();
        }
        let count = sample
            .entry(principal)
            .or_insert_with(|| Count::Open(CardinalityEstimator::default()));
        if let Count::Open(different) = count {
            different.insert(&subject);
        }
    }

    /// Closes the hours of which nothing can come any more, and forgets those that nobody compares with.
    fn settle(&mut self, open: i64, lag: i64) {
        self.settled = open;
        let oldest = open - lag - HISTORY;
        self.hours.retain(|hour, _| *hour >= oldest);
        for (_, sample) in self.hours.range_mut(..open) {
            for count in sample.values_mut() {
                *count = Count::Done(count.n());
            }
        }
    }

    fn before(&mut self, until: i64) -> &History {
        if self.before.as_ref().is_some_and(|(known, _)| *known != until) {
            self.before = None;
        }
        let hours = &self.hours;
        let (_, history) = self.before.get_or_insert_with(|| {
            let mut busiest: BTreeMap<u64, u32> = BTreeMap::new();
            for (principal, count) in hours.range(until - HISTORY..until).flat_map(|(_, sample)| sample) {
                let most = busiest.entry(*principal).or_default();
                *most = (*most).max(count.n());
            }
            // Whoever is in the sample of all these hours is in the sample of each in which it was there.
            while busiest.len() > MOST_SAMPLED {
                busiest.pop_last();
            }
            let mut sorted: Vec<u32> = busiest.values().copied().collect();
            sorted.sort_unstable();
            (until, History { busiest, sorted })
        });
        history
    }
}

/// Hours between an event and the history that it is compared with: more than an event may be late.
fn lag(clock: &Clock) -> i64 {
    let lateness = clock.now().0.saturating_sub(clock.horizon().0);
    (lateness.div_euclid(HOUR) + 1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::EventId;

    fn at(hour: i64) -> Stamp {
        Stamp {
            time: Timestamp(hour * HOUR),
            id: EventId::default(),
            part: 0,
        }
    }

    #[test]
    fn what_is_usual_is_what_nine_tenths_of_the_others_did() {
        let (mut peers, mut clock) = (Peers::default(), Clock::new(0));
        let route: Key = ["s".into(), "r".into()].into();
        for hour in 100..105 {
            clock.see(at(hour).time);
            for clerk in 0..9_u64 {
                for subject in 0..=clerk {
                    peers.note(&route, &format!("clerk {clerk}"), subject, at(hour), &clock);
                }
            }
            for subject in 0..500 {
                peers.note(&route, "batch", subject, at(hour), &clock);
            }
        }
        let usual = |peers: &mut Peers, who: &str, hour: i64| peers.usual(&route, who, at(hour), &clock);
        assert_eq!(usual(&mut peers, "new", 110), Some(Usual { n: 9, n_peers: 10 }));
        // Estimated, beyond a hundred.
        let of_nine = usual(&mut peers, "clerk 8", 110);
        assert!(of_nine.is_some_and(|usual| (450..550).contains(&usual.n) && usual.n_peers == 9));
        assert_eq!(usual(&mut peers, "new", 102), None, "too near");
        assert_eq!(usual(&mut peers, "new", 110 + HISTORY), None, "too long ago");
    }

    #[test]
    fn many_principals_and_routes_are_sampled_and_counted() {
        let (mut peers, mut clock) = (Peers::default(), Clock::new(0));
        clock.see(at(100).time);
        let route: Key = ["s".into(), "r".into()].into();
        for nth in 0..10_000 {
            peers.note(&route, &format!("customer {nth}"), nth, at(100), &clock);
        }
        let usual = peers.usual(&route, "new", at(110), &clock);
        assert_eq!(
            usual.map(|usual| (usual.n, usual.n_peers)),
            Some((1, MOST_SAMPLED))
        );
        for nth in 0..3 * MOST_ROUTES {
            let route: Key = ["s".into(), format!("r{nth}").into()].into();
            peers.note(&route, "a", 1, at(100), &clock);
        }
        assert!(peers.routes.len() <= MOST_ROUTES && peers.n_evicted() > 0);
    }
}
