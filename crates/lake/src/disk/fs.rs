//! Writing that is on disk when it returns: file first, then its folder.

use crate::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// 128 random bits in hexadecimal, for names that nobody else uses.
pub(super) fn random_name() -> Result<String, Error> {
    let mut bytes = [0; 16];
    fill_random(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Fills the bytes from the operating system's source of randomness.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| Error::Io {
        doing: "reading randomness from",
        path: PathBuf::from("the operating system"),
        cause: io::Error::other(error.to_string()),
        hint: "see whether the system's random source works",
    })
}

/// Makes a folder and its parents, for this user alone, and fsyncs the folder that holds it.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let made = private_folder(path).and_then(|()| path.parent().map_or(Ok(()), sync_folder));
    made.map_err(|cause| Error::io("making the folder", path, cause))
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Fsyncs a folder, so that the names in it survive a crash.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Whether a file of that name may stand there already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Refuse,
    Replace,
}

/// Writes a file whole or not at all: a reader sees all of it or nothing of it, also after a crash.
pub(super) fn write_whole(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let draft = folder.join(format!(".draft-{}", hex::encode(random)));
    let written = write_draft(&draft, bytes).and_then(|()| match existing {
        // A hard link fails where the name is taken; a rename would not.
        Existing::Refuse => fs::hard_link(&draft, path),
        Existing::Replace => fs::rename(&draft, path),
    });
    if existing == Existing::Refuse || written.is_err() {
        // A draft that stays behind is never read; the next one has another name.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_folder(folder)
}

fn write_draft(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_refused_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_whole(&path, b"1", Existing::Refuse).unwrap();
        let error = write_whole(&path, b"2", Existing::Refuse).map_err(|e| e.kind());
        assert_eq!(error, Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&path).unwrap(), b"1");
        write_whole(&path, b"3", Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"3");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
