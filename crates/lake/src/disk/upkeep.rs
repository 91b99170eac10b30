//! Upkeep: small files rewritten to larger ones, and files that no readable version needs removed.

use super::columns::encode;
use super::few::Few;
use super::file::{Change, DataFile, Entry};
use super::fs::random_name;
use super::instants::in_order;
use super::kinds::Kinds;
use super::log::{Snapshot, compact_operation};
use super::merge::Merge;
use super::rows::{Row, to_json};
use super::schema::{SIDE, columns, file_schema, kind};
use super::writer::now;
use super::{Disk, Sum};
use crate::content::Content;
use crate::engine::failed;
use crate::error::Error;
use crate::lake::{Compaction, Vacuum, Version};
use ambit_event::Timestamp;
use datafusion::arrow::array::RecordBatch;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;
use deltalake_core::kernel::{Action, Add, Remove};
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Files are rewritten to about this size.
const TARGET: u64 = 32 << 20;
/// Files of this size are left as they are.
const LARGE: u64 = TARGET / 2;
/// Batches that wait for being written while the next is read.
const AHEAD: usize = 2;

/// What a compaction did so far, which no log names yet.
#[derive(Default)]
struct Rewritten {
    adds: Vec<Add>,
    removes: Vec<Remove>,
}

impl Rewritten {
    fn note(&mut self, add: Add, entries: &[Arc<Entry>]) {
        self.adds.push(add);
        self.removes.extend(entries.iter().map(|entry| {
            let mut remove = entry.remove.clone();
            remove.deletion_timestamp = Some(now());
            remove
        }));
    }
}

impl Disk {
    pub fn n_small_files(&self) -> usize {
        groups(&self.snapshot.entries)
            .iter()
            .map(|(_, group)| group.len())
            .sum()
    }

    /// Rewrites the small files of each day. The rows stay the same; old versions stay readable until
    /// they are vacuumed.
    ///
    /// # Errors
    /// Where it cannot be done. Then nothing is.
    pub async fn compact(&self) -> Result<Compaction, Error> {
        let _lock = self.home.lock()?;
        let disk = self.refresh().await?;
        let mut done = Rewritten::default();
        if let Err(error) = disk.rewrite_all(&mut done).await {
            done.adds.iter().for_each(|add| disk.drop_unnamed(add));
            return Err(error);
        }
        let (n_before, n_after) = (done.removes.len() as u64, done.adds.len() as u64);
        let mut version = disk.version();
        if n_after > 0 {
            let about = json!({"rewritten": n_before});
            let target = i64::try_from(TARGET).unwrap_or(i64::MAX);
            let operation = compact_operation(target);
            let adds = done.adds.into_iter().map(Action::Add);
            let actions = adds.chain(done.removes.into_iter().map(Action::Remove));
            let done = disk
                .log
                .commit(&disk.snapshot, operation, actions.collect(), Vec::new(), about)
                .await?;
            version = done.version();
        }
        Ok(Compaction {
            version: Version(version),
            n_before,
            n_after,
        })
    }

    async fn rewrite_all(&self, done: &mut Rewritten) -> Result<(), Error> {
        let mut groups = groups(&self.snapshot.entries);
        groups.reverse();
        while let Some((day, entries)) = groups.pop() {
            let add = match day.as_str() {
                SIDE => self.rewrite_side(&entries).await,
                _ => self.rewrite(&day, &entries).await,
            };
            match (add, halves(&day, &entries)) {
                (Ok(add), _) => done.note(add, &entries),
                (Err(Error::Memory { .. }), Some((first, second))) => groups.extend([second, first]),
                (Err(Error::Memory { what }), None) => return Err(Error::NoRoom { what }),
                (Err(error), _) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes a file that no log names. Where that cannot be, vacuum takes it.
    fn drop_unnamed(&self, add: &Add) {
        let _ = fs::remove_file(self.log.table.join(&add.path));
    }

    async fn rewrite(&self, day: &str, entries: &[Arc<Entry>]) -> Result<Add, Error> {
        if let Some(add) = self.merged(day, entries).await? {
            return Ok(add);
        }
        let rows = self.to_sort(entries)?.sort(in_order()).map_err(failed)?;
        let mut file = DataFile::create(&self.log.table, day, &random_name()?)?;
        self.copy(rows, &mut file).await?;
        self.finish(file, entries)
    }

    /// Rows that are to be sorted, as the engine has them which keeps most room for that.
    fn to_sort(&self, entries: &[Arc<Entry>]) -> Result<DataFrame, Error> {
        self.engine.read_to_sort(self.log.files(entries.to_vec()))
    }

    /// The file that these make which lie in the order of their times each; `None` where the engine has to sort them.
    async fn merged(&self, day: &str, entries: &[Arc<Entry>]) -> Result<Option<Add>, Error> {
        let (disk, day, entries) = (self.clone(), day.to_owned(), entries.to_vec());
        let merging = tokio::task::spawn_blocking(move || disk.merge(&day, &entries));
        // What a file that was damaged makes a decoder do is no end of the program.
        merging.await.unwrap_or(Ok(None))
    }

    /// Reads in one thread what it writes in the other.
    fn merge(&self, day: &str, entries: &[Arc<Entry>]) -> Result<Option<Add>, Error> {
        let Some(merge) = Merge::of(&self.log.lookups, entries, self.engine.memory())? else {
            return Ok(None);
        };
        let mut file = DataFile::create(&self.log.table, day, &random_name()?)?;
        let is_whole = thread::scope(|scope| {
            let (give, given) = sync_channel(AHEAD);
            let reading = scope.spawn(move || merge.give(|batch| give.send(batch).is_ok()));
            for batch in given {
                file.write(&batch)?;
            }
            Ok(reading.join().ok().flatten().is_some())
        })?;
        match is_whole {
            true => self.finish(file, entries).map(Some),
            false => Ok(None),
        }
    }

    /// What is no event; the sums of the commits become one.
    async fn rewrite_side(&self, entries: &[Arc<Entry>]) -> Result<Add, Error> {
        let sums = self
            .read(entries.to_vec())?
            .filter(ident("kind").eq(lit(kind::COMMIT)));
        let sums: Vec<Sum> = self.read_json(sums.map_err(failed)?).await?;
        let n_sums = sums.len() as u64;
        let sum = self.summed(sums)?;
        let mut file = DataFile::create(&self.log.table, SIDE, &random_name()?)?;
        let row = encode(&[Row::commit(to_json(&sum))]).map_err(|e| failed(e.into()))?;
        file.write(&row)?;
        let order = vec![ident("kind").sort(true, false), ident("id").sort(true, false)];
        let rest = self
            .to_sort(entries)?
            .filter(ident("kind").not_eq(lit(kind::COMMIT)));
        let rest = rest.and_then(|rows| rows.sort(order)).map_err(failed)?;
        self.copy(rest, &mut file).await?;
        file.merged(n_sums);
        self.finish(file, entries)
    }

    fn summed(&self, sums: Vec<Sum>) -> Result<Sum, Error> {
        let mut all = Sum {
            few: Few::NONE,
            kinds: Kinds::NONE,
            ..Sum::default()
        };
        let mut content = Content::default();
        for sum in sums {
            let part = Content::from_text(&sum.content);
            content.merge(&part.ok_or_else(|| self.damaged("the content of a commit cannot be read"))?);
            all.ledger.merge(sum.ledger);
            all.few.merge(&sum.few);
            all.kinds.merge(&sum.kinds);
            all.raw.extend(sum.raw);
        }
        all.raw.sort();
        all.raw.dedup();
        all.content = content.to_text();
        Ok(all)
    }

    async fn copy(&self, rows: DataFrame, file: &mut DataFile) -> Result<(), Error> {
        let names: Vec<&str> = columns().map(|(name, _)| name).collect();
        let rows = rows.select_columns(&names).map_err(failed)?;
        let mut stream = rows.execute_stream().await.map_err(failed)?;
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            let batch = RecordBatch::try_new(file_schema(), batch.columns().to_vec());
            file.write(&batch.map_err(|e| failed(e.into()))?)?;
        }
        Ok(())
    }

    /// Completes a rewritten file, unless it holds fewer or more rows than those that it replaces.
    fn finish(&self, file: DataFile, entries: &[Arc<Entry>]) -> Result<Add, Error> {
        let expected: Option<u64> = entries.iter().map(|entry| entry.summary.n_rows).sum();
        match expected.is_none_or(|expected| expected == file.n_rows()) {
            true => file.finish(now(), Change::Rewritten),
            false => Err(self.damaged("rewriting files would have changed the number of rows")),
        }
    }

    fn damaged(&self, what: &str) -> Error {
        Error::Damaged {
            path: self.log.table.clone(),
            what: what.to_owned(),
        }
    }

    /// Removes the files that are in no version that was the newest at `keep_since` or later, and in no
    /// pinned version. Files that never became part of a version go too.
    pub async fn vacuum(&self, keep_since: Timestamp) -> Result<Vacuum, Error> {
        let _lock = self.home.lock()?;
        let disk = self.refresh().await?;
        let kept = disk.kept_files(keep_since).await?;
        let mut done = Vacuum::default();
        for (name, path) in data_files(&self.log.table)? {
            if !kept.contains(&name) {
                remove(&mut done, &path)?;
            }
        }
        let raw: HashSet<String> = disk.sums().await?.into_iter().flat_map(|sum| sum.raw).collect();
        for path in list(&self.home.raw())? {
            if !raw.contains(&file_name(&path)) {
                remove(&mut done, &path)?;
            }
        }
        for path in list(&self.log.table.join("_delta_log"))? {
            if file_name(&path).starts_with(".draft-") {
                remove(&mut done, &path)?;
            }
        }
        Ok(done)
    }

    async fn kept_files(&self, keep_since: Timestamp) -> Result<HashSet<String>, Error> {
        let newest = self.version();
        let mut kept: HashSet<String> = names(&self.snapshot);
        let mut oldest = newest;
        // The version that was the newest at that instant is the last one made before it.
        while oldest > 0 {
            let Some((made_at, added)) = read_commit(&self.log.table, oldest) else {
                break;
            };
            if made_at <= keep_since {
                break;
            }
            kept.extend(added);
            oldest -= 1;
        }
        for version in pinned(&self.home.pins())?.into_iter().chain([oldest]) {
            if version < newest {
                kept.extend(names(&self.log.load(version).await?));
            }
        }
        Ok(kept)
    }

    /// Keeps this version readable through vacuums, under a name.
    pub fn pin(&self, name: &str) -> Result<(), Error> {
        let path = self.pin_path(name)?;
        let text = self.version().to_string();
        let written = super::fs::write_whole(&path, text.as_bytes(), super::fs::Existing::Replace);
        written.map_err(|cause| Error::io("writing", &path, cause))
    }

    /// Drops a pin; one that is not there is dropped already.
    pub fn unpin(&self, name: &str) -> Result<(), Error> {
        let path = self.pin_path(name)?;
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("removing", &path, cause))
            }
            _ => Ok(()),
        }
    }

    fn pin_path(&self, name: &str) -> Result<PathBuf, Error> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        match !name.is_empty() && name.len() <= 100 && name.bytes().all(fits) {
            true => Ok(self.home.pins().join(name)),
            false => Err(Error::PinName {
                name: name.chars().take(80).collect(),
            }),
        }
    }
}

fn remove(done: &mut Vacuum, path: &Path) -> Result<(), Error> {
    let removed = fs::metadata(path).and_then(|meta| fs::remove_file(path).map(|()| meta.len()));
    done.n_bytes += removed.map_err(|cause| Error::io("removing", path, cause))?;
    done.n_files += 1;
    Ok(())
}

/// Two groups in the place of one whose rows cannot be sorted at once, as much else takes memory; `None` where these
/// would be single files.
fn halves(day: &str, entries: &[Arc<Entry>]) -> Option<(Group, Group)> {
    let (first, second) = entries.split_at(entries.len() / 2);
    let group = |entries: &[Arc<Entry>]| (day.to_owned(), entries.to_vec());
    (day != SIDE && first.len() > 1).then(|| (group(first), group(second)))
}

/// The files of one day that become one.
type Group = (String, Vec<Arc<Entry>>);

/// The small files of each day, in groups that make one file of about the target size.
fn groups(entries: &[Arc<Entry>]) -> Vec<Group> {
    let mut days: BTreeMap<&str, Vec<&Arc<Entry>>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.size < LARGE) {
        days.entry(&entry.day).or_default().push(entry);
    }
    let mut groups = Vec::new();
    for (day, entries) in days {
        let mut group: Vec<Arc<Entry>> = Vec::new();
        for entry in entries {
            let size: u64 = group.iter().map(|e| e.size).sum();
            if size + entry.size > TARGET {
                groups.push((day.to_owned(), std::mem::take(&mut group)));
            }
            group.push(entry.clone());
        }
        groups.push((day.to_owned(), group));
    }
    groups.retain(|(_, group)| group.len() > 1);
    groups
}

fn names(snapshot: &Snapshot) -> HashSet<String> {
    snapshot.entries.iter().map(|entry| entry.path.clone()).collect()
}

/// When a version was made, and which files it added; `None` where its log file is not there.
fn read_commit(table: &Path, version: u64) -> Option<(Timestamp, Vec<String>)> {
    let path = table.join("_delta_log").join(format!("{version:020}.json"));
    let text = fs::read_to_string(path).ok()?;
    let mut made_at = Timestamp::MAX;
    let mut added = Vec::new();
    for action in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        if let Some(millis) = action["commitInfo"]["timestamp"].as_i64() {
            made_at = Timestamp(millis.saturating_mul(1_000_000));
        }
        added.extend(action["add"]["path"].as_str().map(str::to_owned));
    }
    Some((made_at, added))
}

fn pinned(folder: &Path) -> Result<BTreeSet<u64>, Error> {
    let mut versions = BTreeSet::new();
    for path in list(folder)? {
        let text = fs::read_to_string(&path).map_err(|cause| Error::io("reading", &path, cause))?;
        // A draft of a pin that was never completed pins nothing.
        versions.extend(text.trim().parse::<u64>().ok());
    }
    Ok(versions)
}

/// All data files in the folders of the partitions, by their name in the log.
fn data_files(table: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut all = Vec::new();
    for folder in list(table)?.into_iter().filter(|path| path.is_dir()) {
        let day = file_name(&folder);
        if day.starts_with("day=") {
            let files = list(&folder)?.into_iter().filter(|path| path.is_file());
            all.extend(files.map(|path| (format!("{day}/{}", file_name(&path)), path)));
        }
    }
    Ok(all)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|e| Ok(e?.path())).collect());
    let mut paths: Vec<PathBuf> = read.map_err(|cause| Error::io("reading", folder, cause))?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
