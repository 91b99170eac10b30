//! Microsoft 365's unified audit log: JSON, and JSON within CSV.

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

const MANUAL: &str = include_str!("audit.txt");

static AUDIT: LazyLock<Declared> = LazyLock::new(|| {
    Declared::of(Mapping::embedded(
        include_str!("audit.toml"),
        "microsoft365_audit",
    ))
});
static AUDIT_CSV: LazyLock<Declared> = LazyLock::new(|| {
    let text = include_str!("audit_csv.toml");
    Declared::of(Mapping::embedded(text, "microsoft365_audit_csv"))
});

/// `microsoft365_audit`
#[must_use]
pub const fn audit() -> BuiltIn {
    BuiltIn {
        declared: &AUDIT,
        manual: MANUAL,
    }
}

/// `microsoft365_audit_csv`: the same log as it is exported.
#[must_use]
pub const fn audit_csv() -> BuiltIn {
    BuiltIn {
        declared: &AUDIT_CSV,
        manual: MANUAL,
    }
}
