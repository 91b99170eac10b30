//! The gate for packed members: what comes out is capped, and nothing is written to disk.

use crate::error::{Error, Result};
use crate::limits::Budget;
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Bytes that are reserved at once; a size that a header claims is not believed.
const STEP: usize = 1 << 16;

/// Unpacks a deflated member. Fails beyond the caps, and where the stream is broken.
pub(super) fn inflate(packed: &[u8], claimed: u64, budget: &Budget) -> Result<Vec<u8>> {
    let limit = budget.member();
    let mut out = Vec::with_capacity(usize::try_from(claimed.min(limit).min(8 << 20)).unwrap_or(STEP));
    let mut stream = Decompress::new(false);
    loop {
        let before = (stream.total_in(), stream.total_out());
        if out.len() == out.capacity() {
            out.reserve(STEP.max(out.len() / 2));
        }
        let from = usize::try_from(before.0).unwrap_or(usize::MAX);
        let rest = packed.get(from..).unwrap_or_default();
        let status = stream.decompress_vec(rest, &mut out, FlushDecompress::None);
        let gained = stream.total_out() - before.1;
        budget.spend(gained)?;
        if stream.total_out() > limit {
            return Err(Error::TooMuch {
                what: "bytes of one unpacked member",
                limit,
            });
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(out),
            Ok(_) if gained > 0 || stream.total_in() > before.0 => {}
            Ok(_) if out.len() == out.capacity() => {}
            _ => {
                let at = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
                return Err(Error::bad("deflated member", at, "the stream is broken or cut"));
            }
        }
    }
}

/// The checksum that the container's headers state.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The first bytes of what a stream unpacks to.
pub(super) fn head(packed: &[u8], n_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(n_bytes);
    // What was unpacked before an error is the head all the same.
    let _ = Decompress::new(false).decompress_vec(packed, &mut out, FlushDecompress::None);
    out
}
