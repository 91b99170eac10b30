//! A person says that nothing is missing.

use crate::Error;
use ambit_event::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A person says, with a reason, that nothing is missing from a source. It replaces what cadence alone
/// found, and it waives stated losses; it never hides rejects or missing numbers.
///
/// # The form on the command line
///
/// ```text
/// coverage:SOURCE[@HOST][=FROM..UNTIL]:REASON
/// ```
///
/// `SOURCE` and `HOST` are patterns: `*` stands for any characters, `?` for one. Without `@HOST` every
/// host is meant, and records that name none; a host that holds a colon is written in brackets,
/// `@[2001:db8::7]`. `FROM` and `UNTIL` are RFC 3339 instants (`2014-05-23T10:00:00Z`, or with an offset)
/// or days (`2014-05-23`, which begins at midnight UTC); the span holds `FROM` and not `UNTIL`; one that
/// is left out is open. `REASON` is everything after the colon and must not be blank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Assertion {
    /// Pattern over sources.
    pub source: String,
    /// Pattern over hosts; `None` for all, and for records that name no host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `None` for all time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    pub reason: String,
}

const PREFIX: &str = "coverage:";

impl Assertion {
    /// Reads the form of the command line. The leading `coverage:` may be left out.
    ///
    /// # Errors
    /// [`Error::Assertion`] with the character at which something else was expected.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut rest = Rest {
            whole: text,
            left: text,
        };
        rest.skip(PREFIX);
        let source = rest.until(&['@', '=', ':']);
        if source.is_empty() {
            return Err(rest.expected("the name of a source, or a pattern such as `nginx_*`"));
        }
        let host = if rest.skip("@") { Some(rest.host()?) } else { None };
        let span = if rest.skip("=") { Some(rest.span()?) } else { None };
        if !rest.skip(":") {
            return Err(rest.expected("`:` and the reason why nothing is missing"));
        }
        let reason = rest.left.trim();
        if reason.is_empty() {
            return Err(rest.expected("the reason why nothing is missing"));
        }
        Ok(Self {
            source: source.to_owned(),
            host,
            span,
            reason: reason.to_owned(),
        })
    }

    /// Whether it speaks of this stream.
    #[must_use]
    pub fn applies(&self, source: &str, host: Option<&str>) -> bool {
        let on_host = |pattern: &String| matches(pattern, host.unwrap_or_default());
        matches(&self.source, source) && self.host.as_ref().is_none_or(on_host)
    }

    /// The span that it speaks of; everything where it names none.
    #[must_use]
    pub fn over(&self) -> Span {
        self.span.unwrap_or(Span::ALL)
    }
}

/// The form of the command line, which reads back as the same assertion.
impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.source)?;
        match &self.host {
            Some(host) if host.contains([':', '=']) => write!(f, "@[{host}]")?,
            Some(host) => write!(f, "@{host}")?,
            None => {}
        }
        if let Some(span) = self.span {
            let end = |at: Timestamp, open| if at == open { String::new() } else { at.to_string() };
            write!(
                f,
                "={}..{}",
                end(span.from, Timestamp::MIN),
                end(span.until, Timestamp::MAX)
            )?;
        }
        write!(f, ":{}", self.reason)
    }
}

/// What is left to read.
struct Rest<'t> {
    whole: &'t str,
    left: &'t str,
}

impl<'t> Rest<'t> {
    fn skip(&mut self, token: &str) -> bool {
        let rest = self.left.strip_prefix(token);
        self.left = rest.unwrap_or(self.left);
        rest.is_some()
    }

    /// Everything before the first of these characters.
    fn until(&mut self, ends: &[char]) -> &'t str {
        let (word, left) = self
            .left
            .split_at(self.left.find(ends).unwrap_or(self.left.len()));
        self.left = left;
        word
    }

    fn host(&mut self) -> Result<String, Error> {
        let bracketed = self.skip("[");
        let host = self.until(if bracketed { &[']'] } else { &['=', ':'] });
        if host.is_empty() {
            return Err(self.expected("the name of a host, or a pattern"));
        }
        if bracketed && !self.skip("]") {
            return Err(self.expected("`]` after the host"));
        }
        Ok(host.to_owned())
    }

    fn span(&mut self) -> Result<Span, Error> {
        const FORM: &str = "FROM..UNTIL, such as 2014-05-23T10:00:00Z..2014-05-24";
        let Some((from, until)) = self.left.split_once("..") else {
            return Err(self.expected(FORM));
        };
        let Some(from) = instant(from, Timestamp::MIN) else {
            return Err(self.expected(FORM));
        };
        self.left = until;
        // Instants hold colons too: the longest text before a colon that is an instant is the one meant.
        let colons = until.rmatch_indices(':').map(|(at, _)| at);
        let read = |at: usize| Some((at, instant(&until[..at], Timestamp::MAX)?));
        let Some((at, until)) = colons.into_iter().find_map(read) else {
            return Err(self.expected("the end of the span, or nothing, then `:` and the reason"));
        };
        if until <= from {
            return Err(self.expected("an end that is later than the beginning"));
        }
        self.left = &self.left[at..];
        Ok(Span::new(from, until))
    }

    fn expected(&self, expected: &str) -> Error {
        let read = &self.whole[..self.whole.len() - self.left.len()];
        Error::Assertion {
            at: read.chars().count() + 1,
            expected: expected.to_owned(),
            found: ambit_event::printable(self.left, 40),
        }
    }
}

/// An instant or a day; `open` where the text is empty.
fn instant(text: &str, open: Timestamp) -> Option<Timestamp> {
    match text {
        "" => Some(open),
        day if day.len() == "2014-05-23".len() => Timestamp::parse(&format!("{day}T00:00:00Z")).ok(),
        // The longest form, with nanoseconds and an offset, has 35 characters: a long reason is not tried.
        at if at.len() <= 40 => Timestamp::parse(at).ok(),
        _ => None,
    }
}

/// Whether the pattern matches the whole text; takes at most the product of both lengths.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                // The last star takes one character more.
                Some((at, taken)) => {
                    (p, t) = (at + 1, taken + 1);
                    star = Some((at, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn assertions_are_read_as_people_write_them() {
        let all = |from, until| Some(Span::new(from, until));
        for (text, source, host, span, reason) in [
            (
                "coverage:nginx_access:rotated by hand",
                "nginx_access",
                None,
                None,
                "rotated by hand",
            ),
            (
                "nginx_*@web-?:same disk: all of it",
                "nginx_*",
                Some("web-?"),
                None,
                "same disk: all of it",
            ),
            (
                "coverage:pg@[2001:db8::7]:x",
                "pg",
                Some("2001:db8::7"),
                None,
                "x",
            ),
            (
                "coverage:pg=2014-05-23T10:00:00Z..2014-05-24T00:00:00+02:00:the nightly copy at 10:00",
                "pg",
                None,
                all(at("2014-05-23T10:00:00Z"), at("2014-05-23T22:00:00Z")),
                "the nightly copy at 10:00",
            ),
            (
                "coverage:pg=..2014-05-24:x",
                "pg",
                None,
                all(Timestamp::MIN, at("2014-05-24T00:00:00Z")),
                "x",
            ),
            (
                "coverage:pg@db=2014-05-24..:x",
                "pg",
                Some("db"),
                all(at("2014-05-24T00:00:00Z"), Timestamp::MAX),
                "x",
            ),
        ] {
            let read = Assertion::parse(text).unwrap();
            let expected = Assertion {
                source: source.into(),
                host: host.map(Into::into),
                span,
                reason: reason.into(),
            };
            assert_eq!(read, expected, "{text}");
            assert_eq!(Assertion::parse(&read.to_string()).unwrap(), read, "{read}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, place) in [
            ("", 1),
            ("coverage::x", 10),
            ("coverage:pg", 12),
            ("coverage:pg:  ", 13),
            ("coverage:pg@:x", 13),
            ("coverage:pg@[::1:x", 19),
            ("coverage:pg=2014-05-23:x", 13),
            ("coverage:pg=never..:x", 13),
            ("coverage:pg=..soon:x", 15),
            ("coverage:pg=2014-05-23..2014-05-23:x", 25),
        ] {
            match Assertion::parse(text) {
                Err(Error::Assertion { at, .. }) => assert_eq!(at, place, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("nginx*", "nginx_access", true),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
            ("ngin?", "nginx", true),
            ("nginx", "nginx_access", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let any = Assertion::parse("coverage:*@*:x").unwrap();
        assert!(any.applies("a", None) && any.applies("a", Some("h")));
        let one = Assertion::parse("coverage:*@h:x").unwrap();
        assert!(!one.applies("a", None) && one.applies("a", Some("h")));
    }
}
