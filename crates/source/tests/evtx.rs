//! Windows event logs, whole, in use, damaged and hostile, beside the same events as JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_truncation)]

mod evtx_log;

use ambit_event::{Batch, Checkpoint, Event, EventId, Keys};
use ambit_source::{Context, Format, Options, decode_all, discover};
use evtx_log::{
    CHUNK, HEADER, Inside, System, Value, Written, dumped, element, event_data, filetime, log, text,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn format(name: &str) -> Arc<dyn Format> {
    Options::default().format(name).unwrap()
}

fn read(bytes: &[u8]) -> Batch {
    decode_all(
        &format("windows_evtx"),
        bytes,
        &Context::bare(Keys::derive(&[7; 32])),
    )
    .unwrap()
}

fn read_json(text: &str) -> Batch {
    decode_all(
        &format("windows_json"),
        text.as_bytes(),
        &Context::bare(Keys::derive(&[7; 32])),
    )
    .unwrap()
}

fn logon(id: u64) -> Written {
    let system = System {
        provider: "Microsoft-Windows-Security-Auditing",
        event_id: 4624,
        channel: "Security",
        computer: "FS01.music.example",
        keywords: 0x8020_0000_0000_0000,
        id,
        filetime: filetime(id * 12_345_678),
    };
    system.with(event_data(&[
        ("SubjectUserName", text("-")),
        ("SubjectDomainName", text("-")),
        ("SubjectLogonId", Value::Hex64(0)),
        ("TargetUserName", text("alice")),
        ("TargetDomainName", text("MUSIC")),
        ("TargetLogonId", Value::Hex64(0x1_2345 + id)),
        ("LogonType", Value::U32(3)),
        ("WorkstationName", text("LAPTOP7")),
        ("LogonGuid", Value::Guid([id as u8; 16])),
        ("IpAddress", text("203.0.113.7")),
        ("IpPort", text("50311")),
        ("ProcessId", Value::Hex64(0x27c)),
    ]))
}

fn logons(ids: std::ops::RangeInclusive<u64>) -> Vec<Written> {
    ids.map(logon).collect()
}

/// What the golden case shows: one event of each kind that is told apart.
fn everyday() -> Vec<Written> {
    let of = |id: u64, provider: &'static str, event_id: u16, channel: &'static str, keywords: u64| System {
        provider,
        event_id,
        channel,
        computer: "FS01.music.example",
        keywords,
        id,
        filetime: filetime(id * 12_345_678),
    };
    let security = |id, event_id, keywords| {
        of(
            id,
            "Microsoft-Windows-Security-Auditing",
            event_id,
            "Security",
            keywords,
        )
    };
    let sysmon = |id, event_id| {
        of(
            id,
            "Microsoft-Windows-Sysmon",
            event_id,
            "Microsoft-Windows-Sysmon/Operational",
            0x8000_0000_0000_0000,
        )
    };
    let (success, failure) = (0x8020_0000_0000_0000, 0x8010_0000_0000_0000);
    vec![
        logon(1),
        security(2, 4625, failure).with(event_data(&[
            ("SubjectUserName", text("FS01$")),
            ("SubjectDomainName", text("MUSIC")),
            ("SubjectLogonId", Value::Hex64(0x3e7)),
            ("TargetUserName", text("bob")),
            ("TargetDomainName", text("MUSIC")),
            ("Status", Value::Hex64(0xc000_006d)),
            ("SubStatus", Value::Hex64(0xc000_0072)),
            ("IpAddress", text("::ffff:203.0.113.8")),
            ("IpPort", text("0")),
        ])),
        security(3, 4688, success).with(event_data(&[
            ("SubjectUserName", text("alice")),
            ("SubjectDomainName", text("MUSIC")),
            ("SubjectLogonId", Value::Hex64(0x1_2346)),
            ("NewProcessId", Value::Hex64(0x1a2c)),
            ("NewProcessName", text("C:\\Windows\\System32\\cmd.exe")),
            ("ProcessId", Value::Hex64(0x9d0)),
            ("CommandLine", text("cmd /c backup --password=hunter2 ")),
        ])),
        security(4, 4656, failure).with(event_data(&[
            ("SubjectUserName", text("alice")),
            ("SubjectDomainName", text("MUSIC")),
            ("SubjectLogonId", Value::Hex64(0x1_2346)),
            ("ObjectType", text("File")),
            ("ObjectName", text("D:\\listeners\\export.csv")),
            ("AccessMask", Value::Hex64(1)),
        ])),
        security(5, 4769, success).with(event_data(&[
            ("TargetUserName", text("alice@MUSIC.EXAMPLE")),
            ("TargetDomainName", text("MUSIC.EXAMPLE")),
            ("ServiceName", text("DB1$")),
            ("Status", Value::Hex64(0x0)),
            ("IpAddress", text("::1")),
            ("IpPort", text("0")),
        ])),
        sysmon(6, 1).with(event_data(&[
            ("RuleName", text("-")),
            ("ProcessGuid", Value::Guid([9; 16])),
            ("ProcessId", Value::U32(6336)),
            ("Image", text("C:\\Windows\\System32\\whoami.exe")),
            ("User", text("MUSIC\\alice")),
            ("LogonId", Value::Hex64(0x1_2346)),
            ("ParentProcessId", Value::U32(4711)),
            ("Signature", text("Microsoft Windows")),
        ])),
        sysmon(7, 3).with(event_data(&[
            ("ProcessId", Value::U32(6336)),
            ("User", text("MUSIC\\alice")),
            ("SourceIp", text("192.0.2.5")),
            ("SourcePort", Value::U16(50_000)),
            ("DestinationIp", text("203.0.113.9")),
            ("DestinationPort", Value::U16(443)),
        ])),
        sysmon(8, 4).with(event_data(&[
            ("State", text("Started")),
            ("Version", text("15.15")),
        ])),
        of(
            9,
            "Service Control Manager",
            7045,
            "System",
            0x8080_0000_0000_0000,
        )
        .with(event_data(&[
            ("ServiceName", text("updater")),
            ("ImagePath", text("%SystemRoot%\\upd.exe")),
            ("AccountName", text("LocalSystem")),
        ])),
        of(
            10,
            "Microsoft-Windows-Eventlog",
            104,
            "System",
            0x8000_0000_0000_0000,
        )
        .with(element(
            "UserData",
            &[],
            Inside::Elements(vec![element(
                "LogFileCleared",
                &[(
                    "xmlns",
                    text("http://manifests.microsoft.com/win/2004/08/windows/eventlog"),
                )],
                Inside::Elements(vec![
                    element("SubjectUserName", &[], Inside::Value(text("alice"))),
                    element("SubjectDomainName", &[], Inside::Value(text("MUSIC"))),
                    element("Channel", &[], Inside::Value(text("Application"))),
                    element("BackupPath", &[], Inside::Value(Value::Null)),
                ]),
            )]),
        )),
        of(11, "MusicPlayer", 7, "Application", 0x80_0000_0000_0000).with(element(
            "EventData",
            &[],
            Inside::Elements(vec![element(
                "Data",
                &[],
                Inside::Value(text("cache: 12 MiB dropped")),
            )]),
        )),
    ]
}

/// The golden inputs are what the writer writes; `AMBIT_BLESS=1` writes them.
#[test]
fn the_golden_logs_are_what_a_log_service_writes() {
    let mut damaged = log(&[&logons(1..=3), &logons(4..=6)], 0);
    // The second record's text, the second chunk's header, and the file's end.
    let second = record_at(&damaged, HEADER, 2);
    damaged[second + 60] ^= 0xff;
    damaged[HEADER + CHUNK] = b'X';
    damaged.truncate(record_at(&damaged, HEADER + CHUNK, 6) + 100);
    let cases = [("everyday", log(&[&everyday()], 0)), ("damaged", damaged)];
    for (name, bytes) in cases {
        let path = golden("windows_evtx", &format!("{name}.in"));
        if std::env::var_os("AMBIT_BLESS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(
            std::fs::read(&path).is_ok_and(|found| found == bytes),
            "{}",
            path.display()
        );
    }
}

fn golden(source: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(source)
        .join(name)
}

/// Where the record of that number begins, in the chunk that begins there.
fn record_at(file: &[u8], chunk: usize, id: u64) -> usize {
    let mut at = chunk + 512;
    while u64::from_le_bytes(file[at + 8..at + 16].try_into().unwrap()) != id {
        at += u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    at
}

fn numbers(batch: &Batch) -> Vec<i64> {
    batch.events.iter().filter_map(|e| e.sequence).collect()
}

fn reasons(batch: &Batch) -> Vec<(u64, &str)> {
    batch
        .rejects
        .iter()
        .map(|r| (r.position.offset, r.reason.as_str()))
        .collect()
}

#[test]
fn a_binary_log_and_its_dump_are_the_same_events() {
    let written = everyday();
    let binary = read(&log(&[&written], 0));
    let dumps: Vec<String> = written.iter().map(dumped).collect();
    let lines = read_json(&dumps.join("\n"));
    let pretty: Vec<String> = dumps
        .iter()
        .enumerate()
        .map(|(n, text)| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            format!(
                "Record {}\n{}\n",
                n + 1,
                serde_json::to_string_pretty(&value).unwrap()
            )
        })
        .collect();
    let spread = read_json(&pretty.concat());
    assert_eq!(binary.rejects, []);
    assert_eq!(binary.events.len(), written.len());
    let told = |event: &Event| Event {
        // The dump's time is shorter by a digit.
        time: ambit_event::Timestamp(event.time.0 / 1000),
        precision: 0,
        raw: Vec::new(),
        provenance: ambit_event::Provenance::default(),
        ..event.clone()
    };
    for json in [lines, spread] {
        assert_eq!(json.rejects, []);
        assert_eq!(json.events.len(), written.len());
        for (a, b) in binary.events.iter().zip(&json.events) {
            assert_eq!(told(a), told(b));
        }
    }
}

#[test]
fn each_event_keeps_its_own_bytes_and_their_place() {
    let file = log(&[&logons(1..=3), &logons(4..=5)], 0);
    let batch = read(&file);
    assert_eq!((numbers(&batch), batch.rejects.len()), (vec![1, 2, 3, 4, 5], 0));
    for event in &batch.events {
        let at = event.provenance.offset as usize;
        assert_eq!(event.raw, file[at..at + event.provenance.length as usize]);
        assert!(event.raw.starts_with(b"**\0\0") && event.raw.len() < 4096);
    }
    let lines: Vec<u64> = batch.events.iter().map(|e| e.provenance.line).collect();
    assert_eq!(lines, [2, 2, 2, 3, 3]);
}

#[test]
fn a_log_in_use_is_read_to_its_last_record() {
    let mut file = log(&[&logons(1..=2), &logons(3..=6)], 1);
    // The header of the chunk in use is that of the time when record 4 was the last.
    let chunk = HEADER + CHUNK;
    let (last_at, end) = (
        record_at(&file, chunk, 4) - chunk,
        record_at(&file, chunk, 5) - chunk,
    );
    evtx_log::seal(&mut file[chunk..], (3, 4), (last_at, end));
    file[chunk + 52] ^= 1;
    file.extend(vec![0; CHUNK]);
    let batch = read(&file);
    assert_eq!(
        (numbers(&batch), reasons(&batch)),
        (vec![1, 2, 3, 4, 5, 6], vec![])
    );
    // In a log that was closed the same checksum is a fault.
    file[120] = 0;
    let batch = read(&file);
    assert_eq!(numbers(&batch), [1, 2, 3, 4, 5, 6]);
    assert_eq!(batch.rejects.len(), 1);
    assert!(
        batch.rejects[0].reason.contains("checksum"),
        "{}",
        batch.rejects[0].reason
    );
}

#[test]
fn what_is_readable_in_a_damaged_chunk_is_kept() {
    let whole = log(&[&logons(1..=4)], 0);
    let (second, third) = (record_at(&whole, HEADER, 2), record_at(&whole, HEADER, 3));
    for damage in ["magic", "length", "xml", "zeroes"] {
        let mut file = whole.clone();
        match damage {
            "magic" => file[second] = b'X',
            "length" => file[second + 4..second + 8].copy_from_slice(&u32::MAX.to_le_bytes()),
            "xml" => file[second + 24..second + 60].fill(0xee),
            _ => file[second..third].fill(0),
        }
        let batch = read(&file);
        assert_eq!(numbers(&batch), [1, 3, 4], "{damage}: {:?}", reasons(&batch));
        let places: Vec<u64> = batch.rejects.iter().map(|r| r.position.offset).collect();
        assert_eq!(
            places,
            [HEADER as u64, second as u64],
            "{damage}: {:?}",
            reasons(&batch)
        );
        let between = batch.rejects[1].between.unwrap();
        assert_eq!(between.from, batch.events[0].time, "{damage}");
        assert_eq!(between.until, batch.events[1].when().until, "{damage}");
    }
}

#[test]
fn records_are_read_without_their_chunks_header() {
    let mut file = log(&[&logons(1..=3)], 0);
    file[HEADER..HEADER + 512].fill(0xaa);
    let batch = read(&file);
    assert_eq!(numbers(&batch), [1, 2, 3]);
    assert_eq!(batch.rejects.len(), 1);
    let first = record_at(&file, HEADER, 1);
    file[first] = b'X';
    let batch = read(&file);
    assert_eq!(numbers(&batch), [2, 3], "{:?}", reasons(&batch));
    assert_eq!(batch.rejects.len(), 2);
    file[HEADER + 512..].fill(0xaa);
    let batch = read(&file);
    assert_eq!((batch.events.len(), batch.rejects.len()), (0, 1));
    assert_eq!(batch.rejects[0].n_bytes, CHUNK as u64);
}

#[test]
fn a_log_that_breaks_off_says_where() {
    let whole = log(&[&logons(1..=3)], 0);
    let third = record_at(&whole, HEADER, 3);
    let batch = read(&whole[..third + 40]);
    assert_eq!(numbers(&batch), [1, 2]);
    let rejects = reasons(&batch);
    assert_eq!(rejects.len(), 2, "{rejects:?}");
    assert!(rejects[0].1.contains("the file ends after"), "{rejects:?}");
    assert_eq!(rejects[1].0, third as u64, "{rejects:?}");
    for len in [0, 7, 8, 100, HEADER - 1] {
        let batch = read(&whole[..len]);
        assert_eq!(
            (batch.events.len(), batch.rejects.len()),
            (0, usize::from(len > 0)),
            "{len}"
        );
    }
    assert_eq!(read(&whole[..HEADER]).rejects, []);
}

/// A lake as far as these tests need one.
#[derive(Default)]
struct Store {
    ids: BTreeSet<EventId>,
    n_given: usize,
    checkpoints: BTreeMap<String, Checkpoint>,
}

impl Store {
    /// Reads a log on from its checkpoint, and stops after so many batches.
    fn ingest(&mut self, path: &Path, n_batches: usize) {
        let options = Options {
            batch_events: 1,
            ..Options::default()
        };
        let (inputs, errors) = discover(&[path.to_owned()], &options);
        assert_eq!((inputs.len(), errors), (1, vec![]));
        assert_eq!(inputs[0].evidence.source, "windows_evtx");
        let resume = self.checkpoints.get(&inputs[0].evidence.lineage).cloned();
        let mut n_left = n_batches;
        let mut sink = |batch: Batch| {
            self.n_given += batch.events.len();
            self.ids.extend(batch.events.iter().map(|e| e.id));
            if let Some(checkpoint) = batch.checkpoint {
                self.checkpoints.insert(checkpoint.lineage.clone(), checkpoint);
            }
            n_left -= 1;
            match n_left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        ambit_source::read(
            &inputs[0],
            &options,
            &Keys::derive(&[7; 32]),
            resume.as_ref(),
            &mut sink,
        )
        .unwrap();
    }
}

#[test]
fn a_log_is_read_on_where_its_reading_stopped() {
    let folder = tempfile::tempdir().unwrap();
    // Its name says nothing.
    let path = folder.path().join("evidence.bin");
    std::fs::write(&path, log(&[&logons(1..=3), &logons(4..=5), &logons(6..=9)], 0)).unwrap();
    let mut store = Store::default();
    for expected in [3, 5, 9] {
        store.ingest(&path, 1);
        assert_eq!((store.n_given, store.ids.len()), (expected, expected));
    }
    store.ingest(&path, usize::MAX);
    assert_eq!((store.n_given, store.ids.len()), (9, 9));
}

#[test]
fn a_log_that_was_written_to_in_place_adds_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Security.evtx");
    let mut store = Store::default();
    // The second chunk was not full yet; then it is, a third follows, and at last the first is written over.
    let states: [(&[&[Written]], usize); 3] = [
        (&[&logons(1..=3), &logons(4..=5)], 5),
        (&[&logons(1..=3), &logons(4..=7), &logons(8..=8)], 8),
        (&[&logons(12..=13), &logons(4..=7), &logons(8..=11)], 13),
    ];
    for (chunks, expected) in states {
        let mut file = log(chunks, 1);
        // The header of a log in use may say the same all the time.
        file[16..32].fill(0);
        std::fs::write(&path, file).unwrap();
        store.ingest(&path, usize::MAX);
        assert_eq!(store.ids.len(), expected);
    }
}

#[test]
fn two_exports_that_begin_alike_are_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::default();
    for id in [4, 5] {
        let path = folder.path().join(format!("{id}.evtx"));
        let mut file = log(&[&logons(id..=id)], 0);
        file[24..32].copy_from_slice(&2u64.to_le_bytes());
        std::fs::write(&path, file).unwrap();
        store.ingest(&path, usize::MAX);
    }
    assert_eq!(store.ids.len(), 2);
}

/// A template may say a value as often as it likes: sixty bytes of it make fifteen thousand of text here.
#[test]
fn what_a_few_bytes_say_is_bounded() {
    let again = (0..400).map(|n| element(&format!("n{n}"), &[], Inside::Value(Value::Again(0))));
    let long = element("long", &[], Inside::Value(text(&"x".repeat(15_000))));
    let mut bomb = logon(2);
    bomb.event = element(
        "Event",
        &[],
        Inside::Elements([long].into_iter().chain(again).collect()),
    );
    let batch = read(&log(&[&[logon(1), bomb, logon(3)]], 0));
    assert_eq!(numbers(&batch), [1, 3], "{:?}", reasons(&batch));
    assert_eq!(batch.rejects.len(), 1);
    assert!(
        batch.rejects[0].reason.contains("say more than"),
        "{:?}",
        reasons(&batch)
    );
}

#[test]
fn wiped_parts_of_a_log_are_told() {
    let whole = log(&[&logons(1..=2), &logons(3..=4), &logons(5..=6)], 0);
    let mut chunk = whole.clone();
    chunk[HEADER + CHUNK..HEADER + 2 * CHUNK].fill(0);
    let batch = read(&chunk);
    assert_eq!(numbers(&batch), [1, 2, 5, 6]);
    assert_eq!(
        batch.rejects[0].position.offset,
        (HEADER + CHUNK) as u64,
        "{:?}",
        reasons(&batch)
    );
    // Room behind the last chunk was never used.
    let mut more = whole.clone();
    more.extend(vec![0; 2 * CHUNK]);
    assert_eq!((read(&more).events.len(), read(&more).rejects.len()), (6, 0));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Security.evtx");
    let mut header = whole;
    header[..HEADER].fill(0);
    std::fs::write(&path, header).unwrap();
    let mut store = Store::default();
    store.ingest(&path, usize::MAX);
    assert_eq!(store.ids.len(), 6);
}

#[test]
fn elements_within_elements_end_in_a_reject() {
    for levels in [60, 300, 510, 520, 1000] {
        let mut deep = logon(2);
        let bottom = element("e", &[], Inside::Value(text("bottom")));
        deep.event = (0..levels).fold(bottom, |inner, _| {
            element("e", &[], Inside::Elements(vec![inner]))
        });
        let batch = read(&log(&[&[logon(1), deep, logon(3)]], 0));
        assert_eq!(numbers(&batch), [1, 3], "{levels}: {:?}", reasons(&batch));
        assert_eq!(batch.rejects.len(), 1, "{levels}");
    }
}
