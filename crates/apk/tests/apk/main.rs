//! The crate's tests: twins of each check, signatures, hostile bytes.

#![allow(clippy::expect_used)]

mod answers;
mod document;
mod hidden;
mod hostile;
mod kinds;
mod ours;
mod package;
mod resources;
mod signatures;
mod smali;
mod twins;
