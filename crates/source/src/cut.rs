//! Cuts bytes into records, in bounded memory whatever the bytes are.

use crate::capped::Caps;
use crate::elements::{self, HEAD, IsRecord, Layout, Resync, Scan, Step};
use crate::{Framing, RawRecord};
use std::io::{self, Read};

/// How many bytes of a record that is too long are kept.
pub const KEPT: usize = 64 << 10;
const CHUNK: usize = 256 << 10;

/// The next thing in a file.
#[derive(Debug)]
pub enum Cut<'a> {
    Record {
        record: RawRecord<'a>,
        /// Whether its end was seen. The last record of a file may still grow where it was not.
        is_complete: bool,
    },
    /// A record longer than the cap, or one whose quote never closes: its first bytes.
    Overlong {
        head: RawRecord<'a>,
        n_bytes: u64,
        why: &'static str,
    },
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
    /// A quote was open at the end of the file: nothing after it counts as complete.
    is_torn: bool,
    json: Document,
}

/// Where in a JSON file the next record is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Document {
    /// At the beginning of the file, which tells how it is cut.
    First,
    /// Behind an array: another document may begin.
    Another,
    Array {
        is_wrapped: bool,
    },
    /// Behind an array, within the object that holds it.
    Around,
    /// Among objects that are spread over lines, one behind the other.
    Spread,
}

/// Where the record at `start` ends, as far as the buffer tells. Ends are relative to `start`.
enum End {
    /// The record, and where the next one begins.
    At(usize, usize),
    /// The file ends first.
    Open(usize),
    /// It is too long; its first line ends there (`None`: later than the cap).
    TooLong(Option<usize>),
    /// The file ends within quotes; the first line ends there.
    Unclosed(usize),
}

impl<'r> Cutter<'r> {
    pub fn new(reader: &'r mut dyn Read, framing: Framing, caps: &Caps) -> Self {
        let most = match framing {
            Framing::Lines => caps.line,
            Framing::Json(_)
            | Framing::Blocks(_)
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
            is_torn: false,
            json: Document::First,
        }
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
        let is_complete = self.more(len)?;
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
        Ok(Some(Cut::Record { record, is_complete }))
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
                End::At(len, next) => return Ok(Some(self.record(len, next, !self.is_torn))),
                End::Open(len) => return Ok(Some(self.record(len, len, false))),
                End::Unclosed(len) => {
                    self.is_torn = true;
                    let why = "the quote that opens in this line never closes";
                    return Ok(Some(self.overlong(len, len as u64, why)));
                }
                End::TooLong(first_line) => return self.too_long(first_line).map(Some),
            }
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

    fn find_end(&mut self) -> io::Result<End> {
        match self.framing.clone() {
            Framing::Lines | Framing::Json(_) | Framing::Chunks { .. } => self.end_of_line(),
            Framing::Blocks(begins) => self.end_of_block(&*begins),
            Framing::Csv => self.end_of_csv(),
            Framing::Fields => self.end_of_fields(),
        }
    }

    fn end_of_line(&mut self) -> io::Result<End> {
        Ok(match self.line_end(0)? {
            Some(at) if at > self.most => End::TooLong(None),
            Some(at) => End::At(at, at + 1),
            None if self.unread() > self.most => End::TooLong(None),
            None => End::Open(self.unread()),
        })
    }

    fn end_of_block(&mut self, begins: &dyn Fn(&[u8]) -> bool) -> io::Result<End> {
        let mut from = 0;
        while let Some(at) = self.line_end(from)? {
            if at > self.most {
                break;
            }
            let next_end = self.line_end(at + 1)?.unwrap_or(self.unread());
            if next_end > at + 1 && begins(&self.buffer[self.start + at + 1..self.start + next_end]) {
                return Ok(End::At(at, at + 1));
            }
            from = at + 1;
        }
        Ok(if self.unread() > self.most {
            End::TooLong(None)
        } else {
            End::Open(self.unread())
        })
    }

    fn end_of_csv(&mut self) -> io::Result<End> {
        let (mut from, mut quoted, mut first_line) = (0, false, None);
        loop {
            let unread = &self.buffer[self.start..];
            match unread
                .get(from..)
                .and_then(|rest| memchr::memchr2(b'"', b'\n', rest))
            {
                Some(at) if unread[from + at] == b'"' => {
                    quoted = !quoted;
                    from += at + 1;
                }
                Some(at) if quoted => {
                    first_line.get_or_insert(from + at + 1);
                    from += at + 1;
                }
                Some(at) => return Ok(End::At(from + at, from + at + 1)),
                None => {
                    from = unread.len();
                    if from > self.most {
                        return Ok(End::TooLong(first_line));
                    }
                    if !self.more(from + 1)? {
                        return Ok(match first_line {
                            Some(end) if quoted => End::Unclosed(end),
                            _ => End::Open(from),
                        });
                    }
                }
            }
        }
    }

    fn end_of_fields(&mut self) -> io::Result<End> {
        let mut from = 0;
        while let Some(at) = self.line_end(from)? {
            if at > self.most {
                return Ok(End::TooLong(None));
            }
            let line = &self.buffer[self.start + from..self.start + at];
            if is_blank(line) {
                return Ok(End::At(from, at + 1));
            }
            from = at + 1;
            if memchr::memchr(b'=', line).is_none() {
                let Some(end) = self.value_end(from)? else {
                    return Ok(End::TooLong(None));
                };
                from = end;
            }
        }
        Ok(if self.unread() > self.most {
            End::TooLong(None)
        } else {
            End::Open(self.unread())
        })
    }

    /// Where the value ends whose length stands at `from`; `None` where that is beyond the cap, or where the
    /// length is none because no line end follows the value.
    fn value_end(&mut self, from: usize) -> io::Result<Option<usize>> {
        if !self.more(from + 8)? {
            return Ok(Some(self.unread()));
        }
        let at = self.start + from;
        let mut length = [0; 8];
        length.copy_from_slice(&self.buffer[at..at + 8]);
        let most = self.most;
        let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
        let end = from.saturating_add(8).saturating_add(length);
        if end > most {
            return Ok(None);
        }
        if !self.more(end + 1)? {
            return Ok(Some(self.unread()));
        }
        Ok((self.buffer[self.start + end] == b'\n').then_some(end + 1))
    }

    fn record(&mut self, len: usize, next: usize, is_complete: bool) -> Cut<'_> {
        let (at, offset, line) = (self.start, self.offset, self.line);
        self.advance(next);
        let bytes = trim_end(&self.buffer[at..at + len]);
        Cut::Record {
            record: RawRecord { bytes, offset, line },
            is_complete,
        }
    }

    fn overlong(&mut self, len: usize, n_bytes: u64, why: &'static str) -> Cut<'_> {
        let (at, offset, line) = (self.start, self.offset, self.line);
        self.advance(len);
        let bytes = trim_end(&self.buffer[at..at + len]);
        let bytes = &bytes[..bytes.len().min(KEPT)];
        Cut::Overlong {
            head: RawRecord { bytes, offset, line },
            n_bytes,
            why,
        }
    }

    /// Passes over a record that is too long: a CSV record's first line (the next line may be whole
    /// again), otherwise everything to where the next record begins.
    fn too_long(&mut self, first_line: Option<usize>) -> io::Result<Cut<'_>> {
        const WHY: &str = "the record is longer than is read";
        if let Some(len) = first_line {
            return Ok(self.overlong(len, len as u64, WHY));
        }
        let (offset, line) = (self.offset, self.line);
        self.keep_head();
        self.pass_over()?;
        Ok(self.passed(offset, line, WHY))
    }

    /// Keeps the first bytes of what is about to leave the buffer.
    fn keep_head(&mut self) {
        let head = &self.buffer[self.start..self.start + KEPT.min(self.unread())];
        self.kept.clear();
        self.kept.extend_from_slice(head);
    }

    /// What was passed over, of which only the first bytes are kept.
    fn passed(&mut self, offset: u64, line: u64, why: &'static str) -> Cut<'_> {
        let n_bytes = self.offset - offset;
        self.kept.truncate(usize::try_from(n_bytes).unwrap_or(KEPT));
        let bytes = &self.kept;
        let head = RawRecord { bytes, offset, line };
        Cut::Overlong { head, n_bytes, why }
    }

    /// The next record of a JSON file: an element of its array where it is one, an object where these go over
    /// lines, else a line.
    fn next_of_document(&mut self, is_record: &IsRecord) -> io::Result<Option<Cut<'_>>> {
        loop {
            match self.json {
                Document::First | Document::Another => {
                    if !self.begin_document(is_record)? {
                        return self.next_framed();
                    }
                }
                Document::Array { is_wrapped } => {
                    self.pass_while(elements::is_between)?;
                    if !self.more(1)? {
                        return Err(broken_off());
                    }
                    if self.buffer[self.start] != b']' {
                        return self.element().map(Some);
                    }
                    self.advance(1);
                    self.json = if is_wrapped {
                        Document::Around
                    } else {
                        Document::Another
                    };
                }
                Document::Spread => return self.next_spread(),
                Document::Around => {
                    self.json = Document::Another;
                    if let Some((len, why)) = self.around(is_record)? {
                        return Ok(Some(self.overlong(len, len as u64, why)));
                    }
                }
            }
        }
    }

    /// The next of objects that are spread over lines, or a line between two of them.
    fn next_spread(&mut self) -> io::Result<Option<Cut<'_>>> {
        self.pass_while(elements::is_between)?;
        if !self.more(1)? {
            return Ok(None);
        }
        if self.buffer[self.start] == b'{' {
            return self.element().map(Some);
        }
        match self.end_of_line()? {
            End::At(len, next) => Ok(Some(self.record(len, next, true))),
            End::Open(len) | End::Unclosed(len) => Ok(Some(self.record(len, len, false))),
            End::TooLong(first_line) => self.too_long(first_line).map(Some),
        }
    }

    /// Goes into the array with which a document begins, or to its objects that go over lines; false where it is
    /// neither. A file that does not begin with one has lines to its end.
    fn begin_document(&mut self, is_record: &IsRecord) -> io::Result<bool> {
        if self.json == Document::Another {
            self.pass_while(elements::is_space)?;
        }
        self.more(HEAD)?;
        let Some(opening) = elements::opening(&self.buffer[self.start..], &**is_record) else {
            if self.json == Document::First {
                self.framing = Framing::Lines;
            }
            return Ok(false);
        };
        self.json = match opening.layout {
            Layout::Spread => Document::Spread,
            layout => {
                self.advance(opening.inside);
                Document::Array {
                    is_wrapped: layout == Layout::Wrapped,
                }
            }
        };
        Ok(true)
    }

    fn pass_while(&mut self, test: impl Fn(u8) -> bool) -> io::Result<()> {
        while self.more(1)? {
            let n = elements::past(&self.buffer[self.start..], 0, &test);
            self.advance(n);
            if self.unread() > 0 {
                break;
            }
        }
        Ok(())
    }

    fn element(&mut self) -> io::Result<Cut<'_>> {
        let mut scan = Scan::default();
        loop {
            match scan.step(&self.buffer[self.start..]) {
                Step::End(0) => return self.damaged(1, "the bracket that closes here never opened"),
                Step::End(len) if len <= self.most => return Ok(self.record(len, len, true)),
                Step::Torn(at) => {
                    return self.damaged(at, "the brackets or quotes of this element do not fit");
                }
                Step::More if self.unread() <= self.most => {
                    if !self.more(self.unread() + 1)? {
                        return Ok(self.record(self.unread(), self.unread(), false));
                    }
                }
                Step::End(len) => return self.damaged(len, "the record is longer than is read"),
                Step::More => return self.damaged(self.unread(), "the record is longer than is read"),
            }
        }
    }

    /// Passes over a damaged element to where the next object may begin.
    fn damaged(&mut self, from: usize, why: &'static str) -> io::Result<Cut<'_>> {
        let (begin, offset, line) = (self.start, self.offset, self.line);
        let mut resync = match self.json {
            Document::Spread => Resync::by_line(),
            _ => Resync::default(),
        };
        // Mostly the next object is near, and nothing needs to be moved.
        if let Some(at) = resync.find(&self.buffer[begin..], from) {
            self.advance(at);
            let bytes = &self.buffer[begin..begin + at.min(KEPT)];
            let (head, n_bytes) = (RawRecord { bytes, offset, line }, at as u64);
            return Ok(Cut::Overlong { head, n_bytes, why });
        }
        self.keep_head();
        let mut from = from;
        loop {
            let n = self.unread();
            from = from.saturating_sub(n);
            self.advance(n);
            if !self.more(1)? {
                break;
            }
            if let Some(at) = resync.find(&self.buffer[self.start..], from) {
                self.advance(at);
                break;
            }
        }
        Ok(self.passed(offset, line, why))
    }

    /// Passes over what stands behind an array in the object that holds it; its length and why it is no mere
    /// frame where it holds records.
    fn around(&mut self, is_record: &IsRecord) -> io::Result<Option<(usize, &'static str)>> {
        let mut scan = Scan::within_object();
        loop {
            match scan.step(&self.buffer[self.start..]) {
                Step::End(len) => {
                    let behind = &self.buffer[self.start..self.start + len];
                    if elements::has_more_records(behind, &**is_record) {
                        return Ok(Some((
                            len,
                            "the object around the array holds more than that array",
                        )));
                    }
                    self.advance(len);
                    return Ok(None);
                }
                Step::More if self.unread() <= self.most => {
                    if !self.more(self.unread() + 1)? {
                        return Err(broken_off());
                    }
                }
                Step::More | Step::Torn(_) => {
                    let why = "what stands behind the array cannot be read";
                    return Ok(Some((self.unread(), why)));
                }
            }
        }
    }

    fn pass_over(&mut self) -> io::Result<()> {
        let begins = match &self.framing {
            Framing::Blocks(begins) => Some(begins.clone()),
            Framing::Fields => return self.pass_to_blank(),
            Framing::Lines | Framing::Json(_) | Framing::Csv | Framing::Chunks { .. } => None,
        };
        loop {
            while memchr::memchr(b'\n', &self.buffer[self.start..]).is_none() {
                self.advance(self.unread());
                if !self.more(1)? {
                    return Ok(());
                }
            }
            let end = memchr::memchr(b'\n', &self.buffer[self.start..]).unwrap_or(0);
            self.advance(end + 1);
            let Some(begins) = &begins else {
                return Ok(());
            };
            let next = self.line_end(0)?.unwrap_or(self.unread());
            if next > 0 && begins(&self.buffer[self.start..self.start + next]) {
                return Ok(());
            }
            if !self.more(1)? {
                return Ok(());
            }
        }
    }

    /// Passes over everything up to the next empty line.
    fn pass_to_blank(&mut self) -> io::Result<()> {
        let mut is_within = false;
        while self.more(1)? {
            let (len, is_end) = match memchr::memchr(b'\n', &self.buffer[self.start..]) {
                Some(at) => (at + 1, at == 0 && !is_within),
                None => (self.unread(), false),
            };
            is_within = self.buffer[self.start + len - 1] != b'\n';
            self.advance(len);
            if is_end {
                break;
            }
        }
        Ok(())
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
        self.start += n;
        self.offset += n as u64;
    }
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before its JSON does")
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn cut(bytes: &[u8], framing: Framing, caps: Caps) -> Vec<(u64, u64, String, bool)> {
        let mut reader = bytes;
        let mut cutter = Cutter::new(&mut reader, framing, &caps);
        let mut found = Vec::new();
        while let Ok(Some(cut)) = cutter.next() {
            found.push(match cut {
                Cut::Record { record, is_complete } => (
                    record.offset,
                    record.line,
                    record.lossy().into_owned(),
                    is_complete,
                ),
                Cut::Overlong { head, n_bytes, .. } => (head.offset, head.line, format!("!{n_bytes}"), true),
            });
        }
        found
    }

    fn rows(rows: &[(u64, u64, &str, bool)]) -> Vec<(u64, u64, String, bool)> {
        rows.iter()
            .map(|(o, l, t, c)| (*o, *l, (*t).to_owned(), *c))
            .collect()
    }

    #[test]
    fn lines_keep_their_places() {
        assert_eq!(
            cut(b"\xef\xbb\xbfa\r\n\n  \nbc\nd", Framing::Lines, Caps::default()),
            rows(&[(3, 1, "a", true), (10, 4, "bc", true), (13, 5, "d", false)])
        );
    }

    #[test]
    fn a_line_beyond_the_cap_is_one_reject_and_the_next_line_is_whole() {
        let long = "x".repeat(700_000);
        let text = format!("a\n{long}\nb\n");
        let caps = Caps {
            line: 100,
            ..Caps::default()
        };
        assert_eq!(
            cut(text.as_bytes(), Framing::Lines, caps),
            rows(&[
                (0, 1, "a", true),
                (2, 2, "!700001", true),
                (700_003, 3, "b", true)
            ])
        );
    }

    #[test]
    fn blocks_hold_their_continuation_lines() {
        let framing = || Framing::Blocks(Arc::new(|line: &[u8]| !line.starts_with(b"\t")));
        assert_eq!(
            cut(b"a\n\tb\n\n\tc\nd\ne\n\tf\n", framing(), Caps::default()),
            rows(&[
                (0, 1, "a\n\tb\n\n\tc", true),
                (9, 5, "d", true),
                (11, 6, "e\n\tf", false)
            ])
        );
        let caps = Caps {
            record: 8,
            ..Caps::default()
        };
        assert_eq!(
            cut(b"a\n\tbbbb\n\tcccccc\nd\ne\n", framing(), caps),
            rows(&[(0, 1, "!16", true), (16, 4, "d", true), (18, 5, "e", false)])
        );
    }

    #[test]
    fn objects_over_lines_are_records_and_a_damaged_one_takes_no_other_along() {
        let framing = || Framing::Json(Arc::new(|_: &crate::Object<'_>| true));
        let text = "{\n \"a\": 1\n}\n{\n \"b\": \"{x\n}\n{\n \"c\": {}\n}\nodd\n{\n \"d\": 1";
        assert_eq!(
            cut(text.as_bytes(), framing(), Caps::default()),
            rows(&[
                (0, 1, "{\n \"a\": 1\n}", true),
                (12, 4, "!14", true),
                (26, 7, "{\n \"c\": {}\n}", true),
                (39, 10, "odd", true),
                (43, 11, "{\n \"d\": 1", false)
            ])
        );
        let text = "Record 1\n{\n \"a\": 1\n{\n \"b\": [\n{\n}\n]\n}\n{\"c\":1}\n";
        assert_eq!(
            cut(text.as_bytes(), framing(), Caps::default()),
            rows(&[
                (0, 1, "Record 1", true),
                (9, 2, "!10", true),
                (19, 4, "{\n \"b\": [\n{\n}\n]\n}", true),
                (37, 10, "{\"c\":1}", true)
            ])
        );
    }

    #[test]
    fn an_object_beyond_the_cap_takes_no_other_along() {
        let framing = || Framing::Json(Arc::new(|_: &crate::Object<'_>| true));
        let caps = Caps {
            record: 20,
            ..Caps::default()
        };
        for n in [100, 700_000] {
            let long = format!("{{\n  \"a\": \"{}\"\n}}\n{{\n}}\n{{\n}}\n", "x".repeat(n));
            let (len, next) = (format!("!{}", n + 14), n as u64 + 14);
            assert_eq!(
                cut(long.as_bytes(), framing(), caps),
                rows(&[
                    (0, 1, &len, true),
                    (next, 4, "{\n}", true),
                    (next + 4, 6, "{\n}", true)
                ])
            );
        }
    }

    #[test]
    fn fields_may_hold_empty_lines_where_their_length_says_so() {
        let caps = || Caps {
            record: 64,
            ..Caps::default()
        };
        assert_eq!(
            cut(
                b"\n\nA=1\nB\n\x04\0\0\0\0\0\0\0x\n\ny\nC=2\n\nA=2\n",
                Framing::Fields,
                caps()
            ),
            rows(&[
                (2, 3, "A=1\nB\n\u{4}\0\0\0\0\0\0\0x\n\ny\nC=2", true),
                (26, 10, "A=2", false)
            ])
        );
        for hostile in [
            &b"A=1\nB\n\xff\xff\xff\xff\xff\xff\xff\x7fx\n\nA=2\n\n"[..],
            b"A=1\nB\n\x01\0\0\0\0\0\0\0xyz\n\nA=2\n\n",
        ] {
            let found = cut(hostile, Framing::Fields, caps());
            assert!(found[0].2.starts_with('!'), "{found:?}");
            assert_eq!((found[1].2.as_str(), found.len()), ("A=2", 2));
        }
        assert_eq!(cut(b"A=1\nB\n\x09\0\0", Framing::Fields, caps()).len(), 1);
    }

    #[test]
    fn csv_records_span_quoted_line_ends() {
        assert_eq!(
            cut(b"1,\"a\nb\"\"\",x\n2,y\n", Framing::Csv, Caps::default()),
            rows(&[(0, 1, "1,\"a\nb\"\"\",x", true), (12, 3, "2,y", true)])
        );
        assert_eq!(
            cut(b"1,\"a\n2,b\n3,c\n", Framing::Csv, Caps::default()),
            rows(&[(0, 1, "!5", true), (5, 2, "2,b", false), (9, 3, "3,c", false)])
        );
    }

    #[test]
    fn chunks_are_cut_by_their_size_whatever_stands_in_them() {
        let framing = Framing::Chunks { header: 4, chunk: 6 };
        assert_eq!(
            cut(b"HE\nDaaa\r\n\0bbbbbb  \n", framing.clone(), Caps::default()),
            rows(&[
                (0, 1, "HE\nD", true),
                (4, 2, "aaa\r\n\0", true),
                (10, 3, "bbbbbb", true),
                (16, 4, "  \n", false),
            ])
        );
        assert_eq!(cut(b"", framing.clone(), Caps::default()), []);
        assert_eq!(cut(b"\xef\xbb\xbf", framing, Caps::default()).len(), 1);
    }
}
