//! What must stand beside the code: manuals, golden cases, fuzz targets, a short README, a gate.

use super::house::{Fault, House, Source};

const README_LINES: usize = 200;

/// The least that a manual page says, in lines.
const MANUAL_LINES: usize = 3;

/// Where golden cases of sources lie: `<source>/<case>.in` beside `<case>.out`.
const GOLDEN: &str = "crates/source/tests/golden/";

/// How a golden case shows that it has rejects; without any, the list closes at once.
const SOME_REJECTS: &str = "\"rejects\": [\n";

/// Each source has a manual page, golden cases, at least one reject among them, and a fuzz target.
pub fn sources(house: &House) -> Vec<Fault> {
    let mut faults: Vec<Fault> = house
        .sources
        .iter()
        .flat_map(|source| of_source(house, source))
        .collect();
    for (path, _) in house.below(GOLDEN, ".in") {
        let out = format!("{}.out", path.trim_end_matches(".in"));
        if !house.files.contains_key(&out) {
            faults.push(Fault::new(path, "has no `.out` beside it"));
        }
    }
    faults
}

fn of_source(house: &House, source: &Source) -> Vec<Fault> {
    let name = source.name.as_str();
    let mut faults = Vec::new();
    if source.manual.lines().count() < MANUAL_LINES {
        faults.push(Fault::new(name, "its manual says nothing"));
    }
    let folder = format!("{GOLDEN}{name}/");
    let cases: Vec<&str> = house.below(&folder, ".out").map(|(_, text)| text).collect();
    if cases.is_empty() {
        faults.push(Fault::new(&folder, "has no golden cases"));
    } else if !cases.iter().any(|text| text.contains(SOME_REJECTS)) {
        faults.push(Fault::new(&folder, "no golden case shows a reject"));
    }
    let target = format!("fuzz/src/bin/source_{name}.rs");
    if !house.files.contains_key(&target) {
        faults.push(Fault::new(target, "the source has no fuzz target"));
    }
    faults
}

/// No file names a place that exists on one machine only, or the host of a registry.
pub fn no_machine(house: &House) -> Vec<Fault> {
    let marks = [
        concat!("/wo", "rk/"),
        concat!("/root/", ".c"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("pypi", ".org"),
        concat!("python", "hosted"),
        concat!("deb.", "debian.org"),
        concat!("registry.", "npmjs"),
    ];
    let mut faults = Vec::new();
    for (path, text) in &house.files {
        for (n, line) in text.lines().enumerate() {
            for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                faults.push(Fault::at_line(
                    path,
                    n + 1,
                    format!("names `{mark}`, which is not there for others"),
                ));
            }
        }
    }
    faults
}

/// The README is read in one go.
pub fn short_readme(house: &House) -> Vec<Fault> {
    match house.text("README.md").lines().count() {
        0 => vec![Fault::new("README.md", "is missing")],
        n if n > README_LINES => {
            vec![Fault::new(
                "README.md",
                format!("{n} lines; at most {README_LINES} are expected"),
            )]
        }
        _ => Vec::new(),
    }
}

/// What the README calls the test command is a line of the gate, word for word.
pub fn test_command(house: &House) -> Vec<Fault> {
    let is_test = |line: &&str| line.starts_with("cargo test");
    let Some(command) = house.text("README.md").lines().map(without_comment).find(is_test) else {
        return vec![Fault::new("README.md", "no line begins with `cargo test`")];
    };
    let run = house
        .text(".ci/run")
        .lines()
        .any(|line| line.trim_start().ends_with(command));
    if run {
        Vec::new()
    } else {
        vec![Fault::new(
            ".ci/run",
            format!("does not run `{command}`, which the README names"),
        )]
    }
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_needs_manual_golden_cases_and_fuzz_target() {
        let source = |manual: &str| Source {
            name: "x_log".into(),
            manual: manual.into(),
        };
        let mut house = House::of(&[]);
        house.sources.push(source(""));
        assert_eq!(sources(&house).len(), 3);
        let mut house = House::of(&[
            ("crates/source/tests/golden/x_log/a.in", ""),
            ("crates/source/tests/golden/x_log/a.out", SOME_REJECTS),
            ("fuzz/src/bin/source_x_log.rs", ""),
        ]);
        house.sources.push(source("one\ntwo\nthree"));
        assert_eq!(sources(&house), []);
        house.files.remove("crates/source/tests/golden/x_log/a.out");
        assert_eq!(sources(&house).len(), 2);
    }

    #[test]
    fn machine_paths_are_faults() {
        assert_eq!(
            no_machine(&House::of(&[("a.md", concat!("see /wo", "rk/main"))])).len(),
            1
        );
        assert_eq!(no_machine(&House::of(&[("a.md", "see crates/lake")])), []);
    }

    #[test]
    fn a_readme_is_short_and_there() {
        assert_eq!(short_readme(&House::of(&[])).len(), 1);
        assert_eq!(
            short_readme(&House::of(&[("README.md", &"x\n".repeat(201))])).len(),
            1
        );
        assert_eq!(short_readme(&House::of(&[("README.md", "x")])), []);
    }

    #[test]
    fn the_gate_runs_what_the_readme_says() {
        let of = |readme, gate| test_command(&House::of(&[("README.md", readme), (".ci/run", gate)])).len();
        assert_eq!(
            of(
                "cargo test --release   # all",
                "  stage tests cargo test --release"
            ),
            0
        );
        assert_eq!(
            of("cargo test --release", "stage tests cargo test --release -p x"),
            1
        );
        assert_eq!(of("nothing", "cargo test"), 1);
    }
}
