//! Log text is written by attackers: what a person sees of it passes through here.

/// Makes text safe for a terminal, a page or a report: control characters, escapes, the marks that turn the
/// direction of writing and characters that nobody sees become visible `\u{..}` forms, and no more than `most`
/// characters are kept.
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

/// What acts on the text around it, or stands in it unseen: two texts that look the same must be the same, and
/// none may reorder, hide or break off what is around it. Spaces of any width are left, as a reader sees them;
/// so are letters that look like others, which no list can tell from honest ones.
fn is_harmful(c: char) -> bool {
    c.is_control() || turns_or_breaks(c) || is_unseen(c)
}

/// Marks that turn the direction of writing or end a line.
const fn turns_or_breaks(c: char) -> bool {
    matches!(c,
        '\u{61c}' // the Arabic letter mark
        | '\u{200e}' | '\u{200f}' // marks of either direction
        | '\u{2028}' | '\u{2029}' // ends of lines and paragraphs
        | '\u{202a}'..='\u{202e}' // embeddings and overrides
        | '\u{2066}'..='\u{206f}') // isolates, and what is deprecated of their kind
}

/// Characters that most fonts show as nothing: Unicode's `Default_Ignorable_Code_Point`, the format controls of
/// single scripts, and two signs that are blank by design.
const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' // the soft hyphen
        | '\u{34f}' // the grapheme joiner
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // fillers among Korean letters
        | '\u{17b4}' | '\u{17b5}' // vowels of Khmer that are not written
        | '\u{180b}'..='\u{180f}' // selectors and a separator of Mongolian
        | '\u{200b}'..='\u{200d}' // space of no width, joiners
        | '\u{2060}'..='\u{2065}' // word joiner, operators that are not written
        | '\u{2800}' // braille without dots
        | '\u{fe00}'..='\u{fe0f}' // variation selectors: any bytes can be hidden in a row of them
        | '\u{feff}' // the byte order mark
        | '\u{fff0}'..='\u{fffc}' // marks around annotations, the place of an object
        | '\u{13430}'..='\u{13455}' // controls of hieroglyphs
        | '\u{1bca0}'..='\u{1bca3}' // of shorthand
        | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' // of music
        | '\u{e0000}'..='\u{e0fff}') // tags, and the other variation selectors
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
    fn what_turns_hides_or_breaks_text_becomes_visible() {
        let harmful = [
            0..=0x1f,
            0x7f..=0x9f,
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x180e..=0x180e,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0x2800..=0x2800,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xfff9..=0xfffc,
            0x1d173..=0x1d17a,
            0xe0000..=0xe01ef,
        ];
        for c in harmful.into_iter().flatten().filter_map(char::from_u32) {
            let shown = printable(&format!("a{c}b"), 99);
            assert_eq!(shown, format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }

    #[test]
    fn writing_that_people_use_stays_as_it_is() {
        for honest in [
            "e\u{301}\u{a0}x\u{202f}y\u{3000}z",
            "\u{645}\u{631}\u{62d}\u{628}\u{627}",
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            "\u{1f600}\u{fffd}\u{e000}",
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947}",
        ] {
            assert_eq!(printable(honest, 99), honest);
        }
    }

    #[test]
    fn defanged_text_is_understood() {
        assert_eq!(refang("hxxps://evil[.]example"), "https://evil.example");
        assert_eq!(refang("203.0.113[.]7"), "203.0.113.7");
    }
}
