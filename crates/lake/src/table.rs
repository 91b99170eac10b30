/// The rows that an SQL query answered with, each value as text; `None` is SQL's NULL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}
