//! A lake that lives as long as its process: what is newest, and one reader's view of it.

use super::Memory;
use crate::backend::{Backend, BackendWriter};
use crate::error::Error;
use crate::lake::{Compaction, Receipt, Vacuum, Version};
use crate::ledger::Ledger;
use crate::pending::{Pending, lineage_of};
use crate::query::{Distinct, Filter, Query, Test, tally};
use crate::table::Table;
use ambit_event::{Batch, Checkpoint, Column, Event, EventId, Evidence, Keys, Noted, Reject, Timestamp};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One view of a lake in memory.
#[derive(Default)]
pub(crate) struct View {
    snapshot: Memory,
    shared: Arc<Shared>,
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

impl View {
    fn beside(&self, snapshot: Memory) -> Arc<dyn Backend> {
        Arc::new(Self {
            snapshot,
            shared: self.shared.clone(),
        })
    }
}

#[async_trait]
impl Backend for View {
    fn version(&self) -> u64 {
        self.snapshot.version()
    }

    async fn at(&self, version: u64) -> Result<Arc<dyn Backend>, Error> {
        let newest = self.shared.newest();
        let snapshot = newest.at(version).ok_or_else(|| Error::NoVersion {
            wanted: version,
            newest: newest.version(),
        })?;
        drop(newest);
        Ok(self.beside(snapshot))
    }

    async fn refresh(&self) -> Result<Arc<dyn Backend>, Error> {
        let newest = self.shared.newest().clone();
        Ok(self.beside(newest))
    }

    async fn writer(&self, _keys: Arc<Keys>) -> Result<Box<dyn BackendWriter>, Error> {
        if self.shared.writing.swap(true, Ordering::AcqRel) {
            return Err(Error::Locked {
                path: "memory".to_owned(),
                owner: "another writer of this process".to_owned(),
            });
        }
        Ok(Box::new(MemoryWriter {
            shared: self.shared.clone(),
            pending: Pending::default(),
        }))
    }

    async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        Ok(self.snapshot.events(query))
    }

    async fn events_and_near(&self, query: &Query) -> Result<(Vec<Event>, Vec<Event>), Error> {
        Ok((self.snapshot.events(query), Vec::new()))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        Ok(self.snapshot.count(query))
    }

    async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error> {
        Ok(tally(columns, &self.snapshot.events(query)))
    }

    async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error> {
        let query = Query::of(Filter::Column(column, test.clone()));
        let distinct = tally(&[column], &self.snapshot.events(&query));
        Ok(distinct.into_iter().filter_map(|d| d.value).collect())
    }

    async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error> {
        Ok(self.snapshot.rejects(limit))
    }

    async fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        Ok(self.snapshot.evidence())
    }

    async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error> {
        Ok(self.snapshot.checkpoint(lineage))
    }

    async fn noted(&self) -> Result<Vec<Noted>, Error> {
        Ok(self.snapshot.noted())
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        Ok(self.snapshot.ledger())
    }

    async fn content_root(&self) -> Result<String, Error> {
        Ok(self.snapshot.content().root())
    }

    async fn sql(&self, _text: &str) -> Result<Table, Error> {
        Err(Error::NoEngine { what: "SQL" })
    }

    async fn raw(&self, id: EventId, _keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.snapshot.raw(id))
    }

    async fn reject_raw(&self, reject: &Reject, _keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.snapshot.reject_raw(reject))
    }

    fn n_small_files(&self) -> usize {
        0
    }

    async fn compact(&self) -> Result<Compaction, Error> {
        Ok(Compaction {
            version: Version(self.version()),
            n_before: 0,
            n_after: 0,
        })
    }

    async fn vacuum(&self, _keep_since: Timestamp) -> Result<Vacuum, Error> {
        Ok(Vacuum::default())
    }

    /// Nothing to do: every version stays as long as the process.
    fn pin(&self, _name: &str) -> Result<(), Error> {
        Ok(())
    }

    fn unpin(&self, _name: &str) -> Result<(), Error> {
        Ok(())
    }
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

#[async_trait]
impl BackendWriter for MemoryWriter {
    async fn push(&mut self, batch: Batch) -> Result<Vec<Event>, Error> {
        let newest = self.shared.newest();
        let before = lineage_of(&batch).and_then(|lineage| newest.checkpoint(&lineage));
        self.pending.take(batch, &|id| newest.knows(id), before.as_ref());
        Ok(Vec::new())
    }

    fn n_pending_bytes(&self) -> u64 {
        self.pending.n_bytes
    }

    /// Nothing is to be written: everything waits for the commit.
    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    async fn commit(&mut self) -> Result<Receipt, Error> {
        let pending = std::mem::take(&mut self.pending);
        let (n_events, n_rejects) = (pending.n_events as u64, pending.rejects.len() as u64);
        let n_duplicates = pending.n_duplicates;
        let mut newest = self.shared.newest();
        if !pending.is_empty() {
            newest.append(pending);
        }
        Ok(Receipt {
            version: Version(newest.version()),
            n_events,
            n_duplicates,
            n_rejects,
        })
    }
}
