//! The logs on their way to disk: streams, rotation, shipping with chained manifests, and the holes.
//!
//! Records arrive in any order within a short time and leave in the order in which their producers write
//! them. Every file is attested by one line of its folder's `logs.manifest.jsonl`, which holds the digest of
//! the line before it.

mod file;
mod stream;

use crate::Error;
use crate::clock::MILLI;
use crate::gap::{GapKind, GapSource, GapSpec};
use crate::plan::Plan;
use crate::record::{ApiCall, Backends, Body, Record};
use crate::sink::Sink;
use crate::trail::{self, Region};
use crate::truth::{Found, Gathered, MadeGap, TrueEvent};
use ambit_event::{Span, Timestamp};
use file::File;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use stream::{Fate, Segment, Stream, holes_in, placed, segments, streams};

pub use file::garble;
pub use stream::{BASTION_HOST, DATABASE, gateway_host, service_host};

/// Bytes that are kept before they go to the sink.
const CHUNK: usize = 1 << 18;

/// Everything that is being written.
pub struct Logs<'s> {
    streams: Vec<Stream>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    n_pushed: u64,
    chain: BTreeMap<&'static str, String>,
    pub backends: Backends,
    /// The cloud account's trail, by region.
    trail: Vec<Region>,
    sink: &'s mut dyn Sink,
    plan: Plan,
}

/// A record that waits until no earlier one can come.
struct Waiting {
    order: (Timestamp, u64),
    record: Record,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl<'s> Logs<'s> {
    /// The streams of the plan, with its gaps laid out.
    pub fn open(plan: &Plan, sink: &'s mut dyn Sink) -> Self {
        let mut streams = streams(plan);
        let gaps = placed(plan);
        for stream in &mut streams {
            stream.segments = segments(plan, stream, &gaps).into();
        }
        let trail = regions(plan, &streams, &gaps);
        Self {
            streams,
            trail,
            waiting: BinaryHeap::new(),
            n_pushed: 0,
            chain: BTreeMap::new(),
            backends: Backends::default(),
            sink,
            plan: plan.clone(),
        }
    }

    /// The number of the stream of that source on its n-th host.
    pub fn stream(&self, source: &str, host: &str) -> usize {
        self.streams
            .iter()
            .position(|s| s.source == source && s.host == host)
            .unwrap_or(0)
    }

    pub fn push(&mut self, record: Record) {
        self.n_pushed += 1;
        let order = (record.at, self.n_pushed);
        self.waiting.push(Reverse(Waiting { order, record }));
    }

    /// Writes what is older than this instant.
    pub fn flush(&mut self, until: Timestamp, truth: &mut Gathered) -> Result<(), Error> {
        while self
            .waiting
            .peek()
            .is_some_and(|Reverse(next)| next.order.0 < until)
        {
            if let Some(Reverse(next)) = self.waiting.pop() {
                self.write(&next.record, truth)?;
            }
        }
        Ok(())
    }

    /// Writes everything and closes all files.
    pub fn finish(&mut self, truth: &mut Gathered) -> Result<(), Error> {
        self.flush(Timestamp::MAX, truth)?;
        for number in 0..self.streams.len() {
            self.close(number)?;
        }
        for region in &mut self.trail {
            region.finish(self.sink, truth)?;
        }
        Ok(())
    }

    fn write(&mut self, record: &Record, truth: &mut Gathered) -> Result<(), Error> {
        let number = record.stream;
        if let Body::Api(call) = &record.body {
            return self.deliver(record, call, truth);
        }
        self.advance(number, record.at)?;
        let mut text = String::with_capacity(512);
        let n_records = self.render(record, &mut text);
        let Some(segment) = self.streams[number].segments.front().copied() else {
            return Ok(());
        };
        let lost = self.fate(number, segment, record);
        if let Some(kind) = lost {
            note_loss(truth, &self.streams[number], number, segment, kind, n_records);
        } else {
            truth.n_records += n_records;
        }
        let found = self.append(number, segment, (&text, n_records), lost)?;
        if let Some(deed) = record.deed {
            let stream = &self.streams[number];
            truth.events.push(TrueEvent {
                source: stream.source.to_owned(),
                host: stream.host.clone(),
                at: clock_of(&self.plan, record),
                deed: deed.to_owned(),
                found: found.filter(|_| lost.is_none()),
                lost: lost.map(|kind| kind.name().to_owned()),
            });
        }
        Ok(())
    }

    /// Hands a call to the trail of its region.
    fn deliver(&mut self, record: &Record, call: &ApiCall, truth: &mut Gathered) -> Result<(), Error> {
        let stream = &self.streams[record.stream];
        let mut text = String::with_capacity(1_024);
        call.render(record.at, &stream.host, &mut text);
        match self.trail.get_mut(stream.nth) {
            Some(region) => region.take(record.at, text, record.deed, self.sink, truth),
            None => Ok(()),
        }
    }

    /// How this record is lost, if it is.
    fn fate(&self, number: usize, segment: Segment, record: &Record) -> Option<GapKind> {
        if record.deed.is_some() && self.streams[number].is_wiped(&self.plan) {
            return Some(GapKind::Deleted);
        }
        match segment.fate {
            Fate::Kept => None,
            Fate::Lost(kind) => Some(kind),
            Fate::Cut(at) => (record.at >= at).then_some(GapKind::Truncated),
            Fate::Garbled(span) => span.contains(record.at).then_some(GapKind::Garbled),
        }
    }

    /// Writes the record's text, and says how many records of the log it is.
    fn render(&mut self, record: &Record, out: &mut String) -> u64 {
        let stream = &mut self.streams[record.stream];
        let at = record.at;
        match &record.body {
            Body::Hit(hit) => hit.render(at, &stream.host, out),
            Body::App(line) => {
                stream.seq += 1;
                line.render(at, &stream.host, stream.seq, out);
            }
            Body::Sql { backend, line } => {
                return self
                    .backends
                    .render(clock_of(&self.plan, record), *backend, line, out);
            }
            Body::Sshd(line) => line.render(at, &stream.host, self.plan.features.syslog, out),
            Body::Api(call) => call.render(at, &stream.host, out),
        }
        out.push('\n');
        1
    }

    /// Adds the text to the stream's file, as far as its fate lets it, and says where it stands.
    fn append(
        &mut self,
        number: usize,
        segment: Segment,
        (text, n_records): (&str, u64),
        lost: Option<GapKind>,
    ) -> Result<Option<Found>, Error> {
        if matches!(lost, Some(GapKind::Lines | GapKind::Host | GapKind::Deleted)) {
            return Ok(None);
        }
        let garbled;
        let text = if lost == Some(GapKind::Garbled) {
            garbled = garble(text);
            &garbled
        } else {
            text
        };
        let stream = &mut self.streams[number];
        let is_copied = self.plan.features.copies && stream.group == GapSource::Nginx && stream.nth == 0;
        let file = stream.file.get_or_insert_with(|| {
            let file = File::open(stream.folder, &stream.host, stream.source, segment);
            if is_copied { file.copied() } else { file }
        });
        let found = Found {
            file: file.path.clone(),
            line: file.n_lines + 1,
        };
        file.add(text, n_records, lost == Some(GapKind::Truncated));
        if file.pending.len() >= CHUNK {
            file.drain(self.sink)?;
        }
        Ok(Some(found))
    }

    /// Goes on to the segment that holds the instant.
    fn advance(&mut self, number: usize, at: Timestamp) -> Result<(), Error> {
        while self.streams[number].segments.len() > 1
            && self.streams[number]
                .segments
                .front()
                .is_some_and(|s| s.span.until <= at)
        {
            self.close(number)?;
            self.streams[number].segments.pop_front();
        }
        Ok(())
    }

    /// Ships the stream's file and attests it.
    fn close(&mut self, number: usize) -> Result<(), Error> {
        let stream = &mut self.streams[number];
        let Some(mut file) = stream.file.take() else {
            return Ok(());
        };
        file.drain(self.sink)?;
        let previous = self.chain.get(stream.folder).cloned().unwrap_or_default();
        let line = file.manifest(stream, &previous);
        let path = format!("{}/logs.manifest.jsonl", stream.folder);
        self.sink
            .append(&path, format!("{line}\n").as_bytes())
            .map_err(|source| Error::Write { path, source })?;
        self.chain
            .insert(stream.folder, hex::encode(Sha256::digest(line.as_bytes())));
        Ok(())
    }
}

/// The record's instant by the clock of the host that writes it.
fn clock_of(plan: &Plan, record: &Record) -> Timestamp {
    match record.body {
        Body::Sql { .. } => skewed(plan, record.at),
        _ => record.at,
    }
}

/// The instant by the database's clock.
pub fn skewed(plan: &Plan, at: Timestamp) -> Timestamp {
    at.plus_nanos(i64::from(plan.features.clock_skew_ms) * MILLI)
}

fn note_loss(
    truth: &mut Gathered,
    stream: &Stream,
    number: usize,
    segment: Segment,
    kind: GapKind,
    n_records: u64,
) {
    let span = match segment.fate {
        Fate::Cut(at) if kind == GapKind::Truncated => Span::new(at, segment.span.until),
        Fate::Garbled(span) if kind == GapKind::Garbled => span,
        _ => segment.span,
    };
    truth.lose(
        (number, span.from, kind),
        MadeGap {
            source: stream.source.to_owned(),
            host: stream.host.clone(),
            span,
            kind: kind.name().to_owned(),
            n_records,
        },
    );
}

/// The trail of each region, with its holes.
fn regions(plan: &Plan, streams: &[Stream], gaps: &[(GapSpec, Span)]) -> Vec<Region> {
    let of_trail = streams
        .iter()
        .enumerate()
        .filter(|(_, s)| s.source == trail::SOURCE);
    let region = |(number, stream): (usize, &Stream)| {
        let (copies, seed) = (plan.features.copies, plan.random_seed);
        Region::new(
            stream.nth,
            number,
            plan.window(),
            holes_in(stream, gaps),
            copies,
            seed,
        )
    };
    of_trail.map(region).collect()
}
