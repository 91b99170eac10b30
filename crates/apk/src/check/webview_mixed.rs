//! Secure pages whose parts come unencrypted.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "webview_mixed",
    title: "Mixed content in web views",
    masvs: "MASVS-NETWORK-1",
    mastg: &[],
    maswe: None,
    cwe: 319,
    looks: &[Look::Calls(
        &[("android/webkit/WebSettings", "setMixedContentMode")],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if site.int(1) == Some(0) {
        found.add(
            Level::Medium,
            Confidence::High,
            "MIXED_CONTENT_ALWAYS_ALLOW",
            "whoever is on the way changes the parts that come unencrypted, scripts too",
        );
    }
}
