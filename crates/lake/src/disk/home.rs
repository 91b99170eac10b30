//! The folder of a lake: where things lie, its secret, and who may write.
//!
//! ```text
//! events/       the Delta table
//! raw/          raw records, sealed
//! keys/secret   32 random bytes; without them nothing is unsealed
//! keys/check    what is known by it, so that another secret in its place is noticed
//! pins/         versions that vacuum keeps readable
//! lock          held by the one writer
//! ```

use super::fs::{Existing, fill_random, make_folder, write_whole};
use crate::error::Error;
use ambit_event::Keys;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The folder of a lake, as an absolute path.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub dir: PathBuf,
}

impl Home {
    /// The folder, which must be there.
    pub fn find(dir: &Path) -> Result<Self, Error> {
        let absolute = dir.canonicalize().map_err(|cause| match cause.kind() {
            ErrorKind::PermissionDenied => Error::io("reading", dir, cause),
            _ => no_lake(dir),
        })?;
        let home = Self { dir: absolute };
        match home.events().join("_delta_log").is_dir() {
            true => Ok(home),
            false => Err(no_lake(dir)),
        }
    }

    /// The folder, made where it is not there, with a secret.
    pub fn make(dir: &Path) -> Result<Self, Error> {
        make_folder(dir)?;
        let absolute = dir.canonicalize();
        let home = Self {
            dir: absolute.map_err(|cause| Error::io("opening", dir, cause))?,
        };
        for folder in [home.events(), home.raw(), home.pins(), home.dir.join("keys")] {
            make_folder(&folder)?;
        }
        home.make_secret()?;
        Ok(home)
    }

    pub fn events(&self) -> PathBuf {
        self.dir.join("events")
    }

    pub fn raw(&self) -> PathBuf {
        self.dir.join("raw")
    }

    pub fn pins(&self) -> PathBuf {
        self.dir.join("pins")
    }

    fn secret_path(&self) -> PathBuf {
        self.dir.join("keys").join("secret")
    }

    fn check_path(&self) -> PathBuf {
        self.dir.join("keys").join("check")
    }

    /// Two that make the lake at once end up with the same secret: the first name wins. A lake that has its
    /// table had one, and another would find none of the sessions and tokens that it holds.
    fn make_secret(&self) -> Result<(), Error> {
        let path = self.secret_path();
        if path.exists() || self.events().join("_delta_log").is_dir() {
            return self.secret().map(|_| ());
        }
        let mut secret = [0; 32];
        fill_random(&mut secret)?;
        write_once(&path, &secret)?;
        write_once(&self.check_path(), check_of(&self.read_secret()?).as_bytes())
    }

    /// The lake's secret.
    ///
    /// # Errors
    /// Where it is missing, or is not the one that the lake was made with.
    pub fn secret(&self) -> Result<[u8; 32], Error> {
        let secret = self.read_secret()?;
        match std::fs::read_to_string(self.check_path()) {
            Ok(check) if check.trim() != check_of(&secret) => Err(Error::Damaged {
                path: self.secret_path(),
                what: "it is not the secret that this lake was made with".to_owned(),
            }),
            _ => Ok(secret),
        }
    }

    fn read_secret(&self) -> Result<[u8; 32], Error> {
        let path = self.secret_path();
        let bytes = std::fs::read(&path).map_err(|cause| Error::io("reading", &path, cause))?;
        bytes.try_into().map_err(|bytes: Vec<u8>| Error::Damaged {
            path,
            what: format!("it has {} bytes where 32 are expected", bytes.len()),
        })
    }

    /// Takes the lock. It is the operating system's own, so that it goes when its holder dies.
    pub fn lock(&self) -> Result<File, Error> {
        let path = self.dir.join("lock");
        let failed = |cause| Error::io("locking", &path, cause);
        let mut options = OpenOptions::new();
        let opened = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.locked(&mut file)),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        let noted = file
            .set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()));
        noted.map_err(failed)?;
        Ok(file)
    }

    fn locked(&self, file: &mut File) -> Error {
        let mut pid = String::new();
        let read = file
            .rewind()
            .and_then(|()| file.take(20).read_to_string(&mut pid));
        let known = read.is_ok() && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
        Error::Locked {
            path: self.dir.display().to_string(),
            owner: if known {
                format!("process {pid}")
            } else {
                "another process".to_owned()
            },
        }
    }
}

/// A fingerprint under the secret, which tells nothing of it.
fn check_of(secret: &[u8; 32]) -> String {
    Keys::derive(secret).fingerprint("the secret of this lake")
}

/// Leaves what is there already as it is.
fn write_once(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    match write_whole(path, bytes, Existing::Refuse) {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => Ok(()),
        written => written.map_err(|cause| Error::io("writing", path, cause)),
    }
}

fn no_lake(dir: &Path) -> Error {
    Error::NoLake {
        path: dir.display().to_string(),
    }
}
