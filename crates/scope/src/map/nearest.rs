//! The name that was probably meant.

use ambit_event::printable;

/// The longest name that is compared.
const NAME_CHARS: usize = 80;

/// Of the names the one with the fewest changes of a letter, where these are few; the first of equals.
#[must_use]
pub fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    if length > NAME_CHARS {
        return None;
    }
    let most = (length / 3).clamp(1, 3);
    let scored = names
        .filter(|name| name.len() <= NAME_CHARS)
        .map(|name| (strsim::levenshtein(&wanted, &name.to_lowercase()), name));
    scored
        .filter(|(changes, _)| *changes <= most)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, name)| name)
}

/// The hint with the name that was probably meant.
#[must_use]
pub fn did_you_mean<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    nearest(wanted, names).map(|name| format!("did you mean `{}`?", printable(name, 60)))
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
