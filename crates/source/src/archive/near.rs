//! Files that are gone over in small steps.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A buffered file in which going to a place nearby costs nothing: the table of contents of a zip is gone over
/// entry by entry.
pub struct Near {
    inner: BufReader<File>,
    at: u64,
}

impl Near {
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            inner: BufReader::with_capacity(1 << 16, File::open(path)?),
            at: 0,
        })
    }
}

impl Read for Near {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Near {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let there = match to {
            SeekFrom::Start(there) => Some(there),
            SeekFrom::Current(n) => self.at.checked_add_signed(n),
            SeekFrom::End(_) => None,
        };
        let step = there.and_then(|there| i64::try_from(i128::from(there) - i128::from(self.at)).ok());
        self.at = match (there, step) {
            (Some(there), Some(step)) => {
                self.inner.seek_relative(step)?;
                there
            }
            _ => self.inner.seek(to)?,
        };
        Ok(self.at)
    }
}
