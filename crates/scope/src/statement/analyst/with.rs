//! Common table expressions: what `WITH` defines, analysed wherever it is named.

use super::sight::{Output, Relation, Scope};
use super::{Analyst, Step};
use crate::statement::collect::{fold, parts};
use sqlparser::ast::{Cte, Query, SetExpr, TableAlias};

/// A common table expression in sight.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) name: String,
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

impl Bound {
    fn closed(name: String) -> Self {
        Self {
            name,
            body: Body::Closed,
            referenced: true,
        }
    }
}

impl Analyst {
    pub(super) fn define(&mut self, query: &Query, parent: Option<&Scope<'_>>) -> Step<()> {
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
            return Ok(Bound::closed(name));
        }
        if recursive && names(&cte.query, &name) {
            self.ctes.push(Bound::closed(name.clone()));
            self.nested(&cte.query, parent)?;
            self.ctes.pop();
            return Ok(Bound::closed(name));
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
    pub(super) fn leave(&mut self, sight: usize) -> Step<()> {
        while self.ctes.len() > sight {
            let Some(last) = self.ctes.pop() else { break };
            if let (Body::Lazy { query, .. }, false) = (last.body, last.referenced) {
                self.nested(&query, None)?;
            }
        }
        Ok(())
    }

    pub(super) fn reference(&mut self, at: usize, alias: Option<&TableAlias>) -> Step<Relation> {
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
        output.rename(&columns);
        Ok(Relation::derived(output, alias, vec![name]))
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
