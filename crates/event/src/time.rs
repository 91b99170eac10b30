//! One clock for the whole house: UTC, nanoseconds, half-open spans.

use crate::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1678 to 2261.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    /// Reads an RFC 3339 instant with an offset or `Z`.
    ///
    /// # Errors
    /// [`Error::Timestamp`] where the text is no such instant.
    pub fn parse(text: &str) -> Result<Self, Error> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(Self::from_jiff)
            .ok_or_else(|| Error::Timestamp {
                text: text.chars().take(80).collect(),
            })
    }

    /// The instant as nanoseconds, or `None` outside the representable years.
    #[must_use]
    pub fn from_jiff(at: jiff::Timestamp) -> Option<Self> {
        i64::try_from(at.as_nanosecond()).ok().map(Self)
    }

    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS))
    }

    #[must_use]
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        self.plus_nanos(secs.saturating_mul(NANOS))
    }

    /// Whole days since 1970-01-01, rounded down.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(86_400 * NANOS)
    }
}

/// RFC 3339 with only as many fraction digits as are needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "@{}ns", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The half-open span `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Span {
    /// Everything that can be represented.
    pub const ALL: Self = Self {
        from: Timestamp::MIN,
        until: Timestamp::MAX,
    };

    /// The span from `from` until `until`; empty where `until` is not later.
    #[must_use]
    pub fn new(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from,
            until: until.max(from),
        }
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }

    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// The part that both share, where there is one.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        let both = Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        };
        (!both.is_empty()).then_some(both)
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }

    /// Nanoseconds from beginning to end.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.until.0.saturating_sub(self.from.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_round_trip_and_reject_nonsense() {
        for text in [
            "2014-05-23T10:00:00Z",
            "2014-05-23T10:00:00.123456789Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(Timestamp::parse(text).map(|t| t.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            Timestamp::parse("2014-05-23T12:00:00+02:00"),
            Timestamp::parse("2014-05-23T10:00:00Z")
        );
        for text in ["", "yesterday", "2014-05-23", "9999-01-01T00:00:00Z"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_half_open() {
        let span = Span::new(Timestamp(10), Timestamp(20));
        assert!(span.contains(Timestamp(10)) && !span.contains(Timestamp(20)));
        assert!(!span.overlaps(Span::new(Timestamp(20), Timestamp(30))));
        assert_eq!(
            span.intersect(Span::new(Timestamp(15), Timestamp(30))),
            Some(Span::new(Timestamp(15), Timestamp(20)))
        );
        assert!(Span::new(Timestamp(5), Timestamp(1)).is_empty());
    }
}
