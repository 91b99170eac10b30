//! The packages below folders.

use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Endings of files that hold an app.
const ENDINGS: &[&str] = &["apk", "apks", "apkm", "xapk", "aab"];
/// Folders one within the other.
const DEPTH: usize = 32;

/// The files named, and every package below the folders named, in the order of their paths. Links are not followed
/// within folders.
///
/// # Errors
/// Where a path cannot be read.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, DEPTH, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn below(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let io = |error: std::io::Error| Error::Io {
        path: folder.to_owned(),
        why: error.to_string(),
    };
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let kind = entry.file_type().map_err(io)?;
        let path = entry.path();
        let is_package = path
            .extension()
            .and_then(|end| end.to_str())
            .is_some_and(|end| ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)));
        if kind.is_dir() && depth > 0 {
            below(&path, depth - 1, found)?;
        } else if kind.is_file() && is_package {
            found.push(path);
        }
    }
    Ok(())
}
