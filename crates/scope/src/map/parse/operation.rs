//! Operations: how a record of one is known, and whose data of which classes it reaches.

use super::reader::{At, Reader, Section};
use super::words::Use;
use crate::map::grammar::Grammar;
use crate::map::model::{Credential, DataMap, Match, Operation, Place, Store, Whose};
use crate::map::nearest::did_you_mean;
use crate::map::route::{Glob, ObjectPath, Route};
use ambit_event::printable;
use std::collections::BTreeMap;

impl Reader<'_> {
    pub(super) fn operation(&mut self, s: Section<'_>, map: &DataMap) -> Option<Operation> {
        self.known(
            s,
            &[
                "name",
                "source",
                "match",
                "api",
                "resource",
                "when",
                "store",
                "subjects",
                "population",
                "classes",
                "effect",
                "parameters",
                "max_records",
                "records",
                "max_bytes",
                "lookups",
                "starts",
                "issues",
                "takes",
                "takes_from",
                "sets",
                "opens",
            ],
        );
        let parameters = self.parameters(s);
        let matches = self.matches(s);
        let resource = self.resource(s, matches.as_ref());
        let subjects = self.subjects(s, matches.as_ref(), resource.as_ref(), &parameters);
        let store = self.required(s, "store");
        let found = store.as_ref().and_then(|store| {
            self.reference(store, "store", map.stores.iter().map(|s| s.name.as_str()));
            map.store(&store.value)
        });
        let operation = Operation {
            name: self.name(s)?,
            source: self.text(s, "source").map(|s| s.value),
            matches: matches?.value,
            resource: resource?,
            when: self.conditions(s),
            store: store?.value,
            subjects: subjects?,
            population: self.count(s, "population", 0),
            classes: self.classes(s),
            effect: self.effect(s),
            parameters: parameters
                .into_iter()
                .map(|(name, at)| (name, at.value))
                .collect(),
            max_records: self.count(s, "max_records", 0),
            records: self.recorded(s),
            max_bytes: self.count(s, "max_bytes", 0),
            lookups: self.lookups(s, found),
            starts: self.kind(s, "starts"),
            issues: self.kind(s, "issues"),
            takes: self.kind(s, "takes"),
            takes_from: self.text(s, "takes_from").and_then(|text| self.place(&text)),
            sets: self.kind(s, "sets"),
            opens: self.opens(s),
        };
        self.advise(s, &operation, found, map);
        Some(operation)
    }

    /// What can be read, and will not do what its author hopes.
    fn advise(&mut self, s: Section<'_>, o: &Operation, store: Option<&Store>, map: &DataMap) {
        let keyed = store
            .and_then(|s| map.subject_of(s))
            .and_then(|s| map.subject(s))
            .is_some_and(|s| s.keys.is_some());
        if let Match::Route(route) = &o.matches {
            for name in route.parameters().filter(|n| !o.parameters.contains_key(*n)) {
                if o.subjects == Whose::Place(Place::Path(name.to_owned())) && keyed {
                    continue;
                }
                let hint = format!("add `{name}` to `parameters`, such as `{name} = \"[0-9]+\"`");
                let title = format!(
                    "`{{{name}}}` has no grammar, so every record of this operation counts as unmapped"
                );
                self.warning(
                    "no-grammar",
                    s.get("match").map_or(s.span(), |(_, span)| span),
                    &title,
                    Some(hint),
                );
            }
        }
        if o.takes == Some(Credential::Job) && o.takes_from.is_none() {
            let hint = "say where the record names the job: `takes_from = \"path.job_id\"`";
            self.warning(
                "no-takes-from",
                s.span(),
                "the operation takes a job's result, and does not say of which job",
                Some(hint.to_owned()),
            );
        }
        let personal = store.is_none_or(|s| !s.internal) && o.subjects != Whose::None;
        if personal && o.classes.is_empty() {
            let hint = "list the classes that it reaches in `classes`";
            self.warning(
                "no-classes",
                s.span(),
                "the operation names no classes, so it counts as reaching all of its store",
                Some(hint.to_owned()),
            );
        }
    }

    fn matches(&mut self, s: Section<'_>) -> Option<At<Match>> {
        match (self.text(s, "match"), self.text(s, "api")) {
            (Some(route), None) => match Route::parse(&route.value) {
                Ok(parsed) => Some(At {
                    value: Match::Route(parsed),
                    span: route.span,
                }),
                Err(why) => {
                    self.error(
                        "bad-route",
                        route.span,
                        &printable(&why, 200),
                        Some("a method and a path: `GET /v1/users/{user_id}`".to_owned()),
                    );
                    None
                }
            },
            (None, Some(api)) => Some(At {
                value: Match::Api(Glob::new(&api.value)),
                span: api.span,
            }),
            _ => {
                let title = "the operation has to have either `match` or `api`";
                self.error(
                    "no-match",
                    s.span(),
                    title,
                    Some("`match = \"GET /v1/users/{user_id}\"`, or `api = \"users.*\"`".to_owned()),
                );
                None
            }
        }
    }

    fn parameters(&mut self, s: Section<'_>) -> BTreeMap<String, At<Grammar>> {
        let pairs = self.pairs(s, "parameters");
        pairs
            .into_iter()
            .filter_map(|(name, pattern)| {
                let grammar = self.grammar(&pattern, Use::Parameter)?;
                Some((
                    name,
                    At {
                        value: grammar,
                        span: pattern.span,
                    },
                ))
            })
            .collect()
    }

    fn subjects(
        &mut self,
        s: Section<'_>,
        matches: Option<&At<Match>>,
        resource: Option<&Option<ObjectPath>>,
        parameters: &BTreeMap<String, At<Grammar>>,
    ) -> Option<Whose> {
        let text = self.required(s, "subjects")?;
        let place = match text.value.as_str() {
            "statements" => return Some(Whose::Statements),
            "everyone" => return Some(Whose::Everyone),
            "none" => return Some(Whose::None),
            _ => self.place(&text)?,
        };
        match (&place, matches.map(|m| &m.value)) {
            (Place::Path(name), Some(Match::Route(route))) if !route.parameters().any(|p| p == name) => {
                let names: Vec<&str> = route.parameters().collect();
                self.missing(
                    &text,
                    &format!("the route has no parameter `{name}`"),
                    name,
                    &names,
                );
            }
            (Place::Path(name), Some(Match::Api(_))) => {
                let names: Vec<&str> = resource
                    .into_iter()
                    .flatten()
                    .flat_map(ObjectPath::parameters)
                    .collect();
                if names.is_empty() {
                    self.error(
                        "bad-subjects",
                        text.span,
                        "an operation without a route or `resource` has no path parameters",
                        Some(
                            "name the part of the object: `resource = \"s3://media/users/{user}/{file...}\"`"
                                .to_owned(),
                        ),
                    );
                } else if !names.contains(&name.as_str()) {
                    let title = format!("`resource` has no parameter `{name}`");
                    self.missing(&text, &title, name, &names);
                }
            }
            (Place::Query(name), _) if !parameters.contains_key(name) => {
                let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
                self.missing(
                    &text,
                    &format!("`parameters` does not declare `{name}`"),
                    name,
                    &names,
                );
            }
            _ => {}
        }
        Some(Whose::Place(place))
    }

    fn place(&mut self, text: &At<String>) -> Option<Place> {
        const WORDS: &[&str] = &[
            "actor.user",
            "session.account",
            "resource",
            "subject_refs",
            "parameters",
            "statements",
            "everyone",
            "none",
        ];
        let place = match text.value.split_once('.') {
            _ if text.value == "actor.user" => Some(Place::ActorUser),
            _ if text.value == "session.account" => Some(Place::SessionAccount),
            _ if text.value == "subject_refs" => Some(Place::SubjectRefs),
            _ if text.value == "resource" => Some(Place::Resource),
            _ if text.value == "parameters" => Some(Place::Parameters),
            Some((_, "")) => None,
            Some(("path", name)) => Some(Place::Path(name.to_owned())),
            Some(("query", name)) => Some(Place::Query(name.to_owned())),
            Some(("field", name)) => Some(Place::Field(name.to_owned())),
            Some(("parameter", n)) => n.parse().ok().filter(|n| *n > 0).map(Place::Parameter),
            _ => None,
        };
        if place.is_none() {
            let near = did_you_mean(&text.value, WORDS.iter().copied());
            let forms = "write path.X, query.X, field.X, parameter.N, parameters, actor.user, session.account, resource, subject_refs, statements, everyone or none";
            let title = format!("`{}` is no place in a record", printable(&text.value, 60));
            self.error(
                "bad-place",
                text.span.clone(),
                &title,
                Some(near.unwrap_or_else(|| forms.to_owned())),
            );
        }
        place
    }

    fn lookups(&mut self, s: Section<'_>, store: Option<&Store>) -> Vec<String> {
        let lookups = self.texts(s, "lookups");
        if let Some(store) = store {
            for name in &lookups {
                if !store
                    .tables
                    .iter()
                    .any(|t| t.is_among(std::slice::from_ref(&name.value)))
                {
                    let names: Vec<&str> = store.tables.iter().map(|t| t.name.as_str()).collect();
                    let title = format!(
                        "the store `{}` has no table `{}`",
                        printable(&store.name, 60),
                        printable(&name.value, 60)
                    );
                    self.missing(name, &title, &name.value, &names);
                }
            }
        }
        lookups.into_iter().map(|l| l.value).collect()
    }
}
