//! Certificates in BER: what signers of old wrote, and what `apksigner` reads all the same. It brings them to DER, and
//! reads that as strictly as any; so does this.
//!
//! Of a tag only the class and the number are looked at, lengths may have any form, and what stands behind the last
//! known part of a sequence is left out.

use super::der::{self, Reader, Value};
use crate::error::{Error, Result};

/// Bytes of the longest certificate that is brought to DER.
const LONGEST: usize = 1 << 20;

/// A certificate in DER.
pub(super) fn to_der(bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.len() > LONGEST {
        return Err(Error::TooMuch {
            what: "bytes of a certificate",
            limit: LONGEST as u64,
        });
    }
    let mut whole = Reader::ber(bytes).open(der::SEQUENCE)?;
    let body = body(whole.open(der::SEQUENCE)?)?;
    let algorithm = algorithm(whole.expect(der::SEQUENCE)?)?;
    let signature = whole.expect(der::BITS)?;
    Ok(put(
        der::SEQUENCE,
        &[body, algorithm, put(der::BITS, &[signature.content.to_vec()])],
    ))
}

fn body(mut body: Reader<'_>) -> Result<Vec<u8>> {
    // What stands under a tag of its own is taken by its place.
    let version = body.open(der::CONTEXT_0)?.next()?;
    let version = put(der::CONTEXT_0, &[put(der::INTEGER, &[number(version)])]);
    let serial = put(der::INTEGER, &[number(body.expect(der::INTEGER)?)]);
    let mut parts = vec![version, serial, algorithm(body.expect(der::SEQUENCE)?)?];
    parts.push(name(body.expect(der::SEQUENCE)?)?);
    parts.push(validity(body.open(der::SEQUENCE)?)?);
    parts.push(name(body.expect(der::SEQUENCE)?)?);
    let mut key = body.open(der::SEQUENCE)?;
    let of_key = algorithm(key.expect(der::SEQUENCE)?)?;
    let bits = put(der::BITS, &[key.expect(der::BITS)?.content.to_vec()]);
    parts.push(put(der::SEQUENCE, &[of_key, bits]));
    parts.extend(optional(body)?);
    Ok(put(der::SEQUENCE, &parts))
}

/// What may follow the key, in its order; a part of another tag is passed over.
fn optional(mut body: Reader<'_>) -> Result<Vec<Vec<u8>>> {
    let (mut parts, mut next) = (Vec::new(), 0);
    while next < 3 && !body.is_empty() {
        let value = body.next()?;
        let place = [0x81, 0x82, 0xa3]
            .iter()
            .position(|tag| der::is_same(value.tag, *tag));
        let Some(place) = place.filter(|place| *place >= next) else {
            continue;
        };
        if place < 2 {
            let tag = [0x81, 0x82][place];
            bits(value)?;
            parts.push(put(tag, &[value.content.to_vec()]));
            next = place + 1;
        } else if let Some(extensions) = extensions(value)? {
            parts.push(extensions);
            next = 3;
        }
    }
    Ok(parts)
}

fn bits(value: Value<'_>) -> Result<()> {
    match value.content.first() {
        Some(0..=7) => Ok(()),
        _ => Err(Error::bad("certificate", 0, "a bit string that is none")),
    }
}

/// The extensions; `None` where something else stands among them.
fn extensions(tagged: Value<'_>) -> Result<Option<Vec<u8>>> {
    let (mut all, mut out) = (tagged.inside().next()?.inside(), Vec::new());
    while !all.is_empty() {
        let one = all.next()?;
        if !der::is_same(one.tag, der::SEQUENCE) {
            return Ok(None);
        }
        let mut one = one.inside();
        let mut parts = vec![plain(der::OBJECT, one.expect(der::OBJECT)?)];
        let mut value = one.next()?;
        if der::is_same(value.tag, der::BOOL) {
            parts.push(plain(der::BOOL, value));
            value = one.next()?;
        }
        if !der::is_same(value.tag, der::OCTETS) {
            return Err(Error::bad("certificate", 0, "an extension without a value"));
        }
        parts.push(plain(der::OCTETS, value));
        out.push(put(der::SEQUENCE, &parts));
    }
    Ok(Some(put(0xa3, &[put(der::SEQUENCE, &out)])))
}

/// An algorithm with its parameters as they are.
fn algorithm(value: Value<'_>) -> Result<Vec<u8>> {
    let mut inside = value.inside();
    let mut parts = vec![plain(der::OBJECT, inside.expect(der::OBJECT)?)];
    if !inside.is_empty() {
        parts.push(inside.next()?.whole.to_vec());
    }
    Ok(put(der::SEQUENCE, &parts))
}

fn name(value: Value<'_>) -> Result<Vec<u8>> {
    let (mut sets, mut out) = (value.inside(), Vec::new());
    while !sets.is_empty() {
        let (mut set, mut pairs) = (sets.open(der::SET)?, Vec::new());
        while !set.is_empty() {
            let mut pair = set.open(der::SEQUENCE)?;
            let kind = plain(der::OBJECT, pair.expect(der::OBJECT)?);
            pairs.push(put(der::SEQUENCE, &[kind, pair.next()?.whole.to_vec()]));
        }
        out.push(put(der::SET, &pairs));
    }
    Ok(put(der::SEQUENCE, &out))
}

fn validity(mut both: Reader<'_>) -> Result<Vec<u8>> {
    let mut instants = Vec::new();
    for _ in 0..2 {
        let value = both.next()?;
        let tag = [der::UTC_TIME, der::GENERAL_TIME]
            .into_iter()
            .find(|tag| der::is_same(value.tag, *tag))
            .ok_or_else(|| Error::bad("certificate", 0, "a time of another form"))?;
        instants.push(plain(tag, value));
    }
    Ok(put(der::SEQUENCE, &instants))
}

/// The digits of a whole number, as few as say it.
fn number(value: Value<'_>) -> Vec<u8> {
    let mut digits = value.content;
    while let [first, second, ..] = digits {
        let is_idle = *first == 0 && *second < 0x80 || *first == 0xff && *second >= 0x80;
        if !is_idle {
            break;
        }
        digits = &digits[1..];
    }
    if digits.is_empty() {
        vec![0]
    } else {
        digits.to_vec()
    }
}

fn plain(tag: u8, value: Value<'_>) -> Vec<u8> {
    put(tag, &[value.content.to_vec()])
}

/// A value with a length of as few bytes as say it.
fn put(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let n_bytes: usize = parts.iter().map(Vec::len).sum();
    let mut out = vec![tag];
    if n_bytes < 0x80 {
        out.push(n_bytes as u8);
    } else {
        let digits: Vec<u8> = n_bytes
            .to_be_bytes()
            .into_iter()
            .skip_while(|digit| *digit == 0)
            .collect();
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}
