//! The lake on disk against the lake in memory, and against crashes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::{Error, Filter, Lake, Query, Receipt, Test, Version};
use ambit_event::{Attestation, Batch, Checkpoint, Column, ColumnKind, Event, EventId, Evidence, EvidenceId};
use ambit_event::{Finding, FindingEntry, FindingId, Level, Noted};
use ambit_event::{Loss, Outcome, Position, Reject, Span, Timestamp, Unfinished};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A small generator of numbers (xorshift), so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

const WORDS: &[&str] = &[
    "a",
    "ab",
    "A",
    "7",
    "42",
    "007",
    "alice",
    "ALICE",
    "%",
    "_",
    "x\"y",
    "back\\slash",
    "ünïcode",
    "",
    "true",
    "K",
];
const DAY: i64 = 86_400;
const SOURCES: [&str; 3] = ["nginx_access", "postgresql", "sshd"];

/// Tests may draw any text; outcomes are drawn by name.
fn word(dice: &mut Dice) -> String {
    dice.one(WORDS).to_string()
}

fn event(dice: &mut Dice, nth: u64) -> Event {
    let mut event = Event::new(SOURCES[dice.below(3) as usize], Timestamp(0));
    let at = 1_400_000_000 + dice.below(3) as i64 * DAY + dice.below(5000) as i64;
    event.time = match dice.below(50) {
        0 => Timestamp(i64::MIN + 5),
        1 => Timestamp::from_secs(i64::MAX / 2_000_000_000),
        _ => Timestamp::from_secs(at).plus_nanos(dice.below(3) as i64),
    };
    event.precision = *dice.one(&[0, 1, 1_000_000, 5_000_000_000, -3]);
    for &column in Column::ALL {
        if column == Column::Source || dice.below(3) == 0 {
            continue;
        }
        match column.kind() {
            ColumnKind::Text => event.set_text(column, Some(word(dice))),
            ColumnKind::Integer => event.set_integer(column, Some(*dice.one(&[0, 7, 42, -1, i64::MAX]))),
            ColumnKind::TextList => event.set_list(column, (0..dice.below(3)).map(|_| word(dice)).collect()),
        }
    }
    event.outcome = *dice.one(Outcome::ALL);
    event.fields.insert(
        "a".into(),
        serde_json::json!({"b": word(dice), "n": dice.below(50)}),
    );
    event
        .fields
        .insert("c.d".into(), serde_json::json!([word(dice), true, null]));
    event.provenance.evidence = EvidenceId("e".into());
    event.provenance.line = nth + 1;
    event.provenance.offset = nth * 100;
    event.raw = format!("raw record {nth} of secret").into_bytes();
    event.id = EventId::nth(&event.source, "h", &event.raw, 1);
    event
}

fn test(dice: &mut Dice) -> Test {
    let limit = |dice: &mut Dice| *dice.one(&[None, Some(0), Some(7), Some(42), Some(-1)]);
    match dice.below(6) {
        0 | 1 => Test::In((0..dice.below(4)).map(|_| word(dice)).collect()),
        2 => Test::Like(format!("{}*", word(dice))),
        3 => Test::Between(limit(dice), limit(dice)),
        4 => Test::Present,
        _ => Test::Absent,
    }
}

fn filter(dice: &mut Dice, depth: u64, ids: &[EventId]) -> Filter {
    let parts = |dice: &mut Dice| (0..dice.below(4)).map(|_| filter(dice, depth - 1, ids)).collect();
    let instant = |dice: &mut Dice| Timestamp::from_secs(1_400_000_000 + dice.below(5000) as i64);
    match dice.below(if depth == 0 { 7 } else { 10 }) {
        0..=3 => Filter::Column(*dice.one(Column::ALL), test(dice)),
        4 => Filter::Field(
            dice.one(&["a.b", "a.n", "c.d", "none", "a"]).to_string(),
            test(dice),
        ),
        5 => Filter::Text(word(dice)),
        6 => match dice.below(2) {
            0 => Filter::Time(Span::new(instant(dice), instant(dice))),
            _ => Filter::Ids((0..dice.below(3)).map(|_| *dice.one(ids)).collect()),
        },
        7 => Filter::All(parts(dice)),
        8 => Filter::Any(parts(dice)),
        _ => Filter::Not(Box::new(filter(dice, depth - 1, ids))),
    }
}

fn batch(dice: &mut Dice, nths: std::ops::Range<u64>) -> Batch {
    let reject = Reject {
        source: "nginx_access".into(),
        host: Some("h".into()),
        position: Position {
            evidence: EvidenceId("e".into()),
            path: "access.log".into(),
            offset: nths.start,
            line: nths.start + 1,
        },
        reason: "expected a date".into(),
        field: Some("time".into()),
        between: Some(Span::new(
            Timestamp::from_secs(1_400_000_000),
            Timestamp::from_secs(1_400_000_100),
        )),
        raw: b"broken line of secret".to_vec(),
        n_bytes: 21,
    };
    let span = Span::new(
        Timestamp::from_secs(1_400_000_000),
        Timestamp::from_secs(1_400_000_050),
    );
    let (source, host) = ("nginx_access".to_owned(), Some("h".to_owned()));
    Batch {
        evidence: Some(Evidence {
            id: EvidenceId("e".into()),
            path: format!("access.log.{}", nths.start / 150 % 2),
            lineage: "l".into(),
            source: source.clone(),
            ..Evidence::default()
        }),
        checkpoint: Some(Checkpoint {
            lineage: "l".into(),
            offset: nths.end * 100,
            n_records: nths.end,
            digest: nths.end + 1,
        }),
        losses: vec![Loss {
            source: source.clone(),
            host: host.clone(),
            span,
            at_most: Some(3),
            why: "throttled".into(),
        }],
        attestations: vec![Attestation {
            source,
            host,
            span,
            because: "a digest".into(),
        }],
        noted: noted(&nths),
        events: nths.map(|nth| event(dice, nth)).collect(),
        rejects: vec![reject],
        ..Batch::default()
    }
}

/// What is noted beside the events: a finding, and one that corrects an earlier one.
fn noted(nths: &std::ops::Range<u64>) -> Vec<Noted> {
    let finding = |nth: u64| {
        let events = vec![EventId::nth("nginx_access", "h", &nth.to_le_bytes(), 1)];
        Finding {
            id: FindingId::of("r", &events),
            rule_id: "r".into(),
            title: "A rule".into(),
            level: Some(Level::High),
            attack: vec!["T1110".into()],
            time: Timestamp::from_secs(1_400_000_000),
            until: Timestamp::from_secs(1_400_000_010),
            source: "nginx_access".into(),
            host: None,
            actor: Vec::new(),
            because: None,
            n_events: 1,
            events,
        }
    };
    let at = |noted_at: u64, entry: FindingEntry| Noted {
        noted_at: Timestamp::from_secs(1_500_000_000 + i64::try_from(noted_at).unwrap()),
        entry,
    };
    let (first, finding) = (finding(nths.start), finding(nths.end));
    let before = first.id;
    vec![
        at(nths.start, FindingEntry::Raised { finding: first }),
        at(nths.end, FindingEntry::Corrected { before, finding }),
    ]
}

async fn put(lake: &Lake, batches: impl IntoIterator<Item = Batch>) -> Receipt {
    let mut writer = lake.writer().await.unwrap();
    for batch in batches {
        writer.push(batch).await.unwrap();
    }
    writer.commit().await.unwrap()
}

/// The same batches in a lake in memory and in one on disk, several commits each.
async fn both(dir: &Path, seed: u64) -> (Lake, Lake) {
    let (memory, disk) = (Lake::in_memory([0; 32]), Lake::create(dir).await.unwrap());
    for lake in [&memory, &disk] {
        let mut dice = Dice(seed);
        put(lake, [batch(&mut dice, 0..120), batch(&mut dice, 120..150)]).await;
        put(lake, [batch(&mut dice, 150..300)]).await;
        put(lake, [batch(&mut dice, 300..301)]).await;
    }
    (memory.refresh().await.unwrap(), disk.refresh().await.unwrap())
}

/// Everything that a lake answers, apart from its version.
async fn body(lake: &Lake) -> String {
    let events = lake.events(&Query::of(Filter::everything())).await.unwrap();
    format!(
        "{events:?} {:?} {:?} {:?} {:?} {:?} {}",
        lake.findings().await.unwrap(),
        lake.rejects(10).await.unwrap(),
        lake.evidence().await.unwrap(),
        lake.checkpoint("l").await.unwrap(),
        lake.coverage().await.unwrap(),
        lake.content_root().await.unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_disk_answer_alike() {
    let dir = TempDir::new().unwrap();
    let (memory, disk) = both(dir.path(), 0x5eed).await;
    assert_eq!(body(&memory).await, body(&disk).await);
    let ids: Vec<_> = memory.events(&Query::of(Filter::everything())).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|event| event.id).collect();
    let mut dice = Dice(77);
    for nth in 0..250 {
        let mut query = Query::of(filter(&mut dice, 3, &ids));
        if dice.below(3) == 0 {
            let from = Timestamp::from_secs(1_400_000_000 + dice.below(5000) as i64);
            query = query.within(Span::new(from, from.plus_secs(dice.below(100_000) as i64)));
        }
        if dice.below(3) == 0 {
            query = query.limited(dice.below(20) as usize);
        }
        let (expected, found) = (
            memory.events(&query).await.unwrap(),
            disk.events(&query).await.unwrap(),
        );
        assert_eq!(expected, found, "{nth}: {query:?}");
        assert_eq!(
            memory.count(&query).await.unwrap(),
            disk.count(&query).await.unwrap(),
            "{nth}: {query:?}"
        );
        if nth % 5 == 0 {
            let columns = [*dice.one(Column::ALL), *dice.one(Column::ALL)];
            let expected = memory.distinct(&columns, &query).await.unwrap();
            assert_eq!(
                expected,
                disk.distinct(&columns, &query).await.unwrap(),
                "{nth}: {columns:?} {query:?}"
            );
            let (column, test) = (columns[0], test(&mut dice));
            let (expected, found) = (
                memory.values(column, &test).await,
                disk.values(column, &test).await,
            );
            assert_eq!(expected.unwrap(), found.unwrap(), "{nth}: {column:?} {test:?}");
        }
        // More than the engine is asked for, so that indexes answer where they can.
        let many = Query {
            limit: Some(100_000),
            ..query
        };
        let found = disk.events(&many).await.unwrap();
        assert_eq!(memory.events(&many).await.unwrap(), found, "{nth}: {many:?}");
    }
}

/// Many events of one day, in a file of more than one row group: of every third the trace, of the first half the device.
fn a_day(n: u64) -> Batch {
    let event = |nth: u64| {
        let at = Timestamp::from_secs(1_400_000_000).plus_nanos(nth.cast_signed() * 1000);
        let mut event = Event::new("s", at);
        event.id = EventId::native("s", "", &nth.to_string());
        event.trace = nth.is_multiple_of(3).then(|| format!("t{}", nth / 6));
        event.device = (nth < n / 2).then(|| format!("d{}", nth % 50_000));
        event.actor_user = Some(format!("u{}", nth / 20_000));
        event
    };
    Batch {
        events: (0..n).map(event).collect(),
        ..Batch::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_up_is_found_wherever_it_stands() {
    let dir = TempDir::new().unwrap();
    let n = 140_000;
    let all = a_day(n).events;
    let disk = Lake::create(dir.path()).await.unwrap();
    put(&disk, [a_day(n)]).await;
    let disk = disk.refresh().await.unwrap();
    let trace = |of: &[u64]| Filter::one_of(Column::Trace, of.iter().map(|nth| format!("t{nth}")));
    let device = |nth: u64| Filter::eq(Column::Device, format!("d{nth}"));
    let id = |nth: usize| Filter::Ids(vec![all[nth].id]);
    let scattered: Vec<u64> = (0..40).map(|nth| nth * 601).collect();
    for (filter, n_found) in [
        (trace(&[0]), 2),
        (trace(&[23_333]), 1),
        (trace(&[683, 21_845]), 4),
        (trace(&scattered), 78),
        (trace(&[99_999]), 0),
        (device(19_999), 2),
        (device(49_999), 1),
        (Filter::Any(vec![device(7), trace(&[22_000]), id(131_072)]), 5),
        (Filter::All(vec![device(0), trace(&[0])]), 1),
        (
            Filter::All(vec![trace(&scattered), Filter::Not(Box::new(trace(&[0])))]),
            76,
        ),
        (Filter::eq(Column::ActorUser, "u6"), 20_000),
        (Filter::Any(vec![id(4095), id(4096), id(139_999)]), 3),
    ] {
        let query = Query::of(filter);
        let expected: Vec<&Event> = all.iter().filter(|event| query.admits(event)).collect();
        let found = disk.events(&query).await.unwrap();
        assert_eq!(
            (found.len(), found.iter().collect()),
            (n_found, expected),
            "{query:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_looked_up_is_narrowed_by_ids_time_and_number() {
    let dir = TempDir::new().unwrap();
    let all = a_day(140_000).events;
    let disk = Lake::create(dir.path()).await.unwrap();
    put(&disk, [a_day(140_000)]).await;
    let disk = disk.refresh().await.unwrap();
    let device = Filter::one_of(Column::Device, (0..3000).map(|nth| format!("d{nth}")));
    let known: Vec<EventId> = (0..1000).map(|nth| all[nth * 2].id).collect();
    let unknown = Filter::All(vec![device.clone(), Filter::Not(Box::new(Filter::Ids(known)))]);
    let of_one = Filter::All(vec![device.clone(), Filter::eq(Column::ActorUser, "u2")]);
    let whole = Query::of(Filter::everything());
    let span = Span::new(all[2000].time, all[51_000].time);
    for (filter, n_found) in [(device, 6000), (unknown, 5000), (of_one, 3000)] {
        for span in [Span::ALL, span] {
            for limit in [None, Some(1), Some(2500)] {
                let query = Query {
                    filter: filter.clone(),
                    span,
                    limit,
                };
                let admitted = all.iter().filter(|event| query.admits(event));
                let expected: Vec<&Event> = admitted.take(limit.unwrap_or(usize::MAX)).collect();
                let found = disk.events(&query).await.unwrap();
                assert!(
                    found.iter().eq(expected),
                    "{} of {n_found}: {query:?}",
                    found.len()
                );
                assert!(span != Span::ALL || limit.is_some() || found.len() == n_found);
            }
        }
    }
    assert_eq!(disk.count(&whole).await.unwrap(), 140_000);
}

/// Columns with a dictionary, without one, and with one that became too long.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_told_without_their_events() {
    let dir = TempDir::new().unwrap();
    let (memory, disk) = (Lake::in_memory([7; 32]), Lake::create(dir.path()).await.unwrap());
    let mut batch = a_day(140_000);
    for (nth, event) in batch.events.iter_mut().enumerate() {
        let name = format!("/V1/a{}/{}", nth % 9, "x".repeat(nth / 7000));
        event.resource = (nth % 3 > 0).then(|| format!("{name}/{}", nth % 100_000));
    }
    for lake in [&memory, &disk] {
        put(lake, [batch.clone()]).await;
    }
    let (memory, disk) = (memory.refresh().await.unwrap(), disk.refresh().await.unwrap());
    for (column, test) in [
        (Column::Resource, Test::like("/v1/A3/*77")),
        (Column::Resource, Test::like("/v1/\u{212a}*")),
        (Column::Resource, Test::like("*x/1")),
        (Column::Device, Test::like("D1*")),
        (Column::Device, Test::Present),
        (Column::Trace, Test::like("t77*")),
        (Column::ActorUser, Test::In(vec!["u1".into(), "u9".into()])),
        (Column::Host, Test::Present),
        (Column::RecordCount, Test::Present),
    ] {
        let expected = memory.values(column, &test).await.unwrap();
        assert_eq!(
            disk.values(column, &test).await.unwrap(),
            expected,
            "{column:?} {test:?}"
        );
    }
}

/// A batch that ends within a record, and one that was read on from where another ended.
fn half_read(dice: &mut Dice, nths: std::ops::Range<u64>) -> [Batch; 2] {
    let mut half = batch(dice, nths.clone());
    let end = Unfinished::behind(half.checkpoint.as_ref().unwrap());
    let mut reject = half.rejects[0].clone();
    reject.position.offset = nths.end * 100;
    reject.raw = b"half of a secret".to_vec();
    let loss = Loss {
        at_most: None,
        why: "the rest cannot be read".into(),
        ..half.losses[0].clone()
    };
    half.unfinished = Some(Unfinished {
        rejects: vec![reject],
        losses: vec![loss],
        ..end.clone()
    });
    let mut rest = batch(dice, nths.end..nths.end + 20);
    rest.settled = vec![end.id];
    [half, rest]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_half_written_is_gone_once_it_was_read_on() {
    let dir = TempDir::new().unwrap();
    let lakes = (Lake::in_memory([0; 32]), Lake::create(dir.path()).await.unwrap());
    let [half, rest] = half_read(&mut Dice(0x5eed), 0..50);
    for (given, n_rejects) in [(&half, 2), (&half, 2), (&rest, 2), (&half, 2)] {
        for lake in [&lakes.0, &lakes.1] {
            put(lake, [given.clone()]).await;
        }
        let (memory, disk) = (lakes.0.refresh().await.unwrap(), lakes.1.refresh().await.unwrap());
        assert_eq!(body(&memory).await, body(&disk).await);
        assert_eq!(disk.rejects(10).await.unwrap().0, n_rejects);
    }
    let disk = lakes.1.refresh().await.unwrap();
    let (_, rejects) = disk.rejects(10).await.unwrap();
    assert!(
        rejects
            .iter()
            .all(|reject| reject.n_bytes == 21 && reject.position.offset != 5000)
    );
    let count = |table: &str| format!("select count(*) from {table}");
    for (table, n) in [("rejects", "2"), ("losses", "1")] {
        let answer = disk.sql(&count(table)).await.unwrap();
        assert_eq!(
            format!("{:?}", answer.rows),
            format!("[[Some({n:?})]]"),
            "{table}"
        );
    }
    let before = body(&disk).await;
    disk.compact().await.unwrap();
    let disk = disk.refresh().await.unwrap();
    assert_eq!(body(&disk).await, before, "compaction changes nothing");
    put(&disk, [half]).await;
    assert_eq!(body(&disk.refresh().await.unwrap()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_what_each_file_holds() {
    let dir = TempDir::new().unwrap();
    both(dir.path(), 8).await;
    let disk = super::Disk::open(dir.path()).await.unwrap();
    for entry in disk.snapshot.entries.iter() {
        let told = &entry.summary;
        assert!(told.n_rows.is_some_and(|n| n > 0), "{told:?}");
        assert!(told.source.is_some(), "{told:?}");
        assert!(told.time.is_some() || entry.day == super::SIDE, "{told:?}");
    }
    let days: Vec<_> = disk
        .snapshot
        .entries
        .iter()
        .map(|entry| entry.day.as_str())
        .collect();
    assert!(
        days.contains(&"2014-05-13") && days.contains(&"unknown"),
        "{days:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_adds_nothing() {
    let dir = TempDir::new().unwrap();
    let (memory, disk) = both(dir.path(), 1).await;
    let before = body(&disk).await;
    for lake in [&memory, &disk] {
        let again = put(lake, [batch(&mut Dice(1), 0..120)]).await;
        assert_eq!((again.n_events, again.n_duplicates, again.n_rejects), (0, 120, 0));
    }
    // Read again under another lineage and other settings: times differ by a zone, ids do not.
    let mut copy = batch(&mut Dice(1), 0..120);
    copy.checkpoint = None;
    copy.evidence = None;
    copy.rejects.clear();
    for event in &mut copy.events {
        event.time = event.time.plus_secs(7200);
    }
    let again = put(&disk, [copy.clone(), copy]).await;
    assert_eq!((again.n_events, again.n_duplicates), (0, 240));
    let reread = put(&disk, [batch(&mut Dice(1), 0..120)]).await;
    assert_eq!(reread.n_events, 0);
    let disk = disk.refresh().await.unwrap();
    let (now, root) = (
        disk.events(&Query::of(Filter::everything())).await.unwrap(),
        disk.content_root().await,
    );
    assert_eq!(now.len(), 301);
    assert!(before.contains(&root.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_stay_and_compaction_changes_no_answer() {
    let dir = TempDir::new().unwrap();
    let (_, disk) = both(dir.path(), 2).await;
    let second = disk.at(Version(2)).await.unwrap();
    let (then, now) = (body(&second).await, body(&disk).await);
    assert_ne!(then, now);
    assert!(matches!(
        second.writer().await,
        Err(Error::ReadOnly { version: 2 })
    ));
    assert!(matches!(
        disk.at(Version(9)).await,
        Err(Error::NoVersion { wanted: 9, newest: 3 })
    ));

    let done = disk.compact().await.unwrap();
    assert!(
        done.n_before > done.n_after && done.version == Version(4),
        "{done:?}"
    );
    let compacted = disk.refresh().await.unwrap();
    assert_eq!(body(&compacted).await, now);
    assert_eq!(body(&disk.at(Version(2)).await.unwrap()).await, then);
    assert_eq!(compacted.compact().await.unwrap().n_before, 0);
    let id = compacted
        .events(&Query::of(Filter::everything()).limited(1))
        .await
        .unwrap()[0]
        .id;
    assert!(compacted.raw(id).await.unwrap().is_some());

    // Everything is younger than 1970; then nothing but the newest and the pinned is.
    assert_eq!(compacted.vacuum(Timestamp(0)).await.unwrap().n_files, 0);
    second.pin("case-1").await.unwrap();
    assert!(matches!(second.pin("../x").await, Err(Error::PinName { .. })));
    compacted.vacuum(Timestamp::MAX).await.unwrap();
    assert_eq!(body(&disk.at(Version(2)).await.unwrap()).await, then);
    assert!(matches!(
        disk.at(Version(3)).await,
        Err(Error::Vacuumed { version: 3, .. })
    ));
    compacted.unpin("case-1").await.unwrap();
    assert!(compacted.vacuum(Timestamp::MAX).await.unwrap().n_files > 0);
    assert!(matches!(disk.at(Version(2)).await, Err(Error::Vacuumed { .. })));
    assert_eq!(body(&Lake::open(dir.path()).await.unwrap()).await, now);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_are_summed_up_and_read_back() {
    let dir = TempDir::new().unwrap();
    let (memory, disk) = (Lake::in_memory([0; 32]), Lake::create(dir.path()).await.unwrap());
    for lake in [&memory, &disk] {
        let mut dice = Dice(5);
        let mut writer = lake.writer().await.unwrap();
        for nth in 0..70 {
            writer.push(batch(&mut dice, nth..nth + 1)).await.unwrap();
            writer.commit().await.unwrap();
        }
    }
    assert!(dir.path().join("events/_delta_log/_last_checkpoint").exists());
    let (memory, disk) = (
        memory.refresh().await.unwrap(),
        Lake::open(dir.path()).await.unwrap(),
    );
    assert_eq!(disk.version(), Version(70));
    assert_eq!(body(&memory).await, body(&disk).await);
    assert_eq!(
        body(&memory.at(Version(30)).await.unwrap()).await,
        body(&disk.at(Version(30)).await.unwrap()).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_records_are_sealed_and_unsealed() {
    let dir = TempDir::new().unwrap();
    let (memory, disk) = both(dir.path(), 3).await;
    for lake in [&memory, &disk] {
        let first = event(&mut Dice(3), 0);
        assert_eq!(lake.raw(first.id).await.unwrap(), Some(first.raw));
        assert_eq!(lake.raw(EventId([9; 16])).await.unwrap(), None);
        let (_, rejects) = lake.rejects(1).await.unwrap();
        let raw = lake.reject_raw(&rejects[0]).await.unwrap();
        assert_eq!(raw.as_deref(), Some(&b"broken line of secret"[..]));
    }
    assert!(
        !holds(dir.path(), b"of secret"),
        "raw bytes stand somewhere unsealed"
    );
    assert!(holds(dir.path(), b"PAR1"));
}

/// Whether any file below the folder holds these bytes.
fn holds(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, needle),
            false => std::fs::read(&path)
                .unwrap()
                .windows(needle.len())
                .any(|w| w == needle),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_reads_and_only_reads() {
    let dir = TempDir::new().unwrap();
    let (_, disk) = both(dir.path(), 4).await;
    let count = async |text: &str| disk.sql(text).await.unwrap().rows[0][0].clone().unwrap();
    assert_eq!(count("select count(*) from events").await, "301");
    assert_eq!(
        count("select count(*) from rejects where reason like 'expected%'").await,
        "4"
    );
    assert_eq!(count("select sum(at_most) from losses").await, "3");
    assert_eq!(count("select count(*) from attestations").await, "1");
    assert_eq!(count("select count(distinct path) from evidence").await, "2");
    let table = disk
        .sql("select source, actor_user_uid from events where actor_user_uid is null limit 1")
        .await;
    assert_eq!(table.unwrap().rows[0][1], None);
    let when = "select count(*) from events where time >= '2014-05-13' and day <> 'unknown'";
    assert!(count(when).await.parse::<u64>().unwrap() > 100);
    for text in [
        "drop view events",
        "insert into events select * from events",
        "set a = 1",
        "select 1; select 2",
    ] {
        assert!(
            matches!(disk.sql(text).await, Err(Error::NotReadOnly { .. })),
            "{text}"
        );
    }
    for text in [
        "selec 1",
        "select nothing from events",
        "select * from '/etc/passwd'",
    ] {
        assert!(
            matches!(disk.sql(text).await, Err(Error::Engine { .. })),
            "{text}"
        );
    }
    assert!(
        disk.sql("copy events to '/tmp/ambit-must-not-be.csv'")
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_from_which_columns_it_is_made() {
    let dir = TempDir::new().unwrap();
    let (_, disk) = both(dir.path(), 4).await;
    let of = async |text: &str| {
        let origins = disk.sql(text).await.unwrap().origins;
        let texts = origins.into_iter().map(|origin| match origin.columns {
            Some(columns) => {
                let made = if origin.is_verbatim || columns.is_empty() {
                    ""
                } else {
                    "~"
                };
                format!("{made}{}", columns.into_iter().collect::<Vec<_>>().join("+"))
            }
            None => "?".to_owned(),
        });
        texts.collect::<Vec<_>>().join(" ")
    };
    let user = "actor_user_uid";
    for (statement, expected) in [
        (
            "select actor_user_uid as source, outcome from events",
            &*format!("{user} outcome"),
        ),
        (
            "with e as (select max(actor_user_uid) z, count(actor_user_uid) from events) select * from e",
            &format!("{user} "),
        ),
        (
            "select upper(a.source) || b.host, 1 from events a join events b on a.id = b.id limit 1",
            "~host+source ",
        ),
        (
            "select source from events union all select actor_user_uid from events",
            &format!("~{user}+source"),
        ),
        (
            "select (select max(actor_user_uid) from events) x, row_number() over (order by host) n from events",
            "? ~host",
        ),
        (
            "select min(substr(actor_user_uid, 2)), max(host), max(upper(host)) from events",
            &format!("~{user} host ~host"),
        ),
        // Columns that a condition brings together tell of each other.
        (
            "select e.host, l.c, l.n from events e join (values ('a', 1)) l(c, n) on substr(e.actor_user_uid, 2, 1) = l.c",
            &format!("host ~{user} "),
        ),
        (
            "select l.c from (values ('a')) l(c), events e where e.host = 'h' and (l.c < e.actor_user_uid or e.host = 'x')",
            &format!("~{user}"),
        ),
        (
            "select l.c from (values ('a')) l(c) where l.c in (select substr(actor_user_uid, 1, 1) from events)",
            &format!("~{user}"),
        ),
        (
            "select l.c from (values ('a')) l(c) where exists (select 1 from events where substr(actor_user_uid, 1, 1) = l.c)",
            "?",
        ),
        (
            "select source, actor_user_uid from events where actor_user_uid = 'alice' or outcome = 'denied'",
            &format!("source {user}"),
        ),
        (
            "select rule_id, title, attack, noted_at, state, actor, entry, actor || rule_id from findings",
            "     actor fields ~actor",
        ),
    ] {
        assert_eq!(of(statement).await, expected, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_without_its_secret_is_not_given_another() {
    let dir = TempDir::new().unwrap();
    drop(both(dir.path(), 4).await);
    let secret = dir.path().join("keys/secret");
    let own = std::fs::read(&secret).unwrap();
    for other in [None, Some([7; 32])] {
        std::fs::remove_file(&secret).unwrap();
        other
            .iter()
            .for_each(|bytes| std::fs::write(&secret, bytes).unwrap());
        assert!(Lake::open(dir.path()).await.is_err());
        assert!(Lake::create(dir.path()).await.is_err());
        assert_eq!(secret.exists(), other.is_some());
        std::fs::write(&secret, &own).unwrap();
    }
    assert!(Lake::create(dir.path()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_writes_at_a_time() {
    let dir = TempDir::new().unwrap();
    let lake = Lake::create(dir.path()).await.unwrap();
    let writer = lake.writer().await.unwrap();
    let other = Lake::open(dir.path()).await.unwrap();
    let told = other
        .writer()
        .await
        .map(|_| ())
        .map_err(|error| error.to_string());
    assert!(told.is_err_and(|told| told.contains(&format!("process {}", std::process::id()))));
    drop(writer);
    // What a dead process left in the file holds nobody up.
    std::fs::write(dir.path().join("lock"), "1").unwrap();
    assert!(other.writer().await.is_ok());
    let memory = Lake::in_memory([0; 32]);
    let writer = memory.writer().await.unwrap();
    assert!(matches!(memory.writer().await, Err(Error::Locked { .. })));
    drop(writer);
    assert!(memory.writer().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_told_and_the_lake_stays_readable() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(Lake::open(dir.path()).await, Err(Error::NoLake { .. })));
    let (_, disk) = both(dir.path(), 6).await;
    let before = body(&disk).await;
    // A file stands where the folder of a day should be made.
    let mut late = event(&mut Dice(9), 9999);
    late.time = Timestamp::from_secs(1_500_000_000);
    std::fs::write(dir.path().join("events/day=2017-07-14"), "").unwrap();
    let late = Batch {
        events: vec![late],
        ..Batch::default()
    };
    let mut writer = disk.writer().await.unwrap();
    writer.push(late.clone()).await.unwrap();
    let error = writer
        .commit()
        .await
        .map_err(|error| error.to_string())
        .unwrap_err();
    assert!(error.contains("day=2017-07-14"), "{error}");
    assert!(matches!(
        writer.push(late.clone()).await,
        Err(Error::Spent { .. })
    ));
    drop(writer);
    assert_eq!(body(&Lake::open(dir.path()).await.unwrap()).await, before);
    std::fs::remove_file(dir.path().join("events/day=2017-07-14")).unwrap();
    assert_eq!(put(&disk, [late]).await.n_events, 1);

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Lake::create(&file.join("lake")).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, Error::Io { .. }) && error.to_string().contains("file"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_is_not_read_and_is_vacuumed() {
    let dir = TempDir::new().unwrap();
    let (_, disk) = both(dir.path(), 7).await;
    let before = body(&disk).await;
    let day = dir.path().join("events/day=2014-05-13");
    let torn = [
        day.join("part-torn.zstd.parquet"),
        dir.path().join("raw/00ff"),
        dir.path().join("events/_delta_log/.draft-1234"),
    ];
    for path in &torn {
        std::fs::write(path, b"PAR1 torn").unwrap();
    }
    let lake = Lake::open(dir.path()).await.unwrap();
    assert_eq!(body(&lake).await, before);
    assert_eq!(lake.vacuum(Timestamp(0)).await.unwrap().n_files, 3);
    assert!(torn.iter().all(|path| !path.exists()));
    assert_eq!(body(&Lake::open(dir.path()).await.unwrap()).await, before);
}

const VICTIM: &str = "AMBIT_TEST_VICTIM";
const STEPS: u64 = 24;

/// What the process that is killed does: it goes on where the lake's checkpoint says.
async fn ingest(dir: &Path) {
    let lake = Lake::create(dir).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    let done = lake
        .checkpoint("l")
        .await
        .unwrap()
        .map_or(0, |checkpoint| checkpoint.n_records);
    for step in done / 20..STEPS {
        writer
            .push(batch(&mut Dice(step + 1), step * 20..(step + 1) * 20))
            .await
            .unwrap();
        writer.commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_instant_it_resumes_to_the_same_events() {
    if let Some(dir) = std::env::var_os(VICTIM) {
        return ingest(Path::new(&dir)).await;
    }
    let (calm, rough) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    ingest(calm.path()).await;
    let expected = body(&Lake::open(calm.path()).await.unwrap()).await;
    let victim = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "killed_at_any_instant_it_resumes_to_the_same_events";
        command
            .arg(name)
            .env(VICTIM, rough.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut dice = Dice(20140523);
    for _ in 0..10 {
        let mut child = victim();
        std::thread::sleep(Duration::from_millis(15 + dice.below(250)));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(lake) = Lake::open(rough.path()).await {
            // Whatever is there is whole: as many events as the checkpoint says, no more and no fewer.
            let n = lake.count(&Query::of(Filter::everything())).await.unwrap();
            let told = lake
                .checkpoint("l")
                .await
                .unwrap()
                .map_or(0, |checkpoint| checkpoint.n_records);
            assert_eq!(n, told);
        }
    }
    assert!(victim().wait().unwrap().success());
    assert_eq!(body(&Lake::open(rough.path()).await.unwrap()).await, expected);
}
