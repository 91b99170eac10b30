//! The database's log: PostgreSQL 15 csvlog, 26 columns, with pgaudit (session lines, `log_relation`, `log_rows`,
//! `log_parameter` on) and connections logged.

use crate::clock::{SECOND, Style, Written};
use ambit_event::Timestamp;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// A database session.
#[derive(Debug, Clone)]
pub struct Backend {
    pub role: &'static str,
    pub application: String,
    /// Address and port; `None` for the server's own processes.
    pub from: Option<(Ipv4Addr, u16)>,
    pub pid: u32,
    pub started: Timestamp,
    n_lines: u64,
    n_statements: u64,
}

/// All database sessions, by number.
#[derive(Debug, Default)]
pub struct Backends(Vec<Backend>);

/// A statement as pgaudit writes it: one line for each table.
#[derive(Debug, Clone)]
pub struct Statement {
    /// `READ` or `WRITE`.
    pub class: &'static str,
    /// As PostgreSQL tags it: `SELECT`, `UPDATE`, `COPY`.
    pub command: &'static str,
    pub tables: Vec<&'static str>,
    pub text: String,
    /// Bound values; `None` where the role does not log them.
    pub parameters: Option<Vec<String>>,
    pub rows: u64,
}

/// What a database session writes.
#[derive(Debug, Clone)]
pub enum SqlLine {
    Received,
    Authenticated,
    Authorized,
    Statement(Statement),
    /// The statement was cut off.
    Cancelled {
        statement: String,
    },
    Disconnected,
    Checkpoint {
        complete: bool,
    },
}

impl Backends {
    /// Adds a session and says its number.
    pub fn open(&mut self, backend: Backend) -> usize {
        self.0.push(backend);
        self.0.len() - 1
    }

    pub fn get(&self, number: usize) -> &Backend {
        &self.0[number]
    }

    /// The CSV records of one happening, each with its line end, as they follow each other in the log;
    /// answers how many they are.
    pub fn render(&mut self, at: Timestamp, number: usize, line: &SqlLine, out: &mut String) -> u64 {
        let backend = &mut self.0[number];
        match line {
            SqlLine::Statement(statement) => {
                backend.n_statements += 1;
                for table in &statement.tables {
                    let message = statement.audit(backend.n_statements, table);
                    backend.push(at, statement.command, "LOG", &message, "", out);
                }
                statement.tables.len() as u64
            }
            SqlLine::Cancelled { statement } => {
                let message = "canceling statement due to user request";
                backend.push(at, "COPY", "ERROR", message, statement, out);
                1
            }
            other => {
                let (tag, message) = backend.plain(at, other);
                backend.push(at, tag, "LOG", &message, "", out);
                1
            }
        }
    }
}

impl Backend {
    pub fn new(
        role: &'static str,
        application: &str,
        from: Option<(Ipv4Addr, u16)>,
        pid: u32,
        started: Timestamp,
    ) -> Self {
        Self {
            role,
            application: application.to_owned(),
            from,
            pid,
            started,
            n_lines: 0,
            n_statements: 0,
        }
    }

    /// The session id as `%c` writes it.
    pub fn id(&self) -> String {
        format!("{:x}.{:x}", self.started.0.div_euclid(SECOND), self.pid)
    }

    fn plain(&self, at: Timestamp, line: &SqlLine) -> (&'static str, String) {
        let (address, port) = self.from.unwrap_or((Ipv4Addr::LOCALHOST, 0));
        let role = self.role;
        match line {
            SqlLine::Received => ("", format!("connection received: host={address} port={port}")),
            SqlLine::Authenticated => (
                "authentication",
                format!("connection authenticated: identity=\"{role}\" method=scram-sha-256 (/etc/postgresql/15/main/pg_hba.conf:98)"),
            ),
            SqlLine::Authorized => (
                "authentication",
                format!("connection authorized: user={role} database=music application_name={}", self.application),
            ),
            SqlLine::Disconnected => ("idle", self.farewell(at, address, port)),
            SqlLine::Checkpoint { complete: true } => (
                "",
                "checkpoint complete: wrote 12 buffers (0.1%); 0 WAL file(s) added, 0 removed, 0 recycled; write=1.102 s, sync=0.004 s, total=1.117 s; sync files=9, longest=0.002 s, average=0.001 s; distance=54 kB, estimate=61 kB".to_owned(),
            ),
            _ => ("", "checkpoint starting: time".to_owned()),
        }
    }

    fn farewell(&self, at: Timestamp, address: Ipv4Addr, port: u16) -> String {
        let millis = (at.0 - self.started.0).max(0) / 1_000_000;
        let (secs, rest) = (millis / 1000, millis % 1000);
        format!(
            "disconnection: session time: {}:{:02}:{:02}.{rest:03} user={} database=music host={address} port={port}",
            secs / 3600,
            secs / 60 % 60,
            secs % 60,
            self.role
        )
    }

    fn push(
        &mut self,
        at: Timestamp,
        tag: &str,
        severity: &str,
        message: &str,
        query: &str,
        out: &mut String,
    ) {
        self.n_lines += 1;
        let is_client = self.from.is_some();
        let is_known = is_client && !message.starts_with("connection received");
        let quoted = |yes: bool, text: &str| if yes { csv_quoted(text) } else { String::new() };
        let peer = self
            .from
            .map(|(address, port)| format!("{address}:{port}"))
            .unwrap_or_default();
        let state = if severity == "ERROR" { "57014" } else { "00000" };
        let kind = if is_client {
            if is_known {
                "client backend"
            } else {
                "not initialized"
            }
        } else {
            "checkpointer"
        };
        let application = if message.starts_with("connection authen") {
            ""
        } else {
            self.application.as_str()
        };
        let transaction = if message.starts_with("AUDIT") || severity == "ERROR" {
            format!("{}/{}", self.pid % 90 + 3, self.n_statements)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "{},{},{},{},{},{},{},{},{},{transaction},0,{severity},{state},{},,,,,,{},,,{},{},,0",
            Written(at, Style::Database),
            quoted(is_known, self.role),
            quoted(is_known, "music"),
            self.pid,
            quoted(is_client, &peer),
            self.id(),
            self.n_lines,
            quoted(!tag.is_empty(), tag),
            Written(self.started, Style::DatabaseSecond),
            csv_quoted(message),
            quoted(!query.is_empty(), query),
            csv_quoted(if is_known { application } else { "" }),
            csv_quoted(kind),
        );
    }
}

impl Statement {
    /// A `SELECT` on one table that returns so many rows; values may be bound to it afterwards.
    pub fn read(table: &'static str, text: &str, rows: u64) -> Self {
        Self {
            class: "READ",
            command: "SELECT",
            tables: vec![table],
            text: text.to_owned(),
            parameters: Some(Vec::new()),
            rows,
        }
    }

    /// A statement that changes one row of a table.
    pub fn write(command: &'static str, table: &'static str, text: &str) -> Self {
        Self {
            class: "WRITE",
            command,
            ..Self::read(table, text, 1)
        }
    }

    fn audit(&self, number: u64, table: &str) -> String {
        let parameters = match &self.parameters {
            None => "<not logged>".to_owned(),
            Some(list) if list.is_empty() => "<none>".to_owned(),
            Some(list) => csv_cell(&list.iter().map(|p| csv_cell(p)).collect::<Vec<_>>().join(",")),
        };
        // pgaudit names the relation's own command: a COPY reads by SELECT.
        let command = if self.command == "COPY" {
            "SELECT"
        } else {
            self.command
        };
        format!(
            "AUDIT: SESSION,{number},1,{},{command},TABLE,public.{table},{},{parameters},{}",
            self.class,
            csv_cell(&self.text),
            self.rows
        )
    }
}

/// A CSV cell in double quotes, as csvlog writes every text.
fn csv_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A CSV cell in quotes only where it needs them, as pgaudit writes.
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        csv_quoted(text)
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_statement_is_a_csv_record_with_an_audit_record_within() {
        let mut backends = Backends::default();
        let from = Some((Ipv4Addr::new(10, 0, 1, 2), 40_112));
        let at = Timestamp::from_secs(1_400_614_810);
        let number = backends.open(Backend::new("app", "profile-1", from, 4711, at));
        let line = SqlLine::Statement(Statement {
            class: "READ",
            command: "SELECT",
            tables: vec!["profiles", "tracks"],
            text: "SELECT a, \"b\"\nFROM profiles WHERE x = $1".into(),
            parameters: Some(vec!["1,2".into(), "3".into()]),
            rows: 1,
        });
        let mut out = String::new();
        backends.render(at, number, &SqlLine::Received, &mut out);
        backends.render(at, number, &line, &mut out);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(out.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert!(rows.len() == 3 && rows.iter().all(|row| row.len() == 26));
        assert_eq!(
            (&rows[1][5], &rows[1][6], &rows[2][6]),
            ("537baf9a.1267", "2", "3")
        );
        let audit = rows[1][13].strip_prefix("AUDIT: ").unwrap();
        let mut inner = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(audit.as_bytes());
        let fields = inner.records().next().unwrap().unwrap();
        assert_eq!(
            (&fields[6], &fields[8], &fields[9]),
            ("public.profiles", "\"1,2\",3", "1")
        );
    }
}
