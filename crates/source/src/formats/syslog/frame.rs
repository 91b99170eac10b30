//! The frame around a syslog message: RFC 3164, RFC 5424, and the dialects between them.

use crate::RejectReason;
use crate::time::{self, Clock};
use ambit_event::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;

/// One record's frame and what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    pub pri: Option<u8>,
    /// Of RFC 5424 frames only.
    pub version: Option<&'a str>,
    /// As it was written.
    pub timestamp: &'a str,
    /// The severity in words, where it stands in the host's place: Chrome OS.
    pub level: Option<&'a str>,
    pub hostname: Option<&'a str>,
    pub program: Option<&'a str>,
    pub pid: Option<&'a str>,
    pub msgid: Option<&'a str>,
    pub data: Vec<Element<'a>>,
    pub message: &'a str,
}

/// One element of structured data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element<'a> {
    pub id: &'a str,
    pub params: Vec<(&'a str, Cow<'a, str>)>,
}

/// Reads the frame; the time is left as text.
///
/// # Errors
/// A reject where no time stands where a frame has one.
pub fn parse(text: &str) -> Result<Frame<'_>, RejectReason> {
    let (pri, rest) = priority(uncounted(text)?);
    if let Some((version, rest)) = rest.split_once(' ')
        && pri.is_some()
        && version.len() <= 2
        && version.bytes().all(|b| b.is_ascii_digit())
    {
        return rfc5424(rest, pri, version);
    }
    let (timestamp, rest) = timestamp(rest).ok_or_else(|| {
        RejectReason::field(
            "timestamp",
            format!(
                "expected a syslog time, found `{}`",
                rest.chars().take(40).collect::<String>()
            ),
        )
    })?;
    Ok(Frame {
        pri,
        timestamp,
        ..tagged(rest.trim_start_matches(' '))
    })
}

/// Octet counting, as it is captured from TCP: `123 <34>…`. Where the next frame follows in the same line, nothing but
/// the counts tells the two apart.
fn uncounted(text: &str) -> Result<&str, RejectReason> {
    let Some((count, rest)) = counted(text) else {
        return Ok(text);
    };
    let next = count.parse().ok().and_then(|count: usize| rest.get(count..));
    match next.and_then(counted) {
        Some(_) => Err(RejectReason::new(
            "several octet-counted frames stand in this line: write each to a line of its own (RFC 6587, 3.4.1)",
        )),
        None => Ok(rest),
    }
}

fn counted(text: &str) -> Option<(&str, &str)> {
    let (count, rest) = text.split_once(' ')?;
    let is_count = !count.is_empty() && count.len() < 7 && count.bytes().all(|b| b.is_ascii_digit());
    (is_count && rest.starts_with('<')).then_some((count, rest))
}

fn priority(text: &str) -> (Option<u8>, &str) {
    let found = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    match found.and_then(|(number, rest)| Some((number.parse::<u8>().ok().filter(|n| *n <= 191)?, rest))) {
        Some((pri, rest)) => (Some(pri), rest.trim_start_matches(' ')),
        None => (None, text),
    }
}

/// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA[ MSG]`
fn rfc5424<'a>(rest: &'a str, pri: Option<u8>, version: &'a str) -> Result<Frame<'a>, RejectReason> {
    let mut parts = rest.splitn(6, ' ');
    let mut next = |name: &str| {
        parts
            .next()
            .filter(|p| !p.is_empty())
            .ok_or_else(|| RejectReason::field(name, "is missing from this RFC 5424 frame"))
    };
    let known = |part: &'a str| Some(part).filter(|p| *p != "-");
    let timestamp = next("timestamp")?;
    let hostname = known(next("hostname")?);
    let program = known(next("app-name")?);
    let pid = known(next("procid")?);
    let msgid = known(next("msgid")?);
    let (data, message) = structured(parts.next().unwrap_or("-"))?;
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    Ok(Frame {
        pri,
        version: Some(version),
        timestamp,
        level: None,
        hostname,
        program,
        pid,
        msgid,
        data,
        message,
    })
}

/// `[id name="value" …][…] message`, `- message`, or a message alone, as some senders leave the data out.
fn structured(text: &str) -> Result<(Vec<Element<'_>>, &str), RejectReason> {
    if let Some(rest) = text
        .strip_prefix('-')
        .filter(|r| r.is_empty() || r.starts_with(' '))
    {
        return Ok((Vec::new(), rest.strip_prefix(' ').unwrap_or(rest)));
    }
    let (mut elements, mut rest) = (Vec::new(), text);
    while let Some(inner) = rest.strip_prefix('[') {
        let Some((element, after)) = element(inner) else {
            if elements.is_empty() {
                return Ok((elements, text));
            }
            return Err(RejectReason::field(
                "structured-data",
                "does not end as RFC 5424 says",
            ));
        };
        elements.push(element);
        rest = after;
    }
    Ok((elements, rest.strip_prefix(' ').unwrap_or(rest)))
}

fn element(text: &str) -> Option<(Element<'_>, &str)> {
    let end = text.find([' ', ']'])?;
    let (id, mut rest) = text.split_at(end);
    let mut params = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some((Element { id, params }, after));
        }
        let (name, value) = rest.strip_prefix(' ')?.split_once("=\"")?;
        let (value, after) = param_value(value)?;
        if name.contains([' ', ']', '"']) {
            return None;
        }
        params.push((name, value));
        rest = after;
    }
}

/// Up to the closing quote; `\"`, `\\` and `\]` stand for themselves.
fn param_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let bytes = text.as_bytes();
    let (mut at, mut is_escaped) = (0, false);
    while *bytes.get(at)? != b'"' {
        let step = if bytes[at] == b'\\' { 2 } else { 1 };
        (is_escaped, at) = (is_escaped || step == 2, at + step);
    }
    let value = &text[..at];
    let value = if is_escaped {
        Cow::Owned(
            value
                .replace("\\\"", "\"")
                .replace("\\]", "]")
                .replace("\\\\", "\\"),
        )
    } else {
        Cow::Borrowed(value)
    };
    Some((value, &text[at + 1..]))
}

/// The time at the head, and what follows: `Oct 11 22:14:15[.123]`, the same with a year, or ISO 8601.
fn timestamp(text: &str) -> Option<(&str, &str)> {
    let end = match text.as_bytes().get(..4)? {
        year if year.iter().all(u8::is_ascii_digit) => iso_end(text)?,
        _ => bsd_end(text)?,
    };
    Some((text.get(..end)?, text.get(end..)?))
}

/// `2014-05-23T10:00:00.123456+02:00`
fn iso_end(text: &str) -> Option<usize> {
    let end = text.find(' ').unwrap_or(text.len());
    let is_iso = text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(10) == Some(&b'T');
    (is_iso && time::parse_iso(&text.as_bytes()[..end], &TimeZone::UTC).is_some()).then_some(end)
}

fn bsd_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    time::month(bytes.get(..3)?)?;
    let mut at = spaces(bytes, 3)?;
    at = digits(bytes, at, 2)?;
    at = spaces(bytes, at)?;
    if bytes.get(at + 4) == Some(&b' ') {
        at = spaces(bytes, digits(bytes, at, 4)?)?;
    }
    let clock = bytes.get(at..at + 8)?;
    if clock[2] != b':' || clock[5] != b':' {
        return None;
    }
    at += 8;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        at += 1 + bytes[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
    }
    matches!(bytes.get(at), Some(b' ' | b':') | None).then_some(if bytes.get(at) == Some(&b':') {
        at + 1
    } else {
        at
    })
}

fn spaces(bytes: &[u8], at: usize) -> Option<usize> {
    let n = bytes.get(at..)?.iter().take_while(|b| **b == b' ').count();
    (n > 0).then_some(at + n)
}

fn digits(bytes: &[u8], at: usize, most: usize) -> Option<usize> {
    let n = bytes
        .get(at..)?
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count();
    (n > 0).then_some(at + n)
}

/// `host program[pid]: message`, `program[pid]: message`, `host message`.
fn tagged(rest: &str) -> Frame<'_> {
    if let Some(frame) = tag(rest) {
        return frame;
    }
    let (host, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.trim_start_matches(' ');
    let level = Some(host).filter(|host| LEVELS.contains(host));
    // `--- last message repeated 5 times ---` has no host.
    let hostname = Some(host).filter(|h| !h.is_empty() && *h != "---" && level.is_none());
    let frame = tag(rest).unwrap_or(Frame {
        message: rest,
        ..Frame::default()
    });
    Frame {
        level,
        hostname,
        ..frame
    }
}

/// Severities as Chrome OS writes them.
const LEVELS: &[&str] = &[
    "EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG",
];

/// `program[pid]: message` or `program: message`; the program has no space in it.
fn tag(text: &str) -> Option<Frame<'_>> {
    let end = text.find(['[', ':', ' '])?;
    let program = Some(&text[..end]).filter(|p| !p.is_empty())?;
    let rest = &text[end..];
    if let Some(inner) = rest.strip_prefix('[') {
        let (pid, after) = inner.split_once(']')?;
        let after = after
            .strip_prefix(':')
            .or_else(|| after.starts_with(' ').then_some(after))?;
        let pid = Some(pid).filter(|p| !p.contains(' '))?;
        return Some(Frame {
            program: Some(program),
            pid: Some(pid),
            message: untab(after),
            ..Frame::default()
        });
    }
    let after = rest
        .strip_prefix(':')
        .filter(|r| r.is_empty() || r.starts_with(' '))?;
    Some(Frame {
        program: Some(program),
        message: untab(after),
        ..Frame::default()
    })
}

/// One space belongs to the frame, more belong to the message.
fn untab(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

/// The instant of a frame's time. One that leaves the year out has the latest year in which it is not
/// later than a day after the file was last written.
///
/// # Errors
/// A reject where the time is none, or leaves the year out and nobody knows when the file was written.
pub fn instant(text: &str, zone: &TimeZone, modified: Option<Timestamp>) -> Result<Clock, RejectReason> {
    let bad = |why: &str| {
        RejectReason::field(
            "timestamp",
            format!("`{}` {why}", text.chars().take(40).collect::<String>()),
        )
    };
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return time::parse_iso(text.as_bytes(), zone).ok_or_else(|| bad("is no time"));
    }
    let (year, rest) = split_year(text).ok_or_else(|| bad("is no time"))?;
    if let Some(year) = year {
        return time::parse_iso(format!("{year}{rest}").as_bytes(), zone).ok_or_else(|| bad("is no time"));
    }
    let modified =
        modified.ok_or_else(|| bad("leaves the year out, and nothing says when the file was written"))?;
    let latest = modified.plus_secs(86_400);
    let this_year = 1970 + modified.day().div_euclid(365) + 1;
    (0..10)
        .filter_map(|back| time::parse_iso(format!("{:04}{rest}", this_year - back).as_bytes(), zone))
        .find(|clock| clock.at <= latest)
        .ok_or_else(|| bad("is no time"))
}

/// `Oct 11 [2014 ]22:14:15` as the year and `-10-11T22:14:15`.
fn split_year(text: &str) -> Option<(Option<String>, String)> {
    let mut words = text.trim_end_matches(':').split(' ').filter(|w| !w.is_empty());
    let month = time::month(words.next()?.as_bytes())?;
    let day: u8 = words.next()?.parse().ok()?;
    let (third, fourth) = (words.next()?, words.next());
    let (year, clock) = match fourth {
        Some(clock) => (Some(third.to_owned()), clock),
        None => (None, third),
    };
    Some((year, format!("-{month:02}-{day:02}T{clock}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_dialects_are_framed() {
        for (text, host, program, pid, message) in [
            (
                "<34>Oct 11 22:14:15 gw su: failed",
                Some("gw"),
                Some("su"),
                None,
                "failed",
            ),
            (
                "Oct  1 22:14:15 gw sshd[7]: hi",
                Some("gw"),
                Some("sshd"),
                Some("7"),
                "hi",
            ),
            ("Oct 11 22:14:15 sshd[7]: hi", None, Some("sshd"), Some("7"), "hi"),
            (
                "Oct 11 2014 22:14:15 gw kernel: [ 1.2] x",
                Some("gw"),
                Some("kernel"),
                None,
                "[ 1.2] x",
            ),
            (
                "2014-05-23T10:00:00.5+02:00 gw postfix/smtpd[8]: x",
                Some("gw"),
                Some("postfix/smtpd"),
                Some("8"),
                "x",
            ),
            (
                "<13>2014-05-23T10:00:00Z gw app - x",
                Some("gw"),
                None,
                None,
                "app - x",
            ),
            (
                "2014-05-23T10:00:00.5-07:00 INFO cleanup[8]: x",
                None,
                Some("cleanup"),
                Some("8"),
                "x",
            ),
            (
                "Oct 11 22:14:15: --- last message repeated 5 times ---",
                None,
                None,
                None,
                "last message repeated 5 times ---",
            ),
            (
                "<165>1 2014-05-23T10:00:00Z gw app 9 ID47 - \u{feff}x: y",
                Some("gw"),
                Some("app"),
                Some("9"),
                "x: y",
            ),
            (
                "77 <165>1 2014-05-23T10:00:00Z - app - - - x",
                None,
                Some("app"),
                None,
                "x",
            ),
        ] {
            let frame = parse(text).unwrap();
            assert_eq!(
                (frame.hostname, frame.program, frame.pid, frame.message),
                (host, program, pid, message),
                "{text}"
            );
        }
        for text in [
            "",
            "hello",
            "<999>x",
            "<34>1",
            "<34>1 - -",
            "Oct 11",
            "Oct 99x99:99:99 a",
            "2014-05-23 nope",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn structured_data_is_read() {
        let frame = parse(
            r#"<165>1 2014-05-23T10:00:00Z gw app - - [meta sequenceId="29"][x@1 a="q\"\]\\" b=""] hi"#,
        )
        .unwrap();
        assert_eq!(frame.message, "hi");
        assert_eq!(
            frame.data[0],
            Element {
                id: "meta",
                params: vec![("sequenceId", "29".into())]
            }
        );
        assert_eq!(frame.data[1].params, [("a", "q\"]\\".into()), ("b", "".into())]);
        assert!(parse(r#"<165>1 2014-05-23T10:00:00Z gw app - - [meta a="1"][x a="1" hi"#).is_err());
    }

    #[test]
    fn a_missing_year_is_the_latest_that_fits() {
        let written = Timestamp::parse("2014-03-01T00:00:00Z").ok();
        for (text, expected) in [
            ("Feb 28 23:00:00", "2014-02-28T23:00:00Z"),
            ("Mar  1 12:00:00", "2014-03-01T12:00:00Z"),
            ("Mar  2 12:00:00", "2013-03-02T12:00:00Z"),
            ("Feb 29 12:00:00.250", "2012-02-29T12:00:00.25Z"),
            ("Oct 11 2011 22:14:15", "2011-10-11T22:14:15Z"),
        ] {
            assert_eq!(
                instant(text, &TimeZone::UTC, written).unwrap().at.to_string(),
                expected,
                "{text}"
            );
        }
        assert!(instant("Feb 28 23:00:00", &TimeZone::UTC, None).is_err());
    }
}
