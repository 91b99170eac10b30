//! The one table: its columns, for Parquet and for the table log.

use ambit_event::{Column, ColumnKind};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, StructField};
use std::sync::{Arc, LazyLock};

/// What a row is.
pub(super) mod kind {
    pub const EVENT: &str = "event";
    pub const REJECT: &str = "reject";
    pub const LOSS: &str = "loss";
    pub const ATTESTATION: &str = "attestation";
    pub const EVIDENCE: &str = "evidence";
    /// An unfinished end of a file that is known; rejects and losses that are of it name it in [`super::END`].
    pub const UNFINISHED: &str = "unfinished";
    /// An unfinished end that was read on from: what is of it holds no more.
    pub const SETTLED: &str = "settled";
    /// What was noted of a finding.
    pub const NOTED: &str = "noted";
    /// What a commit says of its events in sum: the ledger, the content, the files of raw records.
    pub const COMMIT: &str = "commit";
}

/// The column in which a reject or a loss names the unfinished end that it is of, if any.
pub(super) const END: &str = "stream";
/// The partition column: the day of the event, `YYYY-MM-DD`.
pub(super) const DAY: &str = "day";
/// The partition of rows that are no events.
pub(super) const SIDE: &str = "side";
/// The partition of events outside the years that logs are written in.
pub(super) const UNKNOWN_DAY: &str = "unknown";

/// The columns that look-ups name, beside the id: each has an index in each row group.
pub(super) const LOOKED_UP: &[Column] = &[
    Column::ActorSession,
    Column::ActorCredential,
    Column::ActorUser,
    Column::ActorInvoker,
    Column::SrcIp,
    Column::Device,
    Column::UserAgent,
    Column::Trace,
    Column::Connection,
    Column::Resource,
    Column::IssuedSession,
    Column::IssuedCredential,
];

/// The names of the columns that have an index.
pub(super) fn looked_up() -> impl Iterator<Item = &'static str> {
    LOOKED_UP.iter().map(|column| column.name()).chain(["id"])
}

/// The columns whose least and greatest value stand in the table log.
pub(super) const STATISTICS: &[&str] = &["kind", "source", "time", "time_ns", "until_ns"];

/// How a column is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer,
    TextList,
    Time,
}

impl From<ColumnKind> for Shape {
    fn from(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text,
            ColumnKind::Integer => Self::Integer,
            ColumnKind::TextList => Self::TextList,
        }
    }
}

/// The columns before the normalized ones.
const HEAD: &[(&str, Shape)] = &[
    ("kind", Shape::Text),
    ("id", Shape::Text),
    ("time", Shape::Time),
    ("time_until", Shape::Time),
    ("time_ns", Shape::Integer),
    ("until_ns", Shape::Integer),
    ("precision_ns", Shape::Integer),
];

/// The columns after the normalized ones.
const TAIL: &[(&str, Shape)] = &[
    ("fields", Shape::Text),
    ("evidence", Shape::Text),
    ("record_offset", Shape::Integer),
    ("record_length", Shape::Integer),
    ("record_line", Shape::Integer),
    ("raw_block", Shape::Text),
    ("raw_start", Shape::Integer),
    ("raw_length", Shape::Integer),
];

/// All columns of a data file, in order.
pub(super) fn columns() -> impl Iterator<Item = (&'static str, Shape)> {
    let normalized = Column::ALL.iter().map(|c| (c.name(), Shape::from(c.kind())));
    HEAD.iter().copied().chain(normalized).chain(TAIL.iter().copied())
}

/// The schema of a data file: all columns but the partition's.
pub(super) fn file_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = columns().map(|(name, shape)| Field::new(name, arrow_type(shape), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    SCHEMA.clone()
}

/// The partition column as a field.
pub(super) fn day_field() -> Arc<Field> {
    Arc::new(Field::new(DAY, DataType::Utf8, true))
}

/// Texts are views: batches of long ones do not overflow 32-bit offsets.
pub(super) fn arrow_type(shape: Shape) -> DataType {
    match shape {
        Shape::Text => DataType::Utf8View,
        Shape::Integer => DataType::Int64,
        Shape::TextList => DataType::List(list_item()),
        Shape::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// The elements of a list column.
pub(super) fn list_item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Utf8View, true))
}

/// The columns as the table log declares them.
pub(super) fn delta_columns() -> Vec<StructField> {
    let fields = columns().map(|(name, shape)| StructField::nullable(name, delta_type(shape)));
    fields
        .chain([StructField::nullable(DAY, DeltaType::STRING)])
        .collect()
}

fn delta_type(shape: Shape) -> DeltaType {
    match shape {
        Shape::Text => DeltaType::STRING,
        Shape::Integer => DeltaType::LONG,
        Shape::TextList => DeltaType::from(ArrayType::new(DeltaType::STRING, true)),
        Shape::Time => DeltaType::TIMESTAMP,
    }
}

/// The day of an instant given in nanoseconds, clamped to the years in which logs are written.
pub(super) fn day_of(nanos: i64) -> String {
    let (year, month, day) = civil(nanos.div_euclid(86_400_000_000_000));
    match year {
        1990..=2100 => format!("{year:04}-{month:02}-{day:02}"),
        _ => UNKNOWN_DAY.to_owned(),
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar (Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
pub(super) const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ambit_event::Timestamp;

    #[test]
    fn days_are_clamped_to_sane_years() {
        for (text, expected) in [
            ("2014-05-23T23:59:59.999999999Z", "2014-05-23"),
            ("2014-05-24T00:00:00Z", "2014-05-24"),
            ("2000-02-29T12:00:00Z", "2000-02-29"),
            ("1989-12-31T23:59:59Z", UNKNOWN_DAY),
            ("1990-01-01T00:00:00Z", "1990-01-01"),
            ("2101-01-01T00:00:00Z", UNKNOWN_DAY),
        ] {
            assert_eq!(day_of(Timestamp::parse(text).unwrap().0), expected, "{text}");
        }
        assert_eq!(day_of(i64::MIN), UNKNOWN_DAY);
    }
}
