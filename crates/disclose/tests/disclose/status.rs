//! Where disclosure stands, as the facts, the scope and what was issued say.

use crate::known::{at, count, fact, flag, instant, words};
use crate::notices::{decided, scope, story};
use crate::shape::Schema;
use ambit_disclose::{
    Decided, Disclosure, Facts, Input, Issued, Known, Matter, NoticeKind, Openness, Regime, Risk, Standing,
    Value, Wanted, built_in, draft, notice_json, status_json, status_lines, status_page,
};
use serde_json::Value as Json;
use std::sync::LazyLock;

static REGIMES: LazyLock<Vec<Regime>> = LazyLock::new(built_in);

fn disclosure(
    name: Option<&str>,
    signed: &Facts,
    decided: Option<&Decided>,
    issued: &[Issued],
    now: &str,
) -> Disclosure {
    let scope = name.map(scope);
    let standing = scope.as_ref().map(|scope| Standing { version: 3, scope });
    Disclosure::of(&Input {
        case: "may",
        standing: standing.as_ref(),
        signed,
        decided,
        issued,
        regimes: &REGIMES,
        now: at(now),
        n_later: 0,
    })
}

/// The story, in a year in which the law of today binds.
fn signed() -> Facts {
    let mut facts = story();
    for name in ["aware_at", "detected_at"] {
        instant(&mut facts, name, "2026-05-22T11:40:00Z");
    }
    words(&mut facts, "risk", &["high"]);
    words(&mut facts, "encryption", &["none"]);
    words(&mut facts, "recipient", &["malicious"]);
    facts
}

fn duty<'d>(status: &'d Json, name: &str) -> &'d Json {
    let (regime, id) = name.split_once('/').unwrap();
    let mut all = status["duties"].as_array().unwrap().iter();
    all.find(|duty| duty["regime"] == regime && duty["duty"] == id)
        .unwrap()
}

#[test]
fn what_is_owed_is_told_with_its_end_and_what_is_sent_is_done() {
    let decision = decided(Risk::High);
    let now = "2026-05-23T00:00:00Z";
    let open = disclosure(Some("whole"), &signed(), Some(&decision), &[], now);
    assert_eq!(open.standing(), Openness::Open);
    let told = status_json(&open);
    let authority = duty(&told, "eu-gdpr/authority");
    assert_eq!(authority["owed"]["answer"], "yes");
    assert_eq!(authority["due"]["until"], "2026-05-25T11:40:00Z");
    assert_eq!(authority["state"], "open");
    let lines = status_lines(&open).join("\n");
    assert!(
        lines.contains("eu-gdpr/authority") && lines.contains("2 days and 11 hours left"),
        "{lines}"
    );
    let late = disclosure(
        Some("whole"),
        &signed(),
        Some(&decision),
        &[],
        "2026-05-26T00:00:00Z",
    );
    assert_eq!(late.standing(), Openness::Overdue);
    assert!(status_lines(&late)[0].contains("OVERDUE"));
    let mut sent = signed();
    instant(&mut sent, "sent:eu-gdpr/authority", "2026-05-24T10:00:00Z");
    let done = disclosure(Some("whole"), &sent, Some(&decision), &[], "2026-05-26T00:00:00Z");
    assert_eq!(duty(&status_json(&done), "eu-gdpr/authority")["state"], "sent");
}

#[test]
fn what_nobody_said_is_asked_for_by_who_needs_it() {
    let bare = disclosure(
        Some("whole"),
        &Facts::default(),
        None,
        &[],
        "2026-05-23T00:00:00Z",
    );
    let asked: Vec<&str> = bare.asks.iter().map(|ask| ask.fact.as_str()).collect();
    for fact in ["establishment", "aware_at", "risk", "role", "recipient"] {
        assert!(asked.contains(&fact), "{fact}: {asked:?}");
    }
    let recipient = bare.asks.iter().find(|ask| ask.fact == "recipient").unwrap();
    assert_eq!(recipient.needed_by, ["assessment"]);
    // What the logs know nobody is asked for.
    for fact in [
        "subjects",
        "classes",
        "effects",
        "occurred_from",
        "personal_data_breach",
    ] {
        assert!(!asked.contains(&fact), "{fact}");
    }
    assert!(
        status_lines(&bare)
            .iter()
            .any(|line| line.contains("not yet: ambit disclose decide may"))
    );
}

#[test]
fn a_signature_that_the_logs_do_not_carry_is_told_and_not_taken() {
    let mut facts = signed();
    count(&mut facts, "subjects", 1, Some(1));
    flag(&mut facts, "personal_data_breach", false);
    let found = disclosure(Some("gap"), &facts, None, &[], "2026-05-23T00:00:00Z");
    let bounds = found.known.facts.count("subjects").unwrap();
    assert_eq!((bounds.at_least, bounds.at_most), (1, Some(412)));
    assert_eq!(found.known.facts.flag("personal_data_breach"), Some(true));
    let names: Vec<&str> = found.known.conflicts.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["personal_data_breach", "subjects"]);
}

#[test]
fn a_decision_is_looked_at_again_when_the_scope_is_another() {
    let whole = scope("whole");
    let decision = Decided {
        content_root: Some(whole.content_root.clone()),
        persons: Some("1".to_owned()),
        ..decided(Risk::Unlikely)
    };
    let now = "2026-05-23T00:00:00Z";
    let same = disclosure(Some("whole"), &signed(), Some(&decision), &[], now);
    assert_eq!(same.outdated, None);
    assert!(
        same.departs
            .as_ref()
            .is_some_and(|why| why.contains("decided unlikely"))
            || same.assessment.at_least == Risk::Unlikely
    );
    let other = disclosure(Some("gap"), &signed(), Some(&decision), &[], now);
    assert!(other.outdated.unwrap().contains("now they are 1 to 412"));
}

#[test]
fn a_stale_notice_says_what_changed_and_what_follows() {
    let issue = |name: &str| {
        let scope = scope(name);
        let standing = Standing {
            version: 3,
            scope: &scope,
        };
        let (known, decision) = (Known::of(Some(&standing), &signed()), decided(Risk::High));
        let matter = Matter {
            case: "may",
            standing: Some(&standing),
            known: &known,
            decided: Some(&decision),
            regimes: &REGIMES,
        };
        let wanted = Wanted::of(NoticeKind::Authority);
        draft(&matter, &wanted).unwrap().said()
    };
    let issued = [Issued {
        entry: "14".into(),
        by: "Ana Lind".into(),
        at: at("2026-05-24T00:00:00Z"),
        kind: NoticeKind::Authority,
        person: None,
        template: None,
        language: None,
        said: issue("whole"),
    }];
    let decision = decided(Risk::High);
    let now = "2026-05-24T01:00:00Z";
    let fresh = disclosure(Some("whole"), &signed(), Some(&decision), &issued, now);
    assert!(fresh.notices[0].stale.is_empty(), "{:?}", fresh.notices[0].stale);
    let stale = disclosure(Some("gap"), &signed(), Some(&decision), &issued, now);
    let lines = status_lines(&stale).join("\n");
    assert!(lines.contains("STALE") && lines.contains("Art. 33(4)"), "{lines}");
    assert!(status_page(&stale).contains("<del>exactly 1 person</del>"));
}

#[test]
fn the_answer_has_its_documented_shape_and_the_page_loads_nothing() {
    let schema = Schema::load("disclose");
    let decision = decided(Risk::High);
    for (name, facts, decided) in [
        (Some("whole"), signed(), Some(&decision)),
        (Some("gap"), Facts::default(), None),
        (None, signed(), None),
    ] {
        let found = disclosure(name, &facts, decided, &[], "2026-05-23T00:00:00Z");
        let mut told = status_json(&found);
        // Where letters stand is known to the outbox, which is another crate's.
        told["letters"] = serde_json::json!([]);
        assert_eq!(schema.check(&told), Ok(()));
        let page = status_page(&found);
        for loaded in ["<script", "http://", "src=", "url(", "@import"] {
            assert!(!page.contains(loaded), "{loaded}");
        }
    }
    let known = Known::of(None, &signed());
    let matter = Matter {
        case: "may",
        standing: None,
        known: &known,
        decided: None,
        regimes: &REGIMES,
    };
    let wanted = Wanted::of(NoticeKind::Authority);
    let mut told = notice_json(&draft(&matter, &wanted).unwrap());
    told["issued"] = Json::Null;
    assert_eq!(schema.check(&told), Ok(()));
}

#[test]
fn hostile_facts_stay_text() {
    let mut facts = signed();
    let hostile = "<img src=x onerror=alert(1)>\u{1b}[31m";
    facts
        .set("measures", fact(Value::Text(hostile.to_owned())))
        .unwrap();
    let found = disclosure(Some("whole"), &facts, None, &[], "2026-05-23T00:00:00Z");
    assert!(!status_page(&found).contains("<img"));
    assert!(!status_lines(&found).join("\n").contains('\u{1b}'));
}

#[test]
fn an_empty_case_is_told_in_a_few_lines() {
    let found = disclosure(None, &Facts::default(), None, &[], "2026-05-23T00:00:00Z");
    let lines = status_lines(&found);
    assert!(lines.len() < 25, "{}", lines.join("\n"));
    for words in [
        "nothing is known yet",
        "fact set",
        "establishment=",
        "legal advice",
    ] {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}");
    }
    assert!(!found.asks.is_empty());
}
