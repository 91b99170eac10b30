//! The log on standard error: a prefix that the administrator chose, a severity, the message, and lines
//! that go on after a tab.

use super::entry::{Entry, Part};
use crate::{Error, RejectReason};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// Severities that begin a record, in the languages that servers are often run in.
const PRIMARY: &str = "DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|FEHLER|WARNUNG|HINWEIS|ERREUR|ATTENTION|ERRORE|ОШИБКА|BŁĄD|エラー|错误";
/// Lines that belong to the record before them.
const ATTACHED: &str =
    "DETAIL|HINT|QUERY|CONTEXT|STATEMENT|LOCATION|BACKTRACE|ANWEISUNG|TIPP|ZUSAMMENHANG|INSTRUCTION|CONTEXTE";

const TIME: &str = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{3})? [A-Za-z+\-][A-Za-z0-9_/+\-:]*";

/// Prefixes that are tried where none is given, the more telling ones first.
const KNOWN: &[&str] = &[
    "%m [%p] %c %l %q%u@%d ",
    "%m [%p] %q%u@%d ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %q%u@%d/%a ",
    "%t [%p]: [%l-1] %q%u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "%t:%r:%u@%d:[%p]:",
    "%m [%p]: [%l-1] ",
    "%t [%p]: [%l-1] ",
    "%t-%c-",
    "%m [%p] ",
    "%t [%p] ",
    "%m ",
    "%t ",
];

/// The first severity of a line, and whether it begins a record.
static SEVERITY: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    match regex::bytes::Regex::new(&format!(
        r"(?:^|[^A-Za-z])(?:(?P<primary>{PRIMARY})|(?P<attached>{ATTACHED})): {{1,2}}"
    )) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
});

/// Any prefix that begins with a time: what else it says is found by its looks.
static ANY: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(
        r"(?s)^(?:< ?)?(?P<timestamp>{TIME})(?P<rest>.*?)\b(?P<severity>{PRIMARY}|{ATTACHED}): {{1,2}}(?P<message>.*)$"
    ))
});
/// What the host's log brings: it has the time itself.
static BARE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(
        r"(?s)^(?P<rest>.*?)(?:^|\b)(?P<severity>{PRIMARY}|{ATTACHED}): {{1,2}}(?P<message>.*)$"
    ))
});
static PID: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[(?P<pid>\d+)(?:-(?P<line>\d+))?\]"));
static LINE: LazyLock<Regex> = LazyLock::new(|| fixed(r"\[(?P<line>\d+)-1\]"));
static AT: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?:^|\s)(?P<user>[^\s@=,\[\]]+)@(?P<database>[^\s@,:\[\]]+)"));
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?P<name>user|usr|db|database|app|application|client|host|remote|session|sid|vxid|xid|line|pid)=(?P<value>[^,\s]*)",
    )
});

fn fixed(pattern: &str) -> Regex {
    match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("the pattern is fixed: {error}"),
    }
}

/// Whether a line begins a record.
pub fn begins(line: &[u8]) -> bool {
    !line.starts_with(b"\t")
        && SEVERITY
            .captures(line)
            .is_none_or(|found| found.name("primary").is_some())
}

/// Whether a line has a severity that begins a record.
pub fn has_severity(line: &str) -> bool {
    let found = SEVERITY.captures(line.as_bytes());
    !line.starts_with('\t') && found.is_some_and(|found| found.name("primary").is_some())
}

/// Whether a line looks like one of this log: a time, and a severity behind it.
pub fn looks_like(line: &[u8]) -> bool {
    line.starts_with(b"\t") || std::str::from_utf8(line).is_ok_and(|line| ANY.is_match(line))
}

/// A `log_line_prefix`, made ready to match lines.
struct Prefix(Regex);

impl Prefix {
    /// # Errors
    /// Where the prefix has an escape that no version knows.
    fn compile(prefix: &str) -> Result<Self, String> {
        let mut pattern = String::from("(?s)^");
        let mut chars = prefix.chars();
        let (mut is_optional, mut seen) = (false, String::new());
        while let Some(c) = chars.next() {
            if c != '%' {
                pattern.push_str(&regex::escape(&c.to_string()));
                continue;
            }
            let escape = chars
                .by_ref()
                .find(|c| !c.is_ascii_digit() && *c != '-')
                .unwrap_or('%');
            if escape == 'q' && !is_optional {
                (is_optional, pattern) = (true, pattern + "(?:");
                continue;
            }
            pattern.push_str(
                &group(escape, seen.contains(escape))
                    .ok_or_else(|| format!("`%{escape}` is no escape of log_line_prefix"))?,
            );
            seen.push(escape);
        }
        if is_optional {
            pattern.push_str(")?");
        }
        pattern.push_str(&format!(
            r"\s*(?P<severity>{PRIMARY}|{ATTACHED}): {{1,2}}(?P<message>.*)$"
        ));
        Regex::new(&pattern).map(Self).map_err(|e| e.to_string())
    }
}

/// The pattern of an escape; a second occurrence is matched, but not taken.
fn group(escape: char, is_repeated: bool) -> Option<String> {
    let (name, pattern) = match escape {
        't' | 'm' => ("timestamp", TIME),
        'n' => ("timestamp", r"\d{9,10}\.\d{3}"),
        'p' => ("pid", r"\d+"),
        'P' => ("leader", r"\d*"),
        'l' => ("line", r"\d+"),
        'c' => ("session", r"[0-9a-f]+\.[0-9a-f]+"),
        's' => ("start", TIME),
        'u' => ("user", r".*?"),
        'd' => ("database", r".*?"),
        'a' => ("application", r".*?"),
        'b' => ("backend", r".*?"),
        'i' => ("ps", r".*?"),
        'h' => ("host", r"[^\s,()]*?"),
        'r' => ("remote", r"[^\s,()]*?(?:\(\d+\))?"),
        'L' => ("local", r"[^\s,()]*?"),
        'v' => ("vxid", r"[0-9/]*"),
        'x' => ("txid", r"\d+"),
        'e' => ("state", r"[0-9A-Z]{5}"),
        'Q' => ("query", r"-?\d+"),
        '%' => return Some("%".to_owned()),
        _ => return None,
    };
    let name = if is_repeated {
        String::new()
    } else {
        format!("?P<{name}>")
    };
    let open = if is_repeated { "(?:" } else { "(" };
    Some(format!("{open}{name}{pattern})"))
}

/// [`KNOWN`], compiled once.
static KNOWN_PREFIXES: LazyLock<Vec<Prefix>> = LazyLock::new(|| {
    KNOWN
        .iter()
        .filter_map(|prefix| Prefix::compile(prefix).ok())
        .collect()
});

/// Reads the records of one file; the prefix that fitted last is tried first.
pub struct Lines {
    /// The prefix that a person gave; without one, those that are known are tried, and at last one is read by its
    /// looks.
    given: Option<Vec<Prefix>>,
    last: usize,
    /// Whether the host's log brings the lines: their prefix may leave out the time.
    is_handed: bool,
}

impl Lines {
    /// # Errors
    /// Where the given prefix cannot be understood.
    pub fn new(given: Option<&str>) -> Result<Self, Error> {
        let compile = |text| Prefix::compile(text).map(|prefix| vec![prefix]);
        let given = given.map(compile).transpose().map_err(|why| Error::Option {
            option: "log_format".into(),
            why,
        })?;
        Ok(Self {
            given,
            last: 0,
            is_handed: false,
        })
    }

    /// Lines in the host's log.
    pub const fn handed() -> Self {
        Self {
            given: None,
            last: 0,
            is_handed: true,
        }
    }

    /// Reads a record of one or more lines; its time stays as it is written.
    ///
    /// # Errors
    /// A reject where the first line has no prefix that fits, or is a continuation of nothing.
    pub fn parse<'a>(&mut self, text: &'a str) -> Result<Entry<'a>, RejectReason> {
        let mut sections: Vec<(Part, String)> = Vec::new();
        let mut entry = Entry::default();
        for (n, line) in text.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if n == 0 {
                let (first, message) = self.first(line)?;
                entry = first;
                sections.push((Part::Message, message));
            } else if let Some((part, rest)) = self.attached(line) {
                entry.n_lines += 1;
                sections.push((part, rest));
            } else if let Some((_, section)) = sections.last_mut() {
                section.push('\n');
                section.push_str(line.strip_prefix('\t').unwrap_or(line));
            }
        }
        for (part, section) in sections {
            entry.set(part, section);
        }
        Ok(entry)
    }

    fn first<'a>(&mut self, line: &'a str) -> Result<(Entry<'a>, String), RejectReason> {
        if line.starts_with('\t') {
            return Err(RejectReason::new(
                "a continuation line without the record that it continues",
            ));
        }
        let Some(found) = self.matching(line) else {
            return Err(RejectReason::new(
                "no known log_line_prefix fits this line; give the server's with the option log_format",
            ));
        };
        let severity = found.name("severity").map_or("", |m| m.as_str());
        if attached_part(severity).is_some() {
            return Err(RejectReason::new(format!(
                "a {severity} line without the record that it belongs to"
            )));
        }
        let mut entry = Entry {
            n_lines: 1,
            ..Entry::default()
        };
        entry.set(Part::ErrorSeverity, severity);
        match found.name("rest") {
            Some(rest) => guess(&mut entry, rest.as_str()),
            None => fill(&mut entry, &found),
        }
        if let Some(at) = found.name("timestamp") {
            entry.set(Part::Timestamp, at.as_str());
        }
        Ok((
            entry,
            found
                .name("message")
                .map_or(String::new(), |m| m.as_str().to_owned()),
        ))
    }

    fn attached(&mut self, line: &str) -> Option<(Part, String)> {
        if line.starts_with('\t') {
            return None;
        }
        let found = self.matching(line)?;
        let part = attached_part(found.name("severity")?.as_str())?;
        Some((part, found.name("message")?.as_str().to_owned()))
    }

    fn matching<'a>(&mut self, line: &'a str) -> Option<Captures<'a>> {
        let prefixes = self.given.as_ref().unwrap_or(&KNOWN_PREFIXES);
        if let Some(found) = prefixes.get(self.last).and_then(|p| p.0.captures(line)) {
            return Some(found);
        }
        for (n, prefix) in prefixes.iter().enumerate() {
            if let Some(found) = prefix.0.captures(line) {
                self.last = n;
                return Some(found);
            }
        }
        let any = || ANY.captures(line);
        let bare = || self.is_handed.then(|| BARE.captures(line)).flatten();
        self.given.is_none().then(|| any().or_else(bare)).flatten()
    }
}

fn attached_part(severity: &str) -> Option<Part> {
    Some(match severity {
        "DETAIL" => Part::Detail,
        "HINT" | "TIPP" => Part::Hint,
        "QUERY" => Part::InternalQuery,
        "CONTEXT" | "CONTEXTE" | "ZUSAMMENHANG" => Part::Context,
        "STATEMENT" | "ANWEISUNG" | "INSTRUCTION" => Part::Statement,
        "LOCATION" | "BACKTRACE" => Part::FileName,
        _ => return None,
    })
}

fn fill<'a>(entry: &mut Entry<'a>, found: &Captures<'a>) {
    for (name, part) in [
        ("pid", Part::Pid),
        ("leader", Part::LeaderPid),
        ("line", Part::LineNum),
        ("session", Part::SessionId),
        ("start", Part::SessionStart),
        ("user", Part::User),
        ("database", Part::Dbname),
        ("application", Part::ApplicationName),
        ("backend", Part::BackendType),
        ("ps", Part::Ps),
        ("vxid", Part::Vxid),
        ("txid", Part::Txid),
        ("state", Part::StateCode),
        ("query", Part::QueryId),
    ] {
        if let Some(value) = found.name(name) {
            entry.set(part, known(value.as_str()));
        }
    }
    for name in ["host", "remote"] {
        if let Some(value) = found.name(name).filter(|m| !known(m.as_str()).is_empty()) {
            entry.set_remote(Cow::Borrowed(value.as_str()));
        }
    }
}

/// What the server writes where it does not know.
fn known(value: &str) -> &str {
    if matches!(value, "[unknown]" | "[none]") {
        ""
    } else {
        value
    }
}

/// Finds what an unknown prefix says by its looks: `[pid]`, `user@database`, `name=value`.
fn guess<'a>(entry: &mut Entry<'a>, rest: &'a str) {
    if let Some(found) = PID.captures(rest) {
        fill(entry, &found);
    }
    if let Some(found) = LINE.captures(rest).or_else(|| AT.captures(rest)) {
        fill(entry, &found);
    }
    for found in NAMED.captures_iter(rest) {
        let (Some(name), Some(value)) = (found.name("name"), found.name("value")) else {
            continue;
        };
        let value = known(value.as_str());
        match name.as_str() {
            "user" | "usr" => entry.set(Part::User, value),
            "db" | "database" => entry.set(Part::Dbname, value),
            "app" | "application" => entry.set(Part::ApplicationName, value),
            "client" | "host" | "remote" => entry.set_remote(Cow::Borrowed(value)),
            "session" | "sid" => entry.set(Part::SessionId, value),
            "vxid" => entry.set(Part::Vxid, value),
            name if value.bytes().all(|b| b.is_ascii_digit()) => {
                entry.set(
                    if name == "pid" {
                        Part::Pid
                    } else if name == "line" {
                        Part::LineNum
                    } else {
                        Part::Txid
                    },
                    value,
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::entry::checked;
    use super::super::time::Clock;
    use super::*;
    use jiff::tz::TimeZone;

    fn parse<'a>(given: Option<&str>, text: &'a str) -> Result<Entry<'a>, RejectReason> {
        let entry = Lines::new(given).unwrap().parse(text)?;
        checked(entry, &mut Clock::new(TimeZone::UTC), None)
    }

    #[test]
    fn common_prefixes_are_recognized() {
        for text in [
            "2014-05-23 10:00:00.123 UTC [77] app@music LOG:  hi",
            "2014-05-23 10:00:00 UTC [77]: [3-1] user=app,db=music,app=web,client=10.0.0.5 LOG:  hi",
            "2014-05-23 10:00:00 UTC:10.0.0.5(40000):app@music:[77]:LOG:  hi",
            "2014-05-23 10:00:00.123 UTC [77] pid=77 user=app db=music from x LOG:  hi",
            "2014-05-23 10:00:00.123 UTC [77] 537f1f2a.4d 9 app@music LOG:  hi",
        ] {
            let entry = parse(None, text).unwrap();
            let seen = [
                Part::Pid,
                Part::User,
                Part::Dbname,
                Part::Message,
                Part::ErrorSeverity,
            ]
            .map(|p| entry.get(p).to_owned());
            assert_eq!(seen, ["77", "app", "music", "hi", "LOG"], "{text}");
        }
        let background = parse(
            None,
            "2014-05-23 10:00:00.123 UTC [77] LOG:  checkpoint starting: time",
        )
        .unwrap();
        assert_eq!(background.opt(Part::User), None);
    }

    #[test]
    fn given_prefixes_are_followed() {
        let entry = parse(
            Some("%m|%u|%d|%r|%c|%l|%e|%v "),
            "2014-05-23 10:00:00.123 UTC|app|music|fd00::5(40000)|537f1f2a.4d|9|57014|3/17 ERROR:  canceling",
        )
        .unwrap();
        assert_eq!(entry.get(Part::RemoteHost), "fd00::5");
        assert_eq!(
            (entry.number(Part::RemotePort), entry.number(Part::LineNum)),
            (Some(40000), Some(9))
        );
        assert_eq!(
            (entry.get(Part::StateCode), entry.get(Part::Vxid)),
            ("57014", "3/17")
        );
        assert!(Lines::new(Some("%y")).is_err());
    }

    #[test]
    fn attached_and_continued_lines_join_their_record() {
        let head = "2014-05-23 10:00:00.123 UTC [77] app@music ";
        let text =
            format!("{head}ERROR:  bad\n\tworse\n{head}DETAIL:  why\n{head}STATEMENT:  SELECT\n\t\n\t  1");
        let entry = parse(None, &text).unwrap();
        assert_eq!(entry.get(Part::Message), "bad\nworse");
        assert_eq!(
            (entry.get(Part::Detail), entry.get(Part::Statement)),
            ("why", "SELECT\n\n  1")
        );
        assert_eq!(entry.n_lines, 3);
        assert!(begins(head.replace("app@music ", "LOG:  x").as_bytes()));
        assert!(!begins(format!("{head}STATEMENT:  x").as_bytes()) && !begins(b"\tx"));
        assert!(begins(
            format!("{head}LOG:  statement: select 'DETAIL:  x'").as_bytes()
        ));
        assert!(parse(None, "\tlost").is_err() && parse(None, &format!("{head}HINT:  lost")).is_err());
    }
}
