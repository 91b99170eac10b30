//! Records for other tools: what is not known is said to be unknown, and a number stands only where it is one.

use crate::known::{at, flag};
use crate::notices::{decided, scope, story};
use ambit_disclose::{Facts, Known, Matter, Risk, Standing, edpb, stix, veris};
use serde_json::Value;

fn exported(name: Option<&str>, facts: &Facts) -> (Value, Value) {
    let [veris, stix, _] = all(name, facts);
    (veris, stix)
}

fn all(name: Option<&str>, facts: &Facts) -> [Value; 3] {
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
    [veris(&matter, now), stix(&matter, now), edpb(&matter, now)]
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

#[test]
fn the_draft_template_is_filled_as_far_as_facts_and_scope_go() {
    let [_, _, whole] = all(Some("whole"), &story());
    let fields = &whole["fields"];
    for (field, value) in [
        ("field_3", "a"),
        ("field_4", "b"),
        ("field_12", "Tonal Music AB"),
        ("field_36", "privacy@tonal.example"),
        ("field_44", "b"),
        ("field_48", "2014-05-22T11:40:00.000000000Z"),
        ("field_56", "a"),
        ("field_67", "a"),
        ("field_72", "b"),
        ("field_89", "a"),
        ("field_97", "b"),
        ("field_120", "b"),
    ] {
        let found = fields[field].as_str().unwrap_or_default();
        assert_eq!(
            found.replace(".000000000Z", "Z"),
            value.replace(".000000000Z", "Z"),
            "{field}"
        );
    }
    assert_eq!(fields["field_55"], serde_json::json!(["a"]));
    assert_eq!(fields["field_70"], serde_json::json!(["a", "b"]));
    assert_eq!(
        (fields["field_68"].as_u64(), fields["field_73"].as_u64()),
        (Some(1), Some(4))
    );
    // Who reports, and how it was discovered, nobody said.
    let missing: Vec<&str> = whole["to_be_filled_by_a_person"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["field"].as_str())
        .collect();
    assert!(
        missing.contains(&"field_21") && missing.contains(&"field_50"),
        "{missing:?}"
    );
    assert!(
        !missing.contains(&"field_12") && !missing.contains(&"field_4"),
        "{missing:?}"
    );
    let [_, _, gap] = all(Some("gap"), &story());
    // Of bounds the upper one stands as the number, and the text has both.
    assert_eq!(
        (
            gap["fields"]["field_67"].as_str(),
            gap["fields"]["field_68"].as_u64()
        ),
        (Some("b"), Some(412))
    );
    assert!(gap["fields"]["field_66"].as_str().unwrap().contains("at least 1"));
    assert_eq!(gap["fields"]["field_44"], "e");
    let [_, _, bare] = all(None, &Facts::default());
    assert_eq!(bare["fields"]["field_67"], "d");
    assert!(bare["fields"].get("field_68").is_none());
}
