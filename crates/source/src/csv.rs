//! CSV records: fields between separators, quoted where they hold one.

use std::borrow::Cow;

/// What may stand between fields: programs of some countries write semicolons.
const SEPARATORS: &[u8] = b",;\t";

/// The separator of a file, as its first line shows: the one that parts most names.
#[must_use]
pub fn separator(header: &str) -> u8 {
    let n_fields = |s: &u8| fields(header, *s).map_or(0, |names| names.len());
    let by_count = SEPARATORS.iter().rev().max_by_key(|s| n_fields(s));
    by_count.copied().unwrap_or(b',')
}

/// The fields of one record, quotes taken off; `None` where a quote never closes or text stands behind one.
pub fn fields(record: &str, separator: u8) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::with_capacity(26);
    let mut rest = record;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner)?,
            None => {
                let end = memchr::memchr(separator, rest.as_bytes()).unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        fields.push(field);
        rest = match after.strip_prefix(separator as char) {
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
        Cow::Owned(text.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(text)
    };
    Some((text, &inner[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_come_off_and_separators_are_seen() {
        let read = |text, separator| fields(text, separator).map(|f| f.join("|"));
        assert_eq!(read(r#"a,"b,""c""",,d"#, b',').as_deref(), Some(r#"a|b,"c"||d"#));
        assert_eq!(read("a;b", b';').as_deref(), Some("a|b"));
        assert_eq!(read(r#""a"b,c"#, b','), None);
        assert_eq!(read(r#"a,"b"#, b','), None);
        assert_eq!(separator("a,b,c"), b',');
        assert_eq!(separator("\"a,x\";b"), b';');
        assert_eq!(separator("one"), b',');
    }
}
