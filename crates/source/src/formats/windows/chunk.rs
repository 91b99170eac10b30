//! One chunk of an event log, taken apart by the crate `evtx`: the records that can be read, and where and why the
//! others cannot. This is the only file that knows that crate.

use evtx::err::EvtxError;
use evtx::{EvtxChunkData, ParserSettings};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

/// Bytes of a chunk.
pub const CHUNK: usize = 64 << 10;
/// Bytes of a chunk's own header.
pub const CHUNK_HEADER: usize = 512;
/// Bytes of a record's header, and of the copy of its length at its end.
const RECORD_HEADER: usize = 24;
const RECORD_FRAME: usize = RECORD_HEADER + 4;

const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const RECORD_MAGIC: &[u8] = b"**\0\0";

/// Bytes that the records of a chunk may say together, as JSON. A template says a text as often as a hostile record
/// asks; honest chunks stay below a twentieth of this.
const MOST_SAID: usize = 4 << 20;

static SETTINGS: LazyLock<Arc<ParserSettings>> =
    LazyLock::new(|| Arc::new(ParserSettings::new().indent(false)));

/// A part of a chunk.
#[derive(Debug)]
pub struct Part {
    /// Where in the chunk it begins, and how long it is.
    pub offset: usize,
    pub len: usize,
    /// The record as JSON, or why it is none.
    pub said: Result<Said, String>,
}

/// A record that was read.
#[derive(Debug)]
pub struct Said {
    pub json: Vec<u8>,
    /// When it was written, in nanoseconds since 1970, by the record's own header.
    pub written: i128,
}

/// A chunk taken apart.
#[derive(Debug, Default)]
pub struct Chunk {
    /// In the order of their offsets.
    pub parts: Vec<Part>,
    /// What is wrong with the chunk as a whole.
    pub faults: Vec<String>,
}

/// Whether checksums must fit: they are written when the log is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    MustFit,
    /// The log was in use when it was copied, and this may be the chunk that was written to.
    MayLag,
}

/// Whether a chunk begins here.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(CHUNK_MAGIC)
}

/// Whether nothing was ever written to it: logs take room before they need it.
pub fn is_unused(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b == 0)
}

/// Takes a chunk apart. Where its header cannot be read, its records are looked for without it.
pub fn read(bytes: &[u8], checksums: Checksums) -> Result<Chunk, String> {
    let mut whole = bytes.to_vec();
    whole.resize(CHUNK, 0);
    let has_magic = whole.starts_with(CHUNK_MAGIC);
    let records = match has_magic {
        true => walk(&whole, CHUNK_HEADER),
        false => first_of(&whole).map_or_else(Vec::new, |at| walk(&whole, at)),
    };
    if !has_magic && records.is_empty() {
        return Err("neither a chunk of an event log nor an unused one".into());
    }
    let mut chunk = Chunk::default();
    if !has_magic {
        let why = "the chunk's header is damaged; its records were read without it";
        chunk.faults.push(why.to_owned());
        mend(&mut whole, &records);
    } else if checksums == Checksums::MustFit {
        chunk.faults.extend(unfit(&whole));
    }
    if bytes.len() < CHUNK {
        let n = bytes.len();
        // Nothing fits where its end is missing.
        chunk.faults.retain(|_| !has_magic);
        chunk
            .faults
            .push(format!("the file ends after {n} of the chunk's {CHUNK} bytes"));
    }
    // The crate has panicked and looped on crafted records before, and its last resort is still `expect`: what was read
    // before stays, and the chunk's rest is a reject. It has no unsafe code, and what it was working on is let go.
    let told = catch_unwind(AssertUnwindSafe(|| tell(&whole, &records, &mut chunk.parts)));
    let wrong = match told {
        Ok(told) => told.err(),
        Err(_) => Some("the reader of event logs gave up on what stands here".to_owned()),
    };
    if let Some(why) = wrong {
        let offset = chunk.parts.last().map_or(0, |part| part.offset + part.len);
        let len = bytes.len().saturating_sub(offset);
        let said = Err(why);
        chunk.parts.push(Part { offset, len, said });
    }
    Ok(chunk)
}

/// A record by its header: offset, length, number.
type Extent = (usize, usize, u64);

/// Where the first record begins that is whole, in a chunk whose header does not tell.
fn first_of(chunk: &[u8]) -> Option<usize> {
    let records = chunk.get(CHUNK_HEADER..)?;
    let mut places = memchr::memmem::find_iter(records, RECORD_MAGIC).map(|at| at + CHUNK_HEADER);
    places.find(|at| extent(chunk, *at).is_some())
}

/// The records that lie one behind the other, each number one more than that before it.
fn walk(chunk: &[u8], from: usize) -> Vec<Extent> {
    let (mut found, mut at) = (Vec::<Extent>::new(), from);
    while let Some((len, id)) = extent(chunk, at) {
        if found
            .last()
            .is_some_and(|(_, _, before)| before.checked_add(1) != Some(id))
        {
            break;
        }
        found.push((at, len, id));
        at += len;
    }
    found
}

/// Length and number of the record that begins there, if one does.
fn extent(chunk: &[u8], at: usize) -> Option<(usize, u64)> {
    let rest = chunk.get(at..)?;
    let len = usize::try_from(u32_at(rest, 4)?).ok()?;
    let is_whole = rest.starts_with(RECORD_MAGIC)
        && len >= RECORD_FRAME
        && u32_at(rest, len.checked_sub(4)?) == u32_at(rest, 4);
    is_whole.then_some((len, u64_at(rest, 8)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(digits.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(digits.try_into().ok()?))
}

/// Writes a header by which everything from the first record on is read. The tables of names and templates are left
/// out: they only tell sooner what the records tell too.
fn mend(chunk: &mut [u8], records: &[Extent]) {
    let (Some(header), Some((_, _, first))) = (chunk.first_chunk_mut::<CHUNK_HEADER>(), records.first())
    else {
        return;
    };
    header.fill(0);
    header[..8].copy_from_slice(CHUNK_MAGIC);
    for (at, value) in [(8, *first), (16, u64::MAX), (24, *first), (32, u64::MAX)] {
        header[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    for (at, value) in [(40, 128u32), (44, CHUNK as u32), (48, CHUNK as u32)] {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

/// What the checksums of a chunk say that was closed.
fn unfit(chunk: &[u8]) -> Option<String> {
    let data = EvtxChunkData::new(chunk.to_vec(), false).ok()?;
    let what = match (data.validate_header_checksum(), data.validate_data_checksum()) {
        (true, true) => return None,
        (false, true) => "header",
        (true, false) => "records",
        (false, false) => "header and records",
    };
    Some(format!(
        "the checksum of the chunk's {what} does not fit: it was changed, or was in use when it was copied"
    ))
}

/// Tells part after part. An error ends the chunk.
fn tell(whole: &[u8], records: &[Extent], parts: &mut Vec<Part>) -> Result<(), String> {
    let mut data = EvtxChunkData::new(whole.to_vec(), false).map_err(|e| reasons(&e))?;
    // The header of a log in use lags behind its records.
    if let Some((at, len, id)) = records.last()
        && let Ok(end) = u32::try_from(at + len)
        && end >= data.header.free_space_offset
    {
        data.header.free_space_offset = end;
        data.header.last_event_record_id = *id;
    }
    let mut chunk = data.parse(Arc::clone(&SETTINGS)).map_err(|e| reasons(&e))?;
    let (mut n_said, mut after) = (0, CHUNK_HEADER);
    for record in chunk.iter() {
        let part = match record {
            Err(error) => unread(&error, whole, records, after),
            Ok(record) => {
                let offset = usize::try_from(record.binxml_offset)
                    .unwrap_or(0)
                    .saturating_sub(RECORD_HEADER);
                let len = usize::try_from(record.binxml_size).unwrap_or(0) + RECORD_FRAME;
                let written = record.timestamp.as_nanosecond();
                let said = match record.into_json_bytes() {
                    Err(error) => Err(reasons(&error)),
                    Ok(told) if n_said + told.data.len() > MOST_SAID => {
                        Err(format!("the chunk's records say more than {MOST_SAID} bytes"))
                    }
                    Ok(told) => {
                        n_said += told.data.len();
                        Ok(Said {
                            json: told.data,
                            written,
                        })
                    }
                };
                Part { offset, len, said }
            }
        };
        after = after.max(part.offset + part.len);
        parts.push(part);
    }
    Ok(())
}

/// A record that the crate could not read: its place by the error, or by the number that the error names.
fn unread(error: &EvtxError, whole: &[u8], records: &[Extent], after: usize) -> Part {
    let known = match error {
        EvtxError::FailedToReadRecordAt { offset, .. } => usize::try_from(*offset).ok(),
        EvtxError::FailedToParseRecord { record_id, .. } => {
            let found = records.iter().find(|(at, _, id)| *at >= after && id == record_id);
            found.map(|(at, _, _)| *at)
        }
        _ => None,
    };
    let offset = known.unwrap_or(after).min(whole.len());
    let len = match extent(whole, offset) {
        Some((len, _)) => len,
        // Up to where the next record may begin.
        None => {
            let behind = whole.get(offset + 1..).unwrap_or_default();
            memchr::memmem::find(behind, RECORD_MAGIC).map_or(whole.len() - offset, |n| n + 1)
        }
    };
    let said = Err(reasons(error));
    Part { offset, len, said }
}

/// An error with what caused it, in one line.
fn reasons(error: &dyn Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        out.push_str(": ");
        out.push_str(&cause.to_string());
        next = cause.source();
    }
    ambit_event::printable(&out, 400)
}
