//! One HTTP exchange, as every gateway's log tells it: the columns that scopes rely on.

use crate::redact::{self, Redactor};
use ambit_event::{Event, Outcome};
use std::borrow::Cow;

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
        event.resource = Some(redact::text(&redactor.keys, path).into_owned());
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

/// Method and path with the ids taken out: segments that are numbers, UUIDs or long hexadecimal numbers,
/// with a file ending or without.
#[must_use]
pub fn operation(method: &str, path: &str) -> String {
    let mut out = String::with_capacity(method.len() + path.len() + 1);
    out.push_str(method);
    out.push(' ');
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            out.push('/');
        }
        let (stem, ending) = match segment.split_once('.') {
            Some((stem, ending)) if ending.len() <= 5 && ending.bytes().all(|b| b.is_ascii_alphabetic()) => {
                (stem, Some(ending))
            }
            _ => (segment, None),
        };
        if !is_id(stem) {
            out.push_str(segment);
            continue;
        }
        out.push_str("{id}");
        if let Some(ending) = ending {
            out.push('.');
            out.push_str(ending);
        }
    }
    out
}

/// Whether a path segment is an id rather than a name.
fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if bytes.is_empty() {
        return false;
    }
    let is_hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    bytes.iter().all(u8::is_ascii_digit)
        || is_uuid
        || (bytes.len() >= 16 && is_hex(bytes) && bytes.iter().any(u8::is_ascii_digit))
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
            ("/f/0b0e2f5c-2b7b-4d3c-9a77-0123456789ab.json", "GET /f/{id}.json"),
            ("/f/deadbeefdeadbeef00", "GET /f/{id}"),
            ("/facade/dead", "GET /facade/dead"),
            ("/v2.0/x", "GET /v2.0/x"),
            ("/", "GET /"),
        ] {
            assert_eq!(operation("GET", path), expected);
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
