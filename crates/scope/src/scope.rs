//! From seeds to the answer, in the order in which SCOPE.md defines it.

use crate::account::{Contribution, Graded, account, operation_text};
use crate::bounds::{Tally, internal, records};
use crate::claims::{Grounds, claims};
use crate::control::Rule;
use crate::gaps::{Gapped, everyone, gapped};
use crate::map::{Basis, Completion, DataMap, Effect, Host, Principal, Who};
use crate::origin::is_datastore;
use crate::trace::{Carried, Config, Trace};
use crate::writes::Writes;
use crate::{
    Access, AssertionUsed, Attributed, Bounds, Error, Exposed, Grade, Scope, Seed, SourceCoverage, Subjects,
    Timeline, TimelineEntry, UnmappedOperation,
};
use ambit_event::{Column, EventId, Span, Timestamp};
use ambit_lake::{Assertion, Coverage, CoverageState, Filter, Lake, Query, Test};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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

const MOST_ENTRIES: usize = 1_000;

/// Computes the scope of the seeds over the lake, at the version that this handle shows.
///
/// # Errors
/// [`Error::NoSeed`] without a seed, [`Error::Lake`] where the lake cannot answer.
pub async fn scope(lake: &Lake, request: &Request<'_>) -> Result<Answer, Error> {
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
    let trace = Trace::walk(lake, &seeds, request.map, coverage, &request.config).await?;
    let coverage = &trace.coverage;
    let nothing = DataMap::default();
    let map = request.map.unwrap_or(&nothing);
    let writes = Writes::read(lake, &trace, map).await?;
    let mut contributions = if request.map.is_some() {
        account(&trace, map, &writes).await
    } else {
        Vec::new()
    };
    let gapped = if request.map.is_some() {
        gapped(lake, &trace, map, coverage, &writes).await?
    } else {
        Gapped::default()
    };
    contributions.extend(gapped.contributions.iter().cloned());
    contributions.extend(beyond_budget(&trace, map));
    let parts = Parts {
        lake,
        request,
        seeds: &seeds,
        coverage,
        map,
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

/// What the map says of a host that the intruder may have been on.
fn of_host(host: &Host) -> Vec<String> {
    let addresses: Vec<&str> = host.addresses.iter().map(String::as_str).collect();
    let mut all = Vec::new();
    if !addresses.is_empty() {
        all.push(format!(
            "connections of {} come from no other address than {}",
            host.name,
            addresses.join(", ")
        ));
    }
    if !host.also.is_empty() {
        all.push(format!(
            "{} is called {} too, and nothing else",
            host.name,
            host.also.join(", ")
        ));
    }
    all
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
        because: why.clone(),
        hops: Vec::new(),
        gap: None,
        assumptions: BTreeSet::new(),
    };
    stores.into_iter().map(one).collect()
}

/// Everything that the answer is composed from.
struct Parts<'p> {
    lake: &'p Lake,
    request: &'p Request<'p>,
    seeds: &'p [Seed],
    coverage: &'p Coverage,
    map: &'p DataMap,
    contributions: &'p [Contribution],
    gapped: &'p Gapped,
}

impl Parts<'_> {
    async fn compose(&self, trace: &Trace<'_>) -> Result<Scope, Error> {
        let tally = Tally::of(self.contributions, self.map);
        let effects = self.effects(&tally);
        let subjects = self.subjects(&tally);
        let internal = internal(self.contributions);
        let platforms: BTreeSet<String> = self
            .lake
            .distinct(
                &[Column::AppPlatform],
                &Query::of(Filter::Column(Column::AppPlatform, Test::Present)),
            )
            .await?
            .into_iter()
            .filter_map(|d| d.value)
            .collect();
        let rests_on = self.rests_on();
        let claims = claims(&Grounds {
            subjects: &subjects,
            effects: &effects,
            internal: &internal,
            internal_possible: self.internal_possible(trace),
            gaps: &self.gapped.gaps,
            platforms: &platforms,
            trace,
            rests_on: &rests_on,
            mapped: self.request.map.is_some(),
        });
        let (accesses, attempts): (Vec<Access>, Vec<Access>) = self
            .accesses()
            .into_iter()
            .partition(|a| a.completion != "attempt");
        Ok(Scope {
            content_root: self.lake.content_root().await?,
            window: self.coverage.window,
            mapped: self.request.map.is_some(),
            seeds: self.seeds.iter().map(|s| s.observable.to_string()).collect(),
            assertions: self.assertions(trace),
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

    fn effects(&self, tally: &Tally) -> BTreeMap<String, BTreeMap<String, Bounds>> {
        let classes = tally.classes(self.map);
        let of = |effect: Effect| {
            classes
                .iter()
                .map(|class| (class.clone(), tally.bounds(self.map, class, effect)))
                .collect()
        };
        Effect::ALL
            .iter()
            .map(|effect| (effect.name().to_owned(), of(*effect)))
            .collect()
    }

    /// Without a map nothing bounds the persons from above.
    fn subjects(&self, tally: &Tally) -> Subjects {
        let mut subjects = tally.subjects(self.map);
        if self.request.map.is_none() {
            subjects.at_most = None;
            subjects.because = vec!["there is no data map, so nothing says which operations reach whose data: `ambit map init` proposes one".to_owned()];
        }
        subjects
    }

    fn records(&self) -> Bounds {
        let mut bounds = records(self.contributions);
        if self.request.map.is_none() {
            bounds.at_most = None;
            bounds.because = vec!["there is no data map".to_owned()];
        }
        bounds
    }

    /// Operations that the map does not know may have reached any store of theirs, internal ones too.
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
        let mut open = self
            .map
            .channels
            .iter()
            .filter(|c| gapped.contains(c.name.as_str()));
        unknown || open.any(|c| internal(&c.store))
    }

    fn shows(&self, at: Timestamp) -> bool {
        self.request.shown.is_none_or(|span| span.contains(at))
    }

    fn accesses(&self) -> Vec<Access> {
        let shown = self
            .contributions
            .iter()
            .filter(|c| c.event != EventId::default() && self.shows(c.time));
        shown
            .filter(|c| !c.touches.is_empty() || matches!(c.completion, Completion::Attempt))
            .map(|c| access(c, self.map))
            .collect()
    }

    fn unmapped(&self, trace: &Trace<'_>) -> Vec<UnmappedOperation> {
        let mut by: BTreeMap<(String, String), UnmappedOperation> = BTreeMap::new();
        let mut add =
            |operation: String, source: &str, at: Timestamp, id: EventId, grade: Grade, why: &str| {
                let entry = by
                    .entry((operation.clone(), source.to_owned()))
                    .or_insert_with(|| UnmappedOperation {
                        operation,
                        source: source.to_owned(),
                        n_events: 0,
                        grade,
                        seen: Span::new(at, at.plus_nanos(1)),
                        why: why.to_owned(),
                        examples: Vec::new(),
                    });
                entry.n_events += 1;
                entry.grade = entry.grade.max(grade);
                entry.seen = entry.seen.hull(Span::new(at, at.plus_nanos(1)));
                if entry.examples.len() < 3 {
                    entry.examples.push(id);
                }
            };
        if self.request.map.is_none() {
            for c in in_order(trace) {
                add(
                    operation_text(&c.event),
                    &c.event.source,
                    c.event.time,
                    c.event.id,
                    c.grade,
                    "there is no data map",
                );
            }
        }
        for c in self
            .contributions
            .iter()
            .filter(|c| c.basis == Basis::Unmapped && c.event != EventId::default())
        {
            add(
                c.operation.clone(),
                &c.source,
                c.time,
                c.event,
                c.grade,
                &c.because,
            );
        }
        by.into_values().collect()
    }

    fn assertions(&self, trace: &Trace<'_>) -> Vec<AssertionUsed> {
        let mut all: BTreeSet<AssertionUsed> = BTreeSet::new();
        let mut add = |kind: &str, text: String, reason: Option<String>, against: Option<String>| {
            all.insert(AssertionUsed {
                kind: kind.to_owned(),
                text,
                reason,
                contradicted_by: against,
            });
        };
        for seed in self.seeds {
            let against = trace.contradictions.get(&seed.sentence()).cloned();
            add("seed", seed.sentence(), seed.exclusive.clone(), against);
        }
        for text in self
            .contributions
            .iter()
            .flat_map(|c| &c.assumptions)
            .chain(&self.gapped.assumptions)
        {
            add("map", text.clone(), None, None);
        }
        for store in self.map.stores.iter().map(|s| &s.name) {
            let ways: Vec<&str> = self
                .map
                .channels
                .iter()
                .filter(|c| c.store == *store)
                .map(|c| c.name.as_str())
                .collect();
            let ways = if ways.is_empty() {
                "none is declared".to_owned()
            } else {
                format!("only by {}", ways.join(", "))
            };
            add(
                "map",
                format!("there is no other way into {store}: {ways}"),
                None,
                None,
            );
        }
        let entered = trace.hosts();
        for host in entered.keys().filter_map(|name| self.map.host(name)) {
            for text in of_host(host) {
                add("map", text, None, None);
            }
        }
        for host in self.map.hosts.iter().filter(|_| !entered.is_empty()) {
            for source in &host.sources {
                let text = format!("{source} is written on {}, where it names no host", host.name);
                add("map", text, None, None);
            }
        }
        for source in &self.map.trust.trace {
            add(
                "map",
                format!("trace ids in {source} are stamped by a hop that the client cannot influence"),
                None,
                None,
            );
        }
        for assertion in &self.request.coverage_assertions {
            add(
                "coverage",
                format!("{} is complete", assertion.source),
                Some(assertion.reason.clone()),
                None,
            );
        }
        if let Some(window) = self.coverage.window {
            add(
                "default",
                format!(
                    "nothing before {}, the start of the retained logs, is considered",
                    window.from
                ),
                None,
                None,
            );
        }
        all.into_iter().collect()
    }

    /// What a supported negative claim rests on, way by way.
    fn rests_on(&self) -> Vec<String> {
        let state = |source: &str| {
            let window = self.coverage.window.unwrap_or(Span::ALL);
            match self.coverage.state_over(source, window).state {
                CoverageState::Proved => "proved complete",
                CoverageState::Consistent => "complete as its cadence predicts",
                CoverageState::Asserted => "complete as asserted",
                CoverageState::Degraded => "complete where it matters, degraded elsewhere",
                CoverageState::Absent => "complete where it matters, absent elsewhere",
            }
        };
        let way = |c: &crate::map::Channel| match c.attributing == c.accounting {
            true => format!(
                "way `{}` into {}: {} is {}",
                c.name,
                c.store,
                c.attributing,
                state(&c.attributing)
            ),
            false => format!(
                "way `{}` into {}: {} (who) is {}, {} (what) is {}",
                c.name,
                c.store,
                c.attributing,
                state(&c.attributing),
                c.accounting,
                state(&c.accounting)
            ),
        };
        self.map.channels.iter().map(way).collect()
    }

    fn coverage_of_sources(&self, trace: &Trace<'_>) -> Vec<SourceCoverage> {
        let mut read: BTreeSet<&str> = self
            .map
            .channels
            .iter()
            .flat_map(|c| [c.attributing.as_str(), c.accounting.as_str()])
            .collect();
        read.extend(trace.attributed.values().map(|c| c.event.source.as_str()));
        let streams = self
            .coverage
            .streams
            .iter()
            .filter(|s| read.contains(s.source.as_str()));
        streams
            .map(|s| SourceCoverage {
                source: s.source.clone(),
                host: s.host.clone(),
                worst: state_name(
                    s.spans
                        .iter()
                        .map(|p| p.state)
                        .min()
                        .unwrap_or(CoverageState::Absent),
                )
                .to_owned(),
                spans: s.spans.clone(),
            })
            .collect()
    }

    /// Who stood before the same hole: the app versions and routes of the accesses, and the method seeds.
    async fn exposed(&self, trace: &Trace<'_>) -> Result<Vec<Exposed>, Error> {
        let mut holes: BTreeSet<(Column, String)> = BTreeSet::new();
        for seed in self.seeds.iter().filter(|s| s.is_method()) {
            holes.extend(
                seed.observable
                    .kind
                    .column()
                    .map(|column| (column, seed.observable.value.clone())),
            );
        }
        let reached: BTreeSet<EventId> = self
            .contributions
            .iter()
            .filter(|c| c.grade > Grade::Possible && !c.touches.is_empty())
            .map(|c| c.event)
            .collect();
        for carried in reached
            .iter()
            .filter_map(|id| trace.attributed.get(id))
            .filter(|c| !is_datastore(&c.event))
        {
            holes.extend(carried.event.app_version.clone().map(|v| (Column::AppVersion, v)));
            holes.extend(carried.event.operation.clone().map(|o| (Column::Operation, o)));
        }
        let mut out = Vec::new();
        for (column, value) in holes {
            out.push(self.exposed_by(column, value).await?);
        }
        Ok(out)
    }

    async fn exposed_by(&self, column: Column, value: String) -> Result<Exposed, Error> {
        let query = Query::of(Filter::eq(column, &value));
        let mut counted = ("accounts", 0);
        for (name, by) in [
            ("accounts", Column::ActorUser),
            ("devices", Column::Device),
            ("sessions", Column::ActorSession),
            ("addresses", Column::SrcIp),
        ] {
            let n = self
                .lake
                .distinct(&[by], &query)
                .await?
                .into_iter()
                .filter(|d| d.value.is_some())
                .count();
            if n > 0 {
                counted = (name, n as u64);
                break;
            }
        }
        let complete = self.gapped.gaps.is_empty();
        Ok(Exposed {
            by: if column == Column::AppVersion {
                "app_version"
            } else {
                "route"
            }
            .to_owned(),
            value,
            counted: counted.0.to_owned(),
            n: Bounds {
                at_least: counted.1,
                at_most: complete.then_some(counted.1),
                because: if complete {
                    Vec::new()
                } else {
                    vec!["records are missing, and with them whoever appears only there".to_owned()]
                },
            },
        })
    }

    fn timeline(&self, trace: &Trace<'_>) -> Timeline {
        let sure: Vec<&Carried> = in_order(trace)
            .into_iter()
            .filter(|c| c.grade > Grade::Possible)
            .collect();
        let requests: Vec<&&Carried> = sure
            .iter()
            .filter(|c| c.event.outcome != ambit_event::Outcome::Denied)
            .collect();
        let noticeable = sure.first();
        let opening = || trace.control.facts().filter(|f| f.grade > Grade::Possible);
        let until = opening()
            .map(|f| f.span.until)
            .max()
            .filter(|at| *at < Timestamp::MAX);
        let from = opening().map(|f| f.span.from).min();
        let window = self.coverage.window;
        let entries: Vec<TimelineEntry> = in_order(trace)
            .into_iter()
            .filter(|c| self.shows(c.event.time))
            .map(entry)
            .collect();
        Timeline {
            first_activity: requests.first().map(|c| c.event.time),
            last_activity: requests.last().map(|c| c.event.time),
            control_from: from.map(|at| window.map_or(at, |w| at.max(w.from))),
            control_until: until,
            first_noticeable: noticeable.map(|c| c.event.time),
            first_noticeable_because: noticeable
                .map_or("nothing is attributed with more than possible".to_owned(), |c| {
                    why_noticeable(trace, c)
                }),
            first_noticed: None,
            first_noticed_because:
                "no detection was running over these logs, so nothing tells when it was first noticed"
                    .to_owned(),
            n_entries: entries.len() as u64,
            entries: entries.into_iter().take(MOST_ENTRIES).collect(),
        }
    }
}

fn access(c: &Contribution, map: &DataMap) -> Access {
    let classes: BTreeSet<String> = c
        .touches
        .iter()
        .flat_map(|g| g.touch.classes.iter().cloned())
        .collect();
    let mut subjects = BTreeSet::new();
    for g in &c.touches {
        if let Who::Keys(keys) = &g.touch.who {
            subjects.extend(keys.iter().map(|k| format!("{}:{k}", g.touch.subject)));
        }
    }
    let mut effects: BTreeSet<&str> = c.touches.iter().map(|g| g.touch.effect.name()).collect();
    if effects.is_empty() {
        // An attempt reached nothing: what it would have done.
        effects.insert(
            map.operation(&c.operation)
                .map_or(Effect::Read, |o| o.effect)
                .name(),
        );
    }
    Access {
        event: c.event,
        time: c.time,
        source: c.source.clone(),
        operation: c.operation.clone(),
        store: c.store.clone(),
        effect: effects.into_iter().collect::<Vec<_>>().join("+"),
        classes: classes.into_iter().collect(),
        subjects: subjects.into_iter().collect(),
        basis: basis_name(c.basis).to_owned(),
        grade: c.touches.iter().map(|g| g.grade).max().unwrap_or(c.grade),
        completion: completion_name(c.completion).to_owned(),
        hops: c.hops.clone(),
        because: c.because.clone(),
    }
}

const fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Nothing => "nothing",
        Basis::Named => "named",
        Basis::Replayed => "replayed",
        Basis::Counted => "counted",
        Basis::Whole => "whole",
        Basis::Statements => "statements",
        Basis::Unmapped => "unmapped",
    }
}

const fn completion_name(completion: Completion) -> &'static str {
    match completion {
        Completion::Nothing => "nothing",
        Completion::Attempt => "attempt",
        Completion::Possible => "possible",
        Completion::Done => "done",
    }
}

const fn state_name(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Absent => "absent",
        CoverageState::Degraded => "degraded",
        CoverageState::Asserted => "asserted",
        CoverageState::Consistent => "consistent",
        CoverageState::Proved => "proved",
    }
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

fn entry(c: &Carried) -> TimelineEntry {
    let e = &c.event;
    let what = operation_text(e);
    let text = match (&e.status_code, &e.src_ip) {
        (Some(status), Some(ip)) => format!("{what} → {status} from {ip}"),
        (None, Some(ip)) => format!("{what} from {ip}"),
        (Some(status), None) => format!("{what} → {status}"),
        (None, None) => what,
    };
    TimelineEntry {
        event: e.id,
        time: e.time,
        grade: c.grade,
        source: e.source.clone(),
        text,
    }
}

/// Why a look at the logs would have shown it.
fn why_noticeable(trace: &Trace<'_>, c: &Carried) -> String {
    let new_origin = trace.control.facts().any(|f| {
        Some(&f.observable.value) == c.event.src_ip.as_ref()
            && trace.control.rule_of(f.hop) == Rule::NewOrigin.name()
    });
    match new_origin {
        true => "from here on the session came from an address that its owner had never used".to_owned(),
        false => "the first event that is more than possibly the intruder's".to_owned(),
    }
}

/// Differences between the clocks of sources that share trace ids, as the attributed events show them.
fn clock_skew(trace: &Trace<'_>, map: &DataMap) -> Vec<String> {
    let mut stamps: BTreeMap<&str, &Carried> = BTreeMap::new();
    for c in trace
        .attributed
        .values()
        .filter(|c| map.trust.trace.contains(&c.event.source))
    {
        if let Some(id) = c.event.trace.as_deref() {
            stamps.insert(id, c);
        }
    }
    let mut spread: BTreeMap<(&str, &str), (i64, i64, u64)> = BTreeMap::new();
    for c in trace.attributed.values() {
        let Some(stamp) = c
            .event
            .trace
            .as_deref()
            .and_then(|id| stamps.get(id))
            .filter(|s| s.event.source != c.event.source)
        else {
            continue;
        };
        let delta = c.event.time.0.saturating_sub(stamp.event.time.0);
        let (least, most, n) = spread
            .entry((&stamp.event.source, &c.event.source))
            .or_insert((delta, delta, 0));
        *least = (*least).min(delta);
        *most = (*most).max(delta);
        *n += 1;
    }
    let ms = |nanos: i64| nanos as f64 / 1e6;
    spread
        .into_iter()
        .map(|((a, b), (least, most, n))| {
            format!(
                "{b} runs {:.0} to {:.0} ms after {a}, over {n} shared requests",
                ms(least),
                ms(most)
            )
        })
        .collect()
}
