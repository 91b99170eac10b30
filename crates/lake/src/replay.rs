//! Runs one logged statement against the tables as they were, to recover which rows it matched.
//!
//! The statement was written by whoever sent it, an intruder perhaps: it sees nothing but the tables
//! given here, it cannot write, and its length, depth, rows and time are bounded. What does not fit is an
//! error, never a partial answer.

use crate::error::Error;
use crate::table::Table;
#[cfg(feature = "engine")]
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A table as it was at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotTable {
    /// `schema.table`, or `table` in the schema `public`.
    pub name: String,
    pub rows: SnapshotRows,
    /// SQL types of columns, such as `bigint` or `timestamptz`; a column that is not named here is text
    /// in CSV, and of the file's own type in Parquet.
    pub types: BTreeMap<String, String>,
}

/// Where the rows of a snapshot come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotRows {
    /// CSV text with a header. An empty cell is NULL.
    Csv(String),
    /// A Parquet file.
    Parquet(PathBuf),
}

/// Runs one `select` in PostgreSQL's dialect over the tables.
///
/// # Errors
/// [`Error::NotReadOnly`] for any other statement; [`Error::Engine`] where it cannot be planned or run
/// within the limits, or a table cannot be read; [`Error::NoEngine`] in a build without the engine.
pub async fn replay(tables: &[SnapshotTable], sql: &str) -> Result<Table, Error> {
    run(tables, sql).await
}

/// Boxed for the reason that is said at [`crate::backend`].
#[cfg(feature = "engine")]
fn run<'a>(tables: &'a [SnapshotTable], sql: &'a str) -> BoxFuture<'a, Result<Table, Error>> {
    bounded::run(tables, sql).boxed()
}

#[cfg(not(feature = "engine"))]
async fn run(_tables: &[SnapshotTable], _sql: &str) -> Result<Table, Error> {
    Err(Error::NoEngine {
        what: "replaying a statement",
    })
}

#[cfg(feature = "engine")]
mod bounded {
    use super::{SnapshotRows, SnapshotTable};
    use crate::engine::{Engine, failed, select};
    use crate::error::Error;
    use crate::table::Table;
    use datafusion::arrow::array::{ArrayRef, RecordBatch};
    use datafusion::arrow::compute::{CastOptions, cast_with_options};
    use datafusion::arrow::csv::ReaderBuilder;
    use datafusion::arrow::csv::reader::Format;
    use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
    use datafusion::arrow::error::ArrowError;
    use datafusion::catalog::MemorySchemaProvider;
    use datafusion::common::TableReference;
    use datafusion::datasource::MemTable;
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use datafusion::prelude::SessionContext;
    use std::fs::File;
    use std::io::Cursor;
    use std::sync::Arc;
    use std::time::Duration;

    /// A longer statement is not replayed.
    const LONGEST: usize = 64 * 1024;
    /// More rows than this are no answer that names persons.
    const MOST_ROWS: usize = 5_000_000;
    const TIME: Duration = Duration::from_secs(60);
    /// Room for the deepest expression that a statement of the greatest length can hold. Only what is
    /// touched is taken from the system.
    const STACK: usize = 512 << 20;
    /// Functions that make much of little.
    const AMPLIFIERS: &[&str] = &[
        "repeat",
        "lpad",
        "rpad",
        "array_repeat",
        "array_resize",
        "generate_series",
        "gen_series",
        "range",
    ];

    /// On a thread of its own, with a stack that no depth of expression exhausts.
    pub(super) async fn run(tables: &[SnapshotTable], sql: &str) -> Result<Table, Error> {
        if sql.len() > LONGEST {
            return Err(refused(&format!("the statement has more than {LONGEST} bytes")));
        }
        let (tables, sql) = (tables.to_vec(), sql.to_owned());
        let (answer, answered) = futures::channel::oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("replay".to_owned())
            .stack_size(STACK);
        let spawned = thread.spawn(move || {
            // Nobody waits any more where this fails.
            let _ = answer.send(blocking(&tables, &sql));
        });
        spawned.map_err(|error| refused(&format!("no thread to replay on: {error}")))?;
        answered
            .await
            .unwrap_or_else(|_| Err(refused("the engine gave up on the statement")))
    }

    fn blocking(tables: &[SnapshotTable], sql: &str) -> Result<Table, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.map_err(|error| refused(&format!("no runtime to replay on: {error}")))?;
        runtime.block_on(async {
            let session = session(tables)?;
            match tokio::time::timeout(TIME, select(&session, sql, Some(MOST_ROWS))).await {
                Ok(answer) => answer,
                Err(_) => Err(refused(&format!(
                    "the statement ran longer than {} s",
                    TIME.as_secs()
                ))),
            }
        })
    }

    fn refused(what: &str) -> Error {
        Error::Engine {
            what: what.to_owned(),
        }
    }

    fn session(tables: &[SnapshotTable]) -> Result<SessionContext, Error> {
        let session = Engine::new()?.replay_session();
        for name in AMPLIFIERS {
            session.deregister_udf(name);
            session.deregister_udtf(name);
        }
        for table in tables {
            let batch = match &table.rows {
                SnapshotRows::Csv(text) => read_csv(text),
                SnapshotRows::Parquet(path) => read_parquet(path)?,
            };
            let typed = batch.and_then(|batch| typed(&batch, table));
            let batch = typed.map_err(|e| refused(&format!("table `{}` cannot be read: {e}", table.name)))?;
            register(&session, &table.name, batch).map_err(failed)?;
        }
        Ok(session)
    }

    fn register(session: &SessionContext, name: &str, batch: RecordBatch) -> datafusion::common::Result<()> {
        let (schema, table) = name.rsplit_once('.').unwrap_or(("public", name));
        let schema = schema.rsplit('.').next().unwrap_or(schema);
        for catalog in session.catalog_names() {
            let catalog = session.catalog(&catalog);
            if let Some(catalog) = catalog.filter(|catalog| catalog.schema(schema).is_none()) {
                catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
            }
        }
        let rows = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        session.register_table(TableReference::partial(schema, table), Arc::new(rows))?;
        Ok(())
    }

    fn read_csv(text: &str) -> Result<RecordBatch, ArrowError> {
        let format = Format::default().with_header(true);
        let (header, _) = format.infer_schema(Cursor::new(text), Some(0))?;
        let fields = header
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), DataType::Utf8, true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let reader = ReaderBuilder::new(schema.clone())
            .with_format(format)
            .build(Cursor::new(text))?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        datafusion::arrow::compute::concat_batches(&schema, &batches)
    }

    fn read_parquet(path: &std::path::Path) -> Result<Result<RecordBatch, ArrowError>, Error> {
        let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
        Ok(reader.map_err(ArrowError::from).and_then(|reader| {
            let schema = datafusion::arrow::array::RecordBatchReader::schema(&reader);
            let batches = reader.collect::<Result<Vec<_>, _>>()?;
            datafusion::arrow::compute::concat_batches(&schema, &batches)
        }))
    }

    fn typed(batch: &RecordBatch, table: &SnapshotTable) -> Result<RecordBatch, ArrowError> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| {
            let wanted = table.types.get(field.name()).map(|name| type_of(name));
            let array = wanted.map_or_else(|| Ok(array.clone()), |wanted| convert(array, &wanted))?;
            Ok((field.name().clone(), array))
        });
        RecordBatch::try_from_iter_with_nullable(
            columns
                .collect::<Result<Vec<_>, ArrowError>>()?
                .into_iter()
                .map(|(name, array)| (name, array, true)),
        )
    }

    /// A value that does not fit its type is an error: as NULL it would silently match nothing.
    fn convert(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        cast_with_options(array, wanted, &options)
    }

    /// PostgreSQL's type names; what is not known here stays text.
    fn type_of(name: &str) -> DataType {
        let name = name.to_ascii_lowercase();
        match name.split('(').next().unwrap_or_default().trim() {
            "smallint" | "int2" | "integer" | "int" | "int4" | "bigint" | "int8" | "serial" | "bigserial" => {
                DataType::Int64
            }
            "numeric" | "decimal" => DataType::Decimal128(38, 9),
            "real" | "float4" | "double precision" | "float8" | "double" => DataType::Float64,
            "boolean" | "bool" => DataType::Boolean,
            "date" => DataType::Date32,
            "timestamp" | "timestamp without time zone" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "timestamptz" | "timestamp with time zone" => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            _ => DataType::Utf8,
        }
    }
}

#[cfg(all(test, feature = "engine"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn profiles() -> Vec<SnapshotTable> {
        vec![SnapshotTable {
            name: "public.profiles".into(),
            rows: SnapshotRows::Csv("user_id,email,active\n7,a@x,t\n42,b@x,f\n1042,,t\n".into()),
            types: BTreeMap::from([
                ("user_id".into(), "bigint".into()),
                ("active".into(), "boolean".into()),
            ]),
        }]
    }

    async fn first_column(sql: &str) -> Result<Vec<String>, Error> {
        let table = replay(&profiles(), sql).await?;
        Ok(table
            .rows
            .into_iter()
            .map(|mut row| row.remove(0).unwrap_or_default())
            .collect())
    }

    #[tokio::test]
    async fn a_statement_tells_its_rows() {
        for (sql, expected) in [
            (
                "SELECT user_id FROM profiles WHERE user_id > 10 ORDER BY 1",
                vec!["42", "1042"],
            ),
            (
                "select p.user_id from public.profiles p where active order by p.user_id limit 1",
                vec!["7"],
            ),
            ("SELECT user_id FROM profiles WHERE email IS NULL", vec!["1042"]),
            (
                "SELECT user_id FROM profiles WHERE email LIKE 'b%' OR '1'='2'",
                vec!["42"],
            ),
        ] {
            assert_eq!(first_column(sql).await.unwrap(), expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn what_is_no_harmless_query_is_refused() {
        for sql in [
            "DELETE FROM profiles",
            "CREATE TABLE x AS SELECT 1",
            "COPY profiles TO '/tmp/ambit-must-not-be'",
            "SELECT 1; SELECT 2",
            "SELECT * FROM '/etc/passwd'",
            "SELECT * FROM generate_series(1, 1000000000000)",
            "SELECT repeat('x', 1000000000000)",
            "SELECT nothing FROM profiles",
            "",
        ] {
            assert!(replay(&profiles(), sql).await.is_err(), "{sql}");
        }
        let deep = format!(
            "SELECT user_id FROM profiles WHERE {}user_id = 1",
            "user_id = 1 OR ".repeat(4000)
        );
        assert!(first_column(&deep).await.unwrap().is_empty());
    }
}
