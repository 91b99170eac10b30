//! What the crate promises, from outside.

#![allow(clippy::unwrap_used)]

mod duties;
mod exports;
mod facts;
mod known;
mod notices;
mod regimes;
mod residence;
#[path = "../../../cli/tests/cli/shape.rs"]
mod shape;
mod stated;
mod status;
mod warranted;
mod wording;
