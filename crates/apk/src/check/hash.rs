//! Digests that can be forged, where they protect a credential.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "hash",
    title: "Weak digest of a secret",
    masvs: "MASVS-CRYPTO-1",
    mastg: &["0221"],
    maswe: Some("MASWE-0021"),
    cwe: 328,
    looks: &[Look::Calls(
        &[
            ("java/security/MessageDigest", "getInstance"),
            ("java/security/MessageDigest", "digest"),
            ("java/security/MessageDigest", "update"),
            ("java/security/Signature", "getInstance"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if site.target.1 == "getInstance" {
        let Some(name) = site.text(0) else { return };
        let upper = name.to_ascii_uppercase().replace('-', "");
        let is_weak = ["MD2", "MD4", "MD5", "SHA1", "SHA"].contains(&upper.as_str());
        if site.target.0.ends_with("Signature") && (upper.starts_with("MD5") || upper.starts_with("SHA1WITH"))
        {
            found
                .add(
                    Level::Medium,
                    Confidence::High,
                    format!("signatures over {name}"),
                    "two texts with one digest can be made, so that a signature moves from one to the other",
                )
                .constant(Some(name));
        } else if is_weak {
            found
                .add(
                    Level::Informational,
                    Confidence::High,
                    format!("{name} is used"),
                    "harmless for checksums; whether it protects anything was not seen",
                )
                .constant(Some(name));
        }
        return;
    }
    if site.arg(1).has(label::CREDENTIAL) {
        let by = site.result_of(0).unwrap_or_default();
        if by.ends_with("MessageDigest.getInstance") {
            found.add(
                Level::Medium,
                Confidence::Medium,
                "a credential is protected by a plain digest",
                "without salt and stretching whoever gets the digest tries every password against it",
            );
        }
    }
}
