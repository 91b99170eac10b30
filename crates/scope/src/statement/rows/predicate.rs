//! From an expression of SQL to a condition on the rows of one table.

use super::condition::{Comparison, Condition, Term, not};
use crate::statement::collect::fold;
use crate::statement::{Value, facts};
use sqlparser::ast::{self, BinaryOperator, Expr, UnaryOperator};

pub(super) fn condition(expr: &Expr, table: &[String]) -> Condition<Term> {
    let compare = |comparison, left, right| compared(comparison, left, right, table);
    match expr {
        Expr::Nested(inner) | Expr::IsTrue(inner) => condition(inner, table),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => not(condition(expr, table)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => Condition::All(flat(left, right, table, Joint::All)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => Condition::Any(flat(left, right, table, Joint::Any)),
        Expr::BinaryOp { left, op, right } => match op {
            BinaryOperator::Eq => compare(Comparison::Equal, left, right),
            BinaryOperator::NotEq => not(compare(Comparison::Equal, left, right)),
            BinaryOperator::Lt => compare(Comparison::Less, left, right),
            BinaryOperator::LtEq => compare(Comparison::AtMost, left, right),
            BinaryOperator::Gt => compare(Comparison::Less, right, left),
            BinaryOperator::GtEq => compare(Comparison::AtMost, right, left),
            BinaryOperator::PGLikeMatch => like(left, right, table, false),
            BinaryOperator::PGILikeMatch => like(left, right, table, true),
            _ => Condition::Unknown,
        },
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let within = Condition::All(vec![
                compare(Comparison::AtMost, low, expr),
                compare(Comparison::AtMost, expr, high),
            ]);
            if *negated { not(within) } else { within }
        }
        Expr::InList { expr, list, negated } => {
            let any = Condition::Any(
                list.iter()
                    .map(|item| compare(Comparison::Equal, expr, item))
                    .collect(),
            );
            if *negated { not(any) } else { any }
        }
        Expr::AnyOp {
            left,
            compare_op: BinaryOperator::Eq,
            right,
            ..
        } => any(left, right, table),
        Expr::Like {
            negated,
            any: false,
            expr,
            pattern,
            escape_char: None,
        } => signed(like(expr, pattern, table, false), *negated),
        Expr::ILike {
            negated,
            any: false,
            expr,
            pattern,
            escape_char: None,
        } => signed(like(expr, pattern, table, true), *negated),
        Expr::IsNull(inner) => term(inner, table).map_or(Condition::Unknown, Condition::Null),
        Expr::IsNotNull(inner) => not(term(inner, table).map_or(Condition::Unknown, Condition::Null)),
        other => term(other, table).map_or(Condition::Unknown, Condition::Holds),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    All,
    Any,
}

/// The parts of a chain of the same operator, which may be long: one list instead of a deep tree.
fn flat(left: &Expr, right: &Expr, table: &[String], joint: Joint) -> Vec<Condition<Term>> {
    let mut items = Vec::new();
    let mut pending = vec![right, left];
    while let Some(next) = pending.pop() {
        match (next, joint) {
            (
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::And,
                    right,
                },
                Joint::All,
            )
            | (
                Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Or,
                    right,
                },
                Joint::Any,
            ) => pending.extend([&**right, &**left]),
            (other, _) => items.push(condition(other, table)),
        }
    }
    items
}

fn signed<T>(condition: Condition<T>, negated: bool) -> Condition<T> {
    if negated { not(condition) } else { condition }
}

fn compared(comparison: Comparison, left: &Expr, right: &Expr, table: &[String]) -> Condition<Term> {
    match (term(left, table), term(right, table)) {
        (Some(left), Some(right)) => Condition::Compare(comparison, left, right),
        _ => Condition::Unknown,
    }
}

fn like(text: &Expr, pattern: &Expr, table: &[String], folded: bool) -> Condition<Term> {
    match (term(text, table), term(pattern, table)) {
        (Some(text), Some(pattern)) => Condition::Like {
            text,
            pattern,
            folded,
        },
        _ => Condition::Unknown,
    }
}

fn any(left: &Expr, right: &Expr, table: &[String]) -> Condition<Term> {
    let Some(column) = term(left, table) else {
        return Condition::Unknown;
    };
    let Some(values) = facts::any(right) else {
        return Condition::Unknown;
    };
    let equal = |value: Value| {
        let value = match value {
            Value::Text(text) => Term::Text(text),
            Value::Parameter(n) => Term::Parameter(n),
            Value::Elements(n) => Term::Elements(n),
        };
        Condition::Compare(Comparison::Equal, column.clone(), value)
    };
    Condition::Any(values.into_iter().map(equal).collect())
}

pub(super) fn term(expr: &Expr, table: &[String]) -> Option<Term> {
    match expr {
        Expr::Nested(inner) => term(inner, table),
        Expr::Identifier(ident) => Some(Term::Column(fold(ident))),
        Expr::CompoundIdentifier(path) => {
            let path: Vec<String> = path.iter().map(fold).collect();
            let (column, qualifier) = path.split_last()?;
            let own = table.ends_with(qualifier) && !qualifier.is_empty();
            own.then(|| Term::Column(column.clone()))
        }
        Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, _) => Some(Term::Number(digits.clone())),
            ast::Value::Boolean(truth) => Some(Term::Truth(*truth)),
            _ => literal(expr),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match term(expr, table)? {
            Term::Number(digits) => Some(Term::Number(format!("-{digits}"))),
            _ => None,
        },
        _ => literal(expr),
    }
}

fn literal(expr: &Expr) -> Option<Term> {
    match facts::value(expr)? {
        Value::Text(text) => Some(Term::Text(text)),
        Value::Parameter(n) => Some(Term::Parameter(n)),
        Value::Elements(_) => None,
    }
}
