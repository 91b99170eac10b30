//! What a row answers to a condition.

use super::condition::{Comparison, Condition, Operand};
use super::like::{cell_like, is_like, like_either};
use super::row::{ColumnKind, Row};
use super::truths::Truths;
use super::values::{as_truth, numbers, texts};

pub(super) fn truths<'c>(condition: &'c Condition<Operand>, row: &dyn Row<'c>) -> Truths {
    let side = |operand: &'c Operand| match operand {
        Operand::Column(name) => match row.cell(name) {
            Some(Some(text)) => match row.kind(name) {
                ColumnKind::Number => Side::Number(text),
                ColumnKind::Text => Side::Written(text),
                ColumnKind::Unknown => Side::Cell(text),
            },
            Some(None) => Side::Empty,
            None => Side::Unknown,
        },
        Operand::Text(text) => Side::Text(text),
        Operand::Number(digits) => Side::Number(digits),
        Operand::Truth(truth) => Side::Truth(*truth),
        Operand::Unknown => Side::Unknown,
    };
    match condition {
        Condition::All(items) => items.iter().fold(Truths::YES, |all, c| all.and(truths(c, row))),
        Condition::Any(items) => items.iter().fold(Truths::NO, |any, c| any.or(truths(c, row))),
        Condition::Not(inner) => truths(inner, row).not(),
        Condition::Compare(comparison, left, right) => compare(*comparison, &side(left), &side(right)),
        Condition::Like {
            text,
            pattern,
            folded,
        } => liken(&side(text), &side(pattern), *folded),
        Condition::Null(operand) => match side(operand) {
            Side::Cell(_) | Side::Written(_) | Side::Text(_) | Side::Number(_) | Side::Truth(_) => Truths::NO,
            Side::Empty => Truths::EITHER,
            Side::Unknown => Truths::ANY,
        },
        Condition::Holds(operand) => match side(operand) {
            Side::Truth(truth) => Truths::of(truth),
            Side::Cell(text) | Side::Written(text) => as_truth(text).map_or(Truths::ANY, Truths::of),
            Side::Empty => Truths::NULL,
            _ => Truths::ANY,
        },
        Condition::Unknown => Truths::ANY,
    }
}

/// A side of a comparison in one row.
enum Side<'c> {
    Cell(&'c str),
    /// A cell of a column that surely holds text.
    Written(&'c str),
    /// A cell that is null, or an empty text.
    Empty,
    Text(&'c str),
    Number(&'c str),
    Truth(bool),
    Unknown,
}

fn compare(comparison: Comparison, left: &Side<'_>, right: &Side<'_>) -> Truths {
    match (left, right) {
        (Side::Unknown, _) | (_, Side::Unknown) => Truths::ANY,
        // An empty cell is null, or an empty text, which equals no other text but an empty one.
        (Side::Empty, Side::Text("") | Side::Empty) | (Side::Text(""), Side::Empty) => Truths::ANY,
        (Side::Empty, Side::Number(_) | Side::Truth(_)) | (Side::Number(_) | Side::Truth(_), Side::Empty) => {
            Truths::NULL
        }
        (Side::Empty, _) | (_, Side::Empty) => match comparison {
            Comparison::Equal => Truths::NEVER,
            _ => Truths::ANY,
        },
        (Side::Truth(truth), Side::Cell(text) | Side::Text(text))
        | (Side::Cell(text) | Side::Text(text), Side::Truth(truth)) => match (comparison, as_truth(text)) {
            (Comparison::Equal, Some(other)) => Truths::of(other == *truth),
            _ => Truths::ANY,
        },
        (Side::Truth(a), Side::Truth(b)) if comparison == Comparison::Equal => Truths::of(a == b),
        (Side::Truth(_), _) | (_, Side::Truth(_)) => Truths::ANY,
        (Side::Written(a), Side::Written(b) | Side::Text(b)) | (Side::Text(a), Side::Written(b)) => {
            match comparison {
                Comparison::Equal => Truths::of(a == b),
                _ => texts(comparison, a, b),
            }
        }
        (Side::Written(_), Side::Number(_)) | (Side::Number(_), Side::Written(_)) => Truths::ANY,
        (Side::Written(a), Side::Cell(b)) | (Side::Cell(a), Side::Written(b)) => texts(comparison, a, b),
        (Side::Number(a), Side::Cell(b) | Side::Text(b) | Side::Number(b))
        | (Side::Cell(a) | Side::Text(a), Side::Number(b)) => numbers(comparison, a, b),
        // Two texts without a type are compared as texts; a cell may be of any type.
        (Side::Text(a), Side::Text(b)) => match comparison {
            Comparison::Equal => Truths::of(a == b),
            _ => Truths::EITHER,
        },
        (Side::Cell(a) | Side::Text(a), Side::Cell(b) | Side::Text(b)) => texts(comparison, a, b),
    }
}

fn liken(text: &Side<'_>, pattern: &Side<'_>, folded: bool) -> Truths {
    let pattern = match pattern {
        Side::Text(pattern) | Side::Cell(pattern) | Side::Written(pattern) => *pattern,
        Side::Empty | Side::Number(_) | Side::Truth(_) | Side::Unknown => return Truths::ANY,
    };
    match text {
        Side::Cell(text) => cell_like(text, pattern, folded),
        Side::Text(text) | Side::Written(text) => like_either(text, pattern, folded),
        Side::Empty => Truths::of(is_like("", pattern)).or_null(),
        Side::Number(_) | Side::Truth(_) | Side::Unknown => Truths::ANY,
    }
}
