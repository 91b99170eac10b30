//! The decoder of what stands within other records: what it gives out has the place of these.

use crate::{Context, Decoder, Error, Format, Output, RawRecord, RejectReason};
use ambit_event::Provenance;
use std::collections::BTreeMap;

/// So many records that may be held are not gone over.
const FEW_HELD: usize = 64;

/// A runtime's record, of which an event is held back.
struct Held {
    raw: Vec<u8>,
    line: u64,
}

/// A decoder, and the records of which it holds events back.
pub struct Inside {
    pub inner: Box<dyn Decoder>,
    /// By their offsets.
    held: BTreeMap<u64, Held>,
    /// Where there are more, those are dropped that are held no longer.
    most_held: usize,
}

impl Inside {
    pub fn of(inner: &dyn Format, context: &Context) -> Result<Self, Error> {
        let context = Context {
            is_within: true,
            ..context.clone()
        };
        Ok(Self {
            inner: inner.decoder(&context)?,
            held: BTreeMap::new(),
            most_held: FEW_HELD,
        })
    }

    pub fn finish(&mut self, out: &mut Output) {
        let n_events = out.events.len();
        self.inner.finish(out);
        self.restore(out, n_events, None);
    }

    /// As [`Self::whole`]; every event gets the record's bytes and place, as it is not the one at hand. What is refused
    /// is given back, and nothing else is then said of it.
    pub fn apart(
        &mut self,
        inner: &RawRecord<'_>,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        let (n_events, n_losses, n_refused) = (out.events.len(), out.losses.len(), out.refused.len());
        if let Err(reason) = self.whole(inner, record, out) {
            out.events.truncate(n_events);
            out.losses.truncate(n_losses);
            out.refused.truncate(n_refused);
            return Err(reason);
        }
        for event in out.events.iter_mut().skip(n_events).filter(|e| e.raw.is_empty()) {
            event.raw = record.bytes.to_vec();
            event.provenance = Provenance {
                offset: record.offset,
                line: record.line,
                length: record.bytes.len() as u64,
                ..Provenance::default()
            };
        }
        Ok(())
    }

    /// Decodes what a program wrote, all of which stands in this record of the runtime's.
    pub fn whole(
        &mut self,
        inner: &RawRecord<'_>,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        let (n_events, n_refused) = (out.events.len(), out.refused.len());
        let result = self.inner.decode(inner, out);
        self.restore(out, n_events, Some(record));
        for part in out.refused.iter_mut().skip(n_refused) {
            (part.offset, part.line) = (record.offset, record.line);
            part.n_bytes = record.bytes.len() as u64;
        }
        self.hold(record);
        result
    }

    /// Keeps the record, if an event of it is held back, and at most twice as many as are.
    fn hold(&mut self, record: &RawRecord<'_>) {
        if self.inner.holds(record.offset) {
            let (raw, line) = (record.bytes.to_vec(), record.line);
            self.held.insert(record.offset, Held { raw, line });
        }
        if self.held.len() > self.most_held {
            self.held.retain(|offset, _| self.inner.holds(*offset));
            self.most_held = (2 * self.held.len()).max(FEW_HELD);
        }
    }

    /// Events that bring their own bytes bring those of the program's line: they get the runtime's. Where they are a part
    /// of the line only, and shorter than it, they keep theirs.
    fn restore(&self, out: &mut Output, n_before: usize, record: Option<&RawRecord<'_>>) {
        for event in out.events.iter_mut().skip(n_before).filter(|e| !e.raw.is_empty()) {
            let place = &mut event.provenance;
            if let Some(held) = self.held.get(&place.offset) {
                if place.length == event.raw.len() as u64 {
                    event.raw.clone_from(&held.raw);
                }
                (place.line, place.length) = (held.line, held.raw.len() as u64);
            } else if let Some(record) = record {
                // A part of the line: its place is the line's.
                (place.offset, place.line) = (record.offset, record.line);
                place.length = record.bytes.len() as u64;
            }
        }
    }
}
