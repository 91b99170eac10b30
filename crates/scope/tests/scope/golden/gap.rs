//! Records that are missing.

use super::{ALL, AWAY, stolen};
use crate::world::{Client, MAP, World, at, read};
use ambit_event::{Loss, Span};

#[tokio::test]
async fn a_gap_of_the_gateway_widens_by_exactly_the_unexplained_accesses() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 1400);
    w.prove("gate", 2000, 10_000);
    w.sql(
        1500,
        "app",
        Some("t1500"),
        "SELECT card FROM profiles WHERE user_id = $1",
        &["9"],
    );
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1", "payment 0..1"]);
    assert_eq!(answer.scope.subjects.at_most, Some(2));
    // With whom else a missing record shows the intruder nobody can say.
    let ground = "what is missing of gate shows the intruder with no session";
    assert!(answer.scope.assertions.iter().any(|a| a.text.starts_with(ground)));
}

#[tokio::test]
async fn with_both_sources_cut_everyone_is_possible() {
    let mut w = stolen();
    w.attestations.clear();
    for source in ALL {
        w.prove(source, 0, 1400);
        w.prove(source, 2000, 10_000);
    }
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(
        read(&answer),
        [
            "contact 1..1000",
            "credential 0..1000",
            "identity 1..1000",
            "payment 0..1000"
        ]
    );
}

#[tokio::test]
async fn a_deleted_line_in_an_unsequenced_log_is_missed_by_the_database() {
    let mut w = World::proved(10_000, &["auth", "postgresql"]);
    for n in 0..60 {
        w.get(
            n * 100,
            Client {
                session: "crowd",
                ip: "192.0.2.77",
                device: "tv",
            },
            "/tracks/1",
            "200",
        );
    }
    let before = stolen();
    w.events.extend(
        before
            .events
            .into_iter()
            .filter(|e| e.source != "gate" || e.time < at(1250)),
    );
    // The request is gone, its statement is there.
    w.sql(
        1260,
        "app",
        Some("t1260"),
        "SELECT card FROM profiles WHERE user_id = $1",
        &["9"],
    );
    renumber(&mut w);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(
        (
            answer.scope.classes["payment"].at_least,
            answer.scope.classes["payment"].at_most
        ),
        (0, Some(1))
    );
    assert!(
        answer.scope.gaps.iter().any(|g| g.because.contains("trace ids")),
        "{:?}",
        answer.scope.gaps
    );
}

fn renumber(w: &mut World) {
    for (n, event) in w.events.iter_mut().enumerate() {
        event.id = ambit_event::EventId::nth(&event.source, "", b"again", n as u64);
    }
}

#[tokio::test]
async fn an_access_in_a_gap_that_withholds_its_statement_is_not_passed_over() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 1400);
    w.prove("gate", 2000, 10_000);
    w.sql(1500, "app", None, "SELECT", &[]).query_text = None;
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(answer.scope.classes["payment"].at_most, Some(1000));
}

/// A clock that runs ahead puts the statement of a request into a gap into which the request does not fall.
#[tokio::test]
async fn a_gap_right_beside_a_request_may_hold_its_statement() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "postgresql");
    w.prove("postgresql", 0, 1151);
    w.prove("postgresql", 1160, 10_000);
    w.get(1150, AWAY, "/admin/reports/q1", "200");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(answer.scope.classes["payment"].at_most, Some(1000));
}

/// Of two stores behind one gateway each is told by its own accounts: a gap in those of one opens that one.
#[tokio::test]
async fn a_gap_in_the_accounts_of_one_store_opens_no_other() {
    let files = r#"
[[store]]
name = "files"
kind = "postgresql"
subject = "user"
classes = ["content"]

[[channel]]
store = "files"
name = "files"
principal = "session"
attributing = "gate"
accounting = "filedb"
roles = ["files"]
pooled = true
"#;
    let map = MAP.replace("[trust]", &format!("{files}\n[trust]"));
    let world = |until: i64| {
        let mut w = stolen();
        w.prove("filedb", 0, until);
        w.prove("filedb", 1200, 10_000);
        w.get(1150, AWAY, "/admin/reports/q1", "200");
        w
    };
    let told = world(1200).ask(&map, &["session=s"]).await;
    assert_eq!(read(&told), ["contact 1..1", "identity 1..1"]);
    let gapped = world(1140).ask(&map, &["session=s"]).await;
    assert_eq!(
        read(&gapped),
        ["contact 1..1", "content 0..1000", "identity 1..1"]
    );
}

/// Clocks differ: what a request that is missing caused may be recorded a moment outside the gap.
#[tokio::test]
async fn a_statement_right_beside_a_gap_of_the_gateway_is_possible() {
    let world = |secs: i64| {
        let mut w = stolen();
        w.attestations.retain(|a| a.source != "gate");
        w.prove("gate", 0, 1145);
        w.prove("gate", 1149, 10_000);
        let card = "SELECT card FROM profiles WHERE user_id = $1";
        w.sql(secs, "app", Some("missing"), card, &["9"]);
        w
    };
    let beside = world(1150).ask(MAP, &["session=s"]).await;
    assert_eq!(read(&beside), ["contact 1..1", "identity 1..1", "payment 0..1"]);
    let away = world(1160).ask(MAP, &["session=s"]).await;
    assert_eq!(read(&away), ["contact 1..1", "identity 1..1"]);
    // The accounts have a gap of their own right beside that of the gateway.
    let mut both = world(1160);
    both.attestations.retain(|a| a.source != "postgresql");
    both.prove("postgresql", 0, 1150);
    both.prove("postgresql", 1155, 10_000);
    let both = both.ask(MAP, &["session=s"]).await;
    assert_eq!(both.scope.classes["payment"].at_most, Some(1000));
}

/// What ran in a gap is known by its statement alone: that some operations only look a table up does not say
/// that this one did.
#[tokio::test]
async fn in_a_gap_nothing_is_taken_for_a_look_up() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 1400);
    w.prove("gate", 2000, 10_000);
    let sessions = "SELECT sid FROM sessions WHERE user_id = $1";
    w.sql(1500, "app", Some("t1500"), sessions, &["9"]);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(
        read(&answer),
        ["contact 1..1", "credential 0..1", "identity 1..1"]
    );
}

const BOB: Client = Client {
    session: "bobs",
    ip: "192.0.2.44",
    device: "desk",
};

/// A login whose request is missing may be the intruder's: with what it handed out he may go on, from anywhere.
#[tokio::test]
async fn what_was_issued_for_a_missing_request_is_possible() {
    let reached = async |gate: &[(i64, i64)]| {
        let mut w = stolen();
        w.attestations.retain(|a| a.source != "gate");
        gate.iter()
            .for_each(|(from, until)| w.prove("gate", *from, *until));
        w.login(1500, "9", BOB);
        w.get(5000, BOB, "/users/9/card", "200");
        read(&w.ask(MAP, &["session=s"]).await)
    };
    assert_eq!(
        reached(&[(0, 1400), (2000, 10_000)]).await,
        ["contact 1..1", "identity 1..1", "payment 0..1"]
    );
    assert_eq!(reached(&[(0, 10_000)]).await, ["contact 1..1", "identity 1..1"]);
    // The gap lies elsewhere.
    assert_eq!(
        reached(&[(0, 1600), (2000, 10_000)]).await,
        ["contact 1..1", "identity 1..1"]
    );
}

/// The intruder logs in while the login service's log has a gap: with whose password nobody can say, so each
/// account may be his from then on.
#[tokio::test]
async fn a_login_that_the_issuer_lost_may_have_opened_any_account() {
    let login = r#"
[[operation]]
name = "log in"
source = "gate"
match = "GET /login"
store = "users"
subjects = "none"
issues = "session"

[[issuer]]
source = "auth"
issues = "session"

[trust]"#;
    let map = MAP.replace("[trust]", login);
    let reached = async |auth: &[(i64, i64)], status: &str| {
        let mut w = stolen();
        w.attestations.retain(|a| a.source != "auth");
        auth.iter()
            .for_each(|(from, until)| w.prove("auth", *from, *until));
        // In no session, from where the stolen one was used.
        w.get(1500, AWAY, "/login", status).actor_session = None;
        w.login(4900, "9", BOB);
        w.get(5000, BOB, "/users/9/card", "200");
        read(&w.ask(&map, &["session=s"]).await)
    };
    let holed = [(0, 1400), (2000, 10_000)];
    let wide = ["contact 1..1", "identity 1..1", "payment 0..1"];
    assert_eq!(reached(&holed, "200").await, wide);
    assert_eq!(reached(&holed, "401").await, wide[..2], "it was refused");
    assert_eq!(reached(&[(0, 10_000)], "200").await, wide[..2]);
}

/// Whoever read the table of sessions for a request that is missing may have used each of them since.
#[tokio::test]
async fn sessions_that_were_read_for_a_missing_request_are_possible() {
    let reached = async |rows: i64| {
        let mut w = stolen();
        w.attestations.retain(|a| a.source != "gate");
        w.prove("gate", 0, 1400);
        w.prove("gate", 2000, 10_000);
        w.login(30, "9", BOB);
        let sql = "SELECT sid FROM sessions WHERE sid > $1";
        w.sql(1500, "app", Some("t1500"), sql, &["a"]).record_count = Some(rows);
        w.get(5000, BOB, "/users/9/card", "200");
        let answer = w.ask(MAP, &["session=s"]).await;
        answer.scope.classes["payment"].at_most
    };
    assert_eq!(reached(40).await, Some(1));
    // As every request looks up its own.
    assert_eq!(reached(1).await, Some(0));
}

/// Five records of the database are missing by its numbers. A request without statements may have made them; where
/// there is none, lines of the gateway were deleted with them.
#[tokio::test]
async fn lost_statements_that_no_request_made_were_made_by_requests_that_are_lost() {
    for (has_request, gate_is_proved, expected) in [
        (false, false, "contact 1..1000"),
        (true, false, "contact 1..1"),
        (false, true, "contact 1..1"),
    ] {
        let mut w = stolen();
        if !gate_is_proved {
            w.attestations.retain(|a| a.source != "gate");
            w.assert_complete("gate");
        }
        w.attestations.retain(|a| a.source != "postgresql");
        w.prove("postgresql", 0, 2000);
        w.prove("postgresql", 2014, 10_000);
        w.losses.push(Loss {
            source: "postgresql".into(),
            host: None,
            span: Span::new(at(2000), at(2014)),
            at_most: Some(5),
            why: "numbers 335 to 339 of a session are missing".into(),
        });
        // This one has its statement.
        w.profile(2007, BOB, "8");
        if has_request {
            w.get(2009, BOB, "/users/9/profile", "200");
        }
        let answer = w.ask(MAP, &["session=s"]).await;
        assert_eq!(read(&answer)[0], expected, "{:?}", answer.scope.gaps);
    }
}
