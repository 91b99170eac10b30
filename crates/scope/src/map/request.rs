//! Records of requests: which operation of the map they are, and whose data it reaches.

use super::key::{self, Keys};
use super::model::{DataMap, Effect, Operation, Place, Store, Whose};
use super::reach::{
    Access, Basis, Completion, InternalTouch, Reach, ReachContext, Touch, Who, completion, is_http,
};
use super::route::{Captures, parse_query};
use super::told::{Given, names, refs};
use ambit_event::Event;
use std::collections::{BTreeMap, BTreeSet};

impl DataMap {
    /// The reach of a record that is an operation of the map; `None` where no operation is meant.
    pub(super) fn operation_reach(&self, event: &Event, context: &ReachContext<'_>) -> Option<Reach> {
        let (operation, path) = match self.operation_of(event) {
            Ok(found) => found?,
            Err(why) => return Some(self.unmapped(event, unfit(event), why)),
        };
        let reach = match self.given(operation, event, path) {
            Ok(given) => self.fitting(operation, event, &given, context),
            Err(why) => self.unfitting(operation, event, &why),
        };
        Some(Reach {
            operation: Some(operation.name.clone()),
            ..reach
        })
    }

    /// Whether the request's parameters are those that the operation declares.
    fn given(&self, operation: &Operation, event: &Event, path: Captures) -> Result<Given, String> {
        let query = match event.query_text.as_deref() {
            Some(text) if is_http(event) => {
                parse_query(text).map_err(|why| format!("its parameters do not fit: {why}"))?
            }
            _ => BTreeMap::new(),
        };
        for (name, value) in &path {
            if query.contains_key(name) {
                return Err(format!(
                    "its parameters do not fit: `{name}` stands in the path and in the query"
                ));
            }
            self.fits(operation, &Place::Path(name.clone()), name, value)?;
        }
        for (name, value) in &query {
            self.fits(operation, &Place::Query(name.clone()), name, value)?;
        }
        most_bytes(operation, event)?;
        Ok(Given { path, query })
    }

    /// A parameter fits its own grammar; the one that names the subjects may have the grammar of keys
    /// instead.
    fn fits(&self, operation: &Operation, place: &Place, name: &str, value: &str) -> Result<(), String> {
        let shown = ambit_event::printable(name, 40);
        if let Some(grammar) = operation.parameters.get(name) {
            let fits = grammar.fits(value);
            return if fits {
                Ok(())
            } else {
                Err(format!("its parameters do not fit: `{shown}` is not as declared"))
            };
        }
        // The name of an object is no text that a backend could take for more than a name.
        if operation.resource.is_some() && matches!(place, Place::Path(_)) {
            return Ok(());
        }
        let names_subjects = operation.subjects == Whose::Place(place.clone());
        let subject = self
            .store(&operation.store)
            .and_then(|s| self.subject_of(s))
            .and_then(|s| self.subject(s));
        let keyed = names_subjects
            && subject.is_some_and(|s| s.keys.is_some())
            && key::named(value, subject).is_some();
        if keyed {
            Ok(())
        } else {
            Err(format!("its parameters do not fit: `{shown}` is not declared"))
        }
    }

    /// The operation was meant, but what was asked of it is not what it declares: an injection may have
    /// reached whatever its backend reaches.
    fn unfitting(&self, operation: &Operation, event: &Event, why: &str) -> Reach {
        let mut reach = self.unmapped(event, unfit(event), format!("`{}`: {why}", operation.name));
        let reached = |s: &Store| {
            reach.touches.iter().any(|t| t.store == s.name)
                || reach.internal.iter().any(|t| t.store == s.name)
        };
        if let Some(store) = self.store(&operation.store).filter(|s| !reached(s)) {
            self.everything(store, event, &mut reach);
            reach.tidy();
        }
        reach
    }

    fn fitting(
        &self,
        operation: &Operation,
        event: &Event,
        given: &Given,
        context: &ReachContext<'_>,
    ) -> Reach {
        // What a job gathers comes with another answer than that of its start.
        let access = if operation.effect == Effect::Read && operation.starts.is_none() {
            Access::Reads
        } else {
            Access::Writes
        };
        let mut reach = Reach {
            completion: completion(event, access),
            ..Reach::nothing("")
        };
        (reach.records, reach.record_names) = Self::recorded(operation, event);
        reach.takes = operation
            .takes_from
            .as_ref()
            .and_then(|place| self.value(place, event, given, context));
        reach.assumptions = assumptions(operation, event);
        let Some(store) = self.store(&operation.store) else {
            return self.unmapped(event, reach.completion, "its store is not in the data map");
        };
        if store.internal && operation.subjects != Whose::None {
            inside(operation, store, event, &mut reach);
        } else {
            self.subjects(operation, store, event, given, context, &mut reach);
        }
        if operation.effect == Effect::Read && operation.subjects != Whose::None {
            self.opened(operation, store, &mut reach);
        }
        if operation.sets.is_some() {
            reach.sets = reach
                .touches
                .iter()
                .map(|t| (t.subject.clone(), t.who.clone()))
                .collect();
        }
        reach.tidy();
        reach
    }

    fn subjects(
        &self,
        operation: &Operation,
        store: &Store,
        event: &Event,
        given: &Given,
        context: &ReachContext<'_>,
        reach: &mut Reach,
    ) {
        let place = match &operation.subjects {
            Whose::None => {
                reach.because = format!("`{}` reaches no personal data, by the data map", operation.name);
                return;
            }
            Whose::Everyone => {
                reach.basis = Basis::Whole;
                let who = in_its_part(operation);
                let part = if who == Who::Everyone { "" } else { "its part of " };
                reach.because = format!("`{}` reaches everyone in {part}{}", operation.name, store.name);
                return self.touch(operation, store, who, Sure::No, reach);
            }
            Whose::Statements => {
                reach.basis = Basis::Statements;
                reach.because = format!(
                    "the database statements of `{}` tell whose data it reached",
                    operation.name
                );
                let who = self.most(operation, store, reach.records);
                return self.touch(operation, store, who, Sure::No, reach);
            }
            Whose::Place(place) => place,
        };
        let subject = self.subject_of(store).and_then(|s| self.subject(s));
        let mut strangers = 0;
        let keys = match place {
            Place::SubjectRefs => refs(event).map(|keys| {
                let (keys, strange) = key::apart(keys, subject);
                strangers = strange;
                keys
            }),
            Place::Parameters => names(event, place).and_then(|texts| key::each(&texts, subject)),
            place => self
                .value(place, event, given, context)
                .and_then(|text| key::named(&text, subject)),
        };
        match keys {
            Some(keys) => {
                reach.basis = Basis::Named;
                let n_persons = strangers.saturating_add(keys.keys.len() as u64);
                reach.records = reach.records.map(|n| self.records_of(store, n, n_persons));
                if strangers > 0 {
                    let per_key = subject.map_or(1, |s| s.persons_per_key.max(1));
                    let who = Who::AtMost(strangers.saturating_mul(per_key));
                    self.touch(operation, store, who, Sure::No, reach);
                }
                if keys.keys.is_empty() {
                    reach.because = "its record names persons by what is no key of the data map".to_owned();
                    return;
                }
                reach.because = format!("its record names the persons, as `{}` declares", operation.name);
                let reads = operation.effect == Effect::Read && operation.starts.is_none();
                let sure = match reads && is_empty_answer(event) {
                    true => Sure::No,
                    false => sure(&keys, *place == Place::SubjectRefs, event, reach.completion),
                };
                self.touch(operation, store, Who::Keys(keys.keys), sure, reach);
            }
            None => {
                let who = self.most(operation, store, reach.records);
                reach.basis = if who == Who::Everyone {
                    Basis::Whole
                } else {
                    Basis::Counted
                };
                reach.because = format!(
                    "`{}` was called, and its record does not name the persons",
                    operation.name
                );
                self.touch(operation, store, who, Sure::No, reach);
            }
        }
    }

    fn touch(&self, operation: &Operation, store: &Store, who: Who, sure: Sure, reach: &mut Reach) {
        let Some(subject) = self.subject_of(store) else {
            return;
        };
        let classes = if operation.classes.is_empty() {
            self.classes_of(store)
        } else {
            operation.classes.clone()
        };
        reach.touches.push(Touch {
            store: store.name.clone(),
            subject: subject.to_owned(),
            classes,
            effect: operation.effect,
            who,
            exact: sure == Sure::Yes,
        });
    }

    /// A record that names subjects or classes itself, and is no operation of the map.
    pub(super) fn self_named_reach(&self, event: &Event) -> Option<Reach> {
        let keys = refs(event)?;
        let stores: Vec<&Store> = self
            .reachable(event)
            .into_iter()
            .filter(|s| !s.internal)
            .collect();
        let [store] = stores.as_slice() else { return None };
        let subject = self.subject_of(store)?;
        let activity = event.activity.as_deref().unwrap_or("");
        // What was run may read and change more than the record names.
        if activity.eq_ignore_ascii_case("execute") {
            return None;
        }
        let effect = effect_of(activity);
        let access = if effect == Effect::Read {
            Access::Reads
        } else {
            Access::Writes
        };
        let classes: BTreeSet<String> = event.data_classes.iter().cloned().collect();
        let mut reach = Reach {
            basis: Basis::Named,
            completion: completion(event, access),
            ..Reach::nothing("its producer names the persons")
        };
        reach.touches.push(Touch {
            store: store.name.clone(),
            subject: subject.to_owned(),
            classes: if classes.is_empty() {
                self.classes_of(store)
            } else {
                classes
            },
            effect,
            exact: reach.completion == Completion::Done,
            who: Who::Keys(keys.keys),
        });
        reach.assumptions.push(format!(
            "the records of {} name every person whose data they reached, and its classes",
            event.source
        ));
        Some(reach)
    }
}

/// Whether the keys that a record names are surely those of persons whose data was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
}

/// One key that was asked for and answered is sure. Of several keys some may not exist, unless the
/// producer itself says whose data it returned, or counts as many records as keys.
fn sure(keys: &Keys, told: bool, event: &Event, completion: Completion) -> Sure {
    let counted = || event.record_count.and_then(|n| usize::try_from(n).ok()) == Some(keys.keys.len());
    let all = told || keys.keys.len() == 1 || counted();
    if completion == Completion::Done && keys.certain && all {
        Sure::Yes
    } else {
        Sure::No
    }
}

/// Whether an answer is too short to hold a record: `{}`, `[]` and `null` are what some servers answer where there is
/// nobody of that id.
fn is_empty_answer(event: &Event) -> bool {
    event.bytes_out.is_some_and(|n| (1..=5).contains(&n))
}

/// How far a request came that is not as declared. An answer *not found* to it may itself be made from
/// data, so it counts as possible.
fn unfit(event: &Event) -> Completion {
    match completion(event, Access::Unknown) {
        Completion::Nothing => Completion::Possible,
        other => other,
    }
}

fn most_bytes(operation: &Operation, event: &Event) -> Result<(), String> {
    let left = event.bytes_out.and_then(|n| u64::try_from(n).ok());
    match (operation.max_bytes, left) {
        (Some(most), Some(left)) if left > most => Err(format!(
            "more bytes left than declared: {left}, and at most {most} can"
        )),
        _ => Ok(()),
    }
}

fn inside(operation: &Operation, store: &Store, event: &Event, reach: &mut Reach) {
    reach.basis = Basis::Named;
    reach.because = format!("`{}` reaches internal data of {}", operation.name, store.name);
    let object = event
        .resource
        .as_deref()
        .or(event.operation.as_deref())
        .unwrap_or(&operation.name);
    reach.internal.push(InternalTouch {
        store: store.name.clone(),
        object: object.to_owned(),
        effect: operation.effect,
        records: reach.records,
        bytes: event.bytes_out.and_then(|n| u64::try_from(n).ok()),
    });
}

/// What an activity's name says that it does, in the words of OCSF and of HTTP; a read where it says
/// nothing else.
fn effect_of(activity: &str) -> Effect {
    match activity.to_ascii_lowercase().as_str() {
        "create" | "update" | "write" | "put" | "patch" | "post" | "insert" | "set" | "import" => {
            Effect::Changed
        }
        "delete" | "drop" | "truncate" | "purge" => Effect::Destroyed,
        _ => Effect::Read,
    }
}

fn assumptions(operation: &Operation, event: &Event) -> Vec<String> {
    let name = &operation.name;
    let mut all = vec![match &operation.subjects {
        Whose::None => format!("the data map says that `{name}` reaches no personal data"),
        _ => {
            let classes: Vec<&str> = operation.classes.iter().map(String::as_str).collect();
            let classes = if classes.is_empty() {
                "any".to_owned()
            } else {
                classes.join(", ")
            };
            format!(
                "the data map says that `{name}` reaches data of these classes in {}, and of no others: {classes}",
                operation.store
            )
        }
    }];
    if let (Some(most), None) = (operation.max_bytes, event.bytes_out) {
        all.push(format!(
            "no answer of `{name}` had more than {most} bytes, where the record does not say"
        ));
    }
    let method = event.activity.as_deref().unwrap_or("");
    if is_http(event)
        && ["POST", "PUT", "PATCH"]
            .iter()
            .any(|m| method.eq_ignore_ascii_case(m))
    {
        all.push(format!(
            "the bodies of requests to `{name}`, which no log holds, were as it expects them"
        ));
    }
    if !operation.lookups.is_empty() {
        all.push(format!(
            "`{name}` returns nothing of what it reads in {}",
            operation.lookups.join(", ")
        ));
    }
    if let Some(n) = operation.population {
        all.push(format!(
            "the data of at most {n} persons lies where `{name}` reaches"
        ));
    }
    if operation.records.is_some() {
        all.push(format!(
            "the records of {} say truly which or how many records `{name}` reached",
            event.source
        ));
    }
    if operation.opens.is_some() {
        all.push(format!(
            "the data map names every credential that lies in what `{name}` reads"
        ));
    }
    all
}

/// Everyone in the part of its store that an operation reaches.
fn in_its_part(operation: &Operation) -> Who {
    match operation.population {
        Some(at_most) => Who::Part {
            name: operation.name.clone(),
            at_most,
        },
        None => Who::Everyone,
    }
}
