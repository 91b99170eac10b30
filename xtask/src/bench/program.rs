//! The program under test, run as a user runs it, with what it took.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a command took.
pub struct Took {
    pub wall: Duration,
    /// User and system time of the command and its threads.
    pub cpu: Duration,
    /// The largest resident set, in bytes, as seen every few milliseconds.
    pub peak: u64,
    pub stdout: Vec<u8>,
}

/// Ticks of the kernel's clock in a second, as every Linux reports times to programs.
const TICKS: u64 = 100;

/// `ambit`, which lies beside this program.
pub struct Program(PathBuf);

impl Program {
    pub fn find() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let path = own.with_file_name("ambit");
        match path.is_file() {
            true => Ok(Self(path)),
            false => Err(format!("there is no {}: cargo build --release", path.display())),
        }
    }

    pub fn command(&self, lake: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.arg("--lake").arg(lake).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, lake: &Path, arguments: &[&str]) -> Result<Took, String> {
        let out = lake.with_extension("stdout");
        took(&mut self.command(lake, arguments), &out)
    }

    pub fn json(&self, lake: &Path, arguments: &[&str]) -> Result<Value, String> {
        let took = self.run(lake, &[arguments, &["--json"]].concat())?;
        serde_json::from_slice(&took.stdout).map_err(|e| format!("ambit {arguments:?} gave no JSON: {e}"))
    }
}

/// Runs a command to its end; what it prints goes by way of a file. Exit code 3 says that something is incomplete,
/// which is no failure here.
pub fn took(command: &mut Command, out: &Path) -> Result<Took, String> {
    let file = fs::File::create(out).map_err(|e| e.to_string())?;
    let took =
        run_timed(command.stdin(Stdio::null()).stdout(file)).map_err(|why| format!("{command:?} {why}"))?;
    Ok(Took {
        stdout: fs::read(out).map_err(|e| e.to_string())?,
        ..took
    })
}

/// Runs any command to its end, and measures it; what it prints goes where the command says.
pub fn run_timed(command: &mut Command) -> Result<Took, String> {
    let (before, began) = (children_cpu(), Instant::now());
    let mut child = command.spawn().map_err(|e| format!("cannot be run: {e}"))?;
    let (status, peak) = watch(&mut child)?;
    match status {
        Some(0 | 3) => Ok(Took {
            wall: began.elapsed(),
            cpu: children_cpu().saturating_sub(before),
            peak,
            stdout: Vec::new(),
        }),
        other => Err(format!("ended with {other:?}")),
    }
}

/// Waits for the child and notes its largest resident set.
fn watch(child: &mut Child) -> Result<(Option<i32>, u64), String> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        peak = peak.max(resident(&status));
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(ended) => return Ok((ended.code(), peak)),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn resident(status: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// Processor time of all children that have ended.
fn children_cpu() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// Bytes of all files below a folder.
pub fn bytes_below(dir: &Path) -> u64 {
    let files = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    files
        .filter_map(|f| f.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|m| m.len())
        .sum()
}
