//! From text to single statements, within limits that keep every later step small.
//!
//! Log text is written by attackers. A parser of expressions recurses, and a chain of a hundred thousand
//! operators is a tree that deep; so the shape is bounded here, on the flat tokens, before any tree is
//! built. A statement over a limit is not read, and what is not read is opaque.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// The longest text that is read.
const TEXT_BYTES: usize = 1 << 20;
/// The deepest nesting of parentheses and brackets.
const NESTING: usize = 24;
/// The most tokens between two commas, semicolons or parentheses of one level: an upper bound of the
/// depth of any chain of operators.
const CHAIN: usize = 1000;
/// Above this depth, or this length of a chain, a statement is read with room of its own.
const DEEP: usize = 8;
const LONG: usize = 120;
/// The most work that parsing may take, in tokens: the parser reads what stands in the parentheses of a
/// call up to four times, so that each call around a token multiplies its share.
const WORK: u64 = 4_000_000;
/// The most words of one text that open a query, or chain two.
const QUERIES: usize = 128;

/// The tokens of each statement of a text, comments and blanks left out.
///
/// # Errors
/// A clause that says why the text is not read.
pub(super) fn split(text: &str) -> Result<Vec<Vec<TokenWithSpan>>, String> {
    if text.len() > TEXT_BYTES {
        return Err("the statement is too long to be read".to_owned());
    }
    // `U&"..."` writes a name in escapes, which the tokenizer takes for something else.
    if text.to_ascii_lowercase().contains("u&\"") {
        return Err("the statement writes names in escapes".to_owned());
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map_err(|error| format!("the statement cannot be read: {}", clause(&error.message)))?;
    let tokens: Vec<_> = tokens
        .into_iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_)))
        .collect();
    check(&tokens)?;
    Ok(statements(tokens))
}

/// The message of a parser, short and on one line.
pub(super) fn clause(message: &str) -> String {
    ambit_event::printable(message.lines().next().unwrap_or_default(), 120)
}

fn check(tokens: &[TokenWithSpan]) -> Result<(), String> {
    let mut chains = vec![0_usize];
    let mut queries = 0_usize;
    let mut work = Work::default();
    for token in tokens.iter().map(|t| &t.token) {
        match token {
            Token::LParen | Token::LBracket => {
                count(&mut chains)?;
                chains.push(0);
            }
            Token::RParen | Token::RBracket => {
                chains.pop();
                if chains.is_empty() {
                    return Err("the statement closes a parenthesis that it did not open".to_owned());
                }
            }
            Token::Comma | Token::SemiColon => {
                if let Some(chain) = chains.last_mut() {
                    *chain = 0;
                }
            }
            _ => count(&mut chains)?,
        }
        if opens_query(token) {
            queries += 1;
        }
        work.add(token);
        if chains.len() > NESTING || queries > QUERIES || work.done > WORK {
            return Err("the statement is nested too deeply to be read".to_owned());
        }
    }
    Ok(())
}

/// Whether the tree of a statement may be deeper than an ordinary stack has room for: by its
/// parentheses, by words and signs that nest without them, or by a long chain.
pub(super) fn is_deep(tokens: &[TokenWithSpan]) -> bool {
    let (mut depth, mut deepest, mut nesting, mut chain, mut longest) =
        (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
    let mut after_sign = false;
    for token in tokens.iter().map(|t| &t.token) {
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        let sign = !matches!(
            token,
            Token::Word(_) | Token::Number(..) | Token::RParen | Token::RBracket | Token::Comma
        );
        nesting += usize::from(sign && after_sign || nests(token));
        chain = if matches!(token, Token::Comma) {
            0
        } else {
            chain + 1
        };
        (deepest, longest, after_sign) = (deepest.max(depth), longest.max(chain), sign);
    }
    deepest + nesting > DEEP || longest > LONG
}

fn nests(token: &Token) -> bool {
    const WORDS: &[&str] = &[
        "NOT",
        "CASE",
        "INTERVAL",
        "PRIOR",
        "CONNECT_BY_ROOT",
        "ARRAY",
        "STRUCT",
        "MAP",
        "EXPLAIN",
        "DESCRIBE",
        "LATERAL",
        "EXISTS",
        "UNION",
        "INTERSECT",
        "EXCEPT",
    ];
    matches!(token, Token::Word(word) if word.quote_style.is_none() && WORDS.iter().any(|w| word.value.eq_ignore_ascii_case(w)))
}

/// What parsing costs.
#[derive(Default)]
struct Work {
    done: u64,
    /// For each open parenthesis, whether it is that of a call.
    open: Vec<bool>,
    after_word: bool,
}

impl Work {
    fn add(&mut self, token: &Token) {
        match token {
            Token::LParen | Token::LBracket => self.open.push(self.after_word),
            Token::RParen | Token::RBracket => drop(self.open.pop()),
            _ => {}
        }
        let calls = self.open.iter().filter(|call| **call).count();
        self.done = self.done.saturating_add(1 << (2 * calls).min(40));
        self.after_word = matches!(token, Token::Word(_));
    }
}

fn count(chains: &mut [usize]) -> Result<(), String> {
    match chains.last_mut() {
        Some(chain) if *chain >= CHAIN => {
            Err("the statement chains too many operators to be read".to_owned())
        }
        Some(chain) => {
            *chain += 1;
            Ok(())
        }
        None => Ok(()),
    }
}

fn opens_query(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none()
    && matches!(
        word.keyword,
        Keyword::SELECT | Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::VALUES | Keyword::CASE
    ))
}

fn statements(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut all = Vec::new();
    let mut one = Vec::new();
    let mut depth = 0_usize;
    for token in tokens {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::SemiColon if depth == 0 => {
                all.push(std::mem::take(&mut one));
                continue;
            }
            _ => {}
        }
        one.push(token);
    }
    all.push(one);
    all.retain(|statement| !statement.is_empty());
    all
}

/// The first words of a statement, in capitals, at most four.
pub(super) fn head(tokens: &[TokenWithSpan]) -> Vec<String> {
    tokens
        .iter()
        .take(4)
        .map_while(|t| match &t.token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
            _ => None,
        })
        .collect()
}
