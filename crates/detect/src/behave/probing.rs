//! One address asks for much that is not there, or is refused again and again.

use super::recent::{Recent, folds_recent};
use super::seen::{Seen, hash, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Who};
use ambit_event::{Level, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Probing {
    /// Different paths that were refused within `quick_secs`; a program's path counts twice.
    quick: u32,
    quick_secs: i64,
    /// The same within `slow_secs`.
    slow: u32,
    slow_secs: i64,
    /// From so many on it is more than low, where hardly anything was found.
    many: u32,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            quick: 5,
            quick_secs: 60,
            slow: 30,
            slow_secs: 1800,
            many: 60,
        }
    }
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    who: Arc<Who>,
    what: u64,
    /// 0 where it was found.
    weight: u32,
}

/// What browsers ask for beside pages.
const STATIC: [&str; 14] = [
    "css", "js", "map", "png", "jpg", "jpeg", "gif", "svg", "ico", "woff", "woff2", "ttf", "webp", "mp4",
];
const PROGRAMS: [&str; 10] = [
    "php", "asp", "aspx", "jsp", "cgi", "pl", "cfm", "do", "action", "exe",
];

impl Fold for Probing {
    type Member = Answer;
    type State = Recent<(u64, u32)>;

    fn step(&self, state: &mut Self::State, at: Stamp, answer: &Answer, out: &mut Out) {
        state.push(at, &answer.who, (answer.what, answer.weight), self.slow_secs, out);
        if answer.weight == 0 {
            return;
        }
        let n_quick = state.n_within(at.time, self.quick_secs);
        let (mut quick, mut slow, mut n_found) = (BTreeMap::new(), BTreeMap::new(), 0_u32);
        for (nth, (_, (what, weight))) in state.iter().rev().enumerate() {
            if *weight == 0 {
                n_found += 1;
                continue;
            }
            if nth < n_quick {
                quick.insert(*what, *weight);
            }
            slow.insert(*what, *weight);
        }
        let sum = |weights: &BTreeMap<u64, u32>| weights.values().sum::<u32>();
        let (quick, slow) = (sum(&quick), sum(&slow));
        let holds = quick >= self.quick || slow >= self.slow;
        state.note(
            holds,
            at,
            &answer.who,
            self.slow_secs,
            |(_, weight)| *weight > 0,
            out,
        );
        if let Some(open) = &mut state.open {
            if slow >= self.many && n_found * 4 < slow {
                open.level = Some(Level::Medium);
            }
            open.because = Some(format!(
                "{} requests for what is not there or is refused",
                open.n_events
            ));
        }
    }

    folds_recent!(slow_secs);
}

impl Behaviour for Probing {
    const SHEET: Sheet = Sheet {
        id: "ambit.probing",
        title: "Asking for what is not there",
        level: Level::Low,
        attack: &["T1595.003"],
        doc: "From one address many different paths that do not exist or are forbidden, malformed requests, or refusals \
              by the server's own limits, within a minute or half an hour.",
        budget: "Low: one a day for each crawler and each broken page. Medium: one a month.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Answer)) {
        let event = seen.event;
        let Some(address) = seen.address() else { return };
        let status = event
            .status_code
            .as_deref()
            .and_then(|code| code.parse::<u16>().ok());
        let each = || hash((event.time, event.id));
        let (what, weight) = match (seen.class(), status, event.resource.as_deref()) {
            // What is no request at all: each counts.
            ("http_activity", Some(400), None) => (each(), 2),
            ("http_activity", Some(400), Some(path)) => {
                (hash((path, &event.query_text, &event.user_agent)), weight(path))
            }
            ("http_activity", Some(403..=405 | 414 | 444), Some(path)) => {
                (hash((path, &event.query_text)), weight(path))
            }
            ("http_activity", Some(200..=399), _) => (0, 0),
            // A server's own word that it refuses: each counts.
            ("application_error", ..) if event.outcome == Outcome::Denied => (each(), 2),
            _ => return,
        };
        let is_missing_picture = weight == 0 && status.is_some_and(|status| status >= 400);
        if !is_missing_picture {
            let who = seen.who();
            give(key(&[address]), Answer { who, what, weight });
        }
    }
}

fn weight(path: &str) -> u32 {
    let path = path.split('?').next().unwrap_or(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let is_one = |ends: &[&str]| ends.iter().any(|one| end.eq_ignore_ascii_case(one));
    if is_one(&STATIC) && name != "robots.txt" {
        0
    } else if is_one(&PROGRAMS) {
        2
    } else {
        1
    }
}
