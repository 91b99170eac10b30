//! Declared sources whose records are JSON or logfmt.

use crate::json::Object;
use crate::mapping::{Form, Mapper, Mapping};
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, RejectReason, Sample, json,
    logfmt,
};

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
            fields(self.mapping.form(), &json::text(line)).is_ok_and(|fields| self.mapping.knows(&fields))
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

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        Ok(Box::new(DeclaredDecoder {
            form: self.mapping.form(),
            mapper: self.mapping.mapper(context),
        }))
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
        Form::Json | Form::Nginx | Form::Apache => json::object(text),
    }
}
