//! The one writer of a lake: rows become files, files become part of the table in one commit.

use super::columns::encode;
use super::file::{Change, DataFile};
use super::fs::random_name;
use super::intake::{Intake, Taken};
use super::known::{Known, Reach};
use super::log::write_operation;
use super::raw::Sealer;
use super::rows::{Row, to_json};
use super::schema::SIDE;
use super::{Disk, Sum};
use crate::error::Error;
use crate::lake::{Receipt, Version};
use crate::pending::{Pending, lineage_of};
use ambit_event::{Batch, Checkpoint, Event, Keys};
use datafusion::arrow::error::ArrowError;
use deltalake_core::kernel::{Action, Add};
use serde_json::json;
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;

/// Rows that are written at once.
const ROWS: usize = 4096;

/// Holds the lock of the lake while it lives.
pub(crate) struct DiskWriter {
    disk: Disk,
    keys: Arc<Keys>,
    known: Known,
    pending: Pending,
    /// The pending events.
    intake: Option<Intake>,
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
            intake: None,
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

    pub async fn push(&mut self, batch: Batch) -> Result<Vec<Event>, Error> {
        self.usable()?;
        let before = match lineage_of(&batch) {
            Some(lineage) => self.checkpoint(lineage).await?,
            None => None,
        };
        let reach = Reach::of(&batch, before.as_ref());
        self.known
            .load(&self.disk.log.table, &self.disk.snapshot, reach)?;
        let behind = self.behind.as_ref().map(|behind| &*behind.rows);
        let holds = |id| self.known.holds(id) || behind.is_some_and(|rows| rows.holds(id));
        self.pending.take(batch, &holds, before.as_ref());
        let taken = self.take_in();
        // What was half taken in cannot be committed.
        self.spent |= taken.is_err();
        taken
    }

    /// Makes columns of the events of a push, which are one list, and gives these back.
    fn take_in(&mut self) -> Result<Vec<Event>, Error> {
        let Some(events) = self.pending.batches.pop() else {
            return Ok(Vec::new());
        };
        let intake = match self.intake.take() {
            Some(intake) => intake,
            None => self.new_intake()?,
        };
        self.intake.insert(intake).add(&events)?;
        Ok(events)
    }

    fn new_intake(&self) -> Result<Intake, Error> {
        let name = random_name()?;
        Ok(Intake::new(Sealer::new(&self.keys, &self.disk.home.raw(), &name)))
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
        let intake = match self.intake.take() {
            Some(intake) => intake,
            None => self.new_intake()?,
        };
        let table = self.disk.log.table.clone();
        let rows = Arc::new(pending);
        let given = rows.clone();
        let files = tokio::task::spawn_blocking(move || Job { table }.write(&given, intake));
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
        let about = json!({"events": rows.n_events, "rejects": rows.rejects.len()});
        let actions = adds.into_iter().map(Action::Add).collect();
        let log = self.disk.log.clone();
        let base = &self.disk.snapshot;
        let snapshot = log
            .commit(base, write_operation(), actions, notes.collect(), about)
            .await?;
        self.disk.snapshot = snapshot;
        self.known.note(names, rows.ids());
        self.done.n_events += rows.n_events as u64;
        self.done.n_rejects += rows.rejects.len() as u64;
        self.spent = false;
        Ok(())
    }
}

/// Writes the files of one commit.
struct Job {
    table: PathBuf,
}

impl Job {
    /// Writes the raw records and the data files, fsynced, and returns what the log is to say of them.
    fn write(&self, pending: &Pending, intake: Intake) -> Result<Vec<Add>, Error> {
        let rejects = pending.rejects.iter().map(|(_, reject)| &*reject.raw);
        let taken = intake.finish(rejects)?;
        let name = random_name()?;
        let mut adds = Vec::new();
        for (day, keys) in taken.by_day() {
            let mut file = DataFile::create(&self.table, &day, &name)?;
            for part in keys.chunks(ROWS) {
                file.write(&taken.batch(part).map_err(|e| self.failed(&e))?)?;
            }
            adds.push(file.finish(now(), Change::New)?);
        }
        adds.push(self.write_side(pending, taken, &name)?);
        Ok(adds)
    }

    /// What is no event goes into a file of its own, so that it is found without reading events.
    fn write_side(&self, pending: &Pending, taken: Taken, name: &str) -> Result<Add, Error> {
        let rejects = pending.rejects.iter().zip(taken.other_places());
        let rejects = rejects
            .map(|((id, reject), place)| Row::reject(*id, reject, pending.ends.get(id), place.clone()));
        let rejects: Vec<Row<'_>> = rejects.collect();
        let sum = Sum {
            ledger: pending.ledger.clone(),
            content: pending.content.to_text(),
            raw: taken.raw_file.into_iter().collect(),
            few: taken.few,
            kinds: taken.kinds,
        };
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

/// Milliseconds since 1970, for the log's own bookkeeping; no answer depends on it.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
