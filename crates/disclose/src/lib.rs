//! What is owed, to whom, by when, in which words?
//!
//! Facts in, duties and texts out: no I/O, no clock, and never a fact without provenance. Law is dated data
//! ([`built_in`]), each rule with its citation and how sure it is. What is not known is asked for, never assumed: an
//! answer is *yes*, *no*, or *depends*, and then on what. Nothing here is legal advice.
//!
//! ```
//! use ambit_disclose::{Facts, Holds, built_in, duties};
//! use ambit_event::Timestamp;
//!
//! let now = Timestamp::parse("2026-11-22T12:00:00Z")?;
//! let duties = duties(&built_in(), &Facts::default(), now);
//! let authority = duties.iter().find(|duty| duty.name() == "eu-gdpr/authority");
//! assert!(authority.is_some_and(|duty| matches!(duty.owed, Holds::Depends { .. }) && !duty.asks.is_empty()));
//! # Ok::<(), ambit_event::Error>(())
//! ```

mod clock;
mod duty;
mod fact;
mod ical;
mod regime;
mod warranted;
mod wording;

pub use clock::{Calendar, Deadline, LaterReading, Uncounted, calendar, calendar_names, end_of};
pub use duty::{Change, Due, Duty, Question, State, changes, duties};
pub use fact::{Fact, Facts, Holdings, Kind, Provenance, Refused, Standing, Term, VOCABULARY, Value, term};
pub use ical::calendar_of;
pub use regime::{
    Citation, Cited, Condition, Confidence, Convention, Counting, Exemption, Holds, Open, Period, Regime,
    Rule, Status, Threshold, built_in, built_in_files, parse,
};
pub use warranted::{Assessment, Case, Decision, Flip, Risk, Severity, SeverityLevel, assess, cases};
pub use wording::{Ground, Linted, Remark, Worth, lint};
