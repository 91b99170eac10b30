//! The bastion's log: sshd through syslog, in one of three dialects.

use crate::clock::{Style, Written};
use crate::plan::Syslog;
use ambit_event::Timestamp;
use std::fmt::Write;

/// One message of sshd.
#[derive(Debug, Clone)]
pub struct Sshd {
    pub pid: u32,
    pub message: String,
}

impl Sshd {
    /// The line without its end.
    pub fn render(&self, at: Timestamp, host: &str, dialect: Syslog, out: &mut String) {
        let Self { pid, message } = self;
        let _ = match dialect {
            // Facility authpriv (10), severity info (6).
            Syslog::Rfc5424 => {
                write!(
                    out,
                    "<86>1 {} {host} sshd {pid} - - {message}",
                    Written(at, Style::Micros)
                )
            }
            Syslog::Rfc3164 => write!(out, "{} {host} sshd[{pid}]: {message}", Written(at, Style::Bsd)),
            Syslog::Rsyslog => {
                write!(
                    out,
                    "{} {host} sshd[{pid}]: {message}",
                    Written(at, Style::MicrosOffset)
                )
            }
        };
    }
}
