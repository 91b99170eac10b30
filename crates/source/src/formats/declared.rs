//! Declared sources whose records are JSON, logfmt or CSV.

use crate::json::{Json, Object};
use crate::mapping::{Form, Mapper, Mapping};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, csv, json,
    logfmt, time,
};
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// A source of JSON, logfmt or CSV records, by its mapping.
pub struct Declared {
    pub mapping: Mapping,
    /// Sources whose records may stand among its own: a producer that writes several kinds into one file.
    /// Each record goes to the surest of them all that knows it, and to its own mapping where none does.
    pub kindred: Vec<Mapping>,
}

impl Declared {
    #[must_use]
    pub fn of(mapping: Mapping) -> Self {
        Self {
            mapping,
            kindred: Vec::new(),
        }
    }

    #[must_use]
    pub fn among(mapping: Mapping, kindred: Vec<Mapping>) -> Self {
        Self {
            kindred,
            ..Self::of(mapping)
        }
    }

    fn all(&self) -> impl Iterator<Item = &Mapping> {
        std::iter::once(&self.mapping).chain(&self.kindred)
    }

    fn knows(&self, record: &[u8]) -> bool {
        let known = |fields: Object<'_>| self.mapping.knows_within(&fields);
        fields(self.mapping.form(), &json::text(record)).is_ok_and(known)
    }

    /// A CSV file is known by its columns.
    fn knows_columns(&self, sample: &Sample<'_>) -> bool {
        let mut lines = sample.lines.iter().map(|line| json::text(line));
        let header = lines.find(|line| !is_type_line(line));
        let columns = header.and_then(|header| Columns::read(header.trim_start_matches('\u{feff}')));
        columns.is_some_and(|columns| {
            let mut named = Object::with_capacity(columns.names.len());
            columns
                .names
                .iter()
                .for_each(|name| named.push(Cow::Borrowed(name), Json::Text(Cow::Borrowed(""))));
            self.mapping.knows_columns(&named)
        })
    }
}

impl Format for Declared {
    fn name(&self) -> &str {
        self.mapping.name()
    }

    fn source(&self) -> &str {
        self.mapping.source()
    }

    fn manual(&self) -> &str {
        self.mapping.manual()
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let most = self.mapping.confidence();
        match (self.mapping.is_choosy(), self.mapping.form()) {
            (false, _) => Confidence::NONE,
            (true, Form::Csv) if self.knows_columns(sample) => Confidence(most),
            (true, Form::Csv) => Confidence::NONE,
            (true, _) => Confidence::share(most, sample.percent_of(&self.framing(), |line| self.knows(line))),
        }
    }

    fn framing(&self) -> Framing {
        match self.mapping.form() {
            Form::Json if self.kindred.is_empty() => Framing::Json(self.mapping.record_test()),
            Form::Json => {
                let tests: Vec<_> = self.all().map(Mapping::record_test).collect();
                Framing::Json(Arc::new(move |fields| tests.iter().any(|test| test(fields))))
            }
            Form::Csv => Framing::Csv,
            Form::Logfmt | Form::Nginx | Form::Apache => Framing::Lines,
        }
    }

    fn names_columns(&self) -> bool {
        self.mapping.form() == Form::Csv
    }

    /// What its columns are called is known from a CSV file's first line.
    fn is_stateful(&self) -> bool {
        self.names_columns()
    }

    fn names_records(&self) -> bool {
        self.mapping.names_everywhere()
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        if self.mapping.form() == Form::Csv {
            return Ok(Box::new(CsvDecoder {
                columns: None,
                mapping: self.mapping.clone(),
                mapper: self.mapping.mapper(context),
            }));
        }
        let mut all: Vec<_> = self.all().map(|m| (m.clone(), m.mapper(context))).collect();
        all.sort_by_key(|(mapping, _)| std::cmp::Reverse(mapping.confidence()));
        let own = all
            .iter()
            .position(|(mapping, _)| mapping.name() == self.name())
            .unwrap_or(0);
        Ok(Box::new(DeclaredDecoder {
            form: self.mapping.form(),
            all,
            own,
        }))
    }
}

/// A built-in source that a mapping declares, with a manual page of its own.
pub struct BuiltIn {
    pub declared: &'static LazyLock<Declared>,
    pub manual: &'static str,
}

impl Format for BuiltIn {
    fn name(&self) -> &str {
        self.declared.name()
    }

    fn source(&self) -> &str {
        self.declared.source()
    }

    fn manual(&self) -> &str {
        self.manual
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        self.declared.recognize(sample)
    }

    fn framing(&self) -> Framing {
        self.declared.framing()
    }

    fn names_columns(&self) -> bool {
        self.declared.names_columns()
    }

    fn is_stateful(&self) -> bool {
        self.declared.is_stateful()
    }

    fn names_records(&self) -> bool {
        self.declared.names_records()
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        self.declared.decoder(context)
    }
}

struct DeclaredDecoder {
    form: Form,
    /// The surest first.
    all: Vec<(Mapping, Mapper)>,
    /// Where its own mapping stands among them.
    own: usize,
}

impl Decoder for DeclaredDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let fields = fields(self.form, &text)?;
        let at = match self.all.len() {
            1 => 0,
            _ => self
                .all
                .iter()
                .position(|(m, _)| m.knows_within(&fields))
                .unwrap_or(self.own),
        };
        match self.all.get_mut(at) {
            Some((mapping, mapper)) => decode(mapping, mapper, fields, text.len(), out),
            None => Err(RejectReason::new("no mapping knows the record")),
        }
    }
}

fn decode(
    mapping: &Mapping,
    mapper: &mut Mapper,
    fields: Object<'_>,
    n_bytes: usize,
    out: &mut Output,
) -> Result<(), RejectReason> {
    mapping.unwrapped(fields, n_bytes, &mut |inner, n_bytes| {
        mapper.decode(inner, n_bytes, out)
    })
}

/// The fields of a record, whatever stands around it still.
pub fn fields(form: Form, text: &str) -> Result<Object<'_>, RejectReason> {
    match form {
        Form::Logfmt => logfmt::record(text),
        Form::Json | Form::Csv | Form::Nginx | Form::Apache => json::object(behind_time(text)),
    }
}

/// PowerShell's `Export-Csv` may write the type of what it exported before the names of the columns.
fn is_type_line(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').starts_with("#TYPE ")
}

/// The columns of a CSV file.
struct Columns {
    names: Vec<String>,
    separator: u8,
}

impl Columns {
    fn read(header: &str) -> Option<Self> {
        let separator = csv::separator(header);
        let names: Vec<String> = csv::fields(header, separator)?
            .into_iter()
            .map(|name| name.trim().to_owned())
            .collect();
        (names.len() > 1).then_some(Self { names, separator })
    }

    fn object<'r>(&'r self, text: &'r str) -> Result<Object<'r>, RejectReason> {
        let values = csv::fields(text, self.separator)
            .ok_or_else(|| RejectReason::new("a quote does not close, or text stands behind one"))?;
        if values.len() != self.names.len() {
            let (n, wanted) = (values.len(), self.names.len());
            let why = format!("{wanted} fields were expected, as in the first line, and {n} stand there");
            return Err(RejectReason::new(why));
        }
        let mut filling = json::Filling::default();
        for (name, value) in self.names.iter().zip(values) {
            filling
                .add(Cow::Borrowed(name), Json::Text(value))
                .map_err(|name| RejectReason::new(format!("the column `{name}` stands twice")))?;
        }
        Ok(filling.object)
    }
}

struct CsvDecoder {
    columns: Option<Columns>,
    mapping: Mapping,
    mapper: Mapper,
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let Some(columns) = &self.columns else {
            if is_type_line(&text) {
                return Ok(());
            }
            self.columns = Columns::read(&text);
            return match self.columns {
                Some(_) => Ok(()),
                None => Err(RejectReason::new("a line that names the columns was expected")),
            };
        };
        let fields = columns.object(&text)?;
        decode(&self.mapping, &mut self.mapper, fields, text.len(), out)
    }
}

/// What stands behind the time that exports of CloudWatch Logs put before each line.
fn behind_time(line: &str) -> &str {
    let is_digit = line.as_bytes().first().is_some_and(u8::is_ascii_digit);
    match line.split_once(' ').filter(|_| is_digit) {
        Some((time, rest)) if rest.starts_with('{') && is_time(time) => rest,
        _ => line,
    }
}

fn is_time(text: &str) -> bool {
    time::parse_iso(text.as_bytes(), &TimeZone::UTC).is_some()
}
