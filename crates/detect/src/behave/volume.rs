//! One principal takes far more data out than it ever did.

use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, MOST_LISTED, Out, Stamp, Verdict, Who};
use ambit_event::{Level, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const HOUR: i64 = 3600 * 1_000_000_000;
const LONGEST: i64 = 30 * 24 * HOUR;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// Bytes in an hour below which nothing is told.
    bytes: u64,
    /// Records in an hour, the same.
    records: u64,
    /// So many times the most of any hour before.
    times: f64,
    /// Hours of history that it takes.
    hours: u32,
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            bytes: 50 << 20,
            records: 10_000,
            times: 5.0,
            hours: 4,
        }
    }
}

/// What an event took out.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    who: Arc<Who>,
    /// Whether more than an address is known of who acts: anybody may take what is public.
    is_known: bool,
    bytes: u64,
    records: u64,
}

#[derive(Debug, Clone, Default)]
pub struct State {
    hour: i64,
    now: (u64, u64),
    most: (u64, u64),
    n_hours: u32,
    members: Vec<(Stamp, Arc<Who>)>,
    open: Option<Verdict>,
    last: Option<Timestamp>,
}

impl Volume {
    fn is_much(&self, state: &State) -> bool {
        let most = |most: u64, least: u64| (self.times * most as f64).max(least as f64);
        let ((bytes, records), before) = (state.now, state.most);
        state.n_hours >= self.hours
            && (bytes as f64 >= most(before.0, self.bytes) || records as f64 >= most(before.1, self.records))
    }
}

impl Fold for Volume {
    type Member = Load;
    type State = State;

    fn step(&self, state: &mut State, at: Stamp, load: &Load, out: &mut Out) {
        let hour = at.time.0.div_euclid(HOUR);
        if hour != state.hour {
            state.most = (state.most.0.max(state.now.0), state.most.1.max(state.now.1));
            state.n_hours = state.n_hours.saturating_add(u32::from(state.last.is_some()));
            (state.now, state.hour) = ((0, 0), hour);
            state.members.clear();
            out.closed.extend(state.open.take());
        }
        state.last = Some(at.time);
        state.now.0 = state.now.0.saturating_add(load.bytes);
        state.now.1 = state.now.1.saturating_add(load.records);
        if state.members.len() < MOST_LISTED {
            state.members.push((at, Arc::clone(&load.who)));
        }
        let is_much = self.is_much(state);
        match &mut state.open {
            Some(open) => open.add(at, &load.who),
            None if is_much => {
                let members = state.members.iter().map(|(at, who)| (*at, who));
                state.open = Some(Verdict::over(at, members));
            }
            None => {}
        }
        if let Some(open) = &mut state.open {
            open.level = (!load.is_known).then_some(Level::Low);
            open.because = Some(format!(
                "{} bytes and {} records in an hour; at most {} and {} in any hour before",
                state.now.0, state.now.1, state.most.0, state.most.1
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

impl Behaviour for Volume {
    const SHEET: Sheet = Sheet {
        id: "ambit.data_volume",
        title: "Far more data than ever",
        level: Level::Medium,
        attack: &["T1048"],
        doc: "An account, session, key or address takes five times as many bytes or records in an hour as in any hour \
              before, and at least 50 MiB or 10,000 records, after four hours of history. Low where only an address is known.",
        budget: "One a month for each hundred accounts of staff and programs.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Load)) {
        let event = seen.event;
        let amount = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let (bytes, records) = (amount(event.bytes_out), amount(event.record_count));
        let Some(principal) = seen.principal().filter(|_| bytes + records > 0) else {
            return;
        };
        let load = Load {
            who: seen.who(),
            is_known: seen.address() != Some(&*principal),
            bytes,
            records,
        };
        give(key(&[&event.source, &principal]), load);
    }
}
