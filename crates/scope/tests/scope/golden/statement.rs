//! Statements of databases: whose rows they read, and whose doing they are.

use super::{ALL, AWAY, stolen};
use crate::world::{MAP, World, at, read};
use ambit_event::Outcome;
use ambit_scope::{DataMap, Verdict};

const ANNA: &str = "account=db/anna,exclusive,reason=\"her laptop was stolen\"";

#[tokio::test]
async fn injection_through_a_mapped_route_is_what_the_statement_says() {
    let mut w = stolen();
    w.get(1150, AWAY, "/search?q=x'%20OR%20'1'='1", "200");
    w.sql(
        1150,
        "app",
        Some("t1150"),
        "SELECT name FROM profiles WHERE name = 'x' OR '1'='1'",
        &[],
    )
    .record_count = Some(1000);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1000"]);
}

#[tokio::test]
async fn an_aborted_copy_may_have_delivered() {
    let mut w = World::proved(10_000, ALL);
    let copy = w.sql(500, "anna", None, "COPY profiles TO STDOUT", &[]);
    copy.outcome = Outcome::Aborted;
    copy.record_count = Some(0);
    let answer = w
        .ask(
            MAP,
            &["account=db/anna,exclusive,reason=\"her laptop was stolen\""],
        )
        .await;
    assert_eq!(
        read(&answer),
        ["contact 0..1000", "identity 0..1000", "payment 0..1000"]
    );
}

/// A state from before the statement, with the writes that are recorded since, tells whose rows came back.
#[tokio::test]
async fn a_state_and_the_writes_since_tell_whose_rows_came_back() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "user_id,email,name\n1,a@x.org,ann\n2,b@x.org,bob\n3,c@y.org,cid\n";
    std::fs::write(folder.path().join("profiles.csv"), rows).unwrap();
    let text = MAP.replace(
        "card = \"payment\" }",
        &format!(
            "card = \"payment\" }}\nsnapshot = {{ file = \"profiles.csv\", at = \"{}\" }}",
            at(100)
        ),
    );
    let path = folder.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    let (map, _) = DataMap::load(&path).unwrap();
    let world = |gap: bool, writes: &[(i64, &str, &[&str])]| {
        let mut w = World::proved(10_000, ALL);
        if gap {
            w.attestations.retain(|a| a.source != "postgresql");
            w.prove("postgresql", 0, 200);
            w.prove("postgresql", 300, 10_000);
        }
        for (secs, sql, parameters) in writes {
            w.sql(*secs, "app", Some("other"), sql, parameters);
        }
        let copy = "COPY (SELECT user_id, name FROM profiles WHERE email LIKE '%@x.org') TO STDOUT";
        w.sql(500, "anna", None, copy, &[]).record_count = Some(0);
        w
    };
    let rename: (i64, &str, &[&str]) = (250, "UPDATE profiles SET name = 'z' WHERE user_id = $1", &["1"]);
    let moves: (i64, &str, &[&str]) = (250, "UPDATE profiles SET email = 'z' WHERE user_id = $1", &["1"]);
    let late: (i64, &str, &[&str]) = (600, moves.1, moves.2);
    let all: (i64, &str, &[&str]) = (250, "TRUNCATE profiles", &[]);
    for (gap, writes, expected) in [
        (false, &[][..], "2..2"),
        (false, &[rename], "2..2"),
        (false, &[moves], "1..2"),
        (false, &[late], "2..2"),
        (false, &[all], "0..1000"),
        (true, &[], "0..1000"),
    ] {
        // The gap lies before the laptop was stolen: it hides writes of others at most.
        let seed = format!("{ANNA},from={}", at(400));
        let answer = world(gap, writes).ask_with(&map, &[&seed]).await;
        let said = read(&answer);
        let identity = format!("identity {expected}");
        assert!(said.contains(&identity), "{gap} {writes:?}: {said:?}");
    }
}

#[tokio::test]
async fn a_cursor_reads_what_its_declaration_says() {
    let mut w = World::proved(10_000, ALL);
    w.sql(
        500,
        "anna",
        None,
        "DECLARE c CURSOR FOR SELECT email FROM profiles",
        &[],
    );
    w.sql(501, "anna", None, "FETCH 100 FROM c", &[]).record_count = Some(0);
    let answer = w.ask(MAP, &[ANNA]).await;
    assert_eq!(answer.scope.classes["contact"].at_most, Some(1000));
}

#[tokio::test]
async fn an_aggregate_over_everyone_is_one_row_and_everyone() {
    let mut w = World::proved(10_000, ALL);
    w.sql(
        500,
        "anna",
        None,
        "SELECT string_agg(email, ',') FROM profiles",
        &[],
    )
    .record_count = Some(1);
    let answer = w.ask(MAP, &[ANNA]).await;
    assert_eq!(read(&answer), ["contact 0..1000"]);
}

#[tokio::test]
async fn counting_everyone_reveals_nobody() {
    let mut w = World::proved(10_000, ALL);
    w.sql(500, "anna", None, "SELECT count(*) FROM profiles", &[])
        .record_count = Some(1);
    let answer = w.ask(MAP, &[ANNA]).await;
    assert_eq!(read(&answer), Vec::<String>::new());
}

#[tokio::test]
async fn a_row_count_is_a_number_not_a_list_of_persons() {
    let mut w = World::proved(10_000, ALL);
    w.sql(
        500,
        "anna",
        None,
        "SELECT email FROM profiles WHERE email LIKE '%@example.org'",
        &[],
    )
    .record_count = Some(3);
    let answer = w.ask(MAP, &[ANNA]).await;
    assert_eq!(read(&answer), ["contact 0..3"]);
}

#[tokio::test]
async fn a_batch_job_that_reads_everybody_is_not_the_intruder() {
    let mut w = stolen();
    w.sql(1150, "reporting", None, "SELECT email, card FROM profiles", &[])
        .record_count = Some(1000);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
}

/// Whoever makes a role, or sets its password, can be it from then on.
#[tokio::test]
async fn a_role_whose_password_the_intruder_set_is_his() {
    for (statement, is_his) in [
        ("ALTER ROLE erin PASSWORD 'x'", true),
        ("ALTER USER Erin WITH LOGIN", true),
        ("ALTER ROLE x RENAME TO erin", true),
        ("CREATE ROLE erin LOGIN", true),
        ("BEGIN; CREATE USER erin; COMMIT", true),
        ("ALTER ROLE erin SET work_mem = '1GB'", false),
        ("GRANT SELECT ON profiles TO erin", false),
    ] {
        let mut w = World::proved(10_000, ALL);
        w.sql(500, "anna", None, statement, &[]);
        let copy = w.sql(510, "erin", None, "COPY profiles (name) TO STDOUT", &[]);
        copy.record_count = Some(1000);
        let answer = w.ask(MAP, &[ANNA]).await;
        let expected: &[&str] = if is_his { &["identity 0..1000"] } else { &[] };
        assert_eq!(read(&answer), expected, "{statement}");
    }
}

#[tokio::test]
async fn a_right_that_is_taken_away_makes_data_unavailable() {
    for (statement, expected) in [
        ("REVOKE ALL ON profiles FROM app", Verdict::Undecided),
        ("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE", Verdict::Undecided),
        ("LOCK profiles", Verdict::Undecided),
        ("LOCK TABLE profiles IN ROW SHARE MODE", Verdict::Supported),
    ] {
        let mut w = World::proved(10_000, ALL);
        w.sql(500, "anna", None, statement, &[]);
        let answer = w.ask(MAP, &[ANNA]).await;
        assert_eq!(read(&answer), Vec::<String>::new(), "{statement}");
        let claim = answer.scope.claims.iter().find(|c| c.id == "effect:unavailable");
        assert_eq!(claim.map(|c| c.verdict), Some(expected), "{statement}");
    }
}
