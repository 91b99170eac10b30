//! The name that was probably meant.

/// Of the names the one with the fewest changes of a letter, where these are few; the first of equals.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = (wanted.chars().count() / 3).clamp(1, 3);
    names
        .map(|name| (changes(wanted, name), name))
        .filter(|(changes, _)| *changes <= most)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

/// Levenshtein's distance; names of regimes' files are short, and longer ones are cut.
fn changes(wanted: &str, name: &str) -> usize {
    let (wanted, name): (Vec<char>, Vec<char>) =
        (wanted.chars().take(80).collect(), name.chars().take(80).collect());
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
