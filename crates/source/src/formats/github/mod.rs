//! GitHub: who cloned, pushed and changed what.

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

static AUDIT: LazyLock<Declared> =
    LazyLock::new(|| Declared::of(Mapping::embedded(include_str!("audit.toml"), "github_audit")));

/// `github_audit`
#[must_use]
pub const fn audit() -> BuiltIn {
    BuiltIn {
        declared: &AUDIT,
        manual: include_str!("audit.txt"),
    }
}
