//! Numbers that can be computed again, where they must not be.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use crate::names::is_credential;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "predictable_random",
    title: "Predictable random numbers",
    masvs: "MASVS-CRYPTO-1",
    mastg: &["0204", "0205"],
    maswe: Some("MASWE-0027"),
    cwe: 338,
    looks: &[Look::Calls(
        &[
            ("java/util/Random", "nextBytes"),
            ("java/util/Random", "<init>"),
            ("javax/crypto/spec/SecretKeySpec", "<init>"),
            ("javax/crypto/spec/IvParameterSpec", "<init>"),
            ("javax/crypto/spec/GCMParameterSpec", "<init>"),
            ("javax/crypto/spec/PBEKeySpec", "<init>"),
            ("java/security/SecureRandom", "setSeed"),
            ("java/security/SecureRandom", "<init>"),
            ("android/content/SharedPreferences$Editor", "putString"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    match site.target {
        // What is made from here is said where it is used; the call alone may shuffle a list.
        ("java/util/Random", "nextBytes") if site.made_as(0).as_deref() == Some("java.util.Random") => {
            found.add(
                Level::Informational,
                Confidence::High,
                "bytes are drawn from java.util.Random",
                "whoever sees some of them computes the others; whether that matters was not seen",
            );
        }
        ("java/util/Random", _) => {}
        ("java/security/SecureRandom", _) => {
            let n = site.call.args.len().saturating_sub(1);
            if n > 0 && site.arg(1).is_constant() && site.target.1 == "<init>" {
                found
                    .add(
                        Level::Medium,
                        Confidence::Medium,
                        "SecureRandom is made from a constant",
                        "on devices before Android 7 everybody draws the same numbers",
                    )
                    .constant(site.constant(1));
            }
        }
        ("android/content/SharedPreferences$Editor", _) => {
            let key = site.text(1).unwrap_or_default();
            if site.arg(2).has(label::PREDICTABLE) && is_credential(&key) {
                say(found, "a stored credential", Some(key));
            }
        }
        _ if site.call.args.iter().any(|value| value.has(label::PREDICTABLE)) => {
            say(found, "a key, salt or initialization vector", None);
        }
        _ => {}
    }
}

fn say(found: &mut Found<'_>, what: &str, constant: Option<String>) {
    found
        .add(
            Level::High,
            Confidence::High,
            format!("{what} is drawn from a predictable generator"),
            "java.util.Random can be computed from few of its numbers",
        )
        .constant(constant);
}
