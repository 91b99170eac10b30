//! The lake that everyone asks, whatever lies behind it.

use crate::coverage::Coverage;
use crate::error::Error;
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::pending::{Pending, lineage_of};
use crate::query::{Distinct, Query, values};
use crate::table::Table;
use ambit_event::{Batch, Checkpoint, Column, Event, EventId, Evidence, Keys, Reject, Span, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Memory {
        snapshot: Memory,
        shared: Arc<Shared>,
    },
    #[cfg(feature = "engine")]
    Disk(crate::disk::Disk),
}

/// The newest state of a lake in memory, and whether somebody writes to it.
#[derive(Default)]
struct Shared {
    newest: Mutex<Memory>,
    writing: AtomicBool,
}

impl Shared {
    fn newest(&self) -> MutexGuard<'_, Memory> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let backend = Backend::Memory {
            snapshot: Memory::default(),
            shared: Arc::default(),
        };
        Self {
            keys: Arc::new(Keys::derive(&secret)),
            backend,
        }
    }

    /// The keys under which this lake fingerprints secrets and seals raw records.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    #[must_use]
    pub fn version(&self) -> Version {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Version(snapshot.version()),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => Version(disk.version()),
        }
    }

    /// The lake as it was at a version, for reading only.
    ///
    /// # Errors
    /// [`Error::NoVersion`] where there is none such.
    pub async fn at(&self, version: Version) -> Result<Self, Error> {
        let backend = match &self.backend {
            Backend::Memory { shared, .. } => {
                let newest = shared.newest();
                let snapshot = newest.at(version.0).ok_or_else(|| Error::NoVersion {
                    wanted: version.0,
                    newest: newest.version(),
                })?;
                drop(newest);
                Backend::Memory {
                    snapshot,
                    shared: shared.clone(),
                }
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => Backend::Disk(disk.at(version.0).await?),
        };
        Ok(Self {
            keys: self.keys.clone(),
            backend,
        })
    }

    /// The lake at its newest version.
    ///
    /// # Errors
    /// Where the table log cannot be read.
    pub async fn refresh(&self) -> Result<Self, Error> {
        let backend = match &self.backend {
            Backend::Memory { shared, .. } => Backend::Memory {
                snapshot: shared.newest().clone(),
                shared: shared.clone(),
            },
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => Backend::Disk(disk.refresh().await?),
        };
        Ok(Self {
            keys: self.keys.clone(),
            backend,
        })
    }

    /// The lake's one writer.
    ///
    /// # Errors
    /// [`Error::Locked`] while another one lives, here or in another process; [`Error::Io`] where the
    /// folder cannot be written.
    pub async fn writer(&self) -> Result<Writer, Error> {
        let backend = match &self.backend {
            Backend::Memory { shared, .. } => {
                if shared.writing.swap(true, Ordering::AcqRel) {
                    return Err(Error::Locked {
                        path: "memory".to_owned(),
                        owner: "another writer of this process".to_owned(),
                    });
                }
                WriterBackend::Memory(Box::new(MemoryWriter {
                    shared: shared.clone(),
                    pending: Pending::default(),
                }))
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => WriterBackend::Disk(Box::new(disk.writer(self.keys.clone()).await?)),
        };
        Ok(Writer { backend })
    }

    /// The events that answer the query, ordered by time, then id. Their raw bytes stay sealed: `raw`
    /// is empty.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read.
    pub async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.events(query)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.events(query).await,
        }
    }

    /// How many events answer the query, at most its limit.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.count(query)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.count(query).await,
        }
    }

    /// The values of these columns among the events that answer the query, ordered by the column's place
    /// in the slice, then by value, events that do not say first.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(tally(columns, &snapshot.events(query))),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => match disk.distinct(columns, query).await? {
                Some(distinct) => Ok(distinct),
                None => Ok(tally(columns, &disk.events(query).await?)),
            },
        }
    }

    /// How many records were rejected, and the first of them by position. Their bytes stay sealed: `raw`
    /// is empty, see [`Lake::reject_raw`].
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.rejects(limit)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.rejects(limit).await,
        }
    }

    /// The evidence files, ordered by path.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.evidence()),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.evidence().await,
        }
    }

    /// How far the file of this lineage has been read; `None` for one never seen.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.checkpoint(lineage)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.checkpoint(lineage).await,
        }
    }

    /// What every stream delivered, from which coverage follows.
    ///
    /// # Errors
    /// As for [`Lake::events`].
    pub async fn ledger(&self) -> Result<Ledger, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.ledger()),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.ledger().await,
        }
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
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.content().root()),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.content_root().await,
        }
    }

    /// The answer to one SQL query over the views `events`, `rejects`, `losses`, `attestations` and
    /// `evidence`.
    ///
    /// # Errors
    /// [`Error::NotReadOnly`] for anything but one query; [`Error::Engine`] where it cannot be planned or
    /// run; [`Error::NoEngine`] for a lake in memory.
    pub async fn sql(&self, text: &str) -> Result<Table, Error> {
        match &self.backend {
            Backend::Memory { .. } => {
                let _ = text;
                Err(Error::NoEngine { what: "SQL" })
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.sql(text).await,
        }
    }

    /// The bytes of the raw record of an event, unsealed; `None` where it has none here. They may hold
    /// secrets and persons: ask for a reason and journal it first.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the sealed block is not what was written.
    pub async fn raw(&self, id: EventId) -> Result<Option<Vec<u8>>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.raw(id)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.raw(id, &self.keys).await,
        }
    }

    /// The bytes of a rejected record, unsealed, at most 64 KiB of them. What is said at [`Lake::raw`]
    /// holds here too.
    ///
    /// # Errors
    /// As for [`Lake::raw`].
    pub async fn reject_raw(&self, reject: &Reject) -> Result<Option<Vec<u8>>, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(snapshot.reject_raw(reject)),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.reject_raw(reject, &self.keys).await,
        }
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
        match &self.backend {
            Backend::Memory { .. } => 0,
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.n_small_files(),
        }
    }

    /// Rewrites small files to larger ones: the same rows, faster to read. A lake in memory has none.
    ///
    /// # Errors
    /// [`Error::Locked`] while somebody writes; [`Error::Io`] where a file cannot be written.
    pub async fn compact(&self) -> Result<Compaction, Error> {
        match &self.backend {
            Backend::Memory { snapshot, .. } => Ok(Compaction {
                version: Version(snapshot.version()),
                n_before: 0,
                n_after: 0,
            }),
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.compact().await,
        }
    }

    /// Removes the files that no version needs which was the newest at `keep_since` or later, or which is
    /// pinned. What crashed writers left behind goes too.
    ///
    /// # Errors
    /// As for [`Lake::compact`].
    pub async fn vacuum(&self, keep_since: Timestamp) -> Result<Vacuum, Error> {
        match &self.backend {
            Backend::Memory { .. } => {
                let _ = keep_since;
                Ok(Vacuum::default())
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.vacuum(keep_since).await,
        }
    }

    /// Keeps this version readable through vacuums, under a name of letters, digits, `-` and `_`. A pin of
    /// that name moves here.
    ///
    /// # Errors
    /// [`Error::PinName`] for any other name; [`Error::Io`] where the pin cannot be written.
    pub async fn pin(&self, name: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Memory { .. } => {
                let _ = name;
                Ok(())
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.pin(name),
        }
    }

    /// Drops a pin, where it is there.
    ///
    /// # Errors
    /// As for [`Lake::pin`].
    pub async fn unpin(&self, name: &str) -> Result<(), Error> {
        match &self.backend {
            Backend::Memory { .. } => {
                let _ = name;
                Ok(())
            }
            #[cfg(feature = "engine")]
            Backend::Disk(disk) => disk.unpin(name),
        }
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
        Self::of(crate::disk::Disk::open(dir).await?)
    }

    /// Opens the lake in a folder, or makes one there: its secret, its table.
    ///
    /// # Errors
    /// As for [`Lake::open`], and [`Error::Io`] where the folder cannot be written.
    pub async fn create(dir: &Path) -> Result<Self, Error> {
        Self::of(crate::disk::Disk::create(dir).await?)
    }

    fn of(disk: crate::disk::Disk) -> Result<Self, Error> {
        Ok(Self {
            keys: Arc::new(disk.keys()?),
            backend: Backend::Disk(disk),
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
    backend: WriterBackend,
}

enum WriterBackend {
    Memory(Box<MemoryWriter>),
    #[cfg(feature = "engine")]
    Disk(Box<crate::disk::DiskWriter>),
}

struct MemoryWriter {
    shared: Arc<Shared>,
    pending: Pending,
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        self.shared.writing.store(false, Ordering::Release);
    }
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
    /// Takes in a batch. Events and rejects that the lake already holds are counted and left out.
    ///
    /// # Errors
    /// Where a file of the lake cannot be read; nothing of the batch is taken in then.
    pub async fn push(&mut self, batch: Batch) -> Result<(), Error> {
        match &mut self.backend {
            WriterBackend::Memory(writer) => {
                let newest = writer.shared.newest();
                let before = lineage_of(&batch).and_then(|lineage| newest.checkpoint(&lineage));
                writer
                    .pending
                    .take(batch, &|id| newest.knows(id), before.as_ref());
                Ok(())
            }
            #[cfg(feature = "engine")]
            WriterBackend::Disk(writer) => writer.push(batch).await,
        }
    }

    /// Bytes of memory that hold what was taken in since the last commit or flush, by a rough count: flush
    /// when it grows too large.
    #[must_use]
    pub fn n_pending_bytes(&self) -> u64 {
        match &self.backend {
            WriterBackend::Memory(writer) => writer.pending.n_bytes,
            #[cfg(feature = "engine")]
            WriterBackend::Disk(writer) => writer.n_pending_bytes(),
        }
    }

    /// Hands what was pushed over to be written while more is pushed. It becomes part of the lake in an
    /// atomic step of its own, with the next call of this or of [`Self::commit`]. In memory nothing is to
    /// be written, and everything waits for the commit.
    ///
    /// # Errors
    /// As [`Self::commit`], for what was handed over before.
    pub async fn flush(&mut self) -> Result<(), Error> {
        match &mut self.backend {
            WriterBackend::Memory(_) => Ok(()),
            #[cfg(feature = "engine")]
            WriterBackend::Disk(writer) => writer.flush().await,
        }
    }

    /// Makes everything pushed part of the lake, in one atomic step but for what was flushed: events,
    /// rejects, losses, attestations, evidence and checkpoints. It is on disk, fsynced, when this returns. Where nothing is
    /// new, no version is made.
    ///
    /// # Errors
    /// Where something cannot be written; the lake stays readable. This writer is then spent: open another
    /// and push again, which takes nothing in twice.
    pub async fn commit(&mut self) -> Result<Receipt, Error> {
        match &mut self.backend {
            WriterBackend::Memory(writer) => Ok(writer.commit()),
            #[cfg(feature = "engine")]
            WriterBackend::Disk(writer) => writer.commit().await,
        }
    }
}

impl MemoryWriter {
    fn commit(&mut self) -> Receipt {
        let pending = std::mem::take(&mut self.pending);
        let (n_events, n_rejects) = (pending.events.len() as u64, pending.rejects.len() as u64);
        let n_duplicates = pending.n_duplicates;
        let mut newest = self.shared.newest();
        if !pending.is_empty() {
            newest.append(pending);
        }
        Receipt {
            version: Version(newest.version()),
            n_events,
            n_duplicates,
            n_rejects,
        }
    }
}

/// Counts each value of each column, in the order that [`Lake::distinct`] promises.
fn tally(columns: &[Column], events: &[Event]) -> Vec<Distinct> {
    let mut all = Vec::new();
    for &column in columns {
        let mut counts: BTreeMap<Option<String>, (u64, Span)> = BTreeMap::new();
        for event in events {
            for value in or_none(values(event, column)) {
                let (n, seen) = counts.entry(value).or_insert((0, event.when()));
                *n += 1;
                *seen = seen.hull(event.when());
            }
        }
        all.extend(counts.into_iter().map(|(value, (n_events, seen))| Distinct {
            column,
            value,
            n_events,
            seen,
        }));
    }
    all
}

fn or_none(values: Vec<std::borrow::Cow<'_, str>>) -> Vec<Option<String>> {
    if values.is_empty() {
        return vec![None];
    }
    values.into_iter().map(|value| Some(value.into_owned())).collect()
}
