//! Names, functions and subqueries of expressions: what they mention, and what a condition binds.

use super::sight::Scope;
use super::{Analyst, Step};
use crate::statement::Mention;
use crate::statement::collect::{Found, parts};
use crate::statement::facts::{Facts, facts};
use sqlparser::ast::{Expr, SelectItem, SelectItemQualifiedWildcardKind, Visit, WildcardAdditionalOptions};

/// Columns that every table has and that name nobody.
const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

impl Analyst {
    /// Names, functions and subqueries of anything that holds expressions.
    pub(super) fn expressions(&mut self, tree: &impl Visit, scope: &Scope<'_>) -> Step<()> {
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

    /// A condition: what it names, and what it binds.
    pub(super) fn predicate(&mut self, predicate: &Expr, scope: &Scope<'_>) -> Step<Facts> {
        self.filtered = true;
        self.condition = true;
        let found = self.expressions(predicate, scope);
        self.condition = false;
        found?;
        Ok(facts(predicate, &|expr| scope.nodes(expr)))
    }

    pub(super) fn projection(&mut self, items: &[SelectItem], scope: &Scope<'_>) -> Step<()> {
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
    pub(super) fn star(&mut self, qualifier: &[String], scope: &Scope<'_>) {
        let uses = match scope.find(qualifier) {
            Some(relation) => relation.shown.clone(),
            None if qualifier.is_empty() => scope.relations.iter().flat_map(|r| r.shown.clone()).collect(),
            None => scope.in_sight(),
        };
        self.mention(None, uses, false);
    }

    pub(super) fn mention(&mut self, column: Option<String>, uses: Vec<usize>, alias: bool) {
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
}

fn plain_star(options: &WildcardAdditionalOptions) -> bool {
    options.opt_ilike.is_none()
        && options.opt_exclude.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
}
