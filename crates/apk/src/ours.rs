//! Is it ours? A package against what a person pinned, and against a release that is known to be ours.

use crate::contents::Altered;
use crate::diff::{Condition, Holds};
use crate::error::{Error, Result};
use crate::report::AppReport;
use crate::sign::Standing;
use serde::{Deserialize, Serialize};

/// What a person says of the app that is theirs: `app.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    pub package: Option<String>,
    /// SHA-256 of the signers' certificates: any of them.
    #[serde(default)]
    pub signers: Vec<String>,
    /// SHA-256 of the certificate of the store's source stamp.
    pub source_stamp: Option<String>,
    /// The least version code that is still let in.
    pub minimum_version: Option<u64>,
    /// What a device says of who installed it: `com.android.vending`. Nothing in a package proves it.
    pub installer: Option<String>,
}

impl Pinned {
    /// Reads `app.toml`.
    ///
    /// # Errors
    /// Where it is no TOML of these words, or a digest is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut pinned: Self =
            toml::from_str(text).map_err(|error| Error::Pinned(error.message().to_owned()))?;
        for digest in pinned.signers.iter_mut().chain(&mut pinned.source_stamp) {
            *digest = digest_of(digest)
                .ok_or_else(|| Error::Pinned(format!("`{digest}` is no SHA-256 in hexadecimal")))?;
        }
        Ok(pinned)
    }

    /// The signers of a package that is known to be ours.
    #[must_use]
    pub fn of(report: &AppReport) -> Self {
        Self {
            package: Some(report.manifest.package.clone()),
            signers: report
                .signature
                .signers()
                .iter()
                .map(|c| c.sha256.clone())
                .collect(),
            ..Self::default()
        }
    }
}

/// A SHA-256 in hexadecimal, with or without colons, in small letters.
#[must_use]
pub fn digest_of(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .collect::<String>()
        .to_ascii_lowercase();
    (plain.len() == 64 && plain.bytes().all(|b| b.is_ascii_hexdigit())).then_some(plain)
}

/// The answer: each condition, and what follows from all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ours {
    pub file: String,
    /// Whether package and signer are the pinned ones and the bytes are as that signer left them.
    pub is_ours: Holds,
    pub conditions: Vec<Condition>,
    /// What speaks for somebody else's package over ours.
    pub repackaging: Vec<String>,
    /// How its code and files differ from the reference; `None` without one.
    pub altered: Option<Altered>,
    /// What a store left in the package, and what a device says: unverified.
    pub store: Vec<String>,
}

/// Compares a package with what is pinned. `altered` says how it differs from a release that is known to be ours.
#[must_use]
pub fn ours(report: &AppReport, pinned: &Pinned, altered: Option<Altered>) -> Ours {
    let mut conditions = vec![bytes(report)];
    conditions.extend(package(report, pinned));
    conditions.extend(signer(report, pinned));
    conditions.extend(version(report, pinned));
    let is_ours = match crate::diff::all(&conditions) {
        Holds::Yes if pinned.signers.is_empty() => Holds::Unknown,
        other => other,
    };
    if pinned.signers.is_empty() {
        conditions.push(Condition {
            holds: Holds::Unknown,
            what: "no signer is pinned: anybody can sign a package".into(),
        });
    }
    Ours {
        file: report.file.clone(),
        is_ours,
        repackaging: repackaging(report, pinned, altered.as_ref()),
        altered,
        store: store(report, pinned),
        conditions,
    }
}

fn bytes(report: &AppReport) -> Condition {
    let standing = report.signature.standing;
    Condition {
        holds: match standing {
            Standing::Verified => Holds::Yes,
            Standing::Broken | Standing::Unsigned => Holds::No,
            Standing::Unverified => Holds::Unknown,
        },
        what: format!("its signature is {}", standing.name()),
    }
}

fn package(report: &AppReport, pinned: &Pinned) -> Option<Condition> {
    let wanted = pinned.package.as_ref()?;
    let is = &report.manifest.package;
    Some(Condition {
        holds: if wanted == is { Holds::Yes } else { Holds::No },
        what: format!("the package is {is}, pinned is {wanted}"),
    })
}

fn signer(report: &AppReport, pinned: &Pinned) -> Option<Condition> {
    if pinned.signers.is_empty() {
        return None;
    }
    let signature = &report.signature;
    let signers: Vec<&str> = signature.signers().iter().map(|c| c.sha256.as_str()).collect();
    let is_pinned = |print: &&str| pinned.signers.iter().any(|wanted| wanted == print);
    if signers.is_empty() {
        return Some(Condition {
            holds: if signature.standing == Standing::Unverified {
                Holds::Unknown
            } else {
                Holds::No
            },
            what: "it has no signer whose signature holds".into(),
        });
    }
    if signers.iter().all(is_pinned) {
        return Some(Condition {
            holds: Holds::Yes,
            what: format!("signed by the pinned {}", signers.join(", ")),
        });
    }
    let line: Vec<&str> = signature.lineage().iter().map(|c| c.sha256.as_str()).collect();
    if line.iter().any(is_pinned) {
        return Some(Condition {
            holds: Holds::Yes,
            what: format!(
                "signed by {}, whom the pinned signer named as successor: pin it too",
                signers.join(", ")
            ),
        });
    }
    Some(Condition {
        holds: Holds::No,
        what: format!("signed by {}, which is not pinned", signers.join(", ")),
    })
}

fn version(report: &AppReport, pinned: &Pinned) -> Option<Condition> {
    let least = pinned.minimum_version?;
    Some(match report.manifest.version_code {
        Some(code) => Condition {
            holds: if code >= least { Holds::Yes } else { Holds::No },
            what: format!("version code {code}, the least is {least}"),
        },
        None => Condition {
            holds: Holds::Unknown,
            what: format!("it states no version code, the least is {least}"),
        },
    })
}

fn repackaging(report: &AppReport, pinned: &Pinned, altered: Option<&Altered>) -> Vec<String> {
    let mut signs = Vec::new();
    let is_ours_by_name = pinned.package.as_ref() == Some(&report.manifest.package);
    let is_signed = !report.signature.signers().is_empty();
    let other_signer = is_signed && signer(report, pinned).is_some_and(|c| c.holds == Holds::No);
    if is_ours_by_name && other_signer {
        signs.push("our package's name over somebody else's signature".to_owned());
    }
    if report.signature.signers().iter().any(|c| c.is_debug) {
        signs.push("signed with a key that development tools make".to_owned());
    }
    signs.extend(altered.and_then(differences));
    let pinned_stamp = pinned.source_stamp.as_ref();
    let stamp = report.signature.store.stamp_certificate.as_ref();
    match (pinned_stamp, stamp) {
        (Some(wanted), Some(found)) if wanted != found => {
            signs.push(format!("its source stamp names {found}, pinned is {wanted}"));
        }
        (Some(_), None) => signs.push("it carries no source stamp, and one is pinned".to_owned()),
        _ => {}
    }
    signs
}

/// What differs from the reference. A newer release of ours differs too: whose it is, its signature says.
fn differences(altered: &Altered) -> Option<String> {
    let parts = [
        (altered.n_added, "classes were added"),
        (altered.n_changed, "classes are others"),
        (altered.n_removed, "classes are gone"),
        (altered.n_files, "files differ"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    (!told.is_empty()).then(|| format!("against the reference {}", told.join(", ")))
}

fn store(report: &AppReport, pinned: &Pinned) -> Vec<String> {
    let mut told = report.signature.store.told();
    if let Some(installer) = &pinned.installer {
        told.push(format!(
            "a device says that {installer} installed it: unverified, whoever holds the device can change it"
        ));
    }
    told
}
