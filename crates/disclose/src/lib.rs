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
mod decided;
mod duty;
mod export;
mod fact;
mod ical;
pub mod markup;
mod notice;
mod regime;
mod status;
mod warranted;
mod wording;
pub mod words;

pub use clock::{Calendar, Deadline, LaterReading, Uncounted, calendar, calendar_names, end_of};
pub use decided::Decided;
pub use duty::{Change, Due, Duty, Question, State, changes, duties};
pub use export::{edpb, stix, veris};
pub use fact::{
    Conflict, Fact, Facts, Holdings, Kind, Known, Provenance, Refused, Standing, Term, VOCABULARY, Value,
    check_name, check_period, is_place, outrun, term, told, wants_knower,
};
pub use ical::calendar_of;
pub use notice::{
    Block, Carrier, Desk, Difference, Draft, Issued, Mail, Matter, NoDraft, NoticeKind, Piece, Saying,
    Sayings, Style, Tongue, Topic, Trouble, TroubleKind, Wanted, differences, draft, is_language,
    notice_json, notice_mail, notice_page, notice_text,
};
pub use regime::{
    Citation, Cited, Condition, Confidence, Convention, Counting, Exemption, Holds, Open, Period, Regime,
    Rule, Status, Threshold, built_in, built_in_files, parse,
};
pub use status::{
    Asked, Disclosure, Input, Openness, Told, fact_json, persons, status_json, status_lines, status_page,
};
pub use warranted::{Assessment, Case, Decision, Flip, Risk, Severity, SeverityLevel, assess, cases};
pub use wording::{Ground, Language, Linted, Remark, Worth, lint};
