//! Declared sources whose records are JSON or logfmt.

use crate::json::Object;
use crate::mapping::{Form, Mapper, Mapping};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
    logfmt,
};
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

fn fields(form: Form, text: &str) -> Result<Object<'_>, RejectReason> {
    match form {
        Form::Logfmt => logfmt::record(text),
        Form::Json | Form::Nginx | Form::Apache => json::object(text),
    }
}
