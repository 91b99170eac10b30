//! One raw record, and what is said where it cannot be read.

use crate::Framing;
use crate::elements::{self, Layout, Opening};
use std::borrow::Cow;
use std::fmt;

/// The bytes of one record, framed but not decoded.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// Without the line end.
    pub bytes: &'a [u8],
    /// Offset of the first byte in the (decompressed) file.
    pub offset: u64,
    /// Line on which it begins, from 1; in a file of chunks the number of the header (1) or chunk.
    pub line: u64,
}

impl<'a> RawRecord<'a> {
    /// The record as text.
    ///
    /// # Errors
    /// A reject that names the first byte that is not UTF-8.
    pub fn text(&self) -> Result<&'a str, RejectReason> {
        std::str::from_utf8(self.bytes)
            .map_err(|e| RejectReason::new(format!("byte {} of the record is not UTF-8", e.valid_up_to())))
    }

    /// The record as text; bytes that are not UTF-8 become U+FFFD (the raw bytes are kept beside).
    #[must_use]
    pub fn lossy(&self) -> Cow<'a, str> {
        std::str::from_utf8(self.bytes).map_or_else(|_| String::from_utf8_lossy(self.bytes), Cow::Borrowed)
    }
}

/// Why a record is no event: what was expected, what stood there, in which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectReason {
    pub reason: String,
    pub field: Option<String>,
}

impl RejectReason {
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            field: None,
        }
    }

    /// A reason that concerns one field.
    #[must_use]
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            field: Some(field.into()),
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// The head of a file, from which formats recognize it.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// The path as given; archive members as `archive!member`. A hint, never proof.
    pub path: &'a str,
    /// The first bytes, at most 64 KiB.
    pub head: &'a [u8],
    /// The whole lines among them without line ends, at most 64; the last one may be cut.
    pub lines: Vec<&'a [u8]>,
    /// The pattern that a person named for the lines.
    pub log_format: Option<&'a str>,
}

impl<'a> Sample<'a> {
    #[must_use]
    pub fn new(path: &'a str, head: &'a [u8]) -> Self {
        let lines = head
            .split(|&b| b == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .filter(|line| !line.is_empty())
            .take(64)
            .collect();
        Self {
            path,
            head,
            lines,
            log_format: None,
        }
    }

    /// As [`Self::percent`], of the records into which the framing cuts the head: for JSON files that may be
    /// one array, or objects that go over lines.
    #[must_use]
    pub fn percent_of(&self, framing: &Framing, test: impl Fn(&[u8]) -> bool) -> u8 {
        let opening = match framing {
            Framing::Json(is_record) => {
                elements::opening(self.text(), &**is_record).or_else(|| self.line_alone())
            }
            _ => None,
        };
        match opening {
            None => self.percent(test),
            Some(opening) => {
                let found = elements::sampled(self.text(), opening);
                let n_fit = found.iter().filter(|element| test(element.as_ref())).count();
                u8::try_from(n_fit * 100 / found.len().max(1)).unwrap_or(100)
            }
        }
    }

    /// A line alone in the head may go beyond it.
    fn line_alone(&self) -> Option<Opening> {
        let is_object = self.lines.len() == 1 && self.text().starts_with(b"{");
        is_object.then_some(Opening {
            inside: 0,
            layout: Layout::Spread,
        })
    }

    fn text(&self) -> &'a [u8] {
        self.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.head)
    }

    /// Percent of the sampled lines that satisfy the test; 0 where there are none. The last line is
    /// left out where others exist, as it may be cut.
    #[must_use]
    pub fn percent(&self, test: impl Fn(&[u8]) -> bool) -> u8 {
        let lines = match self.lines.len() {
            0 => return 0,
            1 => &self.lines[..],
            n => &self.lines[..n - 1],
        };
        let n_fit = lines.iter().filter(|line| test(line)).count();
        u8::try_from(n_fit * 100 / lines.len()).unwrap_or(100)
    }

    /// The first line.
    #[must_use]
    pub fn first(&self) -> Option<&'a [u8]> {
        self.lines.first().copied()
    }
}

/// How sure a format is that a file is its own: 0 is *surely not*, 100 *no doubt*. The surest format
/// wins; a general one (any syslog line, any JSON line) stays below 60 so that a special one (sshd in
/// syslog, nginx in JSON) goes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(pub u8);

impl Confidence {
    pub const NONE: Self = Self(0);
    pub const CERTAIN: Self = Self(100);

    /// `most`, scaled down by the share of lines that fit; none where fewer than half do.
    #[must_use]
    pub const fn share(most: u8, percent: u8) -> Self {
        if percent < 50 {
            return Self::NONE;
        }
        #[allow(clippy::cast_possible_truncation)] // both are at most 100
        Self((most as u16 * percent as u16 / 100) as u8)
    }
}
