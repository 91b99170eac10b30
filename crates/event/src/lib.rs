//! The words that every floor of the house speaks: one thing that happened, who and what is in it,
//! where it came from, and what could not be read.
//!
//! This crate answers *what is one thing that happened, and who and what is in it?* It does no I/O,
//! nothing asynchronous, and knows neither a file format nor a query engine.
//!
//! ```
//! use ambit_event::{Event, Span, Timestamp};
//!
//! let at = Timestamp::parse("2014-05-23T10:00:00Z")?;
//! let mut event = Event::new("nginx_access", at);
//! event.src_ip = Some("203.0.113.7".into());
//! assert!(Span::new(at, at.plus_secs(1)).contains(event.time));
//! # Ok::<(), ambit_event::Error>(())
//! ```

mod batch;
mod column;
mod error;
mod event;
mod fields;
mod finding;
mod id;
mod observable;
mod secret;
mod text;
mod time;

pub use batch::{Attestation, Batch, Checkpoint, Evidence, Loss, Position, Reject, Unfinished};
pub use column::{Column, ColumnKind, ColumnSet};
pub use error::Error;
pub use event::{Event, Outcome, Provenance};
pub use fields::{Fields, Spot};
pub use finding::{Finding, FindingEntry, FindingId, Level, Noted, Noticed, noticed};
pub use id::{EventId, EvidenceId};
pub use observable::{Observable, ObservableKind};
pub use secret::Keys;
pub use text::{mask, printable, refang};
pub use time::{Span, Timestamp};
