//! From seeds to the answer, in the order in which SCOPE.md defines it.

mod accesses;
mod assertions;
mod coverage;
mod exposed;
mod found;
mod timeline;

use crate::account::{Contribution, Graded, account};
use crate::bounds::{Tally, internal, records};
use crate::claims::{Grounds, claims};
use crate::gaps::{Gapped, everyone, gapped};
use crate::map::{Basis, Channel, Completion, DataMap, Effect, Principal};
use crate::residence::residence;
use crate::trace::{Carried, Config, Trace};
use crate::unanswered::{Unanswered, unanswered};
use crate::ways::implied_ways;
use crate::writes::Writes;
use crate::{Access, Attributed, Bounds, Error, Grade, InternalAccess, Scope, Seed, Subjects};
use ambit_event::{Column, EventId, Noticed, Span, Timestamp};
use ambit_lake::{Assertion, Coverage, Filter, Lake, Query, Test};
use futures::future::{BoxFuture, FutureExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use timeline::clock_skew;

/// The question.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub seeds: Vec<Seed>,
    pub map: Option<&'a DataMap>,
    /// What a person says of a source's completeness.
    pub coverage_assertions: Vec<Assertion>,
    pub config: Config,
    /// What is shown; control and bounds never depend on it.
    pub shown: Option<Span>,
}

/// The answer with the version of the lake that gave it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub lake_version: u64,
    #[serde(flatten)]
    pub scope: Scope,
    /// The attributed events, for exports.
    #[serde(skip)]
    pub attributed: Vec<Attributed>,
}

/// Computes the scope of the seeds over the lake, at the version that this handle shows. The future is
/// boxed, so that the computation is compiled here once, not by everyone who asks.
///
/// # Errors
/// [`Error::NoSeed`] without a seed, [`Error::Coverage`] where something is asserted of a source that is not
/// there, [`Error::Lake`] where the lake cannot answer.
pub fn scope<'a>(lake: &'a Lake, request: &'a Request<'_>) -> BoxFuture<'a, Result<Answer, Error>> {
    compute(lake, request).boxed()
}

async fn compute(lake: &Lake, request: &Request<'_>) -> Result<Answer, Error> {
    if request.seeds.is_empty() {
        return Err(Error::NoSeed);
    }
    let mut seeds: Vec<Seed> = request
        .seeds
        .iter()
        .map(|s| s.clone().fingerprinted(lake.keys()))
        .collect();
    seeds.sort();
    seeds.dedup();
    let coverage = lake.ledger().await?.coverage(&request.coverage_assertions);
    refuse_idle(&request.coverage_assertions, &coverage)?;
    let findings = lake.findings().await?;
    let held = found::events_of(&seeds, &findings)?;
    let trace = Trace::walk(lake, &held, request.map, coverage, &request.config).await?;
    let coverage = &trace.coverage;
    let nothing = DataMap::default();
    let map = request.map.unwrap_or(&nothing);
    let writes = Writes::read(lake, &trace, map).await?;
    let unanswered = unanswered(&held, request.map, &trace, coverage);
    // A map without a store bounds nothing.
    let bounding = request.map.filter(|map| !map.stores.is_empty());
    let implied = match bounding {
        Some(map) => implied_ways(lake, map).await?,
        None => Vec::new(),
    };
    let (mut contributions, gapped) = match bounding {
        Some(map) => (
            account(&trace, map, &writes).await,
            gapped(lake, &trace, map, &implied, coverage, &writes).await?,
        ),
        None => Default::default(),
    };
    contributions.extend(gapped.contributions.iter().cloned());
    contributions.extend(beyond_budget(&trace, map));
    let parts = Parts {
        lake,
        request,
        seeds: &seeds,
        findings: &findings,
        coverage,
        map,
        is_mapped: bounding.is_some(),
        unanswered: &unanswered,
        implied: &implied,
        contributions: &contributions,
        gapped: &gapped,
    };
    let scope = parts.compose(&trace).await?;
    let attributed = exported(&trace);
    Ok(Answer {
        lake_version: lake.version().0,
        scope,
        attributed,
    })
}

/// What is asserted of a source that the lake does not hold is a slip, and would be taken for a ground.
fn refuse_idle(assertions: &[Assertion], coverage: &Coverage) -> Result<(), Error> {
    let streams = &coverage.streams;
    let speaks = |a: &Assertion| streams.iter().any(|s| a.applies(&s.source, s.host.as_deref()));
    let Some(idle) = assertions.iter().find(|a| !streams.is_empty() && !speaks(a)) else {
        return Ok(());
    };
    let sources: BTreeSet<&str> = streams.iter().map(|s| s.source.as_str()).collect();
    let host = idle.host.as_ref().map(|h| format!(" on {h}")).unwrap_or_default();
    Err(Error::Coverage {
        named: format!("{}{host}", idle.source),
        sources: sources.into_iter().collect::<Vec<_>>().join(", "),
    })
}

/// Everything that the answer is composed from.
struct Parts<'p> {
    lake: &'p Lake,
    request: &'p Request<'p>,
    seeds: &'p [Seed],
    /// What detection noted so far.
    findings: &'p [Noticed],
    coverage: &'p Coverage,
    map: &'p DataMap,
    /// Whether a data map says where data lies.
    is_mapped: bool,
    unanswered: &'p [Unanswered],
    /// Ways into stores that no channel of the map names.
    implied: &'p [Channel],
    contributions: &'p [Contribution],
    gapped: &'p Gapped,
}

impl Parts<'_> {
    async fn compose(&self, trace: &Trace<'_>) -> Result<Scope, Error> {
        let tally = Tally::of(self.contributions, self.map);
        let effects = self.effects(&tally);
        let subjects = self.subjects(&tally);
        let internal = internal(self.contributions);
        let internal_possible = self.internal_possible(trace);
        let platforms = self.platforms().await?;
        let rests_on = self.rests_on();
        let claims = claims(&Grounds {
            subjects: &subjects,
            effects: &effects,
            internal: &internal,
            internal_possible,
            internal_classes: &self.internal_classes(&internal, internal_possible),
            gaps: &self.gapped.gaps,
            platforms: &platforms,
            trace,
            rests_on: &rests_on,
            mapped: self.is_mapped,
            unanswered: self.unanswered,
        });
        let (accesses, attempts): (Vec<Access>, Vec<Access>) = self
            .accesses()
            .into_iter()
            .partition(|a| a.completion != "attempt");
        Ok(Scope {
            content_root: self.lake.content_root().await?,
            window: self.coverage.window,
            mapped: self.is_mapped,
            unanswered: self.unanswered.iter().map(|u| u.why.clone()).collect(),
            seeds: self.seeds.iter().map(|s| s.observable.to_string()).collect(),
            assertions: self.assertions(trace),
            residence: residence(&tally, self.map, &subjects),
            subjects,
            records: self.records(),
            classes: effects.get(Effect::Read.name()).cloned().unwrap_or_default(),
            effects,
            pairs: tally.pairs(),
            accesses: accesses
                .into_iter()
                .filter(|a| a.completion != "nothing")
                .collect(),
            attempts,
            unmapped: self.unmapped(trace),
            internal,
            n_attributed: trace.attributed.len() as u64,
            gaps: self.gapped.gaps.clone(),
            coverage: self.coverage_of_sources(trace),
            claims,
            exposed: self.exposed(trace).await?,
            same_method: "not hunted".to_owned(),
            clock_skew: clock_skew(trace, self.map),
            timeline: self.timeline(trace),
            trace: trace.hops(),
        })
    }

    async fn platforms(&self) -> Result<BTreeSet<String>, Error> {
        let any = Query::of(Filter::Column(Column::AppPlatform, Test::Present));
        let seen = self.lake.distinct(&[Column::AppPlatform], &any).await?;
        Ok(seen.into_iter().filter_map(|d| d.value).collect())
    }

    fn effects(&self, tally: &Tally) -> BTreeMap<String, BTreeMap<String, Bounds>> {
        let classes = tally.classes(self.map);
        let of = |effect: Effect| {
            classes
                .iter()
                .map(|class| (class.clone(), self.opened(tally.bounds(self.map, class, effect))))
                .collect()
        };
        Effect::ALL
            .iter()
            .map(|effect| (effect.name().to_owned(), of(*effect)))
            .collect()
    }

    fn subjects(&self, tally: &Tally) -> Subjects {
        let mut subjects = tally.subjects(self.map);
        if let Some(because) = self.unbounded() {
            subjects.at_most = None;
            subjects.because = because;
        }
        subjects
    }

    fn records(&self) -> Bounds {
        self.opened(records(self.contributions))
    }

    /// Why nothing bounds the answer from above: there is no map, or the question has no answer in the lake.
    fn unbounded(&self) -> Option<Vec<String>> {
        let mut because: Vec<String> = self.unanswered.iter().map(|u| u.why.clone()).collect();
        if self.request.map.is_none() {
            because.push("there is no data map, so nothing says which operations reach whose data: `ambit map init` proposes one".to_owned());
        }
        (!because.is_empty()).then_some(because)
    }

    fn opened(&self, bounds: Bounds) -> Bounds {
        match self.unbounded() {
            Some(because) => Bounds {
                at_most: None,
                because,
                ..bounds
            },
            None => bounds,
        }
    }

    /// Whether internal data may have been reached unseen: by an operation that the map does not know,
    /// through a gap on a way into an internal store, or beyond the budget of the trace.
    fn internal_possible(&self, trace: &Trace<'_>) -> bool {
        let internal = |store: &str| self.map.store(store).is_some_and(|s| s.internal);
        let unknown = trace.cut.is_some()
            || self.contributions.iter().any(|c| {
                c.basis == Basis::Unmapped
                    && !matches!(c.completion, Completion::Nothing | Completion::Attempt)
            });
        let gapped: BTreeSet<&str> = self.gapped.gaps.iter().map(|g| g.channel.as_str()).collect();
        let mut open = self.ways().filter(|c| gapped.contains(c.name.as_str()));
        unknown || open.any(|c| internal(&c.store))
    }

    /// The classes of company data that was read, by how sure that is; of all company data where it may have been
    /// read unseen.
    fn internal_classes(&self, seen: &[InternalAccess], unseen: bool) -> BTreeMap<String, Grade> {
        let read = seen.iter().filter(|access| access.effect == Effect::Read.name());
        let read = read.filter_map(|access| Some((self.map.store(&access.store)?, access.grade)));
        let all = self.map.stores.iter().filter(|store| unseen && store.internal);
        let mut classes: BTreeMap<String, Grade> = BTreeMap::new();
        for (store, grade) in read.chain(all.map(|store| (store, Grade::Possible))) {
            for class in self.map.classes_of(store) {
                let known = classes.entry(class).or_insert(grade);
                *known = grade.max(*known);
            }
        }
        classes
    }

    /// Every way into a store, declared or implied.
    fn ways(&self) -> impl Iterator<Item = &Channel> {
        self.map.channels.iter().chain(self.implied)
    }

    fn shows(&self, at: Timestamp) -> bool {
        self.request.shown.is_none_or(|span| span.contains(at))
    }
}

/// What the budget cut is not excluded: everyone whom any way reaches.
fn beyond_budget(trace: &Trace<'_>, map: &DataMap) -> Vec<Contribution> {
    let Some(why) = &trace.cut else { return Vec::new() };
    let stores: BTreeSet<&String> = map.stores.iter().map(|s| &s.name).collect();
    let one = |store: &String| Contribution {
        event: EventId::default(),
        time: Timestamp::MIN,
        source: String::new(),
        operation: "beyond the budget".to_owned(),
        store: Some(store.clone()),
        grade: Grade::Possible,
        basis: Basis::Whole,
        completion: Completion::Possible,
        touches: everyone(map, store, Principal::Connection)
            .into_iter()
            .map(|touch| Graded {
                touch,
                grade: Grade::Possible,
                because: why.clone(),
            })
            .collect(),
        internal: Vec::new(),
        records: None,
        record_names: BTreeSet::new(),
        because: why.clone(),
        hops: Vec::new(),
        gap: None,
        assumptions: BTreeSet::new(),
    };
    stores.into_iter().map(one).collect()
}

/// The attributed events by time, then id.
fn in_order<'t>(trace: &'t Trace<'_>) -> Vec<&'t Carried> {
    let mut all: Vec<&Carried> = trace.attributed.values().collect();
    all.sort_by_key(|c| (c.event.time, c.event.id));
    all
}

fn exported(trace: &Trace<'_>) -> Vec<Attributed> {
    let hops = |c: &Carried| {
        c.hops
            .iter()
            .map(|h| trace.control.hop_id(*h).to_owned())
            .collect()
    };
    in_order(trace)
        .into_iter()
        .map(|c| Attributed {
            event: c.event.clone(),
            grade: c.grade,
            hops: hops(c),
        })
        .collect()
}
