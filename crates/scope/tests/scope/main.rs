//! The answers of `scope`, against worlds whose truth is known.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cloud;
mod drills;
mod expose;
mod filling;
mod golden;
mod laws;
mod score;
mod world;
