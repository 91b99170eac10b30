//! What the kinds of statement do to rows: from the parser's tree to a command with its footprint.

use crate::statement::analyst::{Analyst, Step, table_name};
use crate::statement::collect::{fold, parts};
use crate::statement::facts;
use crate::statement::rows::RowQuery;
use crate::statement::{Act, Columns, Command, Footprint, Kind, Mention, Use, Value, Write};
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CopySource, CopyTarget, LimitClause, ObjectName, Query, SetExpr,
    Statement,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn select(query: &Query) -> Step<Command> {
    let mut analyst = Analyst::default();
    let output = analyst.query(query)?;
    let mut footprint = footprint(analyst, kind(query));
    footprint.plain = output.plain && footprint.kind == Kind::Select;
    footprint.limit = limit(query);
    if footprint.plain {
        for at in output.per_row {
            footprint.uses[at].per_row = true;
        }
        for at in output.required {
            footprint.uses[at].required = true;
        }
    }
    footprint.rows = RowQuery::all(query, &footprint);
    Ok(rows(footprint))
}

fn kind(query: &Query) -> Kind {
    match &*query.body {
        SetExpr::Insert(_) => Kind::Insert,
        SetExpr::Update(_) => Kind::Update,
        SetExpr::Delete(_) => Kind::Delete,
        SetExpr::Merge(_) => Kind::Other,
        // Its rows go into a new table.
        SetExpr::Select(select) if select.into.is_some() => Kind::Other,
        _ => Kind::Select,
    }
}

/// The value that bounds the number of result rows.
fn limit(query: &Query) -> Option<Value> {
    let given = match &query.limit_clause {
        Some(LimitClause::LimitOffset {
            limit: Some(limit),
            limit_by,
            ..
        }) if limit_by.is_empty() => facts::value(limit),
        _ => None,
    };
    let fetched = query
        .fetch
        .as_ref()
        .filter(|fetch| !fetch.with_ties && !fetch.percent)
        .and_then(|fetch| facts::value(fetch.quantity.as_ref()?));
    given.or(fetched)
}

pub(super) fn write(statement: &Statement, kind: Kind) -> Step<Command> {
    let mut analyst = Analyst::default();
    analyst.write(statement)?;
    Ok(rows(footprint(analyst, kind)))
}

pub(super) fn copy(source: CopySource, to: bool, target: &CopyTarget) -> Step<Command> {
    if let CopyTarget::Program { .. } = target {
        return Err("it runs a program on the server".to_owned());
    }
    let (name, columns) = match source {
        CopySource::Query(query) => {
            let mut analyst = Analyst::default();
            analyst.query(&query)?;
            let mut footprint = footprint(analyst, Kind::Copy);
            footprint.rows = RowQuery::all(&query, &footprint);
            return Ok(rows(footprint));
        }
        CopySource::Table { table_name, columns } => (table_name, columns),
    };
    let columns: BTreeSet<String> = columns.iter().map(fold).collect();
    let columns = if columns.is_empty() {
        Columns::All
    } else {
        Columns::Named(columns)
    };
    let mut analyst = Analyst::default();
    let mut used = unbound(&name)?;
    if to {
        let named = |column: Option<String>| Mention {
            column,
            uses: vec![0],
            alias: false,
            condition: false,
        };
        analyst.mentions = match columns {
            Columns::All => vec![named(None)],
            Columns::Named(columns) => columns.into_iter().map(|c| named(Some(c))).collect(),
        };
    } else {
        used.reads = false;
        used.write = Some(Write {
            act: Act::Insert,
            columns,
            rows: None,
        });
    }
    analyst.uses.push(used);
    let mut footprint = footprint(analyst, Kind::Copy);
    if to {
        footprint.rows.push(RowQuery::everything());
    }
    Ok(rows(footprint))
}

pub(super) fn destroyed<'n>(names: impl Iterator<Item = &'n ObjectName>, columns: &Columns) -> Step<Command> {
    let mut analyst = Analyst::default();
    for name in names {
        let mut used = unbound(name)?;
        used.reads = false;
        used.write = Some(Write {
            act: Act::Destroy,
            columns: columns.clone(),
            rows: None,
        });
        analyst.uses.push(used);
    }
    Ok(rows(footprint(analyst, Kind::Other)))
}

/// A use of a table that nothing bounds.
fn unbound(name: &ObjectName) -> Step<Use> {
    let path = parts(name).ok_or("it names a table in a way that is not understood")?;
    Ok(Use {
        name: table_name(&path)?,
        reads: true,
        write: None,
        bound: BTreeMap::new(),
        per_row: false,
        required: false,
    })
}

/// `CREATE TABLE AS` and `CREATE MATERIALIZED VIEW` copy rows to a place that the map does not know.
pub(super) fn made(query: Option<&Query>) -> Step<Command> {
    let Some(query) = query else {
        return Ok(Command::Quiet);
    };
    let mut analyst = Analyst::default();
    analyst.query(query)?;
    let mut footprint = footprint(analyst, Kind::Other);
    footprint.rows = RowQuery::all(query, &footprint);
    Ok(rows(footprint))
}

/// Columns that are dropped are destroyed. Other names are refused: a name of the map would mean
/// something else from here on.
pub(super) fn altered(alter: &AlterTable) -> Step<Command> {
    let mut dropped = BTreeSet::new();
    for operation in &alter.operations {
        match operation {
            AlterTableOperation::DropColumn { column_names, .. } => {
                dropped.extend(column_names.iter().map(fold))
            }
            AlterTableOperation::AddColumn { .. }
            | AlterTableOperation::AddConstraint { .. }
            | AlterTableOperation::DropConstraint { .. }
            | AlterTableOperation::ValidateConstraint { .. }
            | AlterTableOperation::RenameConstraint { .. }
            | AlterTableOperation::OwnerTo { .. }
            | AlterTableOperation::EnableRowLevelSecurity
            | AlterTableOperation::DisableRowLevelSecurity
            | AlterTableOperation::ForceRowLevelSecurity
            | AlterTableOperation::NoForceRowLevelSecurity => {}
            _ => return Err("it alters a table in a way that is not understood".to_owned()),
        }
    }
    if dropped.is_empty() {
        return Ok(Command::Quiet);
    }
    destroyed(std::iter::once(&alter.name), &Columns::Named(dropped))
}

fn rows(footprint: Footprint) -> Command {
    if footprint.uses.is_empty() {
        Command::Quiet
    } else {
        Command::Rows(Box::new(footprint))
    }
}

fn footprint(mut analyst: Analyst, kind: Kind) -> Footprint {
    analyst.facts.close();
    for ((at, column), values) in analyst.facts.bound {
        if let Some(used) = analyst.uses.get_mut(at) {
            used.bound.insert(column, values);
        }
    }
    let writes = analyst.uses.iter().any(|u| u.write.is_some());
    let kind = match kind {
        Kind::Select if writes => Kind::Other,
        Kind::Insert | Kind::Update | Kind::Delete if analyst.writes_within => Kind::Other,
        kind => kind,
    };
    Footprint {
        kind,
        uses: analyst.uses,
        mentions: analyst.mentions,
        plain: false,
        filtered: analyst.filtered,
        limit: None,
        fallible: analyst.computes,
        volatile: analyst.volatile,
        rows: Vec::new(),
    }
}
