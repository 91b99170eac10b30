//! Instants and durations as producers write them: found in a record's fields, and written again.
//!
//! A form stands in a template behind the name of what it writes: `${time_ns|c +0000}` for
//! `21/May/2014:18:25:08 +0000`, `#{end_ns|s3}` for `1400630400.407`. What is found is written again and compared before
//! it is believed, so that a form never says anything but what stood there.

use super::schema::civil;
use ambit_event::Event;

/// What is behind the `|`: how an instant or a duration is written.
///
/// `c +0200` is the time of nginx and Apache, with its offset. `iT.3Z` is ISO 8601: the sign between date and time, the
/// sign before the fraction and its digits where there are any, then what follows. `s3` are seconds with three digits
/// behind the point, `u3` thousandths of a second.
const DIVIDER: char = '|';

const NANOS: i64 = 1_000_000_000;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// A longer text is no instant.
const LONGEST: usize = 40;

/// What a row says of when it happened, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct When {
    pub time: i64,
    pub duration: Option<i64>,
}

impl From<&Event> for When {
    fn from(event: &Event) -> Self {
        Self {
            time: event.time.0,
            duration: event.duration,
        }
    }
}

/// The names of what can be written.
const TIME: &str = "time_ns";
const END: &str = "end_ns";
const DURATION: &str = "duration_ns";

impl When {
    fn named(self, name: &str) -> Option<i64> {
        match name {
            TIME => Some(self.time),
            END => self.time.checked_add(self.duration?),
            DURATION => self.duration,
            _ => None,
        }
    }

    /// What a name and a form, with the divider between, stand for.
    pub fn written(self, name: &str) -> Option<String> {
        let (name, form) = name.split_once(DIVIDER)?;
        let mut text = String::new();
        write(self.named(name)?, form, &mut text)?;
        Some(text)
    }
}

/// Finds forms. It keeps its texts, so that nothing is allocated for most values.
#[derive(Default)]
pub(super) struct Finder {
    form: String,
    text: String,
    found: String,
}

impl Finder {
    /// The name and the form that stand for a text, with the divider between.
    pub fn find(&mut self, text: &str, when: When) -> Option<&str> {
        let bytes = text.as_bytes();
        if text.len() > LONGEST || !bytes.first()?.is_ascii_digit() {
            return None;
        }
        let name = if bytes.get(4) == Some(&b'-') || bytes.get(2) == Some(&b'/') {
            self.shape_of_time(text)?;
            self.first_that_fits(text, when, &[TIME, END])?
        } else {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 || text.ends_with('.') {
                return None;
            }
            self.find_number(text, whole.len(), fraction.len(), when)?
        };
        self.found.clear();
        self.found.extend([name, "|"]);
        self.found.push_str(&self.form);
        Some(&self.found)
    }

    fn find_number(
        &mut self,
        text: &str,
        n_whole: usize,
        n_fraction: usize,
        when: When,
    ) -> Option<&'static str> {
        if n_fraction > 0 {
            self.number('s', n_fraction);
            return match n_whole {
                9.. => self.first_that_fits(text, when, &[TIME, END]),
                _ => self.first_that_fits(text, when, &[DURATION]),
            };
        }
        if n_whole >= 9 {
            let digits = [(9..=10, 0), (12..=13, 3), (15..=16, 6), (18..=19, 9)];
            let (_, digits) = digits.into_iter().find(|(range, _)| range.contains(&n_whole))?;
            self.number('u', digits);
            return self.first_that_fits(text, when, &[TIME, END]);
        }
        when.duration?;
        [3, 6, 0].into_iter().find_map(|digits| {
            self.number('u', digits);
            self.first_that_fits(text, when, &[DURATION])
        })
    }

    fn number(&mut self, kind: char, digits: usize) {
        self.form.clear();
        self.form.push(kind);
        self.form
            .push(char::from(b'0' + u8::try_from(digits).unwrap_or(0)));
    }

    /// The form that a text would have, were it an instant.
    fn shape_of_time(&mut self, text: &str) -> Option<()> {
        self.form.clear();
        if text.as_bytes().get(2) == Some(&b'/') {
            self.form.push('c');
            self.form.push_str(text.get(20..)?);
            return Some(());
        }
        let rest = text.get(19..)?;
        self.form.push('i');
        self.form
            .push_str(text.get(10..11).filter(|sign| matches!(*sign, "T" | " "))?);
        let sign = rest.get(..1).filter(|sign| matches!(*sign, "." | ","));
        let suffix = match sign {
            None => rest,
            Some(sign) => {
                let n = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                if !(1..=9).contains(&n) {
                    return None;
                }
                self.form.push_str(sign);
                self.form.push(char::from(b'0' + u8::try_from(n).unwrap_or(0)));
                &rest[1 + n..]
            }
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'+' | b'-' | b':');
        self.form.push_str(suffix);
        suffix.bytes().all(is_plain).then_some(())
    }

    fn first_that_fits(&mut self, text: &str, when: When, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| {
            self.text.clear();
            let written = when
                .named(name)
                .and_then(|nanos| write(nanos, &self.form, &mut self.text));
            written.is_some() && self.text == text
        })
    }
}

/// Writes an instant or a duration in a form; `None` where that is none.
fn write(nanos: i64, form: &str, text: &mut String) -> Option<()> {
    let (kind, rest) = form.split_at_checked(1)?;
    match kind {
        "c" => {
            let (date, secs) = date_and_secs(nanos, offset_of(rest.strip_prefix(' ')?)?)?;
            let month = MONTHS.get(usize::try_from(date.1).ok()?.checked_sub(1)?)?;
            two_digits(date.2, text);
            text.extend(["/", month, "/"]);
            digits(date.0, 4, text);
            text.push(':');
            clock(secs, text);
            text.push_str(rest);
        }
        "i" => write_iso(nanos, rest, text)?,
        "s" | "u" => {
            let n = usize::from(rest.parse::<u8>().ok().filter(|n| *n <= 9 && rest.len() == 1)?);
            let nanos = u64::try_from(nanos).ok()?;
            let below = nanos % NANOS.unsigned_abs() / 10_u64.pow(9 - u32::try_from(n).ok()?);
            let whole = i64::try_from(nanos / NANOS.unsigned_abs()).ok()?;
            if kind == "s" {
                digits(whole, 1, text);
                text.push_str(if n > 0 { "." } else { "" });
                digits(below.cast_signed(), n, text);
            } else if whole == 0 || n == 0 {
                digits(if n == 0 { whole } else { below.cast_signed() }, 1, text);
            } else {
                digits(whole, 1, text);
                digits(below.cast_signed(), n, text);
            }
        }
        _ => return None,
    }
    Some(())
}

fn write_iso(nanos: i64, form: &str, text: &mut String) -> Option<()> {
    let (between, rest) = form.split_at_checked(1)?;
    let (fraction, suffix) = match rest.split_at_checked(2) {
        Some((fraction, suffix)) if fraction.starts_with(['.', ',']) => (fraction, suffix),
        _ => ("", rest),
    };
    // A zone's name is taken for UTC's; where it is another's, what is written is not what stood there.
    let offset = offset_of(suffix.trim_start()).unwrap_or(0);
    let (date, secs) = date_and_secs(nanos, offset)?;
    digits(date.0, 4, text);
    text.push('-');
    two_digits(date.1, text);
    text.push('-');
    two_digits(date.2, text);
    text.push_str(between);
    clock(secs, text);
    if let Some((sign, n)) = fraction.split_at_checked(1) {
        let n = n.parse::<u32>().ok().filter(|n| (1..=9).contains(n))?;
        text.push_str(sign);
        let width = usize::try_from(n).ok()?;
        digits(nanos.rem_euclid(NANOS) / 10_i64.pow(9 - n), width, text);
    }
    text.push_str(suffix);
    Some(())
}

/// Seconds of an offset such as `+0200` or `-05:30`.
fn offset_of(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (text.get(1..3)?, text.get(3..)?);
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    let number = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| is_number)
    };
    Some(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}

/// Year, month and day, and the seconds since midnight, so many seconds east of Greenwich. Only years of four digits.
fn date_and_secs(nanos: i64, offset: i64) -> Option<((i64, i64, i64), i64)> {
    let secs = nanos.div_euclid(NANOS).checked_add(offset)?;
    let date = civil(secs.div_euclid(86_400));
    (1000..=9999)
        .contains(&date.0)
        .then(|| (date, secs.rem_euclid(86_400)))
}

fn clock(secs: i64, text: &mut String) {
    two_digits(secs / 3600, text);
    text.push(':');
    two_digits(secs / 60 % 60, text);
    text.push(':');
    two_digits(secs % 60, text);
}

fn two_digits(number: i64, text: &mut String) {
    digits(number, 2, text);
}

/// A number that is not negative, with zeros before it up to this width.
fn digits(number: i64, width: usize, text: &mut String) {
    let mut shown = [b'0'; 20];
    let (mut rest, mut n) = (number.unsigned_abs(), 0);
    while rest > 0 || n < width.min(20) {
        n += 1;
        shown[20 - n] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    text.extend(shown[20 - n..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// 2014-05-21T00:00:00.407Z, and 1.365 seconds.
    const WHEN: When = When {
        time: 1_400_630_400_407_000_000,
        duration: Some(1_365_000_000),
    };

    fn found(text: &str) -> Option<String> {
        let mut finder = Finder::default();
        let found = finder.find(text, WHEN)?.to_owned();
        assert_eq!(WHEN.written(&found).as_deref(), Some(text), "{found}");
        Some(found)
    }

    #[test]
    fn times_are_found_as_producers_write_them() {
        for (text, expected) in [
            ("21/May/2014:00:00:00 +0000", "time_ns|c +0000"),
            ("20/May/2014:19:00:00 -0500", "time_ns|c -0500"),
            ("21/May/2014:00:00:01 +0000", "end_ns|c +0000"),
            ("2014-05-21T00:00:00Z", "time_ns|iTZ"),
            ("2014-05-21T00:00:00.407000Z", "time_ns|iT.6Z"),
            ("2014-05-21 00:00:00,407", "time_ns|i ,3"),
            ("2014-05-21 00:00:00.407 UTC", "time_ns|i .3 UTC"),
            ("2014-05-21T02:00:00+02:00", "time_ns|iT+02:00"),
            ("1400630400.407", "time_ns|s3"),
            ("1400630401.772", "end_ns|s3"),
            ("1400630400", "time_ns|u0"),
            ("1400630400407", "time_ns|u3"),
            ("1.365", "duration_ns|s3"),
            ("1.365000", "duration_ns|s6"),
            ("1365", "duration_ns|u3"),
            ("1365000", "duration_ns|u6"),
        ] {
            assert_eq!(found(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_of_the_row_is_none() {
        for text in [
            "",
            "2014",
            "2014-05-21",
            "21/Mai/2014:00:00:00 +0000",
            "21/May/2014:00:00:00",
            "2014-05-21T00:00:00.Z",
            "2014-05-21T00:00:00.4070000000Z",
            "2014-05-21T00:00:00é",
            "2014-05-21T02:00:00 CEST",
            "2014-05-21T00:00:00\"",
            "1400630400.",
            "1400630400.408",
            "01365",
            "1.3650000000",
            "-1.365",
            "1.2.3",
            "12345678901",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_form_is_noticed() {
        for name in [
            "",
            "time_ns",
            "time_ns|",
            "|s3",
            "x|s3",
            "time_ns|s",
            "time_ns|s33",
            "time_ns|sé",
            "time_ns|c",
            "time_ns|i",
            "time_ns|é",
            "time_ns|iT.x",
            "time_ns|c 0000",
            "time_ns|u+",
        ] {
            assert_eq!(WHEN.written(name), None, "{name}");
        }
        let bare = When {
            duration: None,
            ..WHEN
        };
        assert_eq!(bare.written("end_ns|s3"), None);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_stood_there(
            time in any::<i64>(),
            duration in prop::option::of(any::<i64>()),
            form in "(time|end|duration)_ns\\|(c [+-][0-2][0-9]:?[0-5][0-9]|i[T ]([.,][1-9])?(Z|| UTC|[+-][01][0-9]:[0-5][0-9])|[su][0-9])",
            noise in "[0-9/.:T -]{0,30}",
        ) {
            let when = When { time, duration };
            for text in when.written(&form).into_iter().chain([noise]) {
                let mut finder = Finder::default();
                if let Some(found) = finder.find(&text, when) {
                    prop_assert_eq!(when.written(found), Some(text));
                }
            }
        }

        #[test]
        fn no_form_makes_it_panic(name in ".{0,20}", form in "[cisu].{0,8}", time in any::<i64>()) {
            let when = When { time, duration: Some(time) };
            let _ = when.written(&name);
            let _ = when.written(&format!("time_ns|{form}"));
            let _ = Finder::default().find(&name, when);
        }
    }
}
