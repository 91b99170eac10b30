//! Texts that people can read, beside the events in a lake's folder.

use super::fs::{Existing, write_whole};
use crate::error::Error;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// More than a person would ever read.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a text of that name in the folder of a lake; `None` where there is none.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::Damaged`] where it is no text, or is far too long.
pub fn load_note(dir: &Path, name: &str) -> Result<Option<String>, Error> {
    let path = dir.join(name);
    let file = match std::fs::File::open(&path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|cause| Error::io("reading", &path, cause))?,
    };
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    let n_bytes = read.map_err(|cause| Error::io("reading", &path, cause))?;
    let damaged = |what: &str| Error::Damaged {
        path: path.clone(),
        what: what.to_owned(),
    };
    if n_bytes as u64 > MOST_BYTES {
        return Err(damaged("it is longer than any text that was written there"));
    }
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is no text"))?;
    Ok(Some(text))
}

/// Writes a text of that name into the folder of a lake, for its owner alone. A reader sees the old one or the new
/// one, also after a crash.
///
/// # Errors
/// [`Error::Io`] where it cannot be written.
pub fn save_note(dir: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = dir.join(name);
    write_whole(&path, text.as_bytes(), Existing::Replace).map_err(|cause| Error::io("writing", &path, cause))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_is_replaced_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load_note(dir.path(), "a.toml").unwrap(), None);
        for text in ["one", "two"] {
            save_note(dir.path(), "a.toml", text).unwrap();
            assert_eq!(load_note(dir.path(), "a.toml").unwrap().as_deref(), Some(text));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(dir.path().join("a.toml"))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(dir.path().join("a.toml"), [0xff]).unwrap();
        let error = load_note(dir.path(), "a.toml").unwrap_err().to_string();
        assert!(error.contains("a.toml") && error.contains("damaged"), "{error}");
    }
}
