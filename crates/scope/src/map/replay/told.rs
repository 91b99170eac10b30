//! What the matching rows of a state tell: whose they surely are, and whose they may be.

use crate::statement::{ColumnKind, Order, Page, Question, plain_number};
use std::collections::BTreeSet;

/// What a state tells of one table.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub certain: BTreeSet<String>,
    pub possible: BTreeSet<String>,
    pub n_certain: u64,
    pub n_possible: u64,
}

/// A row that can have matched.
pub(super) struct Row {
    pub key: String,
    /// The value by which rows are ordered; `None` where it is null.
    pub order: Option<String>,
    pub certain: bool,
}

impl Told {
    pub fn agree(&self, count: Option<u64>, slack: u64) -> Result<(), String> {
        match count {
            Some(n) if n < self.n_certain || n > self.n_possible.saturating_add(slack) => Err(format!(
                "the known state gives other rows than the {n} that its record counts"
            )),
            _ => Ok(()),
        }
    }

    /// What matching rows tell; of a page only where their order is beyond doubt.
    pub fn of(rows: &[Row], question: &Question, kind: ColumnKind) -> Self {
        match &question.page {
            None => Self::of_all(rows),
            Some(page) => Self::of_page(rows, page, kind),
        }
    }

    fn of_all(rows: &[Row]) -> Self {
        let certain = || rows.iter().filter(|r| r.certain);
        Self {
            certain: certain().map(|r| r.key.clone()).collect(),
            possible: rows.iter().map(|r| r.key.clone()).collect(),
            n_certain: count(certain().count()),
            n_possible: count(rows.len()),
        }
    }

    fn of_page(rows: &[Row], page: &Page<u64>, kind: ColumnKind) -> Self {
        let settled = rows.iter().all(|r| r.certain);
        let order = page.order.as_ref().filter(|_| settled);
        let Some([by_number, by_text]) = order.and_then(|order| orders(rows, order, kind)) else {
            return Self {
                possible: rows.iter().map(|r| r.key.clone()).collect(),
                n_possible: count(rows.len()),
                ..Self::default()
            };
        };
        let offset = page.offset.unwrap_or(0);
        let most = page.limit.unwrap_or(u64::MAX);
        let taken = most.min(count(rows.len()).saturating_sub(offset));
        let part = |order: &[usize]| -> BTreeSet<String> {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let n = usize::try_from(taken).unwrap_or(usize::MAX);
            let places = order.iter().skip(from).take(n);
            places.map(|at| rows[*at].key.clone()).collect()
        };
        let (a, b) = (part(&by_number), part(&by_text));
        Self {
            certain: a.intersection(&b).cloned().collect(),
            possible: a.union(&b).cloned().collect(),
            n_certain: taken,
            n_possible: taken,
        }
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// The orders in which the server can have taken the rows: as numbers, and as texts. `None` where a value
/// stands there twice or is no whole number, for then the order depends on more than is known.
pub(super) fn orders(rows: &[Row], order: &Order, kind: ColumnKind) -> Option<[Vec<usize>; 2]> {
    let values: Option<Vec<(u64, &str)>> = rows
        .iter()
        .map(|r| Some((plain_number(r.order.as_deref()?)?, r.order.as_deref()?)))
        .collect();
    let values = values?;
    let distinct: BTreeSet<u64> = values.iter().map(|(n, _)| *n).collect();
    if distinct.len() != values.len() {
        return None;
    }
    let mut by_number: Vec<usize> = (0..rows.len()).collect();
    let mut by_text = by_number.clone();
    by_number.sort_by_key(|at| values[*at].0);
    by_text.sort_by_key(|at| values[*at].1);
    match kind {
        ColumnKind::Number => by_text.clone_from(&by_number),
        ColumnKind::Text => by_number.clone_from(&by_text),
        ColumnKind::Unknown => {}
    }
    if order.descending {
        by_number.reverse();
        by_text.reverse();
    }
    Some([by_number, by_text])
}
