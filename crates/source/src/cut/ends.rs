//! Where a record ends, by the framing of its format.

use super::{Cutter, is_blank};
use crate::{Elements, Framing};
use std::io;

/// Where the record at `start` ends, as far as the buffer tells. Ends are relative to `start`.
pub(super) enum End {
    /// The record, and where the next one begins.
    At(usize, usize),
    /// The file ends first.
    Open(usize),
    /// It is too long; its first line ends there (`None`: later than the cap).
    TooLong(Option<usize>),
    /// The file ends within quotes; the first line ends there.
    Unclosed(usize),
}

impl Cutter<'_> {
    pub(super) fn find_end(&mut self) -> io::Result<End> {
        match self.framing.clone() {
            Framing::Lines | Framing::Json(_) | Framing::Chunks { .. } => self.end_of_line(),
            Framing::Blocks(begins) => self.end_of_block(&*begins),
            Framing::Elements(kind) => self.end_of_element(kind),
            Framing::Csv => self.end_of_csv(),
            Framing::Fields => self.end_of_fields(),
        }
    }

    pub(super) fn end_of_line(&mut self) -> io::Result<End> {
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
        Ok(self.open_or_too_long())
    }

    /// The end of an element, or of what stands before the next one: its line's end. An element in which another of
    /// its name begins is torn, and ends there, unless that one stands in the part that may hold anything.
    fn end_of_element(&mut self, kind: Elements) -> io::Result<End> {
        let name = kind.name;
        self.more(longest_tag(name))?;
        let is_within = tag(&self.buffer[self.start..], name) == Tag::Opens;
        let (mut from, mut depth, mut is_held) = (usize::from(is_within), 0_u64, false);
        while let Some(at) = self.next_mark(from, name)? {
            if at > self.most {
                break;
            }
            from = at + 1;
            match (tag(&self.buffer[self.start + at..], name), is_within) {
                (Tag::LineEnd, false) => return Ok(End::At(at, at + 1)),
                (Tag::Opens, true) if is_held => match self.nested(at, kind.first)? {
                    Nested::Next => return Ok(End::At(at, at)),
                    Nested::Open => depth += 1,
                    Nested::Empty => {}
                },
                (Tag::Opens, _) => return Ok(End::At(at, at)),
                (Tag::Closes(_), true) if depth > 0 => depth -= 1,
                (Tag::Closes(len), true) => return self.behind_element(at + len),
                (Tag::Other, true) if depth == 0 => is_held = self.is_held(at, kind.holder, is_held)?,
                _ => {}
            }
        }
        Ok(self.open_or_too_long())
    }

    /// Whether what follows the tag at `at` stands in the part that may hold anything.
    fn is_held(&mut self, at: usize, holder: &str, is_held: bool) -> io::Result<bool> {
        self.more(at + longest_tag(holder))?;
        Ok(match tag(&self.buffer[self.start + at..], holder) {
            Tag::Opens => !matches!(self.nested(at, holder)?, Nested::Empty),
            Tag::Closes(_) => false,
            Tag::LineEnd | Tag::Other => is_held,
        })
    }

    /// What an element of the same name is that begins within that part: one of its own, or the next record,
    /// which the torn one runs into.
    fn nested(&mut self, at: usize, first: &str) -> io::Result<Nested> {
        self.more(at + LONGEST_HEAD)?;
        let rest = &self.buffer[self.start + at..];
        let rest = &rest[..rest.len().min(LONGEST_HEAD)];
        let Some(end) = tag_end(rest) else {
            return Ok(Nested::Open);
        };
        let inside = past_comments(&rest[end + 1..]);
        Ok(match (rest[end - 1], tag(inside, first)) {
            (b'/', _) => Nested::Empty,
            (_, Tag::Opens) => Nested::Next,
            _ => Nested::Open,
        })
    }

    /// The line end that follows an element belongs to it: where a file ends so, nothing more is to come.
    fn behind_element(&mut self, end: usize) -> io::Result<End> {
        self.more(end + "\r\n".len())?;
        let behind = &self.buffer[self.start + end..];
        let n_line_end = match behind {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        Ok(End::At(end, end + n_line_end))
    }

    /// Where the next tag or line end is, at or after `from`, with all of the tag that tells whose it is.
    fn next_mark(&mut self, mut from: usize, name: &str) -> io::Result<Option<usize>> {
        loop {
            let rest = &self.buffer[self.start + from..];
            if let Some(step) = memchr::memchr2(b'<', b'\n', rest) {
                self.more(from + step + longest_tag(name))?;
                return Ok(Some(from + step));
            }
            from = self.unread();
            if from > self.most || !self.more(from + 1)? {
                return Ok(None);
            }
        }
    }

    fn open_or_too_long(&self) -> End {
        match self.unread() > self.most {
            true => End::TooLong(None),
            false => End::Open(self.unread()),
        }
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
        Ok(self.open_or_too_long())
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

    pub(super) fn pass_over(&mut self) -> io::Result<()> {
        let begins = match &self.framing {
            Framing::Blocks(begins) => Some(begins.clone()),
            Framing::Fields => return self.pass_to_blank(),
            Framing::Elements(kind) => return self.pass_to_element(kind.name),
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

    /// Passes over everything up to where the next element of this name begins.
    fn pass_to_element(&mut self, name: &str) -> io::Result<()> {
        self.advance(1);
        while self.more(1)? {
            let n = memchr::memchr(b'<', &self.buffer[self.start..]).unwrap_or(self.unread());
            self.advance(n);
            self.more(longest_tag(name))?;
            if tag(&self.buffer[self.start..], name) == Tag::Opens {
                break;
            }
            self.advance(self.unread().min(1));
        }
        Ok(())
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
}

/// What begins at some place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    LineEnd,
    Opens,
    /// With so many bytes.
    Closes(usize),
    Other,
}

/// An element within another of its name.
enum Nested {
    /// It is no part of the other: the next record.
    Next,
    Open,
    Empty,
}

/// Blanks that may stand in an end tag.
const MOST_BLANKS: usize = 64;
/// Bytes that tell what an element of the same name within another is.
const LONGEST_HEAD: usize = 4096;

/// Bytes that tell whether an element of this name begins or ends.
const fn longest_tag(name: &str) -> usize {
    name.len() + "</>".len() + MOST_BLANKS
}

/// Where the `>` of the tag stands with which a text begins: values of attributes may hold others.
fn tag_end(text: &[u8]) -> Option<usize> {
    let mut quote = None;
    text.iter().position(|&byte| {
        match quote {
            Some(open) if open == byte => quote = None,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            _ => {}
        }
        quote.is_none() && byte == b'>'
    })
}

/// What stands behind white space and comments.
fn past_comments(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    while let Some(comment) = rest.strip_prefix(b"<!--") {
        let Some(end) = memchr::memmem::find(comment, b"-->") else {
            break;
        };
        rest = comment[end + "-->".len()..].trim_ascii_start();
    }
    rest
}

fn tag(text: &[u8], name: &str) -> Tag {
    let behind = |mark: &str| {
        let rest = text.strip_prefix(mark.as_bytes())?;
        rest.strip_prefix(name.as_bytes())?.first().copied()
    };
    if text.first() == Some(&b'\n') {
        return Tag::LineEnd;
    }
    match (behind("<"), behind("</")) {
        (Some(b'>' | b' ' | b'\t' | b'\r' | b'\n' | b'/'), _) => Tag::Opens,
        (_, Some(_)) => closing(text, name),
        _ => Tag::Other,
    }
}

/// The end tag of this name with which a text begins; blanks may stand before its `>`.
fn closing(text: &[u8], name: &str) -> Tag {
    let begun = name.len() + "</".len();
    let rest = text.get(begun..).unwrap_or_default();
    let n_blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
    match rest.get(n_blank) {
        Some(b'>') => Tag::Closes(begun + n_blank + 1),
        _ => Tag::Other,
    }
}
