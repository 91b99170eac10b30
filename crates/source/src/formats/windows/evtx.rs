//! `windows_evtx`: the binary logs of Windows, a header and then chunks of records.

use super::chunk::{self, Checksums, Chunk};
use super::record::{Maker, SOURCE};
use crate::time::Clock;
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, Refused, RejectReason, Sample,
    json,
};
use ambit_event::{Provenance, Timestamp};

/// Bytes of the file's header.
const HEADER: usize = 4096;
const MAGIC: &[u8] = b"ElfFile\0";
/// The header's flag of a log that was not closed.
const DIRTY: u32 = 1;

/// An `.evtx` file.
pub struct Evtx;

impl Format for Evtx {
    fn name(&self) -> &str {
        SOURCE
    }

    fn manual(&self) -> &str {
        include_str!("manual.txt")
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let has_chunk = || sample.head.get(HEADER..).is_some_and(chunk::begins);
        match sample.head.starts_with(MAGIC) {
            true => Confidence::CERTAIN,
            // Somebody may have wiped the header.
            false if has_chunk() => Confidence(90),
            false => Confidence::NONE,
        }
    }

    fn framing(&self) -> Framing {
        Framing::Chunks {
            header: HEADER,
            chunk: chunk::CHUNK,
        }
    }

    /// The file's header says whether checksums must fit.
    fn is_stateful(&self) -> bool {
        true
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(EvtxDecoder {
            maker: Maker::new(context),
            in_use_from: None,
            used: None,
        }))
    }
}

struct EvtxDecoder {
    maker: Maker,
    /// The number of the first chunk that may have been written to since the header was.
    in_use_from: Option<u64>,
    /// The numbers of the first and the last chunk in which records are, where the header tells.
    used: Option<(u64, u64)>,
}

impl Decoder for EvtxDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        if record.offset == 0 {
            return self.header(record.bytes);
        }
        if chunk::is_unused(record.bytes) {
            return self.unused(record);
        }
        let chunk = chunk::read(record.bytes, self.checksums(record)).map_err(RejectReason::new)?;
        self.events(record, chunk, out);
        Ok(())
    }
}

impl EvtxDecoder {
    fn header(&mut self, bytes: &[u8]) -> Result<(), RejectReason> {
        if !bytes.starts_with(MAGIC) {
            return Err(RejectReason::new(
                "an event log begins with `ElfFile`, and this does not",
            ));
        }
        if bytes.len() < HEADER {
            let n = bytes.len();
            return Err(RejectReason::new(format!(
                "the file ends after {n} of its header's {HEADER} bytes"
            )));
        }
        let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let flags = bytes
            .get(120..124)
            .and_then(|b| b.try_into().ok())
            .map(u32::from_le_bytes);
        let (first, last, next) = (number(8), number(16), number(24));
        self.in_use_from = last.filter(|_| flags.is_some_and(|flags| flags & DIRTY != 0));
        self.used = first
            .zip(last)
            .filter(|(first, last)| first <= last && next > Some(1));
        Ok(())
    }

    /// Room that was never needed, unless the header says that there are records in it.
    fn unused(&self, record: &RawRecord<'_>) -> Result<(), RejectReason> {
        let n = number_of(record);
        match self.used {
            Some((first, last)) if (first..=last).contains(&n) => Err(RejectReason::new(
                "zeroes stand in a chunk that the file's header counts among those with records",
            )),
            _ => Ok(()),
        }
    }

    fn checksums(&self, record: &RawRecord<'_>) -> Checksums {
        match self.in_use_from {
            Some(from) if number_of(record) >= from => Checksums::MayLag,
            _ => Checksums::MustFit,
        }
    }

    fn events(&mut self, record: &RawRecord<'_>, chunk: Chunk, out: &mut Output) {
        let refuse = |offset: usize, len: usize, reason| {
            let end = offset.saturating_add(len).min(record.bytes.len());
            let raw = record.bytes.get(offset..end).unwrap_or_default();
            Refused {
                offset: record.offset + offset as u64,
                line: record.line,
                n_bytes: raw.len() as u64,
                raw: raw.to_vec(),
                reason,
            }
        };
        if !chunk.faults.is_empty() {
            let why = RejectReason::new(chunk.faults.join("; "));
            out.refuse(refuse(0, chunk::CHUNK_HEADER, why));
        }
        for part in chunk.parts {
            let raw = record
                .bytes
                .get(part.offset..part.offset + part.len)
                .unwrap_or_default();
            let event = match &part.said {
                Ok(_) if raw.is_empty() => Err(RejectReason::new("the file ends within this record")),
                Err(why) => Err(RejectReason::new(why.clone())),
                Ok(said) => {
                    let written = i64::try_from(said.written)
                        .ok()
                        .map(|at| Clock::new(Timestamp(at), 100));
                    let text = json::text(&said.json);
                    json::object(&text).and_then(|object| self.maker.event(object, text.len(), written))
                }
            };
            match event {
                Err(reason) => out.refuse(refuse(part.offset, part.len, reason)),
                Ok(mut event) => {
                    event.raw = raw.to_vec();
                    event.provenance = Provenance {
                        offset: record.offset + part.offset as u64,
                        length: raw.len() as u64,
                        line: record.line,
                        ..Provenance::default()
                    };
                    out.push(event);
                }
            }
        }
    }
}

/// The number of a chunk in its file.
const fn number_of(record: &RawRecord<'_>) -> u64 {
    record.offset.saturating_sub(HEADER as u64) / chunk::CHUNK as u64
}
