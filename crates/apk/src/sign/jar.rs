//! Scheme v1: the signed list of members that Java archives have, which alone protects devices before Android 7.

use super::Signer;
use super::certificate::{Parts, comparable};
use super::der::{self, Reader};
use super::key::{Hash, Holds, Key, by_oid, hash_by_oid};
use super::schemes::Verified;
use crate::container::Container;
use crate::error::{Error, Result};
use crate::limits::Budget;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::{BTreeMap, BTreeSet};

/// The kind of PKCS #7 that a signature is.
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const MANIFEST: &str = "META-INF/MANIFEST.MF";
/// Problems of members that are named; the rest is counted.
const MOST_NAMED: usize = 20;
/// Signers of a package at most: Android reads ten.
const SIGNERS: usize = 10;

/// A section of a manifest: its own bytes, and what it says.
#[derive(Debug, Default)]
struct Section<'t> {
    bytes: &'t [u8],
    attributes: BTreeMap<String, String>,
}

impl Section<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// The digests that it states under `SHA-256-Digest` and the like.
    fn digests(&self, suffix: &str) -> Vec<(Hash, Vec<u8>)> {
        const NAMES: [(&str, Hash); 4] = [
            ("sha-512", Hash::Sha512),
            ("sha-384", Hash::Sha384),
            ("sha-256", Hash::Sha256),
            ("sha1", Hash::Sha1),
        ];
        let stated = |(name, hash): (&str, Hash)| {
            let alternative = name.replace("sha1", "sha-1");
            let text = self
                .get(&format!("{name}-digest{suffix}"))
                .or_else(|| self.get(&format!("{alternative}-digest{suffix}")))?;
            Some((hash, STANDARD.decode(text.trim()).unwrap_or_default()))
        };
        NAMES.into_iter().filter_map(stated).collect()
    }

    /// Whether every digest that it states is that of these bytes; `None` where it states none.
    fn agrees(&self, suffix: &str, bytes: &[u8]) -> Option<bool> {
        let digests = self.digests(suffix);
        (!digests.is_empty()).then(|| digests.iter().all(|(hash, digest)| hash.of(bytes) == *digest))
    }
}

/// What came of it, with the schemes that the signers say they used beside this one.
pub(super) struct Jar {
    pub(super) verified: Verified,
    pub(super) names_schemes: BTreeSet<u32>,
    /// Whether there are files of such a signature at all.
    pub(super) is_there: bool,
}

pub(super) fn verify(container: &Container<'_>, budget: &Budget) -> Jar {
    let mut jar = Jar {
        verified: Verified::default(),
        names_schemes: BTreeSet::new(),
        is_there: false,
    };
    if let Err(error) = walk(container, budget, &mut jar) {
        jar.verified.errors.push(error.to_string());
    }
    jar
}

fn walk(container: &Container<'_>, budget: &Budget, jar: &mut Jar) -> Result<()> {
    let blocks: Vec<&str> = container
        .entries()
        .iter()
        .map(|entry| entry.name.as_str())
        .filter(|name| is_signature_block(name))
        .collect();
    jar.is_there = !blocks.is_empty();
    // A list of members proves nothing of a container that shows two of them.
    let contradictions = container
        .oddities()
        .0
        .iter()
        .filter(|oddity| oddity.is_contradiction);
    let told = contradictions.map(|oddity| format!("{}: {}", oddity.member, oddity.what));
    jar.verified.errors.extend(told.take(MOST_NAMED));
    let Some(manifest) = container.read_named(MANIFEST, budget)? else {
        jar.verified.errors.push(format!("there is no {MANIFEST}"));
        return Ok(());
    };
    let (main, sections, named_twice) = sections(&manifest);
    for name in named_twice {
        jar.verified
            .errors
            .push(format!("{MANIFEST} has two sections for {name}"));
    }
    let mut covered: Vec<BTreeSet<String>> = Vec::new();
    if blocks.len() > SIGNERS {
        jar.verified.errors.push(format!("more than {SIGNERS} signers"));
    }
    for block in blocks.into_iter().take(SIGNERS) {
        let mut signer = Signer::default();
        match signer_of(
            container,
            block,
            budget,
            &manifest,
            &main,
            &sections,
            jar,
            &mut signer,
        ) {
            Ok(Some(names)) => covered.push(names),
            // A block beside which no signed list stands is none, to Android as well.
            Ok(None) => continue,
            Err(error) => signer.errors.push(format!("{block}: {error}")),
        }
        jar.verified.signers.push(signer);
    }
    if jar.verified.signers.is_empty() {
        jar.verified.errors.push("no signer".into());
    }
    members(container, budget, &sections, &covered, &mut jar.verified)
}

fn is_signature_block(name: &str) -> bool {
    let Some(file) = name.strip_prefix("META-INF/") else {
        return false;
    };
    let upper = file.to_ascii_uppercase();
    !file.contains('/') && [".RSA", ".DSA", ".EC"].iter().any(|end| upper.ends_with(end))
}

#[expect(
    clippy::too_many_arguments,
    reason = "one signer's files meet the manifest here once"
)]
fn signer_of(
    container: &Container<'_>,
    block: &str,
    budget: &Budget,
    manifest: &[u8],
    main: &Section<'_>,
    sections: &BTreeMap<String, Section<'_>>,
    jar: &mut Jar,
    signer: &mut Signer,
) -> Result<Option<BTreeSet<String>>> {
    let stem = block.rsplit_once('.').map_or(block, |(stem, _)| stem);
    let Some(list) = container.read_named(&format!("{stem}.SF"), budget)? else {
        return Ok(None);
    };
    let signature = container
        .read_named(block, budget)?
        .ok_or_else(|| Error::Missing(block.to_owned()))?;
    signed_message(&signature, &list, signer)?;
    let (head, parts, _) = self::sections(&list);
    for scheme in head.get("x-android-apk-signed").unwrap_or_default().split(',') {
        jar.names_schemes.extend(scheme.trim().parse::<u32>());
    }
    match head.agrees("-manifest", manifest) {
        Some(true) => return Ok(Some(sections.keys().cloned().collect())),
        None => {
            signer
                .errors
                .push(format!("{stem}.SF states no digest of the manifest"));
            return Ok(Some(BTreeSet::new()));
        }
        Some(false) => {}
    }
    // The manifest changed as a whole: another signer may have added to it. Its parts may still be the signed ones.
    if head.agrees("-manifest-main-attributes", main.bytes) == Some(false) {
        signer
            .errors
            .push("the manifest's head is not the signed one".into());
    }
    let mut covered = BTreeSet::new();
    for (name, part) in &parts {
        let same = sections
            .get(name)
            .and_then(|section| part.agrees("", section.bytes));
        if same == Some(true) {
            covered.insert(name.clone());
        } else if signer.errors.len() < MOST_NAMED {
            signer.errors.push(format!(
                "{MANIFEST}: what it says of {name} is not what was signed"
            ));
        }
    }
    Ok(Some(covered))
}

/// Checks a PKCS #7 signature over the list, and notes whose it is. It may be in BER, as `apksigner` reads it.
fn signed_message(bytes: &[u8], message: &[u8], signer: &mut Signer) -> Result<()> {
    let mut outer = Reader::ber(bytes).open(der::SEQUENCE)?;
    if der::dotted(object(outer.expect(der::OBJECT)?)?) != SIGNED_DATA {
        return Err(bad("it is no signed data"));
    }
    let mut data = outer.open(der::CONTEXT_0)?.open(der::SEQUENCE)?;
    data.expect(der::INTEGER)?;
    let mut digests = data.open(der::SET)?;
    while !digests.is_empty() {
        algorithm(digests.expect(der::SEQUENCE)?)?;
    }
    let mut held = data.open(der::SEQUENCE)?;
    object(held.expect(der::OBJECT)?)?;
    while !held.is_empty() && !der::is_same(held.next()?.tag, der::CONTEXT_0) {}
    let mut certificates = Vec::new();
    if let Some(set) = data.maybe(der::CONTEXT_0)? {
        let mut inner = set.inside();
        while !inner.is_empty() && certificates.len() < 100 {
            certificates.push(inner.next()?.whole);
        }
    }
    data.maybe(0xa1)?;
    let mut infos = data.open(der::SET)?;
    // Android asks the first signer; a list that nobody signed is refused by it.
    let mut info = infos.open(der::SEQUENCE)?;
    info.expect(der::INTEGER)?;
    let mut who = info.open(der::SEQUENCE)?;
    let (issuer, serial) = (who.next()?.whole, who.expect(der::INTEGER)?.content);
    let hash_oid = algorithm(info.expect(der::SEQUENCE)?)?;
    let attributes = info.maybe(der::CONTEXT_0)?;
    let algorithm = algorithm(info.expect(der::SEQUENCE)?)?;
    let signature = info.expect(der::OCTETS)?.content;
    // One certificate that cannot be read spoils the signature, whoever it is of.
    let all = certificates
        .iter()
        .map(|bytes| Parts::parse(bytes))
        .collect::<Result<Vec<_>>>()?;
    let issuer = comparable(issuer)?;
    let is_signer = |parts: &&Parts<'_>| {
        *parts.serial == *serial && comparable(&parts.issuer).is_ok_and(|name| name == issuer)
    };
    let Some(certificate) = all.iter().find(is_signer) else {
        return Err(bad("the signer's certificate is not in it"));
    };
    signer.certificate = Some(certificate.shown());
    let (hash, padding) = by_oid(&algorithm, &hash_oid)?;
    let key = Key::parse(&certificate.key_info)?;
    let holds = match attributes {
        None => key.signed(hash, padding, message, signature),
        Some(attributes) => {
            if message_digest(attributes)? != hash_by_oid(&hash_oid)?.of(message) {
                signer
                    .errors
                    .push("the signed list is not the one that is there".into());
            }
            // They are signed as the set that they are, not under the tag that they have here.
            let mut set = attributes.whole.to_vec();
            if let Some(tag) = set.first_mut() {
                *tag = der::SET;
            }
            key.signed(hash, padding, &set, signature)
        }
    };
    match holds {
        Holds::Yes => {}
        Holds::No => signer
            .errors
            .push("the signature over the list does not hold".into()),
        Holds::Unknown(why) => signer.unknown.push(format!("not verified: {why}")),
    }
    Ok(())
}

fn bad(why: &str) -> Error {
    Error::bad("JAR signature", 0, why)
}

/// The content of an object identifier of which no number is cut.
fn object(value: der::Value<'_>) -> Result<&[u8]> {
    match value.content.last() {
        Some(last) if last & 0x80 == 0 => Ok(value.content),
        _ => Err(bad("an object identifier that is none")),
    }
}

/// Which algorithm; its parameters are read past.
fn algorithm(value: der::Value<'_>) -> Result<String> {
    let mut inside = value.inside();
    let which = der::dotted(object(inside.expect(der::OBJECT)?)?);
    if !inside.is_empty() {
        inside.next()?;
    }
    Ok(which)
}

fn message_digest(attributes: der::Value<'_>) -> Result<Vec<u8>> {
    let mut all = attributes.inside();
    while !all.is_empty() {
        let mut attribute = all.open(der::SEQUENCE)?;
        let oid = der::dotted(attribute.expect(der::OBJECT)?.content);
        if oid == "1.2.840.113549.1.9.4" {
            return Ok(attribute.open(der::SET)?.expect(der::OCTETS)?.content.to_vec());
        }
    }
    Err(Error::bad("JAR signature", 0, "it states no digest of the list"))
}

/// Every member is as the manifest says, and the manifest names no member that is not there.
fn members(
    container: &Container<'_>,
    budget: &Budget,
    sections: &BTreeMap<String, Section<'_>>,
    covered: &[BTreeSet<String>],
    verified: &mut Verified,
) -> Result<()> {
    let mut problems = Vec::new();
    for entry in container.entries() {
        let name = entry.name.as_str();
        if name.starts_with("META-INF/") || name.ends_with('/') {
            continue;
        }
        let Some(section) = sections.get(name) else {
            problems.push(format!("{name} is not in the manifest: nobody signed it"));
            continue;
        };
        if covered.iter().any(|names| !names.contains(name)) {
            problems.push(format!("{name} is not signed by every signer"));
        }
        match section.agrees("", &container.read(entry, budget)?) {
            Some(true) => {}
            Some(false) => problems.push(format!("{name} is not what was signed")),
            None => problems.push(format!("{name}: the manifest states no digest of it")),
        }
    }
    let gone = sections
        .keys()
        .filter(|name| !name.ends_with('/') && container.entry(name).is_none());
    problems.extend(gone.map(|name| format!("{name} was signed and is not there")));
    let n_more = problems.len().saturating_sub(MOST_NAMED);
    problems.truncate(MOST_NAMED);
    verified.errors.extend(problems);
    if n_more > 0 {
        verified.errors.push(format!("and {n_more} more members"));
    }
    Ok(())
}

/// The head of a manifest, its sections by name, and the names that stand in it twice.
fn sections(bytes: &[u8]) -> (Section<'_>, BTreeMap<String, Section<'_>>, Vec<String>) {
    let (mut named, mut twice) = (BTreeMap::new(), Vec::new());
    let mut parts = split_sections(bytes).into_iter().map(section);
    let head = parts.next().unwrap_or_default();
    for section in parts {
        let Some(name) = section.get("name").map(str::to_owned) else {
            continue;
        };
        if named.insert(name.clone(), section).is_some() {
            twice.push(name);
        }
    }
    (head, named, twice)
}

/// Cuts behind each empty line; the line belongs to the section before it, as digests count it.
fn split_sections(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut out, mut begin, mut at, mut had_text) = (Vec::new(), 0, 0, false);
    while at < bytes.len() {
        let n_line = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len() - at, |n| n + 1);
        let line = &bytes[at..at + n_line];
        at += n_line;
        if line.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            had_text = true;
        } else if had_text {
            out.push(&bytes[begin..at]);
            (begin, had_text) = (at, false);
        }
    }
    if had_text {
        out.push(&bytes[begin..]);
    }
    out
}

/// Attributes by their names in small letters. A line that begins with a space goes on with the one before it.
fn section(bytes: &[u8]) -> Section<'_> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.split_first(), lines.last_mut()) {
            (Some((b' ', more)), Some(last)) => last.extend_from_slice(more),
            (Some(_), _) => lines.push(line.to_vec()),
            (None, _) => {}
        }
    }
    let attributes = lines
        .iter()
        .filter_map(|line| {
            let text = String::from_utf8_lossy(line);
            let (name, value) = text.split_once(':')?;
            Some((
                name.to_ascii_lowercase(),
                value.strip_prefix(' ').unwrap_or(value).to_owned(),
            ))
        })
        .collect();
    Section { bytes, attributes }
}
