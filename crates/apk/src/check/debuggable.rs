//! A release that a debugger may open.

use super::{Check, Facts, Found, Look};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "debuggable",
    title: "Debuggable release",
    masvs: "MASVS-RESILIENCE-4",
    mastg: &["0226"],
    maswe: Some("MASWE-0067"),
    cwe: 489,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    if facts.manifest.debuggable {
        found.add(
            Level::High,
            Confidence::High,
            "android:debuggable is true",
            "whoever holds the device reads and changes the running app and its data",
        );
    }
    if facts.manifest.test_only {
        found.add(
            Level::Low,
            Confidence::High,
            "android:testOnly is true",
            "this build was not made to be released",
        );
    }
}
