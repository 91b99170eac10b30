//! Findings: as seeds, and as what tells when somebody noticed.

use super::{AWAY, stolen};
use crate::world::{MAP, at};
use ambit_event::{Batch, EventId, Finding, FindingEntry, FindingId, Level, Noted, Timestamp};
use ambit_lake::Lake;
use ambit_scope::{Answer, Config, DataMap, Error, Grade, Request, Seed, scope};

fn finding(rule: &str, level: Level, events: &[EventId], n_events: u64) -> Finding {
    Finding {
        id: FindingId::of(rule, events),
        rule_id: rule.to_owned(),
        title: format!("Found by {rule}"),
        level: Some(level),
        attack: Vec::new(),
        time: at(1000),
        until: at(1000),
        source: "gate".to_owned(),
        host: None,
        actor: Vec::new(),
        because: None,
        events: events.to_vec(),
        n_events,
    }
}

async fn keep(lake: &Lake, noted_at: Timestamp, entry: FindingEntry) -> Lake {
    let mut writer = lake.writer().await.unwrap();
    let batch = Batch {
        noted: vec![Noted { noted_at, entry }],
        ..Batch::default()
    };
    writer.push(batch).await.unwrap();
    writer.commit().await.unwrap();
    lake.refresh().await.unwrap()
}

async fn ask(lake: &Lake, seed: &str) -> Result<Answer, Error> {
    let (map, _) = DataMap::parse(MAP, "map.toml");
    let request = Request {
        seeds: vec![Seed::parse(seed).unwrap()],
        map: map.as_ref(),
        coverage_assertions: Vec::new(),
        config: Config::standard(),
        shown: None,
    };
    scope(lake, &request).await
}

/// The world of the stolen session, and the id of the first event that the intruder is certain to have made.
async fn world() -> (Lake, EventId) {
    let mut w = stolen();
    w.profile(1110, AWAY, "8");
    let lake = w.lake().await;
    let answer = ask(&lake, "session=s").await.unwrap();
    let first = answer
        .attributed
        .iter()
        .find(|a| a.grade > Grade::Possible)
        .unwrap();
    (lake, first.event.id)
}

#[tokio::test]
async fn a_finding_is_a_seed_as_sure_as_the_person_says() {
    let (lake, event) = world().await;
    let found = finding("r", Level::High, &[event], 3);
    let seed = format!("finding={}", found.id);
    let lake = keep(
        &lake,
        at(5000),
        FindingEntry::Raised {
            finding: found.clone(),
        },
    )
    .await;

    let possible = ask(&lake, &seed).await.unwrap();
    assert_eq!(possible.scope.subjects.at_least, 0, "a finding proves nothing");
    assert!(possible.scope.n_attributed > 0);
    assert_eq!(possible.scope.seeds, std::slice::from_ref(&seed));
    let said: Vec<&str> = possible
        .scope
        .assertions
        .iter()
        .map(|a| a.text.as_str())
        .collect();
    let has = |text: &str| said.iter().any(|said| said.contains(text));
    assert!(
        has("did what is told by finding=") && has("keeps the first 1 of its 3 events"),
        "{said:#?}"
    );

    let sure = ask(&lake, &format!("{seed},grade=certain")).await.unwrap();
    let by_event = ask(&lake, &format!("event={event}")).await.unwrap();
    assert_eq!(
        sure.scope.subjects, by_event.scope.subjects,
        "as the event itself"
    );

    let absent = ask(&lake, "finding=00000000000000000000000000000001").await;
    assert!(matches!(absent, Err(Error::NoFinding { .. })));
}

#[tokio::test]
async fn it_was_noticed_when_a_finding_over_a_sure_event_was_noted() {
    let (lake, event) = world().await;
    let nobody = ask(&lake, "session=s").await.unwrap().scope.timeline;
    assert_eq!(nobody.first_noticed, None);
    assert!(nobody.first_noticed_because.contains("keeps no finding"));

    let news = finding("news", Level::Informational, &[event], 1);
    let lake = keep(&lake, at(4000), FindingEntry::Raised { finding: news }).await;
    let late = finding("late", Level::Low, &[event], 1);
    let lake = keep(
        &lake,
        at(6000),
        FindingEntry::Raised {
            finding: late.clone(),
        },
    )
    .await;
    let other = finding("other", Level::High, &[EventId([9; 16])], 1);
    let lake = keep(&lake, at(4500), FindingEntry::Raised { finding: other }).await;
    let before = lake.clone();
    let timeline = ask(&lake, "session=s").await.unwrap().scope.timeline;
    assert_eq!(
        timeline.first_noticed,
        Some(at(6000)),
        "{}",
        timeline.first_noticed_because
    );
    assert!(
        timeline
            .first_noticed_because
            .contains("`Found by late` (low) is over 1 attributed event")
    );

    let withdrawn = FindingEntry::Withdrawn {
        before: late.id,
        rule_id: "late".to_owned(),
    };
    let lake = keep(&lake, at(7000), withdrawn).await;
    let timeline = ask(&lake, "session=s").await.unwrap().scope.timeline;
    assert_eq!(timeline.first_noticed, None, "it does not hold");
    assert!(
        timeline
            .first_noticed_because
            .contains("is over an attributed event")
    );
    let then = ask(&before, "session=s").await.unwrap().scope.timeline;
    assert_eq!(
        then.first_noticed,
        Some(at(6000)),
        "what was true of a version stays"
    );
}
