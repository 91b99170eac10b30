//! One principal reaches unusually many different subjects by one operation, against its own history.

use super::seen::{Seen, hash, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Outcome, Timestamp};
use cardinality_estimator::CardinalityEstimator;
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::Arc;

const HOUR: i64 = 3600 * 1_000_000_000;
/// Hours with something in them that are remembered.
const MOST_HOURS: usize = 72;
/// Nothing of it is remembered for longer.
const LONGEST: i64 = 30 * 24 * HOUR;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ManySubjects {
    /// Different subjects in an hour below which nothing is told.
    least: usize,
    /// The same where there is too little history to compare with, and of a table of a source that is watched for
    /// `watched_hours`.
    unknown: usize,
    unknown_of_table: usize,
    watched_hours: i64,
    /// So many times the most of any hour before.
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
    age: i64,
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
        match state.before.len() >= self.hours {
            true => {
                let most = state.before.iter().copied().max().unwrap_or(0);
                self.least.max((self.times * most as f64) as usize)
            }
            false if reached.is_table && is_watched => self.unknown_of_table,
            false => self.unknown,
        }
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
            open.because = Some(format!(
                "{n} different subjects in an hour; at most {before} in any of {} hours before",
                state.before.len()
            ));
        }
    }

    fn open<'s>(&self, state: &'s State) -> Option<&'s Verdict> {
        state.open.as_ref()
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
              any hour before, and at least 20; without a history 100, or 20 of a table. Of a statement the different \
              parameters count.",
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
            age: seen.age,
        };
        give(key(&[&event.source, &principal, resource]), reached);
    }
}

/// What the subjects are of: the table, or the operation.
fn place(event: &ambit_event::Event) -> Option<&str> {
    match event.class.as_deref() {
        Some("datastore_activity") => event.resource.as_deref().or(event.operation.as_deref()),
        _ => event.operation.as_deref(),
    }
}
