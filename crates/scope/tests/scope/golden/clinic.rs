//! Patients' records: what a member of staff opened, by the events of a FHIR server.

use crate::world::{World, at, read};
use ambit_event::{Event, Outcome};
use ambit_scope::{Answer, Verdict};

const MAP: &str = include_str!("../../../../../docs/maps/clinic.toml");
const SOURCE: &str = "fhir_auditevent";
const INSIDER: &str = "account=fhir/u-1,exclusive,reason=\"she was at her desk\"";

fn audited(secs: i64, user: &str, operation: &str, object: &str, patients: &[&str]) -> Event {
    let mut event = Event::new(SOURCE, at(secs));
    event.precision = 1_000_000_000;
    event.host = Some("Device/fhir".into());
    event.class = Some("api_activity".into());
    event.activity = Some(
        if operation == "search-type" {
            "Search"
        } else {
            "Read"
        }
        .into(),
    );
    event.operation = Some(operation.into());
    event.outcome = Outcome::Success;
    event.actor_user = Some(user.into());
    event.actor_realm = Some("fhir".into());
    event.src_ip = Some(format!("2001:db8::{user}").replace("u-", ""));
    event.resource = Some(object.into()).filter(|o: &String| !o.is_empty());
    event.subject_refs = patients.iter().map(|p| (*p).to_owned()).collect();
    event
}

/// An R5 event of an encounter, an R4 event of the patient herself; one patient twice.
fn curious() -> World {
    let mut w = World::default();
    w.assert_complete(SOURCE);
    let mut r5 = audited(1000, "u-1", "vread", "Encounter/5", &["Patient/7"]);
    r5.status_code = Some("success".into());
    w.push(r5);
    let mut r4 = audited(1100, "u-1", "read", "Patient/8", &["Patient/8"]);
    r4.status_code = Some("0".into());
    w.push(r4);
    w.push(audited(1200, "u-1", "read", "Observation/3", &["Patient/7"]));
    for n in 0..50 {
        let patient = format!("Patient/{}", 100 + n);
        w.push(audited(n * 50, "u-2", "read", &patient, &[&patient]));
    }
    w
}

async fn ask(w: &World, seed: &str) -> Answer {
    w.ask(MAP, &[seed]).await
}

#[tokio::test]
async fn patients_whom_the_events_name_are_exact() {
    let answer = ask(&curious(), INSIDER).await;
    assert_eq!(read(&answer), ["health 2..2"]);
    assert_eq!(
        answer.scope.subjects.confirmed,
        ["patient:Patient/7", "patient:Patient/8"]
    );
    // An account that others may have used too confirms nobody.
    assert_eq!(read(&ask(&curious(), "account=fhir/u-1").await), ["health 0..2"]);
}

#[tokio::test]
async fn an_event_that_names_several_patients_reached_as_many_records() {
    let mut w = curious();
    let before = ask(&w, INSIDER).await.scope.records.at_most.unwrap();
    let patients = ["Patient/7", "Patient/8", "Patient/9"];
    w.push(audited(1300, "u-1", "read", "Observation/4", &patients));
    let answer = ask(&w, INSIDER).await;
    assert_eq!(read(&answer), ["health 3..3"]);
    assert_eq!(answer.scope.records.at_most, Some(before + 3));
}

#[tokio::test]
async fn a_search_reaches_at_most_a_page_of_patients() {
    let mut w = curious();
    let mut search = audited(1300, "u-1", "search-type", "", &[]);
    search.query_text = Some("Patient?name=x".into());
    w.push(search);
    assert_eq!(read(&ask(&w, INSIDER).await), ["health 2..52", "identity 0..50"]);
    let unbounded = MAP.replace("max_records = 50\n", "");
    let answer = w.ask(&unbounded, &[INSIDER]).await;
    assert_eq!(read(&answer), ["health 2..3000", "identity 0..3000"]);
}

/// An identifier of another kind names a person, nobody knows whom.
#[tokio::test]
async fn a_patient_named_by_what_is_no_key_is_one_more_at_most() {
    let mut w = curious();
    w.push(audited(
        1300,
        "u-1",
        "read",
        "DocumentManifest/1",
        &["e3^^^&1.2&ISO"],
    ));
    assert_eq!(read(&ask(&w, INSIDER).await), ["health 2..3"]);
}

#[tokio::test]
async fn emergency_access_opens_the_whole_record_of_the_patient() {
    let mut w = curious();
    w.push(audited(1300, "u-1", "110127", "", &["Patient/9"]));
    let answer = ask(&w, INSIDER).await;
    assert_eq!(read(&answer), ["contact 1..1", "health 3..3", "identity 1..1"]);
    // Of which patient is not said.
    w.push(audited(1400, "u-1", "110127", "", &[]));
    let answer = ask(&w, INSIDER).await;
    assert_eq!(
        read(&answer),
        ["contact 1..3000", "health 3..3000", "identity 1..3000"]
    );
}

#[tokio::test]
async fn an_event_without_an_outcome_is_possible() {
    let mut w = curious();
    let mut unsaid = audited(1300, "u-1", "read", "Patient/9", &["Patient/9"]);
    unsaid.outcome = Outcome::Unknown;
    w.push(unsaid);
    assert_eq!(read(&ask(&w, INSIDER).await), ["health 2..3"]);
}

/// A batch may do anything, whomever its record names.
#[tokio::test]
async fn what_was_executed_may_have_reached_anybody() {
    let mut w = curious();
    let mut batch = audited(1300, "u-1", "batch", "", &["Patient/7"]);
    batch.activity = Some("Execute".into());
    w.push(batch);
    let answer = ask(&w, INSIDER).await;
    let everyone = ["contact 0..3000", "health 2..3000", "identity 0..3000"];
    assert_eq!(read(&answer), everyone);
    let changed = answer.scope.claims.iter().find(|c| c.id == "effect:changed");
    assert_ne!(changed.map(|c| c.verdict), Some(Verdict::Supported));
    assert_eq!(answer.scope.unmapped.len(), 1);
}
