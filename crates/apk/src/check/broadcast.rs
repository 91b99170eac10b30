//! What other apps get of what this one shows and sends: broadcasts with sensitive data.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "broadcast",
    title: "Sensitive data in broadcasts",
    masvs: "MASVS-PLATFORM-1",
    mastg: &[],
    maswe: Some("MASWE-0066"),
    cwe: 927,
    looks: &[Look::Calls(
        &[
            ("android/content/Context", "sendBroadcast"),
            ("android/content/Context", "sendOrderedBroadcast"),
            ("android/content/Context", "sendStickyBroadcast"),
            ("android/content/ContextWrapper", "sendBroadcast"),
            ("android/app/Activity", "sendBroadcast"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    // With a second argument a permission is asked of the receivers.
    if site.call.args.len() > 2 {
        return;
    }
    let intent = site.arg(1);
    if intent.has(label::SENSITIVE) && !intent.has(label::ENCRYPTED) {
        let words = label::words(intent.labels);
        found.add(
            Level::Medium,
            Confidence::Medium,
            format!("{words} is broadcast to every app that listens"),
            "no permission is asked of the receivers",
        );
    }
}
