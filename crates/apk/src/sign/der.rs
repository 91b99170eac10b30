//! The little of DER that certificates and JAR signatures need: values one within the other, no copies.

use crate::error::{Error, Result};

const WHAT: &str = "DER";

/// One value: its tag, its content, and all its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'b> {
    pub(super) tag: u8,
    pub(super) content: &'b [u8],
    pub(super) whole: &'b [u8],
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const BOOL: u8 = 0x01;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERAL_TIME: u8 = 0x18;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const CONTEXT_0: u8 = 0xa0;

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn next(&mut self) -> Result<Value<'b>> {
        let cut = || Error::bad(WHAT, 0, "a value is cut");
        let tag = *self.0.first().ok_or_else(cut)?;
        let (n_bytes, header) = length(self.0)?;
        let end = header.checked_add(n_bytes).ok_or_else(cut)?;
        let whole = self.0.get(..end).ok_or_else(cut)?;
        self.0 = &self.0[end..];
        Ok(Value {
            tag,
            content: &whole[header..],
            whole,
        })
    }

    /// The next value, which must be of this kind.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Value<'b>> {
        let value = self.next()?;
        if value.tag == tag {
            Ok(value)
        } else {
            let why = format!("a value of tag {:#04x} where {tag:#04x} belongs", value.tag);
            Err(Error::bad(WHAT, 0, why))
        }
    }

    /// The next value where it is of this kind.
    pub(super) fn maybe(&mut self, tag: u8) -> Result<Option<Value<'b>>> {
        if self.0.first() == Some(&tag) {
            self.next().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Opens the next value, which must be of this kind.
    pub(super) fn open(&mut self, tag: u8) -> Result<Self> {
        Ok(self.expect(tag)?.inside())
    }
}

impl<'b> Value<'b> {
    pub(super) const fn inside(&self) -> Reader<'b> {
        Reader(self.content)
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

/// Bytes of the content, and of what stands before it.
fn length(bytes: &[u8]) -> Result<(usize, usize)> {
    let bad = || Error::bad(WHAT, 0, "a length that DER does not have");
    let first = *bytes.get(1).ok_or_else(bad)?;
    if first < 0x80 {
        return Ok((usize::from(first), 2));
    }
    let n_digits = usize::from(first & 0x7f);
    if n_digits == 0 || n_digits > 4 {
        return Err(bad());
    }
    let digits = bytes.get(2..2 + n_digits).ok_or_else(bad)?;
    let value = digits
        .iter()
        .fold(0usize, |value, digit| value << 8 | usize::from(*digit));
    Ok((value, 2 + n_digits))
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
