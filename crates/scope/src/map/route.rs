//! Route templates, patterns of objects' names and globs: which operation a record is.
//!
//! A path is compared only in its plain form. Whatever two servers could read differently (a slash that
//! is encoded, `..`, doubled slashes, a backslash, bytes that are no UTF-8) has no plain form, so it fits
//! no route and the record counts as unmapped.

use std::collections::BTreeMap;

/// The longest path and the longest query that are read.
const PATH_BYTES: usize = 16 * 1024;

/// A method and a route template: `{x}` stands for one segment, `{x...}` for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// In capitals; `*` for any.
    pub method: String,
    pub segments: Vec<Segment>,
}

/// One segment of a route template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Literal(String),
    /// `{x}`, with fixed text before and after it: `{x}.json`.
    One {
        before: String,
        name: String,
        after: String,
    },
    /// `{x...}`: everything from here, at least one segment.
    Rest(String),
}

/// What a path gives a template's parameters.
pub type Captures = BTreeMap<String, String>;

impl Route {
    /// Reads `GET /v1/users/{user_id}/profile`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (method, path) = text
            .trim()
            .split_once(char::is_whitespace)
            .ok_or("a method and a path are expected: `GET /v1/users/{user_id}`")?;
        let path = path.trim();
        if !path.starts_with('/') {
            return Err("the path has to begin with `/`".to_owned());
        }
        if path.contains(['?', '#']) {
            return Err("query parameters go into `parameters`, not into the path".to_owned());
        }
        let segments = path[1..]
            .split('/')
            .map(Segment::parse)
            .collect::<Result<Vec<_>, _>>()?;
        check(&segments)?;
        Ok(Self {
            method: method.to_ascii_uppercase(),
            segments,
        })
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// The parameters' values where the method and the plain path fit.
    #[must_use]
    pub fn captures(&self, method: &str, path: &PlainPath) -> Option<Captures> {
        let methods = self.method == "*" || self.method.eq_ignore_ascii_case(method);
        methods
            .then(|| captures(&self.segments, path.segments.iter().map(String::as_str)))
            .flatten()
    }

    /// How special it is: of two routes that both fit, the one with the greater rank is meant.
    #[must_use]
    pub fn rank(&self) -> Vec<u8> {
        let mut ranks = ranks(&self.segments);
        ranks.push(u8::from(self.method != "*"));
        ranks
    }
}

/// A pattern of the names of objects: `s3://media/users/{user}/{file...}`, `namespaces/{ns}/secrets/{name}`.
/// Names are compared as the log writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath {
    segments: Vec<Segment>,
}

impl ObjectPath {
    /// Reads a pattern.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an object's name is expected: `s3://media/users/{user}/{file...}`".to_owned());
        }
        let segments = text
            .split('/')
            .map(Segment::parse)
            .collect::<Result<Vec<_>, _>>()?;
        check(&segments)?;
        Ok(Self { segments })
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// The parameters' values where the whole name fits. A name that may mean another object where paths are
    /// resolved (`.`, `..`, control characters) fits no pattern.
    #[must_use]
    pub fn captures(&self, name: &str) -> Option<Captures> {
        let plain = name.len() <= PATH_BYTES
            && !name.chars().any(char::is_control)
            && name.split('/').all(|s| s != "." && s != "..");
        plain.then(|| captures(&self.segments, name.split('/'))).flatten()
    }

    /// How special it is: of two patterns that both fit, the one with the greater rank is meant.
    #[must_use]
    pub fn rank(&self) -> Vec<u8> {
        ranks(&self.segments)
    }
}

fn check(segments: &[Segment]) -> Result<(), String> {
    let mut names: Vec<&str> = segments.iter().filter_map(Segment::name).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
        return Err(format!("the parameter `{}` stands there twice", twice[0]));
    }
    let last = segments.len().saturating_sub(1);
    match segments.iter().position(|s| matches!(s, Segment::Rest(_))) {
        Some(at) if at != last => Err("`{x...}` has to be the last segment".to_owned()),
        _ => Ok(()),
    }
}

fn captures<'g>(segments: &[Segment], mut given: impl Iterator<Item = &'g str>) -> Option<Captures> {
    let mut captures = Captures::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => (given.next()? == text).then_some(())?,
            Segment::One { before, name, after } => {
                let value = given
                    .next()?
                    .strip_prefix(before.as_str())?
                    .strip_suffix(after.as_str())?;
                captures.insert(name.clone(), non_empty(value)?);
            }
            Segment::Rest(name) => {
                let rest: Vec<&str> = given.by_ref().collect();
                captures.insert(name.clone(), non_empty(&rest.join("/"))?);
            }
        }
    }
    given.next().is_none().then_some(captures)
}

fn ranks(segments: &[Segment]) -> Vec<u8> {
    let rank = |s: &Segment| match s {
        Segment::Literal(_) => 3,
        Segment::One { before, after, .. } if !before.is_empty() || !after.is_empty() => 2,
        Segment::One { .. } => 1,
        Segment::Rest(_) => 0,
    };
    segments.iter().map(rank).collect()
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl Segment {
    fn parse(text: &str) -> Result<Self, String> {
        let Some(open) = text.find('{') else {
            return if text.contains('}') {
                Err(format!("`{text}` closes a brace that it did not open"))
            } else {
                Ok(Self::Literal(text.to_owned()))
            };
        };
        let inner = &text[open + 1..];
        let close = inner
            .find('}')
            .ok_or_else(|| format!("the brace in `{text}` is not closed"))?;
        let (before, name, after) = (&text[..open], &inner[..close], &inner[close + 1..]);
        if after.contains(['{', '}']) || before.contains('}') {
            return Err(format!("`{text}`: one parameter a segment"));
        }
        if let Some(rest) = name.strip_suffix("...") {
            if !before.is_empty() || !after.is_empty() {
                return Err(format!("`{text}`: `{{x...}}` stands alone in its segment"));
            }
            return Ok(Self::Rest(checked_name(rest)?));
        }
        Ok(Self::One {
            before: before.to_owned(),
            name: checked_name(name)?,
            after: after.to_owned(),
        })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::One { name, .. } | Self::Rest(name) => Some(name),
        }
    }
}

fn checked_name(name: &str) -> Result<String, String> {
    let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if good {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "`{name}` is no parameter name: letters, digits, `_` and `-`"
        ))
    }
}

/// A path in the one form that every server reads alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainPath {
    /// Decoded, without the leading slash.
    pub segments: Vec<String>,
}

impl PlainPath {
    /// Decodes a path.
    ///
    /// # Errors
    /// A clause that says why it has no plain form.
    pub fn parse(path: &str) -> Result<Self, &'static str> {
        if path.len() > PATH_BYTES {
            return Err("the path is too long");
        }
        let rest = path
            .strip_prefix('/')
            .ok_or("the path does not begin with a slash")?;
        let segments = rest
            .split('/')
            .map(plain_segment)
            .collect::<Result<Vec<_>, _>>()?;
        let holes = segments.iter().rev().skip(1).any(String::is_empty);
        if holes {
            return Err("the path has doubled slashes");
        }
        Ok(Self { segments })
    }
}

fn plain_segment(raw: &str) -> Result<String, &'static str> {
    let text = percent_decode(raw, Plus::Stays)?;
    if text.contains(['/', '\\']) {
        return Err("the path hides a slash in a segment");
    }
    // What decodes a second time means something else behind a server that decodes twice; `;x=y` is
    // dropped by some servers and kept by others.
    if text == "." || text == ".." || text.contains(['%', ';']) || text.chars().any(char::is_control) {
        return Err("the path holds `.`, `..`, `;`, a control character or a doubly encoded one");
    }
    Ok(text)
}

/// What a plus sign means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plus {
    Stays,
    IsSpace,
}

/// The parameters of a URL's query part, decoded, in order.
///
/// # Errors
/// A clause that says why it cannot be read in one way only: a name that stands there twice, an
/// encoding that is no UTF-8, a `;` that some servers take as a separator.
pub fn parse_query(query: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let query = query.strip_prefix('?').unwrap_or(query);
    if query.len() > PATH_BYTES {
        return Err("the query is too long");
    }
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if pair.contains(';') {
            return Err("the query holds a `;`, which some servers take as a separator");
        }
        let name = percent_decode(name, Plus::IsSpace)?;
        let value = percent_decode(value, Plus::IsSpace)?;
        if parameters.insert(name, value).is_some() {
            return Err("a parameter stands there twice");
        }
    }
    Ok(parameters)
}

fn percent_decode(text: &str, plus: Plus) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex_digit(rest.next()), hex_digit(rest.next()));
                high.zip(low)
                    .map(|(h, l)| h << 4 | l)
                    .ok_or("a percent sign is not followed by two digits")?
            }
            b'+' if plus == Plus::IsSpace => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| "decoded, it is no UTF-8")
}

fn hex_digit(byte: Option<u8>) -> Option<u8> {
    char::from(byte?).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// A pattern in which `*` stands for any characters, the rest compared exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// The pattern as the map writes it.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.0
    }

    /// Whether the whole text fits. Linear in text times stars.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
            return false;
        };
        let Some(tail) = self.0.rsplit_once('*').map(|(_, tail)| tail) else {
            return rest.is_empty();
        };
        let middle = self.0.matches('*').count() - 1;
        for part in parts.take(middle) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(tail)
    }
}
