//! The batch that travels from a source to the lake, and what is said beside the events.

use crate::{Event, EventId, EvidenceId, Noted, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Where in an evidence file something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Position {
    pub evidence: EvidenceId,
    /// The file as it was given, archive members as `archive!member`.
    pub path: String,
    /// Offset in bytes in the (decompressed) file.
    pub offset: u64,
    /// Line, from 1.
    pub line: u64,
}

/// A raw record that could not be parsed, kept with where and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    pub source: String,
    pub host: Option<String>,
    pub position: Position,
    /// What was expected and what stood there instead.
    pub reason: String,
    /// The field that could not be read, where it was one.
    pub field: Option<String>,
    /// The instants between which the record was written, as its neighbours tell; `None` where they do not.
    pub between: Option<Span>,
    /// The bytes, at most 64 KiB of them.
    #[serde(skip)]
    pub raw: Vec<u8>,
    /// How many bytes the record had.
    pub n_bytes: u64,
}

/// Records that existed and are not here: dropped, throttled, evicted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loss {
    pub source: String,
    pub host: Option<String>,
    pub span: Span,
    /// At most so many records; `None` where nobody knows.
    pub at_most: Option<u64>,
    pub why: String,
}

/// A statement about completeness that came with the evidence and was checked: a link of a digest
/// chain, a manifest's line count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attestation {
    pub source: String,
    pub host: Option<String>,
    /// In this span nothing is missing.
    pub span: Span,
    /// What shows it, in words.
    pub because: String,
}

/// How far a file has been read, so that the next run goes on there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Checkpoint {
    /// The file's lineage: stays the same when the file grows, is rotated or copied.
    pub lineage: String,
    /// Offset in bytes up to which everything is in this batch or an earlier one.
    pub offset: u64,
    /// Records up to there, rejects included.
    pub n_records: u64,
    /// Tells these records from any others: 63 bits of SHA-256 over them. 0 where that is not known.
    pub digest: u64,
}

/// One evidence file, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Evidence {
    pub id: EvidenceId,
    pub path: String,
    pub bytes: u64,
    pub source: String,
    pub host: Option<String>,
    /// How sure the recognition was, 0 to 100; 100 where a person or a manifest named the source.
    pub confidence: u8,
    pub lineage: String,
}

/// The end of a file that is not whole: the file is still being written, or was cut off. What could not be read
/// there counts until the file was read on from the same place; then [`Batch::settled`] names it, and what stands
/// there in truth takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfinished {
    /// Names the place: the lineage, and everything in it up to the checkpoint behind which the end begins.
    pub id: EventId,
    /// Records whose end is not there.
    pub rejects: Vec<Reject>,
    /// What of the file is not there at all.
    pub losses: Vec<Loss>,
}

impl Unfinished {
    /// The unfinished end behind a checkpoint.
    #[must_use]
    pub fn behind(checkpoint: &Checkpoint) -> Self {
        let place = format!("{}+{}", checkpoint.offset, checkpoint.digest);
        Self {
            id: EventId::native("unfinished", &checkpoint.lineage, &place),
            ..Self::default()
        }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rejects.is_empty() && self.losses.is_empty()
    }
}

/// What travels from a source to the lake in one piece: it is committed whole or not at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    pub evidence: Option<Evidence>,
    pub events: Vec<Event>,
    pub rejects: Vec<Reject>,
    pub losses: Vec<Loss>,
    pub attestations: Vec<Attestation>,
    /// The file ends before its last record does.
    pub unfinished: Option<Unfinished>,
    /// Unfinished ends, of this file at an earlier time, that were read on from.
    pub settled: Vec<EventId>,
    /// What was noted of findings over events that are there already.
    pub noted: Vec<Noted>,
    pub checkpoint: Option<Checkpoint>,
}

impl Batch {
    /// The span from the first to the last event, where there is one.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let first = self.events.iter().map(|e| e.time).min()?;
        let last: Timestamp = self.events.iter().map(|e| e.time).max()?;
        Some(Span::new(first, last.plus_nanos(1)))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.rejects.is_empty()
            && self.losses.is_empty()
            && self.attestations.is_empty()
            && self.settled.is_empty()
            && self.noted.is_empty()
            && self.unfinished.as_ref().is_none_or(Unfinished::is_empty)
    }
}
