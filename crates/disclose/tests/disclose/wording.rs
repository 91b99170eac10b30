//! Sentences with their worth, over logs that are whole and over logs with a gap.

use ambit_disclose::{Ground, Language, Worth, lint};
use ambit_scope::{Bounds, Claim, Verdict};
use std::collections::BTreeMap;

const SENTENCES: &[(Language, &str)] = &[
    (Language::English, include_str!("sentences.txt")),
    (Language::German, include_str!("saetze.txt")),
];

fn bounds(at_least: u64, at_most: Option<u64>) -> Bounds {
    Bounds {
        at_least,
        at_most,
        because: Vec::new(),
    }
}

/// A scope's claims and counts: at most so many persons.
struct World {
    claims: Vec<Claim>,
    persons: Bounds,
    records: Bounds,
    classes: BTreeMap<String, Bounds>,
    effects: BTreeMap<String, BTreeMap<String, Bounds>>,
    n_gaps: usize,
}

impl World {
    fn of(most: u64, n_gaps: usize) -> Self {
        let open = if n_gaps == 0 {
            Verdict::Supported
        } else {
            Verdict::Undecided
        };
        let claim = |id: &str, verdict| Claim {
            id: id.to_owned(),
            text: id.to_owned(),
            verdict,
            because: vec!["a test says so".to_owned()],
            would_settle: None,
        };
        let mut claims = vec![
            claim("only_these_persons", open),
            claim("control_ended", open),
            claim("nobody_else", Verdict::Undecided),
        ];
        claims.extend(
            ["changed", "destroyed", "unavailable"]
                .map(|e| claim(&format!("effect:{e}"), Verdict::Supported)),
        );
        let mut classes = BTreeMap::new();
        for class in ["contact", "identity"] {
            classes.insert(class.to_owned(), bounds(1, Some(most)));
            claims.push(claim(&format!("class:{class}:read"), Verdict::Contradicted));
        }
        for class in [
            "behaviour",
            "communication",
            "content",
            "credential",
            "financial",
            "payment",
        ] {
            classes.insert(
                class.to_owned(),
                bounds(0, Some(if n_gaps == 0 { 0 } else { most })),
            );
            claims.push(claim(&format!("class:{class}:read"), open));
        }
        Self {
            claims,
            persons: bounds(1, Some(most)),
            records: bounds(1, Some(if n_gaps == 0 { 4 } else { 900 })),
            effects: BTreeMap::from([("read".to_owned(), classes.clone())]),
            classes,
            n_gaps,
        }
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            claims: &self.claims,
            persons: &self.persons,
            records: &self.records,
            classes: &self.classes,
            effects: &self.effects,
            n_gaps: self.n_gaps,
            unreadable: None,
        }
    }
}

fn letter(worth: Worth) -> &'static str {
    match worth {
        Worth::Unbound => "-",
        Worth::Carried => "C",
        Worth::Hedged => "H",
        Worth::Understated => "u",
        Worth::Overclaimed => "O",
        Worth::Contradicted => "X",
    }
}

#[test]
fn every_sentence_is_worth_what_the_evidence_carries() {
    let (whole, gap) = (World::of(1, 0), World::of(138, 1));
    let mut failures = Vec::new();
    let mut n_checked = 0;
    for (language, sentences) in SENTENCES {
        let rows: Vec<Vec<&str>> = sentences
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(" | ").collect())
            .collect();
        assert!(rows.len() >= 50, "{language:?}");
        for row in &rows {
            for (world, expected) in [(&whole, row[1]), (&gap, row[2])] {
                n_checked += 1;
                let found = lint(row[0], *language, &world.ground());
                if letter(found.worth) != expected {
                    failures.push(format!("{} | expected {expected}: {found:?}", row[0]));
                }
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        n_checked,
        failures.join("\n")
    );
}

#[test]
fn a_signed_fact_carries_that_the_data_was_unreadable() {
    let world = World::of(1, 0);
    let mut ground = world.ground();
    for (unreadable, worth) in [
        (Some(true), Worth::Carried),
        (Some(false), Worth::Contradicted),
        (None, Worth::Overclaimed),
    ] {
        ground.unreadable = unreadable;
        assert_eq!(
            lint("All data was encrypted.", Language::English, &ground).worth,
            worth
        );
    }
}

#[test]
fn hostile_sentences_are_read_too() {
    let world = World::of(1, 0);
    for sentence in [
        "",
        "\u{0}\u{202e}ö",
        "data of 99999999999999999999999 users",
        "over 18446744073709551615 users",
    ] {
        let _ = lint(sentence, Language::English, &world.ground());
    }
    let long = "no password ".repeat(20_000);
    assert_eq!(
        lint(&long, Language::English, &world.ground()).worth,
        Worth::Carried
    );
}
