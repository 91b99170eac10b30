//! The formats that are built in: one file or folder and one line each.

pub mod apache;
pub mod app;
mod declared;
pub mod nginx;
pub mod postgresql;
pub mod sshd;
pub mod syslog;
pub mod windows;

use crate::mapping::Form;
use crate::{Format, Mapping};
use std::sync::Arc;

/// Every built-in format, in the order in which equally sure ones win.
#[must_use]
pub fn built_in() -> Vec<Arc<dyn Format>> {
    vec![
        Arc::new(nginx::Access),
        Arc::new(nginx::ErrorLog),
        Arc::new(apache::Access),
        Arc::new(apache::ErrorLog),
        Arc::new(postgresql::Csvlog),
        Arc::new(postgresql::Jsonlog),
        Arc::new(postgresql::Stderr),
        Arc::new(windows::Evtx),
        Arc::new(windows::Json),
        Arc::new(sshd::Sshd),
        Arc::new(syslog::Syslog),
        Arc::new(app::App::Jsonl),
        Arc::new(app::App::Logfmt),
    ]
}

/// The format that a mapping declares.
#[must_use]
pub fn declared(mapping: &Mapping) -> Arc<dyn Format> {
    let mapping = mapping.clone();
    match mapping.form() {
        Form::Nginx => Arc::new(nginx::DeclaredAccess { mapping }),
        Form::Apache => Arc::new(apache::DeclaredAccess { mapping }),
        Form::Json | Form::Logfmt => Arc::new(declared::Declared { mapping }),
    }
}
