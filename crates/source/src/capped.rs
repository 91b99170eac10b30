//! The one gate for hostile bytes: decompression and archives, under caps. Nothing is unpacked to disk;
//! no other module of this crate may name a decompressor.

use crate::Error;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is unpacked and framed at most. Beyond a cap nothing is read, and that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of a record that is one line of text.
    pub line: usize,
    /// Bytes of a record that may span lines, or is JSON: an audit log can hold what a request returned.
    pub record: usize,
    /// Decompressed bytes per compressed byte, once 64 MiB have come out.
    pub ratio: u64,
    /// Decompressed bytes of one file.
    pub output: u64,
    /// Members of one archive.
    pub members: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            record: 16 << 20,
            ratio: 2_000,
            output: 1 << 40,
            members: 100_000,
        }
    }
}

/// Compression layers that are taken off one after the other.
const LAYERS: usize = 3;
/// Below so many bytes the ratio says nothing: short repetitive files compress without limit.
const RATIO_FROM: u64 = 64 << 20;
/// The most memory that an xz stream may ask for.
const XZ_MEMORY: u64 = 256 << 20;

/// Where bytes lie: a file, or a member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub member: Option<Member>,
}

/// A member of an archive by its number, with its name as the archive tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub index: usize,
    pub name: String,
    pub archive: Archive,
    /// Where it lies in the unpacked archive, and its length there.
    pub at: (u64, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    Tar,
    Zip,
}

impl Place {
    pub fn file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
            member: None,
        }
    }

    /// The path as a person would name it, archive members as `archive!member`.
    pub fn name(&self) -> String {
        let file = self.file.to_string_lossy();
        match &self.member {
            Some(member) => format!("{file}!{}", member.name),
            None => file.into_owned(),
        }
    }

    /// Opens the place and hands its decompressed bytes over.
    pub fn with_content<T>(
        &self,
        caps: &Caps,
        use_it: impl FnOnce(&mut CappedReader<'_>) -> T,
    ) -> Result<T, Error> {
        let unreadable = |why: io::Error| Error::Read {
            path: self.name(),
            why: why.to_string(),
        };
        let file = File::open(&self.file).map_err(unreadable)?;
        match &self.member {
            None => CappedReader::unpack(file, *caps)
                .map(|mut r| use_it(&mut r))
                .map_err(unreadable),
            Some(member) => with_member(file, member, caps, use_it).map_err(unreadable),
        }
    }
}

/// Reads decompressed bytes, and fails beyond the caps.
pub struct CappedReader<'r> {
    inner: Box<dyn Read + 'r>,
    n_in: Arc<AtomicU64>,
    n_out: u64,
    caps: Caps,
}

impl<'r> CappedReader<'r> {
    /// Takes off the compression that the first bytes tell, layer by layer.
    pub fn unpack(packed: impl Read + 'r, caps: Caps) -> io::Result<Self> {
        let n_in = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: packed,
            n: Arc::clone(&n_in),
        };
        let mut inner: Box<dyn Read + 'r> = Box::new(counted);
        for _ in 0..LAYERS {
            let (head, rest) = peek(inner, 16)?;
            let whole = Cursor::new(head.clone()).chain(rest);
            match decompress(&head, whole) {
                Ok(layer) => inner = layer?,
                Err(plain) => {
                    inner = plain;
                    break;
                }
            }
        }
        Ok(Self {
            inner,
            n_in,
            n_out: 0,
            caps,
        })
    }

    /// The first bytes, at most `n`; they are read again afterwards.
    pub fn head(&mut self, n: usize) -> io::Result<Vec<u8>> {
        let inner = std::mem::replace(&mut self.inner, Box::new(io::empty()));
        let (head, rest) = peek(inner, n)?;
        self.inner = Box::new(Cursor::new(head.clone()).chain(rest));
        Ok(head)
    }
}

impl Read for CappedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_out += n as u64;
        let n_in = self.n_in.load(Ordering::Relaxed).max(1);
        if self.n_out > self.caps.output {
            return Err(io::Error::other(format!(
                "more than {} bytes come out of it",
                self.caps.output
            )));
        }
        if self.n_out > RATIO_FROM && self.n_out / n_in > self.caps.ratio {
            let ratio = self.caps.ratio;
            return Err(io::Error::other(format!(
                "more than {ratio} bytes come out of each compressed byte"
            )));
        }
        Ok(n)
    }
}

struct Counted<R> {
    inner: R,
    n: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

fn peek<R: Read>(mut reader: R, n: usize) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::new();
    reader.by_ref().take(n as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

/// The decompressor that the magic bytes ask for; the bytes back where they are plain.
fn decompress<'r>(
    head: &[u8],
    whole: impl Read + 'r,
) -> Result<io::Result<Box<dyn Read + 'r>>, Box<dyn Read + 'r>> {
    let whole = BufReader::with_capacity(1 << 16, whole);
    if head.starts_with(&[0x1f, 0x8b, 0x08]) {
        return Ok(Ok(Box::new(flate2::bufread::MultiGzDecoder::new(whole))));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(zstd::stream::read::Decoder::with_buffer(whole).map(|d| Box::new(d) as Box<dyn Read + 'r>));
    }
    if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED);
        return Ok(stream
            .map(|s| Box::new(liblzma::bufread::XzDecoder::new_stream(whole, s)) as Box<dyn Read + 'r>)
            .map_err(io::Error::from));
    }
    if head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY") {
        return Ok(Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(whole))));
    }
    Err(Box::new(whole))
}

/// What is seen of a file, or of a member of an archive, before it is read.
#[derive(Debug)]
pub struct Glance {
    /// The first decompressed bytes.
    pub head: Vec<u8>,
    /// SHA-256 in hexadecimal and length: of a file as it lies there, of a member as it comes out.
    pub sha256: String,
    pub bytes: u64,
    /// When it was last written, in seconds since 1970, where an archive tells.
    pub modified: Option<i64>,
}

/// Glances at a file, or in one pass at each member of the archive that it is.
pub fn glance(
    path: &Path,
    caps: &Caps,
    seen: &mut dyn FnMut(Place, Result<Glance, Error>),
) -> Result<(), Error> {
    let unreadable = |why: io::Error| read_error(path.to_string_lossy().into_owned(), &why);
    let mut file = File::open(path).map_err(unreadable)?;
    let (magic, _) = peek(&mut file, 4).map_err(unreadable)?;
    if magic.starts_with(b"PK\x03\x04") || magic.starts_with(b"PK\x05\x06") {
        return glance_at_zip(path, caps, seen).map_err(unreadable);
    }
    let mut reader =
        CappedReader::unpack(File::open(path).map_err(unreadable)?, *caps).map_err(unreadable)?;
    let head = reader.head(HEAD).map_err(unreadable)?;
    if head.get(257..262) == Some(b"ustar") {
        return glance_at_tar(path, reader, caps, seen).map_err(unreadable);
    }
    let (sha256, bytes) = File::open(path)
        .and_then(|mut file| hash(&mut file))
        .map_err(unreadable)?;
    let glance = Glance {
        head,
        sha256,
        bytes,
        modified: None,
    };
    seen(Place::file(path), Ok(glance));
    Ok(())
}

/// How much of a file's beginning is looked at.
const HEAD: usize = 64 << 10;

fn read_error(path: String, why: &io::Error) -> Error {
    Error::Read {
        path,
        why: why.to_string(),
    }
}

fn glance_at_member(
    place: &Place,
    packed: impl Read,
    caps: &Caps,
    modified: Option<i64>,
) -> Result<Glance, Error> {
    let look = || {
        let mut reader = CappedReader::unpack(packed, *caps)?;
        let head = reader.head(HEAD)?;
        let (sha256, bytes) = hash(&mut reader)?;
        Ok(Glance {
            head,
            sha256,
            bytes,
            modified,
        })
    };
    look().map_err(|why: io::Error| read_error(place.name(), &why))
}

/// SHA-256 in hexadecimal, and length, of all that is left to read.
pub fn hash(reader: &mut dyn Read) -> io::Result<(String, u64)> {
    let (mut hash, mut buffer, mut n) = (Sha256::new(), vec![0; 1 << 18], 0);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(hash.finalize()), n)),
            Ok(got) => {
                hash.update(&buffer[..got]);
                n += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn too_many(caps: &Caps) -> io::Error {
    io::Error::other(format!("the archive has more than {} members", caps.members))
}

fn glance_at_tar(
    path: &Path,
    reader: CappedReader<'_>,
    caps: &Caps,
    seen: &mut dyn FnMut(Place, Result<Glance, Error>),
) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    for (index, entry) in archive.entries()?.enumerate() {
        if index >= caps.members {
            return Err(too_many(caps));
        }
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let member = Member {
            index,
            name: String::from_utf8_lossy(&entry.path_bytes()).into_owned(),
            archive: Archive::Tar,
            at: (entry.raw_file_position(), entry.size()),
        };
        let place = Place {
            file: path.to_owned(),
            member: Some(member),
        };
        let modified = entry.header().mtime().ok().and_then(|at| i64::try_from(at).ok());
        let glance = glance_at_member(&place, entry, caps, modified);
        seen(place, glance);
    }
    Ok(())
}

fn glance_at_zip(
    path: &Path,
    caps: &Caps,
    seen: &mut dyn FnMut(Place, Result<Glance, Error>),
) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?))?;
    if archive.len() > caps.members {
        return Err(too_many(caps));
    }
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        if !entry.is_file() {
            continue;
        }
        let member = Member {
            index,
            name: entry.name().map_err(io::Error::other)?.into_owned(),
            archive: Archive::Zip,
            at: (0, entry.compressed_size()),
        };
        drop(entry);
        let place = Place {
            file: path.to_owned(),
            member: Some(member),
        };
        let glance = match archive.by_index(index) {
            Ok(entry) => glance_at_member(&place, entry, caps, None),
            Err(error) => Err(read_error(place.name(), &error.into())),
        };
        seen(place, glance);
    }
    Ok(())
}

fn with_member<T>(
    file: File,
    member: &Member,
    caps: &Caps,
    use_it: impl FnOnce(&mut CappedReader<'_>) -> T,
) -> io::Result<T> {
    match member.archive {
        Archive::Zip => {
            let mut archive = zip::ZipArchive::new(BufReader::new(file))?;
            let entry = archive.by_index(member.index)?;
            let n_packed = entry.compressed_size();
            let mut reader = CappedReader::unpack(entry, *caps)?;
            // What lies in the zip is counted before its own decompression, where the ratio is.
            reader.n_in = Arc::new(AtomicU64::new(n_packed));
            Ok(use_it(&mut reader))
        }
        Archive::Tar => {
            let mut whole = CappedReader::unpack(file, *caps)?;
            let (at, len) = member.at;
            let n_passed = io::copy(&mut whole.by_ref().take(at), &mut io::sink())?;
            if n_passed < at {
                return Err(io::Error::other("the archive has become shorter"));
            }
            let mut reader = CappedReader::unpack(whole.take(len), *caps)?;
            Ok(use_it(&mut reader))
        }
    }
}
