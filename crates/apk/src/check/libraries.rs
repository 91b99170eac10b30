//! Libraries that are in the package, with their versions where the package tells them.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "libraries",
    title: "Libraries in the package",
    masvs: "MASVS-CODE-3",
    mastg: &["0272", "0274"],
    maswe: Some("MASWE-0076"),
    cwe: 1104,
    looks: &[Look::Package(look)],
};

/// Libraries that nobody repairs any more.
const ABANDONED: &[(&str, &str)] = &[
    (
        "Apache HttpClient",
        "taken out of Android in 2015, and not repaired since",
    ),
    ("OkHttp 2", "the last release is of 2016"),
    ("RxJava 1", "at its end since March 2018"),
    ("Crashlytics", "the Fabric SDK ended in 2020"),
    (
        "ExoPlayer",
        "replaced by Media3, and not repaired since July 2024",
    ),
    ("App Center", "ended in March 2025"),
    ("Twitter Kit", "not repaired since October 2018"),
];

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for library in facts.libraries {
        let because = ABANDONED
            .iter()
            .find(|(name, _)| *name == library.name)
            .map(|(_, why)| *why);
        let version = library
            .version
            .as_deref()
            .unwrap_or("of a version that the package does not tell");
        let level = if because.is_some() {
            Level::Low
        } else {
            Level::Informational
        };
        found.at(
            Owner::Sdk(library.name.clone()),
            Proof::in_file(library.file.clone()),
            level,
            Confidence::High,
            format!("{} {version}", library.name),
            because.unwrap_or("named so that it can be compared with lists of weaknesses"),
        );
    }
}
