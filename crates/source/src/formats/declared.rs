//! Declared sources whose records are JSON, logfmt or CSV.

use crate::csv::{self, Dialect};
use crate::json::{Filling, Json, Object};
use crate::mapping::{Form, Mapper, Mapping};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
    logfmt,
};
use ambit_event::printable;
use std::borrow::Cow;

/// A source of JSON, logfmt or CSV records, by its mapping.
pub struct Declared {
    pub mapping: Mapping,
}

impl Format for Declared {
    fn name(&self) -> &str {
        self.mapping.name()
    }

    fn manual(&self) -> &str {
        self.mapping.manual()
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        if !self.mapping.is_choosy() {
            return Confidence::NONE;
        }
        let percent = match self.mapping.form() {
            Form::Csv => self.percent_of_table(sample),
            form => sample.percent_of(&self.framing(), |line| {
                fields(form, &json::text(line)).is_ok_and(|fields| self.mapping.knows(&fields))
            }),
        };
        Confidence::share(self.mapping.confidence(), percent)
    }

    fn framing(&self) -> Framing {
        match self.mapping.form() {
            Form::Json => Framing::Json(self.mapping.record_test()),
            Form::Csv if self.mapping.dialect().has_quotes => Framing::Csv,
            Form::Csv | Form::Logfmt | Form::Nginx | Form::Apache => Framing::Lines,
        }
    }

    /// The first record of a CSV file names the fields of those after it.
    fn is_stateful(&self) -> bool {
        self.mapping.form() == Form::Csv
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let mapper = self.mapping.mapper(context);
        Ok(match self.mapping.form() {
            Form::Csv => Box::new(TableDecoder {
                table: Table::new(&self.mapping),
                mapper,
            }),
            form => Box::new(DeclaredDecoder { form, mapper }),
        })
    }
}

impl Declared {
    /// Percent of the records below the header that are known; a header alone is known by its names.
    fn percent_of_table(&self, sample: &Sample<'_>) -> u8 {
        let mut table = Table::new(&self.mapping);
        let (mut n, mut n_known) = (0, 0);
        for line in &sample.lines {
            match table.row(&json::text(line)) {
                Ok(None) => {}
                Ok(Some(fields)) => {
                    n += 1;
                    n_known += usize::from(self.mapping.knows(&fields));
                }
                Err(_) => n += 1,
            }
        }
        match n {
            0 => u8::from(self.mapping.knows(&table.names())) * 100,
            _ => u8::try_from(n_known * 100 / n).unwrap_or(100),
        }
    }
}

struct DeclaredDecoder {
    form: Form,
    mapper: Mapper,
}

impl Decoder for DeclaredDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        out.push(self.mapper.event(fields(self.form, &text)?, text.len())?);
        Ok(())
    }
}

fn fields(form: Form, text: &str) -> Result<Object<'_>, RejectReason> {
    match form {
        Form::Logfmt => logfmt::record(text),
        Form::Json | Form::Csv | Form::Nginx | Form::Apache => json::object(text),
    }
}

struct TableDecoder {
    table: Table,
    mapper: Mapper,
}

impl Decoder for TableDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        if let Some(fields) = self.table.row(&text)? {
            out.push(self.mapper.event(fields, text.len())?);
        }
        Ok(())
    }
}

/// The records of one CSV file.
struct Table {
    dialect: Dialect,
    header: Header,
}

enum Header {
    Expected,
    Known(Vec<String>),
    /// The first record was none: what the fields of the others are is not known.
    Broken,
}

impl Table {
    fn new(mapping: &Mapping) -> Self {
        Self {
            dialect: mapping.dialect(),
            header: match mapping.csv_columns() {
                [] => Header::Expected,
                names => Header::Known(names.to_vec()),
            },
        }
    }

    /// The fields of a record; `None` where it is a header.
    fn row<'t>(&'t mut self, text: &'t str) -> Result<Option<Object<'t>>, RejectReason> {
        let values = csv::fields(text, self.dialect)
            .ok_or_else(|| RejectReason::new("the quotes of this CSV record do not fit"));
        if matches!(self.header, Header::Expected) {
            let names = values.and_then(|values| header(&values));
            self.header = names.clone().map_or(Header::Broken, Header::Known);
            return names.map(|_| None);
        }
        let Header::Known(names) = &self.header else {
            return Err(RejectReason::new("the file has no header that names its fields"));
        };
        let values = values?;
        if values.len() != names.len() {
            let why = format!("{} fields were expected, {} are here", names.len(), values.len());
            return Err(RejectReason::new(why));
        }
        if values.iter().zip(names).all(|(value, name)| value.trim() == name) {
            return Ok(None);
        }
        let names = names.iter().map(|name| Cow::Borrowed(name.as_str()));
        let values = values.into_iter().map(Json::Text);
        Ok(Some(Object::of_distinct(names.zip(values).collect())))
    }

    /// The names of the fields, none of which says anything.
    fn names(&self) -> Object<'_> {
        let names = match &self.header {
            Header::Known(names) => names.as_slice(),
            _ => &[],
        };
        let field = |name: &'_ String| (Cow::Owned(name.clone()), Json::Text(Cow::Borrowed("-")));
        Object::of_distinct(names.iter().map(field).collect())
    }
}

fn header(values: &[Cow<'_, str>]) -> Result<Vec<String>, RejectReason> {
    let mut seen = Filling::default();
    for name in values {
        let name = name.trim();
        if name.is_empty() || seen.add(Cow::Borrowed(name), Json::Null).is_err() {
            let why = format!(
                "`{}` is no header: each field needs a name of its own",
                printable(name, 40)
            );
            return Err(RejectReason::new(why));
        }
    }
    Ok(values.iter().map(|name| name.trim().to_owned()).collect())
}
