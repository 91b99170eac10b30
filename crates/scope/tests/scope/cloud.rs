//! A stolen key in a cloud: what it hands out is followed, and what it reads is counted.

use crate::world::read;
use ambit_event::Batch;
use ambit_lake::Lake;
use ambit_scope::{Answer, Config, DataMap, Grade, Request, Seed, scope};
use ambit_source::{Context, Options, decode_all};

/// Exports of everyone's contact data lie in a bucket.
const STORE: &str = r#"
[[subject]]
name = "user"
population = 1000

[[store]]
name = "exports"
kind = "s3"
subject = "user"
classes = ["contact"]
"#;

/// What can be called without touching them, and what cannot.
const OPERATIONS: &str = r#"
[[operation]]
name = "export"
source = "aws_cloudtrail"
api = "s3:GetObject"
store = "exports"
subjects = "everyone"
classes = ["contact"]
effect = "read"

[[operation]]
name = "accounts and keys"
source = "aws_cloudtrail"
api = "*"
store = "exports"
subjects = "none"
classes = []
effect = "read"
"#;

/// The events of the golden case: a key of `deploy` assumes a role; the role's key reads an export and makes a key
/// of `ann`, which decrypts something from elsewhere.
async fn lake() -> Lake {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../source/tests/golden/aws_cloudtrail/keys.in"
    );
    let lake = Lake::in_memory([1; 32]);
    let format = Options::default().format("aws_cloudtrail").unwrap();
    let bytes = std::fs::read(golden).unwrap();
    let Batch { events, .. } = decode_all(&format, &bytes, &Context::bare(lake.keys().clone())).unwrap();
    let mut writer = lake.writer().await.unwrap();
    writer
        .push(Batch {
            events,
            ..Batch::default()
        })
        .await
        .unwrap();
    writer.commit().await.unwrap();
    lake.refresh().await.unwrap()
}

async fn ask(map: Option<&str>) -> Answer {
    let map = map.map(|text| {
        let (map, diagnostics) = DataMap::parse(text, "map.toml");
        map.unwrap_or_else(|| panic!("the map does not parse: {diagnostics:?}"))
    });
    let lake = lake().await;
    let seed = "token=AKIAEXAMPLEEXAMPLE01,exclusive,reason=\"taken from a public repository\"";
    let request = Request {
        seeds: vec![Seed::parse(seed).unwrap()],
        map: map.as_ref(),
        coverage_assertions: Vec::new(),
        config: Config::standard(),
        shown: None,
    };
    scope(&lake, &request).await.unwrap()
}

#[tokio::test]
async fn a_stolen_key_is_followed_through_the_keys_that_it_handed_out() {
    let answer = ask(None).await;
    let entries = &answer.scope.timeline.entries;
    let operations: Vec<&str> = entries
        .iter()
        .map(|e| e.text.split(' ').next().unwrap_or(""))
        .collect();
    assert_eq!(
        operations,
        [
            "sts:GetCallerIdentity",
            "sts:AssumeRole",
            "s3:GetObject",
            "dynamodb:GetItem",
            "secretsmanager:GetSecretValue",
            "iam:CreateAccessKey",
            "kms:Decrypt"
        ]
    );
    assert!(entries.iter().all(|e| e.grade == Grade::Certain), "{entries:?}");
    let issued = answer.scope.trace.iter().filter(|hop| hop.rule == "issued");
    assert_eq!(issued.count(), 2, "the role's key, and the key that it made");
}

#[tokio::test]
async fn what_the_assumed_role_read_is_reached() {
    let answer = ask(Some(&format!("{STORE}{OPERATIONS}"))).await;
    assert_eq!(read(&answer), ["contact 0..1000"]);
    assert_eq!(answer.scope.unmapped, []);
}

#[tokio::test]
async fn calls_that_the_map_does_not_know_are_not_taken_for_harmless() {
    let answer = ask(Some(STORE)).await;
    assert_eq!(read(&answer), ["contact 0..1000"]);
    assert_eq!(answer.scope.unmapped.len(), 7);
}
