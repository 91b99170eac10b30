//! What a release and the logs say together, in the shape that it is written and shown in.

use crate::Bounds;
use ambit_event::Span;
use serde::Serialize;
use std::collections::BTreeSet;

/// The answer. Everything in it is ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exposure {
    pub lake_version: u64,
    pub package: String,
    pub version_name: Option<String>,
    pub version_code: Option<u64>,
    pub window: Option<Span>,
    /// The versions, as the logs write them, that the bounds count.
    pub counted: Vec<String>,
    pub accounts: Option<Bounds>,
    pub sessions: Option<Bounds>,
    pub devices: Option<Bounds>,
    /// Every version of the app on its platform that a record names; the most used of many.
    pub versions: Vec<VersionUse>,
    pub routes: Vec<RouteUse>,
    /// Paths of the package for which no request is recorded.
    pub unused: Vec<String>,
    pub n_unused: u64,
    pub keys: Vec<HardCodedKey>,
    pub inside: Vec<InsideAddress>,
    pub coverage: Vec<SourceState>,
    /// What the numbers rest on, one sentence each.
    pub assumptions: Vec<String>,
    pub unanswered: Vec<String>,
    pub seeds: Vec<SeedLine>,
}

/// How a version stands to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Older,
    This,
    Newer,
    /// It cannot be compared.
    Unordered,
}

impl Standing {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::This => "this release",
            Self::Newer => "newer",
            Self::Unordered => "not comparable",
        }
    }
}

/// One version in the logs: what its records name, at least.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionUse {
    pub version: String,
    pub standing: Standing,
    pub n_records: u64,
    pub seen: Span,
    pub n_sessions: u64,
    pub n_devices: u64,
    /// Accounts that these records name themselves.
    pub n_accounts: u64,
    pub n_addresses: u64,
}

/// How a path of the package fits an operation of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The whole path.
    Whole,
    /// The end of it: the package holds the beginning elsewhere.
    End,
    /// The beginning of it: the package ends the text with a slash, and joins the rest.
    Beginning,
}

impl Fit {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole path",
            Self::End => "end of the path",
            Self::Beginning => "beginning of the path",
        }
    }
}

/// An operation in the logs that the package holds the path of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteUse {
    pub operation: String,
    pub path: String,
    pub fit: Fit,
    pub place: String,
    pub n_requests: Bounds,
    /// Requests whose client names a counted version.
    pub n_counted: u64,
    /// Requests whose client names no version of the app.
    pub n_foreign: u64,
    pub seen: Span,
    /// Operations of the data map that its records are.
    pub mapped: BTreeSet<String>,
    pub classes: BTreeSet<String>,
    /// Records that were looked at are unknown to the map, so that any class may lie behind it.
    pub is_unmapped: bool,
}

/// What a caller is, by what the logs and the map say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The app was used from there too, or with that client program.
    App,
    /// A machine of ours, by the data map, or an address of the inside.
    Own,
    /// No record of the app has it.
    Foreign,
}

impl Origin {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::App => "as the app",
            Self::Own => "a machine of the inside",
            Self::Foreign => "no place of the app",
        }
    }
}

/// Whether callers are addresses or client programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    Address,
    Client,
}

/// From where something was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caller {
    pub by: CallerKind,
    pub value: String,
    pub origin: Origin,
    pub n_records: u64,
    pub seen: Span,
}

/// How far it was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Looked {
    /// Wherever a record can hold it.
    Everywhere,
    /// In the columns of sessions and credentials alone.
    Columns,
    /// Not at all.
    Not,
}

/// A key of the package, and its use in the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HardCodedKey {
    pub kind: String,
    /// As the lake holds it; `None` where the package holds no value that a log could.
    pub fingerprint: Option<String>,
    pub is_public: bool,
    pub place: String,
    pub looked: Looked,
    pub n_records: Option<Bounds>,
    /// Records whose client names a version of the app.
    pub n_by_app: u64,
    pub seen: Option<Span>,
    /// Foreign ones first; the most used of many.
    pub callers: Vec<Caller>,
    pub n_foreign_addresses: u64,
    pub n_foreign_clients: u64,
}

/// An address of the inside that stands in the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InsideAddress {
    pub text: String,
    pub inside: String,
    pub place: String,
    /// How its requests are told in the logs; `None` where no record tells, so that nothing is known.
    pub told_by: Option<String>,
    pub n_requests: Option<Bounds>,
    /// Of those, from addresses that are not of the inside.
    pub n_from_outside: Option<Bounds>,
    pub callers: Vec<Caller>,
}

/// How well a source that was read saw the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceState {
    pub source: String,
    pub host: Option<String>,
    pub worst: String,
    /// Records that are missing at most; `None` where nobody knows.
    pub n_missing: Option<u64>,
    pub because: Vec<String>,
}

/// A seed that a scope may begin with, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeedLine {
    pub seed: String,
    pub why: String,
}
