//! Many subjects against a principal's own history and against what its peers do: who is found, and who is left alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Behaviours, Board, Placeholders, RuleSet, Run, Terms};
use ambit_event::{Event, EventId, Level, Outcome, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const HOUR: i64 = 3600;
const MORNING: i64 = 1_400_000_400;

/// Somebody reads so many customers in an hour.
fn reads(who: &str, hour: i64, n: u64, class: &str) -> Vec<Event> {
    let step = HOUR * 9 / 10 / i64::try_from(n.max(1)).unwrap();
    (0_i64..)
        .zip(0..n)
        .map(|(nth, subject)| {
            let time = Timestamp::from_secs(MORNING / HOUR * HOUR + hour * HOUR + nth * step);
            let mut event = Event::new("shop_api", time);
            event.id = EventId::nth(who, class, &hour.to_le_bytes(), subject);
            event.class = Some("http_activity".into());
            event.outcome = Outcome::Success;
            event.actor_user = Some(who.into());
            event.actor_realm = Some("staff".into());
            event.operation = Some("GET /v1/customers/{id}".into());
            event.resource = Some(format!("/v1/customers/{subject}"));
            event.data_classes = vec![class.into()];
            event
        })
        .collect()
}

/// Eight clerks over ten hours, each hour of whom is about as busy as the others.
fn clerks(n: u64) -> Vec<Event> {
    let hours = (0..10).flat_map(|hour| (0..8).map(move |clerk| (hour, clerk)));
    hours
        .flat_map(|(hour, clerk)| reads(&format!("clerk{clerk}"), hour, n + clerk % 3, "contact"))
        .collect()
}

fn found(events: &[Event]) -> Vec<(String, Level, String)> {
    let mut run = Run::new(
        &RuleSet::load(&[], &Placeholders::none()),
        Terms {
            behaviours: Behaviours::parse("off = [\"enumeration\", \"volume\", \"first_seen\"]", "test")
                .unwrap(),
            ..Terms::new()
        },
    );
    let mut board = Board::default();
    for event in events {
        run.take(event).into_iter().for_each(|entry| board.note(entry));
    }
    run.finish().into_iter().for_each(|entry| board.note(entry));
    assert!(run.tally().limits.is_exact(), "{:?}", run.tally());
    let findings = board.findings();
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule_id == "ambit.many_subjects")
    );
    let line = |finding: &&ambit_event::Finding| {
        let who = finding.actor[0].value.clone();
        (who, finding.level.unwrap(), finding.because.clone().unwrap())
    };
    findings.iter().map(line).collect()
}

fn in_order(parts: Vec<Vec<Event>>) -> Vec<Event> {
    let mut events = parts.concat();
    events.sort_by_key(|event| (event.time, event.id));
    events
}

fn who(found: &[(String, Level, String)]) -> Vec<(&str, Level)> {
    found
        .iter()
        .map(|(who, level, _)| (who.as_str(), *level))
        .collect()
}

#[test]
fn a_job_and_a_member_of_staff_who_always_read_many_are_left_alone() {
    let job = (0..12)
        .flat_map(|hour| reads("nightly", hour, 60, "contact"))
        .collect();
    let busy = (0..12)
        .flat_map(|hour| reads("erin", hour, 45, "contact"))
        .collect();
    assert_eq!(found(&in_order(vec![clerks(6), job, busy])), []);
}

#[test]
fn whoever_never_read_so_many_and_whose_peers_do_not_is_found() {
    let intruder = reads("clerk0", 11, 50, "contact");
    let found = found(&in_order(vec![clerks(6), intruder]));
    assert_eq!(who(&found), [("clerk0", Level::Medium)]);
    let because = "50 different subjects in an hour; at most 6 in any of 10 hours before; \
                   nine in ten of 7 others reach at most 8";
    assert_eq!(found[0].2, because);
}

#[test]
fn what_peers_do_as_well_weighs_little() {
    let quiet = (0..10)
        .flat_map(|hour| reads("frank", hour, 3, "contact"))
        .collect();
    let found = found(&in_order(vec![
        clerks(40),
        quiet,
        reads("frank", 11, 45, "contact"),
    ]));
    assert_eq!(who(&found), [("frank", Level::Low)]);
}

#[test]
fn a_newcomer_is_compared_with_peers() {
    let of_few = in_order(vec![clerks(6), reads("new", 11, 45, "contact")]);
    assert_eq!(who(&found(&of_few)), [("new", Level::Medium)]);
    // Where everybody reads many, that is what the work is.
    let of_many = in_order(vec![clerks(60), reads("new", 11, 110, "contact")]);
    assert_eq!(found(&of_many), []);
    // Without anybody to compare with, a hundred.
    assert_eq!(found(&reads("new", 11, 45, "contact")), []);
}

#[test]
fn each_data_class_has_peers_of_its_own() {
    let events = in_order(vec![
        clerks(60),
        reads("new", 11, 70, "contact"),
        reads("new", 11, 70, "health"),
    ]);
    assert_eq!(found(&events), []);
    let health = (0..10)
        .flat_map(|hour| (0..8).flat_map(move |clerk| reads(&format!("nurse{clerk}"), hour, 3, "health")));
    let events = in_order(vec![
        clerks(60),
        health.collect(),
        reads("new", 11, 70, "contact"),
        reads("new", 11, 70, "health"),
    ]);
    assert_eq!(who(&found(&events)), [("new", Level::Medium)]);
}

#[test]
fn events_that_are_late_within_the_allowed_time_change_nothing() {
    let events = in_order(vec![
        clerks(4),
        reads("new", 11, 45, "contact"),
        reads("clerk1", 12, 45, "contact"),
    ]);
    let expected = found(&events);
    assert_eq!(
        who(&expected),
        [("new", Level::Medium), ("clerk1", Level::Medium)]
    );
    let delays = proptest::collection::vec(0..3500_i64, events.len());
    TestRunner::new(ProptestConfig::with_cases(24))
        .run(&delays, |delays| {
            let mut arriving: Vec<(Timestamp, Event)> = events
                .iter()
                .zip(delays)
                .map(|(event, secs)| (event.time.plus_secs(secs), event.clone()))
                .collect();
            arriving.sort_by_key(|(at, event)| (*at, event.id));
            let arriving: Vec<Event> = arriving.into_iter().map(|(_, event)| event).collect();
            prop_assert_eq!(found(&arriving), expected.clone());
            Ok(())
        })
        .unwrap();
}
