//! Lines by a format string of one's own: `[%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE%`.

use crate::json::{Json, Object};
use crate::log_format::{LogFormat, Pieces, Value};
use jiff::fmt::strtime;
use std::borrow::Cow;

/// A format string made ready.
pub struct Pattern {
    whole: LogFormat,
    n_quotes: usize,
    /// The same up to the first text that clients choose.
    head: Option<LogFormat>,
    /// How `%START_TIME(…)%` writes the time.
    time: Option<String>,
}

impl Pattern {
    /// `None` where the text has no command operator, or one that never ends.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim_end_matches("\\n").trim_end();
        let (mut whole, mut head, mut time) = (Pieces::default(), None, None);
        let (mut rest, mut is_quoted, mut n_quotes) = (text, false, 0);
        while let Some(at) = rest.find('%') {
            let before = &rest[..at];
            n_quotes += before.matches('"').count();
            is_quoted ^= before.matches('"').count() % 2 == 1;
            whole.text(before);
            let (operator, after) = Operator::parse(&rest[at + 1..])?;
            match operator {
                None => whole.text("%"),
                Some(operator) => {
                    if head.is_none() && operator.is_clients() {
                        let mut begun = whole.clone();
                        begun.variable("ambiguous", Value::Any);
                        head = Some(begun);
                    }
                    if operator.name == "START_TIME" && !operator.argument.is_empty() {
                        time = Some(operator.argument.to_owned());
                    }
                    whole.variable(&operator.field(), operator.value(is_quoted));
                }
            }
            rest = after;
        }
        n_quotes += rest.matches('"').count();
        whole.text(rest);
        Some(Self {
            whole: whole.finish()?,
            n_quotes,
            head: head.and_then(Pieces::finish),
            time,
        })
    }

    /// The fields of a line. Envoy escapes nothing: of a line with more quotes than the format has, or that does
    /// not fit, only what stands before the first text of a client's is taken.
    pub fn fields<'l>(&'l self, line: &'l str) -> Option<Object<'l>> {
        let n_quotes = memchr::memchr_iter(b'"', line.as_bytes()).count();
        let whole = (n_quotes == self.n_quotes)
            .then(|| self.whole.fields(line))
            .flatten();
        let mut fields = match whole {
            Some(fields) => fields,
            None => self.head.as_ref()?.fields(line)?,
        };
        if let Some(pattern) = &self.time
            && let Some(Json::Text(written)) = fields.get_mut("start_time")
            && let Some(time) = instant(pattern, written)
        {
            *written = Cow::Owned(time);
        }
        Some(fields)
    }
}

/// A time that is written by a pattern, in UTC, as others write it.
fn instant(pattern: &str, written: &str) -> Option<String> {
    // Seconds since 1970 are read anyway, with what stands behind them.
    if pattern.starts_with("%s") {
        return None;
    }
    let mut pattern = pattern.to_owned();
    for n in '1'..='9' {
        pattern = pattern.replace(&format!("%{n}f"), "%f");
    }
    let time = strtime::parse(pattern, written).ok()?;
    let stamp = time
        .to_timestamp()
        .or_else(|_| Ok(time.to_datetime()?.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp()))
        .map_err(|_: jiff::Error| ())
        .ok()?;
    Some(stamp.to_string())
}

/// `NAME(argument):length`
struct Operator<'p> {
    name: &'p str,
    argument: &'p str,
}

impl<'p> Operator<'p> {
    /// Reads what stands behind a `%` up to the next, and that; `None` in it for `%%`.
    fn parse(text: &'p str) -> Option<(Option<Self>, &'p str)> {
        if let Some(rest) = text.strip_prefix('%') {
            return Some((None, rest));
        }
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let (name, rest) = text.split_at(end);
        let (argument, rest) = match rest.strip_prefix('(') {
            // A time's pattern has percent signs itself.
            Some(rest) => rest.split_once(')')?,
            None => ("", rest),
        };
        let rest = match rest.strip_prefix(':') {
            Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        let rest = rest.strip_prefix('%')?;
        (!name.is_empty()).then_some((Some(Self { name, argument }), rest))
    }

    /// Its field, as the usual JSON of Envoy's calls it.
    fn field(&self) -> String {
        let plain = |text: &str| {
            text.trim_start_matches(':')
                .to_ascii_lowercase()
                .replace(['-', ':', '?', '.'], "_")
        };
        let header = self.argument.to_ascii_uppercase();
        match (self.name, header.as_str()) {
            ("REQ", "X-ENVOY-ORIGINAL-PATH?:PATH") | ("PATH", _) => "path".to_owned(),
            ("REQ", "X-REQUEST-ID") => "request_id".to_owned(),
            ("RESP", "X-ENVOY-UPSTREAM-SERVICE-TIME") => "upstream_service_time".to_owned(),
            ("REQ", _) => plain(self.argument),
            ("GRPC_STATUS" | "START_TIME" | "RESPONSE_FLAGS", _) | (_, "") => plain(self.name),
            (name, _) => format!("{}_{}", plain(name), plain(self.argument)),
        }
    }

    /// Whether its value is any text that a client likes. A method and a path have no blanks.
    fn is_clients(&self) -> bool {
        let header = self.argument.to_ascii_uppercase();
        let is_line = matches!(
            header.as_str(),
            ":METHOD" | ":PATH" | ":SCHEME" | "X-ENVOY-ORIGINAL-PATH" | "X-ENVOY-ORIGINAL-PATH?:PATH"
        );
        match self.name {
            "REQ" => !is_line,
            "TRAILER" | "REQUESTED_SERVER_NAME" => true,
            name => name.starts_with("DOWNSTREAM_PEER_"),
        }
    }

    fn value(&self, is_quoted: bool) -> Value {
        match self.name {
            "RESPONSE_CODE" | "BYTES_RECEIVED" | "BYTES_SENT" | "DURATION" => Value::Number,
            "START_TIME" => Value::Any,
            "PROTOCOL" | "RESPONSE_FLAGS" => Value::Word,
            _ if is_quoted && self.is_clients() => Value::Any,
            "REQ" => Value::Word,
            _ if is_quoted => Value::Any,
            _ => Value::Word,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str, line: &str) -> Option<String> {
        let pattern = Pattern::new(pattern)?;
        Some(serde_json::to_string(&pattern.fields(line)?).unwrap_or_default())
    }

    #[test]
    fn lines_are_divided_by_a_format_string() {
        assert_eq!(
            shown(
                r#"%START_TIME(%d/%b/%Y:%H:%M:%S.%3f %z)% %DOWNSTREAM_REMOTE_ADDRESS% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH):64%" %RESPONSE_CODE% 100%% "%REQ(User-Agent)%" %DYNAMIC_METADATA(a.b:c)%\n"#,
                r#"23/May/2014:12:00:00.250 +0200 192.0.2.7:4711 "GET /a?b=c" 200 100% "x y" -"#,
            )
            .as_deref(),
            Some(
                r#"{"start_time":"2014-05-23T10:00:00.25Z","downstream_remote_address":"192.0.2.7:4711","method":"GET","path":"/a?b=c","response_code":"200","user_agent":"x y","dynamic_metadata_a_b_c":"-"}"#
            )
        );
    }

    #[test]
    fn what_a_client_wrote_forges_no_field() {
        let pattern = r#"%START_TIME% %REQ(:PATH)% %RESPONSE_CODE% "%REQ(USER-AGENT)%" "%UPSTREAM_HOST%""#;
        assert_eq!(
            shown(
                pattern,
                r#"2014-05-23T10:00:00Z /a 200 "x" "192.0.2.9:1" "192.0.2.1:80""#
            )
            .as_deref(),
            Some(
                r#"{"start_time":"2014-05-23T10:00:00Z","path":"/a","response_code":"200","ambiguous":"x\" \"192.0.2.9:1\" \"192.0.2.1:80\""}"#
            )
        );
        for bad in [
            "no operator",
            "%START_TIME",
            "%START_TIME(%Y%",
            "%BYTES_SENT%%DURATION%",
            "%-%",
        ] {
            assert!(Pattern::new(bad).is_none(), "{bad}");
        }
    }
}
