//! Sessions and addresses that the intruder shares with others.

use super::{ALL, AWAY, HOME, stolen};
use crate::world::{Client, MAP, World, read};

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

/// Whoever uses it nowhere but where it was opened may have opened it himself, and do more from there.
#[tokio::test]
async fn where_a_held_session_was_opened_may_be_the_intruders_place() {
    let mut w = World::proved(10_000, ALL);
    w.login(1000, "7", AWAY);
    w.profile(1010, AWAY, "7");
    let other = Client { session: "o", ..AWAY };
    w.profile(1100, other, "8");
    let seed = format!("session={}", AWAY.session);
    let answer = w.ask(MAP, &[&seed]).await;
    assert_eq!(read(&answer), ["contact 0..2", "identity 0..2"]);
    // Used elsewhere too, its opening counts as the owner's.
    w.profile(
        1020,
        Client {
            ip: "192.0.2.200",
            device: "else",
            ..AWAY
        },
        "7",
    );
    let answer = w.ask(MAP, &[&seed]).await;
    assert_eq!(read(&answer), ["contact 0..1", "identity 0..1"]);
}
