//! A row of a known state, and what is known of the types of its columns.

/// A row of a known state.
pub(crate) trait Row<'c> {
    /// The text of a column, `Some(None)` for one that is null or empty, `None` for a column that the
    /// state does not have.
    fn cell(&self, column: &str) -> Option<Option<&'c str>>;

    /// What is known of the column's type.
    fn kind(&self, column: &str) -> ColumnKind;
}

/// The type of a column, as far as comparisons differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Number,
    Text,
    Unknown,
}

impl ColumnKind {
    /// The kind of a type by PostgreSQL's name for it.
    pub(crate) fn of(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "smallint" | "int2" | "integer" | "int" | "int4" | "bigint" | "int8" | "serial" | "bigserial"
            | "smallserial" => Self::Number,
            "text" | "varchar" | "character varying" => Self::Text,
            _ => Self::Unknown,
        }
    }
}
