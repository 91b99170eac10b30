//! Sigma's log sources to Ambit's: which events a rule is about, and under which names their fields go.
//!
//! The tables beside this file are data. A rule is matched with the events of the logs that it names and with no
//! others; one whose log source stands in no table is said to run nowhere.

mod map;
mod rights;
mod table;

pub(crate) use map::{FieldMap, Origin, Part};
pub(crate) use table::{Log, Table};
