//! Records as `ausearch -i` writes them: names for numbers, a time of the machine that ran it in its locale's form, and
//! texts without quotes. Whoever chooses a text can write what looks like further fields into it: what the kernel
//! writes before all texts is certain, and of other names that stand twice none is taken. Nothing vanishes by that: the
//! whole text is kept beside, and what tells of a file or a command reaches to the end then.

use super::arguments;
use super::record::{Head, Part};
use crate::time::{self, Clock};
use crate::{Context, RejectReason};
use ambit_event::printable;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::collections::HashSet;

/// Which of two numbers between slashes is the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    MonthFirst,
    DayFirst,
}

/// How the dates of a file are written.
#[derive(Debug)]
pub struct Dates {
    zone: TimeZone,
    /// As somebody said, or as a date showed that can be read in one way only.
    order: Option<Order>,
}

impl Dates {
    pub fn new(context: &Context) -> Self {
        let said = context.log_format.as_deref();
        let place = |mark: &str| said.and_then(|pattern| pattern.find(mark));
        let order = place("%m")
            .zip(place("%d"))
            .map(|(month, day)| match month < day {
                true => Order::MonthFirst,
                false => Order::DayFirst,
            });
        Self {
            zone: context.time_zone.clone(),
            order,
        }
    }

    /// `11/23/2026 11:33:43.123`, `23.11.2026 …`, `2026-11-23 …`
    fn clock(&mut self, written: &str) -> Result<Clock, RejectReason> {
        let wrong = |why: &str| RejectReason::field("msg", format!("`{}` {why}", printable(written, 40)));
        let (date, clock) = written
            .split_once(' ')
            .ok_or_else(|| wrong("is no date and time"))?;
        let numbers: Option<Vec<u32>> = date.split(['/', '.', '-']).map(|n| n.parse().ok()).collect();
        let Some([a, b, c]) = numbers.as_deref().and_then(|n| <[u32; 3]>::try_from(n).ok()) else {
            return Err(wrong("is no date in numbers: run ausearch without -i"));
        };
        let (year, month, day) = match date.find(['/', '.', '-']) {
            Some(4) => (a, b, c),
            _ => {
                let order = self.order(date, a, b).ok_or_else(|| {
                    wrong(
                        "may name the day or the month first: say so with --log-format %m/%d/%Y or %d/%m/%Y",
                    )
                })?;
                let year = if c < 100 { c + 2000 } else { c };
                match order {
                    Order::MonthFirst => (year, a, b),
                    Order::DayFirst => (year, b, a),
                }
            }
        };
        let iso = format!("{year:04}-{month:02}-{day:02} {clock}");
        time::parse_iso(iso.as_bytes(), &self.zone).ok_or_else(|| wrong("is no time"))
    }

    fn order(&mut self, date: &str, a: u32, b: u32) -> Option<Order> {
        if date.contains('.') || a == b {
            return Some(Order::DayFirst);
        }
        let shown = match (a > 12, b > 12) {
            (true, false) => Some(Order::DayFirst),
            (false, true) => Some(Order::MonthFirst),
            _ => None,
        };
        if self.order.is_none() {
            self.order = shown;
        }
        // A date that can only be read another way than those before it is read that way, or not at all.
        shown.or(self.order)
    }
}

/// Whether a line is such a record.
pub fn is_record(line: &str) -> bool {
    stamp(line).is_some_and(|(_, stamp, _)| stamp.contains(' '))
        && line.contains("type=")
        && line.contains("msg=audit(")
}

/// What stands before, within and behind the parentheses.
fn stamp(line: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = line.split_once("msg=audit(")?;
    let (stamp, body) = rest.split_once(')')?;
    Some((before, stamp, body))
}

/// Reads the head of a line.
pub fn head<'a>(line: &'a str, dates: &mut Dates) -> Result<Head<'a>, RejectReason> {
    let wrong = |why: &str| RejectReason::new(format!("{why}: `{}`", printable(line, 60)));
    let (before, written, body) = stamp(line).ok_or_else(|| wrong("no record of ausearch"))?;
    let mut words = before.split_ascii_whitespace();
    let host = words.clone().find_map(|word| word.strip_prefix("node="));
    let kind = words.find_map(|word| word.strip_prefix("type="));
    let kind = kind.filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| wrong("the record has no type"))?;
    let (written, serial) = written
        .rsplit_once(':')
        .ok_or_else(|| wrong("the record has no serial"))?;
    let serial = serial.parse::<i64>().ok().filter(|n| *n >= 0);
    let serial = serial.ok_or_else(|| wrong("the record has no serial"))?;
    let clock = dates.clock(written)?;
    let millis = clock.at.0.div_euclid(1_000_000);
    let body = body.trim_start();
    Ok(Head {
        host: host.filter(|host| !host.is_empty()),
        kind,
        stamp: Cow::Owned(format!(
            "{}.{:03}",
            millis.div_euclid(1000),
            millis.rem_euclid(1000)
        )),
        clock,
        serial,
        body: body.strip_prefix(':').unwrap_or(body),
        is_interpreted: true,
    })
}

/// What the kernel, or the program that speaks, writes before all that others choose.
const CERTAIN: &[&str] = &[
    "arch", "syscall", "success", "exit", "items", "ppid", "pid", "auid", "uid", "gid", "euid", "suid",
    "fsuid", "egid", "sgid", "fsgid", "tty", "ses", "old-auid", "old-ses", "op", "item", "argc",
];

/// Names of texts that tell what was touched or run. Where a record is ambiguous they reach to its end: what an intruder
/// writes into them shortens none.
const TELLING: &[&str] = &["name", "cmd", "data", "path"];

/// Ambiguous names that are told at most.
const MOST_TOLD: usize = 16;

/// Reads what a record says.
pub fn part<'a>(kind: &'a str, body: &'a str) -> Part<'a> {
    let mut part = Part {
        kind: Cow::Borrowed(kind),
        ..Part::default()
    };
    let body = body.trim();
    // Nothing follows these texts.
    let alone = match kind {
        "PROCTITLE" => Some("proctitle"),
        "CWD" => Some("cwd"),
        _ => None,
    };
    if let Some((name, text)) =
        alone.and_then(|name| Some((name, body.strip_prefix(name)?.strip_prefix('=')?)))
    {
        part.fields.push((Cow::Borrowed(name), Cow::Borrowed(text)));
        return part;
    }
    if kind == "EXECVE" && arguments::read(&mut part, body) {
        return part;
    }
    let mut found = Vec::new();
    match body.split_once("msg='") {
        Some((before, inner)) => {
            split(before, &mut found, &mut part.words);
            split(
                inner.trim_end().trim_end_matches('\''),
                &mut found,
                &mut part.words,
            );
        }
        None => split(body, &mut found, &mut part.words),
    }
    settle(&mut part, &found, body);
    part
}

/// A name, and what may be its value.
struct Found<'a> {
    name: &'a str,
    /// Up to the next name.
    value: &'a str,
    /// To the end.
    rest: &'a str,
}

impl<'a> Found<'a> {
    fn of(name: &'a str, text: &'a str, since: usize, until: usize) -> Self {
        let of = |text: Option<&'a str>| text.unwrap_or_default().trim();
        Self {
            name,
            value: of(text.get(since..until)),
            rest: of(text.get(since..)),
        }
    }
}

/// Names with all that stands up to the next one.
fn split<'a>(text: &'a str, found: &mut Vec<Found<'a>>, words: &mut Vec<&'a str>) {
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    for word in text.split(' ') {
        let name = word
            .split_once('=')
            .map(|(name, _)| name)
            .filter(|name| is_name(name));
        if let Some(name) = name {
            if let Some((before, since)) = open {
                found.push(Found::of(before, text, since, at));
            }
            open = Some((name, at + name.len() + 1));
        } else if open.is_none() && !word.is_empty() {
            words.push(word);
        }
        at += word.len() + 1;
    }
    if let Some((name, since)) = open {
        found.push(Found::of(name, text, since, text.len()));
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn settle<'a>(part: &mut Part<'a>, found: &[Found<'a>], body: &'a str) {
    let (mut names, mut repeated, mut told) = (HashSet::new(), HashSet::new(), Vec::new());
    for Found { name, .. } in found {
        if !names.insert(*name) && repeated.insert(*name) && told.len() < MOST_TOLD {
            told.push(*name);
        }
    }
    for Found { name, value, rest } in found {
        if !names.remove(name) {
            continue;
        }
        let value = match TELLING.contains(name) && !repeated.is_empty() {
            true => *rest,
            false if repeated.contains(name) && !CERTAIN.contains(name) => continue,
            false => *value,
        };
        match (&*part.kind, *name) {
            ("SOCKADDR", "saddr") => socket(part, value),
            ("SOCKADDR", name) => add(part, name, value.strip_suffix('}').unwrap_or(value).trim()),
            (_, "exit") => add(part, name, value.split('(').next().unwrap_or(value)),
            _ => add(part, name, numbered(value)),
        }
    }
    if !told.is_empty() {
        ambiguous(part, told.join(","), body);
    }
}

/// The record can be read in several ways: which names it is about, and its whole text.
pub fn ambiguous<'a>(part: &mut Part<'a>, names: String, body: &'a str) {
    part.fields.push((Cow::Borrowed("ambiguous"), Cow::Owned(names)));
    part.unsure = Some(body);
}

pub fn add<'a>(part: &mut Part<'a>, name: &'a str, value: &'a str) {
    part.fields.push((Cow::Borrowed(name), Cow::Borrowed(value)));
}

/// `inet host:192.0.2.7 serv:443`, as older versions write it; in newer ones `{`, and the parts follow.
fn socket<'a>(part: &mut Part<'a>, value: &'a str) {
    let mut words = value.trim_matches(['{', '}', ' ']).split(' ');
    let Some(family) = words.next().filter(|word| !word.is_empty()) else {
        return;
    };
    add(part, "saddr_fam", family);
    for word in words {
        for (mark, name) in [("host:", "laddr"), ("serv:", "lport")] {
            if let Some(value) = word.strip_prefix(mark) {
                add(part, name, value);
            }
        }
    }
}

/// `unknown(1001)`: a number that has no name on the machine that interpreted it.
fn numbered(value: &str) -> &str {
    let inner = value
        .strip_prefix("unknown(")
        .and_then(|rest| rest.strip_suffix(')'));
    inner.unwrap_or(value)
}

/// What ausearch writes between events.
pub fn is_separator(line: &str) -> bool {
    let line = line.trim();
    line == "----" || line.starts_with("time->")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ambit_event::Keys;

    fn dates(log_format: Option<&str>) -> Dates {
        let mut context = Context::bare(Keys::derive(&[7; 32]));
        context.log_format = log_format.map(str::to_owned);
        Dates::new(&context)
    }

    #[test]
    fn dates_are_read_in_one_way_or_not_at_all() {
        for (pattern, written, stamp) in [
            (None, "11/23/2026 11:33:43.123", Some("1795433623.123")),
            (None, "11/23/26 11:33:43.123", Some("1795433623.123")),
            (None, "23/11/2026 11:33:43.123", Some("1795433623.123")),
            (None, "23.11.2026 11:33:43.123", Some("1795433623.123")),
            (None, "2026-11-23 11:33:43.123", Some("1795433623.123")),
            (None, "11/12/2026 11:33:43.123", None),
            (
                Some("%m/%d/%Y %T"),
                "11/12/2026 11:33:43.123",
                Some("1794483223.123"),
            ),
            (
                Some("%d/%m/%Y"),
                "12/11/2026 11:33:43.123",
                Some("1794483223.123"),
            ),
            (None, "12/1/26 11:33:43.123", None),
            (Some("%m/%d/%y"), "12/1/26 11:33:43.123", Some("1796124823.123")),
            (None, "12.1.2026 11:33:43.123", Some("1768217623.123")),
            (None, "23 Nov 2026 11:33:43.123", None),
            (None, "13/13/2026 11:33:43.123", None),
        ] {
            let line = format!("type=SYSCALL msg=audit({written}:7) : arch=x86_64");
            let head = head(&line, &mut dates(pattern)).map(|head| head.stamp.into_owned());
            assert_eq!(head.ok().as_deref(), stamp, "{written}");
        }
    }

    #[test]
    fn texts_hide_no_field_and_make_none() {
        let shown = |kind: &str, body: &str| {
            let part = part(kind, body);
            let fields: Vec<_> = part.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
            fields.join(";")
        };
        for (kind, body, expected) in [
            (
                "SYSCALL",
                "syscall=execve success=no exit=EACCES(Permission denied) auid=alice uid=unknown(1001) comm=my prog exe=/tmp/a b key=(null)",
                "syscall=execve;success=no;exit=EACCES;auid=alice;uid=1001;comm=my prog;exe=/tmp/a b;key=(null)",
            ),
            (
                "SYSCALL",
                "auid=mallory comm=x auid=root exe=/bin/sh exe=/tmp/x key=k",
                "auid=mallory;comm=x;key=k;ambiguous=auid,exe",
            ),
            (
                "PROCTITLE",
                "proctitle=sh -c auid=root",
                "proctitle=sh -c auid=root",
            ),
            (
                "USER_LOGIN",
                "pid=1 uid=root auid=unset ses=unset msg='op=login acct=x addr=10.0.0.1 exe=/usr/sbin/sshd hostname=? addr=203.0.113.7 res=failed'",
                "pid=1;uid=root;auid=unset;ses=unset;op=login;acct=x;exe=/usr/sbin/sshd;hostname=?;res=failed;ambiguous=addr",
            ),
            (
                "PATH",
                "item=0 name=/tmp/a path name=b inode=7 nametype=NORMAL",
                "item=0;name=/tmp/a path name=b inode=7 nametype=NORMAL;inode=7;nametype=NORMAL;ambiguous=name",
            ),
            (
                "USER_CMD",
                "pid=1 uid=root auid=eve ses=3 msg='cwd=/ cmd=curl evil res=x|sh terminal=pts/0 res=success'",
                "pid=1;uid=root;auid=eve;ses=3;cwd=/;cmd=curl evil res=x|sh terminal=pts/0 res=success;terminal=pts/0;ambiguous=res",
            ),
            (
                "SOCKADDR",
                "saddr={ saddr_fam=inet laddr=203.0.113.7 lport=443 }",
                "saddr_fam=inet;laddr=203.0.113.7;lport=443",
            ),
            (
                "SOCKADDR",
                "saddr=inet host:203.0.113.7 serv:443",
                "saddr_fam=inet;laddr=203.0.113.7;lport=443",
            ),
        ] {
            assert_eq!(shown(kind, body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_ambiguous_is_kept_whole() {
        let body = "auid=mallory comm=x exe=/bin/sh exe=/tmp/x";
        assert_eq!(part("SYSCALL", body).unsure, Some(body));
        assert_eq!(part("SYSCALL", "auid=mallory comm=x").unsure, None);
        let names: String = (0..100_000).map(|n| format!("n{n}=a n{n}=b ")).collect();
        let part = part("SYSCALL", &names);
        let told = part.get("ambiguous").unwrap();
        assert_eq!((part.fields.len(), told.split(',').count()), (1, MOST_TOLD));
    }
}
