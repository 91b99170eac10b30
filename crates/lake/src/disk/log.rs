//! The table log: which files are live at a version, and commits to it.

use super::Total;
use super::file::Entry;
use super::home::Home;
use super::lookup::Lookups;
use super::scan::Files;
use super::schema::{DAY, STATISTICS, delta_columns};
use super::store::Durable;
use crate::error::Error;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::logstore::LogStoreRef;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::builder::{DeltaTableBuilder, ensure_table_uri};
use deltalake_core::table::state::DeltaTableState;
use deltalake_core::{DeltaTable, DeltaTableError, checkpoints};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Commits between two checkpoints of the log: what opening a lake replays at most.
const CHECKPOINT_EVERY: u64 = 64;

/// The table of a lake, at no version yet.
#[derive(Clone)]
pub(super) struct Log {
    pub table: PathBuf,
    store: LogStoreRef,
    pub lookups: Arc<Lookups>,
}

/// The table at one version.
#[derive(Clone)]
pub(super) struct Snapshot {
    state: DeltaTableState,
    pub entries: Arc<Vec<Arc<Entry>>>,
    /// Once somebody asked.
    pub total: Arc<OnceCell<Total>>,
}

impl Snapshot {
    fn of(state: DeltaTableState) -> Self {
        let views = state.log_data();
        let entries = views.iter().map(|view| {
            let remove = view.remove_action(false);
            let day = view
                .partition_values_map()
                .remove(DAY)
                .flatten()
                .unwrap_or_default();
            let stats = view.stats();
            let size = u64::try_from(view.size()).unwrap_or_default();
            Arc::new(Entry::new(
                view.path().into_owned(),
                day,
                size,
                stats.as_deref(),
                remove,
            ))
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|a, b| (&a.day, a.summary.time, &a.path).cmp(&(&b.day, b.summary.time, &b.path)));
        Self {
            entries: Arc::new(entries),
            total: Arc::default(),
            state,
        }
    }

    pub fn version(&self) -> u64 {
        self.state.version()
    }
}

impl Log {
    pub fn new(home: &Home) -> Result<Self, Error> {
        let table = home.events();
        let failed = |error: DeltaTableError| told(&table, &error);
        let url = ensure_table_uri(table.to_string_lossy()).map_err(failed)?;
        let builder = DeltaTableBuilder::from_url(url.clone()).map_err(failed)?;
        let builder = builder.with_storage_backend(Arc::new(Durable::new()), url);
        let store = builder.build_storage().map_err(failed)?;
        Ok(Self {
            lookups: Arc::new(Lookups::new(table.clone())),
            table,
            store,
        })
    }

    fn failed(&self, error: &DeltaTableError) -> Error {
        told(&self.table, error)
    }

    /// Makes the table where there is none. Where two make it at once, one of them wins.
    pub async fn create(&self) -> Result<(), Error> {
        if self
            .table
            .join("_delta_log")
            .join(format!("{:020}.json", 0))
            .exists()
        {
            return Ok(());
        }
        let statistics = STATISTICS.join(",");
        let configuration = [
            // The log is kept whole: every version stays open until vacuum takes its files.
            ("delta.logRetentionDuration", "interval 36500 days"),
            ("delta.enableExpiredLogCleanup", "false"),
            ("delta.dataSkippingStatsColumns", statistics.as_str()),
        ];
        let made = CreateBuilder::new()
            .with_log_store(self.store.clone())
            .with_table_name("events")
            .with_comment("Events and what is said beside them: `kind` tells which")
            .with_columns(delta_columns())
            .with_partition_columns([DAY])
            .with_configuration(configuration.map(|(key, value)| (key, Some(value))))
            .with_save_mode(SaveMode::Ignore)
            .await;
        made.map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// The table at its newest version.
    pub async fn newest(&self) -> Result<Snapshot, Error> {
        let state = DeltaTableState::try_new(self.store.as_ref(), None).await;
        state.map(Snapshot::of).map_err(|error| self.failed(&error))
    }

    /// The newest version, from one that is known.
    pub async fn update(&self, known: &Snapshot) -> Result<Snapshot, Error> {
        let mut state = known.state.clone();
        state
            .update(self.store.as_ref(), None)
            .await
            .map_err(|error| self.failed(&error))?;
        match state.version() == known.version() {
            true => Ok(known.clone()),
            false => Ok(Snapshot::of(state)),
        }
    }

    /// The table as it was. Files that vacuum took since make it an error.
    pub async fn at(&self, version: u64) -> Result<Snapshot, Error> {
        let newest = self
            .store
            .get_latest_version(0)
            .await
            .map_err(|error| self.failed(&error))?;
        if version > newest {
            return Err(Error::NoVersion {
                wanted: version,
                newest,
            });
        }
        let snapshot = self.load(version).await?;
        match snapshot
            .entries
            .iter()
            .all(|entry| self.table.join(&entry.path).exists())
        {
            true => Ok(snapshot),
            false => Err(Error::Vacuumed { version, newest }),
        }
    }

    /// The table at a version that is there, whether or not its files still are.
    pub async fn load(&self, version: u64) -> Result<Snapshot, Error> {
        let state = DeltaTableState::try_new(self.store.as_ref(), Some(version)).await;
        state.map(Snapshot::of).map_err(|error| self.failed(&error))
    }

    /// The number noted under a name by the commits up to this snapshot.
    pub async fn noted(&self, snapshot: &Snapshot, name: String) -> Result<Option<i64>, Error> {
        let noted = snapshot
            .state
            .transaction_version(self.store.as_ref(), name)
            .await;
        noted.map_err(|error| self.failed(&error))
    }

    /// Commits on top of a snapshot, of which nobody else may have made a successor.
    pub async fn commit(
        &self,
        base: &Snapshot,
        operation: DeltaOperation,
        actions: Vec<Action>,
        notes: Vec<(String, i64)>,
        about: Value,
    ) -> Result<Snapshot, Error> {
        let notes = notes
            .into_iter()
            .map(|(name, number)| Transaction::new(name, number))
            .collect();
        // The checkpoint is made apart: were it part of this, a commit that stands could look failed.
        let properties = CommitProperties::default()
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .with_max_retries(0)
            .with_application_transactions(notes)
            .with_metadata([("ambit".to_owned(), about)]);
        let commit = CommitBuilder::from(properties).with_actions(actions);
        let commit = commit.build(Some(&base.state), self.store.clone(), operation);
        let done = commit.await.map_err(|error| self.failed(&error))?;
        let snapshot = Snapshot::of(done.snapshot());
        self.checkpoint(&snapshot).await;
        Ok(snapshot)
    }

    /// Sums the log up every so often. A failure costs the next opening some time and nothing else.
    async fn checkpoint(&self, snapshot: &Snapshot) {
        if snapshot.version().is_multiple_of(CHECKPOINT_EVERY) {
            let mut table = DeltaTable::new(self.store.clone());
            table.state = Some(snapshot.state.clone());
            let _ = checkpoints::create_checkpoint(&table, None).await;
        }
    }

    /// The engine's view on some of the files.
    pub fn files(&self, entries: Vec<Arc<Entry>>) -> Arc<Files> {
        Arc::new(Files::new(self.table.clone(), entries, self.lookups.clone()))
    }
}

/// What the table format says, with the kind of an I/O failure kept where there is one.
fn told(table: &std::path::Path, error: &DeltaTableError) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let copy = std::io::Error::new(io.kind(), io.to_string());
            return Error::io("writing or reading the log of", table, copy);
        }
        cause = inner.source();
    }
    // Behind its first line stands where in its own code it gave up, which helps nobody here.
    let what = error.to_string().lines().next().unwrap_or_default().to_owned();
    Error::Table {
        path: table.to_owned(),
        what: ambit_event::printable(&what, 300),
    }
}

/// What a compaction says of itself in the log; `target_size` in bytes.
pub(super) fn compact_operation(target_size: i64) -> DeltaOperation {
    DeltaOperation::Optimize {
        predicate: None,
        target_size,
    }
}

/// What a write says of itself in the log.
pub(super) fn write_operation() -> DeltaOperation {
    DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(vec![DAY.to_owned()]),
        predicate: None,
    }
}
