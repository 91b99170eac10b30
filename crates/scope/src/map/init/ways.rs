//! The ways into the stores of a proposal, and what else a map says of the sources.

use super::page::{Page, quoted};
use super::stores::store_name;
use super::{Proposal, Role};
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Traced {
    Yes,
    No,
}

impl Proposal {
    pub(super) fn channels(&self, page: &mut Page) {
        for db in self.tables.keys() {
            for source in self.attributing(db) {
                self.joined_channel(db, &source, page);
            }
            self.direct_channel(db, page);
        }
        for source in self.unjoined() {
            self.own_channel(&source, page);
        }
        page.line("\n# ? is there another way into these stores: backups, replicas, exports, consoles");
    }

    /// Sources of operations that no trace id joins with the statements of their store.
    fn unjoined(&self) -> BTreeSet<String> {
        let of_operations = self
            .routes
            .keys()
            .chain(self.calls.keys())
            .map(|(source, _)| source);
        let joined: BTreeSet<String> = self.tables.keys().flat_map(|db| self.attributing(db)).collect();
        of_operations
            .filter(|source| !joined.contains(*source))
            .cloned()
            .collect()
    }

    /// A way of which one source says both who and what.
    fn own_channel(&self, source: &str, page: &mut Page) {
        for (principal, name) in self.principals(source) {
            page.line("\n[[channel]]   # ? does another source record what these requests reached: then it is `accounting`");
            page.line(format!(
                "store = {}\nname = {}\nprincipal = \"{principal}\"",
                quoted(&self.store_of(source)),
                quoted(&name)
            ));
            page.line(format!("attributing = {0}\naccounting = {0}", quoted(source)));
        }
    }

    /// Who comes by a source, each with a name for the way: sessions, which stand for accounts and addresses
    /// too, and tokens where they are seen.
    fn principals(&self, source: &str) -> Vec<(&'static str, String)> {
        let mut all = vec![("session", source.to_owned())];
        if self.tokens.contains(source) {
            all.push(("token", format!("{source} keys")));
        }
        all
    }

    /// A way on which trace ids tell whose request caused a statement.
    fn joined_channel(&self, db: &str, source: &str, page: &mut Page) {
        let both = |all: &&BTreeSet<String>| all.contains(source) && all.contains(db);
        let n = self.traces.values().filter(both).count();
        let mut sessions = self.sessions.iter();
        let pooled = sessions.any(|((source, _), traces)| source == db && traces.len() > 1);
        let roles = self.roles_of(db, Traced::Yes).join(", ");
        for (principal, name) in self.principals(source) {
            page.line(format!(
                "\n[[channel]]   # {n} trace ids stand in the records of both"
            ));
            page.line(format!(
                "store = {}\nname = {}\nprincipal = \"{principal}\"",
                quoted(&store_name(db)),
                quoted(&name)
            ));
            page.line(format!(
                "attributing = {}\naccounting = {}",
                quoted(source),
                quoted(db)
            ));
            page.line(format!("roles = [{roles}]\npooled = {pooled}"));
        }
    }

    fn direct_channel(&self, db: &str, page: &mut Page) {
        let roles = self.roles_of(db, Traced::No);
        if roles.is_empty() && !self.attributing(db).is_empty() {
            return;
        }
        page.line("\n[[channel]]   # accounts whose statements carry no trace id: persons, jobs, tools ?");
        page.line(format!(
            "store = {}\nname = \"direct\"\nprincipal = \"connection\"",
            quoted(&store_name(db))
        ));
        page.line(format!(
            "attributing = {0}\naccounting = {0}\nroles = [{1}]",
            quoted(db),
            roles.join(", ")
        ));
    }

    /// The database accounts most of whose statements carry a trace id, or do not.
    fn roles_of(&self, db: &str, traced: Traced) -> Vec<String> {
        let of_db = self.roles.iter().filter(|((source, _), _)| source == db);
        let alike = |role: &Role| (role.traced > role.untraced) == (traced == Traced::Yes);
        of_db
            .filter(|(_, role)| alike(role))
            .map(|((_, name), _)| quoted(name))
            .collect()
    }

    /// Sources that are no databases and share trace ids with this one.
    fn attributing(&self, db: &str) -> BTreeSet<String> {
        let shared = self.traces.values().filter(|all| all.contains(db)).flatten();
        shared
            .filter(|source| !self.tables.contains_key(*source))
            .cloned()
            .collect()
    }

    pub(super) fn rest(&self, page: &mut Page) {
        for (source, kind) in &self.issuers {
            page.line(format!(
                "\n[[issuer]]\nsource = {}\nissues = \"{kind}\"",
                quoted(source)
            ));
        }
        for host in &self.hosts {
            page.line(format!("\n[[host]]\nname = {}", quoted(host)));
            page.line(
                "# addresses = []   # ? every address that it connects from: until then, it may be any",
            );
            page.line("# also = []        # ? its other names in the logs");
        }
        page.line("\n[trust]");
        let sources: BTreeSet<String> = self.tables.keys().flat_map(|db| self.attributing(db)).collect();
        let sources: Vec<String> = sources.iter().map(|s| quoted(s)).collect();
        page.line(format!(
            "# trace = [{}]   # ? do these stamp the trace id themselves, whatever the client sends",
            sources.join(", ")
        ));
        page.line("trace = []\nforwarded = []");
    }
}
