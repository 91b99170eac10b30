//! Log text is written by attackers: what a person sees of it passes through here.

/// Makes text safe for a terminal, a page or a report: control characters, escapes and the marks
/// that turn the direction of writing become visible `\u{..}` forms, and no more than `most` characters
/// are kept.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most * 2));
    for (n, c) in text.chars().enumerate() {
        if n == most {
            out.push('…');
            break;
        }
        if is_harmful(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Undoes the defanging that people paste: `hxxp`, `[.]`, `(.)`, `[:]`, `[at]`.
#[must_use]
pub fn refang(text: &str) -> String {
    let text = text
        .replace("[.]", ".")
        .replace("(.)", ".")
        .replace("[:]", ":")
        .replace("[://]", "://")
        .replace("[at]", "@")
        .replace("[@]", "@");
    match text.get(..4) {
        Some(head) if head.eq_ignore_ascii_case("hxxp") => format!("http{}", &text[4..]),
        _ => text,
    }
}

/// Masks what may point to a person: the first character stays, so that two can be told apart at a
/// glance by someone who already knows them.
#[must_use]
pub fn mask(text: &str) -> String {
    match text.chars().next() {
        Some(first) => format!("{}•••", printable(&first.to_string(), 1)),
        None => "•••".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_direction_marks_become_visible() {
        assert_eq!(printable("a\u{1b}[31mb\u{202e}c", 99), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("naïve 日本", 99), "naïve 日本");
    }

    #[test]
    fn defanged_text_is_understood() {
        assert_eq!(refang("hxxps://evil[.]example"), "https://evil.example");
        assert_eq!(refang("203.0.113[.]7"), "203.0.113.7");
    }
}
