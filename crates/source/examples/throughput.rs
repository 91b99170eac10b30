//! How fast evidence is read, the lake left aside: `cargo run --release -p ambit-source --example throughput -- FILES`
//! prints megabytes and events per second for each file.
#![allow(clippy::print_stdout)]

use ambit_event::Keys;
use ambit_source::{Error, Options, discover, read};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

#[allow(clippy::cast_precision_loss)] // figures for people
fn main() -> Result<(), Error> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let options = Options::default();
    let (inputs, errors) = discover(&paths, &options);
    for error in errors {
        println!("{error}");
    }
    for input in inputs {
        let began = Instant::now();
        let summary = read(&input, &options, &Keys::derive(&[0; 32]), None, &mut |_| {
            ControlFlow::Continue(())
        })?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{}: {}, {:.0} MB/s, {:.0} events/s, {} rejects",
            input.evidence.path,
            input.evidence.source,
            summary.bytes as f64 / 1e6 / seconds,
            summary.n_events as f64 / seconds,
            summary.n_rejects
        );
    }
    Ok(())
}
