//! Versions as logs write them, in order.

use super::Release;
use super::answer::Standing;
use std::cmp::Ordering;

/// How a version that a record names stands to the release.
pub fn standing(version: &str, release: &Release) -> Standing {
    if is_this(version, release) {
        return Standing::This;
    }
    let order = numbers(version).and_then(|theirs| {
        // A lone number is the code where the name is not one too.
        let name = release.version_name.as_deref().and_then(numbers);
        match (theirs.as_slice(), &name, release.version_code) {
            ([one], None, Some(code)) => Some(one.cmp(&code)),
            ([one], Some(name), Some(code)) if name.len() > 1 => Some(one.cmp(&code)),
            (_, Some(name), _) => Some(compare(&theirs, name)),
            _ => None,
        }
    });
    match order {
        Some(Ordering::Less) => Standing::Older,
        Some(Ordering::Greater) => Standing::Newer,
        // The same numbers behind another text, such as `1.7` and `1.7.0`.
        Some(Ordering::Equal) => Standing::This,
        None => Standing::Unordered,
    }
}

/// Whether the text is the release's version: its name, its code, or both as `1.7 (17)` and the like.
fn is_this(version: &str, release: &Release) -> bool {
    let text = version.trim();
    let name = release.version_name.as_deref();
    let code = release.version_code.map(|code| code.to_string());
    if Some(text) == name || code.as_deref() == Some(text) {
        return true;
    }
    let (Some(name), Some(code)) = (name, code) else {
        return false;
    };
    let rest = text.strip_prefix(name).map(str::trim_start);
    rest.is_some_and(|rest| {
        let inner = rest.strip_prefix(['(', '+', '-', '/', ' ']).unwrap_or_default();
        inner.trim_end_matches(')').trim() == code
    })
}

/// The numbers of `v1.10.2`, and of `1.10.2 (88)` the first three; `None` for anything else.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let head = text.split([' ', '(', '+']).next().unwrap_or_default();
    let parts: Vec<u64> = head
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    (parts.len() <= 6).then_some(parts)
}

fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let n = a.len().max(b.len());
    let at = |parts: &[u64], n: usize| parts.get(n).copied().unwrap_or(0);
    (0..n)
        .map(|place| at(a, place).cmp(&at(b, place)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_put_in_order() {
        let release = Release {
            version_name: Some("1.7".into()),
            version_code: Some(17),
            ..Release::default()
        };
        for (text, expected) in [
            ("1.7", Standing::This),
            ("17", Standing::This),
            ("1.7 (17)", Standing::This),
            ("1.7.0", Standing::This),
            ("1.7.1", Standing::Newer),
            ("1.10", Standing::Newer),
            ("1.6.9", Standing::Older),
            ("v0.9", Standing::Older),
            ("16", Standing::Older),
            ("18", Standing::Newer),
            ("nightly", Standing::Unordered),
            ("1.7-beta", Standing::Unordered),
        ] {
            assert_eq!(standing(text, &release), expected, "{text}");
        }
        let nameless = Release::default();
        assert_eq!(standing("1.7", &nameless), Standing::Unordered);
    }
}
