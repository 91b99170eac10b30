//! What a regime says: whom it binds, which duties it knows, when each clock starts, and where all this stands.

use jiff::civil::{Date, Time};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// A body of breach law, as it stood between two days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regime {
    /// Stable, such as `eu-gdpr`.
    pub id: String,
    pub title: String,
    pub jurisdiction: String,
    pub status: Status,
    /// The citation of the status and the days.
    pub dated: String,
    /// The first day on which it binds; `None` where none is set yet.
    pub valid_from: Option<Date>,
    /// The first day on which it no longer binds.
    pub valid_to: Option<Date>,
    /// It, or another like it, may have bound before `valid_from`; what it asked then is not recorded.
    pub earlier_unknown: bool,
    pub counting: Counting,
    /// Whom it binds.
    pub applies: Cited<Condition>,
    pub duties: Vec<Rule>,
    pub citations: BTreeMap<String, Citation>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    InForce,
    /// Adopted, and not yet binding.
    Pending,
    /// Not adopted.
    Proposed,
    Repealed,
}

/// How sure it is that a rule reads as it is recorded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Confidence {
    #[serde(rename = "L")]
    Low,
    #[serde(rename = "M")]
    Medium,
    #[serde(rename = "H")]
    High,
    /// Compared with the text itself.
    #[serde(rename = "V")]
    Verbatim,
}

/// Where a rule stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    pub instrument: String,
    pub article: String,
    #[serde(default)]
    pub url: Option<String>,
    pub confidence: Confidence,
    /// How it is known: `text read`, `secondary`, `general`.
    pub basis: String,
}

/// Something with the citation that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited<T> {
    pub what: T,
    /// A name among the regime's citations.
    pub cite: String,
}

/// One duty: to tell somebody something by some instant, where a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub id: String,
    pub title: String,
    pub recipient: Cited<String>,
    /// The fact that starts the clock.
    pub starts: Cited<String>,
    pub period: Cited<Period>,
    /// A second clock: whichever ends first counts.
    pub backstop: Option<(String, Cited<Period>)>,
    pub trigger: Cited<Condition>,
    pub exemptions: Vec<Exemption>,
    /// Delays that the law allows, by name.
    pub delays: Vec<Cited<String>>,
    pub content: Option<Cited<Vec<String>>>,
    /// What the text must not say.
    pub forbidden: Option<Cited<Vec<String>>>,
    pub valid_from: Option<Date>,
    pub valid_to: Option<Date>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    pub id: String,
    pub when: Cited<Condition>,
}

/// How long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    Hours(u32),
    CalendarDays(u32),
    BusinessDays(u32),
    Months(u32),
    /// So many calendar days after the end of the calendar year.
    AfterYearEnd(u32),
    /// The law names no number.
    WithoutDelay,
}

/// By which rules periods are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    pub convention: Convention,
    /// An IANA time zone; `None`: the authority's, which is asked for.
    pub zone: Option<String>,
    /// A calendar of holidays by name.
    pub calendar: String,
    /// The hour at which the last day of a period ends, where that is before midnight.
    pub day_ends: Option<Cited<Time>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// The day of the event does not count, and the last day counts whole.
    Plain,
    /// The same, and a later reading by Regulation (EEC, Euratom) No 1182/71 is shown beside it.
    Eu1182,
}

/// What must hold; evaluated over bounds it may answer *depends*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Flag(String),
    /// An earlier stage of the regime was sent; until then it depends on that.
    Sent(String),
    /// The fact says at least one of the words.
    Word {
        fact: String,
        is: Vec<String>,
    },
    Count {
        fact: String,
        threshold: Threshold,
    },
    /// Persons in whom all of these classes suffered the effect.
    Classes {
        all: Vec<String>,
        effect: String,
        threshold: Threshold,
    },
    /// The risk is at least so high.
    Risk(String),
    /// Where it holds the law may reach further than is verified here: never *yes*.
    Disputed(Box<Condition>),
    Always,
}

/// "500 or more" is not "more than 500".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threshold {
    AtLeast(u64),
    MoreThan(u64),
    Fewer(u64),
}

impl Status {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Pending => "pending",
            Self::Proposed => "proposed",
            Self::Repealed => "repealed",
        }
    }
}

impl Confidence {
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Low => "L",
            Self::Medium => "M",
            Self::High => "H",
            Self::Verbatim => "V",
        }
    }

    /// Whether a deadline may be told on its strength.
    #[must_use]
    pub fn is_verified(self) -> bool {
        self >= Self::High
    }
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.instrument, self.article)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = |n: &u32| if *n == 1 { "" } else { "s" };
        match self {
            Self::Hours(n) => write!(f, "{n} hour{}", s(n)),
            Self::CalendarDays(n) => write!(f, "{n} calendar day{}", s(n)),
            Self::BusinessDays(n) => write!(f, "{n} business day{}", s(n)),
            Self::Months(n) => write!(f, "{n} month{}", s(n)),
            Self::AfterYearEnd(n) => write!(f, "{n} calendar day{} after the end of the year", s(n)),
            Self::WithoutDelay => f.write_str("without undue delay"),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(n) => write!(f, "{n} or more"),
            Self::MoreThan(n) => write!(f, "more than {n}"),
            Self::Fewer(n) => write!(f, "fewer than {n}"),
        }
    }
}

impl Regime {
    /// The citations that a rule's decision rests on, each once.
    #[must_use]
    pub fn carrying(&self, rule: &Rule) -> Vec<&Citation> {
        let backstop = rule.backstop.iter().map(|(_, period)| period.cite.as_str());
        let mut names = vec![
            self.applies.cite.as_str(),
            rule.trigger.cite.as_str(),
            rule.starts.cite.as_str(),
            rule.period.cite.as_str(),
        ];
        names.extend(backstop);
        if !matches!(rule.period.what, Period::Hours(_) | Period::WithoutDelay) {
            names.extend(self.counting.day_ends.as_ref().map(|end| end.cite.as_str()));
        }
        let mut seen: Vec<&Citation> = Vec::new();
        for citation in names.into_iter().filter_map(|name| self.citations.get(name)) {
            if !seen.contains(&citation) {
                seen.push(citation);
            }
        }
        seen
    }
}
