//! Facts as people write and read them: `3..40`, `yes`, `contact,identity`, an instant.

use super::vocabulary::NONE_OF_THESE;
use super::{Kind, Term, Value};
use crate::clock::is_zone;
use crate::words::{at_utc, range};
use ambit_event::{Timestamp, printable};
use ambit_scope::{Bounds, Territory};
use std::collections::BTreeSet;

/// The longest text that a person says in one fact, in characters.
const LONGEST: usize = 4000;

impl Term {
    /// Reads what a person wrote as the value of this term.
    ///
    /// # Errors
    /// Says which form the term wants.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        match self.kind {
            Kind::Flag => flag(text).map(Value::Flag),
            Kind::Count => count(text).map(Value::Count),
            Kind::Instant => Timestamp::parse(text)
                .map(Value::Instant)
                .map_err(|_| "write an instant such as 2026-11-22T12:00:00Z".to_owned()),
            Kind::Word(words) => listed(text, words).and_then(|found| match found.len() {
                1 => Ok(Value::Words(found)),
                _ => Err(format!("write exactly one of {}", words.join(", "))),
            }),
            Kind::Words(words) => listed(text, words).and_then(alone).map(Value::Words),
            Kind::Text if text.is_empty() => Err("write a text".to_owned()),
            Kind::Text if text.chars().count() > LONGEST => {
                Err(format!("write at most {LONGEST} characters"))
            }
            Kind::Text if self.name == "authority_zone" && !is_zone(text) => {
                Err("write an IANA name, such as Europe/Stockholm".to_owned())
            }
            Kind::Text if self.name == "residence:" && !is_place(text) => {
                Err("write a country's two letters, and its State: se, eu, us-ca".to_owned())
            }
            Kind::Text => Ok(Value::Text(text.to_owned())),
        }
    }

    /// How a value of this term is written.
    #[must_use]
    pub fn form(&self) -> String {
        match self.kind {
            Kind::Flag => "yes or no".to_owned(),
            Kind::Count => "N, or LEAST..MOST, or LEAST..".to_owned(),
            Kind::Instant => "an instant: 2026-11-22T12:00:00Z".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Words(words) => format!("any of {}, with commas between", words.join(", ")),
            Kind::Text => "a text".to_owned(),
        }
    }
}

/// Whether a text names a place where somebody can live, all of it: `se`, `eu`, `us-ca`.
#[must_use]
pub fn is_place(text: &str) -> bool {
    let n_parts = text.trim().split(['-', '_']).count();
    Territory::parse(text).is_some_and(|place| place.has_region() || n_parts == 1)
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    }
}

/// `12`, `3..40`, `3..`: both ends are in it.
fn count(text: &str) -> Result<Bounds, String> {
    let whole = |text: &str| text.replace([',', '_'], "").parse::<u64>().ok();
    let wrong = || "write a count: 12, or 3..40, or 3.. where nobody knows how many at most".to_owned();
    let (least, most) = match text.split_once("..") {
        None => (whole(text), whole(text)),
        Some((least, "")) => (whole(least), None),
        Some((least, most)) => (whole(least), Some(whole(most).ok_or_else(wrong)?)),
    };
    let at_least = least.ok_or_else(wrong)?;
    if most.is_some_and(|most| most < at_least) {
        return Err("the greater number comes last".to_owned());
    }
    Ok(Bounds {
        at_least,
        at_most: most,
        because: Vec::new(),
    })
}

fn listed(text: &str, words: &[&str]) -> Result<BTreeSet<String>, String> {
    let said = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let found: BTreeSet<String> = said.map(str::to_owned).collect();
    match found.iter().find(|word| !words.contains(&word.as_str())) {
        Some(strange) => Err(format!(
            "`{}` is none of {}",
            printable(strange, 60),
            words.join(", ")
        )),
        None => Ok(found),
    }
}

/// Who is none of these is nothing else of them.
fn alone(said: BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    match said.contains(NONE_OF_THESE) && said.len() > 1 {
        true => Err(format!("`{NONE_OF_THESE}` stands alone")),
        false => Ok(said),
    }
}

/// A value in the words that people use.
#[must_use]
pub fn told(value: &Value) -> String {
    match value {
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Count(bounds) => range(bounds),
        Value::Instant(at) => at_utc(*at),
        Value::Words(words) if words.is_empty() => "none".to_owned(),
        Value::Words(words) => words.iter().cloned().collect::<Vec<_>>().join(", "),
        Value::Text(text) => text.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::term;
    use super::*;

    #[test]
    fn values_are_read_as_their_terms_want_them() {
        for (name, text, shown) in [
            ("key_taken", "No", "no"),
            ("subjects", "12", "12"),
            ("subjects", "3..1,040", "3 to 1,040"),
            ("residents:us-ca", "3..", "at least 3"),
            (
                "aware_at",
                "2026-11-22T12:00:00Z",
                "22 November 2026 at 12:00:00 UTC",
            ),
            ("role", "controller", "controller"),
            ("classes", "identity, contact", "contact, identity"),
            ("encryption", "strong", "strong"),
            ("authority_zone", "Europe/Stockholm", "Europe/Stockholm"),
            ("advice", " change it ", "change it"),
        ] {
            assert_eq!(told(&term(name).unwrap().read(text).unwrap()), shown, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_form() {
        for (name, text, because) in [
            ("key_taken", "perhaps", "yes or no"),
            ("subjects", "9..3", "greater number"),
            ("subjects", "some", "write a count"),
            ("aware_at", "yesterday", "write an instant"),
            ("encryption", "weak,strong", "exactly one"),
            ("classes", "identity,shoe size", "`shoe size` is none of"),
            ("sectors", "none_of_these,sec_registrant", "stands alone"),
            ("authority_zone", "Stockholm", "IANA"),
            ("advice", " ", "write a text"),
        ] {
            let error = term(name).unwrap().read(text).unwrap_err();
            assert!(error.contains(because), "{name}: {error}");
        }
    }
}
