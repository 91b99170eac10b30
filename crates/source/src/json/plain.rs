//! The quick way to read a JSON record. It reads what programs write; whatever is unusual is left to the careful
//! reader, which also tells what is wrong.

use super::{Filling, Json, Object};
use serde_json::Number;
use std::borrow::Cow;

/// Deeper objects and lists are left to the careful reader.
const LEVELS: usize = 32;

/// The object that a text is; `None` where it takes care to read it, or is none.
pub fn object(text: &str) -> Option<Object<'_>> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    reader.expect(b'{')?;
    let (object, _) = reader.object(LEVELS)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(object)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

/// A value, and whether it is written just as it is kept.
type Read<T> = Option<(T, bool)>;

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// Passes over white space; whether there was none.
    fn skip_space(&mut self) -> bool {
        let is_none = self.peek().is_none_or(|byte| byte > b' ');
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
        is_none
    }

    /// The rest of an object, from behind its brace.
    fn object(&mut self, levels: usize) -> Read<Object<'a>> {
        let mut filling = Filling::default();
        let mut is_plain = self.skip_space();
        if self.expect(b'}').is_some() {
            return Some((filling.object, is_plain));
        }
        loop {
            is_plain &= self.field(levels, &mut filling)?;
            is_plain &= self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
            is_plain &= self.skip_space();
        }
        self.at += 1;
        Some((filling.object, is_plain))
    }

    /// Reads a key and its value; whether both are written just as they are kept.
    fn field(&mut self, levels: usize, filling: &mut Filling<'a>) -> Option<bool> {
        let from = self.at;
        self.expect(b'"')?;
        let (key, is_plain_key) = self.string()?;
        let is_joined = self.skip_space();
        self.expect(b':')?;
        let is_joined = is_joined & self.skip_space();
        let (value, is_plain) = self.value(levels)?;
        let is_plain = is_plain & is_plain_key & is_joined;
        let written = if is_plain {
            self.text.get(from..self.at)?
        } else {
            ""
        };
        let added = filling.add_as_written(key, value, written);
        added.is_ok().then_some(is_plain)
    }

    fn value(&mut self, levels: usize) -> Read<Json<'a>> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.string().map(|(text, is_plain)| (Json::Text(text), is_plain))
            }
            b'{' => {
                self.at += 1;
                let (object, is_plain) = self.object(levels.checked_sub(1)?)?;
                Some((Json::Object(Box::new(object)), is_plain))
            }
            b'[' => {
                self.at += 1;
                self.array(levels.checked_sub(1)?)
            }
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Read<Json<'a>> {
        self.text
            .as_bytes()
            .get(self.at..)?
            .starts_with(word.as_bytes())
            .then(|| {
                self.at += word.len();
                (value, true)
            })
    }

    /// The rest of a list, from behind its bracket.
    fn array(&mut self, levels: usize) -> Read<Json<'a>> {
        let mut items = Vec::new();
        let mut is_plain = self.skip_space();
        if self.expect(b']').is_none() {
            loop {
                let (item, is_plain_item) = self.value(levels)?;
                items.push(item);
                is_plain &= is_plain_item;
                is_plain &= self.skip_space();
                match self.peek()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return None,
                }
                is_plain &= self.skip_space();
            }
            self.at += 1;
        }
        Some((Json::Array(items.into_boxed_slice()), is_plain))
    }

    /// The rest of a text, from behind its quote.
    fn string(&mut self) -> Read<Cow<'a, str>> {
        let from = self.at;
        self.at = text_end(self.text.as_bytes(), from)?;
        if self.peek()? == b'"' {
            let text = self.text.get(from..self.at)?;
            self.at += 1;
            return Some((Cow::Borrowed(text), true));
        }
        self.escaped(from)
    }

    /// A text with escapes, from its first character on; the reader stands at the first backslash.
    fn escaped(&mut self, from: usize) -> Read<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        let (mut text, mut plain_from) = (String::with_capacity(2 * (self.at - from) + 64), from);
        // An escape that need not be is kept as the character that it means.
        let mut is_plain = true;
        while self.peek()? != b'"' {
            if self.peek()? != b'\\' {
                return None;
            }
            text.push_str(self.text.get(plain_from..self.at)?);
            text.push(match bytes.get(self.at + 1)? {
                letter @ (b'"' | b'\\') => char::from(*letter),
                b'/' => {
                    is_plain = false;
                    '/'
                }
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => return self.numbered(from),
                _ => return None,
            });
            plain_from = self.at + 2;
            self.at = text_end(bytes, plain_from)?;
        }
        text.push_str(self.text.get(plain_from..self.at)?);
        self.at += 1;
        Some((Cow::Owned(text), is_plain))
    }

    /// The same for a text that has characters by their numbers, of which some stand for one together.
    fn numbered(&mut self, from: usize) -> Read<Cow<'a, str>> {
        let bytes = self.text.as_bytes();
        while self.peek()? != b'"' {
            if self.peek()? != b'\\' {
                return None;
            }
            self.at = text_end(bytes, self.at + 2)?;
        }
        self.at += 1;
        let quoted = self.text.get(from.checked_sub(1)?..self.at)?;
        let text: String = serde_json::from_str(quoted).ok()?;
        Some((Cow::Owned(text), false))
    }

    fn number(&mut self) -> Read<Json<'a>> {
        let rest = self.text.get(self.at..)?;
        let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.bytes().take_while(is_part).count();
        let written = rest.get(..len)?;
        self.at += len;
        match plain_number(written) {
            Some(number) => Some((Json::Number(number), true)),
            None => Some((Json::Number(serde_json::from_str(written).ok()?), false)),
        }
    }
}

/// Where a text in JSON goes on no more as it is: its quote, a backslash, a control character.
pub fn text_end(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let (words, last) = bytes.get(from..)?.as_chunks::<8>();
    for (nth, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // The lowest high bit that is set tells a byte that is zero after the exclusive or, or below a blank.
        let found = quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word;
        if found & HIGHS != 0 {
            return Some(from + nth * 8 + ((found & HIGHS).trailing_zeros() / 8) as usize);
        }
    }
    let in_last = last.iter().position(|b| *b < 0x20 || matches!(b, b'"' | b'\\'))?;
    Some(from + words.len() * 8 + in_last)
}

/// A number that is written as it would be written again: whole with at most 18 digits, or with a fraction and at most
/// 15 digits in all, which a float holds exactly enough.
fn plain_number(written: &str) -> Option<Number> {
    let digits = written.strip_prefix('-').unwrap_or(written);
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let Some(part) = part else {
        let is_exact = whole.len() <= 18 && written != "-0";
        return written.parse::<i64>().ok().filter(|_| is_exact).map(Number::from);
    };
    let is_shortest = part == "0" || !part.ends_with('0');
    let is_small = whole == "0" && part.starts_with("000");
    let is_exact = is_number(part) && whole.len() + part.len() <= 15 && is_shortest && !is_small;
    Number::from_f64(written.parse().ok().filter(|_| is_exact)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    /// Both ways read the same, and what is kept is what serde_json writes.
    fn check(text: &str) {
        let Some(quick) = object(text) else { return };
        let careful = parse(text).unwrap_or_default();
        assert_eq!(quick, careful, "{text}");
        let expected = serde_json::to_string(&careful).unwrap_or_default();
        for kept in [quick.kept(0), careful.kept(0)] {
            assert_eq!(kept.as_json(), Some(&*expected), "{text}");
        }
    }

    #[test]
    fn the_quick_way_reads_what_the_careful_way_reads() {
        for value in [
            "1",
            "0",
            "-0",
            "-1",
            "01",
            "1.0",
            "1.50",
            "-0.0",
            "0.001",
            "0.0001",
            "0.00001",
            "1e3",
            "1E-7",
            "1.",
            ".5",
            "-",
            "+1",
            "1.5e300",
            "1e999",
            "123456789012345678",
            "1234567890123456789",
            "18446744073709551615",
            "18446744073709551616",
            "1400630400.407",
            "123456789012.345",
            "1234567890123.4567",
            "0.1",
            "0.30",
            "99999999999999.9",
            "9007199254740993",
            "true",
            "tru",
            "null",
            "nul",
            "[]",
            "[1, 2]",
            "[1,2]",
            "[1,]",
            "{}",
            r#"{"b":1}"#,
            r#"{"b": 1}"#,
            r#"{"b":1,"b":2}"#,
            r#""""#,
            r#""é/\u007f""#,
            r#""a\n""#,
            r#""\ud800""#,
            r#""\x41""#,
            r#""a\\""#,
            r#""a\/b\n""#,
            r#""\b\f\n\r\t\\\"""#,
            "\"tab\t\"",
            "\"\u{1}\"",
            r#""abcdefghijkl\"mnop""#,
            "\"\u{7f}\u{80}\u{2028}\"",
        ] {
            for text in [
                format!(r#"{{"a":{value}}}"#),
                format!(r#" {{ "a" : {value} , "c":"d" }} "#),
                format!(r#"{{"k\n":{value},"x":[{value},{{"y":{value}}}]}}"#),
                format!(r#"{{"a":{value}}} x"#),
                format!(r#"{{"a":{value}"#),
            ] {
                assert_eq!(object(&text).is_some(), parse(&text).is_ok(), "{text}");
                check(&text);
            }
        }
    }

    #[test]
    fn numbers_are_copied_only_where_they_would_be_written_so() {
        let mut lot = 7_u64;
        for _ in 0..200_000 {
            lot = lot
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            let (digits, places) = ((lot >> 14) / 10_u64.pow((lot % 16) as u32), (lot >> 8) % 15);
            let whole = digits / 10_u64.pow(places as u32);
            let part = digits % 10_u64.pow(places as u32);
            let written = format!("{whole}.{part:0width$}", width = places as usize);
            if let Some(number) = plain_number(&written) {
                assert_eq!(number.to_string(), written);
                assert_eq!(serde_json::from_str::<Number>(&written).ok(), Some(number));
            }
        }
    }

    #[test]
    fn what_is_changed_is_written_anew() {
        let mut fields = object(r#"{"a":{"b":"x","c":[1]},"d":"y","e":2}"#).unwrap_or_default();
        fields.change(|_, name, value| match value {
            Json::Object(inner) if name == "a" => inner.change(|_, name, value| {
                let is_meant = name == "b";
                if is_meant {
                    *value = Json::Text("\"".into());
                }
                is_meant
            }),
            _ => false,
        });
        if let Some(value) = fields.get_mut("d") {
            *value = Json::Null;
        }
        fields.push("f".into(), Json::Bool(true));
        let kept = fields.kept(0);
        assert_eq!(
            kept.as_json(),
            Some(r#"{"a":{"b":"\"","c":[1]},"d":null,"e":2,"f":true}"#)
        );
    }

    #[test]
    fn deep_and_endless_texts_are_left_alone() {
        for text in [
            "[".repeat(100_000),
            r#"{"a":"#.repeat(100_000),
            format!("{{\"a\":{}", "1".repeat(100_000)),
        ] {
            assert!(object(&text).is_none());
        }
    }
}
