//! Deadlines as a calendar file (RFC 5545): one entry a duty, under a name that stays the same.

use crate::duty::{Due, Duty, State};
use ambit_event::Timestamp;

/// The calendar of a case. A rule that is not verified is tentative, and its entry says so first.
#[must_use]
pub fn calendar_of(case: &str, duties: &[Duty], now: Timestamp) -> String {
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Ambit//disclose//EN".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(&format!("Deadlines of {case}"))),
    ];
    for duty in duties {
        lines.extend(entry(case, duty, now));
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

fn entry(case: &str, duty: &Duty, now: Timestamp) -> Vec<String> {
    let (deadline, is_verified) = match &duty.due {
        Due::By(deadline) => (deadline, true),
        Due::Unverified {
            would_be: Some(deadline),
            ..
        } => (deadline, false),
        _ => return Vec::new(),
    };
    let is_sure = is_verified && duty.owed.is_yes();
    let doubt = match (is_verified, is_sure) {
        (false, _) => "rule unverified: ",
        (true, false) => "depends: ",
        (true, true) => "",
    };
    let sent = matches!(duty.state, State::Sent { .. } | State::SentLate { .. });
    let mut said = vec![
        format!("due until {}", deadline.told),
        format!("to {}", duty.recipient),
    ];
    said.extend(
        deadline
            .later_reading
            .iter()
            .map(|later| format!("a later reading: {}, because {}", later.until, later.because)),
    );
    said.extend(
        duty.asks
            .iter()
            .map(|ask| format!("to be known: {}", ask.question)),
    );
    said.extend(
        duty.citations
            .iter()
            .map(|c| format!("{c} (confidence {})", c.confidence.letter())),
    );
    vec![
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}", escaped(&uid(case, duty))),
        format!("DTSTAMP:{}", instant(now)),
        format!("DTSTART:{}", instant(deadline.until)),
        format!(
            "SUMMARY:{}",
            escaped(&format!("{doubt}{} ({})", duty.title, duty.regime))
        ),
        format!("DESCRIPTION:{}", escaped(&said.join("\n"))),
        format!("STATUS:{}", if is_sure { "CONFIRMED" } else { "TENTATIVE" }),
        format!("TRANSP:{}", if sent { "TRANSPARENT" } else { "OPAQUE" }),
        "END:VEVENT".to_owned(),
    ]
}

/// The same for the same duty of the same case, whatever the deadline: a calendar then moves the entry.
fn uid(case: &str, duty: &Duty) -> String {
    let safe = |text: &str| -> String {
        let fits = |c: char| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '.'
            }
        };
        text.chars().map(fits).collect()
    };
    format!("{}.{}.{}@ambit", safe(&duty.id), safe(&duty.regime), safe(case))
}

/// UTC, whole seconds, rounded down: an entry is never later than the end.
fn instant(at: Timestamp) -> String {
    let seconds = at.0.div_euclid(1_000_000_000);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |at| at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Lines of at most 75 bytes, cut between characters; the rest begins with a space.
fn folded(line: &str) -> String {
    const MOST: usize = 75;
    let (mut out, mut used) = (String::with_capacity(line.len() + 8), 0);
    for c in line.chars() {
        if used + c.len_utf8() > MOST {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_lines_are_folded_between_characters() {
        assert_eq!(escaped("a,b;c\\d\ne\rf"), "a\\,b\\;c\\\\d\\nef");
        let long = format!("SUMMARY:{}", "ö".repeat(60));
        let folded = folded(&long);
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", "").trim_end(), long);
    }

    #[test]
    fn an_instant_is_told_in_utc() {
        assert_eq!(instant(Timestamp(1_999_999_999)), "19700101T000001Z");
    }
}
