//! Floods: lines, keys, values and records without end. Memory has an end whatever comes in, and does not grow with
//! what was read.

use crate::damage::Dice;
use crate::trial::{Found, Keep, format, golden, names, options, read_packed};
use ambit_source::Options;
use std::fmt::Write as _;

const MB: u64 = 1 << 20;

/// Reads parts that stand one behind the other, compressed: what repeats itself need not lie on a disk. Batches are
/// small, so that what is held beside them shows.
fn read(name: &str, parts: &[&[u8]]) -> Found {
    let packed: Vec<u8> = parts
        .iter()
        .flat_map(|part| zstd::encode_all(*part, 1).unwrap())
        .collect();
    let options = Options {
        batch_events: 4,
        ..options(name)
    };
    read_packed(name, &packed, &options, Keep::Counts)
}

/// The first line of a source's golden cases that looks like a record.
fn record(name: &str) -> String {
    let is_record = |line: &&str| line.len() > 20 && !line.starts_with('#');
    let cases = golden(name);
    let texts: Vec<_> = cases.iter().map(|case| String::from_utf8_lossy(case)).collect();
    let mut lines = texts.iter().flat_map(|text| text.lines()).filter(is_record);
    lines.next().unwrap_or("x").to_owned()
}

/// The record with something added to it: members where it is a JSON object, else words.
fn with(record: &str, members: &str, words: &str) -> String {
    match record.trim_end().strip_suffix('}') {
        Some(open) => format!("{open},{members}}}\n"),
        None => format!("{record} {words}\n"),
    }
}

#[test]
fn a_line_of_100_megabytes_is_a_reject_and_the_next_line_is_read() {
    let long = vec![b'A'; 100_000_000];
    for name in names() {
        let case = &golden(&name)[0];
        let case = [case.trim_ascii_end(), b"\n"].concat();
        let alone = read(&name, &[&case]);
        let record = record(&name);
        let half = record.floor_char_boundary(record.len() / 2);
        let found = read(&name, &[&case, &record.as_bytes()[..half], &long, b"\n", &case]);
        assert!(found.peak < 80 * MB, "{name}: {} MB", found.peak / MB);
        assert!(found.allocated < 50 * long.len() as u64, "{name}");
        assert!(found.summary.n_rejects > alone.summary.n_rejects, "{name}");
        assert!(
            found.n_events >= alone.n_events,
            "{name}: {} events",
            found.n_events
        );
    }
}

#[test]
fn a_million_keys_are_held_once() {
    let (mut members, mut words) = (String::from("\"k\":0"), String::from("k=0"));
    for n in 0..1_000_000 {
        write!(members, ",\"k{n}\":{n}").unwrap();
        write!(words, " k{n}={n}").unwrap();
    }
    for name in names() {
        let bytes = with(&record(&name), &members, &words);
        let found = read(&name, &[bytes.as_bytes()]);
        assert!(found.peak < 700 * MB, "{name}: {} MB", found.peak / MB);
        assert!(found.allocated < 2000 * MB, "{name}: {} MB", found.allocated / MB);
    }
}

#[test]
fn what_keys_and_values_are_made_of_is_not_kept() {
    let (n, len) = (120, 200_000);
    for name in names() {
        let record = record(&name);
        let flood: String = (0..n)
            .map(|n| {
                let long = format!("{n:03}").repeat(len / 3);
                let members = format!("\"k{long}\":1,\"host\":\"h{long}\",\"s{long}\":{{\"v\":\"{long}\"}}");
                with(&record, &members, &format!("k{long}=1 host=h{long}"))
            })
            .collect();
        let found = read(&name, &[flood.as_bytes()]);
        assert!(found.peak < 48 * MB, "{name}: {} MB", found.peak / MB);
    }
}

/// Requests that were received, many in one record: each is waited with, in a list and behind escapes.
#[test]
fn items_that_are_waited_with_hold_their_own_bytes_only() {
    let list = |n: usize| {
        let item = |n: usize| {
            format!(
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-{n}","stage":"RequestReceived","requestURI":"/api/v1/pods","verb":"list","user":{{"username":"alice"}},"requestReceivedTimestamp":"2026-05-23T12:00:00.000000Z","stageTimestamp":"2026-05-23T12:00:00.000000Z"}}"#
            )
        };
        let items: Vec<_> = (0..n).map(item).collect();
        format!(r#"{{"kind":"EventList","items":[{}]}}"#, items.join(","))
    };
    let escaped = |text: &str| format!("{{\"message\":\"{}\"}}", text.replace('"', "\\\""));
    let within = |text: &str| format!("2026-05-23T12:00:00.000000000Z stdout F {text}\n");
    for wrapped in [
        &(|text: &str| format!("{text}\n")) as &dyn Fn(&str) -> String,
        &|text: &str| escaped(text) + "\n",
        &within,
        &|text: &str| within(&escaped(text)),
    ] {
        let [few, many] = [500, 2500].map(|n| wrapped(&list(n)));
        let [few, many] = [few, many].map(|bytes| {
            let found = read("kubernetes_audit", &[bytes.as_bytes()]);
            assert!(found.n_events >= 500, "{} events", found.n_events);
            println!(
                "{} kB: {} MB at once, {} MB all",
                bytes.len() / 1024,
                found.peak / MB,
                found.allocated / MB
            );
            found
        });
        assert!(many.peak < 64 * MB, "{} MB", many.peak / MB);
        assert!(many.allocated < 8 * few.allocated, "{} MB", many.allocated / MB);
    }
}

/// Every host, session, account and number is another; memory may grow by what tells copies from repetitions.
#[test]
fn memory_does_not_grow_with_what_was_read() {
    for name in names() {
        let few = read(&name, &[varied(&name, 4_000).as_bytes()]);
        let many = read(&name, &[varied(&name, 16_000).as_bytes()]);
        let grown = many.peak.saturating_sub(few.peak);
        // Where records wait for later ones, some of them are held, up to a cap.
        let each = if format(&name).is_stateful() { 3_000 } else { 300 };
        assert!(grown < 12_000 * each, "{name}: {} KB more", grown / 1024);
    }
}

/// Records of the golden cases over and over, with other digits behind their beginning.
fn varied(name: &str, n: usize) -> String {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let cases: Vec<String> = golden(name)
        .iter()
        .map(|case| String::from_utf8_lossy(case).into_owned())
        .collect();
    let lines: Vec<&str> = cases
        .iter()
        .flat_map(|case| case.lines())
        .filter(|l| l.len() < 2_000)
        .collect();
    let mut out = String::new();
    for n in 0..n {
        for (at, c) in lines[n % lines.len().max(1)].chars().enumerate() {
            let is_varied = at > 60 && c.is_ascii_digit();
            out.push(match is_varied {
                true => char::from(b'0' + dice.next(10) as u8),
                false => c,
            });
        }
        out.push('\n');
    }
    out
}
