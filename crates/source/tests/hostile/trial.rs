//! One hostile input, read as a file of a source; what came of it, what it took, and the laws that hold for all.

use allocation_counter::measure;
use ambit_event::{Batch, Event, Keys, Reject, printable};
use ambit_source::{Caps, Error, Format, Framing, Options, Summary, discover, formats, read};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What came of a file.
#[derive(Default)]
pub struct Found {
    pub summary: Summary,
    pub n_events: u64,
    pub n_losses: usize,
    /// Further records that events are of, which the database's server cut into pieces for the host's log.
    pub n_pieces: u64,
    /// Where the events stand: offset and length.
    pub places: BTreeSet<(u64, u64)>,
    pub rejects: Vec<Reject>,
    pub errors: Vec<Error>,
    /// Bytes of memory, at most at once and all together; what is held in C libraries is not among them.
    pub peak: u64,
    pub allocated: u64,
}

/// Sources that join lines which do not stand together into one event.
const JOINING: &[&str] = &["linux_auditd"];

/// Characters of a reason at most: it is for people.
const REASON: usize = 1000;

pub fn names() -> Vec<String> {
    formats::built_in().iter().map(|f| f.name().to_owned()).collect()
}

pub fn format(name: &str) -> Arc<dyn Format> {
    Options::default().format(name).unwrap()
}

/// The inputs of a source's golden cases; every source has some.
pub fn golden(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root.join(name))
        .unwrap_or_else(|_| panic!("{name} has golden cases"))
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "in"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has golden cases");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Options for one source, under small batches and no limit to what a compressed file may give.
pub fn options(name: &str) -> Options {
    Options {
        source: Some(name.to_owned()),
        batch_events: 64,
        caps: Caps {
            ratio: u64::MAX,
            ..Caps::default()
        },
        ..Options::default()
    }
}

/// What is kept of what is read. What the trial itself keeps is memory too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    All,
    Counts,
}

/// Reads bytes as a file of a source and holds the laws.
pub fn read_file(name: &str, bytes: &[u8]) -> Found {
    let found = read_packed(name, bytes, &options(name), Keep::All);
    hold_laws(name, bytes.len() as u64, &found);
    found
}

/// Reads the bytes of a file of a source, compressed or not.
pub fn read_packed(name: &str, bytes: &[u8], options: &Options, keep: Keep) -> Found {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let found = read_path(file.path(), options, keep);
    assert_eq!(found.summary.n_events, found.n_events, "{name}");
    found
}

pub fn read_path(path: &Path, options: &Options, keep: Keep) -> Found {
    let mut found = Found::default();
    let is_database = options
        .source
        .as_ref()
        .is_some_and(|name| name.starts_with("postgresql"));
    let taken = measure(|| {
        let (inputs, errors) = discover(&[path.to_owned()], options);
        found.errors = errors;
        for input in inputs {
            let mut sink = |batch: Batch| {
                found.n_events += batch.events.len() as u64;
                if !is_database {
                    found.n_pieces += batch.events.iter().map(n_pieces).sum::<u64>();
                }
                let end = batch.unfinished.unwrap_or_default();
                found.n_losses += batch.losses.len() + end.losses.len();
                if keep == Keep::All {
                    let places = batch.events.iter().map(|e| &e.provenance);
                    found
                        .places
                        .extend(places.map(|place| (place.offset, place.length)));
                    found.rejects.extend(batch.rejects);
                    found.rejects.extend(end.rejects);
                }
                ControlFlow::Continue(())
            };
            found.summary = read(&input, options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
        }
    });
    (found.peak, found.allocated) = (taken.bytes_max, taken.bytes_total);
    found
}

/// The lines behind the first of one of PostgreSQL's messages in the host's log.
fn n_pieces(event: &Event) -> u64 {
    let is_handed = event.source == "postgresql" || event.actor_service.as_deref() == Some("postgres");
    let is_end = |byte: &&u8| **byte == b'\n';
    u64::from(is_handed) * event.raw.iter().filter(is_end).count() as u64
}

/// What holds for every file, whatever stands in it.
pub fn hold_laws(name: &str, n_bytes: u64, found: &Found) {
    let Found { summary, rejects, .. } = found;
    assert_eq!(summary.n_rejects, rejects.len() as u64, "{name}");
    for reject in rejects {
        let texts = [Some(&reject.reason), reject.field.as_ref()];
        for text in texts.into_iter().flatten() {
            assert_eq!(
                *text,
                printable(text, REASON),
                "{name}: a reason is safe to print, and has an end"
            );
            assert!(!text.is_empty(), "{name}");
        }
        let position = &reject.position;
        assert!(
            position.line > 0 && !position.path.is_empty(),
            "{name}: {reject:?}"
        );
        let end = position.offset + reject.n_bytes;
        assert!(
            end <= n_bytes,
            "{name}: a reject ends at {end} of {n_bytes} bytes"
        );
    }
    for (offset, length) in &found.places {
        assert!(
            offset + length <= n_bytes,
            "{name}: an event beyond the end of its file"
        );
    }
    // Each record is an event, a reject or said to be silent.
    let n_told = found.places.len() as u64 + summary.n_rejects + summary.n_silent;
    assert!(
        summary.n_records <= n_told + found.n_pieces || JOINING.contains(&name),
        "{name}: {} records, {n_told} told of",
        summary.n_records
    );
}

/// What stands in a file of lines and in no event or reject is blank, where nothing is said to be silent.
pub fn hold_bytes(name: &str, bytes: &[u8], found: &Found) {
    let is_lines = matches!(
        format(name).framing(),
        Framing::Lines | Framing::Blocks(_) | Framing::Elements(_) | Framing::Csv
    );
    if !is_lines || JOINING.contains(&name) || found.n_pieces > 0 || found.summary.n_silent > 0 {
        return;
    }
    let rejects = found.rejects.iter().map(|r| (r.position.offset, r.n_bytes));
    let mut spans: Vec<(u64, u64)> = found.places.iter().copied().chain(rejects).collect();
    spans.sort_unstable();
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for (offset, length) in spans.into_iter().chain([(bytes.len() as u64, 0)]) {
        let between = &bytes[at.min(offset as usize)..offset as usize];
        let is_blank = between.iter().all(u8::is_ascii_whitespace);
        assert!(
            is_blank,
            "{name}: nothing is said of {}",
            printable(&String::from_utf8_lossy(between), 80)
        );
        at = at.max((offset + length) as usize);
    }
}
