//! What the map does not say, and what the lake does not hold: neither is taken for *nothing*.

use super::{ALL, AWAY, stolen};
use crate::world::{Client, MAP, World, at, read};
use ambit_event::{Event, Outcome};
use ambit_scope::{Answer, Verdict};

/// The map of most worlds with no word of how its store is reached.
fn without_channels() -> String {
    let (before, rest) = MAP.split_once("[[channel]]").unwrap();
    let (_, trust) = rest.split_once("[trust]").unwrap();
    format!("{before}[trust]{trust}")
}

fn supported(answer: &Answer) -> Vec<&str> {
    let claims = answer.scope.claims.iter();
    let held = claims.filter(|c| c.verdict == Verdict::Supported);
    held.map(|c| c.id.as_str()).collect()
}

fn assumes(answer: &Answer, text: &str) -> bool {
    answer.scope.assertions.iter().any(|a| a.text == text)
}

#[tokio::test]
async fn without_channels_a_named_access_is_exact_on_an_assumption() {
    let answer = stolen().ask(&without_channels(), &["session=s"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    let said = "no channel is declared for users: taken as reached only through gate and postgresql";
    assert!(assumes(&answer, said), "{:?}", answer.scope.assertions);
}

#[tokio::test]
async fn without_channels_a_gap_of_any_source_of_the_store_opens_it() {
    let mut w = stolen();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 1120);
    w.prove("gate", 1180, 10_000);
    let answer = w.ask(&without_channels(), &["session=s"]).await;
    assert_eq!(answer.scope.classes["payment"].at_most, Some(1000));
    assert!(answer.scope.gaps.iter().any(|g| g.source == "gate"));
    assert!(!supported(&answer).contains(&"class:payment:read"));
}

fn of_a_bastion() -> World {
    let mut w = World::proved(10_000, &["sshd"]);
    let ssh = w.login(200, "mallory", AWAY);
    ssh.source = "sshd".into();
    ssh.host = Some("bastion".into());
    ssh.actor_realm = Some("host".into());
    ssh.issued_session = None;
    w
}

#[tokio::test]
async fn where_no_source_of_the_store_is_collected_everyone_is_possible() {
    let of_gate = without_channels();
    let of_any = of_gate.replace("source = \"gate\"\n", "");
    for map in [of_gate, of_any] {
        let answer = of_bastion_ask(&map).await;
        assert_eq!(answer.scope.subjects.at_most, Some(1000));
        // The map knows of no internal store.
        assert_eq!(supported(&answer), ["internal"]);
        let gap = answer
            .scope
            .gaps
            .iter()
            .find(|g| g.because.contains("was collected"));
        assert!(gap.is_some(), "{:?}", answer.scope.gaps);
    }
}

async fn of_bastion_ask(map: &str) -> Answer {
    of_a_bastion().ask(map, &["account=host/mallory"]).await
}

/// A channel into one store says nothing of another: what is unmapped may have reached that.
#[tokio::test]
async fn a_store_without_a_channel_is_not_out_of_reach() {
    let files = "[[store]]\nname = \"files\"\nkind = \"s3\"\nsubject = \"user\"\nclasses = [\"content\"]\n";
    let map = MAP.replace("[trust]", &format!("{files}\n[trust]"));
    let mut w = stolen();
    w.get(1150, AWAY, "/admin/reports/q1", "200");
    let answer = w.ask(&map, &["session=s"]).await;
    assert_eq!(answer.scope.classes["content"].at_most, Some(1000));
}

#[tokio::test]
async fn a_seed_that_no_record_names_supports_nothing() {
    let id = "event=0123456789abcdef0123456789abcdef";
    for seed in [
        "session=typo",
        "ip=192.0.2.250",
        "account=db/7",
        id,
        "session=s,until=1999-01-01T00:00:00Z",
    ] {
        let answer = stolen().ask(MAP, &[seed]).await;
        let scope = &answer.scope;
        assert_eq!(
            (scope.subjects.at_least, scope.subjects.at_most),
            (0, None),
            "{seed}"
        );
        assert!(scope.classes.values().all(|b| b.at_most.is_none()), "{seed}");
        assert_eq!(scope.records.at_most, None, "{seed}");
        assert_eq!(supported(&answer), Vec::<&str>::new(), "{seed}");
        assert!(
            scope.unanswered[0].starts_with("no record names "),
            "{seed}: {:?}",
            scope.unanswered
        );
    }
    for seed in ["session=s", "account=app/7", "ip=::ffff:203.0.113.7"] {
        let answer = stolen().ask(MAP, &[seed]).await;
        assert_eq!(answer.scope.unanswered, Vec::<String>::new(), "{seed}");
    }
}

#[tokio::test]
async fn of_several_seeds_those_that_no_record_names_are_told() {
    let answer = stolen().ask(MAP, &["session=s", "ip=192.0.2.250"]).await;
    assert_eq!(read(&answer), ["contact 1..1", "identity 1..1"]);
    let told = answer
        .scope
        .assertions
        .iter()
        .filter(|a| a.contradicted_by.is_some());
    let told: Vec<&str> = told.map(|a| a.text.as_str()).collect();
    assert_eq!(told, ["the intruder held ip=192.0.2.250 (possible)"]);
}

#[tokio::test]
async fn a_method_alone_reaches_nobody_and_excludes_nobody() {
    let answer = stolen()
        .ask(MAP, &["route=GET /search", "app_version=4.19"])
        .await;
    assert_eq!(answer.scope.subjects.at_most, None);
    assert_eq!(supported(&answer), Vec::<&str>::new());
    assert!(answer.scope.unanswered[0].starts_with("nothing is traced from "));
    assert!(answer.scope.exposed.iter().all(|e| e.n.at_most.is_none()));
}

#[tokio::test]
async fn an_empty_lake_is_no_evidence() {
    let answer = World::default().ask(MAP, &["session=s"]).await;
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (0, None)
    );
    assert_eq!(supported(&answer), Vec::<&str>::new());
    assert_eq!(
        answer.scope.unanswered,
        ["there is no evidence: the lake holds no event"]
    );
}

#[tokio::test]
async fn a_map_without_stores_is_no_map() {
    for map in [
        "",
        "[trust]\ntrace = [\"gate\"]\n",
        "[[subject]]\nname = \"user\"\n",
    ] {
        let answer = stolen().ask(map, &["session=s"]).await;
        assert_eq!(answer.scope.subjects.at_most, None);
        assert!(!answer.scope.mapped);
        assert_eq!(supported(&answer), Vec::<&str>::new());
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
                .unmapped
                .iter()
                .all(|u| u.why == "the data map names no store")
        );
    }
}

fn verdict(answer: &Answer, id: &str) -> Verdict {
    answer.scope.claims.iter().find(|c| c.id == id).unwrap().verdict
}

/// Sessions that are possibly the intruder's open as much as those that surely are.
#[tokio::test]
async fn access_has_not_ended_while_a_possible_credential_opens() {
    let mut w = World::proved(10_000, ALL);
    w.login(1000, "7", AWAY);
    w.get(1100, AWAY, "/tracks/1", "200");
    let answer = w.ask(MAP, &["ip=203.0.113.7"]).await;
    assert_eq!(verdict(&answer, "control_ended"), Verdict::Undecided);
    assert_eq!(answer.scope.timeline.control_until, None);
    assert_eq!(verdict(&answer, "credentials_held"), Verdict::Undecided);
    let timeline = &answer.scope.timeline;
    assert_eq!((timeline.first_activity, timeline.last_activity), (None, None));
    let seen = (timeline.first_possible, timeline.last_possible);
    assert_eq!(seen, (Some(crate::world::at(1000)), Some(crate::world::at(1100))));
}

#[tokio::test]
async fn access_has_ended_where_every_source_that_accepted_it_denies_it() {
    let answer = stolen().ask(MAP, &["session=s"]).await;
    assert_eq!(verdict(&answer, "control_ended"), Verdict::Supported);
    assert!(answer.scope.timeline.control_until.is_some());
}

/// An account that was used from the intruder's address is a credential in its hands, session or not.
#[tokio::test]
async fn an_account_used_from_the_seeded_address_may_be_held() {
    let mut w = World::proved(10_000, ALL);
    let away = Client { session: "", ..AWAY };
    let request = w.get(1100, away, "/tracks/1", "200");
    request.actor_session = None;
    request.actor_user = Some("7".into());
    let answer = w.ask(MAP, &["ip=203.0.113.7"]).await;
    assert_eq!(verdict(&answer, "credentials_held"), Verdict::Undecided);
}

#[tokio::test]
async fn an_open_end_is_null_and_no_date() {
    let answer = stolen().ask(MAP, &["session=s", "ip=203.0.113.7"]).await;
    let text = serde_json::to_string(&answer.scope).unwrap();
    assert!(
        !text.contains("1677-09-21") && !text.contains("2262-04-11"),
        "{text}"
    );
    assert!(text.contains("\"from\":null"));
    let again: ambit_scope::Scope = serde_json::from_str(&text).unwrap();
    assert_eq!(again, answer.scope);
}

#[tokio::test]
async fn completeness_of_a_source_that_is_not_there_cannot_be_asserted() {
    let lake = stolen().lake().await;
    let (map, _) = ambit_scope::DataMap::parse(MAP, "map.toml");
    let asserted = async |text: &str| {
        let request = ambit_scope::Request {
            seeds: vec![ambit_scope::Seed::parse("session=s").unwrap()],
            map: map.as_ref(),
            coverage_assertions: vec![ambit_lake::Assertion::parse(text).unwrap()],
            config: ambit_scope::Config::standard(),
            shown: None,
        };
        ambit_scope::scope(&lake, &request)
            .await
            .map_err(|e| e.to_string())
    };
    assert!(asserted("coverage:gate:one disk").await.is_ok());
    let refused = asserted("coverage:gete:one disk").await.unwrap_err();
    assert!(
        refused.contains("gete") && refused.contains("auth, gate, postgresql"),
        "{refused}"
    );
}

/// A database that logs no statements tells by its silence of nothing.
#[tokio::test]
async fn where_no_statement_is_logged_everyone_is_possible() {
    let world = |logs_statements: bool| {
        let mut w = World::proved(10_000, ALL);
        let mut logon = Event::new("postgresql", at(500));
        logon.class = Some("authentication".into());
        logon.outcome = Outcome::Success;
        (logon.actor_realm, logon.actor_user) = (Some("db".into()), Some("anna".into()));
        w.push(logon);
        if logs_statements {
            w.sql(100, "anna", None, "SELECT 1", &[]);
        }
        w
    };
    let ask = async |w: World| read(&w.ask(MAP, &["account=db/anna"]).await);
    assert_eq!(ask(world(true)).await, Vec::<String>::new());
    assert_eq!(ask(world(false)).await.len(), 4, "each class of everyone");
}

/// `log_min_duration_statement = 200` logs none of the statements that were fast, `log_statement = mod` none that read.
#[tokio::test]
async fn where_slow_statements_or_changes_alone_are_logged_everyone_is_possible() {
    const SLOW: i64 = 250_000_000;
    let changed = "UPDATE profiles SET name = 'x' WHERE user_id = 7";
    let logged = [
        // The time stands in the record of the statement, or in one of its own behind it.
        ("SELECT 1", Some((500_000, 500_000)), true),
        ("SELECT 1", Some((SLOW, 1)), true),
        ("SELECT 1", Some((SLOW, SLOW)), false),
        (changed, None, false),
    ];
    for (statement, took, is_whole) in logged {
        let mut w = stolen();
        w.events.retain(|e| e.source != "postgresql" || e.trace.is_some());
        w.says_all = true;
        for event in w.events.iter_mut().filter(|e| e.source == "postgresql") {
            (event.duration, event.precision) = (Some(SLOW), SLOW);
        }
        w.get(1150, AWAY, "/admin/reports/q1", "200");
        let other = w.sql(3000, "app", Some("other"), statement, &[]);
        if let Some((took, precision)) = took {
            (other.duration, other.precision) = (Some(took), precision);
        }
        let answer = w.ask(MAP, &["session=s"]).await;
        let expected = if is_whole { 2 } else { 4 };
        assert_eq!(
            read(&answer).len(),
            expected,
            "{statement} {took:?}: {:?}",
            read(&answer)
        );
    }
}
