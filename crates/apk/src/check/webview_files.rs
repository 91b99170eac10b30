//! Web views whose pages read the app's files.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "webview_files",
    title: "Pages can read files",
    masvs: "MASVS-PLATFORM-2",
    mastg: &["0252", "0253"],
    maswe: Some("MASWE-0069"),
    cwe: 200,
    looks: &[Look::Calls(
        &[
            (
                "android/webkit/WebSettings",
                "setAllowUniversalAccessFromFileURLs",
            ),
            ("android/webkit/WebSettings", "setAllowFileAccessFromFileURLs"),
            ("android/webkit/WebSettings", "setAllowFileAccess"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if site.int(1) != Some(1) {
        return;
    }
    let (level, because) = match site.target.1 {
        "setAllowUniversalAccessFromFileURLs" => (
            Level::High,
            "a local page reads every file of the app, and sends it anywhere",
        ),
        "setAllowFileAccessFromFileURLs" => (Level::Medium, "a local page reads every file of the app"),
        _ => (Level::Low, "a page that names a file of the app is shown it"),
    };
    found.add(
        level,
        Confidence::High,
        format!("{}(true)", site.target.1),
        because,
    );
}
