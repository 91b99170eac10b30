//! Reading speed and bytes on disk for one source at a time, then a scope in a lake of everything.

mod samples;

use super::program::{Program, Took, bytes_below, took};
use samples::{EVTX, Sample};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Days of a drill, and the events that each of its accounts makes in them, about.
const DAYS: u64 = 18;
const EVENTS_OF_ONE: u64 = 517;
/// Where the Windows logs lie, if anywhere.
const DATA: &str = "../shared/data";
/// A scope is asked so often; the first finds the files cold.
const ASKED: usize = 3;

pub fn run(sizes: &[u64]) -> Result<(), String> {
    let program = Program::find()?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    for &n_events in sizes {
        let here = dir.path().join(n_events.to_string());
        fs::create_dir_all(&here).map_err(|e| e.to_string())?;
        let bench = Bench {
            program: &program,
            here,
        };
        bench.drill(n_events)?;
        if n_events == sizes[0] {
            bench.sources()?;
        }
        bench.everything()?;
        fs::remove_dir_all(&bench.here).map_err(|e| e.to_string())?;
    }
    Ok(())
}

struct Bench<'a> {
    program: &'a Program,
    here: PathBuf,
}

impl Bench<'_> {
    /// Logs of a service with so many events.
    fn drill(&self, n_events: u64) -> Result<(), String> {
        let users = (n_events / EVENTS_OF_ONE).max(50).to_string();
        let out = self.here.join("drill").display().to_string();
        let days = DAYS.to_string();
        let arguments = [
            "drill",
            "--users",
            &users,
            "--days",
            &days,
            "--random-seed",
            "7",
            "--out",
            &out,
        ];
        self.program.run(&self.here.join("none"), &arguments).map(|_| ())
    }

    /// Each source alone, beside what reading and compressing its bytes costs at least.
    fn sources(&self) -> Result<(), String> {
        println!(
            "| source | raw MB | events | MB/s per core | events/s per core | MB/s, both cores | peak MB | lake / zstd -3 | lines, or records, alone MB/s | zstd -3 alone MB/s |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        let samples = Sample::all(&self.here.join("drill/logs"), Path::new(DATA), &self.here)?;
        for sample in &samples {
            self.source(sample)?;
        }
        println!();
        Ok(())
    }

    fn source(&self, sample: &Sample) -> Result<(), String> {
        let lake = sample.folder.with_extension("lake");
        let took = self
            .program
            .run(&lake, &["ingest", &sample.folder.display().to_string()])?;
        let n_events = self.n_events(&lake)?;
        let raw: u64 = bytes_below(&sample.folder);
        let (walking, packed, packing) = limits(&sample.files)?;
        let walking = match sample.name {
            EVTX => self.dumped(&sample.folder)?,
            _ => walking,
        };
        println!(
            "| {} | {:.0} | {n_events} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            sample.name,
            mb(raw),
            mb(raw) / took.cpu.as_secs_f64(),
            n_events as f64 / took.cpu.as_secs_f64(),
            mb(raw) / took.wall.as_secs_f64(),
            mb(took.peak),
            bytes_below(&lake) as f64 / packed as f64,
            mb(raw) / walking.as_secs_f64(),
            mb(raw) / packing.as_secs_f64(),
        );
        Ok(())
    }

    /// Processor time in which the crate `evtx` alone makes JSON of all records.
    fn dumped(&self, files: &Path) -> Result<Duration, String> {
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut command = Command::new(own);
        command.args(["bench", "detect-part", "evtx"]).arg(files);
        Ok(took(&mut command, &self.here.join("stdout"))?.cpu)
    }

    /// All logs into one lake; then a device with about 500 events is scoped, as they come in and compacted.
    fn everything(&self) -> Result<(), String> {
        let (lake, drill) = (self.here.join("lake"), self.here.join("drill"));
        let read = self.ingest_all(&lake, &drill)?;
        let n_events = self.n_events(&lake)?;
        let raw = bytes_below(&drill.join("logs"));
        println!(
            "{n_events} events, {:.0} MB raw: read in {:.1} s, {:.1} s of processor time, peak {:.0} MB; {:.0} MB on disk",
            mb(raw),
            read.wall.as_secs_f64(),
            read.cpu.as_secs_f64(),
            mb(read.peak),
            mb(bytes_below(&lake))
        );
        self.scopes(&lake, &drill, "as read")?;
        let compacted = self.program.run(&lake, &["lake", "compact"])?;
        println!(
            "compacted in {:.1} s, peak {:.0} MB",
            compacted.wall.as_secs_f64(),
            mb(compacted.peak)
        );
        self.scopes(&lake, &drill, "compacted")
    }

    fn ingest_all(&self, lake: &Path, drill: &Path) -> Result<Took, String> {
        let mut arguments = vec!["ingest".to_owned(), drill.join("logs").display().to_string()];
        for mapping in fs::read_dir(drill.join("mappings")).map_err(|e| e.to_string())? {
            let path = mapping.map_err(|e| e.to_string())?.path();
            arguments.extend(["--mapping".to_owned(), path.display().to_string()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.program.run(lake, &arguments)
    }

    fn scopes(&self, lake: &Path, drill: &Path, what: &str) -> Result<(), String> {
        let query = "select src_endpoint_uid from events where src_endpoint_uid is not null \
                     group by 1 order by abs(count(*) - 500), 1 limit 1";
        let found = self.program.json(lake, &["sql", query, "--reveal", "bench"])?;
        let device = found["rows"][0][0]
            .as_str()
            .ok_or("no record names a device")?
            .to_owned();
        let (seed, map) = (
            format!("device={device}"),
            drill.join("map.toml").display().to_string(),
        );
        for nth in 1..=ASKED {
            let took = self
                .program
                .run(lake, &["scope", "--seed", &seed, "--map", &map, "--json"])?;
            let answer: serde_json::Value =
                serde_json::from_slice(&took.stdout).map_err(|e| e.to_string())?;
            println!(
                "scope {what}, {nth}.: {} events attributed in {:.2} s, peak {:.0} MB",
                answer["n_attributed"],
                took.wall.as_secs_f64(),
                mb(took.peak)
            );
        }
        Ok(())
    }

    fn n_events(&self, lake: &Path) -> Result<u64, String> {
        let info = self.program.json(lake, &["lake", "info"])?;
        info["n_events"]
            .as_u64()
            .ok_or_else(|| "`lake info` names no events".to_owned())
    }
}

/// On one core: the time to walk the lines, the bytes under zstd -3, and the time that takes.
fn limits(files: &[PathBuf]) -> Result<(Duration, u64, Duration), String> {
    let failed = |e: std::io::Error| e.to_string();
    let began = Instant::now();
    for path in files {
        let mut reader = BufReader::new(File::open(path).map_err(failed)?);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            line.clear();
        }
    }
    let lines = began.elapsed();
    let (mut packed, mut packing) = (0, Duration::ZERO);
    for path in files {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|mut f| f.read_to_end(&mut bytes))
            .map_err(failed)?;
        let began = Instant::now();
        packed += zstd::bulk::compress(&bytes, 3).map_err(failed)?.len() as u64;
        packing += began.elapsed();
    }
    Ok((lines, packed, packing))
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
