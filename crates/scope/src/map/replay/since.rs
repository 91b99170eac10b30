//! What was written between a known state and a statement.

use crate::statement::Question;
use ambit_event::Span;
use std::collections::BTreeSet;

/// What the records tell of the writes to tables: the time between a known state and a statement.
pub trait WriteRecords: Sync {
    /// Every write to the table that may have been in this span; `None` where nobody knows.
    fn between(&self, store: &str, table: &str, span: Span) -> Option<Vec<Wrote>>;
}

/// One write to rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// The only columns that it changed; `None` where rows came, went, or changed whose they are.
    pub columns: Option<BTreeSet<String>>,
    pub rows: WroteRows,
}

/// Which rows a write wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WroteRows {
    /// Those of these keys, and no others.
    Keys(BTreeSet<String>),
    /// At most so many, whosever they are.
    AtMost(u64),
}

/// The writes between a state and a statement, as far as they matter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Since {
    pub keys: BTreeSet<String>,
    /// Rows whose keys nobody knows.
    pub rows: u64,
}

impl Since {
    pub fn of(writes: Vec<Wrote>, question: &Question, key: &str) -> Self {
        let mut wanted = question.columns();
        wanted.insert(key.to_owned());
        let matters = |columns: &BTreeSet<String>| {
            columns
                .iter()
                .any(|c| wanted.iter().any(|w| w.eq_ignore_ascii_case(c)))
        };
        let mut since = Self::default();
        for write in writes
            .into_iter()
            .filter(|w| w.columns.as_ref().is_none_or(matters))
        {
            match write.rows {
                WroteRows::Keys(keys) => since.keys.extend(keys),
                WroteRows::AtMost(n) => since.rows = since.rows.saturating_add(n),
            }
        }
        since
    }

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
