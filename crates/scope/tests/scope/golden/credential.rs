//! What was read opens more: session stores, exports.

use super::{AWAY, stolen};
use crate::world::{Client, MAP, World, at, read};
use ambit_event::{Event, Outcome};

#[tokio::test]
async fn a_dumped_session_store_makes_later_sessions_possible() {
    let mut w = stolen();
    let other = Client {
        session: "o",
        ip: "192.0.2.50",
        device: "tablet",
    };
    w.login(50, "40", other);
    w.get(1150, AWAY, "/search?q=x'%20UNION%20SELECT%20sid", "200");
    w.sql(
        1150,
        "app",
        Some("t1150"),
        "SELECT name FROM profiles WHERE name = 'x' UNION SELECT sid FROM sessions",
        &[],
    );
    w.profile(1500, other, "41");
    // Issued after the dump: it cannot have been in it.
    let later = Client {
        session: "l",
        ip: "192.0.2.51",
        device: "desk",
    };
    w.login(2000, "42", later);
    w.profile(2010, later, "43");
    let answer = w.ask(MAP, &["session=s"]).await;
    let possible = &answer.scope.subjects.possible;
    assert!(
        possible.contains(&"user:41".to_owned()) && !possible.contains(&"user:43".to_owned()),
        "{possible:?}"
    );
    let credential = &answer.scope.classes["credential"];
    assert_eq!((credential.at_least, credential.at_most), (0, Some(1000)));
}

/// Everything that the statement of the injection read stands in it, so its request opens nothing else.
#[tokio::test]
async fn an_injection_opens_the_session_store_only_where_its_statement_does() {
    let other = Client {
        session: "o",
        ip: "192.0.2.50",
        device: "tablet",
    };
    let world = |gap: bool, statement: bool| {
        let mut w = stolen();
        if gap {
            w.attestations.retain(|a| a.source != "postgresql");
            w.prove("postgresql", 0, 1120);
            w.prove("postgresql", 1400, 10_000);
        }
        w.login(50, "40", other);
        w.get(1150, AWAY, "/search?q=x'%20OR%20'1'='1", "200");
        if statement {
            let text = "SELECT name FROM profiles WHERE name = 'x' OR '1'='1'";
            w.sql(1150, "app", Some("t1150"), text, &[]);
        }
        w.profile(1500, other, "41");
        w
    };
    let reaches_the_other = async |w: World| {
        let answer = w.ask(MAP, &["session=s"]).await;
        answer.scope.subjects.possible.contains(&"user:41".to_owned())
    };
    assert!(!reaches_the_other(world(false, true)).await);
    assert!(reaches_the_other(world(false, false)).await, "no statement of it");
    assert!(
        reaches_the_other(world(true, true)).await,
        "another may be missing"
    );
}

#[tokio::test]
async fn a_second_dump_reveals_what_was_issued_since_the_first() {
    let mut w = stolen();
    for secs in [1150, 1250] {
        w.get(secs, AWAY, "/search?q=x'%20UNION%20SELECT%20sid", "200");
        let sql = "SELECT name FROM profiles WHERE name = 'x' UNION SELECT sid FROM sessions";
        w.sql(secs, "app", Some(&format!("t{secs}")), sql, &[]);
    }
    let between = Client {
        session: "b",
        ip: "192.0.2.60",
        device: "tablet",
    };
    w.login(1180, "44", between);
    w.profile(1500, between, "45");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert!(
        answer.scope.subjects.possible.contains(&"user:45".to_owned()),
        "{:?}",
        answer.scope.subjects.possible
    );
}

#[tokio::test]
async fn an_export_downloaded_later_by_anyone_is_the_intruders() {
    let mut w = stolen();
    let start = w.get(1150, AWAY, "/exports/new", "200");
    start.issued_credential = Some("job77".into());
    // Downloaded from elsewhere, with no session that anybody knows.
    let courier = Client {
        session: "x",
        ip: "192.0.2.123",
        device: "fetcher",
    };
    w.get(5000, courier, "/exports/job77/file", "200");
    w.get(5100, courier, "/exports/job78/file", "200");
    let map = MAP.replace(
        "[[channel]]\nstore = \"users\"\nname = \"app\"",
        r#"[[operation]]
name = "start export"
source = "gate"
match = "GET /exports/new"
store = "users"
subjects = "none"
classes = []
effect = "read"
starts = "job"

[[operation]]
name = "download export"
source = "gate"
match = "GET /exports/{job}/file"
store = "users"
subjects = "session.account"
classes = ["payment"]
effect = "read"
parameters = { job = "[a-z0-9]+" }
takes = "job"
takes_from = "path.job"

[[channel]]
store = "users"
name = "app""#,
    );
    let answer = w.ask(&map, &["session=s"]).await;
    let taken: Vec<_> = answer
        .attributed
        .iter()
        .filter_map(|a| a.event.resource.as_deref())
        .filter(|r| r.starts_with("/exports/"))
        .collect();
    assert_eq!(taken, ["/exports/new", "/exports/job77/file"]);
}

/// Whose data a job gathers is sure; that the intruder got it only once the result was taken.
#[tokio::test]
async fn a_started_export_that_nobody_took_may_have_reached_nobody() {
    let operations = r#"
[[operation]]
name = "start export"
source = "gate"
match = "POST /users/{id}/exports"
store = "users"
subjects = "path.id"
classes = ["payment"]
effect = "read"
parameters = { id = "[0-9]+" }
starts = "job"

[[operation]]
name = "download export"
source = "gate"
match = "GET /exports/{job}"
store = "users"
subjects = "none"
parameters = { job = "[a-z0-9]+" }
takes = "job"
takes_from = "path.job"

[trust]"#;
    let map = MAP.replace("[trust]", operations);
    let told = async |job: &str, status: &str| {
        let mut w = stolen();
        // Its answer is empty.
        let start = w.get(1150, AWAY, "/users/7/exports", "202");
        start.activity = Some("POST".into());
        start.operation = Some("POST /users/7/exports".into());
        start.outcome = Outcome::Success;
        start.issued_credential = Some("job77".into());
        w.get(5000, AWAY, &format!("/exports/{job}"), status);
        let answer = w.ask(&map, &["session=s"]).await;
        read(&answer).into_iter().find(|line| line.starts_with("payment"))
    };
    assert_eq!(told("job77", "200").await.as_deref(), Some("payment 1..1"));
    assert_eq!(told("job77", "401").await.as_deref(), Some("payment 0..1"));
    assert_eq!(told("job78", "200").await.as_deref(), Some("payment 0..1"));
}

/// Whoever makes an account, sets another's password or uses it has that account from then on.
#[tokio::test]
async fn an_account_that_the_intruder_made_or_took_over_is_his() {
    for (class, activity, outcome, is_his) in [
        ("account_change", "Create", Outcome::Success, true),
        ("account_change", "Password Reset", Outcome::Success, true),
        ("account_change", "Update user.", Outcome::Unknown, true),
        ("authentication", "Account Switch", Outcome::Unknown, true),
        ("authentication", "Account Switch", Outcome::Denied, false),
        ("account_change", "Password Reset", Outcome::Denied, false),
        ("account_change", "Delete", Outcome::Success, false),
        ("account_change", "disable account", Outcome::Success, false),
    ] {
        let mut w = stolen();
        let mut change = Event::new("auth", at(1200));
        change.class = Some(class.into());
        change.activity = Some(activity.into());
        change.outcome = outcome;
        change.actor_session = Some("s".into());
        change.resource = Some("55".into());
        w.push(change);
        let elsewhere = Client {
            session: "s55",
            ip: "198.51.100.55",
            device: "d55",
        };
        w.login(1300, "55", elsewhere);
        w.profile(1310, elsewhere, "56");
        let answer = w.ask(MAP, &["session=s"]).await;
        let most = answer.scope.subjects.at_most;
        assert_eq!(most, Some(if is_his { 2 } else { 1 }), "{class} {activity}");
    }
}

/// A refresh hands out a session that no log names. Which it is nobody knows: one that is new since then, and that no
/// login opened.
#[tokio::test]
async fn a_session_that_was_handed_out_without_a_name_may_be_any_new_one() {
    let refresh = "[[operation]]\nname = \"refresh\"\nsource = \"gate\"\nmatch = \"GET /refresh\"\nstore = \"users\"\nsubjects = \"none\"\n";
    let ask = async |issues: &str, path: &str| {
        let mut w = stolen();
        w.get(1150, AWAY, path, "200");
        for (session, user, ip, device) in [
            ("new", "55", "198.51.100.55", "d55"),
            ("opened", "56", "198.51.100.56", "d56"),
        ] {
            let elsewhere = Client { session, ip, device };
            if session == "opened" {
                w.login(1200, "56", elsewhere);
            }
            w.profile(1400 + i64::from(session == "new"), elsewhere, user);
        }
        let map = MAP.replace("[trust]", &format!("{refresh}{issues}\n[trust]"));
        let answer = w.ask(&map, &["session=s"]).await;
        answer.scope.subjects.possible
    };
    let hands_out = "issues = \"session\"\n";
    assert_eq!(ask(hands_out, "/refresh").await, ["user:55"]);
    assert_eq!(ask(hands_out, "/tracks/9").await, [""; 0]);
    assert_eq!(ask("", "/refresh").await, [""; 0]);
}
