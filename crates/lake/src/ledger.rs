//! What must be remembered of the records, rejects and manifests to tell what each source surely saw.
//!
//! A [`Ledger`] is kept with each commit and merged when it is asked. Merging is associative and
//! commutative, so that batching and the order of ingestion change nothing. It counts what it is given:
//! the lake gives it only what is new, so that a record read twice counts once. Stated losses and
//! attestations are sets, and need no such care.
//!
//! # What it keeps, and how much that is
//!
//! Per stream (one source on one host): counts, the first and the last instant; a count for each minute
//! that has a record, and in which of its ten seconds it has one; rejects, one span for all that touch a minute;
//! the same for what stands at the unfinished end of a file, under the name of that end, until it is settled; stated
//! losses and attestations; the numbers of the whole stream, or of each part that lasts (a channel), as runs by the hour; and the numbers of
//! each part that passes (a database session) and has not ended whole. None of it grows with the records alone: two weeks of a busy
//! stream take some 100 kB as JSON, and what a hostile log can add is capped (the caps stand beside the
//! types; what they cut is said in the coverage, never left out in silence).
//!
//! # What is shown by what
//!
//! See [`crate::coverage`] for the states and their precedence, `numbers` for what missing numbers show
//! and `cadence` for how long a silence must be.

mod cadence;
mod layers;
mod lost;
mod minutes;
mod numbers;
mod spans;
mod stated;
mod unfinished;
mod unread;

use crate::coverage::{Assertion, Coverage, CoverageSpan, StreamCoverage};
use ambit_event::{Batch, Event, EventId, Span, Timestamp, Unfinished};
use layers::Layers;
use lost::{Cause, Lost, Missing, Numbering};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What must be remembered of the records, rejects and manifests to tell their coverage.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    streams: BTreeMap<(String, Option<String>), Stream>,
    /// Unfinished ends of files that were read on from: what was said of them holds no more, whenever it was said.
    settled: BTreeSet<EventId>,
}

/// One source on one host. Field names are short because each commit stores them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Stream {
    #[serde(rename = "n")]
    n_events: u64,
    /// The first and the last instant of an event, in nanoseconds since 1970.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    times: Option<(i64, i64)>,
    #[serde(rename = "m")]
    minutes: minutes::Minutes,
    #[serde(rename = "w", default, skip_serializing_if = "numbers::Whole::is_empty")]
    whole: numbers::Whole,
    #[serde(rename = "c", default, skip_serializing_if = "numbers::Lasting::is_empty")]
    lasting: numbers::Lasting,
    #[serde(rename = "p", default, skip_serializing_if = "numbers::Parts::is_empty")]
    parts: numbers::Parts,
    #[serde(rename = "r", default, skip_serializing_if = "unread::Unread::is_empty")]
    unread: unread::Unread,
    #[serde(rename = "l", default, skip_serializing_if = "stated::Losses::is_empty")]
    losses: stated::Losses,
    #[serde(rename = "a", default, skip_serializing_if = "stated::Attested::is_empty")]
    attested: stated::Attested,
    #[serde(rename = "u", default, skip_serializing_if = "unfinished::Ends::is_empty")]
    ends: unfinished::Ends,
    /// In a stored ledger alone, with [`NOBODY`].
    #[serde(rename = "s", default, skip_serializing_if = "BTreeSet::is_empty")]
    settled: BTreeSet<EventId>,
}

/// The source under which a stored ledger keeps what is of no stream.
const NOBODY: &str = "";

impl Ledger {
    /// Takes in a batch, of which every event and reject must be new to the lake.
    pub fn add(&mut self, batch: &Batch) {
        for events in batch
            .events
            .chunk_by(|a, b| a.source == b.source && a.host == b.host)
        {
            let Some(first) = events.first() else { continue };
            self.stream(&first.source, &first.host).add(events);
        }
        for reject in &batch.rejects {
            self.stream(&reject.source, &reject.host)
                .unread
                .add(reject.between);
        }
        for loss in &batch.losses {
            self.stream(&loss.source, &loss.host).losses.add(loss);
        }
        for attestation in &batch.attestations {
            self.stream(&attestation.source, &attestation.host)
                .attested
                .add(attestation);
        }
        if let Some(end) = &batch.unfinished {
            self.add_unfinished(end);
        }
        self.settled.extend(&batch.settled);
        self.drop_settled();
        self.bound();
    }

    fn add_unfinished(&mut self, end: &Unfinished) {
        for reject in &end.rejects {
            self.stream(&reject.source, &reject.host)
                .ends
                .add_reject(end.id, reject.between);
        }
        for loss in &end.losses {
            self.stream(&loss.source, &loss.host).ends.add_loss(end.id, loss);
        }
    }

    /// Takes in another ledger, over other records.
    pub fn merge(&mut self, other: Self) {
        for ((source, host), stream) in other.streams {
            self.stream(&source, &host).merge(stream);
        }
        self.settled.extend(other.settled);
        self.drop_settled();
        self.bound();
    }

    /// Forgets what was said of ends that were read on from, and streams of which nothing else was known.
    fn drop_settled(&mut self) {
        if self.settled.is_empty() {
            return;
        }
        let settled = &self.settled;
        self.streams.retain(|_, stream| {
            let had_ends = !stream.ends.is_empty();
            stream.ends.drop_settled(settled);
            !(had_ends && *stream == Stream::default())
        });
    }

    /// What each source surely saw, and where it is blind. A pure function of what was taken in and of
    /// the assertions; neither order nor batching matters.
    #[must_use]
    pub fn coverage(&self, assertions: &[Assertion]) -> Coverage {
        let streams: Vec<_> = self
            .streams
            .iter()
            .map(|(name, s)| (name, s.as_it_stands()))
            .collect();
        let spans = streams.iter().filter_map(|(_, stream)| stream.span());
        let window = spans.reduce(Span::hull);
        let of = |((source, host), stream): &(&(String, Option<String>), Cow<'_, Stream>)| {
            let mut applicable: Vec<&Assertion> = assertions
                .iter()
                .filter(|a| a.applies(source, host.as_deref()))
                .collect();
            applicable.sort();
            applicable.dedup();
            stream.coverage(source, host.as_deref(), window, &applicable)
        };
        Coverage {
            window,
            streams: streams.iter().map(of).collect(),
        }
    }

    fn stream(&mut self, source: &str, host: &Option<String>) -> &mut Stream {
        self.streams.entry((source.to_owned(), host.clone())).or_default()
    }

    fn bound(&mut self) {
        for stream in self.streams.values_mut() {
            stream.whole.bound();
            stream.lasting.bound();
            stream.parts.bound();
        }
    }
}

impl Stream {
    fn add(&mut self, events: &[Event]) {
        self.n_events = self.n_events.saturating_add(events.len() as u64);
        for event in events {
            let at = event.time.0;
            self.times = Some(
                self.times
                    .map_or((at, at), |(first, last)| (first.min(at), last.max(at))),
            );
            self.minutes.add(event.time);
            match (event.numbers(), &event.stream) {
                (Some(numbers), Some(part)) if numbers::lasts(event, part) => {
                    self.lasting.add(event, part, numbers);
                }
                (Some(numbers), Some(part)) => self.parts.add(event, part, numbers),
                (Some(numbers), None) => self.whole.add(event, numbers),
                (None, _) => {}
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.n_events = self.n_events.saturating_add(other.n_events);
        let times = self.times.into_iter().chain(other.times);
        self.times = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        self.minutes.merge(other.minutes);
        self.whole.merge(other.whole);
        self.lasting.merge(other.lasting);
        self.parts.merge(other.parts);
        self.unread.merge(other.unread);
        self.losses.merge(other.losses);
        self.attested.merge(other.attested);
        self.ends.merge(other.ends);
    }

    /// With what stands at unfinished ends among what could not be read.
    fn as_it_stands(&self) -> Cow<'_, Self> {
        if self.ends.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut stream = self.clone();
        let (unread, losses) = std::mem::take(&mut stream.ends).together();
        stream.unread.merge(unread);
        stream.losses.merge(losses);
        Cow::Owned(stream)
    }

    /// From the first to the last instant of which this stream speaks. Statements without an end do
    /// not stretch it.
    fn span(&self) -> Option<Span> {
        let stated = self
            .losses
            .spans()
            .chain(self.attested.spans().map(|(span, _)| span));
        let bounded = stated.filter(|s| s.from > Timestamp::MIN && s.until < Timestamp::MAX);
        self.recorded()
            .into_iter()
            .chain(self.unread.span())
            .chain(bounded)
            .reduce(Span::hull)
    }

    /// From the first to the last event.
    fn recorded(&self) -> Option<Span> {
        let (first, last) = self.times?;
        Some(Span::new(Timestamp(first), Timestamp(last).plus_nanos(1)))
    }

    fn coverage(
        &self,
        source: &str,
        host: Option<&str>,
        window: Option<Span>,
        assertions: &[&Assertion],
    ) -> StreamCoverage {
        let here = self
            .recorded()
            .or(window)
            .unwrap_or(Span::new(Timestamp(0), Timestamp(0)));
        let (first, last) = self.times.unwrap_or((here.from.0, here.until.0));
        StreamCoverage {
            source: source.to_owned(),
            host: host.map(str::to_owned),
            first: Timestamp(first),
            last: Timestamp(last),
            n_events: self.n_events,
            n_rejects: self.unread.n_rejects(),
            spans: window.map_or_else(Vec::new, |w| layers::flatten(self.layers(w, here, assertions))),
        }
    }

    /// Whether numberings that last as long as the stream count each of its records.
    fn numbering(&self) -> Numbering {
        let n_numbered = self.whole.n_records.saturating_add(self.lasting.n_records());
        if n_numbered == self.n_events && n_numbered > 0 {
            Numbering::Complete
        } else {
            Numbering::Partial
        }
    }

    /// What the numberings that last as long as the stream show.
    fn numbers(&self) -> numbers::Shown {
        let (mut whole, lasting) = (self.whole.shown("of this source"), self.lasting.shown());
        whole.lost.extend(lasting.lost);
        whole.proved = match (self.whole.is_empty(), self.lasting.is_empty()) {
            (true, _) => lasting.proved,
            (_, true) => whole.proved,
            _ => numbers::both(&whole.proved, &lasting.proved),
        };
        whole
    }

    /// What each kind of evidence says; `here` is where records without a time may be.
    fn layers(&self, window: Span, here: Span, assertions: &[&Assertion]) -> Layers {
        let attested: Vec<Reason> = self
            .attested
            .spans()
            .map(|(span, why)| (span, why.to_owned()))
            .collect();
        let asserted = assertions
            .iter()
            .map(|a| (a.over(), format!("asserted: {}", a.reason)))
            .collect();
        let asserted = spans::disjoint(asserted);
        let shown = self.numbers();
        let (numbered, counted) = match self.numbering() {
            Numbering::Complete => (shown.proved, shown.lost.iter().filter_map(counted).collect()),
            Numbering::Partial => (Vec::new(), Vec::new()),
        };
        let by_number = shown.lost.into_iter().chain(self.parts.lost(here.from));
        let (mut lost, waived) = excused(by_number.chain(self.losses.lost()), &attested, &asserted);
        lost.extend(self.unread.lost(here));
        let cadence = self.cadence(window, &lost);
        let missing = lost::together(lost, self.numbering()).into_iter();
        let missing = missing.map(|m| contradicting(m, &asserted)).collect();
        Layers {
            cadence,
            numbered,
            missing,
            counted,
            attested,
            asserted,
            waived,
        }
    }

    /// What cadence says, where the losses that count records one by one do not account for a silence.
    /// Numbers missing inside parts do not: whole parts may be missing beside them.
    fn cadence(&self, window: Span, lost: &[Lost]) -> Vec<CoverageSpan> {
        let counting = |l: &&Lost| matches!(l.cause, Cause::Stated | Cause::Unread) && l.at_most.is_some();
        let counting = lost::together(
            lost.iter().filter(counting).cloned().collect(),
            Numbering::Partial,
        );
        let explained = |silence: Span, usual: f64| {
            let near = counting.iter().filter(|missing| missing.span.covers(silence));
            let n_lost: u64 = near
                .filter_map(|missing| missing.at_most)
                .fold(0, u64::saturating_add);
            n_lost > 0 && n_lost as f64 >= EXPLAINS * usual
        };
        let mut parts = cadence::judge(&self.minutes, window, &explained);
        let caveat = self.caveat();
        for part in &mut parts {
            part.because.push_str(&caveat);
        }
        parts
    }

    /// What could not be checked because a limit was reached.
    fn caveat(&self) -> String {
        let mut caveat = String::new();
        if self.whole.is_scattered() || self.lasting.is_scattered() {
            caveat.push_str("; its numbers are too scattered to tell what is missing");
        }
        if self.lasting.n_unwatched() > 0 {
            let n = self.lasting.n_unwatched();
            caveat.push_str(&format!(
                "; it is numbered in more parts than can be watched, which {n} of its records are of"
            ));
        }
        if self.parts.n_unwatched() > 0 {
            let n = self.parts.n_unwatched();
            caveat.push_str(&format!(
                "; the numbers of {n} of its parts were too many to be watched"
            ));
        }
        caveat
    }
}

/// A span, and what is said of it.
type Reason = (Span, String);

/// Known losses account for a silence where they are this share of what is predicted for it.
const EXPLAINS: f64 = 0.8;

/// Missing numbers of the whole stream, where they count everything that is lost.
fn counted(lost: &Lost) -> Option<Span> {
    lost.at_most.map(|_| lost.span)
}

/// The losses without those that an attestation excludes, and without stated losses that a person
/// waives; the latter stand apart with both reasons.
fn excused(
    lost: impl Iterator<Item = Lost>,
    attested: &[Reason],
    asserted: &[Reason],
) -> (Vec<Lost>, Vec<Reason>) {
    let spans = |reasons: &[Reason]| reasons.iter().map(|(span, _)| *span).collect();
    let (attested, persons) = (spans::union(spans(attested)), spans::union(spans(asserted)));
    let (mut left, mut waived) = (Vec::new(), Vec::new());
    for one in lost {
        for span in spans::without(one.span, &attested) {
            if one.cause != Cause::Stated {
                left.push(Lost { span, ..one.clone() });
                continue;
            }
            left.extend(
                spans::without(span, &persons)
                    .into_iter()
                    .map(|span| Lost { span, ..one.clone() }),
            );
            waived.extend(asserted.iter().filter_map(|(over, reason)| {
                Some((over.intersect(span)?, format!("{reason}; though {}", one.why)))
            }));
        }
    }
    (left, waived)
}

/// Says so where a person asserted that nothing is missing.
fn contradicting(mut missing: Missing, asserted: &[Reason]) -> Missing {
    for (_, reason) in asserted.iter().filter(|(span, _)| span.overlaps(missing.span)) {
        missing
            .because
            .push_str(&format!("; this contradicts what is {reason}"));
    }
    missing
}

/// Stored as a list of `(source, host, stream)`.
impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let streams = self.streams.iter();
        let streams = streams.map(|((source, host), stream)| (source.as_str(), host, Cow::Borrowed(stream)));
        let beside = (!self.settled.is_empty()).then(|| Stream {
            settled: self.settled.clone(),
            ..Stream::default()
        });
        let beside = beside.map(|beside| (NOBODY, &None, Cow::Owned(beside)));
        serializer.collect_seq(beside.into_iter().chain(streams))
    }
}

impl<'de> Deserialize<'de> for Ledger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut ledger = Self::default();
        for (source, host, mut stream) in Vec::<(String, Option<String>, Stream)>::deserialize(deserializer)?
        {
            ledger.settled.append(&mut stream.settled);
            if source == NOBODY && stream == Stream::default() {
                continue;
            }
            ledger.stream(&source, &host).merge(stream);
        }
        ledger.drop_settled();
        Ok(ledger)
    }
}

#[cfg(test)]
mod tests;
