//! The damage: small things put into a log, and what is done to its times, its lines and its encoding.

/// Marsaglia's xorshift: the same damage on every machine.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

/// What is put into a log at many places.
pub const SPLINTERS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\x1b[2J\x1b]0;x\x07",
    b"\x07\x08\x7f",
    b"\x0b\x0c\x85",
    b"\"",
    b"\"\"",
    b"'",
    b"\\",
    b"\\x",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"[",
    b"]: ",
    b"{\"a\":",
    b"}",
    b"},{",
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x80\xae",
    b"\xd8\x9c",
    b"\xe2\x80\x8b\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"\xf3\xa0\x80\x81",
    b"=",
    b"%",
    b"%zz%00",
    b"\t",
    b",",
    b";",
    b"-",
    b"0",
    b"99999999999999999999",
    b"-9223372036854775809",
    b"1e400",
    b"NaN",
    b", client: ",
    b"AUDIT: SESSION,",
    b"type=",
    b"msg=audit(",
    b"9999-12-31 23:59:60",
    b"fp_",
];

/// Years that clocks and counters have when they are wrong, and one that no counter of nanoseconds has.
const YEARS: &[&str] = &[
    "0000", "-001", "1969", "2262", "2263", "9999", "10000", "292277", "20",
];

/// Zones at the edges, of half an hour, and such as are none; and hours that a clock has twice or never.
const ZONES: &[&str] = &[
    "+14:00",
    "-12:00",
    "+05:45",
    "-00:00",
    "+99:99",
    "+24:00",
    " CET",
    "[Europe/Stockholm]",
    " +1400",
    "",
];

/// Numbers that no counter of seconds, milli- or nanoseconds has.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e308",
    "1e-400",
    "253402300800",
    "0.0000000000000000001",
    "00000000000000000000000000000000000001",
    "true",
    "\"\"",
];

/// A log in all the ways in which it is damaged; each with what was done.
pub fn damaged(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |what: String, bytes: Vec<u8>| all.push((what, bytes));
    for at in steps(bytes.len(), 24) {
        add(format!("cut at {at}"), bytes[..at].to_vec());
    }
    for (n, at) in steps(bytes.len(), 24).enumerate() {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (n % 8);
        add(format!("a bit flipped at {at}"), flipped);
    }
    for (n, splinter) in SPLINTERS.iter().enumerate() {
        for at in steps(bytes.len(), 3 + n % 2) {
            add(format!("splinter {n} at {at}"), spliced(bytes, at, splinter));
        }
    }
    let text = String::from_utf8_lossy(bytes);
    for year in YEARS {
        add(format!("the year {year}"), replaced(&text, &year_at, year));
    }
    for zone in ZONES {
        add(format!("the zone {zone}"), replaced(&text, &zone_at, zone));
    }
    for number in NUMBERS {
        add(
            format!("the number {number}"),
            replaced(&text, &number_at, number),
        );
    }
    add("the clock going back".into(), reversed(bytes));
    for (what, twice) in [("CRLF", "\r\n"), ("CR", "\r"), ("no line ends", " ")] {
        add(what.into(), text.replace('\n', twice).into_bytes());
    }
    add(
        "UTF-16".into(),
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    );
    add("two marks".into(), [b"\xef\xbb\xbf\xef\xbb\xbf", bytes].concat());
    add(
        "keys twice".into(),
        text.replace('{', "{\"t\":1,\"t\":2,").into_bytes(),
    );
    for open in ["{\"a\":", "[", "{\"a\":[", "a=\"", "\"", "(", "<a>"] {
        let deep = open.repeat(10_000);
        add(format!("10,000 of {open}"), deep.clone().into_bytes());
        add(format!("{open} within"), nested(&text, &deep).into_bytes());
    }
    all
}

fn steps(len: usize, n: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by((len / n).max(1))
}

fn spliced(bytes: &[u8], at: usize, splinter: &[u8]) -> Vec<u8> {
    [&bytes[..at], splinter, &bytes[at..]].concat()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    lines.reverse();
    lines.concat()
}

/// Values nested without end behind the first colon of every line.
fn nested(text: &str, deep: &str) -> String {
    let line = |line: &str| line.replacen(':', &format!(":{deep}"), 1);
    text.split_inclusive('\n').take(3).map(line).collect()
}

/// The text with everything replaced whose length the test tells.
fn replaced(text: &str, find: &dyn Fn(&[u8], u8) -> usize, by: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    let mut before = b' ';
    while at < bytes.len() {
        let len = find(&bytes[at..], before);
        match len {
            0 => out.push(bytes[at]),
            _ => out.extend_from_slice(by.as_bytes()),
        }
        at += len.max(1);
        before = bytes[at - 1];
    }
    out
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn year_at(bytes: &[u8], before: u8) -> usize {
    let is_year = (bytes.starts_with(b"20") || bytes.starts_with(b"19")) && digits(bytes) == 4;
    if is_year && !before.is_ascii_digit() { 4 } else { 0 }
}

fn zone_at(bytes: &[u8], before: u8) -> usize {
    if !before.is_ascii_digit() && before != b' ' {
        return 0;
    }
    match bytes {
        [b'Z', ..] if before != b' ' => 1,
        [b'U', b'T', b'C', ..] => 3,
        [b'+', rest @ ..] if digits(rest) == 4 => 5,
        [b'+', rest @ ..] if digits(rest) == 2 && rest.get(2) == Some(&b':') => 6,
        _ => 0,
    }
}

fn number_at(bytes: &[u8], before: u8) -> usize {
    let n = digits(bytes);
    if n >= 10 && !before.is_ascii_alphanumeric() {
        n
    } else {
        0
    }
}
