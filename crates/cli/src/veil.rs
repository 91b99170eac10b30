//! Persons are masked on every surface that people look at, unless somebody says why not.

use crate::words;
use ambit_event::{Observable, ObservableKind, mask, printable};
use ambit_scope::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// The longest text of a log that is shown in one piece, in characters.
const LONGEST: usize = 2000;

/// Hides the keys of the persons of one answer wherever they occur in its texts.
#[derive(Debug, Clone, Default)]
pub struct Veil {
    /// Key to the person's number, from 1, in the order of the answer.
    keys: BTreeMap<String, usize>,
    domains: BTreeSet<String>,
    is_lifted: bool,
}

impl Veil {
    /// Hides every key that the answer names.
    pub fn over(scope: &Scope) -> Self {
        let mut veil = Self::default();
        let subjects = &scope.subjects;
        let listed = [&subjects.confirmed, &subjects.probable, &subjects.possible];
        let accessed = scope.accesses.iter().chain(&scope.attempts).map(|a| &a.subjects);
        for subject in listed.into_iter().chain(accessed).flatten() {
            veil.add(subject);
        }
        for hop in &scope.trace {
            let account = [Some(&hop.to), hop.from.as_ref()]
                .into_iter()
                .flatten()
                .filter(|o| is_persons(o));
            account.for_each(|account| veil.add(&format!("account:{}", account.value)));
        }
        veil
    }

    /// Hides nothing: somebody gave a reason, and it is in the journal.
    pub fn lifted() -> Self {
        Self {
            is_lifted: true,
            ..Self::default()
        }
    }

    pub const fn is_lifted(&self) -> bool {
        self.is_lifted
    }

    fn add(&mut self, subject: &str) {
        let (domain, key) = split(subject);
        self.domains.insert(domain.to_owned());
        let next = self.keys.len() + 1;
        self.keys.entry(key.to_owned()).or_insert(next);
    }

    /// A person, from `domain:key`: `user 1••• (#3)`, the number being the same all through an answer.
    pub fn subject(&self, subject: &str) -> String {
        let (domain, key) = split(subject);
        if self.is_lifted {
            return printable(&format!("{domain} {key}"), LONGEST);
        }
        let domain = printable(domain, 60);
        match self.keys.get(key) {
            Some(n) => format!("{domain} {} (#{n})", mask(key)),
            None => format!("{domain} {}", mask(key)),
        }
    }

    /// An observable of the trace, an account masked as the persons are.
    pub fn observable(&self, observable: &Observable) -> String {
        match is_persons(observable) {
            true => self.subject(&format!("account:{}", observable.value)),
            false => format!("{} {}", observable.kind, self.text(&observable.value)),
        }
    }

    /// A text of the answer, with the keys in it masked, safe to show.
    pub fn text(&self, text: &str) -> String {
        if self.is_lifted || self.keys.is_empty() {
            return printable(&words::plain_times(text), LONGEST);
        }
        let text = &words::plain_times(text);
        let mut out = String::with_capacity(text.len());
        let mut rest: &str = text;
        while let Some(start) = rest.find(is_key_char) {
            let (before, tail) = rest.split_at(start);
            out.push_str(before);
            let end = tail.find(|c| !is_key_char(c)).unwrap_or(tail.len());
            let (token, after) = tail.split_at(end);
            out.push_str(&self.token(token, &out));
            rest = after;
        }
        out.push_str(rest);
        printable(&out, LONGEST)
    }

    fn token(&self, token: &str, before: &str) -> String {
        let bare = token.trim_end_matches(['.', '-']);
        let decoded = percent_decoded(bare);
        if self.keys.contains_key(decoded.as_str()) && self.is_a_key_here(&decoded, before) {
            return format!("{}{}", mask(&decoded), &token[bare.len()..]);
        }
        token.to_owned()
    }

    /// A key of digits alone is taken for one only where a key can stand, so that counts stay readable.
    fn is_a_key_here(&self, key: &str, before: &str) -> bool {
        if !key.bytes().all(|b| b.is_ascii_digit()) {
            return true;
        }
        if before.ends_with(['/', '=', ':', '"', '\'', '`', '#', '(']) {
            return true;
        }
        let word = before.trim_end().rsplit(' ').next().unwrap_or_default();
        self.domains.contains(word) || ["key", "keys", "account", "id"].contains(&word)
    }
}

/// An account that stands for a person among the service's users: neither a role of a database nor a
/// login of a host, which are the organisation's own.
fn is_persons(observable: &Observable) -> bool {
    observable.kind == ObservableKind::Account && !["db", "host"].contains(&observable.realm.as_str())
}

/// `domain:key`; a key may hold colons, a domain does not.
fn split(subject: &str) -> (&str, &str) {
    subject.split_once(':').unwrap_or(("person", subject))
}

fn is_key_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '.' | '+' | '-' | '%')
}

/// The text with `%40` and the like undone; left as it is where that gives no UTF-8.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [a, b, ..]) => hex_digit(*a).zip(hex_digit(*b)).map(|(a, b)| a * 16 + b),
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn veil() -> Veil {
        let mut veil = Veil::default();
        for subject in ["user:1042", "user:m-77", "mail:ana@example.org"] {
            veil.add(subject);
        }
        veil
    }

    #[test]
    fn keys_are_masked_where_keys_can_stand() {
        for (text, expected) in [
            ("GET /v1/users/1042/profile", "GET /v1/users/1•••/profile"),
            ("GET /v1/users/10423/profile", "GET /v1/users/10423/profile"),
            ("1042 events of user 1042", "1042 events of user 1•••"),
            ("m-77, then m-778.", "m•••, then m-778."),
            ("?mail=ana%40example.org&x", "?mail=a•••&x"),
            ("ends with m-77.", "ends with m•••."),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("", ""),
        ] {
            assert_eq!(veil().text(text), expected, "{text}");
        }
        assert_eq!(veil().subject("user:m-77"), "user m••• (#2)");
    }

    #[test]
    fn a_lifted_veil_shows_persons_and_still_no_escapes() {
        assert_eq!(Veil::lifted().text("/users/1042\u{7}"), "/users/1042\\u{7}");
        assert_eq!(Veil::lifted().subject("user:1042"), "user 1042");
    }
}
