//! Why an answer can exclude nobody, whatever the records say.

use crate::Seed;
use crate::map::DataMap;
use crate::trace::Trace;
use ambit_lake::Coverage;

/// A reason for which no upper bound is known, and what would take it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    pub why: String,
    pub would_settle: &'static str,
}

/// All the reasons, the gravest first; none where the answer stands.
#[must_use]
pub fn unanswered(
    seeds: &[Seed],
    map: Option<&DataMap>,
    trace: &Trace<'_>,
    coverage: &Coverage,
) -> Vec<Unanswered> {
    let no_evidence = no_evidence(coverage);
    let nothing_traced = match no_evidence {
        Some(_) => None,
        None => only_methods(seeds).or_else(|| none_is_named(seeds, trace)),
    };
    let reasons = [no_evidence, nothing_traced, map.and_then(without_stores)];
    reasons.into_iter().flatten().collect()
}

fn no_evidence(coverage: &Coverage) -> Option<Unanswered> {
    coverage
        .streams
        .iter()
        .all(|s| s.n_events == 0)
        .then(|| Unanswered {
            why: "there is no evidence: the lake holds no event".to_owned(),
            would_settle: "the logs of that time: `ambit ingest` reads them",
        })
}

/// A method reaches nobody by itself: many may use the same version or route.
fn only_methods(seeds: &[Seed]) -> Option<Unanswered> {
    seeds.iter().all(Seed::is_method).then(|| Unanswered {
        why: format!(
            "nothing is traced from {}: it names a method, and nothing that the intruder held",
            listed(seeds.iter())
        ),
        would_settle: "a seed that the intruder held, such as a session, an account or an address",
    })
}

fn none_is_named(seeds: &[Seed], trace: &Trace<'_>) -> Option<Unanswered> {
    let held = || seeds.iter().filter(|s| !s.is_method());
    let nothing = held().all(|s| trace.unseen.contains(s));
    nothing.then(|| Unanswered {
        why: format!("no record names {}, so nothing was traced", listed(held())),
        would_settle: "a seed that records name: check its kind, its spelling and its time, whether a session or token is the value or fingerprint that these logs hold, and whether the logs of that time were ingested",
    })
}

/// Without a store a map reaches nobody, whatever it says besides.
fn without_stores(map: &DataMap) -> Option<Unanswered> {
    map.stores.is_empty().then(|| Unanswered {
        why: "the data map names no store, so nothing says which operations reach whose data".to_owned(),
        would_settle: "a data map with stores: `ambit map init` proposes one from the logs",
    })
}

/// The first few, the others counted.
fn listed<'s>(seeds: impl Iterator<Item = &'s Seed>) -> String {
    const MOST: usize = 4;
    let names: Vec<String> = seeds.map(|s| s.observable.to_string()).collect();
    let more = match names.len().saturating_sub(MOST) {
        0 => String::new(),
        n => format!(" and {n} more seeds"),
    };
    let shown: Vec<String> = names.into_iter().take(MOST).collect();
    format!("{}{more}", shown.join(", "))
}
