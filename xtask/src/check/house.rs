//! The repository as the checks see it: the text of each file by its path.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The texts of the repository, and what the program itself says of its sources.
#[derive(Default)]
pub struct House {
    /// Path from the root, with `/`, to the text. Bytes that are not UTF-8 are replaced.
    pub files: BTreeMap<String, String>,
    pub sources: Vec<Source>,
}

/// A built-in format, as the checks see it.
pub struct Source {
    pub name: String,
    pub manual: String,
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// A path, with the line after a colon where there is one.
    pub place: String,
    pub what: String,
}

impl Fault {
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }

    pub fn at_line(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl House {
    /// Reads the repository that this program was built from.
    pub fn load() -> Result<Self, String> {
        let root = root();
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(&root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|e| is_ours(e, &root))
        {
            let entry = entry.map_err(|e| e.to_string())?;
            if entry.file_type().is_file() {
                let bytes =
                    std::fs::read(entry.path()).map_err(|e| format!("{}: {e}", entry.path().display()))?;
                files.insert(
                    relative(entry.path(), &root),
                    String::from_utf8_lossy(&bytes).into_owned(),
                );
            }
        }
        Ok(Self {
            files,
            sources: built_in_sources(),
        })
    }

    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// Path and text of the files below `folder` whose name ends in `end`.
    pub fn below<'h>(&'h self, folder: &'h str, end: &'h str) -> impl Iterator<Item = (&'h str, &'h str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Path and text of the Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.below("", ".rs")
    }
}

fn built_in_sources() -> Vec<Source> {
    let formats = ambit_source::formats::built_in();
    formats
        .iter()
        .map(|f| Source {
            name: f.name().to_owned(),
            manual: f.manual().to_owned(),
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn relative(path: &Path, root: &Path) -> String {
    let inner = path.strip_prefix(root).unwrap_or(path);
    inner
        .components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// Leaves out what is built, and what a run of the program leaves behind.
fn is_ours(entry: &DirEntry, root: &Path) -> bool {
    let path = relative(entry.path(), root);
    let built = ["target", "__pycache__"]
        .iter()
        .any(|name| entry.file_name() == *name);
    !built
        && ![
            ".git",
            "ambit-lake",
            "ambit-demo",
            "fuzz/corpus",
            "fuzz/artifacts",
        ]
        .contains(&path.as_str())
}

#[cfg(test)]
impl House {
    /// A house of these texts.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self {
            files,
            sources: Vec::new(),
        }
    }
}
