//! Small logs written by hand with the exact coverage that they must have, and the law that neither
//! order nor batching changes it.

#![allow(clippy::unwrap_used)]

use super::*;
use ambit_event::{Attestation, EventId, Loss, Reject, Unfinished};
use proptest::prelude::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn secs(at: i64) -> Timestamp {
    Timestamp::from_secs(at)
}

fn span(from: i64, until: i64) -> Span {
    Span::new(secs(from), secs(until))
}

fn event(at: i64) -> Event {
    Event::new("s", secs(at))
}

fn numbered(at: i64, number: i64) -> Event {
    Event {
        sequence: Some(number),
        ..event(at)
    }
}

/// A record of a database session, which numbers its own.
fn in_part(at: i64, part: &str, number: i64) -> Event {
    Event {
        connection: Some(part.into()),
        ..in_channel(at, part, number)
    }
}

/// A record of a part that lasts.
fn in_channel(at: i64, channel: &str, number: i64) -> Event {
    Event {
        stream: Some(channel.into()),
        ..numbered(at, number)
    }
}

fn elsewhere(at: i64) -> Event {
    Event::new("other", secs(at))
}

fn reject(between: Option<Span>) -> Reject {
    Reject {
        source: "s".into(),
        host: None,
        position: ambit_event::Position::default(),
        reason: "no date".into(),
        field: None,
        between,
        raw: Vec::new(),
        n_bytes: 3,
    }
}

fn loss(over: Span, at_most: Option<u64>) -> Loss {
    Loss {
        source: "s".into(),
        host: None,
        span: over,
        at_most,
        why: "throttled".into(),
    }
}

fn attestation(over: Span) -> Attestation {
    Attestation {
        source: "s".into(),
        host: None,
        span: over,
        because: "digest chain".into(),
    }
}

fn of(events: impl IntoIterator<Item = Event>) -> Batch {
    Batch {
        events: events.into_iter().collect(),
        ..Batch::default()
    }
}

/// The coverage of `s`, a line a span: `from..until state at_most`, times in seconds.
fn shown(batch: &Batch, assertions: &[&str]) -> Vec<String> {
    lines(&coverage(batch, assertions))
}

fn coverage(batch: &Batch, assertions: &[&str]) -> Coverage {
    let mut ledger = Ledger::default();
    ledger.add(batch);
    let assertions: Vec<_> = assertions.iter().map(|a| Assertion::parse(a).unwrap()).collect();
    ledger.coverage(&assertions)
}

fn lines(coverage: &Coverage) -> Vec<String> {
    let stream = coverage.streams_of("s").next().unwrap();
    let at = |t: Timestamp| match (t.0.div_euclid(1_000_000_000), t.0.rem_euclid(1_000_000_000)) {
        (secs, 0) => format!("{secs}"),
        (secs, nanos) => format!("{secs}+{nanos}n"),
    };
    let line = |part: &CoverageSpan| {
        let at_most = part.at_most.map_or(String::new(), |n| format!(" {n}"));
        format!(
            "{}..{} {}{at_most}",
            at(part.span.from),
            at(part.span.until),
            part.state.name()
        )
    };
    stream.spans.iter().map(line).collect()
}

/// Why `s` is in its state at an instant.
fn because(coverage: &Coverage, at: i64) -> String {
    let over = coverage.state_over("s", span(at, at));
    over.pieces.first().unwrap().part.because.clone()
}

/// One record every so many seconds.
fn every(step: i64, from: i64, until: i64) -> impl Iterator<Item = Event> {
    (from..until).step_by(usize::try_from(step).unwrap()).map(event)
}

#[test]
fn what_stands_at_an_unfinished_end_is_a_gap_until_it_is_settled() {
    let whole: Vec<Event> = every(10, 0, 2 * HOUR).collect();
    let before = shown(&of(whole.clone()), &[]);
    let open = unfinished(
        1,
        vec![reject(Some(Span::new(secs(2 * HOUR - 10), Timestamp::MAX)))],
        vec![],
    );
    let mut ledger = Ledger::default();
    ledger.add(&of(whole));
    ledger.add(&open);
    let coverage = ledger.coverage(&[]);
    assert_ne!(lines(&coverage), before);
    assert!(because(&coverage, 2 * HOUR - 10).contains("1 record could not be read"));
    assert_eq!(coverage.streams_of("s").next().unwrap().n_rejects, 1);
    for order in [[&settled(1), &open], [&open, &settled(1)]] {
        let mut ledger = ledger.clone();
        order.into_iter().for_each(|batch| ledger.add(batch));
        let stored = serde_json::to_string(&ledger).unwrap();
        let ledger: Ledger = serde_json::from_str(&stored).unwrap();
        assert_eq!(lines(&ledger.coverage(&[])), before);
        let mut other = Ledger::default();
        other.merge(ledger);
        other.add(&open);
        assert_eq!(lines(&other.coverage(&[])), before);
    }
}

#[test]
fn a_stream_of_which_nothing_is_left_is_none() {
    let mut ledger = Ledger::default();
    ledger.add(&unfinished(1, vec![reject(None)], vec![]));
    assert_eq!(ledger.coverage(&[]).streams.len(), 1);
    ledger.add(&settled(1));
    ledger.add(&settled(2));
    let stored = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&stored).unwrap(), ledger);
    assert_eq!(ledger.coverage(&[]), Coverage::default());
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(Ledger::default().coverage(&[]), Coverage::default());
    let unplaced = Batch {
        rejects: vec![reject(None)],
        ..Batch::default()
    };
    let coverage = coverage(&unplaced, &[]);
    assert_eq!((coverage.window, coverage.streams[0].n_rejects), (None, 1));
}

#[test]
fn gapless_numbers_prove_even_a_silence() {
    let batch = of([numbered(0, 1), numbered(10, 2), numbered(7 * HOUR, 3)]);
    assert_eq!(shown(&batch, &[]), ["0..25200+1n proved"]);
    let shuffled = of([numbered(10, 2), numbered(7 * HOUR, 3), numbered(0, 1)]);
    assert_eq!(shown(&shuffled, &[]), shown(&batch, &[]));
}

#[test]
fn a_missing_number_was_written_between_its_neighbours() {
    let batch = of([
        numbered(0, 7),
        numbered(10, 8),
        numbered(20, 12),
        numbered(30, 13),
    ]);
    assert_eq!(
        shown(&batch, &[]),
        ["0..10 proved", "10..20+1n degraded 3", "20+1n..30+1n proved"]
    );
    assert_eq!(
        because(&coverage(&batch, &[]), 15),
        "the numbers 9 to 11 of this source are missing"
    );
}

#[test]
fn a_missing_record_may_have_begun_before_its_neighbour_was_written() {
    let lasting = |at, number, secs: i64| Event {
        precision: secs * 1_000_000_000,
        ..numbered(at, number)
    };
    let batch = of([
        lasting(0, 1, 1),
        lasting(10, 2, 5),
        lasting(60, 5, 2),
        lasting(100, 6, 5),
        lasting(200, 7, 0),
    ]);
    // The longest record lasts 5 s: what was written after 15 s may have begun after 10 s, and
    // what was written before 62 s began before that. Proof ends 5 s before the last writing.
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..10 proved",
            "10..62+1n degraded 2",
            "62+1n..195+1n proved",
            "195+1n..200+1n consistent"
        ]
    );
}

#[test]
fn a_restart_begins_a_new_numbering_and_nothing_is_proved_between() {
    let first = (0..5).map(|n| numbered(n * 10, n + 40));
    let second = (0..5).map(|n| numbered(100 + n * 10, n + 1));
    assert_eq!(
        shown(&of(first.chain(second)), &[]),
        ["0..40+1n proved", "40+1n..100 consistent", "100..140+1n proved"]
    );
}

#[test]
fn numbers_that_come_again_hours_later_are_another_numbering() {
    let numbering = |at: i64| (0..5).map(move |n| numbered(at + n * 10, n + 1));
    assert_eq!(
        shown(&of(numbering(0).chain(numbering(2 * HOUR))), &[]),
        [
            "0..40+1n proved",
            "40+1n..7200 consistent",
            "7200..7240+1n proved"
        ]
    );
}

#[test]
fn numbers_that_come_twice_in_an_hour_prove_nothing() {
    let numbering = |at: i64, numbers: &'static [i64]| numbers.iter().map(move |n| numbered(at + n * 10, *n));
    let whole = of(numbering(0, &[1, 2, 3]).chain(numbering(100, &[1, 2, 3])));
    assert_eq!(shown(&whole, &[]), ["10..130+1n consistent"]);
    let holed = of(numbering(0, &[1, 2, 4])
        .chain(numbering(100, &[1, 2, 4]))
        .chain([numbered(HOUR + 10, 5)]));
    assert_eq!(
        shown(&holed, &[]),
        [
            "10..3600 degraded",
            "3600..3610 consistent",
            "3610..3610+1n proved"
        ]
    );
}

#[test]
fn numbers_of_some_records_only_prove_nothing_and_still_show_what_is_missing() {
    let batch = of([numbered(0, 1), numbered(10, 2), event(12), numbered(20, 4)]);
    assert_eq!(shown(&batch, &[]), ["0..10 consistent", "10..20+1n degraded 1"]);
}

#[test]
fn records_can_take_several_numbers() {
    let mut long = in_part(10, "a", 2);
    long.fields.insert(Event::NUMBERS_FIELD.into(), 3.into());
    let batch = of([in_part(0, "a", 1), long, in_part(20, "a", 5)]);
    assert_eq!(shown(&batch, &[]), ["0..20+1n consistent"]);
}

#[test]
fn a_hole_in_a_part_is_a_loss_and_no_hole_proves_nothing() {
    let batch = of([
        in_part(0, "a", 1),
        in_part(10, "a", 2),
        in_part(20, "b", 5),
        in_part(30, "a", 4),
        in_part(40, "b", 8),
        in_part(50, "b", 9),
    ]);
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..10 consistent",
            "10..40+1n degraded 3",
            "40+1n..50+1n consistent"
        ]
    );
    assert_eq!(
        because(&coverage(&batch, &[]), 15),
        "the number 3 of `a` is missing; the numbers 6 to 7 of `b` are missing"
    );
}

#[test]
fn the_missing_head_of_a_session_is_known_where_its_name_tells_when_it_began() {
    // 0x64 is second 100.
    let batch = of([event(50), in_part(130, "00000064.1f", 3), event(200)]);
    assert_eq!(
        shown(&batch, &[]),
        [
            "50..100 consistent",
            "100..130 degraded 2",
            "130..200+1n consistent"
        ]
    );
    let older = of([
        event(110),
        in_part(130, "00000064.1f", 3),
        in_part(140, "worker", 9),
    ]);
    assert_eq!(shown(&older, &[]), ["110..140+1n consistent"]);
}

#[test]
fn a_channel_goes_on_after_somebody_logged_off() {
    let logoff = Event {
        class: Some("authentication".into()),
        activity: Some("Logoff".into()),
        ..in_channel(10, "Security", 2)
    };
    let one = of([
        in_channel(0, "Security", 1),
        logoff,
        in_channel(20, "Security", 5),
        in_channel(30, "Security", 6),
    ]);
    assert_eq!(
        shown(&one, &[]),
        ["0..10 proved", "10..20+1n degraded 2", "20+1n..30+1n proved"]
    );
    assert_eq!(
        because(&coverage(&one, &[]), 15),
        "the numbers 3 to 4 of `Security` are missing"
    );
}

#[test]
fn what_has_several_channels_is_proved_where_all_are() {
    let two = of([
        in_channel(0, "Security", 1),
        in_channel(5, "System", 70),
        in_channel(20, "System", 71),
        in_channel(30, "Security", 2),
    ]);
    assert_eq!(
        shown(&two, &[]),
        ["0..5 consistent", "5..20+1n proved", "20+1n..30+1n consistent"]
    );
    // A log made anew begins to count again, which is no hole.
    let anew = of([
        in_channel(0, "Security", 70),
        in_channel(9000, "Security", 1),
        in_channel(9010, "Security", 2),
    ]);
    assert!(
        shown(&anew, &[]).iter().all(|line| !line.contains("degraded")),
        "{:?}",
        shown(&anew, &[])
    );
}

#[test]
fn parts_that_ended_whole_take_no_memory() {
    let logoff = |at, part: &str, number| Event {
        class: Some("authentication".into()),
        activity: Some("Logoff".into()),
        ..in_part(at, part, number)
    };
    let mut ledger = Ledger::default();
    ledger.add(&of((0..1000).map(|n| in_part(n, &format!("{n}"), 1))));
    let open = serde_json::to_string(&ledger).unwrap().len();
    ledger.add(&of((0..1000).map(|n| logoff(n + 30, &format!("{n}"), 2))));
    let closed = serde_json::to_string(&ledger).unwrap().len();
    assert!(closed * 100 < open, "{closed} {open}");
}

#[test]
fn rejects_are_losses_of_our_own() {
    let batch = Batch {
        rejects: vec![
            reject(Some(span(10, 20))),
            reject(Some(span(15, 20))),
            reject(Some(span(200, 200))),
        ],
        ..of([event(0), event(10), event(20), event(300)])
    };
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..10 consistent",
            "10..20 degraded 2",
            "20..200 consistent",
            "200..200+1n degraded 1",
            "200+1n..300+1n consistent"
        ]
    );
    let unplaced = Batch {
        rejects: vec![reject(None)],
        ..of([event(0), event(10)])
    };
    assert_eq!(shown(&unplaced, &[]), ["0..10+1n degraded 1"]);
}

#[test]
fn rejects_before_the_first_record_and_after_the_last_do_not_stretch_the_window() {
    let open = Span::new(secs(10), Timestamp::MAX);
    let before = Span::new(Timestamp::MIN, secs(1));
    let batch = Batch {
        rejects: vec![reject(Some(open)), reject(Some(before)), reject(Some(Span::ALL))],
        ..of([event(0), event(5), event(10)])
    };
    let coverage = coverage(&batch, &[]);
    assert_eq!(coverage.window, Some(Span::new(secs(0), secs(10).plus_nanos(1))));
    assert!(
        lines(&coverage).iter().any(|line| line.contains("degraded")),
        "{:?}",
        lines(&coverage)
    );
}

#[test]
fn a_reject_is_one_of_the_missing_numbers() {
    let batch = Batch {
        rejects: vec![reject(Some(span(10, 20)))],
        ..of([numbered(0, 1), numbered(10, 2), numbered(20, 4)])
    };
    assert_eq!(shown(&batch, &[]), ["0..10 proved", "10..20+1n degraded 1"]);
}

#[test]
fn an_attestation_excludes_losses_and_missing_numbers_but_not_rejects() {
    let batch = Batch {
        losses: vec![loss(span(5, 15), Some(4))],
        rejects: vec![reject(Some(span(70, 80)))],
        attestations: vec![attestation(span(0, 10)), attestation(span(30, 100))],
        ..of([numbered(0, 1), numbered(40, 9), numbered(120, 10)])
    };
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..10 proved",
            "10..30 degraded 11",
            "30..70 proved",
            "70..80 degraded 1",
            "80..100 proved",
            "100..120+1n proved"
        ]
    );
}

#[test]
fn an_assertion_waives_stated_losses_and_nothing_else() {
    let batch = Batch {
        losses: vec![loss(span(10, 20), None)],
        rejects: vec![reject(Some(span(70, 80)))],
        ..of([event(0), event(100)])
    };
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..10 consistent",
            "10..20 degraded",
            "20..70 consistent",
            "70..80 degraded 1",
            "80..100+1n consistent"
        ]
    );
    let asserted = coverage(&batch, &["coverage:s:debug lines only"]);
    assert_eq!(
        lines(&asserted),
        [
            "0..10 consistent",
            "10..20 asserted",
            "20..70 consistent",
            "70..80 degraded 1",
            "80..100+1n consistent"
        ]
    );
    assert_eq!(
        because(&asserted, 10),
        "asserted: debug lines only; though throttled (nobody knows how many records)"
    );
    assert_eq!(
        because(&asserted, 75),
        "1 record could not be read; this contradicts what is asserted: debug lines only"
    );
    assert_eq!(shown(&batch, &["coverage:s@elsewhere:x"]), shown(&batch, &[]));
}

#[test]
fn a_silence_that_the_cadence_does_not_predict_is_an_absence() {
    let batch = of(every(5, 0, HOUR).chain(every(5, HOUR + 20 * MINUTE, 3 * HOUR)));
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..3595 consistent",
            "3595..4800 absent",
            "4800..10795+1n consistent"
        ]
    );
    assert_eq!(
        because(&coverage(&batch, &[]), 4000),
        "no record from 1970-01-01T00:59:55Z to 1970-01-01T01:20:00Z; this source writes about 12 a minute at this hour"
    );
    assert!(because(&coverage(&batch, &[]), 0).contains("about 11 a minute"));
    let asserted = coverage(
        &batch,
        &["coverage:s=1970-01-01T01:00:00Z..1970-01-02:maintenance"],
    );
    assert_eq!(
        lines(&asserted),
        [
            "0..3595 consistent",
            "3595..3600 absent",
            "3600..4800 asserted",
            "4800..10795+1n consistent"
        ]
    );
}

#[test]
fn a_silence_that_chance_explains_is_none() {
    let batch = of(every(100, 0, HOUR).chain(every(100, HOUR + 6 * MINUTE, 2 * HOUR)));
    assert_eq!(shown(&batch, &[]), ["0..7160+1n consistent"]);
    // A heartbeat that never missed a minute in an hour is another matter.
    let heartbeat = of(every(MINUTE, 0, HOUR).chain(every(MINUTE, HOUR + 3 * MINUTE, 2 * HOUR)));
    assert_eq!(shown(&heartbeat, &[])[1], "3540..3780 absent");
}

#[test]
fn a_busy_stream_is_judged_by_ten_seconds() {
    // Two minutes of log of which most is missing: no minute tells that, the seconds do.
    let busy = of(every(1, 0, 3).chain(every(1, 80, 150)));
    assert_eq!(
        shown(&busy, &[]),
        ["0..90 absent", "90..149+1n consistent"],
        "an edge is known to ten seconds"
    );
    // Hours of history do not hide it.
    let long = of(every(1, 0, 2 * HOUR + 5).chain(every(1, 2 * HOUR + 75, 4 * HOUR)));
    assert_eq!(shown(&long, &[])[1], "7200..7280 absent");
    let steady = because(&coverage(&of(every(1, 0, HOUR)), &[]), 5);
    assert!(
        steady.ends_with("a silence of less than about 2 minutes would not show"),
        "{steady}"
    );
    // Who comes and goes by the minute leaves no such trace.
    let visits = |n: i64| (0..n).flat_map(|v| every(1, 150 * v, 150 * v + 75));
    assert_eq!(shown(&of(visits(6)), &[]), ["0..824+1n consistent"]);
    // What is silent at this hour every day is so by habit.
    let closed = |day: i64| {
        every(1, day * DAY, day * DAY + 3000).chain(every(1, day * DAY + 3300, day * DAY + 2 * HOUR))
    };
    let days = of((0..4).flat_map(closed));
    assert!(
        !shown(&days, &[]).iter().any(|l| l.contains("absent")),
        "{:?}",
        shown(&days, &[])
    );
}

#[test]
fn missing_numbers_count_what_is_lost_in_a_silence() {
    let numbers =
        |from: i64, until: i64, at: i64| (from..until).map(move |n| numbered(at + (n - from) * 5, n));
    let batch = of(numbers(1, 721, 0).chain(numbers(1001, 1721, HOUR + 20 * MINUTE)));
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..3595 proved",
            "3595..4800+1n degraded 280",
            "4800+1n..8395+1n proved"
        ]
    );
}

#[test]
fn counted_rejects_account_for_a_silence_only_where_they_are_enough() {
    let events = || of(every(5, 0, HOUR).chain(every(5, HOUR + 20 * MINUTE, 3 * HOUR)));
    let with = |n| Batch {
        rejects: vec![reject(Some(span(3595, 4800))); n],
        ..events()
    };
    assert_eq!(shown(&with(240), &[])[1], "3595..4800 degraded 240");
    assert_eq!(shown(&with(20), &[])[1], "3595..4800 absent");
    let throttled = Batch {
        losses: vec![loss(span(3595, 4800), Some(500))],
        ..events()
    };
    assert_eq!(shown(&throttled, &[])[1], "3595..4800 degraded 500");
    let unknown = Batch {
        losses: vec![loss(span(3595, 4800), None)],
        ..events()
    };
    assert_eq!(shown(&unknown, &[])[1], "3595..4800 absent");
}

#[test]
fn holes_in_sessions_do_not_account_for_a_silence() {
    let session =
        |from: i64, until: i64, at: i64| (from..until).map(move |n| in_part(at + (n - from) * 5, "a", n));
    let batch = of(session(1, 721, 0).chain(session(1001, 1721, HOUR + 20 * MINUTE)));
    assert_eq!(shown(&batch, &[])[1], "3595..4800 absent");
}

#[test]
fn a_stream_is_absent_before_its_first_and_after_its_last_record() {
    let other = [elsewhere(0), elsewhere(5 * HOUR)];
    let batch = of(every(5, HOUR, 3 * HOUR).chain(other));
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..3600 absent",
            "3600..10795 consistent",
            "10795..18000+1n absent"
        ]
    );
    let short = of(every(5, 60, 2 * HOUR).chain([elsewhere(0), elsewhere(2 * HOUR + 60)]));
    assert_eq!(shown(&short, &[]), ["0..7260+1n consistent"]);
    let attested = Batch {
        attestations: vec![attestation(span(0, HOUR))],
        ..batch
    };
    assert_eq!(shown(&attested, &[])[0], "0..3600 proved");
}

#[test]
fn statements_stretch_the_window_unless_they_are_open() {
    let batch = Batch {
        losses: vec![loss(span(-10, 5), Some(1))],
        ..of([event(0), event(10)])
    };
    assert_eq!(shown(&batch, &[]), ["-10..5 degraded 1", "5..10+1n consistent"]);
    let open = Batch {
        losses: vec![loss(Span::ALL, Some(1))],
        ..of([event(0), event(10)])
    };
    assert_eq!(shown(&open, &[]), ["0..10+1n degraded 1"]);
}

#[test]
fn what_only_states_is_absent_where_it_does_not_state() {
    let batch = Batch {
        attestations: vec![attestation(span(0, 10))],
        ..of([elsewhere(0), elsewhere(50)])
    };
    assert_eq!(shown(&batch, &[]), ["0..10 proved", "10..50+1n absent"]);
}

#[test]
fn a_sparse_stream_says_that_silence_tells_nothing() {
    let batch = of([event(0), event(5 * HOUR), event(6 * HOUR), event(20 * HOUR)]);
    assert_eq!(shown(&batch, &[]), ["0..72000+1n consistent"]);
    let said = because(&coverage(&batch, &[]), 0);
    assert_eq!(
        said,
        "it writes less than one an hour: too little for a silence to be told from a loss"
    );
    // Its longest silence is 14 hours; 30 hours are more than twice as long, 20 hours are not.
    let ends = |at| {
        of([
            event(0),
            event(5 * HOUR),
            event(6 * HOUR),
            event(20 * HOUR),
            elsewhere(at),
        ])
    };
    assert_eq!(
        shown(&ends(50 * HOUR), &[]),
        ["0..72000 consistent", "72000..180000+1n absent"]
    );
    assert_eq!(shown(&ends(40 * HOUR), &[]), ["0..144000+1n consistent"]);
}

#[test]
fn a_nightly_job_is_not_missed_between_its_runs() {
    let night = |day: i64| every(1, day * DAY + 2 * HOUR, day * DAY + 2 * HOUR + 300);
    let batch = of((0..6).flat_map(night));
    assert_eq!(shown(&batch, &[]).len(), 1, "{:?}", shown(&batch, &[]));
    // One that runs every two hours is known to after a day.
    let batch = of((0..12).flat_map(|n| every(1, n * 2 * HOUR, n * 2 * HOUR + 600)));
    assert_eq!(shown(&batch, &[]).len(), 1, "{:?}", shown(&batch, &[]));
}

/// Busy from 8 to 20 o'clock, silent at night, on all days or on the first five of a week.
fn office(day: i64) -> impl Iterator<Item = Event> {
    every(10, day * DAY + 8 * HOUR, day * DAY + 20 * HOUR)
}

#[test]
fn quiet_nights_are_a_habit_and_a_quiet_noon_is_none() {
    let noon = span(3 * DAY + 12 * HOUR, 3 * DAY + 12 * HOUR + 20 * MINUTE);
    let batch = of((0..6).flat_map(office).filter(|e| !noon.contains(e.time)));
    let expected = [
        "28800..302390 consistent".to_owned(),
        format!("302390..{} absent", 3 * DAY + 12 * HOUR + 20 * MINUTE),
        format!(
            "{}..{}+1n consistent",
            3 * DAY + 12 * HOUR + 20 * MINUTE,
            5 * DAY + 20 * HOUR - 10
        ),
    ];
    assert_eq!(shown(&batch, &[]), expected);
}

#[test]
fn quiet_weekends_are_a_habit_after_two_weeks() {
    let batch = of((0..18).filter(|day| day % 7 < 5).flat_map(office));
    assert_eq!(shown(&batch, &[]).len(), 1, "{:?}", shown(&batch, &[]));
    let lost = of((0..18).filter(|day| day % 7 < 5 && *day != 9).flat_map(office));
    let absent: Vec<_> = shown(&lost, &[])
        .into_iter()
        .filter(|line| line.ends_with("absent"))
        .collect();
    assert_eq!(
        absent,
        [format!(
            "{}..{} absent",
            8 * DAY + 20 * HOUR - 10,
            10 * DAY + 8 * HOUR
        )]
    );
}

#[test]
fn far_fewer_records_than_usual_are_a_degradation() {
    let thin = span(5 * HOUR, 5 * HOUR + 30 * MINUTE);
    let keep = |e: &Event| !thin.contains(e.time) || e.time.0 % (100 * 1_000_000_000) == 0;
    let batch = of(every(5, 0, 10 * HOUR).filter(keep));
    assert_eq!(
        shown(&batch, &[]),
        [
            "0..18000 consistent",
            "18000..19800 degraded",
            "19800..35995+1n consistent"
        ]
    );
    assert_eq!(
        because(&coverage(&batch, &[]), 18500),
        "only 18 records where its history predicts about 360"
    );
    let history = of(every(5, 0, 4 * DAY).filter(keep));
    assert_eq!(shown(&history, &[])[1], "18000..19800 degraded");
}

#[test]
fn hosts_are_streams_of_their_own() {
    let on = |host: &str, at: i64, number: i64| Event {
        host: Some(host.into()),
        ..numbered(at, number)
    };
    let batch = of([on("a", 0, 1), on("b", 0, 1), on("a", 10, 2), on("b", 10, 3)]);
    let coverage = coverage(&batch, &[]);
    let states: Vec<_> = coverage
        .streams
        .iter()
        .map(|s| (s.host.as_deref(), s.spans[0].state.name()))
        .collect();
    assert_eq!(states, [(Some("a"), "proved"), (Some("b"), "degraded")]);
    assert_eq!(coverage.state_over("s", span(0, 10)).state.name(), "degraded");
}

#[test]
fn hostile_times_and_numbers_do_no_harm() {
    let extreme = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    let mut batch = Batch::default();
    for at in extreme {
        for number in extreme {
            for part in [None, Some("p"), Some("ffffffff.1")] {
                batch.events.push(Event {
                    time: Timestamp(at),
                    precision: number,
                    stream: part.map(Into::into),
                    ..numbered(0, number)
                });
            }
            batch.rejects.push(reject(Some(Span {
                from: Timestamp(at),
                until: Timestamp(number),
            })));
            batch.losses.push(loss(
                Span {
                    from: Timestamp(number),
                    until: Timestamp(at),
                },
                Some(u64::MAX),
            ));
            batch.attestations.push(attestation(Span {
                from: Timestamp(at),
                until: Timestamp(number),
            }));
        }
    }
    let coverage = coverage(&batch, &["coverage:s:x"]);
    assert_partition(&coverage);
}

/// Lakes hold ledgers in this form: they must stay readable.
#[test]
fn the_stored_form_stays() {
    let batch = Batch {
        rejects: vec![reject(Some(span(10, 20))), reject(None)],
        losses: vec![loss(span(3, 4), Some(2))],
        attestations: vec![attestation(span(0, 5))],
        ..of([numbered(0, 7), numbered(61, 9), in_part(130, "a", 1)])
    };
    let mut ledger = Ledger::default();
    ledger.add(&batch);
    let stored = concat!(
        r#"[["s",null,{"n":3,"t":[0,130000000000],"m":[false,[[0,0,10000000000,[1,1,1],"112"]]],"#,
        r#""w":{"n":2,"lag":0,"h":{"0":{"n":2,"r":[[7,0,0,0,0,0],[9,0,61000000000,0,0,0]]}}},"#,
        r#""p":{"lag":0,"n":0,"p":{"a":{"r":[[1,0,130000000000,0,0,0]]}}},"#,
        r#""r":[1,[[10000000000,10000000000,1]]],"#,
        r#""l":{"l":[[3000000000,4000000000,2,"throttled"]]},"a":[[0,5000000000,"digest chain"]]}]]"#,
    );
    assert_eq!(serde_json::to_string(&ledger).unwrap(), stored);
    assert_eq!(serde_json::from_str::<Ledger>(stored).unwrap(), ledger);
}

#[test]
fn damaged_ledgers_do_no_harm() {
    let n = i64::MAX;
    for stream in [
        format!(
            r#"{{"n":1,"t":[{n},-{n}],"m":[false,[[{n},{n},-{n},[0],""],[-{n},0,{n},[],"zz"],[{n},1,1,[4294967295],"\u00e9"]]]}}"#
        ),
        format!(
            r#"{{"n":1,"t":[0,1],"m":[false,[]],"w":{{"n":1,"lag":-{n},"h":{{"{n}":{{"n":2,"r":[[9,-9,{n},{n},{n},{n}],[1,5,0,0,0,0],[1,5,0,0,0,0]]}}}}}}}}"#
        ),
        format!(r#"{{"n":1,"m":[false,[]],"r":[{n},[[{n},{n},{n}],[-{n},-{n},{n}]]]}}"#),
    ] {
        let ledger: Ledger = serde_json::from_str(&format!(r#"[["s",null,{stream}]]"#)).unwrap();
        let mut twice = ledger.clone();
        twice.merge(ledger);
        twice.add(&of([numbered(0, 3), in_part(5, "a", 2)]));
        assert_partition(&twice.coverage(&[]));
    }
}

#[test]
fn two_busy_weeks_stay_small() {
    let mut ledger = Ledger::default();
    for day in 0..14 {
        ledger.add(&of((0..DAY).map(|n| numbered(day * DAY + n, day * DAY + n + 1))));
    }
    let size = serde_json::to_string(&ledger).unwrap().len();
    assert!(size < 110_000, "{size}");
}

fn assert_partition(coverage: &Coverage) {
    let window = coverage.window.unwrap();
    for stream in &coverage.streams {
        let (first, last) = (stream.spans.first().unwrap(), stream.spans.last().unwrap());
        assert_eq!((first.span.from, last.span.until), (window.from, window.until));
        assert!(stream.spans.iter().all(|part| !part.span.is_empty()));
        assert!(
            stream
                .spans
                .windows(2)
                .all(|pair| pair[0].span.until == pair[1].span.from)
        );
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let part = proptest::option::of(prop_oneof!["a", "b", "00000100.1"]);
    let times = prop_oneof![0..2000_i64, 0..200_000_i64, 86_000..86_800_i64];
    (
        times,
        part,
        proptest::option::of(0..40_i64),
        0..8_i64,
        any::<bool>(),
        0..10_u8,
    )
        .prop_map(|(at, part, number, lasts, host, ends)| Event {
            host: host.then(|| "h".to_owned()),
            stream: part,
            precision: lasts * 1_000_000_000,
            class: Some("authentication".into()),
            activity: (ends == 0 && number == Some(39)).then(|| "Logoff".into()),
            sequence: number,
            ..event(at)
        })
}

fn any_span() -> impl Strategy<Value = Span> {
    (0..200_000_i64, 0..3000_i64).prop_map(|(from, length)| span(from, from + length))
}

/// One statement of any kind as a batch of its own.
fn any_piece() -> impl Strategy<Value = Batch> {
    let rejects = proptest::option::of(any_span()).prop_map(|s| Batch {
        rejects: vec![reject(s)],
        ..Batch::default()
    });
    let losses = (any_span(), proptest::option::of(0..9_u64)).prop_map(|(s, n)| Batch {
        losses: vec![loss(s, n)],
        ..Batch::default()
    });
    let attestations = any_span().prop_map(|s| Batch {
        attestations: vec![attestation(s)],
        ..Batch::default()
    });
    let unfinished = (0..4_u8, any_span(), proptest::bool::ANY).prop_map(|(n, s, is_loss)| {
        let lost = if is_loss { vec![loss(s, None)] } else { vec![] };
        unfinished(n, vec![reject(Some(s))], lost)
    });
    let settled = (0..3_u8).prop_map(settled);
    prop_oneof![
        20 => any_event().prop_map(|e| of([e])),
        1 => rejects,
        1 => losses,
        1 => attestations,
        2 => unfinished,
        1 => settled,
    ]
}

/// The unfinished end of some file.
fn end(n: u8) -> EventId {
    EventId([n; 16])
}

fn unfinished(n: u8, rejects: Vec<Reject>, losses: Vec<Loss>) -> Batch {
    let id = end(n);
    Batch {
        unfinished: Some(Unfinished { id, rejects, losses }),
        ..Batch::default()
    }
}

fn settled(n: u8) -> Batch {
    Batch {
        settled: vec![end(n)],
        ..Batch::default()
    }
}

/// Ledgers over pieces, of which a batch holds one unfinished end at most.
fn added(ledger: &mut Ledger, pieces: &[Batch]) {
    ledger.add(&joined(pieces));
    let ends = pieces.iter().filter(|piece| piece.unfinished.is_some());
    ends.for_each(|piece| ledger.add(piece));
}

fn joined(pieces: &[Batch]) -> Batch {
    let mut all = Batch::default();
    for piece in pieces {
        all.events.extend_from_slice(&piece.events);
        all.rejects.extend_from_slice(&piece.rejects);
        all.losses.extend_from_slice(&piece.losses);
        all.attestations.extend_from_slice(&piece.attestations);
        all.settled.extend_from_slice(&piece.settled);
    }
    all
}

/// Ledgers over these pieces, merged as a tree.
fn merged(pieces: &[Batch]) -> Ledger {
    let mut ledger = Ledger::default();
    match pieces {
        [] => {}
        [one] => ledger.add(one),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            ledger = merged(right);
            // Ledgers are stored between commits.
            let stored = serde_json::to_string(&merged(left)).unwrap();
            ledger.merge(serde_json::from_str(&stored).unwrap());
        }
    }
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn neither_order_nor_batching_nor_merging_changes_anything(
        (pieces, shuffled) in proptest::collection::vec(any_piece(), 1..120)
            .prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
        size in 1..40_usize,
    ) {
        let mut at_once = Ledger::default();
        added(&mut at_once, &pieces);
        let mut in_batches = Ledger::default();
        shuffled.chunks(size).for_each(|chunk| added(&mut in_batches, chunk));
        // Statements may be told again.
        let is_stated = |p: &&Batch| p.events.is_empty() && p.rejects.is_empty() && p.unfinished.is_none();
        let stated = pieces.iter().filter(is_stated);
        stated.for_each(|piece| in_batches.add(piece));
        prop_assert_eq!(&in_batches, &at_once);
        prop_assert_eq!(&merged(&shuffled), &at_once);
        let assertions = [Assertion::parse("coverage:s=..1970-01-01T10:00:00Z:x").unwrap()];
        let coverage = at_once.coverage(&assertions);
        prop_assert_eq!(merged(&shuffled).coverage(&assertions), coverage.clone());
        if coverage.window.is_some() {
            assert_partition(&coverage);
        }
    }

    /// Whatever records are taken out of a gapless numbering, their times lie in spans that say that
    /// something is missing, and no span promises fewer than were taken out of it.
    #[test]
    fn lost_numbers_are_always_within_a_gap(
        steps in proptest::collection::vec((0..90_i64, 0..20_i64, any::<bool>()), 3..80),
    ) {
        let mut written = 0;
        let mut all = Vec::new();
        for (number, (step, lasts, kept)) in (1..).zip(&steps) {
            written += step;
            let precision = lasts * 1_000_000_000;
            all.push((Event { precision, ..numbered(written - lasts, number) }, *kept));
        }
        let n = all.len();
        let kept = all.iter().enumerate().filter(|(i, (_, kept))| *kept || *i == 0 || *i == n - 1);
        let longest = all.iter().map(|(e, _)| e.precision).max().unwrap_or_default();
        // The longest record must be among those that are here: nobody knows of one that is not.
        let kept: Vec<Event> = kept.map(|(_, (e, _))| e.clone()).collect();
        prop_assume!(kept.iter().any(|e| e.precision == longest));
        let coverage = coverage(&of(kept.clone()), &[]);
        let lost: Vec<&Event> = all.iter().map(|(e, _)| e).filter(|e| !kept.contains(e)).collect();
        for gap in coverage.gaps() {
            let within = lost.iter().filter(|e| gap.span.contains(e.time)).count() as u64;
            prop_assert!(gap.at_most.is_none_or(|n| within <= n), "{gap:?}");
        }
        for event in lost {
            let window = coverage.window.unwrap();
            let seen = coverage.state_over("s", span_at(event.time)).state;
            prop_assert!(!window.contains(event.time) || seen.is_gap(), "{event:?} {coverage:?}");
        }
    }
}

fn span_at(at: Timestamp) -> Span {
    Span::new(at, at)
}
