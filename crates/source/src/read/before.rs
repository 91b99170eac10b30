//! What the older siblings of a rotated file tell of it.

use crate::cut::{Cut, Cutter};
use crate::input::{Before, Input};
use crate::{Error, Options};
use std::sync::PoisonError;

/// What the older siblings of a rotated file hold, so that counting goes on where they end, and a line of which the
/// beginning stands there is not taken for a whole one.
pub(super) fn look_before(input: &Input, options: &Options) -> Result<Before, Error> {
    let Some(last) = input.rank.checked_sub(1) else {
        return Ok(Before::default());
    };
    let mut known = input.family.before.lock().unwrap_or_else(PoisonError::into_inner);
    if known.as_ref().is_some_and(|(rank, _)| *rank == last) {
        return Ok(known.take().map(|(_, before)| before).unwrap_or_default());
    }
    let mut before = Before::default();
    for (place, format) in &input.family.members[..input.rank] {
        // A sibling that cannot be read to its end counts as far as it goes, here as in its own reading.
        place.with_content(&options.caps, |reader| {
            let mut cutter = Cutter::new(reader, format.framing(), &options.caps);
            while let Ok(Some(cut)) = cutter.next() {
                if let Cut::Record { record, .. } = cut {
                    before.seen.count(record.bytes);
                    before.ajar.see(record.bytes);
                }
            }
        })?;
    }
    Ok(before)
}
