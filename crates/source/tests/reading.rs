//! Evidence as it lies on disks: found, unpacked, read, read again, and read on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Checkpoint, EventId, Keys, Loss, Reject, Timestamp, Unfinished};
use ambit_source::{
    Caps, Error, Input, LastRecord, Options, Shipment, Summary, discover, manifest_line, read,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A lake as far as these tests need one.
#[derive(Default)]
struct Store {
    ids: BTreeSet<EventId>,
    n_given: usize,
    /// Rejects whose end was seen.
    n_rejects: usize,
    /// Unfinished ends that were not read on from, and those that were.
    open: BTreeMap<EventId, (Vec<Reject>, Vec<Loss>)>,
    settled: BTreeSet<EventId>,
    checkpoints: BTreeMap<String, Checkpoint>,
    whole: Batch,
}

impl Store {
    fn ingest(&mut self, paths: &[&Path], options: &Options) -> (Vec<Summary>, Vec<Error>) {
        let paths: Vec<PathBuf> = paths.iter().map(|p| (*p).to_owned()).collect();
        let (inputs, errors) = discover(&paths, options);
        (
            inputs
                .iter()
                .map(|input| self.read(input, options, usize::MAX))
                .collect(),
            errors,
        )
    }

    /// Reads on from the checkpoint, and stops after so many batches.
    fn read(&mut self, input: &Input, options: &Options, n_batches: usize) -> Summary {
        let resume = self.checkpoints.get(&input.evidence.lineage).cloned();
        let mut n_left = n_batches;
        let mut sink = |batch: Batch| {
            n_left -= 1;
            self.keep(batch);
            if n_left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        read(
            input,
            options,
            &Keys::derive(&[7; 32]),
            resume.as_ref(),
            &mut sink,
        )
        .unwrap()
    }

    fn keep(&mut self, batch: Batch) {
        self.n_given += batch.events.len();
        let Unfinished { id, rejects, losses } = batch.unfinished.unwrap_or_default();
        if !(rejects.is_empty() && losses.is_empty() || self.settled.contains(&id)) {
            self.open.entry(id).or_insert((rejects, losses));
        }
        // A lake takes no notice of an end that it does not know.
        for id in batch.settled {
            if self.open.remove(&id).is_some() {
                self.settled.insert(id);
            }
        }
        self.n_rejects += batch.rejects.len();
        self.ids.extend(batch.events.iter().map(|e| e.id));
        if let Some(checkpoint) = batch.checkpoint {
            self.checkpoints.insert(checkpoint.lineage.clone(), checkpoint);
        }
        self.whole.events.extend(batch.events);
        self.whole.rejects.extend(batch.rejects);
        self.whole.losses.extend(batch.losses);
        self.whole.attestations.extend(batch.attestations);
    }

    /// Rejects and losses, those of unfinished ends among them.
    fn rejects(&self) -> Vec<&Reject> {
        let open = self.open.values().flat_map(|(rejects, _)| rejects);
        self.whole.rejects.iter().chain(open).collect()
    }

    fn losses(&self) -> Vec<&Loss> {
        let open = self.open.values().flat_map(|(_, losses)| losses);
        self.whole.losses.iter().chain(open).collect()
    }

    fn of(paths: &[&Path]) -> Self {
        let mut store = Self::default();
        let (_, errors) = store.ingest(paths, &Options::default());
        assert_eq!(errors, []);
        store
    }
}

fn line(second: u32, path: &str) -> String {
    format!(
        r#"203.0.113.7 - - [23/May/2014:10:{:02}:{:02} +0000] "GET /{path} HTTP/1.1" 200 5 "-" "x""#,
        second / 60 % 60,
        second % 60
    ) + "\n"
}

fn lines(seconds: std::ops::Range<u32>) -> String {
    seconds.map(|s| line(s, &format!("p{s}"))).collect()
}

fn write(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_same_lines_under_other_names_and_compressions_are_the_same_events() {
    let dir = folder();
    let text = lines(0..50);
    let plain = write(&dir, "access.log", &text);
    let expected = Store::of(&[&plain]).ids;
    assert_eq!(expected.len(), 50);
    for (name, bytes) in packed(text.as_bytes()) {
        let path = write(&dir, &format!("packed/{name}"), bytes);
        let mut store = Store::default();
        let (_, errors) = store.ingest(&[&path], &Options::default());
        assert_eq!((store.ids, errors), (expected.clone(), vec![]), "{name}");
    }
}

fn packed(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&text[..1000]).unwrap();
    let mut two = gz.finish().unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&text[1000..]).unwrap();
    two.extend(gz.finish().unwrap());
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bz2.write_all(text).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
    xz.write_all(text).unwrap();
    let zst = zstd::encode_all(text, 3).unwrap();
    vec![
        ("access.log.gz", two.clone()),
        ("access.log.bz2", bz2.finish().unwrap()),
        ("access.log.xz", xz.finish().unwrap()),
        ("access.log.zst", zst.clone()),
        (
            "logs.tar",
            tar_of(&[("a/access.log", text), ("a/access.log.1", b"")]),
        ),
        (
            "logs.tar.zst",
            zstd::encode_all(&tar_of(&[("access.log.gz", &two)])[..], 3).unwrap(),
        ),
        (
            "logs.zip",
            zip_of(&[("../../access.log", text), ("copy/access.log.zst", &zst)]),
        ),
    ]
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn two_true_identical_lines_count_twice_and_a_copy_adds_nothing() {
    let dir = folder();
    let text = line(1, "a").repeat(2) + &line(2, "b") + &line(1, "a") + "broken\n" + &line(3, "c");
    let first = write(&dir, "one/access.log", &text);
    let copy = write(&dir, "two/renamed.log", &text);
    let store = Store::of(&[&first, &copy]);
    assert_eq!((store.ids.len(), store.n_given, store.n_rejects), (5, 5, 1));
    let (inputs, _) = discover(&[first, copy], &Options::default());
    let mut uncommitted = Store::default();
    for input in &inputs {
        uncommitted.checkpoints.clear();
        uncommitted.read(input, &Options::default(), usize::MAX);
    }
    assert_eq!((uncommitted.ids.len(), uncommitted.n_rejects), (5, 1));
}

#[test]
fn lines_of_two_hosts_count_once_unless_the_hosts_are_named_and_that_is_said() {
    let dir = folder();
    write(&dir, "web1/access.log", lines(0..5));
    write(&dir, "web1/access.log.1", line(0, "older") + &line(90, "z"));
    write(
        &dir,
        "web2/access.log",
        lines(3..5) + &line(3, "p3") + &line(90, "z"),
    );
    let mut store = Store::default();
    let (summaries, _) = store.ingest(&[dir.path()], &Options::default());
    assert_eq!((store.ids.len(), store.n_given), (8, 11));
    let notes: Vec<&String> = summaries.iter().flat_map(|s| &s.notes).collect();
    assert!(
        notes.len() == 1
            && notes[0].starts_with("3 of its records")
            && notes[0].contains("web1/access.log.1 too")
            && notes[0].contains("--host"),
        "{notes:?}"
    );
    let mut store = Store::default();
    for host in ["web1", "web2"] {
        let options = Options {
            host: Some(host.into()),
            ..Options::default()
        };
        let (summaries, _) = store.ingest(&[&dir.path().join(host)], &options);
        assert!(summaries.iter().all(|s| s.notes.is_empty()));
    }
    assert_eq!(store.ids.len(), 11);
}

#[test]
fn records_that_their_producer_names_count_once_and_nobody_is_asked_whose_they_are() {
    let call = |n: u32| {
        format!(
            r#"{{"eventTime":"2014-05-23T10:00:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"x","eventID":"{n}"}}"#
        ) + "\n"
    };
    let dir = folder();
    let one = write(&dir, "a.jsonl", call(1) + &call(2));
    let two = write(&dir, "b.jsonl", call(2) + &call(3));
    let mut store = Store::default();
    let (summaries, _) = store.ingest(&[&one, &two], &Options::default());
    assert!(summaries.iter().all(|s| s.notes.is_empty()), "{summaries:?}");
    let named = Options {
        host: Some("collector".into()),
        ..Options::default()
    };
    store.ingest(&[&two], &named);
    assert_eq!(store.ids.len(), 3);
}

#[test]
fn a_grown_file_gives_only_what_is_new() {
    let dir = folder();
    let path = write(&dir, "access.log", line(0, "p0"));
    let mut store = Store::of(&[&path]);
    for n in [2, 30, 31] {
        write(&dir, "access.log", lines(0..n));
        store.ingest(&[&path], &Options::default());
        assert_eq!((store.ids.len(), store.n_given), (n as usize, n as usize));
    }
}

#[test]
fn a_line_that_is_read_half_written_waits_for_its_rest() {
    let text = lines(0..3);
    let last = text.len() - line(2, "p2").len();
    let grown = text.clone() + &line(9, "z");
    for cut in [
        last + 1,
        last + 30,
        text.len() - 5,
        text.len() - 2,
        text.len() - 1,
    ] {
        let dir = folder();
        let path = write(&dir, "access.log", &text[..cut]);
        let mut store = Store::default();
        let (summaries, _) = store.ingest(&[&path], &Options::default());
        let n_bytes = (cut - last) as u64;
        let says = format!("not complete yet: {n_bytes} bytes wait for the rest");
        assert!(
            summaries[0].notes[0].contains(&says) && summaries[0].n_waiting_bytes == n_bytes,
            "{:?}",
            summaries[0]
        );
        let reject = store.rejects()[0].clone();
        assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (2, 0, 1));
        assert_eq!((reject.position.offset, reject.n_bytes), (last as u64, n_bytes));
        assert_eq!(
            reject.between.map(|b| b.from),
            store.whole.events.last().map(|e| e.time)
        );
        // As long as the rest is not there, nothing changes, however much of it is.
        write(&dir, "access.log", &text[..cut.max(text.len() - 1)]);
        store.ingest(&[&path], &Options::default());
        assert_eq!((store.n_given, store.n_rejects, store.open.len()), (2, 0, 1));
        write(&dir, "access.log", &grown);
        let (summaries, _) = store.ingest(&[&path], &Options::default());
        assert_eq!((summaries[0].notes.len(), summaries[0].n_waiting_bytes), (0, 0));
        assert_eq!((store.n_given, store.n_rejects, store.open.len()), (4, 0, 0));
        assert_eq!(store.ids, Store::of(&[&path]).ids);
        // A copy that was cut there holds nothing that is not in the lake.
        let copy = write(&dir, "copy.log", &text[..cut]);
        store.ingest(&[&copy], &Options::default());
        assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (4, 0, 0));
    }
}

#[test]
fn an_export_of_xml_is_whole_and_a_grown_log_of_it_is_read_on() {
    let event = |n: u32| {
        format!(
            "<Event><System><EventID>1</EventID><TimeCreated SystemTime='2014-05-23T10:00:0{n}Z'/>\
             <EventRecordID>{n}</EventRecordID><Channel>Security</Channel><Computer>a</Computer></System></Event>"
        )
    };
    let dir = folder();
    let export = write(
        &dir,
        "export.xml",
        format!("<Events>{}{}</Events>", event(1), event(2)),
    );
    let mut store = Store::default();
    let (summaries, _) = store.ingest(&[&export], &Options::default());
    assert_eq!(summaries[0].notes, Vec::<String>::new());
    assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (2, 0, 0));

    let log = write(&dir, "log.xml", event(3) + "\n");
    store.ingest(&[&log], &Options::default());
    write(&dir, "log.xml", format!("{}\n{}\n", event(3), event(4)));
    let (summaries, _) = store.ingest(&[&log], &Options::default());
    assert_eq!(summaries[0].notes, Vec::<String>::new());
    assert_eq!((summaries[0].n_before, summaries[0].n_events), (1, 1));
    assert_eq!((store.ids.len(), store.n_given), (4, 4));
}

#[test]
fn a_number_that_was_cut_short_is_never_an_event() {
    let dir = folder();
    let line = |n: u32, bytes: &str| {
        format!("203.0.113.7 - - [23/May/2014:10:00:0{n} +0000] \"GET /{n} HTTP/1.1\" 200 {bytes}")
    };
    let head = line(1, "5") + "\n" + &line(2, "7") + "\n";
    let options = Options {
        source: Some("apache_access".into()),
        ..Options::default()
    };
    let path = write(&dir, "access.log", head.clone() + &line(3, "12"));
    let mut store = Store::default();
    store.ingest(&[&path], &options);
    assert_eq!((store.ids.len(), store.open.len()), (2, 1));
    write(&dir, "access.log", head + &line(3, "1234") + "\n");
    store.ingest(&[&path], &options);
    let bytes: Vec<_> = store.whole.events.iter().map(|e| e.bytes_out).collect();
    assert_eq!(bytes, [Some(5), Some(7), Some(1234)]);
    assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (3, 0, 0));
}

#[test]
fn who_says_that_a_file_is_whole_gets_its_last_line() {
    let dir = folder();
    let text = lines(0..3);
    let path = write(&dir, "access.log", &text[..text.len() - 1]);
    let mut store = Store::of(&[&path]);
    assert_eq!((store.ids.len(), store.open.len()), (2, 1));
    let whole = Options {
        last_record: LastRecord::IsWhole,
        ..Options::default()
    };
    store.ingest(&[&path], &whole);
    assert_eq!((store.ids.len(), store.n_given, store.open.len()), (3, 3, 0));
    for options in [&whole, &Options::default()] {
        let (summaries, _) = store.ingest(&[&path], options);
        assert_eq!((store.n_given, summaries[0].notes.len()), (3, 0));
    }
    // What is cut for good stays a reject.
    let cut = write(&dir, "cut.log", &lines(50..53)[..200]);
    store.ingest(&[&cut], &whole);
    assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (5, 1, 0));
}

#[test]
fn a_json_object_that_closes_needs_no_line_end() {
    let dir = folder();
    let call = |n: u32| {
        format!(
            r#"{{"eventTime":"2014-05-23T10:00:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"x","requestParameters":{{"n":{n}}}}}"#
        )
    };
    let text = call(1) + "\n" + &call(2);
    let path = write(&dir, "calls.jsonl", &text);
    let mut store = Store::of(&[&path]);
    assert_eq!((store.ids.len(), store.open.len()), (2, 0));
    for cut in [text.len() - 1, text.len() - 2, text.len() - 30] {
        let path = write(&dir, "other.jsonl", &text[..cut]);
        let mut store = Store::of(&[&path]);
        assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (1, 0, 1));
        write(&dir, "other.jsonl", text.clone() + "\n" + &call(3) + "\n");
        store.ingest(&[&path], &Options::default());
        assert_eq!((store.ids.len(), store.n_given, store.open.len()), (3, 3, 0));
    }
    write(&dir, "calls.jsonl", text.clone() + "\n" + &call(3) + "\n");
    store.ingest(&[&path], &Options::default());
    assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (3, 0, 0));
}

#[test]
fn a_record_of_several_lines_that_was_cut_within_its_quotes_waits_whole() {
    let entry = |n: u32, sql: &str| {
        format!(
            "2014-05-23 10:00:0{n}.000 UTC,\"app\",\"music\",5,\"10.0.2.11:40005\",537f1c80.5,{n},\"SELECT\",2014-05-23 10:00:00 UTC,2/3,0,LOG,00000,\"statement: {sql}\",,,,,,,,,\"songs-api\",\"client backend\",,0\n"
        )
    };
    let text = entry(1, "select 1") + &entry(2, "select 2\n  from profiles\n where user_id = 3");
    let options = Options::default();
    let start = entry(1, "select 1").len();
    for at in ["elect 2", "m profiles", "re user"] {
        let dir = folder();
        let cut = text.find(at).unwrap();
        let path = write(&dir, "postgresql.csv", &text[..cut]);
        let mut store = Store::of(&[&path]);
        assert_eq!((store.ids.len(), store.n_rejects), (1, 0), "{at}");
        assert!(store.rejects().iter().all(|r| r.position.offset >= start as u64));
        assert!(!store.rejects().is_empty());
        write(&dir, "postgresql.csv", text.clone() + &entry(3, "select 3"));
        store.ingest(&[&path], &options);
        assert_eq!(store.ids.len(), 3, "{at}");
        assert_eq!((store.n_rejects, store.open.len()), (0, 0), "{at}");
    }
    // A stray quote in a file that ends with a line end hides nothing behind it.
    let dir = folder();
    let stray = entry(2, "select 2").replace("\"songs-api\"", "\"songs-api");
    let path = write(
        &dir,
        "postgresql.csv",
        entry(1, "select 1") + &stray + &entry(3, "select 3"),
    );
    let store = Store::of(&[&path]);
    assert_eq!(
        (store.ids.len(), store.n_rejects, store.rejects().len()),
        (2, 0, 1)
    );
}

#[test]
fn half_lines_are_found_whole_behind_a_rotation_and_in_any_batches() {
    let text = lines(0..40);
    let cut = text.len() - 20;
    for batch_events in [1, 7, 8192] {
        let dir = folder();
        let options = Options {
            batch_events,
            ..Options::default()
        };
        let path = write(&dir, "access.log", &text[..cut]);
        let mut store = Store::default();
        store.ingest(&[&path], &options);
        assert_eq!((store.ids.len(), store.open.len()), (39, 1));
        write(&dir, "access.log.1", &text);
        write(&dir, "access.log", lines(40..43));
        store.ingest(&[dir.path()], &options);
        assert_eq!((store.ids.len(), store.n_given, store.open.len()), (43, 43, 0));
    }
}

#[test]
fn a_copy_in_an_archive_ends_where_it_was_cut() {
    let dir = folder();
    let text = lines(0..3);
    let tar = tar_of(&[("access.log", &text.as_bytes()[..text.len() - 9])]);
    let path = write(&dir, "logs.tar", tar);
    let mut store = Store::default();
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert!(
        summaries[0].notes[0].contains("ends within its last record"),
        "{summaries:?}"
    );
    assert!(store.rejects()[0].reason.contains("cut off"));
    assert_eq!((store.ids.len(), store.open.len()), (2, 1));
    let whole = write(&dir, "access.log", &text);
    store.ingest(&[&whole], &Options::default());
    assert_eq!((store.ids.len(), store.n_rejects, store.open.len()), (3, 0, 0));
}

#[test]
fn a_last_line_that_cannot_be_read_is_no_lasting_gap_where_lines_may_follow() {
    let dir = folder();
    let entry = |n: u32, text: &str| format!("2014-05-23T10:00:0{n}.000000+00:00 web1 app[7]: {text}\n");
    let head = entry(1, "one") + &entry(2, "two");
    let path = write(&dir, "messages", head.clone() + "no syslog line\n");
    let mut store = Store::of(&[&path]);
    let (n_events, n_rejects) = (store.ids.len(), store.rejects().len());
    store.ingest(&[&path], &Options::default());
    assert_eq!((store.ids.len(), store.rejects().len()), (n_events, n_rejects));
    write(&dir, "messages", head + "no syslog line\n" + &entry(3, "three"));
    store.ingest(&[&path], &Options::default());
    assert_eq!(store.rejects().len(), n_rejects, "the same reject, counted once");
    assert!(store.open.is_empty());
}

#[test]
fn a_file_that_was_replaced_settles_nothing() {
    let dir = folder();
    let text = lines(0..3);
    let path = write(&dir, "access.log", &text[..text.len() - 9]);
    let mut store = Store::of(&[&path]);
    write(&dir, "access.log", lines(0..1) + &lines(7..12));
    store.ingest(&[&path], &Options::default());
    assert_eq!(
        (store.ids.len(), store.open.len()),
        (7, 1),
        "the line that was cut was never seen whole"
    );
}

#[test]
fn rotation_adds_nothing_and_keeps_counting() {
    let dir = folder();
    let old = lines(0..10) + &line(10, "same");
    let path = write(&dir, "access.log", &old);
    let mut store = Store::of(&[&path]);
    assert_eq!(store.ids.len(), 11);
    write(&dir, "access.log.1", &old);
    write(&dir, "access.log", line(10, "same") + &lines(20..25));
    store.ingest(&[dir.path()], &Options::default());
    assert_eq!(
        store.ids.len(),
        17,
        "the line that a rotation parts from its twin is an event of its own"
    );
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(old.as_bytes()).unwrap();
    std::fs::rename(dir.path().join("access.log"), dir.path().join("access.log.1")).unwrap();
    write(&dir, "access.log.2.gz", gz.finish().unwrap());
    write(&dir, "access.log", lines(30..33));
    store.ingest(&[dir.path()], &Options::default());
    assert_eq!((store.ids.len(), store.n_given), (20, 20));
    assert_eq!(
        Store::of(&[dir.path()]).ids,
        store.ids,
        "a fresh lake has the same events"
    );
}

#[test]
fn counting_goes_on_behind_a_sibling_that_was_not_read() {
    let dir = folder();
    write(&dir, "access.log.1", line(9, "first") + &line(10, "same"));
    write(&dir, "access.log", line(10, "same"));
    let (inputs, _) = discover(&[dir.path().to_owned()], &Options::default());
    let mut store = Store::default();
    store.read(&inputs[1], &Options::default(), usize::MAX);
    store.read(&inputs[0], &Options::default(), usize::MAX);
    assert_eq!(store.ids.len(), 3);
}

#[test]
fn an_interrupted_reading_goes_on_where_it_stopped() {
    let dir = folder();
    let text = lines(0..100) + "broken\n" + &line(99, "p99").repeat(3);
    let path = write(&dir, "access.log", text);
    let whole = Store::of(&[&path]);
    let options = Options {
        batch_events: 7,
        ..Options::default()
    };
    let mut store = Store::default();
    for _ in 0..40 {
        let (inputs, _) = discover(std::slice::from_ref(&path), &options);
        store.read(&inputs[0], &options, 2);
    }
    assert_eq!(store.ids, whole.ids);
    assert_eq!((store.n_given, store.n_rejects), (103, 1));
    let between = store.whole.rejects[0].between.unwrap();
    assert!(between.until < Timestamp::MAX && between.from > Timestamp::MIN);
}

#[test]
fn a_file_that_was_cut_or_replaced_is_read_from_its_start() {
    let dir = folder();
    let path = write(&dir, "access.log", lines(0..20));
    let mut store = Store::of(&[&path]);
    write(&dir, "access.log", lines(0..1) + &lines(50..53));
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert_eq!(store.ids.len(), 23);
    assert!(
        summaries[0].notes[0].contains("shorter than it was"),
        "{:?}",
        summaries[0].notes
    );
    write(
        &dir,
        "access.log",
        line(0, "p0") + &line(60, "another/longer/path").repeat(30),
    );
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert_eq!(store.ids.len(), 53);
    assert!(
        summaries[0].notes[0].contains("is another"),
        "{:?}",
        summaries[0].notes
    );
}

#[test]
fn a_file_that_only_begins_like_another_is_read_whole() {
    let dir = folder();
    let one = write(&dir, "one.log", lines(0..20));
    let two = write(&dir, "two.log", lines(0..1) + &lines(100..140));
    let same_size = write(&dir, "three.log", lines(0..1) + &lines(21..40));
    let mut store = Store::of(&[&one]);
    for path in [&same_size, &two] {
        let (summaries, _) = store.ingest(&[path], &Options::default());
        assert!(
            summaries[0].notes[0].contains("is another"),
            "{:?}",
            summaries[0].notes
        );
    }
    assert_eq!(store.ids.len(), 20 + 40 + 19);
    assert_eq!(store.ids, Store::of(&[&one, &two, &same_size]).ids);
}

#[test]
fn a_file_that_was_changed_where_it_had_been_read_is_read_again() {
    let dir = folder();
    let path = write(&dir, "access.log", lines(0..20));
    let mut store = Store::of(&[&path]);
    write(
        &dir,
        "access.log",
        lines(0..20).replace("/p7", "/q7") + &lines(20..22),
    );
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert!(
        summaries[0].notes[0].contains("was changed"),
        "{:?}",
        summaries[0].notes
    );
    assert_eq!(store.ids.len(), 20 + 2 + 1);
}

#[test]
fn what_nobody_knows_is_told_and_the_rest_is_read() {
    let dir = folder();
    write(&dir, "access.log", lines(0..5));
    write(&dir, "notes.txt", "nothing\nof\nthe kind\n");
    write(&dir, "empty.log", "");
    write(&dir, "binary", [0u8, 159, 146, 150, 255, 10, 0].repeat(50));
    let mut store = Store::default();
    let (_, errors) = store.ingest(&[dir.path(), Path::new("/nowhere/at/all")], &Options::default());
    assert_eq!(store.ids.len(), 5);
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(shown[1].contains("empty.log: it is empty"), "{shown:?}");
    assert!(
        shown[2].contains("notes.txt") && shown[2].contains("--source"),
        "{shown:?}"
    );
}

#[test]
fn a_named_source_is_taken_and_an_unknown_one_refused() {
    let dir = folder();
    let path = write(&dir, "notes.txt", "nothing\n");
    let named = |name: &str| Options {
        source: Some(name.into()),
        host: Some("gw1".into()),
        ..Options::default()
    };
    let (inputs, errors) = discover(std::slice::from_ref(&path), &named("nginx_access"));
    assert_eq!(
        (inputs.len(), errors.len(), inputs[0].evidence.confidence),
        (1, 0, 100)
    );
    let mut store = Store::default();
    store.read(&inputs[0], &named("nginx_access"), usize::MAX);
    assert_eq!(store.whole.rejects[0].host.as_deref(), Some("gw1"));
    let (inputs, errors) = discover(&[path], &named("nginx_acces"));
    assert!(inputs.is_empty() && errors[0].to_string().contains("nginx_access"));
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_of_no_source() {
    let dir = folder();
    // Begins as nginx's error log does, and is another program's.
    let foreign = "2022/05/06 04:53:57 [192.0.2.7:58629] [channel 106] closed\n".repeat(40);
    let path = write(&dir, "honeypot.log", foreign);
    let (inputs, errors) = discover(std::slice::from_ref(&path), &Options::default());
    let error = errors[0].to_string();
    assert!(
        inputs.is_empty() && error.contains("it looks like nginx_error, but 0 of its first 40"),
        "{error}"
    );
    let (inputs, _) = discover(
        &[path],
        &Options {
            source: Some("nginx_error".into()),
            ..Options::default()
        },
    );
    assert_eq!(inputs.len(), 1, "whoever names the source is believed");
    // One good record in five is enough: the rest are rejects that can be looked at.
    let broken = lines(0..1) + &line(2, "a").replace("May", "Mai").repeat(4);
    let path = write(&dir, "access.log", lines(0..40) + &broken.repeat(9));
    let store = Store::of(&[&path]);
    assert_eq!(store.n_rejects, 36);
    // A record that leaves the year out is read by the year in which the file was written.
    let path = write(
        &dir,
        "auth.log",
        "Feb 12 14:10:21 h sshd[1]: Invalid user a from 192.0.2.7 port 5\n",
    );
    assert_eq!(Store::of(&[&path]).ids.len(), 1);
}

#[test]
fn links_out_of_a_folder_are_not_followed() {
    let (dir, outside) = (folder(), folder());
    let target = write(&outside, "secret.log", lines(0..3));
    std::os::unix::fs::symlink(&target, dir.path().join("access.log")).unwrap();
    let (inputs, errors) = discover(&[dir.path().to_owned()], &Options::default());
    assert_eq!((inputs.len(), errors.len()), (0, 1));
    let (inputs, _) = discover(&[dir.path().join("access.log")], &Options::default());
    assert_eq!(inputs.len(), 1, "a link that a person names is");
}

#[test]
fn bombs_and_torn_files_end_in_a_loss() {
    let dir = folder();
    let text = lines(0..2000);
    let mut bomb = text.clone().into_bytes();
    bomb.extend(vec![b' '; 200 << 20]);
    let path = write(&dir, "bomb.zst", zstd::encode_all(&bomb[..], 3).unwrap());
    let mut store = Store::default();
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert!(
        summaries[0].notes[0].contains("compressed byte"),
        "{:?}",
        summaries[0].notes
    );
    assert_eq!((store.losses().len(), store.rejects().len()), (1, 1));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    let torn = gz.finish().unwrap();
    let path = write(&dir, "torn.gz", &torn[..torn.len() / 2]);
    let mut store = Store::default();
    store.ingest(&[&path], &Options::default());
    assert!(
        store.ids.len() > 500 && store.losses().len() == 1,
        "{}",
        store.ids.len()
    );
    assert_eq!(
        store.losses()[0].span.from,
        store.whole.events.last().unwrap().time
    );
}

#[test]
fn too_many_members_and_too_long_lines_are_told() {
    let dir = folder();
    let caps = Caps {
        members: 3,
        line: 1 << 20,
        ..Caps::default()
    };
    let options = Options {
        caps,
        ..Options::default()
    };
    let members: Vec<(String, Vec<u8>)> = (0..5)
        .map(|n| (format!("f{n}"), lines(0..1).into_bytes()))
        .collect();
    let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    for (name, bytes) in [("many.tar", tar_of(&members)), ("many.zip", zip_of(&members))] {
        let (_, errors) = discover(&[write(&dir, name, bytes)], &options);
        assert!(
            errors[0].to_string().contains("more than 3 members"),
            "{errors:?}"
        );
    }
    let text = lines(0..1) + &line(1, &"a".repeat(2_000_000)) + &lines(2..3);
    let store = Store::of(&[&write(&dir, "long.log", text)]);
    let reject = &store.whole.rejects[0];
    assert_eq!(
        (store.ids.len(), reject.raw.len(), reject.position.line),
        (2, 64 << 10, 2)
    );
    assert!(reject.n_bytes > 2_000_000);
}

fn shipped(file: &str, text: &str, from: &str, until: &str) -> Shipment {
    use sha2::Digest;
    Shipment {
        file: file.into(),
        sha256: hex::encode(sha2::Sha256::digest(text.as_bytes())),
        bytes: text.len() as u64,
        lines: text.lines().count() as u64,
        source: "nginx_access".into(),
        host: Some("gw1".into()),
        from: Timestamp::parse(from).unwrap(),
        until: Timestamp::parse(until).unwrap(),
        prev: String::new(),
    }
}

fn manifest(shipments: &[Shipment]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for shipment in shipments {
        lines.push(manifest_line(shipment, lines.last().map(String::as_str)));
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_digest_chain_proves_its_files_and_names_the_missing() {
    let dir = folder();
    let (one, two) = (lines(0..5), lines(60..65));
    write(&dir, "access-1.log", &one);
    let three = write(&dir, "access-3.log", lines(120..125));
    let shipments = [
        shipped(
            "access-1.log",
            &one,
            "2014-05-23T10:00:00Z",
            "2014-05-23T10:01:00Z",
        ),
        shipped(
            "access-2.log",
            &two,
            "2014-05-23T10:01:00Z",
            "2014-05-23T10:02:00Z",
        ),
        shipped(
            "access-3.log",
            &lines(120..125),
            "2014-05-23T10:02:00Z",
            "2014-05-23T10:03:00Z",
        ),
    ];
    write(&dir, "gw1.manifest.jsonl", manifest(&shipments));
    let store = Store::of(&[dir.path()]);
    let spans: Vec<String> = store
        .whole
        .attestations
        .iter()
        .map(|a| a.span.to_string())
        .collect();
    assert_eq!(
        spans,
        [
            "2014-05-23T10:00:00Z to 2014-05-23T10:01:00Z",
            "2014-05-23T10:02:00Z to 2014-05-23T10:03:00Z"
        ]
    );
    assert!(
        store
            .whole
            .attestations
            .iter()
            .all(|a| a.host.as_deref() == Some("gw1"))
    );
    assert!(
        store
            .whole
            .events
            .iter()
            .all(|e| e.host.as_deref() == Some("gw1"))
    );
    assert_eq!(
        (store.whole.losses.len(), store.whole.losses[0].at_most),
        (1, Some(5))
    );

    std::fs::write(&three, lines(120..124)).unwrap();
    let mut store = Store::default();
    let (_, errors) = store.ingest(&[dir.path()], &Options::default());
    assert!(
        errors.len() == 1 && errors[0].to_string().contains("its digest differs"),
        "{errors:?}"
    );
    assert_eq!(store.whole.attestations.len(), 1);
}

/// One shipped file of a host, and what lies there in its place.
fn ship_and_find(dir: &TempDir, left: &str) -> (Store, Vec<Error>) {
    let whole = lines(0..5);
    let link = shipped(
        "access-1.log",
        &whole,
        "2014-05-23T10:00:00Z",
        "2014-05-23T10:01:00Z",
    );
    write(dir, "gw1.manifest.jsonl", manifest(&[link]));
    write(dir, "access-1.log", left);
    let mut store = Store::default();
    let (_, errors) = store.ingest(&[dir.path()], &Options::default());
    (store, errors)
}

#[test]
fn a_shipped_file_that_was_cut_keeps_its_host_and_source_and_states_its_loss() {
    let whole = lines(0..5);
    let first = whole.lines().next().unwrap().len();
    for (left, n_events, n_rejects) in [
        (&whole[..whole.len() - first / 2], 4, 1),
        (&whole[..=first], 1, 0),
        (&whole[..first / 2], 0, 1),
        ("\n", 0, 0),
    ] {
        let dir = folder();
        let (store, errors) = ship_and_find(&dir, left);
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(
            shown.len() == 1 && shown[0].contains("its digest differs"),
            "{shown:?}"
        );
        assert_eq!((store.ids.len(), store.rejects().len()), (n_events, n_rejects));
        let events = store.whole.events.iter().map(|e| (e.source.as_str(), &e.host));
        let rejects = store.rejects().into_iter().map(|r| (r.source.as_str(), &r.host));
        let losses = store.whole.losses.iter().map(|l| (l.source.as_str(), &l.host));
        for (source, host) in events.chain(rejects).chain(losses) {
            assert_eq!((source, host.as_deref()), ("nginx_access", Some("gw1")));
        }
        assert!(store.whole.attestations.is_empty());
        let loss = &store.whole.losses[0];
        assert_eq!((store.whole.losses.len(), loss.at_most), (1, Some(5)));
        assert_eq!(
            loss.span.to_string(),
            "2014-05-23T10:00:00Z to 2014-05-23T10:01:00Z"
        );
        assert!(loss.why.contains("another digest"), "{}", loss.why);
    }
}

#[test]
fn a_copy_of_a_shipped_file_is_of_the_same_host() {
    let dir = folder();
    write(&dir, "copy/renamed.log", lines(0..5));
    let (store, errors) = ship_and_find(&dir, &lines(0..5));
    assert_eq!((store.ids.len(), store.n_given, errors), (5, 5, vec![]));
    assert_eq!(store.whole.attestations.len(), 1);
}

#[test]
fn a_broken_chain_proves_nothing_from_its_break_on() {
    let dir = folder();
    let one = lines(0..5);
    write(&dir, "access-1.log", &one);
    let link = shipped(
        "access-1.log",
        &one,
        "2014-05-23T10:00:00Z",
        "2014-05-23T10:01:00Z",
    );
    let later = shipped(
        "access-2.log",
        "gone\n",
        "2014-05-23T10:01:00Z",
        "2014-05-23T10:02:00Z",
    );
    let text = manifest(&[link, later]).replace("10:00:00Z", "09:00:00Z");
    write(&dir, "gw1.manifest.jsonl", text);
    let mut store = Store::default();
    let (_, errors) = store.ingest(&[dir.path()], &Options::default());
    assert!(
        errors[0].to_string().contains("the chain is broken"),
        "{errors:?}"
    );
    assert_eq!((store.whole.attestations.len(), store.ids.len()), (0, 5));
    assert_eq!(
        store.whole.losses[0].at_most, None,
        "what an unsound line counts is no bound"
    );
}

#[test]
fn declared_sources_go_before_the_built_in_ones() {
    let dir = folder();
    let text = r#"{"ts":"2014-05-23T10:00:00Z","svc":"accounts","who":7}"#;
    let path = write(&dir, "app.log", format!("{text}\n{text}\n"));
    let mapping = "name = \"shop\"\nformat = \"json\"\n[recognize]\npresent = [\"svc\"]\n[time]\nfield = \"ts\"\n[columns]\nuser = \"who\"\n";
    let mapping = ambit_source::Mapping::parse(mapping, "shop.toml").unwrap();
    let options = Options {
        mappings: vec![mapping],
        ..Options::default()
    };
    let mut store = Store::default();
    store.ingest(&[&path], &options);
    assert_eq!(
        (store.ids.len(), store.whole.events[0].source.as_str()),
        (2, "shop")
    );
    assert_eq!(Store::of(&[&path]).whole.events[0].source, "app_jsonl");
}

#[test]
fn a_mapping_that_knows_the_file_goes_before_a_surer_built_in_source() {
    let dir = folder();
    let postgresql =
        r#"{"timestamp":"2014-05-23 10:00:00.000 UTC","error_severity":"LOG","message":"x","who":7}"#;
    let nginx = r#"{"msec":1400839205.250,"remote_addr":"203.0.113.7","status":200,"request":"GET / HTTP/1.1","who":7}"#;
    for (line, time, built_in) in [
        (postgresql, "timestamp", "postgresql"),
        (nginx, "msec", "nginx_access"),
    ] {
        let path = write(&dir, "x.log", format!("{line}\n").repeat(3));
        assert_eq!(Store::of(&[&path]).whole.events[0].source, built_in);
        let declared = |name: &str, confidence: u8, field: &str| {
            let text = format!(
                "name = \"{name}\"\nformat = \"json\"\n[recognize]\npresent = [\"{field}\"]\nconfidence = {confidence}\n[time]\nfield = \"{time}\""
            );
            ambit_source::Mapping::parse(&text, "m.toml").unwrap()
        };
        let source_with = |mappings| {
            let options = Options {
                mappings,
                ..Options::default()
            };
            let mut store = Store::default();
            store.ingest(&[&path], &options);
            store.whole.events[0].source.clone()
        };
        assert_eq!(source_with(vec![declared("shop", 20, "who")]), "shop");
        let two = vec![declared("shop", 20, "who"), declared("till", 30, "who")];
        assert_eq!(source_with(two), "till");
        for unknowing in [declared("shop", 100, "whom"), declared("shop", 0, "who")] {
            assert_eq!(source_with(vec![unknowing]), built_in);
        }
    }
}

fn element(n: u32, who: &str) -> String {
    format!("{{\n  \"ts\": \"2014-05-23T10:00:{n:02}Z\",\n  \"user\": \"{who}{n}\"\n}}")
}

fn array(who: &str, n: u32) -> String {
    let elements: Vec<String> = (0..n).map(|n| element(n, who)).collect();
    format!("[\n{}\n]\n", elements.join(",\n"))
}

#[test]
fn json_arrays_are_read_on_and_told_apart() {
    let dir = folder();
    let path = write(&dir, "one.json", array("a", 30));
    let other = write(&dir, "other.json", array("b", 30));
    let options = Options {
        batch_events: 7,
        ..Options::default()
    };
    let mut store = Store::default();
    for _ in 0..8 {
        let (inputs, errors) = discover(std::slice::from_ref(&path), &options);
        assert_eq!((inputs.len(), errors.len()), (1, 0));
        let summary = store.read(&inputs[0], &options, 1);
        assert_eq!(summary.notes, Vec::<String>::new());
    }
    assert_eq!((store.ids.len(), store.n_given, store.n_rejects), (30, 30, 0));
    store.ingest(&[&other], &options);
    assert_eq!(
        store.ids.len(),
        60,
        "an array that begins with the same line is another file"
    );
    write(&dir, "one.json", array("a", 33));
    store.ingest(&[&path], &options);
    assert_eq!(store.ids.len(), 63);
    let cut = array("c", 40);
    write(&dir, "one.json", &cut[..cut.len() - 2]);
    let (summaries, _) = store.ingest(&[&path], &options);
    assert_eq!((store.ids.len(), store.rejects().len()), (103, 1));
    assert!(summaries[0].notes[0].contains("ends before its JSON does"));
    assert_eq!(store.losses().len(), 1);
    write(&dir, "one.json", &cut);
    let (summaries, _) = store.ingest(&[&path], &options);
    assert_eq!((store.ids.len(), summaries[0].notes.len()), (103, 0));
    assert_eq!((store.rejects().len(), store.losses().len()), (0, 0));
}

#[test]
fn an_element_beyond_the_cap_is_one_reject() {
    let dir = folder();
    let long = format!(
        "[{},{{\"x\":\"{}\"}},{}]",
        element(1, "a"),
        "y".repeat(600_000),
        element(2, "a")
    );
    let path = write(&dir, "one.json", long);
    let caps = Caps {
        record: 100_000,
        ..Caps::default()
    };
    let options = Options {
        caps,
        ..Options::default()
    };
    let mut store = Store::default();
    store.ingest(&[&path], &options);
    let reject = &store.whole.rejects[0];
    assert_eq!((store.ids.len(), store.n_rejects), (2, 1));
    assert_eq!((reject.n_bytes, reject.raw.len()), (600_009, 64 << 10));
}

#[test]
fn json_records_longer_than_the_head_of_a_file_are_recognized_and_read() {
    let call = |n: u32, size: usize| {
        let body = "x".repeat(size);
        format!(
            r#"{{"eventTime":"2014-05-23T10:00:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"x","eventID":"{n}","requestParameters":{{"body":"{body}"}}}}"#
        )
    };
    let (long, short) = (call(1, 2 << 20), call(2, 3));
    for text in [
        format!("{{\"Records\":[{long},{short}]}}"),
        format!("[{long},{short}]"),
        format!("{long}\n{short}\n"),
    ] {
        let dir = folder();
        let store = Store::of(&[&write(&dir, "calls.json", text)]);
        assert_eq!((store.ids.len(), store.n_rejects), (2, 0));
        assert!(store.whole.events.iter().all(|e| e.source == "aws_cloudtrail"));
    }
}

#[test]
fn blank_lines_at_the_end_of_a_file_are_no_change() {
    let dir = folder();
    let path = write(&dir, "access.log", lines(0..3) + "\n\n");
    let mut store = Store::of(&[&path]);
    let (summaries, _) = store.ingest(&[&path], &Options::default());
    assert_eq!((summaries[0].notes.len(), store.n_given), (0, 3));
}

#[test]
fn mappings_that_are_wrong_say_where() {
    for (text, part) in [
        ("name = 1", "invalid type"),
        (
            "name = \"x\"\nformat = \"json\"\n[time]\nfield = \"t\"\n[columns]\nsrc = \"a\"",
            "there is no column `src`",
        ),
        ("name = \"x\"\nformat = \"json\"\n[time]\n", "[time] needs"),
        ("name = \"x\"\nbase = \"y\"", "`base` must be one of nginx_access"),
        (
            "name = \"x\"\nformat = \"json\"\n[time]\nfield = \"t\"\n[columns]\nuser = { field = \"a\", transform = [\"rot13\"] }",
            "rot13",
        ),
        (
            "name = \"x\"\nformat = \"json\"\n[time]\nfield = \"t\"\n[columns]\nuser = \"a\"\naccount = \"b\"",
            "filled twice",
        ),
        (
            "name = \"x\"\nformat = \"json\"\ncolour = 1\n[time]\nfield = \"t\"",
            "colour",
        ),
    ] {
        let error = ambit_source::Mapping::parse(text, "my.toml")
            .unwrap_err()
            .to_string();
        assert!(error.contains(part) && error.contains("my.toml"), "{error}");
    }
}

#[test]
fn the_manuals_example_is_a_mapping() {
    let text: String = ambit_source::Mapping::MANUAL
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("Sessions and"))
        .filter(|line| !line.starts_with("log_format"))
        .map(|line| format!("{line}\n"))
        .collect();
    ambit_source::Mapping::parse(&text, "manual").unwrap();
}

#[test]
fn what_came_before_counts_alike_whether_it_was_read_now_or_earlier() {
    let windows = |time: &str, number: &str| {
        format!(
            r#"{{"EventID":1,"Channel":"c","Provider_Name":"P","Computer":"h","TimeCreated":"2026-01-01T00:00:0{time}Z"{number}}}"#
        ) + "\n"
    };
    let row = |time: &str| {
        format!(
            r#"[{{"field":"@message","value":"192.0.2.1 - - [01/Jan/2026:00:00:0{time} +0000] \"GET / HTTP/1.1\" 200 1"}}]"#
        )
    };
    let results = |times: [&str; 2]| {
        let [a, b] = times.map(row);
        format!(r#"{{"results":[{a},{b}],"status":"Complete"}}"#) + "\n"
    };
    let entry = |time: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"AuditEvent","recorded":"2026-01-01T00:00:0{time}Z","type":{{"code":"rest"}},"agent":[{{"requestor":true}}],"source":{{"observer":{{"display":"x"}}}}}}}}"#
        )
    };
    let bundle = |times: [&str; 2]| {
        let [a, b] = times.map(entry);
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{a},{b}]}}"#) + "\n"
    };
    let named = windows("2", r#","EventRecordID":7"#);
    for (name, first, second, n) in [
        ("a.json", windows("1", "") + &named, windows("1", ""), 3),
        ("b.json", results(["1", "2"]), results(["1", "3"]), 4),
        ("c.ndjson", bundle(["1", "2"]), bundle(["1", "3"]), 4),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        let mut twice = Store::default();
        for text in [first.clone(), format!("{first}{second}")] {
            std::fs::write(&file, text).unwrap();
            twice.ingest(&[&file], &Options::default());
        }
        let mut whole = Store::default();
        whole.ingest(&[&file], &Options::default());
        assert_eq!(whole.ids.len(), n, "{name}");
        assert_eq!(twice.ids, whole.ids, "{name}");
    }
}
