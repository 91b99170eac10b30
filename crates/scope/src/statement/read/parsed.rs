//! One statement by the parser.

use super::footprint::{altered, copy, destroyed, made, select, write};
use crate::statement::analyst::Step;
use crate::statement::collect::parts;
use crate::statement::split::{clause, head};
use crate::statement::{Columns, Command, Kind, Value, facts};
use sqlparser::ast::{Expr, ObjectName, ObjectType, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The parser's own limit of recursion, above the nesting that is let through.
const RECURSION: usize = 60;

pub(super) fn parsed(mut tokens: Vec<TokenWithSpan>) -> Step<Command> {
    if head(&tokens).first().is_some_and(|w| w == "COPY") {
        // The parser expects the rows of a `COPY FROM STDIN` behind a semicolon.
        tokens.push(TokenWithSpan::wrap(Token::SemiColon));
    }
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(RECURSION)
        .with_tokens_with_locations(tokens);
    let statement = parser
        .parse_statement()
        .map_err(|error| format!("it cannot be read: {}", clause(&error.to_string())))?;
    match parser.next_token().token {
        Token::EOF => of(statement),
        Token::SemiColon if parser.peek_token_ref().token == Token::EOF => of(statement),
        other => Err(format!(
            "it cannot be read from `{}` on",
            clause(&other.to_string())
        )),
    }
}

fn of(statement: Statement) -> Step<Command> {
    match statement {
        Statement::Query(query) => select(&query),
        Statement::Insert(_) => write(&statement, Kind::Insert),
        Statement::Update(_) => write(&statement, Kind::Update),
        Statement::Delete(_) => write(&statement, Kind::Delete),
        Statement::Merge(_) => write(&statement, Kind::Other),
        Statement::Copy {
            source, to, target, ..
        } => copy(source, to, &target),
        Statement::Truncate(truncate) => {
            destroyed(truncate.table_names.iter().map(|t| &t.name), &Columns::All)
        }
        Statement::Drop {
            object_type: ObjectType::Table,
            names,
            ..
        } => destroyed(names.iter(), &Columns::All),
        Statement::Drop { object_type, .. } if harmless_drop(&object_type) => Ok(Command::Quiet),
        Statement::DropFunction(_) | Statement::DropTrigger(_) | Statement::DropProcedure { .. } => {
            Ok(Command::Quiet)
        }
        Statement::AlterTable(alter) => altered(&alter),
        Statement::CreateTable(table) => made(table.query.as_deref()),
        Statement::CreateView(view) if view.materialized => made(Some(&view.query)),
        // Who reads it later may read it by the name of a table that the map knows.
        Statement::CreateView(view) => Ok(match made(Some(&view.query))? {
            Command::Rows(footprint) => Command::Declare { footprint },
            other => other,
        }),
        Statement::Explain {
            analyze,
            statement,
            options,
            ..
        } => {
            let runs = analyze
                || options
                    .iter()
                    .flatten()
                    .any(|o| o.name.value.eq_ignore_ascii_case("analyze"));
            explained(of(*statement)?, runs)
        }
        Statement::Execute {
            name: Some(name),
            parameters,
            immediate: false,
            ..
        } => execute(&name, &parameters),
        _ => Err("it is of a kind that is not understood".to_owned()),
    }
}

const fn harmless_drop(object: &ObjectType) -> bool {
    matches!(
        object,
        ObjectType::View
            | ObjectType::MaterializedView
            | ObjectType::Index
            | ObjectType::Role
            | ObjectType::User
            | ObjectType::Sequence
            | ObjectType::Type
            | ObjectType::Collation
    )
}

fn execute(name: &ObjectName, parameters: &[Expr]) -> Step<Command> {
    let [name] = parts(name)
        .ok_or("it executes something that is not understood")?
        .try_into()
        .map_err(|_| "it executes something that is not understood")?;
    let arguments = parameters
        .iter()
        .map(|p| match facts::value(p) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
        .collect();
    Ok(Command::Execute { name, arguments })
}

/// `EXPLAIN` plans only; with `ANALYZE` it runs the statement and throws the rows away.
fn explained(within: Command, runs: bool) -> Step<Command> {
    match within {
        Command::Rows(mut footprint) if runs => {
            footprint.kind = Kind::Other;
            footprint.plain = false;
            footprint.rows = Vec::new();
            Ok(Command::Rows(footprint))
        }
        Command::Opaque(why) => Err(why),
        _ => Ok(Command::Quiet),
    }
}
