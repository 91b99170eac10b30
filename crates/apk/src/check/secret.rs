//! Secrets that everybody who has the package has: by their form, by their randomness, and by what uses them.

use super::{Check, Facts, Found, Look, Site, hidden};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use crate::text::{is_random, looks_public};
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "secret",
    title: "Hard-coded secret",
    masvs: "MASVS-STORAGE-1",
    mastg: &[],
    maswe: Some("MASWE-0005"),
    cwe: 798,
    looks: &[
        Look::Package(by_form),
        Look::Calls(
            &[
                ("java/net/URLConnection", "setRequestProperty"),
                ("java/net/HttpURLConnection", "setRequestProperty"),
                ("javax/net/ssl/HttpsURLConnection", "setRequestProperty"),
                ("okhttp3/Request$Builder", "header"),
                ("okhttp3/Request$Builder", "addHeader"),
                ("okhttp3/Credentials", "basic"),
                ("java/net/PasswordAuthentication", "<init>"),
                ("java/sql/DriverManager", "getConnection"),
                ("javax/mail/PasswordAuthentication", "<init>"),
                ("java/security/KeyStore", "load"),
            ],
            by_use,
        ),
    ],
};

fn by_form(facts: &Facts<'_>, found: &mut Found<'_>) {
    for secret in facts.secrets {
        let used = secret.consumer.as_deref();
        let (level, because) = match (secret.is_public, used) {
            (true, _) => (
                Level::Informational,
                "a key of this kind is meant to be in an app; it must be restricted to the app at its service".into(),
            ),
            (false, Some(used)) => (
                Level::High,
                format!("whoever has the package has it, and it is used: {used}"),
            ),
            (false, None) => (
                Level::Medium,
                "whoever has the package has it; what uses it was not seen".into(),
            ),
        };
        let confidence = if used.is_some() || secret.is_checked {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let mut proof = Proof {
            consumer: secret.consumer.clone(),
            ..secret.place.clone()
        };
        proof.constant = Some(hidden(&secret.value));
        found.at(
            secret.owner.clone(),
            proof,
            level,
            confidence,
            format!("{} in the package", secret.kind),
            because,
        );
    }
}

/// A constant that lets somebody in, whatever its form.
fn by_use(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let mut say = |n: usize, what: &str, confidence| {
        let constant = site.constant(n);
        found
            .add(
                if found.owner == Owner::App {
                    Level::High
                } else {
                    Level::Low
                },
                confidence,
                format!("{what} is a constant of the program"),
                "whoever has the package has it, and can use it as the app does",
            )
            .constant(constant);
    };
    match site.target.1 {
        "setRequestProperty" | "header" | "addHeader" => {
            let name = site.text(1).unwrap_or_default().to_ascii_lowercase();
            let value = site.text(2).unwrap_or_default();
            let is_key = [
                "authorization",
                "x-api-key",
                "x-auth-token",
                "api-key",
                "x-access-token",
                "cookie",
            ]
            .contains(&name.as_str());
            let bare = value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("Basic "))
                .unwrap_or(&value);
            if is_key
                && bare.len() >= 8
                && (is_random(bare) || bare.len() != value.len())
                && !looks_public(bare)
            {
                say(2, &format!("the header {name}"), Confidence::High);
            }
        }
        "basic" if site.text(1).is_some_and(|t| !t.is_empty()) => say(1, "a password", Confidence::High),
        "getConnection" if site.text(2).is_some_and(|t| !t.is_empty()) => {
            say(2, "the password of a database", Confidence::High);
        }
        "<init>" if site.arg(2).is_constant() => say(2, "a password", Confidence::High),
        "load" if site.text(2).is_some_and(|t| !t.is_empty()) => {
            say(2, "the password of a key store", Confidence::Medium);
        }
        _ => {}
    }
}
