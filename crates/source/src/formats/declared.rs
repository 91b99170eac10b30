//! Declared sources whose records are JSON, logfmt or CSV.

use super::table::{Table, percent_of};
use crate::json::{Json, Object};
use crate::mapping::{Form, Held, Kind, Mapper, Mapping, Own};
use crate::preface::unwrapped;
use crate::redact::Quotes;
use crate::{
    Confidence, Context, Decoder, Error, Format, Framing, Output, RawRecord, Refused, RejectReason, Sample,
    json, logfmt,
};
use ambit_event::Provenance;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// A source of JSON, logfmt or CSV records, by its mapping.
pub struct Declared {
    pub mapping: Mapping,
    /// Sources whose records may stand among its own: a producer that writes several kinds into one file.
    /// Each record goes to the surest of them all that knows it, and to its own mapping where none does.
    pub kindred: Vec<Mapping>,
    /// Another producer's records that it hands on within its own, read in their own way.
    pub guest: Option<Guest>,
}

/// A source whose records stand within another's.
#[derive(Clone, Copy)]
pub struct Guest {
    pub mapping: fn() -> &'static Mapping,
    pub reader: fn(&Context) -> Box<dyn Read>,
    /// What stands in each text that holds one, so that the others need not be searched.
    pub mark: &'static str,
}

impl Guest {
    fn may_be_in(self, text: &str) -> bool {
        memchr::memmem::find(text.as_bytes(), self.mark.as_bytes()).is_some()
    }
}

impl Declared {
    #[must_use]
    pub fn of(mapping: Mapping) -> Self {
        Self {
            mapping,
            kindred: Vec::new(),
            guest: None,
        }
    }

    #[must_use]
    pub fn among(mapping: Mapping, kindred: Vec<Mapping>) -> Self {
        Self {
            kindred,
            ..Self::of(mapping)
        }
    }

    #[must_use]
    pub fn with_guest(self, guest: Guest) -> Self {
        Self {
            guest: Some(guest),
            ..self
        }
    }

    /// The surest first; and where its own mapping stands among them.
    fn readers<R>(&self, reader: impl Fn(&Mapping) -> R) -> (Vec<(Mapping, R)>, usize) {
        let mut all: Vec<_> = self.all().map(|m| (m.clone(), reader(m))).collect();
        all.sort_by_key(|(mapping, _)| std::cmp::Reverse(mapping.confidence()));
        let own = all
            .iter()
            .position(|(mapping, _)| mapping.name() == self.mapping.name());
        (all, own.unwrap_or(0))
    }

    fn all(&self) -> impl Iterator<Item = &Mapping> {
        std::iter::once(&self.mapping).chain(&self.kindred)
    }

    fn knows(&self, record: &[u8]) -> bool {
        let known = |fields: Object<'_>| self.mapping.knows_within(&fields);
        fields(self.mapping.form(), &json::text(record)).is_ok_and(known)
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
        if !self.mapping.is_choosy() {
            return Confidence::NONE;
        }
        let percent = match self.mapping.form() {
            Form::Csv => percent_of(&self.mapping, sample),
            _ => sample.percent_of(&self.framing(), |line| self.knows(line)),
        };
        Confidence::share(self.mapping.confidence(), percent)
    }

    fn framing(&self) -> Framing {
        match self.mapping.form() {
            Form::Json if self.kindred.is_empty() => Framing::Json(self.mapping.record_test()),
            Form::Json => {
                let tests: Vec<_> = self.all().map(Mapping::record_test).collect();
                Framing::Json(Arc::new(move |fields| tests.iter().any(|test| test(fields))))
            }
            Form::Csv if self.mapping.has_quotes() => Framing::Csv,
            Form::Csv | Form::Logfmt | Form::Nginx | Form::Apache => Framing::Lines,
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
            return Ok(Box::new(TableDecoder {
                table: Table::new(&self.mapping),
                all: [(self.mapping.clone(), self.mapping.mapper(context))],
            }));
        }
        let form = self.mapping.form();
        Ok(match self.guest {
            None => {
                let (all, own) = self.readers(|mapping| mapping.mapper(context));
                Box::new(DeclaredDecoder {
                    form,
                    all,
                    own,
                    guest: None,
                })
            }
            Some(guest) => {
                let boxed = |mapping: &Mapping| -> Box<dyn Read> { Box::new(mapping.mapper(context)) };
                let (mut all, own) = self.readers(boxed);
                all.push(((guest.mapping)().clone(), (guest.reader)(context)));
                Box::new(DeclaredDecoder {
                    form,
                    all,
                    own,
                    guest: Some(guest),
                })
            }
        })
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

/// What makes events of a record's fields.
pub trait Read: Send {
    /// Gives out the event that the fields tell, which stand in this text: as they are, or behind a backslash.
    fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason>;
}

impl Read for Mapper {
    fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        Self::decode_from(self, text, quotes, fields, n_bytes, out)
    }
}

impl Read for Box<dyn Read> {
    fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        (**self).decode_from(text, quotes, fields, n_bytes, out)
    }
}

pub struct DeclaredDecoder<R> {
    form: Form,
    /// The surest first; the guest last.
    all: Vec<(Mapping, R)>,
    /// Where its own mapping stands among them.
    own: usize,
    guest: Option<Guest>,
}

impl<R: Read> DeclaredDecoder<R> {
    /// For records of one mapping alone.
    pub fn of(mapping: &Mapping, reader: R) -> Self {
        Self {
            form: mapping.form(),
            all: vec![(mapping.clone(), reader)],
            own: 0,
            guest: None,
        }
    }

    pub fn readers(&mut self) -> impl Iterator<Item = &mut R> {
        self.all.iter_mut().map(|(_, reader)| reader)
    }
}

impl<R: Read> Decoder for DeclaredDecoder<R> {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        let fields = fields(self.form, &text)?;
        let at = match self.all.len() {
            1 => 0,
            _ => guest_in(&self.all, self.guest, &text, &fields)?
                .or_else(|| self.all.iter().position(|(m, _)| m.knows_within(&fields)))
                .unwrap_or(self.own),
        };
        Reading {
            all: &mut self.all,
            guest: self.guest,
            line: (0, record.line),
            record,
            out,
        }
        .take(at, &text, fields)
    }
}

/// The place of the guest, where it knows the record. One of its own that was cut off is not to pass for its host's.
fn guest_in<R>(
    all: &[(Mapping, R)],
    guest: Option<Guest>,
    text: &str,
    fields: &Object<'_>,
) -> Result<Option<usize>, RejectReason> {
    let Some((mapping, _)) = all.last().filter(|_| guest.is_some_and(|g| g.may_be_in(text))) else {
        return Ok(None);
    };
    if mapping.knows_within(fields) {
        return Ok(Some(all.len() - 1));
    }
    mapping.readable_within(fields).map(|()| None)
}

/// One record that is turned into events.
struct Reading<'r, R> {
    /// The surest first; the guest last.
    all: &'r mut [(Mapping, R)],
    guest: Option<Guest>,
    record: &'r RawRecord<'r>,
    out: &'r mut Output,
    /// A place in the record, and its line: that of the last part that was an event of its own.
    line: (usize, u64),
}

impl<R: Read> Reading<'_, R> {
    /// The fields of a text, by the mapping at this place where nothing else is known in them.
    fn take(&mut self, at: usize, text: &str, fields: Object<'_>) -> Result<(), RejectReason> {
        let Some((mapping, mapper)) = self.all.get_mut(at) else {
            return Err(RejectReason::new("no mapping knows the record"));
        };
        let quotes = match mapping.form() {
            Form::Json => Quotes::Around,
            Form::Logfmt | Form::Csv | Form::Nginx | Form::Apache => Quotes::Within,
        };
        if !mapping.is_within() || mapping.knows(&fields) {
            return mapper.decode_from(text, quotes, fields, text.len(), self.out);
        }
        let mapping = mapping.clone();
        let mut first = None;
        let (n_places, has_more) = mapping.each_held(text, &fields, &mut |held| {
            if held.place == 0 {
                first = Some(self.first(at, text, quotes, &held));
            }
        });
        let Some(first) = first else {
            if let Some(inner) = mapping.decoded(&fields).next() {
                return self.take(at, &inner, json::object(inner.trim())?);
            }
            mapping.readable_within(&fields)?;
            return self.decode(at, text, quotes, fields, text.len());
        };
        if n_places == 1 && !has_more {
            return first;
        }
        if let Err(reason) = first {
            self.refuse_whole(reason);
        }
        if n_places > 1 {
            self.others(at, &mapping, text, &fields);
        }
        if has_more {
            let why = "the record holds more records, in fields in which none are looked for";
            self.refuse_whole(RejectReason::new(why));
        }
        Ok(())
    }

    fn decode(
        &mut self,
        at: usize,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
    ) -> Result<(), RejectReason> {
        match self.all.get_mut(at) {
            Some((_, mapper)) => mapper.decode_from(text, quotes, fields, n_bytes, self.out),
            None => Ok(()),
        }
    }

    /// What stands in the first place within a record: where it stands alone, the whole record is its own.
    fn first(&mut self, at: usize, text: &str, quotes: Quotes, held: &Held<'_>) -> Result<(), RejectReason> {
        match &held.kind {
            // Secrets are looked for in the text in which they can be seen.
            Kind::Encoded(inner) => self.take(at, inner, held.fields.clone()),
            Kind::Alone(alone) => self.decode(at, text, quotes, held.fields.clone(), alone.n_bytes()),
            Kind::Listed(own) => {
                self.item(at, held.fields, own);
                Ok(())
            }
        }
    }

    /// What stands in further places, but for what stood in one before: shippers keep a record as it came beside the
    /// same as they read it.
    fn others(&mut self, at: usize, mapping: &Mapping, text: &str, fields: &Object<'_>) {
        let mut seen = HashSet::new();
        mapping.each_held(text, fields, &mut |held| {
            let is_new = seen.insert(told(held.fields));
            match &held.kind {
                _ if held.place == 0 || !is_new => {}
                Kind::Encoded(inner) => {
                    if let Err(reason) = self.take(at, inner, held.fields.clone()) {
                        self.refuse_whole(reason);
                    }
                }
                Kind::Alone(alone) => self.item(at, held.fields, &alone.own(held.fields)),
                Kind::Listed(own) => self.item(at, held.fields, own),
            }
        });
    }

    fn refuse_whole(&mut self, reason: RejectReason) {
        let RawRecord { bytes, offset, line } = *self.record;
        self.out.refuse(Refused {
            offset,
            line,
            n_bytes: bytes.len() as u64,
            raw: bytes.to_vec(),
            reason,
        });
    }

    /// The fields of one of several records, by what knows them best.
    fn take_item(&mut self, at: usize, fields: &Object<'_>, text: &str) -> Result<(), RejectReason> {
        if let Some(guest) = guest_in(self.all, self.guest, text, fields)? {
            return self.take(guest, text, fields.clone());
        }
        let known = self.all.iter().position(|(mapping, _)| mapping.knows(fields));
        self.decode(
            known.unwrap_or(at),
            text,
            Quotes::Around,
            fields.clone(),
            text.len(),
        )
    }

    /// One of several records in one: an event of its own, or one that cannot be read, with its own bytes.
    fn item(&mut self, at: usize, fields: &Object<'_>, own: &Own<'_>) {
        let RawRecord { bytes, offset, .. } = *self.record;
        let raw = own.text.as_bytes();
        // What stood behind escapes is in the record as a whole.
        let place = own
            .place
            .clone()
            .filter(|place| bytes.get(place.clone()) == Some(raw));
        let place = place.unwrap_or(0..bytes.len());
        let (since, before) = self.line;
        let passed = bytes.get(since..place.start).unwrap_or_default();
        let line = before + memchr::memchr_iter(b'\n', passed).count() as u64;
        self.line = (since.max(place.start), line);
        let (offset, length) = (offset + place.start as u64, place.len() as u64);
        let raw = raw.to_vec();
        let n_before = self.out.events.len();
        let result = self.take_item(at, fields, &own.text);
        if let Err(reason) = result {
            return self.out.refuse(Refused {
                offset,
                line,
                n_bytes: length,
                raw,
                reason,
            });
        }
        for event in self.out.events.iter_mut().skip(n_before) {
            event.raw.clone_from(&raw);
            event.provenance = Provenance {
                offset,
                length,
                line,
                ..Provenance::default()
            };
        }
    }
}

/// What two objects agree in that tell the same record: the values of their own that are no lists and no objects.
/// Shippers rename what stands deeper.
fn told(fields: &Object<'_>) -> String {
    let is_plain = |value: &&Json<'_>| !matches!(value, Json::Array(_) | Json::Object(_));
    let mut values: Vec<_> = fields.iter().filter(|(_, value)| is_plain(value)).collect();
    if values.is_empty() {
        values = fields.iter().collect();
    }
    values.sort_by_key(|(name, _)| *name);
    serde_json::to_string(&values).unwrap_or_default()
}

/// The fields of a record, whatever stands around it still.
pub fn fields(form: Form, text: &str) -> Result<Object<'_>, RejectReason> {
    match form {
        Form::Logfmt => logfmt::record(text),
        Form::Json | Form::Csv | Form::Nginx | Form::Apache => json::object(unwrapped(text)),
    }
}

struct TableDecoder {
    table: Table,
    all: [(Mapping, Mapper); 1],
}

impl Decoder for TableDecoder {
    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        let text = record.lossy();
        match self.table.row(&text)? {
            Some(fields) => Reading {
                all: &mut self.all,
                guest: None,
                line: (0, record.line),
                record,
                out,
            }
            .take(0, &text, fields),
            None => Ok(()),
        }
    }
}
