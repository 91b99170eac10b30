//! When the event of a row can have happened, from what the table keeps of it.
//!
//! `time` says it in whole microseconds, rounded down, as every reader has them. Most logs are no finer: `time_ns` stands
//! only where that is not all. When the event was over at the latest is its time and its precision, which is not kept once
//! more: `until_ns` is an instant that no event of the rows around it goes beyond, the same for thousands of rows, so that
//! it takes nothing. By it rows are passed over, as by any column that Parquet has the greatest value of. Files of before
//! have both columns whole, and are read the same way.

use super::rows::micros_up;
use ambit_event::Span;
use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray, RecordBatch};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::common::{DataFusionError, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Expr, SortExpr, Volatility, and, create_udf, ident, lit};
use std::sync::Arc;

/// The columns that tell it.
pub(super) const COLUMNS: [&str; 3] = ["time", "time_ns", "precision_ns"];
/// Rows that share an instant which none of them goes beyond.
const SHARED: usize = 4096;

/// The nanoseconds that stand beside the microseconds, where these are not all.
pub(super) const fn beside_micros(nanos: i64) -> Option<i64> {
    match nanos.rem_euclid(1000) {
        0 => None,
        _ => Some(nanos),
    }
}

const fn began(micros: i64, nanos: Option<i64>) -> i64 {
    match nanos {
        Some(nanos) => nanos,
        None => micros.saturating_mul(1000),
    }
}

/// As [`Event::when`](ambit_event::Event::when) has it.
const fn ended(began: i64, precision: i64) -> i64 {
    began.saturating_add(if precision > 1 { precision } else { 1 })
}

/// When the events of a batch happened at the earliest, nanoseconds; `None` without the columns that tell it.
pub(super) fn begins(batch: &RecordBatch) -> Option<Int64Array> {
    let micros = of::<TimestampMicrosecondType>(batch, "time")?;
    Some(begins_of(micros, of::<Int64Type>(batch, "time_ns")?))
}

/// The first instants after the events of a batch, nanoseconds; `None` without the columns that tell it.
pub(super) fn ends(batch: &RecordBatch) -> Option<Int64Array> {
    Some(ends_of(&begins(batch)?, of::<Int64Type>(batch, "precision_ns")?))
}

fn of<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Option<&'a PrimitiveArray<T>> {
    batch.column_by_name(name)?.as_primitive_opt()
}

fn begins_of(micros: &PrimitiveArray<TimestampMicrosecondType>, nanos: &Int64Array) -> Int64Array {
    let rows = micros.iter().zip(nanos);
    rows.map(|(micros, nanos)| Some(began(micros?, nanos))).collect()
}

fn ends_of(begins: &Int64Array, precisions: &Int64Array) -> Int64Array {
    let rows = begins.iter().zip(precisions);
    rows.map(|(began, precision)| Some(ended(began?, precision.unwrap_or_default())))
        .collect()
}

/// Events as they are written: with the instants that they share.
///
/// # Errors
/// Where the batch has not the columns of the table.
pub(super) fn with_shared_ends(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let nth = batch.schema_ref().index_of("until_ns")?;
    let ends = ends(batch).ok_or_else(|| ArrowError::SchemaError("no times".to_owned()))?;
    let shared = ends.values().chunks(SHARED).flat_map(|of_rows| {
        let last = of_rows.iter().copied().max();
        std::iter::repeat_n(last, of_rows.len())
    });
    let shared = Int64Array::from_iter(shared);
    let mut columns = batch.columns().to_vec();
    columns[nth] = Arc::new(shared);
    RecordBatch::try_new(batch.schema(), columns)
}

/// Rows whose possible time overlaps the span.
pub(super) fn overlapping(span: Span) -> Expr {
    let is_before = ident("time").lt(micros(micros_up(span.until.0)));
    // By what the rows share most of them are passed over unread.
    let is_after = ident("until_ns")
        .gt(lit(span.from.0))
        .and(end().gt(lit(span.from.0)));
    let within = and(is_before, is_after);
    match beside_micros(span.until.0) {
        Some(until) => within.and(begin().lt(lit(until))),
        None => within,
    }
}

/// Rows that began at this instant or before.
pub(super) fn not_after(nanos: i64) -> Expr {
    ident("time").lt_eq(micros(nanos.div_euclid(1000)))
}

fn micros(micros: i64) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(
        Some(micros),
        Some("UTC".into()),
    ))
}

/// In the order of time and id.
pub(super) fn in_order() -> Vec<SortExpr> {
    let mut order = by_time();
    order.push(ident("id").sort(true, false));
    order
}

/// Whole microseconds come first.
pub(super) fn by_time() -> Vec<SortExpr> {
    vec![ident("time").sort(true, false), ident("time_ns").sort(true, true)]
}

/// When an event happened at the earliest, nanoseconds.
pub(super) fn begin() -> Expr {
    function("time_ns", &COLUMNS[..2], |arrays| {
        let [micros, nanos] = arrays else { return None };
        Some(begins_of(micros.as_primitive_opt()?, nanos.as_primitive_opt()?))
    })
}

/// The first instant after an event, nanoseconds.
pub(super) fn end() -> Expr {
    function("until_ns", &COLUMNS, |arrays| {
        let [micros, nanos, precisions] = arrays else {
            return None;
        };
        let begins = begins_of(micros.as_primitive_opt()?, nanos.as_primitive_opt()?);
        Some(ends_of(&begins, precisions.as_primitive_opt()?))
    })
}

fn function(
    name: &str,
    columns: &[&str],
    compute: impl Fn(&[ArrayRef]) -> Option<Int64Array> + Send + Sync + 'static,
) -> Expr {
    let computed = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let computed = compute(&arrays).ok_or_else(|| exec_datafusion_err!("no instants"))?;
        Ok::<_, DataFusionError>(ColumnarValue::Array(Arc::new(computed)))
    };
    let types = columns.iter().map(|column| match *column {
        "time" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Int64,
    });
    let types = types.collect();
    let function = create_udf(
        name,
        types,
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(computed),
    );
    function.call(columns.iter().map(|column| ident(*column)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::disk::columns::encode;
    use crate::disk::rows::Row;
    use ambit_event::{Event, Timestamp};

    fn events(times: &[(i64, i64)]) -> Vec<Event> {
        let event = |&(time, precision): &(i64, i64)| {
            let mut event = Event::new("s", Timestamp(time));
            event.precision = precision;
            event
        };
        times.iter().map(event).collect()
    }

    fn encoded(events: &[Event]) -> RecordBatch {
        let rows = events.iter().map(|event| Row::event(event, "{}".to_owned()));
        with_shared_ends(&encode(&rows.collect::<Vec<_>>()).unwrap()).unwrap()
    }

    #[test]
    fn instants_come_back_to_the_nanosecond() {
        let times = [
            (i64::MIN, 5),
            (-1_001, 0),
            (-1_000, 1),
            (-1, 7),
            (0, 0),
            (1_500_000, 1_000_000),
            (i64::MAX - 3, 10),
            (i64::MAX, i64::MAX),
        ];
        let events = events(&times);
        let batch = encoded(&events);
        let told: Vec<(i64, i64)> = begins(&batch)
            .unwrap()
            .values()
            .iter()
            .copied()
            .zip(ends(&batch).unwrap().values().iter().copied())
            .collect();
        let true_ones: Vec<(i64, i64)> = events
            .iter()
            .map(|event| (event.when().from.0, event.when().until.0))
            .collect();
        assert_eq!(told, true_ones);
    }

    #[test]
    fn nothing_stands_twice() {
        let batch = encoded(&events(&[(1_000, 0), (2_000, 0), (2_001, 0)]));
        let nanos = of::<Int64Type>(&batch, "time_ns").unwrap();
        assert_eq!(nanos.iter().collect::<Vec<_>>(), [None, None, Some(2_001)]);
    }

    #[test]
    fn no_event_goes_beyond_what_it_shares() {
        let n = i64::try_from(SHARED).unwrap();
        let times: Vec<(i64, i64)> = (0..2 * n + 1)
            .map(|nth| (nth * 1_000, 1 + nth * 37 % 50_000))
            .collect();
        let batch = encoded(&events(&times));
        let shared = of::<Int64Type>(&batch, "until_ns").unwrap();
        let ends = ends(&batch).unwrap();
        assert!(
            shared
                .values()
                .iter()
                .zip(ends.values())
                .all(|(shared, end)| shared >= end)
        );
        for (shared, ends) in shared.values().chunks(SHARED).zip(ends.values().chunks(SHARED)) {
            let last = ends.iter().max().unwrap();
            assert!(shared.iter().all(|instant| instant == last));
        }
    }
}
