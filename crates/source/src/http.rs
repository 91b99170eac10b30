//! One HTTP exchange, as every gateway's log tells it: the columns that scopes rely on.

use crate::json::hex_byte;
use crate::redact::Redactor;
use ambit_event::{Event, Outcome};
use std::borrow::Cow;
use std::net::IpAddr;

/// What a record tells of an HTTP exchange.
#[derive(Debug, Default, Clone)]
pub struct Exchange<'a> {
    /// The request line: `GET /path?query HTTP/1.1`.
    pub request: Option<Cow<'a, str>>,
    pub method: Option<Cow<'a, str>>,
    /// Path with or without the query part, or the whole URL.
    pub uri: Option<Cow<'a, str>>,
    /// The query part, where the record has it apart.
    pub query: Option<Cow<'a, str>>,
    pub status: Option<Cow<'a, str>>,
    pub bytes: Option<i64>,
}

/// Fills the columns of the class `http_activity`; false where the record tells neither method nor status.
pub fn fill(event: &mut Event, exchange: Exchange<'_>, redactor: &mut Redactor) -> bool {
    let line = exchange.request.as_deref().and_then(request_line);
    let method = exchange.method.as_deref().or(line.map(|l| l.0));
    if method.is_none() && exchange.status.is_none() {
        return false;
    }
    event.class = Some("http_activity".to_owned());
    event.activity = method.map(str::to_owned);
    if let Some(uri) = line.map(|l| l.1).or(exchange.uri.as_deref()) {
        let (path, query) = split_uri(uri);
        event.resource = Some(redactor.part(path).into_owned());
        event.operation = method.map(|m| operation(m, path));
        let query = query.or_else(|| {
            exchange
                .query
                .as_deref()
                .map(|q| q.strip_prefix('?').unwrap_or(q))
        });
        event.query_text = query.filter(|q| !q.is_empty()).map(|q| redactor.query(q));
    }
    event.bytes_out = exchange.bytes;
    if let Some(status) = exchange.status {
        event.outcome = outcome(&status);
        event.status_code = Some(status.into_owned());
    }
    true
}

/// Method and target of a request line; `None` where a client sent something else.
#[must_use]
pub fn request_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let is_method = (1..=20).contains(&method.len())
        && method
            .bytes()
            .all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'-'));
    if !is_method || rest.is_empty() {
        return None;
    }
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        _ => rest,
    };
    (!target.is_empty()).then_some((method, target))
}

/// Path and query of a request target; scheme and authority of a whole URL and the fragment are left out.
#[must_use]
pub fn split_uri(uri: &str) -> (&str, Option<&str>) {
    let uri = match uri.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => uri,
    };
    match uri.split_once('?') {
        Some((path, query)) => (if path.is_empty() { "/" } else { path }, Some(query)),
        None => (uri, None),
    }
}

/// The outcome that an HTTP status tells. 499 and 444 are nginx's own: the connection was closed before
/// an answer was sent.
#[must_use]
pub fn outcome(status: &str) -> Outcome {
    match status.parse::<u16>() {
        Ok(101 | 200..=399) => Outcome::Success,
        Ok(401 | 403 | 407 | 429) => Outcome::Denied,
        Ok(444 | 499) => Outcome::Aborted,
        Ok(400..=599) => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Method and path with what names a person or a thing taken out of it, so that all requests of one kind are one
/// operation and the operation can be shown to everyone: see [`is_id`]. A file ending stays.
#[must_use]
pub fn operation(method: &str, path: &str) -> String {
    let mut out = String::with_capacity(method.len() + path.len() + 1);
    out.push_str(method);
    out.push(' ');
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        if !is_id(segment) {
            out.push_str(segment);
            continue;
        }
        out.push_str("{id}");
        if let Some(ending) = ending(segment) {
            out.push('.');
            out.push_str(ending);
        }
    }
    out
}

/// `json` of `1042.json`; of an address there is none.
fn ending(segment: &str) -> Option<&str> {
    let (_, ending) = segment.rsplit_once('.')?;
    let is_ending = (1..=5).contains(&ending.len())
        && ending.bytes().all(|b| b.is_ascii_alphabetic())
        && !segment.starts_with('~')
        && !decoded(segment).contains(['@', '~']);
    is_ending.then_some(ending)
}

/// Whether a path segment is or holds an id rather than a name: a number, four digits in a row, a UUID, a network
/// address, an e-mail address, a home (`~bob`), or a text that nobody would have chosen.
fn is_id(segment: &str) -> bool {
    if is_word(segment) {
        return false;
    }
    let text = decoded(segment);
    if text.contains('@') || text.starts_with('~') || text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let is_bare_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let whole = ending(segment).map_or(&*text, |ending| text.strip_suffix(ending).unwrap_or(&text));
    is_bare_number(whole.trim_end_matches('.')) || has_long_number(&text) || parts(&text).any(is_token)
}

/// Letters alone, too few for a token: most segments are.
fn is_word(segment: &str) -> bool {
    segment.len() < 16
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b == b'_' || b == b'-')
}

fn has_long_number(text: &str) -> bool {
    let is_digit = |b: &u8| b.is_ascii_digit();
    text.as_bytes().windows(4).any(|four| four.iter().all(is_digit))
}

/// What may be a token by itself: the parts of a JWT, the value of a matrix parameter, a key in brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
}

/// Letters a word has on average at least, where a segment consists of words.
const WORD: usize = 4;

/// Whether a text looks drawn by lot: a long hexadecimal number with or without hyphens, or 16 characters and more
/// of both cases and digits (or 20 with several digits) that do not read as words.
fn is_token(part: &str) -> bool {
    let bytes = part.as_bytes();
    if bytes.len() < 16 {
        return false;
    }
    let count = |test: fn(&u8) -> bool| bytes.iter().filter(|b| test(b)).count();
    let n_digits = count(u8::is_ascii_digit);
    let is_hex = n_digits > 0 && bytes.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    let is_mixed = n_digits > 0 && count(u8::is_ascii_lowercase) > 0 && count(u8::is_ascii_uppercase) > 0;
    let is_long = n_digits >= 4 && bytes.len() >= 20;
    is_hex || (is_mixed || is_long) && count(u8::is_ascii_alphabetic) < WORD * n_words(bytes)
}

/// How many words a text has at most, as programmers join them: `getUserById`, `get-user`, `HTTP2Server`.
fn n_words(bytes: &[u8]) -> usize {
    let begins = |n: usize| {
        let before = n.checked_sub(1).map(|n| bytes[n]);
        let is_new = before.is_none_or(|b| !b.is_ascii_alphabetic());
        bytes[n].is_ascii_alphabetic() && is_new
            || bytes[n].is_ascii_uppercase() && before.is_some_and(|b| b.is_ascii_lowercase())
    };
    (0..bytes.len()).filter(|n| begins(*n)).count()
}

/// The text of a segment without percent-encoding, also of one that is encoded twice.
fn decoded(segment: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(segment);
    for _ in 0..2 {
        if !text.contains('%') {
            break;
        }
        text = Cow::Owned(decoded_once(text.as_bytes()));
    }
    text
}

fn decoded_once(bytes: &[u8]) -> String {
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let encoded = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = encoded.and_then(hex_byte);
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines_are_read_or_refused() {
        for (line, expected) in [
            ("GET /a?b=c HTTP/1.1", Some(("GET", "/a?b=c"))),
            ("GET /a b HTTP/1.1", Some(("GET", "/a b"))),
            ("GET /a?cmd=ls -al", Some(("GET", "/a?cmd=ls -al"))),
            ("\u{16}\u{3}\u{1}", None),
            ("HELP", None),
            ("", None),
            ("GET ", None),
        ] {
            assert_eq!(request_line(line), expected, "{line}");
        }
    }

    #[test]
    fn ids_become_one_operation() {
        for (path, expected) in [
            ("/v1/users/1042/profile", "GET /v1/users/{id}/profile"),
            ("/v1/users/7", "GET /v1/users/{id}"),
            ("/f/7.json", "GET /f/{id}.json"),
            ("/f/0b0e2f5c-2b7b-4d3c-9a77-0123456789ab.json", "GET /f/{id}.json"),
            ("/f/deadbeefdeadbeef00", "GET /f/{id}"),
            (
                "/v1/users/alice@example.org/profile",
                "GET /v1/users/{id}/profile",
            ),
            ("/v1/users/alice%40example.org", "GET /v1/users/{id}"),
            ("/v1/users/alice%2540example.org", "GET /v1/users/{id}"),
            ("/profile/19790101-1234", "GET /profile/{id}"),
            ("/profile/1%39790101", "GET /profile/{id}"),
            ("/~bob.smith/photo.jpg", "GET /{id}/photo.jpg"),
            ("/%7Ebob/photo.jpg", "GET /{id}/photo.jpg"),
            ("/img/holiday-20140523.tar.gz", "GET /img/{id}.gz"),
            ("/by-ip/203.0.113.7", "GET /by-ip/{id}"),
            ("/by-ip/2001:db8::1", "GET /by-ip/{id}"),
            ("/call/+46701234567", "GET /call/{id}"),
            ("/reset/dGhpc0lzQVNlY3JldDE", "GET /reset/{id}"),
            (
                "/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
                "GET /d/{id}/edit",
            ),
            ("/o/01arz3ndektsv4rrffq69g5fa1/x", "GET /o/{id}/x"),
            ("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.x", "GET /t/{id}.x"),
            ("/app;jsessionid=1A2B3C4D5E6F7A8B/x", "GET /{id}/x"),
            ("/Users('alice@example.org')", "GET /{id}"),
        ] {
            assert_eq!(operation("GET", path), expected);
        }
    }

    #[test]
    fn names_and_versions_stay() {
        for path in [
            "/",
            "",
            "/facade/dead",
            "/v2.0/x",
            "/v1/v2beta/v10",
            "/getUserOrdersV2Details",
            "/oauth2/authorize-with-consent-screen",
            "/HTTP2ServerPushController/run",
            "/jquery-3.6.0.min.js",
            "/static/app.tar.gz",
            "/cgi-bin/.%2e/.%2e/bin/sh",
            "/%zz/%",
            "/日本/語",
            "/sha256/h264/base64",
        ] {
            assert_eq!(operation("GET", path), format!("GET {path}"));
        }
    }

    #[test]
    fn urls_lose_their_authority() {
        assert_eq!(
            split_uri("https://a.example/x?y=http://b/"),
            ("/x", Some("y=http://b/"))
        );
        assert_eq!(split_uri("/x?u=http://b/"), ("/x", Some("u=http://b/")));
        assert_eq!(split_uri("http://a.example"), ("/", None));
    }
}
