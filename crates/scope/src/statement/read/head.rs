//! What the first words of a statement decide, before anything is parsed.

use super::parsed::parsed;
use super::roles::{altered, created};
use crate::statement::Command;
use crate::statement::analyst::Step;
use crate::statement::collect::fold;
use crate::statement::split::head;
use sqlparser::ast::Ident;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

/// What the first words decide, before anything is parsed.
pub(super) fn by_head(tokens: Vec<TokenWithSpan>) -> Step<Command> {
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
        ["ALTER", "USER", "MAPPING", ..] => Err("it opens a way to another server".to_owned()),
        ["ALTER", "ROLE" | "USER" | "GROUP", ..] => Ok(altered(&tokens)),
        ["REVOKE", ..] => Ok(Command::Withholds),
        ["LOCK", ..] => Ok(lock(&tokens)),
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
    "GRANT",
    "COMMENT",
    "SECURITY",
    "REASSIGN",
];

/// What gives tables and columns other names is not among these: a name of the map would mean another.
const QUIET_ALTERS: &[&str] = &[
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
        (Some(&"ROLE" | &"USER" | &"GROUP"), _) => Ok(created(&tokens)),
        (
            Some(
                &"INDEX" | &"SEQUENCE" | &"SCHEMA" | &"TYPE" | &"DOMAIN" | &"COLLATION" | &"STATISTICS"
                | &"POLICY",
            ),
            _,
        ) => Ok(Command::Quiet),
        _ => Err("it defines something that may run anything".to_owned()),
    }
}

/// `LOCK [TABLE] names [IN mode MODE]`: the strongest mode, which is meant where none is named, keeps readers out.
fn lock(tokens: &[TokenWithSpan]) -> Command {
    let mode = after(tokens, "IN").unwrap_or_default();
    let says = |word: &str| mode.iter().any(|t| is_word(&t.token, word));
    match says("MODE") && !(says("ACCESS") && says("EXCLUSIVE")) {
        true => Command::Quiet,
        false => Command::Withholds,
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
        span: Span::empty(),
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
