//! Findings in the words of others: golden files, and what their formats ask for. `AMBIT_BLESS=1` rewrites the files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Entry, OCSF_VERSION, OcsfLog, Product, navigator, ocsf};
use ambit_event::{EventId, Finding, FindingId, Level, Observable, ObservableKind, Timestamp};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const PRODUCT: Product<'_> = Product {
    name: "Ambit",
    vendor: "Ambit",
    version: "0.0.0",
};

fn finding(nth: u8, rule: &str, level: Option<Level>, attack: &[&str], actor: Vec<Observable>) -> Finding {
    let events = vec![EventId([nth; 16]), EventId([nth + 1; 16])];
    Finding {
        id: FindingId::of(rule, &events),
        rule_id: rule.to_owned(),
        title: format!("Title of {rule}"),
        level,
        attack: attack.iter().map(|id| (*id).to_owned()).collect(),
        time: Timestamp::from_secs(1_400_000_000),
        until: Timestamp::from_secs(1_400_000_060),
        source: "sshd".to_owned(),
        host: Some("web-1".to_owned()),
        actor,
        because: nth
            .is_multiple_of(2)
            .then(|| "12 failed logins \"within\" 60 s\u{1b}[2J".to_owned()),
        events,
        n_events: 12,
    }
}

fn findings() -> Vec<Finding> {
    use ObservableKind::{Address, Device, Session, Token, Trace};
    let actor = vec![
        Observable::account("app", "1042"),
        Observable::new(Session, "fp_a"),
        Observable::new(Token, "fp_t"),
        Observable::new(Address, "198.51.100.9"),
        Observable::new(Device, "d-1"),
    ];
    let several = vec![
        Observable::new(Address, "198.51.100.9"),
        Observable::new(Address, "2001:db8::9"),
        Observable::account("", "eve"),
        Observable::new(Trace, "t-9"),
    ];
    let low = Some(Level::Low);
    vec![
        finding(
            2,
            "ambit.password_spraying",
            Some(Level::High),
            &["T1110.003"],
            actor,
        ),
        finding(
            4,
            "ambit.password_spraying",
            Some(Level::Medium),
            &["T1110.003"],
            several,
        ),
        finding(
            5,
            "f7a2c1d0-0000-4000-8000-000000000001",
            low,
            &["T1110", "T1110.003", "T1110"],
            vec![],
        ),
        finding(
            6,
            "f7a2c1d0-0000-4000-8000-000000000002",
            None,
            &["T1595.002"],
            vec![],
        ),
        finding(
            7,
            "f7a2c1d0-0000-4000-8000-000000000003",
            low,
            &["S0002", "T12", "T1059.1"],
            vec![],
        ),
    ]
}

/// Compares with a file beside the tests.
fn golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/exports")
        .join(name);
    if std::env::var_os("AMBIT_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{name}");
}

/// A life: raised, corrected, raised again, withdrawn; and entries about findings of another log.
fn lives() -> Vec<Value> {
    let now = |secs: i64| Timestamp::from_secs(1_400_000_100 + secs);
    let mut log = OcsfLog::new(PRODUCT);
    let [first, grown] = [findings().remove(0), findings().remove(1)];
    let raised = Entry::Raised {
        finding: first.clone(),
    };
    let corrected = |before: FindingId| Entry::Corrected {
        before,
        finding: grown.clone(),
    };
    let withdrawn = |before: FindingId| Entry::Withdrawn {
        before,
        rule_id: grown.rule_id.clone(),
    };
    let unseen = FindingId::of("other", &[]);
    vec![
        log.note(&raised, now(0)),
        log.note(&raised, now(1)),
        log.note(&corrected(first.id), now(2)),
        log.note(&withdrawn(grown.id), now(3)),
        log.note(&corrected(unseen), now(4)),
        log.note(&withdrawn(grown.id), now(5)),
        log.note(&withdrawn(unseen), now(6)),
    ]
}

#[test]
fn findings_as_ocsf() {
    let single: Vec<Value> = findings().iter().map(|finding| ocsf(finding, &PRODUCT)).collect();
    let all: Vec<Value> = single.into_iter().chain(lives()).collect();
    all.iter().for_each(is_detection_finding);
    let lines: Vec<String> = all.iter().map(Value::to_string).collect();
    golden("ocsf.jsonl", &(lines.join("\n") + "\n"));
}

#[test]
fn a_finding_keeps_its_name_for_all_its_life() {
    let lives = lives();
    let told: Vec<(&Value, &Value)> = lives
        .iter()
        .map(|event| (&event["activity_name"], &event["finding_info"]["uid"]))
        .collect();
    let first = json!(findings()[0].id.to_string());
    let unseen = json!(FindingId::of("other", &[]).to_string());
    let (create, update, close) = (json!("Create"), json!("Update"), json!("Close"));
    assert_eq!(
        told,
        [
            (&create, &first),
            (&update, &first),
            (&update, &first),
            (&close, &first),
            (&update, &unseen),
            (&close, &unseen),
            (&close, &unseen),
        ]
    );
}

/// What OCSF 1.8 requires of class 2004 and of the objects that are written here, and the values that it enumerates.
fn is_detection_finding(event: &Value) {
    let required = [
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/finding_info/uid",
        "/finding_info/analytic/type_id",
        "/metadata/version",
        "/metadata/product/name",
        "/severity_id",
        "/time",
        "/type_uid",
    ];
    for path in required {
        assert!(
            event.pointer(path).is_some_and(|value| !value.is_null()),
            "{path} of {event}"
        );
    }
    let number = |path: &str| event.pointer(path).and_then(Value::as_i64).unwrap();
    let activity = number("/activity_id");
    assert!((1..=3).contains(&activity));
    assert_eq!((number("/category_uid"), number("/class_uid")), (2, 2004));
    assert_eq!(number("/type_uid"), 200_400 + activity);
    assert!((0..=5).contains(&number("/severity_id")) && matches!(number("/status_id"), 1 | 6));
    assert_eq!(event["metadata"]["version"], OCSF_VERSION);
    assert!(
        (1_400_000_000_000..1_400_001_000_000).contains(&number("/time")),
        "milliseconds"
    );
    for attack in event
        .pointer("/finding_info/attacks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (technique, sub) = (&attack["technique"]["uid"], &attack["sub_technique"]["uid"]);
        assert!(sub.is_null() || sub.as_str().unwrap().starts_with(technique.as_str().unwrap()));
    }
    for observable in event["observables"].as_array().into_iter().flatten() {
        let name = observable["name"].as_str().unwrap();
        assert!(observable["type_id"].is_i64());
        if let Some(path) = name.strip_prefix("evidences[") {
            let path = path.replacen("].", "/", 1).replace('.', "/");
            assert_eq!(
                event.pointer(&format!("/evidences/{path}")),
                observable.get("value"),
                "{name}"
            );
        }
    }
    for logger in event
        .pointer("/metadata/loggers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        assert!(logger["name"].is_string() && logger["device"]["type_id"].is_i64());
    }
    let places = ["actor", "src_endpoint", "device"];
    for evidence in event["evidences"].as_array().into_iter().flatten() {
        assert!(
            places.iter().any(|place| evidence.get(place).is_some()),
            "{evidence}"
        );
    }
}

#[test]
fn findings_as_a_layer_of_the_navigator() {
    let findings = findings();
    let layer = navigator(&findings.iter().collect::<Vec<_>>(), "Logs of \u{1b}[2Jweb-1");
    let text = serde_json::to_string_pretty(&layer).unwrap();
    golden("navigator.json", &(text + "\n"));
    // What the format requires.
    assert!(layer["name"].is_string() && layer["domain"] == "enterprise-attack");
    assert_eq!(layer["versions"]["layer"], "4.5");
    let (least, most) = (&layer["gradient"]["minValue"], &layer["gradient"]["maxValue"]);
    assert!(least.as_i64() < most.as_i64() && layer["gradient"]["colors"].as_array().unwrap().len() >= 2);
    let techniques = layer["techniques"].as_array().unwrap();
    let ids: Vec<&str> = techniques
        .iter()
        .map(|one| one["techniqueID"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["T1110", "T1110.003", "T1595.002"]);
    assert_eq!(techniques[1]["score"], 75, "the heaviest of three findings");
    assert!(techniques[2].get("score").is_none() && techniques[2]["color"].is_string());
    for item in layer["legendItems"].as_array().unwrap() {
        assert!(item["label"].is_string() && item["color"].as_str().unwrap().starts_with('#'));
    }
}
