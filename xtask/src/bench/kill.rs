//! `kill -9` while logs are read, at random moments; then the lake must hold what an undisturbed reading
//! gives, by the hash over all its events.

use super::program::Program;
use std::path::Path;
use std::time::{Duration, Instant};

/// Accounts of the drill that is read: some seconds of work.
const USERS: &str = "6000";

pub fn run(times: u64) -> Result<(), String> {
    let program = Program::find()?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let at = |name: &str| dir.path().join(name);
    let drill = at("drill").display().to_string();
    program.run(
        &at("none"),
        &["drill", "--users", USERS, "--days", "3", "--out", &drill],
    )?;
    let logs = at("drill/logs").display().to_string();
    let began = Instant::now();
    program.run(&at("calm"), &["ingest", &logs])?;
    let whole = began.elapsed();
    let expected = told(&program, &at("calm"))?;
    let (mut dice, mut killed, mut n_lakes) = (Dice(0x2014_0523), 0, 0);
    while killed < times {
        n_lakes += 1;
        let rough = at(&format!("rough-{n_lakes}"));
        // Each lake takes some twenty kills, most of them early: that is where a lake is young.
        for _ in 0..20.min(times - killed) {
            killed += u64::from(kill_once(&program, &rough, &logs, dice.within(whole))?);
        }
        program.run(&rough, &["ingest", &logs])?;
        let found = told(&program, &rough)?;
        if found != expected {
            return Err(format!(
                "after {killed} kills the lake tells {found}, not {expected}"
            ));
        }
        println!("{killed} kills: the lake tells the same as an undisturbed one");
    }
    println!(
        "killed {killed} times in {n_lakes} lakes; each held exactly the events of an undisturbed reading ({expected})"
    );
    Ok(())
}

/// Whether it still ran when it was killed.
fn kill_once(program: &Program, lake: &Path, logs: &str, after: Duration) -> Result<bool, String> {
    let mut child = program
        .command(lake, &["ingest", logs])
        .spawn()
        .map_err(|e| e.to_string())?;
    std::thread::sleep(after);
    let running = child.try_wait().map_err(|e| e.to_string())?.is_none();
    // `kill` sends SIGKILL.
    child.kill().map_err(|e| e.to_string())?;
    child.wait().map_err(|e| e.to_string())?;
    Ok(running)
}

fn told(program: &Program, lake: &Path) -> Result<String, String> {
    let info = program.json(lake, &["lake", "info"])?;
    Ok(format!(
        "{} events, {} rejects, content root {}",
        info["n_events"], info["n_rejects"], info["content_root"]
    ))
}

/// Chance that is the same in each run.
struct Dice(u64);

impl Dice {
    /// Some part of a span, short ones more often.
    fn within(&mut self, whole: Duration) -> Duration {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = (self.0 >> 33) as f64 / (1_u64 << 31) as f64;
        whole.mul_f64(part * part * 0.5)
    }
}
