//! One principal reaches unusually many different subjects by one operation, against its own history and what its
//! peers do: the others who use the same operation, on the same data classes where the record names them.

use super::peers::{Peers, Usual};
use super::seen::{Seen, hash, key};
use super::{Behaviour, Sheet, Watch, changes, stamp};
use crate::stream::{Change, Clock, Fold, Key, Keyed, Limits, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Outcome, Timestamp};
use cardinality_estimator::CardinalityEstimator;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

const HOUR: i64 = 3600 * 1_000_000_000;
/// Hours with something in them that are remembered.
const MOST_HOURS: usize = 72;
/// Nothing of it is remembered for longer.
const LONGEST: i64 = 30 * 24 * HOUR;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ManySubjects {
    /// Different subjects in an hour below which nothing is told.
    least: usize,
    /// The same where there is too little history to compare with, and of a table of a source that is watched for
    /// `watched_hours`.
    unknown: usize,
    unknown_of_table: usize,
    watched_hours: i64,
    /// The same where peers are known, and it is no bare address.
    unknown_of_peers: usize,
    /// So many times the most of any hour before; without a history, of what is usual among peers.
    times: f64,
    /// Hours of history that it takes.
    hours: usize,
}

impl Default for ManySubjects {
    fn default() -> Self {
        Self {
            least: 20,
            unknown: 100,
            unknown_of_table: 20,
            watched_hours: 12,
            unknown_of_peers: 40,
            times: 3.0,
            hours: 4,
        }
    }
}

/// A subject that was reached.
#[derive(Debug, Clone)]
pub(crate) struct Reached {
    who: Arc<Who>,
    subject: u64,
    is_table: bool,
    /// Whether more than an address is known of who reached it.
    is_known: bool,
    age: i64,
    /// What others do.
    peers: Option<Usual>,
}

#[derive(Clone, Default)]
pub struct State {
    hour: i64,
    /// How many different ones in this hour: counted up to some hundred, estimated beyond.
    subjects: CardinalityEstimator<u64>,
    members: Vec<(Stamp, Arc<Who>)>,
    before: VecDeque<usize>,
    open: Option<Verdict>,
    last: Option<Timestamp>,
}

impl ManySubjects {
    fn most(&self, state: &State, reached: &Reached) -> usize {
        let is_watched = reached.age >= self.watched_hours.saturating_mul(HOUR);
        let times = |n: usize| (self.times * n as f64) as usize;
        if state.before.len() >= self.hours {
            let most = state.before.iter().copied().max().unwrap_or(0);
            return self.least.max(times(most));
        }
        let alone = match reached.is_table && is_watched {
            true => self.unknown_of_table,
            false => self.unknown,
        };
        match reached.peers {
            Some(usual) if reached.is_known => times(usual.n).max(self.unknown_of_peers.min(alone)),
            // Behind an address may be many.
            Some(usual) => times(usual.n).max(alone),
            None => alone,
        }
    }

    /// What others do as well weighs little, however new it is for this one.
    fn level(n: usize, reached: &Reached) -> Option<Level> {
        let is_usual = reached
            .peers
            .is_some_and(|usual| n <= usual.n.saturating_add(usual.n / 2));
        is_usual.then_some(Level::Low)
    }
}

impl Fold for ManySubjects {
    type Member = Reached;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, reached: &Reached, out: &mut Out) {
        let hour = at.time.0.div_euclid(HOUR);
        if hour != state.hour {
            let n = state.subjects.estimate();
            if n > 0 {
                state.before.push_back(n);
            }
            if state.before.len() > MOST_HOURS {
                state.before.pop_front();
            }
            state.subjects = CardinalityEstimator::default();
            state.members.clear();
            state.hour = hour;
            out.closed.extend(state.open.take());
        }
        state.last = Some(at.time);
        state.subjects.insert(&reached.subject);
        if state.members.len() < crate::stream::MOST_LISTED {
            state.members.push((at, Arc::clone(&reached.who)));
        }
        let (n, most) = (state.subjects.estimate(), self.most(state, reached));
        match &mut state.open {
            Some(open) => open.add(at, &reached.who),
            None if n >= most => {
                let members = state.members.iter().map(|(at, who)| (*at, who));
                state.open = Some(Verdict::over(at, members));
            }
            None => {}
        }
        if let Some(open) = &mut state.open {
            let before = state.before.iter().max().copied().unwrap_or(0);
            let peers = reached.peers.map_or(String::new(), |usual| {
                let Usual { n, n_peers } = usual;
                format!("; nine in ten of {n_peers} others reach at most {n}")
            });
            open.because = Some(format!(
                "{n} different subjects in an hour; at most {before} in any of {} hours before{peers}",
                state.before.len()
            ));
            open.level = Self::level(n, reached);
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
    }

    fn slim(&self, state: &mut State, from: Timestamp) {
        // Of an hour that is over the number alone is compared with.
        if state.hour < from.0.div_euclid(HOUR) {
            state.members = Vec::new();
        }
    }

    fn is_spent(&self, state: &State, from: Timestamp) -> bool {
        state.last.is_none_or(|last| last.plus_nanos(LONGEST) < from)
    }
}

impl Behaviour for ManySubjects {
    const SHEET: Sheet = Sheet {
        id: "ambit.many_subjects",
        title: "Unusually many subjects reached",
        level: Level::Medium,
        attack: &["T1213"],
        doc: "One account, session or key reaches by one operation three times as many different things in an hour as in \
              any hour before, and at least 20; without a history 100, or 20 of a table, or three times what is usual \
              among its peers, and at least 40. Low where peers reach as many. Of a statement the different parameters \
              count.",
        budget: "One a month for each hundred members of staff and each new program.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Reached)) {
        let event = seen.event;
        if matches!(event.outcome, Outcome::Failure | Outcome::Denied) {
            return;
        }
        let operation = event.operation.as_deref().unwrap_or("");
        let subject = match seen.class() {
            _ if !event.subject_refs.is_empty() => hash(&event.subject_refs),
            "datastore_activity" if event.activity.as_deref() == Some("SELECT") => {
                hash((&event.query_text, &event.parameters))
            }
            "http_activity" | "api_activity" | "file_hosting" if operation.contains('{') => {
                hash(&event.resource)
            }
            _ => return,
        };
        let (Some(principal), Some(resource)) = (seen.principal(), place(event)) else {
            return;
        };
        let reached = Reached {
            who: seen.who(),
            subject,
            is_table: seen.class() == "datastore_activity",
            is_known: seen.address() != Some(&*principal),
            age: seen.age(),
            peers: None,
        };
        let mut classes: Vec<&str> = event.data_classes.iter().map(String::as_str).collect();
        classes.sort_unstable();
        give(
            key(&[&event.source, &principal, resource, &classes.join(",")]),
            reached,
        );
    }

    fn watch(self, most_groups: usize) -> Box<dyn Watch> {
        Box::new(Compared {
            keyed: Keyed::new(Self::SHEET.id, self, most_groups),
            peers: Peers::default(),
        })
    }
}

/// The behaviour at work, and what it learns of everybody.
struct Compared {
    keyed: Keyed<ManySubjects>,
    peers: Peers,
}

impl Watch for Compared {
    fn sheet(&self) -> Sheet {
        ManySubjects::SHEET
    }

    fn take(&mut self, seen: &Seen<'_>, clock: &Clock) -> Vec<Change> {
        let mut found = None;
        let mut give = |key: Key, reached: Reached| found = Some((key, reached));
        self.keyed.fold.members(seen, &mut give);
        let Some((key, mut reached)) = found else {
            return Vec::new();
        };
        let at = stamp(seen, 0);
        if let [source, principal, place, classes] = &*key {
            let route: Key = [source.clone(), place.clone(), classes.clone()].into();
            reached.peers = self.peers.usual(&route, principal, at, clock);
            self.peers.note(&route, principal, reached.subject, at, clock);
        }
        changes(self.keyed.take(&key, at, reached, clock))
    }

    fn sweep(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.keyed.sweep(clock))
    }

    fn catch_up(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.keyed.catch_up(clock))
    }

    fn finish(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.keyed.finish(clock))
    }

    fn limits(&self) -> Limits {
        let mut limits = self.keyed.limits();
        limits.n_evicted += self.peers.n_evicted();
        limits
    }
}

/// What the subjects are of: the table, or the operation.
fn place(event: &ambit_event::Event) -> Option<&str> {
    match event.class.as_deref() {
        Some("datastore_activity") => event.resource.as_deref().or(event.operation.as_deref()),
        _ => event.operation.as_deref(),
    }
}
