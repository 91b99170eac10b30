//! Okta: who signed in to what, and what administrators changed.

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

static SYSTEM: LazyLock<Declared> =
    LazyLock::new(|| Declared::of(Mapping::embedded(include_str!("system.toml"), "okta_system")));

/// `okta_system`
#[must_use]
pub const fn system() -> BuiltIn {
    BuiltIn {
        declared: &SYSTEM,
        manual: include_str!("system.txt"),
    }
}
