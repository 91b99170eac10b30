//! What a query reads from: tables, joins, derived tables, functions.

use super::sight::{Relation, Scope};
use super::{Analyst, Step, table_name};
use crate::statement::collect::{fold, parts};
use crate::statement::facts::{Facts, joined};
use crate::statement::functions::nature;
use crate::statement::split::clause;
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, ObjectName, TableAlias, TableFactor, TableWithJoins, Visit,
};
use std::collections::BTreeSet;

/// Which sides of a join keep rows that find no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Inner,
    Left,
    Right,
    Full,
}

impl Analyst {
    pub(super) fn from(&mut self, tables: &[TableWithJoins], scope: &mut Scope<'_>) -> Step<Facts> {
        let mut gathered = Facts::default();
        for table in tables {
            gathered = gathered.and(self.joins(table, scope)?);
        }
        Ok(gathered)
    }

    pub(super) fn joins(&mut self, table: &TableWithJoins, scope: &mut Scope<'_>) -> Step<Facts> {
        let first = scope.relations.len();
        let mut gathered = self.factor(&table.relation, scope)?;
        for join in &table.joins {
            let middle = scope.relations.len();
            let within = self.factor(&join.relation, scope)?;
            gathered = gathered.and(within);
            let on = self.join(join, scope, first, middle)?;
            gathered = gathered.and(on);
        }
        Ok(gathered)
    }

    /// The condition of a join between the relations `first..middle` and `middle..`.
    fn join(&mut self, join: &Join, scope: &mut Scope<'_>, first: usize, middle: usize) -> Step<Facts> {
        self.filtered = true;
        let (side, constraint) = side(&join.join_operator)?;
        let facts = match constraint {
            JoinConstraint::On(on) => self.predicate(on, scope)?,
            JoinConstraint::Using(columns) => self.using(columns, scope, first, middle)?,
            JoinConstraint::Natural | JoinConstraint::None => Facts::default(),
        };
        let own = |relations: &[Relation]| -> BTreeSet<usize> {
            relations.iter().flat_map(|r| r.own.clone()).collect()
        };
        let (left, right) = (
            own(&scope.relations[first..middle]),
            own(&scope.relations[middle..]),
        );
        // A side that keeps rows without a partner is not bound by the condition.
        let facts = match side {
            Side::Inner => facts,
            Side::Left => facts.about(|of| right.contains(&of)),
            Side::Right => facts.about(|of| left.contains(&of)),
            Side::Full => Facts::default(),
        };
        for (at, relation) in scope.relations.iter_mut().enumerate().skip(first) {
            let optional = if at < middle { Side::Right } else { Side::Left };
            if side == optional || side == Side::Full {
                relation.required.clear();
            }
        }
        Ok(facts)
    }

    fn using(
        &mut self,
        columns: &[ObjectName],
        scope: &Scope<'_>,
        first: usize,
        middle: usize,
    ) -> Step<Facts> {
        let mut gathered = Facts::default();
        for column in columns {
            let column = parts(column)
                .and_then(|mut p| p.pop())
                .ok_or("it joins in a way that is not understood")?;
            let nodes = |relations: &[Relation]| {
                relations
                    .iter()
                    .flat_map(|r| r.nodes(&column))
                    .collect::<Vec<_>>()
            };
            let (left, right) = (
                nodes(&scope.relations[first..middle]),
                nodes(&scope.relations[middle..]),
            );
            self.condition = true;
            for side in [&left, &right] {
                self.mention(
                    Some(column.clone()),
                    side.iter().map(|(of, _)| *of).collect(),
                    false,
                );
            }
            self.condition = false;
            gathered = gathered.and(joined(&left, &right));
        }
        Ok(gathered)
    }

    pub(super) fn factor(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) -> Step<Facts> {
        let first = self.uses.len();
        let relation = match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                version: None,
                json_path: None,
                partitions,
                ..
            } if partitions.is_empty() => {
                let parts = parts(name).ok_or("it names a table in a way that is not understood")?;
                self.relation(parts, alias.as_ref())?
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let output = self.nested(subquery, Some(scope))?;
                Relation::derived(output, alias.as_ref(), Vec::new())
            }
            TableFactor::Table {
                name,
                args: Some(args),
                alias,
                ..
            } => self.called(name, args, alias.as_ref(), scope)?,
            TableFactor::Function {
                name, args, alias, ..
            } => self.called(name, args, alias.as_ref(), scope)?,
            TableFactor::UNNEST {
                alias, array_exprs, ..
            } => {
                self.expressions(array_exprs, scope)?;
                Relation::function(alias.as_ref(), vec!["unnest".to_owned()])
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => return self.joins(table_with_joins, scope),
            _ => return Err("it reads from something that is not understood".to_owned()),
        };
        scope.relations.push(Relation {
            own: first..self.uses.len(),
            ..relation
        });
        Ok(Facts::default())
    }

    /// The rows of a function that is read from like a table.
    fn called(
        &mut self,
        name: &ObjectName,
        arguments: &impl Visit,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Step<Relation> {
        self.call(name)?;
        self.expressions(arguments, scope)?;
        Ok(Relation::function(alias, parts(name).unwrap_or_default()))
    }

    fn call(&mut self, name: &ObjectName) -> Step<()> {
        let mut path = parts(name).ok_or("it calls a function by a name that is not understood")?;
        let function = path.pop().unwrap_or_default();
        let known = path.len() < 2 && nature(path.first().map(String::as_str), &function).is_some();
        if known {
            Ok(())
        } else {
            Err(format!("it calls `{}`, which may do anything", clause(&function)))
        }
    }

    /// A table or a common table expression by its name.
    pub(super) fn relation(&mut self, path: Vec<String>, alias: Option<&TableAlias>) -> Step<Relation> {
        if let [name] = path.as_slice()
            && let Some(at) = self.ctes.iter().rposition(|cte| cte.name == *name)
        {
            return self.reference(at, alias);
        }
        let name = table_name(&path)?;
        let qualifier = alias.map_or(path, |alias| vec![fold(&alias.name)]);
        let renamed = alias.is_some_and(|alias| !alias.columns.is_empty());
        let at = self.use_of(name)?;
        if renamed {
            // Its columns go by other names now, which tell nothing about which they are.
            self.mention(None, vec![at], false);
        }
        let shown = if renamed { Vec::new() } else { vec![at] };
        Ok(Relation {
            name: qualifier,
            shown,
            per_row: vec![at],
            required: vec![at],
            plain: true,
            ..Relation::default()
        })
    }
}

fn side(operator: &JoinOperator) -> Step<(Side, &JoinConstraint)> {
    match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) | JoinOperator::CrossJoin(c) => Ok((Side::Inner, c)),
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => Ok((Side::Left, c)),
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => Ok((Side::Right, c)),
        JoinOperator::FullOuter(c) => Ok((Side::Full, c)),
        _ => Err("it joins in a way that PostgreSQL does not know".to_owned()),
    }
}
