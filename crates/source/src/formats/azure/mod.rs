//! Azure's activity log and Entra ID's sign-in and audit logs, which Azure Monitor may write into one file.

use super::declared::{BuiltIn, Declared};
use super::kubernetes;
use crate::Mapping;
use std::sync::LazyLock;

const MANUAL: &str = include_str!("azure.txt");

static ACTIVITY: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("activity.toml"), "azure_activity"));
static SIGNIN: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("signin.toml"), "azure_signin"));
static AUDIT: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::embedded(include_str!("audit.toml"), "azure_audit"));

static ACTIVITIES: LazyLock<Declared> = LazyLock::new(|| {
    Declared::among(ACTIVITY.clone(), vec![SIGNIN.clone(), AUDIT.clone()]).with_guest(kubernetes::GUEST)
});
static SIGNINS: LazyLock<Declared> = LazyLock::new(|| {
    Declared::among(SIGNIN.clone(), vec![AUDIT.clone(), ACTIVITY.clone()]).with_guest(kubernetes::GUEST)
});
static AUDITS: LazyLock<Declared> = LazyLock::new(|| {
    Declared::among(AUDIT.clone(), vec![SIGNIN.clone(), ACTIVITY.clone()]).with_guest(kubernetes::GUEST)
});
static SIGNINS_CSV: LazyLock<Declared> = LazyLock::new(|| {
    let text = include_str!("signin_csv.toml");
    Declared::of(Mapping::embedded(text, "azure_signin_csv"))
});

/// `azure_activity`
#[must_use]
pub const fn activity() -> BuiltIn {
    with_manual(&ACTIVITIES)
}

/// `azure_signin`
#[must_use]
pub const fn signin() -> BuiltIn {
    with_manual(&SIGNINS)
}

/// `azure_signin_csv`: sign-ins as the portal exports them.
#[must_use]
pub const fn signin_csv() -> BuiltIn {
    with_manual(&SIGNINS_CSV)
}

/// `azure_audit`
#[must_use]
pub const fn audit() -> BuiltIn {
    with_manual(&AUDITS)
}

const fn with_manual(declared: &'static LazyLock<Declared>) -> BuiltIn {
    BuiltIn {
        declared,
        manual: MANUAL,
    }
}
