//! A rule, a correlation and a filter as they are kept once they were taken.

use super::refusal::Place;
use ambit_event::Level;
use rsigma_eval::CompiledRule;
use rsigma_parser::{CorrelationRule, SigmaRule};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The engine's word for a level in ours.
pub(crate) fn level(level: rsigma_parser::Level) -> Level {
    match level {
        rsigma_parser::Level::Informational => Level::Informational,
        rsigma_parser::Level::Low => Level::Low,
        rsigma_parser::Level::Medium => Level::Medium,
        rsigma_parser::Level::High => Level::High,
        rsigma_parser::Level::Critical => Level::Critical,
    }
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub path: PathBuf,
    pub place: Place,
}

/// What every kind of rule says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its id; where it has none, its name, else its title. No two rules of a set have the same.
    pub id: String,
    pub name: Option<String>,
    pub title: String,
    /// `None` where its author does not say.
    pub level: Option<Level>,
    pub tags: Vec<String>,
    pub origin: Origin,
}

impl Head {
    /// The ATT&CK techniques among its tags, as MITRE writes them: `T1059.001`.
    pub fn techniques(&self) -> impl Iterator<Item = String> {
        let named = self.tags.iter().filter_map(|tag| tag.strip_prefix("attack."));
        named.filter(|tag| is_technique(tag)).map(str::to_ascii_uppercase)
    }

    /// Whether a reference means this rule: its id, whatever the case, or its name.
    #[must_use]
    pub fn is_called(&self, reference: &str) -> bool {
        self.id.eq_ignore_ascii_case(reference) || self.name.as_deref() == Some(reference)
    }
}

fn is_technique(tag: &str) -> bool {
    let digits = tag.strip_prefix(['t', 'T']).unwrap_or_default();
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// The events that a rule is about, in Sigma's words, in lower case. A part that is `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSource {
    pub product: Option<String>,
    pub category: Option<String>,
    pub service: Option<String>,
}

impl LogSource {
    pub(crate) fn of(source: &rsigma_parser::LogSource) -> Self {
        let lower = |part: &Option<String>| part.as_ref().map(|part| part.trim().to_lowercase());
        Self {
            product: lower(&source.product),
            category: lower(&source.category),
            service: lower(&source.service),
        }
    }

    /// Whether every part that `self` names is named alike by the other.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        let is_met = |ours: &Option<String>, theirs: &Option<String>| ours.is_none() || ours == theirs;
        is_met(&self.product, &other.product)
            && is_met(&self.category, &other.category)
            && is_met(&self.service, &other.service)
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("product", &self.product),
            ("category", &self.category),
            ("service", &self.service),
        ];
        let named = parts
            .iter()
            .filter_map(|(key, part)| part.as_ref().map(|part| format!("{key}={part}")));
        f.write_str(&named.collect::<Vec<_>>().join(" "))
    }
}

/// A rule about single events, with the filters that apply to it, ready to be matched.
#[derive(Debug, Clone)]
pub struct Rule {
    pub head: Head,
    pub log_source: LogSource,
    /// The ids of the filters that narrow it.
    pub filters: Vec<String>,
    /// What it asked for before pipelines, where there were some.
    pub(crate) before: Option<Asks>,
    pub(crate) sigma: Box<SigmaRule>,
    pub(crate) compiled: Arc<CompiledRule>,
}

/// What a rule asks for: which events, and which fields of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asks {
    pub log_source: LogSource,
    pub fields: Vec<String>,
}

/// A rule about several events of other rules within a time.
#[derive(Debug, Clone)]
pub struct Correlation {
    pub head: Head,
    /// The ids of the rules and correlations that it looks at, in the order in which it names them.
    pub over: Vec<String>,
    pub(crate) sigma: Box<CorrelationRule>,
}

impl Correlation {
    /// How long the events that make a match may lie apart, in seconds.
    #[must_use]
    pub fn within_secs(&self) -> u64 {
        self.sigma.timespan.seconds
    }

    /// Whether the rules that it looks at raise findings of their own, too.
    #[must_use]
    pub fn keeps_its_rules_findings(&self) -> bool {
        self.sigma.generate
    }
}

/// A condition that narrows rules that others wrote, for the place where they are used.
#[derive(Debug, Clone)]
pub struct Filter {
    pub head: Head,
    /// The ids of the rules that it narrows.
    pub narrows: Vec<String>,
}
