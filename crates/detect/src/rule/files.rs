//! Which files are rules: YAML below the folders that were given, in the order of their names.

use super::refusal::{Fault, Place, Refusal};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The longest rule file: all public rules in one have 15 MB.
const MOST_BYTES: u64 = 64 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub files: Vec<PathBuf>,
    pub refused: Vec<Refusal>,
    /// Files below a folder that are no YAML or are hidden.
    pub n_passed_over: usize,
}

/// Finds rule files. A file that is named itself counts whatever it is called; of a folder, those that end in
/// `.yml` or `.yaml`. A file that can be reached in two ways is read once.
pub(crate) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    for path in paths {
        let before = found.files.len() + found.refused.len();
        let n_seen = seen.len();
        below(path, &mut seen, &mut found);
        let is_empty = before == found.files.len() + found.refused.len() && n_seen == seen.len();
        if is_empty && !found.files.iter().any(|file| file.starts_with(path)) {
            found.refuse(
                path,
                Fault::new("no-rules", "there is no rule file").hint("rule files end in .yml"),
            );
        }
    }
    found
}

impl Found {
    fn refuse(&mut self, path: &Path, fault: Fault) {
        self.refused.push(Refusal::new(path, Place::default(), fault));
    }
}

fn below(path: &Path, seen: &mut BTreeSet<PathBuf>, found: &mut Found) {
    let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
    let mut entries = walk.into_iter();
    let mut folders = Folders::default();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let at = error.path().unwrap_or(path).to_path_buf();
                found.refuse(&at, unreadable(&error));
                continue;
            }
        };
        let is_folder = entry.file_type().is_dir();
        if entry.depth() > 0 && is_hidden(&entry) {
            found.n_passed_over += 1;
            if is_folder {
                entries.skip_current_dir();
            }
            continue;
        }
        if !is_folder && entry.depth() > 0 && !is_yaml(&entry) {
            found.n_passed_over += 1;
            continue;
        }
        let is_new = seen.insert(folders.real(&entry));
        match is_folder {
            // Another link led there before, or another of the paths given.
            true if !is_new => entries.skip_current_dir(),
            false if is_new => found.files.push(entry.into_path()),
            _ => {}
        }
    }
}

/// Where folders really are, asked once for each.
#[derive(Default)]
struct Folders(HashMap<PathBuf, PathBuf>);

impl Folders {
    fn real(&mut self, entry: &DirEntry) -> PathBuf {
        let path = entry.path();
        let place = path.parent().zip(path.file_name());
        let Some((folder, name)) = place.filter(|_| entry.depth() > 0 && !entry.path_is_symlink()) else {
            return real(path);
        };
        if let Some(known) = self.0.get(folder) {
            return known.join(name);
        }
        let known = real(folder);
        let path = known.join(name);
        self.0.insert(folder.to_path_buf(), known);
        path
    }
}

/// The path without links; as it is, where nobody can tell.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn unreadable(error: &walkdir::Error) -> Fault {
    match error.loop_ancestor() {
        Some(above) => {
            let reason = format!("the link leads back to {}", above.display());
            Fault::new("link-loop", reason).hint("the rules below it are read once, from there")
        }
        None => Fault::new(
            "unreadable",
            error
                .io_error()
                .map_or_else(|| error.to_string(), ToString::to_string),
        ),
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

fn is_yaml(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("yml") || extension.eq_ignore_ascii_case("yaml")
}

/// The text of a rule file.
pub(crate) fn text(path: &Path) -> Result<String, Fault> {
    let unreadable = |error: std::io::Error| Fault::new("unreadable", error.to_string());
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(Fault::new("unreadable", "it is no regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Fault::new(
            "too-long",
            format!("the file is longer than {} MiB", MOST_BYTES >> 20),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error
            .as_bytes()
            .iter()
            .take(good)
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        Fault::new("not-utf8", "the file is no UTF-8")
            .at((line, 1))
            .hint("save it as UTF-8")
    })
}
