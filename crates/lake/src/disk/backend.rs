//! The lake on disk, as one that is asked.

use super::{Disk, DiskWriter};
use crate::backend::{Backend, BackendWriter};
use crate::error::Error;
use crate::lake::{Compaction, Receipt, Vacuum};
use crate::ledger::Ledger;
use crate::query::{Distinct, Query, Test, tally};
use crate::table::Table;
use ambit_event::{Batch, Checkpoint, Column, Event, EventId, Evidence, Keys, Noted, Reject, Timestamp};
use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt};
use std::path::Path;
use std::sync::Arc;

/// As [`Disk::open`].
pub(crate) fn open(dir: &Path) -> BoxFuture<'_, Result<Disk, Error>> {
    Disk::open(dir).boxed()
}

/// As [`Disk::create`].
pub(crate) fn create(dir: &Path) -> BoxFuture<'_, Result<Disk, Error>> {
    Disk::create(dir).boxed()
}

#[async_trait]
impl Backend for Disk {
    fn version(&self) -> u64 {
        self.version()
    }

    async fn at(&self, version: u64) -> Result<Arc<dyn Backend>, Error> {
        Ok(Arc::new(self.at(version).await?))
    }

    async fn refresh(&self) -> Result<Arc<dyn Backend>, Error> {
        Ok(Arc::new(self.refresh().await?))
    }

    async fn writer(&self, keys: Arc<Keys>) -> Result<Box<dyn BackendWriter>, Error> {
        Ok(Box::new(self.writer(keys).await?))
    }

    async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        self.events(query).await
    }

    async fn events_and_near(&self, query: &Query) -> Result<(Vec<Event>, Vec<Event>), Error> {
        let picked = self.picked(query, true).await?;
        Ok((picked.events, picked.near))
    }

    async fn count(&self, query: &Query) -> Result<u64, Error> {
        self.count(query).await
    }

    async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error> {
        match self.distinct(columns, query).await? {
            Some(distinct) => Ok(distinct),
            None => Ok(tally(columns, &self.events(query).await?)),
        }
    }

    async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error> {
        self.values(column, test).await
    }

    async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error> {
        self.rejects(limit).await
    }

    async fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        self.evidence().await
    }

    async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error> {
        self.checkpoint(lineage).await
    }

    async fn noted(&self) -> Result<Vec<Noted>, Error> {
        self.noted().await
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        self.ledger().await
    }

    async fn content_root(&self) -> Result<String, Error> {
        self.content_root().await
    }

    async fn sql(&self, text: &str) -> Result<Table, Error> {
        self.sql(text).await
    }

    async fn raw(&self, id: EventId, keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        self.raw(id, keys).await
    }

    async fn reject_raw(&self, reject: &Reject, keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        self.reject_raw(reject, keys).await
    }

    fn n_small_files(&self) -> usize {
        self.n_small_files()
    }

    async fn compact(&self) -> Result<Compaction, Error> {
        self.compact().await
    }

    async fn vacuum(&self, keep_since: Timestamp) -> Result<Vacuum, Error> {
        self.vacuum(keep_since).await
    }

    fn pin(&self, name: &str) -> Result<(), Error> {
        self.pin(name)
    }

    fn unpin(&self, name: &str) -> Result<(), Error> {
        self.unpin(name)
    }
}

#[async_trait]
impl BackendWriter for DiskWriter {
    async fn push(&mut self, batch: Batch) -> Result<Vec<Event>, Error> {
        self.push(batch).await
    }

    fn n_pending_bytes(&self) -> u64 {
        self.n_pending_bytes()
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.flush().await
    }

    async fn commit(&mut self) -> Result<Receipt, Error> {
        self.commit().await
    }
}
