//! Questions over events, as values: one small language, answered alike by the engine and in memory.

use ambit_event::{Column, ColumnKind, Event, EventId, Keys, Span};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One test on one column. A column that is absent from a record satisfies no test but `Absent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Equal to one of these texts (integers in decimal). For a list column: holds one of them.
    In(Vec<String>),
    /// Matches a pattern in which `*` stands for any characters, letters compared without case. `\*` is a star and
    /// `\\` a backslash; any other backslash is one too. [`Test::like`] makes one in which only stars mean something.
    Like(String),
    /// A whole number within these inclusive limits: an integer column, or a text that is a number.
    Between(Option<i64>, Option<i64>),
    Present,
    Absent,
}

/// A condition on events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Column(Column, Test),
    /// A producer's own field by its dotted path.
    Field(String, Test),
    /// A text anywhere in the fields, columns or message, letters compared without case.
    Text(String),
    /// Events whose possible time overlaps this span.
    Time(Span),
    Ids(Vec<EventId>),
}

/// A question over events. Answers are ordered by time, then id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub filter: Filter,
    /// Events whose possible time overlaps this span.
    pub span: Span,
    /// At most so many events, the earliest; `None` for all.
    pub limit: Option<usize>,
}

/// One value of a column with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distinct {
    pub column: Column,
    /// The value; `None` for events that do not say. Each element of a list column counts on its own.
    pub value: Option<String>,
    pub n_events: u64,
    /// From the first to the last instant at which such an event can have happened.
    pub seen: Span,
}

impl Query {
    /// All events that satisfy the filter.
    #[must_use]
    pub const fn of(filter: Filter) -> Self {
        Self {
            filter,
            span: Span::ALL,
            limit: None,
        }
    }

    #[must_use]
    pub const fn within(mut self, span: Span) -> Self {
        self.span = span;
        self
    }

    #[must_use]
    pub const fn limited(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Whether the event answers the question, the limit left aside.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        (self.span == Span::ALL || event.when().overlaps(self.span)) && self.filter.admits(event)
    }
}

impl Filter {
    /// Every event.
    #[must_use]
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// The column equals the text.
    #[must_use]
    pub fn eq(column: Column, value: impl Into<String>) -> Self {
        Self::Column(column, Test::In(vec![value.into()]))
    }

    /// The column equals one of the texts.
    #[must_use]
    pub fn one_of(column: Column, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Column(column, Test::In(values.into_iter().map(Into::into).collect()))
    }

    /// Whether the event satisfies the condition. This is the meaning of a filter; whatever prunes or
    /// looks up must give the same answer.
    #[must_use]
    pub fn admits(&self, event: &Event) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.admits(event)),
            Self::Any(parts) => parts.iter().any(|part| part.admits(event)),
            Self::Not(part) => !part.admits(event),
            Self::Column(column, test) => admits_column(event, *column, test),
            Self::Field(path, test) => test.admits_text(event.field(path).as_deref()),
            Self::Text(text) => contains_text(event, &fold(text)),
            Self::Time(span) => event.when().overlaps(*span),
            Self::Ids(ids) => ids.contains(&event.id),
        }
    }

    /// Whether an event is admitted by what it holds in this text column alone; `None` where something else is
    /// asked of it too.
    #[cfg(feature = "engine")]
    pub(crate) fn decided_by(&self, column: Column, value: Option<&str>) -> Option<bool> {
        let decided = |part: &Self| part.decided_by(column, value);
        match self {
            Self::All(parts) => Some(
                parts
                    .iter()
                    .map(decided)
                    .collect::<Option<Vec<_>>>()?
                    .iter()
                    .all(|d| *d),
            ),
            Self::Any(parts) => Some(
                parts
                    .iter()
                    .map(decided)
                    .collect::<Option<Vec<_>>>()?
                    .contains(&true),
            ),
            Self::Not(part) => Some(!decided(part)?),
            Self::Column(of, test) if *of == column => Some(test.admits_text(value)),
            _ => None,
        }
    }

    /// The same condition with secrets replaced by the fingerprints that the lake holds instead: in
    /// tests on sessions, credentials and fields whose name says secret, and as an alternative in a
    /// full-text search for something that can be a token.
    #[must_use]
    pub fn fingerprinted(self, keys: &Keys) -> Self {
        match self {
            Self::All(parts) => Self::All(parts.into_iter().map(|p| p.fingerprinted(keys)).collect()),
            Self::Any(parts) => Self::Any(parts.into_iter().map(|p| p.fingerprinted(keys)).collect()),
            Self::Not(part) => Self::Not(Box::new(part.fingerprinted(keys))),
            Self::Column(column, test) if is_secret(column) => Self::Column(column, test.fingerprinted(keys)),
            Self::Field(path, test) if Keys::is_secret_name(last_segment(&path)) => {
                let test = test.fingerprinted(keys);
                Self::Field(path, test)
            }
            Self::Text(text) if text.len() >= 8 && !text.contains(char::is_whitespace) => {
                let fingerprint = keys.fingerprint(&text);
                Self::Any(vec![Self::Text(text), Self::Text(fingerprint)])
            }
            other => other,
        }
    }
}

const fn is_secret(column: Column) -> bool {
    matches!(
        column,
        Column::ActorSession | Column::ActorCredential | Column::IssuedSession | Column::IssuedCredential
    )
}

fn last_segment(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn admits_column(event: &Event, column: Column, test: &Test) -> bool {
    match column.kind() {
        ColumnKind::Text => test.admits_text(event.text(column)),
        ColumnKind::Integer => test.admits_integer(event.integer(column)),
        ColumnKind::TextList => test.admits_list(event.list(column)),
    }
}

impl Test {
    fn fingerprinted(self, keys: &Keys) -> Self {
        match self {
            Self::In(values) => Self::In(values.iter().map(|value| keys.fingerprint(value)).collect()),
            other => other,
        }
    }

    /// A pattern in which `*` stands for any characters and everything else for itself.
    #[must_use]
    pub fn like(pattern: &str) -> Self {
        Self::Like(pattern.replace('\\', "\\\\"))
    }

    pub(crate) fn admits_text(&self, value: Option<&str>) -> bool {
        let Some(value) = value else {
            return *self == Self::Absent;
        };
        match self {
            Self::In(wanted) => wanted.iter().any(|w| w == value),
            Self::Like(pattern) => like(value, pattern),
            Self::Between(low, high) => value.parse().is_ok_and(|n: i64| within(n, *low, *high)),
            Self::Present => true,
            Self::Absent => false,
        }
    }

    /// As [`Self::admits_text`], for many values that are there, as the bytes of a text: the text, where it is admitted.
    /// Bytes that are no text are none.
    #[cfg(feature = "engine")]
    pub(crate) fn admitted(&self) -> impl for<'v> Fn(&'v [u8]) -> Option<&'v str> {
        let parts = match self {
            Self::Like(pattern) => Some(parts_of(&fold(pattern))),
            _ => None,
        };
        move |value| {
            let begins = parts.as_ref().map(|parts| begins(value, parts));
            let text = (begins != Some(Some(false))).then(|| std::str::from_utf8(value).ok())??;
            let admits = match &parts {
                Some(parts) if begins == Some(Some(true)) && is_open(parts) => true,
                Some(parts) => fits(text, parts),
                None => self.admits_text(Some(text)),
            };
            admits.then_some(text)
        }
    }

    fn admits_integer(&self, value: Option<i64>) -> bool {
        match (self, value) {
            (Self::Between(low, high), Some(n)) => within(n, *low, *high),
            (_, value) => self.admits_text(value.map(|n| n.to_string()).as_deref()),
        }
    }

    fn admits_list(&self, values: &[String]) -> bool {
        match self {
            Self::Absent => values.is_empty(),
            Self::Present => !values.is_empty(),
            _ => values.iter().any(|value| self.admits_text(Some(value))),
        }
    }
}

fn within(n: i64, low: Option<i64>, high: Option<i64>) -> bool {
    low.is_none_or(|low| low <= n) && high.is_none_or(|high| n <= high)
}

/// Letters without case, one character for one, so that lengths and positions stay.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The texts between the wildcards of a pattern.
pub(crate) fn parts_of(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let literal = match c {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => chars.next_if(|next| matches!(next, '*' | '\\')).unwrap_or(c),
            c => c,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    parts
}

/// Whether the text matches a pattern in which `*` stands for any characters, letters without case.
/// Linear in the text for each `*`-separated part: the parts are found greedily from the left.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    fits(text, &parts_of(&fold(pattern)))
}

/// Whether a text begins as the folded parts of a pattern do; `None` where its letters have to be folded to tell.
#[cfg(feature = "engine")]
fn begins(text: &[u8], parts: &[String]) -> Option<bool> {
    let head = parts.first().map(String::as_bytes).unwrap_or_default();
    let start = &text[..head.len().min(text.len())];
    start.is_ascii().then(|| start.eq_ignore_ascii_case(head))
}

/// Whether nothing is asked of what follows the first part.
#[cfg(feature = "engine")]
fn is_open(parts: &[String]) -> bool {
    parts.len() > 1 && parts[1..].iter().all(String::is_empty)
}

/// Whether a text matches the folded parts of a pattern.
fn fits(text: &str, parts: &[String]) -> bool {
    let text = fold(text);
    let mut parts = parts.iter().map(String::as_str);
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn contains_text(event: &Event, folded: &str) -> bool {
    let holds = |value: &str| fold(value).contains(folded);
    Column::ALL.iter().any(|&column| match column.kind() {
        ColumnKind::Text => event.text(column).is_some_and(holds),
        ColumnKind::Integer => event.integer(column).is_some_and(|n| holds(&n.to_string())),
        ColumnKind::TextList => event.list(column).iter().any(|value| holds(value)),
    }) || event.fields.values().any(|value| value_contains(value, folded))
}

fn value_contains(value: &Value, folded: &str) -> bool {
    match value {
        Value::String(text) => fold(text).contains(folded),
        Value::Array(values) => values.iter().any(|value| value_contains(value, folded)),
        Value::Object(map) => map.values().any(|value| value_contains(value, folded)),
        Value::Null => false,
        other => other.to_string().contains(folded),
    }
}

/// The values that an event has in a column, each as text; none where the record does not say.
pub(crate) fn values(event: &Event, column: Column) -> Vec<Cow<'_, str>> {
    match column.kind() {
        ColumnKind::Text => event.text(column).map(Cow::Borrowed).into_iter().collect(),
        ColumnKind::Integer => event
            .integer(column)
            .map(|n| Cow::Owned(n.to_string()))
            .into_iter()
            .collect(),
        ColumnKind::TextList => event
            .list(column)
            .iter()
            .map(|v| Cow::Borrowed(v.as_str()))
            .collect(),
    }
}

/// Counts each value of each column, in the order that [`Lake::distinct`](crate::Lake::distinct) promises.
pub(crate) fn tally(columns: &[Column], events: &[Event]) -> Vec<Distinct> {
    let mut all = Vec::new();
    for &column in columns {
        let mut counts: BTreeMap<Option<String>, (u64, Span)> = BTreeMap::new();
        for event in events {
            for value in or_none(values(event, column)) {
                let (n, seen) = counts.entry(value).or_insert((0, event.when()));
                *n += 1;
                *seen = seen.hull(event.when());
            }
        }
        all.extend(counts.into_iter().map(|(value, (n_events, seen))| Distinct {
            column,
            value,
            n_events,
            seen,
        }));
    }
    all
}

fn or_none(values: Vec<std::borrow::Cow<'_, str>>) -> Vec<Option<String>> {
    if values.is_empty() {
        return vec![None];
    }
    values.into_iter().map(|value| Some(value.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::Timestamp;

    #[test]
    fn patterns_match_whole_texts_without_case() {
        for (text, pattern, expected) in [
            ("abc", "ABC", true),
            ("abc", "ab", false),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "*b*", true),
            ("abc", "a*c*", true),
            ("abab", "*ab", true),
            ("aXbXc", "a*b*c", true),
            ("ab", "ab*b", false),
            ("Ü", "ü", true),
            ("", "*", true),
            ("", "", true),
            ("x", "", false),
            ("a*b", r"A\*b", true),
            ("axb", r"a\*b", false),
            (r"C:\x", r"c:\*", false),
            (r"C:\x", r"c:\\*", true),
            (r"C:\x", r"c:\x", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} ~ {pattern}");
        }
    }

    #[test]
    fn what_is_absent_satisfies_no_test_but_absent() {
        let event = Event::new("s", Timestamp(0));
        for test in [
            Test::In(vec![String::new()]),
            Test::Like("*".into()),
            Test::Between(None, None),
            Test::Present,
        ] {
            for column in [Column::ActorUser, Column::SrcPort, Column::Parameters] {
                assert!(
                    !Filter::Column(column, test.clone()).admits(&event),
                    "{column} {test:?}"
                );
                assert!(Filter::Column(column, Test::Absent).admits(&event), "{column}");
            }
        }
    }

    #[test]
    fn secrets_are_searched_by_their_fingerprint() {
        let keys = Keys::derive(&[1; 32]);
        let mut event = Event::new("s", Timestamp(0));
        event.actor_session = Some(keys.fingerprint("abcdefgh"));
        let search = Filter::eq(Column::ActorSession, "abcdefgh");
        assert!(!search.admits(&event));
        assert!(search.fingerprinted(&keys).admits(&event));
        assert!(
            Filter::Text("abcdefgh".into())
                .fingerprinted(&keys)
                .admits(&event)
        );
        let user = Filter::eq(Column::ActorUser, "bob");
        assert_eq!(user.clone().fingerprinted(&keys), user);
    }
}
