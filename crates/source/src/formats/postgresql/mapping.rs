//! From a log record to an event.

use super::audit::{self, Audit};
use super::entry::{Entry, NAMES, Part};
use super::message::{self, Said};
use super::session::{Client, Previous};
use super::sql;
use crate::json::{Json, Object};
use ambit_event::{Event, EventId, Keys, Outcome};
use std::borrow::Cow;
use std::net::IpAddr;

/// The source of every event, whichever of the three logs it came from: a data map names one.
pub const SOURCE: &str = "postgresql";

/// Reads a record's columns, all but the message's own; its fields are [`fields`].
pub fn base(entry: &Entry<'_>, client: Option<&Client>, host: Option<&str>, numbering: Numbering) -> Event {
    let mut event = Event::new(SOURCE, entry.at);
    event.precision = entry.precision;
    event.host = host.map(ToOwned::to_owned);
    event.process_pid = entry.number(Part::Pid);
    event.connection = entry
        .opt(Part::SessionId)
        .or_else(|| entry.opt(Part::Pid))
        .map(ToOwned::to_owned);
    event.actor_user = entry
        .opt(Part::User)
        .map(ToOwned::to_owned)
        .or_else(|| client.and_then(|c| c.user.clone()));
    event.actor_realm = event.actor_user.as_ref().map(|_| "db".to_owned());
    event.actor_service = entry
        .opt(Part::ApplicationName)
        .map(ToOwned::to_owned)
        .or_else(|| client.and_then(|c| c.application.clone()));
    let remote = entry
        .opt(Part::RemoteHost)
        .or_else(|| client.and_then(|c| c.host.as_deref()));
    event.src_ip = remote.and_then(address);
    event.src_port = entry
        .number(Part::RemotePort)
        .or_else(|| client.and_then(|c| c.port))
        .filter(|p| event.src_ip.is_some() && (0..=65_535).contains(p));
    event.status_code = entry.opt(Part::StateCode).map(ToOwned::to_owned);
    if numbering == Numbering::PerRecord
        && let (Some(session), Some(line)) = (entry.opt(Part::SessionId), entry.number(Part::LineNum))
    {
        event.stream = Some(session.to_owned());
        event.sequence = Some(line);
        // Time is part of it: in containers two servers can share start second and process id.
        let native = format!("{session} {line} {}", entry.at);
        event.id = EventId::native(SOURCE, host.unwrap_or(""), &native);
    }
    event
}

/// What the line numbers of a log count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Records of a session, the same in the CSV and the JSON log.
    PerRecord,
    /// Lines of a session; a record can take several.
    PerLine,
}

/// An address, `None` for a socket of the same machine and for a name (with `log_hostname`).
fn address(host: &str) -> Option<String> {
    let bare = host.split('%').next().unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_string())
}

/// The parts under the server's own names; statement and message stand in columns of their own.
pub fn fields<'e>(entry: &'e Entry<'_>, keys: &Keys) -> Object<'e> {
    let mut fields = Object::with_capacity(20);
    for (place, name) in NAMES.iter().enumerate() {
        let Some(part) = PARTS.get(place).copied() else {
            continue;
        };
        if matches!(part, Part::Message | Part::Statement) {
            continue;
        }
        let Some(text) = entry.opt(part) else { continue };
        let value = match part {
            _ if part.is_number() => integer(text.parse().unwrap_or_default()),
            Part::Detail | Part::Hint | Part::Context | Part::InternalQuery => {
                Json::Text(Cow::Owned(sql::redact_prose(text, keys)))
            }
            _ => plain(text),
        };
        fields.push(Cow::Borrowed(name), value);
    }
    for (name, value) in &entry.extra {
        fields.insert(
            Cow::Borrowed(name),
            Json::Text(Cow::Owned(sql::redact_prose(value, keys))),
        );
    }
    fields
}

fn integer(value: i64) -> Json<'static> {
    Json::Number(value.into())
}

const fn plain(text: &str) -> Json<'_> {
    Json::Text(Cow::Borrowed(text))
}

/// Every part, in the order of [`NAMES`].
const PARTS: [Part; 29] = [
    Part::Timestamp,
    Part::User,
    Part::Dbname,
    Part::Pid,
    Part::RemoteHost,
    Part::RemotePort,
    Part::SessionId,
    Part::LineNum,
    Part::Ps,
    Part::SessionStart,
    Part::Vxid,
    Part::Txid,
    Part::ErrorSeverity,
    Part::StateCode,
    Part::Message,
    Part::Detail,
    Part::Hint,
    Part::InternalQuery,
    Part::InternalPosition,
    Part::Context,
    Part::Statement,
    Part::CursorPosition,
    Part::FuncName,
    Part::FileName,
    Part::FileLineNum,
    Part::ApplicationName,
    Part::BackendType,
    Part::LeaderPid,
    Part::QueryId,
];

/// Sets statement, command, trace and parameters.
fn set_statement(event: &mut Event, text: &str, parameters: Vec<String>, keys: &Keys) {
    let redacted = sql::redact(text, keys);
    event.trace = sql::trace(text);
    event.parameters = parameters;
    for &n in &redacted.secret_parameters {
        if let Some(value) = n
            .checked_sub(1)
            .and_then(|n| event.parameters.get_mut(n))
            .filter(|v| !v.is_empty())
        {
            *value = keys.fingerprint(value);
        }
    }
    for value in &mut event.parameters {
        if let std::borrow::Cow::Owned(hidden) = crate::redact::text(keys, value) {
            *value = hidden;
        }
    }
    event.query_text = Some(redacted.text.into_owned());
}

fn set_class(event: &mut Event, class: &str, activity: Option<String>) {
    event.class = Some(class.to_owned());
    event.operation.clone_from(&activity);
    event.activity = activity;
}

/// An audit record. The statement's text is that of an earlier record where pgaudit says so.
pub fn set_audit<'a>(
    event: &mut Event,
    fields: &mut Object<'a>,
    audit: &'a Audit<'_>,
    previous: Option<&Previous>,
    keys: &Keys,
) {
    let text = match &*audit.statement {
        audit::NOT_LOGGED => None,
        audit::PREVIOUSLY_LOGGED => previous.map(|p| p.statement.as_str()),
        text => Some(text),
    };
    let parameter = match &*audit.parameter {
        audit::PREVIOUSLY_LOGGED => previous.map_or("", |p| p.parameter.as_str()),
        text => text,
    };
    if let Some(text) = text {
        set_statement(event, text, audit::parameters(parameter), keys);
    } else {
        event.parameters = audit::parameters(parameter);
    }
    set_class(
        event,
        "datastore_activity",
        Some(audit.command.to_string()).filter(|c| !c.is_empty()),
    );
    event.resource = Some(audit.object_name.to_string()).filter(|n| !n.is_empty());
    event.record_count = audit.rows;
    event.outcome = Outcome::Success;
    fields.insert("audit".into(), Json::Object(Box::new(audited(audit))));
}

/// What an audit record says beside its statement and parameters.
fn audited<'a>(audit: &'a Audit<'_>) -> Object<'a> {
    let mut said = Object::with_capacity(10);
    said.push("audit_type".into(), plain(&audit.audit_type));
    said.push("statement_id".into(), integer(audit.statement_id));
    said.push("substatement_id".into(), integer(audit.substatement_id));
    said.push("class".into(), plain(&audit.class));
    said.push("command".into(), plain(&audit.command));
    let markers = [audit::NOT_LOGGED, audit::PREVIOUSLY_LOGGED, audit::NONE];
    for (name, value) in [
        ("object_type", &audit.object_type),
        ("object_name", &audit.object_name),
        ("statement", &audit.statement),
        ("parameter", &audit.parameter),
    ] {
        let is_elsewhere = matches!(name, "statement" | "parameter") && !markers.contains(&&**value);
        if !value.is_empty() && !is_elsewhere {
            said.push(name.into(), plain(value));
        }
    }
    if let Some(rows) = audit.rows {
        said.push("rows".into(), integer(rows));
    }
    said
}

/// What the message says, where it is none of pgaudit's.
pub fn set_message<'a>(
    event: &mut Event,
    fields: &mut Object<'a>,
    entry: &Entry<'_>,
    said: &Said<'a>,
    keys: &Keys,
) {
    match said {
        Said::Statement { text, name, took } => {
            set_statement(event, text, bound(entry), keys);
            set_class(event, "datastore_activity", sql::command(text));
            event.outcome = Outcome::Success;
            took_so_long(event, *took);
            if let Some(name) = name {
                fields.insert("portal".into(), plain(name));
            }
        }
        Said::Prepare { verb, text, took } => {
            set_statement(event, text, bound(entry), keys);
            set_class(event, "base_event", Some(verb.to_ascii_uppercase()));
            event.outcome = Outcome::Success;
            took_so_long(event, *took);
        }
        Said::Duration { took } => {
            set_class(event, "base_event", None);
            took_so_long(event, Some(*took));
        }
        _ if is_break(entry) => set_failure(event, entry, keys),
        Said::Other => {
            set_class(event, "base_event", None);
            set_sentence(event, entry, keys);
            if let Some(text) = entry.opt(Part::Statement) {
                set_statement(event, text, bound(entry), keys);
            }
        }
        _ => {
            set_connection(event, said);
            set_sentence(event, entry, keys);
        }
    }
}

fn set_sentence(event: &mut Event, entry: &Entry<'_>, keys: &Keys) {
    event.message = entry.opt(Part::Message).map(|text| sql::redact_prose(text, keys));
}

/// The values of `DETAIL: parameters: …`, or of the context of an error.
fn bound(entry: &Entry<'_>) -> Vec<String> {
    let values = message::parameters(entry.get(Part::Detail));
    if values.is_empty() {
        message::parameters(entry.get(Part::Context))
    } else {
        values
    }
}

/// The record was written at the end: the statement arrived so much earlier.
fn took_so_long(event: &mut Event, took: Option<i64>) {
    let Some(took) = took else { return };
    event.duration = Some(took);
    event.time = event.time.plus_nanos(took.saturating_neg());
    event.precision = event.precision.saturating_add(took);
}

fn set_connection(event: &mut Event, said: &Said<'_>) {
    event.outcome = Outcome::Success;
    match said {
        Said::Received { host, port } => {
            set_class(event, "network_activity", Some("Open".to_owned()));
            set_origin(event, host, *port);
        }
        Said::Authenticated { identity, .. } => {
            set_class(event, "authentication", Some("Preauth".to_owned()));
            set_user(event, identity);
        }
        Said::Authorized {
            user, application, ..
        } => {
            set_class(event, "authentication", Some("Logon".to_owned()));
            set_user(event, user);
            if let Some(application) = application {
                event.actor_service = Some((*application).to_owned());
            }
        }
        Said::Disconnection {
            took,
            user,
            host,
            port,
            ..
        } => {
            set_class(event, "authentication", Some("Logoff".to_owned()));
            set_user(event, user);
            set_origin(event, host, *port);
            event.duration = *took;
        }
        _ => {}
    }
}

fn set_user(event: &mut Event, user: &str) {
    if event.actor_user.is_none() && !user.is_empty() {
        event.actor_user = Some(user.to_owned());
        event.actor_realm = Some("db".to_owned());
    }
}

fn set_origin(event: &mut Event, host: &str, port: Option<i64>) {
    if let Some(ip) = address(host) {
        event.src_ip = Some(ip);
        event.src_port = port.or(event.src_port);
    }
}

/// Severities with which a statement or session ends, in the languages that servers are often run in.
const FAILURES: &[&str] = &[
    "ERROR",
    "FATAL",
    "PANIC",
    "FEHLER",
    "ERREUR",
    "ERRORE",
    "ОШИБКА",
    "BŁĄD",
    "エラー",
    "错误",
];

fn is_failure(entry: &Entry<'_>) -> bool {
    FAILURES.contains(&entry.get(Part::ErrorSeverity))
}

/// Whether the record tells of a statement or session that broke off.
pub fn is_break(entry: &Entry<'_>) -> bool {
    is_failure(entry) || entry.get(Part::StateCode).starts_with("08") && entry.opt(Part::Statement).is_some()
}

/// How the operation that this record reports on ended.
pub fn failure(entry: &Entry<'_>) -> Outcome {
    let has_state = entry.opt(Part::StateCode).is_some();
    match entry.get(Part::StateCode) {
        state if is_abort(state) => Outcome::Aborted,
        state if state.starts_with("28") => Outcome::Denied,
        // A function can raise this by itself after rows have left; then there is a context.
        "42501" if entry.opt(Part::Context).is_none() => Outcome::Denied,
        // Without SQLSTATE (the usual prefix does not show it) the English sentences tell.
        _ if !has_state => failure_by_sentence(entry),
        _ => Outcome::Failure,
    }
}

fn is_abort(state: &str) -> bool {
    state.starts_with("08") || matches!(state, "57014" | "57P01" | "57P02" | "57P05" | "25P03" | "25P04")
}

fn failure_by_sentence(entry: &Entry<'_>) -> Outcome {
    let said = entry.get(Part::Message);
    let begins = |heads: &[&str]| heads.iter().any(|head| said.starts_with(head));
    if begins(&[
        "canceling ",
        "terminating connection",
        "connection to client lost",
        "could not send data to client",
    ]) {
        return Outcome::Aborted;
    }
    let is_refusal = begins(&[
        "permission denied for ",
        "must be owner of ",
        "password authentication failed",
        "no pg_hba.conf entry",
    ]) || said.contains(" authentication failed for user ");
    if is_refusal && entry.opt(Part::Context).is_none() {
        Outcome::Denied
    } else {
        Outcome::Failure
    }
}

fn set_failure(event: &mut Event, entry: &Entry<'_>, keys: &Keys) {
    event.outcome = failure(entry);
    set_sentence(event, entry, keys);
    let text = entry.opt(Part::Statement);
    if let Some(text) = text {
        set_statement(event, text, bound(entry), keys);
    }
    if is_logon(entry) {
        set_class(event, "authentication", Some("Logon".to_owned()));
        if let Some(user) = named_user(entry.get(Part::Message)) {
            set_user(event, user);
        }
        return;
    }
    let is_client = text.is_some() || event.actor_user.is_some();
    set_class(
        event,
        if is_client {
            "datastore_activity"
        } else {
            "base_event"
        },
        text.and_then(sql::command),
    );
}

/// Whether the session ended before it had begun.
fn is_logon(entry: &Entry<'_>) -> bool {
    let said = entry.get(Part::Message);
    entry.get(Part::ErrorSeverity) == "FATAL"
        && entry.opt(Part::Statement).is_none()
        && (matches!(entry.get(Part::Ps), "authentication" | "startup")
            || entry.get(Part::StateCode).starts_with("28")
            || matches!(entry.get(Part::StateCode), "3D000" | "53300" | "57P03")
            || said.contains("authentication failed for user")
            || said.starts_with("no pg_hba.conf entry")
            || said.starts_with("sorry, too many clients already")
            || said.starts_with("role \"") && said.ends_with("\" does not exist")
            || said.starts_with("database \"") && said.ends_with("\" does not exist"))
}

fn named_user(said: &str) -> Option<&str> {
    let rest = ["for user \"", ", user \"", "role \""]
        .iter()
        .find_map(|head| said.split_once(head).map(|(_, rest)| rest))?;
    rest.split('"').next()
}
