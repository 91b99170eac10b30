//! Times as producers write them. Every reading comes with the resolution of what was written.

use ambit_event::Timestamp;
use jiff::civil;
use jiff::tz::{Offset, TimeZone};

const SECOND: i64 = 1_000_000_000;

/// An instant, and within how many nanoseconds after it the truth lies (the last digit's worth).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub at: Timestamp,
    pub resolution: i64,
}

impl Clock {
    #[must_use]
    pub const fn new(at: Timestamp, resolution: i64) -> Self {
        Self { at, resolution }
    }
}

/// A zone by its IANA name, `Z`, `UTC`, or an offset such as `+02:00` or `-0700`.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" | "utc" | "Z" | "GMT" => Some(TimeZone::UTC),
        _ if name.starts_with(['+', '-']) => {
            let offset = Offset::from_seconds(offset_seconds(name.as_bytes())?).ok()?;
            Some(TimeZone::fixed(offset))
        }
        _ => TimeZone::get(name).ok(),
    }
}

/// Reads an instant in one of the forms that need no pattern: RFC 3339 and its looser kin (a space for
/// the `T`, a comma for the point, no zone: then `zone`), the web servers' `23/May/2014:10:00:00 +0000`,
/// and seconds, milli-, micro- or nanoseconds since 1970, told apart by their size.
#[must_use]
pub fn parse(text: &str, zone: &TimeZone) -> Option<Clock> {
    let text = text.trim();
    let bytes = text.as_bytes();
    match bytes.get(4) {
        Some(b'-' | b'/') => parse_iso(bytes, zone),
        _ if bytes.get(2) == Some(&b'/') => parse_clf(text),
        _ => parse_epoch(text),
    }
}

/// A unit of time in nanoseconds.
#[must_use]
pub fn unit(name: &str) -> Option<i64> {
    match name {
        "s" => Some(1_000_000_000),
        "ms" => Some(1_000_000),
        "us" => Some(1_000),
        "ns" => Some(1),
        _ => None,
    }
}

/// `23/May/2014:10:00:00 +0000`
#[must_use]
pub fn parse_clf(text: &str) -> Option<Clock> {
    let b = text.as_bytes();
    if b.len() < 26 || b[2] != b'/' || b[6] != b'/' || b[11] != b':' || b[14] != b':' || b[17] != b':' {
        return None;
    }
    let month = month(&b[3..6])?;
    let date = civil::Date::new(i16::try_from(number(&b[7..11])?).ok()?, month, small(&b[0..2])?).ok()?;
    let mut at = 20;
    let (nanos, resolution) = fraction(b, &mut at)?;
    let offset = offset_seconds(text.get(at..)?.trim_start().as_bytes())?;
    instant(
        date,
        (number(&b[12..14])?, number(&b[15..17])?, number(&b[18..20])?),
        nanos,
        offset,
        resolution,
    )
}

/// `2014-05-23T10:00:00.123Z`, `2014-05-23 10:00:00,123 +02:00`, `2014/05/23 10:00:00` and the like.
#[must_use]
pub fn parse_iso(b: &[u8], zone: &TimeZone) -> Option<Clock> {
    if b.len() < 19
        || b[7] != b[4]
        || !matches!(b[10], b'T' | b't' | b' ' | b'_')
        || b[13] != b':'
        || b[16] != b':'
    {
        return None;
    }
    let year = i16::try_from(number(&b[0..4])?).ok()?;
    let date = civil::Date::new(year, small(&b[5..7])?, small(&b[8..10])?).ok()?;
    let hms = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
    let mut at = 19;
    let (nanos, resolution) = fraction(b, &mut at)?;
    let rest = b[at..].trim_ascii_start();
    match rest {
        [] => local(date, hms, nanos, resolution, zone),
        [b'Z' | b'z'] | b"UTC" | b"GMT" => instant(date, hms, nanos, 0, resolution),
        _ => instant(date, hms, nanos, offset_seconds(rest)?, resolution),
    }
}

/// Seconds, milli-, micro- or nanoseconds since 1970, told apart by their size: the same number of years
/// around now means a thousand times as many milliseconds. A decimal point is read as such; what may be a
/// spreadsheet's number of days is no time.
#[must_use]
pub fn parse_epoch(text: &str) -> Option<Clock> {
    let whole = text.split('.').next()?;
    // Days since 1900, as a spreadsheet writes what was a time: from 1954 to 2173. As seconds it would be the first
    // day of 1970.
    if whole.len() == 5 && whole.parse::<u32>().is_ok_and(|days| days >= 20_000) {
        return None;
    }
    let whole = whole.trim_start_matches('-').len();
    let unit = match whole {
        0..=11 => SECOND,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    parse_epoch_in(text, unit)
}

/// A decimal number of units of so many nanoseconds since 1970.
#[must_use]
pub fn parse_epoch_in(text: &str, unit: i64) -> Option<Clock> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let is_negative = whole.starts_with('-');
    let units: i64 = whole.parse().ok()?;
    let scale = 10i128.pow(u32::try_from(digits.len()).ok()?);
    let part: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let part = i64::try_from(part * i128::from(unit) / scale).ok()?;
    let nanos = units
        .checked_mul(unit)?
        .checked_add(if is_negative { -part } else { part })?;
    let resolution = i64::try_from(i128::from(unit) / scale).ok()?.max(1);
    Some(Clock::new(Timestamp(nanos), resolution))
}

/// Reads an instant by a `strptime` pattern. Where the pattern has no zone, `zone` is taken.
#[must_use]
pub fn parse_pattern(text: &str, pattern: &str, zone: &TimeZone) -> Option<Clock> {
    let broken = jiff::fmt::strtime::parse(pattern, text).ok()?;
    let date = broken.to_date().ok()?;
    let hms =
        [broken.hour(), broken.minute(), broken.second()].map(|n| u32::try_from(n.unwrap_or(0)).unwrap_or(0));
    let nanos = i64::from(broken.subsec_nanosecond().unwrap_or(0));
    let resolution = if pattern.contains(".f") || pattern.contains("%f") {
        fraction_worth(text)
    } else {
        SECOND
    };
    match broken.offset() {
        Some(offset) => instant(
            date,
            (hms[0], hms[1], hms[2]),
            nanos,
            offset.seconds(),
            resolution,
        ),
        None => local(date, (hms[0], hms[1], hms[2]), nanos, resolution, zone),
    }
}

/// What the last digit of the first fraction in a text is worth.
fn fraction_worth(text: &str) -> i64 {
    let bytes = text.as_bytes();
    let point = bytes.iter().enumerate().find(|(at, b)| {
        matches!(b, b'.' | b',')
            && *at >= 2
            && bytes[at - 2..*at].iter().all(u8::is_ascii_digit)
            && bytes[..*at].contains(&b':')
    });
    let mut at = point.map_or(bytes.len(), |(at, _)| at);
    fraction(bytes, &mut at).map_or(SECOND, |(_, worth)| worth)
}

/// A duration written as a decimal number of units of so many nanoseconds; negative ones are none.
#[must_use]
pub fn parse_duration(text: &str, unit: i64) -> Option<i64> {
    let clock = parse_epoch_in(text, unit)?;
    (clock.at.0 >= 0).then_some(clock.at.0)
}

/// A length of time as people write it: `90s`, `2m`, `24h`, `7d`; in nanoseconds.
#[must_use]
pub fn parse_span(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds: i64 = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let n: i64 = digits.parse().ok().filter(|n| *n > 0)?;
    n.checked_mul(seconds)?.checked_mul(SECOND)
}

fn instant(
    date: civil::Date,
    hms: (u32, u32, u32),
    nanos: i64,
    offset: i32,
    resolution: i64,
) -> Option<Clock> {
    let (h, m, s) = hms;
    if h > 23 || m > 59 || s > 60 {
        return None;
    }
    let days = days_from_civil(
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    );
    let secs = days * 86_400 + i64::from(h * 3600 + m * 60 + s) - i64::from(offset);
    Some(Clock::new(
        Timestamp(secs.checked_mul(SECOND)?.checked_add(nanos)?),
        resolution,
    ))
}

/// A time without a zone. Where clocks are set back the same reading comes twice: then the instant is the
/// earlier one, and the doubt reaches to the later.
fn local(
    date: civil::Date,
    hms: (u32, u32, u32),
    nanos: i64,
    resolution: i64,
    zone: &TimeZone,
) -> Option<Clock> {
    if let Ok(offset) = zone.to_fixed_offset() {
        return instant(date, hms, nanos, offset.seconds(), resolution);
    }
    let (h, m, s) = hms;
    let time = civil::Time::new(small2(h)?, small2(m)?, small2(s.min(59))?, 0).ok()?;
    let leap = if s == 60 { SECOND } else { 0 };
    let reading = zone.to_ambiguous_zoned(civil::DateTime::from_parts(date, time));
    let doubt = match reading.offset() {
        jiff::tz::AmbiguousOffset::Fold { before, after } => {
            i64::from(before.seconds() - after.seconds()) * SECOND
        }
        _ => 0,
    };
    let at = Timestamp::from_jiff(reading.compatible().ok()?.timestamp())?.plus_nanos(leap + nanos);
    Some(Clock::new(at, resolution + doubt))
}

/// Days since 1970-01-01 of a day in the Gregorian calendar (Hinnant's algorithm).
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The month of a three-letter English name.
#[must_use]
pub fn month(name: &[u8]) -> Option<i8> {
    const NAMES: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
    ];
    let at = NAMES.iter().position(|n| n.eq_ignore_ascii_case(name))?;
    i8::try_from(at + 1).ok()
}

/// A fraction at `at` (`.123` or `,123`): its nanoseconds, and what its last digit is worth.
fn fraction(b: &[u8], at: &mut usize) -> Option<(i64, i64)> {
    if !matches!(b.get(*at), Some(b'.' | b',')) {
        return Some((0, SECOND));
    }
    let digits = b[*at + 1..].iter().take_while(|d| d.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let (mut nanos, mut worth) = (0, SECOND);
    for d in b[*at + 1..].iter().take(digits.min(9)) {
        worth /= 10;
        nanos += i64::from(d - b'0') * worth;
    }
    *at += 1 + digits;
    Some((nanos, worth))
}

/// `+02:00`, `-0700`, `+02`, `Z` as seconds east.
fn offset_seconds(b: &[u8]) -> Option<i32> {
    if matches!(b, b"Z" | b"z") {
        return Some(0);
    }
    let sign = match b.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (h, m) = match b.len() {
        3 => (number(&b[1..3])?, 0),
        5 => (number(&b[1..3])?, number(&b[3..5])?),
        6 if b[3] == b':' => (number(&b[1..3])?, number(&b[4..6])?),
        _ => return None,
    };
    if h > 24 || m > 59 {
        return None;
    }
    Some(sign * i32::try_from(h * 3600 + m * 60).ok()?)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, &d| {
        let d = d.is_ascii_digit().then(|| u32::from(d - b'0'))?;
        n.checked_mul(10)?.checked_add(d)
    })
}

fn small(digits: &[u8]) -> Option<i8> {
    small2(number(digits)?)
}

fn small2(n: u32) -> Option<i8> {
    i8::try_from(n).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, i64)> {
        parse(text, &TimeZone::UTC).map(|c| (c.at.to_string(), c.resolution))
    }

    #[test]
    fn usual_forms_are_read_with_their_resolution() {
        for (text, at, resolution) in [
            ("23/May/2014:12:00:05 +0200", "2014-05-23T10:00:05Z", SECOND),
            ("2014-05-23T10:00:05Z", "2014-05-23T10:00:05Z", SECOND),
            ("2014-05-23T10:00:05+00:00", "2014-05-23T10:00:05Z", SECOND),
            (
                "2014-05-23 12:00:05,250 +0200",
                "2014-05-23T10:00:05.25Z",
                1_000_000,
            ),
            ("2014/05/23 10:00:05", "2014-05-23T10:00:05Z", SECOND),
            ("1400839205", "2014-05-23T10:00:05Z", SECOND),
            ("1400839205.250", "2014-05-23T10:00:05.25Z", 1_000_000),
            ("1400839205250", "2014-05-23T10:00:05.25Z", 1_000_000),
            ("1400839205250000000", "2014-05-23T10:00:05.25Z", 1),
            ("29/Feb/2016:00:00:00 -0700", "2016-02-29T07:00:00Z", SECOND),
        ] {
            assert_eq!(read(text), Some((at.to_owned(), resolution)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in [
            "",
            "-",
            "yesterday",
            "31/Feb/2014:10:00:00 +0000",
            "23/May/9999:10:00:00 +0000",
            "23/May/2014:25:00:00 +0000",
            "2014-05-23T10:00:05+99:99",
            "2014-13-01T00:00:00Z",
            "99999999999999999999999",
            "1.2.3",
            "2014-05-23T10:00:05 PM",
            "日本語日本語日本語日本語日本語",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_read_what_has_no_usual_form() {
        let read = |text, pattern| {
            parse_pattern(text, pattern, &TimeZone::UTC).map(|c| (c.at.to_string(), c.resolution))
        };
        let second = Some(("2014-05-23T10:00:05Z".to_owned(), SECOND));
        assert_eq!(read("23.05.2014 10:00:05", "%d.%m.%Y %H:%M:%S"), second);
        assert_eq!(
            read("May 23, 2014 12:00:05 +0200", "%b %d, %Y %H:%M:%S %z"),
            second
        );
        let milli = Some(("2014-05-23T10:00:05.25Z".to_owned(), 1_000_000));
        assert_eq!(read("23.05.2014 10:00:05.250", "%d.%m.%Y %H:%M:%S%.f"), milli);
        assert_eq!(read("23.05.2014", "%d.%m.%Y %H:%M:%S"), None);
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(parse_span("24h"), Some(86_400 * SECOND));
        assert_eq!(parse_span("90s"), Some(90 * SECOND));
        for text in ["", "24", "h", "-1h", "0s", "1w", "9999999999999d"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_a_doubt_of_an_hour() {
        let stockholm = zone("Europe/Stockholm").unwrap_or(TimeZone::UTC);
        let clock = parse("2014-10-26 02:30:00", &stockholm).map(|c| (c.at.to_string(), c.resolution));
        assert_eq!(clock, Some(("2014-10-26T00:30:00Z".to_owned(), 3601 * SECOND)));
    }

    #[test]
    fn a_zone_is_a_name_or_an_offset() {
        let text = "2014-05-23 12:00:05";
        for name in ["Europe/Stockholm", "+02:00", "+0200"] {
            let at = zone(name).and_then(|z| parse(text, &z)).map(|c| c.at.to_string());
            assert_eq!(at.as_deref(), Some("2014-05-23T10:00:05Z"), "{name}");
        }
        assert!(zone("Mars/Olympus").is_none());
    }
}
