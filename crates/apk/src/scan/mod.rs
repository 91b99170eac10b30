//! A scan: from the bytes of a file to the answer about the app in it.

mod gathered;
mod members;

use crate::check::{CHECKS, Facts, Found, Look};
use crate::code::{self, CodeFacts, whose};
use crate::container::{Container, Oddity};
use crate::dex::Dex;
use crate::error::{Error, Result};
use crate::finding::{Finding, Proof};
use crate::hierarchy::Hierarchy;
use crate::limits::{Budget, Limits};
use crate::manifest::Manifest;
use crate::names::Owner;
use crate::package::{self, Declared, Part};
use crate::report::{AppReport, Coverage, Library, PackageKind};
use crate::sign::{Signature, Standing};
use aws_lc_rs::digest::{SHA256, digest};
use members::MemberFacts;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Scans one file: a package, a set of splits, or a bundle.
///
/// # Errors
/// Where the file cannot be read, is too large, or no package is in it. What can be read of a damaged package is
/// answered for, and the rest named in [`Coverage::unread`].
pub fn scan(path: &Path, limits: &Limits) -> Result<AppReport> {
    scan_bytes(&path.display().to_string(), &read_file(path, limits)?, limits)
}

/// The bytes of a package's file, where they are not too many.
pub(crate) fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let io = |error: std::io::Error| Error::Io {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let file = File::open(path).map_err(io)?;
    let n_bytes = file.metadata().map_err(io)?.len();
    if n_bytes > limits.package {
        return Err(Error::TooMuch {
            what: "bytes of a package",
            limit: limits.package,
        });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(n_bytes).unwrap_or(0));
    file.take(limits.package).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Scans the bytes of a file.
///
/// # Errors
/// As [`scan`].
pub fn scan_bytes(name: &str, bytes: &[u8], limits: &Limits) -> Result<AppReport> {
    let budget = Budget::of(limits);
    let outer = Container::parse(bytes, limits)?;
    let kind = package::kind(&outer)?;
    let mut coverage = Coverage {
        n_members: outer.entries().len(),
        ..Coverage::default()
    };
    let held;
    let parts = if kind == PackageKind::Set {
        held = package::members(&outer, &budget, &mut coverage.unread);
        package::parts(&held, limits, &budget, &mut coverage.unread)?
    } else {
        vec![Part {
            name: String::new(),
            container: outer,
        }]
    };
    let Some(base) = parts.first() else {
        return Err(Error::Missing("base package".into()));
    };
    let declared = Declared::read(&base.container, kind, &budget)?;
    coverage.unread.extend(declared.unread.iter().cloned());
    let signature = signature(&parts, &declared.manifest, kind, &budget);
    let members = members_of(&parts, &declared, limits, &budget);
    coverage.unread.extend(members.unread.iter().cloned());
    let code = code_of(&parts, &declared, limits, &budget, &mut coverage);
    Ok(conclude(
        name, bytes, kind, &parts, declared, signature, members, code, coverage, limits,
    ))
}

/// The base's signature; where a split is signed by somebody else, or not, the whole does not hold.
fn signature(parts: &[Part<'_>], manifest: &Manifest, kind: PackageKind, budget: &Budget) -> Signature {
    let (min, target) = match kind {
        // A bundle is signed as a Java archive, and never installed.
        PackageKind::Bundle => (1, 1),
        _ => (manifest.min(), manifest.target()),
    };
    let mut whole: Option<Signature> = None;
    for part in parts {
        let one = Signature::verify(&part.container, min, target, budget);
        let Some(base) = &mut whole else {
            whole = Some(one);
            continue;
        };
        let differs = {
            let prints = |s: &Signature| {
                s.signers()
                    .iter()
                    .map(|c| c.sha256.clone())
                    .collect::<BTreeSet<_>>()
            };
            prints(base) != prints(&one)
        };
        if one.standing != base.standing || differs {
            base.errors.push(format!(
                "{} is {}, or signed by others than the base",
                part.name,
                one.standing.name()
            ));
            if base.standing == Standing::Verified {
                base.standing = Standing::Broken;
            }
        }
    }
    whole.unwrap_or_else(|| Signature::unverified("there is no package"))
}

fn members_of(parts: &[Part<'_>], declared: &Declared, limits: &Limits, budget: &Budget) -> MemberFacts {
    let mut facts = MemberFacts::default();
    for part in parts {
        members::look(&part.container, &part.prefix(), limits, budget, &mut facts);
    }
    for text in declared.texts.iter() {
        let place = Proof {
            method: Some(text.name.clone()),
            ..Proof::in_file("resources.arsc")
        };
        members::one(&text.text, &Owner::App, &place, &mut facts);
    }
    for (name, value) in &declared.manifest.meta {
        let place = Proof {
            method: Some(name.clone()),
            ..Proof::in_file("AndroidManifest.xml")
        };
        members::one(
            value,
            &whose(name, &declared.manifest.package),
            &place,
            &mut facts,
        );
    }
    facts
}

/// Looks at all DEX files, one a thread.
fn code_of(
    parts: &[Part<'_>],
    declared: &Declared,
    limits: &Limits,
    budget: &Budget,
    coverage: &mut Coverage,
) -> CodeFacts {
    let files = gathered::code(parts, limits, budget, coverage);
    let mut hierarchy = Hierarchy::default();
    let mut readable = Vec::new();
    for (name, bytes) in &files {
        match Dex::parse(name, bytes) {
            Ok(all) => {
                coverage.n_dex += all.len();
                all.iter().for_each(|dex| hierarchy.add(dex));
                readable.push((name.as_str(), &**bytes));
            }
            Err(error) => coverage.unread.push(format!("{name}: {error}")),
        }
    }
    each_file(&readable, &hierarchy, declared, limits)
}

fn each_file<'b>(
    files: &[(&str, &'b [u8])],
    hierarchy: &Hierarchy<'b>,
    declared: &Declared,
    limits: &Limits,
) -> CodeFacts {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some((name, bytes)) = files.get(n) else {
                return done;
            };
            for dex in Dex::parse(name, bytes).unwrap_or_default() {
                done.push((n, code::look(&dex, hierarchy, declared, limits)));
            }
        }
    };
    let n_threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(8)
        .min(files.len().max(1));
    let mut all = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..n_threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        let rest = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default());
        all.extend(rest);
        all
    });
    // The order of the files, whoever was done first.
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().fold(CodeFacts::default(), |mut sum, (_, facts)| {
        sum.take(facts);
        sum
    })
}

impl CodeFacts {
    fn take(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.endpoints.extend(other.endpoints);
        self.secrets.extend(other.secrets);
        self.used.extend(other.used);
        self.paths.extend(other.paths);
        self.classes.extend(other.classes);
        for (name, owners) in other.named {
            self.named.entry(name).or_default().extend(owners);
        }
        for (owner, n_classes) in other.owners {
            *self.owners.entry(owner).or_default() += n_classes;
        }
        self.n_classes += other.n_classes;
        self.n_followed += other.n_followed;
        self.n_platform += other.n_platform;
        self.n_methods += other.n_methods;
        self.n_cut += other.n_cut;
        self.n_reflected += other.n_reflected;
        self.n_native += other.n_native;
        self.n_loaders += other.n_loaders;
        self.unread.extend(other.unread);
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of a scan meet here once")]
fn conclude(
    name: &str,
    bytes: &[u8],
    kind: PackageKind,
    parts: &[Part<'_>],
    declared: Declared,
    signature: Signature,
    mut members: MemberFacts,
    mut code: CodeFacts,
    mut coverage: Coverage,
    limits: &Limits,
) -> AppReport {
    let mut endpoints = std::mem::take(&mut code.endpoints);
    endpoints.append(&mut members.endpoints);
    endpoints.sort();
    endpoints
        .dedup_by(|a, b| (&a.url, &a.place.file, &a.place.class) == (&b.url, &b.place.file, &b.place.class));
    let mut secrets = std::mem::take(&mut code.secrets);
    secrets.append(&mut members.secrets);
    secrets.sort();
    secrets.dedup_by(|a, b| (&a.value, &a.place.class) == (&b.value, &b.place.class));
    let libraries = libraries(members.libraries, &code.owners);
    let oddities: Vec<Oddity> = parts
        .iter()
        .flat_map(|part| part.container.oddities().0)
        .cloned()
        .collect();
    let facts = Facts {
        manifest: &declared.manifest,
        network: &declared.network,
        signature: &signature,
        oddities: &oddities,
        disguised: &coverage.disguised,
        endpoints: &endpoints,
        secrets: &secrets,
        libraries: &libraries,
        named: &code.named,
        is_code_read: code.unread.is_empty() && !coverage.unread.iter().any(|why| why.contains(".dex: ")),
    };
    let mut findings = std::mem::take(&mut code.findings);
    whole_package(&facts, &mut findings);
    // By their use they were told where they are used.
    secrets.append(&mut code.used);
    secrets.sort();
    secrets.dedup_by(|a, b| (&a.value, &a.place.class) == (&b.value, &b.place.class));
    let mut paths = std::mem::take(&mut code.paths);
    paths.sort();
    paths.dedup_by(|a, b| a.path == b.path);
    coverage.n_left_out = settle(&mut findings, limits.findings);
    coverage.n_classes = code.n_classes;
    coverage.n_followed = code.n_followed;
    coverage.n_platform = code.n_platform;
    coverage.n_methods = code.n_methods;
    coverage.n_cut = code.n_cut;
    coverage.hidden = hidden(&code);
    coverage.unread.extend(code.unread);
    AppReport {
        file: name.to_owned(),
        kind,
        sha256: hex::encode(digest(&SHA256, bytes)),
        n_bytes: bytes.len() as u64,
        classes: code.classes,
        owners: code
            .owners
            .iter()
            .map(|(owner, n)| (owner.to_string(), *n))
            .collect(),
        manifest: declared.manifest,
        signature,
        findings,
        accepted: Vec::new(),
        endpoints,
        paths,
        secrets,
        libraries,
        oddities,
        coverage,
    }
}

/// What the app's own code does that no reading of it shows.
fn hidden(code: &CodeFacts) -> Vec<String> {
    [
        (
            code.n_reflected,
            "calls by reflection: what they call is decided while it runs",
        ),
        (
            code.n_native,
            "methods in native code: of it only the texts are read",
        ),
        (
            code.n_loaders,
            "places that load code while it runs: what is not in the package is not read",
        ),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect()
}

/// Libraries with their versions, and those that only their classes show.
fn libraries(mut told: Vec<Library>, owners: &BTreeMap<Owner, usize>) -> Vec<Library> {
    for (owner, n_classes) in owners {
        if let Owner::Sdk(name) = owner {
            told.push(Library {
                name: name.clone(),
                version: None,
                file: format!("{n_classes} classes"),
            });
        }
    }
    told.sort();
    told.dedup();
    told
}

fn whole_package(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for check in CHECKS {
        for look in check.looks {
            let Look::Package(look) = look else { continue };
            let mut found = Found {
                check,
                proof: Proof::in_file("AndroidManifest.xml"),
                owner: Owner::App,
                out: findings,
            };
            look(facts, &mut found);
        }
    }
}

/// Brings findings into their order, drops what is said twice of one place, and keeps so many of each check. Answers
/// how many were left out.
fn settle(findings: &mut Vec<Finding>, most: usize) -> usize {
    findings.sort_by(Finding::order);
    findings.dedup_by(|a, b| {
        a.check == b.check
            && a.what == b.what
            && (&a.proof.file, &a.proof.class, &a.proof.method, a.proof.offset)
                == (&b.proof.file, &b.proof.class, &b.proof.method, b.proof.offset)
            && a.proof.constant == b.proof.constant
    });
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let n_all = findings.len();
    findings.retain(|finding| {
        let count = counts.entry(finding.check.name).or_default();
        *count += 1;
        *count <= most
    });
    n_all - findings.len()
}
