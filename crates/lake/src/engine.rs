//! The query engine: one for a lake and all handles on it, with bounded memory.

use crate::error::Error;
use crate::origins::origins;
use crate::table::Table;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::common::config::Dialect;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;
use std::sync::Arc;

/// What queries may hold in memory at once; beyond it, sorts and groupings go to disk.
const MEMORY: usize = 1 << 30;
/// Rows in a batch that is sorted: a merge holds one batch of each run.
const SORTED_AT_ONCE: usize = 1024;
/// One part in so many of the memory is kept for merging what was sorted.
const MERGING_SHARE: usize = 4;
/// What the footers of data files may take in memory between queries.
const FOOTERS: usize = 128 << 20;

/// Makes sessions that share memory, footers and spill files.
#[derive(Clone)]
pub(crate) struct Engine {
    runtime: Arc<RuntimeEnv>,
    /// What may be held at once.
    most: usize,
}

impl Engine {
    pub fn new() -> Result<Self, Error> {
        Self::within(MEMORY)
    }

    /// An engine that holds at most so many bytes at once.
    pub fn within(memory: usize) -> Result<Self, Error> {
        let builder = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_metadata_cache_limit(FOOTERS);
        Ok(Self {
            runtime: builder.build_arc().map_err(failed)?,
            most: memory,
        })
    }

    pub fn session(&self) -> SessionContext {
        SessionContext::new_with_config_rt(config(), self.runtime.clone())
    }

    /// A session for statements that were logged: names without a schema are in `public`, and nothing
    /// recurses.
    pub fn replay_session(&self) -> SessionContext {
        let mut config = config()
            .with_information_schema(false)
            .with_default_catalog_and_schema("db", "public");
        config.options_mut().execution.enable_recursive_ctes = false;
        SessionContext::new_with_config_rt(config, self.runtime.clone())
    }

    /// What all that is held in memory at once is counted in.
    pub fn memory(&self) -> &Arc<dyn MemoryPool> {
        &self.runtime.memory_pool
    }

    /// All rows of a table that are to be sorted, in one share of the memory: each of several would have to keep room
    /// for merging beside what it sorts, and the engine gives up where one of them has none left.
    pub fn read_to_sort(&self, table: Arc<dyn TableProvider>) -> Result<DataFrame, Error> {
        let mut config = config().with_target_partitions(1).with_batch_size(SORTED_AT_ONCE);
        config.options_mut().execution.sort_spill_reservation_bytes = self.most / MERGING_SHARE;
        let session = SessionContext::new_with_config_rt(config, self.runtime.clone());
        session.read_table(table).map_err(failed)
    }

    /// All rows of a table.
    pub fn read(&self, table: Arc<dyn TableProvider>) -> Result<DataFrame, Error> {
        self.session().read_table(table).map_err(failed)
    }
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new().with_information_schema(true);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    let parquet = &mut options.execution.parquet;
    parquet.pushdown_filters = true;
    parquet.reorder_filters = true;
    // Files have none: `disk::lookup` asks their indexes before one is opened.
    parquet.bloom_filter_on_read = false;
    config
}

/// The answer to one statement that only reads; an error where it has more rows than may be.
pub(crate) async fn select(
    session: &SessionContext,
    text: &str,
    most_rows: Option<usize>,
) -> Result<Table, Error> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = session.sql_with_options(text, options).await.map_err(refused)?;
    let columns = frame
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut table = Table {
        columns,
        origins: origins(frame.logical_plan()),
        rows: Vec::new(),
    };
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    while let Some(batch) = stream.try_next().await.map_err(failed)? {
        append(&mut table, &batch).map_err(|error| failed(error.into()))?;
        if most_rows.is_some_and(|most| table.rows.len() > most) {
            return Err(Error::Engine {
                what: format!("the answer has more than {} rows", most_rows.unwrap_or_default()),
            });
        }
    }
    Ok(table)
}

fn append(table: &mut Table, batch: &RecordBatch) -> Result<(), datafusion::arrow::error::ArrowError> {
    let options = FormatOptions::default();
    let columns = batch.columns();
    let shown = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let cells = columns.iter().zip(&shown);
        let cells = cells.map(|(column, shown)| {
            let is_null = column.is_null(row);
            (!is_null).then(|| shown.value(row).try_to_string()).transpose()
        });
        table.rows.push(cells.collect::<Result<_, _>>()?);
    }
    Ok(())
}

/// What the engine says, as an error of this crate.
pub(crate) fn failed(error: DataFusionError) -> Error {
    let root = error.find_root();
    if let DataFusionError::ResourcesExhausted(what) = root {
        return Error::Memory { what: what.clone() };
    }
    Error::Engine {
        what: root.strip_backtrace(),
    }
}

/// What the engine says of a statement before it runs.
fn refused(error: DataFusionError) -> Error {
    let what = error.strip_backtrace();
    let not_a_query = [
        "DDL not supported",
        "DML not supported",
        "Statement not supported",
        "single SQL statement",
    ];
    match not_a_query.iter().any(|sign| what.contains(sign)) {
        true => Error::NotReadOnly { what },
        false => Error::Engine { what },
    }
}
