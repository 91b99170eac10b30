//! The access log: lines by a `log_format`, or JSON.

use super::error;
use crate::formats::forwarded::{Forwarded, whole_lines};
use crate::json::{Json, Object};
use crate::log_format::LogFormat;
use crate::mapping::{Mapper, Mapping};
use crate::redact::Quotes;
use crate::{Confidence, Context, Decoder, Error, Format, Output, RawRecord, RejectReason, Sample, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// `nginx_access`.
pub struct Access;

/// A source that a mapping declares over the forms of nginx's access log.
pub struct DeclaredAccess {
    pub mapping: Mapping,
}

const MANUAL: &str = "\
nginx_access: the access log of nginx

Reads   Lines by the predefined `combined`, the packaged `main` (with $http_x_forwarded_for), either with
        $host or $host:$server_port before it or more fields behind it, and the common form without referer
        and agent; lines by any log_format that --log-format gives (the pattern alone, or the whole
        directive as it stands in nginx.conf); JSON, one object a line, with keys named after nginx's
        variables (other names: give the log_format, or write a mapping with base = \"nginx_access\").
        Escapes are undone as nginx made them: \\xHH by default, JSON's with escape=json, none with escape=none.
        Lines of the error log in the same file become events of nginx_error.
Known   by the fit of the first lines; JSON by remote_addr, status, a time and a request.
Fills   class http_activity, activity (method), api.operation, resource.name, query_info.query_string,
        status_code, status, traffic.bytes_out ($body_bytes_sent), src_endpoint.ip ($remote_addr), port, user
        agent, actor.user ($remote_user, realm app), duration ($request_time), trace.uid ($request_id); from
        further variables by their usual names: session cookies ($cookie_sid, $cookie_session, sid, ...), keys
        ($http_authorization, $http_x_api_key), app version and platform, device. Fields keep nginx's names.
Time    nginx writes a line when a request ends: the event's time is that less $request_time, its doubt the
        clock's resolution and the duration. $msec is preferred, then $time_iso8601, then $time_local.
Outcome 2xx, 3xx success; 401, 403, 407, 429 denied; 444, 499 aborted; other 4xx and 5xx failure.
Proves  nothing by itself: lines are not numbered. A digest-chained manifest beside the files proves them whole.
Host    $hostname, where the log_format has it; else name it with --host: without one, lines that are the same in
        two hosts' files count once, as those of a copy do, and a note says how many.
Trust   Without a log_format, what may be columns that nobody named is the field `ambiguous`, and is neither client nor
        user: a list of addresses, `-` or `unknown` where the address stands; an address, or `-` beside other words, where the
        user stands (`203.0.113.7 - [203.0.113.7] - bob`). Give the log_format: one that begins with
        $http_x_forwarded_for and has no $remote_addr gives the first address of it. What is no address is none. Where a
        line has a list, `-` or `unknown` for its address, that column is a header in the other lines of the file too, in
        those before it as far as they stand in its first 64 KiB or behind: their address is `ambiguous` as well.
        nginx escapes quotes and control characters, nothing else: where a log_format ends a client's text with another
        (`|`, a blank), a client can write further columns. Of a line that can be divided in several ways only what is the
        same in all of them is taken, the rest is `ambiguous`. Put such texts in quotes, or last.
        $remote_addr is the peer's, or what the realip module took from a header. Agent, cookies, forwarded
        headers and a client's request id are what the client chose to send.
";

const FULL: &str = r#" [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
const FORWARDED: &str = r#" [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;
const MORE: &str =
    r#" [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $extra"#;
const COMMON: &str = r#" [$time_local] "$request" $status $body_bytes_sent"#;

/// The forms that are tried, the more special first: what stands before the time, and what from there on. Each fits
/// only lines that the others do not fit.
const PRESETS: &[(&str, &str)] = &[
    ("$remote_addr - $remote_user", FULL),
    ("$remote_addr - $remote_user", FORWARDED),
    ("$host:$server_port $remote_addr - $remote_user", FULL),
    ("$host $remote_addr - $remote_user", FULL),
    ("$remote_addr - $remote_user", MORE),
    ("$host:$server_port $remote_addr - $remote_user", MORE),
    ("$host $remote_addr - $remote_user", MORE),
    ("$remote_addr - $remote_user", COMMON),
    // Between address and time there is more than a user has: which of it is whose, nothing tells.
    ("$remote_addr - $columns", FULL),
    ("$host:$server_port $remote_addr - $columns", FULL),
    ("$host $remote_addr - $columns", FULL),
    ("$remote_addr - $columns", MORE),
    ("$host:$server_port $remote_addr - $columns", MORE),
    ("$host $remote_addr - $columns", MORE),
    ("$remote_addr - $columns", COMMON),
    // A list of addresses or `unknown` in the place of one: which of them the client's is, nothing tells.
    ("$no_address - $remote_user", FULL),
    ("$no_address - $remote_user", MORE),
    ("$no_address - $remote_user", COMMON),
    ("$columns", FULL),
    ("$columns", MORE),
    ("$columns", COMMON),
];

static BUILT_IN: LazyLock<DeclaredAccess> = LazyLock::new(|| DeclaredAccess {
    mapping: Mapping::embedded(include_str!("access.toml"), "nginx_access"),
});
static PATTERNS: LazyLock<Vec<LogFormat>> = LazyLock::new(|| PRESETS.iter().filter_map(preset).collect());

fn preset((head, tail): &(&str, &str)) -> Option<LogFormat> {
    LogFormat::nginx(&format!("{head}{tail}")).map(LogFormat::guessed)
}

impl Format for Access {
    fn name(&self) -> &str {
        BUILT_IN.name()
    }

    fn manual(&self) -> &str {
        MANUAL
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        BUILT_IN.recognize(sample)
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        BUILT_IN.decoder(context)
    }
}

impl DeclaredAccess {
    /// What a person names for this evidence goes before what the mapping says.
    fn pattern<'p>(&'p self, named: Option<&'p str>) -> Option<&'p str> {
        named.or_else(|| self.mapping.log_format())
    }
}

impl Format for DeclaredAccess {
    fn name(&self) -> &str {
        self.mapping.name()
    }

    fn manual(&self) -> &str {
        self.mapping.manual()
    }

    fn recognize(&self, sample: &Sample<'_>) -> Confidence {
        let Ok(lines) = Lines::new(self.pattern(sample.log_format)) else {
            return Confidence::NONE;
        };
        let is_known = |fields: &Object<'_>| !self.mapping.is_choosy() || self.mapping.knows(fields);
        let is_json = |line: &[u8]| {
            let is_record =
                |fields: &Object<'_>| is_known(fields) && (lines.has_names() || is_exchange(fields));
            line.starts_with(b"{") && lines.fields(&json::text(line)).is_some_and(|f| is_record(&f))
        };
        let is_line = |line: &[u8]| {
            !line.starts_with(b"{") && lines.fields(&json::text(line)).is_some_and(|f| is_known(&f))
        };
        if sample.percent(|line| is_json(line) || is_line(line)) == 0 {
            return Confidence::NONE;
        }
        let by_line = if lines.has_own() { 95 } else { 70 + hint(sample) };
        let by_json = Confidence::share(90, sample.percent(is_json));
        by_json.max(Confidence::share(
            by_line,
            sample.percent(|line| is_line(line) || error::begins(line)),
        ))
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let lines = Lines::new(self.pattern(context.log_format.as_deref()))?;
        Ok(Box::new(AccessDecoder {
            mapper: self.mapping.mapper(context),
            errors: error::LineDecoder::new(context),
            forwarded: (!lines.has_own() && !lines.has_names() && !context.is_mixed)
                .then(|| Forwarded::new(&["-", "unknown"])),
            lines,
        }))
    }
}

/// The ways in which a line may be written.
struct Lines {
    patterns: Vec<LogFormat>,
    /// JSON keys that the log_format chose, with the variables behind them.
    names: BTreeMap<String, String>,
}

impl Lines {
    fn new(pattern: Option<&str>) -> Result<Self, Error> {
        let mut lines = Self {
            patterns: PATTERNS.clone(),
            names: pattern.map(json_names).unwrap_or_default(),
        };
        if let Some(pattern) = pattern.filter(|_| lines.names.is_empty()) {
            let own = LogFormat::nginx(pattern).ok_or_else(|| Error::Option {
                option: "log format".into(),
                why: format!("`{pattern}` is no log_format of nginx: it needs variables such as $remote_addr with a text between them"),
            })?;
            lines.patterns.insert(0, own);
        }
        Ok(lines)
    }

    fn has_own(&self) -> bool {
        self.patterns.len() > PRESETS.len()
    }

    fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    fn fields<'l>(&'l self, line: &'l str) -> Option<Object<'l>> {
        if line.starts_with('{') {
            return json::object_with_hex(line)
                .ok()
                .map(|fields| renamed(fields, &self.names));
        }
        self.patterns.iter().find_map(|pattern| pattern.fields(line))
    }
}

struct AccessDecoder {
    mapper: Mapper,
    errors: error::LineDecoder,
    lines: Lines,
    /// `None` where the log_format tells what the columns are.
    forwarded: Option<Forwarded>,
}

impl AccessDecoder {
    /// Learns from a line that is not decoded here.
    fn look_at(&mut self, line: &[u8]) {
        if let Some(forwarded) = self.forwarded.as_mut().filter(|f| f.may_show(line))
            && let Some(fields) = self.lines.fields(&json::text(line))
        {
            forwarded.see(&fields);
        }
    }
}

impl Decoder for AccessDecoder {
    fn foresee(&mut self, head: &mut dyn FnMut() -> Vec<u8>) {
        if self.forwarded.is_some() {
            whole_lines(&head()).for_each(|line| self.look_at(line));
        }
    }

    fn pass_over(&mut self, record: &RawRecord<'_>) {
        self.look_at(record.bytes);
    }

    fn decode(&mut self, record: &RawRecord<'_>, out: &mut Output) -> Result<(), RejectReason> {
        if error::begins(record.bytes) {
            return self.errors.decode(record, out);
        }
        let line = record.lossy();
        let fields = match self.lines.fields(&line) {
            Some(fields) => match &mut self.forwarded {
                Some(forwarded) if !line.starts_with('{') => {
                    forwarded.see(&fields);
                    forwarded.settle(fields)
                }
                _ => fields,
            },
            None if record.bytes.starts_with(b"{") => json::object_with_hex(&line)?,
            None => {
                let otherwise = "the line fits no known log_format of nginx; give yours with --log-format";
                return Err(LogFormat::misfit(&self.lines.patterns, &line, otherwise));
            }
        };
        let quotes = match line.starts_with('{') {
            true => Quotes::Around,
            false => Quotes::Within,
        };
        self.mapper.decode_from(&line, quotes, fields, line.len(), out)
    }
}

/// What the path and the way of escaping tell about the server.
fn hint(sample: &Sample<'_>) -> u8 {
    let is_named = sample.path.contains("nginx");
    let has_hex = memchr::memmem::find(sample.head, b"\\x22").is_some();
    if is_named || has_hex { 15 } else { 0 }
}

fn is_exchange(fields: &Object<'_>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(name));
    has(&["remote_addr", "client_ip"])
        && has(&["status"])
        && has(&["msec", "time_iso8601", "time_local"])
        && has(&["request", "request_uri", "request_method", "uri"])
}

/// The keys of a JSON `log_format` with the one variable that each holds; empty for another pattern.
fn json_names(pattern: &str) -> BTreeMap<String, String> {
    let whole = crate::log_format::nginx_pattern(pattern);
    let mut quoted = String::with_capacity(whole.len());
    let mut is_within = false;
    for c in whole.chars() {
        match c {
            '"' => is_within = !is_within,
            '$' if !is_within => quoted.push('_'),
            _ => {}
        }
        quoted.push(c);
    }
    let text = unquoted_variables(&quoted);
    let Ok(fields) = json::object(&text) else {
        return BTreeMap::new();
    };
    let variable = |value: &Json<'_>| {
        value
            .as_str()?
            .strip_prefix('$')
            .map(|v| v.trim_matches(['{', '}']).to_owned())
    };
    fields
        .iter()
        .filter_map(|(key, value)| Some((key.to_owned(), variable(value)?)))
        .collect()
}

/// `"status":_$status,` with quotes around the variable, so that the whole is JSON.
fn unquoted_variables(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("_$") {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let len = after.find([',', '}', ']', ' ', '\n']).unwrap_or(after.len());
        out.push_str(&format!("{before}\"{}\"", &after[..len]));
        rest = &after[len..];
    }
    out.push_str(rest);
    out
}

fn renamed<'l>(fields: Object<'l>, names: &'l BTreeMap<String, String>) -> Object<'l> {
    if names.is_empty() {
        return fields;
    }
    fields.renamed(|key| match names.get(&*key) {
        Some(name) => Cow::Borrowed(name),
        None => key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_well_formed() {
        assert_eq!(PATTERNS.len(), PRESETS.len());
    }

    #[test]
    fn the_keys_of_a_json_log_format_are_understood() {
        let names = json_names(
            r#"log_format j escape=json '{"t":"$time_iso8601",' '"s":$status,"x":"a$host","m": $msec}';"#,
        );
        let shown: Vec<_> = names.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(shown, ["m=msec", "s=status", "t=time_iso8601"]);
        assert!(json_names("$remote_addr [$time_local]").is_empty());
    }
}
