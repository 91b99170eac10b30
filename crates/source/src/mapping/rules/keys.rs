//! The keys of records that came before, with what is done with each.

use super::super::rule::{is_absent, text};
use super::super::transform::{Transform, transformed};
use super::Rulebook;
use crate::json::{Json, Object};
use crate::quick::Quick;
use crate::redact;
use crate::redact::Redactor;
use std::borrow::Cow;
use std::collections::HashMap;

/// Keys that are remembered; attackers may invent more.
const KEYS: usize = 1024;

/// What a rulebook and a redactor say of the keys that were seen. The records of a log have the same keys in
/// the same order, so that a key is mostly the one that stood in its place in the record before.
#[derive(Debug, Clone, Default)]
pub struct KnownKeys {
    keys: Vec<KnownKey>,
    by_name: HashMap<String, usize, Quick>,
    /// For each field of the record at hand its key's place, [`KEYS`] for a key that is not remembered.
    places: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct KnownKey {
    name: String,
    pub heads: Vec<(usize, String)>,
    pub transform: Option<Vec<Transform>>,
    pub is_secret: bool,
}

impl KnownKeys {
    /// Finds the keys of a record; [`Self::nth`] speaks of that record until the next one.
    pub(super) fn learn(&mut self, fields: &Object<'_>, rules: &Rulebook, redactor: &mut Redactor) {
        for (nth, (name, _)) in fields.iter().enumerate() {
            if self.nth(nth).is_some_and(|key| key.name == name) {
                continue;
            }
            let place = match self.by_name.get(name) {
                Some(place) => *place,
                None => self.remember(name, rules, redactor),
            };
            match self.places.get_mut(nth) {
                Some(known) => *known = place,
                None => self.places.push(place),
            }
        }
        self.places.truncate(fields.len());
    }

    pub(super) fn nth(&self, nth: usize) -> Option<&KnownKey> {
        self.keys.get(*self.places.get(nth)?)
    }

    fn remember(&mut self, name: &str, rules: &Rulebook, redactor: &mut Redactor) -> usize {
        if self.keys.len() == KEYS || name.len() > redact::SHORT {
            return KEYS;
        }
        self.keys.push(KnownKey {
            name: name.to_owned(),
            heads: rules.heads_of(name).to_vec(),
            transform: rules.secret_of(name).cloned(),
            is_secret: redactor.is_secret(name),
        });
        self.by_name.insert(name.to_owned(), self.keys.len() - 1);
        self.keys.len() - 1
    }
}

/// Whether the value was changed.
pub(super) fn fingerprint(redactor: &mut Redactor, transform: &[Transform], value: &mut Json<'_>) -> bool {
    if let Json::Array(items) = value {
        return items.iter_mut().fold(false, |is_changed, item| {
            fingerprint(redactor, transform, item) | is_changed
        });
    }
    match text(value) {
        Some(plain) if !plain.starts_with("fp_") => {
            // What no transform finds a part in is a secret whole.
            let secret = transformed(Cow::Borrowed(&plain), transform);
            let secret = if is_absent(&secret) { &plain } else { &secret };
            let shown = redactor.fingerprint(secret);
            *value = Json::Text(Cow::Owned(shown));
            true
        }
        _ => false,
    }
}
