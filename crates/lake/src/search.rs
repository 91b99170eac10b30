//! The search language: `src_endpoint.ip = "203.0.113.7" and not outcome = success`.
//!
//! A test is a column, an operator and a value. Columns go by OCSF path, lake name or short alias;
//! producers' own fields as `fields.a.b` or `field:"a.b"`; `id` is the event id and `time` its instant.
//! Operators are `=` `!=` `<` `<=` `>` `>=` `~` (a pattern with `*`, letters without case; in quotes `\*` is a star
//! and `\\` a backslash), `in (a, b)`, `present` and `absent`. Tests are joined by `and`, `or`, `not` and parentheses. A quoted text alone is
//! looked for everywhere. `a != b` asks for events that say something other than b; `not a = b` admits
//! those that say nothing too.

use crate::error::Error;
use crate::query::{Filter, Test};
use ambit_event::{Column, ColumnKind, EventId, Outcome, Span, Timestamp};
use std::net::IpAddr;
use std::str::FromStr;

/// Deeper nesting is no search that a person writes.
const DEEPEST: usize = 64;
/// A longer text is no search that a person writes.
const LONGEST: usize = 64 * 1024;

impl Filter {
    /// Reads a search. An empty text asks for every event.
    ///
    /// ```
    /// use ambit_lake::{Filter, Test};
    /// use ambit_event::Column;
    ///
    /// let filter = Filter::parse("ip = 203.0.113.7 and status in (401, 403)")?;
    /// let ip = Filter::eq(Column::SrcIp, "203.0.113.7");
    /// let status = Filter::one_of(Column::StatusCode, ["401", "403"]);
    /// assert_eq!(filter, Filter::All(vec![ip, status]));
    /// # Ok::<(), ambit_lake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Search`] with the place (characters, from 1), what was expected and what stood there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parser = Parser {
            text,
            at: 0,
            depth: 0,
        };
        if text.len() > LONGEST {
            return parser.fail(&format!("a search of at most {LONGEST} bytes"));
        }
        parser.skip_space();
        if parser.rest().is_empty() {
            return Ok(Self::everything());
        }
        let filter = parser.any()?;
        match parser.rest() {
            "" => Ok(filter),
            _ => parser.fail("`and`, `or` or the end"),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// An address as it was given, and in the one form that records are kept in.
fn spellings(address: &str) -> Vec<String> {
    let canonical = address.parse::<IpAddr>().map(|ip| ip.to_canonical().to_string());
    let mut all: Vec<String> = canonical.into_iter().chain([address.to_owned()]).collect();
    all.dedup();
    all
}

/// What a test is about.
enum Subject {
    Column(Column),
    Field(String),
    /// `status` is the outcome in OCSF and a number to everyone else: the value decides.
    Status,
    Id,
    Time,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Like,
}

/// Longer operators first, so that `<=` is not read as `<`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Like),
];

/// A value as it was written: a text, and what `~` makes of it.
struct Value {
    text: String,
    /// `None` where a star follows a backslash outside of quotes: it may be meant either way.
    pattern: Option<String>,
}

impl Value {
    /// A word without quotes, in which a backslash is one.
    fn bare(word: &str) -> Self {
        let pattern = (!word.contains(r"\*")).then(|| word.replace('\\', r"\\"));
        Self {
            text: word.to_owned(),
            pattern,
        }
    }
}

const STAR_OR_FOLDER: &str =
    r#"a pattern in quotes: "\*" is a star itself, "\\*" a backslash and any characters"#;

struct Parser<'t> {
    text: &'t str,
    /// In bytes, always at a character.
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Filter, Error> {
        let mut parts = vec![self.all()?];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, Error> {
        let mut parts = vec![self.single()?];
        while self.take_word("and") {
            parts.push(self.single()?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn single(&mut self) -> Result<Filter, Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.fail(&format!("at most {DEEPEST} levels of `not` and parentheses"));
        }
        let filter = if self.take_word("not") {
            Filter::Not(Box::new(self.single()?))
        } else if self.take("(") {
            let inner = self.any()?;
            self.need(")")?;
            inner
        } else if self.rest().starts_with(['"', '\'']) {
            Filter::Text(self.quoted()?.text)
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn test(&mut self) -> Result<Filter, Error> {
        let subject = self.subject()?;
        if self.take_word("present") {
            return self.about(subject, Test::Present);
        }
        if self.take_word("absent") {
            return self.about(subject, Test::Absent);
        }
        if self.take_word("in") {
            return self.list(subject);
        }
        let Some(operator) = self.operator() else {
            return self.fail("an operator: = != < <= > >= ~ in present absent");
        };
        let at = self.at;
        let value = self.value()?;
        let written = match operator {
            Operator::Like => value.pattern.ok_or_else(|| STAR_OR_FOLDER.to_owned()),
            _ => Ok(value.text),
        };
        let filter = written.and_then(|written| self.compare(&subject, operator, &written));
        if filter.is_err() {
            self.at = at;
        }
        filter.or_else(|expected| self.fail(&expected))
    }

    fn subject(&mut self) -> Result<Subject, Error> {
        let at = self.at;
        let name = self.bare(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@'));
        if name == "field" && self.rest().starts_with(':') {
            self.at += 1;
            return match self.value()?.text {
                path if path.is_empty() => self.fail("the name of a field"),
                path => Ok(Subject::Field(path)),
            };
        }
        self.skip_space();
        match name.to_ascii_lowercase().as_str() {
            "" => return self.fail("a column, a quoted text, `not` or `(`"),
            "id" => return Ok(Subject::Id),
            "time" => return Ok(Subject::Time),
            "status" => return Ok(Subject::Status),
            _ => {}
        }
        if let Some(path) = name.strip_prefix("fields.").filter(|path| !path.is_empty()) {
            return Ok(Subject::Field(path.to_owned()));
        }
        Column::parse(name).map(Subject::Column).or_else(|error| {
            self.at = at;
            let nearest = match error {
                ambit_event::Error::Column { nearest, .. } => nearest,
                other => other.to_string(),
            };
            self.fail(&format!(
                "a column (the nearest is `{nearest}`; write `fields.NAME` for a field)"
            ))
        })
    }

    fn list(&mut self, subject: Subject) -> Result<Filter, Error> {
        self.need("(")?;
        let mut parts = Vec::new();
        loop {
            let at = self.at;
            let value = self.value()?.text;
            match self.compare(&subject, Operator::Equal, &value) {
                Ok(part) => parts.push(part),
                Err(expected) => {
                    self.at = at;
                    return self.fail(&expected);
                }
            }
            if !self.take(",") {
                break;
            }
        }
        self.need(")")?;
        Ok(joined(parts))
    }

    /// The filter for one test, or what was expected instead of the value.
    fn compare(&self, subject: &Subject, operator: Operator, value: &str) -> Result<Filter, String> {
        match subject {
            Subject::Id => compare_id(operator, value),
            Subject::Time => compare_time(operator, value),
            Subject::Status => {
                let outcome = Outcome::parse(value).filter(|_| operator != Operator::Like);
                let column = outcome.map_or(Column::StatusCode, |_| Column::Outcome);
                self.compare(&Subject::Column(column), operator, value)
            }
            Subject::Column(Column::Outcome) if operator != Operator::Like => {
                let names = || {
                    Outcome::ALL
                        .iter()
                        .map(|o| o.name())
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                let outcome = Outcome::parse(value).ok_or_else(|| format!("one of {}", names()))?;
                let test = test_of(operator, outcome.name())?;
                Ok(negated(operator, |t| Filter::Column(Column::Outcome, t), test))
            }
            Subject::Column(column) => {
                if column.kind() == ColumnKind::Integer && operator != Operator::Like {
                    value.parse::<i64>().map_err(|_| "a whole number".to_owned())?;
                }
                let test = match (column, operator) {
                    (Column::SrcIp, Operator::Equal | Operator::NotEqual) => Test::In(spellings(value)),
                    _ => test_of(operator, value)?,
                };
                Ok(negated(operator, |t| Filter::Column(*column, t), test))
            }
            Subject::Field(path) => {
                let test = test_of(operator, value)?;
                Ok(negated(operator, |t| Filter::Field(path.clone(), t), test))
            }
        }
    }

    fn about(&self, subject: Subject, test: Test) -> Result<Filter, Error> {
        match subject {
            Subject::Column(column) => Ok(Filter::Column(column, test)),
            Subject::Field(path) => Ok(Filter::Field(path, test)),
            Subject::Status => Ok(Filter::Column(Column::StatusCode, test)),
            Subject::Id | Subject::Time => self.fail("a column or a field: every event has an id and a time"),
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        let found = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        let (sign, operator) = found?;
        self.at += sign.len();
        self.skip_space();
        Some(*operator)
    }

    fn value(&mut self) -> Result<Value, Error> {
        self.skip_space();
        if self.rest().starts_with(['"', '\'']) {
            return self.quoted();
        }
        let value = self.bare(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | '"' | '\''));
        if value.is_empty() {
            return self.fail("a value: a word, or a text in quotes");
        }
        let value = Value::bare(value);
        self.skip_space();
        Ok(value)
    }

    /// A text in single or double quotes, in which a backslash keeps the next character as it is.
    fn quoted(&mut self) -> Result<Value, Error> {
        let opening = self.at;
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let (mut text, mut pattern) = (String::new(), String::new());
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => {
                    let Some((_, kept)) = chars.next() else { break };
                    text.push(kept);
                    if matches!(kept, '*' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(kept);
                }
                c if Some(c) == quote => {
                    self.at = opening + at + 1;
                    self.skip_space();
                    return Ok(Value {
                        text,
                        pattern: Some(pattern),
                    });
                }
                c => {
                    text.push(c);
                    pattern.push(c);
                }
            }
        }
        self.at = self.text.len();
        self.fail("the closing quote")
    }

    fn bare(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
            self.skip_space();
        }
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), Error> {
        match self.take(sign) {
            true => Ok(()),
            false => self.fail(&format!("`{sign}`")),
        }
    }

    /// Takes a keyword, whatever its case, where it is a word of its own.
    fn take_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let found = rest
            .get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
            && !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '='));
        if found {
            self.at += word.len();
            self.skip_space();
        }
        found
    }

    fn fail<T>(&self, expected: &str) -> Result<T, Error> {
        let found: String = self
            .rest()
            .chars()
            .take_while(|c| !c.is_whitespace())
            .take(40)
            .collect();
        Err(Error::Search {
            at: self.text[..self.at].chars().count() + 1,
            expected: expected.to_owned(),
            found: if found.is_empty() {
                "the end".to_owned()
            } else {
                found
            },
        })
    }
}

fn one_or(mut parts: Vec<Filter>, join: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// `a in (x, y)` becomes one test rather than two joined by `or`.
fn joined(parts: Vec<Filter>) -> Filter {
    let mut merged: Vec<Filter> = Vec::new();
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(Filter::Column(_, Test::In(all))), Filter::Column(_, Test::In(more))) => all.extend(more),
            (Some(Filter::Field(_, Test::In(all))), Filter::Field(_, Test::In(more))) => all.extend(more),
            (Some(Filter::Ids(all)), Filter::Ids(more)) => all.extend(more),
            (_, part) => merged.push(part),
        }
    }
    one_or(merged, Filter::Any)
}

fn test_of(operator: Operator, value: &str) -> Result<Test, String> {
    let number = || value.parse::<i64>().map_err(|_| "a whole number".to_owned());
    let beyond = |by| {
        number()?
            .checked_add(by)
            .ok_or_else(|| "a smaller number".to_owned())
    };
    Ok(match operator {
        Operator::Equal | Operator::NotEqual => Test::In(vec![value.to_owned()]),
        Operator::Like => Test::Like(value.to_owned()),
        Operator::Less => Test::Between(None, Some(beyond(-1)?)),
        Operator::AtMost => Test::Between(None, Some(number()?)),
        Operator::Greater => Test::Between(Some(beyond(1)?), None),
        Operator::AtLeast => Test::Between(Some(number()?), None),
    })
}

fn negated(operator: Operator, about: impl Fn(Test) -> Filter, test: Test) -> Filter {
    match operator {
        Operator::NotEqual => Filter::All(vec![about(Test::Present), Filter::Not(Box::new(about(test)))]),
        _ => about(test),
    }
}

fn compare_id(operator: Operator, value: &str) -> Result<Filter, String> {
    let id = EventId::parse(value).map_err(|_| "an event id of 32 hexadecimal digits".to_owned())?;
    match operator {
        Operator::Equal => Ok(Filter::Ids(vec![id])),
        Operator::NotEqual => Ok(Filter::Not(Box::new(Filter::Ids(vec![id])))),
        _ => Err("`=`, `!=` or `in` before an event id".to_owned()),
    }
}

fn compare_time(operator: Operator, value: &str) -> Result<Filter, String> {
    let span = parse_span(value).ok_or("an instant such as 2014-05-23T10:00:00Z, or a day")?;
    let before = |until| Filter::Time(Span::new(Timestamp::MIN, until));
    let after = |from| Filter::Time(Span::new(from, Timestamp::MAX));
    match operator {
        Operator::Equal => Ok(Filter::Time(span)),
        Operator::NotEqual => Ok(Filter::Not(Box::new(Filter::Time(span)))),
        Operator::Less => Ok(before(span.from)),
        Operator::AtMost => Ok(before(span.until)),
        Operator::Greater => Ok(after(span.until)),
        Operator::AtLeast => Ok(after(span.from)),
        Operator::Like => Err("`=`, `<`, `<=`, `>` or `>=` before an instant".to_owned()),
    }
}

/// A day, or an instant (UTC where no offset is written).
fn parse_span(text: &str) -> Option<Span> {
    if let Ok(from) = Timestamp::parse(&format!("{text}T00:00:00Z")) {
        return Some(Span::new(from, from.plus_secs(86_400)));
    }
    let at = Timestamp::parse(text)
        .or_else(|_| Timestamp::parse(&format!("{text}Z")))
        .ok()?;
    Some(Span::new(at, at.plus_nanos(1)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Filter {
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn searches_are_read_as_people_write_them() {
        let spelled = Filter::one_of(Column::SrcIp, ["2001:db8::7", "2001:DB8:0::7"]);
        assert_eq!(parsed("ip = 2001:DB8:0::7"), spelled);
        let ip = Filter::eq(Column::SrcIp, "203.0.113.7");
        let failed = Filter::eq(Column::Outcome, "failure");
        for (text, expected) in [
            ("", Filter::everything()),
            ("src_endpoint.ip = \"203.0.113.7\"", ip.clone()),
            ("ip=203.0.113.7", ip.clone()),
            (
                "ip = 203.0.113.7 and outcome = Failure",
                Filter::All(vec![ip.clone(), failed.clone()]),
            ),
            (
                "ip = '203.0.113.7' OR outcome=failure",
                Filter::Any(vec![ip.clone(), failed.clone()]),
            ),
            ("not (ip = 203.0.113.7)", Filter::Not(Box::new(ip.clone()))),
            (
                "status in (401, \"403\")",
                Filter::one_of(Column::StatusCode, ["401", "403"]),
            ),
            ("status = denied", Filter::eq(Column::Outcome, "denied")),
            (
                "session ABSENT",
                Filter::Column(Column::ActorSession, Test::Absent),
            ),
            ("user present", Filter::Column(Column::ActorUser, Test::Present)),
            (
                "resource.name ~ *admin*",
                Filter::Column(Column::Resource, Test::Like("*admin*".into())),
            ),
            (
                "record_count > 5",
                Filter::Column(Column::RecordCount, Test::Between(Some(6), None)),
            ),
            (
                "fields.a.b = x",
                Filter::Field("a.b".into(), Test::In(vec!["x".into()])),
            ),
            (
                "field:\"a b\" = x",
                Filter::Field("a b".into(), Test::In(vec!["x".into()])),
            ),
            ("\"any \\\"text\"", Filter::Text("any \"text".into())),
            (
                r#"path ~ "a\*b*\\*""#,
                Filter::Column(Column::Resource, Test::Like(r"a\*b*\\*".into())),
            ),
            (r#"path = "a\*b""#, Filter::eq(Column::Resource, "a*b")),
            (
                r"path ~ c:\win*",
                Filter::Column(Column::Resource, Test::Like(r"c:\\win*".into())),
            ),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn or_binds_weaker_than_and() {
        let text = "ip = a and user = b or session = c";
        let Filter::Any(parts) = parsed(text) else {
            panic!("{text}")
        };
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn times_are_instants_or_days() {
        let day = Timestamp::parse("2014-05-23T00:00:00Z").unwrap();
        for (text, expected) in [
            ("time >= 2014-05-23", Span::new(day, Timestamp::MAX)),
            ("time < 2014-05-23T00:00:00Z", Span::new(Timestamp::MIN, day)),
            (
                "time <= 2014-05-23",
                Span::new(Timestamp::MIN, day.plus_secs(86_400)),
            ),
            ("time = 2014-05-23", Span::new(day, day.plus_secs(86_400))),
            (
                "time > 2014-05-23T00:00:00",
                Span::new(day.plus_nanos(1), Timestamp::MAX),
            ),
        ] {
            assert_eq!(parsed(text), Filter::Time(expected), "{text}");
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, expected) in [
            (
                "ip",
                "at character 3: expected an operator: = != < <= > >= ~ in present absent, but found `the end`",
            ),
            (
                "ip = ",
                "at character 6: expected a value: a word, or a text in quotes, but found `the end`",
            ),
            ("(ip = a", "at character 8: expected `)`, but found `the end`"),
            (
                "ip = a b",
                "at character 8: expected `and`, `or` or the end, but found `b`",
            ),
            (
                "\"a",
                "at character 3: expected the closing quote, but found `the end`",
            ),
            (
                "record_count > many",
                "at character 16: expected a whole number, but found `many`",
            ),
            ("ü = 1", "at character 1: expected a column"),
            ("source.ip = 1", "src_endpoint.ip"),
            ("id = 12", "at character 6: expected an event id"),
            ("outcome = maybe", "at character 11: expected one of success"),
            (r"path ~ c:\win\*", "at character 8: expected a pattern in quotes"),
            ("time = noon", "at character 8: expected an instant"),
        ] {
            let error = Filter::parse(text).map_err(|e| e.to_string());
            assert!(
                matches!(&error, Err(told) if told.contains(expected)),
                "{text}: {error:?}"
            );
        }
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"not ".repeat(1000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~é]{0,60}") {
            let _ = Filter::parse(&text);
        }

        #[test]
        fn no_tokens_make_it_panic(tokens in proptest::collection::vec(proptest::sample::select(vec![
            "ip", "time", "id", "and", "or", "not", "(", ")", "=", "!=", ">=", "~", "in", ",", "\"", "x", "field:", "fields.a",
        ]), 0..40)) {
            let _ = Filter::parse(&tokens.join(" "));
        }
    }
}
