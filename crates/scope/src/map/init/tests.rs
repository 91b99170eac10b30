//! A proposal is a map, and fits what it was made from.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use crate::map::{DataMap, Severity};
use ambit_event::{Event, Outcome, Timestamp};

fn request(operation: &str, path: &str, query: Option<&str>, trace: &str) -> Event {
    let mut event = Event::new("nginx_access", Timestamp::from_secs(1));
    event.class = Some("http_activity".into());
    event.activity = operation.split(' ').next().map(str::to_owned);
    event.operation = Some(operation.into());
    event.resource = Some(path.into());
    event.query_text = query.map(str::to_owned);
    event.trace = Some(trace.into());
    event.bytes_out = Some(512);
    event.outcome = Outcome::Success;
    event
}

fn statement(text: &str, role: &str, trace: Option<&str>) -> Event {
    let mut event = Event::new("postgresql", Timestamp::from_secs(1));
    event.class = Some("datastore_activity".into());
    event.query_text = Some(text.into());
    event.actor_user = Some(role.into());
    event.trace = trace.map(str::to_owned);
    event.outcome = Outcome::Success;
    event
}

fn logon(host: &str) -> Event {
    let mut event = Event::new("sshd", Timestamp(0));
    event.class = Some("authentication".into());
    event.activity = Some("Logon".into());
    event.host = Some(host.into());
    event
}

fn events() -> Vec<Event> {
    vec![
        request(
            "GET /v1/users/{id}/orders/{id}",
            "/v1/users/5/orders/77",
            Some("fields=a,b"),
            "t1",
        ),
        request(
            "GET /v1/users/{id}/orders/{id}",
            "/v1/users/6/orders/78",
            None,
            "t2",
        ),
        request("GET /v1/search", "/v1/search", Some("q=x%27y"), "t3"),
        request("DELETE /{id}", "/9", None, "t4"),
        request("GET \u{1b}[31m\"]\n[[x]]/{", "/{", None, "t5"),
        statement(
            "SELECT order_id, total, user_id FROM orders WHERE user_id = $1",
            "app",
            Some("t1"),
        ),
        statement(
            "SELECT sid, user_id FROM sessions WHERE sid = $1",
            "app",
            Some("t2"),
        ),
        statement("SELECT email FROM users WHERE id = 5", "alice", None),
        statement("SELECT relname FROM pg_class", "alice", None),
        statement("UPDATE \"we\"\"ird\" SET \"col \\ x\" = 1", "alice", None),
        logon("bastion-1"),
    ]
}

#[test]
fn a_proposal_is_a_map_that_fits_what_it_was_made_from() {
    let events = events();
    let text = DataMap::propose(&events);
    let (map, diagnostics) = DataMap::parse(&text, "proposal");
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{text}\n{errors:?}");
    let map = map.unwrap();
    let reach = map.reach(&events[0], &crate::map::ReachContext::default());
    assert_eq!(
        reach.operation.as_deref(),
        Some("GET /v1/users/{user_id}/orders/{order_id}")
    );
    assert_eq!(reach.basis, crate::map::Basis::Named);
    for expected in [
        "subjects = \"path.user_id\"",
        "subject_key = \"user_id\"",
        "subject_key = \"id\"",
        "holds = { \"sid\" = \"session\" }",
        "\"email\" = \"contact\"",
        "roles = [\"alice\"]",
        "keys = \"[0-9]+\"",
        "effect = \"destroyed\"",
        "[[host]]\nname = \"bastion-1\"",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert!(!text.contains("pg_class"));
}

#[test]
fn an_empty_log_gives_a_map_too() {
    let (map, _) = DataMap::parse(&DataMap::propose(&[]), "proposal");
    assert!(map.is_some());
}

/// Every store of a proposal is led into, whatever sources there are.
#[test]
fn a_proposal_says_how_each_store_is_reached() {
    let of = |kinds: &[&str]| -> Vec<Event> {
        let kept = events()
            .into_iter()
            .filter(|e| kinds.contains(&e.source.as_str()));
        kept.map(|mut e| {
            e.actor_credential = (e.source == "nginx_access").then(|| "fp".to_owned());
            e
        })
        .collect()
    };
    for (kinds, expected) in [
        (
            &["nginx_access"][..],
            &["session nginx_access", "token nginx_access"][..],
        ),
        (&["postgresql"], &["connection postgresql"]),
        (
            &["nginx_access", "postgresql"],
            &[
                "session nginx_access",
                "token nginx_access",
                "connection postgresql",
            ],
        ),
    ] {
        let text = DataMap::propose(&of(kinds));
        let (map, diagnostics) = DataMap::parse(&text, "proposal");
        let codes: Vec<_> = diagnostics.iter().map(|d| d.code).collect();
        assert!(!codes.contains(&"no-channel"), "{text}");
        let ways = map.unwrap().channels;
        let ways: Vec<String> = ways
            .iter()
            .map(|c| format!("{} {}", c.principal.name(), c.attributing))
            .collect();
        assert_eq!(ways, expected, "{text}");
    }
}

#[test]
fn nothing_in_a_proposal_turns_or_hides_the_text_around_it() {
    let hidden = "GET /a\u{202e}b\u{200b}c\u{e0041}d";
    let text = DataMap::propose(&[request(hidden, "/a", Some("\u{2066}q=1"), "t")]);
    assert!(text.contains("/a\\u202Eb\\u200Bc\\U000E0041d"), "{text}");
    assert!(
        !text.contains(['\u{202e}', '\u{200b}', '\u{2066}', '\u{e0041}']),
        "{text}"
    );
    let (map, _) = DataMap::parse(&text, "proposal");
    assert!(map.unwrap().operations.iter().any(|o| o.name.contains("/a")));
}

#[test]
fn who_makes_up_routes_does_not_bury_the_others() {
    let made_up = (0..1500).map(|n| request(&format!("GET /x{n}"), "/x", None, "t"));
    let mut events: Vec<Event> = made_up.collect();
    events.extend((0..3).map(|_| request("GET /v1/users/{id}", "/v1/users/5", None, "t")));
    let text = DataMap::propose(&events);
    assert_eq!(text.matches("\n[[operation]]").count(), 200);
    assert!(text.contains("match = \"GET /v1/users/{user_id}\""));
    assert!(
        text.contains("# 1301 more kinds of operation of \"nginx_access\" are not proposed, seen once each"),
        "{text}"
    );
}
