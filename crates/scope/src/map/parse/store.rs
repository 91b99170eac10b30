//! Subjects, stores and tables: whose data lies where.

use super::reader::{At, Reader, Section};
use super::words::Use;
use crate::map::model::{Credential, History, Lived, Snapshot, Store, Subject, Table};
use crate::map::territory::Territory;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

impl Reader<'_> {
    pub(super) fn subject(&mut self, s: Section<'_>) -> Option<Subject> {
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
                "residence",
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
            lived: self.one(s, "residence", Self::lived).flatten(),
        })
    }

    fn lived(&mut self, s: Section<'_>) -> Option<Lived> {
        self.known(s, &["file", "key", "column", "columns", "at", "within", "places"]);
        let file = self.required(s, "file").and_then(|path| self.path(&path));
        let key = self.required(s, "key");
        let at = self.required(s, "at").and_then(|text| self.instant(&text));
        let mut columns: Vec<String> = self.texts(s, "columns").into_iter().map(|c| c.value).collect();
        columns.extend(self.text(s, "column").map(|c| c.value));
        if !(1..=2).contains(&columns.len()) {
            self.error(
                "no-column",
                s.span(),
                "the residence has no `column`",
                Some(
                    "name the column of the country, or two: `columns = [\"country\", \"state\"]`".to_owned(),
                ),
            );
        }
        let within = self.text(s, "within").and_then(|code| self.territory(&code));
        let places = self
            .pairs(s, "places")
            .into_iter()
            .filter_map(|(said, code)| Some((said, self.territory(&code)?)))
            .collect();
        Some(Lived {
            file: file?,
            key: key?.value,
            columns,
            at: at?,
            within,
            places,
            table: None,
        })
    }

    fn territory(&mut self, code: &At<String>) -> Option<Territory> {
        let place = Territory::parse(&code.value);
        if place.is_none() {
            self.error(
                "no-place",
                code.span.clone(),
                "this is no code of a place",
                Some("countries as `se`, regions as `us-ca`, the Union as `eu`".to_owned()),
            );
        }
        place
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

    pub(super) fn store(&mut self, s: Section<'_>, subjects: &[Subject]) -> Option<Store> {
        self.known(
            s,
            &[
                "name", "kind", "subject", "copy_of", "internal", "table", "classes", "holds",
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
            holds: self.kinds_held(s),
        })
    }

    fn kinds_held(&mut self, s: Section<'_>) -> Option<BTreeSet<Credential>> {
        if s.get("holds").is_some() {
            let kinds = self.texts(s, "holds");
            return Some(kinds.iter().filter_map(|kind| self.credential(kind)).collect());
        }
        let classes = self.texts(s, "classes");
        if let Some(class) = classes.iter().find(|c| c.value == "credential") {
            let hint = "say which: `holds = [\"token\"]`, or `holds = []` where none can be used";
            self.warning(
                "no-holds",
                class.span.clone(),
                "credentials lie here, and nothing says of which kinds: whoever reads them may hold any",
                Some(hint.to_owned()),
            );
        }
        None
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
}
