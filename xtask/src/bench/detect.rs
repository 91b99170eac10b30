//! Detection: what it takes beside reading alone, beside `rsigma` over the same lines, with ten times the rules, and
//! with a million groups of a correlation.

pub mod corpus;
pub mod part;

use super::program::{Took, took};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How often the lines of JSON are written.
const COPIES: u64 = 4;
/// The better of so many runs counts: others may be at work on the machine.
const TIMES: usize = 2;

/// Over the data that `conformance` reads; `rsigma` is where its program lies, if anywhere.
pub fn run(data: &Path, rsigma: Option<&Path>) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let bench = Bench {
        rules: data.join("sigma/rules-all"),
        here: dir.path().to_path_buf(),
    };
    let loading = bench.loading()?;
    let (evtx, lines) = (bench.here.join("evtx"), bench.here.join("windows.jsonl"));
    corpus::evtx_files(
        &[data.join("evtx-to-mitre"), data.join("sigma/regression")],
        &evtx,
    )?;
    corpus::windows_lines(&data.join("otrf-security-datasets"), &lines, COPIES)?;
    println!(
        "| logs | events | what | processor time | wall | beside reading | events/s per core | findings of rules | peak MB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    bench.logs("EVTX", &evtx, loading)?;
    bench.logs("JSON lines of Windows", &lines, loading)?;
    bench.logs("Apache", &data.join("elastic-examples"), loading)?;
    bench.logs("CloudTrail", &data.join("stratus-red-team"), loading)?;
    if let Some(program) = rsigma {
        bench.rsigma(program, &lines)?;
    }
    println!();
    bench.more_rules(&lines)?;
    bench.groups()
}

/// The run that took least.
fn best_of(command: &mut Command, out: &Path) -> Result<Took, String> {
    let mut best: Option<Took> = None;
    for _ in 0..TIMES {
        let one = took(command.stderr(Stdio::null()), out)?;
        if best.as_ref().is_none_or(|best| one.cpu < best.cpu) {
            best = Some(one);
        }
    }
    best.ok_or_else(|| "nothing was measured".to_owned())
}

struct Bench {
    rules: PathBuf,
    here: PathBuf,
}

/// What a part printed, and took.
struct Part {
    seen: Value,
    took: Took,
}

impl Part {
    fn n(&self, name: &str) -> u64 {
        self.seen[name].as_u64().unwrap_or(0)
    }

    fn secs(&self) -> f64 {
        self.took.cpu.as_secs_f64()
    }

    fn peak_mb(&self) -> f64 {
        self.took.peak as f64 / 1e6
    }
}

impl Bench {
    /// A part, in a program of its own.
    fn part(&self, arguments: &[&str]) -> Result<Part, String> {
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut best: Option<Part> = None;
        for _ in 0..TIMES {
            let mut command = Command::new(&own);
            command.args(["bench", "detect-part"]).args(arguments);
            let took = took(&mut command, &self.here.join("stdout"))?;
            let seen = serde_json::from_slice(&took.stdout).map_err(|e| format!("{arguments:?}: {e}"))?;
            if best.as_ref().is_none_or(|best| took.cpu < best.took.cpu) {
                best = Some(Part { seen, took });
            }
        }
        best.ok_or_else(|| "nothing was measured".to_owned())
    }

    fn rules(&self) -> String {
        self.rules.display().to_string()
    }

    /// Seconds that reading the rules takes, which is taken off where they are used.
    fn loading(&self) -> Result<f64, String> {
        let part = self.part(&["rules", &self.rules()])?;
        println!(
            "{} rules are read in {:.2} s of processor time, peak {:.0} MB",
            part.n("n_rules"),
            part.secs(),
            part.peak_mb()
        );
        println!();
        Ok(part.secs())
    }

    fn logs(&self, name: &str, logs: &Path, loading: f64) -> Result<(), String> {
        let logs = logs.display().to_string();
        let rules = self.rules();
        let alone = self.part(&["read", &logs])?;
        let reading = alone.secs().max(0.01);
        let n_events = alone.n("n_events");
        let mut rows = vec![("reading alone", alone, 0.0)];
        if name == "EVTX" {
            rows.insert(
                0,
                (
                    "the crate `evtx` alone, to JSON",
                    self.part(&["evtx", &logs])?,
                    0.0,
                ),
            );
        }
        rows.push(("behaviours", self.part(&["detect", "-", &logs])?, 0.0));
        rows.push((
            "behaviours and all rules",
            self.part(&["detect", &rules, &logs])?,
            loading,
        ));
        for (what, part, loading) in rows {
            let secs = (part.secs() - loading).max(0.01);
            println!(
                "| {name} | {} | {what} | {secs:.2} s | {:.2} s | {:.2} | {:.0} | {} | {:.0} |",
                part.n("n_events"),
                part.took.wall.as_secs_f64(),
                secs / reading,
                part.n("n_events") as f64 / secs,
                part.n("n_findings"),
                part.peak_mb(),
            );
        }
        let whole = self.program(&logs)?;
        println!(
            "| {name} | {n_events} | `ambit detect`, rules read | {:.2} s | {:.2} s | {:.2} | {:.0} | | {:.0} |",
            whole.cpu.as_secs_f64(),
            whole.wall.as_secs_f64(),
            whole.cpu.as_secs_f64() / reading,
            n_events as f64 / whole.cpu.as_secs_f64().max(0.01),
            whole.peak as f64 / 1e6
        );
        Ok(())
    }

    /// The program itself, as a user runs it.
    fn program(&self, logs: &str) -> Result<Took, String> {
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut command = Command::new(own.with_file_name("ambit"));
        command.args(["detect", "--whole", "--json", "--rules", &self.rules(), logs]);
        best_of(&mut command, &self.here.join("stdout"))
    }

    /// The same lines, read by another engine of the same rules.
    fn rsigma(&self, program: &Path, lines: &Path) -> Result<(), String> {
        let nothing = self.here.join("nothing.jsonl");
        std::fs::write(&nothing, "{}\n").map_err(|e| e.to_string())?;
        let run = |events: &Path| -> Result<Took, String> {
            let events = format!("@{}", events.display());
            let mut command = Command::new(program);
            command.args(["engine", "eval", "--rules", &self.rules(), "--event", &events]);
            best_of(&mut command, &self.here.join("stdout"))
        };
        let (loading, all) = (run(&nothing)?, run(lines)?);
        let secs = all.cpu.saturating_sub(loading.cpu).as_secs_f64().max(0.01);
        let n_events = std::fs::read(lines)
            .map_err(|e| e.to_string())?
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count();
        let n_findings = all
            .stdout
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count();
        println!(
            "| JSON lines of Windows | {n_events} | rsigma (loading {:.2} s) | {secs:.2} s | {:.2} s | | {:.0} | {n_findings} | {:.0} |",
            loading.cpu.as_secs_f64(),
            all.wall.as_secs_f64(),
            n_events as f64 / secs,
            all.peak as f64 / 1e6
        );
        Ok(())
    }

    /// The same rules ten times over, under other ids.
    fn more_rules(&self, lines: &Path) -> Result<(), String> {
        let (many, lines) = (self.here.join("rules"), lines.display().to_string());
        corpus::rules(&self.rules, &many, 10)?;
        let many = many.display().to_string();
        println!("| rules | loading | looking at the JSON lines | findings of rules | peak MB |");
        println!("|---|---|---|---|---|");
        for rules in [self.rules(), many] {
            let loading = self.part(&["rules", &rules])?;
            let all = self.part(&["detect", &rules, &lines])?;
            println!(
                "| {} | {:.2} s | {:.2} s | {} | {:.0} |",
                loading.n("n_rules"),
                loading.secs(),
                all.secs() - loading.secs(),
                all.n("n_findings"),
                all.peak_mb()
            );
        }
        println!();
        Ok(())
    }

    fn groups(&self) -> Result<(), String> {
        println!("| groups of a correlation | given up | events/s per core | peak MB |");
        println!("|---|---|---|---|");
        for n in ["1000", "1000000", "3000000"] {
            let part = self.part(&["groups", n])?;
            println!(
                "| {n} | {} | {:.0} | {:.0} |",
                part.n("n_evicted"),
                part.n("n_events") as f64 / part.secs().max(0.01),
                part.peak_mb()
            );
        }
        Ok(())
    }
}
