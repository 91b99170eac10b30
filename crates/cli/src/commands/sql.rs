//! `ambit sql`: any read-only question to the tables of the lake.

use crate::detection;
use crate::exit::Exit;
use crate::paint::columns;
use crate::setting::{CaseArgs, Setting};
use crate::words;
use ambit_event::{ObservableKind, printable};
use ambit_lake::{Origin, Table};
use anyhow::Result;
use clap::Args;
use serde::Serialize;

/// Ask the lake's tables in SQL, reading only: events, rejects, losses, attestations, evidence, findings
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

Columns that can name persons are masked for people, whatever they are called, and what functions
make of them is hidden; --reveal REASON shows both and is journaled. Conditions see whole values.";

/// Columns whose values may name a person or quote a record.
const PERSONAL: &[&str] = &[
    "actor_user_uid",
    "actor_invoked_by_uid",
    "api_operation",
    "http_request_user_agent",
    "resource_name",
    "query_info_query_string",
    "query_info_parameters",
    "subject_refs",
    "message",
    "fields",
    "actor",
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

/// What people see of a column.
#[derive(Clone, Copy)]
enum Shown {
    Whole,
    /// Observables, of which accounts are masked, as in every list of findings.
    Actors,
    /// The first character, by which whoever knows the persons tells two apart.
    Masked,
    /// Nothing: what a function makes of a value would show it piece by piece.
    Hidden,
}

impl Shown {
    fn of(origin: &Origin) -> Self {
        match &origin.columns {
            Some(columns) if !PERSONAL.iter().any(|column| columns.contains(*column)) => Self::Whole,
            Some(columns) if origin.is_verbatim && columns.contains("actor") => Self::Actors,
            Some(_) if origin.is_verbatim => Self::Masked,
            _ => Self::Hidden,
        }
    }

    fn cell(self, value: &str) -> String {
        match self {
            Self::Whole => printable(value, 200),
            Self::Actors => {
                let actors: Vec<String> = value.split(", ").map(actor).collect();
                actors.join(", ")
            }
            Self::Masked => ambit_event::mask(value),
            Self::Hidden => ambit_event::mask(""),
        }
    }
}

/// An actor; what is none, such as the rest of a name with a comma, is masked.
fn actor(text: &str) -> String {
    let is_one = |kind: &ObservableKind| {
        let rest = text.strip_prefix(kind.name());
        rest.is_some_and(|rest| rest.starts_with('='))
    };
    match ObservableKind::ALL.iter().any(is_one) {
        true => detection::shown(text),
        false => ambit_event::mask(text),
    }
}

fn shown(table: &Table, is_revealed: bool) -> Vec<Vec<String>> {
    let of = |origin| match is_revealed {
        true => Shown::Whole,
        false => Shown::of(origin),
    };
    let all: Vec<Shown> = table.origins.iter().map(of).collect();
    let row = |row: &Vec<Option<String>>| {
        let cells = row.iter().zip(&all);
        let cells = cells.map(|(value, shown)| match value {
            None => "-".to_owned(),
            Some(value) => shown.cell(value),
        });
        cells.collect()
    };
    let mut rows = vec![table.columns.iter().map(|name| printable(name, 60)).collect()];
    rows.extend(table.rows.iter().map(row));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Column;
    use std::collections::BTreeSet;

    #[test]
    fn columns_that_name_persons_are_masked_unless_somebody_says_why() {
        let made = |columns: &[&str]| Origin {
            columns: Some(
                columns
                    .iter()
                    .map(|column| (*column).to_owned())
                    .collect::<BTreeSet<_>>(),
            ),
            is_verbatim: false,
        };
        let columns = ["source", "x", "n", "y", "z", "actor", "of actor"];
        let table = Table {
            columns: columns.map(str::to_owned).to_vec(),
            origins: vec![
                Origin::of("source"),
                Origin::of("actor_user_uid"),
                Origin::nothing(),
                Origin::unknown(),
                made(&["actor_user_uid", "source"]),
                Origin::of("actor"),
                made(&["actor"]),
            ],
            rows: vec![
                [
                    "nginx",
                    "alice",
                    "3",
                    "bob",
                    "l",
                    "ip=::1, account=host/al, ice",
                    "e",
                ]
                .map(|text| Some(text.to_owned()))
                .to_vec(),
                vec![None; 7],
            ],
        };
        let masked = [
            "nginx",
            "a•••",
            "3",
            "•••",
            "•••",
            "ip=::1, account=host/a•••, i•••",
            "•••",
        ];
        assert_eq!(shown(&table, false)[1], masked);
        let whole = [
            "nginx",
            "alice",
            "3",
            "bob",
            "l",
            "ip=::1, account=host/al, ice",
            "e",
        ];
        assert_eq!(shown(&table, true)[1], whole);
        assert_eq!(shown(&table, true)[2], ["-"; 7]);
    }
    #[test]
    fn who_acts_through_an_account_is_masked_as_its_owner_is() {
        let columns = [Column::ActorUser, Column::ActorInvoker].map(Column::name);
        let table = Table {
            columns: columns.map(str::to_owned).to_vec(),
            origins: columns.map(Origin::of).to_vec(),
            rows: vec![vec![Some("robot".to_owned()), Some("alice".to_owned())]],
        };
        assert_eq!(shown(&table, false)[1], ["r•••", "a•••"]);
    }
}
