//! An initialization vector that is always the same.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "static_iv",
    title: "Constant initialization vector",
    masvs: "MASVS-CRYPTO-1",
    mastg: &[],
    maswe: Some("MASWE-0022"),
    cwe: 329,
    looks: &[Look::Calls(
        &[
            ("javax/crypto/spec/IvParameterSpec", "<init>"),
            ("javax/crypto/spec/GCMParameterSpec", "<init>"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let is_gcm = site.target.0.ends_with("GCMParameterSpec");
    let n = if is_gcm { 2 } else { 1 };
    if !site.arg(n).is_constant() {
        return;
    }
    let (level, because) = if is_gcm {
        (
            Level::High,
            "two texts under one key and one vector give away both, and let others be forged",
        )
    } else {
        (Level::Medium, "texts that begin alike are seen to begin alike")
    };
    found
        .add(
            level,
            Confidence::High,
            "the initialization vector is a constant",
            because,
        )
        .constant(site.constant(n));
}
