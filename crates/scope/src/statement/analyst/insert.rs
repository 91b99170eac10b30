//! `INSERT`: where its rows come from, and what happens to those that are there already.

use super::sight::{Relation, Scope};
use super::{Analyst, Step, table_name};
use crate::statement::collect::{fold, parts};
use crate::statement::facts::{Facts, value};
use crate::statement::{Act, Columns, Values};
use sqlparser::ast::{ConflictTarget, Insert, OnConflictAction, OnInsert, Query, SetExpr, TableObject};
use std::collections::{BTreeMap, BTreeSet};

struct Inserted {
    rows: Option<u64>,
    bound: BTreeMap<String, Values>,
}

impl Analyst {
    pub(super) fn insert(&mut self, insert: &Insert) -> Step<()> {
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
        let scope = Scope {
            relations: vec![Relation::inserted(path, at)],
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
            let values: Option<Values> = rows.clone().map(|row| value(row.get(at)?)).collect();
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
        let target = Relation::inserted(path.to_vec(), at);
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
            Some(ConflictTarget::Columns(columns)) => columns.iter().map(fold).collect(),
            _ => BTreeSet::new(),
        }))
    }
}
