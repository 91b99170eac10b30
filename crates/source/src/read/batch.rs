//! What was read, handed over.

use super::Reading;
use ambit_event::{Batch, Checkpoint, Event, Unfinished};
use std::ops::ControlFlow;
use std::sync::PoisonError;

/// Bytes of raw records after which a batch is full, however few they are.
const BATCH_BYTES: usize = 32 << 20;

impl Reading<'_> {
    pub(super) fn is_full(&self) -> bool {
        let is_settled = self.n_settled == self.batch.rejects.len();
        let n = self.output.events.len();
        (n >= self.batch_events || self.batch_bytes >= BATCH_BYTES) && is_settled
            || self.batch.rejects.len() + self.unfinished.rejects.len() >= self.batch_events.saturating_mul(4)
            || self.batch_bytes >= 2 * BATCH_BYTES
    }

    pub(super) fn flush(&mut self, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.events = std::mem::take(&mut self.output.events);
        if self.format.names_records() {
            batch
                .events
                .iter_mut()
                .for_each(|event| self.namesakes.part(event));
        }
        self.meet_twins(&batch.events);
        let checkpoint = Checkpoint {
            digest: self.settled.digest(),
            ..self.checkpoint.clone()
        };
        // Whoever goes on behind the place where an earlier reading ended has read what that could not.
        let read_on = self.resumed.take_if(|from| from.offset < checkpoint.offset);
        batch.settled = read_on.iter().map(|from| Unfinished::behind(from).id).collect();
        let unfinished = std::mem::take(&mut self.unfinished);
        batch.unfinished = (!unfinished.is_empty()).then(|| Unfinished {
            id: Unfinished::behind(&checkpoint).id,
            ..unfinished
        });
        batch.checkpoint = Some(checkpoint);
        self.output.events.reserve(batch.events.len());
        self.summary.n_events += batch.events.len() as u64;
        (self.batch_bytes, self.n_settled) = (0, 0);
        sink(batch)
    }

    pub(super) fn meet_twins(&mut self, events: &[Event]) {
        let Some((family, twins)) = self.family.and_then(|f| Some((f, f.twins.as_ref()?))) else {
            return;
        };
        if self.format.names_records() {
            return;
        }
        let mut twins = twins.lock().unwrap_or_else(PoisonError::into_inner);
        twins.name(family.number, &self.evidence.path);
        for event in events.iter().filter(|e| e.host.is_none()) {
            twins.meet(event.id, family.number, &mut self.met);
        }
    }

    pub(super) fn note_twins(&mut self) {
        if let Some(twins) = self.family.and_then(|family| family.twins.as_ref()) {
            let twins = twins.lock().unwrap_or_else(PoisonError::into_inner);
            self.summary.notes.extend(twins.notes(&self.met));
        }
    }

    /// The last batch: what a digest chain proves of the whole file comes with it.
    pub(super) fn close(&mut self, sink: &mut dyn FnMut(Batch) -> ControlFlow<()>) {
        for mut attestation in std::mem::take(&mut self.attestations) {
            if attestation.host.is_none() {
                attestation.host.clone_from(&self.last_host);
            }
            self.batch.attestations.push(attestation);
        }
        let has_news = !self.batch.is_empty()
            || !self.output.events.is_empty()
            || !self.unfinished.is_empty()
            || self.batch.evidence.is_some();
        if has_news || self.checkpoint.offset > 0 {
            self.summary.stopped = self.flush(sink).is_break();
        }
    }
}
