//! Paths into other people's JSON, for tables that say where a value stands.

use serde_json::Value;

/// The texts at a path such as `agent[requestor=true].who.identifier.value` or `entity.what.reference^Patient/`,
/// in every element of the lists on the way; behind `^` stands how they must begin.
pub fn texts(value: &Value, path: &str) -> Vec<String> {
    let (path, head) = path.split_once('^').unwrap_or((path, ""));
    let mut found = Vec::new();
    walk(value, path, &mut found);
    found.retain(|text| text.starts_with(head));
    found
}

fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Array(items) = value {
        return items.iter().for_each(|item| walk(item, path, found));
    }
    if path.is_empty() {
        return found.extend(plain(value));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let Some(inner) = value.get(name) else { return };
    let Some((test, rest)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) else {
        return walk(inner, rest.trim_start_matches('.'), found);
    };
    let rest = rest.trim_start_matches('.');
    let (key, wanted) = test.split_once('=').unwrap_or((test, ""));
    let items = inner
        .as_array()
        .map_or(std::slice::from_ref(inner), Vec::as_slice);
    for item in items {
        let mut values = Vec::new();
        walk(item, key, &mut values);
        if values.iter().any(|value| value == wanted) {
            walk(item, rest, found);
        }
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_walked() {
        let value = serde_json::json!({
            "a": [{"b": true, "c": {"d": "x"}}, {"b": false, "c": {"d": "y"}}], "e": ["P/1", "Q/2"]
        });
        for (path, expected) in [
            ("a.c.d", vec!["x", "y"]),
            ("a[b=true].c.d", vec!["x"]),
            ("a[c.d=y].b", vec!["false"]),
            ("e^Q/", vec!["Q/2"]),
            ("f.g", vec![]),
        ] {
            assert_eq!(texts(&value, path), expected, "{path}");
        }
    }
}
