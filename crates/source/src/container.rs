//! Lines as Kubernetes' container runtimes keep them: `2014-05-23T10:00:00.1Z stdout F line`.

/// The line that a container wrote. One that the runtime cut into pieces (`P`) stays as it is: a piece is no
/// record.
pub fn unwrapped(line: &str) -> &str {
    inner(line).unwrap_or(line)
}

fn inner(line: &str) -> Option<&str> {
    if !line.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (time, rest) = line.split_once(' ')?;
    let (stream, rest) = rest.split_once(' ')?;
    let (tag, rest) = rest.split_once(' ')?;
    let is_whole = tag == "F" || tag.starts_with("F:");
    (time.contains('T') && matches!(stream, "stdout" | "stderr") && is_whole).then_some(rest)
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
            ("plain stdout F x", "plain stdout F x"),
            ("", ""),
        ] {
            assert_eq!(unwrapped(line), expected);
        }
    }
}
