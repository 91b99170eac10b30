//! The signing block between a package's members and its central directory.

use crate::container::Container;
use crate::cursor::{Cursor, u64_at};
use crate::error::{Error, Result};

const WHAT: &str = "signing block";
const MAGIC: &[u8] = b"APK Sig Block 42";
/// The size behind the pairs, and the magic.
const FOOT: usize = 24;
/// Pairs of a block at most.
const PAIRS: usize = 1_000;

pub(super) const V2: u32 = 0x7109_871a;
pub(super) const V3: u32 = 0xf053_68c0;
pub(super) const V31: u32 = 0x1b93_ad61;

/// A block: where it begins, and what it holds by id.
#[derive(Debug)]
pub(super) struct Block<'b> {
    pub(super) begin: usize,
    pairs: Vec<(u32, &'b [u8])>,
}

impl<'b> Block<'b> {
    /// The block of a package; `None` where it has none.
    pub(super) fn find(container: &Container<'b>) -> Result<Option<Self>> {
        let (bytes, end) = (container.bytes(), container.central().start);
        let Some(foot) = end.checked_sub(FOOT) else {
            return Ok(None);
        };
        if bytes.get(foot + 8..end) != Some(MAGIC) {
            return Ok(None);
        }
        let size = u64_at(bytes, foot).unwrap_or(0);
        let begin = usize::try_from(size)
            .ok()
            .and_then(|size| size.checked_add(8))
            .and_then(|whole| end.checked_sub(whole))
            .filter(|begin| begin + 8 <= foot)
            .ok_or_else(|| {
                Error::bad(
                    WHAT,
                    foot,
                    format!("a size of {size} bytes, which leaves the file"),
                )
            })?;
        if u64_at(bytes, begin) != Some(size) {
            return Err(Error::bad(WHAT, begin, "the sizes before and behind it differ"));
        }
        let pairs = pairs(bytes.get(begin + 8..foot).unwrap_or_default());
        Ok(Some(Self { begin, pairs }))
    }

    pub(super) fn get(&self, id: u32) -> Option<&'b [u8]> {
        self.pairs
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, value)| *value)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.pairs.iter().map(|(id, _)| *id)
    }
}

/// Ids with their values, as far as they are whole: devices look for the id that they know, and never come to bytes
/// behind it that are no pair.
fn pairs(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let mut pairs = Vec::new();
    while pairs.len() < PAIRS
        && let Ok(pair) = pair(&mut cursor)
    {
        pairs.push(pair);
    }
    pairs
}

fn pair<'b>(cursor: &mut Cursor<'b>) -> Result<(u32, &'b [u8])> {
    let size = usize::try_from(cursor.u64()?).unwrap_or(usize::MAX);
    let Some(n_value) = size.checked_sub(4) else {
        return Err(cursor.bad(format!("a pair of {size} bytes")));
    };
    Ok((cursor.u32()?, cursor.take(n_value)?))
}
