//! Where persons live, from a table that the data map names: which duties arise, which law a letter follows, and what a
//! signature may add.

use crate::known::{at, count, flag, instant, words};
use crate::notices::{over, scope, story};
use ambit_disclose::{
    Facts, Known, NoticeKind, Provenance, Risk, Standing, TroubleKind, Value, Wanted, built_in, draft,
    duties, notice_text,
};
use ambit_scope::{Bounds, Residence, Scope, TableOfResidence};
use std::collections::BTreeMap;

fn bounds(at_least: u64, at_most: u64) -> Bounds {
    Bounds {
        at_least,
        at_most: Some(at_most),
        because: Vec::new(),
    }
}

/// The scope with a gap, up to 412 persons: of those some live in Sweden, Massachusetts and somewhere in the States.
fn lived(person_in: &str) -> Scope {
    let mut scope = scope("gap");
    let person = scope
        .pairs
        .first()
        .map(|pair| format!("{}:{}", pair.subject, pair.key));
    scope.residence = Some(Residence {
        tables: vec![TableOfResidence {
            subject: "user".into(),
            file: "users.csv".into(),
            columns: vec!["country".into(), "state".into()],
            at: at("2014-05-20T00:00:00Z"),
            sha256: "ab".repeat(32),
            n_persons: 1800,
            n_unknown: 20,
        }],
        persons: person.into_iter().map(|p| (p, person_in.to_owned())).collect(),
        places: BTreeMap::from([
            ("eu".to_owned(), bounds(1, 300)),
            ("se".to_owned(), bounds(1, 300)),
            ("us".to_owned(), bounds(0, 120)),
            ("us-ma".to_owned(), bounds(0, 90)),
        ]),
        unlisted: BTreeMap::from([
            (String::new(), bounds(0, 20)),
            ("eu".to_owned(), bounds(0, 25)),
            ("us".to_owned(), bounds(0, 40)),
        ]),
    });
    scope
}

fn known(scope: &Scope, signed: &Facts) -> Known {
    Known::of(Some(&Standing { version: 3, scope }), signed)
}

fn told(known: &Known, place: &str) -> (u64, Option<u64>) {
    let bounds = known.facts.count(&format!("residents:{place}")).unwrap();
    (bounds.at_least, bounds.at_most)
}

#[test]
fn each_place_has_the_bounds_of_the_nearest_that_says_anything() {
    let scope = lived("se");
    let known = known(&scope, &Facts::default());
    for (place, expected) in [
        ("eu", (1, 300)),
        ("us-ma", (0, 90)),
        // Another State, another country of the Union, any other country.
        ("us-ca", (0, 40)),
        ("fr", (0, 25)),
        ("jp", (0, 20)),
        // Some one State: the most that live in any.
        ("us-one-state", (0, 90)),
    ] {
        assert_eq!(told(&known, place), (expected.0, Some(expected.1)), "{place}");
    }
    let fact = known.facts.get("residents:eu").unwrap();
    assert!(
        matches!(&fact.provenance, Provenance::Snapshot { version: 3, table, .. } if table.file == "users.csv"),
        "{fact:?}"
    );
}

#[test]
fn a_signed_count_widens_what_the_table_says_and_never_narrows_it() {
    let scope = lived("se");
    let mut signed = Facts::default();
    count(&mut signed, "residents:us-ma", 0, Some(10));
    count(&mut signed, "residents:jp", 3, Some(50));
    let known = known(&scope, &signed);
    assert_eq!(told(&known, "us-ma"), (0, Some(90)));
    assert_eq!(told(&known, "jp"), (3, Some(50)));
    assert!(
        known
            .conflicts
            .iter()
            .any(|conflict| conflict.name == "residents:us-ma")
    );
}

/// Persons whom no log shows may live anywhere.
#[test]
fn persons_that_a_signature_adds_may_live_anywhere() {
    let scope = lived("se");
    let mut signed = Facts::default();
    count(&mut signed, "subjects", 1, Some(512));
    let wider = known(&scope, &signed);
    assert_eq!(told(&wider, "us-ma"), (0, Some(190)));
    assert_eq!(told(&wider, "jp"), (0, Some(120)));
    count(&mut signed, "subjects", 1, None);
    assert_eq!(told(&known(&scope, &signed), "eu"), (1, None));
}

/// Japan asks for more than a thousand persons there, or for sensitive data; the Union for one.
#[test]
fn duties_arise_where_persons_live() {
    let mut signed = Facts::default();
    words(&mut signed, "establishment", &["ch"]);
    words(&mut signed, "sectors", &["none_of_these"]);
    words(&mut signed, "role", &["controller"]);
    words(&mut signed, "risk", &["high"]);
    words(&mut signed, "encryption", &["none"]);
    flag(&mut signed, "high_risk_removed", false);
    instant(&mut signed, "aware_at", "2026-01-02T00:00:00Z");
    let scope = lived("se");
    let owed = |known: &Known, name: &str| {
        let all = duties(&built_in(), &known.facts, at("2026-01-03T00:00:00Z"));
        let duty = all.iter().find(|duty| duty.name() == name);
        duty.map(|duty| duty.owed.name().to_owned())
    };
    let with = known(&scope, &signed);
    assert_eq!(owed(&with, "eu-gdpr/authority").as_deref(), Some("yes"));
    // Nobody of Britain is in the table, and twenty may live anywhere.
    assert_eq!(owed(&with, "uk-gdpr/authority").as_deref(), Some("depends"));
    let mut nowhere = scope.clone();
    if let Some(residence) = &mut nowhere.residence {
        residence.unlisted.insert(String::new(), bounds(0, 0));
    }
    let without = known(&nowhere, &signed);
    assert_ne!(owed(&without, "uk-gdpr/authority").as_deref(), Some("depends"));
    assert_ne!(owed(&without, "uk-gdpr/authority").as_deref(), Some("yes"));
}

/// The one person whom the table of this scope names.
fn resident(scope: &Scope) -> String {
    let mut persons = scope
        .residence
        .iter()
        .flat_map(|residence| residence.persons.keys());
    persons.next().cloned().unwrap()
}

fn letter(place: &str, signed: &Facts) -> (String, bool) {
    let scope = lived(place);
    let person = resident(&scope);
    let wanted = Wanted {
        person: Some(&person),
        ..Wanted::of(NoticeKind::Letter)
    };
    let drafted = over(&scope, signed, Some(Risk::High), |matter| {
        draft(matter, &wanted).unwrap()
    });
    let asks = drafted
        .troubles
        .iter()
        .any(|trouble| trouble.kind == TroubleKind::Missing && trouble.words.starts_with("residence"));
    (notice_text(&drafted), asks)
}

#[test]
fn a_letter_follows_the_law_of_the_place_that_the_table_names() {
    let mut signed = story();
    let (text, asks) = letter("us-ma", &signed);
    assert!(
        !asks && text.contains("police report") && !text.contains("Android"),
        "{text}"
    );
    let (text, asks) = letter("se", &signed);
    assert!(
        !asks && text.contains("Android") && !text.contains("police report"),
        "{text}"
    );
    // Of the States alone it cannot be said whether the breach may be described.
    let (_, asks) = letter("us", &signed);
    assert!(asks);
    // What somebody signed goes before the table.
    let person = resident(&lived("us"));
    let place = crate::known::fact(Value::Text("us-ca".into()));
    signed.set(&format!("residence:{person}"), place).unwrap();
    let (text, asks) = letter("us", &signed);
    assert!(!asks && text.contains("Android"), "{text}");
}
