//! Location and identifiers that leave the device.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "tracking",
    title: "Personal data to the network",
    masvs: "MASVS-PRIVACY-1",
    mastg: &["0206"],
    maswe: Some("MASWE-0108"),
    cwe: 359,
    looks: &[Look::Calls(
        &[
            ("java/io/OutputStream", "write"),
            ("java/io/DataOutputStream", "writeBytes"),
            ("java/io/OutputStreamWriter", "write"),
            ("java/net/URL", "<init>"),
            ("okhttp3/RequestBody", "create"),
            ("okhttp3/RequestBody$Companion", "create"),
            ("okhttp3/Request$Builder", "url"),
            ("okhttp3/FormBody$Builder", "add"),
            ("android/webkit/WebView", "loadUrl"),
            ("com/google/firebase/analytics/FirebaseAnalytics", "logEvent"),
            (
                "com/google/firebase/analytics/FirebaseAnalytics",
                "setUserProperty",
            ),
            ("com/facebook/appevents/AppEventsLogger", "logEvent"),
            ("com/mixpanel/android/mpmetrics/MixpanelAPI", "track"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let sent = site
        .call
        .args
        .iter()
        .skip(1)
        .find(|value| value.has(label::PERSONAL) && !value.has(label::ENCRYPTED));
    let Some(sent) = sent else { return };
    // A stream is the network's only where a connection made it.
    if site.target.0.starts_with("java/io/") {
        let from = site.result_of(0).unwrap_or_default();
        if !from.ends_with("URLConnection.getOutputStream") && !from.ends_with("Socket.getOutputStream") {
            return;
        }
    }
    let words = label::words(sent.labels);
    let analytics = site.target.0.starts_with("com/");
    let because = if analytics {
        "it goes to a third party"
    } else {
        "it leaves the device; whether the user agreed is not in the package"
    };
    let level = if found.owner == Owner::App {
        Level::Medium
    } else {
        Level::Low
    };
    found.add(level, Confidence::Medium, format!("{words} is sent"), because);
}
