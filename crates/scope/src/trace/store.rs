//! Stores of credentials that the intruder could read, and jobs whose results it can take.

use super::{Carried, Spread, Trace};
use crate::control::{News, Rule};
use crate::map::{Completion, Credential, Match, Operation, Place, PlainPath, Reach, Route, Segment};
use crate::origin::is_datastore;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Filter, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    /// Stores of credentials were readable: each credential that was issued by then is possible from then
    /// on. Passwords and what recovers them open every account later.
    pub(super) async fn read_stores(&mut self, dumps: Vec<(ObservableKind, Carried)>) -> Result<(), Error> {
        let mut new: BTreeMap<ObservableKind, Vec<Dump>> = BTreeMap::new();
        for (kind, c) in dumps {
            let when = c.event.when();
            if self.readable.insert((kind, when.from)) {
                let hop = self.note_dump(kind, &c);
                new.entry(kind).or_default().push(Dump { when, hop });
            }
        }
        for (kind, mut dumps) in new {
            dumps.sort_by_key(|d| (d.when, d.hop));
            self.read_store(kind, &dumps).await?;
        }
        Ok(())
    }

    fn note_dump(&mut self, kind: ObservableKind, c: &Carried) -> usize {
        self.control.note(News {
            rule: Rule::Readable,
            from: self.cause(c).as_ref(),
            to: Observable::new(kind, "*"),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: Grade::Possible,
            exclusive: false,
            reason: "an attributed event could read the store of them".to_owned(),
            evidence: Some(&c.event),
        })
    }

    async fn read_store(&mut self, kind: ObservableKind, dumps: &[Dump]) -> Result<(), Error> {
        let (used, issued) = match kind {
            ObservableKind::Session => (Column::ActorSession, Some(Column::IssuedSession)),
            ObservableKind::Token => (Column::ActorCredential, Some(Column::IssuedCredential)),
            ObservableKind::Account => (Column::ActorUser, None),
            ObservableKind::Connection => (Column::Connection, None),
            _ => return Ok(()),
        };
        let Some(first) = dumps.first() else { return Ok(()) };
        let issued = match issued {
            Some(column) => self.issued_at(column).await?,
            None => BTreeMap::new(),
        };
        let span = Span::new(first.when.from, Timestamp::MAX);
        let beside = self.strong_addresses();
        let events = self
            .fetch(Query::of(Filter::Column(used, Test::Present)).within(span))
            .await?;
        // What accounts of databases do is known by their sessions.
        let of_databases = kind == ObservableKind::Connection;
        for event in events.into_iter().filter(|e| is_datastore(e) == of_databases) {
            let Some(value) = event.text(used).map(str::to_owned) else {
                continue;
            };
            let lay_there = |d: &&Dump| {
                d.when.from < event.when().until && issued.get(&value).is_none_or(|at| *at <= d.when.until)
            };
            let Some(dump) = dumps.iter().find(lay_there) else {
                continue;
            };
            if kind != ObservableKind::Account && event.src_ip.as_ref().is_some_and(|a| beside.contains(a)) {
                self.seen_beside(kind, value, &event, dump.when.from);
            }
            self.attribute(event, Grade::Possible, dump.hop, Spread::No);
        }
        Ok(())
    }

    /// When each credential is first recorded as issued.
    async fn issued_at(&self, column: Column) -> Result<BTreeMap<String, Timestamp>, Error> {
        let issued = self
            .lake
            .distinct(&[column], &Query::of(Filter::Column(column, Test::Present)))
            .await?;
        Ok(issued
            .into_iter()
            .filter_map(|d| Some((d.value?, d.seen.from)))
            .collect())
    }

    fn seen_beside(&mut self, kind: ObservableKind, value: String, event: &Event, from: Timestamp) {
        self.control.add(News {
            rule: Rule::ReadableAndSeen,
            from: None,
            to: Observable::new(kind, value),
            span: Span::new(from, Timestamp::MAX),
            grade: Grade::Probable,
            exclusive: false,
            reason: "it lay in a store that the intruder could read, and was used from the intruder's origin"
                .to_owned(),
            evidence: Some(event),
        });
    }

    /// Addresses from which events came that are more than possibly the intruder's.
    fn strong_addresses(&self) -> BTreeSet<String> {
        let strong = self
            .attributed
            .values()
            .filter(|c| c.grade > Grade::Possible && !is_datastore(&c.event));
        strong.filter_map(|c| c.event.src_ip.clone()).collect()
    }

    /// Downloads of the result of a job that the intruder started are the intruder's.
    pub(super) async fn pivot_job(&mut self, c: &Carried, reach: &Reach) -> Result<(), Error> {
        let starts = reach
            .operation
            .as_deref()
            .and_then(|o| self.map?.operation(o))
            .and_then(|o| o.starts);
        let Some(job) = c
            .event
            .issued_credential
            .clone()
            .filter(|_| starts == Some(Credential::Job))
        else {
            return Ok(());
        };
        let hop = self.control.note(News {
            rule: Rule::StartedJob,
            from: self.cause(c).as_ref(),
            to: Observable::new(ObservableKind::Token, job.clone()),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: c.grade,
            exclusive: false,
            reason: "whoever takes the result of an attributed job takes it for the intruder".to_owned(),
            evidence: Some(&c.event),
        });
        let span = Span::new(c.event.time, Timestamp::MAX);
        let Some(downloads) = self.downloads(&job, span).await? else {
            return Ok(());
        };
        for event in self.fetch(Query::of(downloads).within(span)).await? {
            let Some(reach) = self.reach(&event) else { continue };
            if reach.takes.as_ref().is_some_and(|taken| self.names(taken, &job)) {
                if reach.completion == Completion::Done {
                    self.delivered.0.insert(c.event.id);
                    self.delivered.1.extend(c.event.trace.clone());
                }
                self.attribute(event, c.grade, hop, Spread::No);
            }
        }
        Ok(())
    }

    /// Whether what a request reached was handed over: the result of a job only where it was taken.
    pub fn is_delivered(&self, event: &Event, reach: &Reach) -> bool {
        let operation = reach
            .operation
            .as_deref()
            .and_then(|name| self.map?.operation(name));
        let starts_job = operation.is_some_and(|o| o.starts == Some(Credential::Job));
        let (events, traces) = &self.delivered;
        !starts_job
            || events.contains(&event.id)
            || event.trace.as_ref().is_some_and(|id| traces.contains(id))
    }
}

impl Trace<'_> {
    /// The records that can be downloads of the job's result; `None` where none can. Where the path names the job,
    /// the paths alone are asked first: everybody's downloads are many.
    async fn downloads(&self, job: &str, span: Span) -> Result<Option<Filter>, Error> {
        let operations = self.map.into_iter().flat_map(|map| &map.operations);
        let mut downloads = Vec::new();
        for operation in operations.filter(|o| o.takes == Some(Credential::Job)) {
            let (Match::Route(route), Some(Place::Path(name))) = (&operation.matches, &operation.takes_from)
            else {
                downloads.push(taken_by(operation));
                continue;
            };
            let query = Query::of(taken_by(operation)).within(span);
            let paths = self.lake.distinct(&[Column::Resource], &query).await?;
            let paths = paths.into_iter().filter_map(|d| d.value);
            let named = paths.filter(|path| {
                let taken = taken_from(route, name, path);
                taken.is_none_or(|taken| self.names(&taken, job))
            });
            let named: Vec<String> = named.collect();
            if !named.is_empty() {
                downloads.push(Filter::one_of(Column::Resource, named));
            }
        }
        Ok((!downloads.is_empty()).then_some(Filter::Any(downloads)))
    }

    /// Whether what a record names is the job: the lake holds what was issued as a fingerprint, a path names it in
    /// the clear.
    fn names(&self, taken: &str, job: &str) -> bool {
        taken == job || self.lake.keys().fingerprint(taken) == job
    }
}

/// The parameter of a path; `None` where the route does not tell it.
fn taken_from(route: &Route, name: &str, path: &str) -> Option<String> {
    let path = PlainPath::parse(path).ok()?;
    route.captures(&route.method, &path)?.get(name).cloned()
}

/// A moment at which a store of credentials was readable.
struct Dump {
    when: Span,
    hop: usize,
}

/// The records that an operation may be: those of its route, every parameter left open.
fn taken_by(operation: &Operation) -> Filter {
    match &operation.matches {
        Match::Route(route) => {
            let segment = |s: &Segment| match s {
                Segment::Literal(text) => text.clone(),
                _ => "*".to_owned(),
            };
            let path: Vec<String> = route.segments.iter().map(segment).collect();
            Filter::Column(Column::Resource, Test::Like(format!("/{}*", path.join("/"))))
        }
        Match::Api(glob) => Filter::Column(Column::Operation, Test::Like(glob.pattern().to_owned())),
    }
}
