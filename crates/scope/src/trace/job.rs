//! Jobs that the intruder started: whoever takes the result of one takes it for the intruder.

use super::{Carried, Spread, Trace};
use crate::Error;
use crate::control::{News, Rule};
use crate::map::{Completion, Credential, Match, Operation, Place, PlainPath, Reach, Route, Segment};
use ambit_event::{Column, Event, Keys, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Filter, Query, Test};
use std::collections::{BTreeMap, HashMap};
use std::num::NonZero;
use std::thread;

/// The paths under which results of jobs are taken, by the operation that takes them.
pub(super) type Results = BTreeMap<String, Paths>;

/// The paths that were seen.
pub(super) struct Paths {
    /// By what they name: the lake holds what was issued as a fingerprint, a path names it in the clear.
    by_job: HashMap<String, Vec<String>>,
    /// Those that the route does not tell.
    untold: Vec<String>,
}

impl Paths {
    fn of(paths: &[String], keys: &Keys, taken: impl Fn(&str) -> Option<String> + Sync) -> Self {
        let job_of = |path: &String| taken(path).map(|taken| keys.fingerprint(&taken));
        let mut all = Self {
            by_job: HashMap::new(),
            untold: Vec::new(),
        };
        for (path, job) in paths.iter().zip(on_all_cores(paths, job_of)) {
            match job {
                Some(job) => all.by_job.entry(job).or_default().push(path.clone()),
                None => all.untold.push(path.clone()),
            }
        }
        all
    }

    /// The paths that can name the job.
    fn naming(&self, job: &str, keys: &Keys) -> impl Iterator<Item = &String> {
        // A fingerprint stays as it is.
        let named = self.by_job.get(&keys.fingerprint(job));
        named.into_iter().flatten().chain(&self.untold)
    }
}

impl Trace<'_> {
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
        let Some(downloads) = self.downloads(&job).await? else {
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

    /// The records that can be downloads of the job's result; `None` where none can. Where the path names the job,
    /// the paths alone are asked first: everybody's downloads are many.
    async fn downloads(&mut self, job: &str) -> Result<Option<Filter>, Error> {
        let operations = self.map.into_iter().flat_map(|map| &map.operations);
        let mut downloads = Vec::new();
        for operation in operations.filter(|o| o.takes == Some(Credential::Job)) {
            let (Match::Route(route), Some(Place::Path(name))) = (&operation.matches, &operation.takes_from)
            else {
                downloads.push(taken_by(operation));
                continue;
            };
            self.see_results(operation, route, name).await?;
            let paths = self.results.get(&operation.name).into_iter();
            let named: Vec<&String> = paths
                .flat_map(|paths| paths.naming(job, self.lake.keys()))
                .collect();
            if !named.is_empty() {
                downloads.push(Filter::one_of(Column::Resource, named.into_iter().cloned()));
            }
        }
        Ok((!downloads.is_empty()).then_some(Filter::Any(downloads)))
    }

    /// Asks once under which paths results were taken at all: they are looked for in all records, and to ask for those
    /// after some instant takes much longer, as paths are told without their records.
    async fn see_results(&mut self, operation: &Operation, route: &Route, name: &str) -> Result<(), Error> {
        if self.results.contains_key(&operation.name) {
            return Ok(());
        }
        let paths = self.lake.values(Column::Resource, &path_of(route)).await?;
        let taken = |path: &str| taken_from(route, name, path);
        let paths = Paths::of(&paths, self.lake.keys(), taken);
        self.results.insert(operation.name.clone(), paths);
        Ok(())
    }

    /// Whether what a record names is the job: the lake holds what was issued as a fingerprint, a path names it in
    /// the clear.
    fn names(&self, taken: &str, job: &str) -> bool {
        taken == job || self.lake.keys().fingerprint(taken) == job
    }
}

/// What is said of each: a lake of tens of millions of records holds a hundred thousand downloads.
fn on_all_cores<T: Sync, U: Send>(all: &[T], say: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = all.chunks(all.len().div_ceil(n_threads).max(1));
    thread::scope(|scope| {
        let at_work: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().map(&say).collect::<Vec<U>>()))
            .collect();
        let said = at_work.into_iter().flat_map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        said.collect()
    })
}

/// The parameter of a path; `None` where the route does not tell it.
fn taken_from(route: &Route, name: &str, path: &str) -> Option<String> {
    let path = PlainPath::parse(path).ok()?;
    route.captures(&route.method, &path)?.get(name).cloned()
}

/// The records that an operation may be: those of its route, every parameter left open.
fn taken_by(operation: &Operation) -> Filter {
    match &operation.matches {
        Match::Route(route) => Filter::Column(Column::Resource, path_of(route)),
        Match::Api(glob) => Filter::Column(Column::Operation, Test::like(glob.pattern())),
    }
}

/// The paths that can be of a route.
fn path_of(route: &Route) -> Test {
    let segment = |s: &Segment| match s {
        Segment::Literal(text) => text.clone(),
        _ => "*".to_owned(),
    };
    let path: Vec<String> = route.segments.iter().map(segment).collect();
    Test::like(&format!("/{}*", path.join("/")))
}
