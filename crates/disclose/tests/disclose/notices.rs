//! Notices from a whole scope and from one with a gap: word by word, and what must never come out.

use crate::known::{at, fact, flag, instant, words};
use ambit_disclose::{
    Decided, Draft, Facts, Issued, Known, Matter, NoDraft, NoticeKind, Provenance, Risk, Standing, Tongue,
    TroubleKind, Value, Wanted, built_in, differences, draft, notice_json, notice_page, notice_text,
};
use ambit_scope::{Scope, Verdict};
use std::path::Path;

pub fn scope(name: &str) -> Scope {
    let text = match name {
        "whole" => include_str!("scopes/whole.json"),
        _ => include_str!("scopes/gap.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// What persons signed in the story.
pub fn story() -> Facts {
    let mut facts = Facts::default();
    let mut text = |name: &str, text: &str| facts.set(name, fact(Value::Text(text.to_owned()))).unwrap();
    text("organisation", "Tonal Music AB");
    text("contact", "privacy@tonal.example");
    text(
        "nature",
        "Somebody took over the session of a member and looked at a profile through a hole in an old version of our Android app",
    );
    text(
        "consequences",
        "Whoever has a name and an address can write to that person and claim to come from us",
    );
    text(
        "measures",
        "We closed the hole, ended the session, and keep the old version of the app out",
    );
    text("controller", "Harbour Bank plc");
    text(
        "impact",
        "We do not expect a material effect on our finances or results",
    );
    words(&mut facts, "establishment", &["eu"]);
    words(&mut facts, "sectors", &["none_of_these"]);
    words(&mut facts, "role", &["controller"]);
    instant(&mut facts, "detected_at", "2014-05-22T08:15:00Z");
    facts
        .set(
            "aware_at",
            ambit_disclose::Fact {
                value: Value::Instant(at("2014-05-22T11:40:00Z")),
                provenance: Provenance::Signed {
                    entry: "9".into(),
                    by: "Ana Lind".into(),
                    at: at("2014-05-22T12:00:00Z"),
                    knower: Some("the head of security".into()),
                    evidence: Some("the profile's record in the gateway's log".into()),
                },
            },
        )
        .unwrap();
    facts
}

pub fn decided(risk: Risk) -> Decided {
    Decided {
        entry: "11".into(),
        by: "Ana Lind".into(),
        at: at("2014-05-22T15:00:00Z"),
        risk,
        reason: "name and address are in an attacker's hands".into(),
        content_root: None,
        persons: None,
    }
}

fn with<T>(name: &str, facts: &Facts, risk: Option<Risk>, then: impl FnOnce(&Matter<'_>) -> T) -> T {
    over(&scope(name), facts, risk, then)
}

/// Hands what a notice is made from to whoever drafts one.
pub fn over<T>(scope: &Scope, facts: &Facts, risk: Option<Risk>, then: impl FnOnce(&Matter<'_>) -> T) -> T {
    let standing = Standing { version: 3, scope };
    let known = Known::of(Some(&standing), facts);
    let decided = risk.map(decided);
    then(&Matter {
        case: "may",
        standing: Some(&standing),
        known: &known,
        decided: decided.as_ref(),
        regimes: &built_in(),
    })
}

fn wanted(kind: NoticeKind) -> Wanted<'static> {
    Wanted::of(kind)
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/disclose/golden/{name}.txt"));
    if std::env::var_os("AMBIT_BLESS").is_some() {
        return std::fs::write(path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: AMBIT_BLESS=1 rewrites it; then read it");
}

#[test]
fn every_notice_says_what_the_scope_carries_and_no_more() {
    let mut facts = story();
    flag(&mut facts, "material_incident", true);
    instant(&mut facts, "material_at", "2014-05-23T16:00:00Z");
    words(&mut facts, "role", &["controller", "processor"]);
    facts
        .set(
            "processor_aware_at",
            fact(Value::Instant(at("2014-05-22T11:40:00Z"))),
        )
        .unwrap();
    for name in ["whole", "gap"] {
        for kind in NoticeKind::ALL.iter().filter(|kind| **kind != NoticeKind::Letter) {
            let text = with(name, &facts, Some(Risk::High), |matter| {
                notice_text(&draft(matter, &wanted(*kind)).unwrap())
            });
            golden(&format!("{kind}_{name}"), &text);
        }
    }
}

/// A letter to a person who lives there.
fn letter(name: &str, person: &str, residence: Option<&str>) -> Draft {
    letter_in("en", name, person, residence)
}

fn letter_in(language: &str, name: &str, person: &str, residence: Option<&str>) -> Draft {
    let tongue = Tongue::known(language).unwrap();
    let mut facts = story();
    let mut german = |name: &str, text: &str| facts.set(name, fact(Value::Text(text.to_owned()))).unwrap();
    german(
        "nature:de",
        "Jemand hat die Sitzung eines Mitglieds übernommen und über eine Lücke in einer alten Version unserer Android-App ein Profil angesehen",
    );
    german(
        "consequences:de",
        "Wer Name und Anschrift hat, kann der Person schreiben und vorgeben, von uns zu kommen",
    );
    german(
        "measures:de",
        "Wir haben die Lücke geschlossen, die Sitzung beendet und lassen die alte Version nicht mehr zu",
    );
    if let Some(place) = residence {
        let fact = fact(Value::Text(place.to_owned()));
        facts.set(&format!("residence:{person}"), fact).unwrap();
    }
    with(name, &facts, Some(Risk::High), |matter| {
        let wanted = Wanted {
            person: Some(person),
            tongue: Some(&tongue),
            ..wanted(NoticeKind::Letter)
        };
        draft(matter, &wanted).unwrap()
    })
}

#[test]
fn a_letter_tells_a_person_their_own_data_and_nothing_of_others() {
    golden(
        "letter_whole",
        &notice_text(&letter("whole", "user:2077", Some("eu"))),
    );
    let open = notice_text(&letter("gap", "user:2081", Some("eu")));
    golden("letter_gap", &open);
    assert!(open.contains("cannot be excluded") && !open.contains("412") && !open.contains("2077"));
}

#[test]
fn massachusetts_is_not_told_the_nature_of_the_breach() {
    let text = notice_text(&letter("whole", "user:2077", Some("us-ma")));
    golden("letter_massachusetts", &text);
    for told in ["session", "hole", "2014", "Android"] {
        assert!(!text.contains(told), "{told}: {text}");
    }
    let unknown = letter("whole", "user:2077", None);
    assert!(
        unknown
            .troubles
            .iter()
            .any(|t| t.kind == TroubleKind::Missing && t.words == "residence:user:2077")
    );
}

#[test]
fn a_letter_says_the_same_in_german() {
    for (name, world, person, place) in [
        ("letter_whole_de", "whole", "user:2077", "eu"),
        ("letter_gap_de", "gap", "user:2081", "eu"),
        ("letter_massachusetts_de", "whole", "user:2077", "us-ma"),
    ] {
        let german = letter_in("de", world, person, Some(place));
        let english = letter(world, person, Some(place));
        golden(name, &notice_text(&german));
        let ids = |draft: &Draft| draft.sayings.iter().map(|s| s.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&german), ids(&english), "{name}");
        assert_eq!(german.troubles, english.troubles, "{name}");
    }
    with("whole", &story(), Some(Risk::High), |matter| {
        let tongue = Tongue::known("de").unwrap();
        let wanted = Wanted {
            tongue: Some(&tongue),
            ..wanted(NoticeKind::Public)
        };
        assert!(matches!(draft(matter, &wanted), Err(NoDraft::Language { .. })));
    });
}

#[test]
fn a_german_template_says_no_more_than_the_evidence_either() {
    for (template, whole, gap) in [
        ("{{ say.your_read }}", None, None),
        (
            "Ihre Passwörter wurden nicht gelesen.",
            None,
            Some(TroubleKind::Overclaimed),
        ),
        (
            "Ihre Passwörter wurden gestohlen.",
            Some(TroubleKind::Contradicted),
            Some(TroubleKind::Overclaimed),
        ),
        (
            "Rund 12 Wochen.",
            Some(TroubleKind::LooseNumber),
            Some(TroubleKind::LooseNumber),
        ),
    ] {
        for (name, person, expected) in [("whole", "user:2077", whole), ("gap", "user:2081", gap)] {
            let tongue = Tongue::known("de").unwrap().with_letter(template);
            let found = with(name, &story(), Some(Risk::High), |matter| {
                let wanted = Wanted {
                    person: Some(person),
                    tongue: Some(&tongue),
                    ..wanted(NoticeKind::Letter)
                };
                draft(matter, &wanted).unwrap().troubles
            });
            assert_eq!(
                found.first().map(|t| t.kind),
                expected,
                "{template} {name}: {found:?}"
            );
        }
    }
}

#[test]
fn a_letter_needs_a_person_whom_the_scope_names() {
    with("whole", &story(), Some(Risk::High), |matter| {
        let letter = wanted(NoticeKind::Letter);
        assert_eq!(draft(matter, &letter), Err(NoDraft::NoPerson));
        for person in ["user:1", "user:20777", "user", "ser:2077", "user:2077:"] {
            let wanted = Wanted {
                person: Some(person),
                ..letter
            };
            assert!(
                matches!(draft(matter, &wanted), Err(NoDraft::NotNamed { .. })),
                "{person}"
            );
        }
    });
}

fn troubles(name: &str, template: &str) -> Vec<(TroubleKind, String)> {
    with(name, &story(), Some(Risk::High), |matter| {
        let wanted = Wanted {
            template: Some(template),
            ..wanted(NoticeKind::Public)
        };
        let draft = draft(matter, &wanted).unwrap();
        draft.troubles.into_iter().map(|t| (t.kind, t.words)).collect()
    })
}

#[test]
fn a_template_of_ones_own_says_no_more_than_the_evidence() {
    use TroubleKind::{Contradicted, LooseNumber, Overclaimed, Understated};
    for (template, whole, gap) in [
        ("{{ say.persons }} {{ say.only }}", None, None),
        ("Only one user's data was accessed.", None, Some(Overclaimed)),
        ("No passwords were read.", None, Some(Overclaimed)),
        ("No names were read.", Some(Contradicted), Some(Contradicted)),
        ("Names may have been read.", Some(Understated), Some(Understated)),
        (
            "There is no evidence that others were affected.",
            None,
            Some(Overclaimed),
        ),
        ("This concerns 500 users.", Some(LooseNumber), Some(LooseNumber)),
        ("We take your privacy seriously.", None, None),
        ("Was it only one user?", None, None),
        ("See Article 34 of Regulation (EU) 2016/679.", None, None),
        ("{{ say.persons[0][:30] }}", Some(LooseNumber), Some(LooseNumber)),
        ("Call 0800-1234.", Some(LooseNumber), Some(LooseNumber)),
    ] {
        for (name, expected) in [("whole", whole), ("gap", gap)] {
            let found = troubles(name, template);
            let kinds: Vec<TroubleKind> = found.iter().map(|(kind, _)| *kind).collect();
            match expected {
                None => assert!(found.is_empty(), "{template} on {name}: {found:?}"),
                Some(kind) => assert!(kinds.contains(&kind), "{template} on {name}: {found:?}"),
            }
        }
    }
}

#[test]
fn what_a_person_signed_is_held_against_the_evidence_too() {
    let mut facts = story();
    let said = "Only one user's data was accessed, and no passwords were read";
    facts.set("nature", fact(Value::Text(said.to_owned()))).unwrap();
    for (name, carried) in [("whole", true), ("gap", false)] {
        let draft = with(name, &facts, Some(Risk::High), |matter| {
            draft(matter, &wanted(NoticeKind::Public)).unwrap()
        });
        let overclaimed = draft.troubles.iter().any(|t| t.kind == TroubleKind::Overclaimed);
        assert_eq!(overclaimed, !carried, "{name}: {:?}", draft.troubles);
    }
}

#[test]
fn nobody_issues_before_somebody_decided_and_said_what_is_missing() {
    let bare = with("whole", &Facts::default(), None, |matter| {
        draft(matter, &wanted(NoticeKind::Public)).unwrap()
    });
    let kinds: Vec<TroubleKind> = bare.troubles.iter().map(|t| t.kind).collect();
    assert!(kinds.contains(&TroubleKind::NotDecided));
    let missing: Vec<&str> = bare
        .troubles
        .iter()
        .filter(|t| t.kind == TroubleKind::Missing)
        .map(|t| t.words.as_str())
        .collect();
    for fact in ["aware_at", "detected_at", "organisation", "measures", "contact"] {
        assert!(missing.contains(&fact), "{fact}: {missing:?}");
    }
    golden("public_bare", &notice_text(&bare));
    for (risk, kind, may) in [
        (Risk::Unlikely, NoticeKind::Authority, false),
        (Risk::Likely, NoticeKind::Authority, true),
        (Risk::Likely, NoticeKind::Public, true),
        (Risk::High, NoticeKind::Public, true),
    ] {
        let draft = with("whole", &story(), Some(risk), |matter| {
            draft(matter, &wanted(kind)).unwrap()
        });
        assert_eq!(draft.may_be_issued(), may, "{kind}: {:?}", draft.troubles);
    }
}

#[test]
fn without_logs_a_notice_rests_on_what_was_signed() {
    let mut facts = story();
    crate::known::count(&mut facts, "subjects", 213, Some(213));
    crate::known::count(&mut facts, "records", 213, Some(213));
    words(&mut facts, "classes", &["identity", "education"]);
    instant(&mut facts, "occurred_from", "2021-03-01T00:00:00Z");
    instant(&mut facts, "occurred_to", "2021-03-31T00:00:00Z");
    let known = Known::of(None, &facts);
    let decided = decided(Risk::High);
    let matter = Matter {
        case: "applications",
        standing: None,
        known: &known,
        decided: Some(&decided),
        regimes: &[],
    };
    let text = notice_text(&draft(&matter, &wanted(NoticeKind::Authority)).unwrap());
    golden("authority_without_logs", &text);
    assert!(text.contains("exactly 213 persons") && text.contains("There are no logs of it"));
}

#[test]
fn an_issued_notice_turns_stale_when_the_scope_changes() {
    let said = with("whole", &story(), Some(Risk::High), |matter| {
        draft(matter, &wanted(NoticeKind::Public)).unwrap().said()
    });
    let issued = Issued {
        entry: "14".into(),
        by: "Ana Lind".into(),
        at: at("2014-05-23T09:00:00Z"),
        kind: NoticeKind::Public,
        person: None,
        template: None,
        language: None,
        said,
    };
    let same = with("whole", &story(), Some(Risk::High), |matter| {
        differences(&issued, matter).unwrap()
    });
    assert_eq!(same, []);
    let found = with("gap", &story(), Some(Risk::High), |matter| {
        differences(&issued, matter).unwrap()
    });
    let persons = found.iter().find(|d| d.saying == "persons").unwrap();
    assert!(persons.was.as_ref().unwrap().contains("of 1 person"));
    assert!(persons.now.as_ref().unwrap().contains("at most 412 persons"));
    let only = found.iter().find(|d| d.saying == "only").unwrap();
    assert!(only.was.is_some() && only.now.is_none());
}

#[test]
fn a_contradicted_claim_is_never_worded_as_true() {
    let mut scope = scope("whole");
    for claim in &mut scope.claims {
        if claim.id.starts_with("effect:") || claim.id == "internal" || claim.id == "control_ended" {
            claim.verdict = Verdict::Contradicted;
        }
    }
    let text = over(&scope, &story(), Some(Risk::High), |matter| {
        notice_text(&draft(matter, &wanted(NoticeKind::Authority)).unwrap())
    });
    for said in [
        "No internal company data",
        "access has ended.",
        "No personal data was changed",
    ] {
        assert!(
            !text.contains(said) || text.contains("not certain that the intruder's access has ended"),
            "{text}"
        );
    }
    assert!(text.contains("Internal company data was read."));
}

#[test]
fn no_key_of_another_person_and_no_markup_reaches_a_notice() {
    let mut facts = story();
    let hostile = "<script>alert(1)</script>\n# Title\n- item {{ say.persons }} \u{e000}3\u{e001}x\u{e002}";
    facts
        .set("measures", fact(Value::Text(hostile.to_owned())))
        .unwrap();
    let draft = with("gap", &facts, Some(Risk::High), |matter| {
        draft(matter, &wanted(NoticeKind::Public)).unwrap()
    });
    let (text, page) = (notice_text(&draft), notice_page(&draft));
    for key in ["2077", "2081", "fp_3c0ffee"] {
        assert!(!text.contains(key), "{key}");
    }
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(
        text.contains("{{ say.persons }}"),
        "what a person wrote is never a template"
    );
    assert_eq!(notice_json(&draft)["kind"], "public");
}
