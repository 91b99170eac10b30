//! Secrets in logs: recognized before anything is stored, and kept as keyed fingerprints.

use hmac::{Hmac, Mac};
use regex::Regex;
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

/// The lake's keys. Whoever holds them can tell whether a given secret was seen, and open raw records.
#[derive(Clone)]
pub struct Keys {
    /// Keyed already: most events have a secret or two.
    fingerprint: Hmac<Sha256>,
    seal: [u8; 32],
}

/// Never shows a key, whatever is logged.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

const PREFIX: &str = "fp_";

/// Parameter, header and field names whose value is a secret.
const SECRET_NAME: &str = r"(?:pass(?:word|wd|phrase)?|pwd|secret|client_secret|(?:access|refresh|id|auth|api|csrf|xsrf|session|bearer|reset|device)[_-]?token|token|jwt|api[_-]?key|apikey|x-api-key|authorization|auth|session(?:[_-]?id)?|sess|sid|jsessionid|phpsessid|connect\.sid|cookie|set-cookie|private[_-]?key|signature|sig|x-amz-(?:security-token|signature|credential)|otp|pin|cvv|cvc)";

static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    // The three forms: name=value in URLs, cookies and logfmt; "name": "value" in JSON text;
    // and values that are secrets whatever their name (JWT, bearer, AWS key ids, private keys).
    let pattern = format!(
        r#"(?i)(?P<kv>(?:^|[?&;,\s"'({{-])(?:{SECRET_NAME})\s*=\s*"?)(?P<kvv>[^&;,\s"')}}]+)|(?P<js>"(?:{SECRET_NAME})"\s*:\s*")(?P<jsv>(?:[^"\\]|\\.)+)|(?P<be>\b(?:bearer|basic)\s+)(?P<bev>[A-Za-z0-9._~+/=-]{{8,}})|(?P<jwt>\beyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]{{4,}}\.[A-Za-z0-9_-]*)"#
    );
    match Regex::new(&pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
});

/// What programs write behind the name of a scheme that is no secret: `no user/password was provided for basic
/// authentication`.
const SCHEME_WORDS: [&str; 4] = ["authentication", "authorization", "credentials", "constraints"];

fn is_scheme_word(text: &str) -> bool {
    let word = text.trim_end_matches('.');
    SCHEME_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

static NAME: LazyLock<Regex> = LazyLock::new(|| match Regex::new(&format!("(?i)^{SECRET_NAME}$")) {
    Ok(regex) => regex,
    Err(error) => unreachable!("the pattern is fixed: {error}"),
});

impl Keys {
    /// Derives both keys from the lake's one secret of 32 random bytes.
    #[must_use]
    pub fn derive(secret: &[u8; 32]) -> Self {
        Self {
            fingerprint: keyed(&mac(keyed(secret), b"ambit fingerprint v1")),
            seal: mac(keyed(secret), b"ambit seal v1"),
        }
    }

    /// The key under which raw records are sealed.
    #[must_use]
    pub const fn seal_key(&self) -> &[u8; 32] {
        &self.seal
    }

    /// The fingerprint of a secret: `fp_` and 96 bits of HMAC-SHA-256 in hexadecimal. A text that already
    /// is a fingerprint stays as it is, so that a person can paste what a report shows.
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> String {
        if Self::is_fingerprint(secret) {
            return secret.to_owned();
        }
        let digest = mac(self.fingerprint.clone(), secret.as_bytes());
        let mut shown = String::with_capacity(PREFIX.len() + 24);
        shown.push_str(PREFIX);
        for byte in &digest[..12] {
            shown.push(hex_digit(byte >> 4));
            shown.push(hex_digit(byte & 15));
        }
        shown
    }

    /// Whether a text is a fingerprint already.
    #[must_use]
    pub fn is_fingerprint(text: &str) -> bool {
        let digits = text.strip_prefix(PREFIX);
        digits.is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    }

    /// Whether a field or parameter of this name holds a secret.
    #[must_use]
    pub fn is_secret_name(name: &str) -> bool {
        NAME.is_match(name)
    }

    /// The text with each recognized secret replaced by its fingerprint.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        SECRETS.replace_all(text, |found: &regex::Captures<'_>| {
            for (head, value) in [("kv", "kvv"), ("js", "jsv"), ("be", "bev")] {
                if let (Some(head), Some(value)) = (found.name(head), found.name(value)) {
                    if found.name("be").is_some() && is_scheme_word(value.as_str()) {
                        return found[0].to_owned();
                    }
                    return format!("{}{}", head.as_str(), self.fingerprint(value.as_str()));
                }
            }
            self.fingerprint(&found[0])
        })
    }
}

const fn hex_digit(value: u8) -> char {
    b"0123456789abcdef"[value as usize] as char
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(keyed) => keyed,
        Err(_) => unreachable!("HMAC takes a key of any length"),
    }
}

fn mac(mut keyed: Hmac<Sha256>, message: &[u8]) -> [u8; 32] {
    keyed.update(message);
    keyed.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::derive(&[7; 32])
    }

    #[test]
    fn secrets_are_replaced_and_the_rest_stays() {
        let fp = keys().fingerprint("s3cr3t");
        for (text, expected) in [
            (
                "/login?user=bob&password=s3cr3t&x=1",
                format!("/login?user=bob&password={fp}&x=1"),
            ),
            ("GET /a?sid=s3cr3t HTTP/1.1", format!("GET /a?sid={fp} HTTP/1.1")),
            (
                r#"{"api_key": "s3cr3t", "n": 1}"#,
                format!(r#"{{"api_key": "{fp}", "n": 1}}"#),
            ),
            ("nothing here", "nothing here".to_owned()),
        ] {
            assert_eq!(keys().redact(text), expected, "{text}");
        }
        for text in [
            "for basic authentication, client",
            "Basic Authentication",
            "bearer authorization.",
        ] {
            assert_eq!(keys().redact(text), text);
        }
        assert!(
            !keys()
                .redact("password=authentication")
                .contains("authentication")
        );
        assert!(
            !keys()
                .redact("Authorization: Bearer abcdefgh12345")
                .contains("abcdefgh")
        );
        assert!(
            !keys()
                .redact("x eyJhbGciOiJI.eyJzdWIi.abc y")
                .contains("eyJzdWIi")
        );
    }

    #[test]
    fn a_fingerprint_stays_and_depends_on_the_key() {
        let fp = keys().fingerprint("a");
        assert_eq!(keys().fingerprint(&fp), fp);
        assert_ne!(Keys::derive(&[8; 32]).fingerprint("a"), fp);
        assert_eq!(format!("{:?}", keys()), "Keys(…)");
    }
}
