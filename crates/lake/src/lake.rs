//! The lake that everyone asks, whatever lies behind it.

use crate::backend::{Backend, BackendWriter};
use crate::coverage::Coverage;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::memory::View;
use crate::query::{Distinct, Query, Test};
use crate::table::Table;
use ambit_event::{
    Batch, Checkpoint, Column, Event, EventId, Evidence, Keys, Noticed, Reject, Timestamp, noticed,
};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A version of the lake: it rises by one or more with each commit. The same version gives the same
/// answers, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All events at one version. A handle stands still: what is committed after it was opened is seen
/// through [`Lake::refresh`] alone. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    keys: Arc<Keys>,
    backend: Arc<dyn Backend>,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lake(version {})", self.version())
    }
}

impl Lake {
    /// A lake without a disk: for tests, fuzzing and small work. Gives the same answers as one on disk.
    #[must_use]
    pub fn in_memory(secret: [u8; 32]) -> Self {
        Self {
            keys: Arc::new(Keys::derive(&secret)),
            backend: Arc::new(View::default()),
        }
    }

    /// The keys under which this lake fingerprints secrets and seals raw records.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    #[must_use]
    pub fn version(&self) -> Version {
        Version(self.backend.version())
    }

    /// The lake as it was at a version, for reading only.
    ///
    /// # Errors
    /// [`Error::NoVersion`] where there is none such.
    pub async fn at(&self, version: Version) -> Result<Self, Error> {
        Ok(self.seen(self.backend.at(version.0).await?))
    }

    /// The lake at its newest version.
    ///
    /// # Errors
    /// Where the table log cannot be read.
    pub async fn refresh(&self) -> Result<Self, Error> {
        Ok(self.seen(self.backend.refresh().await?))
    }

    /// The same lake, seen through another backend.
    fn seen(&self, backend: Arc<dyn Backend>) -> Self {
        Self {
            keys: self.keys.clone(),
            backend,
        }
    }

    /// The lake's one writer.
    ///
    /// # Errors
    /// [`Error::Locked`] while another one lives, here or in another process; [`Error::Io`] where the
    /// folder cannot be written.
    pub async fn writer(&self) -> Result<Writer, Error> {
        let backend = self.backend.writer(self.keys.clone()).await?;
        Ok(Writer { backend })
    }

    /// The events that answer the query, ordered by time, then id. Their raw bytes stay sealed: `raw`
    /// is empty.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        self.backend.events(query).await
    }

    /// The events that answer the query, as [`Lake::events`] gives them, and events that share a trace id with one of
    /// them, as far as they are read for little more: some of those, in no order. Whoever asks for the trace ids next
    /// may leave these out.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn events_and_near(&self, query: &Query) -> Result<(Vec<Event>, Vec<Event>), Error> {
        self.backend.events_and_near(query).await
    }

    /// How many events answer the query, at most its limit.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.backend.count(query).await
    }

    /// The values of these columns among the events that answer the query, ordered by the column's place
    /// in the slice, then by value, events that do not say first.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error> {
        self.backend.distinct(columns, query).await
    }

    /// The values of a text column which a test admits, in their order. Much sooner told than what else is known of
    /// them, which [`Lake::distinct`] says: no row is looked at.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error> {
        self.backend.values(column, test).await
    }

    /// How many records were rejected, and the first of them by position. Their bytes stay sealed: `raw`
    /// is empty, see [`Lake::reject_raw`].
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error> {
        self.backend.rejects(limit).await
    }

    /// The evidence files, ordered by path.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        self.backend.evidence().await
    }

    /// The findings that were noted of the events, those that were withdrawn too, by their time, then id.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn findings(&self) -> Result<Vec<Noticed>, Error> {
        Ok(noticed(self.backend.noted().await?))
    }

    /// How far the file of this lineage has been read; `None` for one never seen.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error> {
        self.backend.checkpoint(lineage).await
    }

    /// What every stream delivered, from which coverage follows.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn ledger(&self) -> Result<Ledger, Error> {
        self.backend.ledger().await
    }

    /// What each source surely saw, nothing asserted.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn coverage(&self) -> Result<Coverage, Error> {
        Ok(self.ledger().await?.coverage(&[]))
    }

    /// One hash, in hexadecimal, over the set of event ids: order, batches and compaction change nothing.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn content_root(&self) -> Result<String, Error> {
        self.backend.content_root().await
    }

    /// The answer to one SQL query over the views `events`, `rejects`, `losses`, `attestations` and
    /// `evidence`.
    ///
    /// # Errors
    /// [`Error::NotReadOnly`] for anything but one query; [`Error::Engine`] where it cannot be planned or
    /// run; [`Error::NoEngine`] for a lake in memory.
    pub async fn sql(&self, text: &str) -> Result<Table, Error> {
        self.backend.sql(text).await
    }

    /// The bytes of the raw record of an event, unsealed; `None` where it has none here. They may hold
    /// secrets and persons: ask for a reason and journal it first.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the sealed block is not what was written.
    pub async fn raw(&self, id: EventId) -> Result<Option<Vec<u8>>, Error> {
        self.backend.raw(id, &self.keys).await
    }

    /// The bytes of a rejected record, unsealed, at most 64 KiB of them. What is said at [`Lake::raw`]
    /// holds here too.
    ///
    /// # Errors
    /// As for [`Lake::raw`].
    pub async fn reject_raw(&self, reject: &Reject) -> Result<Option<Vec<u8>>, Error> {
        self.backend.reject_raw(reject, &self.keys).await
    }
}

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// The version that it made, or the newest where nothing was to do.
    pub version: Version,
    /// Files that were rewritten.
    pub n_before: u64,
    /// Files that took their place.
    pub n_after: u64,
}

/// What a vacuum removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vacuum {
    pub n_files: u64,
    pub n_bytes: u64,
}

impl Lake {
    /// How many small files [`Lake::compact`] would rewrite: many make every question slower.
    #[must_use]
    pub fn n_small_files(&self) -> usize {
        self.backend.n_small_files()
    }

    /// Rewrites small files to larger ones: the same rows, faster to read. A lake in memory has none.
    ///
    /// # Errors
    /// [`Error::Locked`] while somebody writes; [`Error::Io`] where a file cannot be written.
    pub async fn compact(&self) -> Result<Compaction, Error> {
        self.backend.compact().await
    }

    /// Removes the files that no version needs which was the newest at `keep_since` or later, or which is
    /// pinned. What crashed writers left behind goes too.
    ///
    /// # Errors
    /// As for [`Lake::compact`].
    pub async fn vacuum(&self, keep_since: Timestamp) -> Result<Vacuum, Error> {
        self.backend.vacuum(keep_since).await
    }

    /// Keeps this version readable through vacuums, under a name of letters, digits, `-` and `_`. A pin of
    /// that name moves here.
    ///
    /// # Errors
    /// [`Error::PinName`] for any other name; [`Error::Io`] where the pin cannot be written.
    pub async fn pin(&self, name: &str) -> Result<(), Error> {
        self.backend.pin(name)
    }

    /// Drops a pin, where it is there.
    ///
    /// # Errors
    /// As for [`Lake::pin`].
    pub async fn unpin(&self, name: &str) -> Result<(), Error> {
        self.backend.unpin(name)
    }
}

#[cfg(feature = "engine")]
impl Lake {
    /// Opens the lake in a folder at its newest version.
    ///
    /// # Errors
    /// [`Error::NoLake`] where there is none; [`Error::Io`] or [`Error::Damaged`] where its secret cannot
    /// be read; [`Error::Table`] where its log cannot.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        Self::of(crate::disk::open(dir).await?)
    }

    /// Opens the lake in a folder, or makes one there: its secret, its table.
    ///
    /// # Errors
    /// As for [`Lake::open`], and [`Error::Io`] where the folder cannot be written.
    pub async fn create(dir: &Path) -> Result<Self, Error> {
        Self::of(crate::disk::create(dir).await?)
    }

    fn of(disk: crate::disk::Disk) -> Result<Self, Error> {
        Ok(Self {
            keys: Arc::new(disk.keys()?),
            backend: Arc::new(disk),
        })
    }
}

#[cfg(not(feature = "engine"))]
impl Lake {
    /// Opens the lake in a folder.
    ///
    /// # Errors
    /// [`Error::NoEngine`] always: this build has no query engine.
    pub async fn open(_dir: &Path) -> Result<Self, Error> {
        Err(Error::NoEngine {
            what: "opening a lake",
        })
    }

    /// Opens the lake in a folder, or makes one.
    ///
    /// # Errors
    /// [`Error::NoEngine`] always: this build has no query engine.
    pub async fn create(_dir: &Path) -> Result<Self, Error> {
        Err(Error::NoEngine {
            what: "making a lake",
        })
    }
}

/// Takes batches in and commits them. There is one at a time; dropping it drops what is not committed.
pub struct Writer {
    backend: Box<dyn BackendWriter>,
}

/// What was put on disk since the last receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub version: Version,
    pub n_events: u64,
    /// Events that the lake already held.
    pub n_duplicates: u64,
    pub n_rejects: u64,
}

impl Writer {
    /// Takes in a batch. Events and rejects that the lake already holds are counted and left out. Gives back the events
    /// that are new, once all is taken of them: memory is given back fastest by the thread that took it, and whoever
    /// looks at what is new need not read it again. A lake in memory keeps them and gives none back.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read; nothing of the batch is taken in then.
    pub async fn push(&mut self, batch: Batch) -> Result<Vec<Event>, Error> {
        self.backend.push(batch).await
    }

    /// Bytes of memory that hold what was taken in since the last commit or flush, by a rough count: flush
    /// when it grows too large.
    #[must_use]
    pub fn n_pending_bytes(&self) -> u64 {
        self.backend.n_pending_bytes()
    }

    /// Hands what was pushed over to be written while more is pushed. It becomes part of the lake in an
    /// atomic step of its own, with the next call of this or of [`Self::commit`]. In memory nothing is to
    /// be written, and everything waits for the commit.
    ///
    /// # Errors
    /// As [`Self::commit`], for what was handed over before.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.backend.flush().await
    }

    /// Makes everything pushed part of the lake, in one atomic step but for what was flushed: events,
    /// rejects, losses, attestations, evidence and checkpoints. It is on disk, fsynced, when this returns. Where nothing is
    /// new, no version is made.
    ///
    /// # Errors
    /// Where something cannot be written; the lake stays readable. This writer is then spent: open another
    /// and push again, which takes nothing in twice.
    pub async fn commit(&mut self) -> Result<Receipt, Error> {
        self.backend.commit().await
    }
}
