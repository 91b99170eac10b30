//! Events that are held back until their end is known: interruption at any batch changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Checkpoint, EventId, Keys, Outcome};
use ambit_source::{Context, LastRecord, Options, decode_all, discover, formats, read};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// A log of four interleaved sessions, in which every seventh statement fails and one session stays idle.
fn csvlog(n_records: usize) -> String {
    let (mut out, mut lines) = (String::new(), [0; 5]);
    for n in 0..n_records {
        let session = if n == 3 { 4 } else { n % 4 };
        lines[session] += 1;
        let transaction = lines[session] / 2;
        let is_error = lines[session] % 2 == 0 && transaction % 7 == 0;
        let (severity, state, message, statement) = if is_error {
            (
                "ERROR",
                "57014",
                "canceling statement due to user request".to_owned(),
                format!("SELECT {transaction}"),
            )
        } else {
            let audit = format!("AUDIT: SESSION,{transaction},1,READ,SELECT,,,SELECT {transaction},<none>");
            ("LOG", "00000", audit, String::new())
        };
        let transaction = if is_error {
            transaction
        } else {
            (lines[session] + 1) / 2
        };
        let at = format!(
            "2014-05-23 10:{:02}:{:02}.{:03} UTC",
            n / 60_000,
            n / 1000 % 60,
            n % 1000
        );
        writeln!(
            out,
            "{at},\"app\",\"music\",{session},\"10.0.0.1:4000{session}\",537f1c80.{session},{},\"SELECT\",2014-05-23 10:00:00 UTC,{session}/{transaction},0,{severity},{state},\"{message}\",,,,,,\"{statement}\",,,\"web\",\"client backend\",,0",
            lines[session]
        )
        .unwrap();
    }
    out
}

#[derive(Default)]
struct Store {
    outcomes: BTreeMap<EventId, Outcome>,
    checkpoint: Option<Checkpoint>,
}

impl Store {
    /// The first word on an event stays, as in the lake.
    fn keep(&mut self, batch: Batch) {
        for event in batch.events {
            self.outcomes.entry(event.id).or_insert(event.outcome);
        }
        self.checkpoint = batch.checkpoint.or(self.checkpoint.take());
    }
}

/// An audit log in which the records of two events always stand mixed, and behind them one that stands alone: so long
/// after them that nothing more of them is awaited.
fn audit_log(n_pairs: usize) -> String {
    let mut out = String::new();
    for n in 0..n_pairs {
        let (at, first, second) = (1_400_839_200 + n / 4, 2 * n + 1, 2 * n + 2);
        for (kind, serial, body) in [
            (
                "SYSCALL",
                first,
                "arch=c000003e syscall=59 success=yes pid=7 auid=1000 ses=2 exe=\"/bin/ls\"",
            ),
            (
                "SYSCALL",
                second,
                "arch=c000003e syscall=2 success=no exit=-13 pid=8 auid=0 ses=3",
            ),
            ("EXECVE", first, "argc=1 a0=\"ls\""),
            ("PROCTITLE", second, "proctitle=6C73"),
            ("PATH", first, "item=0 name=\"/bin/ls\" nametype=NORMAL"),
        ] {
            writeln!(out, "type={kind} msg=audit({at}.{:03}:{serial}): {body}", n % 4).unwrap();
        }
    }
    let (at, serial) = (1_400_839_210 + n_pairs / 4, 2 * n_pairs + 1);
    writeln!(
        out,
        "type=USER_END msg=audit({at}.000:{serial}): pid=9 uid=0 auid=1000 ses=2 msg='op=PAM:session_close res=success'"
    )
    .unwrap();
    out
}

#[test]
fn interruption_changes_nothing() {
    let whole = interrupted("postgresql.csv", &csvlog(1000));
    assert_eq!(whole.len(), 1000);
    assert!(whole.values().any(|o| *o == Outcome::Aborted));
    let whole = interrupted("audit.log", &audit_log(500));
    assert_eq!(whole.len(), 1001);
    assert!(whole.values().filter(|o| **o == Outcome::Denied).count() == 500);
}

/// What a file gives, read at once and with interruptions.
fn interrupted(name: &str, text: &str) -> BTreeMap<EventId, Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let options = Options {
        batch_events: 100,
        ..Options::default()
    };
    let (inputs, errors) = discover(&[path], &options);
    assert_eq!((inputs.len(), errors.len()), (1, 0));
    let ingest = |store: &mut Store, mut n_batches: usize| {
        let resume = store.checkpoint.clone();
        let mut sink = |batch: Batch| {
            store.keep(batch);
            n_batches -= 1;
            if n_batches == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        read(
            &inputs[0],
            &options,
            &Keys::derive(&[7; 32]),
            resume.as_ref(),
            &mut sink,
        )
        .unwrap()
        .stopped
    };
    let mut whole = Store::default();
    ingest(&mut whole, usize::MAX);
    for step in [1, 5] {
        let mut store = Store::default();
        let mut n_runs = 0;
        while ingest(&mut store, step + n_runs) {
            n_runs += 1;
            assert!(n_runs < 200, "no end in sight with {step} batches at a time");
        }
        assert_eq!(store.outcomes, whole.outcomes, "{step} batches at a time");
    }
    whole.outcomes
}

/// What is read of an audit log that ends here, from where an earlier reading ended; and what waits at its end.
fn read_to(path: &std::path::Path, text: &str, options: &Options, store: &mut Store) -> usize {
    std::fs::write(path, text).unwrap();
    let (inputs, errors) = discover(&[path.to_owned()], options);
    assert_eq!((inputs.len(), errors.len()), (1, 0));
    let (resume, mut n_waiting) = (store.checkpoint.clone(), 0);
    let mut sink = |mut batch: Batch| {
        assert!(batch.rejects.is_empty());
        n_waiting += batch.unfinished.take().map_or(0, |end| end.rejects.len());
        store.keep(batch);
        ControlFlow::Continue(())
    };
    read(
        &inputs[0],
        options,
        &Keys::derive(&[7; 32]),
        resume.as_ref(),
        &mut sink,
    )
    .unwrap();
    n_waiting
}

/// An event that is half written waits for its other records: no part of it is read by itself, and none is lost.
#[test]
fn an_audit_log_that_grows_gives_what_the_whole_one_gives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let text = audit_log(6);
    let options = Options::default();
    let mut whole = Store::default();
    assert_eq!(read_to(&path, &text, &options, &mut whole), 0);
    assert_eq!(whole.outcomes.len(), 13);
    let mut most_waiting = 0;
    for at in text.match_indices('\n').flat_map(|(at, _)| [at - 9, at + 1]) {
        let mut store = Store::default();
        most_waiting = most_waiting.max(read_to(&path, &text[..at], &options, &mut store));
        assert_eq!(read_to(&path, &text, &options, &mut store), 0);
        assert_eq!(store.outcomes, whole.outcomes, "cut at {at}");
    }
    assert!(most_waiting >= 2, "{most_waiting}");
}

#[test]
fn an_audit_log_that_is_all_there_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let text = audit_log(6);
    let first = &text[..=text.find('\n').unwrap()];
    let events_of = |options: &Options, text: &str| {
        let mut store = Store::default();
        (read_to(&path, text, options, &mut store), store.outcomes.len())
    };
    assert_eq!(events_of(&Options::default(), first), (1, 0));
    let is_whole = Options {
        last_record: LastRecord::IsWhole,
        ..Options::default()
    };
    assert_eq!(events_of(&is_whole, first), (0, 1));
    let is_read_once = Options {
        may_go_on: false,
        ..Options::default()
    };
    assert_eq!(events_of(&is_read_once, first), (0, 1));
    // ausearch writes no log that grows.
    assert_eq!(events_of(&Options::default(), &format!("----\n{first}")), (0, 1));
    // An older sibling is written no longer.
    std::fs::write(folder.path().join("audit.log.1"), first).unwrap();
    std::fs::write(&path, &text).unwrap();
    let (inputs, _) = discover(&[folder.path().to_owned()], &Options::default());
    let mut n_events = 0;
    for input in &inputs {
        let mut sink = |batch: Batch| {
            n_events += batch.events.len();
            assert!(batch.unfinished.is_none());
            ControlFlow::Continue(())
        };
        read(
            input,
            &Options::default(),
            &Keys::derive(&[7; 32]),
            None,
            &mut sink,
        )
        .unwrap();
    }
    assert_eq!((inputs.len(), n_events), (2, 14));
}

/// Deterministic damage: bytes replaced, cut out and doubled.
fn damage(bytes: &[u8], seed: &mut u64) -> Vec<u8> {
    let mut next = |most: usize| {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*seed >> 33).unwrap() % most.max(1)
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + next(6) {
        let at = next(bytes.len());
        match next(4) {
            0 => {
                bytes[at] = [
                    0, b'"', b'\'', b',', b'\n', b'\t', b'[', b'$', b'\\', 0xff, b' ', b'9',
                ][next(12)]
            }
            1 => bytes.truncate(at + 1),
            2 => drop(bytes.drain(at..(at + next(40)).min(bytes.len()))),
            _ => {
                let piece = bytes[at..(at + next(60)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }
    bytes
}

#[test]
fn damaged_logs_are_read_without_panic() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let context = Context::bare(Keys::derive(&[7; 32]));
    let mut seed = 7;
    let mut n_read = 0;
    for format in formats::built_in() {
        let name = format.name();
        for case in std::fs::read_dir(root.join(name))
            .unwrap()
            .map(|f| f.unwrap().path())
        {
            if case.extension().is_none_or(|e| e != "in") {
                continue;
            }
            let bytes = std::fs::read(&case).unwrap();
            for _ in 0..12 {
                let batch = decode_all(&format, &damage(&bytes, &mut seed), &context).unwrap();
                n_read += batch.events.len() + batch.rejects.len();
            }
        }
    }
    assert!(n_read > 500, "only {n_read}");
}
