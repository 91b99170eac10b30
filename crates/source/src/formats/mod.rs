//! The formats that are built in: one file or folder and one line each.

pub mod apache;
pub mod app;
pub mod aws;
pub mod azure;
pub mod caddy;
mod declared;
pub mod envoy;
pub mod fhir;
mod forwarded;
pub mod gcp;
pub mod github;
mod guests;
pub mod kubernetes;
pub mod linux_auditd;
pub mod linux_journald;
pub mod microsoft365;
pub mod nginx;
pub mod okta;
pub mod postgresql;
pub mod sshd;
pub mod syslog;
mod table;
pub mod teleport;
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
        Arc::new(caddy::Access),
        Arc::new(envoy::Access),
        Arc::new(postgresql::Csvlog),
        Arc::new(postgresql::Jsonlog),
        Arc::new(postgresql::Stderr),
        Arc::new(fhir::AuditEvent),
        Arc::new(linux_auditd::Auditd),
        Arc::new(linux_journald::Export),
        Arc::new(linux_journald::JsonLines),
        Arc::new(windows::Evtx),
        Arc::new(windows::Json),
        Arc::new(windows::Xml),
        Arc::new(sshd::Sshd),
        Arc::new(syslog::Syslog),
        Arc::new(aws::cloudtrail()),
        Arc::new(gcp::audit()),
        Arc::new(kubernetes::Audit),
        Arc::new(okta::system()),
        Arc::new(github::audit()),
        Arc::new(github::audit_csv()),
        Arc::new(teleport::audit()),
        Arc::new(azure::signin()),
        Arc::new(azure::signin_csv()),
        Arc::new(azure::audit()),
        Arc::new(azure::activity()),
        Arc::new(microsoft365::audit()),
        Arc::new(microsoft365::audit_csv()),
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
        Form::Json | Form::Logfmt | Form::Csv => Arc::new(declared::Declared::of(mapping)),
    }
}
