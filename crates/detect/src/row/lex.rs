//! Finds the fields of an object in its JSON, which is well formed: what is nested is not looked into. Texts with escapes
//! by number `serde_json` reads at once, as not each of them is one.

use super::{Cell, Leaf};
use memchr::memmem::Finder;
use memchr::{memchr, memchr2};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The fields of an object, in their order. `None` where it is none.
pub(super) fn cells(json: &str) -> Option<Vec<Cell<'_>>> {
    let mut at = Place { json, at: 0 };
    let mut cells = Vec::with_capacity(USUAL);
    at.pass(b'{')?;
    if at.next()? != b'}' {
        loop {
            let key = at.name()?;
            at.pass(b':')?;
            cells.push(at.cell(key)?);
            if at.next()? != b',' {
                break;
            }
            at.at += 1;
        }
    }
    at.pass(b'}')?;
    at.next().is_none().then_some(cells)
}

/// Fields that most records do not go beyond.
const USUAL: usize = 40;

/// The same for fields that are written like these.
pub(super) fn cells_of<'e>(written: impl Iterator<Item = (&'e str, &'e str)>) -> Option<Vec<Cell<'e>>> {
    let mut cells = Vec::with_capacity(USUAL);
    for (name, value) in written {
        let leaf = match value.as_bytes().first()? {
            b'"' => {
                let text = value.get(1..value.len().checked_sub(1)?)?;
                match memchr(b'\\', text.as_bytes()) {
                    Some(_) => Leaf::Escaped(text),
                    None => Leaf::Text(text),
                }
            }
            b'{' | b'[' => Leaf::Written(value),
            _ => scalar(value)?,
        };
        cells.push(Cell::new(Cow::Borrowed(name), leaf));
    }
    Some(cells)
}

/// Whether no text of some JSON has an escape that need not be: what is a part of a text is then, with its escapes, a
/// part of the JSON.
pub(super) fn is_plain(json: &str) -> bool {
    !has_escape(json, &BY_NUMBER) && !has_escape(json, &OF_SLASH)
}

static BY_NUMBER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));
static OF_SLASH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\/"));

fn has_escape(json: &str, escape: &Finder<'_>) -> bool {
    let bytes = json.as_bytes();
    escape.find_iter(bytes).any(|at| {
        // One behind an odd number of others is the second half of an escape.
        let before = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
        before.count() % 2 == 0
    })
}

/// Reads a text that is written with escapes.
pub(super) fn unescaped(written: &str) -> String {
    if has_escape(written, &BY_NUMBER) {
        return serde_json::from_str(&format!("\"{written}\"")).unwrap_or_default();
    }
    let mut read = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        read.push_str(&rest[..at]);
        let letter = rest.as_bytes().get(at + 1).copied().unwrap_or_default();
        read.push(char::from(unescape(letter)));
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    read.push_str(rest);
    read
}

const fn unescape(letter: u8) -> u8 {
    match letter {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        other => other,
    }
}

/// A place in the text.
struct Place<'e> {
    json: &'e str,
    at: usize,
}

/// A text between quotes.
struct Quoted<'e> {
    written: &'e str,
    has_escapes: bool,
    /// As it reads, where escapes by number are in it.
    read: Option<String>,
}

impl<'e> Place<'e> {
    /// The next byte that says something.
    fn next(&mut self) -> Option<u8> {
        let bytes = self.json.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn pass(&mut self, byte: u8) -> Option<()> {
        let is_it = self.next()? == byte;
        self.at += 1;
        is_it.then_some(())
    }

    fn quoted(&mut self) -> Option<Quoted<'e>> {
        self.pass(b'"')?;
        let (from, mut has_escapes, mut has_numbers) = (self.at, false, false);
        let bytes = self.json.as_bytes();
        loop {
            self.at += memchr2(b'"', b'\\', bytes.get(self.at..)?)?;
            if bytes[self.at] == b'"' {
                break;
            }
            has_escapes = true;
            match bytes.get(self.at + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => has_numbers = true,
                _ => return None,
            }
            self.at += 2;
        }
        let written = self.json.get(from..self.at)?;
        self.at += 1;
        let read = match has_numbers {
            true => Some(serde_json::from_str(self.json.get(from - 1..self.at)?).ok()?),
            false => None,
        };
        Some(Quoted {
            written,
            has_escapes,
            read,
        })
    }

    fn name(&mut self) -> Option<Cow<'e, str>> {
        let quoted = self.quoted()?;
        Some(match quoted.read {
            Some(read) => Cow::Owned(read),
            None if quoted.has_escapes => Cow::Owned(unescaped(quoted.written)),
            None => Cow::Borrowed(quoted.written),
        })
    }

    fn cell(&mut self, key: Cow<'e, str>) -> Option<Cell<'e>> {
        let leaf = match self.next()? {
            b'"' => {
                let quoted = self.quoted()?;
                if let Some(text) = quoted.read {
                    let cell = Cell::new(key, Leaf::Escaped(quoted.written));
                    cell.read().text.get_or_init(|| text.into());
                    return Some(cell);
                }
                match quoted.has_escapes {
                    true => Leaf::Escaped(quoted.written),
                    false => Leaf::Text(quoted.written),
                }
            }
            b'{' | b'[' => Leaf::Written(self.nested()?),
            _ => scalar(self.bare()?)?,
        };
        Some(Cell::new(key, leaf))
    }

    /// A number or a word.
    fn bare(&mut self) -> Option<&'e str> {
        let rest = self.json.get(self.at..)?;
        let is_end = |byte: u8| matches!(byte, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        let n = rest.bytes().position(is_end)?;
        self.at += n;
        rest.get(..n)
    }

    /// A list or an object, up to its end.
    fn nested(&mut self) -> Option<&'e str> {
        let (from, mut open) = (self.at, Vec::new());
        loop {
            match self.next()? {
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                end @ (b'}' | b']') if open.pop()? != end => return None,
                _ => {}
            }
            self.at += 1;
            if open.is_empty() {
                return self.json.get(from..self.at);
            }
        }
    }
}

fn scalar(written: &str) -> Option<Leaf<'_>> {
    match written {
        "null" => return Some(Leaf::Null),
        "true" => return Some(Leaf::Bool(true)),
        "false" => return Some(Leaf::Bool(false)),
        _ => {}
    }
    if written.starts_with(|first| matches!(first, '1'..='9'))
        && let Ok(number) = written.parse()
    {
        return Some(Leaf::Int(number));
    }
    Some(match serde_json::from_str(written).ok()? {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Leaf::Int(number),
            (None, Some(_)) => Leaf::Written(written),
            (None, None) => Leaf::Float(number.as_f64()?),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;
    use ambit_event::Fields;
    use proptest::prelude::*;
    use serde_json::Map;

    /// Texts with all that must be escaped, can be escaped, and is not to be.
    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            proptest::sample::select(vec![
                "a", "U", "\\", "\"", "/", "\n", "\u{1}", "é", "𝄞", "u0041", "[", "}", ",",
            ]),
            0..6,
        )
        .prop_map(|parts| parts.concat())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            4 => text().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => any::<u64>().prop_map(Value::from),
            1 => (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
            1 => any::<bool>().prop_map(Value::from),
            1 => Just(Value::Null),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((text(), inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// Other ways to write the same: `/` with an escape, other letters by number.
    fn rewritten(json: &str, slash: bool, number: bool) -> String {
        let json = if slash {
            json.replace('/', "\\/")
        } else {
            json.to_owned()
        };
        match number {
            true => json.replace('é', "\\u00e9").replace('𝄞', "\\ud834\\udd1e"),
            false => json,
        }
    }

    proptest! {
        #[test]
        fn fields_are_those_that_serde_reads(
            fields in proptest::collection::vec((text(), value()), 0..6),
            slash: bool,
            number: bool,
            is_pretty: bool,
        ) {
            let map: Map<String, Value> = fields.into_iter().collect();
            let written = match is_pretty {
                true => serde_json::to_string_pretty(&map),
                false => serde_json::to_string(&map),
            };
            let json = rewritten(&written.unwrap_or_default(), slash, number);
            let fields = Fields::from_json(json.clone());
            let row = Row::of(&fields);
            let read: Value = serde_json::from_str(&json).unwrap_or_default();
            prop_assert_eq!(row.whole(), &read, "{}", json);
            prop_assert!(json.contains("\\u") || json.contains("\\/") || is_plain(&json), "{}", json);
            if is_plain(&json) {
                // A part of a text is, with the escapes that must be, a part of the JSON.
                for text in map.values().filter_map(Value::as_str) {
                    let written = Value::from(text).to_string();
                    let part = written.get(1..written.len() - 1).unwrap_or_default();
                    prop_assert!(json.contains(part), "{}", json);
                }
            }
        }

        #[test]
        fn what_is_cut_off_is_nothing(map in proptest::collection::vec((text(), value()), 1..4), at in 0.0..1.0) {
            let map: Map<String, Value> = map.into_iter().collect();
            let json = Value::Object(map).to_string();
            let mut end = (json.len() as f64 * at) as usize;
            while !json.is_char_boundary(end) {
                end -= 1;
            }
            prop_assert!(cells(&json[..end]).is_none(), "{}", &json[..end]);
        }
    }
}
