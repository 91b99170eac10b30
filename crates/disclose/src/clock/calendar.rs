//! Which days are business days: weekends, and holidays as data.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../../calendars.toml");

/// Days in a row that are looked at for a business day; no calendar has so many holidays.
const MOST_IN_A_ROW: usize = 40;

/// A calendar of holidays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub name: String,
    pub title: String,
    pub citation: String,
    holiday: Vec<Holiday>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    name: String,
    month: Option<i8>,
    day: Option<i8>,
    /// Monday is 1.
    weekday: Option<i8>,
    nth: Option<i8>,
    easter: Option<i64>,
    moved: Option<Moved>,
    from: Option<i16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moved {
    Nearest,
    Next,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    calendar: Vec<Calendar>,
}

/// A file that cannot be read gives none; a test reads it.
static CALENDARS: LazyLock<Vec<Calendar>> = LazyLock::new(|| {
    toml::from_str::<File>(TEXT)
        .map(|file| file.calendar)
        .unwrap_or_default()
});

/// The calendar of this name.
#[must_use]
pub fn calendar(name: &str) -> Option<&'static Calendar> {
    CALENDARS.iter().find(|calendar| calendar.name == name)
}

/// The names that a regime can give.
#[must_use]
pub fn calendar_names() -> Vec<&'static str> {
    CALENDARS.iter().map(|calendar| calendar.name.as_str()).collect()
}

impl Calendar {
    /// The first business day after this one.
    #[must_use]
    pub fn next_business_day(&self, day: Date) -> Option<Date> {
        self.business_day_from(day.tomorrow().ok()?)
    }

    /// This day, or the first business day after it.
    #[must_use]
    pub fn business_day_from(&self, day: Date) -> Option<Date> {
        let days = std::iter::successors(Some(day), |day| day.tomorrow().ok());
        days.take(MOST_IN_A_ROW).find(|day| self.is_business_day(*day))
    }

    #[must_use]
    pub fn is_business_day(&self, day: Date) -> bool {
        // New Year's Day may be observed on the last day of the year before.
        let years = [day.year(), day.year().saturating_add(1)];
        !is_weekend(day) && !years.iter().any(|year| self.holidays(*year).contains(&day))
    }

    /// The days on which holidays of a year are observed.
    fn holidays(&self, year: i16) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for holiday in self
            .holiday
            .iter()
            .filter(|h| h.from.is_none_or(|from| year >= from))
        {
            let Some(day) = holiday.in_year(year) else {
                continue;
            };
            if let Some(day) = holiday.observed(day, &days) {
                days.insert(day);
            }
        }
        days
    }
}

impl Holiday {
    fn in_year(&self, year: i16) -> Option<Date> {
        match (self.month, self.day, self.weekday, self.nth, self.easter) {
            (Some(month), Some(day), None, None, None) => Date::new(year, month, day).ok(),
            (Some(month), None, Some(weekday), Some(nth), None) => {
                let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
                Date::new(year, month, 1)
                    .ok()?
                    .nth_weekday_of_month(nth, weekday)
                    .ok()
            }
            (None, None, None, None, Some(days)) => easter(year)?.checked_add(days.days()).ok(),
            _ => None,
        }
    }

    fn observed(&self, day: Date, taken: &BTreeSet<Date>) -> Option<Date> {
        match (self.moved, day.weekday()) {
            (Some(Moved::Nearest), Weekday::Saturday) => day.yesterday().ok(),
            (Some(Moved::Nearest), Weekday::Sunday) => day.tomorrow().ok(),
            (Some(Moved::Next), _) => {
                let days = std::iter::successors(Some(day), |day| day.tomorrow().ok());
                days.take(MOST_IN_A_ROW)
                    .find(|day| !is_weekend(*day) && !taken.contains(day))
            }
            _ => Some(day),
        }
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876).
fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    (1583..=9999)
        .contains(&year)
        .then(|| Date::new(year, i8::try_from(n / 31).ok()?, i8::try_from(n % 31 + 1).ok()?).ok())
        .flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_holiday_has_a_day() {
        assert!(toml::from_str::<File>(TEXT).is_ok());
        for calendar in CALENDARS.iter() {
            for holiday in &calendar.holiday {
                assert!(
                    holiday.in_year(2026).is_some(),
                    "{}: {}",
                    calendar.name,
                    holiday.name
                );
            }
        }
    }

    #[test]
    fn easter_is_where_it_was() {
        for (year, day) in [
            (2024, date(2024, 3, 31)),
            (2025, date(2025, 4, 20)),
            (2026, date(2026, 4, 5)),
            (2038, date(2038, 4, 25)),
        ] {
            assert_eq!(easter(year), Some(day));
        }
    }

    #[test]
    fn holidays_are_observed_where_the_law_moves_them() {
        let us = calendar("us-federal").unwrap();
        for (day, business) in [
            (date(2026, 7, 3), false),
            (date(2026, 11, 26), false),
            (date(2026, 11, 27), true),
            // 1 January 2028 is a Saturday.
            (date(2027, 12, 31), false),
            (date(2020, 6, 19), true),
            (date(2026, 6, 19), false),
        ] {
            assert_eq!(us.is_business_day(day), business, "{day}");
        }
        let uk = calendar("england-wales").unwrap();
        // Christmas Day 2027 is a Saturday and Boxing Day a Sunday: Monday and Tuesday are free.
        assert!(!uk.is_business_day(date(2027, 12, 27)) && !uk.is_business_day(date(2027, 12, 28)));
        assert!(uk.is_business_day(date(2027, 12, 29)));
        assert!(!uk.is_business_day(date(2026, 4, 6)));
    }
}
