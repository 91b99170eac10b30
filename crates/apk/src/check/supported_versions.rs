//! Android versions that the app still runs on, or behaves as if it did.

use super::{Check, Facts, Found, Look};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "supported_versions",
    title: "Old Android versions",
    masvs: "MASVS-CODE-1",
    mastg: &["0245"],
    maswe: Some("MASWE-0077"),
    cwe: 1395,
    looks: &[Look::Package(look)],
};

/// Below it apps trust certificates that a user installed, and no network policy is read.
const MIN: u32 = 24;
/// Below it restrictions that protect users are not applied to the app; stores refuse it.
const TARGET: u32 = 30;

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let (min, target) = (facts.manifest.min(), facts.manifest.target());
    if min < MIN {
        found.add(
            Level::Low,
            Confidence::High,
            format!("minSdkVersion {min}"),
            "devices before Android 7 trust what users installed, ignore the network policy, and get no repairs",
        );
    }
    if target < TARGET {
        found.add(
            Level::Low,
            Confidence::High,
            format!("targetSdkVersion {target}"),
            "newer protections are switched off for an app that was made for an older Android",
        );
    }
}
