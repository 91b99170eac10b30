//! Raw records: what they hold beside what the table keeps of them, concatenated to blocks, compressed, and sealed under the
//! lake's key.
//!
//! A commit writes one file of blocks. A block is a 12-byte nonce and the ciphertext of a zstd frame;
//! the name of the file and the place of the block in it are authenticated along, so that blocks cannot
//! be exchanged. The table says for each record in which block it lies and where.

use super::fs::{fill_random, sync_folder};
use super::rows::RawRef;
use super::weave::{Beside, Weaver, unweave};
use crate::error::Error;
use ambit_event::Keys;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Plain bytes that a block holds, give or take one record.
const BLOCK: usize = 1 << 20;
/// A block never has more plain bytes than this: one record of the largest size beside a full block.
const LARGEST: usize = 1 << 28;
const NONCE: usize = 12;

/// Writes the file of blocks of one commit.
pub(super) struct Sealer {
    cipher: ChaCha20Poly1305,
    folder: PathBuf,
    name: String,
    /// Made with the first block, so that a commit without raw records leaves no file.
    file: Option<File>,
    written: u64,
    weaver: Weaver,
    block: Vec<u8>,
    /// The records of the open block: where to note it, start, length.
    open: Vec<(usize, i64, i64)>,
    places: Vec<Option<RawRef>>,
}

/// What became of raw records.
pub(super) struct RawFile {
    /// The place of each record, in order.
    pub places: Vec<Option<RawRef>>,
    /// The file's name, where one was written.
    pub name: Option<String>,
}

impl Drop for Sealer {
    /// A file that was not finished is no commit's. Where it cannot be removed, vacuum takes it.
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(self.folder.join(&self.name));
        }
    }
}

impl Sealer {
    pub fn new(keys: &Keys, folder: &Path, name: &str) -> Self {
        Self {
            cipher: cipher(keys),
            folder: folder.to_owned(),
            name: name.to_owned(),
            file: None,
            written: 0,
            weaver: Weaver::default(),
            block: Vec::new(),
            open: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Takes the next record. One without bytes has no place.
    pub fn push(&mut self, raw: &[u8], beside: &Beside<'_>) -> Result<(), Error> {
        let nth = self.places.len();
        self.places.push(None);
        if raw.is_empty() {
            return Ok(());
        }
        if !self.block.is_empty() && self.block.len() + raw.len() > BLOCK {
            self.seal()?;
        }
        let kept = self.weaver.weave(raw, beside);
        self.open.push((nth, self.block.len() as i64, kept.len() as i64));
        self.block.extend_from_slice(kept);
        Ok(())
    }

    /// Seals what is left and fsyncs.
    pub fn finish(mut self) -> Result<RawFile, Error> {
        self.seal()?;
        let places = std::mem::take(&mut self.places);
        let Some(file) = &self.file else {
            return Ok(RawFile { places, name: None });
        };
        let synced = file.sync_all().and_then(|()| sync_folder(&self.folder));
        synced.map_err(|cause| Error::io("writing", &self.folder.join(&self.name), cause))?;
        self.file = None; // It is to stay.
        let name = Some(self.name.clone());
        Ok(RawFile { places, name })
    }

    fn seal(&mut self) -> Result<(), Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let path = self.folder.join(&self.name);
        let failed = |cause| Error::io("writing", &path, cause);
        let packed = zstd::bulk::compress(&self.block, 3).map_err(failed)?;
        let mut nonce = [0; NONCE];
        fill_random(&mut nonce)?;
        let place = format!("{}/{}", self.name, self.written);
        let payload = Payload {
            msg: &packed,
            aad: place.as_bytes(),
        };
        let sealed = self.cipher.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| failed(std::io::Error::other("the block cannot be sealed")))?;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&path).map_err(failed)?),
        };
        file.write_all(&nonce)
            .and_then(|()| file.write_all(&sealed))
            .map_err(failed)?;
        let length = (NONCE + sealed.len()) as u64;
        let block: Arc<str> = format!("{place}/{length}").into();
        for (nth, start, length) in self.open.drain(..) {
            let block = block.clone();
            self.places[nth] = Some(RawRef { block, start, length });
        }
        self.written += length;
        self.block.clear();
        Ok(())
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn cipher(keys: &Keys) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(Key::from_slice(keys.seal_key()))
}

/// Unseals one record, given what it was kept beside.
pub(super) fn unseal(
    keys: &Keys,
    folder: &Path,
    place: &RawRef,
    beside: &Beside<'_>,
) -> Result<Vec<u8>, Error> {
    let damaged = |what: &str| Error::Damaged {
        path: folder.join(place.block.split('/').next().unwrap_or_default()),
        what: what.to_owned(),
    };
    let (at, length) = place
        .block
        .rsplit_once('/')
        .ok_or_else(|| damaged("a block has no length"))?;
    let (name, offset) = at
        .rsplit_once('/')
        .ok_or_else(|| damaged("a block has no offset"))?;
    let is_name = name.bytes().all(|b| b.is_ascii_hexdigit());
    let numbers = (offset.parse(), length.parse());
    let (Ok(offset), Ok(length), true) = (numbers.0, numbers.1, is_name) else {
        return Err(damaged("the place of a block cannot be read"));
    };
    let sealed = read_block(&folder.join(name), offset, length)?;
    if sealed.len() < NONCE || sealed.len() as u64 != length {
        return Err(damaged("it ends within a block"));
    }
    let (nonce, msg) = sealed.split_at(NONCE);
    let aad = at.as_bytes();
    let packed = cipher(keys).decrypt(Nonce::from_slice(nonce), Payload { msg, aad });
    let packed = packed.map_err(|_| damaged("a block was changed, or was sealed under another secret"))?;
    let plain = unpack(&packed).map_err(|_| damaged("a block cannot be decompressed"))?;
    let range = usize::try_from(place.start)
        .ok()
        .zip(usize::try_from(place.length).ok());
    let record = range.and_then(|(start, length)| plain.get(start..start.checked_add(length)?));
    let record = record.ok_or_else(|| damaged("a record lies outside of its block"))?;
    unweave(record, beside).ok_or_else(|| damaged("a record does not belong to its fields"))
}

fn read_block(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(offset))?;
        file.take(length).read_to_end(&mut bytes)
    });
    read.map_err(|cause| Error::io("reading", path, cause))?;
    Ok(bytes)
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    let most = LARGEST as u64;
    zstd::stream::read::Decoder::new(packed)?
        .take(most)
        .read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn records_come_back_and_a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::derive(&[1; 32]);
        let mut sealer = Sealer::new(&keys, folder.path(), "ab");
        let long = vec![7; BLOCK + 5];
        for raw in [&b"first"[..], b"", &long, b"last"] {
            sealer.push(raw, &Beside::NOTHING).unwrap();
        }
        let RawFile { places, name } = sealer.finish().unwrap();
        assert_eq!(name.as_deref(), Some("ab"));
        let back = |nth: usize| {
            unseal(
                &keys,
                folder.path(),
                places[nth].as_ref().unwrap(),
                &Beside::NOTHING,
            )
        };
        assert_eq!(back(0).unwrap(), b"first");
        assert_eq!(back(2).unwrap(), long);
        assert_eq!(back(3).unwrap(), b"last");
        assert!(places[1].is_none());

        let path = folder.path().join("ab");
        let mut bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(5).any(|w| w == b"first"));
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(back(0), Err(Error::Damaged { .. })));
        let other = Keys::derive(&[2; 32]);
        assert!(
            unseal(
                &other,
                folder.path(),
                places[3].as_ref().unwrap(),
                &Beside::NOTHING
            )
            .is_err()
        );
    }
}
