//! Grammars of keys and parameters: bounded, anchored regular expressions.

use regex::{Regex, RegexBuilder};

/// The most bytes that a compiled grammar may take.
const COMPILED_BYTES: usize = 1 << 20;
/// The longest grammar that is read.
const PATTERN_BYTES: usize = 1024;
/// The longest value that can fit any grammar.
const VALUE_BYTES: usize = 64 * 1024;

/// A regular expression that a whole value has to match.
#[derive(Debug, Clone)]
pub struct Grammar {
    pattern: String,
    regex: Regex,
}

impl Grammar {
    /// Compiles a pattern; it is anchored at both ends whether it says so or not.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it: too long, too large, not a regular expression.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.len() > PATTERN_BYTES {
            return Err(format!("the grammar is longer than {PATTERN_BYTES} bytes"));
        }
        // Compiled alone first, so that `a)|(b` cannot close the group that anchors it.
        build(pattern)?;
        let regex = build(&format!(r"\A(?:{pattern})\z"))?;
        Ok(Self {
            pattern: pattern.to_owned(),
            regex,
        })
    }

    /// Whether the whole value fits.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        value.len() <= VALUE_BYTES && self.regex.is_match(value)
    }

    /// The pattern as the map writes it.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }
}

fn build(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .nest_limit(32)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the grammar is too large: use smaller repetitions".to_owned(),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or("not a regular expression").trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })
}

impl PartialEq for Grammar {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}
