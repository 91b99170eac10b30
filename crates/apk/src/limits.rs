//! What is read at most. A package is written by whoever wants to be scanned, or not to be.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// Ceilings on what one package may cost. Beyond one nothing is read, and that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub package: u64,
    /// Bytes that one member unpacks to.
    pub member: u64,
    /// Bytes that all members which are looked into unpack to, those of packages within included.
    pub unpacked: u64,
    /// Members of one package.
    pub members: usize,
    /// Instructions that the data-flow follows in one class, all its passes together.
    pub steps: usize,
    /// Findings of one check that are kept; the rest is counted.
    pub findings: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package: 600 << 20,
            member: 256 << 20,
            unpacked: 2 << 30,
            members: 200_000,
            steps: 2_000_000,
            findings: 200,
        }
    }
}

/// What may still be unpacked. Shared by all that read one file, so that many small bombs are one large bomb.
#[derive(Debug)]
pub struct Budget {
    left: AtomicU64,
    member: u64,
    whole: u64,
}

impl Budget {
    #[must_use]
    pub fn of(limits: &Limits) -> Self {
        Self {
            left: AtomicU64::new(limits.unpacked),
            member: limits.member,
            whole: limits.unpacked,
        }
    }

    /// The most that one member may unpack to.
    pub(crate) const fn member(&self) -> u64 {
        self.member
    }

    /// Takes so many bytes off, or says that there are none left.
    pub(crate) fn spend(&self, n_bytes: u64) -> Result<()> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(n_bytes)
            });
        taken.map(|_| ()).map_err(|_| Error::TooMuch {
            what: "bytes unpacked from one file",
            limit: self.whole,
        })
    }
}
