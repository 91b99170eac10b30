//! Amazon Web Services: what calls of its APIs leave behind.

pub mod digest;

use super::declared::{BuiltIn, Declared};
use crate::Mapping;
use std::sync::LazyLock;

static DECLARED: LazyLock<Declared> = LazyLock::new(|| {
    Declared::of(Mapping::embedded(
        include_str!("cloudtrail.toml"),
        "aws_cloudtrail",
    ))
});

/// `aws_cloudtrail`.
pub const fn cloudtrail() -> BuiltIn {
    BuiltIn {
        declared: &DECLARED,
        manual: include_str!("cloudtrail.txt"),
    }
}
