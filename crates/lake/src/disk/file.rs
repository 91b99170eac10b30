//! Data files: written sorted, with indexes for look-ups and statistics, fsynced; and what the table log says
//! of them.

use super::fs::{make_folder, sync_folder};
use super::instants::{begins, with_shared_ends};
use super::lookup::RowGroup;
use super::rows::to_json;
use super::schema::{DAY, SIDE, STATISTICS, Shape, columns, file_schema};
use super::strips::{Gatherer, Place, Places, ROW_GROUP};
use crate::error::Error;
use ambit_event::{Span, Timestamp};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, ParquetMetaDataReader, SortingColumn};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;
use deltalake_core::kernel::{Add, Remove};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name under which the footer says where the indexes lie, as JSON.
const INDEXES: &str = "ambit.indexes";
/// Rows of a page: what a row that matches costs to read in each of its columns.
const PAGE: usize = 4096;
/// Bytes of a page, however few rows: what a row that matches costs to decompress in a column of long texts.
const PAGE_BYTES: usize = 64 << 10;
/// Columns whose values hardly ever recur: a dictionary of them would be read whole for one row.
/// Their lengths stand apart from their texts, which compress the better for it.
const UNIQUE: &[&str] = &["id", "fields", "trace_uid"];
/// Columns of which every row says something and nothing recurs: least and greatest value rule out nothing, and that some
/// rows say nothing need not be told. Of other texts they are told for row groups, not for pages: rows lie in the order of
/// their times, so that a page holds all kinds of texts.
const UNTOLD: &[&str] = &["id", "fields"];
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
    /// Rows whose time needs no nanoseconds beside it, or that have none.
    n_without_nanos: u64,
}

impl Summary {
    fn add(&mut self, batch: &RecordBatch) {
        self.n_rows += batch.num_rows() as u64;
        add_texts(&mut self.kinds, batch, "kind");
        add_texts(&mut self.sources, batch, "source");
        let of = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let (times, nanos, untils) = (begins(batch), of("time_ns"), of("until_ns"));
        self.n_without_nanos += nanos.map_or(0, Array::null_count) as u64;
        for time in times.iter().flatten() {
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
        let nulls = |name: &&str| match *name {
            "time" | "until_ns" => self.n_timeless,
            "time_ns" => self.n_without_nanos,
            _ => 0,
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

/// The place of a file until it is complete: one that never is does not stay.
struct Draft(Option<PathBuf>);

impl Drop for Draft {
    fn drop(&mut self) {
        // No log names it; where it cannot be removed, vacuum takes it.
        if let Some(path) = self.0.take() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes one data file of a partition.
pub(super) struct DataFile {
    draft: Draft,
    folder: PathBuf,
    day: String,
    name: String,
    writer: ArrowWriter<File>,
    /// Of the row group that is being filled, and where the indexes of those before it lie.
    gatherer: Gatherer,
    places: Vec<Places>,
    summary: Summary,
    n_merged: u64,
}

impl DataFile {
    pub fn create(table: &Path, day: &str, name: &str) -> Result<Self, Error> {
        let folder = table.join(format!("{DAY}={day}"));
        make_folder(&folder)?;
        let name = format!("part-{name}.zstd.parquet");
        let path = folder.join(&name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = opened.map_err(|cause| Error::io("writing", &path, cause))?;
        let draft = Draft(Some(path.clone()));
        let writer = ArrowWriter::try_new(file, file_schema(), Some(properties(day != SIDE)));
        Ok(Self {
            writer: writer.map_err(|cause| broken(&path, cause))?,
            draft,
            folder,
            day: day.to_owned(),
            name,
            gatherer: Gatherer::default(),
            places: Vec::new(),
            summary: Summary::default(),
            n_merged: 0,
        })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let batch = match self.day.as_str() {
            SIDE => batch.clone(),
            _ => with_shared_ends(batch).map_err(|cause| self.broken(cause.into()))?,
        };
        self.summary.add(&batch);
        let mut from = 0;
        while from < batch.num_rows() {
            let n = self.gatherer.room().min(batch.num_rows() - from);
            let part = batch.slice(from, n);
            self.gatherer.add(&part);
            self.writer.write(&part).map_err(|cause| self.broken(cause))?;
            from += n;
            if self.gatherer.room() == 0 {
                self.end_row_group()?;
            }
        }
        Ok(())
    }

    /// Ends a row group and writes its indexes behind it.
    fn end_row_group(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|cause| self.broken(cause))?;
        let mut places = Places::new();
        for (column, index) in self.gatherer.finish() {
            let Some(index) = index else {
                places.insert(column.to_owned(), None);
                continue;
            };
            let place = Place {
                offset: self.writer.bytes_written() as u64,
                length: index.bytes.len(),
                shape: index.shape,
            };
            let written = self.writer.write_all(&index.bytes);
            written.map_err(|cause| self.broken(cause.into()))?;
            places.insert(column.to_owned(), Some(place));
        }
        self.places.push(places);
        Ok(())
    }

    fn broken(&self, cause: ParquetError) -> Error {
        broken(&self.folder.join(&self.name), cause)
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
    pub fn finish(mut self, now: i64, change: Change) -> Result<Add, Error> {
        if !self.gatherer.is_empty() {
            self.end_row_group()?;
        }
        let places = KeyValue::new(INDEXES.to_owned(), to_json(&self.places));
        self.writer.append_key_value_metadata(places);
        let path = self.folder.join(&self.name);
        let file = self.writer.into_inner().map_err(|cause| broken(&path, cause))?;
        let synced = file
            .sync_all()
            .and_then(|()| sync_folder(&self.folder))
            .and_then(|()| file.metadata());
        let size = synced.map_err(|cause| Error::io("writing", &path, cause))?.len();
        self.draft.0 = None;
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
fn broken(path: &Path, cause: ParquetError) -> Error {
    let cause = match cause {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(io) => *io,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other.to_string()),
    };
    Error::io("writing", path, cause)
}

/// The row groups of a data file with their indexes; `None` where its footer cannot be read, or does not speak of them.
pub(super) fn indexes_of(file: &File) -> Option<Vec<RowGroup>> {
    let footer = ParquetMetaDataReader::new().parse_and_finish(file).ok()?;
    let said = footer.file_metadata().key_value_metadata()?;
    let said = said.iter().find(|pair| pair.key == INDEXES)?.value.as_ref()?;
    let places: Vec<Places> = serde_json::from_str(said).ok()?;
    if places.len() != footer.num_row_groups() {
        return None;
    }
    let row_groups = footer.row_groups().iter().zip(places).map(|(group, indexes)| {
        let n_rows = usize::try_from(group.num_rows())
            .ok()
            .filter(|n| *n <= ROW_GROUP)?;
        Some(RowGroup { n_rows, indexes })
    });
    row_groups.collect()
}

fn properties(sorted: bool) -> WriterProperties {
    // A level that looks harder finds chance matches in random digits, which cost more than they save.
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let sorted_by = file_schema().index_of("time").unwrap_or_default();
    let sorting = SortingColumn {
        column_idx: i32::try_from(sorted_by).unwrap_or_default(),
        descending: false,
        nulls_first: false,
    };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(None)
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
    for (name, _) in columns().filter(|(_, shape)| *shape == Shape::Text) {
        let told = match UNTOLD.contains(&name) {
            true => EnabledStatistics::None,
            false => EnabledStatistics::Chunk,
        };
        properties = properties.set_column_statistics_enabled(ColumnPath::from(name), told);
    }
    for name in GROWING {
        properties = properties.set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
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

impl Told {
    /// From the first to the last instant of its events.
    pub fn span(&self) -> Option<Span> {
        let (first, last) = self.time?;
        Some(Span::new(Timestamp(first), Timestamp(last)))
    }
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

/// The microseconds of an instant, as the table has them.
fn micros(nanos: i64) -> Precision<ScalarValue> {
    let micros = Some(nanos.div_euclid(1000));
    Precision::Exact(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())))
}

fn column_statistics(stats: &Value, name: &str) -> ColumnStatistics {
    let value = |of: &Value| match &of[name] {
        // In the log it is rounded, and no exact bound; `time_ns` says the same exactly.
        Value::String(_) if name == "time" => of["time_ns"].as_i64().map_or(Precision::Absent, micros),
        Value::String(text) => Precision::Exact(ScalarValue::Utf8View(Some(text.clone()))),
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
