//! The question that a statement asks of the rows of one table, in a form in which it can be asked again
//! of a known state of that table.
//!
//! A state is a file of texts; the server compared typed values, under collations that are not known
//! here. So a comparison is answered with the truth values that it *can* have had ([`Truths`]): a row
//! matched surely, matched possibly, or did not. Three-valued logic is PostgreSQL's.

use super::collect::{Found, fold, parts};
use super::{Columns, Footprint, facts};
use sqlparser::ast::{
    self, BinaryOperator, Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByKind, Query, Select,
    SelectItem, SetExpr, SetOperator, TableFactor, UnaryOperator,
};
use std::borrow::Cow;
use std::collections::BTreeSet;

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

/// A condition on the columns of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition<T> {
    All(Vec<Condition<T>>),
    Any(Vec<Condition<T>>),
    Not(Box<Condition<T>>),
    Compare(Comparison, T, T),
    Like {
        text: T,
        pattern: T,
        folded: bool,
    },
    Null(T),
    /// A column that is itself true or false.
    Holds(T),
    /// It can be anything.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    AtMost,
}

/// A side of a comparison, before the parameters are known.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    Column(String),
    Text(String),
    Number(String),
    Truth(bool),
    Parameter(usize),
    Elements(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Column(String),
    /// A text whose type is that of what it is compared with.
    Text(String),
    Number(String),
    Truth(bool),
    /// A parameter that is not known.
    Unknown,
}

/// The truth values that a condition can have had for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truths {
    yes: bool,
    no: bool,
    null: bool,
}

impl Truths {
    const YES: Self = Self {
        yes: true,
        no: false,
        null: false,
    };
    const NO: Self = Self {
        yes: false,
        no: true,
        null: false,
    };
    const NULL: Self = Self {
        yes: false,
        no: false,
        null: true,
    };
    const EITHER: Self = Self {
        yes: true,
        no: true,
        null: false,
    };
    const ANY: Self = Self {
        yes: true,
        no: true,
        null: true,
    };

    /// The row can have matched.
    pub(crate) const fn possible(self) -> bool {
        self.yes
    }

    /// The row surely matched.
    pub(crate) const fn certain(self) -> bool {
        self.yes && !self.no && !self.null
    }

    const fn of(truth: bool) -> Self {
        if truth { Self::YES } else { Self::NO }
    }

    const fn or_either(self, doubtful: bool) -> Self {
        if doubtful { Self::EITHER } else { self }
    }

    const fn not(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
            null: self.null,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            yes: self.yes && other.yes,
            no: self.no || other.no,
            null: (self.null && (other.yes || other.null)) || (other.null && (self.yes || self.null)),
        }
    }

    const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

impl RowQuery {
    /// For each use of a table in the query, in order, which rows it reads. Empty where the query is not
    /// a `SELECT` over one table, or a chain of those with `UNION`.
    pub(super) fn all(query: &Query, footprint: &Footprint) -> Vec<Self> {
        let mut all = Vec::new();
        let simple = query.with.is_none() && branches(&query.body, &mut all).is_some();
        if !simple || all.len() != footprint.uses.len() {
            return Vec::new();
        }
        if let [only] = all.as_mut_slice() {
            only.page = page(query, footprint);
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
        truths(&self.condition, row)
    }
}

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

fn branches(body: &SetExpr, all: &mut Vec<RowQuery>) -> Option<()> {
    match body {
        SetExpr::Select(select) => {
            all.push(RowQuery {
                condition: rows_of(select)?,
                page: None,
                shows: shows(select),
                shown: shown(select),
            });
            Some(())
        }
        SetExpr::SetOperation { left, op, right, .. } => {
            let first = all.len();
            branches(left, all)?;
            branches(right, all)?;
            if *op != SetOperator::Union {
                all[first..].iter_mut().for_each(|query| query.shows = false);
            }
            Some(())
        }
        SetExpr::Query(query) if query.with.is_none() => {
            branches(&query.body, all)?;
            let partial = query.limit_clause.is_some() || query.fetch.is_some();
            // Which rows a limit in a branch takes is not followed; more rows than it takes are read.
            if partial && let Some(last) = all.last_mut() {
                last.page = Some(Page {
                    order: None,
                    limit: None,
                    offset: None,
                });
            }
            Some(())
        }
        _ => None,
    }
}

/// The condition under which a `SELECT` over one table reads a row.
fn rows_of(select: &Select) -> Option<Condition<Term>> {
    let [table] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::Table {
        name,
        alias,
        args: None,
        sample: None,
        ..
    } = &table.relation
    else {
        return None;
    };
    let renamed = alias.as_ref().is_some_and(|a| !a.columns.is_empty());
    if !table.joins.is_empty() || renamed {
        return None;
    }
    let known = alias
        .as_ref()
        .map_or_else(|| parts(name), |a| Some(vec![fold(&a.name)]))?;
    Some(
        select
            .selection
            .as_ref()
            .map_or(Condition::All(Vec::new()), |predicate| {
                condition(predicate, &known)
            }),
    )
}

fn shows(select: &Select) -> bool {
    let found = Found::of(&select.projection);
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    !found.aggregates
        && !found.windows
        && !grouped
        && select.having.is_none()
        && !matches!(select.distinct, Some(Distinct::On(_)))
}

/// The columns that stand in the result as they are, casts that lose nothing left aside.
fn shown(select: &Select) -> Columns {
    let mut names = BTreeSet::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return Columns::All,
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                names.extend(facts::column(expr));
            }
            _ => {}
        }
    }
    Columns::Named(names)
}

/// The part of the rows that is taken. Only a plain query takes its rows as they are.
fn page(query: &Query, footprint: &Footprint) -> Option<Page<Term>> {
    let unclear = Some(Page {
        order: None,
        limit: None,
        offset: None,
    });
    // Locked rows may have been skipped.
    if !query.locks.is_empty() {
        return unclear;
    }
    let (limit, offset) = match &query.limit_clause {
        None if query.fetch.is_none() => return None,
        Some(LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        }) if limit_by.is_empty() && query.fetch.is_none() => (limit, offset),
        _ => return unclear,
    };
    let term = |expr: &Expr| {
        term(expr, &[]).filter(|t| matches!(t, Term::Number(_) | Term::Parameter(_) | Term::Text(_)))
    };
    let limit = limit.as_ref().map(term);
    let offset = offset.as_ref().map(|o| term(&o.value));
    if !footprint.plain || limit == Some(None) || offset == Some(None) {
        return unclear;
    }
    let SetExpr::Select(select) = &*query.body else {
        return unclear;
    };
    Some(Page {
        order: order(query.order_by.as_ref(), select),
        limit: limit.flatten(),
        offset: offset.flatten(),
    })
}

fn order(order: Option<&OrderBy>, select: &Select) -> Option<Order> {
    let OrderByKind::Expressions(by) = &order?.kind else {
        return None;
    };
    let [only] = by.as_slice() else { return None };
    let Expr::Identifier(column) = &only.expr else {
        return None;
    };
    let column = fold(column);
    // The name of a result column that is something else.
    let hidden = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if fold(alias) == column));
    if hidden || only.with_fill.is_some() {
        return None;
    }
    Some(Order {
        column,
        descending: only.options.asc == Some(false),
    })
}

fn condition(expr: &Expr, table: &[String]) -> Condition<Term> {
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

fn not<T>(condition: Condition<T>) -> Condition<T> {
    Condition::Not(Box::new(condition))
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
    let equal = |value: super::Value| {
        let value = match value {
            super::Value::Text(text) => Term::Text(text),
            super::Value::Parameter(n) => Term::Parameter(n),
            super::Value::Elements(n) => Term::Elements(n),
        };
        Condition::Compare(Comparison::Equal, column.clone(), value)
    };
    Condition::Any(values.into_iter().map(equal).collect())
}

fn term(expr: &Expr, table: &[String]) -> Option<Term> {
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
        super::Value::Text(text) => Some(Term::Text(text)),
        super::Value::Parameter(n) => Some(Term::Parameter(n)),
        super::Value::Elements(_) => None,
    }
}

fn filled(condition: &Condition<Term>, parameters: &[Option<String>]) -> Condition<Operand> {
    let each = |items: &[Condition<Term>]| items.iter().map(|c| filled(c, parameters)).collect();
    let value = |term: &Term| operand(term, parameters);
    match condition {
        Condition::All(items) => Condition::All(each(items)),
        Condition::Any(items) => Condition::Any(each(items)),
        Condition::Not(inner) => not(filled(inner, parameters)),
        Condition::Compare(comparison, left, Term::Elements(n)) => {
            let array = n
                .checked_sub(1)
                .and_then(|at| parameters.get(at)?.as_deref())
                .and_then(facts::elements);
            let Some(elements) = array else {
                return Condition::Unknown;
            };
            let equal = |text: String| Condition::Compare(*comparison, value(left), Operand::Text(text));
            Condition::Any(elements.into_iter().map(equal).collect())
        }
        Condition::Compare(comparison, left, right) => {
            Condition::Compare(*comparison, value(left), value(right))
        }
        Condition::Like {
            text,
            pattern,
            folded,
        } => Condition::Like {
            text: value(text),
            pattern: value(pattern),
            folded: *folded,
        },
        Condition::Null(term) => Condition::Null(value(term)),
        Condition::Holds(term) => Condition::Holds(value(term)),
        Condition::Unknown => Condition::Unknown,
    }
}

fn operand(term: &Term, parameters: &[Option<String>]) -> Operand {
    match given(term, parameters) {
        // The state holds the secret itself.
        Operand::Text(text) if is_fingerprint(&text) => Operand::Unknown,
        given => given,
    }
}

/// Whether a text is the keyed fingerprint that stands in the place of a secret.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    text.strip_prefix("fp_")
        .is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn given(term: &Term, parameters: &[Option<String>]) -> Operand {
    match term {
        Term::Column(name) => Operand::Column(name.clone()),
        Term::Text(text) => Operand::Text(text.clone()),
        Term::Number(digits) => Operand::Number(digits.clone()),
        Term::Truth(truth) => Operand::Truth(*truth),
        Term::Parameter(n) => {
            let value = n.checked_sub(1).and_then(|at| parameters.get(at)?.clone());
            value.map_or(Operand::Unknown, Operand::Text)
        }
        Term::Elements(_) => Operand::Unknown,
    }
}

fn named(condition: &Condition<Operand>, columns: &mut BTreeSet<String>) {
    let mut add = |operand: &Operand| {
        if let Operand::Column(name) = operand {
            columns.insert(name.clone());
        }
    };
    match condition {
        Condition::All(items) | Condition::Any(items) => items.iter().for_each(|c| named(c, columns)),
        Condition::Not(inner) => named(inner, columns),
        Condition::Compare(_, left, right)
        | Condition::Like {
            text: left,
            pattern: right,
            ..
        } => {
            add(left);
            add(right);
        }
        Condition::Null(operand) | Condition::Holds(operand) => add(operand),
        Condition::Unknown => {}
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

fn truths<'c>(condition: &'c Condition<Operand>, row: &dyn Row<'c>) -> Truths {
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

fn compare(comparison: Comparison, left: &Side<'_>, right: &Side<'_>) -> Truths {
    match (left, right) {
        (Side::Unknown, _) | (_, Side::Unknown) => Truths::ANY,
        // An empty cell is null, or an empty text, which equals no other text but an empty one.
        (Side::Empty, Side::Text("") | Side::Empty) | (Side::Text(""), Side::Empty) => Truths::ANY,
        (Side::Empty, Side::Number(_) | Side::Truth(_)) | (Side::Number(_) | Side::Truth(_), Side::Empty) => {
            Truths::NULL
        }
        (Side::Empty, _) | (_, Side::Empty) => match comparison {
            Comparison::Equal => Truths {
                yes: false,
                no: true,
                null: true,
            },
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

/// Numbers compared as numbers. What is beyond the exactness of both is open.
fn numbers(comparison: Comparison, a: &str, b: &str) -> Truths {
    if let (Ok(a), Ok(b)) = (a.trim().parse::<i128>(), b.trim().parse::<i128>()) {
        return Truths::of(holds(comparison, a.cmp(&b)));
    }
    match (a.trim().parse::<f64>(), b.trim().parse::<f64>()) {
        (Ok(a), Ok(b)) => a.partial_cmp(&b).map_or(Truths::ANY, |ordering| {
            // Fractions of single precision differ from the same digits in double precision.
            let whole = a.fract() == 0.0 && b.fract() == 0.0 && a.abs() < 16_777_216.0;
            Truths::of(holds(comparison, ordering)).or_either(ordering.is_eq() && !whole)
        }),
        _ => Truths::ANY,
    }
}

const fn holds(comparison: Comparison, ordering: std::cmp::Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
    }
}

/// Texts that may be values of any type.
fn texts(comparison: Comparison, a: &str, b: &str) -> Truths {
    match comparison {
        Comparison::Equal => Truths::of(a == b).or_either(a != b && may_be_equal(a, b)),
        Comparison::AtMost if a == b => Truths::YES,
        Comparison::Less if a == b => Truths::NO,
        // Numbers and texts have the same order where they agree.
        _ if plain(a).is_some() && plain(b).is_some() => {
            let (by_number, by_text) = (plain(a).cmp(&plain(b)), a.cmp(b));
            Truths::of(holds(comparison, by_number)).or_either(by_number != by_text)
        }
        _ => match (day(a), day(b)) {
            // Which of two days comes first is open where a time zone can move them.
            (Some(x), Some(y)) if a.len() == 10 && b.len() == 10 => Truths::of(holds(comparison, x.cmp(&y))),
            (Some(x), Some(y)) => Truths::of(holds(comparison, x.cmp(&y))).or_either(x.abs_diff(y) < 2),
            _ => Truths::EITHER,
        },
    }
}

/// A whole number that is written in one way only.
fn plain(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|n| n.to_string() == text)
}

/// Whether two texts that differ can be the same value of some type: a number, a UUID, a truth value, a
/// date, a text without regard to case or to blanks at its end.
fn may_be_equal(a: &str, b: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let plain = |text: &str| text.trim_end().to_lowercase();
    let bare = |text: &str| {
        text.trim_matches(['{', '}', ' '])
            .replace('-', "")
            .to_ascii_lowercase()
    };
    let hexadecimal = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let (Some(x), Some(y)) = (number(a), number(b)) {
        return x == y;
    }
    plain(a) == plain(b)
        || (bare(a) == bare(b) && hexadecimal(&bare(a)))
        || as_truth(a).is_some_and(|truth| as_truth(b) == Some(truth))
        || (is_timely(a)
            && is_timely(b)
            && !(day(a).is_some() && day(b).is_some() && a.len() == 10 && b.len() == 10))
        || [a, b].iter().any(|text| text.starts_with(['{', '[', '(', '\\']))
}

/// Whether it can be a date, a time or an interval, in any of their many forms.
fn is_timely(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "now",
        "today",
        "tomorrow",
        "yesterday",
        "epoch",
        "infinity",
        "-infinity",
        "allballs",
    ];
    let folded = text.trim().to_ascii_lowercase();
    text.bytes().any(|b| b.is_ascii_digit()) && !text.contains('@') || WORDS.contains(&folded.as_str())
}

fn as_truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// The number of the day with which an ISO date or instant begins.
fn day(text: &str) -> Option<i64> {
    let head = text.get(..10)?;
    let rest = text.get(10..)?;
    if !(rest.is_empty() || rest.starts_with(['T', ' '])) {
        return None;
    }
    let at = ambit_event::Timestamp::parse(&format!("{head}T00:00:00Z")).ok()?;
    Some(at.day())
}

fn liken(text: &Side<'_>, pattern: &Side<'_>, folded: bool) -> Truths {
    let pattern = match pattern {
        Side::Text(pattern) | Side::Cell(pattern) | Side::Written(pattern) => *pattern,
        Side::Empty | Side::Number(_) | Side::Truth(_) | Side::Unknown => return Truths::ANY,
    };
    match text {
        Side::Cell(text) => cell_like(text, pattern, folded),
        Side::Text(text) | Side::Written(text) => like_either(text, pattern, folded),
        Side::Empty => Truths {
            null: true,
            ..Truths::of(is_like("", pattern))
        },
        Side::Number(_) | Side::Truth(_) | Side::Unknown => Truths::ANY,
    }
}

/// A column may be of a type that compares without regard to case, or that pads with blanks.
fn cell_like(text: &str, pattern: &str, folded: bool) -> Truths {
    let exact = like_either(text, pattern, folded);
    let loose = like_either(text, pattern, true);
    let trimmed = like_either(text.trim_end(), pattern, folded);
    if exact == loose && exact == trimmed {
        exact
    } else {
        Truths::EITHER
    }
}

/// Letters outside ASCII are made small in ways that depend on the server's locale.
fn like_either(text: &str, pattern: &str, folded: bool) -> Truths {
    if !folded {
        return Truths::of(is_like(text, pattern));
    }
    let small = |text: &str| -> String { text.to_lowercase() };
    let truth = Truths::of(is_like(&small(text), &small(pattern)));
    truth.or_either(!text.is_ascii() || !pattern.is_ascii())
}

/// `LIKE` with `%`, `_` and a backslash before what is meant as it is. Takes at most the product of both
/// lengths in steps.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Cow<'_, [Wild]>) = (text.chars().collect(), Cow::Owned(wilds(pattern)));
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Wild::Any) => {
                back = Some((p, t));
                p += 1;
            }
            Some(Wild::One) => (t, p) = (t + 1, p + 1),
            Some(Wild::This(c)) if *c == text[t] => (t, p) = (t + 1, p + 1),
            _ => match back {
                Some((star, from)) => {
                    (t, p) = (from + 1, star + 1);
                    back = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|w| *w == Wild::Any)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wild {
    Any,
    One,
    This(char),
}

fn wilds(pattern: &str) -> Vec<Wild> {
    let mut chars = pattern.chars();
    let mut wilds = Vec::new();
    while let Some(c) = chars.next() {
        wilds.push(match c {
            '%' => Wild::Any,
            '_' => Wild::One,
            '\\' => Wild::This(chars.next().unwrap_or('\\')),
            other => Wild::This(other),
        });
    }
    wilds
}
