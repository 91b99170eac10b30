//! One `SELECT`: what its clauses name and bind, and what its result rows come from.

use super::sight::{Output, Relation, Scope};
use super::{Analyst, Step};
use crate::statement::collect::{Found, fold, parts};
use crate::statement::facts::Node;
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderBy, OrderByKind, Select, SelectItem, SelectItemQualifiedWildcardKind,
};
use std::collections::BTreeSet;

struct Shape {
    windows: bool,
    aggregates: bool,
    grouped: Vec<Expr>,
}

impl Analyst {
    pub(super) fn select(
        &mut self,
        select: &Select,
        order: Option<&OrderBy>,
        parent: Option<&Scope<'_>>,
    ) -> Step<Output> {
        refuse_foreign(select)?;
        let first = self.uses.len();
        let mut scope = Scope::within(parent);
        let mut gathered = self.from(&select.from, &mut scope)?;
        if let Some(predicate) = &select.selection {
            gathered = gathered.and(self.predicate(predicate, &scope)?);
        }
        self.learn(gathered.about(|of| of >= first));
        scope.aliases = aliases(&select.projection);
        let shape = self.shape(select, order, &scope)?;
        scope.aliases.clear();
        if let Some(having) = &select.having {
            self.expressions(having, &scope)?;
        }
        self.projection(&select.projection, &scope)?;
        Ok(output(select, &scope, shape))
    }

    /// The parts that say how result rows come from rows.
    fn shape(&mut self, select: &Select, order: Option<&OrderBy>, scope: &Scope<'_>) -> Step<Shape> {
        let mut found = Found::of(&select.projection);
        self.expressions(&select.group_by, scope)?;
        found.aggregates |= select.having.is_some();
        self.expressions(&select.named_window, scope)?;
        if let Some(Distinct::On(on)) = &select.distinct {
            self.expressions(on, scope)?;
        }
        if let Some(order) = order {
            let ordering = Found::of(order);
            found.windows |= ordering.windows;
            found.aggregates |= ordering.aggregates;
            if let OrderByKind::All(_) = order.kind {
                return Err("it orders in a way that PostgreSQL does not know".to_owned());
            }
            self.expressions(order, scope)?;
        }
        let grouped = match &select.group_by {
            GroupByExpr::Expressions(by, _) => by.clone(),
            GroupByExpr::All(_) => return Err("it groups in a way that PostgreSQL does not know".to_owned()),
        };
        Ok(Shape {
            windows: found.windows,
            aggregates: found.aggregates || !grouped.is_empty(),
            grouped,
        })
    }
}

fn output(select: &Select, scope: &Scope<'_>, shape: Shape) -> Output {
    if shape.windows {
        return Output {
            columns: closed(&select.projection),
            ..Output::default()
        };
    }
    let mut columns = Vec::new();
    let mut shown = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                columns.push((result_name(expr), pass(expr, scope, &shape)));
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                columns.push((fold(alias), pass(expr, scope, &shape)))
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let relation = parts(name).and_then(|parts| scope.find(&parts));
                columns.extend(relation.iter().flat_map(|r| r.columns.clone()));
                shown.extend(relation.iter().flat_map(|r| r.shown.clone()));
            }
            _ => {
                columns.extend(scope.relations.iter().flat_map(|r| r.columns.clone()));
                shown.extend(scope.relations.iter().flat_map(|r| r.shown.clone()));
            }
        }
    }
    let plain = !shape.aggregates && select.distinct.is_none() && scope.relations.iter().all(|r| r.plain);
    let gather = |of: fn(&Relation) -> &Vec<usize>| {
        if plain {
            scope.relations.iter().flat_map(|r| of(r).clone()).collect()
        } else {
            Vec::new()
        }
    };
    Output {
        columns,
        shown,
        plain,
        per_row: gather(|r| &r.per_row),
        required: gather(|r| &r.required),
    }
}

/// The names of result columns that tell nothing about what they come from.
fn closed(items: &[SelectItem]) -> Vec<(String, Option<Node>)> {
    items
        .iter()
        .filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) => Some((result_name(expr), None)),
            SelectItem::ExprWithAlias { alias, .. } => Some((fold(alias), None)),
            _ => None,
        })
        .collect()
}

/// The name of a result column without an alias. Each has one, so that columns keep their places.
fn result_name(expr: &Expr) -> String {
    let named = match expr {
        Expr::Identifier(ident) => Some(fold(ident)),
        Expr::CompoundIdentifier(path) => path.last().map(fold),
        _ => None,
    };
    named.unwrap_or_else(|| "?column?".to_owned())
}

/// The one column that a result column is; in a grouped query only where it is grouped by.
fn pass(expr: &Expr, scope: &Scope<'_>, shape: &Shape) -> Option<Node> {
    if !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return None;
    }
    if shape.aggregates && !shape.grouped.contains(expr) {
        return None;
    }
    match scope.nodes(expr).as_slice() {
        [node] => Some(node.clone()),
        _ => None,
    }
}

fn aliases(items: &[SelectItem]) -> BTreeSet<String> {
    items
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
            _ => None,
        })
        .collect()
}

fn refuse_foreign(select: &Select) -> Step<()> {
    let foreign = select.top.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || select.select_modifiers.is_some();
    if foreign {
        Err("it uses a clause that PostgreSQL does not have".to_owned())
    } else {
        Ok(())
    }
}
