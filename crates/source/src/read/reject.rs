//! What cannot be read, and what is missing.

use super::Reading;
use crate::cut::{Close, KEPT};
use crate::{RawRecord, Refused, RejectReason};
use ambit_event::{Event, Loss, Position, Reject, Span, Timestamp, printable};
use std::io;

/// Characters of a reject's reason, and of the field that it names: both may repeat what an attacker wrote.
const REASON: usize = 600;
const FIELD: usize = 200;

impl Reading<'_> {
    /// A part of a record that is no event.
    pub(super) fn refuse(&mut self, part: Refused) {
        if part.offset < self.resumed_at {
            return;
        }
        let head = RawRecord {
            bytes: &part.raw,
            offset: part.offset,
            line: part.line,
        };
        self.reject(&head, part.n_bytes, part.reason, Close::Seen);
    }

    /// What cannot be read. It is for good only where its end was seen.
    pub(super) fn reject(&mut self, head: &RawRecord<'_>, n_bytes: u64, reason: RejectReason, close: Close) {
        let raw = head.bytes[..head.bytes.len().min(KEPT)].to_vec();
        self.batch_bytes += raw.len();
        let position = Position {
            evidence: self.evidence.id.clone(),
            path: self.evidence.path.clone(),
            offset: head.offset,
            line: head.line,
        };
        let rejects = match close {
            Close::Seen => &mut self.batch.rejects,
            Close::Line | Close::Unseen => &mut self.unfinished.rejects,
        };
        rejects.push(Reject {
            source: self.format.source().to_owned(),
            host: self.context.host.clone().or_else(|| self.last_host.clone()),
            position,
            reason: printable(&reason.reason, REASON),
            field: reason.field.map(|field| printable(&field, FIELD)),
            between: self.last.map(|from| Span::new(from, Timestamp::MAX)),
            raw,
            n_bytes,
        });
        self.summary.n_rejects += 1;
    }

    /// The next event tells until when the rejects before it were written.
    pub(super) fn settle(&mut self, next: Option<&Event>) {
        let Some(next) = next else {
            return;
        };
        let offset = next.provenance.offset;
        let n_before = self.batch.rejects[self.n_settled..]
            .iter()
            .take_while(|r| r.position.offset <= offset)
            .count();
        for reject in &mut self.batch.rejects[self.n_settled..self.n_settled + n_before] {
            let from = reject.between.map_or(Timestamp::MIN, |b| b.from);
            reject.between = Some(Span::new(from.min(next.time), next.when().until));
            if reject.host.is_none() {
                reject.host.clone_from(&next.host);
            }
        }
        self.n_settled += n_before;
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        let loss = self.named(loss);
        self.batch.losses.push(loss);
    }

    pub(super) fn named(&self, mut loss: Loss) -> Loss {
        if loss.source.is_empty() {
            self.format.source().clone_into(&mut loss.source);
        }
        if loss.host.is_none() {
            loss.host = self.context.host.clone().or_else(|| self.last_host.clone());
        }
        loss
    }

    /// The file cannot be read on: what follows is lost, from the last event to when it was written.
    pub(super) fn break_off(&mut self, error: &io::Error, offset: u64, line: u64) {
        let reason = format!("the rest of the file cannot be read: {error}");
        self.reject(
            &RawRecord {
                bytes: b"",
                offset,
                line,
            },
            0,
            RejectReason::new(reason.clone()),
            Close::Unseen,
        );
        self.summary.n_records += 1;
        let from = self.last.unwrap_or(Timestamp::MIN);
        let until = self
            .context
            .modified
            .filter(|at| *at > from)
            .unwrap_or(Timestamp::MAX);
        let (span, path) = (Span::new(from, until), &self.evidence.path);
        let why = format!("{path}: {reason}");
        self.summary.notes.push(reason);
        let loss = self.named(Loss {
            source: String::new(),
            host: None,
            span,
            at_most: None,
            why,
        });
        self.unfinished.losses.push(loss);
        self.attestations.clear();
    }

    /// Tells how long a record may be, where one is longer.
    pub(super) fn note_too_long(&mut self, most: usize) {
        let n_bytes = self.longest;
        if n_bytes > 0 {
            self.summary.notes.push(format!(
                "a record of {n_bytes} bytes is longer than is read, {most} at most; if it is an export, export it in parts"
            ));
        }
    }

    /// Tells of what is held back. Where the rest of the file cannot be read at all, that is told instead.
    pub(super) fn note_waiting(&mut self) {
        let from = self.waiting_from.unwrap_or(self.summary.bytes);
        self.summary.n_waiting_bytes += self.summary.bytes.saturating_sub(from);
        let n_bytes = self.summary.n_waiting_bytes;
        if n_bytes == 0 || self.waits_in_vain || !self.unfinished.losses.is_empty() {
            return;
        }
        // What comes out of an archive or a compressed file does not grow, though the file that it is a copy of may.
        let what = match self.may_grow {
            true => "its last record is not complete yet",
            false => "it ends within its last record",
        };
        self.summary.notes.push(format!(
            "{what}: {n_bytes} bytes wait for the rest; if there is none, --whole takes them as they are"
        ));
    }
}
