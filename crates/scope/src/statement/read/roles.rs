//! Statements about roles: whoever makes one, or sets its password or its name, can log in as it.

use crate::statement::Command;
use crate::statement::collect::fold;
use sqlparser::ast::Ident;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

/// `CREATE ROLE name ...`
pub(super) fn created(tokens: &[TokenWithSpan]) -> Command {
    names(tokens)
        .next()
        .map_or(Command::Quiet, |name| Command::Gives { role: role(name) })
}

/// `ALTER ROLE name [WITH] ... PASSWORD 'x'`, `... LOGIN`, `... RENAME TO name`; other changes open nothing.
pub(super) fn altered(tokens: &[TokenWithSpan]) -> Command {
    let mut names = names(tokens);
    let Some(name) = names.next() else {
        return Command::Quiet;
    };
    let words: Vec<Ident> = names.collect();
    let says = |word: &str| {
        words
            .iter()
            .any(|w| w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    };
    let given = match (says("RENAME"), says("PASSWORD") || says("LOGIN")) {
        (true, _) => words.last().cloned(),
        (_, true) => Some(name),
        _ => None,
    };
    given.map_or(Command::Quiet, |name| Command::Gives { role: role(name) })
}

/// The words behind `CREATE ROLE`, `ALTER USER`.
fn names(tokens: &[TokenWithSpan]) -> impl Iterator<Item = Ident> {
    let words = tokens.iter().skip(2).filter_map(|t| match &t.token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    words.map(|word| Ident {
        value: word.value.clone(),
        quote_style: word.quote_style,
        span: Span::empty(),
    })
}

/// `None` for the role that runs the statement.
fn role(name: Ident) -> Option<String> {
    const ONESELF: [&str; 4] = ["current_user", "session_user", "current_role", "user"];
    let is_oneself = name.quote_style.is_none() && ONESELF.contains(&fold(&name).as_str());
    (!is_oneself).then(|| fold(&name))
}
