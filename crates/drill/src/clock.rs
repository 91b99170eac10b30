//! Instants as the producers of logs write them.

use ambit_event::Timestamp;
use std::fmt;

pub const MILLI: i64 = 1_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The ways to write an instant, each in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `2014-05-20T19:40:10+00:00`
    Offset,
    /// `2014-05-20T19:40:10.123Z`
    Millis,
    /// `2014-05-20T19:40:10.123456Z`
    Micros,
    /// `2014-05-20T19:40:10.123456+00:00`
    MicrosOffset,
    /// `2014-05-20 19:40:10.123 UTC`
    Database,
    /// `2014-05-20 19:40:10 UTC`
    DatabaseSecond,
    /// `May 20 19:40:10`
    Bsd,
    /// `20140520T194010`
    Compact,
    /// `2014-05-20_194010`
    FileSecond,
    /// `1400614810.123`
    Epoch,
    /// `2014-05-20T19:40:10Z`
    Utc,
    /// `20140520T1940Z`
    CompactMinute,
    /// `2014-05-20`
    Date,
    /// `2014/05/20`
    DatePath,
    /// `May 20, 2014, 7:40:10 PM`
    Spoken,
}

/// An instant that is displayed in a style.
#[derive(Debug, Clone, Copy)]
pub struct Written(pub Timestamp, pub Style);

/// Days since 1970-01-01 as year, month and day (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// The hour of the day, 0 to 23.
pub const fn hour_of_day(at: Timestamp) -> usize {
    (at.0.rem_euclid(24 * HOUR) / HOUR) as usize
}

/// The instant, cut to whole milliseconds, as every producer here writes it.
pub const fn to_millis(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(MILLI))
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at, style) = *self;
        let (y, mo, d) = civil(at.day());
        let in_day = at.0.rem_euclid(24 * HOUR);
        let (h, mi, s) = (in_day / HOUR, in_day / MINUTE % 60, in_day / SECOND % 60);
        let (ms, us) = (in_day / MILLI % 1000, in_day / 1000 % 1_000_000);
        match style {
            Style::Offset => write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}+00:00"),
            Style::Millis => write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms:03}Z"),
            Style::Micros => write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{us:06}Z"),
            Style::MicrosOffset => write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{us:06}+00:00"),
            Style::Database => write!(f, "{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}.{ms:03} UTC"),
            Style::DatabaseSecond => write!(f, "{y:04}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02} UTC"),
            Style::Bsd => write!(f, "{} {d:>2} {h:02}:{mi:02}:{s:02}", MONTHS[(mo - 1) as usize]),
            Style::Compact => write!(f, "{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}"),
            Style::FileSecond => write!(f, "{y:04}-{mo:02}-{d:02}_{h:02}{mi:02}{s:02}"),
            Style::Epoch => write!(f, "{}.{ms:03}", at.0.div_euclid(SECOND)),
            Style::Utc => write!(f, "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z"),
            Style::CompactMinute => write!(f, "{y:04}{mo:02}{d:02}T{h:02}{mi:02}Z"),
            Style::Date => write!(f, "{y:04}-{mo:02}-{d:02}"),
            Style::DatePath => write!(f, "{y:04}/{mo:02}/{d:02}"),
            Style::Spoken => {
                let (month, half) = (MONTHS[(mo - 1) as usize], if h < 12 { "AM" } else { "PM" });
                write!(
                    f,
                    "{month} {d}, {y:04}, {}:{mi:02}:{s:02} {half}",
                    (h + 11) % 12 + 1
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_their_producers_do() {
        let at = Timestamp(1_400_614_810_123_456_789);
        for (style, expected) in [
            (Style::Offset, "2014-05-20T19:40:10+00:00"),
            (Style::Millis, "2014-05-20T19:40:10.123Z"),
            (Style::Micros, "2014-05-20T19:40:10.123456Z"),
            (Style::Database, "2014-05-20 19:40:10.123 UTC"),
            (Style::Bsd, "May 20 19:40:10"),
            (Style::Compact, "20140520T194010"),
            (Style::Epoch, "1400614810.123"),
            (Style::Utc, "2014-05-20T19:40:10Z"),
            (Style::CompactMinute, "20140520T1940Z"),
            (Style::DatePath, "2014/05/20"),
            (Style::Spoken, "May 20, 2014, 7:40:10 PM"),
        ] {
            assert_eq!(Written(at, style).to_string(), expected);
        }
        assert_eq!(hour_of_day(at), 19);
        let leap = Timestamp::from_secs(951_782_400);
        assert_eq!(Written(leap, Style::Bsd).to_string(), "Feb 29 00:00:00");
    }
}
