//! What is wrong with a data map, said as a compiler says it.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The map can be used, but may not mean what its author thinks.
    Warning,
    /// The map cannot be used.
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
