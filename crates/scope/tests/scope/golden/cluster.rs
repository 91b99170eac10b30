//! Secrets of a Kubernetes cluster: what was read, and what it opens.

use crate::world::{World, at, read};
use ambit_event::{Event, EventId, Outcome};
use ambit_scope::{Answer, Verdict};

const MAP: &str = include_str!("../../../../../docs/maps/cluster.toml");
const SOURCE: &str = "kubernetes_audit";

fn call(secs: i64, user: &str, operation: &str, object: &str) -> Event {
    let mut event = Event::new(SOURCE, at(secs));
    event.precision = 4_001_000;
    event.class = Some("api_activity".into());
    event.activity = operation.split(' ').next().map(str::to_owned);
    event.operation = Some(operation.into());
    event.resource = Some(object.into());
    event.outcome = Outcome::Success;
    event.status_code = Some("200".into());
    event.actor_user = Some(user.into());
    event.actor_realm = Some("kubernetes".into());
    event.src_ip = Some(format!("10.0.0.{}", user.len()));
    event.user_agent = Some(format!("kubectl of {user}"));
    event.trace = Some(format!("{secs}-{user}"));
    event
}

fn deployer(secs: i64, operation: &str, object: &str) -> Event {
    call(secs, "system:serviceaccount:shop:deployer", operation, object)
}

/// Statements of two database accounts, before the secrets were read and after.
fn statements(w: &mut World) {
    for (secs, role, customer) in [
        (500, "shop", "1"),
        (2000, "shop", "2"),
        (600, "report", "3"),
        (2100, "report", "4"),
    ] {
        let text = "SELECT address FROM orders WHERE customer_id = $1";
        let statement = w.sql(secs, role, None, text, &[customer]);
        statement.connection = Some(format!("c-{role}-{secs}"));
    }
}

fn world() -> World {
    let mut w = World::proved(10_000, &[SOURCE, "postgresql"]);
    for n in 0..100 {
        let object = "namespaces/kube-system/secrets/tls";
        w.push(call(
            n * 100,
            "system:kube-controller-manager",
            "get secrets",
            object,
        ));
    }
    w.push(deployer(1000, "list pods", "namespaces/shop/pods"));
    statements(&mut w);
    w
}

async fn ask(w: &World) -> Answer {
    let seed =
        "account=kubernetes/system:serviceaccount:shop:deployer,exclusive,reason=\"its pod was taken over\"";
    w.ask(MAP, &[seed]).await
}

fn internal(answer: &Answer) -> Vec<String> {
    let show = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let read = answer.scope.internal.iter().filter(|i| i.effect == "read");
    read.map(|i| format!("{} {} {}", i.object, i.grade, show(i.records.at_most)))
        .collect()
}

#[tokio::test]
async fn a_secret_opens_what_the_map_says_from_then_on() {
    let mut w = world();
    w.push(deployer(1500, "get secrets", "namespaces/shop/secrets/db"));
    let answer = ask(&w).await;
    assert_eq!(internal(&answer), ["namespaces/shop/secrets/db certain 1"]);
    assert_eq!(read(&answer), ["contact 0..1"]);
    assert_eq!(answer.scope.subjects.possible, ["customer:2"]);
}

#[tokio::test]
async fn a_secret_that_nobody_described_may_open_any_account() {
    let mut w = world();
    w.push(deployer(1500, "get secrets", "namespaces/shop/secrets/other"));
    let answer = ask(&w).await;
    // The account of the controller among them, which goes on reading its own secret.
    let both = [
        "namespaces/kube-system/secrets/tls possible 85",
        "namespaces/shop/secrets/other certain 1",
    ];
    assert_eq!(internal(&answer), both);
    assert_eq!(answer.scope.subjects.possible, ["customer:2", "customer:4"]);
}

#[tokio::test]
async fn a_list_reaches_as_many_secrets_as_its_record_counts() {
    let listed = |n: Option<i64>| {
        let mut w = world();
        let mut list = deployer(1500, "list secrets", "namespaces/shop/secrets");
        list.record_count = n;
        w.push(list);
        w
    };
    let first = async |w: World| internal(&ask(&w).await).pop().unwrap();
    assert_eq!(
        first(listed(Some(12))).await,
        "namespaces/shop/secrets certain 12"
    );
    assert_eq!(first(listed(None)).await, "namespaces/shop/secrets certain ?");
}

#[tokio::test]
async fn a_denied_list_opens_nothing() {
    let mut w = world();
    let mut list = deployer(1500, "list secrets", "namespaces/shop/secrets");
    list.outcome = Outcome::Denied;
    list.status_code = Some("403".into());
    let id: EventId = w.push(list);
    let answer = ask(&w).await;
    assert!(internal(&answer).is_empty(), "{:?}", internal(&answer));
    assert_eq!(answer.scope.subjects.at_most, Some(0));
    assert!(answer.scope.attempts.iter().any(|a| a.event == id));
}

/// A command in a container may read whatever is mounted there.
#[tokio::test]
async fn a_call_that_the_map_does_not_know_may_read_any_secret() {
    let mut w = world();
    w.push(deployer(
        1500,
        "create pods/exec",
        "namespaces/shop/pods/api-1/exec",
    ));
    let answer = ask(&w).await;
    assert_eq!(internal(&answer)[0], "* certain ?");
    assert_eq!(answer.scope.subjects.possible, ["customer:2", "customer:4"]);
}

/// No person's credentials lie in secrets, and "no credential data was read" would be false all the same.
#[tokio::test]
async fn a_class_that_company_data_holds_is_not_excluded_by_counting_persons() {
    let verdict = |answer: &Answer| {
        let claim = answer
            .scope
            .claims
            .iter()
            .find(|c| c.id == "class:credential:read");
        claim.map(|c| c.verdict)
    };
    let mut w = world();
    assert_eq!(verdict(&ask(&w).await), Some(Verdict::Supported));
    w.push(deployer(1500, "get secrets", "namespaces/shop/secrets/other"));
    assert_eq!(verdict(&ask(&w).await), Some(Verdict::Contradicted));
}
