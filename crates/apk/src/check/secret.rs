//! Secrets that everybody who has the package has: by their form, by their randomness, and by what uses them.

use super::{Check, Facts, Found, Look, Site, hidden};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use crate::text::{is_random, looks_public};
use ambit_event::Level;

/// The check's name.
pub(crate) const NAME: &str = "secret";

pub(super) const CHECK: Check = Check {
    name: NAME,
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
            (false, _) if secret.owner != Owner::App => (
                Level::Low,
                "it is the library's own: every app with that library has it".into(),
            ),
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

/// A constant that a call takes to be let in with.
pub(crate) struct Used {
    pub(crate) kind: &'static str,
    /// As it is sent, without the word before it.
    pub(crate) value: String,
    argument: usize,
    confidence: Confidence,
}

/// Names of headers that let somebody in.
const HEADERS: &[(&str, &str)] = &[
    ("authorization", "the header authorization"),
    ("x-api-key", "the header x-api-key"),
    ("x-auth-token", "the header x-auth-token"),
    ("api-key", "the header api-key"),
    ("x-access-token", "the header x-access-token"),
    ("cookie", "the header cookie"),
];

/// The constant that the call is let in with, whatever its form.
pub(crate) fn used(site: &Site<'_, '_, '_>) -> Option<Used> {
    let plain = |argument: usize, kind: &'static str, confidence| {
        let value = site.text(argument).filter(|text| !text.is_empty())?;
        Some(Used {
            kind,
            value,
            argument,
            confidence,
        })
    };
    match site.target.1 {
        "setRequestProperty" | "header" | "addHeader" => header(site),
        "basic" => plain(1, "a password", Confidence::High),
        "getConnection" => plain(2, "the password of a database", Confidence::High),
        "<init>" if site.arg(2).is_constant() => Some(Used {
            kind: "a password",
            value: site.text(2).unwrap_or_default(),
            argument: 2,
            confidence: Confidence::High,
        }),
        "load" => plain(2, "the password of a key store", Confidence::Medium),
        _ => None,
    }
}

fn header(site: &Site<'_, '_, '_>) -> Option<Used> {
    let name = site.text(1)?.to_ascii_lowercase();
    let (_, kind) = HEADERS.iter().find(|(known, _)| *known == name)?;
    let value = site.text(2)?;
    let bare = value
        .strip_prefix("Bearer ")
        .or_else(|| value.strip_prefix("Basic "))
        .unwrap_or(&value);
    let is_one = bare.len() >= 8 && (is_random(bare) || bare.len() != value.len()) && !looks_public(bare);
    is_one.then(|| Used {
        kind,
        value: bare.to_owned(),
        argument: 2,
        confidence: Confidence::High,
    })
}

fn by_use(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let Some(used) = used(site) else { return };
    let constant = site.constant(used.argument);
    let level = if found.owner == Owner::App {
        Level::High
    } else {
        Level::Low
    };
    found
        .add(
            level,
            used.confidence,
            format!("{} is a constant of the program", used.kind),
            "whoever has the package has it, and can use it as the app does",
        )
        .constant(constant);
}
