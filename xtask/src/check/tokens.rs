//! Rust code as words: comments, texts and test modules left out, so that a check sees what is compiled.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One word or sign of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// What is done with items under `#[cfg(test)]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    Seen,
    LeftOut,
}

/// The words of a Rust file in their order; groups give their brackets too, texts become `""`.
///
/// # Errors
/// The parser's words where the file is no Rust.
pub fn tokens(text: &str, tests: Tests) -> Result<Vec<Token>, String> {
    let stream: TokenStream = text.parse().map_err(|e: proc_macro2::LexError| e.to_string())?;
    let mut out = Vec::new();
    flatten(stream, tests, &mut out);
    Ok(out)
}

fn flatten(stream: TokenStream, tests: Tests, out: &mut Vec<Token>) {
    let mut skipping = false;
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                if skipping {
                    skipping = !ends_item(&group);
                    continue;
                }
                skipping = tests == Tests::LeftOut && is_cfg_test(&group, out);
                let (open, close) = brackets(group.delimiter());
                out.push(Token {
                    text: open.into(),
                    line,
                });
                flatten(group.stream(), tests, out);
                out.push(Token {
                    text: close.into(),
                    line,
                });
            }
            TokenTree::Punct(sign) if skipping && sign.as_char() == ';' => skipping = false,
            _ if skipping => {}
            TokenTree::Literal(_) => out.push(Token {
                text: "\"\"".into(),
                line,
            }),
            other => out.push(Token {
                text: other.to_string(),
                line,
            }),
        }
    }
}

fn ends_item(group: &Group) -> bool {
    group.delimiter() == Delimiter::Brace
}

/// Whether this is the `[cfg(test)]` after a `#`.
fn is_cfg_test(group: &Group, before: &[Token]) -> bool {
    let text: String = group.stream().to_string().split_whitespace().collect();
    group.delimiter() == Delimiter::Bracket
        && text == "cfg(test)"
        && before.last().is_some_and(|token| token.text == "#")
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Where a path begins with a crate that the test picks: `name::…`, `use name;`, `extern crate name`.
pub fn crate_roots(tokens: &[Token], picks: impl Fn(&str) -> bool) -> impl Iterator<Item = &Token> {
    tokens.iter().enumerate().filter_map(move |(n, token)| {
        let before = n.checked_sub(1).map_or("", |i| tokens[i].text.as_str());
        let begins = !matches!(before, ":" | ".") && follows(tokens, n, &[":", ":"]);
        let imported = matches!(before, "use" | "crate");
        ((begins || imported) && picks(&token.text)).then_some(token)
    })
}

/// Whether these words come right after the `n`-th.
pub fn follows(tokens: &[Token], n: usize, words: &[&str]) -> bool {
    words
        .iter()
        .enumerate()
        .all(|(k, word)| tokens.get(n + 1 + k).is_some_and(|t| t.text == *word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(text: &str) -> Vec<String> {
        let tokens = tokens(text, Tests::LeftOut).unwrap_or_default();
        crate_roots(&tokens, |name| ["zip", "tar"].contains(&name))
            .map(|t| format!("{}:{}", t.text, t.line))
            .collect()
    }

    #[test]
    fn crates_are_found_where_a_path_begins() {
        assert_eq!(
            roots("use zip;\nfn f() { tar::Archive::new(x); }"),
            ["zip:1", "tar:2"]
        );
        assert_eq!(roots("use zip::ZipArchive as Z;"), ["zip:1"]);
        assert!(
            roots("// zip::x\n/* tar::y */ fn f(zip: u8) { std::zip::a(\"zip::b\"); a.zip(b); }").is_empty()
        );
    }

    #[test]
    fn test_modules_are_left_out() {
        assert!(roots("#[cfg(test)]\nmod tests { use zip::X; }").is_empty());
        assert!(roots("#[cfg(test)]\nuse zip::X;").is_empty());
        assert_eq!(
            roots("#[cfg(test)]\nmod tests { use zip::X; }\nuse tar::Y;"),
            ["tar:3"]
        );
        assert_eq!(roots("#[cfg(unix)]\nuse zip::X;"), ["zip:2"]);
    }
}
