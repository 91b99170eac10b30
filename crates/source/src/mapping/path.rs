//! Paths into a record: keys with dots between, and places in lists.

use crate::json::{Json, Object};

/// Every way to take the first key off a path, as keys may hold dots and brackets themselves: `a.b[0]` is `a` and
/// `b[0]`, or `a.b` and `[0]`.
pub fn splits(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.match_indices(['.', '['])
        .filter(|(at, _)| *at > 0)
        .map(|(at, mark)| {
            let rest = if mark == "." { at + 1 } else { at };
            (&path[..at], &path[rest..])
        })
}

/// What lies at a path below a value; the value itself for an empty path. `[0]` is the first element of a list,
/// `[-1]` the last.
pub fn below<'v>(value: &'v Json<'v>, path: &str) -> Option<&'v Json<'v>> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some((place, rest)) = place(path) {
        let Json::Array(items) = value else { return None };
        let distance = usize::try_from(place.unsigned_abs()).ok()?;
        let at = match place < 0 {
            true => items.len().checked_sub(distance)?,
            false => distance,
        };
        return below(items.get(at)?, rest);
    }
    within(value.as_object()?, path)
}

/// What lies at a path of a record.
pub fn within<'o>(fields: &'o Object<'o>, path: &str) -> Option<&'o Json<'o>> {
    fields
        .get(path)
        .or_else(|| splits(path).find_map(|(head, rest)| below(fields.get(head)?, rest)))
}

/// The text at a path of a record; what is no scalar as JSON.
pub fn find(fields: &Object<'_>, path: &str) -> Option<String> {
    match within(fields, path)? {
        Json::Null => None,
        Json::Text(text) => Some(text.to_string()),
        other => Some(other.to_string()),
    }
}

/// The path with its places in lists left out: it then means every element.
pub fn without_places(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('[') {
        let (before, bracket) = rest.split_at(at);
        out.push_str(before);
        let Some((_, behind)) = place(bracket) else {
            out.push('[');
            rest = &bracket[1..];
            continue;
        };
        rest = behind;
        if !rest.is_empty() && !rest.starts_with('[') {
            out.push('.');
        }
    }
    out.push_str(rest);
    out
}

/// `[0].rest`: the place, and what follows on it.
fn place(path: &str) -> Option<(i64, &str)> {
    let (digits, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((digits.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn paths_go_into_objects_and_lists() {
        let text = r#"{"a":{"b.c":[1,{"d":2},[3]],"e":{"f":4}},"g.h":{"i":5},"j[0]":6}"#;
        let fields = json::object(text).unwrap_or_default();
        for (path, expected) in [
            ("a.b.c[0]", Some("1")),
            ("a.b.c[-1]", Some("[3]")),
            ("a.b.c[-1][0]", Some("3")),
            ("a.b.c[1].d", Some("2")),
            ("a.b.c[-3]", Some("1")),
            ("a.b.c[-4]", None),
            ("a.b.c[3]", None),
            ("a.b.c[x]", None),
            ("a.e.f", Some("4")),
            ("a.e.f[0]", None),
            ("g.h.i", Some("5")),
            ("j[0]", Some("6")),
            ("a.b.c[-9223372036854775808]", None),
            ("", None),
        ] {
            assert_eq!(find(&fields, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn places_are_left_out() {
        for (path, expected) in [
            ("a.b[0]", "a.b"),
            ("a[-1].b", "a.b"),
            ("a[0][1].b", "a.b"),
            ("a[].b", "a[].b"),
            ("a", "a"),
        ] {
            assert_eq!(without_places(path), expected);
        }
    }
}
