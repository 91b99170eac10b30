//! Where the files of a drill go.

use crate::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Takes the files of a drill, piece by piece.
pub trait Sink {
    /// Appends bytes to the file of this relative path (`nginx/…`, forward slashes); the first piece makes
    /// the file and its folders.
    ///
    /// # Errors
    /// What the place that keeps the file answers.
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
}

/// Keeps the files in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes by relative path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Sink for Memory {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.files
            .entry(path.to_owned())
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes the files into a folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    folders: BTreeSet<PathBuf>,
}

impl Folder {
    /// Takes a folder that is empty or does not exist yet.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] where something is in it, [`Error::Write`] where it cannot be made or read.
    pub fn create(root: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Write {
            path: root.display().to_string(),
            source,
        };
        fs::create_dir_all(root).map_err(failed)?;
        if fs::read_dir(root).map_err(failed)?.next().is_some() {
            return Err(Error::NotEmpty {
                path: root.display().to_string(),
            });
        }
        Ok(Self {
            root: root.to_owned(),
            folders: BTreeSet::new(),
        })
    }
}

impl Sink for Folder {
    fn append(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let full = self.root.join(path);
        if let Some(folder) = full.parent()
            && !self.folders.contains(folder)
        {
            fs::create_dir_all(folder)?;
            self.folders.insert(folder.to_owned());
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(full)?
            .write_all(bytes)
    }
}
