//! The house checks: what the design promises about the shape of this repository, held by a program.
//!
//! Each check is a function from the texts of the repository to the faults found in them, so that it is
//! tested on texts that a test writes down.

mod code;
mod edges;
mod house;
mod papers;
mod tokens;

use house::{Fault, House};
use std::process::ExitCode;

/// A check, with the sentence that it holds.
type Check = (&'static str, fn(&House) -> Vec<Fault>);

const CHECKS: &[Check] = &[
    ("a crate depends only on lower floors", edges::floors),
    ("a big dependency has one door", edges::doors),
    (
        "there is one query engine, one Arrow and one registry",
        edges::lock,
    ),
    ("each crate takes the lints of the workspace", edges::lints),
    ("code names a big dependency only behind its door", code::doors),
    (
        "decompressors are named in the capped reader alone",
        code::decompressors,
    ),
    ("parsers, journal and simulator are not async", code::no_async),
    ("clock and randomness come from outside", code::no_clock),
    ("nothing is unfinished or switched off", code::unfinished),
    ("a lib.rs is a table of contents", code::short_lib),
    (
        "each source has a manual, golden cases with rejects, and a fuzz target",
        papers::sources,
    ),
    (
        "no file names a machine's path or a registry's host",
        papers::no_machine,
    ),
    ("the README is short", papers::short_readme),
    (
        "the gate runs the test command that the README names",
        papers::test_command,
    ),
];

/// Runs every check and prints what each found.
pub fn run() -> ExitCode {
    let house = match House::load() {
        Ok(house) => house,
        Err(why) => {
            eprintln!("the repository cannot be read: {why}");
            return ExitCode::FAILURE;
        }
    };
    let n_failed = CHECKS.iter().filter(|check| !holds(check, &house)).count();
    println!(
        "house checks: {} hold, {n_failed} do not",
        CHECKS.len() - n_failed
    );
    if n_failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn holds((promise, check): &Check, house: &House) -> bool {
    let faults = check(house);
    println!("{} {promise}", if faults.is_empty() { "ok  " } else { "FAIL" });
    for fault in &faults {
        println!("     {fault}");
    }
    faults.is_empty()
}
