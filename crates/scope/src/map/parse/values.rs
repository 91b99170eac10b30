//! Values of one type: texts, lists, numbers, flags.

use super::reader::{At, Reader, Section};
use std::ops::Range;
use toml::de::DeValue;

impl Reader<'_> {
    pub(super) fn name(&mut self, s: Section<'_>) -> Option<String> {
        let name = self.required(s, "name")?;
        if name.value.trim().is_empty() {
            self.error("no-name", name.span, "the name is empty", None);
            return None;
        }
        Some(name.value)
    }

    pub(super) fn required(&mut self, s: Section<'_>, key: &'static str) -> Option<At<String>> {
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

    pub(super) fn text(&mut self, s: Section<'_>, key: &'static str) -> Option<At<String>> {
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

    pub(super) fn texts(&mut self, s: Section<'_>, key: &'static str) -> Vec<At<String>> {
        s.get(key)
            .map_or_else(Vec::new, |(value, span)| self.list(value, span, key))
    }

    pub(super) fn list(&mut self, value: &DeValue<'_>, span: Range<usize>, key: &str) -> Vec<At<String>> {
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

    pub(super) fn pairs(&mut self, s: Section<'_>, key: &'static str) -> Vec<(String, At<String>)> {
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

    pub(super) fn count(&mut self, s: Section<'_>, key: &'static str, least: u64) -> Option<u64> {
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

    pub(super) fn flag(&mut self, s: Section<'_>, key: &'static str) -> bool {
        match s.get(key) {
            None => false,
            Some((DeValue::Boolean(flag), _)) => *flag,
            Some((_, span)) => {
                self.wrong(span, key, "`true` or `false`");
                false
            }
        }
    }
}
