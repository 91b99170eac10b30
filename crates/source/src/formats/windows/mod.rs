//! Windows' event logs: the binary files, and the same events as JSON.

mod chunk;
mod columns;
mod evtx;
mod json;
mod meaning;
mod record;
mod shape;
mod xml;

pub use evtx::Evtx;
pub use json::Json;
