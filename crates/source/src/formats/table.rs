//! The records of one CSV file, whose fields a header or a mapping names.

use crate::csv::{self, Dialect};
use crate::json::{Filling, Json, Object};
use crate::mapping::Mapping;
use crate::{RejectReason, Sample, json};
use ambit_event::printable;
use std::borrow::Cow;
use std::collections::HashMap;

/// A CSV file as far as it was read.
pub struct Table {
    delimiter: Option<char>,
    has_quotes: bool,
    /// Known from the first record on.
    dialect: Option<Dialect>,
    header: Header,
    mapping: Mapping,
}

enum Header {
    Expected,
    /// The names of the fields, and as they are written where one stands twice.
    Known(Vec<String>, Option<Vec<String>>),
    /// What stood in its place was none: what the fields of the others are is not known.
    Broken,
}

impl Table {
    pub fn new(mapping: &Mapping) -> Self {
        Self {
            delimiter: mapping.delimiter(),
            has_quotes: mapping.has_quotes(),
            dialect: None,
            header: match mapping.csv_columns() {
                [] => Header::Expected,
                names => Header::Known(names.to_vec(), None),
            },
            mapping: mapping.clone(),
        }
    }

    /// The fields of a record; `None` where it is a header, or what stands before one.
    pub fn row<'t>(&'t mut self, text: &'t str) -> Result<Option<Object<'t>>, RejectReason> {
        let is_expected = matches!(self.header, Header::Expected);
        if is_expected && is_type_line(text) {
            return Ok(None);
        }
        let dialect = *self.dialect.get_or_insert_with(|| match self.delimiter {
            Some(delimiter) => Dialect {
                delimiter,
                has_quotes: self.has_quotes,
            },
            None => Dialect::of(text, self.has_quotes),
        });
        let values = csv::fields(text, dialect)
            .ok_or_else(|| RejectReason::new("the quotes of this CSV record do not fit"));
        if is_expected {
            return self.take_header(values).map(|()| None);
        }
        if let Ok(values) = &values
            && let Some(is_known) = self.repeats(values)
        {
            return match is_known {
                true => Ok(None),
                false => self.take_header(Ok(values.clone())).map(|()| None),
            };
        }
        let Header::Known(names, _) = &self.header else {
            return Err(RejectReason::new("the file has no header that names its fields"));
        };
        let values = values?;
        if values.len() != names.len() {
            let why = format!("{} fields were expected, {} are here", names.len(), values.len());
            return Err(RejectReason::new(why));
        }
        let names = names.iter().map(|name| Cow::Borrowed(name.as_str()));
        let values = values.into_iter().map(Json::Text);
        Ok(Some(Object::of_distinct(names.zip(values).collect())))
    }

    /// Whether a record is the header once more, and whether in the same order: where exports of two versions stand one
    /// behind the other, it may not be.
    fn repeats(&self, values: &[Cow<'_, str>]) -> Option<bool> {
        let Header::Known(names, written) = &self.header else {
            return None;
        };
        let written = written.as_ref().unwrap_or(names);
        let is_name = |value: &Cow<'_, str>| written.iter().any(|name| value.trim() == name);
        let is_header = values.len() == written.len() && values.iter().all(is_name);
        let mut pairs = values.iter().zip(written);
        is_header.then(|| pairs.all(|(value, name)| value.trim() == name))
    }

    /// Takes the header in. A line of one field, such as a title, may stand before it.
    fn take_header(&mut self, values: Result<Vec<Cow<'_, str>>, RejectReason>) -> Result<(), RejectReason> {
        if values.as_ref().is_ok_and(|values| values.len() < 2) {
            self.dialect = None;
            return Err(RejectReason::new("a line that names the fields was expected"));
        }
        let known = values.and_then(|values| {
            let written: Vec<String> = values.iter().map(|name| name.trim().to_owned()).collect();
            let names = header(&written, &self.mapping)?;
            let written = Some(written).filter(|written| *written != names);
            Ok(Header::Known(names, written))
        });
        match known {
            Ok(header) => self.header = header,
            Err(why) => {
                self.header = Header::Broken;
                return Err(why);
            }
        }
        Ok(())
    }

    /// The names of the fields, none of which says anything.
    fn names(&self) -> Object<'_> {
        let names = match &self.header {
            Header::Known(names, _) => names.as_slice(),
            _ => &[],
        };
        let field = |name: &'_ String| (Cow::Owned(name.clone()), Json::Text(Cow::Borrowed("-")));
        Object::of_distinct(names.iter().map(field).collect())
    }
}

/// Percent of the records below the header that a mapping knows; a header alone is known by its names, and so is a
/// file where the mapping says which names it must have.
pub fn percent_of(mapping: &Mapping, sample: &Sample<'_>) -> u8 {
    let head = json::text(sample.head);
    let head = head.trim_start_matches('\u{feff}');
    let mut table = Table::new(mapping);
    let (mut n, mut n_known) = (0, 0);
    for record in csv::sampled(head, mapping.has_quotes()) {
        match table.row(record) {
            Ok(None) => {}
            Ok(Some(fields)) => {
                n += 1;
                n_known += usize::from(mapping.knows_within(&fields));
            }
            Err(_) => n += 1,
        }
    }
    let names = table.names();
    match mapping.knows_columns(&names) {
        Some(is_known) => u8::from(is_known) * 100,
        None if n == 0 => u8::from(mapping.knows(&names)) * 100,
        None => u8::try_from(n_known * 100 / n).unwrap_or(100),
    }
}

/// PowerShell's `Export-Csv` may write the type of what it exported before the names of the fields.
fn is_type_line(line: &str) -> bool {
    line.starts_with("#TYPE ")
}

/// The names by which the fields are kept: one that stands again is numbered, where no rule asks for it.
fn header(written: &[String], mapping: &Mapping) -> Result<Vec<String>, RejectReason> {
    let mut seen = Filling::default();
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(written.len());
    for name in written {
        let n = times.entry(name).or_default();
        *n += 1;
        let kept = match n {
            2.. if !mapping.reads(name) => format!("{name} ({n})"),
            _ => name.clone(),
        };
        if name.is_empty() || seen.add(Cow::Owned(kept.clone()), Json::Null).is_err() {
            let why = format!(
                "`{}` is no header: each field needs a name of its own",
                printable(name, 40)
            );
            return Err(RejectReason::new(why));
        }
        names.push(kept);
    }
    Ok(names)
}
