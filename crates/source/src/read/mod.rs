//! Reads one evidence file: records in, batches of events and rejects out.

mod address;
mod batch;
mod before;
mod record;
mod reject;

use crate::archive::HEAD;
use crate::capped::CappedReader;
use crate::contained::Ajar;
use crate::cut::{Close, Cut, Cutter};
use crate::identity::{Occurrences, Prefix};
use crate::input::{Before, Family, Input};
use crate::namesakes::Namesakes;
use crate::twins::Met;
use crate::{Context, Decoder, Error, Format, Framing, LastRecord, Options, Output, RawRecord};
use ambit_event::{Attestation, Batch, Checkpoint, Evidence, Keys, Timestamp, Unfinished};
use before::look_before;
use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
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
    /// Of these, the bytes at the end that wait for the rest of their record, and of lines that a runtime cut.
    pub n_waiting_bytes: u64,
    /// What a person should know: the file was replaced, it ends too early.
    pub notes: Vec<String>,
    /// Whether the sink asked to stop.
    pub stopped: bool,
}

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
    let before = look_before(input, options)?;
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
            Pass::Done(summary, before) => return Ok(finish(input, summary, before)),
            Pass::Replaced(note) => notes.push(note),
        }
    }
    match pass(input, format, &context, options, before, None, sink)? {
        Pass::Done(mut summary, before) => {
            summary.notes.splice(0..0, notes);
            Ok(finish(input, summary, before))
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
    reading
        .decoder
        .foresee(&mut || bytes[..bytes.len().min(HEAD)].to_vec());
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

fn finish(input: &Input, summary: Summary, before: Before) -> Summary {
    if !summary.stopped {
        *input.family.before.lock().unwrap_or_else(PoisonError::into_inner) = Some((input.rank, before));
    }
    summary
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

enum Pass {
    Done(Summary, Before),
    /// The file is not the one that the checkpoint speaks of: why.
    Replaced(String),
}

fn pass(
    input: &Input,
    format: &Arc<dyn Format>,
    context: &Context,
    options: &Options,
    before: Before,
    resume: Option<&Checkpoint>,
    sink: &mut dyn FnMut(Batch) -> ControlFlow<()>,
) -> Result<Pass, Error> {
    let mut reading = Reading::new(
        &input.evidence,
        format,
        context,
        before.seen,
        options.batch_events,
    )?;
    reading.decoder.goes_on_from(before.ajar);
    reading.attestations.clone_from(&input.attestations);
    reading.family = Some(&input.family);
    if !options.may_go_on && resume.is_none() {
        reading.prefix = Prefix::IDLE;
    }
    reading.may_grow = input.place.is_plain();
    reading.is_read_on = reading.may_grow && options.may_go_on && input.is_newest();
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
                start: Cursor::default(),
                broken: None,
                reader,
            };
            reading.decoder.foresee(&mut || whole.look_ahead());
            if let Some(note) = reading.run(&mut whole, options, resume, sink) {
                return Pass::Replaced(note);
            }
            let ajar = reading.ajar;
            let seen = reading.seen;
            Pass::Done(reading.summary, Before { seen, ajar })
        })
}

/// A file to its end, which must not come before so many bytes as it had when it was found.
struct Whole<'a, 'r> {
    reader: &'a mut CappedReader<'r>,
    n_awaited: Option<u64>,
    /// What was looked at before it is read, and why no more of it was.
    start: Cursor<Vec<u8>>,
    broken: Option<io::Error>,
}

impl Whole<'_, '_> {
    /// The beginning of the file, which is still to be read.
    fn look_ahead(&mut self) -> Vec<u8> {
        let mut start = Vec::new();
        let read = Read::take(&mut *self.reader, HEAD as u64).read_to_end(&mut start);
        self.broken = read.err();
        self.start = Cursor::new(start.clone());
        start
    }
}

impl Read for Whole<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_looked_at = self.start.read(buffer)?;
        if n_looked_at > 0 {
            return Ok(n_looked_at);
        }
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
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
    namesakes: Namesakes,
    /// What was given out before this offset by an earlier run is not given out again.
    resumed_at: u64,
    /// Where an earlier reading ended, as long as nothing behind it is settled.
    resumed: Option<Checkpoint>,
    last_record: LastRecord,
    /// What stands at the end of the file and is not whole, and the offset of the first record that is held back.
    unfinished: Unfinished,
    waiting_from: Option<u64>,
    /// Bytes of the longest record that is longer than is read, and whether the last is: no rest makes it readable.
    longest: u64,
    waits_in_vain: bool,
    /// The lines within which it ends, and the last record, where that is held back.
    ajar: Ajar,
    torn: Option<Vec<u8>>,
    /// Whether the file lies there as its producer writes it.
    may_grow: bool,
    /// Whether it grows and is read again then: it is no older sibling of one that does.
    is_read_on: bool,
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
            namesakes: Namesakes::default(),
            resumed_at: 0,
            resumed: None,
            last_record: LastRecord::default(),
            unfinished: Unfinished::default(),
            waiting_from: None,
            longest: 0,
            waits_in_vain: false,
            ajar: Ajar::default(),
            torn: None,
            may_grow: true,
            is_read_on: false,
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
        self.output.may_grow = self.is_read_on && self.last_record != LastRecord::IsWhole;
        self.ajar = self.decoder.ajar();
        if let Some(torn) = self.torn.take() {
            self.ajar.see(&torn);
        }
        self.decoder.finish(&mut self.output);
        self.take_events(n_before, None);
        may_grow |= self.take_unfinished();
        self.note_too_long(cutter.most());
        self.note_waiting();
        if !may_grow {
            self.advance(cutter.offset());
        }
        self.close(sink);
        self.note_twins();
        self.summary.notes.extend(self.namesakes.note());
        None
    }

    /// Keeps apart what the decoder waits for the rest of; whether there is any.
    fn take_unfinished(&mut self) -> bool {
        let mut waits = false;
        for part in std::mem::take(&mut self.output.unfinished) {
            let close = self.judged(Close::Unseen, b"");
            if close == Close::Unseen {
                self.summary.n_waiting_bytes += part.n_bytes;
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
}
