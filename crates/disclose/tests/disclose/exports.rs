//! Records for other tools: what is not known is said to be unknown, and a number stands only where it is one.

use crate::known::{at, flag};
use crate::notices::{decided, scope, story};
use ambit_disclose::{Facts, Known, Matter, Risk, Standing, stix, veris};
use serde_json::Value;

fn exported(name: Option<&str>, facts: &Facts) -> (Value, Value) {
    let scope = name.map(scope);
    let standing = scope.as_ref().map(|scope| Standing { version: 3, scope });
    let (known, decision) = (Known::of(standing.as_ref(), facts), decided(Risk::High));
    let matter = Matter {
        case: "may",
        standing: standing.as_ref(),
        known: &known,
        decided: Some(&decision),
        regimes: &[],
    };
    let now = at("2026-05-23T00:00:00Z");
    (veris(&matter, now), stix(&matter, now))
}

#[test]
fn a_veris_record_has_amounts_only_where_both_ends_meet() {
    let mut facts = story();
    flag(&mut facts, "external_intrusion", true);
    let (whole, _) = exported(Some("whole"), &facts);
    assert_eq!(whole["attribute"]["confidentiality"]["data_disclosure"], "Yes");
    assert_eq!(whole["action"]["hacking"]["variety"][0], "Use of stolen creds");
    assert_eq!(whole["timeline"]["incident"]["year"], 2014);
    assert_eq!(whole["confidence"], "High");
    let (gap, _) = exported(Some("gap"), &facts);
    let data = gap["attribute"]["confidentiality"]["data"].as_array().unwrap();
    assert!(data.iter().all(|entry| entry["amount"].is_null()), "{data:?}");
    assert!(
        gap["attribute"]["confidentiality"]["notes"]
            .as_str()
            .unwrap()
            .contains("cannot be excluded")
    );
    let (bare, _) = exported(None, &Facts::default());
    assert_eq!(bare["security_incident"], "Suspected");
    assert!(bare["attribute"]["unknown"].is_object() && bare["actor"]["unknown"].is_object());
    for record in [whole, gap, bare] {
        for required in [
            "actor",
            "action",
            "discovery_method",
            "schema_version",
            "asset",
            "timeline",
            "incident_id",
            "security_incident",
            "summary",
        ] {
            assert!(!record[required].is_null(), "{required}");
        }
    }
}

#[test]
fn a_bundle_keeps_its_ids_and_names_no_person() {
    let (_, first) = exported(Some("whole"), &story());
    let (_, second) = exported(Some("gap"), &story());
    let ids = |bundle: &Value| {
        let objects = bundle["objects"].as_array().unwrap().clone();
        objects
            .iter()
            .map(|object| object["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(first["objects"].as_array().unwrap().len(), 3);
    assert!(!first.to_string().contains("2077"));
}
