//! Why a rule was not taken, or what its author should know, said with the place and what to do.

use ambit_event::printable;
use std::fmt;
use std::path::PathBuf;

/// Where in a file something stands. Numbers count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Which of the documents of the file; `None` where it is about the file as a whole.
    pub document: Option<usize>,
    pub line: Option<usize>,
    /// In characters.
    pub column: Option<usize>,
}

/// Something about a rule file that a person should know: why a document was refused, or what in a rule
/// that was loaded will not do what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// As it was given, or below the folder that was given.
    pub path: PathBuf,
    pub place: Place,
    /// Stable, for scripts: `unknown-modifier`, `same-id`.
    pub code: &'static str,
    /// One sentence without a full stop, on one line, safe to print.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(path: impl Into<PathBuf>, place: Place, fault: Fault) -> Self {
        Self {
            path: path.into(),
            place,
            code: fault.code,
            reason: one_line(&fault.reason),
            hint: fault.hint.map(|hint| one_line(&hint)),
        }
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    printable(&words.join(" "), MOST)
}

/// The longest reason or hint; rules can be long, and so can what an engine says of them.
const MOST: usize = 500;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.path.to_string_lossy(), MOST))?;
        for number in [self.place.line, self.place.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        if let Some(document) = self.place.document.filter(|n| *n > 1) {
            write!(f, " (document {document})")?;
        }
        write!(f, ": {} [{}]", self.reason, self.code)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A refusal that does not know its file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub reason: String,
    pub hint: Option<String>,
    /// Line and column, where it is about something smaller than the document.
    pub at: Option<(usize, usize)>,
}

impl Fault {
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            hint: None,
            at: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn at(mut self, at: (usize, usize)) -> Self {
        self.at = Some(at);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_as_a_compiler_says_it() {
        let place = Place {
            document: Some(2),
            line: Some(7),
            column: Some(3),
        };
        let fault = Fault::new("same-id", "the id stands\ntwice").hint("give each rule its own");
        let refusal = Refusal::new("a.yml", place, fault);
        let said = "a.yml:7:3 (document 2): the id stands twice [same-id]\n  hint: give each rule its own";
        assert_eq!(refusal.to_string(), said);
    }
}
