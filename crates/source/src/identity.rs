//! Lineages and occurrences: what makes a record read twice one event, and two identical records two.

use crate::quick::{Quick, QuickHasher};
use crate::{Framing, elements};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hasher;

/// Records that are remembered at least. Identical lines carry identical times, so they stand close together; a line
/// that comes back after so many others counts as a first one.
const REMEMBERED: usize = if cfg!(test) { 64 } else { 1 << 19 };

/// The first line of a file that says something, without its line end.
pub fn first_line(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines = head.split(|&b| b == b'\n');
    let first = lines
        .find(|line| !line.iter().all(u8::is_ascii_whitespace))
        .unwrap_or_default();
    first.strip_suffix(b"\r").unwrap_or(first)
}

/// The lines that name the columns, and the first record behind them: by the former alone all exports of one
/// kind would be the same file.
pub fn first_row(head: &[u8]) -> &[u8] {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let (mut end, mut n_rows) = (0, 0);
    for line in head.split_inclusive(|&b| b == b'\n') {
        end += line.len();
        let is_row = !line.starts_with(b"#") && !line.iter().all(u8::is_ascii_whitespace);
        n_rows += usize::from(is_row);
        if n_rows == 2 {
            break;
        }
    }
    head[..end].trim_ascii_end()
}

/// The first element of a JSON file that is no file of lines: its first line may be the bracket that all such
/// files begin with.
pub fn first_element<'h>(head: &'h [u8], framing: &Framing) -> Option<&'h [u8]> {
    let Framing::Json(is_record) = framing else {
        return None;
    };
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let opening = elements::opening(head, &**is_record)?;
    let whole = elements::first_element(head, opening.inside);
    Some(whole.unwrap_or(&head[opening.inside..]))
}

/// The lineage of a file: a hash over its source, the host that a person named, and its first line. It
/// stays the same when the file grows, is rotated, compressed or copied.
pub fn lineage(source: &str, host: Option<&str>, first_line: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [source.as_bytes(), host.unwrap_or("").as_bytes(), first_line] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

/// What a file holds up to some record. Another file can begin with the same line, and a file that was read
/// can be changed afterwards: then what follows a checkpoint is not all that is new.
#[derive(Debug, Clone)]
pub struct Prefix(Option<Sha256>);

impl Default for Prefix {
    fn default() -> Self {
        Self(Some(Sha256::new()))
    }
}

impl Prefix {
    /// For a reading that no other goes on from: nothing is added up.
    pub const IDLE: Self = Self(None);

    pub fn add(&mut self, record: &[u8]) {
        if let Some(hash) = &mut self.0 {
            hash.update((record.len() as u64).to_le_bytes());
            hash.update(record);
        }
    }

    /// 63 bits, never 0 but where nothing is added up.
    pub fn digest(&self) -> u64 {
        let Some(hash) = &self.0 else {
            return 0;
        };
        let digest: [u8; 32] = hash.clone().finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        (u64::from_le_bytes([a, b, c, d, e, f, g, h]) >> 1).max(1)
    }
}

/// How often each record was seen, in bounded memory. A pure function of the records in their order.
#[derive(Debug, Default, Clone)]
pub struct Occurrences {
    recent: HashMap<u64, u32, Quick>,
    older: HashMap<u64, u32, Quick>,
    /// Records since the older ones.
    n_recent: usize,
}

impl Occurrences {
    /// Counts a record: 1 for the first of its kind.
    pub fn count(&mut self, raw: &[u8]) -> u64 {
        let mut hash = QuickHasher::default();
        hash.write(raw);
        let key = hash.finish();
        let count = match self.recent.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.older.get(&key).copied().unwrap_or(0)),
        };
        *count = count.saturating_add(1);
        let n = *count;
        self.pass();
        u64::from(n)
    }

    /// Passes over a record that nobody counts: what is remembered of the others stays the same.
    pub fn pass(&mut self) {
        self.n_recent += 1;
        if self.n_recent >= REMEMBERED {
            self.older = std::mem::take(&mut self.recent);
            self.n_recent = 0;
        }
    }
}

/// The order of rotated siblings: the older comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rotation {
    is_undated: bool,
    /// Digits of the date in the name; files without one are the newest.
    date: Option<String>,
    /// Numbers count backwards in time; the file without a number is the newest.
    number: std::cmp::Reverse<u32>,
}

/// Splits a file's name into what its rotated siblings share and its place among them:
/// `access.log.2.gz`, `access.log-20140523` and `access-2014-05-23.log` all belong to `access.log`.
pub fn rotation(name: &str) -> (String, Rotation) {
    let mut stem = name;
    for ending in [".gz", ".zst", ".xz", ".bz2"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let (stem, number) = numbered(stem);
    let (stem, date) = dated(stem);
    let rotation = Rotation {
        is_undated: date.is_none(),
        date,
        number: std::cmp::Reverse(number),
    };
    (stem, rotation)
}

fn numbered(stem: &str) -> (&str, u32) {
    match stem.rsplit_once('.') {
        Some((base, digits)) if !base.is_empty() && digits.len() <= 4 => match digits.parse() {
            Ok(number) => (base, number),
            Err(_) => (stem, 0),
        },
        _ => (stem, 0),
    }
}

/// Takes the first date (`20140523`, `2014-05-23`, with a time after it or not) out of a name.
fn dated(stem: &str) -> (String, Option<String>) {
    let bytes = stem.as_bytes();
    let is_part = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b'T');
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() || !stem[at..].starts_with("20") && !stem[at..].starts_with("19") {
            at += 1;
            continue;
        }
        let len = bytes[at..].iter().take_while(|&&b| is_part(b)).count();
        let run = stem[at..at + len].trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits: String = run.chars().filter(char::is_ascii_digit).collect();
        if digits.len() >= 8 {
            let before = stem[..at].trim_end_matches(['-', '_', '.']);
            return (format!("{before}{}", &stem[at + run.len()..]), Some(digits));
        }
        at += len.max(1);
    }
    (stem.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_records_are_counted() {
        let mut seen = Occurrences::default();
        assert_eq!([seen.count(b"a"), seen.count(b"b"), seen.count(b"a")], [1, 1, 2]);
    }

    #[test]
    fn records_that_are_passed_over_make_the_others_forgotten_as_if_they_were_counted() {
        for n in [
            10,
            2 * REMEMBERED - 3,
            2 * REMEMBERED - 2,
            2 * REMEMBERED,
            5 * REMEMBERED,
        ] {
            let (mut all, mut some) = (Occurrences::default(), Occurrences::default());
            all.count(b"a");
            some.count(b"a");
            for nth in 0..n {
                all.count(&nth.to_le_bytes());
                some.pass();
            }
            assert_eq!(all.count(b"a"), some.count(b"a"), "{n}");
        }
    }

    #[test]
    fn a_prefix_is_its_records() {
        let of = |records: &[&str]| {
            let mut prefix = Prefix::default();
            records.iter().for_each(|record| prefix.add(record.as_bytes()));
            prefix.digest()
        };
        assert_eq!(of(&["a", "bc"]), of(&["a", "bc"]));
        for other in [&["ab", "c"][..], &["a", "bc", ""], &["a"], &["bc", "a"]] {
            assert_ne!(of(&["a", "bc"]), of(other));
        }
    }

    #[test]
    fn a_lineage_outlives_growth_but_not_another_first_line() {
        let of = |host, head: &[u8]| lineage("s", host, first_line(head));
        let one = of(None, b"first\n");
        assert_eq!(one, of(None, b"\xef\xbb\xbf\r\nfirst\r\nsecond\n"));
        assert_ne!(one, of(None, b"other\n"));
        assert_ne!(one, of(Some("h"), b"first\n"));
    }

    #[test]
    fn files_with_named_columns_are_told_by_their_first_record() {
        let one = first_row(b"\xef\xbb\xbf#TYPE x\r\na,b\r\n1,2\r\n3,4\r\n");
        assert_eq!(one, b"#TYPE x\r\na,b\r\n1,2");
        assert_eq!(first_row(b"a,b\n\n1,2"), b"a,b\n\n1,2");
        assert_eq!(first_row(b"a,b\n"), b"a,b");
    }

    #[test]
    fn rotated_siblings_stand_in_the_order_of_time() {
        let names = [
            "access.log-20140522.gz",
            "access.log-20140523",
            "access.log.10.gz",
            "access.log.2",
            "access.log.1",
            "access.log",
        ];
        let mut ranked: Vec<_> = names.iter().map(|n| (rotation(n), *n)).collect();
        ranked.reverse();
        ranked.sort();
        assert_eq!(ranked.iter().map(|r| r.1).collect::<Vec<_>>(), names);
        assert!(ranked.iter().all(|r| r.0.0 == "access.log"));
        assert_eq!(rotation("postgresql-2014-05-23_000000.csv").0, "postgresql.csv");
        assert_eq!(rotation("auth.log").0, "auth.log");
        assert_eq!(rotation("日本2014.log").0, "日本2014.log");
    }
}
