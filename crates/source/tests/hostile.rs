//! Whatever the bytes are, every format ends in events and rejects, and every record is accounted for. The golden
//! inputs are damaged in ways that depend on nothing but a seed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::Keys;
use ambit_source::{Context, Options, decode_all};
use std::path::Path;

/// Marsaglia's xorshift: the same damage on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

const SPLINTERS: &[&[u8]] = &[
    b"\n",
    b"\"",
    b"\\",
    b"\\x",
    b"[",
    b"{\"a\":",
    b"\0",
    b"\xff\xfe",
    b"=",
    b"%",
    b"\t",
    b"99999999999999999999",
    b"-",
    b", client: ",
    b"AUDIT: SESSION,",
    b"\xe2\x80\xae",
    b"]: ",
    b"\r\n",
    b"\"\"",
    b"9999-12-31 23:59:60",
    b"fp_",
];

fn damaged(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes[..bytes.len().min(8_000)].to_vec();
    for _ in 0..=dice.next(6) {
        let at = dice.next(bytes.len());
        match dice.next(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.next(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, SPLINTERS[dice.next(SPLINTERS.len())].iter().copied())),
            3 => drop(bytes.drain(at..(at + dice.next(40)).min(bytes.len()))),
            _ => {
                let piece = bytes[at..(at + dice.next(300)).min(bytes.len())].to_vec();
                let to = dice.next(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

#[test]
fn damaged_records_become_events_or_rejects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let context = Context::bare(Keys::derive(&[7; 32]));
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut folders: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let Ok(format) = Options::default().format(name) else {
            continue;
        };
        let mut inputs: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        inputs.sort();
        for input in inputs
            .iter()
            .filter(|path| path.extension().is_some_and(|e| e == "in"))
        {
            let bytes = std::fs::read(input).unwrap();
            for _ in 0..12 {
                let bytes = damaged(&bytes, &mut dice);
                let batch = decode_all(&format, &bytes, &context).unwrap();
                for event in &batch.events {
                    let (from, len) = (event.provenance.offset, event.provenance.length);
                    assert!(
                        from + len <= bytes.len() as u64,
                        "{name}: an event beyond the end of its file"
                    );
                }
                let again = decode_all(&format, &bytes, &context).unwrap();
                assert_eq!(batch, again, "{name}: the same bytes give the same batch");
            }
        }
    }
}
