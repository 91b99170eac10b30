//! Findings that somebody decided to live with: of which check, where, why, and until when. They are counted and shown.

use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::report::AppReport;
use ambit_event::Timestamp;
use serde::{Deserialize, Serialize};

/// A finding that an entry of the list accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    #[serde(flatten)]
    pub finding: Finding,
    pub reason: String,
    pub until: Timestamp,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    check: String,
    class: Option<String>,
    file: Option<String>,
    reason: String,
    until: Timestamp,
}

/// The decisions of one file.
///
/// ```
/// let list = "[[accept]]\ncheck = \"backup\"\nreason = \"nothing of the app is stored\"\nuntil = \"2027-01-01T00:00:00Z\"\n";
/// assert!(ambit_apk::AcceptList::parse(list).is_ok());
/// assert!(ambit_apk::AcceptList::parse("[[accept]]\ncheck = \"backup\"\n").is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcceptList {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accept: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    check: String,
    class: Option<String>,
    file: Option<String>,
    reason: String,
    until: String,
}

impl AcceptList {
    /// Reads `[[accept]]` tables: a `check`, where in the package (`class`, with `*` at its end for all that begin so,
    /// or `file`), a `reason`, and `until` when it holds.
    ///
    /// # Errors
    /// Where it is no such list, names a check that there is none of, or an entry has no reason or end.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| Error::Accepted(why);
        let file: File = toml::from_str(text).map_err(|error| bad(error.message().to_owned()))?;
        let read = |(nth, written): (usize, Written)| {
            written
                .read()
                .map_err(|why| bad(format!("entry {}: {why}", nth + 1)))
        };
        let entries = file.accept.into_iter().enumerate().map(read);
        Ok(Self {
            entries: entries.collect::<Result<_>>()?,
        })
    }

    /// Entries that hold no more at this instant, as sentences.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Vec<String> {
        let old = self.entries.iter().filter(|entry| entry.until <= now);
        old.map(|entry| {
            format!(
                "`{}` was accepted until {}: {}",
                entry.check, entry.until, entry.reason
            )
        })
        .collect()
    }

    /// Puts the findings that are accepted at this instant aside.
    pub fn apply(&self, report: &mut AppReport, now: Timestamp) {
        let mut kept = Vec::new();
        for finding in std::mem::take(&mut report.findings) {
            let entry = self
                .entries
                .iter()
                .find(|entry| entry.until > now && entry.means(&finding));
            match entry {
                Some(entry) => report.accepted.push(Accepted {
                    finding,
                    reason: entry.reason.clone(),
                    until: entry.until,
                }),
                None => kept.push(finding),
            }
        }
        report.findings = kept;
    }
}

impl Written {
    fn read(self) -> std::result::Result<Entry, String> {
        if !crate::CHECKS.iter().any(|check| check.name == self.check) {
            return Err(format!("there is no check `{}`", self.check));
        }
        if self.reason.trim().is_empty() {
            return Err("it has no reason".to_owned());
        }
        Ok(Entry {
            check: self.check,
            class: self.class,
            file: self.file,
            reason: self.reason,
            until: Timestamp::parse(&self.until).map_err(|error| error.to_string())?,
        })
    }
}

impl Entry {
    fn means(&self, finding: &Finding) -> bool {
        let fits = |pattern: &Option<String>, value: Option<&str>| match (pattern, value) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(value)) => match pattern.strip_suffix('*') {
                Some(begin) => value.starts_with(begin),
                None => pattern == value,
            },
        };
        self.check == finding.check.name
            && fits(&self.class, finding.proof.class.as_deref())
            && fits(&self.file, Some(&finding.proof.file))
    }
}
