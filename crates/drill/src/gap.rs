//! Holes that are cut into the logs, as a person asks for them.

use crate::Error;
use serde::{Serialize, Serializer};
use std::fmt;

/// Which logs a gap is cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapSource {
    Nginx,
    App,
    Postgresql,
    Bastion,
    /// The cloud account's audit trail.
    Cloudtrail,
    /// The gateway's and the database's: who and what are both gone.
    Both,
    /// Every source.
    All,
}

/// How records went missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// The shipper was down: the files before and after are attested, what lies between never came. Of the
    /// cloud's trail the log files never came, nor the digests that were due meanwhile: one that was due later
    /// names files that are not there.
    Lines,
    /// The file ends early, although the manifest or digest attests it whole.
    Truncated,
    /// As [`GapKind::Lines`], on the first host of the source alone; of the cloud's trail in the first region.
    Host,
    /// The lines are there and cannot be read.
    Garbled,
    /// The intruder took his own lines out of the file before it was shipped.
    Deleted,
}

/// Where in the window a gap lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapPlace {
    /// Over the middle of the intruder's activity.
    Attack,
    /// So many seconds after the window begins.
    At(u32),
    /// Somewhere, as the plan's seed decides.
    Anywhere,
}

/// A gap as it is asked for: `nginx:20m`, `postgresql:1h:truncated`, `app:30m:host@2h`, `both:20m@random`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GapSpec {
    pub source: GapSource,
    /// Seconds.
    pub length: u32,
    pub kind: GapKind,
    pub place: GapPlace,
}

const SOURCES: &[(&str, GapSource)] = &[
    ("nginx", GapSource::Nginx),
    ("app", GapSource::App),
    ("postgresql", GapSource::Postgresql),
    ("bastion", GapSource::Bastion),
    ("cloudtrail", GapSource::Cloudtrail),
    ("both", GapSource::Both),
    ("all", GapSource::All),
];

const KINDS: &[(&str, GapKind)] = &[
    ("lines", GapKind::Lines),
    ("truncated", GapKind::Truncated),
    ("host", GapKind::Host),
    ("garbled", GapKind::Garbled),
];

impl GapSpec {
    /// Reads `SOURCE:LENGTH[:KIND][@OFFSET]`; lengths and offsets are written `90s`, `20m`, `3h`, `2d`.
    ///
    /// # Errors
    /// [`Error::Gap`] with the part that could not be understood.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |what: &str| Error::Gap {
            text: text.chars().take(80).collect(),
            what: what.to_owned(),
        };
        let (body, place) = match text.split_once('@') {
            Some((body, place)) => (body, parse_place(place).ok_or_else(|| bad("its offset"))?),
            None => (text, GapPlace::Attack),
        };
        let mut parts = body.split(':');
        let source = parts.next().and_then(|name| named(SOURCES, name));
        let length = parts.next().and_then(parse_duration).filter(|secs| *secs > 0);
        let kind = parts
            .next()
            .map_or(Some(GapKind::Lines), |name| named(KINDS, name));
        if parts.next().is_some() {
            return Err(bad("it has too many parts"));
        }
        Ok(Self {
            source: source.ok_or_else(|| {
                bad("its source is none of nginx, app, postgresql, bastion, cloudtrail, both, all")
            })?,
            length: length.ok_or_else(|| bad("its length"))?,
            kind: kind.ok_or_else(|| bad("its kind is none of lines, truncated, host, garbled"))?,
            place,
        })
    }
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    let name = name.trim().to_ascii_lowercase();
    table.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
}

fn parse_place(text: &str) -> Option<GapPlace> {
    match text.trim() {
        "attack" => Some(GapPlace::Attack),
        "random" => Some(GapPlace::Anywhere),
        offset => parse_duration(offset).map(GapPlace::At),
    }
}

/// Seconds of `90s`, `20m`, `3h`, `2d`.
fn parse_duration(text: &str) -> Option<u32> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u32>().ok()?.checked_mul(factor)
}

impl GapKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("deleted", |(name, _)| name)
    }
}

impl fmt::Display for GapSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = SOURCES
            .iter()
            .find(|(_, source)| *source == self.source)
            .map_or("", |(name, _)| name);
        write!(f, "{source}:{}s:{}", self.length, self.kind.name())?;
        match self.place {
            GapPlace::Attack => Ok(()),
            GapPlace::At(secs) => write!(f, "@{secs}s"),
            GapPlace::Anywhere => f.write_str("@random"),
        }
    }
}

impl Serialize for GapSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn gaps_are_read_as_people_write_them() {
        for (text, expected) in [
            ("nginx:20m", "nginx:1200s:lines"),
            ("postgresql:1h:truncated", "postgresql:3600s:truncated"),
            ("App:30m:host@2h", "app:1800s:host@7200s"),
            ("both:90s@random", "both:90s:lines@random"),
            ("cloudtrail:2h", "cloudtrail:7200s:lines"),
        ] {
            let gap = GapSpec::parse(text).unwrap();
            assert_eq!(gap.to_string(), expected);
            assert_eq!(GapSpec::parse(expected).unwrap(), gap);
        }
        for text in [
            "",
            "nginx",
            "nginx:0m",
            "nginx:20",
            "mail:20m",
            "nginx:20m:eaten",
            "nginx:1h@noon",
            "nginx:99999999d",
        ] {
            assert!(GapSpec::parse(text).is_err(), "{text}");
        }
    }
}
