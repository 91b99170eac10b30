//! Databases of places: what can be read of them, and what becomes of hostile ones.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mmdb;

use ambit_detect::{Behaviours, Error, Placeholders, Places, RuleSet, Run, Terms};
use ambit_event::{Event, EventId, Outcome, Timestamp};
use mmdb::{Row, database};
use proptest::prelude::*;
use std::sync::Arc;

fn rows() -> Vec<Row> {
    [
        "192.0.2.0/24 SE 59.33 18.07 20",
        "198.51.100.0/24 US 40.71 -74.01 50",
        "203.0.113.0/24 - 95.0 18.0 20",
        "2001:db8::/32 JP 35.69 139.69 100",
    ]
    .map(Row::parse)
    .into_iter()
    .collect()
}

/// How many findings there are of one account at these addresses, a minute apart.
fn n_found(places: Places, addresses: &[&str]) -> (usize, u64) {
    let places = Arc::new(places);
    let terms = Terms {
        behaviours: Behaviours::default(),
        places: Some(Arc::clone(&places)),
        ..Terms::new()
    };
    let mut run = Run::new(&RuleSet::load(&[], &Placeholders::none()), terms);
    let mut entries = Vec::new();
    for (nth, address) in (0_i64..).zip(addresses) {
        let mut event = Event::new("app_jsonl", Timestamp::from_secs(1_400_000_000 + nth * 60));
        event.id = EventId::nth("test", "", address.as_bytes(), nth as u64);
        event.outcome = Outcome::Success;
        event.actor_user = Some("1042".into());
        event.src_ip = Some((*address).to_owned());
        entries.extend(run.take(&event));
    }
    entries.extend(run.finish());
    (entries.len(), places.n_unreadable())
}

#[test]
fn a_database_says_where_addresses_are() {
    let places = || Places::parse(database("GeoLite2-City", &rows()), "city.mmdb").unwrap();
    assert!(places().has_coordinates());
    assert_eq!(n_found(places(), &["192.0.2.1", "198.51.100.1"]), (1, 0));
    assert_eq!(n_found(places(), &["192.0.2.1", "2001:db8::1"]), (1, 0));
    assert_eq!(n_found(places(), &["192.0.2.1", "[2001:db8::1]"]), (1, 0));
    for nowhere in [
        "10.0.0.1",
        "192.0.2.9",
        "100.64.0.1",
        "8.8.8.8",
        "203.0.113.1",
        "cloudformation",
        "",
    ] {
        assert_eq!(n_found(places(), &["192.0.2.1", nowhere]), (0, 0), "{nowhere}");
    }
}

#[test]
fn what_is_no_database_of_places_is_told() {
    let why = |bytes: Vec<u8>| match Places::parse(bytes, "x.mmdb") {
        Err(Error::Places { origin, why }) => format!("{origin}: {why}"),
        other => panic!("{other:?}"),
    };
    for bytes in [
        Vec::new(),
        b"no database".to_vec(),
        b"\xab\xcd\xefMaxMind.com".to_vec(),
    ] {
        assert!(why(bytes).starts_with("x.mmdb: it is no database in MaxMind's format"));
    }
    let bare = database("GeoLite2-ASN", &[Row::parse("192.0.2.0/24 - - - -")]);
    assert!(why(bare).contains("neither places nor countries; it calls itself `GeoLite2-ASN`"));
    let countries = database("GeoLite2-Country", &[Row::parse("192.0.2.0/24 SE - - -")]);
    assert!(!Places::parse(countries, "x.mmdb").unwrap().has_coordinates());
    assert!(matches!(
        Places::open("/nowhere/x.mmdb".as_ref()),
        Err(Error::Places { .. })
    ));
}

/// A tree whose every node leads back to the first has no leaf.
#[test]
fn a_tree_without_an_end_is_refused() {
    let mut bytes = database("GeoLite2-City", &rows());
    let end = bytes.windows(16).position(|window| window == [0; 16]).unwrap();
    bytes[..end].fill(0);
    assert!(Places::parse(bytes, "x.mmdb").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is in the file: an error, or no place, and never a panic.
    #[test]
    fn a_damaged_database_breaks_nothing(hits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6), cut in any::<u16>()) {
        let mut bytes = database("GeoLite2-City", &rows());
        for (at, byte) in hits {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        if cut % 4 == 0 {
            bytes.truncate(usize::from(cut) % bytes.len());
        }
        if let Ok(places) = Places::parse(bytes, "x.mmdb") {
            n_found(places, &["192.0.2.1", "198.51.100.1", "2001:db8::1", "9.9.9.9"]);
        }
    }
}
