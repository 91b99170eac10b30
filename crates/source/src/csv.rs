//! CSV records by RFC 4180: fields between delimiters, in double quotes where they hold a delimiter, a quote or a
//! line end.

use std::borrow::Cow;

/// How the fields of a record are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub delimiter: char,
    /// Whether a field that begins with a double quote goes on to the next single one.
    pub has_quotes: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: ',',
            has_quotes: true,
        }
    }
}

/// What may stand between fields where nobody says it: programs of some countries write semicolons.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

impl Dialect {
    /// That of a file with this first record: its delimiter is the one that parts most fields.
    pub fn of(first: &str, has_quotes: bool) -> Self {
        let dialects = DELIMITERS.map(|delimiter| Self {
            delimiter,
            has_quotes,
        });
        let n_fields = |dialect: &Self| fields(first, *dialect).map_or(0, |fields| fields.len());
        let best = dialects.into_iter().rev().max_by_key(n_fields);
        best.unwrap_or_default()
    }

    /// Where the next delimiter stands.
    fn find(self, text: &str) -> Option<usize> {
        match u8::try_from(self.delimiter) {
            Ok(byte) if byte.is_ascii() => memchr::memchr(byte, text.as_bytes()),
            _ => text.find(self.delimiter),
        }
    }
}

/// The records in the beginning of a file. The last of several is left out, as it may be cut.
pub fn sampled(head: &str, has_quotes: bool) -> Vec<&str> {
    let mut is_quoted = false;
    let ends_line = |c: char| {
        is_quoted ^= has_quotes && c == '"';
        c == '\n' && !is_quoted
    };
    let mut records: Vec<&str> = head.split(ends_line).map(str::trim_end).take(65).collect();
    if records.len() > 1 {
        records.pop();
    }
    records.retain(|record| !record.is_empty());
    records
}

/// The fields of a record; `None` where a quote never closes or something stands behind one that closes.
#[must_use]
pub fn fields(record: &str, dialect: Dialect) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::with_capacity(26);
    let mut rest = record;
    loop {
        let (field, after) = match rest.strip_prefix('"').filter(|_| dialect.has_quotes) {
            Some(inner) => quoted(inner)?,
            None => {
                let end = dialect.find(rest).unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        fields.push(field);
        rest = match after.strip_prefix(dialect.delimiter) {
            Some(next) => next,
            None if after.is_empty() => return Some(fields),
            None => return None,
        };
    }
}

/// The text up to its closing quote, doubled quotes made single, and what follows.
fn quoted(inner: &str) -> Option<(Cow<'_, str>, &str)> {
    let bytes = inner.as_bytes();
    let (mut at, mut doubled) = (0, false);
    loop {
        at += memchr::memchr(b'"', &bytes[at..])?;
        if bytes.get(at + 1) != Some(&b'"') {
            break;
        }
        (at, doubled) = (at + 2, true);
    }
    let text = &inner[..at];
    let text = if doubled {
        Cow::Owned(singled(text))
    } else {
        Cow::Borrowed(text)
    };
    Some((text, &inner[at + 1..]))
}

/// The text with its doubled quotes made single; it has no others.
fn singled(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) =
        memchr::memchr(b'"', rest.as_bytes()).and_then(|at| rest.split_at_checked(at + 1))
    {
        out.push_str(before);
        rest = after.strip_prefix('"').unwrap_or(after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart() {
        let of = |text: &str, dialect| fields(text, dialect).map(|f| f.join("|"));
        let semicolon = Dialect {
            delimiter: ';',
            has_quotes: false,
        };
        for (text, expected) in [
            (r#"a,"b ""c"", d",,"#, Some("a|b \"c\", d||")),
            ("", Some("")),
            ("\"a\nb\"", Some("a\nb")),
            (r#"a"b,c"#, Some("a\"b|c")),
            (r#""a"b,c"#, None),
            (r#""a"#, None),
        ] {
            assert_eq!(of(text, Dialect::default()).as_deref(), expected, "{text}");
        }
        assert_eq!(of("\"a;b,c\"", semicolon).as_deref(), Some("\"a|b,c\""));
    }

    #[test]
    fn the_first_record_shows_the_delimiter() {
        let of = |first| Dialect::of(first, true).delimiter;
        assert_eq!(
            [of("a,b,c"), of("\"a,x\";b"), of("a\tb"), of("one")],
            [',', ';', '\t', ',']
        );
    }

    #[test]
    fn records_of_a_head_may_span_lines() {
        let head = "a,b\r\n\n1,\"x\ny\"\n2,cut";
        assert_eq!(sampled(head, true), ["a,b", "1,\"x\ny\""]);
        assert_eq!(sampled(head, false), ["a,b", "1,\"x", "y\""]);
        assert_eq!(sampled("a,b", true), ["a,b"]);
    }
}
