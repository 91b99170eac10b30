//! Statements and what is understood of them, in one line each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod hostile;
mod reads;
mod writes;

use super::{Act, Columns, Command, Footprint, Mention, Use, Value, Values, read};

/// The commands of a text in one line each, short enough to stand beside it.
///
/// `r:t[columns]{column=values}` is a table that is read, `i:` `u:` `d:` `m:` one that is inserted into,
/// updated, deleted from, merged into; columns in a condition only stand behind `?`; `#` marks a plain
/// `SELECT`, `~` a table of which each result row need not hold a row.
fn shown(text: &str) -> String {
    read(text).iter().map(command).collect::<Vec<_>>().join(" ; ")
}

fn command(command: &Command) -> String {
    match command {
        Command::Quiet => "quiet".into(),
        Command::Gives { role } => format!("gives {}", role.as_deref().unwrap_or("its own role")),
        Command::Withholds => "withholds".into(),
        Command::Opaque(_) => "opaque".into(),
        Command::Rows(footprint) => rows(footprint),
        Command::Declare { footprint } => format!("declare {}", rows(footprint)),
        Command::Fetch { cursor, at_most } => format!(
            "fetch {cursor} {}",
            at_most.map_or("all".into(), |n| n.to_string())
        ),
        Command::Prepare(within) => format!("prepare {}", self::command(within)),
        Command::Execute { name, arguments } => {
            let arguments: Vec<_> = arguments.iter().map(|a| a.as_deref().unwrap_or("?")).collect();
            format!("execute {name}({})", arguments.join(","))
        }
    }
}

fn rows(footprint: &Footprint) -> String {
    let uses: Vec<_> = (0..footprint.uses.len()).map(|at| used(at, footprint)).collect();
    let limit = footprint
        .limit
        .as_ref()
        .map_or(String::new(), |v| format!(" limit {}", value(v)));
    format!(
        "{}{}{limit}",
        uses.join(" "),
        if footprint.plain { " #" } else { "" }
    )
}

fn used(at: usize, footprint: &Footprint) -> String {
    let used = &footprint.uses[at];
    let mut out = String::new();
    if let Some(write) = &used.write {
        let act = match write.act {
            Act::Insert => "i",
            Act::Update => "u",
            Act::Destroy => "d",
            Act::Merge => "m",
        };
        let columns = match &write.columns {
            Columns::All => "*".to_owned(),
            Columns::Named(names) => names.iter().cloned().collect::<Vec<_>>().join(","),
        };
        let rows = write.rows.map_or(String::new(), |n| format!("x{n}"));
        out.push_str(&format!("{act}:{}[{columns}]{rows}", name(used)));
    }
    if used.reads {
        let separator = if out.is_empty() { "" } else { "+" };
        out.push_str(&format!(
            "{separator}r:{}[{}]",
            name(used),
            columns(at, &footprint.mentions)
        ));
        if footprint.plain && !used.required {
            out.push('~');
        }
    }
    if !used.bound.is_empty() {
        let bound: Vec<_> = used
            .bound
            .iter()
            .map(|(column, v)| format!("{column}={}", values(v)))
            .collect();
        out.push_str(&format!("{{{}}}", bound.join(" ")));
    }
    out
}

fn name(used: &Use) -> String {
    used.name
        .schema
        .iter()
        .chain([&used.name.table])
        .cloned()
        .collect::<Vec<_>>()
        .join(".")
}

fn columns(at: usize, mentions: &[Mention]) -> String {
    let of = |condition: bool| {
        let mut names: Vec<&str> = mentions
            .iter()
            .filter(|m| m.uses.contains(&at) && m.condition == condition && !m.alias)
            .map(|m| m.column.as_deref().unwrap_or("*"))
            .collect();
        names.sort_unstable();
        names.dedup();
        names.join(",")
    };
    let (shown, condition) = (of(false), of(true));
    if condition.is_empty() {
        shown
    } else {
        format!("{shown}?{condition}")
    }
}

fn values(values: &Values) -> String {
    values.iter().map(value).collect::<Vec<_>>().join("|")
}

fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Parameter(n) => format!("${n}"),
        Value::Elements(n) => format!("any${n}"),
    }
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| shown(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  expected {expected}\n  but got  {}", shown(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
