//! What is in a package beside its declared parts and DEX code: native libraries, assets, versions of libraries.

use crate::code::endpoint;
use crate::container::{Container, Entry};
use crate::finding::Proof;
use crate::limits::Budget;
use crate::names::Owner;
use crate::report::{Endpoint, Library, Secret};
use crate::text;

/// Bytes of a text that is looked into, and of a native library.
const TEXT_BYTES: u32 = 8 << 20;
const NATIVE_BYTES: u32 = 128 << 20;
/// Endings of members that hold text.
const TEXTS: &[&str] = &[
    ".js",
    ".json",
    ".html",
    ".htm",
    ".txt",
    ".properties",
    ".yml",
    ".yaml",
    ".cfg",
    ".conf",
    ".ini",
    ".pem",
    ".key",
    ".env",
    ".csv",
    ".sql",
    ".ts",
    ".bundle",
    ".toml",
];
/// The machines of native libraries, the one that most devices have first: one of them is looked at, as all hold the
/// same texts.
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

pub(crate) fn look(container: &Container<'_>, prefix: &str, budget: &Budget, facts: &mut MemberFacts) {
    let machine = MACHINES.iter().find(|machine| {
        let folder = format!("lib/{machine}/");
        container
            .entries()
            .iter()
            .any(|entry| entry.name.contains(&folder))
    });
    for entry in container.entries() {
        let name = entry.name.as_str();
        let limit = if is_text(name) {
            TEXT_BYTES
        } else if name.ends_with(".so") && machine.is_some_and(|m| name.contains(&format!("lib/{m}/"))) {
            NATIVE_BYTES
        } else if let Some(library) = library(name) {
            facts.libraries.push(versioned(container, entry, library, budget));
            continue;
        } else {
            continue;
        };
        let place = Proof::in_file(format!("{prefix}{name}"));
        if entry.size > limit {
            facts.unread.push(format!(
                "{prefix}{name}: {} bytes, more than are looked into",
                entry.size
            ));
            continue;
        }
        match container.read(entry, budget) {
            Ok(bytes) => texts(&bytes, &place, facts),
            Err(error) => facts.unread.push(format!("{prefix}{name}: {error}")),
        }
    }
}

fn is_text(name: &str) -> bool {
    (name.starts_with("assets/") || name.starts_with("res/raw/") || name.contains("/assets/"))
        && TEXTS.iter().any(|end| name.ends_with(end))
}

/// Looks into every run of characters that a person could read.
fn texts(bytes: &[u8], place: &Proof, facts: &mut MemberFacts) {
    let is_readable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..=0xff);
    for run in bytes.split(|byte| !is_readable(byte)) {
        for line in run.split(|byte| *byte == b'\n') {
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

/// Takes the addresses and secrets out of one text.
pub(crate) fn one(whole: &str, whose: &Owner, place: &Proof, facts: &mut MemberFacts) {
    if facts.endpoints.len() + facts.secrets.len() >= MOST {
        return;
    }
    facts
        .endpoints
        .extend(text::urls(whole).filter_map(|url| endpoint(url, whose, place, None)));
    facts
        .secrets
        .extend(text::secrets(whole).into_iter().map(|hit| Secret {
            kind: hit.form.kind,
            value: hit.value.to_owned(),
            is_public: hit.form.is_public,
            is_checked: hit.is_checked,
            owner: whose.clone(),
            place: place.clone(),
            consumer: None,
        }));
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
