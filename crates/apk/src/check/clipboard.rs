//! Sensitive data on the clipboard, which other apps and synced devices read.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "clipboard",
    title: "Sensitive data on the clipboard",
    masvs: "MASVS-STORAGE-2",
    mastg: &[],
    maswe: Some("MASWE-0059"),
    cwe: 200,
    looks: &[Look::Calls(
        &[
            ("android/content/ClipData", "newPlainText"),
            ("android/content/ClipData", "newHtmlText"),
            ("android/text/ClipboardManager", "setText"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let value = site.arg(1);
    if value.has(label::SENSITIVE) && !value.has(label::ENCRYPTED) {
        let words = label::words(value.labels);
        found.add(
            Level::Medium,
            Confidence::Medium,
            format!("{words} is put on the clipboard"),
            "every app that is in front reads it, and it may go to other devices",
        );
    }
}
