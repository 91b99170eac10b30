//! What was read, for people.

use super::{FileRead, Ingested};
use crate::paint::columns;
use crate::{told, words};
use ambit_event::printable;
use std::collections::BTreeMap;

/// Files up to which each has a row of its own; of more, each source has one.
const MOST_ROWS: usize = 24;

/// What each file was recognized as, what was noted, and the sum.
pub fn table(ingested: &Ingested) -> Vec<String> {
    let files = &ingested.files;
    let rows = match files.len() {
        0 => Vec::new(),
        1..=MOST_ROWS => by_file(files),
        _ => by_source(files),
    };
    let mut lines = columns(&rows);
    for file in &ingested.files {
        lines.extend(
            file.notes
                .iter()
                .map(|note| printable(&format!("note: {}: {note}", file.path), 400)),
        );
    }
    lines.push(format!(
        "{} new events, {} already there, {} rejected · lake version {}",
        words::number(ingested.n_events),
        words::number(ingested.n_duplicates),
        words::number(ingested.n_rejects),
        ingested.lake_version
    ));
    lines
}

fn by_file(files: &[FileRead]) -> Vec<Vec<String>> {
    let head = ["file", "source", "sure", "size", "records", "events", "rejects"];
    let row = |file: &FileRead| {
        let counts = [file.n_records, file.n_events, file.n_rejects].map(words::number);
        let about = [
            printable(&file.path, 60),
            printable(&file.source, 60),
            match file.told_at {
                Some(at) => format!("as told on {}", told::day(at)),
                None => format!("{} %", file.confidence),
            },
            words::bytes(file.bytes),
        ];
        [about.to_vec(), counts.to_vec()].concat()
    };
    let head = head.map(str::to_owned).to_vec();
    [head].into_iter().chain(files.iter().map(row)).collect()
}

/// How sure it is that some files are of a source: of those that nobody told, the least sure one.
#[derive(Default)]
struct Sure {
    least: Option<u8>,
    n_told: u64,
}

impl Sure {
    fn told(&self) -> String {
        match (self.least, self.n_told) {
            (Some(least), 0) => format!("{least} %"),
            (Some(least), n) => format!("{least} %, {} as told", words::number(n)),
            (None, _) => "as told".to_owned(),
        }
    }
}

fn by_source(files: &[FileRead]) -> Vec<Vec<String>> {
    let mut by_source: BTreeMap<&str, (Sure, [u64; 5])> = BTreeMap::new();
    for file in files {
        let (sure, sums) = by_source.entry(&file.source).or_default();
        match file.told_at {
            Some(_) => sure.n_told += 1,
            None => {
                sure.least = Some(
                    sure.least
                        .map_or(file.confidence, |least| least.min(file.confidence)),
                )
            }
        }
        let parts = [1, file.bytes, file.n_records, file.n_events, file.n_rejects];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    let head = ["source", "files", "sure", "size", "records", "events", "rejects"];
    let row = |(source, (sure, sums)): (&&str, &(Sure, [u64; 5]))| {
        let [files, size, records, events, rejects] = *sums;
        let about = [
            printable(source, 60),
            words::number(files),
            sure.told(),
            words::bytes(size),
        ];
        [
            about.to_vec(),
            [records, events, rejects].map(words::number).to_vec(),
        ]
        .concat()
    };
    let head = head.map(str::to_owned).to_vec();
    [head].into_iter().chain(by_source.iter().map(row)).collect()
}
