//! Declared sources whose records are JSON or logfmt.

use crate::json::Object;
use crate::mapping::{Form, Mapper, Mapping};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
    logfmt, time,
};
use jiff::tz::TimeZone;
use std::sync::LazyLock;

/// A source of JSON lines or logfmt records, by its mapping.
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
        let is_known = |line: &[u8]| {
            fields(self.mapping.form(), &json::text(line))
                .is_ok_and(|fields| self.mapping.knows_within(&fields))
        };
        match self.mapping.is_choosy() {
            true => Confidence::share(
                self.mapping.confidence(),
                sample.percent_of(&self.framing(), is_known),
            ),
            false => Confidence::NONE,
        }
    }

    fn framing(&self) -> Framing {
        match self.mapping.form() {
            Form::Json => Framing::Json(self.mapping.record_test()),
            Form::Logfmt | Form::Nginx | Form::Apache => Framing::Lines,
        }
    }

    fn names_records(&self) -> bool {
        self.mapping.names_everywhere()
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(DeclaredDecoder {
            mapper: self.mapping.mapper(context),
            mapping: self.mapping.clone(),
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

    fn manual(&self) -> &str {
        self.manual
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        self.declared.recognize(sample)
    }

    fn framing(&self) -> Framing {
        self.declared.framing()
    }

    fn names_records(&self) -> bool {
        self.declared.names_records()
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        self.declared.decoder(context)
    }
}

struct DeclaredDecoder {
    mapping: Mapping,
    mapper: Mapper,
}

impl Decoder for DeclaredDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let fields = fields(self.mapping.form(), &text)?;
        let mapper = &mut self.mapper;
        let event = self
            .mapping
            .unwrapped(fields, text.len(), &mut |inner, n_bytes| {
                mapper.event(inner, n_bytes)
            })?;
        out.push(event);
        Ok(())
    }
}

/// The fields of a record, whatever stands around it still.
pub fn fields(form: Form, text: &str) -> Result<Object<'_>, RejectReason> {
    match form {
        Form::Logfmt => logfmt::record(text),
        Form::Json | Form::Nginx | Form::Apache => json::object(behind_time(text)),
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
