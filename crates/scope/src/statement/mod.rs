//! What one SQL statement reads, changes and destroys, from its text alone.
//!
//! Useful for: the tables of a statement, the columns it names, the finite sets of values that its
//! predicate binds columns to. Not useful for: which rows exist (see the map's replay), or whose they are
//! (the statement knows no subjects).
//!
//! The rule of this room: say less than the text, never more. Columns are bound only by what every row
//! that reaches the client satisfies; a construct that is not understood makes the whole statement
//! [`Command::Opaque`]. The dialect is PostgreSQL's. Nothing here panics, whatever the text.

mod analyst;
mod collect;
mod facts;
mod functions;
mod read;
mod rows;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use facts::elements;
pub(crate) use read::read;
pub(crate) use rows::{ColumnKind, Order, Page, Question, Row, RowQuery, is_fingerprint, plain_number};

use std::collections::{BTreeMap, BTreeSet};

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// It touches no rows: `BEGIN`, `SET`, a definition.
    Quiet,
    /// It touches rows of tables.
    Rows(Box<Footprint>),
    /// It opens a cursor or defines a view over rows; whether they were read, it does not say.
    Declare { footprint: Box<Footprint> },
    /// It fetches rows of an open cursor, at most so many.
    Fetch { cursor: String, at_most: Option<u64> },
    /// It prepares a statement, to be run later.
    Prepare(Box<Command>),
    /// It runs a prepared statement with these arguments; `None` for one that is no plain value.
    Execute {
        name: String,
        arguments: Vec<Option<String>>,
    },
    /// Whoever runs it can log in as this role from then on; `None` is the role that runs it.
    Gives { role: Option<String> },
    /// It keeps others from data that they had: a right is taken away, or a table locked against reading.
    Withholds,
    /// It may do anything; the clause says why that cannot be excluded.
    Opaque(String),
}

/// What kind of statement touches the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Select,
    Insert,
    Update,
    Delete,
    Copy,
    /// `EXPLAIN ANALYZE`, `CREATE TABLE AS`, definitions that destroy, and statements that change rows
    /// on the way.
    Other,
}

/// The tables of a statement and what it does with them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Footprint {
    pub kind: Kind,
    /// One for each time that a table is named.
    pub uses: Vec<Use>,
    pub mentions: Vec<Mention>,
    /// A `SELECT` whose every result row stands for one combination of rows: no aggregate, `GROUP BY`,
    /// `DISTINCT`, set operation or window.
    pub plain: bool,
    /// Something leaves rows out: a condition, a join, a limit.
    pub filtered: bool,
    /// The most result rows, where `LIMIT` gives a value.
    pub limit: Option<Value>,
    /// A value of any row can stand in the message of an error: it casts or computes over columns.
    pub fallible: bool,
    /// It asks for the clock, chance or the session.
    pub volatile: bool,
    /// For each use, which rows are read; empty where that cannot be asked again of a known state.
    pub rows: Vec<RowQuery>,
}

/// A table, each time that it is named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Use {
    pub name: Name,
    /// Values of its columns can reach the client or another place.
    pub reads: bool,
    pub write: Option<Write>,
    /// Column to the only values that it has in rows that count.
    pub bound: BTreeMap<String, Values>,
    /// In a plain `SELECT`: each result row holds at most one row of it.
    pub per_row: bool,
    /// In a plain `SELECT`: each result row holds exactly one row of it.
    pub required: bool,
}

/// How rows of a table are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub act: Act,
    pub columns: Columns,
    /// So many rows at most, where the text itself tells.
    pub rows: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Insert,
    Update,
    Destroy,
    /// It changes some rows and destroys others.
    Merge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    Named(BTreeSet<String>),
}

/// A column that is named where one of several tables can have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The column; `None` for every column.
    pub column: Option<String>,
    /// Indices of the uses that it can belong to.
    pub uses: Vec<usize>,
    /// It may be the name of a result column instead.
    pub alias: bool,
    /// It stands in a condition, so that its value is confirmed but not shown.
    pub condition: bool,
}

/// A table's name as the statement writes it, letters of unquoted names made small.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub schema: Option<String>,
    pub table: String,
}

/// A value that a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// A literal, as text.
    Text(String),
    /// The n-th bound parameter, from 1.
    Parameter(usize),
    /// The elements of the array that is the n-th bound parameter.
    Elements(usize),
}

pub(crate) type Values = BTreeSet<Value>;
