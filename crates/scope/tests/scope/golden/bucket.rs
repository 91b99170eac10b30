//! A bucket in S3, read with a role that a leaked key assumed.

use crate::world::{Client, MAP as GATEWAY, World, at, read};
use ambit_event::{Event, Outcome};
use ambit_scope::Answer;

const MAP: &str = include_str!("../../../../../docs/maps/bucket.toml");
const SOURCE: &str = "aws_cloudtrail";
const HOME: &str = "192.0.2.1";
const AWAY: &str = "203.0.113.7";

fn call(secs: i64, key: &str, from: &str, operation: &str) -> Event {
    let mut event = Event::new(SOURCE, at(secs));
    event.precision = 1_000_000_000;
    event.class = Some("api_activity".into());
    event.activity = operation.split(':').nth(1).map(str::to_owned);
    event.operation = Some(operation.into());
    event.outcome = Outcome::Success;
    event.actor_user = Some("arn:aws:iam::111122223333:user/deploy".into());
    event.actor_realm = Some("111122223333".into());
    event.actor_credential = Some(key.into());
    event.src_ip = Some(from.into());
    event.user_agent = Some(format!("aws-cli/2.15.0 at {from}"));
    event.trace = Some(format!("{key}-{secs}"));
    event
}

/// A call in the session of the role.
fn by_role(secs: i64, operation: &str, object: &str) -> Event {
    let mut event = call(secs, "ASIAROLE", AWAY, operation);
    event.actor_user = Some("arn:aws:sts::111122223333:assumed-role/reader/backup".into());
    event.actor_session = Some("AROAEXAMPLEREADER:backup 2014-05-13T17:08:20Z".into());
    event.resource = Some(object.into());
    event.bytes_out = Some(812);
    event
}

fn get(secs: i64, object: &str) -> Event {
    by_role(secs, "s3:GetObject", object)
}

/// The key of a deployment leaked, which goes on at home; elsewhere it assumes a role, which reads two profiles. The
/// website reads profiles all the while.
fn leaked() -> World {
    let mut w = World::proved(10_000, &[SOURCE]);
    w.push(call(10, "AKIAOLD", HOME, "sts:GetCallerIdentity"));
    for secs in [900, 3000] {
        w.push(call(secs, "AKIALEAKED", HOME, "sts:GetCallerIdentity"));
    }
    let mut assumed = call(1500, "AKIALEAKED", AWAY, "sts:AssumeRole");
    assumed.resource = Some("arn:aws:iam::111122223333:role/reader".into());
    assumed.issued_credential = Some("ASIAROLE".into());
    w.push(assumed);
    w.push(by_role(1510, "s3:ListObjects", "s3://media"));
    w.push(get(1520, "s3://media/users/7/profile.json"));
    w.push(get(1530, "s3://media/users/8/profile.json"));
    w.push(get(1540, "s3://website/logo.svg"));
    for n in 0..100 {
        let mut web = call(n * 100, "ASIAWEB", "10.0.0.9", "s3:GetObject");
        web.actor_user = Some("arn:aws:sts::111122223333:assumed-role/web/i-1".into());
        web.resource = Some(format!("s3://media/users/{n}/profile.json"));
        w.push(web);
    }
    w
}

async fn ask(w: &World) -> Answer {
    w.ask(MAP, &["token=AKIALEAKED"]).await
}

#[tokio::test]
async fn an_assumed_role_reads_the_objects_that_it_names() {
    let answer = ask(&leaked()).await;
    assert_eq!(read(&answer), ["contact 2..2", "identity 2..2"]);
    assert_eq!(answer.scope.subjects.confirmed, ["user:7", "user:8"]);
}

#[tokio::test]
async fn what_was_denied_is_an_attempt() {
    let mut w = leaked();
    let mut denied = get(1550, "s3://media/users/9/profile.json");
    denied.outcome = Outcome::Denied;
    denied.status_code = Some("AccessDenied".into());
    denied.bytes_out = None;
    w.push(denied);
    let answer = ask(&w).await;
    assert_eq!(read(&answer), ["contact 2..2", "identity 2..2"]);
    assert_eq!(answer.scope.attempts.len(), 1);
}

/// However often: the persons in it are the same.
#[tokio::test]
async fn a_part_of_a_bucket_holds_so_many_persons() {
    let mut w = leaked();
    for secs in [1550, 1560, 1570] {
        w.push(get(secs, "s3://media/newsletter/2014-05.csv"));
    }
    assert_eq!(read(&ask(&w).await), ["contact 2..5002", "identity 2..2"]);
}

#[tokio::test]
async fn an_object_that_fits_no_pattern_may_be_anybodys() {
    for object in [
        "s3://media/dumps/all.tar",
        "s3://media/users/../users/profile.json",
    ] {
        let mut w = leaked();
        w.push(get(1550, object));
        let everyone = ["contact 2..40000", "content 0..40000", "identity 2..40000"];
        assert_eq!(read(&ask(&w).await), everyone, "{object}");
    }
    let mut w = leaked();
    w.push(get(1550, "s3://media/users/x7/profile.json"));
    let answer = ask(&w).await;
    // No key of a person, and still one profile.
    assert_eq!(read(&answer), ["contact 2..3", "identity 2..3"]);
}

/// A trail of management events alone is complete, and holds no read.
#[tokio::test]
async fn without_data_events_anything_may_have_been_read() {
    let everyone = ["contact 0..40000", "content 0..40000", "identity 0..40000"];
    let mut w = leaked();
    w.events
        .retain(|e| e.operation.as_deref() != Some("s3:GetObject"));
    assert_eq!(read(&ask(&w).await), everyone);
    // They were switched on when the incident was noticed.
    let mut late = leaked();
    late.events
        .retain(|e| e.operation.as_deref() != Some("s3:GetObject") || e.time >= at(5000));
    assert_eq!(read(&ask(&late).await), everyone);
}

/// The address leads back to the key, and not to what its owner did with it before.
#[tokio::test]
async fn a_key_was_not_held_before_the_instant_that_is_asserted() {
    let mut w = leaked();
    let mut earlier = call(800, "AKIALEAKED", HOME, "s3:GetObject");
    earlier.resource = Some("s3://media/users/9/profile.json".into());
    w.push(earlier);
    let address = "ip=203.0.113.7,exclusive,reason=\"a rented server\"";
    let open = w.ask(MAP, &["token=AKIALEAKED", address]).await;
    assert_eq!(read(&open), ["contact 2..3", "identity 2..3"]);
    let since = w
        .ask(MAP, &["token=AKIALEAKED,from=2014-05-13T17:13:20Z", address])
        .await;
    assert_eq!(read(&since), ["contact 2..2", "identity 2..2"]);
}

/// Profiles behind a gateway, and exports in a bucket that keys lead into.
fn with_a_gateway() -> String {
    let bucket = r#"
[[store]]
name = "exports"
kind = "s3"
subject = "user"
classes = ["content"]

[[operation]]
name = "fetch an export"
source = "aws_cloudtrail"
api = "s3:GetObject"
resource = "s3://exports/{user_id}.zip"
store = "exports"
subjects = "path.user_id"
classes = ["content"]
effect = "read"

[[operation]]
name = "sessions of roles"
source = "aws_cloudtrail"
api = "sts:*"
store = "exports"
subjects = "none"

[[channel]]
store = "exports"
name = "keys"
principal = "token"
attributing = "aws_cloudtrail"
accounting = "aws_cloudtrail"
pooled = false
"#;
    format!("{GATEWAY}{bucket}")
}

/// A session is stolen, and the gateway's log has a gap, in which the machine of a job gets the keys of its role and
/// fetches an export.
fn job_in_a_gap() -> World {
    let mut w = World::proved(10_000, &[SOURCE, "postgresql"]);
    w.prove("gate", 0, 1400);
    w.prove("gate", 2000, 10_000);
    let thief = Client {
        session: "s",
        ip: AWAY,
        device: "phone",
    };
    w.profile(1200, thief, "7");
    let mut issued = call(1500, "AKIANOBODY", HOME, "sts:AssumeRole");
    issued.actor_user = None;
    issued.actor_realm = None;
    issued.actor_credential = None;
    issued.src_ip = None;
    issued.user_agent = Some("ec2.amazonaws.com".into());
    issued.issued_credential = Some("ASIAROLE".into());
    w.push(issued);
    let mut fetched = get(1600, "s3://exports/9.zip");
    fetched.src_ip = Some("10.0.0.9".into());
    w.push(fetched);
    w
}

/// What a cloud's trail hands out goes to whom it names: not to who sent a request that the gateway's log misses,
/// unless the map says that it hands out for others.
#[tokio::test]
async fn keys_that_the_trail_hands_out_in_a_gap_of_the_gateway_are_not_the_intruders() {
    let map = with_a_gateway();
    let seed = ["session=s,exclusive,reason=\"its owner had no device\""];
    let answer = job_in_a_gap().ask(&map, &seed).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    let ground = "what aws_cloudtrail handed out while gate has a gap went to whom aws_cloudtrail names";
    assert!(answer.scope.assertions.iter().any(|a| a.text.starts_with(ground)));

    let issuer = "\n[[issuer]]\nsource = \"aws_cloudtrail\"\nissues = \"token\"\n";
    let answer = job_in_a_gap().ask(&format!("{map}{issuer}"), &seed).await;
    assert_eq!(read(&answer), ["contact 1..1", "content 0..1", "identity 1..1"]);
    assert!(!answer.scope.assertions.iter().any(|a| a.text.starts_with(ground)));
}
