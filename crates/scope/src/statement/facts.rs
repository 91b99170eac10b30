//! What a predicate binds: columns to finite sets of values, and columns to each other.

use super::collect::fold;
use super::{Value, Values};
use sqlparser::ast::{self, BinaryOperator, DataType, ExactNumberInfo, Expr, UnaryOperator};
use std::collections::{BTreeMap, BTreeSet};

/// A column of one use of a table.
pub(super) type Node = (usize, String);

/// What holds for every row that satisfies a predicate.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub bound: BTreeMap<Node, Values>,
    /// What bounds the first bounds the second.
    pub edges: Vec<(Node, Node)>,
}

impl Facts {
    /// Both hold. A column that is bound twice keeps the smaller set: it holds, and the parameters of the
    /// other are not known here.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (node, values) in other.bound {
            self.bind(node, values);
        }
        self.edges.extend(other.edges);
        self
    }

    /// One of both holds: only what is bound on both sides is bound.
    pub(super) fn or(self, mut other: Self) -> Self {
        let bound = self
            .bound
            .into_iter()
            .filter_map(|(node, mut values)| {
                values.extend(other.bound.remove(&node)?);
                Some((node, values))
            })
            .collect();
        Self {
            bound,
            edges: Vec::new(),
        }
    }

    fn bind(&mut self, node: Node, values: Values) {
        match self.bound.entry(node) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(values);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) if values.len() < slot.get().len() => {
                slot.insert(values);
            }
            std::collections::btree_map::Entry::Occupied(_) => {}
        }
    }

    /// Keeps only what says something about the given uses.
    pub(super) fn about(mut self, own: impl Fn(usize) -> bool) -> Self {
        self.bound.retain(|(of, _), _| own(*of));
        self.edges.retain(|(_, (to, _))| own(*to));
        self
    }

    /// Carries bounds along the edges until nothing more follows.
    pub(super) fn close(&mut self) {
        let edges: BTreeSet<_> = std::mem::take(&mut self.edges).into_iter().collect();
        loop {
            let news: Vec<_> = edges
                .iter()
                .filter(|(from, to)| self.bound.contains_key(from) && !self.bound.contains_key(to))
                .cloned()
                .collect();
            if news.is_empty() {
                return;
            }
            for (from, to) in news {
                if let Some(values) = self.bound.get(&from).cloned() {
                    self.bound.entry(to).or_insert(values);
                }
            }
        }
    }
}

/// The facts of a predicate; `nodes` gives the columns that a name can mean, none for what is no column.
pub(super) fn facts(predicate: &Expr, nodes: &dyn Fn(&Expr) -> Vec<Node>) -> Facts {
    match predicate {
        Expr::Nested(inner) | Expr::IsTrue(inner) => facts(inner, nodes),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => facts(left, nodes).and(facts(right, nodes)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => facts(left, nodes).or(facts(right, nodes)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => equal(left, right, nodes),
        Expr::InList {
            expr,
            list,
            negated: false,
        } => one_of(expr, list, nodes),
        Expr::AnyOp {
            left,
            compare_op: BinaryOperator::Eq,
            right,
            ..
        } => any(right).map_or_else(Facts::default, |values| bound(&nodes(left), &values)),
        _ => Facts::default(),
    }
}

fn equal(left: &Expr, right: &Expr, nodes: &dyn Fn(&Expr) -> Vec<Node>) -> Facts {
    if let (Expr::Tuple(left), Expr::Tuple(right)) = (left, right)
        && left.len() == right.len()
    {
        return left
            .iter()
            .zip(right)
            .fold(Facts::default(), |all, (l, r)| all.and(equal(l, r, nodes)));
    }
    match (value(left), value(right)) {
        (Some(value), None) => bound(&nodes(right), &Values::from([value])),
        (None, Some(value)) => bound(&nodes(left), &Values::from([value])),
        (None, None) => joined(&nodes(left), &nodes(right)),
        (Some(_), Some(_)) => Facts::default(),
    }
}

fn one_of(expr: &Expr, list: &[Expr], nodes: &dyn Fn(&Expr) -> Vec<Node>) -> Facts {
    let Expr::Tuple(columns) = strip(expr) else {
        let values: Option<Values> = list.iter().map(value).collect();
        return values.map_or_else(Facts::default, |values| bound(&nodes(expr), &values));
    };
    let rows: Vec<&Vec<Expr>> = list
        .iter()
        .filter_map(|row| match strip(row) {
            Expr::Tuple(row) if row.len() == columns.len() => Some(row),
            _ => None,
        })
        .collect();
    if rows.len() != list.len() {
        return Facts::default();
    }
    columns
        .iter()
        .enumerate()
        .fold(Facts::default(), |all, (at, column)| {
            let values: Option<Values> = rows.iter().map(|row| value(&row[at])).collect();
            all.and(values.map_or_else(Facts::default, |values| bound(&nodes(column), &values)))
        })
}

/// The facts that each of the nodes has one of the values.
fn bound(nodes: &[Node], values: &Values) -> Facts {
    let bound = nodes.iter().map(|node| (node.clone(), values.clone())).collect();
    Facts {
        bound,
        edges: Vec::new(),
    }
}

/// The facts that the nodes of both sides are equal.
pub(super) fn joined(left: &[Node], right: &[Node]) -> Facts {
    let pairs = left
        .iter()
        .flat_map(|l| right.iter().map(move |r| (l.clone(), r.clone())));
    let edges = pairs
        .flat_map(|(l, r)| [(l.clone(), r.clone()), (r, l)])
        .collect();
    Facts {
        bound: BTreeMap::new(),
        edges,
    }
}

/// The values of what stands behind `= ANY`.
pub(super) fn any(right: &Expr) -> Option<Values> {
    match right {
        Expr::Nested(inner) => any(inner),
        Expr::Cast {
            expr,
            data_type: DataType::Array(_),
            ..
        } => any(expr),
        Expr::Array(array) => array.elem.iter().map(value).collect(),
        Expr::Value(value) => match &value.value {
            ast::Value::Placeholder(name) => Some(Values::from([Value::Elements(number(name)?)])),
            ast::Value::SingleQuotedString(text) => {
                Some(elements(text)?.into_iter().map(Value::Text).collect())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The elements of an array in PostgreSQL's text form, `{1,2}` or `{"a","b"}`; `None` for one that holds
/// nulls, other arrays or escapes.
pub(crate) fn elements(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.contains(['{', '}', '\\']) {
        return None;
    }
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    inner.split(',').map(element).collect()
}

fn element(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(text);
    let null = bare.eq_ignore_ascii_case("null");
    (!bare.is_empty() && !bare.contains('"') && !null).then(|| bare.to_owned())
}

/// The value of a literal or a bound parameter, casts that keep it left aside.
pub(super) fn value(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Nested(inner) => value(inner),
        Expr::Cast {
            expr,
            data_type,
            format: None,
            ..
        } if keeps(data_type) => value(expr),
        Expr::TypedString(typed) if keeps(&typed.data_type) => literal(&typed.value.value),
        Expr::Value(value) => literal(&value.value),
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match value(expr)? {
            Value::Text(text) if is_plain_number(&text) => Some(Value::Text(format!("-{text}"))),
            _ => None,
        },
        _ => None,
    }
}

/// The column that an expression is, casts that keep its value left aside.
pub(super) fn column(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => column(inner),
        Expr::Cast {
            expr,
            data_type,
            format: None,
            ..
        } if keeps(data_type) => column(expr),
        Expr::Identifier(name) => Some(fold(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(fold),
        _ => None,
    }
}

fn literal(value: &ast::Value) -> Option<Value> {
    match value {
        ast::Value::Number(digits, false) => is_plain_number(digits).then(|| Value::Text(digits.clone())),
        // An `E'...'` text is left out: what its escapes mean depends on the server's settings.
        ast::Value::SingleQuotedString(text) => Some(Value::Text(text.clone())),
        ast::Value::DollarQuotedString(text) => Some(Value::Text(text.value.clone())),
        ast::Value::Placeholder(name) => Some(Value::Parameter(number(name)?)),
        _ => None,
    }
}

/// Digits that are written in one way only: `5`, not `05`, `5.0` or `5e0`.
fn is_plain_number(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && !digits.is_empty()
}

/// The number of a parameter `$n`.
fn number(placeholder: &str) -> Option<usize> {
    placeholder.strip_prefix('$')?.parse().ok().filter(|n| *n > 0)
}

/// Types to which a value is cast without losing any of it (or the cast fails).
fn keeps(data_type: &DataType) -> bool {
    match data_type {
        DataType::Int(None)
        | DataType::Integer(None)
        | DataType::Int2(None)
        | DataType::Int4(None)
        | DataType::Int8(None)
        | DataType::BigInt(None)
        | DataType::SmallInt(None)
        | DataType::Text
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::Uuid => true,
        DataType::Numeric(info) | DataType::Decimal(info) => *info == ExactNumberInfo::None,
        _ => false,
    }
}

/// The expression without the parentheses around it.
pub(super) fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => strip(inner),
        other => other,
    }
}
