//! The one writer of a lake: rows become files, files become part of the table in one commit.

use super::few::Few;
use super::file::{Change, DataFile};
use super::fs::random_name;
use super::kinds::Kinds;
use super::known::{Known, Reach};
use super::log::write_operation;
use super::raw::Sealer;
use super::rows::{RawRef, Row, encode, to_json};
use super::schema::{SIDE, day_of};
use super::template;
use super::weave::Beside;
use super::{Disk, Sum};
use crate::error::Error;
use crate::lake::{Receipt, Version};
use crate::pending::{Pending, lineage_of, settled_id};
use ambit_event::{Batch, Checkpoint, Event, EventId, Keys};
use datafusion::arrow::error::ArrowError;
use deltalake_core::kernel::{Action, Add};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// Rows that are turned into columns at once.
///
/// So few that they stay in the processor's cache while one column after the other is taken from them.
const ROWS: usize = 1024;

/// Holds the lock of the lake while it lives.
pub(crate) struct DiskWriter {
    disk: Disk,
    keys: Arc<Keys>,
    known: Known,
    pending: Pending,
    /// What is being written while more is taken in.
    behind: Option<Behind>,
    /// What was written and not yet told.
    done: Done,
    before: HashMap<String, Option<Checkpoint>>,
    /// A commit failed, and how much of it stands is for a new writer to see.
    spent: bool,
    _lock: File,
}

/// Rows on their way into files that no log names yet.
struct Behind {
    rows: Arc<Pending>,
    files: JoinHandle<Result<Vec<Add>, Error>>,
}

#[derive(Default)]
struct Done {
    n_events: u64,
    n_duplicates: u64,
    n_rejects: u64,
}

/// The names under which the log keeps how far a lineage was read: offset, records, and their digest.
pub(super) fn note_names(lineage: &str) -> [String; 3] {
    ["lineage", "records", "digest"].map(|what| format!("{what}:{lineage}"))
}

impl DiskWriter {
    pub fn new(disk: Disk, keys: Arc<Keys>, lock: File) -> Self {
        Self {
            disk,
            keys,
            known: Known::default(),
            pending: Pending::default(),
            behind: None,
            done: Done::default(),
            before: HashMap::new(),
            spent: false,
            _lock: lock,
        }
    }

    pub fn n_pending_bytes(&self) -> u64 {
        self.pending.n_bytes
    }

    pub async fn push(&mut self, batch: Batch) -> Result<(), Error> {
        self.usable()?;
        let before = match lineage_of(&batch) {
            Some(lineage) => self.checkpoint(lineage).await?,
            None => None,
        };
        let reach = Reach::of(&batch, before.as_ref());
        self.known
            .load(&self.disk.log.table, &self.disk.snapshot.entries, &reach)?;
        let behind = self.behind.as_ref().map(|behind| &*behind.rows);
        let holds = |id| self.known.holds(id) || behind.is_some_and(|rows| rows.holds(id));
        self.pending.take(batch, &holds, before.as_ref());
        Ok(())
    }

    /// How far a lineage was read before this writer, asked of the log once.
    async fn checkpoint(&mut self, lineage: String) -> Result<Option<Checkpoint>, Error> {
        if let Some(known) = self.before.get(&lineage) {
            return Ok(known.clone());
        }
        let found = self.disk.checkpoint(&lineage).await?;
        self.before.insert(lineage, found.clone());
        Ok(found)
    }

    /// Begins to write what was taken in, once what was handed over before is part of the lake.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.usable()?;
        self.settle().await?;
        let pending = std::mem::take(&mut self.pending);
        self.done.n_duplicates += pending.n_duplicates;
        if pending.is_empty() {
            return Ok(());
        }
        let job = Job {
            table: self.disk.log.table.clone(),
            raw: self.disk.home.raw(),
            keys: self.keys.clone(),
        };
        let rows = Arc::new(pending);
        let given = rows.clone();
        let files = tokio::task::spawn_blocking(move || job.write(&given));
        self.behind = Some(Behind { rows, files });
        Ok(())
    }

    pub async fn commit(&mut self) -> Result<Receipt, Error> {
        self.flush().await?;
        self.settle().await?;
        let done = std::mem::take(&mut self.done);
        Ok(Receipt {
            version: Version(self.disk.version()),
            n_events: done.n_events,
            n_duplicates: done.n_duplicates,
            n_rejects: done.n_rejects,
        })
    }

    fn usable(&self) -> Result<(), Error> {
        match self.spent {
            false => Ok(()),
            true => Err(Error::Spent {
                path: self.disk.home.dir.clone(),
            }),
        }
    }

    /// Waits for the files that are being written and makes them part of the lake.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(Behind { rows, files }) = self.behind.take() else {
            return Ok(());
        };
        self.spent = true;
        let adds = files.await;
        let adds = adds.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let names: Vec<String> = adds.iter().map(|add| add.path.clone()).collect();
        let notes = rows.checkpoints.values().flat_map(|checkpoint| {
            let Checkpoint {
                lineage,
                offset,
                n_records,
                digest,
            } = checkpoint;
            let values = [*offset, *n_records, *digest].map(u64::cast_signed);
            note_names(lineage).into_iter().zip(values)
        });
        let about = json!({"events": rows.n_events(), "rejects": rows.rejects.len()});
        let actions = adds.into_iter().map(Action::Add).collect();
        let log = self.disk.log.clone();
        let base = &self.disk.snapshot;
        let snapshot = log
            .commit(base, write_operation(), actions, notes.collect(), about)
            .await?;
        self.disk.snapshot = snapshot;
        self.known.note(names, rows.ids());
        self.done.n_events += rows.n_events() as u64;
        self.done.n_rejects += rows.rejects.len() as u64;
        self.spent = false;
        Ok(())
    }
}

/// What writing files needs, apart from the rows.
struct Job {
    table: PathBuf,
    raw: PathBuf,
    keys: Arc<Keys>,
}

impl Job {
    /// Writes the raw records and the data files, fsynced, and returns what the log is to say of them.
    fn write(&self, pending: &Pending) -> Result<Vec<Add>, Error> {
        let name = random_name()?;
        let mut sealer = Sealer::new(&self.keys, &self.raw, &name);
        let mut templates = template::Writer::default();
        let mut written = Vec::with_capacity(pending.n_events());
        for event in pending.events() {
            let fields = event.fields.to_json();
            let beside = Beside::of(event, &fields);
            sealer.push(&event.raw, &beside)?;
            written.push(templates.write(event, &fields, beside.leaves()));
        }
        for (_, reject) in &pending.rejects {
            sealer.push(&reject.raw, &Beside::NOTHING)?;
        }
        let (places, raw_file) = sealer.finish()?;
        let (of_events, of_rejects) = places.split_at(written.len());
        let mut adds = self.write_events(pending, of_events, &written, &name)?;
        adds.push(self.write_side(pending, of_rejects, raw_file, &name)?);
        Ok(adds)
    }

    /// `places` and `templates` of the events' raw records and fields, in the events' order.
    fn write_events(
        &self,
        pending: &Pending,
        places: &[Option<RawRef>],
        templates: &[String],
        name: &str,
    ) -> Result<Vec<Add>, Error> {
        let events: Vec<&Event> = pending.events().collect();
        let mut adds = Vec::new();
        for (day, nths) in by_day(&events) {
            let mut file = DataFile::create(&self.table, &day, name)?;
            for part in nths.chunks(ROWS) {
                let rows = part
                    .iter()
                    .map(|&nth| Row::event(events[nth], places[nth].clone(), &templates[nth]));
                file.write(&encode(&rows.collect::<Vec<_>>()).map_err(|e| self.failed(&e))?)?;
            }
            adds.push(file.finish(now(), Change::New)?);
        }
        Ok(adds)
    }

    /// What is no event goes into a file of its own, so that it is found without reading events.
    fn write_side(
        &self,
        pending: &Pending,
        places: &[Option<RawRef>],
        raw_file: Option<String>,
        name: &str,
    ) -> Result<Add, Error> {
        let sum = Sum {
            ledger: pending.ledger.clone(),
            content: pending.content.to_text(),
            raw: raw_file.into_iter().collect(),
            few: Few::of(pending.events()),
            kinds: Kinds::of(pending.events()),
        };
        let rejects = pending.rejects.iter().zip(places);
        let rejects = rejects
            .map(|((id, reject), place)| Row::reject(*id, reject, pending.ends.get(id), place.clone()));
        let losses = pending.losses.iter();
        let losses = losses.map(|(id, loss)| Row::loss(*id, loss, pending.ends.get(id)));
        let attestations = pending
            .attestations
            .iter()
            .map(|(id, said)| Row::attestation(*id, said));
        let evidence = pending
            .evidence
            .iter()
            .map(|(id, evidence)| Row::evidence(*id, evidence));
        let open = pending.open.iter().map(|end| Row::unfinished(*end));
        let settled = pending.settled.iter().map(|end| Row::settled(*end));
        let noted = pending.noted.iter().map(|(id, noted)| Row::noted(*id, noted));
        let rows = [Row::commit(to_json(&sum))].into_iter();
        let rows = rows
            .chain(open)
            .chain(settled)
            .chain(noted)
            .chain(rejects)
            .chain(losses)
            .chain(attestations)
            .chain(evidence);
        let rows: Vec<Row<'_>> = rows.collect();
        let mut file = DataFile::create(&self.table, SIDE, name)?;
        for part in rows.chunks(ROWS) {
            file.write(&encode(part).map_err(|e| self.failed(&e))?)?;
        }
        file.finish(now(), Change::New)
    }

    fn failed(&self, error: &ArrowError) -> Error {
        Error::Table {
            path: self.table.clone(),
            what: error.to_string(),
        }
    }
}

impl Pending {
    /// The identities of all its rows that a later batch could bring again.
    fn ids(&self) -> Vec<EventId> {
        let events = self.events().map(|event| event.id);
        let rejects = self.rejects.iter().map(|(id, _)| *id);
        let losses = self.losses.iter().map(|(id, _)| *id);
        let attestations = self.attestations.iter().map(|(id, _)| *id);
        let evidence = self.evidence.keys().copied();
        let ends = self.open.iter().copied();
        let settled = self.settled.iter().map(|end| settled_id(*end));
        let noted = self.noted.iter().map(|(id, _)| *id);
        events
            .chain(rejects)
            .chain(losses)
            .chain(attestations)
            .chain(evidence)
            .chain(ends)
            .chain(settled)
            .chain(noted)
            .collect()
    }
}

/// The events of each day in the order of their times. Logs come nearly in that order, which the sort makes use of;
/// what it compares stands beside the events, which are large and far apart.
fn by_day(events: &[&Event]) -> BTreeMap<String, Vec<usize>> {
    // An id as a number is compared in one step, and in the order of its bytes.
    let keys = events
        .iter()
        .enumerate()
        .map(|(nth, event)| (event.time, u128::from_be_bytes(event.id.0), nth));
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    let mut days: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for of_day in keys.chunk_by(|a, b| a.0.day() == b.0.day()) {
        // The years in which no logs are written share one.
        let day = days.entry(day_of(of_day[0].0.0)).or_default();
        day.extend(of_day.iter().map(|(_, _, nth)| *nth));
    }
    days
}

/// Milliseconds since 1970, for the log's own bookkeeping; no answer depends on it.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
