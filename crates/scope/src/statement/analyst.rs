//! Walks one statement: scopes, names, joins, common table expressions.
//!
//! Each time that a table is named it becomes a *use*. What every row that counts satisfies (rows that
//! reach the client, or are written) is gathered as facts over columns of uses; a derived table or a
//! common table expression passes the columns of its uses through, so that a condition outside binds
//! them inside. Windows see rows beside their own, so nothing passes through a query that has one.

use super::collect::{Found, fold, parts};
use super::facts::{Facts, Node, facts, joined, strip};
use super::{Act, Columns, Mention, Name, Use, Write};
use sqlparser::ast::{
    Assignment, AssignmentTarget, Cte, DataType, Delete, Distinct, Expr, FromTable, GroupByExpr, Insert,
    Join, JoinConstraint, JoinOperator, LimitClause, ObjectName, OnConflictAction, OnInsert, OrderBy,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias,
    TableFactor, TableObject, TableWithJoins, Update, UpdateTableFromKind, Visit,
};
use std::collections::{BTreeMap, BTreeSet};

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

/// A common table expression in sight.
#[derive(Debug, Clone)]
struct Bound {
    name: String,
    body: Body,
    referenced: bool,
}

#[derive(Debug, Clone)]
enum Body {
    /// Analysed anew wherever it is named, in the sight that it was defined in.
    Lazy {
        query: Box<Query>,
        sight: usize,
        columns: Vec<String>,
    },
    /// Analysed already, or naming itself: its columns tell nothing.
    Closed,
}

/// What a query shows to the query around it.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Its columns by name; `None` for what is no plain column of a table.
    columns: Vec<(String, Option<Node>)>,
    /// Uses all of whose columns it shows, by `*`.
    shown: Vec<usize>,
    pub plain: bool,
    /// Uses of which each result row holds at most one row.
    pub per_row: Vec<usize>,
    /// Uses of which each result row holds exactly one row.
    pub required: Vec<usize>,
}

#[derive(Debug, Default)]
struct Relation {
    /// By which its columns are qualified: the alias, else schema and name.
    name: Vec<String>,
    columns: Vec<(String, Option<Node>)>,
    shown: Vec<usize>,
    per_row: Vec<usize>,
    required: Vec<usize>,
    /// Uses that came to be while it was read.
    own: std::ops::Range<usize>,
    plain: bool,
}

#[derive(Debug, Default)]
struct Scope<'p> {
    relations: Vec<Relation>,
    parent: Option<&'p Scope<'p>>,
    /// Names of result columns.
    aliases: BTreeSet<String>,
}

/// Which sides of a join keep rows that find no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Inner,
    Left,
    Right,
    Full,
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

    fn define(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<()> {
        let Some(with) = &query.with else { return Ok(()) };
        self.beyond
            .extend(parent.map(Scope::in_sight).unwrap_or_default());
        for cte in &with.cte_tables {
            let bound = self.common(cte, with.recursive, parent)?;
            self.ctes.push(bound);
        }
        Ok(())
    }

    fn common(&mut self, cte: &Cte, recursive: bool, parent: Option<&Scope<'_>>) -> Step<Bound> {
        let name = fold(&cte.alias.name);
        if let SetExpr::Insert(inner)
        | SetExpr::Update(inner)
        | SetExpr::Delete(inner)
        | SetExpr::Merge(inner) = &*cte.query.body
        {
            self.writes_within = true;
            let sight = self.ctes.len();
            self.define(&cte.query, parent)?;
            self.write(inner)?;
            self.leave(sight)?;
            return Ok(Bound {
                name,
                body: Body::Closed,
                referenced: true,
            });
        }
        if recursive && names(&cte.query, &name) {
            self.ctes.push(Bound {
                name: name.clone(),
                body: Body::Closed,
                referenced: true,
            });
            self.nested(&cte.query, parent)?;
            self.ctes.pop();
            return Ok(Bound {
                name,
                body: Body::Closed,
                referenced: true,
            });
        }
        let columns = cte.alias.columns.iter().map(|c| fold(&c.name)).collect();
        let body = Body::Lazy {
            query: cte.query.clone(),
            sight: self.ctes.len(),
            columns,
        };
        Ok(Bound {
            name,
            body,
            referenced: false,
        })
    }

    /// Expressions that nobody names are read all the same: whether the server ran them is not known.
    fn leave(&mut self, sight: usize) -> Step<()> {
        while self.ctes.len() > sight {
            let Some(last) = self.ctes.pop() else { break };
            if let (Body::Lazy { query, .. }, false) = (last.body, last.referenced) {
                self.nested(&query, None)?;
            }
        }
        Ok(())
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
                self.expressions(
                    values,
                    &Scope {
                        parent,
                        ..Scope::default()
                    },
                )?;
                Output {
                    plain: true,
                    ..Output::default()
                }
            }
            SetExpr::Table(table) => {
                let name = table.table_name.clone().ok_or("it names no table")?;
                let parts = table
                    .schema_name
                    .iter()
                    .cloned()
                    .chain([name])
                    .map(|p| p.to_ascii_lowercase())
                    .collect();
                let relation = self.relation(parts, None)?;
                self.mention(None, relation.shown.clone(), false);
                Output {
                    plain: true,
                    per_row: relation.per_row,
                    required: relation.required,
                    shown: relation.shown,
                    columns: relation.columns,
                }
            }
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

    /// Branches of a set operation: each row comes from one of them.
    fn union(&mut self, body: &SetExpr, parent: Option<&Scope<'_>>) -> Step<()> {
        match body {
            SetExpr::SetOperation { left, right, .. } => {
                self.union(left, parent)?;
                self.union(right, parent)
            }
            SetExpr::Select(select) => self.select(select, None, parent).map(drop),
            SetExpr::Query(query) => self.nested(query, parent).map(drop),
            SetExpr::Values(values) => self.expressions(
                values,
                &Scope {
                    parent,
                    ..Scope::default()
                },
            ),
            _ => Err("it combines queries in a way that is not understood".to_owned()),
        }
    }

    /// An `ORDER BY` that sees result columns only.
    fn trailing(&mut self, order: Option<&OrderBy>) -> Step<()> {
        order.map_or(Ok(()), |order| self.expressions(order, &Scope::default()))
    }

    fn limits(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<()> {
        let scope = Scope {
            parent,
            ..Scope::default()
        };
        self.filtered |= query.limit_clause.is_some() || query.fetch.is_some();
        if let Some(clause) = &query.limit_clause {
            self.expressions(clause, &scope)?;
        }
        match &query.fetch {
            Some(fetch) if fetch.quantity.is_some() => self.expressions(fetch, &scope),
            _ => Ok(()),
        }
    }

    fn select(
        &mut self,
        select: &Select,
        order: Option<&OrderBy>,
        parent: Option<&Scope<'_>>,
    ) -> Step<Output> {
        refuse_foreign(select)?;
        let first = self.uses.len();
        let mut scope = Scope {
            parent,
            ..Scope::default()
        };
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

    fn learn(&mut self, gathered: Facts) {
        self.facts = std::mem::take(&mut self.facts).and(gathered);
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

    fn projection(&mut self, items: &[SelectItem], scope: &Scope<'_>) -> Step<()> {
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    self.expressions(expr, scope)?
                }
                SelectItem::Wildcard(options) if plain_star(options) => self.star(&[], scope),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                    if plain_star(options) =>
                {
                    let parts = parts(name).ok_or("it names columns in a way that is not understood")?;
                    self.star(&parts, scope);
                }
                _ => return Err("it selects in a way that is not understood".to_owned()),
            }
        }
        Ok(())
    }

    /// Every column of the relations that the qualifier names; of all in sight where it names none.
    fn star(&mut self, qualifier: &[String], scope: &Scope<'_>) {
        let uses = match scope.find(qualifier) {
            Some(relation) => relation.shown.clone(),
            None if qualifier.is_empty() => scope.relations.iter().flat_map(|r| r.shown.clone()).collect(),
            None => scope.in_sight(),
        };
        self.mention(None, uses, false);
    }

    fn mention(&mut self, column: Option<String>, uses: Vec<usize>, alias: bool) {
        let mention = Mention {
            column,
            uses,
            alias,
            condition: self.condition,
        };
        if !mention.uses.is_empty() && !self.mentions.contains(&mention) {
            self.mentions.push(mention);
        }
    }

    /// Names, functions and subqueries of anything that holds expressions.
    fn expressions(&mut self, tree: &impl Visit, scope: &Scope<'_>) -> Step<()> {
        let found = Found::of(tree);
        if let Some(why) = found.opaque {
            return Err(why);
        }
        self.volatile |= found.volatile;
        self.computes |= found.computes && !found.names.is_empty();
        for name in &found.names {
            self.name(name, scope);
        }
        for qualifier in &found.stars {
            self.star(qualifier, scope);
        }
        // A subquery shows what it selects, if only by whether the row around it comes back.
        let condition = std::mem::take(&mut self.condition);
        for query in &found.subqueries {
            self.nested(query, Some(scope))?;
        }
        self.condition = condition;
        Ok(())
    }

    fn name(&mut self, name: &[String], scope: &Scope<'_>) {
        let row = scope.find(name);
        if let Some(row) = row {
            // A relation's own name stands for its whole row.
            self.mention(None, row.shown.clone(), false);
        }
        let Some((column, qualifier)) = name.split_last() else {
            return;
        };
        if SYSTEM_COLUMNS.contains(&column.as_str()) {
            return;
        }
        if let Some(mut uses) = scope.mentioned(qualifier, column) {
            if qualifier.is_empty() || scope.find(qualifier).is_none() {
                uses.extend(&self.beyond);
            }
            let alias = qualifier.is_empty() && (row.is_some() || scope.aliases.contains(column));
            self.mention(Some(column.clone()), uses, alias);
        }
    }

    /// A condition: what it names, and what it binds.
    fn predicate(&mut self, predicate: &Expr, scope: &Scope<'_>) -> Step<Facts> {
        self.filtered = true;
        self.condition = true;
        let found = self.expressions(predicate, scope);
        self.condition = false;
        found?;
        Ok(facts(predicate, &|expr| scope.nodes(expr)))
    }

    fn from(&mut self, tables: &[TableWithJoins], scope: &mut Scope<'_>) -> Step<Facts> {
        let mut gathered = Facts::default();
        for table in tables {
            gathered = gathered.and(self.joins(table, scope)?);
        }
        Ok(gathered)
    }

    fn joins(&mut self, table: &TableWithJoins, scope: &mut Scope<'_>) -> Step<Facts> {
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

    fn factor(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) -> Step<Facts> {
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
            } => {
                self.call(name)?;
                self.expressions(args, scope)?;
                Relation::function(alias.as_ref(), parts(name).unwrap_or_default())
            }
            TableFactor::Function {
                name, args, alias, ..
            } => {
                self.call(name)?;
                self.expressions(args, scope)?;
                Relation::function(alias.as_ref(), parts(name).unwrap_or_default())
            }
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

    /// A function that is read from like a table.
    fn call(&mut self, name: &ObjectName) -> Step<()> {
        let mut path = parts(name).ok_or("it calls a function by a name that is not understood")?;
        let function = path.pop().unwrap_or_default();
        let known =
            path.len() < 2 && super::functions::nature(path.first().map(String::as_str), &function).is_some();
        if known {
            Ok(())
        } else {
            Err(format!(
                "it calls `{}`, which may do anything",
                super::split::clause(&function)
            ))
        }
    }

    /// A table or a common table expression by its name.
    fn relation(&mut self, path: Vec<String>, alias: Option<&TableAlias>) -> Step<Relation> {
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

    fn reference(&mut self, at: usize, alias: Option<&TableAlias>) -> Step<Relation> {
        self.ctes[at].referenced = true;
        let name = self.ctes[at].name.clone();
        let Body::Lazy {
            query,
            sight,
            columns,
        } = self.ctes[at].body.clone()
        else {
            return Ok(Relation::derived(Output::default(), alias, vec![name]));
        };
        // What was defined after it is out of its sight.
        let hidden = self.ctes.split_off(sight);
        let output = self.nested(&query, None);
        self.ctes.extend(hidden);
        let mut output = output?;
        rename(&mut output, &columns);
        Ok(Relation::derived(output, alias, vec![name]))
    }

    /// A statement that writes rows.
    pub(super) fn write(&mut self, statement: &Statement) -> Step<()> {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => {
                let mut scope = Scope::default();
                self.factor(&merge.table, &mut scope)?;
                let target = scope
                    .relations
                    .first()
                    .and_then(|r| r.per_row.first().copied())
                    .ok_or("it merges into no table")?;
                self.factor(&merge.source, &mut scope)?;
                self.expressions(&merge.on, &scope)?;
                self.expressions(&merge.clauses, &scope)?;
                self.writes_within = true;
                self.written(target, Act::Merge, Columns::All, None, Returning::No);
                Ok(())
            }
            _ => Err("it writes in a way that is not understood".to_owned()),
        }
    }

    fn written(&mut self, at: usize, act: Act, columns: Columns, rows: Option<u64>, returning: Returning) {
        let used = &mut self.uses[at];
        used.reads = returning == Returning::Yes;
        used.write = Some(Write { act, columns, rows });
    }

    fn returning(&mut self, items: Option<&Vec<SelectItem>>, scope: &Scope<'_>) -> Step<Returning> {
        match items {
            Some(items) => self.projection(items, scope).map(|()| Returning::Yes),
            None => Ok(Returning::No),
        }
    }

    fn update(&mut self, update: &Update) -> Step<()> {
        if !update.table.joins.is_empty()
            || update.output.is_some()
            || update.or.is_some()
            || !update.order_by.is_empty()
        {
            return Err("it updates in a way that PostgreSQL does not know".to_owned());
        }
        let first = self.uses.len();
        let mut scope = Scope::default();
        let mut gathered = self.joins(&update.table, &mut scope)?;
        let target = target(&scope)?;
        if let Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) = &update.from
        {
            gathered = gathered.and(self.from(from, &mut scope)?);
        }
        if let Some(predicate) = &update.selection {
            gathered = gathered.and(self.predicate(predicate, &scope)?);
        }
        self.learn(gathered.about(|of| of >= first));
        let columns = self.assigned(&update.assignments, &scope)?;
        let returning = self.returning(update.returning.as_ref(), &scope)?;
        self.written(target, Act::Update, columns, None, returning);
        Ok(())
    }

    fn assigned(&mut self, assignments: &[Assignment], scope: &Scope<'_>) -> Step<Columns> {
        let mut columns = BTreeSet::new();
        for assignment in assignments {
            self.expressions(&assignment.value, scope)?;
            let targets = match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names,
            };
            for target in targets {
                // The first part: `SET address.street` changes the column `address`.
                let first = parts(target).and_then(|p| p.into_iter().next());
                columns.insert(first.ok_or("it sets a column in a way that is not understood")?);
            }
        }
        Ok(Columns::Named(columns))
    }

    fn delete(&mut self, delete: &Delete) -> Step<()> {
        if !delete.tables.is_empty()
            || delete.output.is_some()
            || !delete.order_by.is_empty()
            || delete.limit.is_some()
        {
            return Err("it deletes in a way that PostgreSQL does not know".to_owned());
        }
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let [table] = from.as_slice() else {
            return Err("it deletes from several tables".to_owned());
        };
        let first = self.uses.len();
        let mut scope = Scope::default();
        let mut gathered = self.joins(table, &mut scope)?;
        let target = target(&scope)?;
        if let Some(using) = &delete.using {
            gathered = gathered.and(self.from(using, &mut scope)?);
        }
        if let Some(predicate) = &delete.selection {
            gathered = gathered.and(self.predicate(predicate, &scope)?);
        }
        self.learn(gathered.about(|of| of >= first));
        let returning = self.returning(delete.returning.as_ref(), &scope)?;
        self.written(target, Act::Destroy, Columns::All, None, returning);
        Ok(())
    }

    fn insert(&mut self, insert: &Insert) -> Step<()> {
        if insert.overwrite
            || insert.replace_into
            || insert.or.is_some()
            || !insert.assignments.is_empty()
            || insert.partitioned.is_some()
            || insert.output.is_some()
        {
            return Err("it inserts in a way that PostgreSQL does not know".to_owned());
        }
        let TableObject::TableName(name) = &insert.table else {
            return Err("it inserts into something that is not understood".to_owned());
        };
        let path = parts(name).ok_or("it names a table in a way that is not understood")?;
        let columns: Option<Vec<String>> = insert
            .columns
            .iter()
            .map(|c| parts(c).and_then(|p| p.into_iter().next()))
            .collect();
        let columns = columns.ok_or("it names columns in a way that is not understood")?;
        let source = self.source(insert.source.as_deref(), &columns)?;
        let at = self.use_of(table_name(&path)?)?;
        let kept = self.conflict(insert.on.as_ref(), at, &path)?;
        let surely = |column: &String| kept.as_ref().is_none_or(|kept| kept.contains(column));
        let bound = source.bound.into_iter().filter(|(column, _)| surely(column));
        let bound = bound.map(|(column, values)| ((at, column), values)).collect();
        self.learn(Facts {
            bound,
            edges: Vec::new(),
        });
        let shown = Relation {
            name: path,
            shown: vec![at],
            own: at..at + 1,
            ..Relation::default()
        };
        let scope = Scope {
            relations: vec![shown],
            ..Scope::default()
        };
        let returning = self.returning(insert.returning.as_ref(), &scope)?;
        let columns = if columns.is_empty() {
            Columns::All
        } else {
            Columns::Named(columns.into_iter().collect())
        };
        self.written(at, Act::Insert, columns, source.rows, returning);
        Ok(())
    }

    /// The rows that are inserted: how many, and the values of columns where all rows give plain ones.
    fn source(&mut self, source: Option<&Query>, columns: &[String]) -> Step<Inserted> {
        let Some(query) = source else {
            return Ok(Inserted {
                rows: Some(1),
                bound: BTreeMap::new(),
            });
        };
        let simple = query.with.is_none() && query.limit_clause.is_none();
        let SetExpr::Values(values) = &*query.body else {
            self.query(query)?;
            return Ok(Inserted {
                rows: None,
                bound: BTreeMap::new(),
            });
        };
        if !simple {
            return Err("it inserts in a way that is not understood".to_owned());
        }
        self.expressions(values, &Scope::default())?;
        let rows = values.rows.iter().map(|row| row.content.as_slice());
        let bound = columns.iter().enumerate().filter_map(|(at, column)| {
            let values: Option<super::Values> = rows
                .clone()
                .map(|row| super::facts::value(row.get(at)?))
                .collect();
            Some((column.clone(), values?))
        });
        Ok(Inserted {
            rows: u64::try_from(values.rows.len()).ok(),
            bound: bound.collect(),
        })
    }

    /// What happens to rows that are there already: the columns by which they are found are the only
    /// ones that they surely share with the new row. `None`: such rows are left alone.
    fn conflict(
        &mut self,
        on: Option<&OnInsert>,
        at: usize,
        path: &[String],
    ) -> Step<Option<BTreeSet<String>>> {
        let on = match on {
            None => return Ok(None),
            Some(OnInsert::OnConflict(on)) => on,
            Some(_) => return Err("it inserts in a way that PostgreSQL does not know".to_owned()),
        };
        let OnConflictAction::DoUpdate(update) = &on.action else {
            return Ok(None);
        };
        let target = Relation {
            name: path.to_vec(),
            shown: vec![at],
            own: at..at + 1,
            ..Relation::default()
        };
        let new = Relation {
            name: vec!["excluded".to_owned()],
            ..Relation::default()
        };
        let scope = Scope {
            relations: vec![target, new],
            ..Scope::default()
        };
        self.assigned(&update.assignments, &scope)?;
        if let Some(selection) = &update.selection {
            self.expressions(selection, &scope)?;
        }
        Ok(Some(match &on.conflict_target {
            Some(sqlparser::ast::ConflictTarget::Columns(columns)) => columns.iter().map(fold).collect(),
            _ => BTreeSet::new(),
        }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returning {
    Yes,
    No,
}

struct Inserted {
    rows: Option<u64>,
    bound: BTreeMap<String, super::Values>,
}

struct Shape {
    windows: bool,
    aggregates: bool,
    grouped: Vec<Expr>,
}

/// Columns that every table has and that name nobody.
const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

impl Relation {
    fn derived(output: Output, alias: Option<&TableAlias>, name: Vec<String>) -> Self {
        let mut output = output;
        if let Some(alias) = alias {
            let columns: Vec<_> = alias.columns.iter().map(|c| fold(&c.name)).collect();
            rename(&mut output, &columns);
        }
        Self {
            name: alias.map_or(name, |alias| vec![fold(&alias.name)]),
            columns: output.columns,
            shown: output.shown,
            per_row: output.per_row,
            required: output.required,
            own: 0..0,
            plain: output.plain,
        }
    }

    /// The result of a function: no columns of a table, and one by its own name.
    fn function(alias: Option<&TableAlias>, name: Vec<String>) -> Self {
        let mut relation = Self::derived(
            Output {
                plain: true,
                ..Output::default()
            },
            alias,
            name,
        );
        relation
            .columns
            .extend(relation.name.last().map(|name| (name.clone(), None)));
        relation
    }

    /// The columns that a name can mean here.
    fn nodes(&self, column: &str) -> Vec<Node> {
        let mut named = self.columns.iter().filter(|(name, _)| name == column).peekable();
        if named.peek().is_some() {
            return named.filter_map(|(_, node)| node.clone()).collect();
        }
        self.shown.iter().map(|of| (*of, column.to_owned())).collect()
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }
}

impl Scope<'_> {
    /// The relation of that name, here or around.
    fn find(&self, name: &[String]) -> Option<&Relation> {
        let (last, schema) = name.split_last()?;
        let fits = |relation: &&Relation| match relation.name.split_last() {
            Some((own, own_schema)) => own == last && (schema.is_empty() || schema == own_schema),
            None => false,
        };
        self.relations
            .iter()
            .find(fits)
            .or_else(|| self.parent?.find(name))
    }

    fn in_sight(&self) -> Vec<usize> {
        let mut uses: Vec<usize> = self
            .relations
            .iter()
            .flat_map(|r| r.shown.iter().copied())
            .collect();
        uses.extend(self.parent.map(Scope::in_sight).unwrap_or_default());
        uses
    }

    /// The uses whose column a name can be; `None` where it names a result column of a query within,
    /// whose own columns were counted there.
    fn mentioned(&self, qualifier: &[String], column: &str) -> Option<Vec<usize>> {
        if qualifier.is_empty() {
            let named = self.relations.iter().any(|r| r.has(column));
            return (!named).then(|| self.in_sight());
        }
        match self.find(qualifier) {
            Some(relation) if relation.has(column) => None,
            Some(relation) => Some(relation.shown.clone()),
            None => Some(self.in_sight()),
        }
    }

    /// The columns that an expression can mean, where it is a plain column. A name without a qualifier
    /// belongs to whichever relation of this scope has that column: were there two, the server would have
    /// refused the statement; so it may be said of all of them.
    fn nodes(&self, expr: &Expr) -> Vec<Node> {
        match strip(expr) {
            Expr::Identifier(ident) => {
                let column = fold(ident);
                self.relations.iter().flat_map(|r| r.nodes(&column)).collect()
            }
            Expr::CompoundIdentifier(path) => {
                let path: Vec<_> = path.iter().map(fold).collect();
                let Some((column, qualifier)) = path.split_last() else {
                    return Vec::new();
                };
                self.find(qualifier).map(|r| r.nodes(column)).unwrap_or_default()
            }
            // Written as text, a value stays what it is.
            Expr::Cast {
                expr,
                data_type: DataType::Text | DataType::Varchar(None),
                ..
            } => self.nodes(expr),
            _ => Vec::new(),
        }
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

/// Gives result columns other names, in order; where that order is hidden behind a `*`, none is known.
fn rename(output: &mut Output, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let known = output.shown.is_empty() && output.columns.len() >= names.len();
    let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), None)).collect();
    if known {
        for (column, (_, node)) in columns.iter_mut().zip(&output.columns) {
            column.1.clone_from(node);
        }
    }
    columns.extend(output.columns.drain(..).skip(names.len()));
    output.columns = columns;
    output.shown.clear();
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

fn target(scope: &Scope<'_>) -> Step<usize> {
    scope
        .relations
        .first()
        .and_then(|r| r.per_row.first().copied())
        .ok_or_else(|| "it writes to something that is no table".to_owned())
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

fn aliases(items: &[SelectItem]) -> BTreeSet<String> {
    items
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(fold(alias)),
            _ => None,
        })
        .collect()
}

fn plain_star(options: &sqlparser::ast::WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
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

/// Whether a query reads from something of that name.
fn names(query: &Query, name: &str) -> bool {
    sqlparser::ast::visit_relations(query, |relation| match parts(relation).as_deref() {
        Some([only]) if only == name => std::ops::ControlFlow::Break(()),
        _ => std::ops::ControlFlow::Continue(()),
    })
    .is_break()
}

/// The value that bounds the number of result rows.
pub(super) fn limit(query: &Query) -> Option<super::Value> {
    let given = match &query.limit_clause {
        Some(LimitClause::LimitOffset {
            limit: Some(limit),
            limit_by,
            ..
        }) if limit_by.is_empty() => super::facts::value(limit),
        _ => None,
    };
    let fetched = query
        .fetch
        .as_ref()
        .filter(|fetch| !fetch.with_ties && !fetch.percent)
        .and_then(|fetch| super::facts::value(fetch.quantity.as_ref()?));
    given.or(fetched)
}
