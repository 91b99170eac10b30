//! The lake in memory: one indexed segment a commit, a version is a number of segments.

mod backend;

pub(crate) use backend::View;

use crate::content::Content;
use crate::ledger::Ledger;
use crate::pending::{Pending, settled_id, sort_evidence};
use crate::query::{Filter, Query, Test};
use ambit_event::{Checkpoint, Column, Event, EventId, Evidence, Noted, Reject, Span};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The columns that traces look values up in.
pub(crate) const PIVOTS: &[Column] = &[
    Column::ActorSession,
    Column::ActorCredential,
    Column::ActorUser,
    Column::ActorInvoker,
    Column::SrcIp,
    Column::Device,
    Column::UserAgent,
    Column::Trace,
    Column::Connection,
    Column::Host,
    Column::IssuedSession,
    Column::IssuedCredential,
    Column::Source,
];

/// Everything up to one version. Cheap to clone.
#[derive(Clone, Default)]
struct Memory {
    segments: Vec<Arc<Segment>>,
}

/// What one commit brought.
struct Segment {
    /// Ordered by time, then id; their raw bytes are in `raw`.
    events: Vec<Event>,
    /// The widest span of possible time that one of the events has, in nanoseconds.
    widest: i64,
    postings: HashMap<(Column, String), Vec<u32>>,
    places: HashMap<EventId, u32>,
    raw: HashMap<EventId, Vec<u8>>,
    side: HashSet<EventId>,
    rejects: Vec<Reject>,
    reject_ids: Vec<EventId>,
    /// By reject, the unfinished end of a file that it is of; and the ends that were read on from.
    ends: BTreeMap<EventId, EventId>,
    settled: Vec<EventId>,
    noted: Vec<Noted>,
    evidence: BTreeMap<EventId, Evidence>,
    checkpoints: BTreeMap<String, Checkpoint>,
    ledger: Ledger,
    content: Content,
}

impl Memory {
    pub fn version(&self) -> u64 {
        self.segments.len() as u64
    }

    /// The lake as it was at an earlier version.
    pub fn at(&self, version: u64) -> Option<Self> {
        let segments = self.segments.get(..usize::try_from(version).ok()?)?.to_vec();
        Some(Self { segments })
    }

    pub fn append(&mut self, pending: Pending) {
        self.segments.push(Arc::new(Segment::of(pending)));
    }

    pub fn knows(&self, id: EventId) -> bool {
        self.segments
            .iter()
            .any(|s| s.places.contains_key(&id) || s.side.contains(&id) || s.evidence.contains_key(&id))
    }

    pub fn events(&self, query: &Query) -> Vec<Event> {
        let mut found: Vec<&Event> = self.segments.iter().flat_map(|s| s.select(query)).collect();
        if self.segments.len() > 1 {
            found.sort_by_key(|event| (event.time, event.id));
        }
        let limit = query.limit.unwrap_or(usize::MAX);
        found.into_iter().take(limit).cloned().collect()
    }

    pub fn count(&self, query: &Query) -> u64 {
        let found: usize = self.segments.iter().map(|s| s.select(query).count()).sum();
        found.min(query.limit.unwrap_or(usize::MAX)) as u64
    }

    pub fn rejects(&self, limit: usize) -> (u64, Vec<Reject>) {
        let mut all: Vec<&Reject> = self.standing().map(|(reject, _)| reject).collect();
        all.sort_by(|a, b| (&a.position, &a.source).cmp(&(&b.position, &b.source)));
        let total = all.len() as u64;
        let first = all.into_iter().take(limit).map(|reject| Reject {
            raw: Vec::new(),
            ..reject.clone()
        });
        (total, first.collect())
    }

    pub fn reject_raw(&self, reject: &Reject) -> Option<Vec<u8>> {
        let (_, id) = self
            .standing()
            .find(|(r, _)| r.position == reject.position && r.source == reject.source)?;
        self.raw(id)
    }

    /// The rejects, without those of ends that were read on from.
    fn standing(&self) -> impl Iterator<Item = (&Reject, EventId)> {
        let settled: HashSet<EventId> = self
            .segments
            .iter()
            .flat_map(|s| s.settled.iter().copied())
            .collect();
        let all = self.segments.iter().flat_map(|s| {
            let ids = s.reject_ids.iter().copied();
            s.rejects
                .iter()
                .zip(ids)
                .map(|(reject, id)| (reject, id, s.ends.get(&id)))
        });
        all.filter(move |(_, _, end)| end.is_none_or(|end| !settled.contains(end)))
            .map(|(reject, id, _)| (reject, id))
    }

    pub fn evidence(&self) -> Vec<Evidence> {
        let mut all: BTreeMap<EventId, &Evidence> = BTreeMap::new();
        for segment in &self.segments {
            all.extend(segment.evidence.iter().map(|(id, evidence)| (*id, evidence)));
        }
        let mut list: Vec<Evidence> = all.into_values().cloned().collect();
        sort_evidence(&mut list);
        list
    }

    pub fn noted(&self) -> Vec<Noted> {
        let all = self.segments.iter().flat_map(|s| s.noted.iter());
        all.cloned().collect()
    }

    pub fn checkpoint(&self, lineage: &str) -> Option<Checkpoint> {
        let mut newest_first = self.segments.iter().rev();
        newest_first.find_map(|s| s.checkpoints.get(lineage)).cloned()
    }

    pub fn ledger(&self) -> Ledger {
        let mut all = Ledger::default();
        for segment in &self.segments {
            all.merge(segment.ledger.clone());
        }
        all
    }

    pub fn content(&self) -> Content {
        let mut all = Content::default();
        for segment in &self.segments {
            all.merge(&segment.content);
        }
        all
    }

    pub fn raw(&self, id: EventId) -> Option<Vec<u8>> {
        self.segments.iter().find_map(|s| s.raw.get(&id)).cloned()
    }
}

impl Segment {
    fn of(mut pending: Pending) -> Self {
        let mut raw = HashMap::new();
        let mut events: Vec<Event> = std::mem::take(&mut pending.batches)
            .into_iter()
            .flatten()
            .collect();
        for event in &mut events {
            raw.insert(event.id, std::mem::take(&mut event.raw));
        }
        for (id, reject) in &mut pending.rejects {
            raw.insert(*id, std::mem::take(&mut reject.raw));
        }
        events.sort_by_key(|event| (event.time, event.id));
        let side = side_ids(&pending);
        let (reject_ids, rejects) = pending.rejects.into_iter().unzip();
        let mut segment = Self {
            widest: events.iter().map(|e| e.precision.max(1)).max().unwrap_or(1),
            events,
            postings: HashMap::new(),
            places: HashMap::new(),
            raw,
            side,
            rejects,
            reject_ids,
            ends: pending.ends,
            settled: pending.settled,
            noted: pending.noted.into_iter().map(|(_, noted)| noted).collect(),
            evidence: pending.evidence,
            checkpoints: pending.checkpoints,
            ledger: pending.ledger,
            content: pending.content,
        };
        segment.index();
        segment
    }

    fn index(&mut self) {
        for (place, event) in (0u32..).zip(&self.events) {
            self.places.insert(event.id, place);
            for &column in PIVOTS {
                if let Some(value) = event.text(column) {
                    let key = (column, value.to_owned());
                    self.postings.entry(key).or_default().push(place);
                }
            }
        }
    }

    /// The events that answer the query, in order, its limit applied.
    fn select<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a Event> + 'a {
        let (places, exact): (Box<dyn Iterator<Item = usize> + 'a>, bool) =
            match self.candidates(&query.filter) {
                Some(found) => (
                    Box::new(found.places.into_iter().map(|p| p as usize)),
                    found.exact,
                ),
                None => (Box::new(self.within(query)), false),
            };
        let events = places.filter_map(|place| self.events.get(place));
        let found = events.filter(move |event| {
            let in_time = query.span == Span::ALL || event.when().overlaps(query.span);
            in_time && (exact || query.filter.admits(event))
        });
        found.take(query.limit.unwrap_or(usize::MAX))
    }

    /// The places whose time can overlap the query's span.
    fn within(&self, query: &Query) -> std::ops::Range<usize> {
        let earliest = query.span.from.plus_nanos(self.widest.saturating_neg());
        let from = self.events.partition_point(|event| event.time < earliest);
        let until = self
            .events
            .partition_point(|event| event.time <= query.span.until);
        from..until.max(from)
    }

    /// The places of all events that can satisfy the filter; `None` where no index tells.
    fn candidates(&self, filter: &Filter) -> Option<Candidates> {
        match filter {
            Filter::Ids(ids) => Some(Candidates::exactly(
                ids.iter().filter_map(|id| self.places.get(id)).copied().collect(),
            )),
            Filter::Column(column, Test::In(values)) if PIVOTS.contains(column) => {
                let hits = values
                    .iter()
                    .filter_map(|v| self.postings.get(&(*column, v.clone())));
                Some(Candidates::exactly(hits.flatten().copied().collect()))
            }
            Filter::All(parts) => {
                let told: Vec<_> = parts.iter().map(|part| self.candidates(part)).collect();
                let exact = told.iter().all(Option::is_some);
                let mut best = told.into_iter().flatten().reduce(Candidates::both)?;
                best.exact &= exact;
                Some(best)
            }
            Filter::Any(parts) => {
                let all: Vec<_> = parts
                    .iter()
                    .map(|part| self.candidates(part))
                    .collect::<Option<_>>()?;
                let exact = all.iter().all(|found| found.exact);
                let places = all.into_iter().flat_map(|found| found.places).collect();
                Some(Candidates {
                    exact,
                    ..Candidates::exactly(places)
                })
            }
            _ => None,
        }
    }
}

/// Places of events, in order.
struct Candidates {
    places: Vec<u32>,
    /// All of them satisfy the filter.
    exact: bool,
}

impl Candidates {
    fn exactly(mut places: Vec<u32>) -> Self {
        places.sort_unstable();
        places.dedup();
        Self { places, exact: true }
    }

    fn both(self, other: Self) -> Self {
        let (mut few, many) = if self.places.len() <= other.places.len() {
            (self.places, other.places)
        } else {
            (other.places, self.places)
        };
        few.retain(|place| many.binary_search(place).is_ok());
        Self {
            places: few,
            exact: self.exact && other.exact,
        }
    }
}

fn side_ids(pending: &Pending) -> HashSet<EventId> {
    let rejects = pending.rejects.iter().map(|(id, _)| *id);
    let losses = pending.losses.iter().map(|(id, _)| *id);
    let attestations = pending.attestations.iter().map(|(id, _)| *id);
    let ends = pending.open.iter().copied();
    let settled = pending.settled.iter().map(|end| settled_id(*end));
    let noted = pending.noted.iter().map(|(id, _)| *id);
    rejects
        .chain(losses)
        .chain(attestations)
        .chain(ends)
        .chain(settled)
        .chain(noted)
        .collect()
}
