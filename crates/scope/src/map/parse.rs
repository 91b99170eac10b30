//! Text to data map, with diagnostics: what can be read is read, and what is wrong is said with its
//! place and, where there is one, the name that was probably meant.

use super::diagnostic::{Diagnostic, Severity};
use super::grammar::Grammar;
use super::model::{
    Channel, Credential, DataMap, Effect, History, Host, Issuer, Match, Operation, Place, Principal,
    Retention, Snapshot, Store, Subject, Table, Trust, Whose,
};
use super::nearest::nearest;
use super::route::{Glob, Route};
use ambit_event::{Timestamp, printable};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};

/// The longest map that is read.
const MAP_BYTES: usize = 4 << 20;

/// Classes of data that are known by name. Others may be used; a warning tells of them, because most
/// are typing errors.
pub const CLASSES: &[&str] = &[
    "behaviour",
    "biometric",
    "communication",
    "contact",
    "content",
    "credential",
    "demographic",
    "device",
    "education",
    "employment",
    "family",
    "financial",
    "genetic",
    "government_id",
    "health",
    "identity",
    "internal",
    "location",
    "payment",
    "political",
    "preferences",
    "religion",
    "sexual",
    "social",
    "special",
    "union",
];

impl DataMap {
    /// Reads a map; `origin` is its file, for messages. The map is `None` where a diagnostic is an error.
    /// Pure: files that the map names are not read here (see [`DataMap::load`]).
    #[must_use]
    pub fn parse(text: &str, origin: &str) -> (Option<DataMap>, Vec<Diagnostic>) {
        let mut reader = Reader {
            text,
            origin,
            diagnostics: Vec::new(),
        };
        let map = reader.map();
        let mut diagnostics = reader.diagnostics;
        diagnostics
            .sort_by(|a, b| (a.line, a.column, a.code, &a.title).cmp(&(b.line, b.column, b.code, &b.title)));
        diagnostics.dedup();
        let usable = diagnostics.iter().all(|d| d.severity == Severity::Warning);
        (map.filter(|_| usable), diagnostics)
    }
}

/// Reads one text; everything that is wrong goes to the diagnostics.
struct Reader<'t> {
    text: &'t str,
    origin: &'t str,
    diagnostics: Vec<Diagnostic>,
}

/// A value with where it stands.
#[derive(Debug, Clone)]
struct At<T> {
    value: T,
    span: Range<usize>,
}

/// One table of the file, with its name for messages.
#[derive(Clone, Copy)]
struct Section<'d> {
    kind: &'static str,
    table: &'d DeTable<'d>,
    from: usize,
    until: usize,
}

impl<'d> Section<'d> {
    fn get(&self, key: &str) -> Option<(&'d DeValue<'d>, Range<usize>)> {
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    const fn span(&self) -> Range<usize> {
        self.from..self.until
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
        Some(map)
    }

    fn each<'d, T>(
        &mut self,
        root: Section<'d>,
        kind: &'static str,
        mut read: impl FnMut(&mut Self, Section<'d>) -> Option<T>,
    ) -> Vec<T> {
        self.sections(root, kind)
            .into_iter()
            .filter_map(|section| read(self, section))
            .collect()
    }

    fn one<'d, T>(
        &mut self,
        root: Section<'d>,
        kind: &'static str,
        read: impl FnOnce(&mut Self, Section<'d>) -> T,
    ) -> Option<T> {
        let (value, span) = root.get(kind)?;
        match value {
            DeValue::Table(table) => Some(read(
                self,
                Section {
                    kind,
                    table,
                    from: span.start,
                    until: span.end,
                },
            )),
            _ => {
                self.error(
                    "wrong-type",
                    span,
                    &format!("`{kind}` is a table: write `[{kind}]`"),
                    None,
                );
                None
            }
        }
    }

    /// The tables of an array of tables.
    fn sections<'d>(&mut self, root: Section<'d>, kind: &'static str) -> Vec<Section<'d>> {
        let Some((value, span)) = root.get(kind) else {
            return Vec::new();
        };
        let DeValue::Array(array) = value else {
            self.error(
                "wrong-type",
                span,
                &format!("`{kind}` is a list of tables: write `[[{kind}]]`"),
                None,
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in array.iter() {
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section {
                    kind,
                    table,
                    from: item.span().start,
                    until: item.span().end,
                }),
                other => {
                    let title = format!("`{kind}` holds tables, not a {}", other.type_str());
                    self.error("wrong-type", item.span(), &title, None);
                }
            }
        }
        sections
    }

    fn subject(&mut self, s: Section<'_>) -> Option<Subject> {
        self.known(
            s,
            &[
                "name",
                "population",
                "distinct",
                "persons_per_key",
                "keys",
                "alias",
                "aliases",
            ],
        );
        Some(Subject {
            name: self.name(s)?,
            population: self.count(s, "population", 0),
            distinct: self.flag(s, "distinct"),
            persons_per_key: self.count(s, "persons_per_key", 1).unwrap_or(1),
            keys: self
                .text(s, "keys")
                .and_then(|pattern| self.grammar(&pattern, Use::Key)),
            alias: self.alias(s),
            aliases: self.text(s, "aliases").and_then(|path| self.path(&path)),
        })
    }

    fn alias(&mut self, s: Section<'_>) -> Vec<Vec<String>> {
        let Some((value, span)) = s.get("alias") else {
            return Vec::new();
        };
        let DeValue::Array(groups) = value else {
            self.wrong(span, "alias", "a list of lists of keys: `[[\"1042\", \"m-77\"]]`");
            return Vec::new();
        };
        let mut all = Vec::new();
        for group in groups.iter() {
            let keys = self.list(group.get_ref(), group.span(), "alias");
            all.push(keys.into_iter().map(|k| k.value).collect());
        }
        all
    }

    fn store(&mut self, s: Section<'_>, subjects: &[Subject]) -> Option<Store> {
        self.known(
            s,
            &[
                "name", "kind", "subject", "copy_of", "internal", "table", "classes",
            ],
        );
        let internal = self.flag(s, "internal");
        let subject = self.text(s, "subject");
        if let Some(subject) = &subject {
            self.reference(subject, "subject", subjects.iter().map(|s| s.name.as_str()));
        } else if !internal && s.get("copy_of").is_none() && subjects.len() != 1 {
            let title = "the store names no `subject`, and is not `internal`";
            self.error(
                "no-subject",
                s.span(),
                title,
                Some("say whose data lies here, or `internal = true`".to_owned()),
            );
        }
        let tables = self.each(s, "table", |r, t| r.table(t, internal));
        self.tables_twice(s);
        Some(Store {
            name: self.name(s)?,
            kind: self.text(s, "kind").map_or_else(String::new, |k| k.value),
            subject: subject.map(|s| s.value),
            copy_of: self.text(s, "copy_of").map(|c| c.value),
            internal,
            tables,
            classes: self.classes(s),
        })
    }

    fn table(&mut self, t: Section<'_>, internal: bool) -> Option<Table> {
        self.known(
            t,
            &[
                "name",
                "subject_key",
                "classes",
                "persons_per_row",
                "unique",
                "holds",
                "types",
                "snapshot",
                "history",
            ],
        );
        let classes: BTreeMap<String, String> = self
            .pairs(t, "classes")
            .into_iter()
            .map(|(k, class)| {
                self.class(&class);
                (k, class.value)
            })
            .collect();
        let holds = self
            .pairs(t, "holds")
            .into_iter()
            .filter_map(|(k, kind)| Some((k, self.credential(&kind)?)))
            .collect();
        let subject_key = self.text(t, "subject_key").map(|k| k.value);
        let personal = classes.values().any(|class| !class.is_empty());
        if personal && subject_key.is_none() && !internal {
            let hint = "name the column in `subject_key`, so that statements can name persons";
            self.warning(
                "no-subject-key",
                t.span(),
                "the table holds personal data, and no column that says whose",
                Some(hint.to_owned()),
            );
        }
        let snapshots = self.each_inline(t, "snapshot", |r, s| r.snapshot(s));
        let history = self.one(t, "history", |r, s| r.history(s)).flatten();
        Some(Table {
            name: self.name(t)?,
            subject_key,
            classes,
            persons_per_row: self.count(t, "persons_per_row", 1).unwrap_or(1),
            unique: self.flag(t, "unique"),
            holds,
            types: self
                .pairs(t, "types")
                .into_iter()
                .map(|(column, name)| (column, name.value))
                .collect(),
            snapshots,
            history,
        })
    }

    /// One inline table, or a list of them.
    fn each_inline<'d, T>(
        &mut self,
        s: Section<'d>,
        key: &'static str,
        mut read: impl FnMut(&mut Self, Section<'d>) -> Option<T>,
    ) -> Vec<T> {
        match s.get(key) {
            Some((DeValue::Table(table), span)) => read(
                self,
                Section {
                    kind: key,
                    table,
                    from: span.start,
                    until: span.end,
                },
            )
            .into_iter()
            .collect(),
            Some(_) => self.each(s, key, read),
            None => Vec::new(),
        }
    }

    fn snapshot(&mut self, s: Section<'_>) -> Option<Snapshot> {
        self.known(s, &["file", "at"]);
        let file = self.required(s, "file").and_then(|path| self.path(&path));
        let at = self.required(s, "at").and_then(|text| self.instant(&text));
        Some(Snapshot { file: file?, at: at? })
    }

    fn history(&mut self, s: Section<'_>) -> Option<History> {
        self.known(s, &["file", "from", "until"]);
        let file = self.required(s, "file").and_then(|path| self.path(&path));
        let from = self.required(s, "from");
        let until = self.required(s, "until");
        Some(History {
            file: file?,
            from: from?.value,
            until: until?.value,
        })
    }

    fn operation(&mut self, s: Section<'_>, map: &DataMap) -> Option<Operation> {
        self.known(
            s,
            &[
                "name",
                "source",
                "match",
                "api",
                "store",
                "subjects",
                "classes",
                "effect",
                "parameters",
                "max_records",
                "max_bytes",
                "lookups",
                "starts",
                "issues",
                "takes",
                "takes_from",
                "sets",
            ],
        );
        let parameters = self.parameters(s);
        let matches = self.matches(s);
        let subjects = self.subjects(s, matches.as_ref(), &parameters);
        let store = self.required(s, "store");
        let found = store.as_ref().and_then(|store| {
            self.reference(store, "store", map.stores.iter().map(|s| s.name.as_str()));
            map.store(&store.value)
        });
        let operation = Operation {
            name: self.name(s)?,
            source: self.text(s, "source").map(|s| s.value),
            matches: matches?.value,
            store: store?.value,
            subjects: subjects?,
            classes: self.classes(s),
            effect: self.effect(s),
            parameters: parameters
                .into_iter()
                .map(|(name, at)| (name, at.value))
                .collect(),
            max_records: self.count(s, "max_records", 0),
            max_bytes: self.count(s, "max_bytes", 0),
            lookups: self.lookups(s, found),
            starts: self.kind(s, "starts"),
            issues: self.kind(s, "issues"),
            takes: self.kind(s, "takes"),
            takes_from: self.text(s, "takes_from").and_then(|text| self.place(&text)),
            sets: self.kind(s, "sets"),
        };
        self.advise(s, &operation, found, map);
        Some(operation)
    }

    /// What can be read, and will not do what its author hopes.
    fn advise(&mut self, s: Section<'_>, o: &Operation, store: Option<&Store>, map: &DataMap) {
        let keyed = store
            .and_then(|s| map.subject_of(s))
            .and_then(|s| map.subject(s))
            .is_some_and(|s| s.keys.is_some());
        if let Match::Route(route) = &o.matches {
            for name in route.parameters().filter(|n| !o.parameters.contains_key(*n)) {
                if o.subjects == Whose::Place(Place::Path(name.to_owned())) && keyed {
                    continue;
                }
                let hint = format!("add `{name}` to `parameters`, such as `{name} = \"[0-9]+\"`");
                let title = format!(
                    "`{{{name}}}` has no grammar, so every record of this operation counts as unmapped"
                );
                self.warning(
                    "no-grammar",
                    s.get("match").map_or(s.span(), |(_, span)| span),
                    &title,
                    Some(hint),
                );
            }
        }
        if o.takes == Some(Credential::Job) && o.takes_from.is_none() {
            let hint = "say where the record names the job: `takes_from = \"path.job_id\"`";
            self.warning(
                "no-takes-from",
                s.span(),
                "the operation takes a job's result, and does not say of which job",
                Some(hint.to_owned()),
            );
        }
        let personal = store.is_none_or(|s| !s.internal) && o.subjects != Whose::None;
        if personal && o.classes.is_empty() {
            let hint = "list the classes that it reaches in `classes`";
            self.warning(
                "no-classes",
                s.span(),
                "the operation names no classes, so it counts as reaching all of its store",
                Some(hint.to_owned()),
            );
        }
    }

    fn matches(&mut self, s: Section<'_>) -> Option<At<Match>> {
        match (self.text(s, "match"), self.text(s, "api")) {
            (Some(route), None) => match Route::parse(&route.value) {
                Ok(parsed) => Some(At {
                    value: Match::Route(parsed),
                    span: route.span,
                }),
                Err(why) => {
                    self.error(
                        "bad-route",
                        route.span,
                        &printable(&why, 200),
                        Some("a method and a path: `GET /v1/users/{user_id}`".to_owned()),
                    );
                    None
                }
            },
            (None, Some(api)) => Some(At {
                value: Match::Api(Glob::new(&api.value)),
                span: api.span,
            }),
            _ => {
                let title = "the operation has to have either `match` or `api`";
                self.error(
                    "no-match",
                    s.span(),
                    title,
                    Some("`match = \"GET /v1/users/{user_id}\"`, or `api = \"users.*\"`".to_owned()),
                );
                None
            }
        }
    }

    fn parameters(&mut self, s: Section<'_>) -> BTreeMap<String, At<Grammar>> {
        let pairs = self.pairs(s, "parameters");
        pairs
            .into_iter()
            .filter_map(|(name, pattern)| {
                let grammar = self.grammar(&pattern, Use::Parameter)?;
                Some((
                    name,
                    At {
                        value: grammar,
                        span: pattern.span,
                    },
                ))
            })
            .collect()
    }

    fn subjects(
        &mut self,
        s: Section<'_>,
        matches: Option<&At<Match>>,
        parameters: &BTreeMap<String, At<Grammar>>,
    ) -> Option<Whose> {
        let text = self.required(s, "subjects")?;
        let place = match text.value.as_str() {
            "statements" => return Some(Whose::Statements),
            "everyone" => return Some(Whose::Everyone),
            "none" => return Some(Whose::None),
            _ => self.place(&text)?,
        };
        match (&place, matches.map(|m| &m.value)) {
            (Place::Path(name), Some(Match::Route(route))) if !route.parameters().any(|p| p == name) => {
                let names: Vec<&str> = route.parameters().collect();
                self.missing(
                    &text,
                    &format!("the route has no parameter `{name}`"),
                    name,
                    &names,
                );
            }
            (Place::Path(_), Some(Match::Api(_))) => {
                self.error(
                    "bad-subjects",
                    text.span,
                    "an operation without a route has no path parameters",
                    None,
                );
            }
            (Place::Query(name), _) if !parameters.contains_key(name) => {
                let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
                self.missing(
                    &text,
                    &format!("`parameters` does not declare `{name}`"),
                    name,
                    &names,
                );
            }
            _ => {}
        }
        Some(Whose::Place(place))
    }

    fn place(&mut self, text: &At<String>) -> Option<Place> {
        const WORDS: &[&str] = &[
            "actor.user",
            "session.account",
            "subject_refs",
            "parameters",
            "statements",
            "everyone",
            "none",
        ];
        let place = match text.value.split_once('.') {
            _ if text.value == "actor.user" => Some(Place::ActorUser),
            _ if text.value == "session.account" => Some(Place::SessionAccount),
            _ if text.value == "subject_refs" => Some(Place::SubjectRefs),
            _ if text.value == "parameters" => Some(Place::Parameters),
            Some((_, "")) => None,
            Some(("path", name)) => Some(Place::Path(name.to_owned())),
            Some(("query", name)) => Some(Place::Query(name.to_owned())),
            Some(("field", name)) => Some(Place::Field(name.to_owned())),
            Some(("parameter", n)) => n.parse().ok().filter(|n| *n > 0).map(Place::Parameter),
            _ => None,
        };
        if place.is_none() {
            let near = nearest(&text.value, WORDS.iter().copied()).map(|n| format!("did you mean `{n}`?"));
            let forms = "write path.X, query.X, field.X, parameter.N, parameters, actor.user, session.account, subject_refs, statements, everyone or none";
            let title = format!("`{}` is no place in a record", printable(&text.value, 60));
            self.error(
                "bad-place",
                text.span.clone(),
                &title,
                Some(near.unwrap_or_else(|| forms.to_owned())),
            );
        }
        place
    }

    fn lookups(&mut self, s: Section<'_>, store: Option<&Store>) -> Vec<String> {
        let lookups = self.texts(s, "lookups");
        if let Some(store) = store {
            for name in &lookups {
                if !store
                    .tables
                    .iter()
                    .any(|t| t.is_among(std::slice::from_ref(&name.value)))
                {
                    let names: Vec<&str> = store.tables.iter().map(|t| t.name.as_str()).collect();
                    let title = format!(
                        "the store `{}` has no table `{}`",
                        printable(&store.name, 60),
                        printable(&name.value, 60)
                    );
                    self.missing(name, &title, &name.value, &names);
                }
            }
        }
        lookups.into_iter().map(|l| l.value).collect()
    }

    fn channel(&mut self, s: Section<'_>, stores: &[Store]) -> Option<Channel> {
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
                self.missing(
                    &text,
                    &format!("`{}` is no kind of principal", printable(&text.value, 60)),
                    &text.value,
                    &names,
                );
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
        })
    }

    fn issuer(&mut self, s: Section<'_>) -> Option<Issuer> {
        self.known(s, &["source", "issues"]);
        let source = self.required(s, "source");
        let issues = self.required(s, "issues").and_then(|text| self.credential(&text));
        Some(Issuer {
            source: source?.value,
            issues: issues?,
        })
    }

    fn host(&mut self, s: Section<'_>) -> Option<Host> {
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

    /// A name that two hosts have would make one of both.
    fn hosts_twice(&mut self, root: Section<'_>) {
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

    fn trust(&mut self, s: Section<'_>) -> Trust {
        self.known(s, &["trace", "forwarded"]);
        let names = |r: &mut Self, key| r.texts(s, key).into_iter().map(|t| t.value).collect();
        Trust {
            trace: names(self, "trace"),
            forwarded: names(self, "forwarded"),
        }
    }

    fn retention(&mut self, s: Section<'_>) -> Retention {
        self.known(s, &["from"]);
        Retention {
            from: self.text(s, "from").and_then(|text| self.instant(&text)),
        }
    }

    /// Stores that repeat others.
    fn copies(&mut self, root: Section<'_>, stores: &[Store]) {
        for section in self.sections(root, "store") {
            if let Some(copy) = self.text(section, "copy_of") {
                self.reference(&copy, "store", stores.iter().map(|s| s.name.as_str()));
            }
        }
    }

    /// Names that stand there twice.
    fn twice(&mut self, root: Section<'_>) {
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

    fn tables_twice(&mut self, store: Section<'_>) {
        let mut seen = BTreeSet::new();
        for section in self.sections(store, "table") {
            self.once(section, "table", &mut seen, str::to_ascii_lowercase);
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

    fn effect(&mut self, s: Section<'_>) -> Effect {
        let Some(text) = self.text(s, "effect") else {
            return Effect::Read;
        };
        Effect::parse(&text.value).unwrap_or_else(|| {
            let names: Vec<&str> = Effect::ALL.iter().map(|e| e.name()).collect();
            self.missing(
                &text,
                &format!("`{}` is no effect", printable(&text.value, 60)),
                &text.value,
                &names,
            );
            Effect::Read
        })
    }

    fn kind(&mut self, s: Section<'_>, key: &'static str) -> Option<Credential> {
        self.text(s, key).and_then(|text| self.credential(&text))
    }

    fn credential(&mut self, text: &At<String>) -> Option<Credential> {
        let kind = Credential::parse(&text.value);
        if kind.is_none() {
            let names: Vec<&str> = Credential::ALL.iter().map(|c| c.name()).collect();
            self.missing(
                text,
                &format!("`{}` is no kind of credential", printable(&text.value, 60)),
                &text.value,
                &names,
            );
        }
        kind
    }

    fn classes(&mut self, s: Section<'_>) -> BTreeSet<String> {
        let classes = self.texts(s, "classes");
        for class in &classes {
            self.class(class);
        }
        classes
            .into_iter()
            .map(|c| c.value)
            .filter(|c| !c.is_empty())
            .collect()
    }

    fn class(&mut self, class: &At<String>) {
        if class.value.is_empty() || CLASSES.contains(&class.value.as_str()) {
            return;
        }
        let near = nearest(&class.value, CLASSES.iter().copied()).map(|n| format!("did you mean `{n}`?"));
        let title = format!(
            "`{}` is no class that is known; it is used as it stands",
            printable(&class.value, 60)
        );
        self.warning("unknown-class", class.span.clone(), &title, near);
    }

    fn grammar(&mut self, pattern: &At<String>, used: Use) -> Option<Grammar> {
        match Grammar::parse(&pattern.value) {
            Ok(grammar) => {
                if used == Use::Parameter && INJECTIONS.iter().all(|text| grammar.fits(text)) {
                    let hint = "name the characters that it can hold, such as `[A-Za-z0-9 _-]{0,64}`";
                    self.warning(
                        "loose-grammar",
                        pattern.span.clone(),
                        "this grammar lets an injection through",
                        Some(hint.to_owned()),
                    );
                }
                Some(grammar)
            }
            Err(why) => {
                self.error(
                    "bad-grammar",
                    pattern.span.clone(),
                    &printable(&why, 200),
                    Some("grammars are regular expressions of the whole value".to_owned()),
                );
                None
            }
        }
    }

    fn instant(&mut self, text: &At<String>) -> Option<Timestamp> {
        let at = Timestamp::parse(&text.value).ok();
        if at.is_none() {
            let title = format!("`{}` is no instant", printable(&text.value, 60));
            self.error(
                "bad-instant",
                text.span.clone(),
                &title,
                Some("write it as \"2014-05-23T10:00:00Z\"".to_owned()),
            );
        }
        at
    }

    /// A file beside the map: a relative path that stays below it.
    fn path(&mut self, text: &At<String>) -> Option<PathBuf> {
        let path = PathBuf::from(&text.value);
        let inside = path
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir));
        if inside && !text.value.is_empty() {
            return Some(path);
        }
        self.error(
            "bad-path",
            text.span.clone(),
            "a file beside the map is expected, by a relative path without `..`",
            None,
        );
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Key,
    Parameter,
}

/// Texts that a parameter does not hold in earnest.
const INJECTIONS: &[&str] = &["1' OR '1'='1", "1; DROP TABLE x --", "../../etc/passwd"];

/// Reading values of one type.
impl Reader<'_> {
    fn known(&mut self, s: Section<'_>, allowed: &[&str]) {
        for (key, _) in s
            .table
            .iter()
            .filter(|(key, _)| !allowed.contains(&key.get_ref().as_ref()))
        {
            let name = printable(key.get_ref(), 60);
            let near =
                nearest(key.get_ref(), allowed.iter().copied()).map(|n| format!("did you mean `{n}`?"));
            let hint = near.unwrap_or_else(|| format!("it can have {}", allowed.join(", ")));
            self.error(
                "unknown-key",
                key.span(),
                &format!("a {} has no `{name}`", s.kind),
                Some(hint),
            );
        }
    }

    fn name(&mut self, s: Section<'_>) -> Option<String> {
        let name = self.required(s, "name")?;
        if name.value.trim().is_empty() {
            self.error("no-name", name.span, "the name is empty", None);
            return None;
        }
        Some(name.value)
    }

    fn required(&mut self, s: Section<'_>, key: &'static str) -> Option<At<String>> {
        if s.get(key).is_none() {
            self.error(
                "missing-key",
                s.span(),
                &format!("the {} has no `{key}`", s.kind),
                None,
            );
        }
        self.text(s, key)
    }

    fn text(&mut self, s: Section<'_>, key: &'static str) -> Option<At<String>> {
        match s.get(key)? {
            (DeValue::String(text), span) => Some(At {
                value: text.to_string(),
                span,
            }),
            // An instant may stand there without quotes.
            (DeValue::Datetime(at), span) => Some(At {
                value: at.to_string(),
                span,
            }),
            (_, span) => {
                self.wrong(span, key, "a text in quotes");
                None
            }
        }
    }

    fn texts(&mut self, s: Section<'_>, key: &'static str) -> Vec<At<String>> {
        s.get(key)
            .map_or_else(Vec::new, |(value, span)| self.list(value, span, key))
    }

    fn list(&mut self, value: &DeValue<'_>, span: Range<usize>, key: &str) -> Vec<At<String>> {
        let DeValue::Array(items) = value else {
            self.wrong(span, key, "a list of texts: `[\"a\", \"b\"]`");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push(At {
                    value: text.to_string(),
                    span: item.span(),
                }),
                _ => self.wrong(item.span(), key, "texts in quotes"),
            }
        }
        texts
    }

    fn pairs(&mut self, s: Section<'_>, key: &'static str) -> Vec<(String, At<String>)> {
        let Some((value, span)) = s.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = value else {
            self.wrong(span, key, "a table of names and texts: `{ name = \"text\" }`");
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for (name, value) in table.iter() {
            match value.get_ref() {
                DeValue::String(text) => {
                    pairs.push((
                        name.get_ref().to_string(),
                        At {
                            value: text.to_string(),
                            span: value.span(),
                        },
                    ));
                }
                _ => self.wrong(value.span(), key, "texts in quotes"),
            }
        }
        pairs
    }

    fn count(&mut self, s: Section<'_>, key: &'static str, least: u64) -> Option<u64> {
        let (value, span) = s.get(key)?;
        let number = value
            .as_integer()
            .and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        let number = number.filter(|n| *n >= least && i64::try_from(*n).is_ok());
        if number.is_none() {
            self.wrong(span, key, &format!("a whole number, at least {least}"));
        }
        number
    }

    fn flag(&mut self, s: Section<'_>, key: &'static str) -> bool {
        match s.get(key) {
            None => false,
            Some((DeValue::Boolean(flag), _)) => *flag,
            Some((_, span)) => {
                self.wrong(span, key, "`true` or `false`");
                false
            }
        }
    }

    fn wrong(&mut self, span: Range<usize>, key: &str, expected: &str) {
        self.error("wrong-type", span, &format!("`{key}` is {expected}"), None);
    }

    fn reference<'n>(&mut self, name: &At<String>, kind: &str, names: impl Iterator<Item = &'n str>) {
        let names: Vec<&str> = names.collect();
        if !names.contains(&name.value.as_str()) {
            self.missing(
                name,
                &format!("there is no {kind} `{}`", printable(&name.value, 60)),
                &name.value,
                &names,
            );
        }
    }

    /// A name that is none of those there are.
    fn missing(&mut self, at: &At<String>, title: &str, wanted: &str, names: &[&str]) {
        let near =
            nearest(wanted, names.iter().copied()).map(|n| format!("did you mean `{}`?", printable(n, 60)));
        let listed: Vec<String> = names.iter().take(8).map(|n| printable(n, 60)).collect();
        let hint = near.or_else(|| (!names.is_empty()).then(|| format!("there is {}", listed.join(", "))));
        self.error("unknown-name", at.span.clone(), title, hint);
    }

    fn error(&mut self, code: &'static str, span: Range<usize>, title: &str, hint: Option<String>) {
        self.say(Severity::Error, code, span, title, hint);
    }

    fn warning(&mut self, code: &'static str, span: Range<usize>, title: &str, hint: Option<String>) {
        self.say(Severity::Warning, code, span, title, hint);
    }

    fn say(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        title: &str,
        hint: Option<String>,
    ) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let shown = self.text.get(span).unwrap_or("").lines().next().unwrap_or("");
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            title: title.to_owned(),
            origin: self.origin.to_owned(),
            line,
            column,
            span: printable(shown.trim(), 100),
            hint,
        });
    }
}
