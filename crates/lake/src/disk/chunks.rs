//! A data file, read in pieces.

use bytes::Bytes;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// An open file. To go to a place and read takes two calls of the system, where the reader of the Parquet crate for
/// plain files takes five.
pub(super) struct Chunks {
    file: Mutex<File>,
    length: u64,
}

impl Chunks {
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            length: file.metadata()?.len(),
            file: Mutex::new(file),
        })
    }
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
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}
