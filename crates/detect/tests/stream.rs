//! Whatever the order of arrival, the same findings stand at the end; and what correlations mean.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Behaviours, Board, Entry, InOrder, Placeholders, RuleSet, Run, RunTally, Terms};
use ambit_event::{Event, EventId, Fields, Finding, Outcome, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

const SECOND: i64 = 1_000_000_000;

/// Two rules, and correlations of every kind over them.
fn rules(correlations: &[&str]) -> RuleSet {
    let mut text = String::from(
        "title: A\nname: a\nlogsource: {product: okta}\ndetection: {s: {eventType: a}, condition: s}\n---\n\
         title: B\nname: b\nlogsource: {product: okta}\ndetection: {s: {eventType: b}, condition: s}\n---\n\
         title: C\nname: c\nlogsource: {product: okta}\ndetection: {s: {eventType|re: '[abc]'}, condition: s}\n",
    );
    for (nth, correlation) in correlations.iter().enumerate() {
        text += &format!("---\ntitle: K{nth}\nname: k{nth}\nlevel: high\ncorrelation: {correlation}\n");
    }
    let rules = RuleSet::parse(&text, "rules.yml", &Placeholders::none());
    assert_eq!(rules.refused(), []);
    rules
}

const KINDS: &[&str] = &[
    "{type: event_count, rules: [a], group-by: [ip], timespan: 60s, condition: {gte: 3}}",
    "{type: value_count, rules: [a, b], group-by: [ip], timespan: 90s, condition: {field: user, gte: 2}}",
    "{type: temporal, rules: [a, b], group-by: [user], timespan: 30s}",
    "{type: temporal_ordered, rules: [b, a, c], group-by: [ip], timespan: 60s}",
    "{type: value_sum, rules: [c], group-by: [ip], timespan: 60s, condition: {field: n, gt: 12}}",
    "{type: value_avg, rules: [c], group-by: [ip], timespan: 60s, condition: {field: n, gte: 4}}",
    "{type: value_percentile, rules: [c], timespan: 60s, condition: {field: n, percentile: 90, gte: 5}}",
    "{type: value_median, rules: [c], group-by: [user], timespan: 60s, condition: {field: n, gte: 4}}",
    "{type: event_count, rules: [c], group-by: [ip], timespan: 60s, condition: {lt: 2}}",
    "{type: event_count, rules: [c], group-by: [ip], timespan: 60s, window: tumbling, condition: {gte: 3, lte: 4}}",
    "{type: event_count, rules: [c], group-by: [ip], timespan: 120s, window: session, gap: 20s, condition: {gte: 3}}",
    "{type: temporal, rules: [a, b, c], group-by: [ip], timespan: 60s, window: tumbling, condition: 'a and not b'}",
    "{type: temporal, rules: [k0, k1], group-by: [ip], timespan: 120s}",
    "{type: event_count, rules: [k12], timespan: 600s, condition: {gte: 2}}",
];

fn terms(lateness_secs: i64) -> Terms {
    Terms {
        lateness_secs,
        behaviours: Behaviours::none(),
        ..Terms::new()
    }
}

fn played(rules: &RuleSet, events: &[Event], terms: Terms) -> (Vec<Entry>, Board, RunTally) {
    let mut run = Run::new(rules, terms);
    let mut entries: Vec<Entry> = events.iter().flat_map(|event| run.take(event)).collect();
    entries.extend(run.finish());
    let mut board = Board::default();
    entries.iter().cloned().for_each(|entry| board.note(entry));
    (entries, board, run.tally())
}

fn event(nth: u8, secs: i64, kind: &str, ip: u8, user: &str, n: i64) -> Event {
    let mut event = Event::new("okta_system", Timestamp::from_secs(1_400_000_000 + secs));
    event.id = EventId([nth; 16]);
    event.operation = Some(kind.to_owned());
    let fields = format!(r#"{{"eventType":"{kind}","ip":"192.0.2.{ip}","user":"{user}","n":{n}}}"#);
    event.fields = Fields::from_json(fields);
    event
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0..300_i64, "[abc]", 0..2_u8, "[xyz]", 0..7_i64);
    proptest::collection::vec(one, 0..60).prop_map(|all| {
        let events = (0..).zip(all);
        events
            .map(|(nth, (secs, kind, ip, user, n))| event(nth, secs, &kind, ip, &user, n))
            .collect()
    })
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    let rules = rules(KINDS);
    let shuffled = events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()));
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&shuffled, |(mut events, shuffled)| {
            events.sort_by_key(|event| (event.time, event.id));
            let (_, replayed, tally) = played(&rules, &events, terms(0));
            prop_assert!(tally.limits.is_exact());
            let (_, streamed, tally) = played(&rules, &shuffled, terms(1000));
            prop_assert!(tally.limits.is_exact());
            prop_assert_eq!(difference(&replayed, &streamed), Vec::<String>::new());
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_stands_in_between_is_what_a_replay_of_so_much_finds() {
    let rules = rules(KINDS);
    let shuffled = events().prop_flat_map(|events| (Just(events.clone()).prop_shuffle(), 1..20_usize));
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&shuffled, |(shuffled, at_once)| {
            let (mut run, mut board) = (Run::new(&rules, terms(1000)), Board::default());
            let mut so_far = Vec::new();
            for part in shuffled.chunks(at_once) {
                let entries: Vec<Entry> = part.iter().flat_map(|event| run.take(event)).collect();
                entries
                    .into_iter()
                    .chain(run.catch_up())
                    .for_each(|entry| board.note(entry));
                so_far.extend_from_slice(part);
                so_far.sort_by_key(|event| (event.time, event.id));
                let (_, replayed, _) = played(&rules, &so_far, terms(0));
                prop_assert_eq!(difference(&replayed, &board), Vec::<String>::new());
            }
            run.finish().into_iter().for_each(|entry| board.note(entry));
            let (_, replayed, _) = played(&rules, &so_far, terms(0));
            prop_assert_eq!(difference(&replayed, &board), Vec::<String>::new());
            Ok(())
        })
        .unwrap();
}

/// As `ambit detect` plays them: rules are asked about each as it comes, and then it waits, at most so many at once.
fn waited(rules: &RuleSet, events: Vec<Event>, most: usize) -> (Vec<Entry>, RunTally) {
    let mut run = Run::new(rules, terms(0));
    let (mut order, mut entries) = (InOrder::new(most, usize::MAX), Vec::new());
    for event in events {
        let due = order.push(run.judge(event));
        entries.extend(due.into_iter().flat_map(|judged| run.take_judged(judged)));
    }
    while let Some(judged) = order.pop() {
        entries.extend(run.take_judged(judged));
    }
    entries.extend(run.finish());
    (entries, run.tally())
}

#[test]
fn what_waits_for_earlier_events_is_told_as_what_comes_in_order() {
    let rules = rules(KINDS);
    let shuffled = events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()));
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&shuffled, |(mut events, shuffled)| {
            events.sort_by_key(|event| (event.time, event.id));
            let (replayed, _, tally) = played(&rules, &events, terms(0));
            prop_assert_eq!(waited(&rules, shuffled, 60), (replayed, tally));
            Ok(())
        })
        .unwrap();
}

#[test]
fn events_that_are_late_within_the_allowed_time_change_nothing() {
    let rules = rules(KINDS);
    let delayed = events().prop_flat_map(|events| {
        let n = events.len();
        (Just(events), proptest::collection::vec(0..40_i64, n))
    });
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&delayed, |(mut events, delays)| {
            let mut arriving: Vec<(i64, Event)> = events
                .iter()
                .zip(delays)
                .map(|(event, secs)| (event.time.0 + secs * SECOND, event.clone()))
                .collect();
            arriving.sort_by_key(|(at, event)| (*at, event.id));
            let arriving: Vec<Event> = arriving.into_iter().map(|(_, event)| event).collect();
            events.sort_by_key(|event| (event.time, event.id));
            let (_, replayed, _) = played(&rules, &events, terms(0));
            let (_, streamed, tally) = played(&rules, &arriving, terms(40));
            prop_assert!(tally.limits.is_exact());
            prop_assert_eq!(difference(&replayed, &streamed), Vec::<String>::new());
            // The same records again are the same events.
            let twice: Vec<Event> = arriving.iter().flat_map(|e| [e.clone(), e.clone()]).collect();
            let (_, again, _) = played(&rules, &twice, terms(40));
            let (_, once, _) = played(&rules, &arriving, terms(40));
            prop_assert_eq!(difference(&again, &once), Vec::<String>::new());
            Ok(())
        })
        .unwrap();
}

/// What contradicts the entries before it: a finding raised that stands already, one corrected or withdrawn that does
/// not stand.
fn contradictions(entries: &[Entry]) -> Vec<String> {
    let (mut standing, mut wrong) = (BTreeSet::new(), Vec::new());
    for entry in entries {
        let before = match entry {
            Entry::Raised { .. } => None,
            Entry::Corrected { before, .. } | Entry::Withdrawn { before, .. } => Some(before),
        };
        if before.is_some_and(|before| !standing.remove(before)) {
            wrong.push(format!("not there: {entry:?}"));
        }
        if let Entry::Raised { finding } | Entry::Corrected { finding, .. } = entry
            && !standing.insert(finding.id)
        {
            wrong.push(format!("there already: {entry:?}"));
        }
    }
    wrong
}

/// Correlations under which one event is several members, or stands in several groups.
const MANIFOLD: &[&str] = &[
    "{type: value_avg, rules: [a, c], group-by: [user], timespan: 60s, condition: {field: n, gte: 3}}",
    "{type: temporal, rules: [a, c], group-by: [ip], timespan: 40s, condition: 'a and not c'}",
    "{type: event_count, rules: [a, c], group-by: [one], timespan: 30s, condition: {gte: 1}, \
     aliases: {one: {a: ip, c: user}}}",
    "{type: value_sum, rules: [c, a], timespan: 30s, condition: {field: n, lt: 9}}",
];

#[test]
fn no_two_findings_have_one_id_and_what_is_taken_back_was_told() {
    let kinds: Vec<&str> = KINDS.iter().chain(MANIFOLD).copied().collect();
    let rules = rules(&kinds);
    let shuffled = events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()));
    TestRunner::new(ProptestConfig::with_cases(48))
        .run(&shuffled, |(mut events, shuffled)| {
            events.sort_by_key(|event| (event.time, event.id));
            let (in_order, replayed, _) = played(&rules, &events, terms(0));
            prop_assert_eq!(contradictions(&in_order), Vec::<String>::new());
            let (out_of_order, streamed, _) = played(&rules, &shuffled, terms(1000));
            prop_assert_eq!(contradictions(&out_of_order), Vec::<String>::new());
            let ids = |board: &Board| board.findings().iter().map(|f| f.id).collect::<BTreeSet<_>>();
            prop_assert_eq!(ids(&replayed), ids(&streamed));
            Ok(())
        })
        .unwrap();
}

/// More events than a finding lists, within a window that is longer than an episode: the second day's finding lists
/// the same events as the first's.
#[test]
fn two_findings_that_list_the_same_events_are_two() {
    let count = "{type: event_count, rules: [a], timespan: 72h, condition: {gte: 2}}";
    let secs = (0..300)
        .map(|nth| nth / 100)
        .chain((1..60).map(|hour| hour * 3600));
    let events: Vec<Event> = (0..)
        .zip(secs)
        .map(|(nth, secs): (u64, i64)| {
            let mut event = event(0, secs, "a", 1, "x", 0);
            event.id = EventId::nth("test", "", b"", nth);
            event
        })
        .collect();
    let (entries, board, _) = played(&rules(&[count]), &events, terms(0));
    assert_eq!(contradictions(&entries), Vec::<String>::new());
    let is_asked = |finding: &&&Finding| finding.rule_id == "k0";
    let counts: Vec<u64> = board
        .findings()
        .iter()
        .filter(is_asked)
        .map(|f| f.n_events)
        .collect();
    assert_eq!(counts.len(), 3, "{counts:?}");
}

/// Findings of the one correlation, as their title with the times of their events.
fn found(correlation: &str, events: &[Event]) -> Vec<Vec<u8>> {
    let rules = rules(&[correlation]);
    let (_, board, _) = played(&rules, events, terms(0));
    let is_asked = |finding: &&&Finding| finding.rule_id == "k0";
    let numbers = |finding: &&Finding| finding.events.iter().map(|id| id.0[0]).collect();
    board.findings().iter().filter(is_asked).map(numbers).collect()
}

/// Entries of the correlation.
fn heard(entries: Vec<Entry>) -> Vec<Entry> {
    let is_heard = |entry: &Entry| match entry {
        Entry::Raised { finding } | Entry::Corrected { finding, .. } => finding.rule_id == "k0",
        Entry::Withdrawn { rule_id, .. } => rule_id == "k0",
    };
    entries.into_iter().filter(is_heard).collect()
}

/// What the boards say otherwise, in short.
fn difference(a: &Board, b: &Board) -> Vec<String> {
    let lines = |board: &Board| -> BTreeSet<String> {
        let line = |finding: &&Finding| {
            let events: Vec<u8> = finding.events.iter().map(|id| id.0[0]).collect();
            format!(
                "{} {events:?} {} {:?}",
                finding.rule_id, finding.n_events, finding.actor
            )
        };
        board.findings().iter().map(line).collect()
    };
    let (a, b) = (lines(a), lines(b));
    a.symmetric_difference(&b).cloned().collect()
}

fn at(secs: &[i64], kind: &str) -> Vec<Event> {
    let events = (0..).zip(secs);
    events
        .map(|(nth, secs)| event(nth, *secs, kind, 1, "x", i64::from(nth)))
        .collect()
}

#[test]
fn a_count_is_one_finding_for_as_long_as_it_holds() {
    let count = "{type: event_count, rules: [a], group-by: [ip], timespan: 10s, condition: {gte: 3}}";
    let n: [u8; 0] = [];
    assert_eq!(found(count, &at(&[0, 5, 11], "a")), [n; 0]);
    // Both ends of the time belong to it.
    assert_eq!(found(count, &at(&[0, 5, 10], "a")), [[0, 1, 2]]);
    assert_eq!(
        found(count, &at(&[0, 1, 2, 3, 40, 50, 60, 61, 62], "a")),
        [vec![0, 1, 2, 3], vec![6, 7, 8]]
    );
}

#[test]
fn a_count_from_above_is_judged_when_its_time_is_over() {
    let few = "{type: event_count, rules: [a], group-by: [ip], timespan: 10s, condition: {lt: 2}}";
    assert_eq!(found(few, &at(&[0, 5, 20, 40], "a")), [[2]]);
    let (_, board, _) = played(&rules(&[few]), &at(&[0], "a"), terms(0));
    assert_eq!(
        board.len(),
        1,
        "its time is not over at the last event: the rule below alone speaks"
    );
}

#[test]
fn order_is_asked_for_but_not_within_one_instant() {
    let ordered = "{type: temporal_ordered, rules: [a, b], group-by: [ip], timespan: 10s}";
    let pair = |first: (i64, &str), second: (i64, &str)| {
        vec![
            event(1, first.0, first.1, 1, "x", 0),
            event(2, second.0, second.1, 1, "x", 0),
        ]
    };
    assert_eq!(found(ordered, &pair((0, "a"), (10, "b"))), [[1, 2]]);
    assert!(found(ordered, &pair((0, "b"), (5, "a"))).is_empty());
    assert!(found(ordered, &pair((0, "a"), (11, "b"))).is_empty());
    assert_eq!(found(ordered, &pair((5, "b"), (5, "a"))), [[1, 2]]);
}

#[test]
fn a_late_event_raises_corrects_and_withdraws() {
    let rules = rules(&[
        "{type: event_count, rules: [a], group-by: [ip], timespan: 10s, window: tumbling, condition: {eq: 2}}",
    ]);
    let mut run = Run::new(&rules, terms(100));
    let mut told = |secs: i64, nth: u8| heard(run.take(&event(nth, secs, "a", 1, "x", 0)));
    assert!(told(0, 1).is_empty() && told(1, 2).is_empty());
    // The next stretch begins: the first is judged.
    assert!(matches!(told(20, 3).as_slice(), [Entry::Raised { finding }] if finding.n_events == 2));
    let third = told(2, 4);
    assert!(matches!(third.as_slice(), [Entry::Withdrawn { .. }]), "{third:?}");
    let rules = self::rules(&["{type: temporal, rules: [a, b], group-by: [ip], timespan: 10s}"]);
    let mut run = Run::new(&rules, terms(100));
    let mut told = |secs: i64, nth: u8, kind: &str| heard(run.take(&event(nth, secs, kind, 1, "x", 0)));
    assert!(told(0, 1, "a").is_empty());
    assert!(matches!(told(9, 2, "b").as_slice(), [Entry::Raised { .. }]));
    let nearer = told(4, 3, "b");
    assert!(
        matches!(nearer.as_slice(), [Entry::Corrected { finding, .. }] if finding.n_events == 3),
        "{nearer:?}"
    );
}

#[test]
fn what_comes_too_late_or_is_given_up_is_counted() {
    let count = "{type: event_count, rules: [a], group-by: [ip], timespan: 10s, condition: {gte: 2}}";
    let rules = rules(&[count]);
    let late = [event(1, 100, "a", 1, "x", 0), event(2, 95, "a", 1, "x", 0)];
    let (_, board, tally) = played(&rules, &late, terms(3));
    assert_eq!((board.len(), tally.limits.n_too_late), (2, 1));
    let many: Vec<Event> = (0..200).map(|nth| event(nth, 0, "a", nth, "x", 0)).collect();
    let few = Terms {
        most_groups: 50,
        ..terms(60)
    };
    let (_, _, tally) = played(&rules, &many, few);
    assert!(
        tally.limits.n_evicted >= 150 - 50 && !tally.limits.is_exact(),
        "{tally:?}"
    );
}

#[test]
fn rules_below_speak_only_where_that_is_asked_for() {
    let quiet = "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 2}}";
    let loud = "{type: event_count, rules: [a], timespan: 10s, generate: true, condition: {gte: 2}}";
    let events = at(&[0, 1], "a");
    let titles = |correlation: &str| -> Vec<String> {
        let (_, board, _) = played(&rules(&[correlation]), &events, terms(0));
        board
            .findings()
            .iter()
            .map(|finding| finding.title.clone())
            .collect()
    };
    assert_eq!(titles(quiet), ["C", "K0", "C"]);
    assert_eq!(titles(loud).len(), 5);
}

#[test]
fn without_a_field_to_group_by_an_event_is_in_no_group() {
    let rules =
        rules(&["{type: event_count, rules: [a], group-by: [gone], timespan: 10s, condition: {gte: 1}}"]);
    let (_, board, tally) = played(&rules, &at(&[0, 1], "a"), terms(0));
    assert_eq!((tally.n_without_group, board.len()), (2, 2));
}

#[test]
fn failed_logins_are_found_in_any_order() {
    let rules = RuleSet::parse("", "none.yml", &Placeholders::none());
    let logins: Vec<Event> = (0..12_u8)
        .map(|nth| {
            let mut login = Event::new("sshd", Timestamp::from_secs(1_400_000_000 + i64::from(nth)));
            login.id = EventId([nth; 16]);
            login.class = Some("authentication".into());
            login.activity = Some("Logon".into());
            login.outcome = if nth == 11 {
                Outcome::Success
            } else {
                Outcome::Failure
            };
            login.src_ip = Some("198.51.100.9".into());
            login.actor_user = Some(format!("u{}", nth % 6));
            login.actor_realm = Some("host".into());
            login
        })
        .collect();
    let (_, replayed, _) = played(&rules, &logins, Terms::new());
    let ids: Vec<&str> = replayed.findings().iter().map(|f| f.rule_id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "ambit.brute_force",
            "ambit.credential_stuffing",
            "ambit.password_spraying"
        ]
    );
    assert_eq!(replayed.suspicions().len(), 1);
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&Just(logins).prop_shuffle(), |shuffled| {
            let (_, streamed, _) = played(&rules, &shuffled, Terms::new());
            prop_assert_eq!(difference(&streamed, &replayed), Vec::<String>::new());
            Ok(())
        })
        .unwrap();
}
