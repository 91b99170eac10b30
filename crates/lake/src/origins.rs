//! From which columns of the tables each column of an answer is made, so that what may name a person is known
//! by where it comes from and not by what a statement calls it.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};
use std::collections::BTreeSet;

/// Names of columns; `None` where they cannot be told.
pub(crate) type Origins = Option<BTreeSet<String>>;

/// The function by which the views take what names nobody out of a column that otherwise may: a rule's name out of an
/// entry. Statements do not know it.
pub(crate) const NAMES_NOBODY: &str = "ambit_names_nobody";

/// The origins of each column that the plan gives, in order.
pub(crate) fn origins(plan: &LogicalPlan) -> Vec<Origins> {
    let n_columns = plan.schema().fields().len();
    match trace(plan) {
        Some(columns) if columns.len() == n_columns => columns,
        _ => vec![None; n_columns],
    }
}

/// `None` where the plan has a form that is not followed.
fn trace(plan: &LogicalPlan) -> Option<Vec<Origins>> {
    let made = |expressions: &[Expr], input: &LogicalPlan| {
        let (schema, columns) = (input.schema(), origins(input));
        let of = |expr| made_of(expr, schema, &columns);
        expressions.iter().map(of).collect::<Vec<_>>()
    };
    Some(match plan {
        LogicalPlan::TableScan(_) => {
            let fields = plan.schema().fields().iter();
            fields
                .map(|field| Some(BTreeSet::from([field.name().clone()])))
                .collect()
        }
        LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) => {
            vec![Some(BTreeSet::new()); plan.schema().fields().len()]
        }
        LogicalPlan::Projection(it) => made(&it.expr, &it.input),
        LogicalPlan::Aggregate(it) => {
            let mut all = made(&it.group_expr, &it.input);
            all.extend(made(&it.aggr_expr, &it.input));
            all
        }
        LogicalPlan::Window(it) => {
            let mut all = origins(&it.input);
            all.extend(made(&it.window_expr, &it.input));
            all
        }
        LogicalPlan::Filter(it) => origins(&it.input),
        LogicalPlan::Sort(it) => origins(&it.input),
        LogicalPlan::Limit(it) => origins(&it.input),
        LogicalPlan::SubqueryAlias(it) => origins(&it.input),
        LogicalPlan::Distinct(Distinct::All(input)) => origins(input),
        LogicalPlan::Join(it) => [origins(&it.left), origins(&it.right)].concat(),
        LogicalPlan::Union(it) => {
            let mut inputs = it.inputs.iter().map(|input| origins(input));
            let first = inputs.next()?;
            inputs.fold(first, |all, next| all.into_iter().zip(next).map(both).collect())
        }
        _ => return None,
    })
}

fn both((one, other): (Origins, Origins)) -> Origins {
    one.zip(other)
        .map(|(one, other)| one.into_iter().chain(other).collect())
}

fn made_of(expr: &Expr, schema: &DFSchema, columns: &[Origins]) -> Origins {
    match expr {
        Expr::Alias(alias) => return made_of(&alias.expr, schema, columns),
        // A count tells nothing of what was counted.
        Expr::AggregateFunction(AggregateFunction { func, .. }) if func.name() == "count" => {
            return Some(BTreeSet::new());
        }
        Expr::ScalarFunction(call) if call.func.name() == NAMES_NOBODY => return Some(BTreeSet::new()),
        _ => {}
    }
    let is_opaque = |expr: &Expr| {
        let subquery = matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        );
        subquery || matches!(expr, Expr::OuterReferenceColumn(..))
    };
    let mut opaque = false;
    let _ = datafusion::common::tree_node::TreeNode::apply(expr, |part| {
        opaque |= is_opaque(part);
        Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
    });
    if opaque {
        return None;
    }
    let mut all = BTreeSet::new();
    for column in expr.column_refs() {
        let at = schema.maybe_index_of_column(column)?;
        all.extend(columns.get(at)?.clone()?);
    }
    Some(all)
}
