//! Machines that the intruder was on.

use super::AWAY;
use crate::world::{Client, MAP, World};

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

/// Whose requests went through a gateway in the intruder's hands, it may have been: their records can be cut,
/// and their sessions read.
#[tokio::test]
async fn a_gateway_in_the_intruders_hands_excludes_nobody_who_went_through_it() {
    let mut w = World::proved(10_000, &["auth", "postgresql"]);
    w.prove("gate", 0, 10_000);
    w.attestations.iter_mut().for_each(|a| {
        a.host = (a.source == "gate").then(|| "gw-1".to_owned());
    });
    w.profile(1100, AWAY, "7");
    w.events.iter_mut().for_each(|e| {
        e.host = (e.source == "gate").then(|| "gw-1".to_owned());
    });
    w.sql(
        2000,
        "app",
        Some("cut"),
        "SELECT card FROM profiles WHERE user_id = $1",
        &["9"],
    );
    let answer = w.ask(MAP, &["host=gw-1"]).await;
    assert_eq!(answer.scope.subjects.possible, ["user:7", "user:9"]);
    let supported = |id: &str| {
        let claim = answer.scope.claims.iter().find(|c| c.id == id);
        claim.is_some_and(|c| c.verdict == ambit_scope::Verdict::Supported)
    };
    assert!(
        !supported("only_these_persons") && !supported("control_ended") && !supported("credentials_held")
    );
    let said = "no session, token or key lay on gw-1 but those that records of it name";
    assert!(answer.scope.assertions.iter().any(|a| a.text == said));
    // What its records named before is not read there later.
    w.get(3000, super::HOME, "/tracks/1", "200").host = Some("gw-1".into());
    w.events.last_mut().unwrap().actor_session = Some("other".into());
    let later = w.ask(MAP, &["host=gw-1,from=2014-05-13T17:18:20Z"]).await;
    assert_eq!(later.scope.subjects.possible, ["user:9"]);
}

/// Where logons are missing, a host that never gave any may have had one: what it wrote is doubted.
#[tokio::test]
async fn in_a_gap_of_logons_a_host_without_any_may_have_been_entered() {
    let world = |logons: &[(i64, i64)]| {
        let mut w = World::proved(10_000, &["auth", "postgresql"]);
        w.prove("gate", 0, 10_000);
        logons
            .iter()
            .for_each(|(from, until)| w.prove("sshd", *from, *until));
        w.attestations.iter_mut().for_each(|a| {
            a.host = match a.source.as_str() {
                "gate" => Some("gw-1".into()),
                "sshd" => Some("bastion".into()),
                _ => Some("db-1".into()),
            }
        });
        w.profile(1100, AWAY, "7");
        let desk = Client {
            ip: "198.51.100.3",
            device: "desk",
            ..AWAY
        };
        let ssh = w.login(1200, "mallory", desk);
        ssh.source = "sshd".into();
        ssh.actor_realm = Some("host".into());
        ssh.issued_session = None;
        w.events.iter_mut().for_each(|e| {
            let of_source = w.attestations.iter().find(|a| a.source == e.source);
            e.host = of_source.and_then(|a| a.host.clone());
        });
        w
    };
    let doubted = async |logons: &[(i64, i64)], seed: &str| {
        let answer = world(logons).ask(MAP, &["session=s", seed]).await;
        let doubted = answer.scope.gaps.iter().any(|g| g.source == "gate");
        let supposed = answer.scope.assertions.iter().any(|a| {
            a.text == "the intruder logged on to none of the hosts of which no logon is recorded: db-1, gw-1"
        });
        assert_eq!(supposed, !doubted && seed.starts_with("account=host/"));
        doubted
    };
    let (whole, holed) = ([(0, 10_000)], [(0, 3000), (4000, 10_000)]);
    assert!(!doubted(&whole, "account=host/mallory").await);
    assert!(doubted(&holed, "account=host/mallory").await);
    assert!(!doubted(&holed, "account=app/mallory").await, "it opens no host");
}
