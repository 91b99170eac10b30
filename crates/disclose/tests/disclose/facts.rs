//! What facts say of each other: parts raise their whole, and what cannot be together is told.

use crate::known::{at, count, flag, instant, words};
use ambit_disclose::{
    Disclosure, Facts, Input, Known, Provenance, built_in, check_period, duties, status_json, status_lines,
};

fn of(signed: &Facts) -> Known {
    Known::of(None, signed)
}

fn counted(known: &Known, name: &str) -> Option<(u64, Option<u64>)> {
    let bounds = known.facts.count(name)?;
    Some((bounds.at_least, bounds.at_most))
}

#[test]
fn parts_raise_the_whole_that_they_lie_in() {
    let mut signed = Facts::default();
    count(&mut signed, "subjects", 5, Some(1000));
    count(&mut signed, "residents:se", 12, Some(12));
    count(&mut signed, "residents:no", 3, None);
    count(&mut signed, "residents:us-ca", 40, Some(60));
    count(&mut signed, "residents:us-ny", 2, Some(9));
    count(&mut signed, "residents:gb", 1, Some(1));
    let known = of(&signed);
    for (name, expected) in [
        ("residents:eu", (15, Some(1000))),
        ("residents:us", (42, Some(1000))),
        ("residents:us-one-state", (40, Some(1000))),
        ("subjects", (58, Some(1000))),
        // What nobody said is bounded by the nearest whole.
        ("residents:fr", (0, Some(1000))),
    ] {
        assert_eq!(counted(&known, name), Some(expected), "{name}");
    }
    assert_eq!(known.conflicts, []);
    let fact = known.facts.get("residents:eu").unwrap();
    assert!(matches!(fact.provenance, Provenance::Signed { .. }), "{fact:?}");
}

#[test]
fn a_part_that_nobody_counted_is_no_greater_than_the_nearest_whole() {
    let mut signed = Facts::default();
    count(&mut signed, "subjects", 5, Some(1000));
    count(&mut signed, "residents:eu", 5, Some(30));
    count(&mut signed, "residents:us", 0, Some(7));
    let known = of(&signed);
    assert_eq!(counted(&known, "residents:se"), Some((0, Some(30))));
    assert_eq!(counted(&known, "residents:us-ca"), Some((0, Some(7))));
    assert_eq!(counted(&known, "residents:us-one-state"), Some((0, Some(7))));
    assert_eq!(counted(&known, "residents:jp"), Some((0, Some(1000))));
}

#[test]
fn parts_that_are_more_than_the_whole_are_a_conflict() {
    let mut signed = Facts::default();
    count(&mut signed, "subjects", 5, Some(20));
    count(&mut signed, "residents:se", 12, Some(12));
    count(&mut signed, "residents:de", 10, Some(10));
    let known = of(&signed);
    // The wider reading stands, and the conflict is told.
    assert_eq!(counted(&known, "subjects"), Some((22, Some(22))));
    let told: Vec<&str> = known.conflicts.iter().map(|c| c.because.as_str()).collect();
    assert_eq!(
        told,
        ["residents:eu is 22 at least, and subjects is bounded by 5 to 20"]
    );
    count(&mut signed, "residents:eu", 1, Some(15));
    let told = of(&signed).conflicts;
    assert!(
        told.iter().any(|c| c
            .because
            .starts_with("residents:de and residents:se are together 22 at least")),
        "{told:?}"
    );
    let mut signed = Facts::default();
    count(&mut signed, "subjects", 1, Some(3));
    count(&mut signed, "class:health:read", 4, Some(9));
    assert!(of(&signed).conflicts.iter().any(|c| c.name == "subjects"));
}

/// 250 Swedes and 300 Germans are more than 500 persons of the Union, wherever a law counts those.
#[test]
fn a_duty_that_counts_the_whole_arises_from_its_parts() {
    let mut facts = Facts::default();
    words(&mut facts, "establishment", &["us"]);
    words(&mut facts, "sectors", &["none_of_these"]);
    words(&mut facts, "encryption", &["none"]);
    flag(&mut facts, "personal_data_breach", true);
    words(&mut facts, "role", &["controller"]);
    words(&mut facts, "risk", &["likely"]);
    instant(&mut facts, "aware_at", "2026-01-02T00:00:00Z");
    let owed = |facts: &Facts| {
        let all = duties(&built_in(), &of(facts).facts, at("2026-01-03T00:00:00Z"));
        let duty = all.iter().find(|duty| duty.name() == "eu-gdpr/authority");
        duty.map(|duty| duty.owed.name())
    };
    count(&mut facts, "subjects", 1, Some(9000));
    assert_eq!(owed(&facts), Some("depends"));
    count(&mut facts, "residents:se", 1, Some(1));
    assert_eq!(owed(&facts), Some("yes"));
}

#[test]
fn what_ends_before_it_begins_is_refused() {
    let said = |from: Option<&str>, to: Option<&str>| {
        let mut facts = Facts::default();
        for (name, text) in [("occurred_from", from), ("occurred_to", to)] {
            if let Some(text) = text {
                instant(&mut facts, name, text);
            }
        }
        facts
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let wrong = said(Some(late), Some(early));
    assert!(check_period(&wrong, &wrong).is_err_and(|why| why.contains("cannot end before it begins")));
    // Against what the logs show.
    let shown = said(Some(late), Some(late));
    assert!(check_period(&said(None, Some(early)), &shown).is_err());
    assert!(check_period(&said(Some(late), None), &said(None, Some(early))).is_err());
    assert_eq!(check_period(&said(Some(early), Some(late)), &shown), Ok(()));
}

#[test]
fn nobody_knows_or_tells_what_has_not_begun() {
    let mut facts = Facts::default();
    words(&mut facts, "establishment", &["eu"]);
    instant(&mut facts, "occurred_from", "2026-01-05T00:00:00Z");
    instant(&mut facts, "aware_at", "2026-01-04T00:00:00Z");
    instant(&mut facts, "sent:eu-gdpr/authority", "2026-01-03T00:00:00Z");
    let regimes = built_in();
    let found = Disclosure::of(&Input {
        case: "may",
        standing: None,
        signed: &facts,
        decided: None,
        issued: &[],
        regimes: &regimes,
        now: at("2026-01-06T00:00:00Z"),
        n_later: 0,
    });
    let told: Vec<(&str, &str)> = found
        .known
        .conflicts
        .iter()
        .map(|c| (c.name.as_str(), c.because.as_str()))
        .collect();
    for (name, because) in [
        ("aware_at", "before the beginning"),
        ("sent:eu-gdpr/authority", "before the beginning"),
        (
            "sent:eu-gdpr/authority",
            "before the event that its clock starts with (aware_at)",
        ),
    ] {
        assert!(
            told.iter().any(|(n, b)| *n == name && b.contains(because)),
            "{name}: {told:?}"
        );
    }
    assert!(
        status_lines(&found)
            .iter()
            .any(|line| line.starts_with("CONFLICT   aware_at"))
    );
    assert!(
        status_json(&found)["conflicts"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
    );
}

/// An amendment is owed only where a filing was made that lacked something.
#[test]
fn form_8k_is_amended_only_after_it_was_filed_and_lacked_something() {
    let mut facts = Facts::default();
    words(&mut facts, "sectors", &["sec_registrant"]);
    flag(&mut facts, "material_incident", true);
    instant(&mut facts, "material_at", "2026-01-05T15:00:00Z");
    let amended = |facts: &Facts| {
        let all = duties(&built_in(), facts, at("2026-01-06T00:00:00Z"));
        let duty = all.into_iter().find(|duty| duty.name() == "us-sec-8k/form-8k-a");
        duty.unwrap()
    };
    let before = amended(&facts);
    assert_eq!(before.owed.name(), "depends");
    assert!(before.asks.iter().any(|ask| ask.fact == "sent:us-sec-8k/form-8k"));
    instant(&mut facts, "sent:us-sec-8k/form-8k", "2026-01-06T18:00:00Z");
    assert_eq!(amended(&facts).owed.name(), "depends");
    flag(&mut facts, "filing_incomplete", false);
    assert_eq!(amended(&facts).owed.name(), "no");
    flag(&mut facts, "filing_incomplete", true);
    assert_eq!(amended(&facts).owed.name(), "yes");
}
