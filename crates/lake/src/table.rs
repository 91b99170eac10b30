use std::collections::BTreeSet;

/// The rows that an SQL query answered with, each value as text; `None` is SQL's NULL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub columns: Vec<String>,
    /// For each column, the columns of the tables that it is made from; `None` where that cannot be told.
    pub origins: Vec<Option<BTreeSet<String>>>,
    pub rows: Vec<Vec<Option<String>>>,
}
