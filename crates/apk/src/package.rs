//! From a file to the packages in it: one, a base with its splits, or a bundle.

use crate::container::{Container, Entry};
use crate::error::{Error, Result};
use crate::limits::{Budget, Limits};
use crate::manifest::Manifest;
use crate::network::NetworkConfig;
use crate::report::PackageKind;
use crate::resources::{Resources, Texts};
use crate::xml::{self, Element, Held};
use std::borrow::Cow;

/// Packages within a set at most.
const PARTS: usize = 200;
/// The manifests of a package and of a bundle's base module.
const MANIFEST: &str = "AndroidManifest.xml";
const BUNDLE_MANIFEST: &str = "base/manifest/AndroidManifest.xml";

/// One container of a package, with its name in the file.
pub(crate) struct Part<'b> {
    pub(crate) name: String,
    pub(crate) container: Container<'b>,
}

impl Part<'_> {
    /// What stands before the names of its members.
    pub(crate) fn prefix(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!("{}!", self.name)
        }
    }
}

/// Members in the order in which a device loads code: `classes.dex`, `classes2.dex` and on, then all others. Of two
/// classes of one name it runs the first.
pub(crate) fn in_load_order(entries: &[Entry]) -> Vec<&Entry> {
    let mut all: Vec<&Entry> = entries.iter().collect();
    all.sort_by_key(|entry| load_number(&entry.name));
    all
}

/// 1 for `classes.dex`, 2 for `classes2.dex`; the greatest for what no device loads by itself.
pub(crate) fn load_number(name: &str) -> u32 {
    let number = name
        .strip_prefix("classes")
        .and_then(|rest| rest.strip_suffix(".dex"));
    let is_plain = |n: &&str| n.bytes().all(|b| b.is_ascii_digit()) && !n.starts_with('0');
    match number.filter(is_plain) {
        Some("") => 1,
        Some(number) => number.parse().ok().filter(|n| *n > 1).unwrap_or(u32::MAX),
        None => u32::MAX,
    }
}

/// Whether a member is a part of a signature of scheme v1: these differ between any two builds, and are judged by what
/// they prove.
pub(crate) fn is_signature(name: &str) -> bool {
    let Some(file) = name.strip_prefix("META-INF/") else {
        return false;
    };
    let file = file.to_ascii_uppercase();
    let ends = [".SF", ".RSA", ".DSA", ".EC"];
    !file.contains('/') && (file == "MANIFEST.MF" || ends.iter().any(|end| file.ends_with(end)))
}

/// What is declared, beside the code.
pub(crate) struct Declared {
    pub(crate) manifest: Manifest,
    pub(crate) network: NetworkConfig,
    pub(crate) texts: Texts,
    pub(crate) unread: Vec<String>,
}

pub(crate) fn kind(container: &Container<'_>) -> Result<PackageKind> {
    if container.entry(MANIFEST).is_some() {
        Ok(PackageKind::Apk)
    } else if container.entry(BUNDLE_MANIFEST).is_some() {
        Ok(PackageKind::Bundle)
    } else if container
        .entries()
        .iter()
        .any(|entry| entry.name.ends_with(".apk"))
    {
        Ok(PackageKind::Set)
    } else {
        Err(Error::Missing(format!("{MANIFEST}, and holds no package")))
    }
}

/// The packages within a set, unpacked, and why some could not be.
pub(crate) fn members<'b>(
    outer: &Container<'b>,
    budget: &Budget,
    unread: &mut Vec<String>,
) -> Vec<(String, Cow<'b, [u8]>)> {
    let mut members = Vec::new();
    for entry in outer
        .entries()
        .iter()
        .filter(|entry| entry.name.ends_with(".apk"))
    {
        if members.len() == PARTS {
            unread.push(format!("{}: more than {PARTS} packages in the file", entry.name));
            break;
        }
        match outer.read(entry, budget) {
            Ok(bytes) => members.push((entry.name.clone(), bytes)),
            Err(error) => unread.push(format!("{}: {error}", entry.name)),
        }
    }
    members
}

/// The packages of a set, the base first: the one whose manifest names no split.
pub(crate) fn parts<'b>(
    members: &'b [(String, Cow<'_, [u8]>)],
    limits: &Limits,
    budget: &Budget,
    unread: &mut Vec<String>,
) -> Result<Vec<Part<'b>>> {
    let mut parts = Vec::new();
    for (name, bytes) in members {
        match Container::parse(bytes, limits) {
            Ok(container) => parts.push(Part {
                name: name.clone(),
                container,
            }),
            Err(error) => unread.push(format!("{name}: {error}")),
        }
    }
    let is_base = |part: &Part<'_>| {
        let root = part.container.read_named(MANIFEST, budget).ok().flatten();
        let root = root.and_then(|bytes| xml::parse_binary(&bytes).ok());
        root.is_some_and(|root| root.held("split").is_none())
    };
    // The master of several bases: a standalone package for one screen is a copy of it.
    let base = parts
        .iter()
        .position(is_base)
        .ok_or_else(|| Error::Missing("base package".into()))?;
    let base = parts.remove(base);
    parts.insert(0, base);
    Ok(parts)
}

impl Declared {
    /// Reads manifest, resources and network policy of a base.
    pub(crate) fn read(container: &Container<'_>, kind: PackageKind, budget: &Budget) -> Result<Self> {
        let mut unread = Vec::new();
        let is_bundle = kind == PackageKind::Bundle;
        let table = if is_bundle {
            None
        } else {
            container.read_named("resources.arsc", budget).transpose()
        };
        let bytes = match table {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => {
                unread.push(format!("resources.arsc: {error}"));
                Cow::Borrowed(&[][..])
            }
            None => Cow::Borrowed(&[][..]),
        };
        let mut resources = if bytes.is_empty() {
            Resources::default()
        } else {
            Resources::parse(&bytes).unwrap_or_else(|error| {
                unread.push(format!("resources.arsc: {error}"));
                Resources::default()
            })
        };
        if is_bundle && container.entry("base/resources.pb").is_some() {
            unread.push("base/resources.pb: texts of a bundle's resource table are not read".into());
        }
        let name = if is_bundle { BUNDLE_MANIFEST } else { MANIFEST };
        let root = container
            .read_named(name, budget)?
            .ok_or_else(|| Error::Missing(name.into()))?;
        let root = if is_bundle {
            xml::parse_proto(&root)?
        } else {
            xml::parse_binary(&root)?
        };
        let manifest = Manifest::of(&root, &resources)?;
        let network = network(&manifest, container, kind, &resources, budget, &mut unread);
        let texts = resources.texts();
        unread.extend(
            resources
                .unread
                .iter()
                .map(|why| format!("resources.arsc: {why}")),
        );
        Ok(Self {
            texts,
            manifest,
            network,
            unread,
        })
    }
}

/// The policy that the manifest points at. One that cannot be read is said; what it forbids is then not known, and
/// the default is taken.
fn network(
    manifest: &Manifest,
    container: &Container<'_>,
    kind: PackageKind,
    resources: &Resources<'_>,
    budget: &Budget,
    unread: &mut Vec<String>,
) -> NetworkConfig {
    let Some(held) = &manifest.network_config else {
        return NetworkConfig::default();
    };
    let path = match resources.resolve(held) {
        Held::Text(path) if kind == PackageKind::Bundle => bundle_path(&path),
        Held::Text(path) => path,
        // A bundle's reference by number: its table is not read, and the usual name is tried.
        _ if kind == PackageKind::Bundle => "base/res/xml/network_security_config.xml".into(),
        other => {
            unread.push(format!("network security config: {other:?} stands for no file"));
            return NetworkConfig::default();
        }
    };
    match document(container, &path, kind, budget) {
        Ok(root) => NetworkConfig::of(&root),
        Err(error) => {
            unread.push(format!("{path}: {error}"));
            NetworkConfig::default()
        }
    }
}

/// `@xml/name` as the path that a bundle has for it.
fn bundle_path(written: &str) -> String {
    match written.strip_prefix("@xml/") {
        Some(name) => format!("base/res/xml/{name}.xml"),
        None => written.to_owned(),
    }
}

fn document(container: &Container<'_>, path: &str, kind: PackageKind, budget: &Budget) -> Result<Element> {
    let bytes = container
        .read_named(path, budget)?
        .ok_or_else(|| Error::Missing(path.to_owned()))?;
    if kind == PackageKind::Bundle {
        xml::parse_proto(&bytes)
    } else {
        xml::parse_binary(&bytes)
    }
}
