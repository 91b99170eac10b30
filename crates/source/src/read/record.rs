//! One record: decoded, and what comes of it completed.

use super::Reading;
use super::address::settle_address;
use crate::cut::{Close, TOO_LONG};
use crate::{LastRecord, RawRecord, RejectReason};
use ambit_event::{Event, EventId, Loss, Provenance};
use serde::de::IgnoredAny;

impl Reading<'_> {
    /// What shows that a record is whole, beside its framing.
    pub(super) fn judged(&self, close: Close, bytes: &[u8]) -> Close {
        match (close, self.last_record) {
            (_, LastRecord::IsWhole) => Close::Seen,
            (Close::Unseen, _) if is_closed(bytes) => Close::Line,
            _ => close,
        }
    }

    /// Counts a record without giving it out. It is decoded only where the records after it depend on that.
    pub(super) fn pass_over(&mut self, record: &RawRecord<'_>) -> Option<(u64, u64)> {
        let spans_lines = self.may_retry(record);
        let result = match self.format.is_stateful() || spans_lines {
            true => self.decoder.decode(record, &mut self.output),
            false => {
                self.decoder.pass_over(record);
                Ok(())
            }
        };
        self.remember_last();
        let is_retried = result.is_err() && spans_lines;
        self.count(if is_retried {
            first_line(record.bytes)
        } else {
            record.bytes
        });
        is_retried.then_some((record.offset, record.line))
    }

    /// Notes that a record was read, and how often that was.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        self.prefix.add(bytes);
        self.seen.count(bytes)
    }

    /// Notes that a record was read, and gives how often that was, where one of its events has no name of its own.
    /// Where decoding depends on nothing but the record, others of the same bytes have none then either.
    pub(super) fn nth(&mut self, bytes: &[u8], n_before: usize) -> u64 {
        let events = self.output.events.get(n_before..).unwrap_or_default();
        let is_named = |event: &Event| event.id != EventId::default();
        if self.format.is_stateful() || !events.iter().all(is_named) {
            return self.count(bytes);
        }
        self.prefix.add(bytes);
        self.seen.pass();
        0
    }

    /// A CSV record of several lines that cannot be decoded may be one bad line before good ones.
    pub(super) fn may_retry(&self, record: &RawRecord<'_>) -> bool {
        self.is_csv && record.bytes.contains(&b'\n')
    }

    pub(super) fn remember_last(&mut self) {
        if let Some(event) = self.output.events.last() {
            self.last = Some(event.time);
            self.last_host.clone_from(&event.host);
        }
        for event in self.output.events.drain(..).filter(|e| !e.raw.is_empty()) {
            self.released.count(&event.raw);
        }
        self.take_back(0);
    }

    /// What is too long to be read.
    pub(super) fn take_head(&mut self, head: &RawRecord<'_>, n_bytes: u64, why: &'static str, close: Close) {
        self.prefix.add(head.bytes);
        if close == Close::Unseen {
            self.waiting_from.get_or_insert(head.offset);
        }
        if why == TOO_LONG {
            self.longest = self.longest.max(n_bytes);
            self.waits_in_vain |= close == Close::Unseen;
        }
        self.reject(head, n_bytes, RejectReason::new(why), close);
    }

    /// Keeps a record apart that is not all there. It is not decoded: it could read well and be wrong.
    pub(super) fn hold_back(&mut self, record: &RawRecord<'_>) {
        self.count(record.bytes);
        self.waiting_from.get_or_insert(record.offset);
        self.torn = Some(record.bytes.to_vec());
        let why = "the file ends before this record does: it is cut off, or still being written";
        let n_bytes = record.bytes.len() as u64;
        self.reject(record, n_bytes, RejectReason::new(why), Close::Unseen);
    }

    /// Decodes one record. Gives its place where only its first line became a reject, and the lines behind
    /// that are to be tried again.
    pub(super) fn take(&mut self, record: &RawRecord<'_>, close: Close) -> Option<(u64, u64)> {
        if close == Close::Unseen {
            self.hold_back(record);
            return None;
        }
        let n_before = self.output.events.len();
        if let Err(reason) = self.decoder.decode(record, &mut self.output) {
            self.take_back(n_before);
            let is_retried = self.may_retry(record);
            let bytes = if is_retried {
                first_line(record.bytes)
            } else {
                record.bytes
            };
            self.count(bytes);
            self.reject(&RawRecord { bytes, ..*record }, bytes.len() as u64, reason, close);
            return is_retried.then_some((record.offset, record.line));
        }
        let nth = self.nth(record.bytes, n_before);
        self.summary.n_silent += std::mem::take(&mut self.output.n_silent);
        let is_silent = self.output.events.len() == n_before && self.output.refused.is_empty();
        self.summary.n_silent += u64::from(is_silent && self.decoder.held_from().is_none());
        self.take_events(n_before, Some((record, nth)));
        None
    }

    /// What the decoder has said of a record that it then refused does not count.
    pub(super) fn take_back(&mut self, n_before: usize) {
        self.output.events.truncate(n_before);
        self.output.losses.clear();
        self.output.refused.clear();
        self.output.n_silent = 0;
    }

    /// Completes what the decoder has given out behind the events of earlier records: events of this record, and
    /// those of earlier ones that it had held back. They stay where they are, as they are large.
    pub(super) fn take_events(&mut self, n_before: usize, record: Option<(&RawRecord<'_>, u64)>) {
        let mut events = std::mem::take(&mut self.output.events);
        let mut refused = std::mem::take(&mut self.output.refused).into_iter().peekable();
        let (mut n_kept, mut n_own) = (n_before, 0);
        for at in n_before..events.len() {
            let place = events[at].provenance.offset;
            while let Some(before) = refused.next_if(|part| part.offset < place) {
                self.refuse(before);
            }
            if self.take_event(&mut events[at], record, &mut n_own) {
                if n_kept < at {
                    events.swap(n_kept, at);
                }
                n_kept += 1;
            }
        }
        events.truncate(n_kept);
        self.output.events = events;
        refused.for_each(|part| self.refuse(part));
        let losses: Vec<Loss> = self.output.losses.drain(..).collect();
        for loss in losses {
            self.lose(loss);
        }
    }

    /// Completes one event; false where an earlier run has given it out, or it is of no record.
    pub(super) fn take_event(
        &mut self,
        event: &mut Event,
        record: Option<(&RawRecord<'_>, u64)>,
        n_own: &mut usize,
    ) -> bool {
        let raw = std::mem::take(&mut event.raw);
        match record {
            _ if !raw.is_empty() => {
                let nth = self.released.count(&raw);
                let Provenance {
                    offset, line, length, ..
                } = event.provenance;
                if offset < self.resumed_at {
                    return false;
                }
                let bytes = &raw;
                self.complete(event, &RawRecord { bytes, offset, line }, nth, 0);
                // What stood behind escapes is longer or shorter than the bytes in which it stood.
                if length > 0 {
                    event.provenance.length = length;
                }
                event.raw = raw;
            }
            Some((record, nth)) => {
                self.complete(event, record, nth, *n_own);
                *n_own += 1;
                event.raw = record.bytes.to_vec();
            }
            None => return false,
        }
        // What a part of a compact record says can be far longer than its bytes.
        let n_said = event.fields.as_json().map_or(0, str::len);
        self.batch_bytes += event.raw.len().max(n_said / 2);
        self.settle(Some(event));
        self.last = Some(event.time);
        if self.last_host != event.host {
            self.last_host.clone_from(&event.host);
        }
        event.fields.pack();
        true
    }

    /// Fills what a decoder leaves empty, all but the raw bytes.
    pub(super) fn complete(&self, event: &mut Event, record: &RawRecord<'_>, nth: u64, n: usize) {
        if event.source.is_empty() {
            event.source.push_str(self.format.source());
        }
        if event.host.is_none() {
            event.host.clone_from(&self.context.host);
        }
        settle_address(event);
        if event.id == EventId::default() {
            let host = event.host.as_deref().unwrap_or("");
            event.id = match n {
                0 => EventId::nth(&event.source, host, record.bytes, nth),
                _ => EventId::nth(&format!("{}#{n}", event.source), host, record.bytes, nth),
            };
        }
        event.provenance = Provenance {
            evidence: self.evidence.id.clone(),
            offset: record.offset,
            length: record.bytes.len() as u64,
            line: record.line,
        };
    }
}

/// Whether this is a JSON object from its first to its last byte: nothing that would make it longer is one.
fn is_closed(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == b'\n').next().unwrap_or_default()
}
