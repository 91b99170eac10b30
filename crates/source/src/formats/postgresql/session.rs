//! What is remembered of each database session while a file is read: who its client is, which statement
//! pgaudit logged last, and the statements whose end is not known yet.
//!
//! A statement is mostly logged when it begins. Its event is held back until the session's next records
//! tell how it ended; at the end of the file, and where memory is short, it is given out as *unknown*.

use super::audit::Audit;
use super::entry::{Entry, Part};
use super::mapping::{failure, is_break};
use super::message::Said;
use crate::Output;
use ambit_event::{Event, Outcome};
use std::collections::{BTreeSet, HashMap};

/// Sessions remembered at once; a server has some hundred.
const MOST_SESSIONS: usize = 20_000;
/// Events held back per session: a function can log thousands of statements before it ends.
const MOST_HELD: usize = 256;
/// Bytes of a session's name, and of a name that a client gives; the server's own have at most 63.
pub const LONGEST_NAME: usize = 200;
/// Bytes of records held back and of statements remembered, in all.
const MOST_BYTES: usize = 64 << 20;
/// Statement texts remembered per session, for `<previously logged>`.
const MOST_PREVIOUS: usize = 64;

/// Who is at the other end, as the session's connection records said.
#[derive(Debug, Clone, Default)]
pub struct Client {
    pub user: Option<String>,
    pub application: Option<String>,
    pub host: Option<String>,
    pub port: Option<i64>,
}

/// A statement that pgaudit logged before.
#[derive(Debug, Clone)]
pub struct Previous {
    substatement_id: i64,
    pub statement: String,
    pub parameter: String,
}

/// An event whose end is not known yet.
struct Held {
    /// Events are large, and what is held is moved about.
    event: Box<Event>,
    /// The statement as the server wrote it, for comparing.
    text: String,
    vxid: Option<String>,
    /// pgaudit's number of the top-level statement; `None` for other statement records.
    statement_id: Option<i64>,
    /// Whether the record was written when the statement had ended.
    has_ended: bool,
    bytes: usize,
}

#[derive(Default)]
struct Session {
    used: u64,
    client: Client,
    statement_id: i64,
    previous: Vec<Previous>,
    /// Bytes of these.
    n_previous: usize,
    held: Vec<Held>,
    line: Option<(i64, ambit_event::Timestamp)>,
}

/// All sessions of a file.
#[derive(Default)]
pub struct Sessions {
    by_key: HashMap<String, Session>,
    clock: u64,
    bytes: usize,
    offsets: BTreeSet<u64>,
    n_evicted: u64,
}

/// A statement record's place among the others of its session.
pub enum Step<'e, 'a> {
    Audit(&'e Audit<'a>),
    Said(&'e Said<'a>),
}

impl Sessions {
    /// Who the session's client is, as far as its records said.
    pub fn client(&self, key: &str) -> Option<&Client> {
        self.by_key.get(key).map(|s| &s.client)
    }

    /// The earlier text of a statement that pgaudit calls previously logged.
    pub fn previous(&self, key: &str, audit: &Audit<'_>) -> Option<&Previous> {
        let session = self
            .by_key
            .get(key)
            .filter(|s| s.statement_id == audit.statement_id)?;
        session
            .previous
            .iter()
            .rev()
            .find(|p| p.substatement_id == audit.substatement_id)
    }

    pub fn held_from(&self) -> Option<u64> {
        self.offsets.first().copied()
    }

    pub fn holds(&self, offset: u64) -> bool {
        self.offsets.contains(&offset)
    }

    /// The record before this one in the session's numbering of lines: how many lines are missing
    /// between, and when that was written.
    pub fn missing_lines(&mut self, key: &str, entry: &Entry<'_>) -> Option<(i64, ambit_event::Timestamp)> {
        let line = entry.number(Part::LineNum)?;
        let session = self.touch(key);
        let before = session
            .line
            .replace((line.saturating_add(entry.n_lines - 1), entry.at));
        let (last, at) = before?;
        (line > last.saturating_add(1)).then(|| (line - last - 1, at))
    }

    /// Settles what the session's earlier statements came to, now that this record is seen.
    pub fn settle(&mut self, key: &str, entry: &Entry<'_>, step: &Step<'_, '_>, out: &mut Output) {
        let Some(session) = self.by_key.get_mut(key).filter(|s| !s.held.is_empty()) else {
            return;
        };
        let held = std::mem::take(&mut session.held);
        let failed = if is_break(entry) {
            failed_ids(&held, entry)
        } else {
            Vec::new()
        };
        for mut held in held {
            match verdict(&held, entry, step, &failed) {
                Verdict::Wait => session.held.push(held),
                Verdict::Ended(outcome) => {
                    if let Step::Said(Said::Duration { took }) = step {
                        held.event.duration = Some(*took);
                    }
                    held.event.outcome = outcome;
                    self.offsets.remove(&held.event.provenance.offset);
                    self.bytes -= held.bytes;
                    out.push(*held.event);
                }
            }
        }
    }

    /// Remembers what the record says of the session, and forgets the session when it is over.
    pub fn remember(&mut self, key: &str, step: &Step<'_, '_>) {
        match step {
            Step::Audit(audit) => self.remember_statement(key, audit),
            Step::Said(Said::Received { host, port }) => {
                // The process is new, whatever one of that number did before.
                let client = Client {
                    host: short(host),
                    port: *port,
                    ..Client::default()
                };
                let session = self.touch(key);
                (session.client, session.statement_id) = (client, 0);
                let n_freed = session.forget_statements();
                self.bytes -= n_freed;
            }
            Step::Said(Said::Authorized {
                user, application, ..
            }) => {
                let client = &mut self.touch(key).client;
                client.user = short(user);
                client.application = application.and_then(short);
            }
            Step::Said(Said::Disconnection { .. }) => {
                let ended = self.by_key.remove(key);
                self.bytes -= ended.map_or(0, |session| session.n_previous);
            }
            Step::Said(_) => {}
        }
    }

    fn remember_statement(&mut self, key: &str, audit: &Audit<'_>) {
        let is_text = !matches!(
            &*audit.statement,
            super::audit::NOT_LOGGED | super::audit::PREVIOUSLY_LOGGED
        );
        let session = self.touch(key);
        let (mut n_freed, mut n_new) = (0, 0);
        if session.statement_id != audit.statement_id {
            session.statement_id = audit.statement_id;
            n_freed = session.forget_statements();
        }
        if is_text && session.previous.len() < MOST_PREVIOUS {
            n_new = audit.statement.len() + audit.parameter.len();
            session.n_previous += n_new;
            session.previous.push(Previous {
                substatement_id: audit.substatement_id,
                statement: audit.statement.to_string(),
                parameter: audit.parameter.to_string(),
            });
        }
        self.bytes = self.bytes - n_freed + n_new;
    }

    /// Holds an event back. It has its own raw bytes and provenance.
    pub fn hold(
        &mut self,
        key: &str,
        event: Event,
        text: &str,
        entry: &Entry<'_>,
        step: &Step<'_, '_>,
        out: &mut Output,
    ) {
        let (statement_id, has_ended) = match step {
            Step::Audit(audit) => (Some(audit.statement_id), audit.rows.is_some()),
            Step::Said(_) => (None, false),
        };
        let bytes = event.raw.len() + text.len() + 1024;
        self.bytes += bytes;
        self.offsets.insert(event.provenance.offset);
        let vxid = entry.opt(Part::Vxid).map(ToOwned::to_owned);
        let session = self.touch(key);
        session.held.push(Held {
            event: Box::new(event),
            text: text.trim().to_owned(),
            vxid,
            statement_id,
            has_ended,
            bytes,
        });
        if session.held.len() > MOST_HELD {
            let first = session.held.remove(0);
            self.evict(first, out);
        }
    }

    /// Forgets those that were silent longest where too much is remembered.
    pub fn bound(&mut self, out: &mut Output) {
        while (self.bytes > MOST_BYTES || self.by_key.len() > MOST_SESSIONS) && !self.by_key.is_empty() {
            self.evict_oldest(out);
        }
    }

    fn touch(&mut self, key: &str) -> &mut Session {
        self.clock += 1;
        let session = self.by_key.entry(key.to_owned()).or_default();
        session.used = self.clock;
        session
    }

    /// Forgets the quarter of the sessions that were silent longest.
    fn evict_oldest(&mut self, out: &mut Output) {
        let mut order: Vec<(u64, String)> =
            self.by_key.iter().map(|(key, s)| (s.used, key.clone())).collect();
        order.sort();
        for (_, key) in order.iter().take(order.len().div_ceil(4)) {
            let session = self.by_key.remove(key).unwrap_or_default();
            self.bytes -= session.n_previous;
            for held in session.held {
                self.evict(held, out);
            }
        }
    }

    fn evict(&mut self, held: Held, out: &mut Output) {
        self.n_evicted += u64::from(!held.has_ended);
        self.give_out(held, out);
    }

    /// Gives out what nothing more will be heard of.
    fn give_out(&mut self, mut held: Held, out: &mut Output) {
        self.offsets.remove(&held.event.provenance.offset);
        self.bytes -= held.bytes;
        held.event.outcome = if held.has_ended {
            Outcome::Success
        } else {
            Outcome::Unknown
        };
        out.push(*held.event);
    }

    /// The file has ended. Gives out everything in the order of the file, and says how many statements
    /// were given up early.
    pub fn finish(&mut self, out: &mut Output) -> u64 {
        let mut rest: Vec<Held> = self.by_key.drain().flat_map(|(_, s)| s.held).collect();
        rest.sort_by_key(|h| h.event.provenance.offset);
        for held in rest {
            self.give_out(held, out);
        }
        self.n_evicted
    }
}

impl Session {
    /// Gives how many bytes that frees.
    fn forget_statements(&mut self) -> usize {
        self.previous.clear();
        std::mem::take(&mut self.n_previous)
    }
}

/// A name as long as names are; a longer one is none.
fn short(name: &str) -> Option<String> {
    (name.len() <= LONGEST_NAME).then(|| name.to_owned())
}

enum Verdict {
    Wait,
    Ended(Outcome),
}

/// What a later record of the same session says of a statement that had begun.
fn verdict(held: &Held, entry: &Entry<'_>, step: &Step<'_, '_>, failed: &[i64]) -> Verdict {
    let vxid = entry.opt(Part::Vxid);
    let is_other_transaction = held.vxid.is_some() && vxid.is_some() && held.vxid.as_deref() != vxid;
    match step {
        _ if is_break(entry) => broken(held, entry, is_other_transaction, failed),
        _ if is_other_transaction => Verdict::Ended(Outcome::Success),
        // One query text can hold several statements that pgaudit numbers one by one.
        Step::Audit(audit) if held.statement_id.is_none_or(|id| id == audit.statement_id) => Verdict::Wait,
        Step::Said(Said::Other) => Verdict::Wait,
        _ => Verdict::Ended(Outcome::Success),
    }
}

/// pgaudit's numbers of the held statements that the failed one is or contains: what a function ran on the
/// way has the number of the statement that called it.
fn failed_ids(held: &[Held], entry: &Entry<'_>) -> Vec<i64> {
    let failed = entry.get(Part::Statement);
    held.iter()
        .filter(|h| is_part_of(&h.text, failed))
        .filter_map(|h| h.statement_id)
        .collect()
}

fn broken(held: &Held, entry: &Entry<'_>, is_other_transaction: bool, failed: &[i64]) -> Verdict {
    if is_other_transaction || entry.get(Part::Ps).starts_with("idle") {
        return Verdict::Ended(Outcome::Success);
    }
    let outcome = match failure(entry) {
        Outcome::Aborted => Outcome::Aborted,
        // pgaudit writes once permission is given: what is refused then came later.
        Outcome::Denied if held.statement_id.is_none() => Outcome::Denied,
        _ => Outcome::Failure,
    };
    let Some(text) = entry.opt(Part::Statement) else {
        return Verdict::Ended(outcome);
    };
    if is_part_of(&held.text, text) || held.statement_id.is_some_and(|id| failed.contains(&id)) {
        return Verdict::Ended(outcome);
    }
    // Errors of class 42 without a context arise before anything runs: what was held is another statement.
    let is_before_running =
        entry.get(Part::StateCode).starts_with("42") && entry.opt(Part::Context).is_none();
    Verdict::Ended(if is_before_running {
        Outcome::Success
    } else {
        Outcome::Unknown
    })
}

/// Whether the held statement is the failed one, one of several in its text, or the prepared one that it
/// executes.
fn is_part_of(held: &str, failed: &str) -> bool {
    let begins = |text: &str, word: &str| {
        text.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    let failed = failed.trim();
    held.is_empty()
        || failed.contains(held)
        || held.contains(failed)
        || begins(failed, "execute") && begins(held, "prepare")
}
