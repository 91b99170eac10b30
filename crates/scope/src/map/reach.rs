//! What one event's own record says that it reached, by the data map.
//!
//! The rule of this room: what cannot be decided widens. It reads one record and the map, never the
//! lake; what other records add (database statements of a request, covered writes) is joined by the trace.

use super::model::{Channel, Credential, DataMap, Effect, Store};
use super::replay::ReplayRequest;
use ambit_event::{Column, Event, Observable, ObservableKind, Outcome};
use ambit_lake::Filter;
use std::collections::{BTreeMap, BTreeSet};

/// What one event reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// The operation of the map that it is, where it is one.
    pub operation: Option<String>,
    pub basis: Basis,
    pub completion: Completion,
    /// Ordered, one entry per store, subject, classes and effect.
    pub touches: Vec<Touch>,
    pub internal: Vec<InternalTouch>,
    /// The kinds of credential that it could read, ordered.
    pub reveals: Vec<ObservableKind>,
    /// The credentials that it could read, where the map names them, ordered.
    pub opens: Vec<Observable>,
    /// The job whose result it takes, as the record names it.
    pub takes: Option<String>,
    /// The subjects whose credentials it set, by subject domain.
    pub sets: Vec<(String, Who)>,
    /// The database roles that it made, or whose password or name it set, ordered.
    pub gives: Vec<Observable>,
    /// At most so many records were read or changed; `None` where nobody knows.
    pub records: Option<u64>,
    /// Those of them that the record names.
    pub record_names: BTreeSet<String>,
    /// The statement to be run against the store's state, which makes this reach narrower.
    pub replay: Option<ReplayRequest>,
    /// Why, in one sentence.
    pub because: String,
    /// The map's assertions that this rests on, one sentence each, ordered.
    pub assumptions: Vec<String>,
}

/// What the subjects are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The map says that it reaches no data.
    Nothing,
    /// The record names them.
    Named,
    /// The statement was run against the store's state.
    Replayed,
    /// A truthful count bounds them.
    Counted,
    /// Everyone in the store.
    Whole,
    /// The database statements that it causes tell.
    Statements,
    /// The map does not know it, or it does not fit.
    Unmapped,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Completion {
    /// No data can have left or changed: not found, not modified, no bytes for a read.
    Nothing,
    /// Denied before it read anything.
    Attempt,
    /// Aborted, failed midway, or the record does not say.
    Possible,
    Done,
}

/// Subjects' data that was touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    pub store: String,
    pub subject: String,
    pub classes: BTreeSet<String>,
    pub effect: Effect,
    pub who: Who,
    /// The persons are exactly these; `false`: these and no others, if at all.
    pub exact: bool,
}

/// Whose data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Keys(BTreeSet<String>),
    /// So many persons at most, whom nobody can name.
    AtMost(u64),
    /// Everyone in a part of the store, so many persons at most: who reads it again reads of the same persons.
    Part {
        name: String,
        at_most: u64,
    },
    /// Everyone in the store.
    Everyone,
}

/// Data of a store without persons that was touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InternalTouch {
    pub store: String,
    /// The table, path or object; `*` for whatever lies there.
    pub object: String,
    pub effect: Effect,
    /// At most so many records; `None` where nobody knows.
    pub records: Option<u64>,
    /// Bytes that left; `None` where the record does not say.
    pub bytes: Option<u64>,
}

/// What is known beside the event's own record.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReachContext<'a> {
    /// The account that the event's session belongs to.
    pub account: Option<&'a str>,
    /// Open cursors of the event's database session: name to the statement that declared it.
    pub cursors: Option<&'a BTreeMap<String, String>>,
    /// Prepared statements of the event's database session: name to text.
    pub prepared: Option<&'a BTreeMap<String, String>>,
    /// Tables that the request, under which this statement ran, reads without returning what stands in
    /// them: what a statement touches in them is left out, and the assumption is listed.
    pub lookups: &'a [String],
}

impl DataMap {
    /// What the event reached, by its own record and this map. Pure; never panics, whatever the record
    /// holds.
    ///
    /// A statement is analysed as SQL where its record is of the class `datastore_activity` and no
    /// operation of a store without tables claims it; any other record is matched with the operations;
    /// a record that names subjects itself is believed without one.
    #[must_use]
    pub fn reach(&self, event: &Event, context: &ReachContext<'_>) -> Reach {
        if let Some(text) = self.statement_text(event) {
            return self.statement_reach(event, &text, context);
        }
        if let Some(reach) = self.operation_reach(event, context) {
            return reach;
        }
        if let Some(reach) = self.self_named_reach(event) {
            return reach;
        }
        if !is_operation(event) {
            return Reach::nothing("its record tells of no operation on data");
        }
        self.unmapped(
            event,
            completion(event, Access::Unknown),
            "the data map does not know this operation",
        )
    }

    /// The record's reach where the map cannot say what it did: every store that its principal reaches,
    /// everyone, every class, every effect.
    pub(super) fn unmapped(&self, event: &Event, completion: Completion, why: impl Into<String>) -> Reach {
        let mut reach = Reach {
            basis: Basis::Unmapped,
            completion,
            ..Reach::nothing(why)
        };
        for store in self.reachable(event) {
            self.everything(store, event, &mut reach);
        }
        reach.tidy();
        reach
    }

    pub(super) fn everything(&self, store: &Store, event: &Event, reach: &mut Reach) {
        let silent = event.bytes_out == Some(0);
        let effects = Effect::ALL.iter().filter(|e| !(silent && **e == Effect::Read));
        reach.reveals.extend(self.credentials_in(store));
        let of_store = self.operations.iter().filter(|o| o.store == store.name);
        let opens = of_store.flat_map(|o| o.opens.iter().flatten());
        reach.opens.extend(opens.cloned());
        if store.copy_of.is_some() && !store.classes.is_empty() {
            reach.assumptions.push(format!(
                "the data map lists every class of data that lies in the copy {}",
                store.name
            ));
        }
        for &effect in effects {
            match self.subject_of(store) {
                Some(subject) if !store.internal => reach.touches.push(Touch {
                    store: store.name.clone(),
                    subject: subject.to_owned(),
                    classes: self.classes_of(store),
                    effect,
                    who: Who::Everyone,
                    exact: false,
                }),
                _ => reach.internal.push(InternalTouch {
                    store: store.name.clone(),
                    object: "*".to_owned(),
                    effect,
                    records: None,
                    bytes: event.bytes_out.and_then(|n| u64::try_from(n).ok()),
                }),
            }
        }
    }

    /// The stores that the principal behind a record can reach: those of the channels that its source
    /// attributes or accounts for, those of the record's database account alone where a channel names
    /// it, and those that no channel names; all stores where no channel says.
    pub(super) fn reachable(&self, event: &Event) -> Vec<&Store> {
        let ways: Vec<&Channel> = self
            .channels
            .iter()
            .filter(|c| c.attributing == event.source || c.accounting == event.source)
            .collect();
        let role = |c: &&&Channel| {
            event
                .actor_user
                .as_ref()
                .is_some_and(|user| c.roles.contains(user))
        };
        let of_role: Vec<&Channel> = if is_statement(event) {
            ways.iter().filter(role).copied().collect()
        } else {
            Vec::new()
        };
        let open = |c: &&Channel| {
            of_role.is_empty()
                || c.roles.is_empty()
                || of_role.iter().any(|r| r.name == c.name && r.store == c.store)
        };
        let names: BTreeSet<&str> = ways.into_iter().filter(open).map(|c| c.store.as_str()).collect();
        let unled: BTreeSet<&str> = self.stores_without_channel().map(|s| s.name.as_str()).collect();
        let reached = |name: &str| names.is_empty() || names.contains(name) || unled.contains(name);
        self.stores.iter().filter(|s| reached(&s.name)).collect()
    }

    /// The stores into which a source records a way, whoever goes it.
    pub(super) fn recorded_by(&self, source: &str) -> Vec<&Store> {
        let ways = self.channels.iter();
        let ways = ways.filter(|c| c.attributing == source || c.accounting == source);
        let names: BTreeSet<&str> = ways.map(|c| c.store.as_str()).collect();
        self.stores
            .iter()
            .filter(|s| names.contains(s.name.as_str()))
            .collect()
    }

    /// The subject domain of a store: its own, else that of the store whose data it repeats, else the
    /// only one.
    pub(crate) fn subject_of<'m>(&'m self, store: &'m Store) -> Option<&'m str> {
        let original = || {
            store
                .copy_of
                .as_deref()
                .and_then(|name| self.store(name))?
                .subject
                .as_deref()
        };
        let only = || match self.subjects.as_slice() {
            [one] => Some(one.name.as_str()),
            _ => None,
        };
        store.subject.as_deref().or_else(original).or_else(only)
    }

    /// The store whose data this one repeats whole: a copy that lists its classes repeats only these.
    fn repeated<'m>(&'m self, store: &'m Store) -> Option<&'m Store> {
        let name = store.copy_of.as_deref().filter(|_| store.classes.is_empty())?;
        self.store(name).filter(|o| o.name != store.name)
    }

    /// The kinds of credential that lie in a store, in its tables or in what it repeats.
    pub(crate) fn credentials_in(&self, store: &Store) -> BTreeSet<ObservableKind> {
        let stores = std::iter::once(store).chain(self.repeated(store));
        let held = stores.flat_map(|s| &s.tables).flat_map(|t| t.holds.values());
        let mut kinds = self.loose_credentials(store);
        kinds.extend(held.map(|c| c.observable()));
        kinds
    }

    /// The kinds of credential that lie in a store, or in what it repeats, outside tables: those that the map
    /// says, of every kind where it only says that there are some.
    pub(super) fn loose_credentials(&self, store: &Store) -> BTreeSet<ObservableKind> {
        let mut kinds = BTreeSet::new();
        for store in std::iter::once(store).chain(self.repeated(store)) {
            let held: Vec<Credential> = match &store.holds {
                Some(holds) => holds.iter().copied().collect(),
                None if store.classes.contains("credential") => Credential::ALL.to_vec(),
                None => Vec::new(),
            };
            kinds.extend(held.iter().map(|c| c.observable()));
            // It may be that of a database's account, whose sessions no other log knows.
            if held.contains(&Credential::Password) {
                kinds.insert(ObservableKind::Connection);
            }
        }
        kinds
    }

    /// Every class that the map places in a store: in its tables, in it, in what it repeats, and what
    /// operations take from it; `unclassified` where there is none.
    pub(crate) fn classes_of(&self, store: &Store) -> BTreeSet<String> {
        let stores = || std::iter::once(store).chain(self.repeated(store));
        let columns = stores()
            .flat_map(|s| &s.tables)
            .flat_map(super::model::Table::all_classes);
        let own = stores().flat_map(|s| s.classes.iter().cloned());
        let taken = self
            .operations
            .iter()
            .filter(|o| stores().any(|s| s.name == o.store))
            .flat_map(|o| o.classes.iter().cloned());
        let mut classes: BTreeSet<String> = columns.chain(own).chain(taken).collect();
        classes.remove("");
        if classes.is_empty() {
            classes.insert("unclassified".to_owned());
        }
        classes
    }
}

/// What an operation does with data, as far as it matters to how far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Reads,
    Writes,
    /// The map does not know it, or it does not fit: its answer's form says nothing.
    Unknown,
}

/// How far an operation came, by the outcome and the status that its record has.
///
/// | record | a read | a write | unknown, or not fitting |
/// |---|---|---|---|
/// | denied (401, 403, 429) | attempt | attempt | attempt |
/// | not found, gone (404, 410) | nothing | nothing | *possible* where parameters do not fit: such an answer is itself made from data |
/// | not modified (304), no body (204, `HEAD`), zero bytes | nothing | done | as a write: zero bytes exclude reads only |
/// | another 4xx | attempt | attempt | attempt: the request was refused for its form |
/// | 5xx, aborted, unknown | possible | possible | possible |
pub(super) fn completion(event: &Event, access: Access) -> Completion {
    let status = event.status_code.as_deref().unwrap_or("");
    let http = is_http(event);
    let silent = event.bytes_out == Some(0)
        || http
            && (matches!(status, "304" | "204")
                || event
                    .activity
                    .as_deref()
                    .is_some_and(|m| m.eq_ignore_ascii_case("HEAD")));
    match event.outcome {
        Outcome::Denied => Completion::Attempt,
        _ if silent && access == Access::Reads => Completion::Nothing,
        Outcome::Success => Completion::Done,
        Outcome::Failure if http && matches!(status, "404" | "410") => Completion::Nothing,
        Outcome::Failure if http && status.len() == 3 && status.starts_with('4') => Completion::Attempt,
        Outcome::Failure | Outcome::Aborted | Outcome::Unknown => Completion::Possible,
    }
}

pub(super) fn is_http(event: &Event) -> bool {
    event.class.as_deref() == Some("http_activity")
}

pub(super) fn is_statement(event: &Event) -> bool {
    event.class.as_deref() == Some(STATEMENT)
}

/// The class of what a database tells of a statement.
const STATEMENT: &str = "datastore_activity";

impl Channel {
    /// The statements of whoever goes this way.
    pub(crate) fn statements(&self) -> Filter {
        let mut asked = vec![
            Filter::eq(Column::Source, &self.accounting),
            Filter::eq(Column::Class, STATEMENT),
        ];
        if !self.roles.is_empty() {
            asked.push(Filter::one_of(Column::ActorUser, &self.roles));
        }
        Filter::All(asked)
    }
}

/// Whether the record tells of an operation on data at all. Logons and network records do not; what
/// follows on them is recorded by others.
fn is_operation(event: &Event) -> bool {
    const NONE: &[&str] = &[
        "authentication",
        "authorize_session",
        "network_activity",
        "dns_activity",
        "ssh_activity",
    ];
    match event.class.as_deref() {
        Some(class) if NONE.contains(&class) => false,
        Some("http_activity" | "datastore_activity" | "api_activity") => true,
        _ => event.operation.is_some() || event.resource.is_some() || event.query_text.is_some(),
    }
}

impl Reach {
    /// A reach without data.
    pub(super) fn nothing(because: impl Into<String>) -> Self {
        Self {
            operation: None,
            basis: Basis::Nothing,
            completion: Completion::Done,
            touches: Vec::new(),
            internal: Vec::new(),
            reveals: Vec::new(),
            opens: Vec::new(),
            takes: None,
            sets: Vec::new(),
            gives: Vec::new(),
            records: None,
            record_names: BTreeSet::new(),
            replay: None,
            because: because.into(),
            assumptions: Vec::new(),
        }
    }

    /// The stores that it may have reached.
    pub(crate) fn stores(&self) -> BTreeSet<&str> {
        let persons = self.touches.iter().map(|t| t.store.as_str());
        persons
            .chain(self.internal.iter().map(|t| t.store.as_str()))
            .collect()
    }

    /// Puts everything in order, each thing once.
    pub(super) fn tidy(&mut self) {
        self.touches.sort();
        self.touches.dedup();
        self.internal.sort();
        self.internal.dedup();
        self.reveals.sort();
        self.reveals.dedup();
        self.opens.sort();
        self.opens.dedup();
        self.sets.sort();
        self.sets.dedup();
        self.gives.sort();
        self.gives.dedup();
        self.assumptions.sort();
        self.assumptions.dedup();
    }
}
