//! Lines by a web server's own pattern: nginx `log_format` and Apache `LogFormat`.

mod kind;

use crate::RejectReason;
use crate::json::{Json, Object, hex_byte};
use ambit_event::printable;
use kind::{Kind, has_like_time};
use std::borrow::Cow;
use std::collections::HashSet;

/// A pattern made ready: texts that must stand there and variables between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    parts: Vec<Part>,
    escaping: Escaping,
    /// Whether no variable stands twice.
    is_distinct: bool,
    /// The first part that a client may write what ends it into: such a line may divide in several ways.
    open_from: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable {
        name: String,
        kind: Kind,
        /// Whether no value holds the text that ends it.
        is_closed: bool,
    },
}

impl Part {
    fn variable(name: &str, kind: Kind) -> Self {
        Self::Variable {
            name: name.to_owned(),
            kind,
            is_closed: false,
        }
    }
}

/// How a server writes characters that would break its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// nginx: `\xHH` for quotes, backslashes, control characters and bytes above 126.
    Hex,
    /// Apache: the same, and `\"`, `\\`, `\n` and their kin.
    C,
    /// Nothing is escaped.
    None,
}

impl Escaping {
    /// Whether a text holds what no value does: quotes and control characters are escaped within.
    fn parts(self, text: &str) -> bool {
        match self {
            Self::Hex => text.contains(|c: char| c == '"' || c.is_ascii_control()),
            // Behind a backslash a quote stands in values too.
            Self::C => !text.starts_with('"') && text.contains(|c: char| c == '"' || c.is_ascii_control()),
            Self::None => false,
        }
    }
}

/// Ways to divide a line that are tried at most.
const TRIES: usize = 256;

/// Ways to divide a line that are compared at most.
const WAYS: usize = 16;

/// A search for a way to divide a line.
#[derive(Default)]
struct Search<'l> {
    tries: usize,
    /// Ways that are passed over before one is taken.
    n_passed_over: usize,
    /// Those that were passed over.
    passed_over: Vec<Vec<&'l str>>,
}

impl<'l> Search<'l> {
    fn behind(n_passed_over: usize) -> Self {
        Self {
            n_passed_over,
            ..Self::default()
        }
    }

    /// Whether the way that was found is the one to take.
    fn is_wanted(&mut self, values: &[&'l str]) -> bool {
        if self.n_passed_over == 0 {
            return true;
        }
        self.n_passed_over -= 1;
        self.passed_over.push(values.to_vec());
        false
    }
}

impl LogFormat {
    /// Reads an nginx pattern, with or without the directive around it: `log_format name 'part' 'part';`.
    /// `None` where it has no variable.
    #[must_use]
    pub fn nginx(pattern: &str) -> Option<Self> {
        let (pattern, is_escaped) = nginx_directive(pattern);
        let mut builder = Builder::default();
        let mut rest = pattern.as_str();
        while let Some(at) = rest.find('$') {
            builder.text(&rest[..at]);
            rest = &rest[at + 1..];
            let (name, after) = match rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
                Some(braced) => braced,
                None => rest.split_at(
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(rest.len()),
                ),
            };
            match name {
                "" => builder.text("$"),
                _ => builder.variable(name),
            }
            rest = after;
        }
        builder.text(rest);
        builder.finish(if is_escaped { Escaping::Hex } else { Escaping::None })
    }

    /// Reads an Apache pattern, with or without the directive around it: `LogFormat "…" name`. The fields
    /// are named as nginx names them. `None` where it has no variable or one that is unknown.
    #[must_use]
    pub fn apache(pattern: &str) -> Option<Self> {
        let pattern = apache_directive(pattern);
        let mut builder = Builder::default();
        let mut rest = pattern.as_str();
        while let Some(at) = rest.find('%') {
            builder.text(&rest[..at]);
            let (directive, after) = Directive::parse(&rest[at + 1..])?;
            match directive.letter {
                "%" => builder.text("%"),
                "t" if directive.argument.is_empty() => {
                    builder.text("[");
                    builder.variable("time_local");
                    builder.text("]");
                }
                _ => builder.variable(&directive.name()?),
            }
            rest = after;
        }
        builder.text(rest);
        builder.finish(Escaping::C)
    }

    /// The pattern as one of those that are tried where nobody gave one. An address, a logname and a user must look
    /// like such: what stands in their place in lines of another pattern may be anything, and is `ambiguous`.
    #[must_use]
    pub fn guessed(mut self) -> Self {
        for part in &mut self.parts {
            let Part::Variable { name, kind, .. } = part else {
                continue;
            };
            let bare = name.strip_prefix("note_").unwrap_or(name);
            *kind = kind.lone(bare);
            if matches!(kind, Kind::NoAddress | Kind::Columns) {
                "ambiguous".clone_into(name);
            }
        }
        self.close();
        // Nobody said what the lines are, and what is tried first is what they are taken for.
        self.open_from = None;
        self
    }

    /// Finds out which values cannot hold what ends them, and where the first is that a client may write it into.
    fn close(&mut self) {
        self.open_from = None;
        for at in 0..self.parts.len() {
            let stop = match self.parts.get(at + 1) {
                Some(Part::Text(stop)) => stop.clone(),
                _ => continue,
            };
            let is_quoted = self.is_quoted(at, &stop);
            let escaping = self.escaping;
            let Part::Variable {
                name,
                kind,
                is_closed,
            } = &mut self.parts[at]
            else {
                continue;
            };
            *is_closed =
                is_quoted && escaping != Escaping::None || escaping.parts(&stop) || !kind.may_hold(&stop);
            if !*is_closed && !kind::is_own(name, escaping == Escaping::C) {
                self.open_from.get_or_insert(at);
            }
        }
    }

    /// Whether a value stands in quotes.
    fn is_quoted(&self, at: usize, stop: &str) -> bool {
        stop.starts_with('"')
            && at > 0
            && matches!(&self.parts[at - 1], Part::Text(text) if text.ends_with('"'))
    }

    /// The fields of a line; `None` where it does not fit the pattern. Of one that a client's text lets divide in
    /// several ways, those that are the same in all of them, and the rest as `ambiguous`.
    #[must_use]
    pub fn fields<'l>(&'l self, line: &'l str) -> Option<Object<'l>> {
        let mut values = Vec::with_capacity(self.parts.len());
        if !self.divide(line, 0, &mut values, &mut Search::default()) {
            return None;
        }
        if let Some(open) = self.open_from
            && !self.divides_once(line)
        {
            return Some(self.sure_fields(line, open));
        }
        let mut fields = Object::with_capacity(values.len());
        for (name, value) in self.names().zip(values) {
            self.put(&mut fields, name, value);
        }
        Some(fields)
    }

    fn put<'l>(&'l self, fields: &mut Object<'l>, name: &'l str, value: &'l str) {
        let (name, value) = (Cow::Borrowed(name), Json::Text(self.decode(value)));
        match self.is_distinct {
            true => fields.push(name, value),
            false => drop(fields.insert(name, value)),
        }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The fields that no way to divide a line changes. What stands before the part from which on it is open is sure
    /// however many ways there are.
    fn sure_fields<'l>(&'l self, line: &'l str, open: usize) -> Object<'l> {
        let mut search = Search::behind(WAYS);
        let is_beyond = self.divide(line, 0, &mut Vec::new(), &mut search) || search.tries > TRIES;
        let n_sure = self.parts[..open]
            .iter()
            .filter(|part| matches!(part, Part::Variable { .. }))
            .count();
        let place = |value: &str| {
            let from = value.as_ptr() as usize - line.as_ptr() as usize;
            (from, from + value.len())
        };
        let (first, others) = search
            .passed_over
            .split_first()
            .map_or((&[][..], &[][..]), |(f, o)| (f, o));
        let is_sure = |nth: usize, value: &str| {
            nth < n_sure
                || !is_beyond
                    && others
                        .iter()
                        .all(|other| other.get(nth).is_some_and(|o| place(o) == place(value)))
        };
        let mut fields = Object::with_capacity(first.len() + 1);
        let mut unsure: Option<(usize, usize)> = None;
        for (nth, (name, value)) in self.names().zip(first).enumerate() {
            if is_sure(nth, value) {
                self.put(&mut fields, name, value);
                continue;
            }
            let ways = std::iter::once(&first[nth]).chain(others.iter().filter_map(|other| other.get(nth)));
            for (from, until) in ways.map(|way| place(way)) {
                let (least, most) = unsure.unwrap_or((from, until));
                unsure = Some((least.min(from), most.max(until)));
            }
        }
        if let Some((from, until)) = unsure {
            let until = if is_beyond { line.len() } else { until };
            fields.insert("ambiguous".into(), Json::Text(self.decode(&line[from..until])));
        }
        fields
    }

    /// Why a line fits none of the patterns: its time cannot be, or `otherwise`.
    #[must_use]
    pub fn misfit(patterns: &[Self], line: &str, otherwise: &str) -> RejectReason {
        let patterns = if has_like_time(line) { patterns } else { &[] };
        match patterns.iter().find_map(|pattern| pattern.impossible_time(line)) {
            Some(time) => RejectReason::field("time", format!("`{}` is no time", printable(&time, 60))),
            None => RejectReason::new(otherwise),
        }
    }

    /// The time of a line that would fit the pattern but for a time that cannot be: `31/Feb/2024:25:00:00 +0000`.
    fn impossible_time(&self, line: &str) -> Option<String> {
        let mut lenient = self.clone();
        let mut name = None;
        for part in &mut lenient.parts {
            if let Part::Variable {
                kind, name: found, ..
            } = part
                && *kind == Kind::Time
            {
                *kind = Kind::LikeTime;
                name = Some(found.clone());
            }
        }
        lenient.close();
        lenient.open_from = None;
        let fields = lenient.fields(line)?;
        fields.get(&name?)?.as_str().map(str::to_owned)
    }

    /// Whether a line fits the pattern.
    #[must_use]
    pub fn fits(&self, line: &str) -> bool {
        self.divide(line, 0, &mut Vec::new(), &mut Search::default())
    }

    /// Whether there is but one way to divide a line, as far as the tries tell.
    #[must_use]
    pub fn divides_once(&self, line: &str) -> bool {
        let mut second = Search::behind(1);
        let is_divided_again = self.divide(line, 0, &mut Vec::new(), &mut second);
        !is_divided_again && second.n_passed_over == 0 && second.tries <= TRIES
    }

    /// Divides a line from this part on. A variable ends where the text after it stands for the first time,
    /// or for a later time where the rest then does not fit.
    fn divide<'l>(
        &self,
        line: &'l str,
        at: usize,
        values: &mut Vec<&'l str>,
        search: &mut Search<'l>,
    ) -> bool {
        let (kind, is_closed) = match self.parts.get(at) {
            None => return line.is_empty() && search.is_wanted(values),
            Some(Part::Text(text)) => {
                return line
                    .strip_prefix(text.as_str())
                    .is_some_and(|rest| self.divide(rest, at + 1, values, search));
            }
            Some(Part::Variable { kind, is_closed, .. }) => (*kind, *is_closed),
        };
        let Some(Part::Text(stop)) = self.parts.get(at + 1) else {
            return self.last_value(line, at, kind, values, search);
        };
        let is_quoted = self.is_quoted(at, stop);
        let mut from = 0;
        loop {
            search.tries += 1;
            let end = match self.find(line, from, stop, is_quoted) {
                Some(end) if search.tries <= TRIES => end,
                _ => return false,
            };
            if kind.fits(&line[..end]) {
                let n = values.len();
                values.push(&line[..end]);
                if self.divide(&line[end + stop.len()..], at + 2, values, search) {
                    return true;
                }
                values.truncate(n);
            }
            if is_closed {
                return false;
            }
            from = end + 1;
            while !line.is_char_boundary(from) {
                from += 1;
            }
        }
    }

    fn last_value<'l>(
        &self,
        line: &'l str,
        at: usize,
        kind: Kind,
        values: &mut Vec<&'l str>,
        search: &mut Search<'l>,
    ) -> bool {
        let is_last = at + 1 == self.parts.len();
        if !is_last || !kind.fits(line) {
            return false;
        }
        values.push(line);
        let is_wanted = search.is_wanted(values);
        if !is_wanted {
            values.pop();
        }
        is_wanted
    }

    /// Where the text after a variable stands; within quotes an escaped quote is none.
    fn find(&self, line: &str, from: usize, stop: &str, is_quoted: bool) -> Option<usize> {
        let bytes = line.as_bytes();
        if !is_quoted || self.escaping == Escaping::None {
            let rest = bytes.get(from..)?;
            let mut begins = memchr::memchr_iter(*stop.as_bytes().first()?, rest);
            return begins
                .find(|at| rest[*at..].starts_with(stop.as_bytes()))
                .map(|at| from + at);
        }
        let mut at = from;
        loop {
            at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
            match bytes[at] {
                b'\\' => at += 2,
                _ if line[at..].starts_with(stop) => return Some(at),
                // An unescaped quote ends the value: nothing behind it can belong to it.
                _ => return None,
            }
        }
    }

    fn decode<'v>(&self, value: &'v str) -> Cow<'v, str> {
        if self.escaping == Escaping::None || !value.contains('\\') {
            return Cow::Borrowed(value);
        }
        let bytes = value.as_bytes();
        let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
        while at < bytes.len() {
            let (byte, len) = match (bytes[at], bytes.get(at + 1)) {
                (b'\\', Some(b'x')) => match bytes.get(at + 2..at + 4).and_then(hex_byte) {
                    Some(byte) => (byte, 4),
                    None => (b'\\', 1),
                },
                (b'\\', Some(next)) if self.escaping == Escaping::C => match c_escape(*next) {
                    Some(byte) => (byte, 2),
                    None => (b'\\', 1),
                },
                (byte, _) => (byte, 1),
            };
            out.push(byte);
            at += len;
        }
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }
}

const fn c_escape(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' => letter,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'b' => 0x08,
        b'a' => 0x07,
        _ => return None,
    })
}

/// What a value must look like, for patterns that are read elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Any,
    /// Digits, a decimal point, or `-`.
    Number,
    /// No spaces.
    Word,
}

/// The parts of a pattern that is read elsewhere, in their order. Nothing is escaped in its lines.
#[derive(Clone, Default)]
pub struct Pieces(Builder);

impl Pieces {
    pub fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    pub fn variable(&mut self, name: &str, value: Value) {
        let kind = match value {
            Value::Any => Kind::Any,
            Value::Number => Kind::Number,
            Value::Word => Kind::Word,
        };
        self.0.parts.push(Part::variable(name, kind));
    }

    /// `None` where it has no variable, or two without a text between them.
    pub fn finish(self) -> Option<LogFormat> {
        let mut format = self.0.finish(Escaping::None)?;
        // Whoever read the pattern knows what is a client's.
        format.open_from = None;
        Some(format)
    }
}

#[derive(Clone, Default)]
struct Builder {
    parts: Vec<Part>,
}

impl Builder {
    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn variable(&mut self, name: &str) {
        self.parts.push(Part::variable(name, Kind::of(name)));
    }

    /// Two variables without a text between them cannot be told apart.
    fn finish(mut self, escaping: Escaping) -> Option<LogFormat> {
        for part in &mut self.parts {
            // Apache takes methods of nearly any characters.
            if let Part::Variable { name, kind, .. } = part
                && name == "request_method"
                && escaping == Escaping::C
            {
                *kind = Kind::Word;
            }
        }
        let is_variable = |part: &Part| matches!(part, Part::Variable { .. });
        let is_clear = !self.parts.windows(2).any(|pair| pair.iter().all(is_variable));
        let has_some = self.parts.iter().any(is_variable);
        let mut names = HashSet::new();
        let is_distinct = self.parts.iter().all(|part| match part {
            Part::Variable { name, .. } => names.insert(name.clone()),
            Part::Text(_) => true,
        });
        let mut format = LogFormat {
            parts: self.parts,
            escaping,
            is_distinct,
            open_from: None,
        };
        format.close();
        (is_clear && has_some).then_some(format)
    }
}

/// The pattern within an nginx directive.
#[must_use]
pub fn nginx_pattern(text: &str) -> String {
    nginx_directive(text).0
}

/// The pattern within an nginx directive, and whether values are escaped.
fn nginx_directive(text: &str) -> (String, bool) {
    let text = text.trim();
    let Some(rest) = text
        .strip_prefix("log_format")
        .filter(|r| r.starts_with(char::is_whitespace))
    else {
        return (text.to_owned(), true);
    };
    let rest = rest.trim().trim_end_matches(';');
    let quotes = rest.find(['\'', '"']).unwrap_or(rest.len());
    let is_escaped = !rest[..quotes].contains("escape=none");
    (quoted_parts(&rest[quotes..]), is_escaped)
}

/// The texts within quotes, joined, as the server joins them.
fn quoted_parts(text: &str) -> String {
    let (mut out, mut quote, mut chars) = (String::new(), None, text.chars());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (None, _) => {}
            (Some(_), '\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(next) => out.push(next),
                None => {}
            },
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => out.push(c),
        }
    }
    out
}

/// The pattern within an Apache directive.
fn apache_directive(text: &str) -> String {
    let text = text.trim();
    let Some(rest) = text
        .strip_prefix("LogFormat")
        .or_else(|| text.strip_prefix("CustomLog"))
    else {
        return text.replace("\\\"", "\"");
    };
    let rest = rest.trim();
    let mut end = None;
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    quoted_parts(&rest[..end.map_or(rest.len(), |end| end + 1)])
}

/// One `%` directive of an Apache pattern.
struct Directive<'p> {
    argument: &'p str,
    letter: &'p str,
}

impl<'p> Directive<'p> {
    /// Reads what stands after the `%`: conditions on the status, `<` or `>`, an argument, the letter.
    fn parse(text: &'p str) -> Option<(Self, &'p str)> {
        let rest =
            text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '!' | '<' | '>'));
        let (argument, rest) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", rest),
        };
        let len = if rest.starts_with('^') { 3 } else { 1 };
        Some((
            Self {
                argument,
                letter: rest.get(..len)?,
            },
            rest.get(len..)?,
        ))
    }

    /// The field's name, as nginx would name it.
    fn name(&self) -> Option<String> {
        let named = |prefix: &str| {
            Some(format!(
                "{prefix}{}",
                self.argument.to_ascii_lowercase().replace('-', "_")
            ))
        };
        let fixed = match (self.letter, self.argument) {
            ("a", "") | ("h", _) => "remote_addr",
            ("a", _) => "peer_addr",
            ("A", _) => "server_addr",
            ("l", _) => "remote_logname",
            ("u", _) => "remote_user",
            ("t", "sec") => "sec",
            ("t", "msec") => "msec_epoch",
            ("t", "usec") => "usec_epoch",
            ("t", "msec_frac") => "msec_frac",
            ("t", "usec_frac") => "usec_frac",
            ("t", _) => "time_custom",
            ("r", _) => "request",
            ("s", _) => "status",
            ("b" | "B", _) => "body_bytes_sent",
            ("O", _) => "bytes_sent",
            ("I", _) => "bytes_received",
            ("S", _) => "bytes_total",
            ("D", _) | ("T", "us") => "request_time_us",
            ("T", "ms") => "request_time_ms",
            ("T", _) => "request_time",
            ("v", _) => "server_name",
            ("V", _) => "host",
            ("p", "remote") => "remote_port",
            ("p", _) => "server_port",
            ("P", "tid" | "hextid") => "tid",
            ("P", _) => "pid",
            ("m", _) => "request_method",
            ("U", _) => "uri",
            ("q", _) => "args",
            ("H", _) => "server_protocol",
            ("X", _) => "connection_status",
            ("k", _) => "connection_requests",
            ("f", _) => "request_filename",
            ("L", _) => "log_id",
            ("R", _) => "handler",
            ("i", _) => return named("http_"),
            ("o", _) => return named("sent_http_"),
            ("C", _) => return named("cookie_"),
            ("e", _) => return named("env_"),
            ("n", _) => return named("note_"),
            ("^ti", _) => return named("trailer_"),
            ("^to", _) => return named("sent_trailer_"),
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

    fn show(format: Option<LogFormat>, line: &str) -> Option<String> {
        format?
            .fields(line)
            .map(|map| serde_json::to_string(&map).unwrap_or_default())
    }

    #[test]
    fn nginx_values_are_unescaped_and_cannot_forge_fields() {
        let line = r#"10.0.0.1 - a [b] "c [23/May/2014:10:00:00 +0000] "GET /\x22x HTTP/1.1" 200 5 "-" "\xC3\xA9\x5C""#;
        let shown = show(LogFormat::nginx(COMBINED), &line.replace("\"c [23", "c [23")).unwrap_or_default();
        assert_eq!(
            shown,
            r#"{"remote_addr":"10.0.0.1","remote_user":"a [b] c","time_local":"23/May/2014:10:00:00 +0000","request":"GET /\"x HTTP/1.1","status":"200","body_bytes_sent":"5","http_referer":"-","http_user_agent":"é\\"}"#
        );
        assert_eq!(show(LogFormat::nginx(COMBINED), line.trim_end_matches('"')), None);
    }

    #[test]
    fn apache_values_are_unescaped() {
        let format = LogFormat::apache(
            r#"LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D" vhost"#,
        );
        let line = r#"www.example:443 10.0.0.1 - - [23/May/2014:10:00:00 +0000] "GET /\"\\\x41 HTTP/1.1" 200 5 "-" "a\tb\q" 1234"#;
        let shown = show(format, line).unwrap_or_default();
        assert!(shown.contains(r#""request":"GET /\"\\A HTTP/1.1""#), "{shown}");
        assert!(
            shown.contains(r#""http_user_agent":"a\tb\\q","request_time_us":"1234""#),
            "{shown}"
        );
    }

    #[test]
    fn directives_are_read_as_they_stand_in_the_configuration() {
        let whole =
            LogFormat::nginx("log_format main '$remote_addr [$time_local] '\n  '\"$request\" $status';");
        assert_eq!(
            whole,
            LogFormat::nginx(r#"$remote_addr [$time_local] "$request" $status"#)
        );
        assert!(LogFormat::nginx("log_format x escape=none '${host}-$status';").is_some());
        assert_eq!(LogFormat::nginx("no variable"), None);
        assert_eq!(LogFormat::nginx("$a$b"), None);
        assert_eq!(LogFormat::apache("%Z"), None);
    }

    #[test]
    fn what_a_client_wrote_divides_no_line_anew() {
        let pattern = "$msec|$request_uri|$status|$http_user_agent";
        for (line, expected) in [
            (
                "1.5|/a|200|curl",
                r#"{"msec":"1.5","request_uri":"/a","status":"200","http_user_agent":"curl"}"#,
            ),
            (
                "1.5|/a|200|x|404|curl",
                r#"{"msec":"1.5","ambiguous":"/a|200|x|404|curl"}"#,
            ),
            (
                "1.5|/a|200|x|y",
                r#"{"msec":"1.5","request_uri":"/a","status":"200","http_user_agent":"x|y"}"#,
            ),
        ] {
            assert_eq!(
                show(LogFormat::nginx(pattern), line).as_deref(),
                Some(expected),
                "{line}"
            );
        }
        // What stands behind it is as sure where it cannot be anything else.
        assert_eq!(
            show(
                LogFormat::nginx("$request_uri|$host|$status|$msec"),
                "/a|b|c|200|1.5"
            )
            .as_deref(),
            Some(r#"{"status":"200","msec":"1.5","ambiguous":"/a|b|c"}"#)
        );
        let many = format!("1.5|{}", "x|200|".repeat(1_000));
        let told = show(LogFormat::nginx(pattern), &many).unwrap_or_default();
        assert!(told.starts_with(r#"{"msec":"1.5","ambiguous":"x|200|"#), "{told}");
        // Quotes and tabs are escaped in values.
        for pattern in [
            "$msec\t$request_uri\t$status\t$http_user_agent",
            r#"$msec "$request_uri" "$status" "$http_user_agent""#,
        ] {
            assert_eq!(
                LogFormat::nginx(pattern).and_then(|format| format.open_from),
                None,
                "{pattern}"
            );
        }
    }

    #[test]
    fn hostile_lines_end_soon() {
        let Some(format) = LogFormat::nginx("$a $b $c $d $e $f $g $h $i [$time_local]") else {
            return;
        };
        assert_eq!(format.fields(&"x ".repeat(10_000)), None);
    }
}
