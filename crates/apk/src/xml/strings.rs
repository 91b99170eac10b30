//! String pools, which binary XML and resource tables share.

use crate::cursor::{Cursor, u16_at, u32_at};
use crate::error::Result;

const UTF8: u32 = 1 << 8;
pub(crate) const POOL: u16 = 0x0001;
/// The longest string that is kept of a pool; the rest of it is left out.
const LONGEST: usize = 1 << 16;

/// A pool of strings, decoded when they are asked for: a count that a header claims costs nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strings<'b> {
    offsets: &'b [u8],
    data: &'b [u8],
    is_utf8: bool,
}

impl<'b> Strings<'b> {
    /// Reads the chunk that begins where the bytes do.
    pub(crate) fn parse(chunk: &'b [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(chunk, "string pool");
        let kind = cursor.u16()?;
        if kind != POOL {
            return Err(cursor.bad(format!("a chunk of kind {kind:#06x}, no string pool")));
        }
        let header = usize::from(cursor.u16()?);
        cursor.skip(4)?;
        let (n_strings, _n_styles, flags, begin) =
            (cursor.size()?, cursor.size()?, cursor.u32()?, cursor.size()?);
        let offsets = chunk.get(header..).unwrap_or_default();
        let n_bytes = n_strings.saturating_mul(4).min(offsets.len());
        Ok(Self {
            offsets: &offsets[..n_bytes],
            data: chunk.get(begin..).unwrap_or_default(),
            is_utf8: flags & UTF8 != 0,
        })
    }

    pub(crate) const fn len(&self) -> usize {
        self.offsets.len() / 4
    }

    /// Bytes from which strings are taken.
    pub(crate) const fn n_bytes(&self) -> usize {
        self.data.len()
    }

    /// The string of that number; `None` where it lies outside the pool.
    pub(crate) fn get(&self, n: u32) -> Option<String> {
        let at = u32_at(self.offsets, (n as usize).checked_mul(4)?)? as usize;
        let bytes = self.data.get(at..)?;
        if self.is_utf8 { utf8(bytes) } else { utf16(bytes) }
    }
}

/// Two lengths of one or two bytes (in characters, in bytes), then the text.
fn utf8(bytes: &[u8]) -> Option<String> {
    let length = |at: usize| -> Option<(usize, usize)> {
        let first = usize::from(*bytes.get(at)?);
        if first & 0x80 == 0 {
            return Some((first, at + 1));
        }
        let second = usize::from(*bytes.get(at + 1)?);
        Some(((first & 0x7f) << 8 | second, at + 2))
    };
    let (_, at) = length(0)?;
    let (n_bytes, at) = length(at)?;
    let text = bytes.get(at..at.checked_add(n_bytes)?)?;
    let text = text.get(..LONGEST).unwrap_or(text);
    Some(String::from_utf8_lossy(text).into_owned())
}

/// A length in units of one or two 16-bit words, then the text.
fn utf16(bytes: &[u8]) -> Option<String> {
    let first = usize::from(u16_at(bytes, 0)?);
    let (n_units, at) = if first & 0x8000 == 0 {
        (first, 2usize)
    } else {
        ((first & 0x7fff) << 16 | usize::from(u16_at(bytes, 2)?), 4)
    };
    let text = bytes.get(at..at.checked_add(n_units.checked_mul(2)?)?)?;
    let units = text
        .chunks_exact(2)
        .take(LONGEST)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    Some(
        char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}
