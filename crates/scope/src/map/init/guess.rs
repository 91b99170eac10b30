//! What names and values suggest: keys of persons, classes of data, grammars.

use crate::map::Grammar;
use std::collections::{BTreeMap, BTreeSet};

/// A name for each id of a template, after the segment before it: `/users/{id}` gives `user_id`.
pub(super) fn names(template: &str) -> BTreeMap<usize, String> {
    let path = template.split_once(' ').map_or("", |(_, path)| path);
    let segments: Vec<&str> = path.split('/').collect();
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for place in places(template) {
        let before = place.checked_sub(1).and_then(|at| segments.get(at));
        let name = id_of(before.copied().unwrap_or(""));
        let alike = |n: &&String| n.trim_end_matches(|c: char| c.is_ascii_digit()) == name;
        let twice = names.values().filter(alike).count();
        let name = match twice {
            0 => name,
            _ => format!("{name}{}", twice + 1),
        };
        names.insert(place, name);
    }
    names
}

/// The name of an id that stands behind this segment.
fn id_of(before: &str) -> String {
    let small = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    let word: String = before.chars().map(small).collect();
    if before.starts_with('{') || word.trim_matches('_').is_empty() {
        "id".to_owned()
    } else {
        format!("{}_id", singular(&word))
    }
}

/// The places of the segments of a template that stand for ids.
pub(super) fn places(template: &str) -> Vec<usize> {
    let path = template.split_once(' ').map_or("", |(_, path)| path);
    path.split('/')
        .enumerate()
        .filter(|(_, s)| s.starts_with('{'))
        .map(|(at, _)| at)
        .collect()
}

pub(super) fn singular(word: &str) -> &str {
    match word.strip_suffix("ies") {
        Some(_) => word,
        None => word.strip_suffix('s').unwrap_or(word),
    }
}

/// Whether a name looks like the key of a person.
pub(super) fn is_person(name: &str) -> bool {
    const PERSONS: &[&str] = &[
        "user",
        "customer",
        "account",
        "person",
        "member",
        "patient",
        "client",
        "subscriber",
        "employee",
        "profile",
        "student",
        "owner",
    ];
    let name = name.to_ascii_lowercase();
    let stem = name
        .strip_suffix("_id")
        .or_else(|| name.strip_suffix("id"))
        .unwrap_or("");
    PERSONS.contains(&stem.trim_end_matches('_'))
}

/// The class that a column's name suggests; empty where it suggests none.
pub(super) fn class_of(column: &str) -> &'static str {
    const CLASSES: &[(&str, &str)] = &[
        (
            "credential",
            "password passwd pwd secret token sid session_key api_key otp salt hash",
        ),
        ("payment", "card iban_card cvv cvc pan last4 payment"),
        (
            "financial",
            "iban amount balance salary price invoice income tax bank",
        ),
        (
            "contact",
            "email mail phone mobile address street zip postcode fax",
        ),
        (
            "identity",
            "name birth dob gender sex passport ssn nationality title_of login username",
        ),
        ("location", "latitude longitude lat lon geo position"),
        ("health", "diagnosis medication allergy blood health"),
        ("communication", "message body subject_line chat"),
        ("behaviour", "played viewed clicked visited search history"),
        ("content", "photo image document note comment avatar bio"),
    ];
    let column = column.to_ascii_lowercase();
    let parts: Vec<&str> = column.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let says = |words: &&(&str, &str)| words.1.split(' ').any(|w| column == w || parts.contains(&w));
    CLASSES.iter().find(says).map_or("", |(class, _)| class)
}

pub(super) fn held_by(column: &str) -> Option<&'static str> {
    let column = column.to_ascii_lowercase();
    let parts: Vec<&str> = column.split('_').collect();
    match () {
        () if column == "sid"
            || parts.starts_with(&["session", "id"])
            || parts.starts_with(&["session", "key"]) =>
        {
            Some("session")
        }
        () if parts.contains(&"password") || parts.contains(&"passwd") => Some("password"),
        () if parts.contains(&"token") || column.ends_with("api_key") => Some("token"),
        () => None,
    }
}

/// A grammar that all the values fit, the narrowest of a few.
pub(super) fn grammar(values: &BTreeSet<String>) -> String {
    const GRAMMARS: &[&str] = &[
        "[0-9]+",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "fp_[0-9a-f]{24}",
        "[0-9a-f]{8,64}",
        "[a-z]{1,40}",
        "[a-z0-9_,-]{1,80}",
        "[A-Za-z0-9._~-]{1,100}",
    ];
    let fits = |pattern: &&&str| Grammar::parse(pattern).is_ok_and(|g| values.iter().all(|v| g.fits(v)));
    let narrow = GRAMMARS.iter().find(fits);
    let last = "[A-Za-z0-9 ._,@:~+-]{0,100}";
    narrow
        .filter(|_| !values.is_empty())
        .map_or(last, |g| g)
        .to_owned()
}
