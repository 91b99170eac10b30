//! What a sentence says, as far as its words show it.

use regex::Regex;
use std::sync::LazyLock;

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

/// Patterns over lower-case text; a pattern that does not compile finds nothing, and a test would fail.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(
    HEDGE,
    r"\b(may|might|could|cannot (be )?(excluded?|ruled? out|confirm|say)|can not (exclude|rule out)|possibly|potentially|it is possible|not (yet )?(known|clear|certain|able to)|do not (yet )?know|undecided|as far as|cannot yet)\b"
);
pattern!(
    ONLY,
    r"\b(only|solely|exclusively|limited to|no more than one|just (one|a)|a single|no other (user|person|customer|account|individual)s?|nobody else's|no one else's)\b"
);
pattern!(
    NO_EVIDENCE,
    r"\bno (evidence|indication|sign|trace|reason to believe|proof)s?\b|\b(not|n't) (found|seen|identified) (any )?(evidence|indication|sign)s?\b"
);
pattern!(
    NEGATED,
    r"\b(no|not|never|none|without|neither|nor|nothing)\b|n't\b|\bremain(s|ed)? (safe|secure|untouched|unaffected)\b|\b(is|are|was|were) (safe|unaffected|untouched)\b"
);
pattern!(
    REACHED,
    r"\b(access(ed|es)?|read|view(ed)?|expos(ed|ure)|obtain(ed)?|cop(y|ied)|stolen|taken|leak(ed)?|compromised?|affected|disclosed|exfiltrat(ed|ion)|reached|seen|downloaded|involved)\b"
);
pattern!(
    ENDED,
    r"\b(no longer (has|have|had) access|access (has )?(ended|been (revoked|cut off))|fully contained|is contained|was contained|locked out|has been (contained|stopped|removed)|removed the (intruder|attacker))\b"
);
pattern!(ENCRYPTED, r"\b(encrypted|unreadable|unintelligible|hashed)\b");
pattern!(
    NOBODY_ELSE,
    r"\b(nobody else|no one else|no other (intruder|attacker|actor|party)|isolated (incident|case))\b"
);
pattern!(CHANGED, r"\b(changed|altered|modified|tampered)\b");
pattern!(DESTROYED, r"\b(destroyed|deleted|erased|wiped)\b");
pattern!(UNAVAILABLE, r"\b(unavailable|inaccessible)\b");
pattern!(
    ALL_DATA,
    r"\b((personal|customer|user|member|client)s?('s?)? (data|information)|data of (any|our) (user|customer|person|member)s?|anyone's data|any data|nobody's data|no data)\b"
);
pattern!(
    NUMBER,
    r"(?:\b(at least|more than|over|at most|up to|fewer than|no more than|approximately|about|around|roughly|some|exactly|only)\s+)?\b(\d[\d,]*|one|two|three|a single)\s+(?:\w+\s+){0,2}?(users?|persons?|people|customers?|accounts?|individuals?|members?|subscribers?|patients?|employees?|records?)\b"
);

fn first(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    let found = pattern.as_ref()?.find(text)?;
    Some(found.as_str().to_owned())
}

impl Marks {
    pub fn of(sentence: &str) -> Self {
        let text = sentence.to_lowercase().replace('\u{2019}', "'");
        let no_evidence = first(&NO_EVIDENCE, &text);
        let nobody_else = first(&NOBODY_ELSE, &text);
        let hedged = HEDGE.as_ref().is_some_and(|hedge| hedge.is_match(&text));
        // "we do not know whether" denies knowledge, not access.
        let plain = HEDGE
            .as_ref()
            .map_or(text.clone(), |hedge| hedge.replace_all(&text, " ").into_owned());
        let reached = first(&REACHED, &text);
        let effect = [
            ("changed", &CHANGED),
            ("destroyed", &DESTROYED),
            ("unavailable", &UNAVAILABLE),
        ]
        .into_iter()
        .find(|(_, pattern)| first(pattern, &text).is_some())
        .map(|(effect, _)| effect);
        let ended = first(&ENDED, &text);
        let negated = first(&NEGATED, &plain).filter(|_| ended.is_none() && nobody_else.is_none());
        Self {
            only: first(&ONLY, &text),
            affirmed: reached.filter(|_| no_evidence.is_none()),
            encrypted: first(&ENCRYPTED, &text).filter(|_| negated.is_none()),
            classes: super::named_classes(&text),
            all_data: ALL_DATA.as_ref().is_some_and(|all| all.is_match(&text)),
            numbers: numbers(&text),
            hedged,
            negated,
            no_evidence,
            ended,
            nobody_else,
            effect,
        }
    }
}

fn numbers(text: &str) -> Vec<Number> {
    let Some(pattern) = NUMBER.as_ref() else {
        return Vec::new();
    };
    let each = pattern.captures_iter(text).filter_map(|found| {
        let group = |n: usize| found.get(n).map_or("", |part| part.as_str());
        let n: u64 = match group(2) {
            "one" | "a single" => 1,
            "two" => 2,
            "three" => 3,
            digits => digits.replace(',', "").parse().ok()?,
        };
        let (said, n) = match group(1) {
            "at least" => (Said::AtLeast, n),
            "more than" | "over" => (Said::AtLeast, n.saturating_add(1)),
            "at most" | "up to" | "no more than" => (Said::AtMost, n),
            "fewer than" => (Said::AtMost, n.saturating_sub(1)),
            "approximately" | "about" | "around" | "roughly" | "some" => (Said::About, n),
            _ => (Said::Exactly, n),
        };
        Some(Number {
            n,
            said,
            of_records: group(3).starts_with("record"),
            words: group(0).to_owned(),
        })
    });
    each.collect()
}

/// Whether a word, or the word in the plural, stands in a text.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let rest = text.get(at + found.len()..).unwrap_or("");
        let after = rest.strip_prefix('s').unwrap_or(rest).chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// How people name a class of data.
pub(super) fn names_of(class: &str) -> &'static [&'static str] {
    match class {
        "behaviour" => &[
            "behaviour",
            "behavior",
            "listening history",
            "usage data",
            "purchase history",
        ],
        "biometric" => &["biometric", "fingerprint"],
        "communication" => &["communication", "message", "correspondence"],
        "contact" => &[
            "contact data",
            "contact detail",
            "contact information",
            "email address",
            "e-mail address",
            "email addresse",
            "e-mail addresse",
            "postal address",
            "phone number",
            "telephone number",
        ],
        "content" => &["content", "file", "photo", "document"],
        "credential" => &["password", "credential", "access token", "login"],
        "demographic" => &["date of birth", "birth date", "gender", "demographic"],
        "financial" => &["financial", "bank account", "account balance"],
        "government_id" => &[
            "social security number",
            "passport",
            "driving licence",
            "identity card",
            "government id",
        ],
        "health" => &["health", "medical", "diagnosis"],
        "identity" => &["name", "identity data", "username", "user name"],
        "location" => &["location", "whereabout"],
        "payment" => &["payment", "credit card", "card number", "card detail"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            &HEDGE,
            &ONLY,
            &NO_EVIDENCE,
            &NEGATED,
            &REACHED,
            &ENDED,
            &ENCRYPTED,
            &NOBODY_ELSE,
            &CHANGED,
            &DESTROYED,
            &UNAVAILABLE,
            &ALL_DATA,
            &NUMBER,
        ] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn words_stand_alone_or_in_the_plural() {
        assert!(has_word("no passwords were read", "password"));
        assert!(!has_word("passwordless login", "password"));
        assert!(!has_word("profile", "file"));
    }
}
