//! What can go wrong besides rules, whose faults are told with the rules.

use thiserror::Error;

/// Why something besides a rule could not be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Error {
    /// The file with the values of placeholders is none.
    #[error("{origin}: {why}")]
    Placeholders { origin: String, why: String },
}
