//! Operations on objects: which one a record is by its object's name and by what it says, and how much it reached.

use super::check;
use crate::map::{DataMap, Severity};
use ambit_event::{Event, Outcome, Timestamp};

const MAP: &str = r#"
[[subject]]
name = "user"
keys = "[0-9]+"
persons_per_key = 2

[[store]]
name = "media"
subject = "user"
classes = ["content"]
[[store]]
name = "vault"
internal = true
classes = ["credential"]
holds = ["token"]

[[operation]]
name = "any file"
api = "get"
resource = "media/{file...}"
store = "media"
subjects = "everyone"
population = 30
classes = ["content"]
[[operation]]
name = "file of a user"
api = "get"
resource = "media/users/{user}/{file}"
store = "media"
subjects = "path.user"
classes = ["content"]
records = "parameters"
[[operation]]
name = "deleted file of a user"
api = "get"
resource = "media/users/{user}/{file}"
when = { activity = "Trash*", "field.tier" = "cold" }
store = "media"
subjects = "none"
[[operation]]
name = "named"
api = "named"
store = "media"
subjects = "parameters"
classes = ["content"]
records = "record_count"
[[operation]]
name = "told"
api = "told"
store = "media"
subjects = "subject_refs"
classes = ["content"]
[[operation]]
name = "secret"
api = "secret"
store = "vault"
subjects = "everyone"
classes = ["credential"]
[[operation]]
name = "known secret"
api = "secret"
resource = "vault/db"
store = "vault"
subjects = "everyone"
classes = ["credential"]
opens = ["account=db/app"]

[[channel]]
store = "media"
name = "api"
principal = "token"
attributing = "api"
accounting = "api"
[[channel]]
store = "vault"
name = "api"
principal = "token"
attributing = "api"
accounting = "api"
"#;

fn call(operation: &str, object: &str) -> Event {
    let mut event = Event::new("api", Timestamp::from_secs(100));
    event.class = Some("api_activity".into());
    event.operation = Some(operation.into());
    event.resource = Some(object.into()).filter(|o: &String| !o.is_empty());
    event.outcome = Outcome::Success;
    event
}

fn with(mut event: Event, change: impl FnOnce(&mut Event)) -> Event {
    change(&mut event);
    event
}

fn parsed() -> DataMap {
    let (map, diagnostics) = DataMap::parse(MAP, "map.toml");
    assert_eq!(diagnostics, []);
    map.unwrap()
}

#[test]
fn an_object_is_of_the_most_special_operation_that_fits() {
    let unknown = "unmapped done | read content all | changed content all | destroyed content all | unavailable content all \
                   | read internal vault:* | changed internal vault:* | destroyed internal vault:* \
                   | unavailable internal vault:* | opens account=db/app | reveals token";
    let trashed = |tier: Option<&str>| {
        with(call("get", "media/users/7/a"), |e| {
            e.activity = Some("Trashed".into());
            if let Some(tier) = tier {
                e.fields.insert("tier".into(), tier.into());
            }
        })
    };
    let cases = [
        ("media/users/7/a.jpg", "named done | read content 7!"),
        (
            "media/users/7/b/c.jpg",
            "whole done | read content <=30 of `any file`",
        ),
        ("media/users/bob/a.jpg", "whole done | read content all"),
        ("media/users/7/..", unknown),
        ("media/users/7/\u{7}", unknown),
        ("media/", unknown),
        ("other/x", unknown),
        ("", unknown),
    ];
    let cases = cases.map(|(object, expected)| (object.to_owned(), call("get", object), expected));
    check(&parsed(), cases);
    check(
        &parsed(),
        [
            ("trashed".to_owned(), trashed(Some("cold")), "nothing done"),
            (
                "warm".to_owned(),
                trashed(Some("warm")),
                "named done | read content 7!",
            ),
            (
                "nothing said".to_owned(),
                trashed(None),
                "named done | read content 7!",
            ),
        ],
    );
}

#[test]
fn records_are_named_or_counted_and_persons_with_them() {
    let named = |parameters: &[&str], count: Option<i64>| {
        with(call("named", ""), |e| {
            e.parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
            e.record_count = count;
        })
    };
    let told = |refs: &[&str]| {
        with(call("told", ""), |e| {
            e.subject_refs = refs.iter().map(|r| (*r).to_owned()).collect();
        })
    };
    let cases = [
        (
            "all are told",
            named(&["1", "2"], Some(2)),
            "named done | read content 1+2!",
        ),
        (
            "some may not exist",
            named(&["1", "2"], None),
            "named done | read content 1+2",
        ),
        (
            "one is no key",
            named(&["1", "x"], Some(2)),
            "counted done | read content <=4",
        ),
        (
            "none is named",
            named(&[], Some(3)),
            "counted done | read content <=6",
        ),
        (
            "nothing is told",
            named(&[], None),
            "whole done | read content all",
        ),
        ("told", told(&["1", "2"]), "named done | read content 1+2!"),
        (
            "one by another name",
            told(&["1", "urn:x"]),
            "named done | read content 1! | read content <=2",
        ),
        ("nobody told", told(&[]), "whole done | read content all"),
    ];
    check(
        &parsed(),
        cases.map(|(what, event, expected)| (what.to_owned(), event, expected)),
    );
}

#[test]
fn what_is_read_reveals_what_the_map_names_or_all_that_lies_there() {
    let cases = [
        (
            "vault/db",
            "named done | read internal vault:vault/db | opens account=db/app",
        ),
        (
            "vault/x",
            "named done | read internal vault:vault/x | reveals token",
        ),
    ];
    check(
        &parsed(),
        cases.map(|(object, expected)| (object.to_owned(), call("secret", object), expected)),
    );
    let unsaid = MAP.replace("holds = [\"token\"]\n", "");
    let (map, diagnostics) = DataMap::parse(&unsaid, "map.toml");
    let codes: Vec<_> = diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["no-holds"]);
    let reach = map
        .unwrap()
        .reach(&call("secret", "vault/x"), &crate::map::ReachContext::default());
    assert_eq!(reach.reveals.len(), 4, "of every kind: {:?}", reach.reveals);
}

#[test]
fn the_maps_of_the_documentation_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/maps");
    let mut n = 0;
    for file in std::fs::read_dir(root).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (map, diagnostics) = DataMap::parse(&text, &path.display().to_string());
        let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert!(map.is_some() && shown.is_empty(), "{}", shown.join("\n"));
        n += 1;
    }
    assert!(n >= 4);
}

#[test]
fn mistakes_about_objects_are_said() {
    let operation = |line: &str| {
        format!(
            "[[store]]\nname = \"s\"\ninternal = true\n[[operation]]\nname = \"x\"\nstore = \"s\"\nsubjects = \"none\"\n{line}"
        )
    };
    for (line, expected) in [
        ("match = \"GET /x\"\nresource = \"x\"", "bad-resource"),
        ("api = \"x\"\nresource = \"\"", "bad-resource"),
        ("api = \"x\"\nresource = \"a/{x...}/b\"", "bad-resource"),
        ("api = \"x\"\nresource = \"{x}/{x}\"", "bad-resource"),
        ("api = \"x\"\nwhen = { activty = \"y\" }", "bad-when"),
        ("api = \"x\"\nwhen = { \"field.\" = \"y\" }", "bad-when"),
        ("api = \"x\"\nrecords = \"path.x\"", "unknown-name"),
        ("api = \"x\"\nopens = [\"ip=192.0.2.1\"]", "bad-opens"),
        ("api = \"x\"\nopens = \"account=a\"", "wrong-type"),
        ("api = \"x\"\npopulation = -1", "wrong-type"),
        ("api = \"x\"\nwhen = { activity = 1 }", "wrong-type"),
    ] {
        let (_, diagnostics) = DataMap::parse(&operation(line), "map.toml");
        let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let codes: Vec<_> = errors.map(|d| d.code).collect();
        assert_eq!(codes, [expected], "{line}");
    }
    let path =
        "[[store]]\nname = \"s\"\ninternal = true\n[[operation]]\nname = \"x\"\nstore = \"s\"\napi = \"x\"\n";
    for (rest, expected) in [
        ("subjects = \"path.user\"", "bad-subjects"),
        ("resource = \"u/{id}\"\nsubjects = \"path.user\"", "unknown-name"),
    ] {
        let (_, diagnostics) = DataMap::parse(&format!("{path}{rest}"), "map.toml");
        assert_eq!(diagnostics.iter().map(|d| d.code).collect::<Vec<_>>(), [expected]);
    }
}
