//! A signer's certificate: whom it names, its key, and the digest by which people pin it.

use super::der::{self, Reader};
use super::key::{Hash, Key};
use crate::error::Result;
use serde::Serialize;

/// What people see of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Certificate {
    /// SHA-256 of its bytes, in hexadecimal: what a signer is pinned by.
    pub sha256: String,
    pub subject: String,
    /// Algorithm and size of its key.
    pub key: String,
    pub valid_from: String,
    pub valid_to: String,
    /// The signer that development tools make, whose key everybody has or can have.
    pub is_debug: bool,
    /// Bits of an RSA key.
    pub rsa_bits: Option<usize>,
}

/// The parts of a certificate that verification needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'b> {
    pub(super) whole: &'b [u8],
    pub(super) serial: &'b [u8],
    pub(super) issuer: &'b [u8],
    subject: &'b [u8],
    /// `SubjectPublicKeyInfo`.
    pub(super) key_info: &'b [u8],
    validity: &'b [u8],
}

impl<'b> Parts<'b> {
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self> {
        let outer = Reader::new(bytes).expect(der::SEQUENCE)?;
        let mut body = outer.inside().open(der::SEQUENCE)?;
        body.maybe(der::CONTEXT_0)?;
        let serial = body.expect(der::INTEGER)?.content;
        body.expect(der::SEQUENCE)?;
        let issuer = body.expect(der::SEQUENCE)?.whole;
        let validity = body.expect(der::SEQUENCE)?.content;
        let subject = body.expect(der::SEQUENCE)?.content;
        let key_info = body.expect(der::SEQUENCE)?.whole;
        Ok(Self {
            whole: outer.whole,
            serial,
            issuer,
            subject,
            key_info,
            validity,
        })
    }

    pub(super) fn shown(&self) -> Certificate {
        let subject = names(self.subject).unwrap_or_default();
        let key = Key::parse(self.key_info);
        let (valid_from, valid_to) = days(self.validity).unwrap_or_default();
        Certificate {
            sha256: hex::encode(Hash::Sha256.of(self.whole)),
            is_debug: subject.contains("CN=Android Debug"),
            rsa_bits: key.as_ref().ok().and_then(Key::rsa_bits),
            key: key.map_or_else(|error| error.to_string(), |key| key.to_string()),
            subject,
            valid_from,
            valid_to,
        }
    }
}

/// A name, in the order of its parts: `CN=…, O=…`.
fn names(bytes: &[u8]) -> Result<String> {
    let mut parts = Vec::new();
    let mut sets = Reader::new(bytes);
    while !sets.is_empty() && parts.len() < 40 {
        let mut pair = sets.open(der::SET)?.open(der::SEQUENCE)?;
        let kind = der::dotted(pair.expect(der::OBJECT)?.content);
        let value = String::from_utf8_lossy(pair.next()?.content).into_owned();
        let kind = match kind.as_str() {
            "2.5.4.3" => "CN",
            "2.5.4.6" => "C",
            "2.5.4.7" => "L",
            "2.5.4.8" => "ST",
            "2.5.4.10" => "O",
            "2.5.4.11" => "OU",
            "1.2.840.113549.1.9.1" => "email",
            other => other,
        };
        parts.push(format!("{kind}={value}"));
    }
    Ok(parts.join(", "))
}

/// The first and the last instant, as they are written.
fn days(bytes: &[u8]) -> Result<(String, String)> {
    let mut both = Reader::new(bytes);
    Ok((instant(both.next()?), instant(both.next()?)))
}

fn instant(value: der::Value<'_>) -> String {
    let text = String::from_utf8_lossy(value.content).into_owned();
    // Two digits of a year stand for 1950 to 2049.
    let whole = match (value.tag, text.get(..2).and_then(|year| year.parse::<u32>().ok())) {
        (0x17, Some(year)) => format!("{}{text}", if year < 50 { "20" } else { "19" }),
        _ => text,
    };
    match (whole.get(..4), whole.get(4..6), whole.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => whole,
    }
}
