//! Who a record names: an account through another one, or nobody at all.

use crate::world::{World, at, read};
use ambit_event::{Event, Outcome};
use ambit_scope::Answer;

const SOURCE: &str = "gcp_audit";
const SEED: &str = "account=google/alice@example.com";
const MAP: &str = r#"
[[subject]]
name = "user"
population = 40
keys = "[0-9]+"

[[store]]
name = "media"
kind = "gcs"
subject = "user"
classes = ["contact"]

[[operation]]
name = "read a profile"
source = "gcp_audit"
api = "storage:storage.objects.get"
resource = "buckets/media/objects/users/{user}/profile.json"
store = "media"
subjects = "path.user"
classes = ["contact"]
max_records = 1

[[operation]]
name = "make a key"
source = "gcp_audit"
api = "iam:*"
store = "media"
subjects = "none"

[[channel]]
store = "media"
name = "accounts"
principal = "account"
attributing = "gcp_audit"
accounting = "gcp_audit"
"#;

fn call(secs: i64, operation: &str, object: &str) -> Event {
    let mut event = Event::new(SOURCE, at(secs));
    event.class = Some("api_activity".into());
    event.operation = Some(operation.into());
    event.resource = Some(object.into());
    event.outcome = Outcome::Success;
    event.actor_realm = Some("google".into());
    event
}

fn profile(secs: i64, user: u32) -> Event {
    let object = format!("buckets/media/objects/users/{user}/profile.json");
    call(secs, "storage:storage.objects.get", &object)
}

fn by(mut event: Event, account: &str, address: &str) -> Event {
    event.actor_user = Some(account.into());
    event.src_ip = Some(address.into());
    event
}

/// Alice makes a key for herself; a service reads profiles all the time.
fn world() -> World {
    let mut w = World::proved(10_000, &[SOURCE]);
    let own = call(100, "iam:CreateRole", "projects/p/roles/r");
    w.push(by(own, "alice@example.com", "203.0.113.9"));
    for n in 0..20 {
        w.push(by(profile(n * 100, n as u32 + 10), "batch@p", "10.0.0.1"));
    }
    w
}

async fn ask(w: &World) -> Answer {
    w.ask(MAP, &[SEED]).await
}

#[tokio::test]
async fn who_acts_through_another_account_acts_too() {
    let mut w = world();
    let mut event = by(profile(1500, 7), "batch@p", "198.51.100.77");
    w.push(event.clone());
    assert_eq!(read(&ask(&w).await), Vec::<String>::new(), "another's");

    let mut w = world();
    event.actor_invoker = Some("alice@example.com".into());
    w.push(event);
    let answer = ask(&w).await;
    assert_eq!(read(&answer), ["contact 0..1"]);
    assert_eq!(answer.scope.subjects.possible, ["user:7"]);
}

#[tokio::test]
async fn a_record_that_names_nobody_excludes_nobody() {
    let mut w = world();
    w.push(profile(1500, 9));
    let mut denied = profile(1600, 8);
    denied.outcome = Outcome::Denied;
    w.push(denied);
    let mut from_elsewhere = profile(1700, 6);
    from_elsewhere.src_ip = Some("192.0.2.4".into());
    w.push(from_elsewhere);
    let answer = ask(&w).await;
    assert_eq!(read(&answer), ["contact 0..1"]);
    assert_eq!(answer.scope.subjects.possible, ["user:9"]);
}

#[tokio::test]
async fn what_nobody_handed_out_may_be_the_intruders() {
    let mut w = world();
    let mut made = call(
        1500,
        "iam:CreateServiceAccountKey",
        "projects/p/serviceAccounts/batch",
    );
    made.issued_credential = Some("key-1".into());
    w.push(made);
    let mut with_key = by(profile(2000, 5), "batch@p", "192.0.2.4");
    with_key.actor_credential = Some("key-1".into());
    w.push(with_key);
    let answer = ask(&w).await;
    assert_eq!(read(&answer), ["contact 0..1"]);
    assert_eq!(answer.scope.subjects.possible, ["user:5"]);
}

#[tokio::test]
async fn what_nobody_did_before_the_intruder_came_is_not_his() {
    let mut w = world();
    w.push(profile(500, 9));
    let own = call(1100, "iam:CreateRole", "projects/p/roles/r");
    w.push(by(own, "alice@example.com", "203.0.113.9"));
    let answer = w.ask(MAP, &[&format!("{SEED},from={}", at(1000))]).await;
    assert_eq!(read(&answer), Vec::<String>::new());
}
