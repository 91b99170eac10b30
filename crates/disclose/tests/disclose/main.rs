//! What the crate promises, from outside.

#![allow(clippy::unwrap_used)]

mod duties;
mod known;
mod regimes;
mod warranted;
mod wording;
