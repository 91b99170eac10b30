//! The ways into stores, who issues credentials, which hosts there are, and what is trusted.

use super::reader::{At, Reader, Section};
use crate::map::model::{Channel, DataMap, Host, Issuer, Principal, Retention, Store, Trust};
use crate::map::route::Glob;
use ambit_event::printable;
use std::net::IpAddr;

impl Reader<'_> {
    pub(super) fn channel(&mut self, s: Section<'_>, stores: &[Store]) -> Option<Channel> {
        self.known(
            s,
            &[
                "store",
                "name",
                "principal",
                "attributing",
                "accounting",
                "roles",
                "pooled",
                "shown_by",
            ],
        );
        let store = self.required(s, "store");
        if let Some(store) = &store {
            self.reference(store, "store", stores.iter().map(|s| s.name.as_str()));
        }
        let principal = self.required(s, "principal").and_then(|text| {
            let principal = Principal::parse(&text.value);
            if principal.is_none() {
                let names: Vec<&str> = Principal::ALL.iter().map(|p| p.name()).collect();
                self.no_such(&text, "kind of principal", &names);
            }
            principal
        });
        let attributing = self.required(s, "attributing");
        let accounting = self.required(s, "accounting");
        Some(Channel {
            store: store?.value,
            name: self.name(s)?,
            principal: principal?,
            attributing: attributing?.value,
            accounting: accounting?.value,
            roles: self.texts(s, "roles").into_iter().map(|r| r.value).collect(),
            pooled: self.flag(s, "pooled"),
            shown_by: self.text(s, "shown_by").map(|g| Glob::new(&g.value)),
        })
    }

    /// Stores into which no channel leads. What keeps the map from being used goes first.
    pub(super) fn unled(&mut self, root: Section<'_>, map: &DataMap) {
        if self.findings.has_errors() {
            return;
        }
        let open: Vec<&str> = map.stores_without_channel().map(|s| s.name.as_str()).collect();
        for section in self.sections(root, "store") {
            let Some(name) = self
                .text(section, "name")
                .filter(|n| open.contains(&n.value.as_str()))
            else {
                continue;
            };
            let title = "no `[[channel]]` leads into this store, so every source of its operations is taken for a way in, and a gap of any opens it to everyone";
            let hint = format!(
                "write for each way: [[channel]] store = \"{}\", name, principal, attributing = the source that says who, accounting = the source that says what",
                printable(&name.value, 60)
            );
            self.warning("no-channel", name.span, title, Some(hint));
        }
    }

    pub(super) fn issuer(&mut self, s: Section<'_>) -> Option<Issuer> {
        self.known(s, &["source", "issues"]);
        let source = self.required(s, "source");
        let issues = self.required(s, "issues").and_then(|text| self.credential(&text));
        Some(Issuer {
            source: source?.value,
            issues: issues?,
        })
    }

    pub(super) fn host(&mut self, s: Section<'_>) -> Option<Host> {
        self.known(s, &["name", "also", "addresses", "sources"]);
        let addresses = self.texts(s, "addresses");
        let addresses = addresses.iter().filter_map(|text| self.address(text)).collect();
        Some(Host {
            name: self.name(s)?,
            also: self.texts(s, "also").into_iter().map(|n| n.value).collect(),
            addresses,
            sources: self.texts(s, "sources").into_iter().map(|n| n.value).collect(),
        })
    }

    fn address(&mut self, text: &At<String>) -> Option<String> {
        let address = text.value.trim().parse::<IpAddr>().ok();
        if address.is_none() {
            let title = format!("`{}` is no address", printable(&text.value, 60));
            let hint = "write each one out, such as \"10.0.0.5\"; other names of the host go to `also`";
            self.error("bad-address", text.span.clone(), &title, Some(hint.to_owned()));
        }
        address.map(|a| a.to_canonical().to_string())
    }

    pub(super) fn trust(&mut self, s: Section<'_>) -> Trust {
        self.known(s, &["trace", "forwarded"]);
        let names = |r: &mut Self, key| r.texts(s, key).into_iter().map(|t| t.value).collect();
        Trust {
            trace: names(self, "trace"),
            forwarded: names(self, "forwarded"),
        }
    }

    pub(super) fn retention(&mut self, s: Section<'_>) -> Retention {
        self.known(s, &["from"]);
        Retention {
            from: self.text(s, "from").and_then(|text| self.instant(&text)),
        }
    }
}
