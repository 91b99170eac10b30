//! Under which of a record's names a rule's field goes.

use super::rights;
use ambit_event::Column;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Rule's field to where its values stand. Where several of them hold one, all are values of the field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct FieldMap(BTreeMap<String, Vec<Origin>>);

impl FieldMap {
    pub fn get(&self, field: &str) -> Option<&[Origin]> {
        self.0.get(field).map(Vec::as_slice)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Origin {
    /// The record's field of that path.
    Field(String),
    /// A part of the text of that field.
    Part(String, Part),
    Column(Column),
    Constant(String),
}

/// A part of a field's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `GET /a?b HTTP/1.1`: the address, `/a?b`.
    Uri,
    /// Of an address: the path, `/a`.
    Stem,
    /// Of an address: what follows the question mark, `b`.
    Query,
    /// A list or object as JSON.
    Text,
    /// `%%4417`, which Windows shows as `WriteData (or AddFile)`, so.
    Rights,
    /// `%{19195a5b-…}`: what stands within.
    Guid,
    /// Without the blanks around it, with which Windows fills up.
    Trim,
    /// `::ffff:192.0.2.7`: the address without what makes one of version 6 of it.
    Address,
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('@') {
            return Column::parse(name)
                .map(Self::Column)
                .map_err(|error| error.to_string());
        }
        if let Some(constant) = text.strip_prefix('=') {
            return Ok(Self::Constant(constant.to_owned()));
        }
        let Some((field, part)) = text.rsplit_once('|') else {
            return Ok(Self::Field(text));
        };
        let named = Part::ALL.into_iter().find(|known| known.name() == part);
        let part = named.ok_or_else(|| format!("`{part}` is no part of a field"))?;
        Ok(Self::Part(field.to_owned(), part))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(path) => f.write_str(path),
            Self::Part(path, part) => write!(f, "{path}|{}", part.name()),
            Self::Column(column) => write!(f, "@{}", column.name()),
            Self::Constant(text) => write!(f, "={text}"),
        }
    }
}

impl Part {
    const ALL: [Self; 8] = [
        Self::Uri,
        Self::Stem,
        Self::Query,
        Self::Text,
        Self::Rights,
        Self::Guid,
        Self::Trim,
        Self::Address,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Uri => "uri",
            Self::Stem => "stem",
            Self::Query => "query",
            Self::Text => "text",
            Self::Rights => "rights",
            Self::Guid => "guid",
            Self::Trim => "trim",
            Self::Address => "address",
        }
    }

    /// The part of a text; `None` where it has none. Lists and objects are no texts.
    pub fn of(self, text: &str) -> Option<Cow<'_, str>> {
        let part = match self {
            Self::Uri => {
                let (_, rest) = text.split_once(' ')?;
                rest.rsplit_once(" HTTP/").map_or(rest, |(uri, _)| uri)
            }
            Self::Stem => text.split_once('?').map_or(text, |(stem, _)| stem),
            Self::Query => text.split_once('?').map(|(_, query)| query)?,
            Self::Rights => return rights::in_words(text).map(Cow::Owned),
            Self::Guid => text.strip_prefix("%{")?.strip_suffix('}')?,
            Self::Trim => Some(text.trim()).filter(|trimmed| trimmed.len() < text.len())?,
            Self::Address => text.strip_prefix("::ffff:").filter(|rest| rest.contains('.'))?,
            Self::Text => return None,
        };
        Some(Cow::Borrowed(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_request_line() {
        let line = "GET /a b?c=d?e HTTP/1.1";
        let of = |part: Part, text: &str| part.of(text).map(Cow::into_owned);
        assert_eq!(of(Part::Uri, line).as_deref(), Some("/a b?c=d?e"));
        assert_eq!(of(Part::Stem, "/a b?c=d?e").as_deref(), Some("/a b"));
        assert_eq!(of(Part::Query, "/a b?c=d?e").as_deref(), Some("c=d?e"));
        assert_eq!(Part::Uri.of("\\x16\\x03"), None);
        assert_eq!(Part::Query.of("/a"), None);
    }

    #[test]
    fn what_windows_wraps_fills_up_and_writes_as_numbers_is_there_plainly_too() {
        for (part, text, expected) in [
            (Part::Rights, "%%1537", Some("DELETE")),
            (Part::Guid, "%{19195a5b-6da0}", Some("19195a5b-6da0")),
            (Part::Guid, "domainDNS", None),
            (Part::Trim, "Advapi  ", Some("Advapi")),
            (Part::Trim, "Advapi", None),
            (Part::Address, "::ffff:192.0.2.7", Some("192.0.2.7")),
            (Part::Address, "::ffff:1", None),
        ] {
            assert_eq!(part.of(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_misspelt_origin_is_refused() {
        for text in ["@planet", "request|half"] {
            assert!(Origin::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(
            Origin::try_from("@message".to_owned()),
            Ok(Origin::Column(Column::Message))
        );
    }
}
