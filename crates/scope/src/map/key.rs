//! What keys a text can mean.
//!
//! A server that reads `007` as a number finds the row of 7; one that compares texts does not. The log
//! does not say which it was. So a text has *readings*: the keys that it can mean, as written and in its
//! plain form. Where there is more than one, none of them is certain.

use super::model::Subject;
use crate::statement::is_fingerprint;
use std::collections::BTreeSet;

/// The most keys that one record can name.
const KEYS: usize = 10_000;

/// Keys, and whether the text can mean nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Keys {
    pub keys: BTreeSet<String>,
    /// Each text named exactly one key.
    pub certain: bool,
}

impl Keys {
    pub(super) fn none() -> Self {
        Self {
            keys: BTreeSet::new(),
            certain: true,
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.certain &= other.certain;
    }
}

/// The keys that a value of a statement can mean; keys that the subject's grammar rules out are no keys.
/// `None` where it cannot be told, such as for `5.0` or `0x5`, or where a fingerprint stands in its place.
pub(super) fn readings(text: &str, subject: Option<&Subject>) -> Option<Keys> {
    if is_fingerprint(text) {
        return None;
    }
    let mut forms = BTreeSet::from([text.to_owned()]);
    forms.insert(plain_form(text)?);
    let all = forms.len();
    let grammar = subject.and_then(|s| s.keys.as_ref());
    forms.retain(|form| grammar.is_none_or(|g| g.fits(form)));
    Some(Keys {
        certain: all == 1,
        keys: forms,
    })
}

/// The keys that a value of a request names: one key, or a list of keys with commas between, each of
/// which fits the grammar. `None` where it does not fit.
pub(super) fn named(text: &str, subject: Option<&Subject>) -> Option<Keys> {
    let fits = |text: &str| subject.and_then(|s| s.keys.as_ref()).is_none_or(|g| g.fits(text));
    // A request may name a person by a secret, which has the same fingerprint wherever it stands.
    if fits(text) && is_fingerprint(text) {
        return Some(Keys {
            keys: BTreeSet::from([text.to_owned()]),
            certain: true,
        });
    }
    if fits(text) {
        return readings(text, subject).filter(|k| !k.keys.is_empty());
    }
    let list: Vec<&str> = text.split(',').map(str::trim).collect();
    if list.len() > KEYS || !list.iter().all(|key| fits(key)) {
        return None;
    }
    let mut keys = Keys::none();
    for key in list {
        keys.join(readings(key, subject)?);
    }
    Some(keys)
}

/// The keys of several values, each of which names one; `None` where one of them names none.
pub(super) fn each(texts: &BTreeSet<String>, subject: Option<&Subject>) -> Option<Keys> {
    let fits = |text: &str| subject.and_then(|s| s.keys.as_ref()).is_none_or(|g| g.fits(text));
    if texts.len() > KEYS || !texts.iter().all(|text| fits(text)) {
        return None;
    }
    let mut keys = Keys::none();
    for text in texts {
        keys.join(readings(text, subject)?);
    }
    Some(keys)
}

/// The keys that fit, and how many do not: whoever is named by such a one may be anybody.
pub(super) fn apart(mut keys: Keys, subject: Option<&Subject>) -> (Keys, u64) {
    let all = keys.keys.len();
    if let Some(grammar) = subject.and_then(|s| s.keys.as_ref()) {
        keys.keys.retain(|key| grammar.fits(key));
    }
    let strange = u64::try_from(all - keys.keys.len()).unwrap_or(u64::MAX);
    (keys, strange)
}

/// The form in which a typed column would show the value: a number without zeros before it, a UUID in
/// small letters with hyphens; any other text as it is. `None` for what typed columns may read in ways
/// that are not followed here.
fn plain_form(text: &str) -> Option<String> {
    let trimmed = text.trim();
    if let Some(uuid) = uuid(trimmed) {
        return Some(uuid);
    }
    let (sign, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => ("-", &trimmed[1..]),
        Some(b'+') => ("", &trimmed[1..]),
        _ => ("", trimmed),
    };
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        let bare = digits.trim_start_matches('0');
        return Some(if bare.is_empty() {
            "0".to_owned()
        } else {
            format!("{sign}{bare}")
        });
    }
    let unclear = digits
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_digit() || b == b'.')
        && is_numeric(digits);
    (!unclear).then(|| text.to_owned())
}

/// Numbers in forms that an integer or decimal column accepts: `5.0`, `5e0`, `0x5`, `5_000`.
fn is_numeric(text: &str) -> bool {
    let plain = text.replace('_', "");
    plain.parse::<f64>().is_ok()
        || ["0x", "0b", "0o"]
            .iter()
            .any(|p| plain.to_ascii_lowercase().starts_with(p))
}

fn uuid(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = inner
        .chars()
        .filter(|c| *c != '-')
        .collect::<String>()
        .to_ascii_lowercase();
    let good = digits.len() == 32 && inner.len() <= 40 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    // A run of 32 decimal digits may as well be a number.
    let number = inner.bytes().all(|b| b.is_ascii_digit());
    (good && !number).then(|| {
        format!(
            "{}-{}-{}-{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Grammar;

    fn subject(grammar: &str) -> Subject {
        Subject {
            name: "user".into(),
            population: None,
            distinct: false,
            persons_per_key: 1,
            keys: Grammar::parse(grammar).ok(),
            alias: Vec::new(),
            aliases: None,
            lived: None,
        }
    }

    fn shown(keys: Option<Keys>) -> String {
        keys.map_or("?".into(), |k| {
            let all: Vec<_> = k.keys.into_iter().collect();
            format!("{}{}", all.join("|"), if k.certain { "" } else { "~" })
        })
    }

    #[test]
    fn a_value_means_the_keys_that_a_server_can_read_in_it() {
        let digits = subject("[0-9]+");
        for (text, expected) in [
            ("5", "5"),
            ("007", "007|7~"),
            (" 7 ", "7~"),
            ("+7", "7~"),
            ("0", "0"),
            ("5.0", "?"),
            ("0x5", "?"),
            ("5e1", "?"),
            ("5_0", "?"),
            ("abc", ""),
            ("-5", ""),
            ("", ""),
            ("fp_0123456789abcdef01234567", "?"),
        ] {
            assert_eq!(shown(readings(text, Some(&digits))), expected, "{text}");
        }
        let uuid = subject("[0-9a-f-]{36}");
        assert_eq!(
            shown(readings("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", Some(&uuid))),
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11~"
        );
        assert_eq!(shown(readings("bob@example.org", None)), "bob@example.org");
    }

    #[test]
    fn a_list_of_keys_is_each_of_them() {
        let digits = subject("[0-9]+");
        for (text, expected) in [
            ("1,2, 3", "1|2|3"),
            ("1,x", "?"),
            ("1,,2", "?"),
            ("1;2", "?"),
            ("", "?"),
        ] {
            assert_eq!(shown(named(text, Some(&digits))), expected, "{text}");
        }
        assert_eq!(shown(named("a,b", None)), "a,b");
    }
}
