//! Whether the app can be told that it is too old.

use super::{Check, Facts, Found, Look};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "update_gate",
    title: "Enforced updates",
    masvs: "MASVS-CODE-2",
    mastg: &["0036"],
    maswe: Some("MASWE-0075"),
    cwe: 693,
    looks: &[Look::Package(look)],
};

const GATES: &[&str] = &[
    "com/google/android/play/core/appupdate/AppUpdateManager.startUpdateFlowForResult",
    "com/google/android/play/core/appupdate/AppUpdateManager.startUpdateFlow",
    "com/google/android/play/core/appupdate/AppUpdateManagerFactory.create",
];

/// Whether a call is one that asks the store for an update.
pub(crate) fn is_gate(class: &str, method: &str) -> bool {
    GATES
        .iter()
        .any(|gate| gate.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')) == Some(method))
}

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    if facts.is_code_read && !GATES.iter().any(|gate| facts.named.contains_key(*gate)) {
        found.add(
            Level::Informational,
            Confidence::Low,
            "no call asks the store for an update",
            "where a release must be kept out, the servers have to do it; a gate of the app's own was not looked for",
        );
    }
}
