//! One line of the audit log: `[node=HOST ]type=KIND msg=audit(SECONDS.MILLIS:SERIAL): name=value …`, and what
//! its values say.

use super::syscalls;
use crate::formats::syslog;
use crate::time::{self, Clock};
use crate::{RejectReason, json};
use ambit_event::printable;
use std::borrow::Cow;

/// The head of a line, by which the records of one event find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head<'a> {
    pub host: Option<&'a str>,
    pub kind: &'a str,
    /// Seconds and milliseconds as they were written.
    pub stamp: Cow<'a, str>,
    pub clock: Clock,
    pub serial: i64,
    pub body: &'a str,
    /// Whether names stand for numbers, as `ausearch -i` writes it.
    pub is_interpreted: bool,
}

/// One record: its kind and what it says, with hexadecimal texts decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part<'a> {
    pub kind: Cow<'a, str>,
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Words that belong to no field: `avc: denied { read } for`.
    pub words: Vec<&'a str>,
    /// The whole text, where it can be read in several ways.
    pub unsure: Option<&'a str>,
}

const SECOND: i64 = 1_000_000_000;

/// Reads the head of a line; a syslog frame may stand before it.
pub fn head(line: &str) -> Result<Head<'_>, RejectReason> {
    let wrong = |why: &str| RejectReason::new(format!("{why}: `{}`", printable(line, 60)));
    let (before, rest) = line
        .split_once("audit(")
        .ok_or_else(|| wrong("`type=… msg=audit(seconds.millis:serial):` was expected"))?;
    let before = before.strip_suffix("msg=").unwrap_or(before).trim_end();
    let (frame, kind) = before
        .rsplit_once("type=")
        .filter(|(frame, kind)| {
            let is_apart = frame.is_empty() || frame.ends_with([' ', '\t']);
            is_apart && !kind.is_empty() && !kind.contains(char::is_whitespace)
        })
        .ok_or_else(|| wrong("the record has no type"))?;
    let (stamp, body) = rest.split_once(')').ok_or_else(|| wrong("`)` is missing"))?;
    let id = || {
        RejectReason::field(
            "msg",
            format!("`{}` is no seconds.millis:serial", printable(stamp, 40)),
        )
    };
    let (stamp, serial) = stamp.split_once(':').ok_or_else(id)?;
    let serial = serial.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(id)?;
    let clock = stamp
        .contains('.')
        .then(|| time::parse_epoch_in(stamp, SECOND))
        .flatten()
        .ok_or_else(id)?;
    Ok(Head {
        host: host(frame),
        kind,
        stamp: Cow::Borrowed(stamp),
        clock,
        serial,
        body: body.strip_prefix(':').unwrap_or(body),
        is_interpreted: false,
    })
}

/// The host of what stands before a record: `node=HOST`, a syslog frame, or both.
fn host(frame: &str) -> Option<&str> {
    let node = frame
        .split(' ')
        .find_map(|word| word.strip_prefix("node="))
        .filter(|node| !node.is_empty());
    node.or_else(|| syslog::host_of(frame))
}

/// Reads what a record says.
pub fn part<'a>(kind: &'a str, body: &'a str) -> Part<'a> {
    let mut part = Part {
        kind: syscalls::kind(kind),
        ..Part::default()
    };
    let (raw, enriched) = body.split_once('\u{1d}').unwrap_or((body, ""));
    part.take(raw, Level::Record);
    part.take(enriched, Level::Record);
    part.join_arguments();
    part
}

impl<'a> Part<'a> {
    /// The value of a field that says something.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(key, _)| key == name)?;
        says(&found.1)
    }

    fn take(&mut self, text: &'a str, level: Level) {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let len = rest.find([' ', '=']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(len);
            let Some(after) = after.strip_prefix('=') else {
                self.words.push(name);
                rest = after.trim_start();
                continue;
            };
            // What a program of the user's said comes in single quotes and has fields of its own.
            if level == Level::Record
                && name == "msg"
                && let Some(inner) = after.strip_prefix('\'')
            {
                let (inner, after) = inner.rsplit_once('\'').unwrap_or((inner, ""));
                self.take(inner, Level::Message);
                rest = after.trim_start();
                continue;
            }
            let (value, after) = value(after);
            self.add(name, value);
            rest = after.trim_start();
        }
    }

    fn add(&mut self, name: &'a str, value: Value<'a>) {
        let name = name.trim_start_matches('(');
        // `old auid=1 new auid=2`, as kernels before 3.17 write it.
        let prefix = self.words.pop_if(|word| matches!(*word, "old" | "new"));
        let name = match prefix {
            Some(prefix) => Cow::Owned(format!("{prefix}-{name}")),
            None => Cow::Borrowed(name),
        };
        let value = match value {
            Value::Quoted(text) => Cow::Borrowed(text),
            Value::Bare(text) => match decoded(&self.kind, &name, text) {
                Some(decoded) => Cow::Owned(decoded),
                None => Cow::Borrowed(text),
            },
        };
        if !name.is_empty() {
            self.fields.push((name, value));
        }
    }

    /// Long arguments come in pieces: `a1_len=… a1[0]=… a1[1]=…`.
    fn join_arguments(&mut self) {
        if self.kind != "EXECVE" {
            return;
        }
        let mut joined: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::with_capacity(self.fields.len());
        for (name, value) in self.fields.drain(..) {
            let Some((argument, _)) = name.split_once('[') else {
                if !name.ends_with("_len") {
                    joined.push((name, value));
                }
                continue;
            };
            match joined.last_mut().filter(|(last, _)| last == argument) {
                Some((_, whole)) => whole.to_mut().push_str(&value),
                None => joined.push((Cow::Owned(argument.to_owned()), value)),
            }
        }
        self.fields = joined;
    }
}

/// A value that says something: neither of the ways to write that nothing is known.
pub fn says(value: &str) -> Option<&str> {
    (!matches!(value, "" | "?" | "(null)" | "(none)" | "(unknown)")).then_some(value)
}

/// Where a field stands. A message within a message is none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Record,
    Message,
}

/// Bytes of a group in braces at most, so that braces that never close cost nothing.
const LONGEST_GROUP: usize = 4096;

enum Value<'a> {
    Quoted(&'a str),
    Bare(&'a str),
}

fn value(text: &str) -> (Value<'_>, &str) {
    let enclosed = match text.as_bytes().first() {
        Some(b'"') => text[1..].split_once('"'),
        Some(b'\'') => text[1..].split_once('\''),
        Some(b'{') => {
            let bytes = text.as_bytes();
            let end = memchr::memchr(b'}', &bytes[..bytes.len().min(LONGEST_GROUP)]);
            end.map(|end| (&text[1..end], &text[end + 1..]))
        }
        _ => None,
    };
    if let Some((inner, after)) = enclosed {
        return (Value::Quoted(inner.trim()), after.trim_start_matches([',', ')']));
    }
    let len = text.find(' ').unwrap_or(text.len());
    let (value, after) = text.split_at(len);
    let value = value.strip_suffix(',').unwrap_or(value);
    let value = match value.strip_suffix(')') {
        Some(inner) if !inner.contains('(') => inner,
        _ => value,
    };
    (Value::Bare(value), after)
}

/// Fields whose text is written in hexadecimal where it holds blanks, quotes or bytes beyond ASCII.
const ENCODED: &[&str] = &[
    "acct",
    "cmd",
    "comm",
    "cwd",
    "data",
    "dir",
    "exe",
    "file",
    "grp",
    "key",
    "name",
    "ocomm",
    "path",
    "proctitle",
    "sw",
    "unit",
    "vm",
    "watch",
    "root_dir",
    "invalid_context",
    "device",
    "new_group",
    "subj_name",
];

/// The text that a bare value stands for; `None` where it stands for itself.
fn decoded(kind: &str, name: &str, value: &str) -> Option<String> {
    let is_argument = kind == "EXECVE"
        && name
            .strip_prefix('a')
            .is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
        && !name.ends_with("_len");
    if !is_argument && !ENCODED.contains(&name) {
        return None;
    }
    let bytes = hex_bytes(value)?;
    // A text that needs no encoding is not encoded: this is a number or a word of hexadecimal letters.
    let needs = |b: &u8| *b < 0x21 || *b == b'"' || *b > 0x7e;
    let needs_none = !bytes.iter().any(needs);
    let is_number = name == "acct" && bytes.iter().any(|b| *b < 0x09);
    if needs_none && !is_argument && name != "proctitle" || is_number {
        return None;
    }
    let separated: Vec<u8> = match name {
        // The arguments of a command line end in zeros; several keys are parted by ones.
        "proctitle" | "cmd" | "data" => bytes.iter().map(|b| if *b == 0 { b' ' } else { *b }).collect(),
        "key" => bytes.iter().map(|b| if *b == 1 { b',' } else { *b }).collect(),
        _ => bytes,
    };
    Some(
        String::from_utf8_lossy(&separated)
            .trim_end_matches([' ', '\0'])
            .to_owned(),
    )
}

/// The bytes that a text of hexadecimal digits names.
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(json::hex_byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(line: &str) -> String {
        let head = head(line).unwrap();
        let part = part(head.kind, head.body);
        let fields: Vec<_> = part.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        format!("{} {} | {}", part.kind, fields.join(";"), part.words.join(" "))
    }

    #[test]
    fn values_are_decoded() {
        for (line, expected) in [
            (
                "type=EXECVE msg=audit(1.5:7): argc=3 a0=\"sh\" a1=2D63 a2=6C73202D6C",
                "EXECVE argc=3;a0=sh;a1=-c;a2=ls -l | ",
            ),
            (
                "type=EXECVE msg=audit(1.5:7): a1_len=9 a1[0]=6162 a1[1]=\"c\"",
                "EXECVE a1=abc | ",
            ),
            (
                "type=PROCTITLE msg=audit(1.5:7): proctitle=62617368002D63",
                "PROCTITLE proctitle=bash -c | ",
            ),
            (
                "type=USER_ACCT msg=audit(1.5:7): pid=1 uid=0 msg='op=PAM:accounting acct=\"it's\" addr=? res=success'",
                "USER_ACCT pid=1;uid=0;op=PAM:accounting;acct=it's;addr=?;res=success | ",
            ),
            (
                "type=USER_AUTH msg=audit(1.5:7): user pid=1 msg='PAM: authentication acct=\"a\" : exe=\"/x\" (hostname=?, addr=192.0.2.7, terminal=ssh res=failed)'",
                "USER_AUTH pid=1;acct=a;exe=/x;hostname=?;addr=192.0.2.7;terminal=ssh;res=failed | user PAM: authentication :",
            ),
            (
                "type=LOGIN msg=audit(1.5:7): pid=1 old auid=4 new auid=5",
                "LOGIN pid=1;old-auid=4;new-auid=5 | ",
            ),
            (
                "type=USER_LOGIN msg=audit(1.5:7): pid=1 msg='op=login acct=1000 res=failed'\u{1d}UID=\"root\" SADDR={ saddr_fam=inet }",
                "USER_LOGIN pid=1;op=login;acct=1000;res=failed;UID=root;SADDR=saddr_fam=inet | ",
            ),
            (
                "type=1400 audit(1.5:7): apparmor=\"DENIED\" name=2F746D702F6120",
                "AVC apparmor=DENIED;name=/tmp/a | ",
            ),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn hostile_bodies_end_soon() {
        for piece in ["msg='", "a={ ", "a=\" ", "a1[0]=41 ", "old ", "(=)"] {
            let body = piece.repeat(100_000);
            let part = part("EXECVE", &body);
            assert!(part.fields.len() + part.words.len() <= 100_000, "{piece}");
        }
    }

    #[test]
    fn heads_are_read_or_refused() {
        for (line, host) in [
            ("type=X msg=audit(1.5:7): a=b", None),
            ("node=web-1 type=X msg=audit(1.5:7):", Some("web-1")),
            (
                "May 23 10:00:00 gw audispd: type=X msg=audit(1.5:7): ",
                Some("gw"),
            ),
            (
                "<13>May 23 10:00:00 gw audisp-syslog[5]: node=w type=X msg=audit(1.5:7): ",
                Some("w"),
            ),
        ] {
            assert_eq!(head(line).unwrap().host, host, "{line}");
        }
        for line in [
            "",
            "type=X",
            "type= msg=audit(1.5:7): a",
            "msg=audit(1.5:7): a",
            "type=X msg=audit(1:7): a",
            "type=X msg=audit(1.5): a",
            "type=X msg=audit(): a",
            "type=X msg=audit(1.5:-7): a",
            "xtype=X msg=audit(1.5:7): a",
            "type=a b msg=audit(1.5:7): a",
        ] {
            assert!(head(line).is_err(), "{line}");
        }
    }
}
