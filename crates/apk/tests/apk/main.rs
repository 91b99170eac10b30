//! The crate's tests: twins of each check, signatures, hostile bytes.

mod document;
mod hostile;
mod package;
mod signatures;
mod smali;
mod twins;
