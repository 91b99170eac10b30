//! Requests: what their records alone say, and which statements are theirs.

use super::{AWAY, stolen};
use crate::world::{Client, MAP, read};

#[tokio::test]
async fn a_forged_trace_parent_pivots_at_most_possible() {
    let mut w = stolen();
    // Two requests claim the same trace id: nothing tells to which the statement belongs.
    w.get(
        1160,
        Client {
            session: "other",
            ip: "192.0.2.99",
            device: "tablet",
        },
        "/users/5/profile",
        "200",
    )
    .trace = Some("t1100".into());
    w.sql(
        1160,
        "app",
        Some("t1100"),
        "SELECT email, name FROM profiles WHERE user_id = $1",
        &["5"],
    );
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..2", "identity 1..2"]);
}

#[tokio::test]
async fn health_checks_with_real_looking_ids_reach_nobody() {
    let mut w = stolen();
    let probe = Client {
        session: "probe",
        ip: "192.0.2.200",
        device: "monitor",
    };
    w.profile(1151, probe, "1");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(answer.scope.subjects.at_most, Some(1));
}

#[tokio::test]
async fn every_page_is_other_persons_and_a_retry_is_the_same() {
    let mut w = stolen();
    for (secs, page, user) in [(1120, 1, "50"), (1130, 2, "51"), (1140, 2, "51")] {
        w.get(secs, AWAY, &format!("/search?q=bob&page={page}"), "200");
        let trace = format!("t{secs}");
        w.sql(
            secs,
            "app",
            Some(&trace),
            "SELECT name FROM profiles WHERE user_id = $1",
            &[user],
        );
    }
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 3..3"]);
}

#[tokio::test]
async fn a_cache_hit_leaves_no_statement_and_is_bounded_by_the_declaration() {
    let mut w = stolen();
    w.get(1120, AWAY, "/search?q=bob", "200");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..21"]);
}

#[tokio::test]
async fn not_found_is_no_read_and_denied_is_an_attempt() {
    let mut w = stolen();
    w.get(1120, AWAY, "/users/60/profile", "404");
    w.get(1130, AWAY, "/users/61/profile", "403");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    assert!(answer.scope.attempts.iter().any(|a| a.operation == "profile"));
}

#[tokio::test]
async fn every_record_twice_in_an_export_counts_once() {
    let mut w = stolen();
    let again = w.events.clone();
    w.events.extend(again);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    assert_eq!(answer.scope.records.at_least, 1);
}

#[tokio::test]
async fn a_failed_request_may_have_delivered() {
    let mut w = stolen();
    w.get(1120, AWAY, "/users/62/profile", "500").bytes_out = Some(80);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..2", "identity 1..2"]);
}

#[tokio::test]
async fn a_statement_that_a_client_could_have_named_does_not_narrow_an_unmapped_request() {
    let mut w = stolen();
    w.get(1150, AWAY, "/admin/export", "200");
    w.sql(
        1150,
        "app",
        Some("t1150"),
        "SELECT name FROM profiles WHERE user_id = $1",
        &["7"],
    );
    let trusted = w.ask(MAP, &["session=s"]).await;
    assert_eq!(trusted.scope.classes["identity"].at_most, Some(1));
    let map = MAP.replace("trace = [\"gate\"]", "trace = []");
    let loose = w.ask(&map, &["session=s"]).await;
    assert_eq!(loose.scope.classes["identity"].at_most, Some(1000));
}

/// An operation that the map does not know, behind a gateway that stamps trace ids: where the database shows
/// every statement and none of it, it reached nothing there. A gap over the same request says no more.
#[tokio::test]
async fn an_unmapped_request_without_a_statement_reached_nothing_of_what_is_accounted_for() {
    let world = |gap: Option<&str>| {
        let mut w = stolen();
        if let Some(source) = gap {
            w.attestations.retain(|a| a.source != source);
            w.prove(source, 0, 1149);
            w.prove(source, 1151, 10_000);
        }
        if gap != Some("gate") {
            w.get(1150, AWAY, "/admin/reports/q1", "200");
        }
        w
    };
    let nobody_else = ["contact 1..1", "identity 1..1"];
    let told = world(None).ask(MAP, &["session=s"]).await;
    assert_eq!(read(&told), nobody_else);
    let ground = "what gate reaches in users is recorded in postgresql, with its trace id or none: no copy that the data map does not know answers instead";
    assert!(told.scope.assertions.iter().any(|a| a.text == ground));
    assert_eq!(told.scope.unmapped.len(), 1);
    assert_eq!(
        read(&world(Some("gate")).ask(MAP, &["session=s"]).await),
        nobody_else
    );
    // A statement may be missing, or be another request's, or come from a session that bears no trace ids.
    let everyone = [
        "contact 1..1000",
        "credential 0..1000",
        "identity 1..1000",
        "payment 0..1000",
    ];
    let gapped = world(Some("postgresql")).ask(MAP, &["session=s"]).await;
    assert_eq!(read(&gapped), everyone);
    let client_chosen = MAP.replace("trace = [\"gate\"]", "trace = []");
    let dedicated = MAP.replace("pooled = true", "pooled = false");
    for map in [client_chosen, dedicated] {
        let most = |answer: &ambit_scope::Answer| answer.scope.classes["payment"].at_most;
        assert_eq!(most(&world(None).ask(&map, &["session=s"]).await), Some(1000));
    }
}

/// A service that carries on the trace parent of its client writes what the client chose: the statement of a
/// request may bear the id of another.
#[tokio::test]
async fn a_statement_under_a_forged_id_is_not_taken_for_another_requests() {
    let other = Client {
        session: "other",
        ip: "192.0.2.99",
        device: "tablet",
    };
    let reached = async |secs: i64| {
        let mut w = stolen();
        w.profile(1146, other, "5");
        w.get(1150, AWAY, "/unknown", "200");
        let sql = "SELECT card FROM profiles WHERE user_id = $1";
        w.sql(secs, "app", Some("t1146"), sql, &["5"]);
        read(&w.ask(MAP, &["session=s"]).await)
    };
    assert_eq!(
        reached(1150).await,
        ["contact 1..1", "identity 1..1", "payment 0..1"]
    );
    assert_eq!(reached(1147).await, ["contact 1..1", "identity 1..1"]);
}

/// `{}` for an id that nobody has is an answer too.
#[tokio::test]
async fn an_answer_too_short_for_a_record_confirms_nobody() {
    for (n_bytes, expected) in [(2, "contact 1..2"), (512, "contact 2..2")] {
        let mut w = stolen();
        let asked = w.get(1140, AWAY, "/users/999/profile", "200");
        asked.bytes_out = Some(n_bytes);
        let answer = w.ask(MAP, &["session=s"]).await;
        assert_eq!(read(&answer)[0], expected);
    }
}
