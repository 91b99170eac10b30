//! Every fuzz target for a while, with coverage guidance, from the seeds, the golden cases and what it learnt before.
//! What breaks a target lies in a folder afterwards, and the task fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// What a run of a target came to.
struct Run {
    target: String,
    n_executions: u64,
    /// Inputs that reached something new, with those of earlier runs.
    n_kept: usize,
    /// Seconds, as libFuzzer counts them.
    slowest: u64,
    peak_mb: u64,
    /// Inputs that broke it, took too long or too much memory, and those that were merely slow.
    broken: Vec<PathBuf>,
    slow: Vec<PathBuf>,
    /// The last words of a run that ended badly.
    words: Option<String>,
}

/// # Errors
/// Where the targets cannot be built, or something broke one of them.
pub fn run(seconds: u64, at_once: u64) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let built = script(&folder, &["--build".to_owned()])?;
    if !built.status.success() {
        return Err(format!("the targets cannot be built:\n{}", last_words(&built)));
    }
    let targets = Mutex::new(targets(&folder)?.into_iter());
    let runs = Mutex::new(Vec::new());
    println!("| target | executions | per second | inputs kept | slowest s | peak MB | broken by |");
    println!("|---|---|---|---|---|---|---|");
    std::thread::scope(|scope| {
        for _ in 0..at_once.max(1) {
            scope.spawn(|| {
                while let Some(target) = targets.lock().ok().and_then(|mut rest| rest.next()) {
                    let run = fuzz(&folder, target, seconds);
                    if let (Ok(run), Ok(mut runs)) = (run, runs.lock()) {
                        run.print(seconds);
                        runs.push(run);
                    }
                }
            });
        }
    });
    verdict(&runs.into_inner().unwrap_or_default(), seconds)
}

fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder.join("src/bin")).map_err(|e| e.to_string())?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn script(folder: &Path, arguments: &[String]) -> Result<Output, String> {
    Command::new(folder.join("run"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {}: {e}", folder.join("run").display()))
}

fn fuzz(folder: &Path, target: String, seconds: u64) -> Result<Run, String> {
    let found = folder.join("artifacts").join(&target);
    let before = files(&found);
    let ended = script(folder, &[target.clone(), seconds.to_string()])?;
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    let stat = |name: &str| number(&text, name);
    let new = files(&found).into_iter().filter(|path| !before.contains(path));
    let is_slow = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("slow"))
    };
    let (slow, broken) = new.partition(is_slow);
    Ok(Run {
        n_executions: stat("number_of_executed_units"),
        n_kept: files(&folder.join("corpus").join(&target)).len(),
        slowest: stat("slowest_unit_time_sec"),
        peak_mb: stat("peak_rss_mb"),
        broken,
        slow,
        words: (!ended.status.success()).then(|| last_words(&ended)),
        target,
    })
}

/// The value of `stat::NAME: VALUE`, as libFuzzer prints it at its end; 0 where it does not.
fn number(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
    line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok())
        .unwrap_or(0)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn last_words(ended: &Output) -> String {
    let text = String::from_utf8_lossy(&ended.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("stat::")).collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

impl Run {
    fn print(&self, seconds: u64) {
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            self.target,
            self.n_executions,
            self.n_executions / seconds.max(1),
            self.n_kept,
            self.slowest,
            self.peak_mb,
            self.broken.len()
        );
    }
}

fn verdict(runs: &[Run], seconds: u64) -> Result<(), String> {
    for path in runs.iter().flat_map(|run| &run.slow) {
        println!("slow: {}", path.display());
    }
    let n: u64 = runs.iter().map(|run| run.n_executions).sum();
    println!("{} targets, {seconds} s each: {n} executions", runs.len());
    let failed: Vec<String> = runs
        .iter()
        .filter_map(|run| {
            let words = run.words.as_ref()?;
            let broken: Vec<String> = run.broken.iter().map(|path| path.display().to_string()).collect();
            Some(format!("{}: {}\n{words}", run.target, broken.join(", ")))
        })
        .collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("\n\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_prints_at_its_end_is_read() {
        let text = "#5\tDONE\nstat::number_of_executed_units: 1234\nstat::peak_rss_mb:              77\n";
        assert_eq!(number(text, "number_of_executed_units"), 1234);
        assert_eq!(number(text, "peak_rss_mb"), 77);
        assert_eq!(number(text, "slowest_unit_time_sec"), 0);
    }
}
