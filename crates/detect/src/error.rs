//! What can go wrong besides rules, whose faults are told with the rules.

use thiserror::Error;

/// Why something besides a rule could not be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// The file with the values of placeholders is none.
    #[error("{origin}: {why}")]
    Placeholders { origin: String, why: String },
    /// The file with a processing pipeline is none that can be used.
    #[error("{0}")]
    Pipeline(Box<crate::rule::Refusal>),
    /// The file with findings that are not to be told is none.
    #[error("{origin}: {why}")]
    AllowList { origin: String, why: String },
    /// The file with the parameters of behaviours is none.
    #[error("{origin}: {why}")]
    Behaviours { origin: String, why: String },
    /// The database of places cannot be used.
    #[error("{origin}: {why}")]
    Places { origin: String, why: String },
}
