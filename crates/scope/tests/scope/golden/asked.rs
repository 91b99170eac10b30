//! How it is asked: without a map, with a small budget, with a map that asserts less.

use super::{AWAY, stolen};
use crate::world::{MAP, read};

#[tokio::test]
async fn two_keys_that_nobody_called_distinct_may_be_one_person() {
    let mut w = stolen();
    w.profile(1110, AWAY, "8");
    let answer = w.ask(&MAP.replace("distinct = true\n", ""), &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..2", "identity 1..2"]);
}

#[tokio::test]
async fn without_a_map_everything_is_traced_and_nothing_is_excluded() {
    let w = stolen();
    let lake = w.lake().await;
    let request = ambit_scope::Request {
        seeds: vec![ambit_scope::Seed::parse("session=s").unwrap()],
        map: None,
        coverage_assertions: Vec::new(),
        config: ambit_scope::Config::standard(),
        shown: None,
    };
    let answer = ambit_scope::scope(&lake, &request).await.unwrap();
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (0, None)
    );
    assert!(
        answer
            .scope
            .unmapped
            .iter()
            .any(|u| u.operation.contains("profile"))
    );
    assert!(
        answer
            .scope
            .claims
            .iter()
            .all(|c| !c.text.contains("person") || c.verdict == ambit_scope::Verdict::Undecided)
    );
}

#[tokio::test]
async fn what_the_budget_cuts_is_everyone_and_no_claim_rests_on_it() {
    let w = stolen();
    let (map, _) = ambit_scope::DataMap::parse(MAP, "map.toml");
    let map = map.unwrap();
    let request = ambit_scope::Request {
        seeds: vec![ambit_scope::Seed::parse("session=s").unwrap()],
        map: Some(&map),
        coverage_assertions: Vec::new(),
        config: ambit_scope::Config {
            max_events: 2,
            ..ambit_scope::Config::standard()
        },
        shown: None,
    };
    let answer = ambit_scope::scope(&w.lake().await, &request).await.unwrap();
    assert_eq!(answer.scope.subjects.at_most, Some(1000));
    let supported = answer
        .scope
        .claims
        .iter()
        .filter(|c| c.verdict == ambit_scope::Verdict::Supported);
    let none: Vec<&str> = Vec::new();
    assert_eq!(supported.map(|c| c.id.as_str()).collect::<Vec<_>>(), none);
}
