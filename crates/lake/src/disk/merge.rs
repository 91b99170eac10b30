//! Data files whose rows lie in the order of their times, merged to one in that order.
//!
//! The engine would hold all rows to sort them, or write them out and read them again. The files that a writer makes
//! are each sorted already: in what order their rows come together is told by times and ids alone, and of everything else
//! only the rows that come next are in memory. Where files do not lie in that order, or cannot be read so, nothing
//! is said, and the engine is asked, which sorts them or tells what is wrong.

use super::chunks::Chunks;
use super::file::Entry;
use super::gather::{Chunk, gathered};
use super::instants::{COLUMNS, begins};
use super::lookup::{Lookups, footer_of};
use super::pages::Group;
use super::pick::is_silent;
use super::schema::{columns, file_schema};
use crate::engine::failed;
use crate::error::Error;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use datafusion::parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use datafusion::parquet::file::metadata::RowGroupMetaData;
use std::collections::VecDeque;
use std::sync::Arc;

/// Rows that are read of a file at once.
const STEP: usize = 1024;
/// Rows that are given out at once.
const ROWS: usize = 4096;
/// What a column takes at most while it is read: a dictionary, and pages packed and unpacked.
const COLUMN_BYTES: usize = (1 << 20) + (4 << 16);
/// Bytes of a value in memory, beside its text.
const VALUE_BYTES: usize = 16;

/// Files on their way to one.
pub(super) struct Merge {
    inputs: Vec<Input>,
    /// All rows in their order.
    keys: Vec<Key>,
    _memory: MemoryReservation,
}

/// A row and where it lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: i64,
    /// As a number it is in the order of its digits.
    id: u128,
    input: u32,
    row: u32,
}

impl Merge {
    /// The files, before any of their rows is given out; `None` where they cannot be merged.
    ///
    /// # Errors
    /// Where what they take in memory is not there.
    pub fn of(
        lookups: &Lookups,
        entries: &[Arc<Entry>],
        pool: &Arc<dyn MemoryPool>,
    ) -> Result<Option<Self>, Error> {
        let inputs = entries.iter().map(|entry| Input::open(lookups, entry));
        let Some(inputs) = inputs.collect::<Option<Vec<Input>>>() else {
            return Ok(None);
        };
        let memory = MemoryConsumer::new("merging files").register(pool);
        let needed = inputs.iter().map(Input::needed).sum();
        memory.try_grow(needed).map_err(failed)?;
        let mut keys = Vec::with_capacity(inputs.iter().map(|input| input.n_rows).sum());
        for (nth, input) in inputs.iter().enumerate() {
            if input.add_keys(nth, &mut keys).is_none() {
                return Ok(None);
            }
        }
        // It finds what is in order already.
        keys.sort();
        Ok(Some(Self {
            inputs,
            keys,
            _memory: memory,
        }))
    }

    /// Gives out all rows, batch by batch, while they are taken; `None` where they are not, or cannot be read.
    pub fn give(mut self, take: impl Fn(RecordBatch) -> bool) -> Option<()> {
        let keys = std::mem::take(&mut self.keys);
        for keys in keys.chunks(ROWS) {
            for key in keys {
                self.inputs[key.input as usize].read_up_to(key.row as usize)?;
            }
            if !take(self.batch(keys)?) {
                return None;
            }
            // Rows of a file are given out in their order there.
            for key in keys {
                self.inputs[key.input as usize].drop_before(key.row as usize + 1);
            }
        }
        Some(())
    }

    /// These rows as one batch of the file schema.
    fn batch(&self, keys: &[Key]) -> Option<RecordBatch> {
        let mut is_needed = vec![false; self.inputs.len()];
        keys.iter().for_each(|key| is_needed[key.input as usize] = true);
        let mut chunks = Vec::new();
        let mut firsts = Vec::with_capacity(self.inputs.len());
        for (input, is_needed) in self.inputs.iter().zip(is_needed) {
            firsts.push(chunks.len());
            chunks.extend(input.held.iter().filter(|_| is_needed));
        }
        let places = keys.iter().map(|key| {
            let (input, row) = (key.input as usize, key.row as usize);
            let nth = self.inputs[input].holding(row);
            let nth = firsts[input] + nth;
            (nth, row - chunks[nth].first)
        });
        let places: Vec<(usize, usize)> = places.collect();
        let schema = file_schema();
        let fields = schema.fields().iter().enumerate();
        let arrays = fields.map(|(nth, field)| gathered(&chunks, nth, &places, field.data_type()));
        RecordBatch::try_new(schema.clone(), arrays.collect::<Result<_, _>>().ok()?).ok()
    }
}

/// One of the files.
struct Input {
    chunks: Arc<Chunks>,
    footer: ArrowReaderMetadata,
    /// The row group that is being read, and how many were begun.
    open: Option<Part>,
    n_begun: usize,
    n_rows: usize,
    n_read: usize,
    /// Rows that were read and not all given out.
    held: VecDeque<Chunk>,
}

impl Input {
    fn open(lookups: &Lookups, entry: &Entry) -> Option<Self> {
        let chunks = Arc::new(Chunks::at(&lookups.path(entry)).ok()?);
        let footer = footer_of(&chunks)?;
        let row_groups = footer.metadata().row_groups().iter();
        Some(Self {
            n_rows: row_groups.map(|group| count(group.num_rows())).sum(),
            footer,
            chunks,
            open: None,
            n_begun: 0,
            n_read: 0,
            held: VecDeque::new(),
        })
    }

    fn row_groups(&self) -> &[RowGroupMetaData] {
        self.footer.metadata().row_groups()
    }

    /// What merging the file takes in memory at most: its footer, its keys (half of them twice while they are sorted),
    /// and the columns of the row group that takes most.
    fn needed(&self) -> usize {
        let of_group = |group: &RowGroupMetaData| -> usize {
            let said = group.columns().iter().filter(|column| !is_silent(column));
            let values = count(group.num_rows()).min(2 * STEP) * VALUE_BYTES;
            let bytes = said.map(|column| count(column.uncompressed_size()).min(COLUMN_BYTES) + values);
            bytes.sum()
        };
        let most = self.row_groups().iter().map(of_group).max().unwrap_or_default();
        most + self.footer.metadata().memory_size() + self.n_rows * size_of::<Key>() * 3 / 2
    }

    /// Adds the keys of all rows; `None` where these do not lie in their order.
    fn add_keys(&self, nth: usize, keys: &mut Vec<Key>) -> Option<()> {
        let input = u32::try_from(nth).ok()?;
        let first = keys.len();
        for nth in 0..self.row_groups().len() {
            let part = Part::open(self, nth, |name, _| name == "id" || COLUMNS.contains(&name))?;
            for batch in part.reader {
                let batch = batch.ok()?;
                let times = begins(&batch)?;
                let ids = batch.column_by_name("id")?.as_string_view_opt()?;
                for (time, id) in times.iter().zip(ids) {
                    let key = Key {
                        time: time?,
                        id: digits(id?)?,
                        input,
                        row: u32::try_from(keys.len() - first).ok()?,
                    };
                    keys.push(key);
                }
            }
        }
        let keys = &keys[first..];
        (keys.len() == self.n_rows && keys.is_sorted()).then_some(())
    }

    fn read_up_to(&mut self, row: usize) -> Option<()> {
        while self.n_read <= row {
            self.read_on()?;
        }
        Some(())
    }

    fn read_on(&mut self) -> Option<()> {
        loop {
            if let Some(chunk) = self.open.as_mut().and_then(|part| part.next(self.n_read)) {
                let chunk = chunk?;
                self.n_read += chunk.n_rows;
                self.held.push_back(chunk);
                if self.n_read == self.n_rows {
                    self.open = None;
                }
                return Some(());
            }
            self.open = Some(Part::open(self, self.n_begun, |_, is_silent| !is_silent)?);
            self.n_begun += 1;
        }
    }

    /// Which of the chunks that are held has this row.
    fn holding(&self, row: usize) -> usize {
        self.held
            .partition_point(|chunk| chunk.first + chunk.n_rows <= row)
    }

    fn drop_before(&mut self, row: usize) {
        let is_behind = |chunk: &mut Chunk| chunk.first + chunk.n_rows <= row;
        while self.held.pop_front_if(is_behind).is_some() {}
    }
}

/// A row group that is being read.
struct Part {
    reader: ParquetRecordBatchReader,
    /// For each column of the file schema its place in what is read.
    places: Vec<Option<usize>>,
}

impl Part {
    /// The columns for which `wanted` holds, given a name and whether the row group says nothing in it.
    fn open(input: &Input, nth: usize, wanted: impl Fn(&str, bool) -> bool) -> Option<Self> {
        let (footer, schema) = (&input.footer, input.footer.parquet_schema());
        let leaves = footer.metadata().row_groups().get(nth)?.columns().iter();
        let leaves = leaves
            .enumerate()
            .filter(|(leaf, column)| wanted(schema.get_column_root(*leaf).name(), is_silent(column)));
        let mask = ProjectionMask::leaves(schema, leaves.map(|(leaf, _)| leaf));
        let group = Group {
            chunks: &input.chunks,
            footer: footer.metadata(),
            nth,
        };
        let levels = parquet_to_arrow_field_levels(schema, mask, Some(footer.schema().fields())).ok()?;
        let reader = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &group, STEP, None).ok()?;
        let read = datafusion::arrow::array::RecordBatchReader::schema(&reader);
        let places = columns().map(|(name, _)| read.index_of(name).ok());
        Some(Self {
            places: places.collect(),
            reader,
        })
    }

    /// The next rows, of which so many were read before; within it `None` where they cannot be read.
    fn next(&mut self, n_read: usize) -> Option<Option<Chunk>> {
        let batch = self.reader.next()?;
        Some(batch.ok().and_then(|batch| self.chunk(&batch, n_read)))
    }

    fn chunk(&self, batch: &RecordBatch, first: usize) -> Option<Chunk> {
        let schema = file_schema();
        let columns = self.places.iter().zip(schema.fields()).map(|(place, field)| {
            let array = place.map(|place| batch.column(place).clone());
            let fits = array
                .as_ref()
                .is_none_or(|array| array.data_type() == field.data_type());
            fits.then_some(array)
        });
        Some(Chunk {
            first,
            n_rows: batch.num_rows(),
            columns: columns.collect::<Option<_>>()?,
        })
    }
}

fn count(n: i64) -> usize {
    usize::try_from(n).unwrap_or_default()
}

/// An id as a number; `None` where it is written otherwise than this crate does.
fn digits(id: &str) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_id = id.len() == 32 && id.bytes().all(is_digit);
    is_id.then(|| u128::from_str_radix(id, 16).ok()).flatten()
}
