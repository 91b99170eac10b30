//! When it happened, and how far the clocks that say so differ.

use super::found::first_noticed;
use super::{Parts, in_order};
use crate::account::operation_text;
use crate::control::Rule;
use crate::held::ended_at;
use crate::map::DataMap;
use crate::trace::{Carried, Trace};
use crate::{Grade, Timeline, TimelineEntry};
use ambit_event::Outcome;
use std::collections::BTreeMap;

const MOST_ENTRIES: usize = 1_000;

impl Parts<'_> {
    pub(super) fn timeline(&self, trace: &Trace<'_>) -> Timeline {
        let sure: Vec<&Carried> = in_order(trace)
            .into_iter()
            .filter(|c| c.grade > Grade::Possible)
            .collect();
        let requests: Vec<&&Carried> = sure
            .iter()
            .filter(|c| c.event.outcome != Outcome::Denied)
            .collect();
        let noticeable = sure.first();
        let possible: Vec<&Carried> = in_order(trace)
            .into_iter()
            .filter(|c| c.grade == Grade::Possible && c.event.outcome != Outcome::Denied)
            .collect();
        let sure_facts = trace.control.facts().filter(|f| f.grade > Grade::Possible);
        let from = sure_facts.map(|f| f.span.from).min();
        let window = self.coverage.window;
        let entries: Vec<TimelineEntry> = in_order(trace)
            .into_iter()
            .filter(|c| self.shows(c.event.time))
            .map(entry)
            .collect();
        let (first_noticed, first_noticed_because) = first_noticed(trace, self.findings);
        Timeline {
            first_activity: requests.first().map(|c| c.event.time),
            last_activity: requests.last().map(|c| c.event.time),
            first_possible: possible.first().map(|c| c.event.time),
            last_possible: possible.last().map(|c| c.event.time),
            control_from: from.map(|at| window.map_or(at, |w| at.max(w.from))),
            control_until: ended_at(trace),
            first_noticeable: noticeable.map(|c| c.event.time),
            first_noticeable_because: noticeable
                .map_or("nothing is attributed as more than possible".to_owned(), |c| {
                    why_noticeable(trace, c)
                }),
            first_noticed,
            first_noticed_because,
            n_entries: entries.len() as u64,
            entries: entries.into_iter().take(MOST_ENTRIES).collect(),
        }
    }
}

fn entry(c: &Carried) -> TimelineEntry {
    let e = &c.event;
    let what = operation_text(e);
    let text = match (&e.status_code, &e.src_ip) {
        (Some(status), Some(ip)) => format!("{what} → {status} from {ip}"),
        (None, Some(ip)) => format!("{what} from {ip}"),
        (Some(status), None) => format!("{what} → {status}"),
        (None, None) => what,
    };
    TimelineEntry {
        event: e.id,
        time: e.time,
        grade: c.grade,
        source: e.source.clone(),
        text,
    }
}

/// Why a look at the logs would have shown it.
fn why_noticeable(trace: &Trace<'_>, c: &Carried) -> String {
    let new_origin = trace.control.facts().any(|f| {
        Some(&f.observable.value) == c.event.src_ip.as_ref()
            && trace.control.rule_of(f.hop) == Rule::NewOrigin.name()
    });
    match new_origin && trace.knows_home(&c.event) {
        true => "from here on the session came from an address that its owner had never used".to_owned(),
        false => "the first event that is more than possibly the intruder's".to_owned(),
    }
}

/// Differences between the clocks of sources that share trace ids, as the attributed events show them.
pub(super) fn clock_skew(trace: &Trace<'_>, map: &DataMap) -> Vec<String> {
    let mut stamps: BTreeMap<&str, &Carried> = BTreeMap::new();
    for c in trace
        .attributed
        .values()
        .filter(|c| map.trust.trace.contains(&c.event.source))
    {
        if let Some(id) = c.event.trace.as_deref() {
            stamps.insert(id, c);
        }
    }
    let mut spread: BTreeMap<(&str, &str), (i64, i64, u64)> = BTreeMap::new();
    for c in trace.attributed.values() {
        let Some(stamp) = c
            .event
            .trace
            .as_deref()
            .and_then(|id| stamps.get(id))
            .filter(|s| s.event.source != c.event.source)
        else {
            continue;
        };
        let delta = c.event.time.0.saturating_sub(stamp.event.time.0);
        let (least, most, n) = spread
            .entry((&stamp.event.source, &c.event.source))
            .or_insert((delta, delta, 0));
        *least = (*least).min(delta);
        *most = (*most).max(delta);
        *n += 1;
    }
    let ms = |nanos: i64| nanos as f64 / 1e6;
    spread
        .into_iter()
        .map(|((a, b), (least, most, n))| {
            format!(
                "{b} runs {:.0} to {:.0} ms after {a}, over {n} shared requests",
                ms(least),
                ms(most)
            )
        })
        .collect()
}
