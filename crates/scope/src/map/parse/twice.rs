//! Names that stand there twice, or that nothing is called by.

use super::reader::{Reader, Section};
use crate::map::model::Store;
use ambit_event::printable;
use std::collections::BTreeSet;
use toml::de::DeValue;

impl Reader<'_> {
    /// Stores that repeat others.
    pub(super) fn copies(&mut self, root: Section<'_>, stores: &[Store]) {
        for section in self.sections(root, "store") {
            if let Some(copy) = self.text(section, "copy_of") {
                self.reference(&copy, "store", stores.iter().map(|s| s.name.as_str()));
            }
        }
    }

    /// Names that stand there twice.
    pub(super) fn twice(&mut self, root: Section<'_>) {
        for kind in ["subject", "store", "operation"] {
            let mut seen = BTreeSet::new();
            for section in self.sections(root, kind) {
                self.once(section, kind, &mut seen, str::to_owned);
            }
        }
        let mut seen = BTreeSet::new();
        for section in self.sections(root, "channel") {
            let store = self.text(section, "store").map_or_else(String::new, |s| s.value);
            self.once(section, "channel", &mut seen, |name| {
                format!("{store}\u{0}{name}")
            });
        }
    }

    pub(super) fn tables_twice(&mut self, store: Section<'_>) {
        let mut seen = BTreeSet::new();
        for section in self.sections(store, "table") {
            self.once(section, "table", &mut seen, str::to_ascii_lowercase);
        }
    }

    /// A name that two hosts have would make one of both.
    pub(super) fn hosts_twice(&mut self, root: Section<'_>) {
        let mut seen = BTreeSet::new();
        for section in self.sections(root, "host") {
            let also = self.texts(section, "also");
            for name in self.text(section, "name").into_iter().chain(also) {
                if !seen.insert(name.value.to_ascii_lowercase()) {
                    let title = format!("another host is called `{}`", printable(&name.value, 60));
                    self.error("twice", name.span, &title, None);
                }
            }
        }
    }

    fn once(
        &mut self,
        section: Section<'_>,
        kind: &str,
        seen: &mut BTreeSet<String>,
        key: impl Fn(&str) -> String,
    ) {
        if let Some((DeValue::String(name), span)) = section.get("name")
            && !seen.insert(key(name))
        {
            self.error(
                "twice",
                span,
                &format!("there is another {kind} `{}`", printable(name, 60)),
                None,
            );
        }
    }
}
