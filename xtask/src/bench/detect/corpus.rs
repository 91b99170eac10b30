//! Logs and rules for the measurements, made of other people's: more of the same, and none of it twice.

use ambit_event::{Batch, Keys};
use ambit_source::{LastRecord, Options, discover, read};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Numbers of records move by so much from one copy to the next.
const APART: u64 = 1_000_000_000;

/// One file of lines of JSON: the Windows events of a folder, so many times over, each time as other records.
pub fn windows_lines(from: &Path, to: &Path, copies: u64) -> Result<u64, String> {
    let (failed, mut records) = (|e: std::io::Error| e.to_string(), Vec::new());
    let options = Options {
        last_record: LastRecord::IsWhole,
        ..Options::default()
    };
    for input in discover(&[from.to_owned()], &options).0 {
        let mut sink = |batch: Batch| {
            let windows = batch
                .events
                .into_iter()
                .filter(|event| event.source == "windows_evtx");
            records.extend(windows.filter_map(|event| serde_json::from_slice::<Value>(&event.raw).ok()));
            ControlFlow::Continue(())
        };
        // What is no log stands beside the logs.
        let _ = read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink);
    }
    let mut out = BufWriter::new(File::create(to).map_err(failed)?);
    for copy in 0..copies {
        for record in &mut records {
            if copy > 0 {
                renumber(record);
            }
            writeln!(out, "{record}").map_err(failed)?;
        }
    }
    out.flush().map_err(failed)?;
    Ok(copies * records.len() as u64)
}

fn renumber(record: &mut Value) {
    for name in ["RecordNumber", "EventRecordID"] {
        if let Some(number) = record.get(name).and_then(Value::as_u64) {
            record[name] = Value::from(number + APART);
        }
    }
}

/// The EVTX files of some folders, linked into one.
pub fn evtx_files(from: &[PathBuf], to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|e| e.to_string())?;
    let all = from.iter().flat_map(|dir| WalkDir::new(dir).sort_by_file_name());
    let files = all
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|end| end == "evtx"));
    for (nth, file) in files.enumerate() {
        fs::copy(file.path(), to.join(format!("{nth}.evtx"))).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// The rules of a folder, so many times over, each time under other ids.
pub fn rules(from: &Path, to: &Path, copies: usize) -> Result<(), String> {
    let files = WalkDir::new(from).sort_by_file_name().into_iter().flatten();
    let rules = files.filter(|file| file.path().extension().is_some_and(|end| end == "yml"));
    for (nth, file) in rules.enumerate() {
        let text = fs::read_to_string(file.path()).map_err(|e| e.to_string())?;
        for copy in 0..copies {
            let dir = to.join(copy.to_string());
            fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
            let named: Vec<String> = text.lines().map(|line| other_id(line, copy, nth)).collect();
            fs::write(dir.join(format!("{nth}.yml")), named.join("\n") + "\n").map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

fn other_id(line: &str, copy: usize, nth: usize) -> String {
    match line.starts_with("id: ") && copy > 0 {
        true => format!("id: {copy:08x}-0000-4000-8000-{nth:012x}"),
        false => line.to_owned(),
    }
}
