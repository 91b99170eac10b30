//! The question that a statement asks of the rows of one table, in a form in which it can be asked again
//! of a known state of that table.
//!
//! A state is a file of texts; the server compared typed values, under collations that are not known
//! here. So a comparison is answered with the truth values that it *can* have had ([`Truths`]): a row
//! matched surely, matched possibly, or did not. Three-valued logic is PostgreSQL's.

mod answer;
mod condition;
mod like;
mod predicate;
mod row;
mod select;
mod truths;
mod values;

pub(crate) use condition::is_fingerprint;
pub(crate) use row::{ColumnKind, Row};
pub(crate) use values::plain_number;

use super::{Columns, Footprint};
use condition::{Condition, Operand, Term, filled, named, operand};
use sqlparser::ast::Query;
use std::collections::BTreeSet;
use truths::Truths;

/// For one use of a table in a statement: which of its rows the statement reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RowQuery {
    condition: Condition<Term>,
    page: Option<Page<Term>>,
    /// Values of each row that is read come back, not only what is computed from many.
    pub shows: bool,
    /// Columns whose values come back as they are. Where rows come back, those that differ in one of these
    /// come back as different rows, even from a `UNION`.
    shown: Columns,
}

/// The same with the parameters' values filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    condition: Condition<Operand>,
    /// Which of the matching rows, in their order; `None` for all.
    pub(crate) page: Option<Page<u64>>,
}

/// A part of the matching rows, ordered by one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// `None` where they come in an order that cannot be told.
    pub order: Option<Order>,
    pub limit: Option<T>,
    pub offset: Option<T>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub column: String,
    pub descending: bool,
}

impl<T> Page<T> {
    /// Some of the rows, nobody can tell which.
    const UNCLEAR: Self = Self {
        order: None,
        limit: None,
        offset: None,
    };
}

impl RowQuery {
    /// For each use of a table in the query, in order, which rows it reads. Empty where the query is not
    /// a `SELECT` over one table, or a chain of those with `UNION`.
    pub(super) fn all(query: &Query, footprint: &Footprint) -> Vec<Self> {
        let mut all = Vec::new();
        let simple = query.with.is_none() && select::branches(&query.body, &mut all).is_some();
        if !simple || all.len() != footprint.uses.len() {
            return Vec::new();
        }
        if let [only] = all.as_mut_slice() {
            only.page = select::page(query, footprint);
        }
        all
    }

    /// Every row of a table.
    pub(super) const fn everything() -> Self {
        Self {
            condition: Condition::All(Vec::new()),
            page: None,
            shows: true,
            shown: Columns::All,
        }
    }

    /// Whether each row that is read comes back with this column's own value in it.
    pub(crate) fn tells(&self, column: &str) -> bool {
        let named = match &self.shown {
            Columns::All => true,
            Columns::Named(names) => names.iter().any(|n| n.eq_ignore_ascii_case(column)),
        };
        self.shows && named
    }

    /// The question with the parameters' values; a value that is not known makes what it stands in
    /// unknown.
    pub(crate) fn ask(&self, parameters: &[Option<String>]) -> Question {
        let number = |term: &Term| match operand(term, parameters) {
            Operand::Text(text) | Operand::Number(text) => text.parse().ok(),
            _ => None,
        };
        let page = self.page.as_ref().map(|page| {
            let (limit, offset) = (page.limit.as_ref().map(number), page.offset.as_ref().map(number));
            // A limit that is not known leaves the order of no use.
            let known = limit != Some(None) && offset != Some(None);
            Page {
                order: page.order.clone().filter(|_| known),
                limit: limit.flatten().filter(|_| known),
                offset: offset.flatten().filter(|_| known),
            }
        });
        Question {
            condition: filled(&self.condition, parameters),
            page,
        }
    }
}

impl Question {
    /// The same for all matching rows.
    pub(crate) fn without_page(&self) -> Self {
        Self {
            page: None,
            ..self.clone()
        }
    }

    /// The columns that the answer depends on.
    pub(crate) fn columns(&self) -> BTreeSet<String> {
        let mut columns = BTreeSet::new();
        named(&self.condition, &mut columns);
        columns.extend(
            self.page
                .iter()
                .filter_map(|p| Some(p.order.as_ref()?.column.clone())),
        );
        columns
    }

    /// Whether a row matches.
    pub(crate) fn matches<'c>(&'c self, row: &dyn Row<'c>) -> Truths {
        answer::truths(&self.condition, row)
    }
}
