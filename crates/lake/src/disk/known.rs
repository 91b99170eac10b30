//! Which rows the lake already holds: ids of the files that can hold a batch's rows, read once.

use super::file::Entry;
use super::log::Snapshot;
use crate::error::Error;
use ambit_event::{Batch, Checkpoint, EventId};
use datafusion::arrow::array::AsArray;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Ids kept in memory, unless one batch needs more: a table of 2^21 places of 17 bytes, 34 MiB.
const MOST_IDS: usize = if cfg!(test) { 100 } else { 3 << 19 };
/// The same record can bear times that differ by a time zone, where the zone was given differently.
const ZONES: i64 = 26 * 3600 * 1_000_000_000;
/// Batches are small and follow each other in time: so much more is looked at for those to come.
const AHEAD: i64 = 3600 * 1_000_000_000;

/// The ids of files that were looked at.
#[derive(Default)]
pub(super) struct Known {
    ids: HashSet<EventId, ahash::RandomState>,
    files: HashSet<String>,
    /// All that meets this reach at this version of the table was looked at.
    looked: Option<(u64, Reach)>,
}

impl Known {
    pub fn holds(&self, id: EventId) -> bool {
        self.ids.contains(&id)
    }

    /// Notes rows just written, so that their file need not be read.
    pub fn note(&mut self, files: impl IntoIterator<Item = String>, ids: impl IntoIterator<Item = EventId>) {
        self.files.extend(files);
        self.ids.extend(ids);
    }

    /// Reads the ids of all files that can hold rows of the batch.
    pub fn load(&mut self, table: &Path, snapshot: &Snapshot, reach: Reach) -> Result<(), Error> {
        let version = snapshot.version();
        let is_looked_at = |(of, looked): &(u64, Reach)| *of == version && looked.covers(&reach);
        if self.looked.as_ref().is_some_and(is_looked_at) {
            return Ok(());
        }
        let reach = reach.widened();
        self.looked = None;
        self.read(table, &snapshot.entries, &reach)?;
        self.looked = Some((version, reach));
        Ok(())
    }

    fn read(&mut self, table: &Path, entries: &[Arc<Entry>], reach: &Reach) -> Result<(), Error> {
        let needed: Vec<_> = entries.iter().filter(|entry| reach.meets(entry)).collect();
        if self.ids.len() > MOST_IDS {
            self.forget_but(table, &needed)?;
        }
        for entry in needed {
            if !self.files.contains(&entry.path) {
                read_ids(&table.join(&entry.path), &mut |id| {
                    self.ids.insert(id);
                })?;
                self.files.insert(entry.path.clone());
            }
        }
        Ok(())
    }

    /// Forgets the ids of files that are not needed. Each is read once more for that: to begin anew would read all that
    /// are needed, again and again where these hold many.
    fn forget_but(&mut self, table: &Path, needed: &[&Arc<Entry>]) -> Result<(), Error> {
        let still: HashSet<&String> = needed.iter().map(|entry| &entry.path).collect();
        let gone: Vec<String> = self
            .files
            .iter()
            .filter(|file| !still.contains(file))
            .cloned()
            .collect();
        for file in gone {
            read_ids(&table.join(&file), &mut |id| {
                self.ids.remove(&id);
            })?;
            self.files.remove(&file);
        }
        // A table keeps the room of the most that it ever held.
        if self.ids.capacity() > 4 * self.ids.len().max(MOST_IDS) {
            self.ids.shrink_to(2 * self.ids.len());
        }
        Ok(())
    }
}

/// Where rows of a batch can lie.
pub(super) struct Reach {
    sources: BTreeSet<String>,
    /// Least and greatest nanosecond of its events; `None` where time rules nothing out.
    time: Option<(i64, i64)>,
    has_events: bool,
}

impl Reach {
    /// `before` says how far the batch's lineage was read. What lies before that is read again, perhaps
    /// with other settings, such as another time zone or year.
    pub fn of(batch: &Batch, before: Option<&Checkpoint>) -> Self {
        let offsets = batch.events.iter().map(|event| event.provenance.offset);
        let reread = before
            .zip(offsets.min())
            .is_some_and(|(before, first)| first < before.offset);
        let first = batch.events.iter().map(|event| event.time.0).min();
        let last = batch.events.iter().map(|event| event.time.0).max();
        let time = first
            .zip(last)
            .map(|(a, b)| (a.saturating_sub(ZONES), b.saturating_add(ZONES)));
        Self {
            sources: sources_of(batch),
            time: if reread { None } else { time },
            has_events: !batch.events.is_empty(),
        }
    }

    /// The same, for some time longer.
    fn widened(mut self) -> Self {
        self.time = self.time.map(|(from, until)| (from, until.saturating_add(AHEAD)));
        self
    }

    /// Whether whatever meets the other meets this.
    fn covers(&self, other: &Self) -> bool {
        let in_time = match (self.time, other.time) {
            (None, _) => true,
            (Some((from, until)), Some((first, last))) => from <= first && last <= until,
            (Some(_), None) => false,
        };
        let has_events = self.has_events || !other.has_events;
        has_events && (in_time || !other.has_events) && self.sources.is_superset(&other.sources)
    }

    fn meets(&self, entry: &Entry) -> bool {
        if entry.day == super::schema::SIDE {
            return true;
        }
        if !self.has_events {
            return false;
        }
        let in_time = match (self.time, entry.summary.time) {
            (Some((from, until)), Some((first, last))) => from <= last && first <= until,
            _ => true,
        };
        in_time
            && entry.summary.source.as_ref().is_none_or(|(least, greatest)| {
                self.sources
                    .range(least.clone()..=greatest.clone())
                    .next()
                    .is_some()
            })
    }
}

fn sources_of(batch: &Batch) -> BTreeSet<String> {
    let mut sources = BTreeSet::new();
    for event in &batch.events {
        if !sources.contains(&event.source) {
            sources.insert(event.source.clone());
        }
    }
    sources
}

fn read_ids(path: &Path, take: &mut dyn FnMut(EventId)) -> Result<(), Error> {
    let damaged = |what: String| Error::Damaged {
        path: path.to_owned(),
        what,
    };
    let file = File::open(path).map_err(|cause| Error::io("reading", path, cause))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(e.to_string()))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["id"]);
    let reader = builder.with_projection(mask).with_batch_size(8192).build();
    for batch in reader.map_err(|e| damaged(e.to_string()))? {
        let batch = batch.map_err(|e| damaged(e.to_string()))?;
        let texts = batch.column(0).as_string_view_opt();
        for text in texts.into_iter().flatten().flatten() {
            take(EventId::parse(text).map_err(|e| damaged(e.to_string()))?);
        }
    }
    Ok(())
}
