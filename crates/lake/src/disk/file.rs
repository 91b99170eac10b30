//! Data files: written sorted, with bloom filters and statistics, fsynced; and what the table log says
//! of them.

use super::fs::{make_folder, sync_folder};
use super::schema::{BLOOMED, DAY, SIDE, STATISTICS, file_schema};
use crate::error::Error;
use ambit_event::Timestamp;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::SortingColumn;
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;
use deltalake_core::kernel::{Add, Remove};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of a row group: what a look-up that hits reads at least.
const ROW_GROUP: usize = 128 * 1024;
/// Rows of a page: what a row that matches costs to read in each of its columns.
const PAGE: usize = 4096;
/// Bytes of a page, however few rows: what a row that matches costs to decompress in a column of long texts.
const PAGE_BYTES: usize = 64 << 10;
/// Columns whose values hardly ever recur: a dictionary of them would be read whole for one row.
/// Their lengths stand apart from their texts, which compress the better for it.
const UNIQUE: &[&str] = &["id", "fields", "trace_uid"];
/// Numbers that grow from row to row, or nearly so: their differences are small.
const GROWING: &[&str] = &[
    "time",
    "time_until",
    "time_ns",
    "until_ns",
    "sequence",
    "record_offset",
    "record_line",
    "raw_start",
];
/// A look-up for an absent value reads one row group in so many for nothing.
const FALSE_HITS: f64 = 0.01;

/// Least and greatest values of what a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub n_rows: u64,
    kinds: BTreeSet<String>,
    sources: BTreeSet<String>,
    /// Least `time_ns` and greatest `until_ns`, greatest `time_ns` and least `until_ns`.
    time: Option<(i64, i64)>,
    until: Option<(i64, i64)>,
    n_timeless: u64,
}

impl Summary {
    fn add(&mut self, batch: &RecordBatch) {
        self.n_rows += batch.num_rows() as u64;
        add_texts(&mut self.kinds, batch, "kind");
        add_texts(&mut self.sources, batch, "source");
        let times = batch
            .column_by_name("time_ns")
            .and_then(|a| a.as_primitive_opt::<Int64Type>());
        let untils = batch
            .column_by_name("until_ns")
            .and_then(|a| a.as_primitive_opt::<Int64Type>());
        for time in times.into_iter().flatten() {
            match time {
                Some(time) => widen(&mut self.time, time),
                None => self.n_timeless += 1,
            }
        }
        untils
            .into_iter()
            .flatten()
            .flatten()
            .for_each(|until| widen(&mut self.until, until));
    }

    /// The statistics as the table log carries them.
    fn to_stats(&self) -> String {
        let mut least = serde_json::Map::new();
        let mut greatest = serde_json::Map::new();
        for (name, values) in [("kind", &self.kinds), ("source", &self.sources)] {
            if let (Some(first), Some(last)) = (values.first(), values.last()) {
                least.insert(name.to_owned(), json!(first));
                greatest.insert(name.to_owned(), json!(last));
            }
        }
        if let (Some(time), Some(until)) = (self.time, self.until) {
            least.insert("time".to_owned(), json!(millis(time.0, 0)));
            greatest.insert("time".to_owned(), json!(millis(time.1, 999_999)));
            least.insert("time_ns".to_owned(), json!(time.0));
            greatest.insert("time_ns".to_owned(), json!(time.1));
            least.insert("until_ns".to_owned(), json!(until.0));
            greatest.insert("until_ns".to_owned(), json!(until.1));
        }
        let nulls = |name: &&str| {
            if name.contains("time") || *name == "until_ns" {
                self.n_timeless
            } else {
                0
            }
        };
        let null_count: HashMap<_, _> = STATISTICS.iter().map(|name| (*name, nulls(name))).collect();
        json!({"numRecords": self.n_rows, "minValues": least, "maxValues": greatest, "nullCount": null_count})
            .to_string()
    }
}

fn add_texts(set: &mut BTreeSet<String>, batch: &RecordBatch, name: &str) {
    let array = batch.column_by_name(name).and_then(|a| a.as_string_view_opt());
    let mut before = None;
    for text in array.into_iter().flatten().flatten() {
        if before != Some(text) && !set.contains(text) {
            set.insert(text.to_owned());
        }
        before = Some(text);
    }
}

fn widen(range: &mut Option<(i64, i64)>, value: i64) {
    let (low, high) = range.unwrap_or((value, value));
    *range = Some((low.min(value), high.max(value)));
}

/// An instant in whole milliseconds, as statistics are written.
fn millis(nanos: i64, up: i64) -> String {
    Timestamp(
        nanos
            .saturating_add(up)
            .div_euclid(1_000_000)
            .saturating_mul(1_000_000),
    )
    .to_string()
}

/// Writes one data file of a partition.
pub(super) struct DataFile {
    folder: PathBuf,
    day: String,
    name: String,
    writer: ArrowWriter<File>,
    summary: Summary,
    n_merged: u64,
}

impl DataFile {
    /// `n_rows` says how many rows are to come, so that its filters are no larger than needed.
    pub fn create(table: &Path, day: &str, name: &str, n_rows: usize) -> Result<Self, Error> {
        let folder = table.join(format!("{DAY}={day}"));
        make_folder(&folder)?;
        let name = format!("part-{name}.zstd.parquet");
        let path = folder.join(&name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = opened.map_err(|cause| Error::io("writing", &path, cause))?;
        let writer = ArrowWriter::try_new(file, file_schema(), Some(properties(day != SIDE, n_rows)));
        Ok(Self {
            writer: writer.map_err(|cause| broken(&path, cause))?,
            folder,
            day: day.to_owned(),
            name,
            summary: Summary::default(),
            n_merged: 0,
        })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.summary.add(batch);
        let path = self.folder.join(&self.name);
        self.writer.write(batch).map_err(|cause| broken(&path, cause))
    }

    /// Rows written, each merged one counted.
    pub const fn n_rows(&self) -> u64 {
        self.summary.n_rows + self.n_merged
    }

    /// Notes that one of the rows stands for so many of those that are replaced.
    pub const fn merged(&mut self, n_rows: u64) {
        self.n_merged = n_rows.saturating_sub(1);
    }

    /// Completes the file and fsyncs it and its folder. Returns what the table log is to say of it.
    pub fn finish(self, now: i64, change: Change) -> Result<Add, Error> {
        let path = self.folder.join(&self.name);
        let file = self.writer.into_inner().map_err(|cause| broken(&path, cause))?;
        let synced = file
            .sync_all()
            .and_then(|()| sync_folder(&self.folder))
            .and_then(|()| file.metadata());
        let size = synced.map_err(|cause| Error::io("writing", &path, cause))?.len();
        Ok(Add {
            path: format!("{DAY}={}/{}", self.day, self.name),
            partition_values: HashMap::from([(DAY.to_owned(), Some(self.day))]),
            size: size.cast_signed(),
            modification_time: now,
            data_change: change == Change::New,
            stats: Some(self.summary.to_stats()),
            ..Add::default()
        })
    }
}

/// Whether a file holds new rows or the same rows anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    New,
    Rewritten,
}

/// A Parquet failure; an I/O error inside of it keeps its kind, so that a full disk is told as such.
fn broken(path: &Path, cause: datafusion::parquet::errors::ParquetError) -> Error {
    // The half-written file is never named in the log; vacuum takes it where this cannot.
    let _ = fs::remove_file(path);
    let cause = match cause {
        datafusion::parquet::errors::ParquetError::External(inner) => {
            match inner.downcast::<std::io::Error>() {
                Ok(io) => *io,
                Err(other) => std::io::Error::other(other),
            }
        }
        other => std::io::Error::other(other.to_string()),
    };
    Error::io("writing", path, cause)
}

fn properties(sorted: bool, n_rows: usize) -> WriterProperties {
    // A level that looks harder finds chance matches in random digits, which cost more than they save.
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let sorted_by = file_schema().index_of("time_ns").unwrap_or_default();
    let sorting = SortingColumn {
        column_idx: i32::try_from(sorted_by).unwrap_or_default(),
        descending: false,
        nulls_first: false,
    };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_sorting_columns(sorted.then(|| vec![sorting]))
        .set_data_page_row_count_limit(PAGE)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_created_by("ambit".to_owned());
    for name in UNIQUE.iter().chain(GROWING) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    for name in UNIQUE {
        let encoding = Encoding::DELTA_LENGTH_BYTE_ARRAY;
        properties = properties.set_column_encoding(ColumnPath::from(*name), encoding);
    }
    for name in GROWING {
        properties = properties.set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in BLOOMED.iter().map(|column| column.name()).chain(["id"]) {
        let path = ColumnPath::from(name);
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), FALSE_HITS)
            .set_column_bloom_filter_max_ndv(path, n_rows.clamp(1, ROW_GROUP) as u64);
    }
    properties.build()
}

/// One live data file, as the table log tells.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Relative to the table.
    pub path: String,
    pub day: String,
    pub size: u64,
    pub statistics: Arc<Statistics>,
    pub summary: Told,
    pub remove: Remove,
}

/// What the statistics in the log say; `None` where another writer left them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub n_rows: Option<u64>,
    /// Least and greatest instant, nanoseconds.
    pub time: Option<(i64, i64)>,
    pub source: Option<(String, String)>,
}

impl Entry {
    pub fn new(path: String, day: String, size: u64, stats: Option<&str>, remove: Remove) -> Self {
        let stats: Value = stats
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        Self {
            statistics: Arc::new(statistics(&stats, &day, size)),
            summary: told(&stats),
            path,
            day,
            size,
            remove,
        }
    }
}

fn told(stats: &Value) -> Told {
    let (least, greatest) = (&stats["minValues"], &stats["maxValues"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Told {
        n_rows: stats["numRecords"].as_u64(),
        time: least["time_ns"].as_i64().zip(greatest["until_ns"].as_i64()),
        source: text(&least["source"]).zip(text(&greatest["source"])),
    }
}

/// The statistics of a file for the engine, one per column of the table, the partition's last.
fn statistics(stats: &Value, day: &str, size: u64) -> Statistics {
    let schema = file_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column_statistics(stats, field.name()));
    let day = ScalarValue::from(day);
    let partition = ColumnStatistics {
        null_count: Precision::Exact(0),
        min_value: Precision::Exact(day.clone()),
        max_value: Precision::Exact(day),
        ..ColumnStatistics::default()
    };
    let n_rows = stats["numRecords"].as_u64().and_then(|n| usize::try_from(n).ok());
    Statistics {
        num_rows: n_rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: usize::try_from(size).map_or(Precision::Absent, Precision::Inexact),
        column_statistics: columns.chain([partition]).collect(),
    }
}

fn column_statistics(stats: &Value, name: &str) -> ColumnStatistics {
    // `time` is rounded in the log and no exact bound; `time_ns` says the same exactly.
    let value = |of: &Value| match &of[name] {
        Value::String(text) if name != "time" => Precision::Exact(ScalarValue::Utf8View(Some(text.clone()))),
        Value::Number(n) => n
            .as_i64()
            .map_or(Precision::Absent, |n| Precision::Exact(ScalarValue::from(n))),
        _ => Precision::Absent,
    };
    let nulls = stats["nullCount"][name]
        .as_u64()
        .and_then(|n| usize::try_from(n).ok());
    ColumnStatistics {
        null_count: nulls.map_or(Precision::Absent, Precision::Exact),
        min_value: value(&stats["minValues"]),
        max_value: value(&stats["maxValues"]),
        ..ColumnStatistics::default()
    }
}
