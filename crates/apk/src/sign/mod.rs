//! Whose package is it, and is it as that signer left it? Every scheme is verified, not only read.
//!
//! The verdict follows Android's own rules: which schemes a device of each version asks, which must be there, and
//! that all of them name the same signer or one of its proven successors.

mod ber;
mod block;
mod certificate;
mod content;
mod der;
mod jar;
mod key;
mod lineage;
mod schemes;
mod store;

pub use certificate::Certificate;
pub use store::StoreTraces;

use crate::container::Container;
use crate::limits::Budget;
use block::Block;
use content::Content;
use schemes::{N, P, T, Verified};
use serde::Serialize;
use std::collections::BTreeSet;

/// A way of signing a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    V1,
    V2,
    V3,
    V31,
}

impl Scheme {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
            Self::V31 => "v3.1",
        }
    }
}

/// One signer of one scheme.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Signer {
    pub certificate: Option<Certificate>,
    /// The signers before it, oldest first, this one last; empty where there was no rotation.
    pub lineage: Vec<Certificate>,
    /// Android versions that it is for.
    pub sdk: Option<(u32, u32)>,
    /// The version from which a v3.1 signer takes over.
    pub rotates_from: Option<u32>,
    pub errors: Vec<String>,
    /// What could not be decided, as the algorithm is not one that is verified here.
    pub unknown: Vec<String>,
    #[serde(skip)]
    pub(crate) stripped_rotation: bool,
}

/// What came of one scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemeVerdict {
    pub scheme: Scheme,
    pub signers: Vec<Signer>,
    pub errors: Vec<String>,
}

impl SchemeVerdict {
    fn of(scheme: Scheme, verified: Verified) -> Self {
        Self {
            scheme,
            signers: verified.signers,
            errors: verified.errors,
        }
    }

    #[must_use]
    pub fn holds(&self) -> bool {
        self.errors.is_empty()
            && self
                .signers
                .iter()
                .all(|s| s.errors.is_empty() && s.unknown.is_empty())
    }

    fn prints(&self) -> BTreeSet<&str> {
        self.signers
            .iter()
            .filter_map(|signer| signer.certificate.as_ref())
            .map(|certificate| certificate.sha256.as_str())
            .collect()
    }
}

/// What can be said of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Every scheme that a device asks holds over these bytes.
    Verified,
    /// A signature is there and does not hold.
    Broken,
    /// Nobody signed it.
    Unsigned,
    /// The container or an algorithm is one that is not verified: this says nothing about the bytes.
    Unverified,
}

impl Standing {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Broken => "broken",
            Self::Unsigned => "unsigned",
            Self::Unverified => "unverified",
        }
    }
}

/// Whose package it is, as far as its bytes prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signature {
    pub standing: Standing,
    pub schemes: Vec<SchemeVerdict>,
    /// What is wrong with the whole, beyond single schemes.
    pub errors: Vec<String>,
    /// What a store left in it: unverified.
    pub store: StoreTraces,
}

impl Signature {
    /// For what is no signed package by itself, with the reason.
    pub(crate) fn unverified(why: impl Into<String>) -> Self {
        Self {
            standing: Standing::Unverified,
            schemes: Vec::new(),
            errors: vec![why.into()],
            store: StoreTraces::default(),
        }
    }

    /// Verifies every scheme of a package for devices from `min_sdk` on.
    #[must_use]
    pub fn verify(container: &Container<'_>, min_sdk: u32, target_sdk: u32, budget: &Budget) -> Self {
        let mut schemes = Vec::new();
        let mut errors = Vec::new();
        let block = Block::find(container).unwrap_or_else(|error| {
            errors.push(error.to_string());
            None
        });
        if let Some(block) = &block {
            whole_package(container, block, min_sdk, &mut schemes);
        }
        let store = StoreTraces::of(container, block.as_ref(), budget);
        let block_is_broken = !errors.is_empty();
        let has_block = !schemes.is_empty();
        let mut names_schemes = BTreeSet::new();
        let mut has_jar = false;
        if min_sdk < N || !has_block {
            let jar = jar::verify(container, budget);
            names_schemes = jar.names_schemes;
            has_jar = jar.is_there;
            schemes.insert(0, SchemeVerdict::of(Scheme::V1, jar.verified));
        }
        errors.extend(across(&schemes, &names_schemes, target_sdk));
        let standing = standing(&schemes, &errors, has_block || has_jar || block_is_broken);
        Self {
            standing,
            schemes,
            errors,
            store,
        }
    }

    /// The signers that the newest devices see, of the newest scheme that holds.
    #[must_use]
    pub fn signers(&self) -> Vec<&Certificate> {
        let newest = self.schemes.iter().rev().find(|scheme| scheme.holds());
        newest
            .into_iter()
            .flat_map(|scheme| &scheme.signers)
            .filter_map(|signer| signer.certificate.as_ref())
            .collect()
    }

    /// Everybody in a lineage that holds, those who were succeeded included.
    #[must_use]
    pub fn lineage(&self) -> Vec<&Certificate> {
        let holding = self.schemes.iter().filter(|scheme| scheme.holds());
        let mut all: Vec<&Certificate> = holding
            .flat_map(|scheme| &scheme.signers)
            .flat_map(|signer| &signer.lineage)
            .collect();
        all.dedup();
        all
    }

    #[must_use]
    pub fn scheme(&self, scheme: Scheme) -> Option<&SchemeVerdict> {
        self.schemes.iter().find(|verdict| verdict.scheme == scheme)
    }
}

fn whole_package(
    container: &Container<'_>,
    block: &Block<'_>,
    min_sdk: u32,
    schemes: &mut Vec<SchemeVerdict>,
) {
    let content = Content::of(container, block);
    let all = [
        (Scheme::V2, block::V2),
        (Scheme::V3, block::V3),
        (Scheme::V31, block::V31),
    ];
    let there: Vec<Scheme> = all
        .iter()
        .filter(|(_, id)| block.ids().any(|known| known == *id))
        .map(|(scheme, _)| *scheme)
        .collect();
    for (scheme, id) in all {
        // Devices that know v3 do not ask v2 where v3 is there.
        let is_asked = scheme != Scheme::V2 || min_sdk < P || !there.contains(&Scheme::V3);
        if let Some(value) = block.get(id).filter(|_| is_asked) {
            let verified = schemes::verify(scheme, value, &content, &there);
            schemes.push(SchemeVerdict::of(scheme, verified));
        }
    }
}

/// What must hold between the schemes of one package.
fn across(schemes: &[SchemeVerdict], names_schemes: &BTreeSet<u32>, target_sdk: u32) -> Vec<String> {
    let mut errors = Vec::new();
    let get = |scheme| schemes.iter().find(|verdict| verdict.scheme == scheme);
    let (v1, v2, v3, v31) = (
        get(Scheme::V1),
        get(Scheme::V2),
        get(Scheme::V3),
        get(Scheme::V31),
    );
    for (number, found) in [(2, v2), (3, v3)] {
        if names_schemes.contains(&number) && found.is_none() {
            errors.push(format!(
                "it was signed with scheme v{number} too, and that signature was taken away"
            ));
        }
    }
    if target_sdk >= 30 && v2.is_none() && v3.is_none() {
        errors.push(format!(
            "targetSdkVersion {target_sdk} demands scheme v2 or later"
        ));
    }
    if let (Some(v1), Some(v2)) = (v1, v2)
        && v1.holds()
        && v2.holds()
        && v1.prints() != v2.prints()
    {
        errors.push("schemes v1 and v2 name different signers".into());
    }
    if let Some(v3) = v3 {
        errors.extend(ranges(v3, if v31.is_some() { T - 1 } else { T }));
        errors.extend(predecessors(v3, v2.or(v1)));
        errors.extend(rotation(v3, v31));
    } else if v31.is_some() {
        errors.push("there is a v3.1 signer, and no v3 signer that it succeeds".into());
    }
    errors
}

/// The signers of v3 cover every Android version from 9 on, each once.
fn ranges(v3: &SchemeVerdict, until: u32) -> Option<String> {
    let mut spans: Vec<(u32, u32)> = v3.signers.iter().filter_map(|signer| signer.sdk).collect();
    spans.sort_unstable();
    let joined = spans
        .windows(2)
        .all(|pair| pair[0].1.checked_add(1) == Some(pair[1].0));
    let whole = spans.first().is_some_and(|(first, _)| *first <= P)
        && spans.last().is_some_and(|(_, last)| *last >= until);
    let is_covered = v3.signers.is_empty() || joined && whole;
    (!is_covered).then(|| "the v3 signers leave Android versions out, or overlap".into())
}

/// The signer that older devices see is the v3 signer or one that it succeeded.
fn predecessors(v3: &SchemeVerdict, older: Option<&SchemeVerdict>) -> Option<String> {
    let older = older.filter(|older| older.holds() && v3.holds())?;
    let mut known = v3.prints();
    for signer in &v3.signers {
        known.extend(signer.lineage.iter().map(|c| c.sha256.as_str()));
    }
    let all_known = older.prints().iter().all(|print| known.contains(print));
    (!all_known).then(|| format!("schemes {} and v3 name different signers", older.scheme.name()))
}

/// A v3 signer that says that another takes over is followed by that one, and by nobody unannounced.
fn rotation(v3: &SchemeVerdict, v31: Option<&SchemeVerdict>) -> Vec<String> {
    let mut errors = Vec::new();
    let announced: Option<u32> = v3.signers.iter().find_map(|signer| signer.rotates_from);
    if v3.signers.iter().any(|signer| signer.stripped_rotation) {
        errors.push("a v3.1 signer was announced, and its signature was taken away".into());
    }
    if let Some(v31) = v31 {
        let begins = v31
            .signers
            .iter()
            .filter_map(|signer| signer.sdk)
            .map(|(first, _)| first)
            .min();
        match announced {
            None => errors.push("the v3 signer announces no v3.1 signer".into()),
            Some(from) if begins != Some(from) => {
                errors.push(format!(
                    "the v3.1 signer takes over from another version than {from}"
                ));
            }
            Some(_) => {}
        }
        if v31.holds() && v3.holds() {
            let line: Vec<&str> = v31
                .signers
                .iter()
                .flat_map(|signer| signer.lineage.iter().map(|c| c.sha256.as_str()))
                .collect();
            if !v3.prints().iter().all(|print| line.contains(print)) {
                errors.push("the v3.1 signer's lineage does not hold the v3 signer".into());
            }
        }
    }
    errors
}

fn standing(schemes: &[SchemeVerdict], errors: &[String], is_signed: bool) -> Standing {
    let signers = || schemes.iter().flat_map(|scheme| &scheme.signers);
    let broken = !errors.is_empty()
        || schemes.iter().any(|scheme| !scheme.errors.is_empty())
        || signers().any(|signer| !signer.errors.is_empty());
    match (is_signed, broken) {
        (false, _) => Standing::Unsigned,
        (true, true) => Standing::Broken,
        (true, false) if signers().any(|signer| !signer.unknown.is_empty()) => Standing::Unverified,
        (true, false) => Standing::Verified,
    }
}
