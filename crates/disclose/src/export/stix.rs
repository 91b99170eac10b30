//! A STIX 2.1 bundle: the incident, the organisation where it has a name, and what is known as a note.

use super::{register, stated, uuid};
use crate::notice::Matter;
use ambit_event::Timestamp;
use serde_json::{Value, json};

/// The bundle as it stands at an instant. Its ids stay the same for the same case.
#[must_use]
pub fn stix(matter: &Matter<'_>, now: Timestamp) -> Value {
    let facts = &matter.known.facts;
    let draft = register(matter);
    let said = |groups: &[&str]| {
        draft
            .as_ref()
            .map(|draft| stated(draft, groups))
            .unwrap_or_default()
    };
    // The first instant at which somebody could have written it down.
    let created = facts.instant("aware_at").map_or(now, |aware| aware.min(now));
    let id = |kind: &str| format!("{kind}--{}", uuid(matter.case, kind));
    let object = |kind: &str| {
        json!({
            "type": kind,
            "spec_version": "2.1",
            "id": id(kind),
            "created": millis(created),
            "modified": millis(now),
        })
    };
    let mut incident = object("incident");
    incident["name"] = json!(format!("Case {}", matter.case));
    let description = said(&[
        "nature", "period", "persons", "read", "harmed", "open", "excluded",
    ]);
    if !description.is_empty() {
        incident["description"] = json!(description);
    }
    if let Some(standing) = matter.standing {
        incident["external_references"] = json!([{
            "source_name": "ambit scope",
            "external_id": standing.scope.content_root,
            "description": format!("lake version {}", standing.version),
        }]);
    }
    let mut objects = Vec::new();
    if let Some(name) = facts.text("organisation") {
        let mut identity = object("identity");
        identity["name"] = json!(name);
        identity["identity_class"] = json!("organization");
        incident["created_by_ref"] = json!(id("identity"));
        objects.push(identity);
    }
    let mut note = object("note");
    note["abstract"] = json!("What is known, with its bounds; what carries each sentence is in the case");
    note["content"] = json!(
        draft
            .as_ref()
            .map_or_else(String::new, crate::notice::notice_text)
    );
    note["object_refs"] = json!([id("incident")]);
    objects.extend([incident, note]);
    json!({ "type": "bundle", "id": id("bundle"), "objects": objects })
}

fn millis(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0.div_euclid(1_000_000)).map_or_else(
        |_| at.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}
