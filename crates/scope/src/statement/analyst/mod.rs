//! Walks one statement: scopes, names, joins, common table expressions.
//!
//! Each time that a table is named it becomes a *use*. What every row that counts satisfies (rows that
//! reach the client, or are written) is gathered as facts over columns of uses; a derived table or a
//! common table expression passes the columns of its uses through, so that a condition outside binds
//! them inside. Windows see rows beside their own, so nothing passes through a query that has one.

mod from;
mod insert;
mod names;
mod select;
mod sight;
mod with;
mod write;

use super::facts::Facts;
use super::{Mention, Name, Use};
use sight::{Output, Scope};
use sqlparser::ast::{OrderBy, Query, SetExpr, Table};
use std::collections::BTreeMap;
use with::Bound;

/// The most tables, and the most queries, that one statement is followed through.
const USES: usize = 200;
const QUERIES: usize = 400;

/// Ends in the clause that says why the statement may do anything.
pub(super) type Step<T> = Result<T, String>;

#[derive(Debug, Default)]
pub(super) struct Analyst {
    pub uses: Vec<Use>,
    pub mentions: Vec<Mention>,
    pub facts: Facts,
    pub computes: bool,
    pub volatile: bool,
    /// It writes rows on the way, in a common table expression.
    pub writes_within: bool,
    /// Something leaves rows out: a condition, a join, a limit.
    pub filtered: bool,
    /// What is read now is a condition.
    condition: bool,
    ctes: Vec<Bound>,
    /// Uses around a query whose common table expressions may name them too.
    beyond: Vec<usize>,
    n_queries: usize,
}

impl Analyst {
    /// A query, with the scope around it where it is a subquery.
    pub(super) fn query(&mut self, query: &Query) -> Step<Output> {
        self.nested(query, None)
    }

    fn nested(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<Output> {
        self.n_queries += 1;
        if self.n_queries > QUERIES {
            return Err("it holds too many queries".to_owned());
        }
        if query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err("it uses a clause that PostgreSQL does not have".to_owned());
        }
        let sight = self.ctes.len();
        self.define(query, parent)?;
        let output = self.body(query, parent)?;
        self.leave(sight)?;
        Ok(output)
    }

    fn body(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<Output> {
        let order = query.order_by.as_ref();
        let output = match &*query.body {
            SetExpr::Select(select) => self.select(select, order, parent)?,
            SetExpr::Query(inner) => {
                self.trailing(order)?;
                self.nested(inner, parent)?
            }
            SetExpr::SetOperation { .. } => {
                self.trailing(order)?;
                self.union(&query.body, parent)?;
                Output::default()
            }
            SetExpr::Values(values) => {
                self.expressions(values, &Scope::within(parent))?;
                Output {
                    plain: true,
                    ..Output::default()
                }
            }
            SetExpr::Table(table) => self.table(table)?,
            SetExpr::Insert(inner)
            | SetExpr::Update(inner)
            | SetExpr::Delete(inner)
            | SetExpr::Merge(inner) => {
                self.write(inner)?;
                Output::default()
            }
        };
        self.limits(query, parent)?;
        Ok(output)
    }

    /// `TABLE name`: every column of it.
    fn table(&mut self, table: &Table) -> Step<Output> {
        let name = table.table_name.clone().ok_or("it names no table")?;
        let path = table.schema_name.iter().cloned().chain([name]);
        let relation = self.relation(path.map(|p| p.to_ascii_lowercase()).collect(), None)?;
        self.mention(None, relation.shown.clone(), false);
        Ok(Output {
            plain: true,
            per_row: relation.per_row,
            required: relation.required,
            shown: relation.shown,
            columns: relation.columns,
        })
    }

    /// Branches of a set operation: each row comes from one of them.
    fn union(&mut self, body: &SetExpr, parent: Option<&Scope<'_>>) -> Step<()> {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.union(left, parent)?;
                self.union(right, parent)
            }
            SetExpr::Select(select) => self.select(select, None, parent).map(drop),
            SetExpr::Query(query) => self.nested(query, parent).map(drop),
            SetExpr::Values(values) => self.expressions(values, &Scope::within(parent)),
            _ => Err("it combines queries in a way that is not understood".to_owned()),
        }
    }

    /// An `ORDER BY` that sees result columns only.
    fn trailing(&mut self, order: Option<&OrderBy>) -> Step<()> {
        order.map_or(Ok(()), |order| self.expressions(order, &Scope::default()))
    }

    fn limits(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<()> {
        let scope = Scope::within(parent);
        self.filtered |= query.limit_clause.is_some() || query.fetch.is_some();
        if let Some(clause) = &query.limit_clause {
            self.expressions(clause, &scope)?;
        }
        match &query.fetch {
            Some(fetch) if fetch.quantity.is_some() => self.expressions(fetch, &scope),
            _ => Ok(()),
        }
    }

    fn learn(&mut self, gathered: Facts) {
        self.facts = std::mem::take(&mut self.facts).and(gathered);
    }

    fn use_of(&mut self, name: Name) -> Step<usize> {
        if self.uses.len() >= USES {
            return Err("it names too many tables".to_owned());
        }
        self.uses.push(Use {
            name,
            reads: true,
            write: None,
            bound: BTreeMap::new(),
            per_row: false,
            required: false,
        });
        Ok(self.uses.len() - 1)
    }
}

/// # Errors
/// Where the name has more parts than a schema and a table.
pub(super) fn table_name(path: &[String]) -> Step<Name> {
    match path {
        [table] => Ok(Name {
            schema: None,
            table: table.clone(),
        }),
        [schema, table] => Ok(Name {
            schema: Some(schema.clone()),
            table: table.clone(),
        }),
        _ => Err("it names a table of another database".to_owned()),
    }
}
