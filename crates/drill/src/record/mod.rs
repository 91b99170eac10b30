//! Records as values, and how each producer writes them.

mod app;
mod cloudtrail;
mod nginx;
mod postgresql;
mod syslog;

pub use app::AppLine;
pub use cloudtrail::{
    ACCOUNT, ApiCall, BUCKET, Caller, PUBLIC, Refusal, arn_of, key_id, mixed_case, unique_id,
};
pub use nginx::Hit;
pub use postgresql::{Backend, Backends, SqlLine, Statement};
pub use syslog::Sshd;

use ambit_event::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A session's secret: shown as 32 hexadecimal digits.
pub type Secret = u128;

/// One record on its way into a log.
#[derive(Debug, Clone)]
pub enum Body {
    Hit(Box<Hit>),
    App(Box<AppLine>),
    Sql { backend: usize, line: Box<SqlLine> },
    Sshd(Box<Sshd>),
    Api(Box<ApiCall>),
}

/// A record with the instant at which its producer writes it.
#[derive(Debug, Clone)]
pub struct Record {
    pub at: Timestamp,
    /// Which stream of the logs.
    pub stream: usize,
    pub body: Body,
    /// What the intruder did with it, where it is his.
    pub deed: Option<&'static str>,
}

pub fn secret_text(secret: Secret) -> String {
    format!("{secret:032x}")
}

/// How services write a session: the first 16 hexadecimal digits of the SHA-256 of its secret.
pub fn session_hash(secret: Secret) -> String {
    let digest = Sha256::digest(secret_text(secret).as_bytes());
    hex::encode(&digest[..8])
}

pub fn device_text(id: u64) -> String {
    format!("d-{id:012x}")
}

/// Appends a JSON string.
fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends `"name":"text"` and a comma before it where one is due.
fn push_field(out: &mut String, name: &str, text: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    push_json(out, name);
    out.push(':');
    push_json(out, text);
}

/// Appends `"name":number` likewise.
fn push_number(out: &mut String, name: &str, number: impl std::fmt::Display) {
    if !out.ends_with('{') {
        out.push(',');
    }
    let _ = write!(out, "\"{name}\":{number}");
}

/// Percent-encodes a query value as browsers do.
pub fn url_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut out = String::from("{");
        push_field(&mut out, "a", "x\"\\\n\u{1}");
        push_number(&mut out, "n", 3);
        assert_eq!(out, "{\"a\":\"x\\\"\\\\\\n\\u0001\",\"n\":3");
        assert_eq!(url_encoded("a b'%"), "a+b%27%25");
        assert_eq!(session_hash(0).len(), 16);
    }
}
