//! Sensitive data in the system's log.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "log",
    title: "Sensitive data in the log",
    masvs: "MASVS-STORAGE-2",
    mastg: &["0203", "0231"],
    maswe: Some("MASWE-0001"),
    cwe: 532,
    looks: &[Look::Calls(
        &[
            ("android/util/Log", "v"),
            ("android/util/Log", "d"),
            ("android/util/Log", "i"),
            ("android/util/Log", "w"),
            ("android/util/Log", "e"),
            ("android/util/Log", "wtf"),
            ("java/io/PrintStream", "println"),
            ("timber/log/Timber", "d"),
            ("timber/log/Timber", "i"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let value = site
        .call
        .args
        .iter()
        .find(|v| v.has(label::SENSITIVE) && !v.has(label::ENCRYPTED));
    if let Some(value) = value {
        let words = label::words(value.labels);
        let level = if found.owner == Owner::App {
            Level::Medium
        } else {
            Level::Low
        };
        found.add(
            level,
            Confidence::Medium,
            format!("{words} is written to the log"),
            "whoever connects to the device, the maker's apps, and crash reports read it",
        );
    }
}
