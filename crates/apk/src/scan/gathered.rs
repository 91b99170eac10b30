//! All code of a package, wherever it stands: by its name or by its first bytes, in archives within the package too.

use super::members::Kind;
use crate::container::{Container, Entry};
use crate::error::Result;
use crate::limits::{Budget, Limits};
use crate::package::{self, Part};
use crate::report::Coverage;
use std::borrow::Cow;

/// Bytes of all DEX files together, with an archive while it is looked into: they are in memory at once.
const DEX_BYTES: usize = 320 << 20;

/// The DEX files, by their names in the package.
struct Gathered<'b, 'c> {
    files: Vec<(String, Cow<'b, [u8]>)>,
    n_bytes: usize,
    coverage: &'c mut Coverage,
}

/// Every member that is code, in the order in which a device loads them.
pub(crate) fn code<'b>(
    parts: &'b [Part<'_>],
    limits: &Limits,
    budget: &Budget,
    coverage: &mut Coverage,
) -> Vec<(String, Cow<'b, [u8]>)> {
    let mut all = Gathered {
        files: Vec::new(),
        n_bytes: 0,
        coverage,
    };
    for part in parts {
        for entry in package::in_load_order(part.container.entries()) {
            let name = format!("{}{}", part.prefix(), entry.name);
            let kind = Kind::of(&part.container.head(entry));
            if kind == Kind::Archive {
                all.within(&name, &part.container, entry, limits, budget);
            } else if kind == Kind::Code || entry.name.ends_with(".dex") {
                if !entry.name.ends_with(".dex") || entry.name.starts_with("assets/") {
                    all.coverage.disguised.push(name.clone());
                }
                all.keep(name, part.container.read(entry, budget));
            }
        }
    }
    all.files
}

impl<'b> Gathered<'b, '_> {
    fn keep(&mut self, name: String, read: Result<Cow<'b, [u8]>>) {
        match read {
            Ok(bytes) if self.has_room(bytes.len()) => {
                self.n_bytes += bytes.len();
                self.files.push((name, bytes));
            }
            Ok(_) => self.too_much(&name),
            Err(error) => self.coverage.unread.push(format!("{name}: {error}")),
        }
    }

    const fn has_room(&self, n_bytes: usize) -> bool {
        self.n_bytes.saturating_add(n_bytes) <= DEX_BYTES
    }

    fn too_much(&mut self, name: &str) {
        let why = format!("{name}: more than {DEX_BYTES} bytes of code in all");
        self.coverage.unread.push(why);
    }

    /// The code in an archive within the package. That the archive cannot be read is told where its texts are looked
    /// for.
    fn within(
        &mut self,
        name: &str,
        container: &Container<'_>,
        entry: &Entry,
        limits: &Limits,
        budget: &Budget,
    ) {
        let Ok(bytes) = container.read(entry, budget) else {
            return;
        };
        let Ok(inner) = Container::parse(&bytes, limits) else {
            return;
        };
        let is_code = |entry: &&Entry| Kind::of(&inner.head(entry)) == Kind::Code;
        for entry in package::in_load_order(inner.entries())
            .into_iter()
            .filter(is_code)
        {
            let name = format!("{name}!{}", entry.name);
            self.coverage.disguised.push(name.clone());
            if self.has_room(bytes.len()) {
                let code = inner
                    .read(entry, budget)
                    .map(|code| Cow::Owned(code.into_owned()));
                self.keep(name, code);
            } else {
                self.too_much(&name);
            }
        }
    }
}
