//! The tables that SQL sees: rows of one kind, the table's own bookkeeping left out, templates filled in.

use super::form::When;
use super::instants;
use super::rows::micros_up;
use super::schema::{self, kind};
use super::template;
use crate::origins::{ACTORS, NAMES_NOBODY};
use ambit_event::{Column, ColumnKind, Observable};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{DataFusionError, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf, ident};
use std::borrow::Cow;
use std::sync::Arc;

/// The columns of `events`.
pub(super) fn events() -> Vec<Expr> {
    let own = ["kind", "raw_block", "raw_start", "raw_length", "until_ns"];
    let names = schema::columns()
        .map(|(name, _)| name)
        .filter(|name| !own.contains(name));
    let shown = |name: &'static str| match name {
        "fields" => filled_fields().alias("fields"),
        "time_until" => time_until().alias("time_until"),
        "time_ns" => instants::begin().alias("time_ns"),
        name => ident(name),
    };
    names.chain([schema::DAY]).map(shown).collect()
}

/// The views beside `events`: their name, their kind of row, and each column with the name it is shown by.
type SideView = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

pub(super) const BESIDE: [SideView; 5] = [
    (
        "rejects",
        kind::REJECT,
        &[
            ("source", "source"),
            ("host", "host"),
            ("evidence", "evidence"),
            ("resource_name", "path"),
            ("record_offset", "record_offset"),
            ("record_line", "record_line"),
            ("record_length", "n_bytes"),
            ("message", "reason"),
            ("api_operation", "field"),
            ("time", "not_before"),
            ("time_until", "not_after"),
        ],
    ),
    (
        "losses",
        kind::LOSS,
        &[
            ("source", "source"),
            ("host", "host"),
            ("time", "time"),
            ("time_until", "time_until"),
            ("record_count", "at_most"),
            ("message", "why"),
        ],
    ),
    (
        "attestations",
        kind::ATTESTATION,
        &[
            ("source", "source"),
            ("host", "host"),
            ("time", "time"),
            ("time_until", "time_until"),
            ("message", "because"),
        ],
    ),
    (
        "evidence",
        kind::EVIDENCE,
        &[
            ("evidence", "evidence"),
            ("resource_name", "path"),
            ("record_length", "n_bytes"),
            ("source", "source"),
            ("host", "host"),
            ("record_count", "confidence"),
            ("stream", "lineage"),
        ],
    ),
    (
        "findings",
        kind::NOTED,
        &[
            ("stream", "finding"),
            ("connection_info_uid", "withdraws"),
            ("fields.rule_id", "rule_id"),
            ("fields.title", "title"),
            ("status_code", "level"),
            ("fields.attack", "attack"),
            ("time", "time"),
            ("time_until", "time_until"),
            ("fields.actor", "actor"),
            ("source", "source"),
            ("host", "host"),
            ("record_count", "n_events"),
            ("fields.noted_at", "noted_at"),
            ("fields.entry", "state"),
            ("fields", "entry"),
        ],
    ),
];

/// A column of a side view by what it is made from: a column of the table, or a member of the JSON in its fields.
pub(super) fn made_from(from: &'static str) -> Expr {
    match from.strip_prefix("fields.") {
        Some(member) => member_of_fields(member),
        None => ident(from),
    }
}

/// What a finding says of its rule and of itself; the rest of it says what events do, and may name persons.
const OF_RULES: [&str; 5] = ["rule_id", "title", "attack", "noted_at", "entry"];

fn member_of_fields(member: &'static str) -> Expr {
    let name = match member {
        "actor" => ACTORS,
        _ if OF_RULES.contains(&member) => NAMES_NOBODY,
        _ => "member",
    };
    let read = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [fields] = &*arrays else {
            return Err(exec_datafusion_err!("no fields"));
        };
        let of_row = |fields: Option<&str>| {
            let whole: serde_json::Value = serde_json::from_str(fields?).ok()?;
            plain(whole.get(member)?)
        };
        let read: StringViewArray = fields.as_string_view().iter().map(of_row).collect();
        Ok(ColumnarValue::Array(Arc::new(read)))
    };
    let types = vec![DataType::Utf8View];
    create_udf(
        name,
        types,
        DataType::Utf8View,
        Volatility::Immutable,
        Arc::new(read),
    )
    .call(vec![ident("fields")])
}

/// A value as a text: members of a list behind each other, observables as every command writes them.
fn plain(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(members) => {
            let is_observables = members.iter().any(Value::is_object);
            let texts: Vec<String> = members.iter().filter_map(plain).collect();
            let between = if is_observables { ", " } else { " " };
            (!texts.is_empty()).then(|| texts.join(between))
        }
        Value::Object(_) => {
            let observable: Observable = serde_json::from_value(value.clone()).ok()?;
            Some(observable.to_string())
        }
        other => Some(other.to_string()),
    }
}

/// Until when an event can have happened, for people.
fn time_until() -> Expr {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let up = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [nanos] = &*arrays else {
            return Err(exec_datafusion_err!("no instants"));
        };
        let nanos = nanos.as_primitive::<Int64Type>();
        let micros: TimestampMicrosecondArray = nanos.unary(micros_up);
        Ok(ColumnarValue::Array(Arc::new(micros.with_timezone("UTC"))))
    };
    let up = create_udf(
        "micros",
        vec![DataType::Int64],
        micros,
        Volatility::Immutable,
        Arc::new(up),
    );
    up.call(vec![instants::end()])
}

/// The fields of events as their producer named them, which the table keeps as templates.
pub(super) fn filled_fields() -> Expr {
    let columns: Vec<Column> = template::named().collect();
    let of = |column: &Column| match column.kind() {
        ColumnKind::Integer => DataType::Int64,
        _ => DataType::Utf8View,
    };
    let types = [DataType::Utf8View, DataType::Int64]
        .into_iter()
        .chain(columns.iter().map(of))
        .collect();
    let arguments = [ident("fields"), instants::begin()]
        .into_iter()
        .chain(columns.iter().map(|column| ident(column.name())));
    let fill = create_udf(
        "fields",
        types,
        DataType::Utf8View,
        Volatility::Immutable,
        Arc::new(fill_templates),
    );
    fill.call(arguments.collect())
}

/// Templates, the instants of their rows, then the columns that they can name.
fn fill_templates(arguments: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let [templates, times, columns @ ..] = &*arrays else {
        return Err(exec_datafusion_err!("no templates"));
    };
    let times = times.as_primitive::<Int64Type>();
    let columns: Vec<(Column, ArrayRef)> = template::named().zip(columns.iter().cloned()).collect();
    let mut filled = StringViewBuilder::with_capacity(templates.len());
    for (row, template) in templates.as_string_view().iter().enumerate() {
        let held = |column| held_at(&columns, column, row);
        let duration = held(Column::Duration).and_then(|nanos| nanos.parse().ok());
        let when = When {
            time: times.value(row),
            duration,
        };
        let whole = |template| template::fill(template, when, held).unwrap_or_else(|| template.to_owned());
        filled.append_option(template.map(whole));
    }
    Ok(ColumnarValue::Array(Arc::new(filled.finish())))
}

fn held_at(columns: &[(Column, ArrayRef)], column: Column, row: usize) -> Option<Cow<'_, str>> {
    let (_, array) = columns.iter().find(|(named, _)| *named == column)?;
    if array.is_null(row) {
        return None;
    }
    match array.as_primitive_opt::<Int64Type>() {
        Some(numbers) => Some(Cow::Owned(numbers.value(row).to_string())),
        None => Some(Cow::Borrowed(array.as_string_view_opt()?.value(row))),
    }
}
