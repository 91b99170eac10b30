//! Takes the secrets out of what is kept of a record.

use crate::json::{Json, Object};
use crate::quick::Quick;
use ambit_event::Keys;
use std::borrow::Cow;
use std::collections::HashMap;

/// The text with its secrets replaced by fingerprints. Texts that cannot hold one are let through fast.
#[must_use]
pub fn text<'t>(keys: &Keys, text: &'t str) -> Cow<'t, str> {
    if may_hold_secret(text.as_bytes()) {
        keys.redact(text)
    } else {
        Cow::Borrowed(text)
    }
}

/// As [`text`], for a text that is owned already.
#[must_use]
pub fn owned(keys: &Keys, value: String) -> String {
    match text(keys, &value) {
        Cow::Borrowed(_) => value,
        Cow::Owned(redacted) => redacted,
    }
}

/// Whether the patterns of [`Keys::redact`] can match at all: they need `name=value`, a quoted name with a
/// colon, the words bearer or basic, or the beginning of a JWT, which is looked for by its rarest letter.
fn may_hold_secret(bytes: &[u8]) -> bool {
    let is_name = |at: usize| bytes[at] == b'=' || matches!(bytes.get(at + 1), Some(b':' | b' ' | b'\t'));
    let is_scheme = |at: usize| starts_with(&bytes[at..], b"bearer") || starts_with(&bytes[at..], b"basic");
    let is_token = |at: usize| at >= 2 && starts_with(&bytes[at - 2..], b"eyj");
    memchr::memchr2_iter(b'=', b'"', bytes).any(is_name)
        || memchr::memchr2_iter(b'b', b'B', bytes).any(is_scheme)
        || memchr::memchr2_iter(b'j', b'J', bytes).any(is_token)
}

fn starts_with(bytes: &[u8], word: &[u8]) -> bool {
    bytes
        .get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Whether a field of this name holds a secret; the prefixes that servers put before the names of headers,
/// cookies and arguments are looked through.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    if Keys::is_secret_name(name) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let inner = [
        "cookie_",
        "sent_http_",
        "upstream_http_",
        "upstream_cookie_",
        "http_",
        "arg_",
    ]
    .iter()
    .find_map(|prefix| lower.strip_prefix(prefix));
    let inner = inner.or_else(|| lower.rsplit_once('.').map(|(_, last)| last));
    inner.is_some_and(|inner| Keys::is_secret_name(inner) || Keys::is_secret_name(&inner.replace('_', "-")))
}

/// `%41` and `+` undone; escapes that are none stay as they are.
#[must_use]
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3).and_then(crate::json::hex_byte))
            .flatten();
        out.push(match (escaped, bytes[at]) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, byte) => byte,
        });
        at += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Field names that are remembered with whether they are secret; attackers may invent more.
const NAMES: usize = 1024;
/// Bytes of a name that is remembered.
pub const SHORT: usize = 200;

/// Takes the secrets out of fields, remembering which names are secret.
#[derive(Debug, Clone)]
pub struct Redactor {
    pub keys: Keys,
    names: HashMap<String, bool, Quick>,
}

impl Redactor {
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        Self {
            keys: keys.clone(),
            names: HashMap::default(),
        }
    }

    /// A name that means something else to this producer than the secret that it is elsewhere.
    #[must_use]
    pub fn sparing(mut self, name: &str) -> Self {
        self.names.insert(name.to_owned(), false);
        self
    }

    /// Every field of a map, by its name and its text.
    pub fn fields(&mut self, object: &mut Object<'_>) {
        for (name, field) in object.iter_mut() {
            if self.is_secret(name) {
                self.secret(field)
            } else {
                self.value(field)
            }
        }
    }

    /// Every text below a value; what stands under a secret name is fingerprinted whole.
    pub fn value(&mut self, value: &mut Json<'_>) {
        match value {
            Json::Text(plain) => {
                if let Cow::Owned(redacted) = self.text(plain) {
                    *plain = Cow::Owned(redacted);
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Json::Object(object) => self.fields(object),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// A text that may be or hold a URL: its parameters are known by their names, whatever escapes those hold.
    #[must_use]
    pub fn text<'t>(&mut self, plain: &'t str) -> Cow<'t, str> {
        let bytes = plain.as_bytes();
        if memchr::memchr(b'=', bytes).is_none() || memchr::memchr2(b'?', b'&', bytes).is_none() {
            return text(&self.keys, plain);
        }
        match plain.split_once('?') {
            Some((path, query)) => {
                let (path, query) = (text(&self.keys, path), self.query(query));
                Cow::Owned(format!("{path}?{query}"))
            }
            None => Cow::Owned(self.query(plain)),
        }
    }

    /// A query string with the values of secret parameters fingerprinted.
    #[must_use]
    pub fn query(&mut self, query: &str) -> String {
        let mut out = String::with_capacity(query.len());
        for (n, part) in query.split('&').enumerate() {
            if n > 0 {
                out.push('&');
            }
            match part.split_once('=') {
                Some((name, value)) if !value.is_empty() && self.is_secret(&percent_decoded(name)) => {
                    let len = value.find([' ', '"', '#', ';']).unwrap_or(value.len());
                    let (value, rest) = value.split_at(len);
                    out.push_str(name);
                    out.push('=');
                    out.push_str(&self.keys.fingerprint(&percent_decoded(value)));
                    out.push_str(&text(&self.keys, rest));
                }
                _ => out.push_str(&text(&self.keys, part)),
            }
        }
        out
    }

    /// What stands under a secret name: its texts and numbers become fingerprints; of an object those of
    /// its fields that hold the value itself.
    pub fn secret(&mut self, value: &mut Json<'_>) {
        match value {
            Json::Text(text) if text.is_empty() || text == "-" => {}
            Json::Text(text) => *text = Cow::Owned(self.keys.fingerprint(text)),
            Json::Number(number) => {
                *value = Json::Text(Cow::Owned(self.keys.fingerprint(&number.to_string())));
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.secret(item)),
            Json::Object(object) => {
                for (name, field) in object.iter_mut() {
                    if self.is_secret(name) || matches!(name, "id" | "value" | "key" | "hash" | "uid") {
                        self.secret(field);
                    } else {
                        self.value(field);
                    }
                }
            }
            Json::Null | Json::Bool(_) => {}
        }
    }

    pub fn is_secret(&mut self, name: &str) -> bool {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let answer = is_secret(name);
        if self.names.len() < NAMES && name.len() <= SHORT {
            self.names.insert(name.to_owned(), answer);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::derive(&[7; 32])
    }

    #[test]
    fn the_fast_way_redacts_what_the_slow_way_does() {
        for sample in [
            "plain",
            "password=x",
            "a \"token\": \"abc\"",
            "Bearer abcdefgh12",
            "basic dXNlcjpwYXNz",
            "x eyJhbGciOiJI.eyJzdWIi.abc",
            "EYJhbGciOiJI.eyJzdWIi.abc",
            "Mozilla/5.0 (X11; Linux)",
            "\"sid\" : \"v\"",
        ] {
            assert_eq!(text(&keys(), sample), keys().redact(sample), "{sample}");
        }
    }

    #[test]
    fn query_parameters_are_known_by_their_decoded_name() {
        let fp = keys().fingerprint("a b");
        let mut redactor = Redactor::new(&keys());
        assert_eq!(
            redactor.query("x=1&%70assword=a+b&y"),
            format!("x=1&%70assword={fp}&y")
        );
        assert_eq!(redactor.query("token=&a==b"), "token=&a==b");
        let line = redactor.text("GET /a?b=c&%70assword=a%20b HTTP/1.1").into_owned();
        assert_eq!(line, format!("GET /a?b=c&%70assword={fp} HTTP/1.1"));
    }

    #[test]
    fn secret_fields_are_fingerprinted_whole() {
        let text = serde_json::json!({
            "session": "s1", "cookie_sid": "s1", "http_x_api_key": "k", "request.headers.authorization": "x",
            "auth": {"id": "s1", "method": "password"}, "token": "-", "uri": "/a?sid=s1", "token_n": 4, "otp": 1234
        })
        .to_string();
        let mut object = crate::json::object(&text).unwrap_or_default();
        Redactor::new(&keys()).fields(&mut object);
        let value = serde_json::to_value(&object).unwrap_or_default();
        let fp = keys().fingerprint("s1");
        assert_eq!(value["session"], fp);
        assert_eq!(value["cookie_sid"], fp);
        assert_eq!(value["auth"]["id"], fp);
        assert_eq!(value["auth"]["method"], "password");
        assert_eq!(value["uri"], format!("/a?sid={fp}"));
        assert_eq!((&value["token"], &value["token_n"]), (&"-".into(), &4.into()));
        for gone in ["http_x_api_key", "request.headers.authorization", "otp"] {
            assert!(
                value[gone].as_str().is_some_and(|v| v.starts_with("fp_")),
                "{gone}"
            );
        }
    }
}
