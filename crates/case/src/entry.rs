//! One entry of the journal, and what it says.

use crate::Error;
use ambit_event::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Where a trace started.
    Seeds,
    /// What a person said is so, without evidence.
    Assertions,
    /// An answer, whole, at one version of the lake.
    Scope,
    /// A remark.
    Note,
    /// Somebody looked at persons or raw records, and why.
    Reveal,
    /// What was decided, and why.
    Decision,
    /// What a person said is so, by the name that law asks for it, with who knew and by which evidence.
    Fact,
    /// A notice as it was issued.
    Notice,
    /// That something was sent, when, and what proves it.
    Sent,
    /// Who is written to, approved by whoever signs the entry.
    Mailing,
    /// That a letter is about to go, or what became of it.
    Letter,
}

impl Kind {
    pub const ALL: &'static [Self] = &[
        Self::Seeds,
        Self::Assertions,
        Self::Scope,
        Self::Note,
        Self::Reveal,
        Self::Decision,
        Self::Fact,
        Self::Notice,
        Self::Sent,
        Self::Mailing,
        Self::Letter,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seeds => "seeds",
            Self::Assertions => "assertions",
            Self::Scope => "scope",
            Self::Note => "note",
            Self::Reveal => "reveal",
            Self::Decision => "decision",
            Self::Fact => "fact",
            Self::Notice => "notice",
            Self::Sent => "sent",
            Self::Mailing => "mailing",
            Self::Letter => "letter",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who writes, and when: both come from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    pub who: String,
    pub at: Timestamp,
}

impl By {
    #[must_use]
    pub fn new(who: impl Into<String>, at: Timestamp) -> Self {
        Self { who: who.into(), at }
    }
}

/// What is to be written down: a kind and its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    pub kind: Kind,
    pub body: Value,
}

impl Act {
    /// The seeds as they were given; secrets among them must already be fingerprints.
    #[must_use]
    pub fn seeds(seeds: &[String]) -> Self {
        Self::new(Kind::Seeds, json!({ "seeds": seeds }))
    }

    /// What a person said is so, one sentence or one `--assume` each.
    #[must_use]
    pub fn assertions(assertions: &[String]) -> Self {
        Self::new(Kind::Assertions, json!({ "assertions": assertions }))
    }

    /// A whole answer. `answer_hash` is the SHA-256 of the answer's canonical JSON, so that a printed
    /// report can be matched with the entry.
    #[must_use]
    pub fn scope(lake_version: u64, content_root: &str, answer: Value) -> Self {
        let answer_hash = hex::encode(Sha256::digest(canonical(&answer)));
        let body = json!({
            "lake_version": lake_version,
            "content_root": content_root,
            "answer_hash": answer_hash,
            "answer": answer,
        });
        Self::new(Kind::Scope, body)
    }

    #[must_use]
    pub fn note(text: &str) -> Self {
        Self::new(Kind::Note, json!({ "text": text }))
    }

    /// Somebody is about to see `what`, unmasked.
    #[must_use]
    pub fn reveal(what: &str, reason: &str) -> Self {
        Self::new(Kind::Reveal, json!({ "what": what, "reason": reason }))
    }

    #[must_use]
    pub fn decision(text: &str, reason: &str) -> Self {
        Self::new(Kind::Decision, json!({ "text": text, "reason": reason }))
    }

    fn new(kind: Kind, body: Value) -> Self {
        Self { kind, body }
    }
}

/// One entry, as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// From 1, without holes.
    pub seq: u64,
    pub at: Timestamp,
    pub who: String,
    pub kind: Kind,
    pub body: Value,
    /// Hash of the entry before; for the first, the hash of the case's name.
    pub previous: String,
    /// SHA-256, in hexadecimal, over the 32 bytes of `previous` and the canonical JSON of
    /// `{at, body, kind, seq, who}`.
    pub hash: String,
}

impl Entry {
    /// A text of the body, for entries that have one of that name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_str()
    }
}

/// The columns of an entry as they lie in the file. The hash is over these texts themselves, so that
/// not even white space can change unseen.
#[derive(Debug, Clone)]
pub struct Written {
    pub seq: u64,
    pub at: String,
    pub who: String,
    pub kind: String,
    pub body: String,
    pub previous: String,
    pub hash: String,
}

impl Written {
    /// The next entry after `previous`, ready to be written.
    pub fn next(seq: u64, previous: &str, by: &By, act: &Act) -> Self {
        let mut written = Self {
            seq,
            at: by.at.to_string(),
            who: by.who.clone(),
            kind: act.kind.name().to_owned(),
            body: canonical(&act.body),
            previous: previous.to_owned(),
            hash: String::new(),
        };
        written.hash = written.computed_hash();
        written
    }

    pub fn computed_hash(&self) -> String {
        let text = format!(
            "{{\"at\":{},\"body\":{},\"kind\":{},\"seq\":{},\"who\":{}}}",
            Value::from(self.at.as_str()),
            self.body,
            Value::from(self.kind.as_str()),
            self.seq,
            Value::from(self.who.as_str()),
        );
        let mut hash = Sha256::new();
        hash.update(hex::decode(&self.previous).unwrap_or_default());
        hash.update(text);
        hex::encode(hash.finalize())
    }

    pub fn read(self) -> Result<Entry, Error> {
        let seq = self.seq;
        let bad = |why: String| Error::Body { seq, why };
        Ok(Entry {
            seq,
            at: Timestamp::parse(&self.at).map_err(|e| bad(e.to_string()))?,
            kind: Kind::parse(&self.kind).ok_or_else(|| bad(format!("unknown kind `{}`", self.kind)))?,
            body: serde_json::from_str(&self.body).map_err(|e| bad(e.to_string()))?,
            who: self.who,
            previous: self.previous,
            hash: self.hash,
        })
    }
}

/// JSON with the keys of every object in byte order and no white space: the same value, the same bytes.
pub fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            Value::Object(
                pairs
                    .into_iter()
                    .map(|(k, v)| (k.clone(), sorted(v)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let a = json!({"b": [{"y": 1, "x": "ü\n"}], "a": null});
        let b = json!({"a": null, "b": [{"x": "ü\n", "y": 1}]});
        assert_eq!(canonical(&a), canonical(&b));
        assert_eq!(canonical(&a), "{\"a\":null,\"b\":[{\"x\":\"ü\\n\",\"y\":1}]}");
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
            assert_eq!(serde_json::to_value(kind).ok(), Some(json!(kind.name())));
        }
    }
}
