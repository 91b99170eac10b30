//! Whether a text may be issued: every sentence against the evidence, every number bound, nothing left to be said.

use super::saying::Sayings;
use super::template::{Block, Style};
use crate::wording::{Ground, Language, Worth, lint};
use regex::Regex;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// Something that stands between a text and its issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub kind: TroubleKind,
    /// The sentence, or the words, that it is about.
    pub words: String,
    /// Why, and what to do.
    pub because: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TroubleKind {
    /// A person must say something first.
    Missing,
    /// The evidence says otherwise.
    Contradicted,
    /// The evidence does not carry it.
    Overclaimed,
    /// It makes less of what is certain.
    Understated,
    /// A number that is bound to nothing.
    LooseNumber,
    /// The law of the place forbids to tell something that only a person can look for.
    Forbidden,
    /// No person decided that it is to be said.
    NotDecided,
}

impl TroubleKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Contradicted => "contradicted",
            Self::Overclaimed => "overclaimed",
            Self::Understated => "understated",
            Self::LooseNumber => "loose_number",
            Self::Forbidden => "forbidden",
            Self::NotDecided => "not_decided",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.name(), self.words, self.because)
    }
}

/// Names of articles, items and forms have numbers that count nothing.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(articles?|artikel|art\.|items?|sections?|forms?|parts?|chapters?|regulation|abs(atz|\.)|verordnung)\s+(\([a-z]+\)\s+)?[\w./-]*\d[\w()./-]*").ok()
});

/// All troubles of a text, in its order. Without a language that is checked, sentences are not held against the
/// evidence, and whoever approves the text answers for them.
pub(super) fn troubles(
    blocks: &[Block],
    sayings: &Sayings,
    language: Option<Language>,
    ground: &Ground<'_>,
) -> Vec<Trouble> {
    let mut found = Vec::new();
    for block in blocks {
        holes(block, sayings, &mut found);
        loose(block, &mut found);
        let Some(language) = language else { continue };
        let text = stated(block, sayings);
        let sentences = sentences(&text);
        found.extend(
            sentences
                .into_iter()
                .filter_map(|sentence| held(sentence, language, ground)),
        );
    }
    let mut seen = BTreeSet::new();
    found.retain(|trouble| seen.insert((trouble.kind, trouble.words.clone())));
    found
}

/// What a person must say first.
fn holes(block: &Block, sayings: &Sayings, found: &mut Vec<Trouble>) {
    for saying in block
        .pieces
        .iter()
        .filter_map(|piece| sayings.get(piece.saying.as_deref()?))
    {
        found.extend(saying.missing.iter().map(|fact| Trouble {
            kind: TroubleKind::Missing,
            words: fact.clone(),
            because: saying.text.clone(),
        }));
    }
}

/// The text without the questions and the advice that stand in it.
fn stated(block: &Block, sayings: &Sayings) -> String {
    let is_idle = |id: &String| sayings.get(id).is_some_and(|saying| !saying.states());
    let stated = block
        .pieces
        .iter()
        .filter(|piece| !piece.saying.as_ref().is_some_and(is_idle));
    stated.map(|piece| piece.text.as_str()).collect()
}

/// Numbers that the template wrote itself.
fn loose(block: &Block, found: &mut Vec<Trouble>) {
    for piece in block.pieces.iter().filter(|piece| piece.saying.is_none()) {
        let plain = REFERENCE.as_ref().map_or(piece.text.clone().into(), |pattern| {
            pattern.replace_all(&piece.text, " ")
        });
        if plain.chars().any(char::is_numeric) {
            found.push(Trouble {
                kind: TroubleKind::LooseNumber,
                words: piece.text.trim().to_owned(),
                because: "a number in a notice comes from a saying: state it as a fact, and let the template say that".to_owned(),
            });
        }
    }
}

/// A question states nothing.
fn held(sentence: &str, language: Language, ground: &Ground<'_>) -> Option<Trouble> {
    if sentence.ends_with('?') {
        return None;
    }
    let linted = lint(sentence, language, ground);
    let kind = match linted.worth {
        Worth::Unbound | Worth::Carried | Worth::Hedged => return None,
        Worth::Understated => TroubleKind::Understated,
        Worth::Overclaimed => TroubleKind::Overclaimed,
        Worth::Contradicted => TroubleKind::Contradicted,
    };
    let worst = linted.remarks.iter().find(|remark| remark.worth == linted.worth);
    Some(Trouble {
        kind,
        words: sentence.to_owned(),
        because: worst.map_or_else(String::new, |remark| {
            format!("`{}`: {}", remark.words, remark.because)
        }),
    })
}

/// The sentences of a part: an end is a stop before a space and a capital, a bracket or a digit.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut from, mut after_stop) = (0, None);
    for (at, c) in text.char_indices() {
        match c {
            '.' | '!' | '?' => after_stop = Some(at + c.len_utf8()),
            // What closes a quotation or a bracket belongs to the sentence in it.
            ']' | ')' | '"' if after_stop == Some(at) => after_stop = Some(at + c.len_utf8()),
            c if c.is_whitespace() => {}
            c => {
                if let Some(end) = after_stop.take()
                    && end < at
                    && (c.is_uppercase() || c == '[' || c.is_numeric())
                {
                    sentences.extend(text.get(from..end));
                    from = at;
                }
            }
        }
    }
    sentences.extend(text.get(from..));
    sentences
        .into_iter()
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .collect()
}

/// Blocks that hold something that a template may have left empty: a heading over nothing.
pub(super) fn without_idle_headings(blocks: Vec<Block>) -> Vec<Block> {
    let is_head = |block: &Block| matches!(block.style, Style::Heading);
    let next_is_body: Vec<bool> = (0..blocks.len())
        .map(|n| {
            blocks
                .get(n + 1)
                .is_some_and(|next| !is_head(next) && next.style != Style::Title)
        })
        .collect();
    blocks
        .into_iter()
        .zip(next_is_body)
        .filter(|(block, has_body)| !is_head(block) || *has_body)
        .map(|(block, _)| block)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_before_capitals_and_versions_do_not_end_them() {
        assert_eq!(
            sentences("It came through version 0.9.4 of the app. We knew it. [to be said: when?] End"),
            [
                "It came through version 0.9.4 of the app.",
                "We knew it.",
                "[to be said: when?]",
                "End"
            ]
        );
        assert_eq!(sentences(""), Vec::<&str>::new());
        assert!(REFERENCE.is_some());
    }

    #[test]
    fn articles_are_no_loose_numbers() {
        let plain = |text: &str| {
            let pattern = REFERENCE.as_ref()?;
            Some(pattern.replace_all(text, " ").chars().any(char::is_numeric))
        };
        for (text, is_loose) in [
            (
                "Notification under Article 33(1) of Regulation (EU) 2016/679",
                false,
            ),
            ("Item 1.05 Material Cybersecurity Incidents", false),
            ("Form 8-K", false),
            ("Some 500 people", true),
            ("call 0800 1234", true),
        ] {
            assert_eq!(plain(text), Some(is_loose), "{text}");
        }
    }
}
