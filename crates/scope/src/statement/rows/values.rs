//! Texts compared as the values of any type that they may be.

use super::condition::Comparison;
use super::truths::Truths;

/// Numbers compared as numbers. What is beyond the exactness of both is open.
pub(super) fn numbers(comparison: Comparison, a: &str, b: &str) -> Truths {
    if let (Ok(a), Ok(b)) = (a.trim().parse::<i128>(), b.trim().parse::<i128>()) {
        return Truths::of(holds(comparison, a.cmp(&b)));
    }
    match (a.trim().parse::<f64>(), b.trim().parse::<f64>()) {
        (Ok(a), Ok(b)) => a.partial_cmp(&b).map_or(Truths::ANY, |ordering| {
            // Fractions of single precision differ from the same digits in double precision.
            let whole = a.fract() == 0.0 && b.fract() == 0.0 && a.abs() < 16_777_216.0;
            Truths::of(holds(comparison, ordering)).or_either(ordering.is_eq() && !whole)
        }),
        _ => Truths::ANY,
    }
}

/// Texts that may be values of any type.
pub(super) fn texts(comparison: Comparison, a: &str, b: &str) -> Truths {
    match comparison {
        Comparison::Equal => Truths::of(a == b).or_either(a != b && may_be_equal(a, b)),
        Comparison::AtMost if a == b => Truths::YES,
        Comparison::Less if a == b => Truths::NO,
        // Numbers and texts have the same order where they agree.
        _ if plain_number(a).is_some() && plain_number(b).is_some() => {
            let (by_number, by_text) = (plain_number(a).cmp(&plain_number(b)), a.cmp(b));
            Truths::of(holds(comparison, by_number)).or_either(by_number != by_text)
        }
        _ => match (day(a), day(b)) {
            // Which of two days comes first is open where a time zone can move them.
            (Some(x), Some(y)) if a.len() == 10 && b.len() == 10 => Truths::of(holds(comparison, x.cmp(&y))),
            (Some(x), Some(y)) => Truths::of(holds(comparison, x.cmp(&y))).or_either(x.abs_diff(y) < 2),
            _ => Truths::EITHER,
        },
    }
}

pub(super) fn as_truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

const fn holds(comparison: Comparison, ordering: std::cmp::Ordering) -> bool {
    match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::Less => ordering.is_lt(),
        Comparison::AtMost => ordering.is_le(),
    }
}

/// A whole number that is written in one way only.
pub(crate) fn plain_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|n| n.to_string() == text)
}

/// Whether two texts that differ can be the same value of some type: a number, a UUID, a truth value, a
/// date, a text without regard to case or to blanks at its end.
fn may_be_equal(a: &str, b: &str) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let plain = |text: &str| text.trim_end().to_lowercase();
    let bare = |text: &str| {
        text.trim_matches(['{', '}', ' '])
            .replace('-', "")
            .to_ascii_lowercase()
    };
    let hexadecimal = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let (Some(x), Some(y)) = (number(a), number(b)) {
        return x == y;
    }
    plain(a) == plain(b)
        || (bare(a) == bare(b) && hexadecimal(&bare(a)))
        || as_truth(a).is_some_and(|truth| as_truth(b) == Some(truth))
        || (is_timely(a)
            && is_timely(b)
            && !(day(a).is_some() && day(b).is_some() && a.len() == 10 && b.len() == 10))
        || [a, b].iter().any(|text| text.starts_with(['{', '[', '(', '\\']))
}

/// Whether it can be a date, a time or an interval, in any of their many forms.
fn is_timely(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "now",
        "today",
        "tomorrow",
        "yesterday",
        "epoch",
        "infinity",
        "-infinity",
        "allballs",
    ];
    let folded = text.trim().to_ascii_lowercase();
    text.bytes().any(|b| b.is_ascii_digit()) && !text.contains('@') || WORDS.contains(&folded.as_str())
}

/// The number of the day with which an ISO date or instant begins.
fn day(text: &str) -> Option<i64> {
    let head = text.get(..10)?;
    let rest = text.get(10..)?;
    if !(rest.is_empty() || rest.starts_with(['T', ' '])) {
        return None;
    }
    let at = ambit_event::Timestamp::parse(&format!("{head}T00:00:00Z")).ok()?;
    Some(at.day())
}
