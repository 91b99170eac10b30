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
    // The version itself stands in the proof: two releases that are both too old have the same weakness.
    if min < MIN {
        let told = found.add(
            Level::Low,
            Confidence::High,
            format!("minSdkVersion is below {MIN}"),
            "devices before Android 7 trust what users installed, ignore the network policy, and get no repairs",
        );
        told.constant(Some(min.to_string()));
    }
    if target < TARGET {
        let told = found.add(
            Level::Low,
            Confidence::High,
            format!("targetSdkVersion is below {TARGET}"),
            "newer protections are switched off for an app that was made for an older Android",
        );
        told.constant(Some(target.to_string()));
    }
}
