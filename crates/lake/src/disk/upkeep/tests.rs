//! Compaction in little memory, and of files that lie in no order.

#![allow(clippy::unwrap_used)]

use super::super::log::write_operation;
use super::*;
use crate::engine::Engine;
use crate::{Filter, Lake, Query};
use ambit_event::{Batch, Event, EventId};
use tempfile::TempDir;

const N_FILES: usize = 8;
const N_EVENTS: usize = 1500;

/// The events of one file of a day; those of others lie between them.
fn part(nth: usize) -> Batch {
    let event = |row: usize| {
        let n = nth + row * N_FILES;
        let at = Timestamp(1_400_000_000_000_000_000 + ((n * 7_919) % 12_007) as i64);
        let mut event = Event::new("s", at);
        event.id = EventId::native("s", "", &n.to_string());
        event.raw = format!("record {n}").into_bytes();
        event.trace = Some(format!("trace {n}, which is longer than a view"));
        event.status_code = nth.is_multiple_of(2).then(|| "200".to_owned());
        event.parameters = vec![n.to_string(); n % 3];
        event
    };
    Batch {
        events: (0..N_EVENTS).map(event).collect(),
        ..Batch::default()
    }
}

/// A lake with a day in small files.
async fn lake(dir: &Path) -> Disk {
    let lake = Lake::create(dir).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    for nth in 0..N_FILES {
        writer.push(part(nth)).await.unwrap();
        writer.commit().await.unwrap();
    }
    drop(writer);
    Disk::open(dir).await.unwrap()
}

fn of_events(disk: &Disk) -> Vec<Arc<Entry>> {
    let entries = disk.snapshot.entries.iter().filter(|entry| entry.day != SIDE);
    entries.cloned().collect()
}

async fn events(disk: &Disk) -> Vec<Event> {
    disk.events(&Query::of(Filter::everything())).await.unwrap()
}

/// Rewrites each file of events with its rows turned around.
async fn turned_around(disk: &Disk) -> Disk {
    let mut actions = Vec::new();
    for entry in of_events(disk) {
        let last_first = vec![ident("time").sort(false, false)];
        let rows = disk.read(vec![entry.clone()]).unwrap().sort(last_first).unwrap();
        let name = random_name().unwrap();
        let mut file = DataFile::create(&disk.log.table, &entry.day, &name).unwrap();
        disk.copy(rows, &mut file).await.unwrap();
        actions.push(Action::Add(file.finish(now(), Change::Rewritten).unwrap()));
        actions.push(Action::Remove(entry.remove.clone()));
    }
    let about = json!({});
    let committed = disk
        .log
        .commit(&disk.snapshot, write_operation(), actions, Vec::new(), about);
    committed.await.unwrap();
    disk.refresh().await.unwrap()
}

fn within(disk: &Disk, memory: usize) -> Disk {
    Disk {
        engine: Engine::within(memory).unwrap(),
        ..disk.clone()
    }
}

/// Compacts in more and more memory until that is enough; until then nothing may change.
async fn in_least_memory(disk: &Disk) -> Compaction {
    let (files, version) = (data_files(&disk.log.table).unwrap(), disk.version());
    let mut memory = 16 << 10;
    loop {
        match within(disk, memory).compact().await {
            Ok(done) => return done,
            Err(Error::NoRoom { what }) => assert!(!what.is_empty()),
            Err(other) => panic!("{memory}: {other}"),
        }
        assert!(memory < 1 << 30);
        assert_eq!(data_files(&disk.log.table).unwrap(), files);
        assert_eq!(disk.refresh().await.unwrap().version(), version);
        memory += memory / 4;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_for_the_memory_is_rewritten_in_parts() {
    let dir = TempDir::new().unwrap();
    let disk = lake(dir.path()).await;
    let before = events(&disk).await;
    assert_eq!(before.len(), N_FILES * N_EVENTS);

    let done = in_least_memory(&disk).await;
    // Of the events two files or more, and one of what is no event.
    assert!((3..N_FILES as u64).contains(&done.n_after), "{done:?}");
    let disk = disk.refresh().await.unwrap();
    assert_eq!(events(&disk).await, before);
    let done = disk.compact().await.unwrap();
    assert_eq!(done.n_after, 1);
    let disk = disk.refresh().await.unwrap();
    assert_eq!(events(&disk).await, before);
    let id = before[N_EVENTS].id;
    let raw = disk.raw(id, &disk.keys().unwrap()).await.unwrap().unwrap();
    assert!(raw.starts_with(b"record "));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_in_no_order_become_one_that_is() {
    let (dir, sorted) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let disk = turned_around(&lake(dir.path()).await).await;
    let before = events(&disk).await;
    let unsorted = disk.merged("x", &of_events(&disk)).await.unwrap();
    assert!(unsorted.is_none());

    in_least_memory(&disk).await;
    disk.refresh().await.unwrap().compact().await.unwrap();
    let disk = disk.refresh().await.unwrap();
    assert_eq!(events(&disk).await, before);
    let other = lake(sorted.path()).await;
    other.compact().await.unwrap();
    let other = other.refresh().await.unwrap();
    let (files, others) = (of_events(&disk), of_events(&other));
    assert_eq!((files.len(), others.len()), (1, 1));
    // The merge takes it now, and it holds what was merged from files in order.
    assert!(disk.merged("x", &files).await.unwrap().is_some());
    assert_eq!(events(&other).await, before);
}
