//! What lies behind a lake: one in memory, one on disk, and both must answer alike.
//!
//! The futures are boxed, so that the work behind an answer is compiled here, once, and not again by every
//! crate that asks: with the engine in it, that is most of what a build takes.

use crate::error::Error;
use crate::lake::{Compaction, Receipt, Vacuum};
use crate::ledger::Ledger;
use crate::query::{Distinct, Query, Test};
use crate::table::Table;
use ambit_event::{Batch, Checkpoint, Column, Event, EventId, Evidence, Keys, Noted, Reject, Timestamp};
use async_trait::async_trait;
use std::sync::Arc;

/// All events at one version. What each question means is said at [`Lake`](crate::Lake).
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    fn version(&self) -> u64;
    async fn at(&self, version: u64) -> Result<Arc<dyn Backend>, Error>;
    async fn refresh(&self) -> Result<Arc<dyn Backend>, Error>;
    async fn writer(&self, keys: Arc<Keys>) -> Result<Box<dyn BackendWriter>, Error>;

    async fn events(&self, query: &Query) -> Result<Vec<Event>, Error>;
    async fn events_and_near(&self, query: &Query) -> Result<(Vec<Event>, Vec<Event>), Error>;
    async fn count(&self, query: &Query) -> Result<u64, Error>;
    async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Vec<Distinct>, Error>;
    async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error>;
    async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error>;
    async fn evidence(&self) -> Result<Vec<Evidence>, Error>;
    async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error>;
    async fn noted(&self) -> Result<Vec<Noted>, Error>;
    async fn ledger(&self) -> Result<Ledger, Error>;
    async fn content_root(&self) -> Result<String, Error>;
    async fn sql(&self, text: &str) -> Result<Table, Error>;
    async fn raw(&self, id: EventId, keys: &Keys) -> Result<Option<Vec<u8>>, Error>;
    async fn reject_raw(&self, reject: &Reject, keys: &Keys) -> Result<Option<Vec<u8>>, Error>;

    fn n_small_files(&self) -> usize;
    async fn compact(&self) -> Result<Compaction, Error>;
    async fn vacuum(&self, keep_since: Timestamp) -> Result<Vacuum, Error>;
    fn pin(&self, name: &str) -> Result<(), Error>;
    fn unpin(&self, name: &str) -> Result<(), Error>;
}

/// The one writer of a lake. What each step means is said at [`Writer`](crate::Writer).
#[async_trait]
pub(crate) trait BackendWriter: Send {
    async fn push(&mut self, batch: Batch) -> Result<Vec<Event>, Error>;
    fn n_pending_bytes(&self) -> u64;
    async fn flush(&mut self) -> Result<(), Error>;
    async fn commit(&mut self) -> Result<Receipt, Error>;
}
