//! A key that everybody who has the package has.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "static_key",
    title: "Hard-coded key",
    masvs: "MASVS-CRYPTO-2",
    mastg: &["0212"],
    maswe: Some("MASWE-0014"),
    cwe: 321,
    looks: &[Look::Calls(
        &[
            ("javax/crypto/spec/SecretKeySpec", "<init>"),
            ("javax/crypto/spec/DESKeySpec", "<init>"),
            ("javax/crypto/spec/DESedeKeySpec", "<init>"),
            ("javax/crypto/spec/PBEKeySpec", "<init>"),
            ("java/security/spec/PKCS8EncodedKeySpec", "<init>"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    if !site.arg(1).is_constant() {
        return;
    }
    let what = match site.target.0 {
        "javax/crypto/spec/PBEKeySpec" => "the password that a key is made from is a constant",
        "java/security/spec/PKCS8EncodedKeySpec" => "a private key is a constant of the program",
        _ => "the key is a constant of the program",
    };
    found
        .add(
            Level::High,
            Confidence::High,
            what,
            "whoever has the package has it, and reads what it protects on every device",
        )
        .constant(site.constant(1));
}
