use std::collections::BTreeSet;

/// The rows that an SQL query answered with, each value as text; `None` is SQL's NULL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub columns: Vec<String>,
    /// For each column, what it is made from.
    pub origins: Vec<Origin>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// What a column of an answer is made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The columns of the tables; `None` where that cannot be told.
    pub columns: Option<BTreeSet<String>>,
    /// Whether its values are those that stand in the tables, and not made from them.
    pub is_verbatim: bool,
}

impl Origin {
    /// Values of one column of a table, as they stand there.
    #[must_use]
    pub fn of(column: &str) -> Self {
        Self {
            columns: Some(BTreeSet::from([column.to_owned()])),
            is_verbatim: true,
        }
    }

    /// Made from no column: counts, constants.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            columns: Some(BTreeSet::new()),
            is_verbatim: false,
        }
    }

    /// Nobody can tell.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            columns: None,
            is_verbatim: false,
        }
    }
}
