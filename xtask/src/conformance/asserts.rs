//! The small language of `parser.assert`: one comparison a line, such as
//! `results["s01-parse"]["crowdsecurity/sshd-logs"][3].Evt.Parsed["pid"] == "4177"`.

/// What one line compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A part of one record that a parser saw.
    Part(Part),
    /// The length of a list, or a list within a record: how many there are is another's bookkeeping.
    Count,
}

/// One part of one record, as a parser of the other program saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Line of the file, from 1.
    pub line: usize,
    pub stage: String,
    pub parser: String,
    pub index: usize,
    /// `Parsed.pid`, `Meta.source_ip`, `Success`.
    pub name: String,
    /// Characters left out at the front: `[4:]`.
    pub skipped: usize,
    /// The value, unquoted; a number or boolean as it was written.
    pub expected: String,
    /// A number that was rounded.
    pub is_rounded: bool,
}

/// Reads a file of assertions; the second list holds the lines that nobody understands.
pub fn parse(text: &str) -> (Vec<Line>, Vec<String>) {
    let (mut lines, mut odd) = (Vec::new(), Vec::new());
    for (n, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))
    {
        match parse_line(line.trim(), n + 1) {
            Some(found) => lines.push(found),
            None => odd.push(format!("line {}: {line}", n + 1)),
        }
    }
    (lines, odd)
}

/// The stage of what stands in [`parse_scenario`]'s parts: no parser's, but what an alert shows of its events.
pub const SCENARIO: &str = "scenario";

/// Reads what `scenario.assert` says of single events, such as
/// `results[0].Overflow.Alert.Events[2].GetMeta("source_ip") == "192.0.2.7"`. All else in it is about alerts.
pub fn parse_scenario(text: &str) -> Vec<Part> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(n, line)| shown_in_alert(line.trim(), n + 1))
        .collect()
}

fn shown_in_alert(line: &str, number: usize) -> Option<Part> {
    let (alert, rest) = line
        .strip_prefix("results[")?
        .split_once("].Overflow.Alert.Events[")?;
    let (index, rest) = rest.split_once("].GetMeta(")?;
    let (name, rest) = unquote(rest)?;
    let (expected, _) = unquote(rest.strip_prefix(") == ")?)?;
    Some(Part {
        line: number,
        stage: SCENARIO.to_owned(),
        parser: format!("{SCENARIO}/alert-{alert}"),
        index: index.parse().ok()?,
        name: format!("Meta.{name}"),
        skipped: 0,
        expected,
        is_rounded: false,
    })
}

fn parse_line(line: &str, number: usize) -> Option<Line> {
    if line.starts_with("len(") {
        return Some(Line::Count);
    }
    let mut rest = line;
    if let Some((function, inner)) = line
        .split_once('(')
        .filter(|(f, _)| f.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        if !matches!(function, "basename" | "FloatApproxEqual") {
            return None;
        }
        rest = inner;
    }
    let is_rounded = line.starts_with("FloatApproxEqual(");
    let rest = rest.strip_prefix("results")?;
    let (stage, rest) = key(rest)?;
    let (parser, rest) = key(rest)?;
    let (index, rest) = rest.strip_prefix('[')?.split_once(']')?;
    let rest = rest.strip_prefix('.')?;
    let rest = rest.strip_prefix("Evt.").unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (mut name, mut rest) = (rest[..end].to_owned(), &rest[end..]);
    while rest.starts_with("[\"") {
        let (part, after) = key(rest)?;
        name = format!("{name}.{part}");
        rest = after;
    }
    let mut skipped = 0;
    if let Some(inner) = rest.strip_prefix('[') {
        let (slice, after) = inner.split_once(']')?;
        skipped = slice.strip_suffix(':')?.parse().ok()?;
        rest = after;
    }
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    let value = match is_rounded {
        true => rest.strip_prefix(", ")?.strip_suffix(')')?,
        false => rest.strip_prefix(" == ")?,
    };
    let expected = if value.starts_with('"') {
        unquote(value)?.0
    } else {
        value.to_owned()
    };
    Some(Line::Part(Part {
        line: number,
        stage,
        parser,
        index: index.parse().ok()?,
        name,
        skipped,
        expected,
        is_rounded,
    }))
}

/// `["text"]`
fn key(text: &str) -> Option<(String, &str)> {
    let (value, rest) = unquote(text.strip_prefix('[')?)?;
    Some((value, rest.strip_prefix(']')?))
}

/// A Go string in double quotes, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let c = rest.chars().next()?;
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Some((String::from_utf8_lossy(&bytes).into_owned(), rest)),
            '\\' => rest = escape(rest, &mut bytes)?,
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn escape<'t>(rest: &'t str, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let c = rest.chars().next()?;
    let after = &rest[c.len_utf8()..];
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        let code = u32::from_str_radix(after.get(..digits)?, 16).ok()?;
        if c == 'x' {
            bytes.push(u8::try_from(code).ok()?);
        } else {
            bytes.extend(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
        }
        return after.get(digits..);
    }
    bytes.extend(
        match c {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'a' => "\u{7}",
            'b' => "\u{8}",
            'f' => "\u{c}",
            'v' => "\u{b}",
            _ => rest.get(..c.len_utf8())?,
        }
        .as_bytes(),
    );
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_read() {
        let text = concat!(
            "len(results) == 3\n",
            "results[\"s00-raw\"][\"a/b\"][1].Evt.Parsed[\"message\"] == \"q \\\"x\\\" \\\\xAD \\u00e9 == y\"\n",
            "basename(results[\"s00-raw\"][\"a/b\"][1].Evt.Meta[\"path\"]) == \"f.log\"\n",
            "results[\"s02\"][\"c\"][0].Evt.Enriched[\"MarshaledTime\"][4:] == \"-01-24T15:32:31Z\"\n",
            "results[\"s02\"][\"c\"][0].Success == true\n",
            "FloatApproxEqual(results[\"s02\"][\"c\"][0].Evt.Unmarshaled[\"x\"][\"ts\"], 1.5)\n",
            "nonsense == 1\n",
        );
        let (lines, odd) = parse(text);
        let parts: Vec<_> = lines
            .iter()
            .filter_map(|l| match l {
                Line::Part(p) => Some((p.name.as_str(), p.index, p.skipped, p.expected.as_str())),
                Line::Count => None,
            })
            .collect();
        assert_eq!(
            parts,
            [
                ("Parsed.message", 1, 0, "q \"x\" \\xAD é == y"),
                ("Meta.path", 1, 0, "f.log"),
                ("Enriched.MarshaledTime", 0, 4, "-01-24T15:32:31Z"),
                ("Success", 0, 0, "true"),
                ("Unmarshaled.x.ts", 0, 0, "1.5"),
            ]
        );
        assert_eq!((lines.len(), odd.len()), (6, 1));
    }

    #[test]
    fn what_an_alert_shows_of_its_events_is_read() {
        let text = concat!(
            "len(results) == 1\n",
            "\"1.2.3.4\" in results[0].Overflow.GetSources()\n",
            "results[1].Overflow.Alert.Events[2].GetMeta(\"user_agent\") == \"a \\\"b\\\"\"\n",
            "results[0].Overflow.Alert.GetEventsCount() == 6\n",
        );
        let parts = parse_scenario(text);
        let shown: Vec<_> = parts
            .iter()
            .map(|p| {
                (
                    p.line,
                    p.parser.as_str(),
                    p.index,
                    p.name.as_str(),
                    p.expected.as_str(),
                )
            })
            .collect();
        assert_eq!(shown, [(3, "scenario/alert-1", 2, "Meta.user_agent", "a \"b\"")]);
    }
}
