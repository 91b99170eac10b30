//! Google Cloud: what calls of its APIs leave behind.

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

static DECLARED: LazyLock<Declared> =
    LazyLock::new(|| Declared::of(Mapping::embedded(include_str!("audit.toml"), "gcp_audit")));

/// `gcp_audit`.
pub const fn audit() -> BuiltIn {
    BuiltIn {
        declared: &DECLARED,
        manual: include_str!("audit.txt"),
    }
}
