//! Records of JSON files: elements of an array, objects that go over lines.

use super::ends::End;
use super::{Close, Cut, Cutter, KEPT, TOO_LONG};
use crate::elements::{self, HEAD, IsRecord, Layout, Resync, Scan, Step};
use crate::{Framing, RawRecord};
use std::io;

/// Where in a JSON file the next record is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// At the beginning of the file, which tells how it is cut.
    First,
    /// Behind an array: another document may begin.
    Another,
    /// In an array, within so many objects.
    Array { n_frames: usize },
    /// Behind an array, within the objects that hold it.
    Around { n_frames: usize },
    /// Among objects that are spread over lines, one behind the other.
    Spread,
}

impl Cutter<'_> {
    /// The next record of a JSON file: an element of its array where it is one, an object where these go over
    /// lines, else a line.
    pub(super) fn next_of_document(&mut self, is_record: &IsRecord) -> io::Result<Option<Cut<'_>>> {
        loop {
            match self.json {
                Document::First | Document::Another => {
                    if !self.begin_document(is_record)? {
                        return self.next_framed();
                    }
                }
                Document::Array { n_frames } => {
                    self.pass_while(elements::is_between)?;
                    if !self.more(1)? {
                        return Err(broken_off());
                    }
                    if self.buffer[self.start] != b']' {
                        return self.element().map(Some);
                    }
                    self.advance(1);
                    self.json = match n_frames {
                        0 => Document::Another,
                        _ => Document::Around { n_frames },
                    };
                }
                Document::Spread => return self.next_spread(),
                Document::Around { n_frames } => {
                    self.json = Document::Another;
                    if let Some((len, why)) = self.around(n_frames, is_record)? {
                        return Ok(Some(self.overlong(len, len as u64, why, Close::Seen)));
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
            End::At(len, next) => Ok(Some(self.record(len, next, Close::Seen))),
            End::Open(len) | End::Unclosed(len) => Ok(Some(self.record(len, len, Close::Unseen))),
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
                    n_frames: match layout {
                        Layout::Wrapped(n_frames) => n_frames,
                        Layout::Array | Layout::Spread => 0,
                    },
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
                Step::End(len) if len <= self.most => return Ok(self.record(len, len, Close::Seen)),
                Step::Torn(at) => {
                    return self.damaged(at, "the brackets or quotes of this element do not fit");
                }
                Step::More if self.unread() <= self.most => {
                    if !self.more(self.unread() + 1)? {
                        return Ok(self.record(self.unread(), self.unread(), Close::Unseen));
                    }
                }
                Step::End(len) => return self.damaged(len, TOO_LONG),
                Step::More => return self.damaged(self.unread(), TOO_LONG),
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
            let close = Close::Seen;
            return Ok(Cut::Overlong {
                head,
                n_bytes,
                why,
                close,
            });
        }
        self.keep_head();
        let mut from = from;
        loop {
            let n = self.unread();
            from = from.saturating_sub(n);
            self.advance(n);
            if !self.more(1)? {
                return Ok(self.passed(offset, line, why, Close::Unseen));
            }
            if let Some(at) = resync.find(&self.buffer[self.start..], from) {
                self.advance(at);
                break;
            }
        }
        Ok(self.passed(offset, line, why, Close::Seen))
    }

    /// Passes over what stands behind an array in the objects that hold it; its length and why it is no mere
    /// frame where it holds records.
    fn around(&mut self, n_frames: usize, is_record: &IsRecord) -> io::Result<Option<(usize, &'static str)>> {
        let mut scan = Scan::within_objects(n_frames);
        loop {
            match scan.step(&self.buffer[self.start..]) {
                Step::End(len) => {
                    let behind = &self.buffer[self.start..self.start + len];
                    if elements::has_more_records(behind, n_frames, &**is_record) {
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
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before its JSON does")
}
