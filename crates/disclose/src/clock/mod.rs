//! When a period ends: hours, calendar and business days, months, in the right zone and calendar.
//!
//! The end is the first instant that is too late. Where the law can be read in two ways the earlier end is the
//! deadline, and the later reading stands beside it with its reason.

mod calendar;

pub use calendar::{Calendar, calendar, calendar_names};

use crate::regime::{Convention, Counting, Period};
use ambit_event::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The first instant that is too late.
    pub until: Timestamp,
    /// The same as people of the place say it: `the end of 2026-03-31 (Europe/Stockholm)`.
    pub told: String,
    pub later_reading: Option<LaterReading>,
}

/// Another end that can be argued for, never earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterReading {
    pub until: Timestamp,
    pub because: String,
}

/// Why no end can be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncounted {
    /// A period of days or months ends with a day of some place, and nobody said which.
    NoZone,
    /// The end lies outside the years that are counted.
    TooFar,
}

/// Whether there is such a time zone.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The end of a period that begins with an event; `None` where the law names no length.
///
/// # Errors
/// Where no zone is known, or the years do not suffice.
pub fn end_of(
    event: Timestamp,
    period: Period,
    counting: &Counting,
    zone: Option<&str>,
) -> Result<Option<Deadline>, Uncounted> {
    let zone = || {
        counting
            .zone
            .as_deref()
            .or(zone)
            .and_then(|name| TimeZone::get(name).ok())
    };
    match period {
        Period::WithoutDelay => Ok(None),
        Period::Hours(n) => hours(event, n, counting, zone()).map(Some),
        _ => days(event, period, counting, zone().ok_or(Uncounted::NoZone)?).map(Some),
    }
}

/// Hours are elapsed time: neither a weekend nor a change of the clocks makes them longer.
fn hours(
    event: Timestamp,
    n: u32,
    counting: &Counting,
    zone: Option<TimeZone>,
) -> Result<Deadline, Uncounted> {
    let until = event.plus_secs(i64::from(n) * 3600);
    if until == Timestamp::MAX {
        return Err(Uncounted::TooFar);
    }
    let later_reading = match counting.convention {
        Convention::Plain => None,
        Convention::Eu1182 => later_hours(event, n, counting, zone.unwrap_or(TimeZone::UTC)),
    };
    Ok(Deadline {
        until,
        told: until.to_string(),
        later_reading,
    })
}

/// Regulation 1182/71: the hour of the event does not count (Art. 3(1)), and a period of two days or more holds two
/// working days (Art. 3(5)). Authorities differ on whether the second reaches periods in hours.
fn later_hours(event: Timestamp, n: u32, counting: &Counting, zone: TimeZone) -> Option<LaterReading> {
    const HOUR: i64 = 3_600_000_000_000;
    let rounded = Timestamp(
        event
            .0
            .div_euclid(HOUR)
            .checked_add(i64::from(event.0.rem_euclid(HOUR) != 0))?
            .checked_mul(HOUR)?,
    );
    let full_hours = rounded.plus_secs(i64::from(n) * 3600);
    if n < 48 {
        return (full_hours > event.plus_secs(i64::from(n) * 3600)).then(|| LaterReading {
            until: full_hours,
            because: "the hour of the event does not count (Regulation 1182/71, Art. 3(1))".to_owned(),
        });
    }
    let calendar = calendar(&counting.calendar)?;
    let first = zoned(event, &zone)?.date();
    let two_working = (0..2).try_fold(first, |day, _| calendar.next_business_day(day))?;
    let until = end_of_day(two_working, &zone)?.max(full_hours);
    Some(LaterReading {
        until,
        because: "two working days must lie in the period, and the hour of the event does not count (Regulation 1182/71, Art. 3(1) and (5)); authorities differ on whether this reaches periods in hours".to_owned(),
    })
}

fn days(
    event: Timestamp,
    period: Period,
    counting: &Counting,
    zone: TimeZone,
) -> Result<Deadline, Uncounted> {
    let calendar = calendar(&counting.calendar).ok_or(Uncounted::TooFar)?;
    let first = zoned(event, &zone).ok_or(Uncounted::TooFar)?.date();
    let last = last_day(first, period, calendar).ok_or(Uncounted::TooFar)?;
    let hour = counting.day_ends.as_ref().map(|end| end.what);
    let until = end_on(last, hour, &zone).ok_or(Uncounted::TooFar)?;
    let place = zone.iana_name().unwrap_or("UTC");
    let rolled = calendar.business_day_from(last).filter(|day| *day != last);
    let later_reading = match (counting.convention, period, rolled) {
        (Convention::Plain, _, _) | (_, Period::BusinessDays(_), _) | (_, _, None) => None,
        (Convention::Eu1182, _, Some(day)) => end_on(day, hour, &zone).map(|until| LaterReading {
            until,
            because: format!("the last day, {last}, is no working day, so the period ends with the next one (Regulation 1182/71, Art. 3(4))"),
        }),
    };
    Ok(Deadline {
        until,
        told: match hour {
            Some(hour) => format!("{} on {last} ({place})", hour.strftime("%H:%M")),
            None => format!("the end of {last} ({place})"),
        },
        later_reading,
    })
}

/// The day on which the event falls does not count.
fn last_day(first: Date, period: Period, calendar: &Calendar) -> Option<Date> {
    let plus = |day: Date, span: Span| day.checked_add(span).ok();
    match period {
        Period::CalendarDays(n) => plus(first, i64::from(n).days()),
        // The same day of a later month; where that month has none such, its last.
        Period::Months(n) => plus(first, i64::from(n).months()),
        Period::BusinessDays(n) => (0..n).try_fold(first, |day, _| calendar.next_business_day(day)),
        Period::AfterYearEnd(n) => plus(first.last_of_year(), i64::from(n).days()),
        Period::Hours(_) | Period::WithoutDelay => None,
    }
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// The end of a day, or the hour at which it ends for those who file.
fn end_on(day: Date, hour: Option<Time>, zone: &TimeZone) -> Option<Timestamp> {
    let Some(hour) = hour else {
        return end_of_day(day, zone);
    };
    let end = day.to_datetime(hour).to_zoned(zone.clone()).ok()?;
    Timestamp::from_jiff(end.timestamp())
}

/// The first instant of the next day; a day of 23 or 25 hours ends when it ends there.
fn end_of_day(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
    Timestamp::from_jiff(next.timestamp())
}

/// The day that it was somewhere.
#[must_use]
pub(crate) fn day_of(at: Timestamp, zone: Option<&str>) -> Option<Date> {
    let zone = zone
        .and_then(|name| TimeZone::get(name).ok())
        .unwrap_or(TimeZone::UTC);
    Some(zoned(at, &zone)?.date())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn counting(convention: Convention, zone: Option<&str>, calendar: &str) -> Counting {
        Counting {
            convention,
            zone: zone.map(str::to_owned),
            calendar: calendar.to_owned(),
            day_ends: None,
        }
    }

    fn end(event: &str, period: Period, counting: &Counting) -> String {
        let at = Timestamp::parse(event).unwrap();
        end_of(at, period, counting, None)
            .unwrap()
            .unwrap()
            .until
            .to_string()
    }

    #[test]
    fn hours_are_elapsed_time_over_weekends_and_changes_of_the_clocks() {
        let eu = counting(Convention::Plain, Some("Europe/Stockholm"), "weekends");
        // A Friday evening, and the night in which the clocks of Stockholm go forward.
        assert_eq!(
            end("2026-03-27T18:30:00Z", Period::Hours(72), &eu),
            "2026-03-30T18:30:00Z"
        );
        assert_eq!(
            end("2026-03-28T22:00:00Z", Period::Hours(24), &eu),
            "2026-03-29T22:00:00Z"
        );
    }

    #[test]
    fn days_end_with_the_day_of_the_place() {
        let stockholm = counting(Convention::Plain, Some("Europe/Stockholm"), "weekends");
        // 23:30 in Stockholm; the 30th day after it ends in summer time, one hour of UTC earlier.
        assert_eq!(
            end("2026-03-01T22:30:00Z", Period::CalendarDays(30), &stockholm),
            "2026-03-31T22:00:00Z"
        );
        let ny = counting(Convention::Plain, Some("America/New_York"), "us-federal");
        // Still the evening before in New York.
        assert_eq!(
            end("2026-01-02T03:00:00Z", Period::CalendarDays(30), &ny),
            "2026-02-01T05:00:00Z"
        );
        // 72 hours are not three days.
        assert_eq!(
            end("2026-01-02T15:00:00Z", Period::CalendarDays(3), &ny),
            "2026-01-06T05:00:00Z"
        );
        assert_eq!(
            end("2026-01-02T15:00:00Z", Period::Hours(72), &ny),
            "2026-01-05T15:00:00Z"
        );
    }

    #[test]
    fn business_days_leave_out_weekends_and_holidays() {
        let ny = counting(Convention::Plain, Some("America/New_York"), "us-federal");
        for (event, last) in [
            // Thursday, with Thanksgiving a week before: Friday, Monday, Tuesday, Wednesday.
            ("2026-12-03T15:00:00Z", "2026-12-10T05:00:00Z"),
            // Wednesday before Thanksgiving: Friday, Monday, Tuesday, Wednesday.
            ("2026-11-25T15:00:00Z", "2026-12-03T05:00:00Z"),
            // A Saturday: Monday is the first.
            ("2026-12-05T15:00:00Z", "2026-12-11T05:00:00Z"),
            // 4 July 2026 is a Saturday, so that Friday the 3rd is observed: Thursday, Monday, Tuesday, Wednesday.
            ("2026-07-01T15:00:00Z", "2026-07-09T04:00:00Z"),
        ] {
            assert_eq!(end(event, Period::BusinessDays(4), &ny), last, "{event}");
        }
        let br = counting(Convention::Plain, Some("America/Sao_Paulo"), "br-national");
        // Thursday before Good Friday (3 April 2026), and Tiradentes on the 21st.
        assert_eq!(
            end("2026-04-02T12:00:00Z", Period::BusinessDays(3), &br),
            "2026-04-09T03:00:00Z"
        );
        assert_eq!(
            end("2026-04-17T12:00:00Z", Period::BusinessDays(3), &br),
            "2026-04-24T03:00:00Z"
        );
    }

    #[test]
    fn months_end_with_the_same_day_or_the_last_one() {
        let eu = counting(Convention::Plain, Some("Europe/Brussels"), "weekends");
        for (event, until) in [
            ("2026-01-31T12:00:00Z", "2026-02-28T23:00:00Z"),
            ("2028-01-31T12:00:00Z", "2028-02-29T23:00:00Z"),
            ("2026-02-28T12:00:00Z", "2026-03-28T23:00:00Z"),
            ("2026-12-31T12:00:00Z", "2027-01-31T23:00:00Z"),
            // Already the first of February in Brussels.
            ("2026-01-31T23:30:00Z", "2026-03-01T23:00:00Z"),
        ] {
            assert_eq!(end(event, Period::Months(1), &eu), until, "{event}");
        }
    }

    #[test]
    fn years_end_and_then_days() {
        let us = counting(Convention::Plain, Some("America/New_York"), "us-federal");
        assert_eq!(
            end("2026-11-22T12:00:00Z", Period::AfterYearEnd(60), &us),
            "2027-03-02T05:00:00Z"
        );
        assert_eq!(
            end("2027-05-22T12:00:00Z", Period::AfterYearEnd(60), &us),
            "2028-03-01T05:00:00Z"
        );
    }

    #[test]
    fn the_later_reading_of_the_union_is_shown_and_never_earlier() {
        let eu = counting(Convention::Eu1182, Some("Europe/Stockholm"), "weekends");
        let of = |event: &str, period| {
            let at = Timestamp::parse(event).unwrap();
            end_of(at, period, &eu, None).unwrap().unwrap()
        };
        // Friday evening: 72 hours end on Monday, two working days with Tuesday.
        let friday = of("2026-11-20T18:10:00Z", Period::Hours(72));
        assert_eq!(friday.until.to_string(), "2026-11-23T18:10:00Z");
        assert_eq!(
            friday.later_reading.unwrap().until.to_string(),
            "2026-11-24T23:00:00Z"
        );
        // Monday morning: Tuesday and Wednesday lie in it; only the hour is left.
        let monday = of("2026-11-23T08:10:00Z", Period::Hours(72));
        assert_eq!(
            monday.later_reading.unwrap().until.to_string(),
            "2026-11-26T09:00:00Z"
        );
        let short = of("2026-11-20T18:00:00Z", Period::Hours(24));
        assert_eq!(short.later_reading, None);
        // 31 October 2026 is a Saturday.
        let month = of("2026-09-30T08:00:00Z", Period::Months(1));
        assert_eq!(month.later_reading, None);
        let month = of("2026-10-01T08:00:00Z", Period::Months(1));
        assert_eq!(month.until.to_string(), "2026-11-01T23:00:00Z");
        assert_eq!(
            month.later_reading.unwrap().until.to_string(),
            "2026-11-02T23:00:00Z"
        );
    }

    #[test]
    fn without_a_zone_days_are_not_counted_and_hours_are() {
        let nowhere = counting(Convention::Eu1182, None, "weekends");
        let at = Timestamp::from_secs(0);
        assert_eq!(
            end_of(at, Period::Months(1), &nowhere, None),
            Err(Uncounted::NoZone)
        );
        assert!(end_of(at, Period::Months(1), &nowhere, Some("Europe/Paris")).is_ok());
        assert!(end_of(at, Period::Hours(24), &nowhere, None).is_ok());
        assert_eq!(end_of(at, Period::WithoutDelay, &nowhere, None), Ok(None));
        let far = Timestamp(i64::MAX - 1);
        assert_eq!(
            end_of(far, Period::Hours(24), &nowhere, None),
            Err(Uncounted::TooFar)
        );
    }
}
