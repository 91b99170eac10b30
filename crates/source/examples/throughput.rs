//! How fast evidence is read on one core, the lake left aside:
//! `cargo run --release -p ambit-source --example throughput [-- FILE...]` prints megabytes and events per
//! second for each file, whatever source it is of (`.evtx` too); without files for logs that it makes itself,
//! beside a mere search for line ends and serde_json's own reading of the same bytes.
#![allow(clippy::print_stdout)]

use ambit_event::Keys;
use ambit_source::{Error, Input, Options, Summary, discover, read};
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// That of the program: what it takes to hold events belongs to their reading.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a log that is made here.
const SIZE: usize = 64 << 20;
/// Each figure is the best of so many runs: others use the machine too.
const RUNS: usize = 5;

fn main() -> Result<(), Error> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if !paths.is_empty() {
        return measure(&paths);
    }
    let folder = std::env::temp_dir().join(format!("ambit-throughput-{}", std::process::id()));
    let result = made(&folder).and_then(|made| {
        made.iter().for_each(|path| measure_bare(path));
        measure(&made)
    });
    // What is left in the folder for temporary files is no concern of a measurement.
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn measure(paths: &[PathBuf]) -> Result<(), Error> {
    let options = Options::default();
    let (inputs, errors) = discover(paths, &options);
    errors.iter().for_each(|error| println!("{error}"));
    for input in inputs {
        let mut best: Option<(f64, Summary)> = None;
        for _ in 0..RUNS {
            let (seconds, summary) = timed(&input, &options)?;
            if best.as_ref().is_none_or(|(before, _)| seconds < *before) {
                best = Some((seconds, summary));
            }
        }
        if let Some((seconds, summary)) = best {
            let what = format!(
                "read as {} ({} rejects)",
                input.evidence.source, summary.n_rejects
            );
            tell(
                &input.evidence.path,
                &what,
                seconds,
                summary.bytes,
                summary.n_events,
            );
        }
    }
    Ok(())
}

fn timed(input: &Input, options: &Options) -> Result<(f64, Summary), Error> {
    let began = Instant::now();
    let mut sink = |batch| {
        std::hint::black_box(&batch);
        ControlFlow::Continue(())
    };
    let summary = read(input, options, &Keys::derive(&[0; 32]), None, &mut sink)?;
    Ok((began.elapsed().as_secs_f64(), summary))
}

/// What any reader must do at least.
fn measure_bare(path: &Path) {
    let Ok(bytes) = std::fs::read(path) else {
        return;
    };
    let lines = || memchr::memchr_iter(b'\n', &bytes).count();
    let values = || {
        let lines = bytes.split(|b| *b == b'\n');
        lines
            .filter(|line| serde_json::from_slice::<serde_json::Value>(line).is_ok())
            .count()
    };
    let path = path.to_string_lossy();
    best_of(&path, "line ends alone", bytes.len(), lines);
    if bytes.starts_with(b"{") {
        best_of(&path, "serde_json::Value alone", bytes.len(), values);
    }
}

fn best_of(path: &str, what: &str, n_bytes: usize, run: impl Fn() -> usize) {
    let times = (0..RUNS).map(|_| {
        let began = Instant::now();
        let n = std::hint::black_box(run());
        (began.elapsed().as_secs_f64(), n)
    });
    if let Some((seconds, n)) = times.min_by(|a, b| a.0.total_cmp(&b.0)) {
        tell(path, what, seconds, n_bytes as u64, n as u64);
    }
}

#[allow(clippy::cast_precision_loss)] // figures for people
fn tell(path: &str, what: &str, seconds: f64, n_bytes: u64, n_records: u64) {
    let name = path.rsplit('/').next().unwrap_or(path);
    println!(
        "{name}: {what}: {:.0} MB/s, {:.0} records/s",
        n_bytes as f64 / 1e6 / seconds,
        n_records as f64 / seconds
    );
}

/// A way to write the n-th record.
type Record = fn(&mut String, u64);

/// The logs, the same in every run.
fn made(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let kinds: [(&str, Record); 4] = [
        ("nginx.json", nginx_json),
        ("nginx.log", nginx_combined),
        ("postgresql.csv", postgresql_csv),
        ("app.jsonl", app),
    ];
    let unwritable = |why: std::io::Error| Error::Read {
        path: folder.to_string_lossy().into_owned(),
        why: why.to_string(),
    };
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let mut paths = Vec::new();
    for (name, record) in kinds {
        let mut text = String::with_capacity(SIZE + 4096);
        let mut n = 0;
        while text.len() < SIZE {
            record(&mut text, n);
            text.push('\n');
            n += 1;
        }
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(unwritable)?;
        paths.push(path);
    }
    Ok(paths)
}

/// A number that looks drawn by lot, for the n-th record.
const fn lot(n: u64, salt: u64) -> u64 {
    let mut x = n.wrapping_add(salt << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 29)
}

fn clock(n: u64) -> (u64, u64, u64, u64) {
    let at = n * 7;
    (at / 3_600_000 % 24, at / 60_000 % 60, at / 1000 % 60, at % 1000)
}

const AGENT: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36";

fn nginx_json(out: &mut String, n: u64) {
    let (h, m, s, ms) = clock(n);
    let seconds = 1_400_803_200 + h * 3600 + m * 60 + s;
    let (user, session, trace) = (lot(n, 1) % 100_000, lot(n % 5000, 2), lot(n, 3));
    let args = ["", "limit=50&offset=100", "q=some+words&lang=sv"][(n % 3) as usize];
    let _ = write!(
        out,
        r#"{{"msec":{seconds}.{ms:03},"time_iso8601":"2014-05-23T{h:02}:{m:02}:{s:02}+00:00","hostname":"gw1","request_id":"{trace:016x}{user:016x}","remote_addr":"10.{}.{}.{}","request_method":"GET","uri":"/v1/users/{user}/playlists/{}","args":"{args}","status":200,"body_bytes_sent":{},"request_time":0.{:03},"http_user_agent":"{AGENT}","sid":"{session:016x}{session:016x}","api_key":"","app_version":"3.1.{}","app_platform":"android","device_id":"d-{:012x}","http_x_forwarded_for":"","http_traceparent":"00-{trace:032x}-{trace:016x}-01"}}"#,
        user % 7,
        user % 250,
        user % 251,
        lot(n, 4) % 1000,
        lot(n, 5) % 90_000,
        lot(n, 6) % 1000,
        n % 9,
        session % (1 << 48),
    );
}

fn nginx_combined(out: &mut String, n: u64) {
    let (h, m, s, _) = clock(n);
    let user = lot(n, 1) % 100_000;
    let _ = write!(
        out,
        r#"10.{}.{}.{} - - [23/May/2014:{h:02}:{m:02}:{s:02} +0000] "GET /v1/users/{user}/profile?lang=sv&n={} HTTP/1.1" 200 {} "https://music.example/home" "{AGENT}""#,
        user % 7,
        user % 250,
        user % 251,
        n % 100,
        lot(n, 5) % 90_000,
    );
}

fn postgresql_csv(out: &mut String, n: u64) {
    let (h, m, s, ms) = clock(n);
    let (session, user) = (n % 40, lot(n, 1) % 100_000);
    let statement = n / 40 + 1;
    let _ = write!(
        out,
        r#"2014-05-23 {h:02}:{m:02}:{s:02}.{ms:03} UTC,"app","music",{},"10.0.0.{session}:4{session:04}",537f1c80.{session:x},{statement},"SELECT",2014-05-23 00:00:00 UTC,{session}/{statement},0,LOG,00000,"AUDIT: SESSION,{statement},1,READ,SELECT,TABLE,public.playlists,""SELECT id, name, owner FROM playlists WHERE owner = $1 AND deleted_at IS NULL ORDER BY id LIMIT 50"",{user},{}",,,,,,,,,"accounts","client backend",,0"#,
        1000 + session,
        lot(n, 2) % 50,
    );
}

fn app(out: &mut String, n: u64) {
    let (h, m, s, ms) = clock(n);
    let (user, trace) = (lot(n, 1) % 100_000, lot(n, 3));
    let _ = write!(
        out,
        r#"{{"ts":"2014-05-23T{h:02}:{m:02}:{s:02}.{ms:03}Z","level":"info","seq":{n},"host":"app1","service":"accounts","msg":"request done","request_id":"{trace:032x}","method":"GET","route":"GET /v1/users/{{id}}","path":"/v1/users/{user}","status":200,"duration_ms":{},"bytes":{},"client_ip":"10.0.{}.7","user_id":"{user}","session":"{:016x}"}}"#,
        lot(n, 6) % 400,
        lot(n, 5) % 9000,
        user % 250,
        lot(n % 5000, 2),
    );
}
