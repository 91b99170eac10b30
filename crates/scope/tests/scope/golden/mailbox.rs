//! Mail of Microsoft 365: messages that were opened, folders that were synchronized, auditing that was throttled.

use crate::world::{World, at, read};
use ambit_event::{Event, Loss, Outcome, Span};
use ambit_scope::Answer;

const MAP: &str = include_str!("../../../../../docs/maps/mailbox.toml");
const SOURCE: &str = "microsoft365_audit";

/// An address with the program used there.
type From = (&'static str, &'static str);
const HOME: From = ("192.0.2.1", "Client=OWA;Action=ViaProxy");
const AWAY: From = ("203.0.113.7", "Client=REST;Client=RESTSystem;");

fn record(secs: i64, session: &str, from: From, operation: &str) -> Event {
    let mut event = Event::new(SOURCE, at(secs));
    event.precision = 1_000_000_000;
    event.class = Some("api_activity".into());
    event.activity = Some(operation.into());
    event.operation = Some(operation.into());
    event.outcome = Outcome::Success;
    event.actor_user = Some("alice@music.example".into());
    event.actor_realm = Some("entra".into());
    event.actor_session = Some(session.into());
    event.src_ip = Some(from.0.into());
    event.user_agent = Some(from.1.into());
    event
}

fn login(w: &mut World, secs: i64, session: &str) {
    let mut event = record(secs, session, HOME, "UserLoggedIn");
    event.class = Some("authentication".into());
    event.activity = Some("Logon".into());
    event.issued_session = event.actor_session.take();
    w.push(event);
}

fn bind(secs: i64, mailbox: &str, ids: &[&str]) -> Event {
    let mut event = record(secs, "s", AWAY, "MailItemsAccessed");
    event.precision = 121_000_000_000;
    event.activity = Some("Bind".into());
    event.resource = Some(mailbox.into());
    event.query_text = Some("\\Inbox".into());
    event.parameters = ids.iter().map(|id| format!("<{id}@music.example>")).collect();
    event.record_count = i64::try_from(ids.len()).ok();
    event
}

fn sync(secs: i64, mailbox: &str, folder: &str) -> Event {
    let mut event = record(secs, "s", AWAY, "MailItemsAccessed");
    event.activity = Some("Sync".into());
    event.resource = Some(mailbox.into());
    event.query_text = Some(folder.into());
    event
}

/// Alice sends from home in a session in which the intruder opens three messages, one of them twice. Bob reads his
/// own mail all the while.
fn phished() -> World {
    let mut w = World::default();
    w.assert_complete(SOURCE);
    login(&mut w, 10, "old");
    w.push(record(20, "old", HOME, "Send"));
    login(&mut w, 1000, "s");
    for secs in [1010, 3000] {
        w.push(record(secs, "s", HOME, "Send"));
    }
    w.push(bind(1500, "hr@music.example", &["m1", "m2"]));
    w.push(bind(1700, "hr@music.example", &["m2", "m3"]));
    for n in 0..31 {
        let mut own = bind(n * 100, "bob@music.example", &["own"]);
        own.actor_user = Some("bob@music.example".into());
        own.actor_session = Some("bobs".into());
        own.src_ip = Some("192.0.2.99".into());
        own.user_agent = Some("Client=OWA;".into());
        w.push(own);
    }
    w
}

fn records(answer: &Answer) -> (u64, Option<u64>) {
    (answer.scope.records.at_least, answer.scope.records.at_most)
}

async fn ask(w: &World, map: &str) -> Answer {
    w.ask(map, &["session=s"]).await
}

#[tokio::test]
async fn messages_that_were_opened_are_named() {
    let answer = ask(&phished(), MAP).await;
    assert_eq!(read(&answer), ["communication 1..1"]);
    assert_eq!(answer.scope.subjects.confirmed, ["mailbox:hr@music.example"]);
    assert_eq!(records(&answer), (3, Some(3)));
    let shared = MAP.replace("persons_per_key = 1 ", "persons_per_key = 3 ");
    let answer = ask(&phished(), &shared).await;
    assert_eq!(read(&answer), ["communication 1..3"]);
}

/// Some items have no id, so that the record lists none.
#[tokio::test]
async fn messages_that_the_record_only_counts_are_counted() {
    let mut w = phished();
    let mut unnamed = bind(1800, "hr@music.example", &[]);
    unnamed.record_count = Some(4);
    w.push(unnamed);
    let answer = ask(&w, MAP).await;
    assert_eq!(read(&answer), ["communication 1..1"]);
    assert_eq!(records(&answer), (3, None), "a list that is empty tells nothing");
}

#[tokio::test]
async fn a_folder_that_was_synchronized_is_all_that_lay_in_it() {
    let with = async |mailbox: &str, folder: &str| {
        let mut w = phished();
        w.push(sync(1800, mailbox, folder));
        let answer = ask(&w, MAP).await;
        (read(&answer).join(", "), records(&answer))
    };
    let one = "communication 1..1".to_owned();
    assert_eq!(
        with("hr@music.example", "\\Inbox").await,
        (one.clone(), (3, Some(1203)))
    );
    assert_eq!(with("hr@music.example", "\\Payroll").await, (one, (3, None)));
    let two = "communication 2..2".to_owned();
    assert_eq!(with("cfo@music.example", "\\Inbox").await, (two, (3, None)));
}

#[tokio::test]
async fn while_auditing_is_throttled_any_mailbox_may_have_been_read() {
    let mut w = phished();
    w.asserted[0].span = Some(Span::new(at(0), at(1700)));
    w.assert_complete(SOURCE);
    w.asserted[1].span = Some(Span::new(at(2600), at(10_000)));
    w.losses.push(Loss {
        source: SOURCE.into(),
        host: None,
        span: Span::new(at(1700), at(2600)),
        at_most: None,
        why: "auditing of MailItemsAccessed was throttled".into(),
    });
    assert_eq!(read(&ask(&w, MAP).await), ["communication 1..120"]);
}

/// Without the licence nothing is recorded of what is read, however complete the log is.
#[tokio::test]
async fn reads_that_are_not_audited_at_all_may_have_been_any() {
    let mut w = phished();
    w.events
        .retain(|e| e.operation.as_deref() != Some("MailItemsAccessed"));
    let answer = ask(&w, MAP).await;
    assert_eq!(read(&answer), ["communication 0..120"]);
    let why = "no record of microsoft365_audit shows that it records `MailItemsAccessed` then";
    assert!(answer.scope.gaps.iter().any(|g| g.because == why));
}

/// An operation that the map does not know may have read any mailbox.
#[tokio::test]
async fn an_unknown_operation_reaches_every_mailbox() {
    let mut w = phished();
    w.push(record(1800, "s", AWAY, "New-InboxRule"));
    assert_eq!(read(&ask(&w, MAP).await), ["communication 1..120"]);
}
