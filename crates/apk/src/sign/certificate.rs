//! A signer's certificate: whom it names, its key, and the digest by which people pin it.

use super::ber;
use super::der::{self, Reader};
use super::key::{Hash, Key};
use crate::error::{Error, Result};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeSet;

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
#[derive(Debug, Clone)]
pub(super) struct Parts<'b> {
    /// Its bytes as they stand in the package: what its digest is over.
    pub(super) whole: &'b [u8],
    pub(super) serial: Cow<'b, [u8]>,
    pub(super) issuer: Cow<'b, [u8]>,
    subject: Cow<'b, [u8]>,
    /// `SubjectPublicKeyInfo`.
    pub(super) key_info: Cow<'b, [u8]>,
    validity: Cow<'b, [u8]>,
}

impl<'b> Parts<'b> {
    /// Reads a certificate; one that is not in DER is brought to it first, as `apksigner` does.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self> {
        strict(bytes).or_else(|error| {
            let der = ber::to_der(bytes).map_err(|_| error.clone())?;
            let parts = strict(&der).map_err(|_| error)?;
            let own = |part: Cow<'_, [u8]>| Cow::Owned(part.into_owned());
            Ok(Self {
                whole: Reader::ber(bytes).expect(der::SEQUENCE)?.whole,
                serial: own(parts.serial),
                issuer: own(parts.issuer),
                subject: own(parts.subject),
                key_info: own(parts.key_info),
                validity: own(parts.validity),
            })
        })
    }

    pub(super) fn shown(&self) -> Certificate {
        let subject = names(&self.subject).unwrap_or_default();
        let key = Key::parse(&self.key_info);
        let (valid_from, valid_to) = days(&self.validity).unwrap_or_default();
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

/// Reads a certificate in DER, every known part in its place.
fn strict(bytes: &[u8]) -> Result<Parts<'_>> {
    let mut reader = Reader::new(bytes);
    let outer = reader.expect(der::SEQUENCE)?;
    let mut inner = outer.inside();
    let mut body = inner.open(der::SEQUENCE)?;
    let version = match body.maybe(der::CONTEXT_0)? {
        Some(tagged) => version(tagged)?,
        None => 0,
    };
    let serial = body.expect(der::INTEGER)?.integer()?;
    let algorithm = body.expect(der::SEQUENCE)?;
    let issuer = body.expect(der::SEQUENCE)?;
    let validity = body.expect(der::SEQUENCE)?.content;
    let subject = body.expect(der::SEQUENCE)?.content;
    let key_info = body.expect(der::SEQUENCE)?.whole;
    names(issuer.content)?;
    names(subject)?;
    dates(validity)?;
    key_form(key_info)?;
    rest(&mut body, version)?;
    // The algorithm stands there twice, and the signature, whose value nobody asks, closes it.
    if algorithm_form(inner.expect(der::SEQUENCE)?)? != algorithm_form(algorithm)? {
        return Err(bad("two algorithms for one signature"));
    }
    bit_form(inner.expect(der::BITS)?)?;
    if !inner.is_empty() {
        return Err(bad("something stands behind its end"));
    }
    Ok(Parts {
        whole: outer.whole,
        serial: serial.into(),
        issuer: issuer.whole.into(),
        subject: subject.into(),
        key_info: key_info.into(),
        validity: validity.into(),
    })
}

/// What it names, the kind of its value, and the value.
type NamePart = (Vec<u8>, u8, Vec<u8>);

/// A name as Java compares names: texts without regard to capitals and to how many spaces there are, all else byte by
/// byte.
pub(super) fn comparable(name: &[u8]) -> Result<Vec<Vec<NamePart>>> {
    let mut sets = Reader::new(name).open(der::SEQUENCE)?;
    let mut all = Vec::new();
    while !sets.is_empty() {
        let (mut set, mut pairs) = (sets.open(der::SET)?, Vec::new());
        while !set.is_empty() {
            let mut pair = set.open(der::SEQUENCE)?;
            let kind = pair.expect(der::OBJECT)?.content.to_vec();
            let value = pair.next()?;
            pairs.push(match value.tag {
                // UTF-8 and printable text.
                0x0c | 0x13 => {
                    let text = String::from_utf8_lossy(value.content).to_lowercase();
                    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                    (kind, 0, words.join(" ").into_bytes())
                }
                tag => (kind, tag, value.content.to_vec()),
            });
        }
        pairs.sort();
        all.push(pairs);
    }
    Ok(all)
}

const WHAT: &str = "certificate";

fn bad(why: &str) -> Error {
    Error::bad(WHAT, 0, why)
}

/// Its version, counted from 0: one that there is none of is read as one that may have everything but extensions.
fn version(tagged: der::Value<'_>) -> Result<u8> {
    let mut inside = tagged.inside();
    let number = inside.expect(der::INTEGER)?.integer()?;
    match number {
        _ if !inside.is_empty() || number.len() > 4 => Err(bad("a version that there is none of")),
        [n @ 0..=2] => Ok(*n),
        _ => Ok(u8::MAX),
    }
}

/// Both ends of its time are instants of the calendar.
fn dates(validity: &[u8]) -> Result<()> {
    let mut both = Reader::new(validity);
    for _ in 0..2 {
        let value = both.next()?;
        let n_year = match value.tag {
            der::UTC_TIME => 2,
            der::GENERAL_TIME => 4,
            _ => return Err(bad("a time of another form")),
        };
        if !is_instant(value.content, n_year) {
            return Err(bad("a time that the calendar does not have"));
        }
    }
    if both.is_empty() {
        Ok(())
    } else {
        Err(bad("three times"))
    }
}

/// `YYMMDDHHMM[SS]Z`, or with an offset in place of the `Z`.
fn is_instant(text: &[u8], n_year: usize) -> bool {
    let number = |at: usize| {
        let pair = text.get(n_year + at..n_year + at + 2)?;
        let digit = |b: u8| b.is_ascii_digit().then(|| u32::from(b - b'0'));
        Some(digit(pair[0])? * 10 + digit(pair[1])?)
    };
    let within = |at, low, high| number(at).is_some_and(|n| (low..=high).contains(&n));
    let is_year = text
        .get(..n_year)
        .is_some_and(|year| year.iter().all(u8::is_ascii_digit));
    let is_day = within(0, 1, 12) && within(2, 1, 31) && within(4, 0, 23) && within(6, 0, 59);
    let after = if within(8, 0, 59) { 10 } else { 8 };
    let zone = text.get(n_year + after..).unwrap_or_default();
    let is_offset = |zone: &[u8]| zone.len() == 5 && zone[1..].iter().all(u8::is_ascii_digit);
    let is_zone = match zone.first() {
        Some(b'Z') => zone.len() == 1,
        Some(b'+' | b'-') => is_offset(zone),
        Some(b'.' | b',') => n_year == 4 && zone.ends_with(b"Z"),
        _ => false,
    };
    is_year && is_day && is_zone
}

/// An algorithm: which, and at most one value that says how. None and nothing are the same.
fn algorithm_form(algorithm: der::Value<'_>) -> Result<(&[u8], Option<&[u8]>)> {
    let mut inside = algorithm.inside();
    let object = inside.expect(der::OBJECT)?;
    object_form(object)?;
    let how = (!inside.is_empty()).then(|| inside.next()).transpose()?;
    if !inside.is_empty() {
        return Err(bad("an algorithm of too many values"));
    }
    let is_nothing = |value: &der::Value<'_>| value.tag & 0x3f == der::NULL && value.content.is_empty();
    Ok((
        object.content,
        how.filter(|how| !is_nothing(how)).map(|how| how.whole),
    ))
}

/// Numbers of which none is cut.
fn object_form(object: der::Value<'_>) -> Result<()> {
    match object.content.last() {
        Some(last) if last & 0x80 == 0 => Ok(()),
        _ => Err(bad("an object identifier that is none")),
    }
}

/// How many bits of the last byte are none, and the bytes.
fn bit_form(bits: der::Value<'_>) -> Result<()> {
    match bits.content.split_first() {
        Some((0, _)) => Ok(()),
        Some((1..=7, rest)) if !rest.is_empty() => Ok(()),
        _ => Err(bad("a bit string that is none")),
    }
}

fn key_form(info: &[u8]) -> Result<()> {
    let mut inside = Reader::new(info).open(der::SEQUENCE)?;
    algorithm_form(inside.expect(der::SEQUENCE)?)?;
    bit_form(inside.expect(der::BITS)?)?;
    if inside.is_empty() {
        Ok(())
    } else {
        Err(bad("something stands behind its key"))
    }
}

/// What may follow the key: two names that nobody uses, and extensions.
fn rest(body: &mut Reader<'_>, version: u8) -> Result<()> {
    let mut n_before = 0;
    for (plain, constructed) in [(0x81, 0xa1), (0x82, 0xa2)] {
        let value = match body.maybe(plain)? {
            None => body.maybe(constructed)?,
            found => found,
        };
        if let Some(bits) = value {
            bit_form(bits)?;
            n_before += 1;
        }
    }
    if n_before > 0 && version == 0 {
        return Err(bad("more than its version has"));
    }
    if let Some(tagged) = body.maybe(0xa3)? {
        if version != 2 {
            return Err(bad("extensions that its version does not have"));
        }
        extensions(tagged)?;
    }
    if body.is_empty() {
        Ok(())
    } else {
        Err(bad("something stands behind its extensions"))
    }
}

/// Each by its identifier, once.
fn extensions(tagged: der::Value<'_>) -> Result<()> {
    let mut outer = tagged.inside();
    let mut all = outer.open(der::SEQUENCE)?;
    let mut known = BTreeSet::new();
    while !all.is_empty() {
        let mut one = all.open(der::SEQUENCE)?;
        let object = one.expect(der::OBJECT)?;
        object_form(object)?;
        if one.maybe(der::BOOL)?.is_some_and(|flag| flag.content.len() != 1) {
            return Err(bad("a flag that is none"));
        }
        one.expect(der::OCTETS)?;
        if !one.is_empty() || !known.insert(object.content) {
            return Err(bad("an extension that is none, or stands there twice"));
        }
    }
    if outer.is_empty() {
        Ok(())
    } else {
        Err(bad("something stands behind its extensions"))
    }
}

/// A name, in the order of its parts: `CN=…, O=…`.
fn names(bytes: &[u8]) -> Result<String> {
    let mut parts = Vec::new();
    let mut sets = Reader::new(bytes);
    while !sets.is_empty() && parts.len() < 40 {
        let mut pair = sets.open(der::SET)?.open(der::SEQUENCE)?;
        let object = pair.expect(der::OBJECT)?;
        object_form(object)?;
        let kind = der::dotted(object.content);
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

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 128);
        [&[tag, content.len() as u8], content].concat()
    }

    /// A certificate of these parts: serial, one end of its time, and what follows the key.
    fn certificate(serial: &[u8], time: &[u8], more: &[u8]) -> Vec<u8> {
        let algorithm = der(0x30, &der(0x06, &[0x2a, 0x03]));
        let name = der(
            0x30,
            &der(
                0x31,
                &der(0x30, &[der(0x06, &[0x55, 4, 3]), der(0x0c, b"a")].concat()),
            ),
        );
        let times = der(0x30, &[der(0x17, time), der(0x17, b"490101000000Z")].concat());
        let key = der(0x30, &[algorithm.clone(), der(0x03, &[0, 1])].concat());
        let parts = [
            &der(0x02, serial)[..],
            &algorithm,
            &name,
            &times,
            &name,
            &key,
            more,
        ];
        let body = der(0x30, &parts.concat());
        der(0x30, &[body, algorithm, der(0x03, &[0, 1])].concat())
    }

    #[test]
    fn a_certificate_is_read_as_strictly_as_platforms_read_it() {
        let time = b"200101000000Z";
        let good = certificate(&[1], time, &[]);
        assert!(Parts::parse(&good).is_ok());
        for (what, bytes) in [
            ("a number without digits", certificate(&[], time, &[])),
            (
                "a month that there is none of",
                certificate(&[1], b"201301000000Z", &[]),
            ),
            ("a time without a zone", certificate(&[1], b"2001010000", &[])),
            ("letters in a time", certificate(&[1], b"20x101000000Z", &[])),
            (
                "extensions of version 1",
                certificate(&[1], time, &der(0xa3, &der(0x30, &[]))),
            ),
            ("an unknown part", certificate(&[1], time, &der(0x04, &[]))),
        ] {
            assert!(Parts::parse(&bytes).is_err(), "{what}");
        }
        // Packages in the field have lengths in more bytes than they need, and platforms read them.
        let mut long = good.clone();
        long.splice(1..2, [0x81, good[1]]);
        assert!(Parts::parse(&long).is_ok());
        // What the package's signers of old wrote in BER is brought to DER: a tag without its mark of being made of
        // parts, and a length that is left open.
        let version = der(0xa0, &der(0x02, &[2]));
        let mut v3 = good.clone();
        let body = 2..2 + usize::from(good[3]) + 2;
        let inner = [&version[..], &good[4..body.end]].concat();
        v3.splice(body, der(0x30, &inner));
        v3[1] += version.len() as u8;
        assert!(Parts::parse(&v3).is_ok());
        let mut loose = v3.clone();
        loose[0] ^= 0x20;
        let parts = Parts::parse(&loose).expect("BER is read");
        assert_eq!(parts.whole, loose.as_slice(), "its digest is over its own bytes");
        let open = [&[0x30, 0x80], &v3[2..], &[0, 0]].concat();
        assert!(Parts::parse(&open).is_ok());
        for cut in 0..good.len() {
            assert!(Parts::parse(&good[..cut]).is_err(), "{cut}");
        }
    }
}
