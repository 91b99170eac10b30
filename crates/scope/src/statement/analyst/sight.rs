//! What is in sight at one place of a statement, and what a name can mean there.

use crate::statement::collect::fold;
use crate::statement::facts::{Node, strip};
use sqlparser::ast::{DataType, Expr, TableAlias};
use std::collections::BTreeSet;

/// What a query shows to the query around it.
#[derive(Debug, Default)]
pub struct Output {
    /// Its columns by name; `None` for what is no plain column of a table.
    pub columns: Vec<(String, Option<Node>)>,
    /// Uses all of whose columns it shows, by `*`.
    pub shown: Vec<usize>,
    pub plain: bool,
    /// Uses of which each result row holds at most one row.
    pub per_row: Vec<usize>,
    /// Uses of which each result row holds exactly one row.
    pub required: Vec<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Relation {
    /// By which its columns are qualified: the alias, else schema and name.
    pub name: Vec<String>,
    pub columns: Vec<(String, Option<Node>)>,
    pub shown: Vec<usize>,
    pub per_row: Vec<usize>,
    pub required: Vec<usize>,
    /// Uses that came to be while it was read.
    pub own: std::ops::Range<usize>,
    pub plain: bool,
}

#[derive(Debug, Default)]
pub(super) struct Scope<'p> {
    pub relations: Vec<Relation>,
    pub parent: Option<&'p Scope<'p>>,
    /// Names of result columns.
    pub aliases: BTreeSet<String>,
}

impl Output {
    /// Gives result columns other names, in order; where that order is hidden behind a `*`, none is known.
    pub(super) fn rename(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let known = self.shown.is_empty() && self.columns.len() >= names.len();
        let mut columns: Vec<_> = names.iter().map(|name| (name.clone(), None)).collect();
        if known {
            for (column, (_, node)) in columns.iter_mut().zip(&self.columns) {
                column.1.clone_from(node);
            }
        }
        columns.extend(self.columns.drain(..).skip(names.len()));
        self.columns = columns;
        self.shown.clear();
    }
}

impl Relation {
    pub(super) fn derived(output: Output, alias: Option<&TableAlias>, name: Vec<String>) -> Self {
        let mut output = output;
        if let Some(alias) = alias {
            let columns: Vec<_> = alias.columns.iter().map(|c| fold(&c.name)).collect();
            output.rename(&columns);
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
    pub(super) fn function(alias: Option<&TableAlias>, name: Vec<String>) -> Self {
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

    /// The table that an `INSERT` writes, as what it says of the new rows sees it.
    pub(super) fn inserted(name: Vec<String>, at: usize) -> Self {
        Self {
            name,
            shown: vec![at],
            own: at..at + 1,
            ..Self::default()
        }
    }

    /// The columns that a name can mean here.
    pub(super) fn nodes(&self, column: &str) -> Vec<Node> {
        let mut named = self.columns.iter().filter(|(name, _)| name == column).peekable();
        if named.peek().is_some() {
            return named.filter_map(|(_, node)| node.clone()).collect();
        }
        self.shown.iter().map(|of| (*of, column.to_owned())).collect()
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|(name, _)| name == column)
    }
}

impl<'p> Scope<'p> {
    /// One without relations, for what sees only the scope around it.
    pub(super) fn within(parent: Option<&'p Self>) -> Self {
        Self {
            parent,
            ..Self::default()
        }
    }

    /// The relation of that name, here or around.
    pub(super) fn find(&self, name: &[String]) -> Option<&Relation> {
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

    pub(super) fn in_sight(&self) -> Vec<usize> {
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
    pub(super) fn mentioned(&self, qualifier: &[String], column: &str) -> Option<Vec<usize>> {
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
    pub(super) fn nodes(&self, expr: &Expr) -> Vec<Node> {
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
