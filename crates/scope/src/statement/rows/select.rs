//! Which rows of its table a `SELECT` takes, and what of them comes back.

use super::condition::{Condition, Term};
use super::predicate::{condition, term};
use super::{Order, Page, RowQuery};
use crate::statement::collect::{Found, fold, parts};
use crate::statement::{Columns, Footprint, facts};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr,
    SetOperator, TableFactor,
};
use std::collections::BTreeSet;

pub(super) fn branches(body: &SetExpr, all: &mut Vec<RowQuery>) -> Option<()> {
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
                last.page = Some(Page::UNCLEAR);
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
pub(super) fn page(query: &Query, footprint: &Footprint) -> Option<Page<Term>> {
    let unclear = Some(Page::UNCLEAR);
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
