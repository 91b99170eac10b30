//! What programs that hand lines on put before them: Kubernetes' container runtimes
//! (`2014-05-23T10:00:00.1Z stdout F line`), and exports of CloudWatch Logs (`2014-05-23T10:00:00.100Z {"a": 1}`).

use crate::time;
use jiff::tz::TimeZone;

/// The line that the program itself wrote. One that a container runtime cut into pieces (`P`) stays as it is: a
/// piece is no record. Behind a time alone only JSON is looked for: other lines may begin with one themselves.
pub fn unwrapped(line: &str) -> &str {
    inner(line).unwrap_or(line)
}

fn inner(line: &str) -> Option<&str> {
    if !line.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = line.split_once(' ')?;
    if rest.starts_with('{') {
        return is_time(time).then_some(rest);
    }
    let (stream, rest) = rest.split_once(' ')?;
    let (tag, rest) = rest.split_once(' ')?;
    let is_whole = tag == "F" || tag.starts_with("F:");
    (time.contains('T') && matches!(stream, "stdout" | "stderr") && is_whole).then_some(rest)
}

fn is_time(text: &str) -> bool {
    time::parse_iso(text.as_bytes(), &TimeZone::UTC).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_unwrapped() {
        for (line, expected) in [
            ("2014-05-23T10:00:00.1+01:00 stdout F {\"a\": 1}", "{\"a\": 1}"),
            (
                "2014-05-23T10:00:00Z stderr P half",
                "2014-05-23T10:00:00Z stderr P half",
            ),
            ("2014-05-23T10:00:00.120Z {\"a\": 1}", "{\"a\": 1}"),
            ("2014-05-23T10:00:00.120Z plain", "2014-05-23T10:00:00.120Z plain"),
            ("7 {\"a\": 1}", "7 {\"a\": 1}"),
            ("plain stdout F x", "plain stdout F x"),
            ("", ""),
        ] {
            assert_eq!(unwrapped(line), expected);
        }
    }
}
