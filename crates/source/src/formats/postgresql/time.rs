//! Times as PostgreSQL writes them: `2014-05-23 10:00:00.123 CEST`.

use crate::RejectReason;
use ambit_event::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SECOND: i64 = 1_000_000_000;

/// Zone abbreviations that mean one offset wherever a server is likely to run, in minutes east of UTC.
/// Those that mean several (IST, CST, BST, ...) are left out: they are resolved by the option `time_zone`.
const ABBREVIATIONS: &[(&str, i64)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("UCT", 0),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("MET", 60),
    ("MEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("EST", -300),
    ("EDT", -240),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("JST", 540),
    ("KST", 540),
    ("HKT", 480),
    ("WIB", 420),
    ("SAST", 120),
    ("EAT", 180),
    ("CAT", 120),
    ("WAT", 60),
    ("PKT", 300),
    ("AWST", 480),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
];

/// Reads log times; remembers the last zone, as it hardly ever changes within a file.
pub struct Clock {
    given: TimeZone,
    last: Option<(String, i64)>,
}

impl Clock {
    pub const fn new(given: TimeZone) -> Self {
        Self { given, last: None }
    }

    /// The instant and the nanoseconds within which it lies.
    ///
    /// # Errors
    /// A reject that says what was expected, or which option settles an ambiguous zone.
    pub fn read(&mut self, text: &str) -> Result<(Timestamp, i64), RejectReason> {
        let bad = || {
            RejectReason::field(
                "log_time",
                format!("expected YYYY-MM-DD HH:MM:SS[.mmm] ZONE, found `{}`", cut(text)),
            )
        };
        if let Some(epoch) = epoch(text) {
            return Ok(epoch);
        }
        let (local, precision, zone) = civil(text).ok_or_else(bad)?;
        let offset = match &self.last {
            Some((last, offset)) if last == zone => *offset,
            _ => {
                let offset = self.offset(zone, local)?;
                self.last = Some((zone.to_owned(), offset));
                offset
            }
        };
        let at = local.checked_sub(offset * 60 * SECOND).ok_or_else(bad)?;
        Ok((Timestamp(at), precision))
    }

    /// Minutes east of UTC.
    fn offset(&self, zone: &str, local: i64) -> Result<i64, RejectReason> {
        let by_option = || offset_in(&self.given, zone, local);
        let by_table = || {
            ABBREVIATIONS
                .iter()
                .find(|(name, _)| *name == zone)
                .map(|(_, minutes)| *minutes)
        };
        let by_name = || crate::time::zone(zone).and_then(|tz| offset_at(&tz, local));
        by_option().or_else(by_table).or_else(by_name).ok_or_else(|| {
            // `UTC-65fab650`: what follows a zone without a blank is of the prefix.
            let behind = zone.split_once('-').map_or("", |(_, rest)| rest);
            let is_stuck = behind.len() > 4 && behind.bytes().any(|b| b.is_ascii_digit());
            if is_stuck {
                return RejectReason::field(
                    "log_time",
                    format!("`{}` is no time zone alone; give the server's log_line_prefix with the option log_format", cut(zone)),
                );
            }
            RejectReason::field(
                "log_time",
                format!("the time zone `{}` can mean several offsets; name the server's zone with the option time_zone (--tz Area/City)", cut(zone)),
            )
        })
    }
}

/// The offset that this zone calls by this abbreviation at this local time.
fn offset_in(zone: &TimeZone, abbreviation: &str, local: i64) -> Option<i64> {
    let civil = to_civil(local)?;
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let (first, second) = (ambiguous.earlier().ok()?, ambiguous.later().ok()?);
    [first, second].into_iter().find_map(|at| {
        let shown = zone.to_offset_info(at);
        (shown.abbreviation() == abbreviation).then(|| i64::from(shown.offset().seconds()) / 60)
    })
}

fn offset_at(zone: &TimeZone, local: i64) -> Option<i64> {
    let at = zone.to_ambiguous_timestamp(to_civil(local)?).compatible().ok()?;
    Some(i64::from(zone.to_offset(at).seconds()) / 60)
}

fn to_civil(local: i64) -> Option<DateTime> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(local)).ok()?;
    Some(TimeZone::UTC.to_datetime(at))
}

/// `%n`: seconds since 1970 with milliseconds.
fn epoch(text: &str) -> Option<(Timestamp, i64)> {
    let (secs, millis) = text.split_once('.')?;
    let fits = matches!(secs.len(), 9 | 10) && millis.len() == 3;
    let clock = fits.then(|| crate::time::parse_epoch(text))??;
    Some((clock.at, clock.resolution))
}

/// Nanoseconds since 1970 as if the clock were UTC's, the resolution, and the zone's text.
fn civil(text: &str) -> Option<(i64, i64, &str)> {
    let end = 19
        + text
            .as_bytes()
            .get(19..)?
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
    let clock = crate::time::parse_iso(&text.as_bytes()[..end], &TimeZone::UTC)?;
    let zone = text.get(end..)?.trim();
    (!zone.is_empty()).then_some((clock.at.0, clock.resolution, zone))
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(zone: &str, text: &str) -> Result<String, String> {
        let mut clock = Clock::new(TimeZone::get(zone).unwrap());
        clock
            .read(text)
            .map(|(at, _)| at.to_string())
            .map_err(|e| e.reason)
    }

    #[test]
    fn what_sticks_to_a_zone_is_said_to_be_of_the_prefix() {
        let why = |text| Clock::new(TimeZone::UTC).read(text).unwrap_err().reason;
        assert!(why("2024-03-20 10:11:12 UTC-65fab650").contains("log_line_prefix"));
        assert!(why("2024-03-20 10:11:12 IST").contains("--tz"));
    }

    #[test]
    fn zones_are_resolved_or_asked_for() {
        for (zone, text, expected) in [
            ("UTC", "2014-05-23 10:00:00.123 UTC", "2014-05-23T10:00:00.123Z"),
            ("UTC", "2014-05-23 12:00:00.123 CEST", "2014-05-23T10:00:00.123Z"),
            ("UTC", "2014-05-23 12:00:00 +0530", "2014-05-23T06:30:00Z"),
            ("UTC", "2014-05-23 12:00:00 -03", "2014-05-23T15:00:00Z"),
            ("UTC", "2014-05-23 12:00:00 Europe/Berlin", "2014-05-23T10:00:00Z"),
            ("Asia/Kolkata", "2014-05-23 12:00:00 IST", "2014-05-23T06:30:00Z"),
            (
                "America/Chicago",
                "2014-01-23 12:00:00 CST",
                "2014-01-23T18:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2014-10-26 02:30:00 CEST",
                "2014-10-26T00:30:00Z",
            ),
            ("Europe/Berlin", "2014-10-26 02:30:00 CET", "2014-10-26T01:30:00Z"),
            ("UTC", "1400839200.250", "2014-05-23T10:00:00.25Z"),
        ] {
            assert_eq!(read(zone, text).as_deref(), Ok(expected), "{zone} {text}");
        }
        assert!(
            read("UTC", "2014-05-23 10:00:00 IST")
                .unwrap_err()
                .contains("--tz")
        );
        for text in [
            "",
            "2014-05-23",
            "2014-13-23 10:00:00 UTC",
            "2014-05-23 10:00:00",
            "2014-05-23 10:00:00. UTC",
        ] {
            assert!(read("UTC", text).is_err(), "{text}");
        }
    }
}
