//! What the attributed events did: accesses, attempts, and operations that the map does not know.

use super::{Parts, in_order};
use crate::account::{Contribution, operation_text};
use crate::map::{Basis, Completion, DataMap, Effect, Who};
use crate::trace::Trace;
use crate::{Access, Grade, UnmappedOperation};
use ambit_event::{EventId, Span, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// One event whose operation the map does not know.
struct Unmapped<'u> {
    event: EventId,
    at: Timestamp,
    source: &'u str,
    operation: String,
    grade: Grade,
    why: &'u str,
}

impl Parts<'_> {
    pub(super) fn accesses(&self) -> Vec<Access> {
        let shown = self
            .contributions
            .iter()
            .filter(|c| c.event != EventId::default() && self.shows(c.time));
        shown
            .filter(|c| !c.touches.is_empty() || matches!(c.completion, Completion::Attempt))
            .map(|c| access(c, self.map))
            .collect()
    }

    pub(super) fn unmapped(&self, trace: &Trace<'_>) -> Vec<UnmappedOperation> {
        let mut by: BTreeMap<(String, String), UnmappedOperation> = BTreeMap::new();
        if !self.is_mapped {
            for c in in_order(trace) {
                let one = Unmapped {
                    event: c.event.id,
                    at: c.event.time,
                    source: &c.event.source,
                    operation: operation_text(&c.event),
                    grade: c.grade,
                    why: match self.request.map {
                        None => "there is no data map",
                        Some(_) => "the data map names no store",
                    },
                };
                one.count_in(&mut by);
            }
        }
        let unmapped = self.contributions.iter().filter(|c| c.basis == Basis::Unmapped);
        for c in unmapped.filter(|c| c.event != EventId::default()) {
            let one = Unmapped {
                event: c.event,
                at: c.time,
                source: &c.source,
                operation: c.operation.clone(),
                grade: c.grade,
                why: &c.because,
            };
            one.count_in(&mut by);
        }
        by.into_values().collect()
    }
}

impl Unmapped<'_> {
    fn count_in(self, by: &mut BTreeMap<(String, String), UnmappedOperation>) {
        const EXAMPLES: usize = 3;
        let now = Span::new(self.at, self.at.plus_nanos(1));
        let key = (self.operation.clone(), self.source.to_owned());
        let entry = by.entry(key).or_insert_with(|| UnmappedOperation {
            operation: self.operation,
            source: self.source.to_owned(),
            n_events: 0,
            grade: self.grade,
            seen: now,
            why: self.why.to_owned(),
            examples: Vec::new(),
        });
        entry.n_events += 1;
        entry.grade = entry.grade.max(self.grade);
        entry.seen = entry.seen.hull(now);
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(self.event);
        }
    }
}

fn access(c: &Contribution, map: &DataMap) -> Access {
    let classes: BTreeSet<String> = c
        .touches
        .iter()
        .flat_map(|g| g.touch.classes.iter().cloned())
        .collect();
    let mut subjects = BTreeSet::new();
    for g in &c.touches {
        if let Who::Keys(keys) = &g.touch.who {
            subjects.extend(keys.iter().map(|k| format!("{}:{k}", g.touch.subject)));
        }
    }
    let mut effects: BTreeSet<&str> = c.touches.iter().map(|g| g.touch.effect.name()).collect();
    if effects.is_empty() {
        // An attempt reached nothing: what it would have done.
        effects.insert(
            map.operation(&c.operation)
                .map_or(Effect::Read, |o| o.effect)
                .name(),
        );
    }
    Access {
        event: c.event,
        time: c.time,
        source: c.source.clone(),
        operation: c.operation.clone(),
        store: c.store.clone(),
        effect: effects.into_iter().collect::<Vec<_>>().join("+"),
        classes: classes.into_iter().collect(),
        subjects: subjects.into_iter().collect(),
        basis: basis_name(c.basis).to_owned(),
        grade: c.touches.iter().map(|g| g.grade).max().unwrap_or(c.grade),
        completion: completion_name(c.completion).to_owned(),
        hops: c.hops.clone(),
        because: c.because.clone(),
    }
}

const fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Nothing => "nothing",
        Basis::Named => "named",
        Basis::Replayed => "replayed",
        Basis::Counted => "counted",
        Basis::Whole => "whole",
        Basis::Statements => "statements",
        Basis::Unmapped => "unmapped",
    }
}

const fn completion_name(completion: Completion) -> &'static str {
    match completion {
        Completion::Nothing => "nothing",
        Completion::Attempt => "attempt",
        Completion::Possible => "possible",
        Completion::Done => "done",
    }
}
