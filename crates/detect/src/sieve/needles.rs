//! Texts that are looked for in others in one pass.

use super::need::Where;
use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::HashMap;
use std::sync::OnceLock;

/// So many needles can be looked for many bytes at a time, in texts of so many bytes and more.
const MOST_QUICK: usize = 64;
const LEAST_LONG: usize = 32;
/// An automaton of needles of so many bytes together may take the memory that the quickest kind does.
const SMALL: usize = 16 * 1024;

/// Folded texts, and the facts that one of them makes where it is found.
pub(super) struct Needles {
    texts: Vec<String>,
    facts: Vec<Vec<(Where, u32)>>,
    /// Made when the first text comes to be looked at, as many fields never come. `None`: it cannot be made, and each
    /// of the facts is taken for met.
    automaton: OnceLock<Option<AhoCorasick>>,
    /// Says of most texts that none of the needles is in them.
    quick: OnceLock<Option<Searcher>>,
}

impl Needles {
    pub fn new(texts: Vec<(String, Where, u32)>) -> Self {
        let mut by_text: HashMap<String, Vec<(Where, u32)>> = HashMap::new();
        for (text, at, fact) in texts {
            by_text.entry(text).or_default().push((at, fact));
        }
        let (texts, facts) = by_text.into_iter().unzip();
        Self {
            texts,
            facts,
            automaton: OnceLock::new(),
            quick: OnceLock::new(),
        }
    }

    /// Tells the facts that the text makes, some of them more than once.
    pub fn find(&self, folded: &str, meet: &mut dyn FnMut(u32)) {
        if folded.len() >= LEAST_LONG && self.quick().is_some_and(|quick| quick.find(folded).is_none()) {
            return;
        }
        let Some(automaton) = self.automaton() else {
            let all = self.facts.iter().flatten();
            return all.for_each(|(_, fact)| meet(*fact));
        };
        for found in automaton.find_overlapping_iter(folded) {
            let facts = self.facts.get(found.pattern().as_usize());
            for (at, fact) in facts.into_iter().flatten() {
                let is_there = match at {
                    Where::Anywhere => true,
                    Where::AtStart => found.start() == 0,
                    Where::AtEnd => found.end() == folded.len(),
                    Where::Whole => found.start() == 0 && found.end() == folded.len(),
                };
                if is_there {
                    meet(*fact);
                }
            }
        }
    }

    fn quick(&self) -> Option<&Searcher> {
        self.quick.get_or_init(|| searcher(&self.texts)).as_ref()
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let is_small = self.texts.iter().map(String::len).sum::<usize>() <= SMALL;
        self.automaton
            .get_or_init(|| {
                AhoCorasick::builder()
                    .kind(is_small.then_some(AhoCorasickKind::DFA))
                    .build(&self.texts)
                    .ok()
            })
            .as_ref()
    }
}

/// `None` where there are too many of them, or one is in every text.
fn searcher(texts: &[String]) -> Option<Searcher> {
    let is_one = texts.len() <= MOST_QUICK && texts.iter().all(|text| !text.is_empty());
    is_one.then(|| Searcher::new(texts)).flatten()
}

/// Texts that are looked for in all of an event.
pub(super) struct Words {
    pub needles: Needles,
    /// Looks for them as they are written in JSON.
    in_json: OnceLock<Option<Searcher>>,
}

impl Words {
    pub fn new(needles: Needles) -> Self {
        Self {
            needles,
            in_json: OnceLock::new(),
        }
    }

    /// Whether one of them may be in a text of this JSON, which is folded, all ASCII, and has no escape but those that
    /// must be.
    pub fn may_be_in(&self, json: &str) -> bool {
        let searcher = self.in_json.get_or_init(|| {
            let written: Vec<String> = self.needles.texts.iter().map(|text| written(text)).collect();
            searcher(&written)
        });
        searcher
            .as_ref()
            .is_none_or(|searcher| searcher.find(json).is_some())
    }
}

/// As a text is written in JSON, without the quotes.
fn written(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let bare = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    bare.unwrap_or(&quoted).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(needles: &Needles, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        needles.find(text, &mut |fact| found.push(fact));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn needles_are_found_where_they_are_looked_for() {
        let few = [
            ("mimi", Where::Anywhere),
            ("c:\\", Where::AtStart),
            ("katz", Where::AtEnd),
            ("mimikatz", Where::Whole),
        ];
        let many = (0..200).map(|n| (format!("no such text {n}"), Where::Anywhere, 100 + n));
        let few = || (0..).zip(few).map(|(n, (text, at))| (text.to_owned(), at, n));
        for needles in [
            Needles::new(few().collect()),
            Needles::new(few().chain(many).collect()),
        ] {
            assert_eq!(found(&needles, "mimikatz"), [0, 2, 3]);
            assert_eq!(
                found(&needles, "c:\\users\\public\\downloads\\tools\\x mimi.exe"),
                [0, 1]
            );
            assert_eq!(
                found(&needles, "d:\\users\\public\\downloads\\tools\\c:\\katz"),
                [2]
            );
            assert!(found(&needles, "d:\\users\\public\\downloads\\tools\\nothing.exe").is_empty());
            assert!(found(&needles, "").is_empty());
        }
    }

    #[test]
    fn words_are_looked_for_as_json_has_them() {
        let needle = |text: &str| (text.to_owned(), Where::Anywhere, 0);
        let words = Words::new(Needles::new(vec![needle("a\"b\\c"), needle("x\ty")]));
        for (text, may_be) in [
            ("__a\"b\\c__", true),
            ("x\ty", true),
            ("a\"b/c", false),
            ("xy", false),
        ] {
            let json = serde_json::json!({ "k": text, "l": "some more text, so that it is long" });
            assert_eq!(words.may_be_in(&json.to_string()), may_be, "{text}");
        }
    }
}
