//! Ciphers that do not hide, or modes that show what repeats.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "cipher",
    title: "Broken cipher or mode",
    masvs: "MASVS-CRYPTO-1",
    mastg: &["0221", "0232"],
    maswe: Some("MASWE-0020"),
    cwe: 327,
    looks: &[Look::Calls(
        &[
            ("javax/crypto/Cipher", "getInstance"),
            ("javax/crypto/KeyGenerator", "getInstance"),
        ],
        look,
    )],
};

const BROKEN: &[&str] = &[
    "DES",
    "DESEDE",
    "TRIPLEDES",
    "RC2",
    "RC4",
    "ARCFOUR",
    "ARC4",
    "BLOWFISH",
];

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let Some(transformation) = site.text(0) else {
        return;
    };
    let upper = transformation.to_ascii_uppercase();
    let mut parts = upper.split('/');
    let (algorithm, mode) = (parts.next().unwrap_or_default(), parts.next());
    let is_cipher = site.target.0 == "javax/crypto/Cipher";
    let because = if BROKEN.contains(&algorithm) {
        format!("{algorithm} can be broken with what anybody can buy")
    } else if is_cipher && algorithm.starts_with("AES") && mode == Some("ECB") {
        "equal blocks of the text stay equal in the cipher text".into()
    } else if is_cipher && algorithm == "AES" && mode.is_none() {
        "without a mode Android takes ECB: equal blocks stay equal".into()
    } else {
        return;
    };
    found
        .add(
            Level::Medium,
            Confidence::High,
            format!("{transformation} is used"),
            because,
        )
        .constant(Some(transformation));
}
