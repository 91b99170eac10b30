//! Traps: small things over and over that make a careless reader go over the same bytes again and again. What is
//! allocated grows as the input does, and no faster.

use crate::trial::{Found, Keep, golden, names, options, read_file, read_packed};
use std::fmt::Write as _;

fn read(name: &str, bytes: &[u8]) -> Found {
    read_packed(name, bytes, &options(name), Keep::Counts)
}

/// Short pieces, each of which opens, ends or announces something.
const PIECES: &[&[u8]] = &[
    b"{",
    b"[",
    b"{]},",
    b"{\"a\":1},{",
    b"[]",
    b"[]\n",
    b"{}",
    b"{\n",
    b"{\n\"a\":1\n",
    b"{\"a\":[\n",
    b"{\"a\":{\"a\":[1,",
    b"\"",
    b"\"\n",
    b"\"a\n\n",
    b",\"",
    b",",
    b"\\",
    b"\\\"",
    b"a=\"",
    b"a=b ",
    b"a=1\n",
    b"=",
    b"A=1\n\n",
    b"B\n\0\0\xf0\0\0\0\0\0\n\n",
    b"B\n\x01\0\0\0\0\0\0\0xyz\n\n",
    b"\n",
    b" \n",
    b"\0",
    b"(",
    b"[[",
    b"<1>",
    b"<1>1 - - - - - [a b=\"",
    b"- ",
    b": ",
    b", client: ",
    b"from 1.2.3.4 port 22 ",
    b"type=A msg=audit(1.1:1): a=b\n",
    b"type=A msg=audit(1.1:1): ",
    b"\tcontinued\n",
    b"2014-05-23 10:00:00.000 UTC [7] LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,\"",
    b"2014-05-23 10:00:00.000 UTC,\"a\n",
    b"\xff",
    b"\xed\xa0\x80",
    b"%25",
    b"ElfChnk\0",
];

/// What reading allocates for itself, whatever it reads.
const FIXED: u64 = 24 << 20;
/// What it may allocate for a byte, several copies of short records with all that events consist of included.
const PER_BYTE: u64 = 6_000;

#[test]
fn pieces_over_and_over_cost_as_much_as_there_are() {
    for name in names() {
        for piece in PIECES {
            let [few, many] = [32 << 10, 256 << 10].map(|len: usize| {
                let bytes = piece.repeat(len / piece.len());
                let found = read(&name, &bytes);
                assert!(found.peak < 32 << 20, "{name}: {piece:?} takes {}", found.peak);
                found.allocated
            });
            let piece = String::from_utf8_lossy(piece);
            assert!(
                many < FIXED + PER_BYTE * (256 << 10),
                "{name}: {piece:?} takes {many}"
            );
            assert!(
                many < FIXED + 12 * few,
                "{name}: {piece:?} takes {few}, then {many}"
            );
        }
    }
}

/// The same pieces behind a whole record, so that it is known how the file is cut.
#[test]
fn pieces_behind_a_log_cost_as_much_as_there_are() {
    for name in names() {
        let case = golden(&name).swap_remove(0);
        for piece in PIECES {
            let [few, many] = [16 << 10, 128 << 10].map(|len: usize| {
                let bytes = [&case, &b"\n"[..], &piece.repeat(len / piece.len())].concat();
                read(&name, &bytes).allocated
            });
            let piece = String::from_utf8_lossy(piece);
            assert!(
                many < FIXED + 12 * few,
                "{name}: {piece:?} takes {few}, then {many}"
            );
        }
    }
}

/// One record that holds many: as a shipper, an interface or a bundle hands them over.
#[test]
fn a_record_of_many_records_is_not_kept_once_for_each() {
    for name in names() {
        let cases = golden(&name);
        let text = String::from_utf8_lossy(&cases[0]);
        let Some(record) = text.lines().find(|l| l.starts_with('{') && l.ends_with('}')) else {
            continue;
        };
        let quoted = record.replace('\\', "\\\\").replace('"', "\\\"");
        let frames = [
            ("{\"Records\":[", record.to_owned(), "]}"),
            ("{\"records\":[", record.to_owned(), "]}"),
            ("{\"value\":[", record.to_owned(), "]}"),
            ("{\"message\":[", format!("\"{quoted}\""), "]}"),
            (
                "{\"resourceType\":\"Bundle\",\"entry\":[",
                format!("{{\"resource\":{record}}}"),
                "]}",
            ),
        ];
        for (open, inner, close) in frames {
            let n = 300_000 / inner.len();
            let mut whole = format!("{record}\n{open}");
            for n in 0..n {
                write!(whole, "{}{inner}", if n > 0 { "," } else { "" }).unwrap();
            }
            whole.push_str(close);
            let found = read(&name, whole.as_bytes());
            assert!(found.peak < 32 << 20, "{name}: {open} takes {}", found.peak);
        }
    }
}

/// Compressed in a thousand pieces of one byte: what comes out comes in as many portions.
#[test]
fn portions_of_one_byte_cost_no_more_than_the_whole() {
    let case = golden("nginx_access").swap_remove(0);
    let bytes = &case[..case.len().min(4_000)];
    let portions: Vec<u8> = bytes.iter().flat_map(|byte| gz_of(&[*byte])).collect();
    let whole = read_file("nginx_access", bytes);
    let found = read_packed("nginx_access", &portions, &options("nginx_access"), Keep::All);
    assert_eq!(found.places, whole.places);
    assert!(
        found.allocated < whole.allocated + (64 << 20),
        "{}",
        found.allocated
    );
}

fn gz_of(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}
