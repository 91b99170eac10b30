//! The languages in which a person is written to: what a letter says in each, sentence by sentence, bound as it is in
//! English. English and German come with the program, with their check; a language of one's own is a file of the same
//! sentences, and has no check.

use crate::wording::Language;
use ambit_event::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A language, with its sentences and its template of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tongue {
    /// `en`, `de`, `fr`: how the subjects' file names it.
    pub code: String,
    pub(super) phrases: Phrases,
    pub(super) letter: String,
    /// How sentences in it are checked; `None` where nothing checks them.
    pub(super) check: Option<Language>,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phrases {
    pub and: String,
    months: Vec<String>,
    instant: String,
    pub case: Case,
    pub read: Effect,
    pub changed: Effect,
    pub destroyed: Effect,
    pub unavailable: Effect,
    pub period: Period,
    classes: BTreeMap<String, String>,
    advice: BTreeMap<String, String>,
    rights: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub certain: String,
    pub open: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Effect {
    pub was: String,
    pub may: String,
    pub unclear: String,
    pub not: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Period {
    pub once: String,
    pub between: String,
    pub may_once: String,
    pub may_between: String,
}

/// Which advice helps with a class; the others have one of their own name or `other`.
const ADVICE: &[(&str, &[&str])] = &[
    ("contact", &["contact", "identity", "demographic"]),
    ("communication", &["communication", "content", "social"]),
    ("location", &["location", "behaviour", "preferences"]),
    (
        "special",
        &[
            "health",
            "genetic",
            "biometric",
            "special",
            "sexual",
            "political",
            "religion",
            "union",
        ],
    ),
];

/// What every language must advise on, the most urgent first.
const ADVISED: &[&str] = &[
    "credential",
    "payment",
    "financial",
    "government_id",
    "contact",
    "communication",
    "location",
    "special",
    "other",
];

/// The advice that a class shares with others, by its name.
fn advised(class: &str) -> &str {
    let shared = ADVICE.iter().find(|(_, classes)| classes.contains(&class));
    shared.map_or(class, |(name, _)| *name)
}

const LETTER: &str = include_str!("templates/letter.txt");
const LETTER_DE: &str = include_str!("templates/letter.de.txt");

impl Tongue {
    /// Those that come with the program.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        let made = [
            ("en", include_str!("tongues/en.toml"), LETTER, Language::English),
            ("de", include_str!("tongues/de.toml"), LETTER_DE, Language::German),
        ]
        .map(|(code, phrases, letter, check)| {
            Some(Self {
                code: code.to_owned(),
                phrases: toml::from_str(phrases).ok()?,
                letter: letter.to_owned(),
                check: Some(check),
            })
        });
        // A test reads them all.
        made.into_iter().flatten().collect()
    }

    /// The one of this code that comes with the program.
    #[must_use]
    pub fn known(code: &str) -> Option<Self> {
        Self::built_in().into_iter().find(|tongue| tongue.code == code)
    }

    /// A language of one's own: its sentences, as `tongues/en.toml` has them, and a template of a letter.
    ///
    /// # Errors
    /// Says which sentence is missing, or lacks what it must hold.
    pub fn read(code: &str, phrases: &str, letter: &str) -> Result<Self, String> {
        let phrases: Phrases = toml::from_str(phrases).map_err(|error| error.to_string())?;
        phrases.check()?;
        Ok(Self {
            code: code.to_owned(),
            phrases,
            letter: letter.to_owned(),
            check: None,
        })
    }

    /// With another template of a letter.
    #[must_use]
    pub fn with_letter(self, letter: &str) -> Self {
        Self {
            letter: letter.to_owned(),
            ..self
        }
    }

    /// The sentences of a language that comes with the program, to start one's own from.
    #[must_use]
    pub fn sentences(code: &str) -> Option<&'static str> {
        match code {
            "en" => Some(include_str!("tongues/en.toml")),
            "de" => Some(include_str!("tongues/de.toml")),
            _ => None,
        }
    }

    /// The template of a letter.
    #[must_use]
    pub fn letter(&self) -> &str {
        &self.letter
    }

    /// Whether its sentences are held against the evidence.
    #[must_use]
    pub const fn is_checked(&self) -> bool {
        self.check.is_some()
    }

    /// Whether it has sayings beyond those of a letter.
    pub(super) fn is_english(&self) -> bool {
        self.check == Some(Language::English)
    }
}

/// `fr`, `pt-br`: what may name a language, and a file of it.
#[must_use]
pub fn is_language(code: &str) -> bool {
    let plain = |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    !code.is_empty() && code.len() <= 20 && code.split('-').all(plain)
}

impl Phrases {
    pub fn effect(&self, effect: &str) -> Option<&Effect> {
        Some(match effect {
            "read" => &self.read,
            "changed" => &self.changed,
            "destroyed" => &self.destroyed,
            "unavailable" => &self.unavailable,
            _ => return None,
        })
    }

    /// `contact, identity and payment`.
    pub fn classes<S: AsRef<str>>(&self, classes: &[S]) -> String {
        let named: Vec<&str> = classes.iter().map(|class| self.class(class.as_ref())).collect();
        crate::words::list(&named, &self.and)
    }

    fn class<'c>(&'c self, class: &'c str) -> &'c str {
        self.classes.get(class).map_or(class, String::as_str)
    }

    /// What helps where data of the class is in somebody's hands. It states nothing of what happened.
    pub fn advice(&self, class: &str) -> &str {
        let text = self
            .advice
            .get(advised(class))
            .or_else(|| self.advice.get("other"));
        text.map_or("", String::as_str)
    }

    /// The most urgent first: a password is changed before a message is looked at twice.
    pub fn urgency(class: &str) -> usize {
        let name = advised(class);
        ADVISED
            .iter()
            .position(|known| *known == name)
            .unwrap_or(ADVISED.len())
    }

    /// What the law of a place wants a person to be told.
    pub fn right(&self, what: &str) -> Option<&str> {
        self.rights.get(what).map(String::as_str)
    }

    /// Whole seconds, in UTC.
    pub fn at(&self, at: Timestamp) -> String {
        let seconds = jiff::Timestamp::from_second(at.0.div_euclid(1_000_000_000)).ok();
        let Some(at) = seconds.filter(|_| at != Timestamp::MIN && at != Timestamp::MAX) else {
            return at.to_string();
        };
        let told = at.to_zoned(jiff::tz::TimeZone::UTC);
        let month = usize::try_from(told.month() - 1).ok();
        let month = month.and_then(|month| self.months.get(month));
        filled(
            &self.instant,
            &[
                ("day", &told.day().to_string()),
                ("month", month.map_or("", String::as_str)),
                ("year", &told.year().to_string()),
                ("time", &told.strftime("%H:%M:%S").to_string()),
            ],
        )
    }

    /// Every sentence holds what it must hold.
    fn check(&self) -> Result<(), String> {
        let effects = [&self.read, &self.changed, &self.destroyed, &self.unavailable];
        let classed = effects
            .iter()
            .flat_map(|effect| [&effect.was, &effect.may, &effect.unclear, &effect.not]);
        let period = &self.period;
        let held = classed
            .map(|text| (text, &["classes"][..]))
            .chain([(&period.once, &["from"][..]), (&period.may_once, &["from"][..])])
            .chain([&period.between, &period.may_between].map(|text| (text, &["from", "to"][..])))
            .chain([(&self.instant, &["day", "month", "year", "time"][..])]);
        for (text, names) in held {
            if let Some(name) = names.iter().find(|name| !text.contains(&format!("{{{name}}}"))) {
                return Err(format!("`{text}` lacks `{{{name}}}`"));
            }
        }
        if self.months.len() != 12 {
            return Err("`months` names twelve".to_owned());
        }
        if let Some(class) = ambit_scope::CLASSES
            .iter()
            .find(|class| !self.classes.contains_key(**class))
        {
            return Err(format!("`classes` has no word for `{class}`"));
        }
        if let Some(name) = ADVISED.iter().find(|name| !self.advice.contains_key(**name)) {
            return Err(format!("`advice` says nothing for `{name}`"));
        }
        Ok(())
    }
}

/// Puts values in the place of `{name}`. What a value holds is never looked into again.
pub(super) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 40);
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = tail.split_once('}') else {
            out.push('{');
            rest = tail;
            break;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&format!("{{{name}}}")),
        }
        rest = after;
    }
    out + rest
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything() {
        let all = Tongue::built_in();
        let codes: Vec<&str> = all.iter().map(|tongue| tongue.code.as_str()).collect();
        assert_eq!(codes, ["en", "de"]);
        let rights: Vec<_> = all.iter().map(|tongue| tongue.phrases.rights.keys()).collect();
        assert!(rights.iter().all(|keys| keys.clone().eq(rights[0].clone())));
        for tongue in &all {
            assert_eq!(tongue.phrases.check(), Ok(()), "{}", tongue.code);
        }
    }

    #[test]
    fn instants_are_told_in_the_language() {
        let at = Timestamp::from_secs(1_400_618_341);
        let told = |code: &str| Tongue::known(code).unwrap().phrases.at(at);
        assert_eq!(told("en"), "20 May 2014 at 20:39:01 UTC");
        assert_eq!(told("de"), "20. Mai 2014 um 20:39:01 UTC");
    }

    #[test]
    fn a_language_of_ones_own_lacks_no_sentence() {
        let english = Tongue::sentences("en").unwrap();
        assert!(Tongue::read("fr", english, "x").is_ok_and(|tongue| !tongue.is_checked()));
        for (from, to, why) in [
            ("{classes} data was read.", "data was read.", "lacks `{classes}`"),
            ("payment = \"payment\"\n", "", "no word for `payment`"),
            ("and = \"and\"\n", "", "and"),
            ("\"December\"", "", "twelve"),
        ] {
            let error = Tongue::read("fr", &english.replace(from, to), "x").unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_value_is_not_looked_into() {
        assert_eq!(filled("a {x} {y} {", &[("x", "{y}"), ("y", "2")]), "a {y} 2 {");
        assert!(is_language("pt-br") && !is_language("../x") && !is_language("EN"));
    }
}
