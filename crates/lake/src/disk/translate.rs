//! A filter as an expression of the engine.
//!
//! The expression holds for every event that the filter admits. Where it holds for others too it is not
//! exact, and what it lets through is asked again.

use super::instants;
use super::schema::LOOKED_UP;
use super::views;
use crate::query::{Filter, Test, fold, parts_of};
use ambit_event::{Column, ColumnKind};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, and, cast, ident, lit, or};

/// An expression, and whether it says neither more nor less than the filter.
pub(super) struct Translated {
    pub expr: Expr,
    pub exact: bool,
}

impl Translated {
    fn exactly(expr: Expr) -> Self {
        Self { expr, exact: true }
    }

    fn at_least(expr: Expr) -> Self {
        Self { expr, exact: false }
    }

    fn joined(parts: Vec<Self>, empty: bool, join: fn(Expr, Expr) -> Expr) -> Self {
        let exact = parts.iter().all(|part| part.exact);
        let exprs = parts.into_iter().map(|part| part.expr).collect();
        Self {
            expr: balanced(exprs, join).unwrap_or_else(|| lit(empty)),
            exact,
        }
    }
}

/// More values or texts than this are not looked for in a JSON text.
const MOST_NEEDLES: usize = 16;

pub(super) fn translate(filter: &Filter) -> Translated {
    match filter {
        Filter::All(parts) => Translated::joined(parts.iter().map(translate).collect(), true, and),
        Filter::Any(parts) => Translated::joined(parts.iter().map(translate).collect(), false, or),
        Filter::Not(part) => match translate(part) {
            Translated { expr, exact: true } => Translated::exactly(expr.is_not_true()),
            _ => Translated::at_least(lit(true)),
        },
        Filter::Column(column, test) => match column.kind() {
            ColumnKind::Text => text_test(*column, test),
            ColumnKind::Integer => integer_test(*column, test),
            ColumnKind::TextList => list_test(*column, test),
        },
        Filter::Field(path, test) => Translated::at_least(field_test(path, test)),
        Filter::Text(text) => Translated::at_least(anywhere(text)),
        Filter::Time(span) => Translated::exactly(instants::overlapping(*span)),
        Filter::Ids(ids) => Translated::exactly(one_of("id", ids.iter().map(ToString::to_string))),
    }
}

/// Joins with a depth that grows with the logarithm of the number, however many there are.
fn balanced(mut exprs: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Option<Expr> {
    while exprs.len() > 1 {
        let mut pairs = exprs.into_iter();
        let mut joined = Vec::with_capacity(pairs.len().div_ceil(2));
        while let Some(left) = pairs.next() {
            joined.push(match pairs.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        exprs = joined;
    }
    exprs.pop()
}

fn one_of(name: &str, values: impl Iterator<Item = String>) -> Expr {
    let list: Vec<Expr> = values.map(lit).collect();
    match list.len() {
        0 => lit(false),
        _ => ident(name).in_list(list, false),
    }
}

fn text_test(column: Column, test: &Test) -> Translated {
    let name = column.name();
    match test {
        Test::In(values) => Translated::exactly(one_of(name, values.iter().cloned())),
        Test::Like(pattern) => Translated::at_least(like(ident(name), pattern)),
        Test::Between(..) => Translated::at_least(ident(name).is_not_null()),
        Test::Present => Translated::exactly(ident(name).is_not_null()),
        Test::Absent => Translated::exactly(ident(name).is_null()),
    }
}

fn integer_test(column: Column, test: &Test) -> Translated {
    let name = column.name();
    match test {
        Test::In(values) => {
            // Only the decimal form that a number is shown in equals it: `007` is no number's text.
            let canonical = values
                .iter()
                .filter_map(|v| v.parse::<i64>().ok().filter(|n| n.to_string() == *v));
            let list: Vec<Expr> = canonical.map(lit).collect();
            Translated::exactly(if list.is_empty() {
                lit(false)
            } else {
                ident(name).in_list(list, false)
            })
        }
        Test::Between(low, high) => {
            let low = low.map(|low| ident(name).gt_eq(lit(low)));
            let high = high.map(|high| ident(name).lt_eq(lit(high)));
            let limits = low.into_iter().chain(high).reduce(and);
            Translated::exactly(limits.unwrap_or_else(|| ident(name).is_not_null()))
        }
        Test::Like(_) => Translated::at_least(ident(name).is_not_null()),
        Test::Present => Translated::exactly(ident(name).is_not_null()),
        Test::Absent => Translated::exactly(ident(name).is_null()),
    }
}

fn list_test(column: Column, test: &Test) -> Translated {
    match test {
        Test::Absent => Translated::exactly(ident(column.name()).is_null()),
        Test::Present => Translated::exactly(ident(column.name()).is_not_null()),
        _ => Translated::at_least(ident(column.name()).is_not_null()),
    }
}

/// A text that matches the pattern; only patterns of ASCII are pushed down, where the engine's letters
/// without case are a superset of ours.
fn like(value: Expr, pattern: &str) -> Expr {
    if !pattern.is_ascii() {
        return value.is_not_null();
    }
    let mut parts: Vec<String> = parts_of(pattern).iter().map(|part| escaped(part)).collect();
    // One wildcard is as good as two, and what begins with a text is found faster than what fits a pattern.
    let last = parts.len().saturating_sub(1);
    let mut nth = 0..;
    parts.retain(|part| nth.next().is_some_and(|nth| nth == 0 || nth == last) || !part.is_empty());
    value.ilike(lit(parts.join("%")))
}

fn contains(value: Expr, needle: &str) -> Expr {
    value.ilike(lit(format!("%{}%", escaped(needle))))
}

/// The text with the engine's wildcards taken literally.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The text as it stands within a JSON string, where that is the same for every writer of JSON.
fn plain_in_json(text: &str) -> bool {
    text.bytes()
        .all(|b| (b' '..=b'~').contains(&b) && !matches!(b, b'"' | b'\\'))
}

/// A producer's field is looked for as text in the JSON: its key, and a value that stands there as it is, once what
/// columns hold is filled in.
fn field_test(path: &str, test: &Test) -> Expr {
    let key = path.rsplit('.').next().unwrap_or(path);
    if *test == Test::Absent {
        return lit(true);
    }
    let has_key = match plain_in_json(key) {
        true => contains(ident("fields"), &format!("{key}\":")),
        false => lit(true),
    };
    match test {
        Test::In(values) if values.len() <= MOST_NEEDLES && values.iter().all(|v| plain_in_json(v)) => {
            let whole = views::filled_fields();
            let written = values.iter().map(|value| contains(whole.clone(), value));
            has_key.and(balanced(written.collect(), or).unwrap_or_else(|| lit(false)))
        }
        _ => has_key,
    }
}

/// The text in any column. Lists and what JSON writes otherwise are let through to be asked again.
fn anywhere(text: &str) -> Expr {
    let needle = fold(text);
    if !plain_in_json(&needle) {
        return lit(true);
    }
    let numeric = needle.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let in_columns = Column::ALL.iter().filter_map(|column| match column.kind() {
        ColumnKind::Text => Some(contains(ident(column.name()), &needle)),
        ColumnKind::Integer => numeric.then(|| contains(cast(ident(column.name()), DataType::Utf8), &needle)),
        ColumnKind::TextList => Some(ident(column.name()).is_not_null()),
    });
    let everywhere = in_columns
        .chain([contains(views::filled_fields(), &needle)])
        .collect();
    balanced(everywhere, or).unwrap_or_else(|| lit(true))
}

/// Splits a filter into filters of which each can be looked up by one column's indexes. Together they admit what the filter admits; an event may
/// satisfy several.
pub(super) fn branches(filter: &Filter) -> Vec<Filter> {
    let alone = || vec![filter.clone()];
    match filter {
        Filter::Any(parts) if parts.len() > 1 && parts.iter().all(is_lookup) => gathered(parts),
        Filter::All(parts) if !parts.iter().any(is_lookup) || parts.iter().any(is_splittable) => {
            let Some(at) = parts.iter().position(is_splittable) else {
                return alone();
            };
            let Filter::Any(choices) = &parts[at] else {
                return alone();
            };
            let rest = |choice| {
                let mut all = parts.clone();
                all[at] = choice;
                Filter::All(all)
            };
            gathered(choices).into_iter().map(rest).collect()
        }
        _ => alone(),
    }
}

fn is_splittable(filter: &Filter) -> bool {
    matches!(filter, Filter::Any(parts) if parts.len() > 1 && parts.iter().all(is_lookup))
}

/// Whether indexes can answer: an equality on a column that has them, perhaps among other tests.
fn is_lookup(filter: &Filter) -> bool {
    match filter {
        Filter::Column(column, Test::In(_)) => LOOKED_UP.contains(column),
        Filter::Ids(_) => true,
        Filter::All(parts) => parts.iter().any(is_lookup),
        _ => false,
    }
}

/// One filter per column: equalities on the same column are asked together.
fn gathered(parts: &[Filter]) -> Vec<Filter> {
    let mut all: Vec<Filter> = Vec::new();
    for part in parts {
        let same = all.iter_mut().find(|known| match (known, part) {
            (Filter::Column(a, Test::In(_)), Filter::Column(b, Test::In(_))) => a == b,
            (Filter::Ids(_), Filter::Ids(_)) => true,
            _ => false,
        });
        match (same, part) {
            (Some(Filter::Column(_, Test::In(all))), Filter::Column(_, Test::In(more))) => {
                all.extend_from_slice(more);
            }
            (Some(Filter::Ids(all)), Filter::Ids(more)) => all.extend_from_slice(more),
            _ => all.push(part.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Span;

    #[test]
    fn an_or_over_columns_becomes_one_question_per_column() {
        let session = |v: &str| Filter::eq(Column::ActorSession, v);
        let ip = Filter::eq(Column::SrcIp, "1.2.3.4");
        let any = Filter::Any(vec![session("a"), ip.clone(), session("b")]);
        let both = Filter::one_of(Column::ActorSession, ["a", "b"]);
        assert_eq!(branches(&any), [both.clone(), ip.clone()]);
        let source = Filter::eq(Column::Source, "s");
        let narrowed = Filter::All(vec![source.clone(), any]);
        let expected = [both, ip].map(|part| Filter::All(vec![source.clone(), part]));
        assert_eq!(branches(&narrowed), expected);
        let mixed = Filter::Any(vec![session("a"), Filter::Text("x".into())]);
        assert_eq!(branches(&mixed), [mixed]);
    }

    #[test]
    fn expressions_name_columns_of_the_table() {
        for filter in [
            Filter::Text("7".into()),
            Filter::Time(Span::ALL),
            Filter::Ids(vec![]),
            Filter::Field("a.b".into(), Test::Present),
        ] {
            for column in translate(&filter).expr.column_refs() {
                let mut known = super::super::schema::columns();
                assert!(known.any(|(name, _)| name == column.name), "{}", column.name);
            }
        }
    }

    #[test]
    fn a_thousand_alternatives_stay_shallow() {
        let parts = (0..5000)
            .map(|n| Filter::eq(Column::Host, n.to_string()))
            .collect();
        let expr = translate(&Filter::Any(parts)).expr;
        assert!(format!("{expr:?}").len() > 5000);
    }
}
