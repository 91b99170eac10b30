//! Cuts bytes into records, in bounded memory whatever the bytes are.

mod document;
mod ends;
#[cfg(test)]
mod tests;

use crate::capped::Caps;
use crate::elements::IsRecord;
use crate::{Framing, RawRecord};
use document::Document;
use ends::End;
use std::io::{self, Read};

/// How many bytes of a record that is too long are kept.
pub const KEPT: usize = 64 << 10;
const CHUNK: usize = 256 << 10;
/// Why a record is not read that is longer than the cap.
pub const TOO_LONG: &str = "the record is longer than is read";

/// The next thing in a file.
#[derive(Debug)]
pub enum Cut<'a> {
    Record {
        record: RawRecord<'a>,
        close: Close,
    },
    /// A record longer than the cap, or one whose quote never closes: its first bytes.
    Overlong {
        head: RawRecord<'a>,
        n_bytes: u64,
        why: &'static str,
        close: Close,
    },
}

/// What shows that a record is all there. The last one of a file may still grow where its end was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// Its end was seen.
    Seen,
    /// Its last line is whole, but further lines may belong to it; or it stands behind an open quote.
    Line,
    /// The file ends within it, or right behind it.
    Unseen,
}

pub struct Cutter<'r> {
    reader: &'r mut dyn Read,
    framing: Framing,
    most: usize,
    buffer: Vec<u8>,
    /// What the reader fills: it may give a byte at a time.
    portion: Vec<u8>,
    /// The first bytes of what was passed over, where they are no longer in the buffer.
    kept: Vec<u8>,
    /// The unread part of the buffer begins here, and this is its place in the file.
    start: usize,
    offset: u64,
    line: u64,
    at_end: bool,
    /// Whether what was passed last ends a line.
    ends_line: bool,
    /// A quote was open at the end of the file: nothing after it counts as complete.
    torn: Option<Close>,
    json: Document,
}

impl<'r> Cutter<'r> {
    pub fn new(reader: &'r mut dyn Read, framing: Framing, caps: &Caps) -> Self {
        let most = match framing {
            Framing::Lines => caps.line,
            Framing::Json(_)
            | Framing::Blocks(_)
            | Framing::Elements(_)
            | Framing::Csv
            | Framing::Fields
            | Framing::Chunks { .. } => caps.record,
        };
        Self {
            reader,
            framing,
            most,
            buffer: Vec::new(),
            portion: vec![0; CHUNK],
            kept: Vec::new(),
            start: 0,
            offset: 0,
            line: 1,
            at_end: false,
            ends_line: false,
            torn: None,
            json: Document::First,
        }
    }

    /// Bytes of a record at most.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Where the next record begins, in bytes from the beginning of the file.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The next record; `None` at the end. Blank lines between records are passed over.
    pub fn next(&mut self) -> io::Result<Option<Cut<'_>>> {
        if let Framing::Chunks { header, chunk } = self.framing {
            return self.next_chunk(if self.offset == 0 { header } else { chunk });
        }
        if self.offset == 0 {
            self.skip_mark()?;
        }
        if let Framing::Json(is_record) = &self.framing {
            let is_record = IsRecord::clone(is_record);
            return self.next_of_document(&is_record);
        }
        self.next_framed()
    }

    /// The next bytes of a file of chunks; a chunk that the file's end cuts off may still grow.
    fn next_chunk(&mut self, len: usize) -> io::Result<Option<Cut<'_>>> {
        // What its records are is told chunk by chunk, and a file that was written on is another file.
        let close = match self.more(len)? {
            true => Close::Seen,
            false => Close::Line,
        };
        let len = len.min(self.unread());
        if len == 0 {
            return Ok(None);
        }
        let (at, offset, line) = (self.start, self.offset, self.line);
        self.start += len;
        self.offset += len as u64;
        self.line += 1;
        let bytes = &self.buffer[at..at + len];
        let record = RawRecord { bytes, offset, line };
        Ok(Some(Cut::Record { record, close }))
    }

    fn next_framed(&mut self) -> io::Result<Option<Cut<'_>>> {
        loop {
            if !self.more(1)? {
                return Ok(None);
            }
            match self.find_end()? {
                End::At(len, next) if is_blank(&self.buffer[self.start..self.start + len]) => {
                    self.advance(next);
                }
                End::Open(len) if is_blank(&self.buffer[self.start..self.start + len]) => {
                    self.advance(len);
                }
                End::At(len, next) => {
                    let close = self.torn.unwrap_or(Close::Seen);
                    return Ok(Some(self.record(len, next, close)));
                }
                End::Open(len) => {
                    let close = self.at_the_end();
                    return Ok(Some(self.record(len, len, close)));
                }
                End::Unclosed(len) => {
                    // A file that ends within a line was cut within the quotes; one that does not has a stray
                    // quote, more likely, and whole records behind it.
                    let close = match self.buffer.last() {
                        Some(b'\n') => Close::Line,
                        _ => Close::Unseen,
                    };
                    self.torn = Some(close);
                    let why = "the quote that opens in this line never closes";
                    return Ok(Some(self.overlong(len, len as u64, why, close)));
                }
                End::TooLong(first_line) => return self.too_long(first_line).map(Some),
            }
        }
    }

    /// What shows that the last record of the file is whole, where nothing follows it.
    fn at_the_end(&self) -> Close {
        let rest = self.buffer[self.start..].trim_ascii();
        match (&self.framing, self.buffer.last()) {
            (Framing::Blocks(_), Some(b'\n')) => Close::Line,
            // The end of the element around all the others.
            (Framing::Elements(_), _) if rest.starts_with(b"</") && rest.ends_with(b">") => Close::Seen,
            _ => Close::Unseen,
        }
    }

    /// Passes over a UTF-8 byte order mark.
    fn skip_mark(&mut self) -> io::Result<()> {
        if self.more(3)? && self.buffer[self.start..].starts_with(b"\xef\xbb\xbf") {
            self.start += 3;
            self.offset += 3;
        }
        Ok(())
    }

    /// Reads until the buffer holds at least `n` unread bytes; false where the file ends first.
    fn more(&mut self, n: usize) -> io::Result<bool> {
        while self.buffer.len() - self.start < n && !self.at_end {
            // What is looked at in advance is moved a few times, not with each record.
            if self.start > self.unread() / 4 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let got = loop {
                match self.reader.read(&mut self.portion) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            self.buffer.extend_from_slice(&self.portion[..got]);
            self.at_end = got == 0;
        }
        Ok(self.buffer.len() - self.start >= n)
    }

    /// Finds the next line end at or after `from` (relative), reading on as needed.
    fn line_end(&mut self, from: usize) -> io::Result<Option<usize>> {
        let mut from = from;
        loop {
            let unread = &self.buffer[self.start..];
            if let Some(at) = unread.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                return Ok(Some(from + at));
            }
            from = unread.len().max(from);
            if from > self.most || !self.more(from + 1)? {
                return Ok(None);
            }
        }
    }

    fn unread(&self) -> usize {
        self.buffer.len() - self.start
    }

    fn record(&mut self, len: usize, next: usize, close: Close) -> Cut<'_> {
        let (at, offset, line) = (self.start, self.offset, self.line);
        self.advance(next);
        let bytes = trim_end(&self.buffer[at..at + len]);
        Cut::Record {
            record: RawRecord { bytes, offset, line },
            close,
        }
    }

    fn overlong(&mut self, len: usize, n_bytes: u64, why: &'static str, close: Close) -> Cut<'_> {
        let (at, offset, line) = (self.start, self.offset, self.line);
        self.advance(len);
        let bytes = trim_end(&self.buffer[at..at + len]);
        let bytes = &bytes[..bytes.len().min(KEPT)];
        Cut::Overlong {
            head: RawRecord { bytes, offset, line },
            n_bytes,
            why,
            close,
        }
    }

    /// Passes over a record that is too long: a CSV record's first line (the next line may be whole
    /// again), otherwise everything to where the next record begins.
    fn too_long(&mut self, first_line: Option<usize>) -> io::Result<Cut<'_>> {
        if let Some(len) = first_line {
            return Ok(self.overlong(len, len as u64, TOO_LONG, Close::Seen));
        }
        let (offset, line) = (self.offset, self.line);
        self.keep_head();
        self.pass_over()?;
        // Lines and blocks end with a line end; of fields, an empty line follows the last.
        let close = match self.unread() > 0 || self.ends_line {
            true => Close::Seen,
            false => Close::Unseen,
        };
        Ok(self.passed(offset, line, TOO_LONG, close))
    }

    /// Keeps the first bytes of what is about to leave the buffer.
    fn keep_head(&mut self) {
        let head = &self.buffer[self.start..self.start + KEPT.min(self.unread())];
        self.kept.clear();
        self.kept.extend_from_slice(head);
    }

    /// What was passed over, of which only the first bytes are kept.
    fn passed(&mut self, offset: u64, line: u64, why: &'static str, close: Close) -> Cut<'_> {
        let n_bytes = self.offset - offset;
        self.kept.truncate(usize::try_from(n_bytes).unwrap_or(KEPT));
        let bytes = &self.kept;
        Cut::Overlong {
            head: RawRecord { bytes, offset, line },
            n_bytes,
            why,
            close,
        }
    }

    /// Goes back to the second line of the record that was handed out last, so that one bad line does
    /// not take whole records behind it along.
    pub fn retry_after_first_line(&mut self, offset: u64, line: u64) {
        let back = usize::try_from(self.offset - offset).unwrap_or(0).min(self.start);
        let from = self.start - back;
        if let Some(at) = memchr::memchr(b'\n', &self.buffer[from..self.start]) {
            self.start = from + at + 1;
            self.offset = offset + at as u64 + 1;
            self.line = line + 1;
        }
    }

    fn advance(&mut self, n: usize) {
        let passed = &self.buffer[self.start..self.start + n];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.ends_line = passed.last().map_or(self.ends_line, |last| *last == b'\n');
        self.start += n;
        self.offset += n as u64;
    }
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}
