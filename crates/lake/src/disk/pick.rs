//! Events that the indexes of look-ups find, read without a plan of the engine.
//!
//! A look-up takes a few rows out of many files. To plan it, and to open and begin each file, takes the engine longer
//! than to read the rows. Here the columns that are looked up are read in the strips that the indexes name, then the
//! whole of the rows that hold what is looked for; a column in which a row group says nothing is not read. Where
//! anything cannot be read so, nothing is said, and the engine is asked, which tells what is wrong.

use super::Found;
use super::chunks::Chunks;
use super::file::Entry;
use super::instants;
use super::lookup::{Lookups, Needs, spread};
use super::pages::Group;
use super::rows::{decode, event_columns};
use super::schema::{LOOKED_UP, SIDE, file_schema};
use super::strips::{STRIP, Strips, hash_of};
use super::texts::Texts;
use crate::query::{Filter, Test};
use ambit_event::{Column, Event, EventId, Span};
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, new_null_array,
};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader, RowSelection};
use datafusion::parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a row group that are taken along with each that is looked for.
const ALONG: usize = 8;
/// Where more come along in all, nobody has room for them.
const MOST_NEAR: usize = 50_000;

/// What rows must hold, in the order in which it is asked.
pub(super) struct Pick<'q> {
    /// Texts by the column that must hold one of them.
    wanted: Vec<(&'static str, Texts)>,
    /// Ids that are not asked for.
    left_out: Vec<Texts>,
    span: Span,
    /// What else must be so.
    rest: Vec<&'q Filter>,
}

/// What was picked.
#[derive(Default)]
pub(super) struct Picked {
    pub events: Vec<Event>,
    /// Events that share a trace id with one of these and stand in the same strips.
    pub near: Vec<Event>,
}

/// What the row groups give, taken together batch by batch.
struct Gathered {
    all: Mutex<(Found, Vec<Event>)>,
    wants_near: AtomicBool,
}

impl Gathered {
    fn new(most: usize, near: bool) -> Self {
        Self {
            all: Mutex::new((Found::new(most, false), Vec::new())),
            wants_near: AtomicBool::new(near),
        }
    }

    fn add(&self, picked: Picked) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.0.extend(picked.events.into_iter());
        if self.wants_near.load(Ordering::Relaxed) {
            all.1.extend(picked.near);
        }
        if all.1.len() > MOST_NEAR {
            all.1 = Vec::new();
            self.wants_near.store(false, Ordering::Relaxed);
        }
    }

    fn finish(self) -> Picked {
        let (found, near) = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        Picked {
            events: found.finish(),
            near,
        }
    }
}

/// A row group of which some strips are read.
struct Part<'e> {
    entry: &'e Entry,
    nth: usize,
    n_rows: usize,
    strips: Strips,
}

impl<'q> Pick<'q> {
    /// What a filter asks of rows; `None` where it names nothing that is looked up.
    pub fn of(filter: &'q Filter, span: Span) -> Option<Self> {
        let mut pick = Self {
            wanted: Vec::new(),
            left_out: Vec::new(),
            span,
            rest: Vec::new(),
        };
        pick.add(filter);
        (!pick.wanted.is_empty()).then_some(pick)
    }

    fn add(&mut self, filter: &'q Filter) {
        let texts = |ids: &[EventId]| Texts::of(ids.iter().map(ToString::to_string));
        match filter {
            Filter::All(parts) => parts.iter().for_each(|part| self.add(part)),
            Filter::Any(parts) if parts.len() == 1 => self.add(&parts[0]),
            Filter::Column(column, Test::In(values)) if LOOKED_UP.contains(column) => {
                self.wanted
                    .push((column.name(), Texts::of(values.iter().cloned())));
            }
            Filter::Ids(ids) => self.wanted.push(("id", texts(ids))),
            Filter::Not(part) => match &**part {
                Filter::Ids(ids) => self.left_out.push(texts(ids)),
                _ => self.rest.push(filter),
            },
            _ => self.rest.push(filter),
        }
    }

    /// The events, the earliest so many at most, or more of them; `None` where they cannot be read so.
    pub fn read(&self, lookups: &Lookups, entries: &[Arc<Entry>], most: usize, near: bool) -> Option<Picked> {
        let meets = |entry: &&Arc<Entry>| {
            let apart = |span: Span| !span.overlaps(self.span);
            let is_apart = self.span != Span::ALL && entry.summary.span().is_some_and(apart);
            entry.day != SIDE && !is_apart
        };
        let kept = lookups.keep(entries.iter().filter(meets).collect(), &self.needs());
        let mut parts = Vec::new();
        for kept in &kept {
            let groups = kept.row_groups.as_ref()?.iter().enumerate();
            let some = groups.filter(|(_, (_, strips))| *strips != Strips::NONE);
            parts.extend(some.map(|(nth, &(n_rows, strips))| Part {
                entry: kept.entry,
                nth,
                n_rows,
                strips,
            }));
        }
        let gathered = Gathered::new(most, near);
        spread(&parts, |part| self.pick(lookups, part, &gathered))?;
        Some(gathered.finish())
    }

    fn needs(&self) -> Needs {
        let wanted = self.wanted.iter();
        let needs = wanted.map(|(column, texts)| Needs::OneOf(column, texts.iter().map(hash_of).collect()));
        Needs::All(needs.collect())
    }

    fn pick(&self, lookups: &Lookups, part: &Part<'_>, gathered: &Gathered) -> Option<()> {
        let chunks = Arc::new(Chunks::open(&lookups.path(part.entry)).ok()?);
        let footer = lookups.footer(part.entry, &chunks)?;
        let reader = Reader {
            footer: &footer,
            group: Group {
                chunks: &chunks,
                footer: footer.metadata(),
                nth: part.nth,
            },
        };
        let strips = part.strips.rows(part.n_rows).into_iter();
        let strips = RowSelection::from_consecutive_ranges(strips, part.n_rows);
        let answering = self.answering(&reader, strips.clone())?;
        let taken = match gathered.wants_near.load(Ordering::Relaxed) {
            true => reader.with_near(strips, &answering)?,
            false => answering.clone(),
        };
        let answers = places(&answering, &taken);
        let mut answers = answers.iter();
        for batch in reader.rows(reader.said(), taken)? {
            let events = decode(&whole(&batch.ok()?)?, Path::new(&part.entry.path)).ok()?;
            let mut picked = Picked::default();
            for event in events {
                match answers.next()? {
                    true if self.rest.iter().all(|filter| filter.admits(&event)) => picked.events.push(event),
                    true => {}
                    false => picked.near.push(event),
                }
            }
            gathered.add(picked);
        }
        // A row that did not come is no answer of the file's.
        answers.next().is_none().then_some(())
    }

    /// Of these rows the ones that hold what is asked one thing after the other, of fewer and fewer of them.
    fn answering(&self, reader: &Reader<'_>, mut rows: RowSelection) -> Option<RowSelection> {
        for (column, texts) in &self.wanted {
            rows = reader.holding(column, rows, |text| text.is_some_and(|text| texts.hold(text)))?;
        }
        if self.span != Span::ALL {
            rows = reader.overlapping(self.span, rows)?;
        }
        for texts in &self.left_out {
            rows = reader.holding("id", rows, |id| !id.is_some_and(|id| texts.hold(id)))?;
        }
        Some(rows)
    }
}

/// Reads rows of one row group.
struct Reader<'f> {
    footer: &'f ArrowReaderMetadata,
    group: Group<'f>,
}

impl Reader<'_> {
    fn rows(&self, columns: ProjectionMask, rows: RowSelection) -> Option<ParquetRecordBatchReader> {
        let hint = Some(self.footer.schema().fields());
        let levels = parquet_to_arrow_field_levels(self.footer.parquet_schema(), columns, hint).ok()?;
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, &self.group, STRIP, Some(rows)).ok()
    }

    /// Of these rows the ones for which a test of some columns holds.
    fn such(
        &self,
        columns: &[&str],
        rows: RowSelection,
        test: impl Fn(&RecordBatch) -> BooleanArray,
    ) -> Option<RowSelection> {
        if !rows.selects_any() {
            return Some(rows);
        }
        let mask = ProjectionMask::columns(self.footer.parquet_schema(), columns.iter().copied());
        let mut held = Vec::new();
        for batch in self.rows(mask, rows.clone())? {
            held.push(test(&batch.ok()?));
        }
        let n_rows: usize = held.iter().map(BooleanArray::len).sum();
        (n_rows == rows.row_count()).then(|| rows.and_then(&RowSelection::from_filters(&held)))
    }

    /// Of these rows the ones of which a text column holds such a text.
    fn holding(
        &self,
        column: &str,
        rows: RowSelection,
        such: impl Fn(Option<&str>) -> bool,
    ) -> Option<RowSelection> {
        self.such(&[column], rows, |batch| match texts(batch) {
            Some(texts) => texts.iter().map(|text| Some(such(text))).collect(),
            None => BooleanArray::from(vec![such(None); batch.num_rows()]),
        })
    }

    /// Of these rows the ones whose possible time overlaps the span.
    fn overlapping(&self, span: Span, rows: RowSelection) -> Option<RowSelection> {
        self.such(&instants::COLUMNS, rows, |batch| {
            let (Some(begins), Some(ends)) = (instants::begins(batch), instants::ends(batch)) else {
                return BooleanArray::from(vec![false; batch.num_rows()]);
            };
            let overlaps = |(begin, end): (Option<i64>, Option<i64>)| {
                let is_before = begin.is_some_and(|begin| begin < span.until.0);
                Some(is_before && end.is_some_and(|end| end > span.from.0))
            };
            begins.iter().zip(&ends).map(overlaps).collect()
        })
    }

    /// The rows that answer, and those of the strips that share a trace id with one of them, unless these are many: a
    /// client may send one id with everything.
    fn with_near(&self, strips: RowSelection, answering: &RowSelection) -> Option<RowSelection> {
        if !answering.selects_any() {
            return Some(answering.clone());
        }
        let trace = Column::Trace.name();
        let mut ids = HashSet::new();
        let mask = ProjectionMask::columns(self.footer.parquet_schema(), [trace]);
        for batch in self.rows(mask, answering.clone())? {
            let batch = batch.ok()?;
            let found = texts(&batch).into_iter().flatten().flatten();
            ids.extend(found.map(str::to_owned));
        }
        let ids = Texts::of(ids.into_iter());
        let sharing = self.holding(trace, strips, |id| id.is_some_and(|id| ids.hold(id)))?;
        let few = sharing.row_count() <= ALONG * answering.row_count();
        Some(if few {
            sharing.union(answering)
        } else {
            answering.clone()
        })
    }

    /// The columns of events in which the row group says anything.
    fn said(&self) -> ProjectionMask {
        let schema = self.footer.parquet_schema();
        let needed: HashSet<&str> = event_columns().into_iter().collect();
        let group = self.footer.metadata().row_group(self.group.nth);
        let leaves = group.columns().iter().enumerate();
        let said = leaves.filter(|(nth, column)| {
            needed.contains(schema.get_column_root(*nth).name()) && !is_silent(column)
        });
        ProjectionMask::leaves(schema, said.map(|(nth, _)| nth))
    }
}

/// The one column of a batch that is read for its texts; `None` where the file has no such column.
fn texts(batch: &RecordBatch) -> Option<&StringViewArray> {
    batch.columns().first()?.as_string_view_opt()
}

/// Of each row that is taken whether it is among the answering ones.
fn places(answering: &RowSelection, taken: &RowSelection) -> Vec<bool> {
    let rows = |selection: &RowSelection| {
        let mut at = 0;
        let mut rows = Vec::new();
        for step in selection.iter() {
            if !step.skip {
                rows.extend(at..at + step.row_count);
            }
            at += step.row_count;
        }
        rows
    };
    let answering: HashSet<usize> = rows(answering).into_iter().collect();
    rows(taken).iter().map(|row| answering.contains(row)).collect()
}

/// Whether a column chunk surely holds no value.
pub(super) fn is_silent(column: &ColumnChunkMetaData) -> bool {
    let nulls = column.statistics().and_then(|said| said.null_count_opt());
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(column.num_values()))
}

/// The rows with all columns of events, without a value where they were not read.
fn whole(batch: &RecordBatch) -> Option<RecordBatch> {
    let (schema, n_rows) = (file_schema(), batch.num_rows());
    let read: HashMap<&str, &ArrayRef> = batch
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .zip(batch.columns())
        .collect();
    let mut fields: Vec<Arc<Field>> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for name in event_columns() {
        let field = schema.field_with_name(name).ok()?;
        fields.push(Arc::new(field.clone()));
        let array = read.get(name).map(|array| (*array).clone());
        arrays.push(array.unwrap_or_else(|| new_null_array(field.data_type(), n_rows)));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}
