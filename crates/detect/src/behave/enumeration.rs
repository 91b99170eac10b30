//! One principal counts through the ids of an operation.

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
pub struct Enumeration {
    /// Different ids within `within_secs`.
    ids: usize,
    within_secs: i64,
    /// The least share of them that follow each other.
    in_a_row: f64,
    /// Or the least share that are not there or are refused, of so many ids.
    missed: f64,
    missed_ids: usize,
}

impl Default for Enumeration {
    fn default() -> Self {
        Self {
            ids: 10,
            within_secs: 900,
            in_a_row: 0.7,
            missed: 0.4,
            missed_ids: 6,
        }
    }
}

/// A request for one thing of many.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    who: Arc<Who>,
    what: u64,
    /// Its number, where the id is one.
    number: Option<u64>,
    is_missed: bool,
}

/// Numbers that lie no further apart follow each other.
const NEAR: u64 = 3;

impl Fold for Enumeration {
    type Member = Asked;
    type State = Recent<Asked>;

    fn step(&self, state: &mut Self::State, at: Stamp, asked: &Asked, out: &mut Out) {
        state.push(at, &asked.who, asked.clone(), self.within_secs, out);
        let distinct: BTreeMap<u64, (Option<u64>, bool)> = state
            .iter()
            .map(|(_, asked)| (asked.what, (asked.number, asked.is_missed)))
            .collect();
        let n = distinct.len();
        let missed = distinct.values().filter(|(_, is_missed)| *is_missed).count();
        let mut numbers: Vec<u64> = distinct.values().filter_map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let near = numbers
            .windows(2)
            .filter(|pair| pair[1] - pair[0] <= NEAR)
            .count();
        let is_row = near as f64 >= self.in_a_row * n.saturating_sub(1) as f64;
        let is_guessing = n >= self.missed_ids && missed as f64 >= self.missed * n as f64;
        let holds = n >= self.ids && is_row || is_guessing;
        state.note(holds, at, &asked.who, self.within_secs, |_| true, out);
        if let Some(open) = &mut state.open {
            let how = if is_row {
                "one after the other"
            } else {
                "of which many are not there"
            };
            open.because = Some(format!("{} requests for {n} ids and more, {how}", open.n_events));
        }
    }

    folds_recent!(within_secs);
}

impl Behaviour for Enumeration {
    const SHEET: Sheet = Sheet {
        id: "ambit.id_enumeration",
        title: "Counting through ids",
        level: Level::Medium,
        attack: &["T1213"],
        doc: "One account, session or address asks one operation within a quarter of an hour for ten different ids that \
              follow each other, or for six of which many are not there.",
        budget: "One a month for each thousand accounts; programs that read a whole list by ids belong on the allow-list.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Asked)) {
        let event = seen.event;
        let (Some(principal), "http_activity") = (seen.principal(), seen.class()) else {
            return;
        };
        let operation = event.operation.as_deref().unwrap_or("");
        let query = event.query_text.as_deref().unwrap_or("");
        let path = event.resource.as_deref().unwrap_or("");
        // Pages ask for pictures by number, and lists for their next page.
        let (route, id) = match operation.contains('{') {
            true => (operation, path.rsplit('/').find(|part| is_id(part))),
            false => (path, query.split('&').find_map(told_id)),
        };
        let Some(id) = id else { return };
        let is_missed = match event.status_code.as_deref() {
            Some(status) => matches!(status, "403" | "404" | "410"),
            None => matches!(event.outcome, Outcome::Denied | Outcome::Failure),
        };
        let asked = Asked {
            who: seen.who(),
            what: hash(id),
            number: number(id),
            is_missed,
        };
        give(key(&[&principal, route]), asked);
    }
}

/// Parameters whose numbers say where one is, not what one asks for.
const PLACES: [&str; 14] = [
    "page", "p", "offset", "start", "limit", "size", "count", "from", "to", "v", "ver", "t", "_", "width",
];

fn told_id(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    let is_place = PLACES.iter().any(|place| name.eq_ignore_ascii_case(place));
    (!is_place && is_id(value)).then_some(value)
}

fn is_id(part: &str) -> bool {
    part.len() <= 64 && part.bytes().any(|b| b.is_ascii_digit()) && !part.contains('.')
}

/// The number that an id is, or ends with: `u-1042`.
fn number(id: &str) -> Option<u64> {
    let digits = id.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.get(..digits.len().min(18))?.parse().ok()
}
