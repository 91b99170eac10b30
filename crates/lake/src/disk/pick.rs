//! Events that the indexes of look-ups find, read without a plan of the engine.
//!
//! A look-up takes a few rows out of many files. To plan it, and to open and begin each file, takes the engine longer
//! than to read the rows. Here the columns that are looked up are read in the strips that the indexes name, then the
//! whole of the rows that hold what is looked for; a column in which a row group says nothing is not read. Where
//! anything cannot be read so, nothing is said, and the engine is asked, which tells what is wrong.

use super::Found;
use super::chunks::Chunks;
use super::file::Entry;
use super::lookup::{Lookups, Needs, spread};
use super::rows::{decode, event_columns};
use super::schema::{LOOKED_UP, SIDE, file_schema};
use super::strips::{Strips, hash_of};
use crate::query::{Filter, Test};
use ambit_event::{Event, Span};
use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, new_null_array};
use datafusion::arrow::datatypes::{Field, Int64Type, Schema};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use datafusion::parquet::schema::types::SchemaDescriptor;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What rows must hold, in the order in which it is asked.
pub(super) struct Pick<'q> {
    /// Texts by the column that must hold one of them.
    wanted: Vec<Texts>,
    /// Ids that are not asked for.
    left_out: Vec<Texts>,
    span: Span,
    /// What else must be so.
    rest: Vec<&'q Filter>,
}

/// Texts of one column.
struct Texts {
    column: &'static str,
    texts: Arc<HashSet<String>>,
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
        match filter {
            Filter::All(parts) => parts.iter().for_each(|part| self.add(part)),
            Filter::Any(parts) if parts.len() == 1 => self.add(&parts[0]),
            Filter::Column(column, Test::In(values)) if LOOKED_UP.contains(column) => {
                let texts = Texts::of(column.name(), values.iter().cloned());
                self.wanted.push(texts);
            }
            Filter::Ids(ids) => {
                let texts = Texts::of("id", ids.iter().map(ToString::to_string));
                self.wanted.push(texts);
            }
            Filter::Not(part) => match &**part {
                Filter::Ids(ids) => {
                    let texts = Texts::of("id", ids.iter().map(ToString::to_string));
                    self.left_out.push(texts);
                }
                _ => self.rest.push(filter),
            },
            _ => self.rest.push(filter),
        }
    }

    /// The events, the earliest so many at most, or more of them; `None` where they cannot be read so.
    pub fn read(&self, lookups: &Lookups, entries: &[Arc<Entry>], most: usize) -> Option<Vec<Event>> {
        let meets = |entry: &&Arc<Entry>| {
            let apart = |span: Span| !span.overlaps(self.span);
            entry.day != SIDE && !entry.summary.span().is_some_and(apart)
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
        let found = Mutex::new(Found::new(most, false));
        spread(&parts, |part| {
            let events = self.events(lookups, part)?;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(events.into_iter());
            Some(())
        })?;
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(found.finish())
    }

    fn needs(&self) -> Needs {
        let one_of = |wanted: &Texts| {
            let hashes = wanted.texts.iter().map(|text| hash_of(text));
            Needs::OneOf(wanted.column, hashes.collect())
        };
        Needs::All(self.wanted.iter().map(one_of).collect())
    }

    fn events(&self, lookups: &Lookups, part: &Part<'_>) -> Option<Vec<Event>> {
        let chunks = Chunks::open(&lookups.path(part.entry)).ok()?;
        let footer = lookups.footer(part.entry, &chunks)?;
        let (schema, group) = (footer.parquet_schema(), footer.metadata().row_group(part.nth));
        let selection =
            RowSelection::from_consecutive_ranges(part.strips.rows(part.n_rows).into_iter(), part.n_rows);
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, footer.as_ref().clone())
            .with_row_groups(vec![part.nth])
            .with_row_selection(selection)
            .with_row_filter(RowFilter::new(self.predicates(schema)))
            .with_projection(said(schema, group))
            .build();
        let mut events = Vec::new();
        for batch in rows.ok()? {
            let whole = whole(&batch.ok()?)?;
            let found = decode(&whole, Path::new(&part.entry.path)).ok()?;
            let admits = |event: &Event| self.rest.iter().all(|filter| filter.admits(event));
            events.extend(found.into_iter().filter(admits));
        }
        Some(events)
    }

    /// What is asked of rows one after the other, of fewer and fewer of them.
    fn predicates(&self, schema: &SchemaDescriptor) -> Vec<Box<dyn ArrowPredicate>> {
        let mut all: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        for (texts, held) in self
            .wanted
            .iter()
            .map(|texts| (texts, true))
            .chain(self.left_out.iter().map(|texts| (texts, false)))
        {
            all.push(texts.predicate(schema, held));
        }
        if self.span != Span::ALL {
            all.push(overlapping(schema, self.span));
        }
        all
    }
}

impl Texts {
    fn of(column: &'static str, texts: impl Iterator<Item = String>) -> Self {
        Self {
            column,
            texts: Arc::new(texts.collect()),
        }
    }

    /// Whether a row holds one of the texts, or holds none of them.
    fn predicate(&self, schema: &SchemaDescriptor, held: bool) -> Box<dyn ArrowPredicate> {
        let texts = self.texts.clone();
        let mask = ProjectionMask::columns(schema, [self.column]);
        Box::new(ArrowPredicateFn::new(mask, move |batch: RecordBatch| {
            let column = batch
                .columns()
                .first()
                .and_then(|array| array.as_string_view_opt());
            let holds = |text: Option<&str>| text.is_some_and(|text| texts.contains(text)) == held;
            Ok(match column {
                Some(column) => column.iter().map(|text| Some(holds(text))).collect(),
                None => BooleanArray::from(vec![holds(None); batch.num_rows()]),
            })
        }))
    }
}

/// Whether a row's possible time overlaps the span.
fn overlapping(schema: &SchemaDescriptor, span: Span) -> Box<dyn ArrowPredicate> {
    let mask = ProjectionMask::columns(schema, ["time_ns", "until_ns"]);
    Box::new(ArrowPredicateFn::new(mask, move |batch: RecordBatch| {
        let of = |name| {
            batch
                .column_by_name(name)
                .map(|array| array.as_primitive::<Int64Type>())
        };
        let (Some(times), Some(untils)) = (of("time_ns"), of("until_ns")) else {
            return Ok(BooleanArray::from(vec![false; batch.num_rows()]));
        };
        let overlaps =
            |(time, until): (Option<i64>, Option<i64>)| Some(time? < span.until.0 && until? > span.from.0);
        Ok(times.iter().zip(untils).map(overlaps).collect())
    }))
}

/// The columns of events in which the row group says anything.
fn said(schema: &SchemaDescriptor, group: &RowGroupMetaData) -> ProjectionMask {
    let needed: HashSet<&str> = event_columns().into_iter().collect();
    let leaves = group.columns().iter().enumerate();
    let said = leaves
        .filter(|(nth, column)| needed.contains(schema.get_column_root(*nth).name()) && !is_silent(column));
    ProjectionMask::leaves(schema, said.map(|(nth, _)| nth))
}

/// Whether a column chunk surely holds no value.
fn is_silent(column: &ColumnChunkMetaData) -> bool {
    let nulls = column.statistics().and_then(|said| said.null_count_opt());
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(column.num_values()))
}

/// The rows with all columns of events, without a value where they were not read.
fn whole(batch: &RecordBatch) -> Option<RecordBatch> {
    let (schema, n_rows) = (file_schema(), batch.num_rows());
    let mut fields: Vec<Arc<Field>> = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for name in event_columns() {
        let field = schema.field_with_name(name).ok()?;
        fields.push(Arc::new(field.clone()));
        arrays.push(match batch.column_by_name(name) {
            Some(array) => array.clone(),
            None => new_null_array(field.data_type(), n_rows),
        });
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}
