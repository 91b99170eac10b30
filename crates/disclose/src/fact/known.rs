//! What persons signed beside what the logs know. A person may add what the logs do not see, never undo what they
//! show: a narrower number is not taken, and the conflict is told.

use super::{Beyond, Fact, Facts, Standing, Value, order, parts};
use crate::words::range;
use ambit_event::Timestamp;
use ambit_scope::Bounds;
use std::collections::BTreeSet;

/// Everything that is known, and where a person and the logs differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub facts: Facts,
    pub conflicts: Vec<Conflict>,
}

/// A signed fact that the logs do not carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub name: String,
    pub signed: Fact,
    pub because: String,
}

impl Known {
    /// Weighs what was signed, the newest of each name, with what the scope shows.
    #[must_use]
    pub fn of(standing: Option<&Standing<'_>>, signed: &Facts) -> Self {
        let shown = standing.map(Standing::facts).unwrap_or_default();
        let mut known = Self {
            facts: shown.clone(),
            conflicts: Vec::new(),
        };
        known.facts.widen_residents(beyond(&shown, signed));
        for (name, fact) in signed.iter() {
            let floor = standing.and_then(|standing| standing.certainly(name));
            let open = standing.map(|standing| standing.open(name)).unwrap_or_default();
            // A place that the table of residences does not list is bounded too.
            let bounded = || {
                let bounds = shown.residence_of(name)?;
                Some(Fact {
                    value: Value::Count(bounds),
                    provenance: fact.provenance.clone(),
                })
            };
            let beside = shown.get(name).cloned().or_else(bounded);
            known.weigh(name, beside.as_ref(), floor, &open, fact);
        }
        parts::raise(&mut known);
        known.conflicts.extend(order::disorders(&known.facts));
        known
    }

    fn weigh(
        &mut self,
        name: &str,
        shown: Option<&Fact>,
        floor: Option<BTreeSet<String>>,
        open: &BTreeSet<String>,
        signed: &Fact,
    ) {
        let weighed = match (shown.map(|fact| &fact.value), &signed.value) {
            (Some(Value::Count(shown)), Value::Count(said)) => count(shown, said),
            (Some(Value::Instant(shown)), Value::Instant(said)) => instant(name, *shown, *said),
            (Some(Value::Flag(true)), Value::Flag(false)) => {
                (None, Some("the logs show that it is so".to_owned()))
            }
            (_, Value::Words(said)) => words(said, floor.unwrap_or_default(), open),
            _ => (Some(signed.value.clone()), None),
        };
        let (value, because) = weighed;
        if let Some(because) = because {
            self.conflicts.push(Conflict {
                name: name.to_owned(),
                signed: signed.clone(),
                because,
            });
        }
        if let Some(value) = value {
            let fact = Fact {
                value,
                provenance: signed.provenance.clone(),
            };
            let taken = self.facts.set(name, fact);
            debug_assert_eq!(taken, Ok(()), "it was taken when it was signed");
        }
    }
}

/// How many persons a signature adds to those that the logs bound: they may live anywhere.
fn beyond(shown: &Facts, signed: &Facts) -> Beyond {
    let most = |facts: &Facts| facts.count("subjects").map(|bounds| bounds.at_most);
    match (most(shown), most(signed)) {
        (Some(Some(shown)), Some(Some(said))) => Beyond::AtMost(said.saturating_sub(shown)),
        (Some(Some(_)), Some(None)) => Beyond::Unbounded,
        _ => Beyond::AtMost(0),
    }
}

type Weighed = (Option<Value>, Option<String>);

/// A signed count may raise either end.
fn count(shown: &Bounds, said: &Bounds) -> Weighed {
    let at_least = shown.at_least.max(said.at_least);
    let at_most = shown.at_most.zip(said.at_most).map(|(a, b)| a.max(b));
    let narrower = said.at_least < shown.at_least && said.at_most.is_some_and(|most| most < shown.at_least)
        || match (said.at_most, shown.at_most) {
            (Some(said), Some(shown)) => said < shown,
            (Some(_), None) => true,
            (None, _) => false,
        };
    let because = narrower.then(|| {
        format!(
            "the logs bound it by {}, and a signature does not narrow that: evidence, or an assertion in the scope, would",
            range(shown)
        )
    });
    if (at_least, at_most) == (shown.at_least, shown.at_most) {
        return (None, because);
    }
    let bounds = Bounds {
        at_least,
        at_most,
        because: shown.because.clone(),
    };
    (Some(Value::Count(bounds)), because)
}

/// Of two instants the one that makes the incident longer, or its notice earlier, stands.
fn instant(name: &str, shown: Timestamp, said: Timestamp) -> Weighed {
    let taken = match name {
        "occurred_to" => shown.max(said),
        _ => shown.min(said),
    };
    if taken == said {
        return (Some(Value::Instant(said)), None);
    }
    (None, Some(format!("the logs show {shown}")))
}

/// What is certain stays among the words; what is only not excluded is told.
fn words(said: &BTreeSet<String>, floor: BTreeSet<String>, open: &BTreeSet<String>) -> Weighed {
    let listed = |words: Vec<&String>| words.into_iter().cloned().collect::<Vec<_>>().join(", ");
    let lacking: Vec<&String> = floor.difference(said).collect();
    let passed_over: Vec<&String> = open.difference(said).collect();
    let because = match (lacking.is_empty(), passed_over.is_empty()) {
        (false, _) => Some(format!("the logs show {} for certain", listed(lacking))),
        (true, false) => Some(format!("the logs do not exclude {}", listed(passed_over))),
        (true, true) => None,
    };
    (Some(Value::Words(said.union(&floor).cloned().collect())), because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::bounds;

    #[test]
    fn a_signature_widens_and_never_narrows() {
        let shown = bounds(1, Some(981));
        for (least, most, taken, conflict) in [
            (1, Some(1), None, true),
            (0, Some(0), None, true),
            (4, Some(981), Some((4, Some(981))), false),
            (4, Some(10), Some((4, Some(981))), true),
            (1, Some(2000), Some((1, Some(2000))), false),
            (1, None, Some((1, None)), false),
            (1, Some(981), None, false),
        ] {
            let (value, because) = count(&shown, &bounds(least, most));
            let found = value.map(|value| match value {
                Value::Count(b) => (b.at_least, b.at_most),
                other => panic!("{other:?}"),
            });
            assert_eq!((found, because.is_some()), (taken, conflict), "{least} {most:?}");
        }
    }

    #[test]
    fn certain_classes_cannot_be_left_out() {
        let set = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<BTreeSet<_>>();
        let (value, because) = words(&set(&["contact"]), set(&["identity"]), &set(&[]));
        assert_eq!(value, Some(Value::Words(set(&["contact", "identity"]))));
        assert!(because.is_some_and(|why| why.contains("identity for certain")));
        let (_, because) = words(&set(&["contact"]), set(&["contact"]), &set(&["payment"]));
        assert!(because.is_some_and(|why| why.contains("do not exclude payment")));
    }

    #[test]
    fn the_earlier_detection_and_the_longer_incident_stand() {
        let (early, late) = (Timestamp::from_secs(10), Timestamp::from_secs(20));
        assert_eq!(
            instant("detected_at", late, early),
            (Some(Value::Instant(early)), None)
        );
        assert!(instant("detected_at", early, late).1.is_some());
        assert_eq!(
            instant("occurred_to", early, late),
            (Some(Value::Instant(late)), None)
        );
    }
}
