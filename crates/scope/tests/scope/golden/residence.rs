//! Where the persons reached live, as a table beside the map says: bounds of the scope, cut by place.

use super::{ALL, AWAY, stolen};
use crate::world::{MAP, World};
use ambit_scope::{Answer, DataMap, Residence};

/// Of 1000 users 900 are in the table; 300 live in Sweden, 200 in California, 100 somewhere in the United States, 100 in
/// Britain, and of 200 nobody knows.
fn lived(distinct: bool) -> DataMap {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = String::from("id,country,state\n");
    for id in 1..=900 {
        let place = match id {
            1..=300 => "SE,Skåne",
            301..=500 => "US,CA",
            501..=600 => "US,",
            601..=700 => "UK,",
            _ => ",",
        };
        rows.push_str(&format!("{id},{place}\n"));
    }
    std::fs::write(folder.path().join("users.csv"), rows).unwrap();
    let residence = "residence = { file = \"users.csv\", key = \"id\", columns = [\"country\", \"state\"], \
                     at = \"2014-05-20T00:00:00Z\" }";
    let text = MAP.replace("keys = \"[0-9]+\"", &format!("keys = \"[0-9]+\"\n{residence}"));
    let text = if distinct {
        text
    } else {
        text.replace("distinct = true", "distinct = false")
    };
    let path = folder.path().join("map.toml");
    std::fs::write(&path, text).unwrap();
    DataMap::load(&path).unwrap().0
}

fn told(residence: &Residence) -> Vec<String> {
    let shown = |name: &str, bounds: &ambit_scope::Bounds| match bounds.at_most {
        Some(most) => format!("{name} {}..{most}", bounds.at_least),
        None => format!("{name} {}..", bounds.at_least),
    };
    let listed = residence
        .places
        .iter()
        .map(|(place, bounds)| shown(place, bounds));
    let others = residence
        .unlisted
        .iter()
        .map(|(place, bounds)| shown(&format!("{place}*"), bounds));
    listed.chain(others).collect()
}

fn of(answer: &Answer) -> &Residence {
    answer.scope.residence.as_ref().unwrap()
}

/// The owner lives in Sweden (7); 310, 510 and 950 were read too, and of 950 nobody knows where.
fn read_by_the_intruder() -> World {
    let mut w = stolen();
    for (at, user) in [(1150, "310"), (1160, "510"), (1170, "950")] {
        w.profile(at, AWAY, user);
    }
    w
}

#[tokio::test]
async fn named_persons_live_where_the_table_says() {
    let answer = read_by_the_intruder()
        .ask_with(&lived(true), &["session=s"])
        .await;
    assert_eq!(
        (answer.scope.subjects.at_least, answer.scope.subjects.at_most),
        (4, Some(4))
    );
    assert_eq!(
        told(of(&answer)),
        [
            "eu 1..2",
            "gb 0..1",
            "se 1..2",
            "us 2..3",
            "us-ca 1..3",
            "* 0..1",
            "eu* 0..1",
            "gb* 0..1",
            "se* 0..2",
            "us* 0..2"
        ]
    );
    let named: Vec<String> = of(&answer)
        .persons
        .iter()
        .map(|(p, place)| format!("{p} {place}"))
        .collect();
    assert_eq!(named, ["user:310 us-ca", "user:510 us", "user:7 se"]);
    let table = &of(&answer).tables[0];
    assert_eq!(
        (table.n_persons, table.n_unknown, table.file.as_str()),
        (900, 200, "users.csv")
    );
    let granted =
        "each user lives where users.csv says, by its column country and state, as of 2014-05-20T00:00:00Z";
    assert!(answer.scope.assertions.iter().any(|a| a.text == granted));
}

#[tokio::test]
async fn keys_that_may_be_one_person_are_one_in_each_place() {
    let answer = read_by_the_intruder()
        .ask_with(&lived(false), &["session=s"])
        .await;
    let told = told(of(&answer));
    assert!(told.contains(&"us 1..3".to_owned()), "{told:?}");
}

/// Where everyone is possible, whoever the table knows elsewhere is not possible here.
#[tokio::test]
async fn everyone_of_a_place_is_no_more_than_live_there() {
    let mut w = stolen();
    w.attestations.clear();
    for source in ALL {
        w.prove(source, 0, 1400);
        w.prove(source, 2000, 10_000);
    }
    let answer = w.ask_with(&lived(true), &["session=s"]).await;
    assert_eq!(answer.scope.subjects.at_most, Some(1000));
    // 200 of the table and 100 beside it may live anywhere.
    assert_eq!(
        told(of(&answer)),
        [
            "eu 1..600",
            "gb 0..400",
            "se 1..600",
            "us 0..600",
            "us-ca 0..600",
            "* 0..300",
            "eu* 0..300",
            "gb* 0..400",
            "se* 0..600",
            "us* 0..400"
        ]
    );
}

#[tokio::test]
async fn without_a_table_nothing_is_said() {
    assert_eq!(stolen().ask(MAP, &["session=s"]).await.scope.residence, None);
}
