//! Text to data map, with diagnostics: what can be read is read, and what is wrong is said with its
//! place and, where there is one, the name that was probably meant.

mod channel;
mod object;
mod operation;
mod reader;
mod store;
mod twice;
mod values;
mod words;

pub use words::CLASSES;

use super::diagnostic::{Diagnostic, Findings};
use super::model::DataMap;
use ambit_event::printable;
use reader::{Reader, Section};
use toml::de::DeTable;

/// The longest map that is read.
const MAP_BYTES: usize = 4 << 20;

impl DataMap {
    /// Reads a map; `origin` is its file, for messages. The map is `None` where a diagnostic is an error.
    /// Pure: files that the map names are not read here (see [`DataMap::load`]).
    #[must_use]
    pub fn parse(text: &str, origin: &str) -> (Option<DataMap>, Vec<Diagnostic>) {
        let mut reader = Reader {
            text,
            origin,
            findings: Findings::new(text, origin),
        };
        let map = reader.map();
        let usable = !reader.findings.has_errors();
        (map.filter(|_| usable), reader.findings.in_order())
    }
}

impl Reader<'_> {
    fn map(&mut self) -> Option<DataMap> {
        if self.text.len() > MAP_BYTES {
            self.error("too-long", 0..0, "the data map is too long to be read", None);
            return None;
        }
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            self.error(
                "syntax",
                error.span().unwrap_or(0..0),
                &printable(error.message(), 200),
                None,
            );
        }
        let root = Section {
            kind: "data map",
            table: document.get_ref(),
            from: 0,
            until: 0,
        };
        self.known(
            root,
            &[
                "subject",
                "store",
                "operation",
                "channel",
                "issuer",
                "host",
                "trust",
                "retention",
            ],
        );
        let mut map = DataMap {
            origin: self.origin.to_owned(),
            ..DataMap::default()
        };
        map.subjects = self.each(root, "subject", |r, s| r.subject(s));
        map.stores = self.each(root, "store", |r, s| r.store(s, &map.subjects));
        map.operations = self.each(root, "operation", |r, s| r.operation(s, &map));
        map.channels = self.each(root, "channel", |r, s| r.channel(s, &map.stores));
        map.issuers = self.each(root, "issuer", Self::issuer);
        map.hosts = self.each(root, "host", Self::host);
        map.trust = self.one(root, "trust", Self::trust).unwrap_or_default();
        map.retention = self.one(root, "retention", Self::retention).unwrap_or_default();
        self.copies(root, &map.stores);
        self.twice(root);
        self.hosts_twice(root);
        self.unled(root, &map);
        Some(map)
    }
}
