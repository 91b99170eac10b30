//! Why a package, or a part of it, could not be read: what, at which byte, and what was expected there.

use std::path::PathBuf;

/// Why a package could not be read. Bytes are hostile: every variant says where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file could not be opened or read.
    #[error("{path}: {why}", path = path.display())]
    Io { path: PathBuf, why: String },
    /// The bytes end where more were promised.
    #[error("{what}, byte {at}: {need} bytes are needed, {have} are left")]
    Cut {
        what: &'static str,
        at: usize,
        need: usize,
        have: usize,
    },
    /// A value that the format does not have.
    #[error("{what}, byte {at}: {why}")]
    Bad {
        what: &'static str,
        at: usize,
        why: String,
    },
    /// More than is read of anything.
    #[error("{what}: more than {limit}, the most that is read")]
    TooMuch { what: &'static str, limit: u64 },
    /// A part that is not in the package.
    #[error("the package has no {0}")]
    Missing(String),
    /// What a person pinned cannot be understood.
    #[error("what is pinned: {0}")]
    Pinned(String),
    /// A list of accepted findings cannot be understood.
    #[error("the list of accepted findings: {0}")]
    Accepted(String),
}

impl Error {
    pub(crate) fn bad(what: &'static str, at: usize, why: impl Into<String>) -> Self {
        Self::Bad {
            what,
            at,
            why: why.into(),
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;
