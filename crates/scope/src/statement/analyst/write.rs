//! Statements that write rows that are there already: `UPDATE`, `DELETE`, `MERGE`.

use super::sight::Scope;
use super::{Analyst, Step};
use crate::statement::collect::parts;
use crate::statement::{Act, Columns, Write};
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, FromTable, SelectItem, Statement, Update, UpdateTableFromKind,
};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returning {
    Yes,
    No,
}

impl Analyst {
    /// A statement that writes rows.
    pub(in crate::statement) fn write(&mut self, statement: &Statement) -> Step<()> {
        match statement {
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Merge(merge) => {
                let mut scope = Scope::default();
                self.factor(&merge.table, &mut scope)?;
                let target = target(&scope)?;
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

    pub(super) fn written(
        &mut self,
        at: usize,
        act: Act,
        columns: Columns,
        rows: Option<u64>,
        returning: Returning,
    ) {
        let used = &mut self.uses[at];
        used.reads = returning == Returning::Yes;
        used.write = Some(Write { act, columns, rows });
    }

    pub(super) fn returning(
        &mut self,
        items: Option<&Vec<SelectItem>>,
        scope: &Scope<'_>,
    ) -> Step<Returning> {
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

    pub(super) fn assigned(&mut self, assignments: &[Assignment], scope: &Scope<'_>) -> Step<Columns> {
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
}

fn target(scope: &Scope<'_>) -> Step<usize> {
    scope
        .relations
        .first()
        .and_then(|r| r.per_row.first().copied())
        .ok_or_else(|| "it writes to something that is no table".to_owned())
}
