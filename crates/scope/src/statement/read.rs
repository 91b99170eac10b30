//! From text to commands.

use super::analyst::{Analyst, Step, limit, table_name};
use super::collect::{fold, parts};
use super::facts;
use super::rows::RowQuery;
use super::split::{clause, head, is_deep, split};
use super::{Act, Columns, Command, Footprint, Kind, Use, Value, Write};
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CopySource, CopyTarget, Expr, Ident, ObjectName, ObjectType, Query,
    SetExpr, Statement,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use std::collections::{BTreeMap, BTreeSet};

/// The parser's own limit of recursion, above the nesting that is let through.
const RECURSION: usize = 60;
/// Room for the deepest tree within the limits, in an unoptimized build too.
const STACK: usize = 64 << 20;

/// The commands of a text, in order; a text that cannot be read is one opaque command.
pub(crate) fn read(text: &str) -> Vec<Command> {
    match split(text) {
        Ok(statements) => statements.into_iter().map(command).collect(),
        Err(why) => vec![Command::Opaque(why)],
    }
}

fn command(tokens: Vec<TokenWithSpan>) -> Command {
    let read = if is_deep(&tokens) {
        apart(tokens)
    } else {
        by_head(tokens)
    };
    read.unwrap_or_else(Command::Opaque)
}

/// Reads on a thread with a stack of its own: parsing and walking recurse as deep as the tree is.
fn apart(tokens: Vec<TokenWithSpan>) -> Step<Command> {
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || by_head(tokens));
    let nothing = || Err("there is no room to read it".to_owned());
    thread.map_or_else(
        |_| nothing(),
        |thread| thread.join().unwrap_or_else(|_| nothing()),
    )
}

/// What the first words decide, before anything is parsed.
fn by_head(tokens: Vec<TokenWithSpan>) -> Step<Command> {
    let words = head(&tokens);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["PREPARE", "TRANSACTION", ..] => Ok(Command::Quiet),
        ["PREPARE", ..] => prepare(tokens),
        ["DECLARE", ..] => declare(tokens),
        ["FETCH", ..] => fetch(&tokens),
        ["TABLE", ..] => {
            // The short form of `SELECT * FROM`.
            let long = [
                Token::make_keyword("SELECT"),
                Token::Mul,
                Token::make_keyword("FROM"),
            ];
            parsed(
                long.into_iter()
                    .map(TokenWithSpan::wrap)
                    .chain(tokens.into_iter().skip(1))
                    .collect(),
            )
        }
        ["CREATE", rest @ ..] => create(rest, tokens),
        ["ALTER", "TABLE", ..] => parsed(tokens),
        ["ALTER", what, ..] if QUIET_ALTERS.contains(what) => Ok(Command::Quiet),
        ["ALTER" | "DO" | "CALL" | "LOAD" | "REFRESH" | "IMPORT", ..] => {
            Err("it may run anything".to_owned())
        }
        [first, ..] if QUIET.contains(first) => Ok(Command::Quiet),
        _ => parsed(tokens),
    }
}

/// Statements that touch no rows, whatever follows.
const QUIET: &[&str] = &[
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "SAVEPOINT",
    "RELEASE",
    "SET",
    "SHOW",
    "RESET",
    "DISCARD",
    "DEALLOCATE",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "CLOSE",
    "MOVE",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "ANALYSE",
    "REINDEX",
    "CLUSTER",
    "LOCK",
    "GRANT",
    "REVOKE",
    "COMMENT",
    "SECURITY",
    "REASSIGN",
];

/// What gives tables and columns other names is not among these: a name of the map would mean another.
const QUIET_ALTERS: &[&str] = &[
    "ROLE",
    "USER",
    "GROUP",
    "INDEX",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
    "DEFAULT",
    "COLLATION",
    "STATISTICS",
    "POLICY",
];

fn create(words: &[&str], tokens: Vec<TokenWithSpan>) -> Step<Command> {
    const MODIFIERS: &[&str] = &[
        "OR",
        "REPLACE",
        "TEMP",
        "TEMPORARY",
        "UNLOGGED",
        "UNIQUE",
        "GLOBAL",
        "LOCAL",
        "RECURSIVE",
    ];
    let mut what = words.iter().skip_while(|w| MODIFIERS.contains(w));
    match (what.next(), what.next()) {
        (Some(&"TABLE" | &"MATERIALIZED" | &"VIEW"), _) => parsed(tokens),
        (Some(&"USER"), Some(&"MAPPING")) => Err("it opens a way to another server".to_owned()),
        (
            Some(
                &"INDEX" | &"SEQUENCE" | &"SCHEMA" | &"ROLE" | &"USER" | &"GROUP" | &"TYPE" | &"DOMAIN"
                | &"COLLATION" | &"STATISTICS" | &"POLICY",
            ),
            _,
        ) => Ok(Command::Quiet),
        _ => Err("it defines something that may run anything".to_owned()),
    }
}

/// `PREPARE name (types) AS statement`: touches nothing until it is executed.
fn prepare(tokens: Vec<TokenWithSpan>) -> Step<Command> {
    let within = after(&tokens, "AS").ok_or("it prepares in a way that is not understood")?;
    Ok(Command::Prepare(Box::new(
        parsed(within).unwrap_or_else(Command::Opaque),
    )))
}

/// `DECLARE name options CURSOR options FOR query`.
fn declare(tokens: Vec<TokenWithSpan>) -> Step<Command> {
    let unclear = "it declares in a way that is not understood";
    let options = after(&tokens, "CURSOR").ok_or(unclear)?;
    let query = after(&options, "FOR").ok_or(unclear)?;
    match parsed(query)? {
        Command::Rows(footprint) => Ok(Command::Declare { footprint }),
        Command::Quiet => Ok(Command::Quiet),
        _ => Err(unclear.to_owned()),
    }
}

/// The tokens after the first unquoted word of that name.
fn after(tokens: &[TokenWithSpan], word: &str) -> Option<Vec<TokenWithSpan>> {
    let at = tokens.iter().position(|t| is_word(&t.token, word))?;
    Some(tokens[at + 1..].to_vec())
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// `FETCH [direction] [FROM | IN] cursor`.
fn fetch(tokens: &[TokenWithSpan]) -> Step<Command> {
    let unclear = "it fetches in a way that is not understood";
    let Some(Token::Word(cursor)) = tokens.last().map(|t| &t.token) else {
        return Err(unclear.to_owned());
    };
    let name = Ident {
        value: cursor.value.clone(),
        quote_style: cursor.quote_style,
        span: sqlparser::tokenizer::Span::empty(),
    };
    let Some(direction) = tokens.get(1..tokens.len() - 1) else {
        return Err(unclear.to_owned());
    };
    let says = |word: &str| direction.iter().any(|t| is_word(&t.token, word));
    let number = direction.iter().find_map(|t| match &t.token {
        Token::Number(digits, _) => Some(digits.parse().unwrap_or(u64::MAX)),
        _ => None,
    });
    let at_most = match number {
        _ if says("ALL") => None,
        Some(_) if says("ABSOLUTE") || says("RELATIVE") => Some(1),
        // `FETCH 0` reads the row at which the cursor stands once more.
        Some(n) => Some(n.max(1)),
        None => Some(1),
    };
    Ok(Command::Fetch {
        cursor: fold(&name),
        at_most,
    })
}

fn parsed(mut tokens: Vec<TokenWithSpan>) -> Step<Command> {
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

fn select(query: &Query) -> Step<Command> {
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

fn write(statement: &Statement, kind: Kind) -> Step<Command> {
    let mut analyst = Analyst::default();
    analyst.write(statement)?;
    Ok(rows(footprint(analyst, kind)))
}

fn copy(source: CopySource, to: bool, target: &CopyTarget) -> Step<Command> {
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
        let named = |column: Option<String>| super::Mention {
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

fn destroyed<'n>(names: impl Iterator<Item = &'n ObjectName>, columns: &Columns) -> Step<Command> {
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
fn made(query: Option<&Query>) -> Step<Command> {
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
fn altered(alter: &AlterTable) -> Step<Command> {
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
