//! What a package holds, class by class and file by file, as digests: so that a release that is known to be ours and
//! one that was found can be compared by what is in them, not by names.

use crate::code::whose;
use crate::container::Container;
use crate::dex::{ClassPrint, Dex, print};
use crate::error::Result;
use crate::limits::{Budget, Limits};
use crate::names::Owner;
use crate::package::{self, Part};
use crate::report::PackageKind;
use crate::scan::read_file;
use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Classes, methods of one class, and files that are told by name.
const NAMED: usize = 50;
const METHODS: usize = 10;

/// The digests of a package's classes and of its other files.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    classes: BTreeMap<String, ClassPrint>,
    files: BTreeMap<String, Vec<u8>>,
    unread: Vec<String>,
}

/// A class that differs from the reference's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ClassChange {
    pub class: String,
    /// Whose it is by its name: `app`, a library's name, or `platform`. A name proves nothing.
    pub owner: String,
    /// The methods that were added, changed or removed, the first ten; empty where another part of the class differs.
    pub methods: Vec<String>,
}

/// How a package differs from one that is known to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Altered {
    pub n_added: usize,
    pub n_changed: usize,
    pub n_removed: usize,
    /// The first fifty of each, the app's own first.
    pub added: Vec<ClassChange>,
    pub changed: Vec<ClassChange>,
    pub removed: Vec<ClassChange>,
    pub n_files: usize,
    /// Files that were added, changed or removed, beside code and signatures.
    pub files: Vec<String>,
    /// What could not be compared.
    pub unread: Vec<String>,
}

impl Contents {
    /// Reads a package for comparison.
    ///
    /// # Errors
    /// Where the file cannot be read, or no package is in it.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self> {
        Self::of_bytes(&read_file(path, limits)?, limits)
    }

    /// # Errors
    /// Where no package is in the bytes.
    pub fn of_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let budget = Budget::of(limits);
        let outer = Container::parse(bytes, limits)?;
        let mut contents = Self::default();
        let held;
        let parts = if package::kind(&outer)? == PackageKind::Set {
            held = package::members(&outer, &budget, &mut contents.unread);
            package::parts(&held, limits, &budget, &mut contents.unread)?
        } else {
            vec![Part {
                name: String::new(),
                container: outer,
            }]
        };
        for part in &parts {
            contents.part(part, &budget);
        }
        Ok(contents)
    }

    fn part(&mut self, part: &Part<'_>, budget: &Budget) {
        for entry in package::in_load_order(part.container.entries()) {
            let name = format!("{}{}", part.prefix(), entry.name);
            if entry.name.ends_with('/') || package::is_signature(&entry.name) {
                continue;
            }
            match part.container.read(entry, budget) {
                Ok(bytes) if bytes.starts_with(b"dex\n") => self.code(&name, &bytes),
                Ok(bytes) => {
                    self.files.insert(name, digest(&SHA256, &bytes).as_ref().to_vec());
                }
                Err(error) => self.unread.push(format!("{name}: {error}")),
            }
        }
    }

    fn code(&mut self, name: &str, bytes: &[u8]) {
        let all = match Dex::parse(name, bytes) {
            Ok(all) => all,
            Err(error) => return self.unread.push(format!("{name}: {error}")),
        };
        for dex in all {
            for class in dex.classes() {
                let class_name = dex.type_name(class.kind);
                match print(&dex, &class) {
                    // Of two classes of one name a device runs the first.
                    Ok(print) => {
                        self.classes.entry(class_name).or_insert(print);
                    }
                    Err(error) if self.unread.len() < NAMED => {
                        self.unread.push(format!("{name}: {class_name}: {error}"));
                    }
                    Err(_) => {}
                }
            }
        }
    }

    /// How this package differs from the reference; `package` is its name, which its own classes begin with.
    #[must_use]
    pub fn altered(&self, reference: &Self, package: &str) -> Altered {
        let whole = |class: &String, methods: Vec<String>| ClassChange {
            class: class.clone(),
            owner: whose(class, package).to_string(),
            methods,
        };
        let (mut added, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for (class, print) in &self.classes {
            match reference.classes.get(class) {
                None => added.push(whole(class, Vec::new())),
                Some(known) if known != print => changed.push(whole(class, methods(known, print))),
                Some(_) => {}
            }
        }
        let is_gone = |(class, _): &(&String, &ClassPrint)| !self.classes.contains_key(*class);
        removed.extend(
            reference
                .classes
                .iter()
                .filter(is_gone)
                .map(|(class, _)| whole(class, Vec::new())),
        );
        let files = files(&self.files, &reference.files);
        let mut unread: Vec<String> = self.unread.clone();
        unread.extend(reference.unread.iter().map(|why| format!("reference: {why}")));
        Altered {
            n_added: added.len(),
            n_changed: changed.len(),
            n_removed: removed.len(),
            added: first(added),
            changed: first(changed),
            removed: first(removed),
            n_files: files.len(),
            files: files.into_iter().take(NAMED).collect(),
            unread,
        }
    }
}

impl Altered {
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.n_added + self.n_changed + self.n_removed + self.n_files == 0
    }
}

/// The app's own first: a stranger's class under a library's name stands behind them, not beside them.
fn first(mut changes: Vec<ClassChange>) -> Vec<ClassChange> {
    let app = Owner::App.to_string();
    changes.sort_by(|a, b| (a.owner != app, a).cmp(&(b.owner != app, b)));
    changes.truncate(NAMED);
    changes
}

/// Methods that one of two classes of a name has, or has otherwise.
fn methods(known: &ClassPrint, print: &ClassPrint) -> Vec<String> {
    let known: BTreeMap<_, _> = known.methods.iter().map(|(name, print)| (name, print)).collect();
    let found: BTreeMap<_, _> = print.methods.iter().map(|(name, print)| (name, print)).collect();
    let mut named: Vec<String> = found
        .iter()
        .filter(|(name, print)| known.get(*name) != Some(*print))
        .map(|(name, _)| (*name).clone())
        .collect();
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    named.extend(gone.map(|name| format!("{name} is gone")));
    named.truncate(METHODS);
    named
}

fn files(found: &BTreeMap<String, Vec<u8>>, known: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut told: Vec<String> = found
        .iter()
        .filter_map(|(name, digest)| match known.get(name) {
            None => Some(format!("{name} was added")),
            Some(other) if other != digest => Some(format!("{name} is another")),
            Some(_) => None,
        })
        .collect();
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    told.extend(gone.map(|name| format!("{name} is gone")));
    told
}
