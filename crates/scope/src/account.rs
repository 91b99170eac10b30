//! From attributed events to whose data they reached: requests with the statements that they caused,
//! statements of direct sessions, and what stays possible where records are missing.

use crate::Grade;
use crate::map::{
    Basis, Completion, DataMap, Effect, InternalTouch, Reach, ReachContext, Touch, Who, WriteRecords,
};
use crate::origin::is_datastore;
use crate::trace::{Carried, Telling, Trace};
use ambit_event::{Event, EventId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What one attributed event, or one gap, adds to the bounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    pub event: EventId,
    pub time: Timestamp,
    pub source: String,
    pub operation: String,
    pub store: Option<String>,
    pub grade: Grade,
    pub basis: Basis,
    pub completion: Completion,
    pub touches: Vec<Graded>,
    pub internal: Vec<InternalTouch>,
    pub records: Option<u64>,
    /// Those of the records that are named.
    pub record_names: BTreeSet<String>,
    pub because: String,
    pub hops: Vec<String>,
    /// The gap that makes it possible, where it is one.
    pub gap: Option<String>,
    pub assumptions: BTreeSet<String>,
}

/// A touch with the grade that it reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Graded {
    pub touch: Touch,
    pub grade: Grade,
    pub because: String,
}

/// All contributions of the attributed events, ordered by time, then id.
pub async fn account(trace: &Trace<'_>, map: &DataMap, writes: &dyn WriteRecords) -> Vec<Contribution> {
    let statements = statements_by_trace(trace);
    let requests = requests_by_trace(trace, map);
    let scripts = Scripts::of(trace);
    let mut all = Vec::new();
    for carried in trace.attributed.values() {
        if !is_access(map, &carried.event) {
            continue;
        }
        if is_datastore(&carried.event) {
            // A statement that an attributed request caused is accounted for with the request.
            if !carried
                .event
                .trace
                .as_deref()
                .is_some_and(|id| requests.contains(id))
            {
                all.push(direct(trace, map, &scripts, carried, writes).await);
            }
            continue;
        }
        let trace_id = carried.event.trace.as_deref().unwrap_or("");
        let below = statements.get(trace_id).map_or(&[][..], Vec::as_slice);
        all.push(request(trace, map, carried, below, writes).await);
    }
    all.sort_by_key(|c| (c.time, c.event));
    all
}

/// Whether a record of this source can be an access at all: its source attributes or accounts for a
/// way into a store, or the map knows the operation, or it names subjects itself.
fn is_access(map: &DataMap, event: &Event) -> bool {
    if event.class.as_deref() == Some("authentication") && event.subject_refs.is_empty() {
        return map.reach(event, &ReachContext::default()).operation.is_some();
    }
    let on_channel = map
        .channels
        .iter()
        .any(|c| c.attributing == event.source || c.accounting == event.source);
    // A store into which no channel leads may be reached by any of them.
    let bare = map.stores_without_channel().next().is_some()
        && matches!(
            event.class.as_deref(),
            Some("http_activity" | "datastore_activity" | "api_activity")
        );
    on_channel
        || bare
        || !event.subject_refs.is_empty()
        || map.reach(event, &ReachContext::default()).operation.is_some()
}

fn statements_by_trace<'t>(trace: &'t Trace<'_>) -> BTreeMap<&'t str, Vec<&'t Carried>> {
    let mut by: BTreeMap<&str, Vec<&Carried>> = BTreeMap::new();
    for carried in trace.attributed.values().filter(|c| is_datastore(&c.event)) {
        if let Some(id) = carried.event.trace.as_deref() {
            by.entry(id).or_default().push(carried);
        }
    }
    by
}

/// The trace ids of attributed requests at sources that say who acts.
fn requests_by_trace<'t>(trace: &'t Trace<'_>, map: &DataMap) -> BTreeSet<&'t str> {
    let attributing: BTreeSet<&str> = map.channels.iter().map(|c| c.attributing.as_str()).collect();
    let requests = trace
        .attributed
        .values()
        .filter(|c| !is_datastore(&c.event) && attributing.contains(c.event.source.as_str()));
    requests.filter_map(|c| c.event.trace.as_deref()).collect()
}

/// A statement of a session of its own, or one that no attributed request explains.
async fn direct(
    trace: &Trace<'_>,
    map: &DataMap,
    scripts: &Scripts,
    carried: &Carried,
    writes: &dyn WriteRecords,
) -> Contribution {
    let (cursors, prepared) = scripts.before(&carried.event);
    let context = ReachContext {
        cursors: Some(&cursors),
        prepared: Some(&prepared),
        ..ReachContext::default()
    };
    let reach = map.replayed(map.reach(&carried.event, &context), writes).await;
    contribution(trace, carried, &reach, graded(&reach, carried.grade))
}

/// What the database sessions in the intruder's hands declared and prepared: `FETCH` and `EXECUTE` name
/// only that.
struct Scripts {
    /// Connection to (time, verb, name, statement), in order.
    said: BTreeMap<String, Vec<(Timestamp, String, String, String)>>,
}

impl Scripts {
    fn of(trace: &Trace<'_>) -> Self {
        let mut said: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for event in trace
            .attributed
            .values()
            .map(|c| &c.event)
            .filter(|e| is_datastore(e))
        {
            let (Some(connection), Some(text)) = (&event.connection, &event.query_text) else {
                continue;
            };
            let mut words = text
                .split(|c: char| c.is_whitespace() || c == '(')
                .filter(|w| !w.is_empty());
            let (Some(verb), Some(name)) = (words.next(), words.next()) else {
                continue;
            };
            let verb = verb.to_ascii_uppercase();
            if verb == "DECLARE" || verb == "PREPARE" {
                said.entry(connection.clone()).or_default().push((
                    event.time,
                    verb,
                    name.trim_matches('"').to_owned(),
                    text.clone(),
                ));
            }
        }
        said.values_mut().for_each(|list| list.sort());
        Self { said }
    }

    /// Cursors and prepared statements of the event's session, as they were when it ran.
    fn before(&self, event: &Event) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let said = event
            .connection
            .as_ref()
            .and_then(|c| self.said.get(c))
            .map_or(&[][..], Vec::as_slice);
        let of = |wanted: &str| {
            let said = said
                .iter()
                .filter(|(at, verb, _, _)| *at <= event.time && verb == wanted);
            said.map(|(_, _, name, text)| (name.clone(), text.clone()))
                .collect()
        };
        (of("DECLARE"), of("PREPARE"))
    }
}

/// A request: what the map says of it, and what its statements add.
async fn request(
    trace: &Trace<'_>,
    map: &DataMap,
    carried: &Carried,
    below: &[&Carried],
    writes: &dyn WriteRecords,
) -> Contribution {
    let Some(reach) = trace.reach(&carried.event) else {
        unreachable!("there is a map")
    };
    let told = statements(map, &reach, below, writes).await;
    let (mut touches, note) = match reach.basis {
        Basis::Nothing => (Vec::new(), None),
        Basis::Statements | Basis::Unmapped => told_by_statements(trace, map, &reach, carried, &told),
        _ => named_with_extras(&reach, carried, &told),
    };
    if !trace.is_delivered(&carried.event, &reach) {
        touches.iter_mut().for_each(hold_back);
    }
    let mut contribution = contribution(trace, carried, &reach, touches);
    if reach.basis == Basis::Unmapped {
        contribution
            .internal
            .retain(|t| !trace.telling(&carried.event, &t.store).is_whole());
        contribution
            .assumptions
            .extend(absence_assumed(trace, &reach, &carried.event));
    }
    contribution
        .internal
        .extend(told.iter().flat_map(|(_, r)| r.internal.clone()));
    contribution
        .assumptions
        .extend(told.iter().flat_map(|(_, r)| r.assumptions.clone()));
    if let Some(note) = note {
        contribution.because = format!("{}; {note}", contribution.because);
    }
    contribution
}

/// What a job gathered has reached nobody for sure while nothing shows that its result was taken.
fn hold_back(g: &mut Graded) {
    if g.touch.effect == Effect::Read {
        g.grade = g.grade.min(Grade::Possible);
        g.because = "nothing shows that the result of the job that it started was taken".to_owned();
    }
}

/// The reach of each statement below a request, the tables that the request only looks up left out.
async fn statements<'c>(
    map: &DataMap,
    reach: &Reach,
    below: &[&'c Carried],
    writes: &dyn WriteRecords,
) -> Vec<(&'c Carried, Reach)> {
    let operation = reach.operation.as_deref().and_then(|name| map.operation(name));
    let lookups: &[String] = match (operation, reach.basis) {
        // An operation that does not fit its declaration is not believed about its lookups either.
        (Some(operation), basis) if basis != Basis::Unmapped => &operation.lookups,
        _ => &[],
    };
    let context = ReachContext {
        lookups,
        ..ReachContext::default()
    };
    let mut told = Vec::new();
    for carried in below {
        told.push((
            *carried,
            map.replayed(map.reach(&carried.event, &context), writes).await,
        ));
    }
    told
}

/// The statements tell whose data it was in the stores of which they are all here and joined by a trusted
/// hop; of the others the declared bound stands.
fn told_by_statements(
    trace: &Trace<'_>,
    map: &DataMap,
    reach: &Reach,
    carried: &Carried,
    told: &[(&Carried, Reach)],
) -> (Vec<Graded>, Option<String>) {
    if matches!(reach.completion, Completion::Nothing | Completion::Attempt) {
        return (Vec::new(), None);
    }
    let mut declared = graded(reach, Grade::Possible);
    let telling = |store: &str| trace.telling(&carried.event, store);
    let least = reach.stores().into_iter().map(telling).min();
    if least.is_none_or(|t| t == Telling::Alone) {
        return (declared, None);
    }
    declared.retain(|g| !telling(&g.touch.store).is_whole());
    let open = declared.iter().map(|g| telling(&g.touch.store));
    let note = note_of(open.filter(|t| *t != Telling::Alone).max().or(least));
    let mut touches = by_statements(map, reach, carried, told);
    touches.extend(declared);
    (touches, note.map(str::to_owned))
}

/// What the statements of a request touch, in the classes that it returns where the map says so.
fn by_statements(map: &DataMap, reach: &Reach, carried: &Carried, told: &[(&Carried, Reach)]) -> Vec<Graded> {
    let operation = reach.operation.as_deref().and_then(|name| map.operation(name));
    let returned = operation
        .filter(|_| reach.basis == Basis::Statements)
        .map(|o| &o.classes)
        .filter(|c| !c.is_empty());
    let mut touches = Vec::new();
    for (statement, below) in told {
        let grade = statement.grade.min(carried.grade);
        for mut g in graded(below, grade) {
            g.touch.classes = match returned {
                Some(classes) => classes.clone(),
                None => g.touch.classes,
            };
            // The rows were read; the request that did not finish may not have delivered them.
            if reach.completion == Completion::Possible {
                g.grade = Grade::Possible;
            }
            touches.push(g);
        }
    }
    touches
}

/// How a request was accounted for, in words.
const fn note_of(telling: Option<Telling>) -> Option<&'static str> {
    match telling {
        Some(Telling::Records) => Some("its database statements tell whose data it was"),
        Some(Telling::Absence) => Some("it reached nothing of which another source keeps account"),
        Some(Telling::Silence) => Some("no database statement of it is recorded: a cache may have answered"),
        Some(Telling::Unjoined) => Some("nothing joins it surely with its database statements"),
        Some(Telling::Gapped) => Some("the source that would tell whose data it was has a gap then"),
        Some(Telling::Alone) | None => None,
    }
}

/// That a request reached nothing in a store because nothing is recorded of it rests on the ways that the
/// map declares.
fn absence_assumed(trace: &Trace<'_>, reach: &Reach, event: &Event) -> Vec<String> {
    let stores = reach.stores().into_iter();
    let absent = stores.filter(|store| trace.telling(event, store) == Telling::Absence);
    absent
        .map(|store| {
            let sources: BTreeSet<&str> = trace
                .ways(event, store)
                .iter()
                .map(|c| c.accounting.as_str())
                .collect();
            let sources: Vec<&str> = sources.into_iter().collect();
            format!(
                "what {} reaches in {store} is recorded in {}, with its trace id or none: no copy that the data map does not know answers instead",
                event.source,
                sources.join(" and ")
            )
        })
        .collect()
}

/// What the map says, and beyond it the persons whose rows the statements read besides: they may have
/// been returned.
fn named_with_extras(
    reach: &Reach,
    carried: &Carried,
    told: &[(&Carried, Reach)],
) -> (Vec<Graded>, Option<String>) {
    let mut touches = graded(reach, carried.grade);
    if matches!(reach.completion, Completion::Nothing | Completion::Attempt) {
        return (touches, None);
    }
    let named: BTreeSet<&String> = reach
        .touches
        .iter()
        .filter_map(|t| keys_of(&t.who))
        .flatten()
        .collect();
    let mut extra = Vec::new();
    for (_, below) in told {
        for g in graded(below, Grade::Possible) {
            let beyond = match &g.touch.who {
                Who::Keys(keys) => Who::Keys(keys.iter().filter(|k| !named.contains(k)).cloned().collect()),
                Who::AtMost(n) if *n <= named.len() as u64 => continue,
                other => other.clone(),
            };
            if beyond != Who::Keys(BTreeSet::new()) && g.touch.effect == Effect::Read {
                extra.push(Graded {
                    touch: Touch {
                        who: beyond,
                        ..g.touch
                    },
                    grade: Grade::Possible,
                    because: g.because,
                });
            } else if g.touch.effect != Effect::Read {
                extra.push(g);
            }
        }
    }
    let note = (!extra.is_empty()).then(|| "its statements read more than the operation declares".to_owned());
    touches.extend(extra);
    (touches, note)
}

fn keys_of(who: &Who) -> Option<&BTreeSet<String>> {
    match who {
        Who::Keys(keys) => Some(keys),
        _ => None,
    }
}

/// The touches of a reach with the grade that each can have.
pub fn graded(reach: &Reach, grade: Grade) -> Vec<Graded> {
    if matches!(reach.completion, Completion::Attempt | Completion::Nothing) {
        return Vec::new();
    }
    let grade_of = |touch: &Touch| match (&touch.who, touch.exact, reach.completion) {
        (Who::Keys(_), true, Completion::Done) => grade,
        _ => Grade::Possible,
    };
    reach
        .touches
        .iter()
        .map(|t| Graded {
            touch: t.clone(),
            grade: grade_of(t),
            because: reach.because.clone(),
        })
        .collect()
}

fn contribution(trace: &Trace<'_>, carried: &Carried, reach: &Reach, touches: Vec<Graded>) -> Contribution {
    let event = &carried.event;
    Contribution {
        event: event.id,
        time: event.time,
        source: event.source.clone(),
        operation: reach.operation.clone().unwrap_or_else(|| operation_text(event)),
        store: touches.first().map(|g| g.touch.store.clone()),
        grade: carried.grade,
        basis: reach.basis,
        completion: reach.completion,
        touches,
        internal: match reach.completion {
            Completion::Attempt | Completion::Nothing => Vec::new(),
            _ => reach.internal.clone(),
        },
        records: reach.records,
        record_names: reach.record_names.clone(),
        because: reach.because.clone(),
        hops: carried
            .hops
            .iter()
            .map(|h| trace.control.hop_id(*h).to_owned())
            .collect(),
        gap: None,
        assumptions: reach.assumptions.iter().cloned().collect(),
    }
}

/// The operation in the record's own words.
pub fn operation_text(event: &Event) -> String {
    event
        .operation
        .clone()
        .or_else(|| event.activity.clone())
        .or_else(|| event.class.clone())
        .unwrap_or_else(|| event.source.clone())
}
