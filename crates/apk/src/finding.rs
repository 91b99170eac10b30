//! What a check concludes, with the place in the package that proves it.

use crate::check::Check;
use crate::names::Owner;
use ambit_event::Level;
use serde::Serialize;

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A name or a shape suggests it.
    Low,
    /// The data was followed to where it is used, and one step rests on a name.
    Medium,
    /// The bytes say so.
    High,
}

impl Confidence {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Where in the package it stands, so that somebody else finds it again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Proof {
    /// The member of the package.
    pub file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Bytes from the beginning of the method's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// The constant that makes it one; of a secret only its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<String>,
    /// The interface that consumes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// From where the method was entered with what makes it one, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
}

impl Proof {
    pub(crate) fn in_file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            ..Self::default()
        }
    }

    pub(crate) fn constant(mut self, constant: impl Into<String>) -> Self {
        self.constant = Some(constant.into());
        self
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(class) = &self.class {
            write!(f, ": {class}")?;
        }
        if let Some(method) = &self.method {
            write!(f, ".{method}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " +{offset:#x}")?;
        }
        if let Some(constant) = &self.constant {
            write!(f, " `{constant}`")?;
        }
        if let Some(consumer) = &self.consumer {
            write!(f, " → {consumer}")?;
        }
        Ok(())
    }
}

/// One weakness at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    #[serde(serialize_with = "check_name", rename = "check")]
    pub check: &'static Check,
    pub level: Level,
    /// Why it weighs so much here.
    pub because: String,
    pub confidence: Confidence,
    #[serde(serialize_with = "owner_name")]
    pub owner: Owner,
    /// What it is, in a sentence.
    pub what: String,
    pub proof: Proof,
}

fn check_name<S: serde::Serializer>(check: &&'static Check, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(check.name)
}

fn owner_name<S: serde::Serializer>(owner: &Owner, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(owner)
}

impl Finding {
    /// What makes two findings of two releases the same weakness: the check, the class and method, and the sentence.
    /// Offsets and members move from build to build.
    #[must_use]
    pub fn likeness(&self) -> (&'static str, &str, &str, &str) {
        (
            self.check.name,
            self.proof.class.as_deref().unwrap_or_default(),
            self.proof.method.as_deref().unwrap_or_default(),
            &self.what,
        )
    }

    /// The order in which findings are shown: the app's own first, the weightiest first.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        let key = |f: &Self| (std::cmp::Reverse(f.level), f.check.name);
        (&self.owner, key(self), &self.proof, &self.what).cmp(&(
            &other.owner,
            key(other),
            &other.proof,
            &other.what,
        ))
    }
}
