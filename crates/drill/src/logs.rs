//! The logs on their way to disk: streams, rotation, shipping with chained manifests, and the holes.
//!
//! Records arrive in any order within a short time and leave in the order in which their producers write
//! them. Every file is attested by one line of its folder's `logs.manifest.jsonl`, which holds the digest of
//! the line before it.

use crate::Error;
use crate::clock::{HOUR, MILLI, SECOND, Style, Written};
use crate::gap::{GapKind, GapPlace, GapSource, GapSpec};
use crate::plan::{Attack, Plan};
use crate::record::{ApiCall, Backends, Body, Record};
use crate::rng::Rng;
use crate::service::Service;
use crate::sink::Sink;
use crate::trail::{self, REGIONS, Region};
use crate::truth::{Found, Gathered, MadeGap, TrueEvent};
use ambit_event::{Span, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// A request lasts less than this, and clocks differ by less: so far from an outage the shipper vouches for
/// nothing.
const SLACK: i64 = 5 * SECOND;
/// Bytes that are kept before they go to the sink.
const CHUNK: usize = 1 << 18;

/// One producer on one host.
#[derive(Debug)]
pub struct Stream {
    pub source: &'static str,
    pub host: String,
    folder: &'static str,
    group: GapSource,
    /// Number of the host within its source, from 0.
    nth: usize,
    /// Lines so far, as the producer numbers them.
    seq: u64,
    segments: VecDeque<Segment>,
    file: Option<File>,
}

/// A span of a stream that is one file, or that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    span: Span,
    /// What the manifest vouches for: less than the span beside an outage.
    vouched: Span,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Lost(GapKind),
    /// Written only up to the instant, and vouched for whole.
    Cut(Timestamp),
    Garbled(Span),
}

/// A file that is being written.
#[derive(Debug)]
struct File {
    path: String,
    name: String,
    segment: Segment,
    hash: Sha256,
    n_bytes: u64,
    /// Line ends, and records: a record may have several lines.
    n_lines: u64,
    n_records: u64,
    pending: String,
    /// No more bytes pass: the file is cut here.
    is_cut: bool,
    /// Where the same bytes go a second time.
    copy: Option<String>,
}

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

impl Stream {
    fn new(source: &'static str, folder: &'static str, group: GapSource, host: String, nth: usize) -> Self {
        Self {
            source,
            host,
            folder,
            group,
            nth,
            seq: 0,
            segments: VecDeque::new(),
            file: None,
        }
    }

    /// Whether the intruder takes his lines out of this stream: the first gateway's access log.
    fn is_wiped(&self, plan: &Plan) -> bool {
        plan.attack == Attack::LogDeletion && self.group == GapSource::Nginx && self.nth == 0
    }
}

impl File {
    fn open(folder: &str, host: &str, source: &str, segment: Segment) -> Self {
        let from = segment.span.from;
        let name = match source {
            "nginx_access" => format!("{host}.access.json-{}.log", Written(from, Style::Compact)),
            "app" => format!("{host}-{}.jsonl", Written(from, Style::Compact)),
            "postgresql" => format!("postgresql-{}.csv", Written(from, Style::FileSecond)),
            _ => format!("{host}.auth-{}.log", Written(from, Style::Compact)),
        };
        Self {
            path: format!("{folder}/{name}"),
            name,
            segment,
            hash: Sha256::new(),
            n_bytes: 0,
            n_lines: 0,
            n_records: 0,
            pending: String::new(),
            is_cut: false,
            copy: None,
        }
    }

    /// The same file again, as a person who exported it may have named it.
    fn copied(mut self) -> Self {
        self.copy = Some(format!("exported/{}.copy.log", self.name));
        self
    }

    /// Adds text to the file as it was attested, and to the file as it is, unless that is cut here.
    fn add(&mut self, text: &str, n_records: u64, cut: bool) {
        self.hash.update(text);
        self.n_bytes += text.len() as u64;
        self.n_records += n_records;
        self.n_lines += text.bytes().filter(|b| *b == b'\n').count() as u64;
        if self.is_cut {
            return;
        }
        if cut {
            self.is_cut = true;
            self.pending.push_str(half(text));
        } else {
            self.pending.push_str(text);
        }
    }

    fn drain(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        for path in [Some(&self.path), self.copy.as_ref()].into_iter().flatten() {
            sink.append(path, self.pending.as_bytes())
                .map_err(|source| Error::Write {
                    path: path.clone(),
                    source,
                })?;
        }
        self.pending.clear();
        Ok(())
    }

    fn manifest(&self, stream: &Stream, previous: &str) -> String {
        json!({
            "file": self.name,
            "sha256": hex::encode(self.hash.clone().finalize()),
            "bytes": self.n_bytes,
            "lines": self.n_records,
            "source": stream.source,
            "host": stream.host,
            "from": self.segment.vouched.from,
            "until": self.segment.vouched.until.max(self.segment.vouched.from),
            "prev": previous,
        })
        .to_string()
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

/// The first half of a text, at a character's edge.
fn half(text: &str) -> &str {
    let mut at = text.len() / 2;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    &text[..at]
}

/// What a dying disk makes of a record: the first half of each line, with neither quotes nor digits.
pub fn garble(text: &str) -> String {
    text.lines()
        .map(|line| half(line).replace(|c: char| c == '"' || c.is_ascii_digit(), "~") + "\n")
        .collect()
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

fn streams(plan: &Plan) -> Vec<Stream> {
    let features = &plan.features;
    let mut list: Vec<Stream> = (0..usize::from(features.n_gateways))
        .map(|n| Stream::new("nginx_access", "nginx", GapSource::Nginx, gateway_host(n), n))
        .collect();
    let hosts = Service::ALL
        .iter()
        .flat_map(|service| (0..features.n_replicas).map(|replica| service_host(*service, replica)));
    list.extend(
        hosts
            .enumerate()
            .map(|(n, host)| Stream::new("app", "app", GapSource::App, host, n)),
    );
    list.push(Stream::new(
        "postgresql",
        "postgresql",
        GapSource::Postgresql,
        DATABASE.to_owned(),
        0,
    ));
    list.push(Stream::new(
        "sshd",
        "bastion",
        GapSource::Bastion,
        BASTION_HOST.to_owned(),
        0,
    ));
    if plan.attack == Attack::LogDeletion {
        list.push(Stream::new(
            "sshd",
            "bastion",
            GapSource::Bastion,
            gateway_host(0),
            1,
        ));
    }
    if plan.features.cloud {
        let regions = REGIONS.iter().enumerate();
        list.extend(regions.map(|(n, region)| {
            Stream::new(
                trail::SOURCE,
                "cloudtrail",
                GapSource::Cloudtrail,
                (*region).to_owned(),
                n,
            )
        }));
    }
    list
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

/// The gaps that concern a stream.
fn holes_in(stream: &Stream, gaps: &[(GapSpec, Span)]) -> Vec<(GapKind, Span)> {
    let concerns =
        |gap: &GapSpec| gap.source.holds(stream.group) && (gap.kind != GapKind::Host || stream.nth == 0);
    let mine = gaps.iter().filter(|(gap, _)| concerns(gap));
    mine.map(|(gap, span)| (gap.kind, *span)).collect()
}

/// The database's host.
pub const DATABASE: &str = "db-1";
/// The bastion's host.
pub const BASTION_HOST: &str = "bastion-1";

pub fn gateway_host(nth: usize) -> String {
    format!("gw-{}", nth + 1)
}

pub fn service_host(service: Service, replica: u8) -> String {
    format!("{}-{}", service.name(), replica + 1)
}

/// The plan's gaps with their spans.
fn placed(plan: &Plan) -> Vec<(GapSpec, Span)> {
    let window = plan.window();
    let mut rng = Rng::of(plan.random_seed, 0x9a9);
    plan.gaps
        .iter()
        .filter_map(|gap| {
            let draw = rng.next();
            let length = i64::from(gap.length);
            let from = match gap.place {
                GapPlace::Attack => plan.attacked_at().plus_secs(60 - length / 2),
                GapPlace::At(secs) => window.from.plus_secs(i64::from(secs)),
                GapPlace::Anywhere => window
                    .from
                    .plus_secs((draw % (u64::from(plan.hours) * 3_600)) as i64),
            };
            let span = Span::new(from, from.plus_secs(length)).intersect(window)?;
            Some((*gap, span))
        })
        .collect()
}

/// Cuts the window into files and holes.
fn segments(plan: &Plan, stream: &Stream, gaps: &[(GapSpec, Span)]) -> Vec<Segment> {
    let mine = holes_in(stream, gaps);
    let edges = edges(plan, &mine);
    let mut list: Vec<Segment> = edges
        .windows(2)
        .map(|pair| {
            let span = Span::new(pair[0], pair[1]);
            let fate = fate_of(span, &mine);
            Segment {
                span,
                vouched: span,
                fate,
            }
        })
        .collect();
    for n in 1..list.len() {
        if matches!(list[n].fate, Fate::Lost(_)) {
            list[n - 1].vouched.until = list[n - 1].span.until.plus_nanos(-SLACK);
        }
        if matches!(list[n - 1].fate, Fate::Lost(_)) {
            list[n].vouched.from = list[n].span.from.plus_nanos(SLACK);
        }
    }
    list
}

/// The instants at which a file ends and another begins: rotation, and the edges of holes.
fn edges(plan: &Plan, gaps: &[(GapKind, Span)]) -> Vec<Timestamp> {
    let window = plan.window();
    let step = i64::from(plan.features.rotation_hours) * HOUR;
    let n_files = (window.nanos() + step - 1) / step;
    let mut edges: Vec<Timestamp> = (0..n_files).map(|n| window.from.plus_nanos(n * step)).collect();
    edges.push(window.until);
    let outages = gaps
        .iter()
        .filter(|(kind, _)| matches!(kind, GapKind::Lines | GapKind::Host));
    edges.extend(outages.flat_map(|(_, span)| [span.from, span.until]));
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn fate_of(span: Span, gaps: &[(GapKind, Span)]) -> Fate {
    let touching = |wanted: &dyn Fn(GapKind) -> bool| {
        gaps.iter()
            .find(|(kind, gap)| wanted(*kind) && gap.overlaps(span))
            .copied()
    };
    if let Some((kind, _)) = touching(&|kind| matches!(kind, GapKind::Lines | GapKind::Host)) {
        return Fate::Lost(kind);
    }
    match (
        touching(&|k| k == GapKind::Truncated),
        touching(&|k| k == GapKind::Garbled),
    ) {
        // A truncation swallows the rest of the file in which it begins.
        (Some((_, gap)), _) if gap.from >= span.from => Fate::Cut(gap.from),
        (_, Some((_, gap))) => Fate::Garbled(gap),
        _ => Fate::Kept,
    }
}

impl GapSource {
    /// Whether a gap in this concerns a stream of that group.
    fn holds(self, group: Self) -> bool {
        match self {
            Self::All => true,
            Self::Both => matches!(group, Self::Nginx | Self::Postgresql),
            one => one == group,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fates(gap: &str) -> Vec<(i64, i64, Fate)> {
        let mut plan = Plan::new(Attack::Insider)
            .hours(12)
            .gap(GapSpec::parse(gap).unwrap());
        plan.features.rotation_hours = 6;
        let streams = streams(&plan);
        segments(&plan, &streams[0], &placed(&plan))
            .into_iter()
            .map(|s| {
                let secs = |at: Timestamp| (at.0 - plan.start.0) / SECOND;
                (secs(s.span.from), secs(s.vouched.until), s.fate)
            })
            .collect()
    }

    #[test]
    fn an_outage_is_a_hole_between_files_and_a_cut_is_not() {
        assert_eq!(
            fates("nginx:1h@2h"),
            [
                (0, 7_195, Fate::Kept),
                (7_200, 10_800, Fate::Lost(GapKind::Lines)),
                (10_800, 21_600, Fate::Kept),
                (21_600, 43_200, Fate::Kept),
            ]
        );
        assert!(matches!(
            fates("nginx:1h:truncated@2h")[0],
            (0, 21_600, Fate::Cut(_))
        ));
        assert_eq!(fates("postgresql:1h@2h").len(), 2);
    }

    #[test]
    fn garbled_lines_have_no_syntax_left() {
        assert_eq!(garble("{\"a\":1}\n"), "{~a\n");
        assert_eq!(half("é"), "");
    }
}
