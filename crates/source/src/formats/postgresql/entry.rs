//! One record of PostgreSQL's log, whichever of its three forms it came in.

use super::time::Clock;
use crate::RejectReason;
use crate::csv::{self, Dialect};
use ambit_event::Timestamp;
use serde_json::Value;
use std::borrow::Cow;

/// The parts of a record under the names of the JSON log (the only form that names them), in its order.
pub const NAMES: [&str; 29] = [
    "timestamp",
    "user",
    "dbname",
    "pid",
    "remote_host",
    "remote_port",
    "session_id",
    "line_num",
    "ps",
    "session_start",
    "vxid",
    "txid",
    "error_severity",
    "state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_position",
    "context",
    "statement",
    "cursor_position",
    "func_name",
    "file_name",
    "file_line_num",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];

/// The place of a part in [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Part {
    Timestamp,
    User,
    Dbname,
    Pid,
    RemoteHost,
    RemotePort,
    SessionId,
    LineNum,
    Ps,
    SessionStart,
    Vxid,
    Txid,
    ErrorSeverity,
    StateCode,
    Message,
    Detail,
    Hint,
    InternalQuery,
    InternalPosition,
    Context,
    Statement,
    CursorPosition,
    FuncName,
    FileName,
    FileLineNum,
    ApplicationName,
    BackendType,
    LeaderPid,
    QueryId,
}

/// Parts that are numbers in the JSON log, as [`Part::is_number`] tells.
const NUMBERS: &[Part] = &[
    Part::Pid,
    Part::RemotePort,
    Part::LineNum,
    Part::Txid,
    Part::InternalPosition,
    Part::CursorPosition,
    Part::FileLineNum,
    Part::LeaderPid,
    Part::QueryId,
];

impl Part {
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Pid
                | Self::RemotePort
                | Self::LineNum
                | Self::Txid
                | Self::InternalPosition
                | Self::CursorPosition
                | Self::FileLineNum
                | Self::LeaderPid
                | Self::QueryId
        )
    }
}

/// One record. A part that is absent is an empty text: no part can be present and empty, but for a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    pub at: Timestamp,
    pub precision: i64,
    pub parts: [Cow<'a, str>; 29],
    /// Parts that only newer versions than 16 have, under their name or their column's number.
    pub extra: Vec<(String, String)>,
    /// Lines with a prefix of their own that the record took; counts where the prefix numbers lines.
    pub n_lines: i64,
}

impl<'a> Entry<'a> {
    pub fn get(&self, part: Part) -> &str {
        &self.parts[part as usize]
    }

    /// The part, `None` where it is absent.
    pub fn opt(&self, part: Part) -> Option<&str> {
        Some(self.get(part)).filter(|t| !t.is_empty())
    }

    pub fn number(&self, part: Part) -> Option<i64> {
        self.get(part).parse().ok()
    }

    pub fn set(&mut self, part: Part, value: impl Into<Cow<'a, str>>) {
        self.parts[part as usize] = value.into();
    }

    /// `host:port`, `host(port)`, `[local]`.
    pub fn set_remote(&mut self, text: Cow<'a, str>) {
        let split = match text.strip_suffix(')') {
            Some(inner) => inner.rsplit_once('('),
            None => text.rsplit_once(':'),
        };
        match split.map(|(host, port)| (host.to_owned(), port.to_owned())) {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => {
                self.set(Part::RemoteHost, host);
                self.set(Part::RemotePort, port);
            }
            _ => self.set(Part::RemoteHost, text),
        }
    }
}

/// Where the columns of a CSV record go; `None` for those that are taken apart.
const CSV: [Option<Part>; 26] = [
    Some(Part::Timestamp),
    Some(Part::User),
    Some(Part::Dbname),
    Some(Part::Pid),
    None, // connection_from
    Some(Part::SessionId),
    Some(Part::LineNum),
    Some(Part::Ps),
    Some(Part::SessionStart),
    Some(Part::Vxid),
    Some(Part::Txid),
    Some(Part::ErrorSeverity),
    Some(Part::StateCode),
    Some(Part::Message),
    Some(Part::Detail),
    Some(Part::Hint),
    Some(Part::InternalQuery),
    Some(Part::InternalPosition),
    Some(Part::Context),
    Some(Part::Statement),
    Some(Part::CursorPosition),
    None, // location
    Some(Part::ApplicationName),
    Some(Part::BackendType),
    Some(Part::LeaderPid),
    Some(Part::QueryId),
];

/// Fewest columns of any version that writes CSV (8.4; 9.0 has 23, 13 has 24, 14 and later 26).
const FEWEST: usize = 22;
/// More columns than this are no version's, however new.
const MOST: usize = 40;

/// Reads a CSV record.
///
/// # Errors
/// A reject where the number of columns fits no version or a column that everything rests on is no number.
pub fn parse_csv<'a>(text: &'a str, clock: &mut Clock) -> Result<Entry<'a>, RejectReason> {
    let fields = csv::fields(text, Dialect::default())
        .ok_or_else(|| RejectReason::new("the quotes of this CSV record do not end"))?;
    if !(FEWEST..=MOST).contains(&fields.len()) {
        return Err(RejectReason::new(format!(
            "a CSV log record has 22 to 26 columns, this one has {}; was it cut off?",
            fields.len()
        )));
    }
    let mut entry = Entry {
        n_lines: 1,
        ..Entry::default()
    };
    for (n, field) in fields.into_iter().enumerate().filter(|(_, f)| !f.is_empty()) {
        match (CSV.get(n), n) {
            (Some(Some(part)), _) => entry.set(*part, field),
            (_, 4) => entry.set_remote(field),
            (_, 21) => set_location(&mut entry, &field),
            _ => entry
                .extra
                .push((format!("column_{}", n + 1), field.into_owned())),
        }
    }
    checked(entry, clock, None)
}

/// `exec_simple_query, postgres.c:1034`
fn set_location(entry: &mut Entry<'_>, location: &str) {
    let (function, file) = location.split_once(", ").unwrap_or(("", location));
    let (file, line) = file.rsplit_once(':').unwrap_or((file, ""));
    entry.set(Part::FuncName, function.to_owned());
    entry.set(Part::FileName, file.to_owned());
    entry.set(Part::FileLineNum, line.to_owned());
}

/// Reads a JSON record.
///
/// # Errors
/// A reject where it is no JSON object or lacks time or severity.
pub fn parse_json<'a>(text: &str, clock: &mut Clock) -> Result<Entry<'a>, RejectReason> {
    let object = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(RejectReason::new("a JSON log record is an object")),
        Err(error) => return Err(RejectReason::new(format!("no JSON: {error}"))),
    };
    let mut entry = Entry {
        n_lines: 1,
        ..Entry::default()
    };
    for (name, value) in object {
        let value = match value {
            Value::String(text) => text,
            Value::Null => continue,
            other => other.to_string(),
        };
        match NAMES.iter().position(|n| *n == name) {
            Some(place) => entry.parts[place] = Cow::Owned(value),
            None => entry.extra.push((name, value)),
        }
    }
    checked(entry, clock, None)
}

/// Sets the time and makes the forms alike: what one leaves out, another writes as zero.
///
/// A record that the host's log brings without a time that can be read has the one of that log, `received`.
///
/// # Errors
/// Where time or severity is missing or malformed.
pub fn checked<'a>(
    mut entry: Entry<'a>,
    clock: &mut Clock,
    received: Option<(Timestamp, i64)>,
) -> Result<Entry<'a>, RejectReason> {
    (entry.at, entry.precision) = match (clock.read(entry.get(Part::Timestamp)), received) {
        (Ok(written), _) | (Err(_), Some(written)) => written,
        (Err(why), None) => return Err(why),
    };
    if entry.get(Part::ErrorSeverity).is_empty() {
        return Err(RejectReason::field("error_severity", "is missing"));
    }
    for part in NUMBERS.iter().copied() {
        if entry.opt(part).is_some_and(|t| t.parse::<i64>().is_err()) {
            return Err(RejectReason::field(
                NAMES[part as usize],
                format!(
                    "expected a number, found `{}`",
                    entry.get(part).chars().take(40).collect::<String>()
                ),
            ));
        }
    }
    for part in [
        Part::Txid,
        Part::QueryId,
        Part::LeaderPid,
        Part::CursorPosition,
        Part::InternalPosition,
    ] {
        if entry.get(part) == "0" {
            entry.set(part, "");
        }
    }
    for part in [Part::User, Part::Dbname, Part::ApplicationName, Part::RemoteHost] {
        if entry.get(part) == "[unknown]" {
            entry.set(part, "");
        }
    }
    if entry.get(Part::StateCode) == "00000" {
        entry.set(Part::StateCode, "");
    }
    Ok(entry)
}
