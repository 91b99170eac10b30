//! Web views that a cable can look into.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "webview_debug",
    title: "Web views can be debugged",
    masvs: "MASVS-RESILIENCE-4",
    mastg: &["0227"],
    maswe: Some("MASWE-0067"),
    cwe: 489,
    looks: &[Look::Calls(
        &[("android/webkit/WebView", "setWebContentsDebuggingEnabled")],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if site.int(0) == Some(1) {
        found.add(
            Level::Medium,
            Confidence::High,
            "web views are opened to debuggers, whatever the build",
            "whoever connects to the device reads and changes what they show",
        );
    }
}
