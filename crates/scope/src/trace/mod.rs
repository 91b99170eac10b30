//! The walk from the seeds: rounds in which control facts attribute events, and attributed events give
//! new control facts, until nothing new comes or the budget is spent.
//!
//! It never decides whose data was reached (that is `account`), and never assumes that somebody else
//! did not use a thing: without evidence or an assertion of that, what it attributes is *possible*.

mod blind;
mod carry;
mod host;
mod issue;
mod job;
mod join;
mod logon;
mod nobody;
mod pivot;
mod sow;
mod store;
mod told;
mod unexplained;

pub use told::Telling;

use crate::control::Control;
use crate::map::{Basis, DataMap, Reach, ReachContext};
use crate::origin::{Origins, is_datastore};
use crate::recall::Recall;
use crate::{Error, Grade, Hop, Seed};
use ambit_event::{Column, Event, EventId, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Coverage, CoverageState, Filter, Lake, Query};
use std::collections::{BTreeMap, BTreeSet};

/// How far a trace may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Events that may be attributed; what lies beyond goes into the upper bound.
    pub max_events: usize,
    /// Rounds of the closure.
    pub max_rounds: usize,
    /// Nanoseconds by which two sources' clocks may differ where nothing shows the difference.
    pub clock_tolerance: i64,
}

impl Config {
    /// The budget for one machine: 200,000 events, 64 rounds, clocks within two seconds.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            max_events: 200_000,
            max_rounds: 64,
            clock_tolerance: 2_000_000_000,
        }
    }
}

/// An attributed event.
#[derive(Debug, Clone)]
pub struct Carried {
    pub event: Event,
    pub grade: Grade,
    /// The hops that attribute it, as indices.
    pub hops: BTreeSet<usize>,
    /// Whether it gives new control facts; false for what is possible only because everything is.
    spreads: bool,
}

/// The walk and what it found.
pub struct Trace<'a> {
    lake: Recall<'a>,
    map: Option<&'a DataMap>,
    /// What the sources saw, with what the intruder may have taken out of them taken into account.
    pub coverage: Coverage,
    config: &'a Config,
    pub control: Control,
    pub attributed: BTreeMap<EventId, Carried>,
    /// Session to the one account that it belongs to, where that is known.
    pub accounts: BTreeMap<String, String>,
    /// Why the walk stopped early, where it did.
    pub cut: Option<String>,
    /// What speaks against an assertion: the seed's sentence, and why it fell back.
    pub contradictions: BTreeMap<String, String>,
    /// Seeds that no record names.
    pub unseen: Vec<Seed>,
    /// Until when persons say that the intruder held what.
    asserted_ends: BTreeSet<(Observable, Timestamp)>,
    /// Facts whose hop attributed anything, by index.
    kinds: BTreeMap<usize, (ObservableKind, bool, Observable)>,
    raised: BTreeSet<EventId>,
    /// Requests that their own records do not bound and whose trace id is a trusted hop's, with the sources
    /// that hold records of them.
    stamped: BTreeMap<EventId, BTreeSet<String>>,
    /// Requests that started a job whose result was taken, and their trace ids.
    delivered: (BTreeSet<EventId>, BTreeSet<String>),
    homes: BTreeMap<Observable, Origins>,
    earliest: Timestamp,
    /// Attributed requests by their trace id.
    requests: BTreeMap<String, BTreeSet<EventId>>,
    /// Stores of credentials that were readable, and when.
    readable: BTreeSet<(ObservableKind, Timestamp)>,
    /// Under which paths results of jobs were taken.
    results: job::Results,
    /// Hosts to which a logon of the intruder may be missing, and since when.
    unseen_logons: BTreeSet<(String, Timestamp)>,
    /// Sources that handed something out and say to whom, each with the source that has a gap then.
    told_issues: BTreeSet<(String, String)>,
    /// Ways into tables, by store and name, of which the source that keeps account holds no statement at all.
    unlogged: BTreeSet<(String, String)>,
}

impl<'a> Trace<'a> {
    /// Walks from the seeds to the end.
    ///
    /// # Errors
    /// Where the lake cannot answer.
    pub async fn walk(
        lake: &'a Lake,
        seeds: &[Seed],
        map: Option<&'a DataMap>,
        coverage: Coverage,
        config: &'a Config,
    ) -> Result<Trace<'a>, Error> {
        let mut trace = Trace {
            lake: Recall::new(lake),
            map,
            coverage,
            config,
            control: Control::default(),
            attributed: BTreeMap::new(),
            accounts: BTreeMap::new(),
            cut: None,
            contradictions: BTreeMap::new(),
            unseen: Vec::new(),
            asserted_ends: BTreeSet::new(),
            kinds: BTreeMap::new(),
            raised: BTreeSet::new(),
            stamped: BTreeMap::new(),
            delivered: Default::default(),
            homes: BTreeMap::new(),
            earliest: Timestamp::MAX,
            requests: BTreeMap::new(),
            readable: BTreeSet::new(),
            results: job::Results::new(),
            unseen_logons: BTreeSet::new(),
            told_issues: BTreeSet::new(),
            unlogged: BTreeSet::new(),
        };
        let ends = seeds
            .iter()
            .filter_map(|s| Some((s.observable.clone(), s.until?)));
        trace.asserted_ends = ends.collect();
        trace.sow(seeds).await?;
        trace.find_unlogged(lake).await?;
        trace.close().await?;
        trace.unrecorded_issues().await?;
        trace.close().await?;
        trace.unnamed_issues().await?;
        trace.close().await?;
        trace.go_on_unexplained().await?;
        trace.close().await?;
        trace.read_hosts().await?;
        trace.attribute_nobodys().await?;
        trace.close().await?;
        trace.note_unseen_logons();
        trace.blind().await?;
        trace.settle_accounts().await?;
        Ok(trace)
    }

    /// Degrades what the hosts wrote that the intruder may have been on, and walks on with what is then no
    /// longer told, until no other host comes.
    async fn blind(&mut self) -> Result<(), Error> {
        let mut known = BTreeMap::new();
        let nothing = DataMap::default();
        loop {
            let hosts = self.hosts();
            if hosts == known {
                return Ok(());
            }
            for (host, since) in &hosts {
                blind::degrade(&mut self.coverage, self.map.unwrap_or(&nothing), host, *since);
            }
            self.leave_hosts(&hosts).await?;
            self.unrecorded_issues().await?;
            self.unnamed_issues().await?;
            self.go_on_unexplained().await?;
            self.attribute_nobodys().await?;
            known = hosts;
            self.raised.extend(self.stamped.keys());
            self.close().await?;
        }
    }

    async fn close(&mut self) -> Result<(), Error> {
        for _ in 0..self.config.max_rounds {
            let fresh = self.control.take_fresh();
            let raised = std::mem::take(&mut self.raised);
            if fresh.is_empty() && raised.is_empty() {
                return Ok(());
            }
            self.pivot(raised).await?;
            self.carry(fresh).await?;
            if self.attributed.len() > self.config.max_events {
                self.cut_at_budget();
            }
            if self.cut.is_some() {
                return Ok(());
            }
        }
        self.cut = Some(format!(
            "the trace was cut after {} rounds, its budget",
            self.config.max_rounds
        ));
        Ok(())
    }

    fn attribute(&mut self, event: Event, grade: Grade, hop: usize, spread: Spread) {
        let id = event.id;
        let spreads = spread == Spread::Yes;
        match self.attributed.get_mut(&id) {
            Some(known) => {
                if known.hops.insert(hop) {
                    self.control.witnessed(hop, id);
                }
                let news = grade > known.grade || (spreads && !known.spreads);
                known.grade = known.grade.max(grade);
                known.spreads |= spreads;
                if news {
                    self.raised.insert(id);
                }
            }
            None => {
                self.control.witnessed(hop, id);
                if let Some(trace) = event.trace.clone().filter(|_| !is_datastore(&event)) {
                    self.requests.entry(trace).or_default().insert(id);
                }
                self.attributed.insert(
                    id,
                    Carried {
                        event,
                        grade,
                        hops: BTreeSet::from([hop]),
                        spreads,
                    },
                );
                self.raised.insert(id);
            }
        }
    }

    /// Attributes an event alone: what shares its trace id has no part in it.
    fn attribute_apart(&mut self, event: Event, grade: Grade, hop: usize) {
        let id = event.id;
        let is_new = !self.attributed.contains_key(&id);
        self.attribute(event, grade, hop, Spread::No);
        if is_new {
            self.raised.remove(&id);
        }
    }

    /// Every step of the walk.
    pub fn hops(&self) -> Vec<Hop> {
        self.control.hops()
    }

    /// What the event's own record reached, by the map.
    pub fn reach(&self, event: &Event) -> Option<Reach> {
        self.reach_with(event, &[])
    }

    fn reach_with(&self, event: &Event, lookups: &[String]) -> Option<Reach> {
        let account = event.actor_session.as_ref().and_then(|s| self.accounts.get(s));
        let context = ReachContext {
            account: account.map(String::as_str),
            lookups,
            ..ReachContext::default()
        };
        Some(self.map?.reach(event, &context))
    }

    /// The tables that the request above a statement reads without returning what stands in them. A request
    /// that does not fit its declaration is not believed about that.
    fn lookups_above(&self, event: &Event) -> Vec<String> {
        let Some(map) = self.map.filter(|_| is_datastore(event)) else {
            return Vec::new();
        };
        let above = event.trace.as_ref().and_then(|id| self.requests.get(id));
        let requests = above
            .into_iter()
            .flatten()
            .filter_map(|id| self.attributed.get(id));
        let fits = requests
            .filter_map(|c| self.reach(&c.event))
            .filter(|r| r.basis != Basis::Unmapped);
        let mut operations = fits.filter_map(|r| map.operation(&r.operation?));
        operations.next().map(|o| o.lookups.clone()).unwrap_or_default()
    }

    /// Whether the event's database session is shared among principals: the map says so for its role.
    pub fn is_pooled(&self, event: &Event) -> bool {
        let Some(map) = self.map else {
            return event.trace.is_some() && is_datastore(event);
        };
        map.channels.iter().any(|c| {
            c.pooled
                && c.accounting == event.source
                && (c.roles.is_empty() || event.actor_user.as_ref().is_some_and(|u| c.roles.contains(u)))
        })
    }

    /// Since when every credential of this kind may have been in the intruder's hands.
    pub fn readable_since(&self, kind: ObservableKind) -> Option<Span> {
        let (_, from) = self.readable.iter().find(|(k, _)| *k == kind)?;
        Some(Span::new(*from, Timestamp::MAX))
    }

    /// Whether a person says that the intruder did not hold it from this instant on.
    pub fn is_asserted_end(&self, observable: &Observable, until: Timestamp) -> bool {
        self.asserted_ends.contains(&(observable.clone(), until))
    }

    /// How many events may be looked at in one piece.
    pub const fn budget(&self) -> usize {
        self.config.max_events
    }

    /// The events that answer a question, at most one more than the budget; more of them cut the trace.
    async fn fetch(&mut self, query: Query) -> Result<Vec<Event>, Error> {
        let most = self.config.max_events;
        let events = self
            .lake
            .events(&Query {
                limit: Some(most.saturating_add(1)),
                ..query
            })
            .await?;
        if events.len() > most {
            self.cut_at_budget();
        }
        Ok(events)
    }

    fn cut_at_budget(&mut self) {
        let most = self.config.max_events;
        let why = format!(
            "the trace was cut at {most} attributed events, its budget; what lies beyond stays possible"
        );
        self.cut.get_or_insert(why);
    }

    /// The worst coverage of a source over a span.
    pub fn state_over(&self, source: &str, span: Span) -> CoverageState {
        self.coverage.state_over(source, span).state
    }
}

/// Whether an attributed event gives new control facts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    Yes,
    No,
}

/// The columns that name such a thing: who acts through another account acts too.
fn naming(kind: ObservableKind, column: Column) -> Vec<Column> {
    match kind {
        ObservableKind::Account => vec![column, Column::ActorInvoker],
        _ => vec![column],
    }
}

/// The filter that finds the events which carry an observable.
fn filter_for(observable: &Observable) -> Option<Filter> {
    match observable.kind.column() {
        Some(column) => {
            let columns = naming(observable.kind, column).into_iter();
            let named = columns.map(|column| Filter::eq(column, &observable.value));
            named.reduce(|one, other| Filter::Any(vec![one, other]))
        }
        None => EventId::parse(&observable.value)
            .ok()
            .map(|id| Filter::Ids(vec![id])),
    }
}

fn group_by(events: Vec<Event>, column: Column) -> BTreeMap<String, Vec<Event>> {
    let mut groups: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events {
        if let Some(value) = event.text(column).map(str::to_owned) {
            groups.entry(value).or_default().push(event);
        }
    }
    groups
}
