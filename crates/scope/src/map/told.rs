//! What a record tells of the operation that it is: whom it names, which records, how many.

use super::key::Keys;
use super::model::{DataMap, Operation, Place, Recorded, Store};
use super::reach::{Reach, ReachContext, Who};
use super::route::Captures;
use ambit_event::Event;
use std::collections::{BTreeMap, BTreeSet};

/// What a request gives to its operation's parameters.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub path: Captures,
    pub query: BTreeMap<String, String>,
}

impl DataMap {
    pub(super) fn value(
        &self,
        place: &Place,
        event: &Event,
        given: &Given,
        context: &ReachContext<'_>,
    ) -> Option<String> {
        match place {
            Place::Path(name) => given.path.get(name).cloned(),
            Place::Query(name) => given.query.get(name).cloned(),
            Place::Field(path) => event.field(path).map(|text| flat(&text)),
            Place::Parameter(n) => event.parameters.get(n.checked_sub(1)?).cloned(),
            Place::ActorUser => event.actor_user.clone(),
            Place::SessionAccount => context.account.map(str::to_owned),
            Place::Resource => event.resource.clone(),
            Place::SubjectRefs | Place::Parameters => None,
        }
        .filter(|text| !text.is_empty())
    }

    /// How many records it reached at most, and those that are named. A count beyond the names says that others
    /// were reached too.
    pub(super) fn recorded(operation: &Operation, event: &Event) -> (Option<u64>, BTreeSet<String>) {
        let counted = event.record_count.and_then(|n| u64::try_from(n).ok());
        let named = match &operation.records {
            Some(Recorded::Named(place)) => names(event, place).unwrap_or_default(),
            _ => BTreeSet::new(),
        };
        let n_named = u64::try_from(named.len()).unwrap_or(u64::MAX);
        let told = match &operation.records {
            Some(Recorded::Count) => counted,
            Some(Recorded::Named(_)) => counted.max(Some(n_named)).filter(|_| n_named > 0),
            None => None,
        };
        // A record that tells of more than fits by the map is believed.
        (told.or(operation.max_records), named)
    }

    /// At most as many persons as its records and its part of the store hold; everyone where nobody says.
    pub(super) fn most(&self, operation: &Operation, store: &Store, records: Option<u64>) -> Who {
        let counted = records.map(|n| n.saturating_mul(self.persons_of_a_record(store)));
        match (counted, operation.population) {
            (Some(n), all) if all.is_none_or(|all| n < all) => Who::AtMost(n),
            (_, Some(at_most)) => Who::Part {
                name: operation.name.clone(),
                at_most,
            },
            _ => Who::Everyone,
        }
    }

    fn persons_of_a_record(&self, store: &Store) -> u64 {
        let per_row = store.tables.iter().map(|t| t.persons_per_row).max();
        let subject = self.subject_of(store).and_then(|s| self.subject(s));
        let per_key = subject.map_or(1, |s| s.persons_per_key);
        per_row.unwrap_or(1).max(1).saturating_mul(per_key.max(1))
    }

    /// At most so many records, where the record names so many persons: one that names more than fits by the map is
    /// believed.
    pub(super) fn records_of(&self, store: &Store, records: u64, n_persons: u64) -> u64 {
        records.max(n_persons.div_ceil(self.persons_of_a_record(store)))
    }

    /// The credentials that whoever reads what the operation returns holds then.
    pub(super) fn opened(&self, operation: &Operation, store: &Store, reach: &mut Reach) {
        match &operation.opens {
            Some(opens) => reach.opens.extend(opens.iter().cloned()),
            None => reach.reveals.extend(self.loose_credentials(store)),
        }
    }
}

/// The subjects that the producer names.
pub(super) fn refs(event: &Event) -> Option<Keys> {
    let keys = names(event, &Place::SubjectRefs)?;
    Some(Keys { keys, certain: true })
}

/// Each of the texts of a list column; `None` where it is empty, or the place is no such column.
pub(super) fn names(event: &Event, place: &Place) -> Option<BTreeSet<String>> {
    let list = match place {
        Place::Parameters => &event.parameters,
        Place::SubjectRefs => &event.subject_refs,
        _ => return None,
    };
    let names: BTreeSet<String> = list.iter().filter(|text| !text.is_empty()).cloned().collect();
    (!names.is_empty()).then_some(names)
}

/// A field that holds a list becomes a list with commas between.
fn flat(text: &str) -> String {
    match serde_json::from_str::<Vec<serde_json::Value>>(text) {
        Ok(list) => {
            let plain = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            list.iter().map(plain).collect::<Vec<_>>().join(",")
        }
        Err(_) => text.to_owned(),
    }
}
