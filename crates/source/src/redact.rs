//! Takes the secrets out of what is kept of a record.

use crate::json::{Json, Object};
use crate::quick::{Quick, QuickHasher};
use ambit_event::Keys;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::LazyLock;

/// The text with its secrets replaced by fingerprints. Texts that cannot hold one are let through fast.
#[must_use]
pub fn text<'t>(keys: &Keys, text: &'t str) -> Cow<'t, str> {
    marked(keys, text, Marks::of(text.as_bytes()))
}

/// The marks of each byte.
static OF_BYTE: [u8; 256] = {
    let (mut marks, mut byte) = ([0; 256], 0);
    while byte < 256 {
        marks[byte] = Marks::of_byte(byte as u8);
        byte += 1;
    }
    marks
};

/// As [`text`], for a text with these marks.
fn marked<'t>(keys: &Keys, text: &'t str, marks: Marks) -> Cow<'t, str> {
    if may_hold_secret(text.as_bytes(), marks) {
        keys.redact(text)
    } else {
        Cow::Borrowed(text)
    }
}

static BY_NUMBER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));
static BY_HEX: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\x"));
/// A quote that is no end of a text.
static IN_TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\\""));

/// Which of the characters without which there is no secret stand in a text.
#[derive(Debug, Clone, Copy)]
struct Marks(u8);

impl Marks {
    const ASSIGNS: u8 = 1;
    const ASKS: u8 = 2;
    const QUOTES: u8 = 4;
    const B: u8 = 8;
    const J: u8 = 16;
    /// Escapes begin with it, and some hide others of these.
    const BACKSLASHES: u8 = 32;
    const ALL: Self = Self(u8::MAX);

    /// What the texts of a record may hold: as much as the whole of it, which is looked at once.
    fn of_record(record: &str, quotes: Quotes) -> Self {
        let bytes = record.as_bytes();
        let seen = Self::of(bytes);
        let is_escaped = seen.has(Self::BACKSLASHES);
        // In JSON those by number hide a character, at whichever depth of texts within texts; nginx writes `\x`.
        let hides = || {
            [&BY_NUMBER, &BY_HEX]
                .iter()
                .any(|escape| escape.find(bytes).is_some())
        };
        if is_escaped && (quotes == Quotes::Within || hides()) {
            return Self::ALL;
        }
        let mut marks = seen.0 & (Self::ASSIGNS | Self::QUOTES | Self::B | Self::J);
        if quotes == Quotes::Around && !(is_escaped && IN_TEXT.find(bytes).is_some()) {
            marks &= !Self::QUOTES;
        }
        if !seen.has(Self::B) || !memchr::memchr2_iter(b'b', b'B', bytes).any(|at| is_scheme(bytes, at)) {
            marks &= !Self::B;
        }
        if !seen.has(Self::J) || !memchr::memchr2_iter(b'j', b'J', bytes).any(|at| is_token(bytes, at)) {
            marks &= !Self::J;
        }
        Self(marks)
    }

    /// Those of a text of a record with these marks.
    fn of_text(self, text: &[u8]) -> Self {
        let is_without = match self.0 {
            0 => true,
            Self::ASSIGNS => memchr::memchr(b'=', text).is_none(),
            Self::QUOTES => memchr::memchr(b'"', text).is_none(),
            _ => false,
        };
        if is_without { Self(0) } else { Self::of(text) }
    }

    /// Goes over all of the text without a branch, sixteen bytes at a time: most texts hold none of them.
    fn of(bytes: &[u8]) -> Self {
        let (blocks, rest) = bytes.as_chunks::<16>();
        // What is left over is looked at with what stands before it.
        let Some(last) = bytes.last_chunk::<16>() else {
            return Self(rest.iter().fold(0, |all, byte| all | OF_BYTE[*byte as usize]));
        };
        let mut seen = [0; 16];
        for block in blocks.iter().chain(std::iter::once(last)) {
            for (seen, byte) in seen.iter_mut().zip(block) {
                *seen |= Self::of_byte(*byte);
            }
        }
        Self(seen.iter().fold(0, |all, mark| all | mark))
    }

    const fn of_byte(byte: u8) -> u8 {
        const fn mark(is_it: bool, mark: u8) -> u8 {
            if is_it { mark } else { 0 }
        }
        let lower = byte | 0x20;
        mark(byte == b'=', Self::ASSIGNS)
            | mark(byte == b'?', Self::ASKS)
            | mark(byte == b'&', Self::ASKS)
            | mark(byte == b'"', Self::QUOTES)
            | mark(lower == b'b', Self::B)
            | mark(lower == b'j', Self::J)
            | mark(byte == b'\\', Self::BACKSLASHES)
    }

    const fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
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

/// The last three letters of the names of secrets; `Signature` and the others of `x-amz-` are among them.
const ENDS: [&[u8; 3]; 24] = [
    b"ass", b"ord", b"swd", b"ase", b"pwd", b"ret", b"ken", b"jwt", b"key", b"ion", b"uth", b"_id", b"-id",
    b"nid", b"sid", b"ess", b"kie", b"ure", b"sig", b"ial", b"otp", b"pin", b"cvv", b"cvc",
];

/// No name of a secret is longer.
const LONGEST_NAME: usize = 32;

/// Whether a name of a secret may end here, before its `=` or quote. Whatever is not ASCII may be a letter of one, or a
/// blank.
fn may_be_named(before: &[u8]) -> bool {
    let n_blanks = before
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, 9..=13 | 32))
        .count();
    let before = &before[..before.len() - n_blanks];
    let Some((_, end)) = before.split_last_chunk::<3>() else {
        return false;
    };
    let lower = end.to_ascii_lowercase();
    if !lower.is_ascii() {
        return true;
    }
    ENDS.iter().any(|name| **name == *lower) && is_named(before)
}

/// Whether a text ends with the name of a secret that begins a word, or stands behind a `-`.
fn is_named(text: &[u8]) -> bool {
    let is_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let n = text
        .iter()
        .rev()
        .take(LONGEST_NAME)
        .take_while(is_of_name)
        .count();
    let (before, word) = text.split_at(text.len() - n);
    if before.last().is_some_and(|byte| !byte.is_ascii()) {
        return true;
    }
    let starts = (0..n).filter(|at| *at == 0 || word[at - 1] == b'-');
    let mut names = starts.filter_map(|at| std::str::from_utf8(&word[at..]).ok());
    names.any(Keys::is_secret_name)
}

/// Whether the patterns of [`Keys::redact`] can match at all: they need `name=value`, a quoted name with a
/// colon, the words bearer or basic, or the beginning of a JWT, which is looked for by its rarest letter.
fn may_hold_secret(bytes: &[u8], marks: Marks) -> bool {
    let is_name = |at: usize| {
        let is_before_colon = matches!(bytes.get(at + 1), Some(b':' | 9..=13 | 32 | 128..));
        is_before_colon && may_be_named(&bytes[..at])
    };
    marks.has(Marks::ASSIGNS) && memchr::memchr_iter(b'=', bytes).any(|at| may_be_named(&bytes[..at]))
        || marks.has(Marks::QUOTES) && memchr::memchr_iter(b'"', bytes).any(is_name)
        || marks.has(Marks::B) && memchr::memchr2_iter(b'b', b'B', bytes).any(|at| is_scheme(bytes, at))
        || marks.has(Marks::J) && memchr::memchr2_iter(b'j', b'J', bytes).any(|at| is_token(bytes, at))
}

fn is_scheme(bytes: &[u8], at: usize) -> bool {
    starts_with(&bytes[at..], b"bearer") || starts_with(&bytes[at..], b"basic")
}

fn is_token(bytes: &[u8], at: usize) -> bool {
    at >= 2 && starts_with(&bytes[at - 2..], b"eyj")
}

/// What quotes mean in the records of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// They stand around texts, and in them behind a backslash only.
    Around,
    /// They may stand in texts.
    Within,
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
    known: Fingerprints,
    /// What the texts of the record at hand may hold.
    marks: Marks,
}

/// Fingerprints that were made lately: a session's secret stands in each of its records, and often twice.
#[derive(Clone, Default)]
struct Fingerprints(Vec<Option<(String, String)>>);

/// Never shows a secret, whatever is logged.
impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprints(…)")
    }
}

impl Fingerprints {
    const PLACES: usize = 1024;
    /// Longer secrets are not remembered.
    const LONGEST: usize = 256;

    fn get(&mut self, keys: &Keys, secret: &str) -> String {
        if secret.len() > Self::LONGEST {
            return keys.fingerprint(secret);
        }
        if self.0.is_empty() {
            self.0.resize(Self::PLACES, None);
        }
        let mut hash = QuickHasher::default();
        hash.write(secret.as_bytes());
        let place = usize::try_from(hash.finish() % Self::PLACES as u64).unwrap_or(0);
        match &mut self.0[place] {
            Some((known, shown)) if known == secret => shown.clone(),
            place => {
                let shown = keys.fingerprint(secret);
                *place = Some((secret.to_owned(), shown.clone()));
                shown
            }
        }
    }
}

impl Redactor {
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        Self {
            keys: keys.clone(),
            names: HashMap::default(),
            known: Fingerprints::default(),
            marks: Marks::ALL,
        }
    }

    /// Looks once at a whole record, so that few of its texts need a look of their own. Until [`Self::look_away`]
    /// only texts may be given that stand in the record as they are, or behind the escapes of JSON.
    pub fn look_at(&mut self, record: &str, quotes: Quotes) {
        self.marks = Marks::of_record(record, quotes);
    }

    pub const fn look_away(&mut self) {
        self.marks = Marks::ALL;
    }

    /// As [`text`], for a part of the record that is no URL.
    #[must_use]
    pub fn part<'t>(&self, part: &'t str) -> Cow<'t, str> {
        marked(&self.keys, part, self.marks.of_text(part.as_bytes()))
    }

    /// As [`Keys::fingerprint`].
    #[must_use]
    pub fn fingerprint(&mut self, secret: &str) -> String {
        self.known.get(&self.keys, secret)
    }

    /// A name that means something else to this producer than the secret that it is elsewhere.
    #[must_use]
    pub fn sparing(mut self, name: &str) -> Self {
        self.names.insert(name.to_owned(), false);
        self
    }

    /// Every field of a map, by its name and its text. Whether one was changed.
    pub fn fields(&mut self, object: &mut Object<'_>) -> bool {
        object.change(|_, name, field| match self.is_secret(name) {
            true => self.secret(field),
            false => self.value(field),
        })
    }

    /// Every text below a value; what stands under a secret name is fingerprinted whole. Whether it was changed.
    pub fn value(&mut self, value: &mut Json<'_>) -> bool {
        match value {
            Json::Text(plain) => {
                let Cow::Owned(redacted) = self.text(plain) else {
                    return false;
                };
                *plain = Cow::Owned(redacted);
                true
            }
            Json::Array(items) => items
                .iter_mut()
                .fold(false, |is_changed, item| self.value(item) | is_changed),
            Json::Object(object) => self.fields(object),
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// A text that may be or hold a URL: its parameters are known by their names, whatever escapes those hold.
    #[must_use]
    pub fn text<'t>(&mut self, plain: &'t str) -> Cow<'t, str> {
        let marks = self.marks.of_text(plain.as_bytes());
        if !marks.has(Marks::ASSIGNS) || !marks.has(Marks::ASKS) {
            return marked(&self.keys, plain, marks);
        }
        match plain.split_once('?') {
            Some((path, query)) => {
                let (path, query) = (self.part(path), self.query(query));
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
                    out.push_str(&self.fingerprint(&percent_decoded(value)));
                    out.push_str(&self.part(rest));
                }
                _ => out.push_str(&self.part(part)),
            }
        }
        out
    }

    /// What stands under a secret name: its texts and numbers become fingerprints; of an object those of
    /// its fields that hold the value itself. Whether it was changed.
    pub fn secret(&mut self, value: &mut Json<'_>) -> bool {
        match value {
            Json::Null | Json::Bool(_) => return false,
            Json::Text(text) if text.is_empty() || text == "-" || Keys::is_fingerprint(text) => return false,
            Json::Text(text) => *text = Cow::Owned(self.fingerprint(text)),
            Json::Number(number) => *value = Json::Text(Cow::Owned(self.fingerprint(&number.to_string()))),
            Json::Array(items) => {
                return items
                    .iter_mut()
                    .fold(false, |is_changed, item| self.secret(item) | is_changed);
            }
            Json::Object(object) => return self.secrets(object),
        }
        true
    }

    fn secrets(&mut self, object: &mut Object<'_>) -> bool {
        object.change(|_, name, field| {
            let is_value = matches!(name, "id" | "value" | "key" | "hash" | "uid");
            match is_value || self.is_secret(name) {
                true => self.secret(field),
                false => self.value(field),
            }
        })
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
            "\"token\"\n:\r\n\"v\"",
            "\"to\u{212a}en\"\u{a0}: \"v\"",
            "\"tokens\": \"v\"",
            "System, Version=4.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
            "x-my-token=v",
            "my_token=v",
            "my.token=v",
            "(token=v",
            "[token=v",
            "\u{e9}token=v",
            "\u{a0}token=v",
            "-x-amz-security-token=v",
            "very-long-and-made-of-many-words-but-still-a-token=v",
            "SHA1=AB,MD5=CD,IMPHASH=EF",
        ] {
            assert_eq!(text(&keys(), sample), keys().redact(sample), "{sample}");
        }
    }

    #[test]
    fn whatever_is_a_name_of_a_secret_is_seen_before_its_sign() {
        let names = "pass password passwd passphrase pwd secret client_secret access_token refresh-token idtoken token jwt \
            api_key api-key apikey x-api-key authorization auth session session_id session-id sessionid sess sid jsessionid \
            phpsessid connect.sid cookie set-cookie private_key privatekey signature sig x-amz-security-token \
            x-amz-signature x-amz-credential otp pin cvv cvc pa\u{17f}\u{17f} to\u{212a}en";
        for name in names.split_whitespace() {
            for name in [name.to_owned(), name.to_uppercase()] {
                for sign in ["=", " =", "\u{a0}= ", "\t\u{b}=\""] {
                    let sample = format!("a=b, {name}{sign}s3cr3t");
                    let shown = keys().redact(&sample);
                    assert!(!shown.contains("s3cr3t"), "{sample}");
                    assert_eq!(text(&keys(), &sample), shown, "{sample}");
                }
            }
        }
    }

    #[test]
    fn what_a_record_may_hold_is_seen_through_its_escapes() {
        let secrets = [
            "password=s3cr3t",
            "a \"token\": \"s3cr3t\"",
            "x Bearer s3cr3ts3cr3t",
        ];
        let plain = ["C:\\users\\x64", "C:\\Windows", "a/b", "\t\r\n"];
        for secret in secrets {
            for beside in plain {
                let inner = serde_json::json!({ "t": secret, "p": beside }).to_string();
                let by_number = inner.replace('=', "\\u003d").replace("tok", "\\u0074ok");
                for text in [&inner, &by_number] {
                    let record = serde_json::json!({ "within": text, "p": beside, "t": secret }).to_string();
                    let mut redactor = Redactor::new(&keys());
                    redactor.look_at(&record, Quotes::Around);
                    let within: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                    for part in [secret, text, beside, within["t"].as_str().unwrap_or_default()] {
                        assert_eq!(redactor.part(part), keys().redact(part), "{record}");
                    }
                }
            }
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
