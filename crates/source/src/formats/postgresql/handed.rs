//! Messages that the server hands to the host's log: by `log_destination = syslog`, numbered and cut into pieces,
//! or line by line, as the journal keeps what a service writes on standard error.

use super::{Form, Outer, Postgresql, mapping, session, stderr};
use crate::{Context, Decoder, Output, RawRecord, redact};
use ambit_event::{Event, Provenance, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;

/// Messages at most of which further pieces are awaited.
const MOST_OPEN: usize = 256;
/// Bytes of one message at most; further pieces stay as they are.
const MOST_BYTES: usize = 1 << 20;
/// Nanoseconds of the log after which no further piece is awaited: they are sent one behind the other.
const PATIENCE: i64 = 5_000_000_000;

/// Whether a program of this name is the server.
pub fn is_program(name: &str) -> bool {
    matches!(name, "postgres" | "postgresql" | "postmaster")
}

/// What the host's log says of a message.
pub struct Frame {
    /// The event that the message is where nothing more is known of it.
    pub plain: Event,
    /// The name under which the frame's own fields are kept.
    pub name: &'static str,
    pub fields: Value,
    /// Whether the process that the frame names is the session's: what stands on standard error comes to the
    /// journal as the words of the process that the service began with.
    pub is_session: bool,
}

/// A message whose pieces are still coming in.
struct Open {
    frame: Frame,
    /// The number of the message in its session; none where the server was told to leave numbers out.
    sequence: Option<u64>,
    n_pieces: u64,
    text: String,
    raw: Vec<u8>,
    offset: u64,
    line: u64,
}

/// The servers that speak in one file.
pub struct Handed {
    server: Postgresql,
    open: VecDeque<Open>,
}

impl Handed {
    pub fn new(context: &Context) -> Self {
        let lines = stderr::Lines::handed();
        Self {
            server: Postgresql::new(context, Form::Stderr(Box::new(lines))),
            open: VecDeque::new(),
        }
    }

    /// Takes in a message or a piece of one; gives the plain event back where it is none that can be read.
    pub fn take(
        &mut self,
        frame: Frame,
        message: &str,
        record: &RawRecord<'_>,
        out: &mut Output,
    ) -> Option<Event> {
        let (number, text) = numbered(message);
        self.close_until(frame.plain.time.plus_nanos(-PATIENCE), out);
        let before = self
            .open
            .iter()
            .rposition(|open| is_of_one(&open.frame.plain, &frame.plain));
        if let Some(at) = before {
            if let Some(open) = self.open.get_mut(at).filter(|open| open.goes_on(number, &text)) {
                open.add(&text, record);
                return None;
            }
            self.close(at, out);
        }
        let is_first = number.is_none_or(|(_, piece)| piece == 1);
        let host_length = frame.plain.host.as_ref().map_or(0, String::len);
        if !is_first || !stderr::has_severity(&text) || host_length > session::LONGEST_NAME {
            return Some(frame.plain);
        }
        if self.open.len() >= MOST_OPEN {
            self.close(0, out);
        }
        self.open.push_back(Open {
            frame,
            sequence: number.map(|(sequence, _)| sequence),
            n_pieces: 1,
            text,
            raw: record.bytes.to_vec(),
            offset: record.offset,
            line: record.line,
        });
        None
    }

    /// The first byte of what is held back.
    pub fn held_from(&self) -> Option<u64> {
        let open = self.open.iter().map(|open| open.offset).min();
        open.into_iter().chain(self.server.held_from()).min()
    }

    pub fn finish(&mut self, out: &mut Output) {
        while !self.open.is_empty() {
            self.close(0, out);
        }
        let n_losses = out.losses.len();
        self.server.finish(out);
        name_losses(out, n_losses, None);
    }

    fn close_until(&mut self, until: Timestamp, out: &mut Output) {
        while self
            .open
            .front()
            .is_some_and(|open| open.frame.plain.time < until)
        {
            self.close(0, out);
        }
    }

    /// Reads a message of which nothing more is awaited.
    fn close(&mut self, at: usize, out: &mut Output) {
        let Some(open) = self.open.remove(at) else {
            return;
        };
        let provenance = Provenance {
            offset: open.offset,
            length: open.raw.len() as u64,
            line: open.line,
            ..Provenance::default()
        };
        let mut plain = open.frame.plain;
        self.server.outer = Some(Outer {
            at: plain.time,
            precision: plain.precision,
            host: plain.host.clone(),
            pid: plain.process_pid.filter(|_| open.frame.is_session),
            id: plain.id,
            frame: (open.frame.name, open.frame.fields),
            raw: open.raw,
        });
        let record = RawRecord {
            bytes: open.text.as_bytes(),
            offset: open.offset,
            line: open.line,
        };
        let (n_events, n_losses) = (out.events.len(), out.losses.len());
        let result = self.server.decode(&record, out);
        name_losses(out, n_losses, plain.host.as_ref());
        let outer = self.server.outer.take();
        if result.is_err() {
            out.events.truncate(n_events);
            if open.n_pieces > 1 {
                let text = redact::text(&self.server.context.keys, &open.text);
                plain.message = Some(text.into_owned());
            }
            (plain.raw, plain.provenance) = (outer.map_or_else(Vec::new, |outer| outer.raw), provenance);
            out.push(plain);
        }
    }
}

impl Open {
    /// Whether a piece of the same process goes on with this message.
    fn goes_on(&self, number: Option<(u64, u64)>, text: &str) -> bool {
        let is_next = match number {
            Some((sequence, piece)) => {
                piece > 1 && self.sequence == Some(sequence) && piece == self.n_pieces + 1
            }
            None => self.sequence.is_none() && (text.starts_with('\t') || !stderr::begins(text.as_bytes())),
        };
        is_next && self.text.len() + text.len() <= MOST_BYTES
    }

    /// A piece begins where a line does, with a tab or a prefix of its own, or within a line that was too long.
    fn add(&mut self, text: &str, record: &RawRecord<'_>) {
        if text.starts_with('\t') || !text.starts_with(' ') && !stderr::begins(text.as_bytes()) {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.raw.push(b'\n');
        self.raw.extend_from_slice(record.bytes);
        self.n_pieces += 1;
    }
}

/// What the server lost is no other source's.
fn name_losses(out: &mut Output, n_before: usize, host: Option<&String>) {
    for loss in out.losses.iter_mut().skip(n_before) {
        mapping::SOURCE.clone_into(&mut loss.source);
        loss.host = host.cloned();
    }
}

fn is_of_one(one: &Event, other: &Event) -> bool {
    one.process_pid == other.process_pid && one.host == other.host
}

/// `[3-2] text`: the number of the message, and that of the piece.
fn numbered(message: &str) -> (Option<(u64, u64)>, String) {
    let found = message.strip_prefix('[').and_then(|rest| {
        let (number, rest) = rest.split_once(']')?;
        let (sequence, piece) = number.split_once('-')?;
        let number = (sequence.parse().ok()?, piece.parse().ok()?);
        Some((number, rest.strip_prefix(' ').unwrap_or(rest)))
    });
    match found {
        Some((number, text)) => (Some(number), unescaped(text)),
        None => (None, unescaped(message)),
    }
}

/// Line ends and the tabs behind them, which syslog servers write as `#012` and `#011`. Elsewhere these may be
/// words of a statement and stay.
fn unescaped(text: &str) -> String {
    let mut lines = text.split("#012");
    let mut whole = untabbed(lines.next().unwrap_or(""));
    for line in lines {
        let is_line = line.starts_with("#011") || !stderr::begins(line.as_bytes());
        whole.push_str(if is_line { "\n" } else { "#012" });
        whole.push_str(&untabbed(line));
    }
    whole
}

fn untabbed(line: &str) -> String {
    let rest = line.trim_start_matches("#011");
    "\t".repeat((line.len() - rest.len()) / "#011".len()) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_numbered_and_their_tabs_are_escaped() {
        for (message, number, text) in [
            ("[3-1] LOG:  x", Some((3, 1)), "LOG:  x"),
            ("[3-2] #011#011from t", Some((3, 2)), "\t\tfrom t"),
            ("[3-2]  word", Some((3, 2)), " word"),
            ("[77] LOG:  x", None, "[77] LOG:  x"),
            ("LOG:  a#012#011b#012DETAIL:  c", None, "LOG:  a\n\tb\nDETAIL:  c"),
            ("LOG:  colour '#012345'", None, "LOG:  colour '#012345'"),
            ("[", None, "["),
        ] {
            assert_eq!(numbered(message), (number, text.to_owned()), "{message}");
        }
    }
}
