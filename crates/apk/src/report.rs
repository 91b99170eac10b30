//! What a scan of one package answers.

use crate::accepted::Accepted;
use crate::check::hidden;
use crate::container::Oddity;
use crate::finding::{Finding, Proof};
use crate::manifest::Manifest;
use crate::names::Owner;
use crate::sign::Signature;
use ambit_event::Level;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// An address that stands in a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Endpoint {
    pub url: String,
    pub scheme: String,
    pub host: String,
    #[serde(serialize_with = "shown")]
    pub owner: Owner,
    /// Why it looks like one of the inside; `None` where it does not.
    pub inside: Option<&'static str>,
    pub place: Proof,
    /// The interface that it is given to, where that was seen.
    pub consumer: Option<String>,
}

impl Endpoint {
    #[must_use]
    pub fn is_of_the_app(&self) -> bool {
        self.owner == Owner::App
    }

    /// The path, from its slash on; empty where there is none.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    }

    pub(crate) fn proof(&self) -> Proof {
        Proof {
            constant: Some(self.url.clone()),
            consumer: self.consumer.clone(),
            ..self.place.clone()
        }
    }
}

/// A secret that stands in a release. Its value never leaves by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Secret {
    pub kind: &'static str,
    #[serde(serialize_with = "beginning")]
    pub(crate) value: String,
    /// Of a kind that is made to be in apps.
    pub is_public: bool,
    /// Whether its structure proves that it is one.
    pub is_checked: bool,
    #[serde(serialize_with = "shown")]
    pub owner: Owner,
    pub place: Proof,
    pub consumer: Option<String>,
}

impl Secret {
    /// The value itself: for whoever turns it into a fingerprint that logs are searched for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.value
    }
}

impl Secret {
    /// What a client sends of it: the password of an address; `None` where no log holds it as it stands.
    #[must_use]
    pub fn sent(&self) -> Option<&str> {
        match self.kind {
            "private key" | "Google service account" | "Azure storage key" => None,
            "Azure shared access signature" => self.value.split_once('=').map(|(_, signature)| signature),
            "credentials in an address" => {
                let inner = self.value.split_once("://")?.1.rsplit_once('@')?.0;
                inner.split_once(':').map(|(_, password)| password)
            }
            _ => Some(self.value.as_str()).filter(|value| !value.is_empty()),
        }
    }
}

impl PathText {
    #[must_use]
    pub fn is_of_the_app(&self) -> bool {
        self.owner == Owner::App
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} at {}", self.kind, hidden(&self.value), self.place)
    }
}

/// A text that may be a path of a service: it stands alone, without a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PathText {
    pub path: String,
    #[serde(serialize_with = "shown")]
    pub owner: Owner,
    pub place: Proof,
}

/// A library in the package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Library {
    pub name: String,
    pub version: Option<String>,
    /// What shows it.
    pub file: String,
}

/// What was read, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Coverage {
    pub n_members: usize,
    pub n_dex: usize,
    pub n_classes: usize,
    /// Classes whose data was followed, as something in them is of interest.
    pub n_followed: usize,
    /// Classes of the platform's own libraries, by their names.
    pub n_platform: usize,
    pub n_methods: usize,
    /// Methods that cost too much to be followed to their end.
    pub n_cut: usize,
    /// Findings beyond the most that are kept of a check.
    pub n_left_out: usize,
    /// What the app's own code does in ways that no reading of it shows: reflection, native code, code loaded later.
    pub hidden: Vec<String>,
    /// Code that stands where no device looks for it by itself; it was read too.
    pub disguised: Vec<String>,
    /// Parts of the package that could not be read, or were not, each with the reason.
    pub unread: Vec<String>,
}

/// The answer about one package.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppReport {
    pub file: String,
    pub kind: PackageKind,
    /// SHA-256 of the file.
    pub sha256: String,
    pub n_bytes: u64,
    pub manifest: Manifest,
    pub signature: Signature,
    pub findings: Vec<Finding>,
    /// Findings that a person accepted for a time, each with the reason.
    pub accepted: Vec<Accepted>,
    pub endpoints: Vec<Endpoint>,
    pub paths: Vec<PathText>,
    pub secrets: Vec<Secret>,
    pub libraries: Vec<Library>,
    /// The app's own classes, so that two releases can be compared.
    #[serde(skip)]
    pub classes: BTreeSet<String>,
    /// Classes by whose they are.
    pub owners: BTreeMap<String, usize>,
    pub oddities: Vec<Oddity>,
    pub coverage: Coverage,
}

/// What kind of file a package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// One package that devices install.
    Apk,
    /// A base and its splits in one archive.
    Set,
    /// What a store makes packages from.
    Bundle,
}

impl AppReport {
    /// The findings that are the app's own.
    pub fn own(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.owner == Owner::App)
    }

    /// The most that any finding weighs; `None` where there is none.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    /// The name and version of the release, for people.
    #[must_use]
    pub fn title(&self) -> String {
        let manifest = &self.manifest;
        let version = manifest.version_name.as_deref().unwrap_or("of no version");
        match manifest.version_code {
            Some(code) => format!("{} {version} ({code})", manifest.package),
            None => format!("{} {version}", manifest.package),
        }
    }
}

fn shown<S: Serializer>(owner: &Owner, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(owner)
}

fn beginning<S: Serializer>(value: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hidden(value))
}
