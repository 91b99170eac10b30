//! Numbers and instants in the words of a notice. Bounds are one number only where both ends meet.

use ambit_event::Timestamp;
use ambit_scope::Bounds;

/// `1234567` as `1,234,567`.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3`, `1 to 3`, `at least 1`.
pub fn range(bounds: &Bounds) -> String {
    match bounds.at_most {
        Some(most) if most == bounds.at_least => number(most),
        Some(most) => format!("{} to {}", number(bounds.at_least), number(most)),
        None => format!("at least {}", number(bounds.at_least)),
    }
}

/// `exactly 1 person`, `at least 1 and at most 3 persons`, `at least 3 persons`.
pub fn counted(bounds: &Bounds, one: &str, many: &str) -> String {
    let noun = |n: u64| if n == 1 { one } else { many };
    match (bounds.at_least, bounds.at_most) {
        (least, Some(most)) if least == most => format!("exactly {} {}", number(least), noun(least)),
        (least, Some(most)) => {
            format!(
                "at least {} and at most {} {}",
                number(least),
                number(most),
                noun(most)
            )
        }
        (least, None) => format!("at least {} {}", number(least), noun(least)),
    }
}

/// The same in plain words: a number that is neither a least nor a most is the number.
pub fn plainly(bounds: &Bounds, one: &str, many: &str) -> String {
    let counted = counted(bounds, one, many);
    counted
        .strip_prefix("exactly ")
        .map(str::to_owned)
        .unwrap_or(counted)
}

/// `a`, `a and b`, `a, b and c`, with another word for `and`.
pub fn list<S: AsRef<str>>(items: &[S], and: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} {and} {}", head.join(", "), last.as_ref())
        }
    }
}

/// `22 November 2026 at 12:00:00 UTC`, whole seconds; the ends of all time are open.
pub fn at_utc(at: Timestamp) -> String {
    if at == Timestamp::MIN || at == Timestamp::MAX {
        return "an unknown instant".to_owned();
    }
    let seconds = at.0.div_euclid(1_000_000_000);
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| at.to_string(),
        |at| at.strftime("%-d %B %Y at %H:%M:%S UTC").to_string(),
    )
}

/// `1 day and 3 hours`: the two largest parts that say something.
pub fn length(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let said: Vec<String> = parts
        .iter()
        .skip_while(|(n, _)| *n == 0)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n} {unit}{}", if *n == 1 { "" } else { "s" }))
        .collect();
    if said.is_empty() {
        return "less than a second".to_owned();
    }
    list(&said, "and")
}

/// A class of data as people call it.
pub fn class(name: &str) -> String {
    match name {
        "credential" => "login".to_owned(),
        "government_id" => "government id".to_owned(),
        "special" => "specially protected".to_owned(),
        "union" => "union membership".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The first letter as a capital.
pub fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Bounds without a reason, for tests.
#[cfg(test)]
pub fn bounds(at_least: u64, at_most: Option<u64>) -> Bounds {
    Bounds {
        at_least,
        at_most,
        because: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_one_number_only_where_both_ends_meet() {
        for (least, most, said) in [
            (1, Some(1), "exactly 1 person"),
            (0, Some(1), "at least 0 and at most 1 person"),
            (1, Some(1_981), "at least 1 and at most 1,981 persons"),
            (3, None, "at least 3 persons"),
        ] {
            assert_eq!(counted(&bounds(least, most), "person", "persons"), said);
        }
    }

    #[test]
    fn lengths_and_instants_are_told_in_words() {
        assert_eq!(length(97_200_000_000_000), "1 day and 3 hours");
        assert_eq!(length(60_000_000_000), "1 minute");
        assert_eq!(length(5), "less than a second");
        assert_eq!(
            at_utc(Timestamp::from_secs(1_400_618_341)),
            "20 May 2014 at 20:39:01 UTC"
        );
        assert_eq!(capital("ärger"), "Ärger");
        assert_eq!(list(&["a", "b", "c"], "or"), "a, b or c");
    }
}
