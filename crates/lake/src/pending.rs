//! What a writer has taken in and not yet committed: each row once, with its identity.

use crate::content::Content;
use crate::ledger::Ledger;
use ambit_event::{
    Attestation, Batch, Checkpoint, Event, EventId, Evidence, Loss, Noted, Reject, Unfinished,
};
use std::collections::{BTreeMap, HashSet};

/// New rows, without those that the lake or this very batch already holds.
#[derive(Default)]
pub(crate) struct Pending {
    /// Events as they came in, a list a batch: one list of them all would be copied whenever it grows. A writer may take
    /// them out.
    pub batches: Vec<Vec<Event>>,
    pub rejects: Vec<(EventId, Reject)>,
    pub losses: Vec<(EventId, Loss)>,
    pub attestations: Vec<(EventId, Attestation)>,
    pub evidence: BTreeMap<EventId, Evidence>,
    pub checkpoints: BTreeMap<String, Checkpoint>,
    /// The unfinished ends of files that rejects and losses among these are of.
    pub ends: BTreeMap<EventId, EventId>,
    /// Unfinished ends that are new here, and those that were read on from.
    pub open: Vec<EventId>,
    pub settled: Vec<EventId>,
    /// What was noted of findings.
    pub noted: Vec<(EventId, Noted)>,
    pub ledger: Ledger,
    pub content: Content,
    pub n_events: usize,
    pub n_duplicates: u64,
    /// Bytes of the events, texts beside the raw records not counted, to know when a commit is due.
    pub n_bytes: u64,
    ids: HashSet<EventId, ahash::RandomState>,
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.evidence.is_empty() && self.checkpoints.is_empty()
    }

    /// The identities of all its rows that a later batch could bring again.
    #[cfg(feature = "engine")]
    pub fn ids(&self) -> Vec<EventId> {
        self.ids.iter().chain(self.evidence.keys()).copied().collect()
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
            unfinished,
            settled,
            noted,
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
        self.noted.extend(only_new(noted, Noted::id, &mut is_new));
        self.n_duplicates += (n_events - new.events.len()) as u64;
        self.keep(new, rejects, losses, attestations);
        self.take_unfinished(unfinished.unwrap_or_default(), known);
        self.settle(settled, known);
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| Some(checkpoint) != before) {
            self.checkpoints.insert(checkpoint.lineage.clone(), checkpoint);
        }
    }

    /// What an unfinished end holds counts once, and not at all where that end was read on from: then the record
    /// is in the lake whole, and this is a copy that was cut.
    fn take_unfinished(&mut self, end: Unfinished, known: &dyn Fn(EventId) -> bool) {
        let settled = settled_id(end.id);
        if end.is_empty() || known(settled) || self.ids.contains(&settled) {
            return;
        }
        let mut is_new = |id: EventId| !known(id) && self.ids.insert(id);
        if is_new(end.id) {
            self.open.push(end.id);
        }
        let place = |r: &Reject| match r.n_bytes {
            0 => "the rest of the file".to_owned(),
            _ => format!("the record at {}", r.position.offset),
        };
        let rejects = only_new(end.rejects, |r| within(end.id, &place(r)), &mut is_new);
        let losses = only_new(end.losses, |l| within(end.id, &l.why), &mut is_new);
        let ids = rejects.iter().map(|r| r.0).chain(losses.iter().map(|l| l.0));
        self.ends.extend(ids.map(|id| (id, end.id)));
        self.ledger.add(&Batch {
            unfinished: Some(Unfinished {
                id: end.id,
                rejects: rejects.iter().map(|(_, reject)| reject.clone()).collect(),
                losses: losses.iter().map(|(_, loss)| loss.clone()).collect(),
            }),
            ..Batch::default()
        });
        self.n_bytes += rejects.iter().map(|(_, r)| r.raw.len() as u64).sum::<u64>();
        self.rejects.extend(rejects);
        self.losses.extend(losses);
    }

    /// Takes note of the ends that were read on from, where they are known here.
    fn settle(&mut self, ends: Vec<EventId>, known: &dyn Fn(EventId) -> bool) {
        for end in ends {
            let settled = settled_id(end);
            let is_known = known(end) || self.ids.contains(&end);
            if is_known && !known(settled) && self.ids.insert(settled) {
                self.settled.push(end);
                self.ledger.add(&Batch {
                    settled: vec![end],
                    ..Batch::default()
                });
            }
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
        self.n_events += new.events.len();
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

/// What is said of an unfinished end. That a longer part of the same record is there is nothing new.
fn within(end: EventId, what: &str) -> EventId {
    EventId::native("within", &end.to_string(), what)
}

/// The statement that an unfinished end was read on from.
pub(crate) fn settled_id(end: EventId) -> EventId {
    EventId::native("settled", "", &end.to_string())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Lake;
    use ambit_event::{Batch, Checkpoint, Position, Reject, Span, Timestamp, Unfinished};

    fn checkpoint(n_records: u64) -> Checkpoint {
        Checkpoint {
            lineage: "l".into(),
            offset: n_records * 100,
            n_records,
            digest: n_records + 1,
        }
    }

    /// A file read up to so many records, with so many bytes of another behind them.
    fn half(n_records: u64, n_bytes: u64) -> Batch {
        let reject = Reject {
            source: "nginx_access".into(),
            host: None,
            position: Position {
                offset: n_records * 100,
                ..Position::default()
            },
            reason: "the file ends before this record does".into(),
            field: None,
            between: Some(Span::new(Timestamp::from_secs(60), Timestamp::MAX)),
            raw: vec![b'x'; usize::try_from(n_bytes).unwrap()],
            n_bytes,
        };
        Batch {
            unfinished: Some(Unfinished {
                rejects: vec![reject],
                ..Unfinished::behind(&checkpoint(n_records))
            }),
            checkpoint: Some(checkpoint(n_records)),
            ..Batch::default()
        }
    }

    /// The same file read on from there.
    fn read_on(from: u64, until: u64) -> Batch {
        Batch {
            settled: vec![Unfinished::behind(&checkpoint(from)).id],
            checkpoint: Some(checkpoint(until)),
            ..Batch::default()
        }
    }

    async fn put(lake: &Lake, batch: Batch) -> (u64, Lake) {
        let mut writer = lake.writer().await.unwrap();
        writer.push(batch).await.unwrap();
        let receipt = writer.commit().await.unwrap();
        (receipt.n_rejects, lake.refresh().await.unwrap())
    }

    async fn n_rejects(lake: &Lake) -> (u64, u64) {
        let coverage = lake.coverage().await.unwrap();
        let in_coverage = coverage.streams.iter().map(|s| s.n_rejects).sum();
        (lake.rejects(10).await.unwrap().0, in_coverage)
    }

    #[tokio::test]
    async fn half_a_record_counts_once_and_until_the_whole_is_there() {
        let lake = Lake::in_memory([0; 32]);
        let (new, lake) = put(&lake, half(3, 20)).await;
        assert_eq!((new, n_rejects(&lake).await), (1, (1, 1)));
        let before = lake.clone();
        let (new, lake) = put(&lake, half(3, 50)).await;
        assert_eq!(
            (new, n_rejects(&lake).await),
            (0, (1, 1)),
            "more of it is not another"
        );
        let (_, lake) = put(&lake, read_on(3, 9)).await;
        assert_eq!(n_rejects(&lake).await, (0, 0));
        let (new, lake) = put(&lake, half(3, 20)).await;
        assert_eq!(
            (new, n_rejects(&lake).await),
            (0, (0, 0)),
            "a copy that was cut there"
        );
        let (new, lake) = put(&lake, half(9, 20)).await;
        assert_eq!((new, n_rejects(&lake).await), (1, (1, 1)), "the next half record");
        assert_eq!(
            n_rejects(&before).await,
            (1, 1),
            "what was true of a version stays"
        );
    }

    #[tokio::test]
    async fn both_in_one_commit_are_the_same() {
        let lake = Lake::in_memory([0; 32]);
        let mut writer = lake.writer().await.unwrap();
        for batch in [half(3, 20), read_on(3, 9), half(3, 20)] {
            writer.push(batch).await.unwrap();
        }
        writer.commit().await.unwrap();
        assert_eq!(n_rejects(&lake.refresh().await.unwrap()).await, (0, 0));
    }

    #[tokio::test]
    async fn to_read_on_where_nothing_was_unfinished_is_no_news() {
        let lake = Lake::in_memory([0; 32]);
        let whole = Batch {
            checkpoint: Some(checkpoint(3)),
            ..Batch::default()
        };
        let (_, lake) = put(&lake, whole).await;
        let again = Batch {
            checkpoint: Some(checkpoint(3)),
            ..read_on(2, 3)
        };
        let version = lake.version();
        assert_eq!(put(&lake, again).await.1.version(), version);
    }
}
