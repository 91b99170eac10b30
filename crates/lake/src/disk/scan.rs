//! The live data files as a table of the engine: files are pruned by the table log's statistics, files and strips of
//! rows by the indexes of look-ups, row groups by Parquet's statistics, rows while they are decoded.

use super::file::Entry;
use super::lookup::{Kept, Lookups};
use super::schema::{day_field, file_schema};
use super::strips::Strips;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::{Result, ScalarValue, ToDFSchema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetAccessPlan, RowGroupAccess,
};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::path::Path as StorePath;
use std::path::PathBuf;
use std::sync::Arc;

/// The files of one version, or some of them.
#[derive(Debug)]
pub(super) struct Files {
    table: PathBuf,
    entries: Vec<Arc<Entry>>,
    lookups: Arc<Lookups>,
    schema: TableSchema,
}

impl Files {
    pub fn new(table: PathBuf, entries: Vec<Arc<Entry>>, lookups: Arc<Lookups>) -> Self {
        let schema = TableSchema::builder(file_schema()).with_table_partition_cols(vec![day_field()]);
        Self {
            table,
            entries,
            lookups,
            schema: schema.build(),
        }
    }

    /// The files that can hold rows for which the filters hold.
    fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&Arc<Entry>>> {
        let Some(filter) = conjunction(filters.iter().cloned()) else {
            return Ok(self.entries.iter().collect());
        };
        let schema = self.schema();
        let expr = state.create_physical_expr(filter, &schema.clone().to_dfschema()?)?;
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(schema.clone())
            .try_build(expr)?;
        let statistics = self
            .entries
            .iter()
            .map(|entry| entry.statistics.clone())
            .collect();
        let kept = predicate.prune(&PrunableStatistics::new(statistics, schema))?;
        let entries = self.entries.iter().zip(kept);
        Ok(entries
            .filter_map(|(entry, kept)| kept.then_some(entry))
            .collect())
    }

    fn file(&self, kept: &Kept<'_>) -> Result<PartitionedFile> {
        let entry = kept.entry;
        let path = StorePath::from_absolute_path(self.table.join(&entry.path))?;
        let mut file = PartitionedFile::new("", entry.size);
        file.object_meta.location = path;
        file.partition_values = vec![ScalarValue::from(entry.day.as_str())];
        Ok(match &kept.row_groups {
            Some(row_groups) => {
                file.with_extension(ParquetAccessPlan::new(row_groups.iter().map(access).collect()))
            }
            None => file,
        })
    }
}

fn access(&(n_rows, strips): &(usize, Strips)) -> RowGroupAccess {
    match strips.rows(n_rows).as_slice() {
        [] => RowGroupAccess::Skip,
        [all] if *all == (0..n_rows) => RowGroupAccess::Scan,
        some => RowGroupAccess::Selection(RowSelection::from_consecutive_ranges(
            some.iter().cloned(),
            n_rows,
        )),
    }
}

#[async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let entries = self.lookups.sift(self.pruned(state, filters)?, filters);
        if entries.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema().project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let files = entries
            .iter()
            .map(|kept| self.file(kept))
            .collect::<Result<Vec<_>>>()?;
        let url = ObjectStoreUrl::local_filesystem();
        let runtime = state.runtime_env();
        let cache = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(runtime.object_store(&url)?, cache);
        let options = state.default_table_options().parquet;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
