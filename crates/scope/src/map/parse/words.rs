//! Texts that mean something: effects, credentials, classes, grammars, instants, paths.

use super::reader::{At, Reader, Section};
use crate::map::grammar::Grammar;
use crate::map::model::{Credential, Effect};
use crate::map::nearest::did_you_mean;
use ambit_event::{Timestamp, printable};
use std::collections::BTreeSet;
use std::path::PathBuf;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Key,
    Parameter,
}

/// Texts that a parameter does not hold in earnest.
const INJECTIONS: &[&str] = &["1' OR '1'='1", "1; DROP TABLE x --", "../../etc/passwd"];

impl Reader<'_> {
    pub(super) fn effect(&mut self, s: Section<'_>) -> Effect {
        let Some(text) = self.text(s, "effect") else {
            return Effect::Read;
        };
        Effect::parse(&text.value).unwrap_or_else(|| {
            let names: Vec<&str> = Effect::ALL.iter().map(|e| e.name()).collect();
            self.no_such(&text, "effect", &names);
            Effect::Read
        })
    }

    pub(super) fn kind(&mut self, s: Section<'_>, key: &'static str) -> Option<Credential> {
        self.text(s, key).and_then(|text| self.credential(&text))
    }

    pub(super) fn credential(&mut self, text: &At<String>) -> Option<Credential> {
        let kind = Credential::parse(&text.value);
        if kind.is_none() {
            let names: Vec<&str> = Credential::ALL.iter().map(|c| c.name()).collect();
            self.no_such(text, "kind of credential", &names);
        }
        kind
    }

    pub(super) fn classes(&mut self, s: Section<'_>) -> BTreeSet<String> {
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

    pub(super) fn class(&mut self, class: &At<String>) {
        if class.value.is_empty() || CLASSES.contains(&class.value.as_str()) {
            return;
        }
        let near = did_you_mean(&class.value, CLASSES.iter().copied());
        let title = format!(
            "`{}` is no class that is known; it is used as it stands",
            printable(&class.value, 60)
        );
        self.warning("unknown-class", class.span.clone(), &title, near);
    }

    pub(super) fn grammar(&mut self, pattern: &At<String>, used: Use) -> Option<Grammar> {
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

    pub(super) fn instant(&mut self, text: &At<String>) -> Option<Timestamp> {
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
    pub(super) fn path(&mut self, text: &At<String>) -> Option<PathBuf> {
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
