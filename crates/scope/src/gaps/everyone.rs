//! What is left where nothing is recorded: everyone in a store.

use super::hole::Hole;
use crate::Grade;
use crate::account::{Contribution, Graded};
use crate::map::{Basis, Channel, Completion, DataMap, Effect, Principal, Touch, Who};
use ambit_event::{EventId, Span};
use std::collections::BTreeSet;

/// Everyone in a store: all its classes, read, and every other effect that its operations can have, or
/// that a direct database session or a key of one's own could have had.
pub fn everyone(map: &DataMap, store: &str, principal: Principal) -> Vec<Touch> {
    let Some(store) = map.store(store) else {
        return Vec::new();
    };
    let Some(subject) = map.subject_of(store).filter(|_| !store.internal) else {
        return Vec::new();
    };
    let operations = || map.operations.iter().filter(|o| o.store == store.name);
    let classes = map.classes_of(store);
    let mut effects: BTreeSet<Effect> = operations().map(|o| o.effect).chain([Effect::Read]).collect();
    if matches!(
        principal,
        Principal::Account | Principal::Connection | Principal::Service | Principal::Token
    ) {
        effects.extend(Effect::ALL);
    }
    effects
        .into_iter()
        .map(|effect| Touch {
            store: store.name.clone(),
            subject: subject.to_owned(),
            classes: classes.clone(),
            effect,
            who: Who::Everyone,
            exact: false,
        })
        .collect()
}

/// `neither gateway nor database is`, or `database is not` where one source says both who and what.
pub(super) fn incomplete(channel: &Channel) -> String {
    match channel.attributing == channel.accounting {
        true => format!("{} is not", channel.accounting),
        false => format!("neither {} nor {} is", channel.attributing, channel.accounting),
    }
}

/// Neither who nor what is recorded: everyone in the store.
pub(super) fn population(map: &DataMap, channel: &Channel, hole: &Hole, span: Span) -> Contribution {
    let because = format!(
        "{} complete from {} to {}",
        incomplete(channel),
        span.from,
        span.until
    );
    let touches = everyone(map, &channel.store, channel.principal).into_iter();
    Contribution {
        event: EventId::default(),
        time: span.from,
        source: channel.attributing.clone(),
        operation: "unrecorded".to_owned(),
        store: Some(channel.store.clone()),
        grade: Grade::Possible,
        basis: Basis::Whole,
        completion: Completion::Possible,
        touches: touches
            .map(|touch| Graded {
                touch,
                grade: Grade::Possible,
                because: because.clone(),
            })
            .collect(),
        internal: Vec::new(),
        records: None,
        record_names: BTreeSet::new(),
        because: because.clone(),
        hops: Vec::new(),
        gap: Some(hole.id.clone()),
        assumptions: BTreeSet::new(),
    }
}
