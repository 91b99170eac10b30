//! `LIKE` and `ILIKE`, under collations that are not known here.

use super::truths::Truths;

/// A column may be of a type that compares without regard to case, or that pads with blanks.
pub(super) fn cell_like(text: &str, pattern: &str, folded: bool) -> Truths {
    let exact = like_either(text, pattern, folded);
    let loose = like_either(text, pattern, true);
    let trimmed = like_either(text.trim_end(), pattern, folded);
    if exact == loose && exact == trimmed {
        exact
    } else {
        Truths::EITHER
    }
}

/// Letters outside ASCII are made small in ways that depend on the server's locale.
pub(super) fn like_either(text: &str, pattern: &str, folded: bool) -> Truths {
    if !folded {
        return Truths::of(is_like(text, pattern));
    }
    let small = |text: &str| -> String { text.to_lowercase() };
    let truth = Truths::of(is_like(&small(text), &small(pattern)));
    truth.or_either(!text.is_ascii() || !pattern.is_ascii())
}

/// `LIKE` with `%`, `_` and a backslash before what is meant as it is. Takes at most the product of both
/// lengths in steps.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<Wild>) = (text.chars().collect(), wilds(pattern));
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Wild::Any) => {
                back = Some((p, t));
                p += 1;
            }
            Some(Wild::One) => (t, p) = (t + 1, p + 1),
            Some(Wild::This(c)) if *c == text[t] => (t, p) = (t + 1, p + 1),
            _ => match back {
                Some((star, from)) => {
                    (t, p) = (from + 1, star + 1);
                    back = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|w| *w == Wild::Any)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wild {
    Any,
    One,
    This(char),
}

fn wilds(pattern: &str) -> Vec<Wild> {
    let mut chars = pattern.chars();
    let mut wilds = Vec::new();
    while let Some(c) = chars.next() {
        wilds.push(match c {
            '%' => Wild::Any,
            '_' => Wild::One,
            '\\' => Wild::This(chars.next().unwrap_or('\\')),
            other => Wild::This(other),
        });
    }
    wilds
}
