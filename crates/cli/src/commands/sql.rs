//! `ambit sql`: any read-only question to the tables of the lake.

use crate::exit::Exit;
use crate::paint::columns;
use crate::setting::{CaseArgs, Setting};
use crate::words;
use ambit_event::printable;
use ambit_lake::Table;
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeSet;

/// Ask the lake's tables in SQL, reading only: events, rejects, losses, attestations, evidence
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SqlArgs {
    /// One statement that reads
    #[arg(value_name = "STATEMENT")]
    statement: String,
    #[command(flatten)]
    case: CaseArgs,
}

const EXAMPLES: &str = "Examples:
  ambit sql 'select source, count(*) from events group by source'
  ambit sql \"select src_endpoint_ip, count(*) n from events where outcome = 'denied' group by 1 order by n desc limit 10\"
  ambit sql 'describe events'
  ambit sql 'select path, evidence from evidence' --json

What is made from columns that can name persons is masked for people, whatever it is called;
--reveal REASON shows it and is journaled.";

/// Columns whose values may name a person or quote a record.
const PERSONAL: &[&str] = &[
    "actor_user_uid",
    "api_operation",
    "http_request_user_agent",
    "resource_name",
    "query_info_query_string",
    "query_info_parameters",
    "subject_refs",
    "message",
    "fields",
];

#[derive(Serialize)]
struct Answer<'a> {
    lake_version: u64,
    columns: &'a [String],
    rows: &'a [Vec<Option<String>>],
}

pub async fn run(setting: &Setting, args: &SqlArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let table = lake.sql(&args.statement).await?;
    if setting.is_json {
        setting.json(&Answer {
            lake_version: lake.version().0,
            columns: &table.columns,
            rows: &table.rows,
        })?;
        return Ok(Exit::Complete);
    }
    let is_revealed = setting.reveal(&args.case, &format!("sql: {}", args.statement))?;
    setting.say_all(columns(&shown(&table, is_revealed)))?;
    setting.say(&words::counted(table.rows.len() as u64, "row", "rows"))?;
    Ok(Exit::Complete)
}

fn shown(table: &Table, is_revealed: bool) -> Vec<Vec<String>> {
    let may_name = |origins: &Option<BTreeSet<String>>| match origins {
        Some(origins) => PERSONAL.iter().any(|column| origins.contains(*column)),
        None => true,
    };
    let is_masked: Vec<bool> = table
        .origins
        .iter()
        .map(|origins| !is_revealed && may_name(origins))
        .collect();
    let row = |row: &Vec<Option<String>>| {
        row.iter()
            .zip(&is_masked)
            .map(|(value, is_masked)| match value {
                None => "-".to_owned(),
                Some(value) if *is_masked => ambit_event::mask(value),
                Some(value) => printable(value, 200),
            })
            .collect()
    };
    let mut rows = vec![table.columns.iter().map(|name| printable(name, 60)).collect()];
    rows.extend(table.rows.iter().map(row));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_name_persons_are_masked_unless_somebody_says_why() {
        let table = Table {
            columns: ["source", "x", "n", "y"].map(str::to_owned).to_vec(),
            origins: vec![
                Some(BTreeSet::from(["source".to_owned()])),
                Some(BTreeSet::from(["actor_user_uid".to_owned(), "source".to_owned()])),
                Some(BTreeSet::new()),
                None,
            ],
            rows: vec![
                ["nginx", "alice", "3", "bob"]
                    .map(|text| Some(text.to_owned()))
                    .to_vec(),
                vec![None; 4],
            ],
        };
        assert_eq!(shown(&table, false)[1], ["nginx", "a•••", "3", "b•••"]);
        assert_eq!(shown(&table, true)[1], ["nginx", "alice", "3", "bob"]);
        assert_eq!(shown(&table, true)[2], ["-", "-", "-", "-"]);
    }
}
