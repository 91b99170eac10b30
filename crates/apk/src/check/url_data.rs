//! Credentials and personal data in addresses, which every server on the way and every history keeps.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "url_data",
    title: "Credentials and personal data in addresses",
    masvs: "MASVS-NETWORK-1",
    mastg: &[],
    maswe: None,
    cwe: 598,
    looks: &[Look::Calls(
        &[
            ("java/net/URL", "<init>"),
            ("okhttp3/Request$Builder", "url"),
            ("android/webkit/WebView", "loadUrl"),
            ("android/net/Uri", "parse"),
            ("okhttp3/HttpUrl$Builder", "addQueryParameter"),
            ("org/apache/http/client/methods/HttpGet", "<init>"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let n = usize::from(site.target.0 != "android/net/Uri");
    let url = site.arg(n);
    if site.target.1 == "addQueryParameter" {
        let name = site.text(1).unwrap_or_default();
        let value = site.arg(2);
        if value.is_constant() || value.has(label::ENCRYPTED) {
            return;
        }
        if crate::names::is_credential(&name) || value.has(label::CREDENTIAL) {
            say(found, Level::Medium, "a credential", Some(name));
        } else if value.has(label::PERSONAL) {
            say(found, Level::Low, &label::words(value.labels), Some(name));
        }
        return;
    }
    let personal = label::words(url.labels & label::PERSONAL);
    if !personal.is_empty() && url.has(label::JOINED) && !url.has(label::ENCRYPTED) {
        let is_plain = url.has(label::PLAIN_ADDRESS);
        say(
            found,
            if is_plain { Level::High } else { Level::Low },
            &personal,
            None,
        );
    }
    if url.has(label::CREDENTIAL) && url.has(label::JOINED) {
        let level = if url.has(label::PLAIN_ADDRESS) {
            Level::High
        } else {
            Level::Medium
        };
        say(found, level, "a credential", None);
    }
}

fn say(found: &mut Found<'_>, level: Level, what: &str, constant: Option<String>) {
    let because = if level == Level::High {
        "it goes over the network unencrypted, and every log on the way keeps it"
    } else {
        "every log on the way keeps addresses, and so do histories"
    };
    found
        .add(
            level,
            Confidence::Medium,
            format!("{what} stands in an address"),
            because,
        )
        .constant(constant);
}
