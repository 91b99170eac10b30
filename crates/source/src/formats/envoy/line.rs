//! Lines of Envoy's default format and of Istio's. Envoy escapes nothing: what a client sends may hold quotes.

use crate::json::{Json, Object};
use std::borrow::Cow;

/// Quotes that stand in a line behind the numbers: around five texts, all but the last of which clients choose.
const QUOTES: usize = 10;

/// The fields of a line, under the names of Istio's JSON; `None` where it is another's line. Of a line with more
/// quotes than the format has, only what stands before them is taken: the rest could be a client's.
pub fn fields(line: &str) -> Option<Object<'_>> {
    let mut reading = Reading {
        rest: line.strip_prefix('[')?,
        fields: Vec::with_capacity(24),
    };
    reading.until("start_time", "] \"")?;
    reading.until("method", " ")?;
    reading.until("path", " ")?;
    reading.until("protocol", "\" ")?;
    reading.number("response_code")?;
    reading.until("response_flags", " ")?;
    let is_istio = is_quoted_after_two(reading.rest);
    if is_istio {
        reading.until("response_code_details", " ")?;
        reading.until("connection_termination_details", " \"")?;
        reading.until("upstream_transport_failure_reason", "\" ")?;
    }
    reading.number("bytes_received")?;
    reading.number("bytes_sent")?;
    reading.number("duration")?;
    reading.until("upstream_service_time", " ")?;
    let n_quotes = memchr::memchr_iter(b'"', reading.rest.as_bytes()).count();
    if n_quotes < QUOTES || !reading.rest.starts_with('"') {
        return None;
    }
    if n_quotes == QUOTES {
        reading.quoted()?;
        reading.tail(is_istio)?;
    } else {
        reading.put("ambiguous", reading.rest);
    }
    let fields = reading.fields.into_iter();
    Some(Object::of_distinct(
        fields
            .map(|(name, value)| (Cow::Borrowed(name), Json::Text(Cow::Borrowed(value))))
            .collect(),
    ))
}

fn is_quoted_after_two(text: &str) -> bool {
    let mut words = text.splitn(3, ' ');
    words.nth(2).is_some_and(|rest| rest.starts_with('"'))
}

struct Reading<'l> {
    rest: &'l str,
    fields: Vec<(&'static str, &'l str)>,
}

impl<'l> Reading<'l> {
    fn put(&mut self, name: &'static str, value: &'l str) {
        self.fields.push((name, value));
    }

    /// The text up to the next such mark.
    fn until(&mut self, name: &'static str, mark: &str) -> Option<()> {
        let (value, rest) = self.rest.split_once(mark)?;
        self.put(name, value);
        self.rest = rest;
        Some(())
    }

    fn number(&mut self, name: &'static str) -> Option<()> {
        self.until(name, " ")?;
        let (_, value) = self.fields.last()?;
        let is_number = value.bytes().all(|b| b.is_ascii_digit()) && !value.is_empty() || *value == "-";
        is_number.then_some(())
    }

    fn quoted(&mut self) -> Option<()> {
        const NAMES: [&str; 5] = [
            "x_forwarded_for",
            "user_agent",
            "request_id",
            "authority",
            "upstream_host",
        ];
        for (n, name) in NAMES.into_iter().enumerate() {
            let mut parts = self.rest.strip_prefix('"')?.splitn(2, '"');
            let (value, after) = (parts.next()?, parts.next()?);
            self.put(name, value);
            self.rest = if n < 4 { after.strip_prefix(' ')? } else { after };
        }
        Some(())
    }

    /// What Istio writes behind: only the server's name is a client's, and may hold blanks.
    fn tail(&mut self, is_istio: bool) -> Option<()> {
        if !is_istio {
            return self.rest.trim_end().is_empty().then_some(());
        }
        self.rest = self.rest.strip_prefix(' ')?;
        for name in [
            "upstream_cluster",
            "upstream_local_address",
            "downstream_local_address",
            "downstream_remote_address",
        ] {
            self.until(name, " ")?;
        }
        let (server, route) = self.rest.rsplit_once(' ')?;
        self.put("requested_server_name", server);
        self.put("route_name", route);
        Some(())
    }
}
