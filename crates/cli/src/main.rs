//! `ambit`: from log files to whose data was reached, with bounds.

mod claims;
mod commands;
mod detection;
mod exit;
mod export;
mod gaps;
mod live;
mod looking;
mod paint;
mod progress;
mod quarry;
mod report;
#[cfg(test)]
mod sample;
mod screen;
mod seeds;
mod setting;
mod told;
mod veil;
mod webhook;
mod words;

use anyhow::Result;
use clap::Parser;
use commands::Command;
use exit::Exit;
use setting::{Global, Setting};
use std::io;
use std::process::ExitCode;

/// Events are many small texts that one thread makes and another drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From log files to whose data was reached, with bounds.
#[derive(Debug, Parser)]
#[command(name = "ambit", version, max_term_width = 100, after_long_help = format!("{HELP}\n\n{}", exit::TEXT))]
struct Call {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "Start here:
  ambit demo                                  a whole incident with known truth
  ambit ingest /var/log/nginx pg/*.csv        take logs in; formats are recognized
  ambit coverage                              what each source surely saw, and where it is blind
  ambit scope --seed session=VALUE            what the intruder reached, as far as the logs tell
  ambit map init > map.toml                   propose which operations reach whose data
  ambit scope --seed session=VALUE --map map.toml --html report.html";

fn main() -> ExitCode {
    let call = Call::parse();
    let setting = Setting::of(&call.global);
    match run(&setting, call.command) {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => Exit::Unread.into(),
        Err(error) => {
            complain(&error);
            Exit::Failed.into()
        }
    }
}

fn run(setting: &Setting, command: Command) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(commands::run(setting, command))
}

/// Whoever reads us, `head` for one, has seen enough: no error, and no success either, since the rest was not told.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

fn complain(error: &anyhow::Error) {
    setting::remark(&format!("error: {error}"));
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many errors already hold their cause's words.
        if !said.contains(&cause) {
            setting::remark(&format!("  because {cause}"));
        }
        said = cause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Call::command().debug_assert();
    }
}
