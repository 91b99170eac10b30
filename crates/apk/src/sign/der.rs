//! The little of DER that certificates and JAR signatures need: values one within the other, no copies.

use crate::error::{Error, Result};

const WHAT: &str = "DER";

/// One value: its tag, its content, and all its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'b> {
    pub(super) tag: u8,
    pub(super) content: &'b [u8],
    pub(super) whole: &'b [u8],
    rules: Rules,
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const BOOL: u8 = 0x01;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERAL_TIME: u8 = 0x18;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const CONTEXT_0: u8 = 0xa0;

/// How forgiving a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Der,
    /// Of a tag only class and number count, and lengths may be left open.
    Ber,
}

/// Values one within the other whose lengths are left open.
const OPEN_LEVELS: usize = 16;

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b>(&'b [u8], Rules);

impl<'b> Reader<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes, Rules::Der)
    }

    /// A forgiving reader, whose values are read as forgivingly.
    pub(super) const fn ber(bytes: &'b [u8]) -> Self {
        Self(bytes, Rules::Ber)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next(&mut self) -> Result<Value<'b>> {
        let cut = || Error::bad(WHAT, 0, "a value is cut");
        let tag = *self.0.first().ok_or_else(cut)?;
        let (content, end) = match length(self.0)? {
            (Some(n_bytes), header) => {
                let end = header.checked_add(n_bytes).ok_or_else(cut)?;
                (self.0.get(header..end).ok_or_else(cut)?, end)
            }
            (None, header) if self.1 == Rules::Ber => {
                let rest = self.0.get(header..).unwrap_or_default();
                let n_bytes = until_end(rest, OPEN_LEVELS)?;
                (rest.get(..n_bytes).ok_or_else(cut)?, header + n_bytes + 2)
            }
            _ => return Err(Error::bad(WHAT, 0, "a length that DER does not have")),
        };
        let (whole, rest) = self.0.split_at_checked(end).ok_or_else(cut)?;
        self.0 = rest;
        Ok(Value {
            tag,
            content,
            whole,
            rules: self.1,
        })
    }

    /// The next value, which must be of this kind.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Value<'b>> {
        let value = self.next()?;
        if self.is(value.tag, tag) {
            Ok(value)
        } else {
            let why = format!("a value of tag {:#04x} where {tag:#04x} belongs", value.tag);
            Err(Error::bad(WHAT, 0, why))
        }
    }

    /// The next value where it is of this kind.
    pub(super) fn maybe(&mut self, tag: u8) -> Result<Option<Value<'b>>> {
        if self.0.first().is_some_and(|found| self.is(*found, tag)) {
            self.next().map(Some)
        } else {
            Ok(None)
        }
    }

    fn is(&self, found: u8, wanted: u8) -> bool {
        found == wanted || self.1 == Rules::Ber && is_same(found, wanted)
    }

    /// Opens the next value, which must be of this kind.
    pub(super) fn open(&mut self, tag: u8) -> Result<Self> {
        Ok(self.expect(tag)?.inside())
    }
}

impl<'b> Value<'b> {
    pub(super) const fn inside(&self) -> Reader<'b> {
        Reader(self.content, self.rules)
    }

    /// The digits of a whole number.
    pub(super) fn integer(&self) -> Result<&'b [u8]> {
        match self.content {
            [] => Err(Error::bad(WHAT, 0, "a number without digits")),
            digits => Ok(digits),
        }
    }

    /// A bit string of whole bytes.
    pub(super) fn bits(&self) -> Result<&'b [u8]> {
        match self.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Error::bad(WHAT, 0, "a bit string of no whole bytes")),
        }
    }
}

impl<'b> Value<'b> {
    /// A bit string whose last bits are not counted, where these are zeros: Java takes DSA keys so.
    pub(super) fn loose_bits(&self) -> Result<&'b [u8]> {
        match self.content.split_first() {
            Some((n_idle @ 0..=7, bytes))
                if bytes
                    .last()
                    .is_some_and(|last| last.trailing_zeros() >= u32::from(*n_idle)) =>
            {
                Ok(bytes)
            }
            _ => self.bits(),
        }
    }
}

/// Whether two tags are of one class and number.
pub(super) const fn is_same(found: u8, wanted: u8) -> bool {
    found | 0x20 == wanted | 0x20
}

/// Bytes of the content, `None` where that is left open, and of what stands before it.
fn length(bytes: &[u8]) -> Result<(Option<usize>, usize)> {
    let bad = || Error::bad(WHAT, 0, "a length that DER does not have");
    let first = *bytes.get(1).ok_or_else(bad)?;
    if first < 0x80 {
        return Ok((Some(usize::from(first)), 2));
    }
    let n_digits = usize::from(first & 0x7f);
    if n_digits == 0 {
        return Ok((None, 2));
    }
    if n_digits > 4 {
        return Err(bad());
    }
    let digits = bytes.get(2..2 + n_digits).ok_or_else(bad)?;
    let value = digits
        .iter()
        .fold(0usize, |value, digit| value << 8 | usize::from(*digit));
    Ok((Some(value), 2 + n_digits))
}

/// Bytes of the values until the mark that ends what was left open.
fn until_end(bytes: &[u8], levels: usize) -> Result<usize> {
    let cut = || Error::bad(WHAT, 0, "a value is cut");
    let mut at = 0usize;
    loop {
        let rest = bytes.get(at..).ok_or_else(cut)?;
        if rest.starts_with(&[0, 0]) {
            return Ok(at);
        }
        at = match length(rest)? {
            (Some(n_bytes), header) => at.checked_add(header + n_bytes).ok_or_else(cut)?,
            (None, _) if levels == 0 => return Err(cut()),
            (None, header) => {
                let inner = rest.get(header..).unwrap_or_default();
                at + header + until_end(inner, levels - 1)? + 2
            }
        };
    }
}

/// An object identifier in dots, for the ones that this crate knows and for messages.
pub(super) fn dotted(content: &[u8]) -> String {
    let mut numbers = Vec::new();
    let mut value = 0u64;
    for byte in content.iter().take(64) {
        value = value << 7 & 0x00ff_ffff_ffff_ffff | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(value);
            value = 0;
        }
    }
    let Some((first, rest)) = numbers.split_first() else {
        return String::new();
    };
    let top = (*first / 40).min(2);
    let mut out = format!("{top}.{}", first - top * 40);
    for number in rest {
        out.push('.');
        out.push_str(&number.to_string());
    }
    out
}
