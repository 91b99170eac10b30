//! Findings that somebody decided not to hear of: of which rule, about whom, why, and until when.

use crate::Error;
use ambit_event::{Finding, Observable, Timestamp};
use serde::Deserialize;

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The rule's id; none: of every rule.
    pub rule: Option<String>,
    /// Who must have acted; none: anybody.
    pub actor: Option<Observable>,
    pub reason: String,
    /// Findings from then on are heard again.
    pub until: Timestamp,
    /// Findings that it held back.
    pub n_held: u64,
}

/// Findings that are not to be told.
///
/// ```
/// let list = "[[allow]]\nrule = \"ambit.brute_force\"\nactor = \"ip=192.0.2.7\"\n\
///     reason = \"the scanner of our own\"\nuntil = \"2027-01-01T00:00:00Z\"\n";
/// assert!(ambit_detect::AllowList::parse(list, "allow.toml").is_ok());
/// assert!(ambit_detect::AllowList::parse("[[allow]]\nrule = \"x\"\n", "allow.toml").is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Allowed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    rule: Option<String>,
    actor: Option<String>,
    reason: String,
    until: String,
}

impl AllowList {
    /// Reads `[[allow]]` tables with `rule` or `actor` or both, a `reason`, and `until` when it holds.
    ///
    /// # Errors
    /// [`Error::AllowList`] where it is none, or an entry has no reason, no end, or is about everything.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let bad = |why: String| Error::AllowList {
            origin: origin.to_owned(),
            why,
        };
        let file: File = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        let entries = file.allow.into_iter().enumerate();
        let read = entries.map(|(nth, written)| {
            written
                .read()
                .map_err(|why| bad(format!("entry {}: {why}", nth + 1)))
        });
        Ok(Self {
            entries: read.collect::<Result<_, _>>()?,
        })
    }

    #[must_use]
    pub fn entries(&self) -> &[Allowed] {
        &self.entries
    }

    /// Entries that hold nothing back any more at this instant.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = &Allowed> {
        self.entries.iter().filter(move |entry| entry.until <= now)
    }

    /// Whether the finding is one that is not to be told; it is counted then.
    pub fn holds(&mut self, finding: &Finding) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.means(finding)) else {
            return false;
        };
        entry.n_held += 1;
        true
    }
}

impl Written {
    fn read(self) -> Result<Allowed, String> {
        if self.reason.trim().is_empty() {
            return Err("it has no reason".to_owned());
        }
        if self.rule.is_none() && self.actor.is_none() {
            return Err("it names neither a rule nor an actor: nothing would be told any more".to_owned());
        }
        let actor = self.actor.as_deref().map(Observable::parse).transpose();
        Ok(Allowed {
            rule: self.rule,
            actor: actor.map_err(|error| error.to_string())?,
            reason: self.reason,
            until: Timestamp::parse(&self.until).map_err(|error| error.to_string())?,
            n_held: 0,
        })
    }
}

impl Allowed {
    /// Whether a finding is one of those, and the decision still holds for its time.
    #[must_use]
    pub fn means(&self, finding: &Finding) -> bool {
        let is_actor = |actor: &Observable| {
            let same = |one: &&Observable| one.kind == actor.kind && one.value == actor.value;
            let found = finding.actor.iter().find(same);
            found.is_some_and(|one| actor.realm.is_empty() || one.realm == actor.realm)
        };
        finding.until < self.until
            && self.rule.as_ref().is_none_or(|rule| *rule == finding.rule_id)
            && self.actor.as_ref().is_none_or(is_actor)
    }
}
