//! What is in a package beside its declared parts and DEX code: native libraries, assets, versions of libraries.

use crate::code::take;
use crate::container::{Container, Entry};
use crate::finding::Proof;
use crate::limits::{Budget, Limits};
use crate::names::Owner;
use crate::package::is_signature;
use crate::report::{Endpoint, Library, Secret};
use crate::text;
use crate::xml::Strings;
use std::collections::BTreeMap;

/// Bytes of a text that is looked into, and of a native library.
const TEXT_BYTES: u32 = 128 << 20;
const NATIVE_BYTES: u32 = 128 << 20;
/// Members that are read by themselves.
const DECLARED: &[&str] = &["AndroidManifest.xml", "resources.arsc", "stamp-cert-sha256"];
/// The machines of native libraries, the one that most devices have first.
const MACHINES: &[&str] = &["arm64-v8a", "armeabi-v7a", "x86_64", "x86", "armeabi"];
/// Addresses and secrets of all members together.
const MOST: usize = 50_000;

#[derive(Debug, Default)]
pub(crate) struct MemberFacts {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) libraries: Vec<Library>,
    pub(crate) unread: Vec<String>,
}

/// Looks into every member that is neither code nor a picture, a sound or a font by its first bytes: a name proves
/// nothing. An archive within the package is opened once.
pub(crate) fn look(
    container: &Container<'_>,
    prefix: &str,
    limits: &Limits,
    budget: &Budget,
    facts: &mut MemberFacts,
) {
    members(container, prefix, limits, budget, facts, true);
}

fn members(
    container: &Container<'_>,
    prefix: &str,
    limits: &Limits,
    budget: &Budget,
    facts: &mut MemberFacts,
    opens: bool,
) {
    let natives = natives(container);
    for entry in container.entries() {
        let name = entry.name.as_str();
        if name.ends_with('/') || DECLARED.contains(&name) || is_signature(name) {
            continue;
        }
        if let Some(library) = library(name) {
            facts.libraries.push(versioned(container, entry, library, budget));
            continue;
        }
        let kind = Kind::of(&container.head(entry));
        let place = Proof::in_file(format!("{prefix}{name}"));
        let limit = match kind {
            Kind::Code | Kind::Media => continue,
            Kind::Native if is_repeated(name, &natives) => continue,
            Kind::Native => NATIVE_BYTES,
            Kind::Archive if !opens => continue,
            Kind::Archive => NATIVE_BYTES,
            Kind::Document | Kind::Other => TEXT_BYTES,
        };
        if entry.size > limit {
            facts.unread.push(format!(
                "{prefix}{name}: {} bytes, more than are looked into",
                entry.size
            ));
            continue;
        }
        let bytes = match container.read(entry, budget) {
            Ok(bytes) => bytes,
            Err(error) => {
                facts.unread.push(format!("{prefix}{name}: {error}"));
                continue;
            }
        };
        match kind {
            Kind::Document => pool(&bytes, &place, facts),
            Kind::Archive => match Container::parse(&bytes, limits) {
                Ok(inner) => members(&inner, &format!("{prefix}{name}!"), limits, budget, facts, false),
                Err(error) => facts.unread.push(format!("{prefix}{name}: {error}")),
            },
            _ => texts(&bytes, &place, facts),
        }
    }
}

/// What a member is by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Native,
    Archive,
    /// Binary XML.
    Document,
    /// Pictures, sounds and fonts: what stands in them is no text.
    Media,
    Other,
}

impl Kind {
    pub(crate) fn of(head: &[u8]) -> Self {
        const MEDIA: &[&[u8]] = &[
            b"\x89PNG",
            b"\xff\xd8\xff",
            b"GIF8",
            b"RIFF",
            b"OggS",
            b"ID3",
            b"\xff\xfb",
            b"OTTO",
            b"wOF",
            b"fLaC",
            b"\0\x01\0\0\0",
            b"ttcf",
        ];
        let begins = |mark: &[u8]| head.starts_with(mark);
        match head {
            _ if begins(b"dex\n") => Self::Code,
            _ if begins(b"\x7fELF") => Self::Native,
            _ if begins(b"PK\x03\x04") => Self::Archive,
            _ if begins(&[3, 0, 8, 0]) => Self::Document,
            _ if MEDIA.iter().any(|mark| begins(mark)) || head.get(4..8) == Some(b"ftyp") => Self::Media,
            _ => Self::Other,
        }
    }
}

/// The native libraries by file name, with the best machine that has each: all machines' hold the same texts.
fn natives(container: &Container<'_>) -> BTreeMap<String, usize> {
    let mut best = BTreeMap::new();
    for entry in container.entries() {
        if let Some((machine, file)) = machine(&entry.name) {
            let known = best.entry(file.to_owned()).or_insert(machine);
            *known = machine.min(*known);
        }
    }
    best
}

/// The place of a library's machine in the list above, and the library's file name.
fn machine(name: &str) -> Option<(usize, &str)> {
    let mut parts = name.rsplit('/');
    let (file, folder, lib) = (parts.next()?, parts.next()?, parts.next()?);
    let machine = MACHINES.iter().position(|machine| *machine == folder)?;
    (lib == "lib").then_some((machine, file))
}

fn is_repeated(name: &str, natives: &BTreeMap<String, usize>) -> bool {
    machine(name).is_some_and(|(machine, file)| natives.get(file).is_some_and(|best| *best < machine))
}

/// The texts of a document of binary XML.
fn pool(bytes: &[u8], place: &Proof, facts: &mut MemberFacts) {
    let Some(Ok(strings)) = bytes.get(8..).map(Strings::parse) else {
        return;
    };
    let mut left = bytes.len().saturating_mul(2);
    for n in 0..u32::try_from(strings.len()).unwrap_or(u32::MAX) {
        let Some(text) = strings.get(n) else { continue };
        // Strings can be made to overlap.
        let Some(rest) = left.checked_sub(text.len()) else {
            facts.unread.push(format!(
                "{}: strings from number {n} on: they overlap",
                place.file
            ));
            return;
        };
        left = rest;
        if text::is_worth_a_look(text.as_bytes()) {
            one(&text, &Owner::App, place, facts);
        }
    }
}

/// Looks into every run of characters that a person could read.
fn texts(bytes: &[u8], place: &Proof, facts: &mut MemberFacts) {
    let is_readable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..=0xff);
    for run in bytes.split(|byte| !is_readable(byte)) {
        for line in run.split(|byte| *byte == b'\n').flat_map(pieces) {
            if text::is_worth_a_look(line) {
                one(&String::from_utf8_lossy(line), &Owner::App, place, facts);
            }
        }
        // A key's block spans lines.
        if memchr::memmem::find(run, b"-----BEGIN").is_some() && run.len() < 1 << 20 {
            one(&String::from_utf8_lossy(run), &Owner::App, place, facts);
        }
    }
}

/// A line in pieces that are short enough to be looked into at once: programs are packed into one line of megabytes.
/// They end where no address and no secret goes on, as far as there is such a place.
fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    const PIECE: usize = 1 << 20;
    const END: usize = 16 << 10;
    let mut rest = line;
    std::iter::from_fn(move || {
        let most = rest.len().min(PIECE);
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b',' | b';' | b'<' | b'>');
        let last = rest.get(most.saturating_sub(END)..most)?.iter().rposition(ends);
        let at = match last {
            Some(last) if most < rest.len() => most.saturating_sub(END) + last + 1,
            _ => most,
        };
        let (piece, left) = rest.split_at_checked(at).filter(|_| at > 0)?;
        rest = left;
        Some(piece)
    })
}

/// Takes the addresses and secrets out of one text.
pub(crate) fn one(whole: &str, whose: &Owner, place: &Proof, facts: &mut MemberFacts) {
    if facts.endpoints.len() + facts.secrets.len() >= MOST {
        return;
    }
    take(
        whole,
        whose,
        place,
        None,
        &mut facts.endpoints,
        &mut facts.secrets,
    );
}

/// The library that a member tells the version of: `META-INF/androidx.core_core.version`, or a Maven description.
fn library(name: &str) -> Option<String> {
    let name = name.strip_prefix("root/").unwrap_or(name);
    let file = name
        .strip_prefix("META-INF/")
        .or_else(|| name.strip_suffix(".properties").filter(|n| !n.contains('/')))?;
    if let Some(stem) = file.strip_suffix(".version") {
        return Some(stem.replacen('_', ":", 1));
    }
    let stem = file.strip_prefix("maven/")?.strip_suffix("/pom.properties")?;
    Some(stem.replacen('/', ":", 1))
}

fn versioned(container: &Container<'_>, entry: &Entry, name: String, budget: &Budget) -> Library {
    let bytes = (entry.size < 4096)
        .then(|| container.read(entry, budget).ok())
        .flatten()
        .unwrap_or_default();
    let whole = String::from_utf8_lossy(&bytes);
    let stated = whole.lines().find_map(|line| line.strip_prefix("version="));
    let plain = || {
        whole
            .lines()
            .next()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
    };
    let version = stated.or_else(plain).map(|version| version.trim().to_owned());
    Library {
        name,
        version,
        file: entry.name.clone(),
    }
}
