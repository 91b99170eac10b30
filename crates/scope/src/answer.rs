//! The answer: what `scope` computes, in the shape that it is written, stored and shown in.
//!
//! Everything here is ordered, so that the same evidence gives the same bytes.

use ambit_event::{Event, EventId, Observable, Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How sure it is that the intruder did something or held something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing excludes it.
    Possible,
    /// The evidence speaks for it, and something else could explain it.
    Probable,
    /// It follows from the evidence and what a person asserted.
    Certain,
}

impl Grade {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Probable => "probable",
            Self::Certain => "certain",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A number with its doubt: the truth lies between both, inclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    pub at_least: u64,
    /// `None`: no upper bound is known.
    pub at_most: Option<u64>,
    /// Why it is not narrower, one sentence each; empty where both ends meet.
    pub because: Vec<String>,
}

/// One (person, class, effect) with its grade: law asks for combinations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Pair {
    /// The domain of the key, as the data map names it.
    pub subject: String,
    pub key: String,
    pub class: String,
    pub effect: String,
    pub grade: Grade,
    /// The events that show it.
    pub evidence: Vec<EventId>,
}

/// Persons whom nobody can name, who cannot be excluded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unnamed {
    pub subject: String,
    pub store: String,
    pub classes: Vec<String>,
    pub effect: String,
    /// At most so many persons beside the named ones; `None`: everyone in the store.
    pub at_most: Option<u64>,
    pub because: String,
    /// The gap that causes it, where it is one.
    pub gap: Option<String>,
    pub evidence: Vec<EventId>,
    /// The part of the store whose everyone it is: several accesses to it reached the same persons.
    #[serde(skip)]
    pub part: Option<String>,
}

/// The persons reached, all classes and effects together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subjects {
    pub at_least: u64,
    pub at_most: Option<u64>,
    pub because: Vec<String>,
    /// Keys as `domain:key`, each in the strongest grade that any class of it has.
    pub confirmed: Vec<String>,
    pub probable: Vec<String>,
    pub possible: Vec<String>,
    pub unnamed: Vec<Unnamed>,
}

/// Where the persons reached live, as tables say that the data map names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residence {
    pub tables: Vec<TableOfResidence>,
    /// Persons that records name, as `domain:key`, with their country (`se`) or region (`us-ca`) where it is known.
    pub persons: BTreeMap<String, String>,
    /// How many of the persons reached live in each place that anybody of the tables lives in, and in what is around it:
    /// a region counts for its country, a country of the Union for `eu`.
    pub places: BTreeMap<String, Bounds>,
    /// The same for a place that is not listed: under a country (`us`) for another region of it, under `eu` for another
    /// country of the Union, under the empty name for any other.
    pub unlisted: BTreeMap<String, Bounds>,
}

/// A table that says where persons live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableOfResidence {
    /// The domain of the persons.
    pub subject: String,
    pub file: String,
    pub columns: Vec<String>,
    /// The instant of which it tells.
    pub at: Timestamp,
    pub sha256: String,
    pub n_persons: u64,
    /// Those of whom it does not tell where they live.
    pub n_unknown: u64,
}

/// One attributed operation that reached, or may have reached, subjects' data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    pub event: EventId,
    pub time: Timestamp,
    pub source: String,
    /// The operation's name in the data map, else as the record has it.
    pub operation: String,
    pub store: Option<String>,
    pub effect: String,
    pub classes: Vec<String>,
    /// Keys as `domain:key`; empty where nobody is named.
    pub subjects: Vec<String>,
    /// `named`, `replayed`, `counted`, `whole`, `unmapped`.
    pub basis: String,
    pub grade: Grade,
    /// `done`, `possible`, `attempt`, `nothing`.
    pub completion: String,
    /// Hops that attribute the event, by id.
    pub hops: Vec<String>,
    pub because: String,
}

/// An attributed operation that the data map does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmappedOperation {
    pub operation: String,
    pub source: String,
    pub n_events: u64,
    pub grade: Grade,
    pub seen: Span,
    pub why: String,
    pub examples: Vec<EventId>,
}

/// Internal company data that was reached: bounded in objects and records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternalAccess {
    pub store: String,
    pub object: String,
    pub effect: String,
    pub grade: Grade,
    pub records: Bounds,
    pub evidence: Vec<EventId>,
}

/// One step of the trace: an observable came under control, or an event was attributed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// `hop:` and 12 hexadecimal digits over what the hop says.
    pub id: String,
    /// The rule's name in the table of pivots.
    pub rule: String,
    /// What was under control before; `None` for a seed.
    pub from: Option<Observable>,
    pub to: Observable,
    /// When it was, or may have been, in the intruder's hands.
    #[serde(with = "open_span")]
    pub control: Span,
    pub grade: Grade,
    pub reason: String,
    /// The first events that show it, at most eight of them.
    pub evidence: Vec<EventId>,
    pub n_events: u64,
}

/// A gap that matters to this scope, with what it does to the bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeGap {
    pub id: String,
    pub source: String,
    pub host: Option<String>,
    #[serde(with = "open_span")]
    pub span: Span,
    /// `absent` or `degraded`.
    pub state: String,
    pub because: String,
    /// The channel and the role in it: `attributing` or `accounting`.
    pub channel: String,
    pub role: String,
    /// What follows for the upper bound.
    pub consequence: String,
}

/// Whether the evidence carries a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Supported,
    Contradicted,
    Undecided,
}

/// A sentence by the actor who holds the seeds, with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Stable name, such as `class:credential:read` or `only_these_persons`.
    pub id: String,
    pub text: String,
    pub verdict: Verdict,
    /// What it rests on, or what keeps it open.
    pub because: Vec<String>,
    /// What evidence would decide it, with the persons it would settle; `None` where it is decided.
    pub would_settle: Option<String>,
}

/// Who stood before the same hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposed {
    /// `app_version` or `route`.
    pub by: String,
    pub value: String,
    /// Accounts, else sessions, that the logs show there.
    pub counted: String,
    pub n: Bounds,
}

/// Something that is asserted, not proved, and that the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssertionUsed {
    /// `seed`, `map`, `coverage`, `assume`, `default`.
    pub kind: String,
    pub text: String,
    pub reason: Option<String>,
    /// What speaks against it, where something does.
    pub contradicted_by: Option<String>,
}

/// The instants that people ask for; `None` comes with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Of the attributed events that are more than possibly the intruder's, and were not denied.
    pub first_activity: Option<Timestamp>,
    pub last_activity: Option<Timestamp>,
    /// Of those that are possibly the intruder's, and no more.
    #[serde(default)]
    pub first_possible: Option<Timestamp>,
    #[serde(default)]
    pub last_possible: Option<Timestamp>,
    /// The earliest instant at which control is not excluded.
    pub control_from: Option<Timestamp>,
    /// When control is proved to have ended; `None` while it is not.
    pub control_until: Option<Timestamp>,
    /// The first attributed event that a look at the logs would have shown as odd.
    pub first_noticeable: Option<Timestamp>,
    pub first_noticeable_because: String,
    pub first_noticed: Option<Timestamp>,
    pub first_noticed_because: String,
    /// The attributed events in order, at most 1,000 of them.
    pub entries: Vec<TimelineEntry>,
    pub n_entries: u64,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub event: EventId,
    pub time: Timestamp,
    pub grade: Grade,
    pub source: String,
    pub text: String,
}

/// How the coverage of one source looks over the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCoverage {
    pub source: String,
    pub host: Option<String>,
    pub worst: String,
    pub spans: Vec<ambit_lake::CoverageSpan>,
}

/// The whole answer: a function of the evidence, the seeds, the map and what was asserted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Hash over the identities of all events in the lake.
    pub content_root: String,
    pub window: Option<Span>,
    /// False where no data map was given, or one that names no store: everything is traced and listed as unmapped.
    pub mapped: bool,
    /// Why nobody can be excluded, whatever the records say: no evidence, nothing that a seed names. Empty
    /// where the answer stands; else no upper bound is known and no claim is supported.
    #[serde(default)]
    pub unanswered: Vec<String>,
    pub seeds: Vec<String>,
    pub assertions: Vec<AssertionUsed>,
    pub subjects: Subjects,
    /// `None` where the data map names no table that says where persons live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<Residence>,
    pub records: Bounds,
    /// Persons whose data of the class was read.
    pub classes: BTreeMap<String, Bounds>,
    /// The same for every effect: effect, then class.
    pub effects: BTreeMap<String, BTreeMap<String, Bounds>>,
    pub pairs: Vec<Pair>,
    pub accesses: Vec<Access>,
    pub attempts: Vec<Access>,
    pub unmapped: Vec<UnmappedOperation>,
    pub internal: Vec<InternalAccess>,
    pub trace: Vec<Hop>,
    pub n_attributed: u64,
    pub gaps: Vec<ScopeGap>,
    pub coverage: Vec<SourceCoverage>,
    pub claims: Vec<Claim>,
    pub exposed: Vec<Exposed>,
    /// "not hunted" until the method was hunted.
    pub same_method: String,
    /// Clock differences between sources that share trace ids.
    pub clock_skew: Vec<String>,
    pub timeline: Timeline,
}

/// An attributed event, for exports that need more than the answer keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributed {
    pub event: Event,
    pub grade: Grade,
    pub hops: Vec<String>,
}

/// A span with `null` for an end that is open.
mod open_span {
    use ambit_event::{Span, Timestamp};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Open {
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    }

    pub fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
        let open = Open {
            from: (span.from > Timestamp::MIN).then_some(span.from),
            until: (span.until < Timestamp::MAX).then_some(span.until),
        };
        open.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let open = Open::deserialize(deserializer)?;
        Ok(Span {
            from: open.from.unwrap_or(Timestamp::MIN),
            until: open.until.unwrap_or(Timestamp::MAX),
        })
    }
}
