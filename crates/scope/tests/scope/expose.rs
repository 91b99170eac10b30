//! A release joined with the logs: worlds written by hand, whose numbers are known.

use crate::world::{Client, MAP, World};
use ambit_event::Event;
use ambit_scope::DataMap;
use ambit_scope::expose::{
    Address, Asked, Exposure, Fit, Key, Looked, Origin, Release, Releases, Standing, expose,
};

const SOURCES: &[&str] = &["gate", "auth", "postgresql"];

fn client(session: &'static str, ip: &'static str, device: &'static str) -> Client {
    Client { session, ip, device }
}

/// A request whose client names its version.
fn told<'w>(world: &'w mut World, secs: i64, who: Client, path: &str, version: &str) -> &'w mut Event {
    let event = world.get(secs, who, path, "200");
    event.app_version = Some(version.into());
    event.app_platform = Some("android".into());
    event.operation = Some(template(path));
    event
}

/// The path with its numbers taken out, as sources write operations.
fn template(path: &str) -> String {
    let segments: Vec<&str> = path
        .split('/')
        .map(|part| if part.parse::<u32>().is_ok() { "{id}" } else { part })
        .collect();
    format!("GET {}", segments.join("/"))
}

fn address(text: &str, host: Option<&str>, path: &str) -> Address {
    Address {
        text: text.into(),
        host: host.map(str::to_owned),
        path: path.into(),
        inside: None,
        place: "classes.dex".into(),
    }
}

fn release() -> Release {
    Release {
        package: "example.shop".into(),
        platform: "android".into(),
        version_name: Some("1.7".into()),
        version_code: Some(17),
        addresses: vec![
            address(
                "https://api.shop.example/users/",
                Some("api.shop.example"),
                "/users/",
            ),
            address("users/{id}/card", None, "users/{id}/card"),
            address("/never/asked", None, "/never/asked"),
            Address {
                inside: Some("a name that only resolves inside".into()),
                ..address(
                    "http://admin.shop.internal/staff/list",
                    Some("admin.shop.internal"),
                    "/staff/list",
                )
            },
        ],
        keys: vec![
            Key {
                kind: "the header x-api-key".into(),
                value: Some("k3y-of-the-app-1".into()),
                is_public: false,
                place: "Api.open".into(),
            },
            Key {
                kind: "private key".into(),
                value: None,
                is_public: false,
                place: "assets/key.pem".into(),
            },
        ],
    }
}

/// Two sessions of 1.7, one of 1.8, one of 1.6; everything proved.
fn shop() -> World {
    let mut w = World::proved(10_000, SOURCES);
    for (n, session, user, version) in [
        (0, "s1", "1", "1.7"),
        (1, "s2", "2", "1.7"),
        (2, "s3", "3", "1.8"),
        (3, "s4", "4", "1.6"),
    ] {
        let ip = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"][n];
        let device = ["d1", "d2", "d3", "d4"][n];
        let who = client(session, ip, device);
        let begin = 100 + n as i64 * 100;
        w.login(begin, user, who);
        told(
            &mut w,
            begin + 10,
            who,
            &format!("/users/{user}/profile"),
            version,
        );
        told(&mut w, begin + 20, who, "/tracks/5", version);
    }
    w
}

async fn ask(world: &World, releases: Releases) -> Exposure {
    let (map, _) = DataMap::parse(MAP, "map.toml");
    let release = release();
    let asked = Asked {
        release: &release,
        releases,
        map: map.as_ref(),
    };
    expose(&world.lake().await, &asked).await.unwrap()
}

fn range(bounds: &Option<ambit_scope::Bounds>) -> (u64, Option<u64>) {
    let bounds = bounds.as_ref().unwrap();
    (bounds.at_least, bounds.at_most)
}

#[tokio::test]
async fn where_every_record_names_a_version_both_ends_meet() {
    let answer = ask(&shop(), Releases::This).await;
    assert_eq!(answer.counted, ["1.7"]);
    for bounds in [&answer.accounts, &answer.sessions, &answer.devices] {
        assert_eq!(range(bounds), (2, Some(2)), "{bounds:?}");
    }
    let standings: Vec<_> = answer
        .versions
        .iter()
        .map(|v| (v.version.as_str(), v.standing))
        .collect();
    assert_eq!(
        standings,
        [
            ("1.6", Standing::Older),
            ("1.7", Standing::This),
            ("1.8", Standing::Newer)
        ]
    );
    let older = ask(&shop(), Releases::AndOlder).await;
    assert_eq!(range(&older.accounts), (3, Some(3)));
}

#[tokio::test]
async fn what_names_no_version_widens_and_other_platforms_do_not() {
    let mut w = shop();
    // A session without version, a request without version and session, an iPhone, and a newer app's silent request.
    w.login(700, "5", client("s5", "203.0.113.5", "d5"));
    w.get(710, client("s5", "203.0.113.5", "d5"), "/users/5/profile", "200");
    let bare = w.get(720, client("", "203.0.113.6", "d6"), "/tracks/1", "200");
    (bare.actor_session, bare.device) = (None, None);
    w.get(730, client("s6", "203.0.113.7", "d7"), "/tracks/1", "200")
        .user_agent = Some("Shop (iPhone; iOS 7)".into());
    w.get(740, client("s3", "203.0.113.3", "d3"), "/tracks/9", "200");
    let answer = ask(&w, Releases::This).await;
    assert_eq!(range(&answer.sessions), (2, Some(4)));
    assert_eq!(range(&answer.accounts), (2, Some(4)));
    // One device whose records name no version, and one request that names no device.
    assert_eq!(range(&answer.devices), (2, Some(4)));
    let ios = told(&mut w, 750, client("s8", "203.0.113.8", "d8"), "/tracks/1", "1.7");
    ios.app_platform = Some("ios".into());
    assert_eq!(range(&ask(&w, Releases::This).await.sessions), (2, Some(4)));
}

#[tokio::test]
async fn a_gap_leaves_no_upper_end_and_says_so() {
    let mut w = shop();
    w.attestations.retain(|a| a.source != "gate");
    w.prove("gate", 0, 5_000);
    let answer = ask(&w, Releases::This).await;
    assert_eq!(range(&answer.sessions), (2, None));
    let gate = answer.coverage.iter().find(|s| s.source == "gate").unwrap();
    assert_eq!(gate.n_missing, None);
    assert!(!gate.because.is_empty());
}

#[tokio::test]
async fn paths_of_the_package_meet_routes_and_the_classes_behind_them() {
    let mut w = shop();
    told(
        &mut w,
        800,
        client("s1", "203.0.113.1", "d1"),
        "/users/1/card",
        "1.7",
    );
    let stranger = w.get(810, client("s9", "198.51.100.9", "d9"), "/users/2/card", "200");
    stranger.operation = Some(template("/users/2/card"));
    let answer = ask(&w, Releases::This).await;
    let card = answer
        .routes
        .iter()
        .find(|r| r.operation == "GET /users/{id}/card")
        .unwrap();
    assert_eq!(card.fit, Fit::Whole);
    assert_eq!(
        (card.n_requests.at_least, card.n_counted, card.n_foreign),
        (2, 1, 1)
    );
    assert_eq!(card.classes.iter().collect::<Vec<_>>(), ["payment"]);
    let profile = answer
        .routes
        .iter()
        .find(|r| r.operation == "GET /users/{id}/profile")
        .unwrap();
    assert_eq!(profile.fit, Fit::Beginning);
    assert_eq!(
        (profile.n_requests.at_least, profile.n_counted, profile.n_foreign),
        (4, 2, 0)
    );
    assert!(!answer.routes.iter().any(|r| r.operation.contains("tracks")));
    assert!(answer.unused.contains(&"/never/asked".to_owned()));
}

#[tokio::test]
async fn a_key_that_is_used_from_elsewhere_is_found_and_proposed_as_a_seed() {
    let mut w = shop();
    let key = Some("k3y-of-the-app-1".to_owned());
    told(
        &mut w,
        800,
        client("s1", "203.0.113.1", "d1"),
        "/users/1/profile",
        "1.7",
    )
    .actor_credential = key.clone();
    for secs in [900, 910] {
        let thief = w.get(secs, client("", "198.51.100.9", ""), "/users/2/profile", "200");
        thief.actor_credential = key.clone();
        thief.user_agent = Some("curl/7.1".into());
        (thief.actor_session, thief.device) = (None, None);
    }
    let answer = ask(&w, Releases::This).await;
    let key = &answer.keys[0];
    assert_eq!((key.n_records.as_ref().unwrap().at_least, key.n_by_app), (3, 1));
    assert_eq!((key.n_foreign_addresses, key.n_foreign_clients), (1, 1));
    assert_eq!(
        (key.callers[0].origin, key.callers[0].n_records),
        (Origin::Foreign, 2)
    );
    assert!(key.fingerprint.as_ref().unwrap().starts_with("fp_"));
    assert_eq!(answer.keys[1].looked, Looked::Not);
    let seeds: Vec<&str> = answer.seeds.iter().map(|s| s.seed.as_str()).collect();
    // The app uses the key too: whoever holds it is not by that the intruder.
    assert_eq!(seeds, ["ip=198.51.100.9", "app_version=1.7"]);
    for seed in seeds {
        assert!(ambit_scope::Seed::parse(seed).is_ok(), "{seed}");
    }
    assert!(!serde_json::to_string(&answer).unwrap().contains("k3y-of-the-app"));
}

#[tokio::test]
async fn a_key_that_no_app_uses_is_a_seed_itself() {
    let mut w = shop();
    let thief = w.get(900, client("", "198.51.100.9", ""), "/users/2/profile", "200");
    thief.actor_credential = Some("k3y-of-the-app-1".into());
    let answer = ask(&w, Releases::This).await;
    assert!(
        answer.seeds[0].seed.starts_with("token=fp_") && answer.seeds[0].seed.ends_with(",grade=possible")
    );
}

#[tokio::test]
async fn an_address_of_the_inside_is_told_by_host_or_path_or_not_at_all() {
    let nothing = ask(&shop(), Releases::This).await;
    assert_eq!(nothing.inside[0].told_by, None);
    assert_eq!(nothing.inside[0].n_requests, None);
    let mut w = shop();
    for (secs, ip) in [(900, "10.0.0.4"), (910, "198.51.100.9")] {
        let staff = w.get(secs, client("x", ip, "y"), "/staff/list", "200");
        staff.operation = Some("GET /staff/list".into());
    }
    let by_path = ask(&w, Releases::This).await;
    let inside = &by_path.inside[0];
    assert!(inside.told_by.as_ref().unwrap().starts_with("the path alone"));
    assert_eq!(range(&inside.n_requests), (2, Some(2)));
    assert_eq!(range(&inside.n_from_outside), (1, Some(1)));
    assert!(by_path.seeds.iter().any(|s| s.seed == "ip=198.51.100.9"));
    let fields = |host: &str| {
        serde_json::json!({ "http_host": host })
            .as_object()
            .cloned()
            .unwrap()
            .into()
    };
    for event in w.events.iter_mut().filter(|e| e.source == "gate") {
        event.fields = fields("api.shop.example");
    }
    let by_host = ask(&w, Releases::This).await;
    assert_eq!(range(&by_host.inside[0].n_requests), (0, Some(0)));
}

#[tokio::test]
async fn logs_without_versions_answer_that_it_is_not_known() {
    let mut w = World::proved(10_000, SOURCES);
    w.get(100, client("s1", "203.0.113.1", "d1"), "/users/1/profile", "200");
    let answer = ask(&w, Releases::This).await;
    assert_eq!((&answer.accounts, &answer.sessions), (&None, &None));
    assert!(
        answer
            .unanswered
            .iter()
            .any(|why| why.contains("no record names an app's version"))
    );
    let empty = ask(&World::default(), Releases::This).await;
    assert!(
        empty
            .unanswered
            .iter()
            .any(|why| why.contains("no records of requests"))
    );
}

/// What is added to the logs never takes a session away.
#[tokio::test]
async fn more_records_never_lower_what_was_shown() {
    let mut w = shop();
    let before = range(&ask(&w, Releases::This).await.sessions).0;
    told(
        &mut w,
        990,
        client("s11", "203.0.113.11", "d11"),
        "/tracks/1",
        "1.7",
    );
    told(&mut w, 991, client("s1", "203.0.113.1", "d1"), "/tracks/1", "1.8");
    assert!(range(&ask(&w, Releases::This).await.sessions).0 >= before);
}

/// A second gateway that names no versions widens; a service behind the first one, by its trace ids, does not.
#[tokio::test]
async fn a_source_without_versions_widens_unless_it_repeats_what_another_records() {
    let mut w = shop();
    let again: Vec<Event> = w.events.iter().filter(|e| e.source == "gate").cloned().collect();
    for mut event in again {
        event.source = "service".into();
        (event.app_version, event.app_platform, event.user_agent) = (None, None, None);
        event.actor_session = None;
        w.push(event);
    }
    w.prove("service", 0, 10_000);
    assert_eq!(range(&ask(&w, Releases::This).await.sessions), (2, Some(2)));
    let mut other = Event::new("service", crate::world::at(950));
    other.class = Some("http_activity".into());
    w.push(other);
    assert_eq!(range(&ask(&w, Releases::This).await.sessions), (2, Some(11)));
}
