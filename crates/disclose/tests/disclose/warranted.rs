//! The cases of the guidance, and what a single changed fact does to them.

use crate::known::{count, fact, flag};
use ambit_disclose::{Assessment, Facts, Value, assess, cases};
use ambit_scope::Bounds;

#[test]
fn every_case_of_the_guidance_is_decided_as_it_says() {
    let mut failures = Vec::new();
    let all = cases();
    assert_eq!(all.len(), 28);
    for case in &all {
        let found = assess(&case.facts);
        let (authority, persons) = (found.notify_authority, found.tell_persons);
        if (authority, persons) != (case.authority, case.persons) {
            failures.push(format!(
                "{}: {authority}, {persons}: {:?}",
                case.id, found.because
            ));
        }
        for flip in &case.flips {
            let found = assess(&flip.facts);
            if (found.notify_authority, found.tell_persons) != (flip.authority, flip.persons) {
                let (authority, persons) = (found.notify_authority, found.tell_persons);
                failures.push(format!(
                    "{} where {}: {authority}, {persons}: {:?}",
                    case.id, flip.why, found.because
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_decides_is_asked_for_and_nothing_else() {
    let named = |found: &Assessment| {
        found
            .depends_on
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    let all = cases();
    let of = |id: &str| all.iter().find(|case| case.id == id).unwrap();
    assert!(named(&assess(&of("wp250-ii").facts)).contains(&"classes".to_owned()));
    assert!(assess(&of("edpb-11").facts).depends_on.is_empty());
    // Whoever got nothing needs no question on what it was.
    let mut nothing = of("wp250-iii").facts.clone();
    nothing.unset("classes");
    nothing.unset("identification");
    assert!(assess(&nothing).depends_on.is_empty());
    let found = assess(&Facts::default());
    assert!(found.depends_on.len() >= 8 && found.severity.is_none());
}

#[test]
fn more_persons_or_doubt_about_the_key_never_lower_the_risk() {
    for case in cases() {
        let before = assess(&case.facts);
        let mut more = case.facts.clone();
        count(&mut more, "subjects", 5_000_000, Some(5_000_000));
        assert!(assess(&more).at_most >= before.at_most, "{}", case.id);
        let mut taken = case.facts.clone();
        flag(&mut taken, "key_taken", true);
        assert!(assess(&taken).at_least >= before.at_least, "{}", case.id);
    }
}

#[test]
fn the_score_stands_beside_and_says_where_it_disagrees() {
    let all = cases();
    let eleven = all.iter().find(|case| case.id == "edpb-11").unwrap();
    let found = assess(&eleven.facts);
    let severity = found.severity.unwrap();
    assert!((severity.score - 1.75).abs() < 1e-9, "{severity:?}");
    assert!(found.disagreement.unwrap().contains("more than 100 persons"));
    let twelve = assess(&all.iter().find(|case| case.id == "edpb-12").unwrap().facts);
    assert!(twelve.severity.is_some() && twelve.disagreement.is_none());
    let mut open = eleven.facts.clone();
    open.set(
        "subjects",
        fact(Value::Count(Bounds {
            at_least: 1,
            at_most: None,
            because: Vec::new(),
        })),
    )
    .unwrap();
    assert!(assess(&open).severity.is_none());
}
