//! A case from its first fact to a notice that turned stale.

#![allow(clippy::unwrap_used)]

use ambit_case::{Act, By, Case, Dossier, Error, Kind, Signed};
use ambit_disclose::{NoticeKind, Openness, Regime, Risk, Wanted, built_in, draft};
use ambit_event::Timestamp;
use serde_json::Value;
use std::sync::LazyLock;

static REGIMES: LazyLock<Vec<Regime>> = LazyLock::new(built_in);

const WHOLE: &str = include_str!("../../disclose/tests/disclose/scopes/whole.json");
const GAP: &str = include_str!("../../disclose/tests/disclose/scopes/gap.json");

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn by(text: &str) -> By {
    By::new("Ana Lind", at(text))
}

fn scoped(case: &mut Case, text: &str) {
    let answer: Value = serde_json::from_str(text).unwrap();
    let (version, root) = (
        answer["lake_version"].as_u64().unwrap(),
        answer["content_root"].as_str().unwrap().to_owned(),
    );
    let act = Act::scope(version, &root, answer);
    case.append(&by("2026-05-22T12:00:00Z"), &act).unwrap();
}

fn say(case: &mut Case, text: &str) {
    let signed = Signed::read(text, Some("the head of security"), Some("the gateway's log")).unwrap();
    case.append(&by("2026-05-22T12:30:00Z"), &signed.act()).unwrap();
}

fn told(case: &mut Case) {
    for text in [
        "establishment=eu",
        "sectors=none_of_these",
        "role=controller",
        "encryption=none",
        "recipient=malicious",
        "identification=maximum",
        "harm=none",
        "vulnerable=no",
        "returned=no",
        "restored=in_good_time",
        "high_risk_removed=no",
        "organisation=Tonal Music AB",
        "contact=privacy@tonal.example",
        "nature=Somebody used the session of a member",
        "consequences=Somebody may write in our name",
        "measures=We ended the session",
        "detected_at=2026-05-22T08:00:00Z",
        "aware_at=2026-05-22T11:40:00Z",
    ] {
        say(case, text);
    }
}

fn opened(folder: &tempfile::TempDir) -> Case {
    Case::create(
        &folder.path().join("may.sqlite"),
        "may",
        &by("2026-05-22T11:00:00Z"),
    )
    .unwrap()
}

fn wanted(kind: NoticeKind) -> Wanted<'static> {
    Wanted::of(kind)
}

#[test]
fn from_the_first_fact_to_a_stale_notice() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    scoped(&mut case, WHOLE);
    told(&mut case);
    let now = at("2026-05-22T15:00:00Z");
    let before = Dossier::of(&case).unwrap().disclosure(&REGIMES, now);
    assert!(before.asks.iter().any(|ask| ask.fact == "risk"));
    let (decision, register) = case
        .decide(
            &by("2026-05-22T15:00:00Z"),
            Risk::Likely,
            "an attacker has name and address",
            &REGIMES,
        )
        .unwrap();
    assert_eq!((decision.kind, register.kind), (Kind::Decision, Kind::Notice));
    assert_eq!(register.text("notice"), Some("register"));
    assert!(
        register
            .text("text")
            .unwrap()
            .contains("an attacker has name and address")
    );
    let dossier = Dossier::of(&case).unwrap();
    let root = dossier
        .scope
        .as_ref()
        .map(|(_, scope)| scope.content_root.clone());
    let notice = dossier.matter(&REGIMES, |matter| {
        draft(matter, &wanted(NoticeKind::Authority)).unwrap()
    });
    assert!(notice.may_be_issued(), "{:?}", notice.troubles);
    let issued = case
        .append(
            &by("2026-05-23T09:00:00Z"),
            &Act::notice(&notice, None, root.as_deref()).unwrap(),
        )
        .unwrap();
    let sent = Act::sent(
        "eu-gdpr/authority",
        at("2026-05-23T09:05:00Z"),
        "receipt 2026-118",
        Some(issued.seq),
    );
    case.append(&by("2026-05-23T09:06:00Z"), &sent).unwrap();
    let after = Dossier::of(&case)
        .unwrap()
        .disclosure(&REGIMES, at("2026-06-22T00:00:00Z"));
    let authority = after
        .duties
        .iter()
        .find(|duty| duty.name() == "eu-gdpr/authority")
        .unwrap();
    assert!(
        matches!(authority.state, ambit_disclose::State::Sent { .. }),
        "{authority:?}"
    );
    assert_eq!(after.notices.len(), 2);
    assert!(
        after.notices.iter().all(|told| told.stale.is_empty()),
        "{:?}",
        after.notices
    );
    assert!(after.outdated.is_none());
    scoped(&mut case, GAP);
    let changed = Dossier::of(&case)
        .unwrap()
        .disclosure(&REGIMES, at("2026-06-22T00:00:00Z"));
    assert!(changed.notices.iter().all(|told| !told.stale.is_empty()));
    assert!(changed.outdated.is_some());
    assert_ne!(changed.standing(), Openness::Settled);
    case.verify().unwrap();
}

#[test]
fn the_decision_is_written_with_its_register_entry_whatever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    for (second, risk) in [(0, Risk::Unlikely), (1, Risk::High)] {
        let by = By::new("Ana Lind", at("2026-05-22T15:00:00Z").plus_secs(second));
        let (_, register) = case
            .decide(&by, risk, "as the log of the parcel service shows", &REGIMES)
            .unwrap();
        assert!(register.text("text").unwrap().contains(risk.name()));
    }
    let dossier = Dossier::of(&case).unwrap();
    assert_eq!(dossier.decided.map(|decided| decided.risk), Some(Risk::High));
    assert_eq!(dossier.signed.word("risk"), Some("high"));
    assert_eq!(dossier.issued.len(), 1, "the newest of a kind stands");
    assert!(dossier.scope.is_none());
}

#[test]
fn a_fact_needs_a_name_a_form_and_for_knowledge_who_knew() {
    for (text, because) in [
        ("aware_at", "NAME=VALUE"),
        ("awares=yes", "no fact of this name"),
        ("key_taken=perhaps", "yes or no"),
        ("aware_at=2026-05-22T11:40:00Z", "who knew"),
        ("risk=high", "decided"),
        ("sent:eu-gdpr/authority=2026-05-22T11:40:00Z", "proof"),
    ] {
        let error = Signed::read(text, None, None).unwrap_err().to_string();
        assert!(error.contains(because), "{text}: {error}");
    }
    let signed = Signed::read("aware_at=2026-05-22T11:40:00Z", Some("Bo"), Some("a call")).unwrap();
    assert_eq!(signed.act().body["knower"], "Bo");
}

#[test]
fn a_fact_that_is_taken_back_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    say(&mut case, "key_taken=no");
    assert_eq!(Dossier::of(&case).unwrap().signed.flag("key_taken"), Some(false));
    let withdrawn = Signed::withdrawn("key_taken", Some("the vault's log has a hole")).unwrap();
    case.append(&by("2026-05-23T00:00:00Z"), &withdrawn.act())
        .unwrap();
    assert_eq!(Dossier::of(&case).unwrap().signed.flag("key_taken"), None);
    say(&mut case, "key_taken=yes");
    assert_eq!(Dossier::of(&case).unwrap().signed.flag("key_taken"), Some(true));
}

#[test]
fn what_is_not_carried_is_not_issued_and_the_first_sending_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    scoped(&mut case, GAP);
    told(&mut case);
    say(&mut case, "nature=Only one user's data was accessed");
    case.decide(
        &by("2026-05-22T15:00:00Z"),
        Risk::High,
        "name and address",
        &REGIMES,
    )
    .unwrap();
    let dossier = Dossier::of(&case).unwrap();
    let notice = dossier.matter(&REGIMES, |matter| {
        draft(matter, &wanted(NoticeKind::Public)).unwrap()
    });
    let refused = Act::notice(&notice, None, None).unwrap_err();
    assert!(
        matches!(&refused, Error::NotIssuable { why, .. } if why.contains("overclaimed")),
        "{refused}"
    );
    for (time, proof) in [
        ("2026-05-24T00:00:00Z", "second"),
        ("2026-05-23T00:00:00Z", "first"),
    ] {
        let sent = Act::sent("eu-gdpr/authority", at(time), proof, None);
        case.append(&by("2026-05-25T00:00:00Z"), &sent).unwrap();
    }
    let dossier = Dossier::of(&case).unwrap();
    assert_eq!(dossier.sent.len(), 2);
    assert_eq!(
        dossier.signed.instant("sent:eu-gdpr/authority"),
        Some(at("2026-05-23T00:00:00Z"))
    );
}

#[test]
fn an_entry_that_cannot_be_understood_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    let act = Act {
        kind: Kind::Fact,
        body: serde_json::json!({ "name": "no such fact", "value": { "flag": true } }),
    };
    case.append(&by("2026-05-25T00:00:00Z"), &act).unwrap();
    assert!(matches!(Dossier::of(&case), Err(Error::Body { seq: 1, .. })));
}

/// What was signed, computed, decided and sent later is no part of what was known then.
#[test]
fn the_state_of_an_instant_is_what_the_journal_held_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    scoped(&mut case, WHOLE);
    told(&mut case);
    let later = by("2026-05-24T00:00:00Z");
    let answer: Value = serde_json::from_str(GAP).unwrap();
    case.append(&later, &Act::scope(9, "cd", answer)).unwrap();
    let sent = Act::sent("eu-gdpr/authority", at("2026-05-23T09:05:00Z"), "receipt", None);
    case.append(&later, &sent).unwrap();
    let then = Dossier::at(&case, at("2026-05-23T12:00:00Z")).unwrap();
    let now = Dossier::of(&case).unwrap();
    let persons = |dossier: &Dossier| {
        let found = dossier.disclosure(&REGIMES, at("2026-05-23T12:00:00Z"));
        found.known.facts.count("subjects").unwrap().at_most
    };
    assert_eq!((persons(&then), persons(&now)), (Some(1), Some(412)));
    assert_eq!((then.n_later, now.n_later), (2, 0));
    assert_eq!((then.sent.len(), now.sent.len()), (0, 1));
    assert_eq!(then.signed.text("organisation"), Some("Tonal Music AB"));
    let before = Dossier::at(&case, at("2026-05-22T11:59:59Z")).unwrap();
    assert!(before.scope.is_none() && before.signed == ambit_disclose::Facts::default());
    assert_eq!(Dossier::at(&case, at("2030-01-01T00:00:00Z")).unwrap().n_later, 0);
}

#[test]
fn what_cannot_be_signed_is_refused_by_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = opened(&folder);
    scoped(&mut case, WHOLE);
    let dossier = Dossier::of(&case).unwrap();
    let check = |texts: &[&str]| {
        let signed: Vec<Signed> = texts
            .iter()
            .map(|t| Signed::read(t, None, None).unwrap())
            .collect();
        dossier.check(&signed).map_err(|error| error.to_string())
    };
    assert_eq!(check(&["residents:se=3", "class:contact:read=1..9"]), Ok(()));
    assert_eq!(check(&["occurred_from=2014-05-01T00:00:00Z"]), Ok(()));
    for (texts, because) in [
        (&["residents:zz=3"][..], "no code of a place"),
        (&["class:foo:read=3"], "no class of data"),
        // The logs show the intruder on 21 May.
        (&["occurred_to=2014-05-01T00:00:00Z"], "before it begins"),
        (&["occurred_from=2014-06-01T00:00:00Z"], "after it ended"),
    ] {
        let refused = check(texts);
        assert!(
            refused.as_ref().is_err_and(|why| why.contains(because)),
            "{texts:?}: {refused:?}"
        );
    }
    assert!(dossier.check_sent(at("2014-05-01T00:00:00Z")).is_err());
    assert!(dossier.check_sent(at("2014-05-22T00:00:00Z")).is_ok());
}
