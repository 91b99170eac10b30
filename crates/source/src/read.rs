//! Reads one evidence file: records in, batches of events and rejects out.

use crate::capped::CappedReader;
use crate::cut::{Close, Cut, Cutter, KEPT};
use crate::identity::{Occurrences, Prefix};
use crate::input::{Family, Input};
use crate::twins::Met;
use crate::{
    Context, Decoder, Error, Format, Framing, LastRecord, Options, Output, RawRecord, Refused, RejectReason,
};
use ambit_event::{
    Attestation, Batch, Checkpoint, Event, EventId, Evidence, Keys, Loss, Position, Provenance, Reject, Span,
    Timestamp, Unfinished, printable,
};
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};

/// What became of one evidence file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records in the file, those of an earlier run and rejects included.
    pub n_records: u64,
    /// Of these, the records that an earlier run gave out.
    pub n_before: u64,
    /// Events and rejects given out in this run.
    pub n_events: u64,
    pub n_rejects: u64,
    /// Records that say nothing of their own: headers, comments.
    pub n_silent: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Of these, the bytes at the end that wait for the rest of their record.
    pub n_waiting_bytes: u64,
    /// What a person should know: the file was replaced, it ends too early.
    pub notes: Vec<String>,
    /// Whether the sink asked to stop.
    pub stopped: bool,
}

/// Bytes of raw records after which a batch is full, however few they are.
const BATCH_BYTES: usize = 32 << 20;
/// Characters of a reject's reason, and of the field that it names: both may repeat what an attacker wrote.
const REASON: usize = 600;
const FIELD: usize = 200;

/// Reads one evidence file and hands its events over in batches, each with the checkpoint up to which
/// everything has been handed over. With a checkpoint of the same lineage only what follows it is given.
///
/// The last record of a file is held back where its end is not there: a number or a name that was cut short reads
/// well and is wrong. It is one of the [`Unfinished`] rejects, the checkpoint stays before it, and when the file has
/// grown the whole record is read and the reject settled. It is given out where it shows itself that it is whole
/// (a JSON object that closes), where only further lines could belong to it, and where a person or a digest says
/// that the file is all there ([`LastRecord::IsWhole`]). What then reads badly is an unfinished reject too.
///
/// # Errors
/// [`Error::Read`] where the file cannot be opened, [`Error::Option`] where the format lacks an option. A
/// file that breaks off or goes beyond a cap is no error: what was readable is given out, the rest is a
/// reject and a loss, and a note says so.
pub fn read(
    input: &Input,
    options: &Options,
    keys: &Keys,
    resume: Option<&Checkpoint>,
    sink: &mut dyn FnMut(Batch) -> ControlFlow<()>,
) -> Result<Summary, Error> {
    let Some(format) = &input.format else {
        return Ok(hand_over_manifest(input, sink));
    };
    if let Some(original) = &input.copy_of {
        return Ok(hand_over_copy(input, original, sink));
    }
    let as_told;
    let options = match &input.told {
        Some(told) => {
            as_told = told.under(options);
            &as_told
        }
        None => options,
    };
    let context = Context {
        host: input.evidence.host.clone(),
        ..options.context(keys, input.modified)?
    };
    let resume = resume.filter(|c| c.lineage == input.evidence.lineage);
    let before = count_before(input, options)?;
    let mut notes = Vec::new();
    if let Some(checkpoint) = resume {
        match pass(
            input,
            format,
            &context,
            options,
            before.clone(),
            Some(checkpoint),
            sink,
        )? {
            Pass::Done(summary, seen) => return Ok(finish(input, summary, seen)),
            Pass::Replaced(note) => notes.push(note),
        }
    }
    match pass(input, format, &context, options, before, None, sink)? {
        Pass::Done(mut summary, seen) => {
            summary.notes.splice(0..0, notes);
            Ok(finish(input, summary, seen))
        }
        Pass::Replaced(note) => Err(Error::Read {
            path: input.evidence.path.clone(),
            why: note,
        }),
    }
}

/// Decodes bytes as one file of a format that is all there, at once: for tests and fuzzing.
///
/// # Errors
/// [`Error::Option`] where the format lacks an option.
pub fn decode_all(format: &Arc<dyn Format>, bytes: &[u8], context: &Context) -> Result<Batch, Error> {
    let mut whole = Batch::default();
    let evidence = Evidence {
        source: format.name().to_owned(),
        host: context.host.clone(),
        ..Evidence::default()
    };
    let mut reading = Reading::new(&evidence, format, context, Occurrences::default(), usize::MAX)?;
    reading.last_record = LastRecord::IsWhole;
    let mut reader = bytes;
    let mut sink = |batch: Batch| {
        let unfinished = batch.unfinished.unwrap_or_default();
        whole.events.extend(batch.events);
        whole.rejects.extend(batch.rejects);
        whole.rejects.extend(unfinished.rejects);
        whole.losses.extend(batch.losses);
        whole.losses.extend(unfinished.losses);
        ControlFlow::Continue(())
    };
    reading.run(&mut reader, &Options::default(), None, &mut sink);
    Ok(whole)
}

fn finish(input: &Input, summary: Summary, seen: Occurrences) -> Summary {
    if !summary.stopped {
        *input
            .family
            .counted
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((input.rank, seen));
    }
    summary
}

/// Whether this is a JSON object from its first to its last byte: nothing that would make it longer is one.
fn is_closed(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == b'\n').next().unwrap_or_default()
}

/// One address is one text, whatever its producer wrote: `::ffff:192.0.2.1`, `2001:DB8::7`, a port behind it. As it was
/// written it stands in the fields. What is no address stays.
fn settle_address(event: &mut Event) {
    let Some(written) = &event.src_ip else {
        return;
    };
    let (address, port) = match written.parse::<IpAddr>() {
        // Of an address of version 4 there is one text.
        Ok(IpAddr::V4(_)) => return,
        Ok(address) => (address, None),
        Err(_) => match written.parse::<SocketAddr>() {
            Ok(with_port) => (with_port.ip(), Some(with_port.port())),
            Err(_) => return,
        },
    };
    let address = address.to_canonical().to_string();
    if *written != address {
        event.src_ip = Some(address);
        event.src_port = event.src_port.or(port.map(i64::from));
    }
}

/// A copy says nothing that its original did not say.
fn hand_over_copy(input: &Input, original: &str, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Summary {
    let flow = sink(Batch {
        evidence: Some(input.evidence.clone()),
        attestations: input.attestations.clone(),
        ..Batch::default()
    });
    Summary {
        stopped: flow.is_break(),
        notes: vec![format!(
            "the same bytes as {original}; its records are not given again"
        )],
        ..Summary::default()
    }
}

fn hand_over_manifest(input: &Input, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> Summary {
    let evidence = Some(input.evidence.clone());
    let flow = sink(Batch {
        evidence,
        losses: input.losses.clone(),
        attestations: input.attestations.clone(),
        ..Batch::default()
    });
    Summary {
        stopped: flow.is_break(),
        bytes: input.evidence.bytes,
        ..Summary::default()
    }
}

/// What the older siblings of a rotated file hold, so that counting goes on where they end.
fn count_before(input: &Input, options: &Options) -> Result<Occurrences, Error> {
    let Some(last) = input.rank.checked_sub(1) else {
        return Ok(Occurrences::default());
    };
    let mut counted = input
        .family
        .counted
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if counted.as_ref().is_some_and(|(rank, _)| *rank == last) {
        return Ok(counted.take().map(|(_, seen)| seen).unwrap_or_default());
    }
    let mut seen = Occurrences::default();
    for (place, format) in &input.family.members[..input.rank] {
        // A sibling that cannot be read to its end counts as far as it goes, here as in its own reading.
        place.with_content(&options.caps, |reader| {
            let mut cutter = Cutter::new(reader, format.framing(), &options.caps);
            while let Ok(Some(cut)) = cutter.next() {
                if let Cut::Record { record, .. } = cut {
                    seen.count(record.bytes);
                }
            }
        })?;
    }
    Ok(seen)
}

enum Pass {
    Done(Summary, Occurrences),
    /// The file is not the one that the checkpoint speaks of: why.
    Replaced(String),
}

fn pass(
    input: &Input,
    format: &Arc<dyn Format>,
    context: &Context,
    options: &Options,
    before: Occurrences,
    resume: Option<&Checkpoint>,
    sink: &mut dyn FnMut(Batch) -> ControlFlow<()>,
) -> Result<Pass, Error> {
    let mut reading = Reading::new(&input.evidence, format, context, before, options.batch_events)?;
    reading.attestations.clone_from(&input.attestations);
    reading.family = Some(&input.family);
    if !options.may_go_on && resume.is_none() {
        reading.prefix = Prefix::IDLE;
    }
    reading.may_grow = input.place.is_plain();
    // A digest over the file says that it is what its producer shipped.
    reading.last_record = match input.attestations.is_empty() {
        true => options.last_record,
        false => LastRecord::IsWhole,
    };
    input
        .place
        .with_content(&options.caps, |reader: &mut CappedReader<'_>| {
            let mut whole = Whole {
                n_awaited: input.place.is_file().then_some(input.evidence.bytes),
                reader,
            };
            if let Some(note) = reading.run(&mut whole, options, resume, sink) {
                return Pass::Replaced(note);
            }
            Pass::Done(reading.summary, reading.seen)
        })
}

/// A file to its end, which must not come before so many bytes as it had when it was found.
struct Whole<'a, 'r> {
    reader: &'a mut CappedReader<'r>,
    n_awaited: Option<u64>,
}

impl Read for Whole<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        let is_end = n == 0 && !buffer.is_empty();
        match self.n_awaited.take_if(|_| is_end) {
            Some(most) if self.reader.n_in() < most => {
                let there = self.reader.n_in();
                let why = format!("it is shorter than it was when it was found ({there} bytes of {most})");
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, why))
            }
            _ => Ok(n),
        }
    }
}

/// The state of reading one file.
struct Reading<'a> {
    evidence: &'a Evidence,
    format: &'a Arc<dyn Format>,
    context: &'a Context,
    decoder: Box<dyn Decoder>,
    seen: Occurrences,
    attestations: Vec<Attestation>,
    batch_events: usize,
    is_csv: bool,
    batch: Batch,
    batch_bytes: usize,
    /// Rejects of the batch from this one on stand after its last event.
    n_settled: usize,
    /// The last event's time, and its host.
    last: Option<Timestamp>,
    last_host: Option<String>,
    /// What the decoder gives out; its events wait here until the batch is full.
    output: Output,
    summary: Summary,
    checkpoint: Checkpoint,
    /// The records so far, and those up to the checkpoint.
    prefix: Prefix,
    settled: Prefix,
    /// Occurrences of records whose events came later than they: counted as they come.
    released: Occurrences,
    /// The siblings of the file, and what files of other families have in common with it.
    family: Option<&'a Family>,
    met: Met,
    /// What was given out before this offset by an earlier run is not given out again.
    resumed_at: u64,
    /// Where an earlier reading ended, as long as nothing behind it is settled.
    resumed: Option<Checkpoint>,
    last_record: LastRecord,
    /// What stands at the end of the file and is not whole, and the offset of the first record that is held back.
    unfinished: Unfinished,
    waiting_from: Option<u64>,
    /// Whether the file lies there as its producer writes it.
    may_grow: bool,
    /// Ends of some of the records that a checkpoint can fall back to while events of later records are held
    /// back.
    ends: VecDeque<End>,
}

/// The end of a record: its offset, the number of the record, and all records up to it.
struct End {
    offset: u64,
    n_records: u64,
    prefix: Prefix,
}

/// Every so many records one end is remembered.
const ENDS_EVERY: u64 = 256;

impl<'a> Reading<'a> {
    fn new(
        evidence: &'a Evidence,
        format: &'a Arc<dyn Format>,
        context: &'a Context,
        seen: Occurrences,
        batch_events: usize,
    ) -> Result<Self, Error> {
        let checkpoint = Checkpoint {
            lineage: evidence.lineage.clone(),
            ..Checkpoint::default()
        };
        Ok(Self {
            evidence,
            format,
            context,
            decoder: format.decoder(context)?,
            released: if format.is_stateful() {
                seen.clone()
            } else {
                Occurrences::default()
            },
            seen,
            attestations: Vec::new(),
            batch_events,
            is_csv: matches!(format.framing(), Framing::Csv),
            batch: Batch {
                evidence: Some(evidence.clone()),
                ..Batch::default()
            },
            batch_bytes: 0,
            n_settled: 0,
            last: None,
            last_host: None,
            output: Output::default(),
            summary: Summary::default(),
            checkpoint,
            prefix: Prefix::default(),
            settled: Prefix::default(),
            family: None,
            met: Met::new(),
            resumed_at: 0,
            resumed: None,
            last_record: LastRecord::default(),
            unfinished: Unfinished::default(),
            waiting_from: None,
            may_grow: true,
            ends: VecDeque::new(),
        })
    }

    /// Reads to the end. Gives a note where the file is not the one that the checkpoint speaks of;
    /// then nothing was handed over.
    fn run(
        &mut self,
        reader: &mut dyn Read,
        options: &Options,
        resume: Option<&Checkpoint>,
        sink: &mut dyn FnMut(Batch) -> ControlFlow<()>,
    ) -> Option<String> {
        let framing = self.format.framing();
        let mut cutter = Cutter::new(reader, framing, &options.caps);
        if let Some(checkpoint) = resume
            && let Err(note) = self.skip(&mut cutter, checkpoint)
        {
            return Some(note);
        }
        let mut may_grow = false;
        loop {
            let cut = match cutter.next() {
                Ok(Some(cut)) => cut,
                Ok(None) => break,
                Err(error) => {
                    // The file may be whole when it is read again.
                    may_grow = true;
                    self.break_off(&error, cutter.offset(), cutter.line());
                    break;
                }
            };
            let retry = match cut {
                Cut::Record { record, close } => {
                    let close = self.judged(close, record.bytes);
                    may_grow |= close != Close::Seen;
                    self.take(&record, close)
                }
                Cut::Overlong {
                    head,
                    n_bytes,
                    why,
                    close,
                } => {
                    let close = self.judged(close, b"");
                    may_grow |= close != Close::Seen;
                    self.take_head(&head, n_bytes, why, close);
                    None
                }
            };
            if let Some((offset, line)) = retry {
                cutter.retry_after_first_line(offset, line);
            }
            self.summary.n_records += 1;
            if !may_grow {
                self.advance(cutter.offset());
            }
            if self.is_full() && self.flush(sink).is_break() {
                self.summary.stopped = true;
                return None;
            }
        }
        self.summary.bytes = cutter.offset();
        let n_before = self.output.events.len();
        self.decoder.finish(&mut self.output);
        self.take_events(n_before, None);
        may_grow |= self.take_unfinished();
        self.note_waiting();
        if !may_grow {
            self.advance(cutter.offset());
        }
        self.close(sink);
        self.note_twins();
        None
    }

    /// Keeps apart what the decoder waits for the rest of; whether there is any.
    fn take_unfinished(&mut self) -> bool {
        let mut waits = false;
        for part in std::mem::take(&mut self.output.unfinished) {
            let close = self.judged(Close::Unseen, b"");
            if close == Close::Unseen {
                let from = self.waiting_from.get_or_insert(part.offset);
                *from = part.offset.min(*from);
                waits = true;
            }
            let head = RawRecord {
                bytes: &part.raw,
                offset: part.offset,
                line: part.line,
            };
            self.reject(&head, part.n_bytes, part.reason, close);
        }
        waits
    }

    /// Tells of what is held back. Where the rest of the file cannot be read at all, that is told instead.
    fn note_waiting(&mut self) {
        let Some(from) = self.waiting_from else {
            return;
        };
        let n_bytes = self.summary.bytes.saturating_sub(from);
        self.summary.n_waiting_bytes = n_bytes;
        if !self.unfinished.losses.is_empty() {
            return;
        }
        // What comes out of an archive or a compressed file does not grow, though the file that it is a copy of may.
        let what = match self.may_grow {
            true => "its last record is not complete yet",
            false => "it ends within its last record",
        };
        self.summary.notes.push(format!(
            "{what}: {n_bytes} bytes wait for the rest; if there is none, --whole takes them as they are"
        ));
    }

    /// Moves the checkpoint on to the end of the last record, or as far as no event is held back.
    fn advance(&mut self, offset: u64) {
        let n_records = self.summary.n_records;
        let Some(held) = self.decoder.held_from() else {
            self.ends.clear();
            (self.checkpoint.offset, self.checkpoint.n_records) = (offset, n_records);
            self.settled.clone_from(&self.prefix);
            return;
        };
        if n_records.is_multiple_of(ENDS_EVERY) {
            let prefix = self.prefix.clone();
            self.ends.push_back(End {
                offset,
                n_records,
                prefix,
            });
        }
        while let Some(end) = self.ends.pop_front_if(|end| end.offset <= held) {
            (self.checkpoint.offset, self.checkpoint.n_records) = (end.offset, end.n_records);
            self.settled = end.prefix;
        }
    }

    /// Passes over what an earlier run has handed over, counting it.
    fn skip(&mut self, cutter: &mut Cutter<'_>, checkpoint: &Checkpoint) -> Result<(), String> {
        let path = &self.evidence.path;
        while cutter.offset() < checkpoint.offset {
            let retry = match cutter.next() {
                Ok(Some(Cut::Record { record, .. })) => self.pass_over(&record),
                Ok(Some(Cut::Overlong { head, .. })) => {
                    self.prefix.add(head.bytes);
                    None
                }
                Ok(None) | Err(_) => {
                    if cutter.offset() == checkpoint.offset {
                        break; // Behind the last record stood what is none: blank lines, an array's bracket.
                    }
                    return Err(format!(
                        "{path}: shorter than it was ({} bytes had been read); it was cut or replaced and is read from its start",
                        checkpoint.offset
                    ));
                }
            };
            if let Some((offset, line)) = retry {
                cutter.retry_after_first_line(offset, line);
            }
            self.summary.n_records += 1;
        }
        let place = (cutter.offset(), self.summary.n_records, self.prefix.digest());
        if place != (checkpoint.offset, checkpoint.n_records, checkpoint.digest) {
            return Err(format!(
                "{path}: begins like a file that was read before but is another, or was changed; it is read from its start"
            ));
        }
        self.settled.clone_from(&self.prefix);
        self.checkpoint.clone_from(checkpoint);
        self.summary.n_before = checkpoint.n_records;
        self.resumed_at = checkpoint.offset;
        self.resumed = Some(checkpoint.clone());
        Ok(())
    }

    /// What shows that a record is whole, beside its framing.
    fn judged(&self, close: Close, bytes: &[u8]) -> Close {
        match (close, self.last_record) {
            (_, LastRecord::IsWhole) => Close::Seen,
            (Close::Unseen, _) if is_closed(bytes) => Close::Line,
            _ => close,
        }
    }

    /// Counts a record without giving it out. It is decoded only where the records after it depend on that.
    fn pass_over(&mut self, record: &RawRecord<'_>) -> Option<(u64, u64)> {
        let spans_lines = self.may_retry(record);
        let result = match self.format.is_stateful() || spans_lines {
            true => self.decoder.decode(record, &mut self.output),
            false => Ok(()),
        };
        self.remember_last();
        let is_retried = result.is_err() && spans_lines;
        self.count(if is_retried {
            first_line(record.bytes)
        } else {
            record.bytes
        });
        is_retried.then_some((record.offset, record.line))
    }

    /// Notes that a record was read, and how often that was.
    fn count(&mut self, bytes: &[u8]) -> u64 {
        self.prefix.add(bytes);
        self.seen.count(bytes)
    }

    /// Notes that a record was read, and gives how often that was, where one of its events has no name of its own.
    /// Where decoding depends on nothing but the record, others of the same bytes have none then either.
    fn nth(&mut self, bytes: &[u8], n_before: usize) -> u64 {
        let events = self.output.events.get(n_before..).unwrap_or_default();
        let is_named = |event: &Event| event.id != EventId::default();
        if self.format.is_stateful() || !events.iter().all(is_named) {
            return self.count(bytes);
        }
        self.prefix.add(bytes);
        0
    }

    /// A CSV record of several lines that cannot be decoded may be one bad line before good ones.
    fn may_retry(&self, record: &RawRecord<'_>) -> bool {
        self.is_csv && record.bytes.contains(&b'\n')
    }

    fn remember_last(&mut self) {
        if let Some(event) = self.output.events.last() {
            self.last = Some(event.time);
            self.last_host.clone_from(&event.host);
        }
        for event in self.output.events.drain(..).filter(|e| !e.raw.is_empty()) {
            self.released.count(&event.raw);
        }
        self.take_back(0);
    }

    /// What is too long to be read.
    fn take_head(&mut self, head: &RawRecord<'_>, n_bytes: u64, why: &'static str, close: Close) {
        self.prefix.add(head.bytes);
        if close == Close::Unseen {
            self.waiting_from.get_or_insert(head.offset);
        }
        self.reject(head, n_bytes, RejectReason::new(why), close);
    }

    /// Keeps a record apart that is not all there. It is not decoded: it could read well and be wrong.
    fn hold_back(&mut self, record: &RawRecord<'_>) {
        self.count(record.bytes);
        self.waiting_from.get_or_insert(record.offset);
        let why = "the file ends before this record does: it is cut off, or still being written";
        let n_bytes = record.bytes.len() as u64;
        self.reject(record, n_bytes, RejectReason::new(why), Close::Unseen);
    }

    /// Decodes one record. Gives its place where only its first line became a reject, and the lines behind
    /// that are to be tried again.
    fn take(&mut self, record: &RawRecord<'_>, close: Close) -> Option<(u64, u64)> {
        if close == Close::Unseen {
            self.hold_back(record);
            return None;
        }
        let n_before = self.output.events.len();
        if let Err(reason) = self.decoder.decode(record, &mut self.output) {
            self.take_back(n_before);
            let is_retried = self.may_retry(record);
            let bytes = if is_retried {
                first_line(record.bytes)
            } else {
                record.bytes
            };
            self.count(bytes);
            self.reject(&RawRecord { bytes, ..*record }, bytes.len() as u64, reason, close);
            return is_retried.then_some((record.offset, record.line));
        }
        let nth = self.nth(record.bytes, n_before);
        self.summary.n_silent += std::mem::take(&mut self.output.n_silent);
        let is_silent = self.output.events.len() == n_before && self.output.refused.is_empty();
        self.summary.n_silent += u64::from(is_silent && self.decoder.held_from().is_none());
        self.take_events(n_before, Some((record, nth)));
        None
    }

    /// What the decoder has said of a record that it then refused does not count.
    fn take_back(&mut self, n_before: usize) {
        self.output.events.truncate(n_before);
        self.output.losses.clear();
        self.output.refused.clear();
        self.output.n_silent = 0;
    }

    /// Completes what the decoder has given out behind the events of earlier records: events of this record, and
    /// those of earlier ones that it had held back. They stay where they are, as they are large.
    fn take_events(&mut self, n_before: usize, record: Option<(&RawRecord<'_>, u64)>) {
        let mut events = std::mem::take(&mut self.output.events);
        let mut refused = std::mem::take(&mut self.output.refused).into_iter().peekable();
        let (mut n_kept, mut n_own) = (n_before, 0);
        for at in n_before..events.len() {
            let place = events[at].provenance.offset;
            while let Some(before) = refused.next_if(|part| part.offset < place) {
                self.refuse(before);
            }
            if self.take_event(&mut events[at], record, &mut n_own) {
                if n_kept < at {
                    events.swap(n_kept, at);
                }
                n_kept += 1;
            }
        }
        events.truncate(n_kept);
        self.output.events = events;
        refused.for_each(|part| self.refuse(part));
        let losses: Vec<Loss> = self.output.losses.drain(..).collect();
        for loss in losses {
            self.lose(loss);
        }
    }

    /// Completes one event; false where an earlier run has given it out, or it is of no record.
    fn take_event(
        &mut self,
        event: &mut Event,
        record: Option<(&RawRecord<'_>, u64)>,
        n_own: &mut usize,
    ) -> bool {
        let raw = std::mem::take(&mut event.raw);
        match record {
            _ if !raw.is_empty() => {
                let nth = self.released.count(&raw);
                let Provenance {
                    offset, line, length, ..
                } = event.provenance;
                if offset < self.resumed_at {
                    return false;
                }
                let bytes = &raw;
                self.complete(event, &RawRecord { bytes, offset, line }, nth, 0);
                // What stood behind escapes is longer or shorter than the bytes in which it stood.
                if length > 0 {
                    event.provenance.length = length;
                }
                event.raw = raw;
            }
            Some((record, nth)) => {
                self.complete(event, record, nth, *n_own);
                *n_own += 1;
                event.raw = record.bytes.to_vec();
            }
            None => return false,
        }
        // What a part of a compact record says can be far longer than its bytes.
        let n_said = event.fields.as_json().map_or(0, str::len);
        self.batch_bytes += event.raw.len().max(n_said / 2);
        self.settle(Some(event));
        self.last = Some(event.time);
        if self.last_host != event.host {
            self.last_host.clone_from(&event.host);
        }
        event.fields.pack();
        true
    }

    /// Fills what a decoder leaves empty, all but the raw bytes.
    fn complete(&self, event: &mut Event, record: &RawRecord<'_>, nth: u64, n: usize) {
        if event.source.is_empty() {
            event.source.push_str(self.format.source());
        }
        if event.host.is_none() {
            event.host.clone_from(&self.context.host);
        }
        settle_address(event);
        if event.id == EventId::default() {
            let host = event.host.as_deref().unwrap_or("");
            event.id = match n {
                0 => EventId::nth(&event.source, host, record.bytes, nth),
                _ => EventId::nth(&format!("{}#{n}", event.source), host, record.bytes, nth),
            };
        }
        event.provenance = Provenance {
            evidence: self.evidence.id.clone(),
            offset: record.offset,
            length: record.bytes.len() as u64,
            line: record.line,
        };
    }

    /// A part of a record that is no event.
    fn refuse(&mut self, part: Refused) {
        if part.offset < self.resumed_at {
            return;
        }
        let head = RawRecord {
            bytes: &part.raw,
            offset: part.offset,
            line: part.line,
        };
        self.reject(&head, part.n_bytes, part.reason, Close::Seen);
    }

    /// What cannot be read. It is for good only where its end was seen.
    fn reject(&mut self, head: &RawRecord<'_>, n_bytes: u64, reason: RejectReason, close: Close) {
        let raw = head.bytes[..head.bytes.len().min(KEPT)].to_vec();
        self.batch_bytes += raw.len();
        let position = Position {
            evidence: self.evidence.id.clone(),
            path: self.evidence.path.clone(),
            offset: head.offset,
            line: head.line,
        };
        let rejects = match close {
            Close::Seen => &mut self.batch.rejects,
            Close::Line | Close::Unseen => &mut self.unfinished.rejects,
        };
        rejects.push(Reject {
            source: self.format.source().to_owned(),
            host: self.context.host.clone().or_else(|| self.last_host.clone()),
            position,
            reason: printable(&reason.reason, REASON),
            field: reason.field.map(|field| printable(&field, FIELD)),
            between: self.last.map(|from| Span::new(from, Timestamp::MAX)),
            raw,
            n_bytes,
        });
        self.summary.n_rejects += 1;
    }

    /// The next event tells until when the rejects before it were written.
    fn settle(&mut self, next: Option<&Event>) {
        let Some(next) = next else {
            return;
        };
        let offset = next.provenance.offset;
        let n_before = self.batch.rejects[self.n_settled..]
            .iter()
            .take_while(|r| r.position.offset <= offset)
            .count();
        for reject in &mut self.batch.rejects[self.n_settled..self.n_settled + n_before] {
            let from = reject.between.map_or(Timestamp::MIN, |b| b.from);
            reject.between = Some(Span::new(from.min(next.time), next.when().until));
            if reject.host.is_none() {
                reject.host.clone_from(&next.host);
            }
        }
        self.n_settled += n_before;
    }

    fn lose(&mut self, loss: Loss) {
        let loss = self.named(loss);
        self.batch.losses.push(loss);
    }

    fn named(&self, mut loss: Loss) -> Loss {
        if loss.source.is_empty() {
            self.format.source().clone_into(&mut loss.source);
        }
        if loss.host.is_none() {
            loss.host = self.context.host.clone().or_else(|| self.last_host.clone());
        }
        loss
    }

    /// The file cannot be read on: what follows is lost, from the last event to when it was written.
    fn break_off(&mut self, error: &io::Error, offset: u64, line: u64) {
        let reason = format!("the rest of the file cannot be read: {error}");
        self.reject(
            &RawRecord {
                bytes: b"",
                offset,
                line,
            },
            0,
            RejectReason::new(reason.clone()),
            Close::Unseen,
        );
        self.summary.n_records += 1;
        let from = self.last.unwrap_or(Timestamp::MIN);
        let until = self
            .context
            .modified
            .filter(|at| *at > from)
            .unwrap_or(Timestamp::MAX);
        let (span, path) = (Span::new(from, until), &self.evidence.path);
        let why = format!("{path}: {reason}");
        self.summary.notes.push(reason);
        let loss = self.named(Loss {
            source: String::new(),
            host: None,
            span,
            at_most: None,
            why,
        });
        self.unfinished.losses.push(loss);
        self.attestations.clear();
    }

    fn is_full(&self) -> bool {
        let is_settled = self.n_settled == self.batch.rejects.len();
        let n = self.output.events.len();
        (n >= self.batch_events || self.batch_bytes >= BATCH_BYTES) && is_settled
            || self.batch.rejects.len() + self.unfinished.rejects.len() >= self.batch_events.saturating_mul(4)
            || self.batch_bytes >= 2 * BATCH_BYTES
    }

    fn flush(&mut self, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.events = std::mem::take(&mut self.output.events);
        self.meet_twins(&batch.events);
        let checkpoint = Checkpoint {
            digest: self.settled.digest(),
            ..self.checkpoint.clone()
        };
        // Whoever goes on behind the place where an earlier reading ended has read what that could not.
        let read_on = self.resumed.take_if(|from| from.offset < checkpoint.offset);
        batch.settled = read_on.iter().map(|from| Unfinished::behind(from).id).collect();
        let unfinished = std::mem::take(&mut self.unfinished);
        batch.unfinished = (!unfinished.is_empty()).then(|| Unfinished {
            id: Unfinished::behind(&checkpoint).id,
            ..unfinished
        });
        batch.checkpoint = Some(checkpoint);
        self.output.events.reserve(batch.events.len());
        self.summary.n_events += batch.events.len() as u64;
        (self.batch_bytes, self.n_settled) = (0, 0);
        sink(batch)
    }

    fn meet_twins(&mut self, events: &[Event]) {
        let Some((family, twins)) = self.family.and_then(|f| Some((f, f.twins.as_ref()?))) else {
            return;
        };
        if self.format.names_records() {
            return;
        }
        let mut twins = twins.lock().unwrap_or_else(PoisonError::into_inner);
        twins.name(family.number, &self.evidence.path);
        for event in events.iter().filter(|e| e.host.is_none()) {
            twins.meet(event.id, family.number, &mut self.met);
        }
    }

    fn note_twins(&mut self) {
        if let Some(twins) = self.family.and_then(|family| family.twins.as_ref()) {
            let twins = twins.lock().unwrap_or_else(PoisonError::into_inner);
            self.summary.notes.extend(twins.notes(&self.met));
        }
    }

    /// The last batch: what a digest chain proves of the whole file comes with it.
    fn close(&mut self, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) {
        for mut attestation in std::mem::take(&mut self.attestations) {
            if attestation.host.is_none() {
                attestation.host.clone_from(&self.last_host);
            }
            self.batch.attestations.push(attestation);
        }
        let has_news = !self.batch.is_empty()
            || !self.output.events.is_empty()
            || !self.unfinished.is_empty()
            || self.batch.evidence.is_some();
        if has_news || self.checkpoint.offset > 0 {
            self.summary.stopped = self.flush(sink).is_break();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_text_however_it_was_written() {
        for (written, kept, port) in [
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("2001:DB8:0::7", "2001:db8::7", None),
            ("192.0.2.1:443", "192.0.2.1", Some(443)),
            ("[2001:db8::7]:80", "2001:db8::7", Some(80)),
            ("192.0.2.1", "192.0.2.1", None),
            ("unix:", "unix:", None),
            ("gw-1:443", "gw-1:443", None),
        ] {
            let mut event = Event::new("s", Timestamp(0));
            event.src_ip = Some(written.to_owned());
            settle_address(&mut event);
            assert_eq!(
                (event.src_ip.as_deref(), event.src_port),
                (Some(kept), port),
                "{written}"
            );
        }
    }
}
