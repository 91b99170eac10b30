//! Rules over several events, in the events' own time: each is a fold over the members of a group, which is taken
//! back and done anew where an event comes late.

mod clock;
mod fold;
mod group;
mod keyed;
mod names;

pub(crate) use clock::Clock;
pub(crate) use fold::{Fold, MOST_LISTED, Out, Stamp, Verdict, Who};
pub(crate) use group::{Change, Told};
pub use keyed::Limits;
pub(crate) use keyed::{Key, Keyed};
pub(crate) use names::Names;
