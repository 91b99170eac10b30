//! Code of the app that pages can call.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "webview_bridge",
    title: "Pages can call the app's code",
    masvs: "MASVS-PLATFORM-2",
    mastg: &[],
    maswe: Some("MASWE-0068"),
    cwe: 749,
    looks: &[Look::Calls(
        &[
            ("android/webkit/WebView", "addJavascriptInterface"),
            ("android/webkit/WebView", "loadUrl"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if site.target.1 == "loadUrl" {
        if site.arg(1).has(label::HANDED_IN) {
            found.add(
                Level::High,
                Confidence::High,
                "a web view opens an address that another app hands in",
                "who calls the app chooses the page that runs inside it, with what the view may do",
            );
        }
        return;
    }
    let (level, because) = if site.manifest.min() < 17 {
        (
            Level::High,
            "before Android 4.2 a page reaches every method of every class through it",
        )
    } else {
        (
            Level::Medium,
            "whatever page is shown calls the methods marked for it: a page of others' acts as the app",
        )
    };
    found
        .add(
            level,
            Confidence::High,
            "an object of the app is given to pages",
            because,
        )
        .constant(site.text(2));
}
