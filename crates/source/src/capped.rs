//! The gate for compressed bytes: decompression under caps. Nothing is unpacked to disk; only this module and
//! `archive` may name a decompressor.

use crate::utf16::{Order, Utf16};
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is unpacked and framed at most. Beyond a cap nothing is read, and that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of a record that is one line of text.
    pub line: usize,
    /// Bytes of a record that may span lines, or is JSON: an audit log can hold what a request returned.
    pub record: usize,
    /// Decompressed bytes per compressed byte, once 64 MiB have come out; of a file, and of each layer in it.
    pub ratio: u64,
    /// Decompressed bytes of one file, of all that it holds together.
    pub output: u64,
    /// Members of one archive, those of the archives in it included.
    pub members: usize,
    /// Bytes of zip archives within an archive, which are held in memory: a zip is read from its end.
    pub held: u64,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            record: 16 << 20,
            ratio: 2_000,
            output: 1 << 40,
            members: 100_000,
            held: 256 << 20,
        }
    }
}

/// Compression layers that are taken off one after the other.
const LAYERS: usize = 3;
/// Below so many bytes the ratio says nothing: short repetitive files compress without limit.
const RATIO_FROM: u64 = 64 << 20;
/// The most memory that an xz stream may ask for.
const XZ_MEMORY: u64 = 256 << 20;

/// Reads decompressed bytes, and fails beyond the caps.
pub struct CappedReader<'r> {
    inner: Box<dyn Read + 'r>,
    n_in: Arc<AtomicU64>,
    n_out: u64,
    meter: Arc<Meter>,
    caps: Caps,
}

/// What went into and came out of one file, in all layers of archives that it holds: many small bombs are one
/// large bomb.
#[derive(Debug)]
pub struct Meter {
    n_in: u64,
    n_out: AtomicU64,
}

impl Meter {
    /// For a file of so many bytes.
    pub fn new(n_in: u64) -> Arc<Self> {
        Arc::new(Self {
            n_in,
            n_out: AtomicU64::new(0),
        })
    }

    /// Says so when too much came out of the file.
    pub fn check(&self, caps: &Caps) -> io::Result<()> {
        let n_out = self.n_out.load(Ordering::Relaxed);
        if n_out > caps.output {
            let most = caps.output;
            return Err(io::Error::other(format!("more than {most} bytes come out of it")));
        }
        check_ratio(n_out, self.n_in, caps)
    }
}

fn check_ratio(n_out: u64, n_in: u64, caps: &Caps) -> io::Result<()> {
    if n_out <= RATIO_FROM || n_out / n_in.max(1) <= caps.ratio {
        return Ok(());
    }
    let ratio = caps.ratio;
    Err(io::Error::other(format!(
        "more than {ratio} bytes come out of each compressed byte"
    )))
}

impl<'r> CappedReader<'r> {
    /// Takes off the compression that the first bytes tell, layer by layer, and gives UTF-16 as UTF-8.
    pub fn unpack(packed: impl Read + 'r, meter: &Arc<Meter>, caps: Caps) -> io::Result<Self> {
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
                    inner = match Order::told(&head) {
                        Some(order) => Box::new(Utf16::new(plain, order)),
                        None => plain,
                    };
                    break;
                }
            }
        }
        Ok(Self {
            inner,
            n_in,
            n_out: 0,
            meter: Arc::clone(meter),
            caps,
        })
    }

    /// Bytes of the file, or of the archive's member, that were read so far.
    pub fn n_in(&self) -> u64 {
        self.n_in.load(Ordering::Relaxed)
    }

    /// The first bytes, at most `n`; they are read again afterwards, and so is what ends them early.
    ///
    /// # Errors
    /// Where not one byte can be read.
    pub fn head(&mut self, n: usize) -> io::Result<Vec<u8>> {
        let mut inner = std::mem::replace(&mut self.inner, Box::new(io::empty()));
        let mut head = Vec::new();
        let read = inner.by_ref().take(n as u64).read_to_end(&mut head);
        let seen = Cursor::new(head.clone());
        self.inner = match read {
            Ok(_) => Box::new(seen.chain(inner)),
            Err(error) if head.is_empty() => return Err(error),
            Err(error) => Box::new(seen.chain(Torn(Some(error)))),
        };
        Ok(head)
    }
}

/// The end of what can be read: it is told once.
struct Torn(Option<io::Error>);

impl Read for Torn {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Read for CappedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.n_out += n as u64;
        self.meter.n_out.fetch_add(n as u64, Ordering::Relaxed);
        self.meter.check(&self.caps)?;
        check_ratio(self.n_out, self.n_in.load(Ordering::Relaxed), &self.caps)?;
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

pub fn peek<R: Read>(mut reader: R, n: usize) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::new();
    reader.by_ref().take(n as u64).read_to_end(&mut head)?;
    Ok((head, reader))
}

/// Whether a decompressor would take it on: below the layers that are taken off, it is one too many.
pub fn is_packed(head: &[u8]) -> bool {
    decompress(head, io::empty()).is_ok()
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
