//! As much of SQL as a log needs: which command, which secrets, which trace id stands in a comment.
//! One lexer feeds all three, so that nothing inside a string literal is taken for a comment.

use ambit_event::Keys;
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// A quoted literal of any form, quotes included.
    Literal,
    /// `$1`
    Parameter,
    Comment,
    Symbol,
}

#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
    start: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind != Kind::Comment && self.text.eq_ignore_ascii_case(word)
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Lexer<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        let start = self.at;
        let (kind, end) = lex(bytes, start)?;
        self.at = end;
        Some(Token {
            kind,
            text: &self.text[start..end],
            start,
        })
    }
}

/// The token that begins at `start` and its end. Tokens begin and end at ASCII bytes or span whole runs
/// of others, so both ends are character boundaries.
fn lex(bytes: &[u8], start: usize) -> Option<(Kind, usize)> {
    let next = bytes.get(start + 1).copied().unwrap_or(0);
    Some(match *bytes.get(start)? {
        b'\'' => (Kind::Literal, quoted(bytes, start, b'\'', false)),
        b'"' => (Kind::Word, quoted(bytes, start, b'"', false)),
        b'e' | b'E' if next == b'\'' => (Kind::Literal, quoted(bytes, start + 1, b'\'', true)),
        b'-' if next == b'-' => (Kind::Comment, line_end(bytes, start)),
        b'/' if next == b'*' => (Kind::Comment, comment_end(bytes, start)),
        b'$' if next.is_ascii_digit() => (Kind::Parameter, run(bytes, start + 1, |b| b.is_ascii_digit())),
        b'$' => match dollar_end(bytes, start) {
            Some(end) => (Kind::Literal, end),
            None => (Kind::Symbol, start + 1),
        },
        b if is_word(b) => (Kind::Word, run(bytes, start, |b| is_word(b) || b == b'$')),
        _ => (Kind::Symbol, start + 1),
    })
}

const fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

fn run(bytes: &[u8], start: usize, fits: impl Fn(u8) -> bool) -> usize {
    bytes[start..]
        .iter()
        .position(|&b| !fits(b))
        .map_or(bytes.len(), |n| start + n)
}

fn line_end(bytes: &[u8], start: usize) -> usize {
    run(bytes, start, |b| b != b'\n')
}

/// The end of a quoted text whose opening quote stands at `start`; a doubled quote stays inside.
fn quoted(bytes: &[u8], start: usize, quote: u8, backslash: bool) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash => at += 2,
            b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Block comments nest.
fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// `$tag$ … $tag$`
fn dollar_end(bytes: &[u8], start: usize) -> Option<usize> {
    let open = run(bytes, start + 1, is_word);
    if bytes.get(open) != Some(&b'$') {
        return None;
    }
    let tag = &bytes[start..=open];
    let found = memchr::memmem::find(&bytes[open + 1..], tag);
    Some(found.map_or(bytes.len(), |n| open + 1 + n + tag.len()))
}

const fn lexer(text: &str) -> Lexer<'_> {
    Lexer { text, at: 0 }
}

/// The command as PostgreSQL tags it: `SELECT`, `COPY`, `CREATE TABLE`, `DECLARE CURSOR`.
pub fn command(text: &str) -> Option<String> {
    let mut words = lexer(text)
        .filter(|t| t.kind != Kind::Comment)
        .skip_while(|t| t.text == "(");
    let first = words
        .next()
        .filter(|t| t.kind == Kind::Word)?
        .text
        .to_ascii_uppercase();
    let tag = match first.as_str() {
        "TABLE" | "VALUES" => "SELECT",
        "END" => "COMMIT",
        "ABORT" => "ROLLBACK",
        "DECLARE" => "DECLARE CURSOR",
        "CLOSE" => "CLOSE CURSOR",
        "START" => "START TRANSACTION",
        "TRUNCATE" => "TRUNCATE TABLE",
        "LOCK" => "LOCK TABLE",
        "WITH" => return Some(after_with(words)),
        "CREATE" | "ALTER" | "DROP" => return Some(definition(&first, words)),
        known if known.len() <= 24 && known.bytes().all(|b| b.is_ascii_alphabetic()) => known,
        _ => return None,
    };
    Some(tag.to_owned())
}

/// The main command behind `WITH …`: the first one outside of parentheses.
fn after_with<'t>(tokens: impl Iterator<Item = Token<'t>>) -> String {
    let mut depth = 0_i64;
    for token in tokens {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            word if depth == 0 => {
                let main = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"];
                if let Some(found) = main.iter().find(|m| word.eq_ignore_ascii_case(m)) {
                    return (*found).to_owned();
                }
            }
            _ => {}
        }
    }
    "SELECT".to_owned()
}

/// Words between the verb and the kind of object that a tag leaves out.
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
    "CONSTRAINT",
    "TRUSTED",
    "PROCEDURAL",
];

/// Kinds of object that take two words.
const PAIRS: &[(&str, &str)] = &[
    ("MATERIALIZED", "VIEW"),
    ("FOREIGN", "TABLE"),
    ("FOREIGN", "DATA"),
    ("EVENT", "TRIGGER"),
    ("ACCESS", "METHOD"),
    ("USER", "MAPPING"),
    ("DEFAULT", "PRIVILEGES"),
    ("OPERATOR", "CLASS"),
    ("OPERATOR", "FAMILY"),
    ("LARGE", "OBJECT"),
    ("PROPERTY", "GRAPH"),
    ("TEXT", "SEARCH"),
];

fn definition<'t>(verb: &str, tokens: impl Iterator<Item = Token<'t>>) -> String {
    let mut words = tokens
        .take_while(|t| t.kind == Kind::Word)
        .map(|t| t.text.to_ascii_uppercase())
        .filter(|w| !MODIFIERS.contains(&w.as_str()));
    let Some(object) = words.next() else {
        return verb.to_owned();
    };
    let second = words.next().unwrap_or_default();
    if PAIRS.contains(&(object.as_str(), second.as_str())) {
        return format!("{verb} {object} {second}");
    }
    let object = if matches!(object.as_str(), "USER" | "GROUP") {
        "ROLE"
    } else {
        object.as_str()
    };
    format!("{verb} {object}")
}

/// The id that joins the statement to the request that caused it: the trace id of a W3C `traceparent`, else
/// `trace_id`, else `request_id`, in the form that sqlcommenter and its relatives append. Where several
/// comments have one, the last: libraries append, and what stands before can come from elsewhere.
pub fn trace(text: &str) -> Option<String> {
    memchr::memmem::find(text.as_bytes(), b"/*")?;
    lexer(text)
        .filter(|t| t.kind == Kind::Comment && t.text.starts_with("/*"))
        .filter_map(|t| trace_of(t.text.trim_start_matches("/*").trim_end_matches("*/")))
        .last()
}

fn trace_of(comment: &str) -> Option<String> {
    let tags: Vec<(String, String)> = comment.split(',').filter_map(tag).collect();
    let find = |names: &[&str]| {
        tags.iter()
            .find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty())
            .map(|(_, v)| v)
    };
    if let Some(parent) = find(&["traceparent"])
        && let Some(id) = trace_id(parent)
    {
        return Some(id);
    }
    find(&["trace_id", "traceid"])
        .or_else(|| find(&["request_id", "requestid", "x_request_id"]))
        .cloned()
}

/// `key='value'` (sqlcommenter, percent-encoded) or `key:value` (marginalia).
fn tag(text: &str) -> Option<(String, String)> {
    let at = text.find(['=', ':'])?;
    let name = percent_decode(text[..at].trim())
        .to_ascii_lowercase()
        .replace('-', "_");
    let value = text[at + 1..].trim();
    let value = value
        .strip_prefix('\'')
        .and_then(|v| v.strip_suffix('\''))
        .unwrap_or(value);
    let value = match value.contains('\\') {
        true => Cow::Owned(value.replace("\\'", "'")),
        false => Cow::Borrowed(value),
    };
    Some((name, percent_decode(&value)))
}

fn trace_id(parent: &str) -> Option<String> {
    let id = parent.split('-').nth(1)?;
    let fits = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0');
    fits.then(|| id.to_ascii_lowercase())
}

fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = (bytes[at] == b'%')
            .then(|| {
                text.get(at + 1..at + 3)
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            })
            .flatten();
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Stems of the names that [`Keys::is_secret_name`] knows: texts without any are not searched further.
static STEM: LazyLock<Regex> = LazyLock::new(|| {
    match Regex::new(
        "(?i)pass|pwd|secret|token|jwt|key|auth|sess|sid|cookie|signature|bearer|basic|otp|pin|cvv|cvc|eyJ",
    ) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
});

/// A statement with its secrets as fingerprints, and which of its parameters (from 1) are secrets.
pub struct Redacted<'t> {
    pub text: Cow<'t, str>,
    pub secret_parameters: Vec<usize>,
}

/// Replaces the literals that are compared with, assigned to or inserted into a column with a secret's name,
/// the literal after `PASSWORD`, and whatever else looks like a secret.
pub fn redact<'t>(text: &'t str, keys: &Keys) -> Redacted<'t> {
    let mut redacted = Redacted {
        text: Cow::Borrowed(text),
        secret_parameters: Vec::new(),
    };
    if !STEM.is_match(text) {
        return redacted;
    }
    let all: Vec<Token<'_>> = lexer(text).collect();
    let tokens: Vec<Token<'_>> = all.iter().copied().filter(|t| t.kind != Kind::Comment).collect();
    let mut secrets: Vec<usize> = assigned(&tokens)
        .iter()
        .chain(&inserted(&tokens))
        .map(|t| t.start)
        .collect();
    secrets.sort_unstable();
    let (mut out, mut done) = (String::new(), 0);
    for token in &all {
        let is_secret = secrets.binary_search(&token.start).is_ok();
        let hidden = match token.kind {
            Kind::Parameter if is_secret => {
                redacted
                    .secret_parameters
                    .extend(token.text[1..].parse::<usize>());
                continue;
            }
            Kind::Literal if is_secret => masked(token.text, keys),
            // Outside of literals `token = $1` compares a column: there only names stand, no secrets.
            Kind::Literal | Kind::Comment => match crate::redact::text(keys, token.text) {
                Cow::Owned(hidden) => hidden,
                Cow::Borrowed(_) => continue,
            },
            _ => continue,
        };
        out.push_str(&text[done..token.start]);
        out.push_str(&hidden);
        done = token.start + token.text.len();
    }
    if done > 0 {
        out.push_str(&text[done..]);
        redacted.text = Cow::Owned(out);
    }
    redacted
}

/// Prose of the server that may quote a statement, with its secrets as fingerprints.
pub fn redact_prose(text: &str, keys: &Keys) -> String {
    let redacted = redact(text, keys).text;
    crate::redact::text(keys, &redacted).into_owned()
}

/// A literal with its content replaced, its quotes kept.
fn masked(literal: &str, keys: &Keys) -> String {
    let Some(at) = literal.find('\'').filter(|_| !literal.starts_with('$')) else {
        return format!("'{}'", keys.fingerprint(literal.trim_matches('$')));
    };
    let inner = &literal[at + 1..];
    let inner = inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'");
    if inner.is_empty() {
        return literal.to_owned();
    }
    format!("{}'{}'", &literal[..at], keys.fingerprint(&inner))
}

fn is_value(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Literal | Kind::Parameter)
}

fn is_secret_column(token: &Token<'_>) -> bool {
    token.kind == Kind::Word && Keys::is_secret_name(token.text.trim_matches('"'))
}

/// `secret = 'x'`, `secret := $1`, `PASSWORD 'x'`.
fn assigned<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate().filter(|(_, t)| is_value(t)) {
        let before = &tokens[..n];
        let symbols = before
            .iter()
            .rev()
            .take(2)
            .take_while(|t| matches!(t.text, "=" | ":"))
            .count();
        let Some(name) = before.len().checked_sub(symbols + 1).map(|at| &tokens[at]) else {
            continue;
        };
        let named = if symbols == 0 {
            name.is("password")
        } else {
            is_secret_column(name)
        };
        if named {
            found.push(*token);
        }
    }
    found
}

/// The values in the place of a secret's column in `INSERT INTO t (a, secret) VALUES (1, 'x'), (2, 'y')`.
fn inserted<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    let Some(into) = tokens.iter().position(|t| t.is("into")) else {
        return Vec::new();
    };
    let Some(open) = tokens[into..]
        .iter()
        .position(|t| t.text == "(")
        .map(|n| into + n + 1)
    else {
        return Vec::new();
    };
    let Some(close) = tokens[open..]
        .iter()
        .position(|t| t.text == ")")
        .map(|n| open + n)
    else {
        return Vec::new();
    };
    let columns: Vec<bool> = tokens[open..close]
        .split(|t| t.text == ",")
        .map(|c| c.iter().any(is_secret_column))
        .collect();
    if !columns.contains(&true) || !tokens.get(close + 1).is_some_and(|t| t.is("values")) {
        return Vec::new();
    }
    let (mut depth, mut column, mut found) = (0_usize, 0, Vec::new());
    for token in &tokens[close + 2..] {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 1 => column += 1,
            "," if depth == 0 => column = 0,
            _ if depth == 0 => break,
            _ if is_value(token) && columns.get(column) == Some(&true) => found.push(*token),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_tagged_as_postgresql_does() {
        for (text, tag) in [
            ("select 1", "SELECT"),
            ("/* a */ -- b\n (SELECT 1)", "SELECT"),
            ("WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c", "INSERT"),
            ("with c as (delete from t returning *) select * from c", "SELECT"),
            ("COPY t TO STDOUT", "COPY"),
            ("create or replace temp view v as select 1", "CREATE VIEW"),
            ("CREATE USER app", "CREATE ROLE"),
            ("CREATE USER MAPPING FOR x", "CREATE USER MAPPING"),
            ("DECLARE c CURSOR FOR SELECT 1", "DECLARE CURSOR"),
            ("END", "COMMIT"),
        ] {
            assert_eq!(command(text).as_deref(), Some(tag), "{text}");
        }
        assert_eq!(command(""), None);
        assert_eq!(command("'quoted'"), None);
    }

    #[test]
    fn trace_ids_are_read_from_comments_and_never_from_literals() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        for (text, expected) in [
            (
                format!("SELECT 1 /*route='%2Fv1',traceparent='00-{id}-b7ad6b7169203331-01'*/"),
                Some(id),
            ),
            ("SELECT 1 /*request_id='r%2D1'*/".to_owned(), Some("r-1")),
            (
                "/*application:web,request_id:abc*/ SELECT 1".to_owned(),
                Some("abc"),
            ),
            ("SELECT '/*request_id=''x''*/'".to_owned(), None),
            (
                "SELECT $$ /*request_id='x'*/ $$ /*trace_id='t'*/".to_owned(),
                Some("t"),
            ),
            (
                "SELECT 1 /*traceparent='00-00000000000000000000000000000000-b7ad6b7169203331-01'*/"
                    .to_owned(),
                None,
            ),
            ("SELECT 1 /* unfinished".to_owned(), None),
        ] {
            assert_eq!(trace(&text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn secrets_in_statements_become_fingerprints() {
        let keys = Keys::derive(&[7; 32]);
        let fp = keys.fingerprint("s3cr3t");
        for (text, expected) in [
            (
                "ALTER ROLE a PASSWORD 's3cr3t'",
                format!("ALTER ROLE a PASSWORD '{fp}'"),
            ),
            (
                "alter user a password /* x */ E's3cr3t' login",
                format!("alter user a password /* x */ E'{fp}' login"),
            ),
            (
                "UPDATE t SET password = 's3cr3t', n = 'x'",
                format!("UPDATE t SET password = '{fp}', n = 'x'"),
            ),
            (
                "INSERT INTO s (id, token) VALUES ('a', 's3cr3t'), ('b', 's3cr3t')",
                format!("INSERT INTO s (id, token) VALUES ('a', '{fp}'), ('b', '{fp}')"),
            ),
            (
                "SELECT name FROM t WHERE key_id = 'x'",
                "SELECT name FROM t WHERE key_id = 'x'".to_owned(),
            ),
        ] {
            assert_eq!(redact(text, &keys).text, expected, "{text}");
        }
        assert_eq!(
            redact("SELECT 1 FROM s WHERE s.token = $1", &keys).text,
            "SELECT 1 FROM s WHERE s.token = $1"
        );
        let connect = "SELECT dblink('host=db password=s3cr3t')";
        assert_eq!(
            redact(connect, &keys).text,
            format!("SELECT dblink('host=db password={fp}')")
        );
        let bound = redact(
            "INSERT INTO s (token, id) VALUES ($2, $1) RETURNING pwd = $3",
            &keys,
        );
        assert_eq!(bound.secret_parameters, [2, 3]);
        assert_eq!(
            redact("SELECT 1 FROM s WHERE s.token = $1", &keys).secret_parameters,
            [1]
        );
    }
}
