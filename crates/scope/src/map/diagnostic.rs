//! What is wrong with a declared text (a data map, a regime), said as a compiler says it.

use ambit_event::printable;
use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The text can be used, but may not mean what its author thinks.
    Warning,
    /// The text cannot be used.
    Error,
}

/// One thing that is wrong, with where it stands and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, for scripts: `unknown-key`, `bad-grammar`.
    pub code: &'static str,
    /// One sentence, without a full stop.
    pub title: String,
    /// The file, as it was given.
    pub origin: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The text that it is about, on one line, made safe to print.
    pub span: String,
    pub hint: Option<String>,
}

/// What is wrong with one text, each with its place in it.
#[derive(Debug, Clone)]
pub struct Findings<'t> {
    text: &'t str,
    origin: &'t str,
    /// Where each line begins, so that a place is found without reading the text again.
    lines: Vec<usize>,
    found: Vec<Diagnostic>,
}

impl<'t> Findings<'t> {
    /// Nothing yet; `origin` is the file, for messages.
    #[must_use]
    pub fn new(text: &'t str, origin: &'t str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            origin,
            lines: std::iter::once(0).chain(breaks).collect(),
            found: Vec::new(),
        }
    }

    /// Notes what is wrong at a place.
    pub fn say(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Range<usize>,
        title: &str,
        hint: Option<String>,
    ) {
        let start = span.start.min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin <= start).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(begin..start).unwrap_or("");
        let shown = self.text.get(span).unwrap_or("").lines().next().unwrap_or("");
        self.found.push(Diagnostic {
            severity,
            code,
            title: title.to_owned(),
            origin: self.origin.to_owned(),
            line,
            column: before.chars().count() + 1,
            span: printable(shown.trim(), 100),
            hint,
        });
    }

    /// Whether something makes the text unusable.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|found| found.severity == Severity::Error)
    }

    /// All of them by their places, each once.
    #[must_use]
    pub fn in_order(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by(|a, b| (a.line, a.column, a.code, &a.title).cmp(&(b.line, b.column, b.code, &b.title)));
        self.found.dedup();
        self.found
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        writeln!(f, "{severity}[{}]: {}", self.code, self.title)?;
        writeln!(f, "  --> {}:{}:{}", self.origin, self.line, self.column)?;
        write!(f, "   | {}", self.span)?;
        match &self.hint {
            Some(hint) => write!(f, "\n   = hint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = "a = 1\nöö = bad\n";
        let mut findings = Findings::new(text, "x.toml");
        let at = text.find("bad").unwrap_or_default();
        findings.say(Severity::Error, "two", at..at + 3, "second", None);
        findings.say(Severity::Warning, "one", 0..1, "first", None);
        findings.say(Severity::Warning, "one", 0..1, "first", None);
        findings.say(Severity::Warning, "end", 900..901, "beyond", None);
        assert!(findings.has_errors());
        let found = findings.in_order();
        let places: Vec<(usize, usize, &str)> = found
            .iter()
            .map(|d| (d.line, d.column, d.span.as_str()))
            .collect();
        assert_eq!(places, [(1, 1, "a"), (2, 6, "bad"), (3, 1, "")]);
    }
}
