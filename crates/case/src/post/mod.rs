//! Telling people: from a list that a person approved to an account of everybody on it.
//!
//! The journal is the outbox. That a letter is about to go is written down before it goes, and what became of it after:
//! whoever dies between the two leaves persons of whom nobody knows, and they are named and never written to again by
//! themselves. Addresses stay in the file that a person gave; the journal keeps their digests.

mod addresses;
mod bounce;
mod list;
mod message;
mod outbox;
mod send;
mod smtp;

pub use addresses::{Addressee, Addresses};
pub use bounce::{Report, Reports, Returned, read_reports};
pub use list::{LeftOut, List, Listing, Planned, Ready, stale};
pub use message::{Message, Sender};
pub use outbox::{Letter, Mailing, Outbox, State, Tally};
pub use send::{Answer, Carrier, Clock, Pace, Sending, Stopped, hand_over, send};
pub use smtp::{Smtp, SmtpUrl};
