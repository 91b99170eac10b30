//! The results of a query of CloudWatch Logs Insights: `aws logs get-query-results` writes a list of rows, each a list of
//! fields with their values; the console exports CSV with the fields as columns. `@message` is what the log's own
//! program wrote, and of the format that it always is.

use super::inside::Inside;
use crate::csv::{self, Dialect};
use crate::json::{self, Json, Object};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, Refused, RejectReason, Sample,
    elements,
};
use ambit_event::{Loss, Span, Timestamp};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

const MESSAGE: &str = "@message";

/// The form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Json,
    Csv,
}

/// The messages in the beginning of a file of results; `None` for other files.
pub fn head(head: &[u8]) -> Option<(Vec<u8>, Shape)> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let (messages, shape) = match text.trim_ascii_start().first()? {
        b'{' => (of_document(text.trim_ascii_start())?, Shape::Json),
        _ => (of_table(&json::text(text))?, Shape::Csv),
    };
    let mut inner = Vec::new();
    for message in messages {
        inner.extend_from_slice(message.as_bytes());
        inner.push(b'\n');
    }
    (!inner.is_empty()).then_some((inner, shape))
}

/// The messages of a document that may be cut.
fn of_document(text: &[u8]) -> Option<Vec<String>> {
    let results = elements::value_begins(text, "results")?;
    let rows = elements::elements_of(text.get(results..)?);
    let message = |row: &Range<usize>| {
        let row = json::text(text.get(results + row.start..results + row.end)?);
        message(&row)
    };
    Some(rows.iter().filter_map(message).collect())
}

/// The messages of a table that may be cut.
fn of_table(text: &str) -> Option<Vec<String>> {
    let mut records = csv::sampled(text, true).into_iter();
    let header = records.next().filter(|header| header.contains(MESSAGE))?;
    let mut table = Table::default();
    table.row(header).ok()?;
    table.at?;
    let message = |row| table.row(row).ok()?.map(Cow::into_owned);
    Some(records.filter_map(message).collect())
}

/// The message of a row.
fn message(row: &str) -> Option<String> {
    value(row, MESSAGE)
}

/// A value of a row: `[{"field":"@timestamp","value":"…"},{"field":"@message","value":"…"}]`
fn value(row: &str, name: &str) -> Option<String> {
    let wrapped = format!("{{\"row\":{row}}}");
    let object = json::object(&wrapped).ok()?;
    let Json::Array(fields) = object.get("row")? else {
        return None;
    };
    let text = |field: &Object<'_>, name: &str| Some(field.get(name)?.as_str()?.to_owned());
    let mut found = fields.iter().filter_map(Json::as_object);
    let field = found.find(|field| text(field, "field").as_deref() == Some(name))?;
    text(field, "value")
}

/// A CSV file as far as it was read.
#[derive(Default)]
struct Table {
    dialect: Option<Dialect>,
    n_columns: usize,
    /// The column of the message.
    at: Option<usize>,
}

impl Table {
    /// The message of a record; `None` for the header.
    fn row<'t>(&mut self, record: &'t str) -> Result<Option<Cow<'t, str>>, RejectReason> {
        let is_header = self.dialect.is_none();
        let dialect = *self.dialect.get_or_insert_with(|| Dialect::of(record, true));
        let values = csv::fields(record, dialect)
            .ok_or_else(|| RejectReason::new("the quotes of this CSV record do not fit"))?;
        if is_header {
            self.n_columns = values.len();
            self.at = values.iter().position(|name| name.trim() == MESSAGE);
            return Ok(None);
        }
        let (n, here) = (self.n_columns, values.len());
        if n != here {
            return Err(RejectReason::new(format!(
                "{n} fields were expected, {here} are here"
            )));
        }
        let value = self.at.and_then(|at| values.into_iter().nth(at));
        value.map(Some).ok_or_else(without_message)
    }
}

fn without_message() -> RejectReason {
    RejectReason::field(
        MESSAGE,
        "the row has no message: the query asked for other fields",
    )
}

/// Results in which the records of a format stand.
pub struct Results {
    pub inner: Arc<dyn Format>,
    pub shape: Shape,
}

impl Format for Results {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn source(&self) -> &str {
        self.inner.source()
    }

    fn manual(&self) -> &str {
        self.inner.manual()
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let Some((inner, _)) = head(sample.head).filter(|(_, shape)| *shape == self.shape) else {
            return Confidence::NONE;
        };
        let mut within = Sample::new(sample.path, &inner);
        within.log_format = sample.log_format;
        self.inner.recognize(&within)
    }

    fn framing(&self) -> Framing {
        match self.shape {
            Shape::Json => Framing::Json(Arc::new(|fields| fields.contains_key("results"))),
            Shape::Csv => Framing::Csv,
        }
    }

    fn names_records(&self) -> bool {
        self.inner.names_records()
    }

    /// Where the message stands is known from a CSV file's first line; the rows of a document are counted one by one.
    fn is_stateful(&self) -> bool {
        true
    }

    fn names_columns(&self) -> bool {
        self.shape == Shape::Csv
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(Rows {
            inside: Inside::of(&*self.inner, context)?,
            shape: self.shape,
            table: Table::default(),
        }))
    }
}

struct Rows {
    inside: Inside,
    shape: Shape,
    table: Table,
}

impl Decoder for Rows {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.text()?;
        match self.shape {
            Shape::Json => self.document(text, record, out),
            Shape::Csv => match self.table.row(text)? {
                Some(message) => {
                    let bytes = message.as_bytes();
                    self.inside.whole(&RawRecord { bytes, ..*record }, record, out)
                }
                None => Ok(()),
            },
        }
    }

    fn held_from(&self) -> Option<u64> {
        self.inside.inner.held_from()
    }

    fn holds(&self, offset: u64) -> bool {
        self.inside.inner.holds(offset)
    }

    fn finish(&mut self, out: &mut Output) {
        self.inside.finish(out);
    }
}

impl Rows {
    /// Each row of a document is a record with a place of its own.
    fn document(&mut self, text: &str, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let document = json::object(text)?;
        let results = elements::value_of(text.as_bytes(), "results")
            .filter(|_| matches!(document.get("results"), Some(Json::Array(_))))
            .ok_or_else(|| RejectReason::field("results", "a list of rows was expected"))?;
        let n_before = out.refused.len();
        let rows = rows(text, results, record);
        for row in in_time(&rows) {
            let result = match message(&json::text(row.bytes)) {
                Some(message) => {
                    let bytes = message.as_bytes();
                    self.inside.apart(&RawRecord { bytes, ..*row }, row, out)
                }
                None => Err(without_message()),
            };
            if let Err(reason) = result {
                out.refuse(refused(row, reason));
            }
        }
        out.refused[n_before..].sort_by_key(|part| part.offset);
        out.losses.extend(left_out(&document, rows.len()));
        Ok(())
    }
}

/// The rows of a document, with their places.
fn rows<'t>(text: &'t str, results: Range<usize>, record: &RawRecord<'_>) -> Vec<RawRecord<'t>> {
    let (begin, bytes) = (results.start, text.as_bytes());
    let (mut line, mut passed) = (record.line, 0);
    let row = |row: Range<usize>| {
        let place = begin + row.start..begin + row.end;
        let between = bytes.get(passed..place.start).unwrap_or_default();
        line += memchr::memchr_iter(b'\n', between).count() as u64;
        passed = place.start;
        RawRecord {
            offset: record.offset + place.start as u64,
            bytes: bytes.get(place).unwrap_or_default(),
            line,
        }
    };
    elements::elements_of(&bytes[results])
        .into_iter()
        .map(row)
        .collect()
}

/// Queries give the newest first, unless they say otherwise: what a record means may depend on those before it.
fn in_time<'r, 't>(rows: &'r [RawRecord<'t>]) -> Box<dyn Iterator<Item = &'r RawRecord<'t>> + 'r> {
    let at = |row: Option<&RawRecord<'_>>| value(&json::text(row?.bytes), "@timestamp");
    match at(rows.first()) > at(rows.last()) {
        true => Box::new(rows.iter().rev()),
        false => Box::new(rows.iter()),
    }
}

fn refused(row: &RawRecord<'_>, reason: RejectReason) -> Refused {
    Refused {
        offset: row.offset,
        line: row.line,
        n_bytes: row.bytes.len() as u64,
        raw: row.bytes.to_vec(),
        reason,
    }
}

/// What the results say of records that they leave out: a query gives so many rows at most, and may not be at its end.
/// When these were is not known.
fn left_out(document: &Object<'_>, n_rows: usize) -> Option<Loss> {
    let status = document.get("status").and_then(Json::as_str);
    let statistics = document.get("statistics").and_then(Json::as_object);
    let matched = match statistics.and_then(|found| found.get("recordsMatched")) {
        Some(Json::Number(number)) => number.as_f64(),
        _ => None,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a number of records
    let n_more = matched.map_or(0, |n| (n.max(0.0) as u64).saturating_sub(n_rows as u64));
    let is_whole = status.is_none_or(|status| status == "Complete");
    let (at_most, why) = match (is_whole, n_more) {
        (true, 0) => return None,
        (true, n) => (Some(n), "the query matched more records than its results hold"),
        (false, _) => (None, "the query was not at its end when its results were written"),
    };
    Some(Loss {
        source: String::new(),
        host: None,
        span: Span::new(Timestamp::MIN, Timestamp::MAX),
        at_most,
        why: why.to_owned(),
    })
}
