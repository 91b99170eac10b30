//! The form in which texts of events and of rules are compared before the evaluator is asked, and the texts without
//! which an expression cannot match.

use regex_syntax::hir::{Class, Hir, HirKind};
use std::borrow::Cow;

/// A text in lower case, as the evaluator has it, with `ſ` as `s`: an expression that ignores case takes one for the
/// other.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(text.to_lowercase().replace('ſ', "s"));
    }
    match has_upper(text.as_bytes()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// Whether a letter of ASCII is a capital; many bytes are looked at without a branch between them.
fn has_upper(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let of_block = |block: &[u8; 32]| {
        let mut seen = [0; 32];
        for (seen, byte) in seen.iter_mut().zip(block) {
            *seen = u8::from(byte.wrapping_sub(b'A') < 26);
        }
        seen != [0; 32]
    };
    blocks.iter().any(of_block) || rest.iter().any(u8::is_ascii_uppercase)
}

/// Members of a class that may all fold to one character: `k`, `K` and the sign for Kelvin.
const MOST_MEMBERS: usize = 4;
/// Texts of one expression.
const MOST_TEXTS: usize = 64;

/// Folded texts one of which is in each text, folded, that the expression matches. `None`: there are none.
pub(super) fn literals(pattern: &str) -> Option<Vec<String>> {
    let parsed = regex_syntax::ParserBuilder::new()
        .utf8(false)
        .build()
        .parse(pattern);
    let found = of_hir(&parsed.ok()?)?;
    let is_useful = found.len() <= MOST_TEXTS && found.iter().all(|text| text.len() > 1);
    is_useful.then_some(found)
}

fn of_hir(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Concat(parts) => of_sequence(parts),
        HirKind::Alternation(parts) => {
            let all: Option<Vec<Vec<String>>> = parts.iter().map(of_hir).collect();
            Some(all?.concat())
        }
        HirKind::Repetition(repeated) if repeated.min > 0 => of_hir(&repeated.sub),
        HirKind::Capture(capture) => of_hir(&capture.sub),
        _ => run_of(hir).filter(|run| !run.is_empty()).map(|run| vec![run]),
    }
}

/// Of what follows each other the part that says most.
fn of_sequence(parts: &[Hir]) -> Option<Vec<String>> {
    let (mut found, mut run): (Vec<Vec<String>>, String) = (Vec::new(), String::new());
    for part in parts {
        match run_of(part) {
            Some(text) => run.push_str(&text),
            None => {
                found.push(vec![std::mem::take(&mut run)]);
                found.extend(of_hir(part));
            }
        }
    }
    found.push(vec![run]);
    let worth = |texts: &Vec<String>| texts.iter().map(String::len).min().unwrap_or(0);
    found
        .into_iter()
        .filter(|texts| worth(texts) > 0)
        .max_by_key(worth)
}

/// What stands there whatever is matched, if that is ASCII: other characters fold by what is beside them.
fn run_of(hir: &Hir) -> Option<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(String::new()),
        HirKind::Literal(text) => {
            let text = std::str::from_utf8(&text.0).ok()?;
            text.is_ascii().then(|| text.to_ascii_lowercase())
        }
        HirKind::Class(Class::Unicode(class)) => {
            let members = class.iter().flat_map(|range| range.start()..=range.end());
            one_folded(members.take(MOST_MEMBERS + 1))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let members = class.iter().flat_map(|range| range.start()..=range.end());
            let ascii = members.map(|byte| {
                if byte.is_ascii() {
                    char::from(byte)
                } else {
                    char::MAX
                }
            });
            one_folded(ascii.take(MOST_MEMBERS + 1))
        }
        HirKind::Capture(capture) => run_of(&capture.sub),
        HirKind::Concat(parts) => parts.iter().map(run_of).collect(),
        _ => None,
    }
}

fn one_folded(members: impl Iterator<Item = char>) -> Option<String> {
    let folded: Vec<String> = members
        .map(|one| folded(one.encode_utf8(&mut [0; 4])).into_owned())
        .collect();
    let first = folded.first()?;
    let is_one = folded.len() <= MOST_MEMBERS && first.is_ascii() && folded.iter().all(|one| one == first);
    is_one.then(|| first.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_the_texts_that_it_cannot_match_without() {
        let found = |pattern: &str| literals(pattern).map(|texts| texts.join(" "));
        for (pattern, texts) in [
            ("Invoke-.*Expression", Some("expression")),
            ("(?i)^c:\\\\users\\\\.*\\.exe$", Some("c:\\users\\")),
            ("(?i)kelvins", Some("kelvins")),
            ("a(bc|de)+", Some("bc de")),
            ("(abc)(def)", Some("abcdef")),
            ("\\bfoo\\b", Some("foo")),
            ("[0-9a-f]{32}", None),
            ("(abc)?", None),
            ("ab|c", None),
            ("(?i)straße", Some("stra")),
            ("ΣΣ", None),
        ] {
            assert_eq!(found(pattern).as_deref(), texts, "{pattern}");
        }
    }

    #[test]
    fn what_an_expression_matches_has_one_of_its_texts() {
        for (pattern, text) in [
            ("(?i)sk", "ſ\u{212a}"),
            ("(?i)mask", "MA\u{17f}K"),
            ("(?i)office", "OFFICE"),
            ("x(?i:yz)", "xYZ"),
        ] {
            let matches = regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
            let texts = literals(pattern).unwrap_or_default();
            let has_one = texts.iter().any(|one| folded(text).contains(one.as_str()));
            assert!(
                matches && (has_one || texts.is_empty()),
                "{pattern} {text} {texts:?}"
            );
        }
    }
}
