//! The traps of SCOPE.md §9, each with its exact bounds.

use crate::world::{Client, MAP, World, at, read};
use ambit_event::Outcome;
use ambit_scope::DataMap;

const HOME: Client = Client {
    session: "s",
    ip: "192.0.2.1",
    device: "phone",
};
const AWAY: Client = Client {
    session: "s",
    ip: "203.0.113.7",
    device: "laptop",
};
const ALL: &[&str] = &["gate", "auth", "postgresql"];

/// User 7 has a history at home, logs in, and keeps working while the intruder reads from elsewhere.
fn stolen() -> World {
    let mut w = World::proved(10_000, ALL);
    w.login(
        10,
        "7",
        Client {
            session: "old",
            ..HOME
        },
    );
    w.get(
        20,
        Client {
            session: "old",
            ..HOME
        },
        "/tracks/1",
        "200",
    );
    w.login(1000, "7", HOME);
    w.get(1010, HOME, "/tracks/2", "200");
    w.profile(1100, AWAY, "7");
    w.get(1200, HOME, "/tracks/3", "200");
    w.get(1300, HOME, "/tracks/4", "401");
    w
}

#[tokio::test]
async fn owner_keeps_working_in_the_stolen_session() {
    let answer = stolen().ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    assert_eq!(answer.scope.subjects.confirmed, ["user:7"]);
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (1, Some(1))
    );
}

#[tokio::test]
async fn owner_moves_to_mobile_data() {
    let mut w = World::proved(10_000, ALL);
    w.login(
        10,
        "7",
        Client {
            session: "old",
            ..HOME
        },
    );
    w.login(1000, "7", HOME);
    // The same phone at another address: nothing shows that it is somebody else.
    w.profile(
        1100,
        Client {
            ip: "198.51.100.4",
            ..HOME
        },
        "7",
    );
    w.get(1200, HOME, "/tracks/3", "200");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 0..1", "identity 0..1"]);
}

#[tokio::test]
async fn without_the_owner_at_work_the_new_side_is_probable() {
    let mut w = World::proved(10_000, ALL);
    w.login(
        10,
        "7",
        Client {
            session: "old",
            ..HOME
        },
    );
    w.login(1000, "7", HOME);
    w.profile(1100, AWAY, "8");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 0..1", "identity 0..1"]);
    assert_eq!(answer.scope.subjects.probable, ["user:8"]);
    let asserted = w
        .ask(
            MAP,
            &["session=s,from=2014-05-13T17:11:30Z,exclusive,reason=\"handed over by the owner\""],
        )
        .await;
    assert_eq!(read(&asserted), ["contact 1..1", "identity 1..1"]);
}

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
async fn two_intruders_are_two_scopes() {
    let mut w = stolen();
    let other = Client {
        session: "z",
        ip: "198.51.100.200",
        device: "desk",
    };
    w.login(3000, "20", other);
    w.profile(3100, other, "21");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (1, Some(1))
    );
}

#[tokio::test]
async fn session_fixation_the_owner_logs_in_to_the_intruders_session() {
    let mut w = World::proved(10_000, ALL);
    w.login(
        10,
        "7",
        Client {
            session: "old",
            ..HOME
        },
    );
    w.get(
        20,
        Client {
            session: "old",
            ..HOME
        },
        "/tracks/1",
        "200",
    );
    // The intruder's session, into which the owner then logs in from home.
    w.get(900, AWAY, "/tracks/9", "200");
    w.login(1000, "7", HOME);
    w.get(1010, HOME, "/tracks/2", "200");
    w.profile(1100, AWAY, "7");
    w.get(1200, HOME, "/tracks/3", "200");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
}

#[tokio::test]
async fn a_newcomer_behind_the_same_carrier_address_is_possible_and_no_more() {
    let mut w = stolen();
    let newcomer = Client {
        session: "n",
        ip: AWAY.ip,
        device: "new phone",
    };
    w.login(2000, "30", newcomer);
    w.profile(2010, newcomer, "30");
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..2", "identity 1..2"]);
    assert_eq!(answer.scope.subjects.possible, ["user:30"]);
}

#[tokio::test]
async fn a_token_that_refreshes_itself_is_followed() {
    let mut w = stolen();
    w.get(1150, AWAY, "/tracks/9", "200").issued_session = Some("s2".into());
    w.profile(
        1250,
        Client {
            session: "s2",
            ..AWAY
        },
        "12",
    );
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 2..2", "identity 2..2"]);
}

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

/// A database session that a role opened from an address.
fn session_from(w: &mut World, secs: i64, role: &str, address: &str, user: &str) {
    let sql = "SELECT name FROM profiles WHERE user_id = $1";
    let event = w.sql(secs, role, None, sql, &[user]);
    event.connection = Some(format!("c-{role}-{secs}"));
    event.src_ip = Some(address.into());
}

/// Who was on the bastion may have used each session that comes from there since, and none from elsewhere.
#[tokio::test]
async fn from_a_declared_host_the_sessions_of_its_addresses_are_possible() {
    let mut w = World::proved(10_000, &["gate", "auth", "postgresql", "sshd"]);
    let logons = w.attestations.iter_mut().filter(|a| a.source == "sshd");
    logons.for_each(|a| a.host = Some("bastion".into()));
    session_from(&mut w, 100, "anna", "10.0.0.5", "1");
    let ssh = w.login(200, "mallory", AWAY);
    ssh.source = "sshd".into();
    ssh.host = Some("bastion".into());
    ssh.actor_realm = Some("host".into());
    ssh.issued_session = None;
    session_from(&mut w, 300, "anna", "10.0.0.5", "2");
    session_from(&mut w, 400, "reporting", "10.0.0.20", "3");
    let reached = async |map: &str| {
        let answer = w.ask(map, &["account=host/mallory"]).await;
        let seen = |user: &&str| answer.scope.subjects.possible.contains(&format!("user:{user}"));
        ["1", "2", "3"].into_iter().filter(seen).collect::<Vec<_>>()
    };
    let host = |name: &str, more: &str| format!("{MAP}\n[[host]]\nname = \"{name}\"\n{more}\n");
    let there = "addresses = [\"10.0.0.5\"]";
    assert_eq!(reached(&host("bastion", there)).await, ["2"]);
    let other_name = host("hop-7", &format!("{there}\nalso = [\"bastion\"]"));
    assert_eq!(reached(&other_name).await, ["2"]);
    // Nobody says where its connections come from: they may come from anywhere.
    assert_eq!(reached(&host("bastion", "")).await, ["2", "3"]);
    assert_eq!(reached(MAP).await, ["2", "3"]);
    let answer = w.ask(&host("bastion", there), &["account=host/mallory"]).await;
    let said = "connections of bastion come from no other address than 10.0.0.5";
    assert!(answer.scope.assertions.iter().any(|a| a.text == said));
    let hop = answer.scope.trace.iter().find(|h| h.rule == "from_host").unwrap();
    assert_eq!(hop.from.as_ref().unwrap().to_string(), "host=bastion");
    // Where logons are missing, an earlier one may be.
    w.attestations.retain(|a| a.source != "sshd");
    w.prove("sshd", 0, 50);
    w.prove("sshd", 150, 10_000);
    w.attestations.iter_mut().for_each(|a| {
        a.host = (a.source == "sshd").then(|| "bastion".to_owned());
    });
    let answer = w.ask(&host("bastion", there), &["account=host/mallory"]).await;
    assert_eq!(answer.scope.subjects.possible, ["user:1", "user:2"]);
}

/// Logs of the host that the intruder was on may be cut, whatever name it has in them.
#[tokio::test]
async fn logs_of_the_intruders_host_are_doubted_under_each_of_its_names() {
    let mut w = World::proved(10_000, &["gate", "auth", "sshd"]);
    w.prove("postgresql", 0, 10_000);
    let ssh = w.login(200, "mallory", AWAY);
    ssh.source = "sshd".into();
    ssh.host = Some("db-1".into());
    ssh.actor_realm = Some("host".into());
    w.sql(300, "anna", None, "SELECT 1", &[]);
    let doubted = async |w: &World, map: &str| {
        let answer = w.ask(map, &["account=host/mallory"]).await;
        answer.scope.gaps.iter().any(|g| g.source == "postgresql")
    };
    let on = |host: &str, name: &str| {
        let also = format!("also = [\"{name}\"]\naddresses = [\"10.0.0.9\"]\nsources = [\"postgresql\"]");
        format!("{MAP}\n[[host]]\nname = \"{host}\"\n{also}\n")
    };
    assert!(doubted(&w, MAP).await, "nobody says where it is written");
    assert!(doubted(&w, &on("db-1", "pg")).await);
    assert!(
        !doubted(&w, &on("store-9", "pg")).await,
        "it is written elsewhere"
    );
    for event in w.events.iter_mut().filter(|e| e.source == "postgresql") {
        event.host = Some("pg".into());
    }
    w.attestations.iter_mut().for_each(|a| {
        a.host = (a.source == "postgresql").then(|| "pg".to_owned());
    });
    assert!(doubted(&w, &on("db-1", "pg")).await, "another name of it");
    assert!(!doubted(&w, MAP).await);
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

/// What only a session's owner can be asked for names the person, though nobody traced that session.
#[tokio::test]
async fn a_request_for_ones_own_data_names_the_owner_of_the_session() {
    let map = MAP.replace(
        "[[operation]]\nname = \"play\"",
        "[[operation]]\nname = \"me\"\nsource = \"gate\"\nmatch = \"GET /me\"\nstore = \"users\"\nsubjects = \"session.account\"\nclasses = [\"contact\"]\nparameters = {}\n\n[[operation]]\nname = \"play\"",
    );
    let mut w = stolen();
    let other = Client {
        session: "o",
        ip: "192.0.2.50",
        device: "tablet",
    };
    w.login(50, "40", other);
    w.get(1150, AWAY, "/search?q=x'%20UNION%20SELECT%20sid", "200");
    let dump = "SELECT name FROM profiles WHERE name = 'x' UNION SELECT sid FROM sessions";
    w.sql(1150, "app", Some("t1150"), dump, &[]);
    w.get(1500, other, "/me", "200");
    let answer = w.ask(&map, &["session=s"]).await;
    let contact = &answer.scope.classes["contact"];
    assert_eq!((contact.at_least, contact.at_most), (1, Some(2)), "{contact:?}");
}

const ANNA: &str = "account=db/anna,exclusive,reason=\"her laptop was stolen\"";

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
            .filter(|e| e.source != "gate" || e.time < crate::world::at(1250)),
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
async fn a_batch_job_that_reads_everybody_is_not_the_intruder() {
    let mut w = stolen();
    w.sql(1150, "reporting", None, "SELECT email, card FROM profiles", &[])
        .record_count = Some(1000);
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
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
async fn an_address_that_others_used_before_is_not_exclusive() {
    let mut w = World::proved(10_000, ALL);
    let there = Client {
        session: "q",
        ip: "203.0.113.9",
        device: "desk",
    };
    w.login(10, "70", there);
    w.profile(20, there, "70");
    w.profile(5000, there, "70");
    let seed = "ip=203.0.113.9,exclusive,from=2014-05-13T17:00:00Z,reason=\"a server we saw\"";
    let answer = w.ask(MAP, &[seed]).await;
    assert_eq!(read(&answer), ["contact 0..1", "identity 0..1"]);
    assert!(
        answer
            .scope
            .assertions
            .iter()
            .any(|a| a.contradicted_by.is_some()),
        "{:?}",
        answer.scope.assertions
    );
}

#[tokio::test]
async fn two_keys_that_nobody_called_distinct_may_be_one_person() {
    let mut w = stolen();
    w.profile(1110, AWAY, "8");
    let answer = w.ask(&MAP.replace("distinct = true\n", ""), &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..2", "identity 1..2"]);
}

#[tokio::test]
async fn without_a_map_everything_is_traced_and_nothing_is_excluded() {
    let w = stolen();
    let lake = w.lake().await;
    let request = ambit_scope::Request {
        seeds: vec![ambit_scope::Seed::parse("session=s").unwrap()],
        map: None,
        coverage_assertions: Vec::new(),
        config: ambit_scope::Config::standard(),
        shown: None,
    };
    let answer = ambit_scope::scope(&lake, &request).await.unwrap();
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (0, None)
    );
    assert!(
        answer
            .scope
            .unmapped
            .iter()
            .any(|u| u.operation.contains("profile"))
    );
    assert!(
        answer
            .scope
            .claims
            .iter()
            .all(|c| !c.text.contains("person") || c.verdict == ambit_scope::Verdict::Undecided)
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
async fn an_access_in_a_gap_that_withholds_its_statement_is_not_passed_over() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 1400);
    w.prove("gate", 2000, 10_000);
    w.sql(1500, "app", None, "SELECT", &[]).query_text = None;
    let answer = w.ask(MAP, &["session=s"]).await;
    assert_eq!(answer.scope.classes["payment"].at_most, Some(1000));
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

#[tokio::test]
async fn what_the_budget_cuts_is_everyone_and_no_claim_rests_on_it() {
    let w = stolen();
    let (map, _) = ambit_scope::DataMap::parse(MAP, "map.toml");
    let map = map.unwrap();
    let request = ambit_scope::Request {
        seeds: vec![ambit_scope::Seed::parse("session=s").unwrap()],
        map: Some(&map),
        coverage_assertions: Vec::new(),
        config: ambit_scope::Config {
            max_events: 2,
            ..ambit_scope::Config::standard()
        },
        shown: None,
    };
    let answer = ambit_scope::scope(&w.lake().await, &request).await.unwrap();
    assert_eq!(answer.scope.subjects.at_most, Some(1000));
    let supported = answer
        .scope
        .claims
        .iter()
        .filter(|c| c.verdict == ambit_scope::Verdict::Supported);
    let none: Vec<&str> = Vec::new();
    assert_eq!(supported.map(|c| c.id.as_str()).collect::<Vec<_>>(), none);
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
