//! A place in hostile bytes: every read is checked, and an error says where it stood.

use crate::error::{Error, Result};

/// Reads little-endian values one after the other. `base` is where the bytes begin in the file they are of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
    base: usize,
    what: &'static str,
}

impl<'b> Cursor<'b> {
    pub(crate) const fn new(bytes: &'b [u8], what: &'static str) -> Self {
        Self {
            bytes,
            at: 0,
            base: 0,
            what,
        }
    }

    /// The same bytes, read from `at` on.
    pub(crate) const fn at(bytes: &'b [u8], at: usize, what: &'static str) -> Self {
        Self {
            bytes,
            at,
            base: 0,
            what,
        }
    }

    pub(crate) const fn position(&self) -> usize {
        self.base.saturating_add(self.at)
    }

    pub(crate) const fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.left() == 0
    }

    pub(crate) fn bad(&self, why: impl Into<String>) -> Error {
        Error::bad(self.what, self.position(), why)
    }

    pub(crate) fn take(&mut self, n_bytes: usize) -> Result<&'b [u8]> {
        let end = self.at.checked_add(n_bytes);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else {
            return Err(Error::Cut {
                what: self.what,
                at: self.position(),
                need: n_bytes,
                have: self.left(),
            });
        };
        self.at += n_bytes;
        Ok(taken)
    }

    pub(crate) fn skip(&mut self, n_bytes: usize) -> Result<()> {
        self.take(n_bytes).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A 32-bit number that counts or points.
    pub(crate) fn size(&mut self) -> Result<usize> {
        Ok(self.u32()? as usize)
    }

    /// What a 32-bit length before it says that it holds.
    pub(crate) fn prefixed(&mut self) -> Result<Cursor<'b>> {
        let n_bytes = self.size()?;
        let base = self.position();
        let bytes = self.take(n_bytes)?;
        Ok(Cursor {
            bytes,
            at: 0,
            base,
            what: self.what,
        })
    }

    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// All bytes, those read already included.
    pub(crate) const fn whole(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) fn uleb(&mut self) -> Result<u32> {
        let mut value = 0u32;
        for shift in [0u32, 7, 14, 21, 28] {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.bad("a number of more than five bytes"))
    }

    /// A number of protobuf: up to ten bytes.
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for n in 0..10u32 {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.bad("a number of more than ten bytes"))
    }
}

/// The 16-bit number at `at`, where the bytes reach so far.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(found.try_into().ok()?))
}

/// The 32-bit number at `at`, where the bytes reach so far.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

/// The 64-bit number at `at`, where the bytes reach so far.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let found = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(found.try_into().ok()?))
}
