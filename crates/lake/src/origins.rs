//! From which columns of the tables each column of an answer is made, so that what may name a person is known
//! by where it comes from and not by what a statement calls it.

use crate::table::Origin;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{AggregateFunction, InSubquery};
use datafusion::logical_expr::{BinaryExpr, Distinct, Expr, LogicalPlan, Operator};
use std::collections::BTreeSet;

/// The function by which the views take what names nobody out of a column that otherwise may: a rule's name out of an
/// entry. Statements do not know it.
pub(crate) const NAMES_NOBODY: &str = "ambit_names_nobody";
/// The function by which the views take the actors out of an entry.
pub(crate) const ACTORS: &str = "ambit_actors";

impl Origin {
    /// Made from all of these.
    fn made(of: impl IntoIterator<Item = Self>) -> Self {
        let all = of.into_iter().map(|origin| origin.columns);
        let columns = all.reduce(|one, other| {
            one.zip(other)
                .map(|(one, other)| one.into_iter().chain(other).collect())
        });
        Self {
            columns: columns.unwrap_or_else(|| Some(BTreeSet::new())),
            is_verbatim: false,
        }
    }

    /// Where two answers become one, or a value stands for another.
    fn or(self, other: Self) -> Self {
        let is_verbatim = self.is_verbatim && other.is_verbatim;
        match self.columns == other.columns && is_verbatim {
            true => self,
            false => Self::made([self, other]),
        }
    }
}

/// The origins of each column that the plan gives, in order.
pub(crate) fn origins(plan: &LogicalPlan) -> Vec<Origin> {
    let n_columns = plan.schema().fields().len();
    match trace(plan) {
        Some(columns) if columns.len() == n_columns => columns,
        _ => vec![Origin::unknown(); n_columns],
    }
}

/// `None` where the plan has a form that is not followed.
fn trace(plan: &LogicalPlan) -> Option<Vec<Origin>> {
    let made = |expressions: &[Expr], input: &LogicalPlan| {
        let (schema, columns) = (input.schema(), origins(input));
        let of = |expr| made_of(expr, schema, &columns);
        expressions.iter().map(of).collect::<Vec<_>>()
    };
    Some(match plan {
        LogicalPlan::TableScan(_) => {
            let fields = plan.schema().fields().iter();
            fields.map(|field| Origin::of(field.name())).collect()
        }
        LogicalPlan::EmptyRelation(_) | LogicalPlan::DescribeTable(_) | LogicalPlan::Values(_) => {
            vec![Origin::nothing(); plan.schema().fields().len()]
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
        LogicalPlan::Filter(it) => {
            let mut all = origins(&it.input);
            told_by(&it.predicate, it.input.schema(), &mut all);
            all
        }
        LogicalPlan::Sort(it) => origins(&it.input),
        LogicalPlan::Limit(it) => origins(&it.input),
        LogicalPlan::SubqueryAlias(it) => origins(&it.input),
        LogicalPlan::Distinct(Distinct::All(input)) => origins(input),
        LogicalPlan::Join(it) => {
            let mut all = [origins(&it.left), origins(&it.right)].concat();
            // A join that gives one side alone is none that a statement writes.
            if all.len() != plan.schema().fields().len() {
                return None;
            }
            for (left, right) in &it.on {
                told_by(&left.clone().eq(right.clone()), plan.schema(), &mut all);
            }
            if let Some(condition) = &it.filter {
                told_by(condition, plan.schema(), &mut all);
            }
            all
        }
        LogicalPlan::Union(it) => {
            let mut inputs = it.inputs.iter().map(|input| origins(input));
            let first = inputs.next()?;
            inputs.fold(first, |all, next| {
                all.into_iter()
                    .zip(next)
                    .map(|(one, other)| one.or(other))
                    .collect()
            })
        }
        _ => return None,
    })
}

/// A condition that brings columns together makes the one tell of the other: whoever joins letters with the first
/// letter of a name reads the name in the letters. A condition on one column alone tells no other's values.
fn told_by(condition: &Expr, schema: &DFSchema, columns: &mut [Origin]) {
    for part in comparisons(condition) {
        let Some((mut at, others)) = brought_together(part, schema) else {
            columns.fill(Origin::unknown());
            return;
        };
        at.sort_unstable();
        at.dedup();
        let own = at.iter().filter_map(|at| columns.get(*at)).cloned();
        let all: Vec<Origin> = own.chain(others).collect();
        if all.windows(2).all(|two| two[0] == two[1]) {
            continue;
        }
        let told = Origin::made(all);
        for at in at {
            if let Some(column) = columns.get_mut(at) {
                let is_verbatim = column.is_verbatim && column.columns == told.columns;
                *column = Origin {
                    is_verbatim,
                    ..told.clone()
                };
            }
        }
    }
}

/// What `and`, `or` and `not` join.
fn comparisons(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And | Operator::Or,
            right,
        }) => [comparisons(left), comparisons(right)].concat(),
        Expr::Not(inner) => comparisons(inner),
        one => vec![one],
    }
}

/// The columns of a condition by their places, and what a question within it adds; `None` where a column is not known.
fn brought_together(condition: &Expr, schema: &DFSchema) -> Option<(Vec<usize>, Vec<Origin>)> {
    let (mut at, mut others) = (Vec::new(), Vec::new());
    let mut is_known = true;
    let mut note = |expr: &Expr| {
        let refs = expr.column_refs();
        let places = refs.iter().map(|column| schema.maybe_index_of_column(column));
        match places.collect::<Option<Vec<_>>>() {
            Some(places) => at.extend(places),
            None => is_known = false,
        }
    };
    note(condition);
    let walked = condition.apply(|part| {
        let within = match part {
            Expr::InSubquery(InSubquery { subquery, .. }) | Expr::ScalarSubquery(subquery) => {
                others.extend(origins(&subquery.subquery));
                Some(subquery)
            }
            Expr::Exists(exists) => Some(&exists.subquery),
            _ => None,
        };
        // What a question within says of a row outside depends on all that it looks at.
        let outer = within.map_or(&[][..], |within| &within.outer_ref_columns);
        for expr in outer {
            if let Expr::OuterReferenceColumn(_, column) = expr {
                note(&Expr::Column(column.clone()));
                others.push(Origin::unknown());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    (is_known && walked.is_ok()).then_some((at, others))
}

fn made_of(expr: &Expr, schema: &DFSchema, columns: &[Origin]) -> Origin {
    match expr {
        Expr::Alias(alias) => return made_of(&alias.expr, schema, columns),
        Expr::Column(column) => {
            let at = schema.maybe_index_of_column(column);
            return at
                .and_then(|at| columns.get(at).cloned())
                .unwrap_or_else(Origin::unknown);
        }
        Expr::AggregateFunction(AggregateFunction { func, params }) => match func.name() {
            // A count tells nothing of what was counted.
            "count" => return Origin::nothing(),
            "min" | "max" | "first_value" | "last_value" => {
                if let [one] = &*params.args {
                    return made_of(one, schema, columns);
                }
            }
            _ => {}
        },
        Expr::ScalarFunction(call) if call.func.name() == NAMES_NOBODY => return Origin::nothing(),
        Expr::ScalarFunction(call) if call.func.name() == ACTORS => return Origin::of("actor"),
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
    let _ = expr.apply(|part| {
        opaque |= is_opaque(part);
        Ok(TreeNodeRecursion::Continue)
    });
    if opaque {
        return Origin::unknown();
    }
    let refs = expr.column_refs();
    let parts = refs.iter().map(|column| {
        let at = schema.maybe_index_of_column(column);
        at.and_then(|at| columns.get(at).cloned())
            .unwrap_or_else(Origin::unknown)
    });
    Origin::made(parts)
}
