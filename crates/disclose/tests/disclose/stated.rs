//! What somebody stated beside the records is told as theirs, and one hole in the records is told once.

use crate::known::{at, fact, instant};
use crate::notices::{over, scope, story};
use ambit_disclose::{Carrier, Draft, Facts, NoticeKind, Risk, Value, Wanted, draft, edpb, outrun};
use ambit_scope::{Scope, ScopeGap};

fn drafted(scope: &Scope, facts: &Facts, kind: NoticeKind) -> Draft {
    over(scope, facts, Some(Risk::High), |matter| {
        draft(matter, &Wanted::of(kind)).unwrap()
    })
}

fn told<'d>(draft: &'d Draft, id: &str) -> Option<&'d str> {
    let saying = draft.sayings.iter().find(|saying| saying.id == id)?;
    Some(saying.text.as_str())
}

#[test]
fn what_somebody_stated_is_not_told_as_what_the_records_show() {
    let mut facts = story();
    instant(&mut facts, "occurred_from", "2014-05-01T00:00:00Z");
    instant(&mut facts, "noticeable_at", "2014-05-02T00:00:00Z");
    let whole = scope("whole");
    let shown = drafted(&whole, &story(), NoticeKind::Authority);
    let authority = drafted(&whole, &facts, NoticeKind::Authority);
    for id in ["period", "noticeable"] {
        assert_eq!(told(&authority, id), told(&shown, id));
    }
    assert_eq!(
        told(&authority, "period:from"),
        Some(
            "It began on 1 May 2014 at 00:00:00 UTC, as the privacy officer stated on 1 January 2026 at 00:00:00 UTC; our records do not show this."
        )
    );
    assert_eq!(told(&authority, "period:to"), None);
    assert!(
        told(&authority, "noticeable:stated").is_some_and(|text| text.contains("as the privacy officer"))
    );
    assert!(told(&authority, "delay").is_some_and(|text| !text.contains("our records")));
    let public = drafted(&whole, &facts, NoticeKind::Public);
    assert!(told(&public, "period:from").is_some_and(|text| text.contains("as was stated on")));
}

#[test]
fn without_records_of_the_time_only_the_statement_stands() {
    let mut silent = scope("whole");
    silent.timeline.first_activity = None;
    silent.timeline.last_activity = None;
    let mut facts = story();
    instant(&mut facts, "occurred_from", "2014-05-01T00:00:00Z");
    let found = drafted(&silent, &facts, NoticeKind::Authority);
    assert_eq!(told(&found, "period"), None);
    assert!(told(&found, "period:from").is_some_and(|text| text.contains("stated")));
    // Its end is still asked for.
    assert!(
        found
            .troubles
            .iter()
            .any(|trouble| trouble.words == "occurred_to")
    );
}

#[test]
fn a_detection_that_the_records_show_stands_beside_an_earlier_one() {
    let mut noticed = scope("whole");
    noticed.timeline.first_noticed = Some(at("2014-05-22T09:00:00Z"));
    let found = drafted(&noticed, &story(), NoticeKind::Authority);
    assert!(told(&found, "detected:shown").is_some_and(|text| text.contains("09:00:00")));
    assert!(told(&found, "detected").is_some_and(|text| text.contains("08:15:00")));
    let mut later = story();
    instant(&mut later, "detected_at", "2014-05-22T10:00:00Z");
    let found = drafted(&noticed, &later, NoticeKind::Authority);
    assert_eq!(
        told(&found, "detected"),
        Some("It was first noticed on 22 May 2014 at 09:00:00 UTC.")
    );
}

#[test]
fn of_a_time_that_the_records_do_not_cover_nothing_is_excluded() {
    let whole = scope("whole");
    let mut facts = story();
    instant(&mut facts, "occurred_from", "2014-05-20T00:00:00Z");
    assert_eq!(outrun(&whole, &facts), None);
    instant(&mut facts, "occurred_from", "2014-05-01T00:00:00Z");
    let open = outrun(&whole, &facts).unwrap();
    assert_eq!(open.subjects.at_least, whole.subjects.at_least);
    for kind in [NoticeKind::Public, NoticeKind::Authority] {
        let before = drafted(&whole, &facts, kind);
        assert!(told(&before, "only").is_some() && told(&before, "excluded:classes").is_some());
        let found = drafted(&open, &facts, kind);
        let persons = told(&found, "persons").unwrap();
        assert!(persons.contains("no upper limit is known"), "{persons}");
        let claimed = found.sayings.iter().find(|saying| {
            ["only", "excluded", "none:", "ended:at"]
                .iter()
                .any(|id| saying.id.starts_with(id))
        });
        assert_eq!(claimed.map(|saying| &saying.text), None);
    }
    let mut later = story();
    instant(&mut later, "occurred_to", "2015-01-01T00:00:00Z");
    assert!(outrun(&whole, &later).is_some_and(|open| open.records.at_most.is_none()));
}

/// One hole that the scope tells of twice, for two channels.
fn twice(name: &str) -> Scope {
    let mut scope = scope(name);
    let mut again: ScopeGap = scope.gaps.first().unwrap().clone();
    again.id = "gap:again".into();
    again.channel = "export".into();
    scope.gaps.push(again);
    scope
}

#[test]
fn one_hole_is_told_once_with_all_that_it_touches() {
    let scope = twice("gap");
    for kind in [
        NoticeKind::Authority,
        NoticeKind::Controller,
        NoticeKind::Register,
    ] {
        let found = drafted(&scope, &story(), kind);
        let gaps: Vec<_> = found
            .sayings
            .iter()
            .filter(|s| s.id.starts_with("gap:"))
            .collect();
        assert_eq!(gaps.len(), 2, "{kind}: {gaps:?}");
        assert!(
            gaps[0]
                .text
                .contains("this touches what is known of app and export"),
            "{kind}: {gaps:?}"
        );
        assert!(gaps[0].carried_by.contains(&Carrier::Gap {
            id: "gap:again".into()
        }));
    }
    let form = over(&scope, &story(), Some(Risk::High), |matter| {
        edpb(matter, at("2014-05-23T00:00:00Z"))
    });
    let told = form["fields"]["field_53"].as_str().unwrap();
    assert_eq!(told.matches("on gw-1").count(), 1, "{told}");
}

#[test]
fn a_name_that_a_person_wrote_brings_no_markup_into_a_statement() {
    let mut facts = story();
    let mut early = fact(Value::Instant(at("2014-05-01T00:00:00Z")));
    if let ambit_disclose::Provenance::Signed { by, .. } = &mut early.provenance {
        *by = "<b>x</b>\n# y".into();
    }
    facts.set("occurred_from", early).unwrap();
    let found = drafted(&scope("whole"), &facts, NoticeKind::Authority);
    assert!(!ambit_disclose::notice_page(&found).contains("<b>x</b>"));
}

#[test]
fn on_paper_a_notice_stands_alone_and_in_its_own_language() {
    let found = drafted(&scope("whole"), &story(), NoticeKind::Authority);
    let page = ambit_disclose::notice_page(&found);
    assert!(page.contains("<html lang=\"en\">") && page.contains("<title>Notification of a personal data"));
    let (shown, basis) = page.split_once("<section class=\"basis\"").unwrap();
    assert!(basis.contains("What carries each sentence") && !shown.contains("</ol>"));
    let print = shown.split_once("@media print").map(|(_, rest)| rest).unwrap();
    assert!(print.contains(".basis { display: none; }"));
}
