//! What a writer has taken in and not yet committed: each row once, with its identity.

use crate::content::Content;
use crate::ledger::Ledger;
use ambit_event::{Attestation, Batch, Checkpoint, Event, EventId, Evidence, Loss, Reject};
use std::collections::{BTreeMap, HashSet};

/// New rows, without those that the lake or this very batch already holds.
#[derive(Default)]
pub(crate) struct Pending {
    /// Events as they came in, a list a batch: one list of them all would be copied whenever it grows.
    pub batches: Vec<Vec<Event>>,
    pub rejects: Vec<(EventId, Reject)>,
    pub losses: Vec<(EventId, Loss)>,
    pub attestations: Vec<(EventId, Attestation)>,
    pub evidence: BTreeMap<EventId, Evidence>,
    pub checkpoints: BTreeMap<String, Checkpoint>,
    pub ledger: Ledger,
    pub content: Content,
    pub n_duplicates: u64,
    /// Bytes of the events, texts beside the raw records not counted, to know when a commit is due.
    pub n_bytes: u64,
    ids: HashSet<EventId>,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.evidence.is_empty() && self.checkpoints.is_empty()
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.batches.iter().flatten()
    }

    pub fn n_events(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    #[cfg(feature = "engine")]
    pub fn holds(&self, id: EventId) -> bool {
        self.ids.contains(&id) || self.evidence.contains_key(&id)
    }

    /// Takes in a batch; `known` tells which of its rows the lake already holds, `before` how far its
    /// lineage was read.
    pub fn take(&mut self, batch: Batch, known: &dyn Fn(EventId) -> bool, before: Option<&Checkpoint>) {
        let lineage = lineage_of(&batch);
        let Batch {
            evidence,
            events,
            rejects,
            losses,
            attestations,
            checkpoint,
        } = batch;
        let n_events = events.len();
        let mut is_new = |id: EventId| !known(id) && self.ids.insert(id);
        let mut events = events;
        events.retain(|event| is_new(event.id));
        let new = Batch {
            events,
            evidence: evidence.filter(|evidence| !known(evidence_id(evidence))),
            ..Batch::default()
        };
        let rejects = only_new(rejects, |r| reject_id(r, lineage.as_deref()), &mut is_new);
        let losses = only_new(losses, loss_id, &mut is_new);
        let attestations = only_new(attestations, attestation_id, &mut is_new);
        self.n_duplicates += (n_events - new.events.len()) as u64;
        self.keep(new, rejects, losses, attestations);
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| Some(checkpoint) != before) {
            self.checkpoints.insert(checkpoint.lineage.clone(), checkpoint);
        }
    }

    fn keep(
        &mut self,
        mut new: Batch,
        rejects: Vec<(EventId, Reject)>,
        losses: Vec<(EventId, Loss)>,
        attestations: Vec<(EventId, Attestation)>,
    ) {
        new.rejects = rejects.iter().map(|(_, reject)| reject.clone()).collect();
        new.losses = losses.iter().map(|(_, loss)| loss.clone()).collect();
        new.attestations = attestations.iter().map(|(_, said)| said.clone()).collect();
        self.ledger.add(&new);
        for event in &new.events {
            self.content.add(event.id);
            self.n_bytes += (size_of::<Event>() + event.raw.len()) as u64;
        }
        self.n_bytes += rejects.iter().map(|(_, r)| r.raw.len() as u64).sum::<u64>();
        if let Some(evidence) = new.evidence {
            self.evidence.entry(evidence_id(&evidence)).or_insert(evidence);
        }
        if !new.events.is_empty() {
            self.batches.push(new.events);
        }
        self.rejects.extend(rejects);
        self.losses.extend(losses);
        self.attestations.extend(attestations);
    }
}

fn only_new<T>(
    rows: Vec<T>,
    id: impl Fn(&T) -> EventId,
    is_new: &mut impl FnMut(EventId) -> bool,
) -> Vec<(EventId, T)> {
    let named = rows.into_iter().map(|row| (id(&row), row));
    named.filter(|(id, _)| is_new(*id)).collect()
}

/// The lineage of the file that a batch came from, where it is known.
pub(crate) fn lineage_of(batch: &Batch) -> Option<String> {
    let checkpoint = batch.checkpoint.as_ref().map(|c| &c.lineage);
    let evidence = batch.evidence.as_ref().map(|e| &e.lineage);
    checkpoint
        .or(evidence)
        .filter(|lineage| !lineage.is_empty())
        .cloned()
}

/// A reject is the same where the same bytes stand at the same place of the same lineage, or of the same
/// evidence file where no lineage is known.
fn reject_id(reject: &Reject, lineage: Option<&str>) -> EventId {
    let host = reject.host.as_deref().unwrap_or("");
    let file = lineage.unwrap_or(&reject.position.evidence.0);
    let place = format!("{file}@{}+{}", reject.position.offset, reject.n_bytes);
    let place = EventId::native("reject", host, &place).to_string();
    EventId::nth(&reject.source, &place, &reject.raw, 1)
}

fn loss_id(loss: &Loss) -> EventId {
    let what = format!(
        "{} {} {:?} {}",
        loss.span.from.0, loss.span.until.0, loss.at_most, loss.why
    );
    side_id("loss", &loss.source, loss.host.as_deref(), &what)
}

fn attestation_id(said: &Attestation) -> EventId {
    let what = format!("{} {} {}", said.span.from.0, said.span.until.0, said.because);
    side_id("attestation", &said.source, said.host.as_deref(), &what)
}

fn side_id(kind: &str, source: &str, host: Option<&str>, what: &str) -> EventId {
    let place = format!("{kind} {source} {}", host.unwrap_or(""));
    EventId::native(kind, &place, what)
}

/// The same file under two names is listed under both.
pub(crate) fn evidence_id(evidence: &Evidence) -> EventId {
    EventId::native(
        "evidence",
        &evidence.id.0,
        &format!("{} {}", evidence.source, evidence.path),
    )
}

/// The manifest in the order in which it is shown.
pub(crate) fn sort_evidence(list: &mut [Evidence]) {
    list.sort_by(|a, b| (&a.path, &a.id, &a.source).cmp(&(&b.path, &b.id, &b.source)));
}
