//! What known states tell of statements, over small tables.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::state::instant;
use super::told::{Row, orders};
use super::{WriteRecords, Wrote, WroteRows};
use crate::map::{DataMap, ReachContext, Who};
use crate::statement::{ColumnKind, Order};
use ambit_event::{Event, Outcome, Span, Timestamp};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Reading CSV never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waited"),
    }
}

const ROWS: &str = "user_id,email,age,city,active,seen,valid_from,valid_until\n\
    1,ann@x.org,30,Rome,t,2014-05-01,2014-05-01T00:00:00Z,\n\
    2,bob@x.org,40,Oslo,f,2014-05-02,2014-05-01T00:00:00Z,\n\
    3,Cid@x.org,,Rome,t,2014-05-03,2014-05-01T00:00:00Z,2014-05-20T11:00:00Z\n\
    4,dan@y.org,50,,t,2014-05-04,2014-05-20 12:30:00+00,\n\
    5,eve@y.org,30,Paris,f,2014-05-05,2014-05-20T11:59:59Z,2014-05-20T12:00:00.5Z\n";

fn map(states: &str) -> DataMap {
    let text = format!(
        "[[subject]]\nname = \"user\"\n[[store]]\nname = \"db\"\n[[store.table]]\nname = \"p\"\nsubject_key = \"user_id\"\n\
         classes = {{ email = \"contact\" }}\n{states}\n[[store.table]]\nname = \"t\"\nclasses = {{ title = \"\" }}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), ROWS).unwrap();
    std::fs::write(
        folder.path().join("later.csv"),
        ROWS.replace("eve@y.org,30", "eve@y.org,31"),
    )
    .unwrap();
    let path = folder.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    let (map, _) = DataMap::load(&path).unwrap();
    // The states are read while the map is used.
    std::mem::forget(folder);
    map
}

const HISTORY: &str = "history = { file = \"rows.csv\", from = \"valid_from\", until = \"valid_until\" }";
const SNAPSHOTS: &str = "snapshot = [{ file = \"rows.csv\", at = \"2014-05-20T00:00:00Z\" }, { file = \"later.csv\", at = \"2014-05-21T00:00:00Z\" }]";

struct Writes(Option<Vec<Wrote>>);

impl WriteRecords for Writes {
    fn between(&self, _: &str, _: &str, _: Span) -> Option<Vec<Wrote>> {
        self.0.clone()
    }
}

fn keyed(keys: &[&str], columns: Option<&[&str]>) -> Wrote {
    let set = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
    Wrote {
        columns: columns.map(set),
        rows: WroteRows::Keys(set(keys)),
    }
}

fn unnamed(n: u64) -> Wrote {
    Wrote {
        columns: None,
        rows: WroteRows::AtMost(n),
    }
}

fn asked(
    map: &DataMap,
    text: &str,
    count: Option<i64>,
    parameters: &[&str],
    writes: Option<Vec<Wrote>>,
) -> String {
    let mut event = Event::new("postgresql", Timestamp::parse("2014-05-20T12:00:00Z").unwrap());
    event.precision = 1_000_000_000;
    event.class = Some("datastore_activity".into());
    event.outcome = Outcome::Success;
    event.query_text = Some(text.into());
    event.record_count = count;
    event.parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
    let reach = ready(map.replayed(map.reach(&event, &ReachContext::default()), &Writes(writes)));
    let touches: Vec<String> = reach
        .touches
        .iter()
        .map(|t| match &t.who {
            Who::Keys(keys) => format!(
                "{}{}",
                keys.iter().cloned().collect::<Vec<_>>().join("+"),
                if t.exact { "!" } else { "" }
            ),
            Who::AtMost(n) => format!("<={n}"),
            Who::Part { name, at_most } => format!("<={at_most} of {name}"),
            Who::Everyone => "all".to_owned(),
        })
        .collect();
    format!("{:?} {}", reach.basis, touches.join(" ")).to_lowercase()
}

#[test]
fn a_history_tells_whose_rows_matched() {
    let map = map(HISTORY);
    let cases: &[(&str, Option<i64>, &str)] = &[
        // 3 had gone before, 4 came after; 5 was there only part of the second.
        ("SELECT email FROM p", None, "replayed 1+2! 5"),
        ("SELECT email FROM p", Some(2), "replayed 1+2! 5"),
        ("SELECT email FROM p", Some(9), "whole all"),
        ("COPY p TO STDOUT", Some(0), "replayed 1+2! 5"),
        (
            "COPY (SELECT email FROM p WHERE age > 35) TO STDOUT",
            None,
            "replayed 2!",
        ),
        ("SELECT email FROM p WHERE city = 'Rome'", Some(1), "replayed 1!"),
        ("SELECT email FROM p WHERE city = 'rome'", None, "replayed 1"),
        (
            "SELECT email FROM p WHERE age >= 30 AND age < 40",
            None,
            "replayed 1! 5",
        ),
        ("SELECT email FROM p WHERE age = 30.0", None, "replayed 1! 5"),
        (
            "SELECT email FROM p WHERE age BETWEEN 31 AND 45",
            None,
            "replayed 2!",
        ),
        ("SELECT email FROM p WHERE NOT (age = 30)", None, "replayed 2!"),
        ("SELECT email FROM p WHERE email LIKE 'b%'", None, "replayed 2!"),
        ("SELECT email FROM p WHERE email ILIKE 'B%'", None, "replayed 2!"),
        ("SELECT email FROM p WHERE email LIKE 'B%'", None, "replayed 2"),
        (
            "SELECT email FROM p WHERE email LIKE '%@x.org' AND active",
            None,
            "replayed 1!",
        ),
        ("SELECT email FROM p WHERE active = true", None, "replayed 1!"),
        (
            "SELECT email FROM p WHERE seen > '2014-05-01'",
            None,
            "replayed 2! 5",
        ),
        ("SELECT email FROM p WHERE email > 'b'", None, "replayed 1+2+5"),
        ("SELECT email FROM p WHERE city IS NULL", None, "replayed "),
        (
            "SELECT email FROM p WHERE city IN ('Oslo', 'Rome')",
            None,
            "replayed 1+2!",
        ),
        ("SELECT email FROM p WHERE city = $1", None, "replayed 2!"),
        ("SELECT email FROM p WHERE city = $2", None, "replayed 1+2+5"),
        ("SELECT email FROM p WHERE city = ANY($3)", None, "replayed 1+2+5"),
        (
            "SELECT email FROM p WHERE length(city) = 4",
            None,
            "replayed 1+2+5",
        ),
        (
            "SELECT email FROM p x WHERE x.city = 'Oslo' OR x.age = 30",
            None,
            "replayed 1+2! 5",
        ),
        ("SELECT email FROM p WHERE ghost = 1", None, "replayed 1+2+5"),
        (
            "SELECT max(email) FROM p WHERE city = 'Oslo'",
            Some(1),
            "replayed 2",
        ),
        (
            "SELECT title FROM t WHERE title = 'x' UNION SELECT email FROM p WHERE city = 'Oslo'",
            Some(3),
            "replayed 2!",
        ),
        (
            "SELECT email FROM p WHERE city = 'Oslo' AND 'a' ILIKE '%'",
            Some(1),
            "replayed 2!",
        ),
        (
            "SELECT email FROM p WHERE city = 'Oslo' AND 1 = 1",
            Some(1),
            "replayed 2!",
        ),
        (
            "SELECT email FROM p WHERE city = 'Oslo' AND now() > '2014-01-01'",
            Some(1),
            "replayed 2",
        ),
        ("SELECT email FROM p WHERE user_id = 7", Some(0), "replayed "),
        (
            "SELECT p.email FROM p JOIN t ON true WHERE p.city = 'Oslo'",
            None,
            "whole all",
        ),
        (
            "CREATE TABLE x AS SELECT email FROM p WHERE city = 'Oslo'",
            None,
            "replayed 2",
        ),
    ];
    let wrong: Vec<String> = cases
        .iter()
        .map(|(text, count, expected)| (text, asked(&map, text, *count, &["Oslo"], None), expected))
        .filter(|(_, got, expected)| got != *expected)
        .map(|(text, got, expected)| format!("{text}\n  expected {expected}\n  but got  {got}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn snapshots_tell_with_what_was_written_between() {
    let map = map(SNAPSHOTS);
    let rome = "SELECT email FROM p WHERE city = 'Rome'";
    let thirty = "SELECT email FROM p WHERE age = 31";
    for (text, writes, expected) in [
        (rome, None, "whole all"),
        (rome, Some(Vec::new()), "replayed 1+3!"),
        (rome, Some(vec![unnamed(2)]), "replayed 1+3 <=2"),
        (rome, Some(vec![keyed(&["3", "9"], None)]), "replayed 1! 3+9"),
        // What is written elsewhere in a row does not change whether it matches.
        (rome, Some(vec![keyed(&["3"], Some(&["email"]))]), "replayed 1+3!"),
        (
            rome,
            Some(vec![keyed(&["3"], Some(&["email", "city"]))]),
            "replayed 1! 3",
        ),
        (thirty, Some(vec![unnamed(1)]), "replayed <=1"),
    ] {
        let said = format!("{text} {writes:?}");
        assert_eq!(asked(&map, text, None, &[], writes), expected, "{said}");
    }
    let early = map_with_one_snapshot();
    let sure = asked(&early, rome, Some(2), &[], Some(Vec::new()));
    assert_eq!(sure, "replayed 1+3!");
    let page = "SELECT email FROM p ORDER BY user_id LIMIT 2";
    let stirred = asked(&early, page, None, &[], Some(vec![keyed(&["9"], None)]));
    assert_eq!(stirred, "replayed <=2");
}

fn map_with_one_snapshot() -> DataMap {
    map("snapshot = { file = \"rows.csv\", at = \"2014-05-20T00:00:00Z\" }")
}

#[test]
fn pages_are_other_persons_and_only_a_sure_order_names_them() {
    let map = map(SNAPSHOTS);
    for (text, parameters, expected) in [
        (
            "SELECT email FROM p ORDER BY user_id LIMIT 2",
            &[][..],
            "replayed 1+2!",
        ),
        (
            "SELECT email FROM p ORDER BY user_id LIMIT 2 OFFSET 2",
            &[],
            "replayed 3+4!",
        ),
        (
            "SELECT email FROM p ORDER BY user_id DESC LIMIT 2 OFFSET $1",
            &["1"],
            "replayed 3+4!",
        ),
        (
            "SELECT email FROM p ORDER BY user_id LIMIT $1",
            &["9"],
            "replayed 1+2+3+4+5!",
        ),
        (
            "SELECT email FROM p WHERE user_id > $1 ORDER BY user_id LIMIT 2",
            &["2"],
            "replayed 3+4!",
        ),
        (
            "SELECT email FROM p ORDER BY user_id LIMIT 2 OFFSET $1",
            &[],
            "replayed <=2",
        ),
        ("SELECT email FROM p ORDER BY age LIMIT 2", &[], "replayed <=2"),
        ("SELECT email FROM p LIMIT 2", &[], "replayed <=2"),
        (
            "SELECT email FROM p ORDER BY user_id LIMIT 2 FOR UPDATE SKIP LOCKED",
            &[],
            "replayed <=2",
        ),
    ] {
        let got = asked(&map, text, None, parameters, Some(Vec::new()));
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn numbers_that_may_be_texts_have_two_orders() {
    let row = |key: &str| Row {
        key: key.to_owned(),
        order: Some(key.to_owned()),
        certain: true,
    };
    let order = Order {
        column: "k".into(),
        descending: false,
    };
    let rows = [row("2"), row("10"), row("1")];
    let of = |rows: &[Row], kind| orders(rows, &order, kind);
    assert_eq!(
        of(&rows, ColumnKind::Unknown),
        Some([vec![2, 0, 1], vec![2, 1, 0]])
    );
    assert_eq!(
        of(&rows, ColumnKind::Number),
        Some([vec![2, 0, 1], vec![2, 0, 1]])
    );
    assert_eq!(of(&rows, ColumnKind::Text), Some([vec![2, 1, 0], vec![2, 1, 0]]));
    assert_eq!(of(&[row("1"), row("1")], ColumnKind::Number), None);
    assert_eq!(of(&[row("01")], ColumnKind::Number), None);
}

#[test]
fn instants_are_read_as_databases_write_them() {
    let expected = Timestamp::parse("2014-05-20T10:00:00Z").ok();
    for text in [
        "2014-05-20T10:00:00Z",
        "2014-05-20 10:00:00+00",
        "2014-05-20 12:00:00+02",
        "2014-05-20 12:00:00+02:00",
        "2014-05-20 10:00:00",
    ] {
        assert_eq!(instant(text), expected, "{text}");
    }
    assert_eq!(
        instant("2014-05-20"),
        Timestamp::parse("2014-05-20T00:00:00Z").ok()
    );
    assert_eq!(instant("yesterday"), None);
}
