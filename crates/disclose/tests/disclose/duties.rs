//! Duties and clocks at the traps.

use crate::known::{at, count, flag, instant, words};
use ambit_disclose::{
    Change, Due, Duty, Facts, Holds, Open, Regime, State, built_in, calendar_of, changes, duties,
};
use std::sync::LazyLock;

/// Read once for all tests.
fn regimes() -> &'static [Regime] {
    static REGIMES: LazyLock<Vec<Regime>> = LazyLock::new(built_in);
    &REGIMES
}

fn one(facts: &Facts, name: &str, now: &str) -> Duty {
    let mut found: Vec<Duty> = duties(regimes(), facts, at(now))
        .into_iter()
        .filter(|d| d.name() == name)
        .collect();
    assert_eq!(found.len(), 1, "{name} stands once");
    found.remove(0)
}

fn until(duty: &Duty) -> String {
    match &duty.due {
        Due::By(deadline) => deadline.until.to_string(),
        other => panic!("{}: no deadline, but {other:?}", duty.name()),
    }
}

/// A controller in the Union, with personal data breached and some risk.
fn controller() -> Facts {
    let mut facts = Facts::default();
    words(&mut facts, "establishment", &["eu"]);
    words(&mut facts, "sectors", &["none_of_these"]);
    words(&mut facts, "role", &["controller"]);
    words(&mut facts, "risk", &["likely"]);
    words(&mut facts, "encryption", &["none"]);
    flag(&mut facts, "personal_data_breach", true);
    instant(&mut facts, "aware_at", "2026-11-20T18:10:00Z");
    facts
}

const NOW: &str = "2026-11-22T12:00:00Z";

#[test]
fn the_authority_within_72_hours_of_awareness() {
    let duty = one(&controller(), "eu-gdpr/authority", NOW);
    assert!(duty.owed.is_yes());
    assert_eq!(until(&duty), "2026-11-23T18:10:00Z");
    assert_eq!(duty.state, State::Open);
    assert!(duty.asks.is_empty(), "{:?}", duty.asks);
    let late = one(&controller(), "eu-gdpr/authority", "2026-11-23T18:10:00Z");
    assert_eq!(late.state, State::Overdue);
}

#[test]
fn without_awareness_the_duty_asks_when_and_by_whom() {
    let mut facts = controller();
    facts.unset("aware_at");
    let duty = one(&facts, "eu-gdpr/authority", NOW);
    assert_eq!(
        duty.due,
        Due::NotStarted {
            event: "aware_at".into()
        }
    );
    assert!(
        duty.asks
            .iter()
            .any(|ask| ask.question.contains("who knew, and by which evidence"))
    );
}

#[test]
fn a_processor_owes_the_controller_and_not_the_authority() {
    let mut facts = controller();
    words(&mut facts, "role", &["processor"]);
    instant(&mut facts, "processor_aware_at", "2026-11-20T10:00:00Z");
    assert!(one(&facts, "eu-gdpr/authority", NOW).owed.is_no());
    let duty = one(&facts, "eu-gdpr/controller", NOW);
    assert!(duty.owed.is_yes());
    assert_eq!(
        duty.due,
        Due::WithoutDelay {
            since: at("2026-11-20T10:00:00Z")
        }
    );
}

#[test]
fn a_stolen_key_reopens_what_encryption_had_closed() {
    let mut facts = controller();
    words(&mut facts, "risk", &["high"]);
    words(&mut facts, "encryption", &["strong"]);
    flag(&mut facts, "key_taken", false);
    flag(&mut facts, "high_risk_removed", false);
    let before = duties(regimes(), &facts, at(NOW));
    assert!(one(&facts, "eu-gdpr/persons", NOW).owed.is_no());
    facts.unset("key_taken");
    assert_eq!(one(&facts, "eu-gdpr/persons", NOW).owed.name(), "depends");
    flag(&mut facts, "key_taken", true);
    let after = duties(regimes(), &facts, at(NOW));
    assert!(one(&facts, "eu-gdpr/persons", NOW).owed.is_yes());
    let arose = Change::Arose {
        duty: "eu-gdpr/persons".into(),
    };
    assert!(changes(&before, &after).contains(&arose));
    assert!(changes(&after, &after).is_empty());
}

#[test]
fn pecr_had_24_hours_until_it_had_72() {
    let mut facts = controller();
    words(&mut facts, "establishment", &["gb"]);
    words(&mut facts, "sectors", &["communications_provider"]);
    for (aware, end) in [
        ("2025-08-19T22:00:00Z", "2025-08-20T22:00:00Z"),
        // Midnight in London is the 20th, an hour before it is in UTC.
        ("2025-08-19T23:00:00Z", "2025-08-22T23:00:00Z"),
        ("2025-08-20T12:00:00Z", "2025-08-23T12:00:00Z"),
    ] {
        instant(&mut facts, "aware_at", aware);
        assert_eq!(until(&one(&facts, "uk-pecr/authority", NOW)), end, "{aware}");
    }
}

#[test]
fn regimes_bind_from_their_first_day() {
    let mut facts = controller();
    instant(&mut facts, "aware_at", "2014-05-23T10:00:00Z");
    let duty = one(&facts, "eu-gdpr/authority", NOW);
    assert!(matches!(&duty.owed, Holds::No { because } if because[0].contains("2018-05-25")));
    assert_eq!((duty.due, duty.state), (Due::Never, State::Idle));
    words(&mut facts, "sectors", &["product_manufacturer"]);
    flag(&mut facts, "exploited_vulnerability", true);
    for (aware, owed) in [("2026-09-10T12:00:00Z", "no"), ("2026-09-11T12:00:00Z", "yes")] {
        instant(&mut facts, "exploitation_aware_at", aware);
        assert_eq!(
            one(&facts, "eu-cra/early-warning", NOW).owed.name(),
            owed,
            "{aware}"
        );
    }
    assert!(one(&facts, "eu-digital-omnibus/authority", NOW).owed.is_no());
    assert!(one(&facts, "us-circia/cisa", NOW).owed.is_no());
}

#[test]
fn later_stages_hang_on_when_the_earlier_was_sent() {
    let mut facts = controller();
    words(&mut facts, "sectors", &["essential_or_important_entity"]);
    flag(&mut facts, "significant_incident", true);
    let waiting = one(&facts, "eu-nis2/final", NOW);
    assert_eq!(
        waiting.due,
        Due::NotStarted {
            event: "sent:eu-nis2/notification".into()
        }
    );
    instant(&mut facts, "sent:eu-nis2/notification", "2026-01-31T10:00:00Z");
    // A month ends with a day of the authority's place.
    let nowhere = one(&facts, "eu-nis2/final", NOW);
    assert_eq!(nowhere.due, Due::NoZone);
    assert!(nowhere.asks.iter().any(|ask| ask.fact == "authority_zone"));
    facts
        .set(
            "authority_zone",
            crate::known::fact(ambit_disclose::Value::Text("Europe/Stockholm".into())),
        )
        .unwrap();
    // 28 February 2026 is a Saturday; the later reading ends on Monday.
    let duty = one(&facts, "eu-nis2/final", NOW);
    assert_eq!(until(&duty), "2026-02-28T23:00:00Z");
    let Due::By(deadline) = &duty.due else {
        unreachable!()
    };
    assert_eq!(
        deadline.later_reading.as_ref().unwrap().until.to_string(),
        "2026-03-02T23:00:00Z"
    );
    words(
        &mut facts,
        "sectors",
        &["essential_or_important_entity", "eu_financial_entity"],
    );
    assert!(one(&facts, "eu-nis2/final", NOW).owed.is_no());
}

#[test]
fn dora_counts_from_classification_and_at_most_a_day_from_awareness() {
    let mut facts = controller();
    words(&mut facts, "sectors", &["eu_financial_entity"]);
    flag(&mut facts, "major_incident", true);
    assert_eq!(
        until(&one(&facts, "eu-dora/initial", NOW)),
        "2026-11-21T18:10:00Z"
    );
    instant(&mut facts, "classified_at", "2026-11-20T20:00:00Z");
    assert_eq!(
        until(&one(&facts, "eu-dora/initial", NOW)),
        "2026-11-21T00:00:00Z"
    );
    instant(&mut facts, "classified_at", "2026-11-21T17:00:00Z");
    assert_eq!(
        until(&one(&facts, "eu-dora/initial", NOW)),
        "2026-11-21T18:10:00Z"
    );
}

#[test]
fn an_unverified_rule_never_gives_a_bare_deadline() {
    let mut facts = controller();
    words(&mut facts, "sectors", &["eu_financial_entity"]);
    flag(&mut facts, "major_incident", true);
    instant(&mut facts, "sent:eu-dora/initial", "2026-11-21T00:00:00Z");
    let duty = one(&facts, "eu-dora/intermediate", NOW);
    let Holds::Depends { on } = &duty.owed else {
        panic!("confidence M decides nothing: {:?}", duty.owed);
    };
    assert!(on.iter().any(|open| matches!(open, Open::Unverified { .. })));
    assert!(matches!(
        &duty.due,
        Due::Unverified {
            would_be: Some(_),
            ..
        }
    ));
    for duty in duties(regimes(), &facts, at(NOW)) {
        let verified = duty.citations.iter().all(|c| c.confidence.is_verified());
        assert!(
            verified || !matches!(duty.due, Due::By(_) | Due::WithoutDelay { .. }),
            "{}",
            duty.name()
        );
    }
}

#[test]
fn thresholds_of_states_count_residents_and_bounds_may_straddle_them() {
    let mut facts = Facts::default();
    flag(&mut facts, "personal_data_breach", true);
    words(&mut facts, "encryption", &["none"]);
    count(&mut facts, "class:identity:read", 10, Some(5000));
    count(&mut facts, "class:government_id:read", 10, Some(5000));
    count(&mut facts, "class:credential:read", 700, Some(5000));
    count(&mut facts, "subjects", 700, Some(5000));
    instant(&mut facts, "discovered_at", "2026-03-01T12:00:00Z");
    instant(&mut facts, "individuals_notified_at", "2026-03-20T12:00:00Z");
    for (least, most, california, residents) in [
        (500, Some(500), "no", "yes"),
        (501, Some(501), "yes", "yes"),
        (400, Some(600), "depends", "yes"),
        (501, None, "yes", "yes"),
        (0, Some(0), "no", "no"),
        (0, Some(3), "no", "depends"),
    ] {
        count(&mut facts, "residents:us-ca", least, most);
        assert_eq!(
            one(&facts, "us-ca/agency", NOW).owed.name(),
            california,
            "{least} to {most:?}"
        );
        assert_eq!(
            one(&facts, "us-ca/residents", NOW).owed.name(),
            residents,
            "{least} to {most:?}"
        );
    }
    // Florida counts 500 or more; nobody said how many live there, so that the duty asks.
    let florida = one(&facts, "us-fl/agency", NOW);
    assert_eq!(florida.owed.name(), "depends");
    assert!(florida.asks.iter().any(|ask| ask.fact == "residents:us-fl"));
    // In 2014 the acts bound too; how they read then is not recorded.
    instant(&mut facts, "discovered_at", "2014-05-23T12:00:00Z");
    count(&mut facts, "residents:us-fl", 600, Some(600));
    assert_eq!(one(&facts, "us-fl/residents", NOW).owed.name(), "depends");
}

#[test]
fn four_business_days_from_materiality() {
    let mut facts = Facts::default();
    words(&mut facts, "sectors", &["sec_registrant"]);
    flag(&mut facts, "material_incident", true);
    instant(&mut facts, "discovered_at", "2026-11-01T15:00:00Z");
    assert_eq!(
        one(&facts, "us-sec-8k/form-8k", NOW).due,
        Due::NotStarted {
            event: "material_at".into()
        }
    );
    instant(&mut facts, "material_at", "2026-11-25T15:00:00Z");
    assert_eq!(
        until(&one(&facts, "us-sec-8k/form-8k", NOW)),
        "2026-12-02T22:30:00Z"
    );
}

#[test]
fn what_was_sent_late_is_seen() {
    let mut facts = controller();
    instant(&mut facts, "sent:eu-gdpr/authority", "2026-11-23T18:09:59Z");
    assert!(matches!(
        one(&facts, "eu-gdpr/authority", NOW).state,
        State::Sent { .. }
    ));
    instant(&mut facts, "sent:eu-gdpr/authority", "2026-11-23T18:10:00Z");
    assert!(matches!(
        one(&facts, "eu-gdpr/authority", NOW).state,
        State::SentLate { .. }
    ));
}

#[test]
fn massachusetts_forbids_to_describe_the_breach() {
    let duty = one(&Facts::default(), "us-ma/residents", NOW);
    assert_eq!(
        duty.forbidden,
        ["the nature of the breach", "the number of persons affected"]
    );
}

#[test]
fn the_calendar_keeps_the_name_of_an_entry_when_its_deadline_moves() {
    let mut facts = controller();
    let first = calendar_of("case 1", &duties(regimes(), &facts, at(NOW)), at(NOW));
    instant(&mut facts, "aware_at", "2026-11-19T08:00:00Z");
    let second = calendar_of("case 1", &duties(regimes(), &facts, at(NOW)), at(NOW));
    assert!(first.contains("DTSTART:20261123T181000Z") && second.contains("DTSTART:20261122T080000Z"));
    let uid = "UID:authority.eu-gdpr.case.1@ambit\r\n";
    assert!(first.contains(uid) && second.contains(uid));
    assert!(first.starts_with("BEGIN:VCALENDAR\r\n") && first.ends_with("END:VCALENDAR\r\n"));
    assert!(first.lines().all(|line| line.len() <= 76));
}

#[test]
fn the_same_facts_give_the_same_duties() {
    let facts = controller();
    assert_eq!(
        duties(regimes(), &facts, at(NOW)),
        duties(regimes(), &facts, at(NOW))
    );
}
