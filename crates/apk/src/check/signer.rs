//! Whether the package is as its signer left it, and whether the signature is one to rely on.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use crate::sign::{Scheme, Standing};
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "signer",
    title: "Signature of the package",
    masvs: "MASVS-RESILIENCE-2",
    mastg: &["0224", "0225"],
    maswe: Some("MASWE-0104"),
    cwe: 347,
    looks: &[Look::Package(look)],
};

/// From this version on no device takes bytes before a package for a program.
const REPAIRED: u32 = 27;

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let signature = facts.signature;
    let mut say = |level, what: String, because: String| {
        found.at(
            Owner::App,
            Proof::in_file("signature"),
            level,
            Confidence::High,
            what,
            because,
        );
    };
    match signature.standing {
        Standing::Verified => {}
        Standing::Unverified => say(
            Level::Informational,
            "the bytes were not verified".into(),
            signature
                .errors
                .first()
                .cloned()
                .unwrap_or_else(|| "an algorithm is not known here".into()),
        ),
        Standing::Unsigned => say(
            Level::Low,
            "nobody signed the package".into(),
            "no device installs it as it is; whose it is cannot be told".into(),
        ),
        Standing::Broken => {
            let signers = || signature.schemes.iter().flat_map(|s| &s.signers);
            let because = signature
                .errors
                .iter()
                .chain(signature.schemes.iter().flat_map(|s| &s.errors))
                .chain(signers().flat_map(|signer| &signer.errors))
                .next();
            say(
                Level::High,
                "the signature does not hold".into(),
                because.cloned().unwrap_or_default(),
            );
        }
    }
    for certificate in signature.signers() {
        if certificate.is_debug {
            say(
                Level::High,
                "it is signed with a debug key".into(),
                "such a key is made by every development tool with a password that everybody knows".into(),
            );
        }
        if certificate.rsa_bits.is_some_and(|bits| bits < 2048) {
            say(
                Level::Medium,
                format!("the signer's key is {}", certificate.key),
                "keys below 2048 bits can be computed by who has the means".into(),
            );
        }
    }
    let only_v1 = signature.standing == Standing::Verified
        && signature.schemes.iter().all(|scheme| scheme.scheme == Scheme::V1);
    if only_v1 {
        let level = if facts.manifest.min() < REPAIRED {
            Level::Medium
        } else {
            Level::Informational
        };
        say(
            level,
            "it is signed by scheme v1 alone".into(),
            "bytes can be put before a package so that it is another program to old devices (Janus, CVE-2017-13156)"
                .into(),
        );
    }
}
