//! The values in a JSON text as they are written there, without reading it into a tree.

use memchr::{memchr_iter, memchr2};

/// A text, number or word that is a value, not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf<'a> {
    /// Without the quotes of a text, its escapes as they stand.
    pub text: &'a str,
    /// Where `text` begins.
    pub start: usize,
    pub is_quoted: bool,
}

/// The values in their order. Of what is no JSON it makes some pieces, each of which lies where it says.
pub(super) const fn leaves(json: &str) -> Leaves<'_> {
    Leaves { json, at: 0 }
}

#[derive(Clone)]
pub(super) struct Leaves<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Iterator for Leaves<'a> {
    type Item = Leaf<'a>;

    fn next(&mut self) -> Option<Leaf<'a>> {
        let bytes = self.json.as_bytes();
        loop {
            self.at += bytes[self.at..].iter().position(|&byte| !is_between(byte))?;
            if bytes[self.at] != b'"' {
                return Some(self.word());
            }
            let start = self.at + 1;
            let end = closing_quote(bytes, start);
            self.at = (end + 1).min(bytes.len());
            if !is_key(bytes, end) {
                return Some(Leaf {
                    text: &self.json[start..end],
                    start,
                    is_quoted: true,
                });
            }
        }
    }
}

impl<'a> Leaves<'a> {
    fn word(&mut self) -> Leaf<'a> {
        let start = self.at;
        let rest = &self.json.as_bytes()[start..];
        let is_end = |&byte: &u8| is_between(byte) || byte == b'"';
        self.at = start + rest.iter().position(is_end).unwrap_or(rest.len());
        Leaf {
            text: &self.json[start..self.at],
            start,
            is_quoted: false,
        }
    }
}

/// The texts that are values and whose first byte is such a one, in their order. What stands between them is not looked
/// at, which takes a fraction of the time that [`leaves`] takes.
pub(super) fn texts_beginning(json: &str, is_first: impl Fn(u8) -> bool) -> impl Iterator<Item = Leaf<'_>> {
    let bytes = json.as_bytes();
    // What closes a text is followed by none but a comma, a colon, a bracket or a blank.
    let begins = move |quote: &usize| {
        let before = bytes[..*quote].iter().rev().take_while(|byte| **byte == b'\\');
        bytes.get(quote + 1).is_some_and(|byte| is_first(*byte)) && before.count().is_multiple_of(2)
    };
    memchr_iter(b'"', bytes).filter(begins).filter_map(|quote| {
        let start = quote + 1;
        let end = closing_quote(bytes, start);
        let leaf = Leaf {
            text: &json[start..end],
            start,
            is_quoted: true,
        };
        (!is_key(bytes, end)).then_some(leaf)
    })
}

/// Whether a text that closes there is a key.
fn is_key(json: &[u8], end: usize) -> bool {
    let behind = json.get(end + 1..).unwrap_or_default();
    behind.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

const fn is_between(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':') || byte.is_ascii_whitespace()
}

/// Where a JSON text ends that begins at `from`.
fn closing_quote(json: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(step) = memchr2(b'"', b'\\', &json[at..]) {
        at += step;
        if json[at] == b'"' {
            return at;
        }
        at = (at + 2).min(json.len());
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_keys_are_not() {
        let json = r#"{"time" : "10:00","n":[12,true,{}],"who":{"na\"me":"é\"x\"","no":""}}"#;
        let found: Vec<_> = leaves(json).collect();
        let texts: Vec<_> = found.iter().map(|leaf| (leaf.text, leaf.is_quoted)).collect();
        let expected = [
            ("10:00", true),
            ("12", false),
            ("true", false),
            (r#"é\"x\""#, true),
            ("", true),
        ];
        assert_eq!(texts, expected);
        for leaf in found {
            assert!(json[leaf.start..].starts_with(leaf.text));
        }
    }

    #[test]
    fn texts_are_found_by_how_they_begin() {
        let json = r#"{"=k":"=a","b":["x=","\"=y",3,"+\"+\\","=" ], "+":{"c" :"\\","=d" : "+e"}}"#;
        let is_first = |byte| matches!(byte, b'=' | b'+');
        let found: Vec<_> = texts_beginning(json, is_first).collect();
        let expected: Vec<_> = leaves(json)
            .filter(|leaf| leaf.is_quoted && leaf.text.bytes().next().is_some_and(is_first))
            .collect();
        assert_eq!(found, expected);
        let texts: Vec<_> = found.iter().map(|leaf| leaf.text).collect();
        assert_eq!(texts, ["=a", r#"+\"+\\"#, "=", "+e"]);
    }

    #[test]
    fn what_is_no_json_is_no_danger() {
        for json in ["", "\"", "\\", "\"\\", "\"é\\", "{\"a\":", "é:\"é\"é", "\"\\é\""] {
            for leaf in texts_beginning(json, |_| true) {
                assert!(json[leaf.start..].starts_with(leaf.text), "{json}");
            }
            for leaf in leaves(json) {
                assert!(json[leaf.start..].starts_with(leaf.text), "{json}");
            }
        }
    }
}
