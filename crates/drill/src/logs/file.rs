//! A file that is being written: what is attested of it, and what a hole makes of it.

use super::stream::{Segment, Stream};
use crate::Error;
use crate::clock::{Style, Written};
use crate::sink::Sink;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A file that is being written.
#[derive(Debug)]
pub(super) struct File {
    pub path: String,
    pub name: String,
    pub segment: Segment,
    pub hash: Sha256,
    pub n_bytes: u64,
    /// Line ends, and records: a record may have several lines.
    pub n_lines: u64,
    pub n_records: u64,
    pub pending: String,
    /// No more bytes pass: the file is cut here.
    pub is_cut: bool,
    /// Where the same bytes go a second time.
    pub copy: Option<String>,
}

impl File {
    pub fn open(folder: &str, host: &str, source: &str, segment: Segment) -> Self {
        let from = segment.span.from;
        let name = match source {
            "nginx_access" => format!("{host}.access.json-{}.log", Written(from, Style::Compact)),
            "app" => format!("{host}-{}.jsonl", Written(from, Style::Compact)),
            "postgresql" => format!("postgresql-{}.csv", Written(from, Style::FileSecond)),
            _ => format!("{host}.auth-{}.log", Written(from, Style::Compact)),
        };
        Self {
            path: format!("{folder}/{name}"),
            name,
            segment,
            hash: Sha256::new(),
            n_bytes: 0,
            n_lines: 0,
            n_records: 0,
            pending: String::new(),
            is_cut: false,
            copy: None,
        }
    }

    /// The same file again, as a person who exported it may have named it.
    pub fn copied(mut self) -> Self {
        self.copy = Some(format!("exported/{}.copy.log", self.name));
        self
    }

    /// Adds text to the file as it was attested, and to the file as it is, unless that is cut here.
    pub fn add(&mut self, text: &str, n_records: u64, cut: bool) {
        self.hash.update(text);
        self.n_bytes += text.len() as u64;
        self.n_records += n_records;
        self.n_lines += text.bytes().filter(|b| *b == b'\n').count() as u64;
        if self.is_cut {
            return;
        }
        if cut {
            self.is_cut = true;
            self.pending.push_str(half(text));
        } else {
            self.pending.push_str(text);
        }
    }

    pub fn drain(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        for path in [Some(&self.path), self.copy.as_ref()].into_iter().flatten() {
            sink.append(path, self.pending.as_bytes())
                .map_err(|source| Error::Write {
                    path: path.clone(),
                    source,
                })?;
        }
        self.pending.clear();
        Ok(())
    }

    pub fn manifest(&self, stream: &Stream, previous: &str) -> String {
        json!({
            "file": self.name,
            "sha256": hex::encode(self.hash.clone().finalize()),
            "bytes": self.n_bytes,
            "lines": self.n_records,
            "source": stream.source,
            "host": stream.host,
            "from": self.segment.vouched.from,
            "until": self.segment.vouched.until.max(self.segment.vouched.from),
            "prev": previous,
        })
        .to_string()
    }
}

/// The first half of a text, at a character's edge.
fn half(text: &str) -> &str {
    let mut at = text.len() / 2;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    &text[..at]
}

/// What a dying disk makes of a record: the first half of each line, with neither quotes nor digits.
pub fn garble(text: &str) -> String {
    text.lines()
        .map(|line| half(line).replace(|c: char| c == '"' || c.is_ascii_digit(), "~") + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbled_lines_have_no_syntax_left() {
        assert_eq!(garble("{\"a\":1}\n"), "{~a\n");
        assert_eq!(half("é"), "");
    }
}
