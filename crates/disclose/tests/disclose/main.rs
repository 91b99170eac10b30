//! What the crate promises, from outside.

#![allow(clippy::unwrap_used)]

mod duties;
mod known;
mod notices;
mod regimes;
mod warranted;
mod wording;
