//! Lines by a format string of one's own: `[%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE%`.

use crate::json::{Json, Object};
use crate::log_format::{LogFormat, Pieces, Value};
use jiff::fmt::strtime;
use std::borrow::Cow;

/// A format string made ready.
pub struct Pattern {
    whole: LogFormat,
    n_quotes: usize,
    /// Whether a text that clients choose may hold what ends it: such a line must divide in one way only.
    is_open: bool,
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
        let (mut rest, mut is_open, mut n_quotes) = (text, false, 0);
        while let Some(at) = rest.find('%') {
            let before = &rest[..at];
            n_quotes += before.matches('"').count();
            whole.text(before);
            let (operator, after) = Operator::parse(&rest[at + 1..])?;
            match operator {
                None => whole.text("%"),
                Some(operator) => {
                    let behind = after.split('%').next().unwrap_or_default();
                    let is_clients = operator.writer().may_write(behind);
                    is_open |= is_clients && !behind.starts_with('"');
                    if head.is_none() && is_clients {
                        let mut begun = whole.clone();
                        begun.variable("ambiguous", Value::Any);
                        head = Some(begun);
                    }
                    if operator.name == "START_TIME" && !operator.argument.is_empty() {
                        time = Some(operator.argument.to_owned());
                    }
                    whole.variable(&operator.field(), operator.value(n_quotes % 2 == 1));
                }
            }
            rest = after;
        }
        n_quotes += rest.matches('"').count();
        whole.text(rest);
        Some(Self {
            whole: whole.finish()?,
            n_quotes,
            is_open,
            head: head.and_then(Pieces::finish),
            time,
        })
    }

    /// The fields of a line. Envoy escapes nothing: of a line with more quotes than the format has, that does not fit,
    /// or that could be divided in other places too, only what stands before the first text of a client's is taken.
    pub fn fields<'l>(&'l self, line: &'l str) -> Option<Object<'l>> {
        let n_quotes = memchr::memchr_iter(b'"', line.as_bytes()).count();
        // With no quote too many, all of them are the format's, and no value holds one.
        let is_clear = n_quotes == self.n_quotes && (!self.is_open || self.whole.divides_once(line));
        let whole = is_clear.then(|| self.whole.fields(line)).flatten();
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

    fn writer(&self) -> Writer {
        let header = self.argument.to_ascii_uppercase();
        let is_line = matches!(
            header.as_str(),
            ":METHOD" | ":PATH" | ":SCHEME" | "X-ENVOY-ORIGINAL-PATH" | "X-ENVOY-ORIGINAL-PATH?:PATH"
        );
        match self.name {
            "REQ" if is_line => Writer::Line,
            "PATH" => Writer::Line,
            name if OWN.contains(&name) => Writer::Server,
            name if name.starts_with("DOWNSTREAM_REMOTE_") || name.starts_with("DOWNSTREAM_DIRECT_") => {
                Writer::Server
            }
            _ => Writer::Client,
        }
    }

    fn value(&self, is_quoted: bool) -> Value {
        match (self.name, self.writer()) {
            ("RESPONSE_CODE" | "BYTES_RECEIVED" | "BYTES_SENT" | "DURATION", _) => Value::Number,
            ("START_TIME", _) if !self.argument.is_empty() => Value::Any,
            (_, Writer::Client) => Value::Any,
            ("START_TIME" | "PROTOCOL" | "RESPONSE_FLAGS", _) | (_, Writer::Line) => Value::Word,
            (_, Writer::Server) if is_quoted => Value::Any,
            (_, Writer::Server) => Value::Word,
        }
    }
}

/// Who chooses an operator's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// Envoy, or who configured it.
    Server,
    /// The client, but for blanks: a method and a path have none.
    Line,
    /// A client, or a server behind Envoy that may hand on what a client said.
    Client,
}

impl Writer {
    /// Whether the value may hold the text that stands behind it.
    fn may_write(self, behind: &str) -> bool {
        match self {
            Self::Server => false,
            Self::Line => !behind.contains(' '),
            Self::Client => true,
        }
    }
}

/// Operators whose values no client can choose freely; of all others it is taken that one can.
const OWN: &[&str] = &[
    "START_TIME",
    "START_TIME_LOCAL",
    "EMIT_TIME",
    "EMIT_TIME_LOCAL",
    "DURATION",
    "COMMON_DURATION",
    "REQUEST_DURATION",
    "REQUEST_TX_DURATION",
    "RESPONSE_DURATION",
    "RESPONSE_TX_DURATION",
    "ROUNDTRIP_DURATION",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "RESPONSE_CODE",
    "RESPONSE_FLAGS",
    "RESPONSE_FLAGS_LONG",
    "GRPC_STATUS",
    "GRPC_STATUS_NUMBER",
    "PROTOCOL",
    "UPSTREAM_PROTOCOL",
    "BYTES_RECEIVED",
    "BYTES_SENT",
    "REQUEST_HEADERS_BYTES",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILERS_BYTES",
    "DOWNSTREAM_WIRE_BYTES_SENT",
    "DOWNSTREAM_WIRE_BYTES_RECEIVED",
    "DOWNSTREAM_HEADER_BYTES_SENT",
    "DOWNSTREAM_HEADER_BYTES_RECEIVED",
    "UPSTREAM_WIRE_BYTES_SENT",
    "UPSTREAM_WIRE_BYTES_RECEIVED",
    "UPSTREAM_HEADER_BYTES_SENT",
    "UPSTREAM_HEADER_BYTES_RECEIVED",
    "CONNECTION_ID",
    "UPSTREAM_CONNECTION_ID",
    "UPSTREAM_HOST",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_CLUSTER_RAW",
    "UPSTREAM_LOCAL_ADDRESS",
    "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_LOCAL_PORT",
    "UPSTREAM_REMOTE_ADDRESS",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "UPSTREAM_REMOTE_PORT",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    "UPSTREAM_TLS_VERSION",
    "UPSTREAM_TLS_CIPHER",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_TLS_VERSION",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_PEER_FINGERPRINT_256",
    "DOWNSTREAM_PEER_FINGERPRINT_1",
    "DOWNSTREAM_PEER_SERIAL",
    "ROUTE_NAME",
    "VIRTUAL_CLUSTER_NAME",
    "FILTER_CHAIN_NAME",
    "HOSTNAME",
    "ENVIRONMENT",
];

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
    }

    #[test]
    fn a_path_forges_nothing_behind_it_either() {
        for (pattern, line, expected) in [
            (
                r#"%START_TIME%,"%REQ(:METHOD)%","%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",%RESPONSE_CODE%,"%REQ(USER-AGENT)%""#,
                r#"2014-05-23T10:00:00Z,"GET","/a",200,"x",403,"curl""#,
                r#"{"start_time":"2014-05-23T10:00:00Z","ambiguous":"GET\",\"/a\",200,\"x\",403,\"curl\""}"#,
            ),
            (
                "%START_TIME%|%REQ(:METHOD)%|%REQ(:PATH)%|%RESPONSE_CODE%|%UPSTREAM_HOST%",
                "2014-05-23T10:00:00Z|GET|/a|200|x|403|192.0.2.1:80",
                r#"{"start_time":"2014-05-23T10:00:00Z","ambiguous":"GET|/a|200|x|403|192.0.2.1:80"}"#,
            ),
            (
                "%START_TIME%|%REQ(:METHOD)%|%REQ(:PATH)%|%RESPONSE_CODE%|%UPSTREAM_HOST%",
                "2014-05-23T10:00:00Z|GET|/a|403|192.0.2.1:80",
                r#"{"start_time":"2014-05-23T10:00:00Z","method":"GET","path":"/a","response_code":"403","upstream_host":"192.0.2.1:80"}"#,
            ),
            // A blank in the text behind it ends a path for sure; a server's header may be any text.
            (
                r#"%START_TIME% "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE% "%RESP(LOCATION)%" %BYTES_SENT%"#,
                r#"2014-05-23T10:00:00Z "GET /a",7" 403 "/x" 9 "y" 5"#,
                r#"{"start_time":"2014-05-23T10:00:00Z","method":"GET","path":"/a\",7","response_code":"403","ambiguous":"/x\" 9 \"y\" 5"}"#,
            ),
            (
                "%RESPONSE_CODE_DETAILS% %RESPONSE_CODE% %START_TIME(%Y-%m-%d %H:%M:%S)%",
                "a 200 b 403 2014-05-23 10:00:00",
                r#"{"ambiguous":"a 200 b 403 2014-05-23 10:00:00"}"#,
            ),
            (
                "%START_TIME% %UPSTREAM_TRANSPORT_FAILURE_REASON% %BYTES_SENT%",
                "2014-05-23T10:00:00Z connect error: 111 5",
                r#"{"start_time":"2014-05-23T10:00:00Z","upstream_transport_failure_reason":"connect error: 111","bytes_sent":"5"}"#,
            ),
        ] {
            assert_eq!(shown(pattern, line).as_deref(), Some(expected), "{pattern}");
        }
        let long = format!("2014-05-23T10:00:00Z|{}|5", "x|".repeat(10_000));
        let told = shown("%START_TIME%|%REQ(A)%|%REQ(B)%|%BYTES_SENT%", &long);
        assert!(told.is_some_and(|told| told.contains("ambiguous")));
    }

    #[test]
    fn what_is_no_format_string_is_refused() {
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
