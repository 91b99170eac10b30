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

static AUDIT_CSV: LazyLock<Declared> = LazyLock::new(|| {
    let text = include_str!("audit_csv.toml");
    Declared::of(Mapping::embedded(text, "github_audit_csv"))
});

/// `github_audit_csv`: the same log as the web page exports it.
#[must_use]
pub const fn audit_csv() -> BuiltIn {
    BuiltIn {
        declared: &AUDIT_CSV,
        manual: include_str!("audit.txt"),
    }
}
