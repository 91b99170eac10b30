//! The access log: lines by a `LogFormat`, or JSON.

use super::error;
use crate::formats::forwarded::{Forwarded, whole_lines};
use crate::json::Object;
use crate::log_format::LogFormat;
use crate::mapping::{Mapper, Mapping};
use crate::redact::Quotes;
use crate::{Confidence, Context, Decoder, Error, Format, Output, RawRecord, RejectReason, Sample, json};
use std::sync::LazyLock;

/// `apache_access`.
pub struct Access;

/// A source that a mapping declares over the forms of Apache's access log.
pub struct DeclaredAccess {
    pub mapping: Mapping,
}

const MANUAL: &str = "\
apache_access: the access log of the Apache HTTP server

Reads   Lines by `combined`, `common` and `vhost_combined`, with more fields behind them or none; lines by any
        LogFormat that --log-format gives (the pattern alone, or the whole directive); JSON, one object a line,
        with keys named as below. Escapes are undone as Apache made them: \\\", \\\\, \\n and its kin, \\xHH.
        Lines of the error log in the same file become events of apache_error.
Known   by the fit of the first lines. The same line fits nginx too; what decides is the path, the way of
        escaping, the virtual host before the address, a `-` for zero bytes. Where neither tells: nginx_access.
Fills   the columns that nginx_access fills. Fields have nginx's names where nginx has the thing: %h %a remote_addr,
        %u remote_user, %t time_local, %r request, %>s status, %b body_bytes_sent, %O bytes_sent, %D request_time_us,
        %T request_time, %v server_name, %V host, %p server_port, %{X}i http_x, %{X}o sent_http_x, %{X}C cookie_x, %{X}e
        env_x, %{X}n note_x, %X connection_status. An aborted connection (%X is X) is the outcome aborted.
Time    Apache writes when a request arrived; its doubt is the clock's resolution and the duration (%D, %T).
Outcome as for nginx_access.
Host    no line names it; name it with --host: without one, lines that are the same in two hosts' files count
        once, as those of a copy do, and a note says how many.
Trust   as for nginx_access: without a LogFormat, what may be columns that nobody named is the field `ambiguous`, a list of
        addresses among them; a LogFormat that begins with %{X-Forwarded-For}i and has neither %h nor %a gives the first of
        them. A name that HostnameLookups puts in the place of an address stays a field. A line that a client's text lets
        divide in several ways is `ambiguous` as far as they differ.
Proves  nothing by itself: lines are not numbered. A digest-chained manifest beside the files proves them whole.
";

/// The forms that are tried. Each fits only lines that the others do not fit.
const PRESETS: &[&str] = &[
    r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
    r#"%v:%p %h %l %u %t "%r" %>s %b"#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %u %t "%r" %>s %b"#,
    r#"%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{extra}n"#,
    // Between logname and time there is more than a user has: which of it is whose, nothing tells.
    r#"%v:%p %h %l %{columns}n %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %{columns}n %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %{columns}n %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{extra}n"#,
    r#"%h %l %{columns}n %t "%r" %>s %b"#,
    // A list of addresses or `unknown` in the place of one: which of them the client's is, nothing tells.
    r#"%{no_address}n %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%{no_address}n %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{extra}n"#,
    r#"%{no_address}n %l %u %t "%r" %>s %b"#,
    r#"%{columns}n %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    r#"%{columns}n %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %{extra}n"#,
    r#"%{columns}n %t "%r" %>s %b"#,
];

static BUILT_IN: LazyLock<DeclaredAccess> = LazyLock::new(|| DeclaredAccess {
    mapping: Mapping::embedded(include_str!("access.toml"), "apache_access"),
});
static PATTERNS: LazyLock<Vec<LogFormat>> = LazyLock::new(|| {
    PRESETS
        .iter()
        .filter_map(|p| Some(LogFormat::apache(p)?.guessed()))
        .collect()
});

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
    fn patterns(&self, named: Option<&str>) -> Result<Vec<LogFormat>, Error> {
        let mut patterns = PATTERNS.clone();
        if let Some(pattern) = named.or_else(|| self.mapping.log_format()) {
            let own = LogFormat::apache(pattern).ok_or_else(|| Error::Option {
                option: "log format".into(),
                why: format!("`{pattern}` is no LogFormat of Apache, or uses a directive that is not known"),
            })?;
            patterns.insert(0, own);
        }
        Ok(patterns)
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
        let named = sample.log_format.filter(|f| f.contains('%') && !f.contains('$'));
        let Ok(patterns) = self.patterns(named) else {
            return Confidence::NONE;
        };
        let has_own = patterns.len() > PRESETS.len();
        let is_own = |line: &[u8]| patterns[0].fits(&String::from_utf8_lossy(line));
        let is_known = |line: &[u8]| {
            let line = json::text(line);
            let fields = fields(&patterns, &line);
            fields.is_some_and(|fields| !self.mapping.is_choosy() || self.mapping.knows(&fields))
        };
        if sample.percent(is_known) == 0 {
            return Confidence::NONE;
        }
        let by_own = if has_own {
            Confidence::share(96, sample.percent(is_own))
        } else {
            Confidence::NONE
        };
        by_own.max(Confidence::share(
            65 + hint(sample),
            sample.percent(|line| is_known(line) || error::begins(line)),
        ))
    }

    fn decoder(&self, context: &Context) -> Result<Box<dyn Decoder>, Error> {
        let patterns = self.patterns(context.log_format.as_deref())?;
        Ok(Box::new(AccessDecoder {
            mapper: self.mapping.mapper(context),
            errors: error::LineDecoder::new(context),
            forwarded: (patterns.len() == PRESETS.len() && !context.is_mixed).then(|| Forwarded::new(&[])),
            patterns,
        }))
    }
}

fn fields<'l>(patterns: &'l [LogFormat], line: &'l str) -> Option<Object<'l>> {
    patterns.iter().find_map(|pattern| pattern.fields(line))
}

struct AccessDecoder {
    mapper: Mapper,
    errors: error::LineDecoder,
    patterns: Vec<LogFormat>,
    /// `None` where the LogFormat tells what the columns are.
    forwarded: Option<Forwarded>,
}

impl AccessDecoder {
    /// Learns from a line that is not decoded here.
    fn look_at(&mut self, line: &[u8]) {
        if let Some(forwarded) = self.forwarded.as_mut().filter(|f| f.may_show(line))
            && let Some(fields) = fields(&self.patterns, &json::text(line))
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
        let line = record.lossy();
        let fields = match fields(&self.patterns, &line) {
            Some(fields) => match &mut self.forwarded {
                Some(forwarded) => {
                    forwarded.see(&fields);
                    forwarded.settle(fields)
                }
                None => fields,
            },
            None if record.bytes.starts_with(b"{") => json::object(&line)?,
            None if error::begins(record.bytes) => return self.errors.decode(record, out),
            None => {
                let otherwise = "the line fits no known LogFormat of Apache; give yours with --log-format";
                return Err(LogFormat::misfit(&self.patterns, &line, otherwise));
            }
        };
        self.mapper
            .decode_from(&line, Quotes::Within, fields, line.len(), out)
    }
}

/// What the path and the lines tell about the server.
fn hint(sample: &Sample<'_>) -> u8 {
    let is_named = ["apache", "httpd", "access_log", "other_vhosts"]
        .iter()
        .any(|name| sample.path.contains(name));
    let has_escape = memchr::memmem::find(sample.head, b"\\\"").is_some();
    let has_no_bytes =
        sample.percent(|line| memchr::memmem::find(line, b"\" 304 -").is_some() || line.ends_with(b" -")) > 0;
    let has_vhost = sample.percent(|line| {
        line.split(|b| *b == b' ')
            .next()
            .is_some_and(|w| w.contains(&b':') && w.iter().any(u8::is_ascii_alphabetic) && w.contains(&b'.'))
    }) > 50;
    if is_named || has_escape || has_no_bytes || has_vhost {
        20
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_well_formed() {
        assert_eq!(PATTERNS.len(), PRESETS.len());
    }
}
