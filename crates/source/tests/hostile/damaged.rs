//! Golden cases in all the ways in which a log is damaged.

use crate::damage::{Dice, SPLINTERS, damaged};
use crate::trial::{format, golden, hold_bytes, names, read_file};
use ambit_event::Keys;
use ambit_source::{Context, decode_all};

/// A golden case is damaged as far as this: what is wrong shows early.
const LONGEST: usize = 6000;

#[test]
fn every_record_of_a_damaged_log_is_accounted_for() {
    let mut n = 0;
    for name in names() {
        for case in golden(&name) {
            for (what, bytes) in damaged(&case[..case.len().min(LONGEST)]) {
                let tried = std::panic::catch_unwind(|| {
                    let found = read_file(&name, &bytes);
                    hold_bytes(&name, &bytes, &found);
                });
                assert!(tried.is_ok(), "{name}: {what}");
                n += 1;
            }
        }
    }
    assert!(n > 10_000, "only {n} were tried");
}

#[test]
fn the_same_damage_gives_the_same_batch() {
    let context = Context::bare(Keys::derive(&[7; 32]));
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for name in names() {
        let format = format(&name);
        for case in golden(&name) {
            for _ in 0..12 {
                let bytes = at_random(&case, &mut dice);
                let batch = decode_all(&format, &bytes, &context).unwrap();
                let again = decode_all(&format, &bytes, &context).unwrap();
                assert_eq!(batch, again, "{name}: the same bytes give the same batch");
            }
        }
    }
}

#[test]
fn every_line_of_a_damaged_container_log_is_accounted_for() {
    let mut n = 0;
    for name in names() {
        for case in golden(&name).into_iter().take(2) {
            n += 1;
            let kept = kept(&case[..case.len().min(LONGEST / 3)], n % 2 == 0);
            for (what, bytes) in damaged(&kept) {
                let tried = std::panic::catch_unwind(|| {
                    let found = read_file(&name, &bytes);
                    hold_bytes(&name, &bytes, &found);
                });
                assert!(tried.is_ok(), "{name} in a container's log: {what}");
            }
        }
    }
    assert!(n > 40, "only {n} were tried");
}

/// A log as Kubernetes' runtimes keep what a container writes, or as Docker does.
fn kept(log: &[u8], is_docker: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(log);
    let line = |line: &str| match is_docker {
        true => {
            let line = serde_json::Value::from(format!("{line}\n"));
            format!("{{\"log\":{line},\"stream\":\"stdout\",\"time\":\"2014-05-23T10:00:00.1Z\"}}\n")
        }
        false => format!("2014-05-23T10:00:00.1Z stdout F {line}\n"),
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

fn at_random(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
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
