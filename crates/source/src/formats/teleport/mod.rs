//! Teleport: who came to which host, database, cluster or application, and what they ran there.

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

static AUDIT: LazyLock<Declared> =
    LazyLock::new(|| Declared::of(Mapping::embedded(include_str!("audit.toml"), "teleport_audit")));

/// `teleport_audit`
#[must_use]
pub const fn audit() -> BuiltIn {
    BuiltIn {
        declared: &AUDIT,
        manual: include_str!("audit.txt"),
    }
}
