//! Numbers, instants and answers in the words that people use. Bounds are never shown as one number
//! unless both ends meet, and *unknown* is never written as *none*.

pub use ambit_disclose::words::{capital, number, range};
use ambit_event::{Span, Timestamp};
use ambit_lake::CoverageState;
use ambit_scope::{AssertionUsed, Bounds, Exposed, Scope, Verdict};
use regex::Regex;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The effects in the order in which people ask for them.
pub const EFFECTS: [&str; 4] = ["read", "changed", "destroyed", "unavailable"];

/// The upper end of a bound: a number, or that there is none.
pub fn at_most(n: Option<u64>) -> String {
    n.map_or_else(|| "unknown".to_owned(), number)
}

/// `1 person`, `2 persons`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `at least 1, at most 3`.
pub fn both_ends(at_least: u64, most: Option<u64>) -> String {
    match most {
        Some(most) => format!("at least {}, at most {}", number(at_least), number(most)),
        None => format!("at least {}, upper bound unknown", number(at_least)),
    }
}

/// What was counted, as one or as several: `account`, `accounts`.
pub fn of_kind(exposed: &Exposed) -> &str {
    let kind = exposed.counted.as_str();
    match (range(&exposed.n).as_str(), kind) {
        ("1" | "at least 1", "addresses") => "address",
        ("1" | "at least 1", _) => kind.strip_suffix('s').unwrap_or(kind),
        _ => kind,
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    ambit_disclose::words::list(items, "and")
}

/// `2014-05-23 10:00:01.250`, in UTC; fractions beyond milliseconds are left out.
pub fn instant(at: Timestamp) -> String {
    if at == Timestamp::MIN {
        return "the beginning".to_owned();
    }
    if at == Timestamp::MAX {
        return "open".to_owned();
    }
    let text = at.to_string();
    let text = text.trim_end_matches('Z').replacen('T', " ", 1);
    match text.split_once('.') {
        Some((whole, fraction)) => {
            let shown: String = fraction.chars().take(3).collect();
            match shown.trim_end_matches('0') {
                "" => whole.to_owned(),
                shown => format!("{whole}.{shown}"),
            }
        }
        None => text,
    }
}

static RFC_3339: LazyLock<Regex> =
    LazyLock::new(
        || match Regex::new(r"\b(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)\d*Z") {
            Ok(regex) => regex,
            Err(error) => unreachable!("the pattern is fixed: {error}"),
        },
    );

/// The text with instants written as [`instant`] writes them.
pub fn plain_times(text: &str) -> Cow<'_, str> {
    RFC_3339.replace_all(text, "$1 $2")
}

/// `2014-05-23 10:00 to 11:00:05`: the day is not said twice, and an open end is said in words.
pub fn span(span: Span) -> String {
    match (span.from > Timestamp::MIN, span.until < Timestamp::MAX) {
        (false, false) => return "at any time".to_owned(),
        (false, true) => return format!("until {}", instant(span.until)),
        (true, false) => return format!("from {} on", instant(span.from)),
        (true, true) => {}
    }
    let (from, until) = (instant(span.from), instant(span.until));
    match (from.split_once(' '), until.split_once(' ')) {
        (Some((day, _)), Some((same, clock))) if day == same => format!("{from} to {clock}"),
        _ => format!("{from} to {until}"),
    }
}

/// `1h 20m`, `12s`: the two largest parts that say something.
pub fn length(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let said: Vec<String> = parts
        .iter()
        .skip_while(|(n, _)| *n == 0)
        .take(2)
        .filter(|(n, _)| *n > 0)
        .map(|(n, unit)| format!("{n}{unit}"))
        .collect();
    if said.is_empty() {
        match nanos / 1_000_000 {
            0 => "less than 1ms".to_owned(),
            millis => format!("{millis}ms"),
        }
    } else {
        said.join(" ")
    }
}

/// `1.5 MB`, decimal.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut scaled = n as f64 / 1000.0;
    let mut unit = 0;
    while scaled >= 999.95 && unit + 1 < UNITS.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

pub const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Supported => "supported",
        Verdict::Contradicted => "contradicted",
        Verdict::Undecided => "undecided",
    }
}

pub const fn state(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Absent => "absent",
        CoverageState::Degraded => "degraded",
        CoverageState::Asserted => "asserted",
        CoverageState::Consistent => "consistent",
        CoverageState::Proved => "proved",
    }
}

/// The answer in one sentence: how many persons, with both ends, and which of their data.
pub fn headline(scope: &Scope) -> String {
    let subjects = &scope.subjects;
    if let Some(why) = scope.unanswered.first() {
        return format!("How many persons is unknown: {why}");
    }
    if !scope.mapped {
        return "How many persons is unknown: there is no data map".to_owned();
    }
    let ends = both_ends(subjects.at_least, subjects.at_most);
    let persons = match (subjects.at_least, subjects.at_most) {
        (0, Some(0)) => return format!("No person's data was reached ({ends})"),
        (n, Some(m)) if n == m => format!("{} ({ends})", counted(n, "person", "persons")),
        (0, Some(m)) => format!("Up to {} ({ends})", counted(m, "person", "persons")),
        (n, Some(m)) => format!("{} to {} persons ({ends})", number(n), number(m)),
        (0, None) => format!("An unknown number of persons ({ends})"),
        (n, None) => format!("{} or more ({ends})", counted(n, "person", "persons")),
    };
    let sure = confirmed(scope);
    if sure.is_empty() {
        format!("{persons}: none is confirmed, and none of these can be excluded")
    } else {
        format!("{persons}: {}", sure.join("; "))
    }
}

/// `contact and identity data read`, one per effect, for what is confirmed.
fn confirmed(scope: &Scope) -> Vec<String> {
    by_effect(scope, |bounds| bounds.at_least > 0)
}

/// `contact and identity data read`, one per effect, for what is neither confirmed nor excluded.
pub fn not_excluded(scope: &Scope) -> Vec<String> {
    by_effect(scope, |bounds| bounds.at_least == 0 && bounds.at_most != Some(0))
}

fn by_effect(scope: &Scope, keep: impl Fn(&Bounds) -> bool) -> Vec<String> {
    EFFECTS
        .iter()
        .filter_map(|&effect| {
            let classes: Vec<&str> = scope
                .effects
                .get(effect)?
                .iter()
                .filter(|(_, bounds)| keep(bounds))
                .map(|(class, _)| class.as_str())
                .collect();
            (!classes.is_empty()).then(|| format!("{} data {effect}", list(&classes)))
        })
        .collect()
}

/// What the evidence shows was not read: `no credential or payment data, no internal company data`. `None`
/// where it shows nothing of the kind.
pub fn excluded(scope: &Scope) -> Option<String> {
    let is_supported = |id: &str| {
        let claim = scope.claims.iter().find(|claim| claim.id == id);
        claim.is_some_and(|claim| claim.verdict == Verdict::Supported)
    };
    let classes: Vec<&str> = scope
        .classes
        .iter()
        .filter(|(class, bounds)| bounds.at_most == Some(0) && is_supported(&format!("class:{class}:read")))
        .map(|(class, _)| class.as_str())
        .collect();
    let mut said = Vec::new();
    if !classes.is_empty() {
        said.push(format!("no {} data", either(&classes)));
    }
    if is_supported("internal") {
        said.push("no internal company data".to_owned());
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// What the answer rests on: first what the evidence speaks against, then what a person said, then what
/// the map and the method take as given.
pub fn assertions(scope: &Scope) -> Vec<&AssertionUsed> {
    const ORDER: [&str; 5] = ["seed", "assume", "coverage", "map", "default"];
    let mut sorted: Vec<&AssertionUsed> = scope.assertions.iter().collect();
    sorted.sort_by_key(|assertion| {
        let kind = ORDER.iter().position(|kind| *kind == assertion.kind);
        (assertion.contradicted_by.is_none(), kind.unwrap_or(ORDER.len()))
    });
    sorted
}

/// `a, b or c`.
pub fn either<S: AsRef<str>>(items: &[S]) -> String {
    ambit_disclose::words::list(items, "or")
}

/// The text as one word of a shell.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_are_easy_to_read() {
        assert_eq!(number(7), "7");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(length(4_800_000_000_000), "1h 20m");
        assert_eq!(length(12_000_000), "12ms");
        assert_eq!(length(1), "less than 1ms");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn a_bound_is_one_number_only_where_both_ends_meet() {
        let bounds = |at_least, at_most| Bounds {
            at_least,
            at_most,
            because: Vec::new(),
        };
        assert_eq!(range(&bounds(1, Some(1))), "1");
        assert_eq!(range(&bounds(1, Some(2000))), "1 to 2,000");
        assert_eq!(range(&bounds(1, None)), "at least 1");
        assert_eq!(both_ends(0, None), "at least 0, upper bound unknown");
    }

    #[test]
    fn instants_are_short_and_the_open_end_is_said() {
        let at = Timestamp(1_400_839_200_250_000_001);
        assert_eq!(instant(at), "2014-05-23 10:00:00.25");
        assert_eq!(instant(Timestamp::MAX), "open");
        assert_eq!(
            plain_times("from 2014-05-23T10:00:00.2500001Z on"),
            "from 2014-05-23 10:00:00.250 on"
        );
        assert_eq!(
            span(Span::new(at, at.plus_secs(60))),
            "2014-05-23 10:00:00.25 to 10:01:00.25"
        );
        assert_eq!(span(Span::ALL), "at any time");
        assert_eq!(
            span(Span::new(at, Timestamp::MAX)),
            "from 2014-05-23 10:00:00.25 on"
        );
    }
}
