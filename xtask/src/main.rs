//! The tasks of this repository: `cargo run --release --bin xtask -- TASK`.

mod bench;
mod check;
mod conformance;
mod packages;

use std::process::ExitCode;

/// That of the program: what it takes to hold events belongs to what is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: cargo run --release --bin xtask -- TASK

  check              the house checks: who may depend on whom, one door per big dependency, papers
  conformance [DIR [PART...]]  our decoders and detection against other people's test data (default: ../shared/data beside
                     the workspace); parts that can be asked for alone: sigma, detect, techniques
  packages           Android packages built with Debian's tools: the twins of each check, signatures beside apksigner
  bench TASK         speed, memory and survival, measured; `bench` alone lists the tasks";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("bench") => bench::run(&arguments[1..]),
        Some("check") => check::run(),
        Some("packages") => packages::run(),
        Some("conformance") => {
            let parts = arguments.get(2..).unwrap_or_default();
            conformance::run(arguments.get(1).map(String::as_str), parts)
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
