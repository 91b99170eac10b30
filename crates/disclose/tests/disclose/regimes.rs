//! The regimes that come with the program can be read, and mistakes in one are told with their place.

use ambit_disclose::{Confidence, Status, built_in, built_in_files, parse};
use std::collections::BTreeSet;

#[test]
fn every_built_in_regime_can_be_read() {
    for (name, text) in built_in_files() {
        let (regimes, diagnostics) = parse(text, name);
        let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert!(!regimes.is_empty() && shown.is_empty(), "{}", shown.join("\n"));
    }
    let regimes = built_in();
    let ids: BTreeSet<&str> = regimes.iter().map(|regime| regime.id.as_str()).collect();
    assert_eq!(ids.len(), regimes.len(), "no id stands twice");
    for id in [
        "eu-gdpr",
        "uk-gdpr",
        "uk-pecr",
        "eu-611-2013",
        "eu-nis2",
        "eu-dora",
        "eu-cra",
        "us-sec-8k",
        "us-hipaa",
        "us-ftc-hbnr",
        "us-ftc-safeguards",
        "us-circia",
        "us-nydfs",
        "us-ca",
        "us-ma",
        "ca-pipeda",
        "au-ndb",
        "jp-appi",
        "in-certin",
        "in-dpdp",
        "sg-pdpa",
        "br-lgpd",
        "kr-pipa",
        "ch-fadp",
    ] {
        assert!(ids.contains(id), "{id}");
    }
    assert_eq!(
        ids.iter()
            .filter(|id| id.len() == 5 && id.starts_with("us-"))
            .count(),
        31
    );
}

#[test]
fn what_is_not_in_force_or_not_verified_says_so() {
    let regimes = built_in();
    let of = |id: &str| regimes.iter().find(|regime| regime.id == id).unwrap();
    assert_eq!(of("us-circia").status, Status::Pending);
    assert_eq!(of("eu-digital-omnibus").status, Status::Proposed);
    assert_eq!(of("eu-eidas").status, Status::Repealed);
    assert_eq!(of("eu-dora").citations["later"].confidence, Confidence::Medium);
    // Its sources contradict each other.
    assert!(!of("us-tx").citations["persons"].confidence.is_verified());
}

const GOOD: &str = r#"
[[regime]]
id = "xx-law"
title = "The breach law of X"
jurisdiction = "xx"
status = "in_force"
dated = "a1"
valid_from = 2018-05-25
counting = "plain"
applies = { when = { word = "establishment", is = ["eu"] }, cite = "a1" }

[regime.citations]
a1 = { instrument = "Act 1 of 2018", article = "s. 1", confidence = "H", basis = "text read" }

[[regime.duty]]
id = "authority"
title = "notify the authority"
recipient = { what = "the authority", cite = "a1" }
starts = { what = "aware_at", cite = "a1" }
period = { hours = 72, cite = "a1" }
trigger = { when = { risk = "likely" }, cite = "a1" }
"#;

#[test]
fn mistakes_are_told_with_place_and_hint() {
    let (regimes, diagnostics) = parse(GOOD, "x.toml");
    assert_eq!((regimes.len(), diagnostics.len()), (1, 0));
    for (wrong, right, code, hint) in [
        (
            "statu = ",
            "status = ",
            "unknown-key",
            Some("did you mean `status`?"),
        ),
        (
            "\"in_forc\"",
            "\"in_force\"",
            "unknown-name",
            Some("did you mean `in_force`?"),
        ),
        (
            "\"aware_att\"",
            "\"aware_at\"",
            "unknown-name",
            Some("did you mean `aware_at`?"),
        ),
        ("hours = 72, months = 1", "hours = 72", "bad-period", None),
        ("hours = 0", "hours = 72", "bad-period", None),
        (
            "risk = \"hgh\"",
            "risk = \"likely\"",
            "unknown-name",
            Some("did you mean `high`?"),
        ),
        (
            "risk = \"high\", flag = \"key_taken\"",
            "risk = \"likely\"",
            "bad-condition",
            None,
        ),
        ("count = \"subjects\"", "risk = \"likely\"", "bad-condition", None),
        (
            "count = \"subject\", more_than = 5",
            "risk = \"likely\"",
            "unknown-name",
            Some("did you mean `subjects`?"),
        ),
        (
            "classes = [\"helth\"]",
            "risk = \"likely\"",
            "unknown-name",
            Some("did you mean `health`?"),
        ),
        ("is = [\"eu\", \"uk\"]", "is = [\"eu\"]", "unknown-name", None),
        (
            "dated = \"a2\"",
            "dated = \"a1\"",
            "unknown-name",
            Some("did you mean `a1`?"),
        ),
        ("\"sent:xx-law/first\"", "\"aware_at\"", "unknown-name", None),
        ("id = \"Author ity\"", "id = \"authority\"", "bad-id", None),
        (
            "counting = \"plain\"\nzone = \"Europe/Stockhom\"",
            "counting = \"plain\"",
            "no-zone",
            None,
        ),
        (
            "counting = \"plain\"\ncalendar = \"weekend\"",
            "counting = \"plain\"",
            "unknown-name",
            Some("did you mean `weekends`?"),
        ),
        (
            "valid_from = 2018-05-25T10:00:00",
            "valid_from = 2018-05-25",
            "bad-date",
            None,
        ),
        ("", "valid_from = 2018-05-25", "no-date", None),
        ("", "period = { hours = 72, cite = \"a1\" }", "missing-key", None),
        ("[[[", "[[regime.duty]]", "syntax", None),
    ] {
        let (regimes, diagnostics) = parse(&GOOD.replacen(right, wrong, 1), "x.toml");
        assert!(regimes.is_empty(), "{wrong}");
        let found = diagnostics.iter().find(|d| d.code == code);
        let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert!(found.is_some(), "{wrong}: {}", shown.join("\n"));
        assert!(
            hint.is_none()
                || found
                    .unwrap()
                    .hint
                    .as_deref()
                    .is_some_and(|h| h.contains(hint.unwrap().trim_start_matches("did you mean "))),
            "{wrong}: {}",
            shown.join("\n")
        );
        assert!(found.unwrap().line >= 1);
    }
}

#[test]
fn the_place_is_the_line_of_the_mistake() {
    let text = GOOD.replacen("\"aware_at\"", "\"awaer_at\"", 1);
    let (_, diagnostics) = parse(&text, "x.toml");
    let line = text.lines().position(|line| line.contains("awaer_at")).unwrap() + 1;
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(
        diagnostics[0].to_string(),
        format!(
            "error[unknown-name]: `awaer_at` is no instant\n  --> x.toml:{line}:19\n   | \"awaer_at\"\n   = hint: did you mean `aware_at`?"
        )
    );
}
