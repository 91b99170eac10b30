//! The name that was probably meant.

/// The longest name that is compared.
const NAME_CHARS: usize = 80;

/// Of the names the one with the fewest changes of a letter, where these are few; the first of equals.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().collect();
    if wanted.len() > NAME_CHARS {
        return None;
    }
    let most = (wanted.len() / 3).clamp(1, 3);
    let scored = names
        .filter(|n| n.len() <= NAME_CHARS)
        .map(|n| (changes(&wanted, n), n));
    scored
        .filter(|(changes, _)| *changes <= most)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

/// Letters to insert, leave out or replace (Levenshtein's distance).
fn changes(wanted: &[char], name: &str) -> usize {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, w) in wanted.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, n) in name.iter().enumerate() {
            let replaced = diagonal + usize::from(w != n);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_found_and_other_words_are_not() {
        let names = ["population", "persons_per_key", "keys", "name"];
        for (wanted, expected) in [
            ("populaton", Some("population")),
            ("key", Some("keys")),
            ("persons_per_keys", Some("persons_per_key")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        }
    }
}
