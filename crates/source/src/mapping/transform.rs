//! What is done to a text before it becomes a column.

use crate::time;
use ambit_event::Timestamp;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    Sha256,
    Lower,
    Upper,
    Trim,
    Prefix(usize),
    Suffix(usize),
    StripPrefix(String),
    StripSuffix(String),
    Before(String),
    After(String),
    BeforeLast(String),
    AfterLast(String),
    Bearer,
    /// The value of the cookie of this name in a Cookie header; absent where there is none.
    Cookie(String),
    /// An IP address in its usual form, its port taken off; what is none is absent.
    Address,
    /// The text as it is where it is an IP address, with a port or without; what is none is absent.
    OnlyAddress,
    /// The port that stands behind an address.
    Port,
    /// A GUID in its usual form, of which base64 of its bytes or of its text may be written; anything else stays.
    Guid,
    /// An instant in one form, to so many nanoseconds, however it is written; in UTC where it names no zone. What is
    /// none stays.
    Instant(i64),
}

impl Transform {
    pub fn parse(text: &str) -> Option<Self> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        Some(match (name, argument.is_empty()) {
            ("sha256", true) => Self::Sha256,
            ("lower", true) => Self::Lower,
            ("upper", true) => Self::Upper,
            ("trim", true) => Self::Trim,
            ("bearer", true) => Self::Bearer,
            ("address", true) => Self::Address,
            ("only_address", true) => Self::OnlyAddress,
            ("port", true) => Self::Port,
            ("guid", true) => Self::Guid,
            ("instant", false) => Self::Instant(time::unit(argument)?),
            ("cookie", false) => Self::Cookie(argument.to_owned()),
            ("prefix", false) => Self::Prefix(argument.parse().ok()?),
            ("suffix", false) => Self::Suffix(argument.parse().ok()?),
            ("strip_prefix", false) => Self::StripPrefix(argument.to_owned()),
            ("strip_suffix", false) => Self::StripSuffix(argument.to_owned()),
            ("before", false) => Self::Before(argument.to_owned()),
            ("after", false) => Self::After(argument.to_owned()),
            ("before_last", false) => Self::BeforeLast(argument.to_owned()),
            ("after_last", false) => Self::AfterLast(argument.to_owned()),
            _ => return None,
        })
    }

    fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self {
            Self::Sha256 => Cow::Owned(sha256(&text)),
            Self::Lower => Cow::Owned(text.to_lowercase()),
            Self::Upper => Cow::Owned(text.to_uppercase()),
            Self::Trim => part(text, |t| t.trim()),
            Self::Prefix(n) => part(text, |t| t.char_indices().nth(*n).map_or(t, |(at, _)| &t[..at])),
            Self::Suffix(n) => part(text, |t| {
                let skip = t.chars().count().saturating_sub(*n);
                t.char_indices().nth(skip).map_or("", |(at, _)| &t[at..])
            }),
            Self::StripPrefix(head) => part(text, |t| t.strip_prefix(head.as_str()).unwrap_or(t)),
            Self::StripSuffix(tail) => part(text, |t| t.strip_suffix(tail.as_str()).unwrap_or(t)),
            Self::Before(mark) => part(text, |t| t.split_once(mark.as_str()).map_or(t, |(head, _)| head)),
            Self::After(mark) => part(text, |t| t.split_once(mark.as_str()).map_or(t, |(_, tail)| tail)),
            Self::BeforeLast(mark) => {
                part(text, |t| t.rsplit_once(mark.as_str()).map_or(t, |(head, _)| head))
            }
            Self::AfterLast(mark) => part(text, |t| t.rsplit_once(mark.as_str()).map_or(t, |(_, tail)| tail)),
            Self::Bearer => part(text, |t| t.split_once(' ').map_or(t, |(_, value)| value.trim())),
            Self::Cookie(name) => part(text, |t| cookie(t, name)),
            // Of an address of version 4 there is one text.
            Self::Address => match address(text.trim()).0.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => part(text, |t| address(t.trim()).0),
                Ok(address) => Cow::Owned(address.to_canonical().to_string()),
                Err(_) => Cow::Borrowed(""),
            },
            Self::OnlyAddress if is_address(&text) => text,
            Self::OnlyAddress => Cow::Borrowed(""),
            Self::Port => part(text, |t| address(t.trim()).1),
            Self::Guid => guid(text.trim()).map_or(text, Cow::Owned),
            Self::Instant(unit) => instant(&text, *unit).map_or(text, Cow::Owned),
        }
    }
}

/// The digits at once: an identifier of this kind stands in every record, and digit by digit they cost as much as the
/// hash does.
fn sha256(text: &str) -> String {
    let mut digits = vec![0; 64];
    let encoded = hex::encode_to_slice(Sha256::digest(text.as_bytes()), &mut digits);
    encoded
        .ok()
        .and_then(|()| String::from_utf8(digits).ok())
        .unwrap_or_default()
}

/// A text after all transforms, in turn.
pub fn transformed<'t>(text: Cow<'t, str>, transforms: &[Transform]) -> Cow<'t, str> {
    transforms
        .iter()
        .fold(text, |text, transform| transform.apply(text))
}

fn part<'t>(text: Cow<'t, str>, take: impl Fn(&str) -> &str) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(take(text)),
        Cow::Owned(text) => Cow::Owned(take(&text).to_owned()),
    }
}

/// A cookie's value in a Cookie header; empty where it has none of that name.
fn cookie<'t>(header: &'t str, name: &str) -> &'t str {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().unwrap_or("").trim_matches('"')
}

/// Address and port; what is no address with a port stays whole and has none. A bare IPv6 address ends like
/// one with a port would, and is none.
fn address(text: &str) -> (&str, &str) {
    if text.parse::<IpAddr>().is_ok() {
        return (text, "");
    }
    let is_port =
        |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    if let Some((host, after)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return match after.strip_prefix(':') {
            Some(port) if is_port(port) => (host, port),
            None if after.is_empty() => (host, ""),
            _ => (text, ""),
        };
    }
    match text.rsplit_once(':') {
        Some((host, port)) if is_port(port) && !host.contains(':') => (host, port),
        _ => (text, ""),
    }
}

fn is_address(text: &str) -> bool {
    is_of_version_4(text.as_bytes()) || text.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// By its looks: nearly every record has one, and it is parsed when its form is settled.
fn is_of_version_4(text: &[u8]) -> bool {
    let n_dots = text.iter().filter(|b| **b == b'.').count();
    let is_plain = text.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    n_dots == 3 && is_plain && (7..=15).contains(&text.len())
}

fn instant(text: &str, unit: i64) -> Option<String> {
    let at = time::parse(text.trim(), &TimeZone::UTC)?.at.0;
    Some(Timestamp(at - at.rem_euclid(unit)).to_string())
}

fn guid(text: &str) -> Option<String> {
    if is_guid(text) {
        return Some(text.to_ascii_lowercase());
    }
    // Longer texts are no GUID, and are not decoded.
    let written = Some(text).filter(|t| (22..=48).contains(&t.len()))?;
    let bytes = decoded(written)?;
    if let Ok(inner) = std::str::from_utf8(&bytes)
        && is_guid(inner)
    {
        return Some(inner.to_ascii_lowercase());
    }
    // The first three groups are numbers, which Windows writes with their last byte first.
    let b: [u8; 16] = bytes.try_into().ok()?;
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let digits = hex::encode(order.map(|at| b[at]));
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|at| digits.get(at).unwrap_or(""));
    Some(groups.join("-"))
}

fn is_guid(text: &str) -> bool {
    let is_fitting = |(at, b): (usize, u8)| match at {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_fitting)
}

/// The bytes of base64, however it is written.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabets = [URL_SAFE, STANDARD];
    alphabets
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_ports() {
        for (text, host, port) in [
            ("203.0.113.7:49152", "203.0.113.7", "49152"),
            ("203.0.113.7", "203.0.113.7", ""),
            ("[2001:db8::1]:443", "2001:db8::1", "443"),
            ("[2001:db8::1]", "2001:db8::1", ""),
            ("2001:db8::1:443", "2001:db8::1:443", ""),
            ("[::1]:x", "[::1]:x", ""),
            ("", "", ""),
        ] {
            assert_eq!(address(text), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_absent() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7:4711"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("2001:DB8::1", "2001:DB8::1"),
            ("unknown", ""),
            ("(198.51.100.7)", ""),
            ("www.example.org:443", ""),
        ] {
            assert_eq!(
                Transform::OnlyAddress.apply(Cow::Borrowed(text)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn guids_have_one_form() {
        let usual = Some("29dcc432-5e8a-4659-9f03-6ede18400300".to_owned());
        for text in [
            "29DCC432-5E8A-4659-9F03-6EDE18400300",
            "MjlkY2M0MzItNWU4YS00NjU5LTlmMDMtNmVkZTE4NDAwMzAw",
            "MsTcKYpeWUafA27eGEADAA",
            "MsTcKYpeWUafA27eGEADAA==",
        ] {
            assert_eq!(guid(text), usual, "{text}");
        }
        for text in [
            "",
            "29dcc432",
            "MsTcKYpeWUafA27eGEAD",
            "not a token at all, is it",
            "日本語日本語日本語日本語",
        ] {
            assert_eq!(guid(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_has_one_form() {
        for (text, expected) in [
            ("2024-05-02T11:00:00.123456789Z", "2024-05-02T11:00:00.123456Z"),
            ("2024-05-02 11:00:00.123456 UTC", "2024-05-02T11:00:00.123456Z"),
            ("2024-05-02 11:00:00.123456", "2024-05-02T11:00:00.123456Z"),
            ("2024-05-02T13:00:00+02:00", "2024-05-02T11:00:00Z"),
            ("soon", "soon"),
        ] {
            let found = transformed(Cow::Borrowed(text), &[Transform::Instant(1_000)]);
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(Transform::parse("instant:h"), None);
    }

    #[test]
    fn parts_are_cut_at_the_first_or_the_last_mark() {
        let apply = |transform: &str| {
            let transforms: Vec<Transform> = Transform::parse(transform).into_iter().collect();
            transformed(Cow::Borrowed("a/b/c"), &transforms).into_owned()
        };
        for (transform, expected) in [
            ("before:/", "a"),
            ("after:/", "b/c"),
            ("before_last:/", "a/b"),
            ("after_last:/", "c"),
            ("after_last:x", "a/b/c"),
        ] {
            assert_eq!(apply(transform), expected, "{transform}");
        }
        assert_eq!(Transform::parse("after_last"), None);
    }

    #[test]
    fn a_cookie_is_found_by_its_name() {
        for (header, expected) in [
            ("a=b; sid=x; sid=y", "x"),
            ("sid=\"x\"", "x"),
            ("asid=x", ""),
            ("sid", ""),
        ] {
            assert_eq!(cookie(header, "sid"), expected, "{header}");
        }
    }
}
