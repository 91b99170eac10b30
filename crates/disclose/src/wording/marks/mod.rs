//! What a sentence says, as far as its words show it, in each language that is checked.

mod english;
mod german;

use english::ENGLISH;
use german::GERMAN;
use regex::Regex;
use std::sync::LazyLock;

/// A language whose sentences are held against the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    English,
    German,
}

/// The words of a language by which a sentence is known. Patterns are over lower-case text.
pub(super) struct Words {
    hedge: &'static str,
    only: &'static str,
    no_evidence: &'static str,
    negated: &'static str,
    reached: &'static str,
    ended: &'static str,
    encrypted: &'static str,
    nobody_else: &'static str,
    changed: &'static str,
    destroyed: &'static str,
    unavailable: &'static str,
    all_data: &'static str,
    /// How it is said, how many, and of what.
    number: &'static str,
    numerals: &'static [(&'static str, u64)],
    said: &'static [(&'static str, Counted)],
    /// How the word for records begins.
    record: &'static str,
    /// What stands between thousands.
    thousands: char,
    /// What a word may have in the plural.
    plural: &'static str,
    classes: &'static [(&'static str, &'static [&'static str])],
}

/// How a number is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counted {
    AtLeast,
    MoreThan,
    AtMost,
    FewerThan,
    About,
}

/// The same, ready to be asked. A pattern that does not compile finds nothing, and a test would fail.
struct Patterns {
    words: &'static Words,
    hedge: Option<Regex>,
    only: Option<Regex>,
    no_evidence: Option<Regex>,
    negated: Option<Regex>,
    reached: Option<Regex>,
    ended: Option<Regex>,
    encrypted: Option<Regex>,
    nobody_else: Option<Regex>,
    effects: [(&'static str, Option<Regex>); 3],
    all_data: Option<Regex>,
    number: Option<Regex>,
}

static ENGLISH_PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::of(&ENGLISH));
static GERMAN_PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::of(&GERMAN));

impl Language {
    fn patterns(self) -> &'static Patterns {
        match self {
            Self::English => &ENGLISH_PATTERNS,
            Self::German => &GERMAN_PATTERNS,
        }
    }
}

impl Patterns {
    fn of(words: &'static Words) -> Self {
        let pattern = |text: &str| Regex::new(text).ok();
        Self {
            words,
            hedge: pattern(words.hedge),
            only: pattern(words.only),
            no_evidence: pattern(words.no_evidence),
            negated: pattern(words.negated),
            reached: pattern(words.reached),
            ended: pattern(words.ended),
            encrypted: pattern(words.encrypted),
            nobody_else: pattern(words.nobody_else),
            effects: [
                ("changed", pattern(words.changed)),
                ("destroyed", pattern(words.destroyed)),
                ("unavailable", pattern(words.unavailable)),
            ],
            all_data: pattern(words.all_data),
            number: pattern(words.number),
        }
    }

    fn numbers(&self, text: &str) -> Vec<Number> {
        let Some(pattern) = self.number.as_ref() else {
            return Vec::new();
        };
        let each = pattern.captures_iter(text).filter_map(|found| {
            let group = |n: usize| found.get(n).map_or("", |part| part.as_str());
            let numeral = self.words.numerals.iter().find(|(word, _)| *word == group(2));
            let n: u64 = match numeral {
                Some((_, n)) => *n,
                None => group(2).replace(self.words.thousands, "").parse().ok()?,
            };
            let counted = self.words.said.iter().find(|(word, _)| *word == group(1));
            let (said, n) = match counted.map(|(_, counted)| counted) {
                Some(Counted::AtLeast) => (Said::AtLeast, n),
                Some(Counted::MoreThan) => (Said::AtLeast, n.saturating_add(1)),
                Some(Counted::AtMost) => (Said::AtMost, n),
                Some(Counted::FewerThan) => (Said::AtMost, n.saturating_sub(1)),
                Some(Counted::About) => (Said::About, n),
                None => (Said::Exactly, n),
            };
            Some(Number {
                n,
                said,
                of_records: group(3).starts_with(self.words.record),
                words: group(0).to_owned(),
            })
        });
        each.collect()
    }

    fn classes(&self, text: &str) -> Vec<&'static str> {
        let named = self.words.classes.iter();
        let found =
            named.filter(|(_, names)| names.iter().any(|name| has_word(text, name, self.words.plural)));
        found.map(|(class, _)| *class).collect()
    }
}

/// The signs in a sentence.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub hedged: bool,
    pub only: Option<String>,
    pub negated: Option<String>,
    pub no_evidence: Option<String>,
    pub affirmed: Option<String>,
    pub ended: Option<String>,
    pub encrypted: Option<String>,
    pub nobody_else: Option<String>,
    /// The effect that is spoken of, where it is not reading.
    pub effect: Option<&'static str>,
    pub classes: Vec<&'static str>,
    /// Personal or customer data as a whole.
    pub all_data: bool,
    pub numbers: Vec<Number>,
}

/// A count of persons or records.
#[derive(Debug)]
pub(super) struct Number {
    pub n: u64,
    pub said: Said,
    pub of_records: bool,
    pub words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Exactly,
    About,
    AtLeast,
    AtMost,
}

fn first(pattern: &Option<Regex>, text: &str) -> Option<String> {
    let found = pattern.as_ref()?.find(text)?;
    Some(found.as_str().to_owned())
}

impl Marks {
    pub fn of(sentence: &str, language: Language) -> Self {
        let text = sentence.to_lowercase().replace('\u{2019}', "'");
        let patterns = language.patterns();
        let no_evidence = first(&patterns.no_evidence, &text);
        let nobody_else = first(&patterns.nobody_else, &text);
        let hedged = first(&patterns.hedge, &text).is_some();
        // "we do not know whether" denies knowledge, not access.
        let plain = patterns
            .hedge
            .as_ref()
            .map_or(text.clone(), |hedge| hedge.replace_all(&text, " ").into_owned());
        let reached = first(&patterns.reached, &text);
        let effect = patterns
            .effects
            .iter()
            .find(|(_, pattern)| first(pattern, &text).is_some())
            .map(|(effect, _)| *effect);
        let ended = first(&patterns.ended, &text);
        let negated = first(&patterns.negated, &plain).filter(|_| ended.is_none() && nobody_else.is_none());
        Self {
            only: first(&patterns.only, &text),
            affirmed: reached.filter(|_| no_evidence.is_none()),
            encrypted: first(&patterns.encrypted, &text).filter(|_| negated.is_none()),
            classes: patterns.classes(&text),
            all_data: first(&patterns.all_data, &text).is_some(),
            numbers: patterns.numbers(&text),
            hedged,
            negated,
            no_evidence,
            ended,
            nobody_else,
            effect,
        }
    }
}

/// Whether a word, or the word in the plural, stands in a text.
fn has_word(text: &str, word: &str, plural: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let rest = text.get(at + found.len()..).unwrap_or("");
        let after = rest.strip_prefix(plural).unwrap_or(rest).chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for language in [Language::English, Language::German] {
            let patterns = language.patterns();
            for pattern in [
                &patterns.hedge,
                &patterns.only,
                &patterns.no_evidence,
                &patterns.negated,
                &patterns.reached,
                &patterns.ended,
                &patterns.encrypted,
                &patterns.nobody_else,
                &patterns.all_data,
                &patterns.number,
            ] {
                assert!(pattern.is_some());
            }
            assert!(patterns.effects.iter().all(|(_, pattern)| pattern.is_some()));
        }
    }

    #[test]
    fn words_stand_alone_or_in_the_plural() {
        assert!(has_word("no passwords were read", "password", "s"));
        assert!(!has_word("passwordless login", "password", "s"));
        assert!(!has_word("profile", "file", "s"));
        assert!(!has_word("zahlungsdatensatz", "zahlungsdaten", ""));
    }
}
