//! Signatures over the whole package: schemes v2, v3 and v3.1, digest by digest and signer by signer.

use super::certificate::Parts;
use super::content::{Content, Method};
use super::key::{Hash, Holds, Key, Padding};
use super::lineage;
use super::{Scheme, Signer};
use crate::cursor::Cursor;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

/// The Android versions that first knew each scheme.
pub(super) const N: u32 = 24;
pub(super) const P: u32 = 28;
pub(super) const T: u32 = 33;

/// Attributes of signed data.
const STRIPPING: u32 = 0xbeef_f00d;
const LINEAGE: u32 = 0x3ba0_6f8c;
const ROTATES_FROM: u32 = 0x559f_8b02;
/// Signers of a block at most: Android reads ten.
const SIGNERS: usize = 10;

/// A signature algorithm of these schemes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Algorithm {
    pub(super) hash: Hash,
    pub(super) padding: Padding,
    method: Method,
    since: u32,
}

pub(super) fn algorithm(id: u32) -> Option<Algorithm> {
    let (hash, padding, method) = match id {
        0x0101 => (Hash::Sha256, Padding::Pss, Method::Chunks(Hash::Sha256)),
        0x0102 => (Hash::Sha512, Padding::Pss, Method::Chunks(Hash::Sha512)),
        0x0103 | 0x0201 | 0x0301 => (Hash::Sha256, Padding::Pkcs1, Method::Chunks(Hash::Sha256)),
        0x0104 | 0x0202 => (Hash::Sha512, Padding::Pkcs1, Method::Chunks(Hash::Sha512)),
        0x0421 | 0x0423 | 0x0425 => (Hash::Sha256, Padding::Pkcs1, Method::Tree),
        _ => return None,
    };
    let since = if method == Method::Tree { P } else { N };
    Some(Algorithm {
        hash,
        padding,
        method,
        since,
    })
}

impl Method {
    /// Which of two is asked where a device knows both.
    const fn strength(self) -> u8 {
        match self {
            Self::Chunks(Hash::Sha512) => 2,
            Self::Tree => 1,
            Self::Chunks(_) => 0,
        }
    }
}

/// Verifies one block of a scheme. `others` are the schemes that the package has beside it.
pub(super) fn verify(scheme: Scheme, block: &[u8], content: &Content<'_>, others: &[Scheme]) -> Verified {
    let mut verified = Verified::default();
    let mut digests = BTreeMap::new();
    let read = each(&mut Cursor::new(block, "signers"), SIGNERS, |signer| {
        let one = signer_of(scheme, signer, content, &mut digests, others);
        verified.signers.push(one.unwrap_or_else(|error| Signer {
            errors: vec![error.to_string()],
            ..Signer::default()
        }));
        Ok(())
    });
    if let Err(error) = read {
        verified.errors.push(error.to_string());
    }
    if verified.signers.is_empty() {
        verified.errors.push("there are no signers".into());
    }
    verified
}

/// What came of a block.
#[derive(Debug, Default)]
pub(super) struct Verified {
    pub(super) signers: Vec<Signer>,
    pub(super) errors: Vec<String>,
}

fn signer_of(
    scheme: Scheme,
    mut signer: Cursor<'_>,
    content: &Content<'_>,
    digests: &mut BTreeMap<Method, Vec<u8>>,
    others: &[Scheme],
) -> Result<Signer> {
    let signed = signer.prefixed()?;
    let mut out = Signer::default();
    if scheme != Scheme::V2 {
        out.sdk = Some((signer.u32()?, signer.u32()?));
    }
    let mut signatures = Vec::new();
    each(&mut signer, 100, |mut one| {
        let id = one.u32()?;
        signatures.push((id, one.prefixed()?.whole()));
        Ok(())
    })?;
    let key_info = signer.prefixed()?.whole();
    let key = Key::parse(key_info)?;
    let picked = picked(&signatures, out.sdk);
    if picked.is_empty() {
        out.errors
            .push("no signature of an algorithm that Android knows".into());
    }
    for (id, algorithm, signature) in &picked {
        match key.signed(algorithm.hash, algorithm.padding, signed.whole(), signature) {
            Holds::Yes => {}
            Holds::No => out
                .errors
                .push(format!("the signature of algorithm {id:#06x} does not hold")),
            Holds::Unknown(why) => out.unknown.push(format!("not verified: {why}")),
        }
    }
    let signed_ids: Vec<u32> = signatures.iter().map(|(id, _)| *id).collect();
    signed_data(
        scheme,
        signed,
        key_info,
        &signed_ids,
        &picked,
        content,
        digests,
        others,
        &mut out,
    )?;
    Ok(out)
}

type Picked<'b> = (u32, Algorithm, &'b [u8]);

/// The signatures that devices ask: of each Android version that added algorithms, the strongest.
fn picked<'b>(signatures: &[(u32, &'b [u8])], sdk: Option<(u32, u32)>) -> Vec<Picked<'b>> {
    let newest = sdk.map_or(u32::MAX, |(_, newest)| newest);
    let mut best: BTreeMap<u32, Picked<'b>> = BTreeMap::new();
    for (id, signature) in signatures {
        let Some(algorithm) = algorithm(*id).filter(|a| a.since <= newest) else {
            continue;
        };
        let known = best.get(&algorithm.since);
        if known.is_none_or(|(_, known, _)| algorithm.method.strength() > known.method.strength()) {
            best.insert(algorithm.since, (*id, algorithm, *signature));
        }
    }
    best.into_values().collect()
}

#[expect(
    clippy::too_many_arguments,
    reason = "all that the signer stated meets here once"
)]
fn signed_data(
    scheme: Scheme,
    mut signed: Cursor<'_>,
    key_info: &[u8],
    signed_ids: &[u32],
    picked: &[Picked<'_>],
    content: &Content<'_>,
    digests: &mut BTreeMap<Method, Vec<u8>>,
    others: &[Scheme],
    out: &mut Signer,
) -> Result<()> {
    let mut stated = Vec::new();
    each(&mut signed, 100, |mut one| {
        let id = one.u32()?;
        stated.push((id, one.prefixed()?.whole()));
        Ok(())
    })?;
    let mut certificates = Vec::new();
    each(&mut signed, 100, |one| {
        certificates.push(one.whole());
        Ok(())
    })?;
    let Some(first) = certificates.first() else {
        out.errors.push("there is no certificate".into());
        return Ok(());
    };
    let parts = Parts::parse(first)?;
    out.certificate = Some(parts.shown());
    if *parts.key_info != *key_info {
        out.errors
            .push("the key is not the one of the certificate".into());
    }
    if stated.iter().map(|(id, _)| *id).ne(signed_ids.iter().copied()) {
        out.errors
            .push("the algorithms of digests and of signatures differ".into());
    }
    if scheme != Scheme::V2 {
        let sdk = (signed.u32()?, signed.u32()?);
        if out.sdk != Some(sdk) {
            out.errors
                .push("the signed Android versions are not those of the signer".into());
        }
        if sdk.0 > sdk.1 {
            out.errors
                .push(format!("for Android versions {} to {}", sdk.0, sdk.1));
        }
    }
    attributes(scheme, &mut signed, parts.whole, others, out)?;
    for method in picked.iter().map(|(_, a, _)| a.method).collect::<BTreeSet<_>>() {
        let computed = digests.entry(method).or_insert_with(|| content.digest(method));
        let same = stated
            .iter()
            .filter(|(id, _)| algorithm(*id).is_some_and(|a| a.method == method))
            .all(|(_, digest)| *digest == computed.as_slice());
        if !same {
            out.errors
                .push("the digest over the package is not the signed one: bytes were changed".into());
        }
    }
    Ok(())
}

fn attributes(
    scheme: Scheme,
    signed: &mut Cursor<'_>,
    certificate: &[u8],
    others: &[Scheme],
    out: &mut Signer,
) -> Result<()> {
    // Some signers of v2 leave the attributes out altogether.
    if signed.is_empty() {
        return Ok(());
    }
    each(signed, 100, |mut one| {
        let id = one.u32()?;
        match (scheme, id) {
            (Scheme::V2, STRIPPING) => {
                let wanted = one.u32()?;
                if wanted == 3 && !others.contains(&Scheme::V3) && !others.contains(&Scheme::V31) {
                    out.errors
                        .push("it was signed with scheme v3 too, and that signature was taken away".into());
                }
            }
            (Scheme::V3 | Scheme::V31, LINEAGE) => {
                let (line, errors) = lineage::verify(one.rest());
                out.errors.extend(errors);
                if line.last().is_some_and(|last| last.bytes != certificate) {
                    out.errors
                        .push("the last signer of the lineage is not this one".into());
                }
                out.lineage = line.into_iter().map(|node| node.shown).collect();
            }
            (Scheme::V3, ROTATES_FROM) => {
                out.rotates_from = Some(one.u32()?);
                if !others.contains(&Scheme::V31) {
                    out.stripped_rotation = true;
                }
            }
            _ => {}
        }
        Ok(())
    })
}

/// Reads a sequence with its length before it, of parts with theirs.
pub(super) fn each<'b>(
    cursor: &mut Cursor<'b>,
    most: usize,
    mut one: impl FnMut(Cursor<'b>) -> Result<()>,
) -> Result<()> {
    let mut parts = cursor.prefixed()?;
    let mut n_parts = 0;
    while !parts.is_empty() {
        n_parts += 1;
        if n_parts > most {
            return Err(crate::Error::TooMuch {
                what: "parts of a signature",
                limit: most as u64,
            });
        }
        one(parts.prefixed()?)?;
    }
    Ok(())
}
