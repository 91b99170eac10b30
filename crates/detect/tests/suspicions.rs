//! One suspicion for each actor: a noisy rule does not bury the one that matters.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Board, Entry, Suspicion};
use ambit_event::{EventId, Finding, FindingId, Level, Observable, ObservableKind, Timestamp};
use std::fmt::Write;

fn finding(nth: u32, rule: &str, level: Level, address: &str) -> Entry {
    let events = vec![EventId::nth(rule, address, &nth.to_le_bytes(), 1)];
    let time = Timestamp::from_secs(1_400_000_000 + i64::from(nth));
    Entry::Raised {
        finding: Finding {
            id: FindingId::of(rule, &events),
            rule_id: rule.to_owned(),
            title: rule.to_owned(),
            level: Some(level),
            attack: Vec::new(),
            time,
            until: time,
            source: "nginx_access".to_owned(),
            host: None,
            actor: vec![Observable::new(ObservableKind::Address, address)],
            because: Some(format!("{level}")),
            events,
            n_events: 1,
        },
    }
}

fn suspicions(entries: impl Iterator<Item = Entry>) -> Vec<Suspicion> {
    let mut board = Board::default();
    entries.for_each(|entry| board.note(entry));
    board.suspicions()
}

/// The heaviest, as people see them.
fn told(suspicions: &[Suspicion]) -> String {
    let mut out = String::new();
    for one in suspicions.iter().take(2) {
        writeln!(out, "{} {} {:?}", one.actor, one.score, one.level.unwrap()).unwrap();
        for rule in &one.rules {
            writeln!(
                out,
                "  {:?} {} {}",
                rule.level.unwrap(),
                rule.n_findings,
                rule.rule_id
            )
            .unwrap();
        }
    }
    out
}

#[test]
fn ten_thousand_of_one_low_rule_about_one_actor_weigh_less_than_one_high() {
    let noise = (0..10_000).map(|nth| finding(nth, "noisy", Level::Low, "192.0.2.1"));
    let all = noise.chain([finding(9_999, "theft", Level::High, "198.51.100.9")]);
    let suspicions = suspicions(all);
    let golden = "ip=198.51.100.9 40 High\n  High 1 theft\nip=192.0.2.1 8 Low\n  Low 10000 noisy\n";
    assert_eq!((told(&suspicions).as_str(), suspicions.len()), (golden, 2));
}

#[test]
fn about_the_same_actor_the_heavy_one_stands_first() {
    let noise = (0..10_000).map(|nth| finding(nth, "noisy", Level::Low, "192.0.2.1"));
    let suspicions = suspicions(noise.chain([finding(9_999, "theft", Level::High, "192.0.2.1")]));
    let golden = "ip=192.0.2.1 48 High\n  High 1 theft\n  Low 10000 noisy\n";
    assert_eq!((told(&suspicions).as_str(), suspicions.len()), (golden, 1));
}

#[test]
fn about_ten_thousand_actors_the_one_that_matters_stands_first() {
    let of_all = (0..10_000).map(|nth| finding(nth, "noisy", Level::Low, &format!("2001:db8::{nth:x}")));
    let suspicions = suspicions(of_all.chain([finding(9_999, "theft", Level::High, "198.51.100.9")]));
    let golden = "ip=198.51.100.9 40 High\n  High 1 theft\nip=2001:db8::0 4 Low\n  Low 1 noisy\n";
    assert_eq!((told(&suspicions).as_str(), suspicions.len()), (golden, 10_001));
}

#[test]
fn many_low_rules_about_one_actor_add_up() {
    let rules = ["a", "b", "c", "d", "e"];
    let of_many = rules
        .iter()
        .flat_map(|rule| (0..3).map(move |nth| finding(nth, rule, Level::Low, "192.0.2.1")));
    let all = of_many.chain([finding(1, "noisy", Level::Medium, "192.0.2.2")]);
    let suspicions = suspicions(all);
    let scores: Vec<(&str, u32)> = suspicions
        .iter()
        .map(|one| (one.actor.as_str(), one.score))
        .collect();
    assert_eq!(scores, [("ip=192.0.2.1", 20), ("ip=192.0.2.2", 15)]);
}
