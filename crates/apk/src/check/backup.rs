//! Whether whoever holds the device, or its backup, gets the app's data.

use super::{Check, Facts, Found, Look};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "backup",
    title: "Local data goes into backups",
    masvs: "MASVS-STORAGE-2",
    mastg: &["0216", "0262"],
    maswe: Some("MASWE-0004"),
    cwe: 530,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let manifest = facts.manifest;
    if manifest.allow_backup == Some(false) {
        return;
    }
    if manifest.has_backup_rules {
        found.add(
            Level::Informational,
            Confidence::High,
            "backups are on, with rules of the app's own",
            "what the rules leave in is the app's choice",
        );
        return;
    }
    let what = match manifest.allow_backup {
        Some(_) => "android:allowBackup is true, and no rules say what is left out",
        None => "android:allowBackup is not set, which means true, and no rules say what is left out",
    };
    let because = if manifest.target() < 31 {
        "everything in the app's folder can be read from a backup, over adb too"
    } else {
        "everything in the app's folder goes to cloud backups and to other devices"
    };
    found.add(Level::Low, Confidence::High, what, because);
}
