//! The reader of one text: its tables, and what is wrong with them, each with its place.

use crate::map::diagnostic::{Findings, Severity};
use crate::map::nearest::did_you_mean;
use ambit_event::printable;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Reads one text; everything that is wrong goes to the findings.
pub(super) struct Reader<'t> {
    pub text: &'t str,
    pub origin: &'t str,
    pub findings: Findings<'t>,
}

/// A value with where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// One table of the file, with its name for messages.
#[derive(Clone, Copy)]
pub(super) struct Section<'d> {
    pub kind: &'static str,
    pub table: &'d DeTable<'d>,
    pub from: usize,
    pub until: usize,
}

impl<'d> Section<'d> {
    pub fn get(&self, key: &str) -> Option<(&'d DeValue<'d>, Range<usize>)> {
        let (_, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    pub const fn span(&self) -> Range<usize> {
        self.from..self.until
    }

    fn of(kind: &'static str, table: &'d DeTable<'d>, span: &Range<usize>) -> Self {
        Self {
            kind,
            table,
            from: span.start,
            until: span.end,
        }
    }
}

impl Reader<'_> {
    pub(super) fn each<'d, T>(
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

    pub(super) fn one<'d, T>(
        &mut self,
        root: Section<'d>,
        kind: &'static str,
        read: impl FnOnce(&mut Self, Section<'d>) -> T,
    ) -> Option<T> {
        let (value, span) = root.get(kind)?;
        match value {
            DeValue::Table(table) => Some(read(self, Section::of(kind, table, &span))),
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

    /// One inline table, or a list of them.
    pub(super) fn each_inline<'d, T>(
        &mut self,
        s: Section<'d>,
        key: &'static str,
        mut read: impl FnMut(&mut Self, Section<'d>) -> Option<T>,
    ) -> Vec<T> {
        match s.get(key) {
            Some((DeValue::Table(table), span)) => {
                read(self, Section::of(key, table, &span)).into_iter().collect()
            }
            Some(_) => self.each(s, key, read),
            None => Vec::new(),
        }
    }

    /// The tables of an array of tables.
    pub(super) fn sections<'d>(&mut self, root: Section<'d>, kind: &'static str) -> Vec<Section<'d>> {
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
                DeValue::Table(table) => sections.push(Section::of(kind, table, &item.span())),
                other => {
                    let title = format!(
                        "`{kind}` holds tables, not {} {}",
                        article(other.type_str()),
                        other.type_str()
                    );
                    self.error("wrong-type", item.span(), &title, None);
                }
            }
        }
        sections
    }

    pub(super) fn known(&mut self, s: Section<'_>, allowed: &[&str]) {
        for (key, _) in s
            .table
            .iter()
            .filter(|(key, _)| !allowed.contains(&key.get_ref().as_ref()))
        {
            let name = printable(key.get_ref(), 60);
            let near = did_you_mean(key.get_ref(), allowed.iter().copied());
            let hint = near.unwrap_or_else(|| format!("it can have {}", allowed.join(", ")));
            self.error(
                "unknown-key",
                key.span(),
                &format!("{} {} has no `{name}`", article(s.kind), s.kind),
                Some(hint),
            );
        }
    }
}

/// What is said of mistakes.
impl Reader<'_> {
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        title: &str,
        hint: Option<String>,
    ) {
        self.findings.say(Severity::Error, code, span, title, hint);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        title: &str,
        hint: Option<String>,
    ) {
        self.findings.say(Severity::Warning, code, span, title, hint);
    }

    pub(super) fn wrong(&mut self, span: Range<usize>, key: &str, expected: &str) {
        self.error("wrong-type", span, &format!("`{key}` is {expected}"), None);
    }

    pub(super) fn reference<'n>(
        &mut self,
        name: &At<String>,
        kind: &str,
        names: impl Iterator<Item = &'n str>,
    ) {
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

    /// A text that is none of the words there are for such a thing.
    pub(super) fn no_such(&mut self, text: &At<String>, what: &str, words: &[&str]) {
        let title = format!("`{}` is no {what}", printable(&text.value, 60));
        self.missing(text, &title, &text.value, words);
    }

    /// A name that is none of those there are.
    pub(super) fn missing(&mut self, at: &At<String>, title: &str, wanted: &str, names: &[&str]) {
        let near = did_you_mean(wanted, names.iter().copied());
        let listed: Vec<String> = names.iter().take(8).map(|n| printable(n, 60)).collect();
        let hint = near.or_else(|| (!names.is_empty()).then(|| format!("there is {}", listed.join(", "))));
        self.error("unknown-name", at.span.clone(), title, hint);
    }
}

fn article(word: &str) -> &'static str {
    match word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    }
}
