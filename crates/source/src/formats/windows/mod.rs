//! Windows' event logs: the binary files, and the same events as JSON and as XML.

mod chunk;
mod columns;
mod element;
mod evtx;
mod flat;
mod json;
mod meaning;
mod record;
mod rendered;
mod shape;
mod xml;

pub use evtx::Evtx;
pub use json::Json;
pub use record::SOURCE;
pub use rendered::{Xml, is_cut};
