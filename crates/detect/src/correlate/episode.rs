//! A stretch of time over which a condition holds is one finding, however many events it has.

use crate::stream::{Out, Stamp, Verdict, Who};
use std::sync::Arc;

/// A condition that holds without end makes a finding a day.
const LONGEST: i64 = 86_400 * 1_000_000_000;

/// Notes whether the condition holds at a member; `window` gives the members that it holds over, by time.
pub(crate) fn note<'a, I: Iterator<Item = (Stamp, &'a Arc<Who>)>>(
    open: &mut Option<Box<Verdict>>,
    holds: bool,
    at: Stamp,
    who: &Arc<Who>,
    window: impl FnOnce() -> I,
    out: &mut Out,
) {
    if let Some(verdict) = open
        && holds
        && at.time.0.saturating_sub(verdict.anchor.time.0) < LONGEST
    {
        verdict.add(at, who);
        return;
    }
    out.close(open);
    if holds {
        *open = Some(Box::new(Verdict::over(at, window())));
    }
}
