//! The values in a JSON text as they are written there, without reading it into a tree.

use memchr::memchr2;

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
            let next = bytes[self.at..].iter().find(|byte| !byte.is_ascii_whitespace());
            if next != Some(&b':') {
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
    fn what_is_no_json_is_no_danger() {
        for json in ["", "\"", "\\", "\"\\", "\"é\\", "{\"a\":", "é:\"é\"é", "\"\\é\""] {
            for leaf in leaves(json) {
                assert!(json[leaf.start..].starts_with(leaf.text), "{json}");
            }
        }
    }
}
