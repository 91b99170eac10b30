//! `bench TASK`: what speed and memory claims rest on. Each prints a table that anyone can make again;
//! `docs/BENCHMARKS.md` keeps one with its machine. Nothing here decides whether a change is good.

mod app;
mod detect;
mod figures;
mod fuzz;
mod kill;
mod program;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run --release --bin xtask -- bench TASK

  app FILE.apk...      time and memory of reading a package of 100 MB, built of these; androguard beside it
  detect [DATA [RSIGMA]]  processor time and memory of detection over the data of `conformance`, beside rsigma's program
  figures [EVENTS...]  reading speed, bytes on disk, time and memory of a scope (default: 1000000)
  fuzz [SECONDS [N]]   every fuzz target for so many seconds, N at once (default: 60, 1)
  kill [TIMES]         kill -9 while logs are read, again and again; then compare (default: 200)

`AMBIT_DRILLS=2000 cargo test --release --test scope the_truth -- --nocapture` tries thousands of incidents.";

pub fn run(arguments: &[String]) -> ExitCode {
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", arguments),
    };
    match task {
        "app" => return ended(app::run(rest)),
        "detect" => {
            let data = rest.first().map_or("../shared/data", String::as_str);
            return ended(detect::run(Path::new(data), rest.get(1).map(Path::new)));
        }
        "detect-part" => return ended(detect::part::run(rest)),
        _ => {}
    }
    let numbers: Result<Vec<u64>, _> = arguments.iter().skip(1).map(|n| n.parse()).collect();
    let done = match (arguments.first().map(String::as_str), numbers) {
        (Some("figures"), Ok(sizes)) if sizes.is_empty() => figures::run(&[1_000_000]),
        (Some("figures"), Ok(sizes)) => figures::run(&sizes),
        (Some("fuzz"), Ok(numbers)) => {
            let number = |at, otherwise| numbers.get(at).copied().unwrap_or(otherwise);
            fuzz::run(number(0, 60), number(1, 1))
        }
        (Some("kill"), Ok(times)) => kill::run(times.first().copied().unwrap_or(200)),
        _ => Err(USAGE.to_owned()),
    };
    ended(done)
}

fn ended(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}
