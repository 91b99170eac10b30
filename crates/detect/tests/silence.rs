//! A source that should speak and is silent is a finding; its benign twins are none.

#![allow(clippy::unwrap_used)]

use ambit_detect::silences;
use ambit_event::{Batch, Event, EventId, Level, Timestamp};
use ambit_lake::Ledger;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Midnight of some day.
const BEGIN: i64 = 1_400_544_000;

/// What a source wrote: three records in each minute of which `speaks` holds, by the seconds since the beginning.
fn source(name: &str, until: i64, speaks: impl Fn(i64) -> bool) -> Vec<Event> {
    let at = (0..until).step_by(20).filter(|secs| speaks(*secs));
    let event = |secs: i64| {
        let mut event = Event::new(name, Timestamp::from_secs(BEGIN + secs));
        event.id = EventId::native(name, "h", &secs.to_string());
        event
    };
    at.map(event).collect()
}

/// From which second to which each silence lasts, of which source it is, and what it weighs.
fn silent(sources: Vec<Vec<Event>>) -> Vec<(String, i64, i64, Option<Level>)> {
    let mut ledger = Ledger::default();
    for events in sources {
        ledger.add(&Batch {
            events,
            ..Batch::default()
        });
    }
    let told = silences(&ledger.coverage(&[])).into_iter().map(|found| {
        let secs = |at: Timestamp| at.0 / 1_000_000_000 - BEGIN;
        (
            found.source.clone(),
            secs(found.time),
            secs(found.until),
            found.level,
        )
    });
    told.collect()
}

#[test]
fn a_source_that_stops_and_speaks_again_is_medium() {
    let stops = |secs| !(5 * HOUR..7 * HOUR).contains(&secs);
    let found = silent(vec![source("sshd", 12 * HOUR, stops)]);
    assert_eq!(
        found,
        [("sshd".to_owned(), 5 * HOUR - 20, 7 * HOUR, Some(Level::Medium))]
    );
}

#[test]
fn one_that_does_not_speak_again_is_low_where_others_do_for_a_while() {
    let two = |behind: i64| {
        vec![
            source("sshd", 6 * HOUR, |_| true),
            source("nginx_access", 6 * HOUR + behind, |_| true),
        ]
    };
    let found = silent(two(30 * MINUTE));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].3), ("sshd", Some(Level::Low)));
    // Files that are copied one after the other end some time apart.
    assert_eq!(silent(two(4 * MINUTE)), []);
}

#[test]
fn habits_are_no_silence() {
    // It rests each night, and is known for ten days.
    let rests = |secs: i64| (2 * HOUR..4 * HOUR).contains(&(secs % DAY));
    let found = silent(vec![source("sshd", 10 * DAY, |secs| !rests(secs))]);
    let late: Vec<_> = found.iter().filter(|(_, from, ..)| *from > 7 * DAY).collect();
    assert_eq!(
        late,
        Vec::<&(String, i64, i64, Option<Level>)>::new(),
        "{found:?}"
    );
    // It only begins later than another, or writes seldom.
    let begins = silent(vec![
        source("sshd", 6 * HOUR, |secs| secs > 3 * HOUR),
        source("nginx_access", 6 * HOUR, |_| true),
    ]);
    assert_eq!(begins, []);
    let seldom = silent(vec![source("sshd", 12 * HOUR, |secs| secs % (40 * MINUTE) == 0)]);
    assert_eq!(seldom, []);
}
