//! Columns that grow row by row, until they are written.

use super::gather::{Chunk, gathered};
use super::instants::beside_micros;
use super::rows::{RawRef, Row, micros_up};
use super::schema::{columns, file_schema, kind, list_item};
use ambit_event::{Column, ColumnKind, ColumnSet};
use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringViewArray,
    StringViewBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::error::ArrowError;
use std::sync::Arc;

/// The rows as one batch of the file schema.
pub(super) fn encode(rows: &[Row<'_>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::new();
    columns.add(rows);
    let chunk = Chunk {
        first: 0,
        n_rows: rows.len(),
        columns: columns.finish(),
    };
    let schema = file_schema();
    let places: Vec<(usize, usize)> = (0..rows.len()).map(|row| (0, row)).collect();
    let fields = schema.fields().iter().enumerate();
    let arrays = fields.map(|(nth, field)| gathered(&[&chunk], nth, &places, field.data_type()));
    RecordBatch::try_new(schema.clone(), arrays.collect::<Result<_, _>>()?)
}

/// The columns of the file schema. One in which no row says anything takes nothing.
pub(super) struct Columns {
    columns: Vec<Growing>,
    n_rows: usize,
}

struct Growing {
    of: Of,
    /// What rows said so far; behind where the last of them said nothing.
    values: Option<Values>,
}

enum Values {
    /// The same text in so many rows from the first on: of one source, host or file all rows say the same.
    Same(String, usize),
    Text(StringViewBuilder),
    Integer(Int64Builder),
    /// Microseconds.
    Time(TimestampMicrosecondBuilder),
    List(ListBuilder<StringViewBuilder>),
}

/// What a column tells of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Kind,
    Id,
    Time,
    TimeUntil,
    TimeNanos,
    UntilNanos,
    PrecisionNanos,
    Normalized(Column),
    Fields,
    Evidence,
    RecordOffset,
    RecordLength,
    RecordLine,
    RawBlock,
    RawStart,
    RawLength,
}

impl Columns {
    pub fn new() -> Self {
        let growing = |(name, _)| Growing {
            of: Of::named(name),
            values: None,
        };
        Self {
            columns: columns().map(growing).collect(),
            n_rows: 0,
        }
    }

    pub const fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub fn add(&mut self, rows: &[Row<'_>]) {
        let filled = rows
            .iter()
            .fold(ColumnSet::default(), |all, row| all.with(row.event.filled()));
        for column in &mut self.columns {
            column.add(rows, self.n_rows, filled);
        }
        self.n_rows += rows.len();
    }

    /// The columns so far, as a [`Chunk`] has them. New ones begin.
    ///
    /// [`Chunk`]: super::gather::Chunk
    pub fn finish(&mut self) -> Vec<Option<ArrayRef>> {
        let n_rows = std::mem::take(&mut self.n_rows);
        let columns = self.columns.iter_mut();
        columns
            .map(|column| column.values.take()?.finish(n_rows))
            .collect()
    }
}

impl Growing {
    /// Adds rows behind the first `n_before`, of which not all need to have said something.
    fn add(&mut self, rows: &[Row<'_>], n_before: usize, filled: ColumnSet) {
        if let Of::Normalized(column) = self.of
            && !filled.has(column)
        {
            return;
        }
        if n_before == 0
            && self.of.is_often_same()
            && let Some(text) = rows.first().and_then(|row| self.of.text(row))
        {
            self.values = Some(Values::Same(text.to_owned(), 0));
        }
        if let Some(Values::Same(text, n_same)) = &mut self.values {
            let is_same = |row| self.of.text(row) == Some(text.as_str());
            if *n_same == n_before && rows.iter().all(is_same) {
                *n_same += rows.len();
                return;
            }
            self.values = Some(Values::repeated(text, *n_same));
        }
        let values = self.values.get_or_insert_with(|| Values::new(self.of));
        values.pad(n_before);
        values.add(self.of, rows);
    }
}

impl Values {
    fn new(of: Of) -> Self {
        let texts = StringViewBuilder::new();
        match of {
            Of::Time | Of::TimeUntil => {
                Self::Time(TimestampMicrosecondBuilder::new().with_timezone_opt(Some("UTC")))
            }
            Of::TimeNanos | Of::UntilNanos | Of::PrecisionNanos => Self::Integer(Int64Builder::new()),
            Of::RecordOffset | Of::RecordLength | Of::RecordLine | Of::RawStart | Of::RawLength => {
                Self::Integer(Int64Builder::new())
            }
            Of::Id | Of::Kind | Of::Fields | Of::RawBlock | Of::Normalized(Column::Trace) => {
                Self::Text(texts)
            }
            // What mostly recurs (a host, an evidence file, a client's software) is kept once.
            Of::Evidence => Self::Text(texts.with_deduplicate_strings()),
            Of::Normalized(column) => match column.kind() {
                ColumnKind::Text => Self::Text(texts.with_deduplicate_strings()),
                ColumnKind::Integer => Self::Integer(Int64Builder::new()),
                ColumnKind::TextList => Self::List(ListBuilder::new(texts).with_field(list_item())),
            },
        }
    }

    /// The same text so many times, with others to follow.
    fn repeated(text: &str, n: usize) -> Self {
        let mut texts = StringViewBuilder::new().with_deduplicate_strings();
        (0..n).for_each(|_| texts.append_value(text));
        Self::Text(texts)
    }

    fn len(&self) -> usize {
        match self {
            Self::Same(_, n_same) => *n_same,
            Self::Text(texts) => texts.len(),
            Self::Integer(numbers) => numbers.len(),
            Self::Time(times) => times.len(),
            Self::List(lists) => lists.len(),
        }
    }

    /// Nothing was said by the rows up to this one.
    fn pad(&mut self, n_rows: usize) {
        let n = n_rows - self.len();
        match self {
            Self::Same(text, n_same) if n > 0 => {
                *self = Self::repeated(text, *n_same);
                self.pad(n_rows);
            }
            Self::Same(..) => {}
            Self::Text(texts) => (0..n).for_each(|_| texts.append_null()),
            Self::Integer(numbers) => numbers.append_nulls(n),
            Self::Time(times) => times.append_nulls(n),
            Self::List(lists) => (0..n).for_each(|_| lists.append(false)),
        }
    }

    fn add(&mut self, of: Of, rows: &[Row<'_>]) {
        match self {
            // It was turned into texts before others came.
            Self::Same(..) => {}
            Self::Text(ids) if of == Of::Id => add_ids(ids, rows),
            Self::Text(texts) => rows.iter().for_each(|row| texts.append_option(of.text(row))),
            Self::Integer(numbers) => rows.iter().for_each(|row| numbers.append_option(of.integer(row))),
            Self::Time(times) => rows.iter().for_each(|row| times.append_option(of.micros(row))),
            Self::List(lists) => rows.iter().for_each(|row| {
                let values = of.list(row);
                values.iter().for_each(|value| lists.values().append_value(value));
                lists.append(!values.is_empty());
            }),
        }
    }

    /// The array over so many rows; `None` where none of them says anything.
    fn finish(mut self, n_rows: usize) -> Option<ArrayRef> {
        self.pad(n_rows);
        let array: ArrayRef = match self {
            Self::Same(text, _) => return Some(Arc::new(StringViewArray::from_iter_values([text]))),
            Self::Text(mut texts) => Arc::new(texts.finish()),
            Self::Integer(mut numbers) => Arc::new(numbers.finish()),
            Self::Time(mut times) => Arc::new(times.finish()),
            Self::List(mut lists) => Arc::new(lists.finish()),
        };
        (array.null_count() < n_rows).then_some(array)
    }
}

/// A commit's sum has no identity: it is merged, never looked up.
fn add_ids(ids: &mut StringViewBuilder, rows: &[Row<'_>]) {
    let mut digits = [0; 32];
    for row in rows {
        match row.kind {
            kind::COMMIT => ids.append_null(),
            _ => ids.append_value(row.event.id.digits(&mut digits)),
        }
    }
}

impl Of {
    /// Names are compared here alone, once for all rows.
    fn named(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "time" => Self::Time,
            "time_until" => Self::TimeUntil,
            "time_ns" => Self::TimeNanos,
            "until_ns" => Self::UntilNanos,
            "precision_ns" => Self::PrecisionNanos,
            "fields" => Self::Fields,
            "evidence" => Self::Evidence,
            "record_offset" => Self::RecordOffset,
            "record_length" => Self::RecordLength,
            "record_line" => Self::RecordLine,
            "raw_block" => Self::RawBlock,
            "raw_start" => Self::RawStart,
            "raw_length" => Self::RawLength,
            _ => match Column::ALL.iter().find(|column| column.name() == name) {
                Some(column) => Self::Normalized(*column),
                None => Self::Kind,
            },
        }
    }

    /// Whether most rows that follow one another say the same in a text column.
    const fn is_often_same(self) -> bool {
        match self {
            Self::Kind | Self::Evidence => true,
            Self::Normalized(column) => {
                matches!(column.kind(), ColumnKind::Text) && !matches!(column, Column::Trace)
            }
            _ => false,
        }
    }

    fn text<'r>(self, row: &'r Row<'_>) -> Option<&'r str> {
        match self {
            Self::Normalized(column) => row.event.text(column),
            Self::Kind => Some(row.kind),
            Self::Fields => Some(&row.json),
            Self::Evidence => Some(&row.event.provenance.evidence.0),
            Self::RawBlock => row.raw.as_ref().map(|raw| &*raw.block),
            _ => None,
        }
    }

    fn integer(self, row: &Row<'_>) -> Option<i64> {
        match self {
            Self::Normalized(column) => row.event.integer(column),
            Self::TimeNanos => beside_micros(row.when?.from.0),
            // What events share is told when they are written, in order.
            Self::UntilNanos => row
                .when
                .filter(|_| row.kind != kind::EVENT)
                .map(|when| when.until.0),
            Self::PrecisionNanos => row.when.map(|_| row.event.precision),
            Self::RecordOffset => Some(signed(row.event.provenance.offset)),
            Self::RecordLength => Some(signed(row.event.provenance.length)),
            Self::RecordLine => Some(signed(row.event.provenance.line)),
            Self::RawStart => row.raw.as_ref().map(|raw| raw.start),
            Self::RawLength => row.raw.as_ref().map(|raw| raw.length),
            _ => None,
        }
    }

    /// Instants in microseconds: the earliest rounded down, the latest up, so that they enclose the truth. Until when an
    /// event can have happened is told by its time and its precision, as it would cost as much as the event's time.
    fn micros(self, row: &Row<'_>) -> Option<i64> {
        let when = row.when?;
        match self {
            Self::Time => Some(when.from.0.div_euclid(1000)),
            _ => (row.kind != kind::EVENT).then(|| micros_up(when.until.0)),
        }
    }

    fn list<'r>(self, row: &'r Row<'_>) -> &'r [String] {
        match self {
            Self::Normalized(column) => row.event.list(column),
            _ => &[],
        }
    }
}

/// The same 64 bits: offsets beyond the largest signed number come back as they were.
const fn signed(n: u64) -> i64 {
    n.cast_signed()
}

/// Where raw records lie: the columns `raw_block`, `raw_start` and `raw_length`.
pub(super) fn places_of<'p>(places: impl Iterator<Item = Option<&'p RawRef>> + Clone) -> [ArrayRef; 3] {
    let blocks = places.clone().map(|place| place.map(|place| &*place.block));
    let starts = places.clone().map(|place| place.map(|place| place.start));
    let lengths = places.map(|place| place.map(|place| place.length));
    [
        Arc::new(blocks.collect::<StringViewArray>()),
        Arc::new(starts.collect::<Int64Array>()),
        Arc::new(lengths.collect::<Int64Array>()),
    ]
}
