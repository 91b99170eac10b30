//! A data file, read in pieces.

use bytes::Bytes;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file. To go to a place and read takes two calls of the system, where the reader of the Parquet crate for plain files
/// takes five.
pub(super) struct Chunks {
    file: Held,
    length: u64,
}

enum Held {
    Open(Mutex<File>),
    Closed(PathBuf),
}

impl Chunks {
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            length: file.metadata()?.len(),
            file: Held::Open(Mutex::new(file)),
        })
    }

    /// The file at a place, open while it is read alone: of thousands that are read in turn, no system lets a program hold
    /// all open.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            length: fs::metadata(path)?.len(),
            file: Held::Closed(path.to_owned()),
        })
    }

    fn read(&self, start: u64, bytes: &mut [u8]) -> io::Result<()> {
        match &self.file {
            Held::Open(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                read_at(&mut file, start, bytes)
            }
            Held::Closed(path) => read_at(&mut File::open(path)?, start, bytes),
        }
    }
}

fn read_at(file: &mut File, start: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(bytes)
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = Cursor<Bytes>;

    /// Nothing says how much will be read: so much as the header of any page takes, and most pages.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        const AHEAD: u64 = 64 << 10;
        let n = self.length.saturating_sub(start).min(AHEAD);
        let n = usize::try_from(n).unwrap_or_default();
        Ok(Cursor::new(self.get_bytes(start, n)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let is_there = start
            .checked_add(length as u64)
            .is_some_and(|end| end <= self.length);
        if !is_there {
            return Err(ParquetError::EOF("the file ends before".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.read(start, &mut bytes)?;
        Ok(bytes.into())
    }
}
