//! Checks our PostgreSQL decoders against pgaudit's own regression output, where the audit records stand
//! beside the SQL that caused them. Each record is put into all three forms of the server's log.

use super::Report;
use ambit_event::{Batch, Event, Keys, Outcome};
use ambit_source::{Context, decode_all, formats};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;

/// The committed list: statements that cannot stand in the SQL as they were logged.
#[derive(Debug, Deserialize)]
pub struct Known {
    #[serde(default)]
    composed: Vec<Composed>,
}

#[derive(Debug, Deserialize)]
struct Composed {
    statement: String,
    why: String,
}

impl Known {
    /// # Errors
    /// Where the list cannot be understood or lacks a reason.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known: Self = toml::from_str(text).map_err(|e| format!("pgaudit.toml: {e}"))?;
        let has_reasons = known.composed.iter().all(|c| !c.why.trim().is_empty());
        has_reasons
            .then_some(known)
            .ok_or_else(|| "pgaudit.toml: every entry has a reason".to_owned())
    }
}

/// One audit record (or error) of the regression output, and the SQL around it.
#[derive(Debug, Clone, Default)]
struct Shown {
    line: usize,
    /// `\connect` begins another session.
    session: usize,
    /// The message: `AUDIT: …`, or the error's text.
    message: String,
    is_error: bool,
    /// The SQL between the record before and this one.
    block: String,
    /// Rows that psql printed for it.
    printed: Option<i64>,
}

/// Checks `expected/pgaudit.out`.
pub fn check(folder: &Path, known: &Known, report: &mut Report) {
    let Ok(text) = std::fs::read_to_string(folder.join("expected/pgaudit.out")) else {
        report.note(format!("{}: not there", folder.display()));
        return;
    };
    report.n_sets += 1;
    let records = read(&text);
    let keys = Keys::derive(&[7; 32]);
    let context = Context::bare(keys.clone());
    let mut forms = Vec::new();
    for (name, bytes) in [
        ("postgresql_csvlog", csvlog(&records)),
        ("postgresql_jsonlog", jsonlog(&records)),
        ("postgresql_stderr", stderr(&records)),
    ] {
        let format = formats::built_in().into_iter().find(|f| f.name() == name);
        let batch = format
            .and_then(|f| decode_all(&f, bytes.as_bytes(), &context).ok())
            .unwrap_or_default();
        report.n_events += batch.events.len();
        report.n_rejects += batch.rejects.len();
        for reject in &batch.rejects {
            report.fail(format!("pgaudit as {name}: rejected: {}", reject.reason));
        }
        forms.push((name, in_order(batch)));
    }
    for (name, events) in &forms {
        if events.len() == records.len() {
            Check {
                form: name,
                known,
                keys: &keys,
                report,
                text: &text,
            }
            .all(&records, events);
        } else {
            report.fail(format!(
                "pgaudit as {name}: {} records, {} events",
                records.len(),
                events.len()
            ));
        }
    }
    let ids = |n: usize| {
        forms
            .get(n)
            .map(|(_, events)| events.iter().map(|e| e.id).collect::<Vec<_>>())
    };
    if ids(0) != ids(1) {
        report.fail("pgaudit: a record in the CSV and in the JSON log is not the same event".to_owned());
    }
}

/// Events are given out when their end is known; this is the file's order again.
fn in_order(batch: Batch) -> Vec<Event> {
    let mut events = batch.events;
    events.sort_by_key(|e| e.provenance.offset);
    events
}

fn read(text: &str) -> Vec<Shown> {
    let (mut records, mut block, mut session) = (Vec::<Shown>::new(), String::new(), 0);
    let mut lines = text.lines().enumerate().peekable();
    while let Some((n, line)) = lines.next() {
        let audit = ["NOTICE:  ", "WARNING:  "]
            .iter()
            .find_map(|head| line.strip_prefix(head))
            .filter(|l| l.starts_with("AUDIT: "));
        let error = line.strip_prefix("ERROR:  ");
        if let Some(first) = audit.or(error) {
            let mut message = first.to_owned();
            while audit.is_some() && message.matches('"').count() % 2 == 1 {
                let Some((_, next)) = lines.next() else { break };
                message.push('\n');
                message.push_str(next);
            }
            let block = if error.is_some() {
                records.last().map(|r| r.block.clone()).unwrap_or_default()
            } else {
                std::mem::take(&mut block)
            };
            records.push(Shown {
                line: n + 1,
                session,
                message,
                is_error: error.is_some(),
                block,
                printed: None,
            });
            continue;
        }
        session += usize::from(line.starts_with("\\connect"));
        if let Some(rows) = line
            .strip_prefix('(')
            .and_then(|l| l.split_once(" row"))
            .and_then(|(n, _)| n.parse().ok())
        {
            // Anything but the records since the last statement lies between where it was not audited.
            for record in records
                .iter_mut()
                .rev()
                .take_while(|r| block.trim_start().starts_with(['-', '?', ' ', '\n']) || r.printed.is_some())
                .take(8)
            {
                if record.printed.is_some() || !is_top_select(record) {
                    break;
                }
                record.printed = Some(rows);
            }
        }
        block.push_str(line);
        block.push('\n');
    }
    records
}

/// Whether the record is of a SELECT that stands alone in its block of SQL.
fn is_top_select(record: &Shown) -> bool {
    let sql: String = record
        .block
        .lines()
        .filter(|l| !l.starts_with("--"))
        .collect::<Vec<_>>()
        .join("\n");
    let statement = fields(&record.message).into_iter().nth(7).unwrap_or_default();
    !statement.is_empty()
        && sql.trim().trim_end_matches(';').trim() == statement
        && record.message.contains(",READ,SELECT,")
}

fn fields(message: &str) -> Vec<String> {
    let payload = message.strip_prefix("AUDIT: ").unwrap_or(message);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(payload.as_bytes());
    reader
        .records()
        .flatten()
        .next()
        .map(|r| r.iter().map(ToOwned::to_owned).collect())
        .unwrap_or_default()
}

fn second(n: usize) -> String {
    format!(
        "2014-05-23 {:02}:{:02}:{:02}.000 UTC",
        10 + n / 3600,
        n / 60 % 60,
        n % 60
    )
}

fn severity(record: &Shown) -> (&'static str, &'static str) {
    if record.is_error {
        ("ERROR", "3F000")
    } else {
        ("LOG", "00000")
    }
}

/// The statement that the server shows beside an error.
fn failed(record: &Shown) -> String {
    if record.is_error {
        sql_of(&record.block)
    } else {
        String::new()
    }
}

fn sql_of(block: &str) -> String {
    let sql: Vec<&str> = block.lines().filter(|l| !l.starts_with("--")).collect();
    sql.join("\n").trim().trim_end_matches(';').to_owned()
}

fn csvlog(records: &[Shown]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for (n, r) in records.iter().enumerate() {
        let (severity, state) = severity(r);
        let (session, pid, line) = (
            format!("537f1f2a.{:x}", 100 + r.session),
            (100 + r.session).to_string(),
            (n + 1).to_string(),
        );
        let (at, statement) = (second(n), failed(r));
        let row = [
            &at,
            "app",
            "music",
            &pid,
            "192.0.2.7:40000",
            &session,
            &line,
            "x",
            &at,
            "3/7",
            "0",
            severity,
            state,
            &r.message,
            "",
            "",
            "",
            "",
            "",
            &statement,
            "",
            "",
            "psql",
            "client backend",
            "",
            "0",
        ];
        if writer.write_record(row).is_err() {
            break;
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn jsonlog(records: &[Shown]) -> String {
    let mut out = String::new();
    for (n, r) in records.iter().enumerate() {
        let (severity, state) = severity(r);
        let at = second(n);
        let mut record = serde_json::json!({
            "timestamp": at, "user": "app", "dbname": "music", "pid": 100 + r.session, "remote_host": "192.0.2.7", "remote_port": 40000,
            "session_id": format!("537f1f2a.{:x}", 100 + r.session), "line_num": n + 1, "ps": "x", "session_start": at, "vxid": "3/7",
            "txid": 0, "error_severity": severity, "message": r.message, "application_name": "psql", "backend_type": "client backend", "query_id": 0,
        });
        if r.is_error {
            record["state_code"] = state.into();
            record["statement"] = failed(r).into();
        }
        let _ = writeln!(out, "{record}");
    }
    out
}

fn stderr(records: &[Shown]) -> String {
    let mut out = String::new();
    for (n, r) in records.iter().enumerate() {
        let head = format!("{} [{}] app@music ", second(n), 100 + r.session);
        let _ = writeln!(
            out,
            "{head}{}:  {}",
            severity(r).0,
            r.message.replace('\n', "\n\t")
        );
        if r.is_error {
            let _ = writeln!(out, "{head}STATEMENT:  {}", failed(r).replace('\n', "\n\t"));
        }
    }
    out
}

struct Check<'a> {
    form: &'a str,
    known: &'a Known,
    keys: &'a Keys,
    report: &'a mut Report,
    text: &'a str,
}

impl Check<'_> {
    fn all(&mut self, records: &[Shown], events: &[Event]) {
        let mut before = (String::new(), String::new());
        for (n, (record, event)) in records.iter().zip(events).enumerate() {
            if record.is_error {
                self.expect(record, "outcome", event.outcome, Outcome::Failure);
                let held = n.checked_sub(1).map(|n| events[n].outcome);
                self.expect(
                    record,
                    "outcome of the statement before",
                    held,
                    Some(Outcome::Failure),
                );
                continue;
            }
            self.one(record, event, &mut before);
        }
    }

    fn one(&mut self, record: &Shown, event: &Event, before: &mut (String, String)) {
        let said = fields(&record.message);
        let get = |n: usize| said.get(n).cloned().unwrap_or_default();
        let (mut statement, mut parameter) = (get(7), get(8));
        if statement == "<previously logged>" {
            (statement, parameter) = before.clone();
        }
        *before = (statement.clone(), parameter.clone());
        let known = |text: String| Some(text).filter(|t| !t.is_empty());
        self.expect(record, "command", event.activity.clone(), known(get(4)));
        self.expect(record, "object", event.resource.clone(), known(get(6)));
        self.expect(
            record,
            "class",
            event.field("audit.class").map(|c| c.into_owned()),
            known(get(3)),
        );
        self.expect(
            record,
            "object type",
            event.field("audit.object_type").map(|c| c.into_owned()),
            known(get(5)),
        );
        self.expect(record, "rows", event.record_count, get(9).parse().ok());
        self.expect(record, "parameters", event.parameters.clone(), values(&parameter));
        let is_logged = statement != "<not logged>";
        self.expect(record, "a statement", event.query_text.is_some(), is_logged);
        if let Some(text) = &event.query_text {
            self.statement(record, text, &statement);
        }
        self.beside_the_sql(record, event, &statement);
    }

    /// Our statement is the logged one, but for literals that became their fingerprints.
    fn statement(&mut self, record: &Shown, ours: &str, logged: &str) {
        let (mut rest, mut fits) = (logged, true);
        let mut pieces = ours.split("fp_");
        if let Some(first) = pieces.next() {
            fits &= rest.starts_with(first);
            rest = rest.get(first.len()..).unwrap_or("");
        }
        for piece in pieces {
            let (digits, after) = piece.split_at_checked(24).unwrap_or((piece, ""));
            let end = rest.find('\'').unwrap_or(rest.len());
            fits &= self.keys.fingerprint(&rest[..end]) == format!("fp_{digits}");
            rest = &rest[end..];
            fits &= rest.starts_with(after);
            rest = rest.get(after.len()..).unwrap_or("");
        }
        self.expect(
            record,
            "statement",
            (fits && rest.is_empty()).then_some(logged),
            Some(logged),
        );
    }

    /// What the SQL above it says: its text, its object, its arguments, its rows.
    fn beside_the_sql(&mut self, record: &Shown, event: &Event, statement: &str) {
        let above: String = self
            .text
            .lines()
            .take(record.line - 1)
            .collect::<Vec<_>>()
            .join("\n");
        let written = statement
            .split("<REDACTED>")
            .next()
            .unwrap_or(statement)
            .trim_end();
        let is_composed = self.known.composed.iter().any(|c| c.statement == statement);
        if statement != "<not logged>" && !is_composed {
            self.expect(
                record,
                "the statement in the SQL above",
                above.contains(written),
                true,
            );
        }
        if let Some(object) = &event.resource {
            let name = object
                .rsplit('.')
                .next()
                .unwrap_or(object)
                .split('(')
                .next()
                .unwrap_or(object)
                .to_ascii_lowercase();
            self.expect(
                record,
                "the object in the SQL above",
                above.to_ascii_lowercase().contains(&name),
                true,
            );
        }
        if statement.starts_with("PREPARE") && !event.parameters.is_empty() {
            let call = record
                .block
                .rsplit_once("EXECUTE ")
                .and_then(|(_, call)| call.split_once('('))
                .map_or("", |(_, args)| args);
            let args: Vec<&str> = call
                .split(')')
                .next()
                .unwrap_or("")
                .split(',')
                .map(|a| a.trim().trim_matches('\''))
                .collect();
            let fits = args.len() == event.parameters.len()
                && args
                    .iter()
                    .zip(&event.parameters)
                    .all(|(a, p)| a == p || p == "<long param suppressed>");
            self.expect(record, "the arguments of EXECUTE", fits, true);
        }
        if let (Some(printed), Some(rows)) = (record.printed, event.record_count) {
            self.expect(record, "the rows that psql printed", rows, printed);
        }
    }

    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, record: &Shown, what: &str, ours: T, expected: T) {
        self.report.n_fields += 1;
        if ours != expected {
            self.report.fail(format!(
                "pgaudit.out line {} as {}: {what}: expected {expected:?}, found {ours:?}",
                record.line, self.form
            ));
        }
    }
}

/// The bound values within a parameter field, by another CSV reader than ours.
fn values(parameter: &str) -> Vec<String> {
    if matches!(parameter, "<none>" | "<not logged>" | "") {
        return Vec::new();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(parameter.as_bytes());
    reader
        .records()
        .flatten()
        .next()
        .map(|r| r.iter().map(ToOwned::to_owned).collect())
        .unwrap_or_default()
}
