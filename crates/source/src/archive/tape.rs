//! Tar archives, member by member, whatever stands in them.

use crate::capped::CappedReader;
use ambit_event::printable;
use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

/// Bytes that an archive may spend on the name of one member and what else it says of it.
const DESCRIPTION: u64 = 1 << 20;

/// What a tar says of a member.
pub struct Entry {
    pub index: usize,
    pub name: Vec<u8>,
    pub kind: Kind,
    pub modified: Option<i64>,
}

/// Whether a member is a file, and why not.
pub enum Kind {
    File,
    /// It holds nothing of its own.
    Frame,
    Other(String),
}

/// Is given each member; stops where it says so.
pub type UseEntry<'u> = &'u mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<ControlFlow<()>>;

/// Goes over the members of a tar, with their content.
pub fn each_of_tar(reader: CappedReader<'_>, use_it: UseEntry<'_>) -> io::Result<()> {
    let fence = Fence::default();
    let mut archive = tar::Archive::new(Fenced {
        inner: reader,
        fence: fence.clone(),
    });
    let mut entries = archive.entries()?;
    let (mut end, mut index) = (0, 0);
    loop {
        fence.until.set(DESCRIPTION.saturating_add(end));
        let Some(mut entry) = entries.next().transpose()? else {
            return Ok(());
        };
        fence.until.set(u64::MAX);
        let n_packed = match entry.header().entry_type().is_gnu_sparse() {
            true => entry.header().entry_size()?,
            false => entry.size(),
        };
        end = entry.raw_file_position().saturating_add(n_packed);
        let seen = Entry {
            index,
            name: entry.path_bytes().into_owned(),
            kind: kind(&entry),
            // Zero is what is written where no time is kept.
            modified: entry
                .header()
                .mtime()
                .ok()
                .and_then(|at| i64::try_from(at).ok())
                .filter(|at| *at > 0),
        };
        let left = entry.size();
        if use_it(
            &seen,
            &mut Exactly {
                inner: &mut entry,
                left,
            },
        )?
        .is_break()
        {
            return Ok(());
        }
        index += 1;
    }
}

fn kind<R: Read>(entry: &tar::Entry<'_, R>) -> Kind {
    use tar::EntryType;
    let target = || match entry.link_name_bytes() {
        Some(name) => printable(&String::from_utf8_lossy(&name), 200),
        None => "nothing".to_owned(),
    };
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory | EntryType::XGlobalHeader => Kind::Frame,
        EntryType::Symlink => Kind::Other(format!("a link to {}, and links are not followed", target())),
        EntryType::Link => Kind::Other(format!(
            "a hard link to {}: what it is stands in the archive under that name, if at all",
            target()
        )),
        EntryType::Char | EntryType::Block => Kind::Other("a device, no file".to_owned()),
        EntryType::Fifo => Kind::Other("a pipe, no file".to_owned()),
        other => Kind::Other(format!("no file: tar's type of it is {}", other.as_byte())),
    }
}

/// Whether a tar's first header stands there: by its check sum, as whoever writes the first line of a log can
/// put tar's name for itself where a header has it.
pub fn is_tar(head: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    let Some(header) = head.get(..512).filter(|h| h[0] != 0 && h[511] == 0) else {
        return false;
    };
    let bytes = header.iter().enumerate();
    let sum: u32 = bytes
        .map(|(at, b)| u32::from(if SUM.contains(&at) { b' ' } else { *b }))
        .sum();
    tar::Header::from_byte_slice(header)
        .cksum()
        .is_ok_and(|said| said == sum)
}

/// How far a tar may be read at the moment. What stands between the contents of two members (names of any
/// length) is read into memory, so that it must have an end.
#[derive(Debug, Clone, Default)]
struct Fence {
    at: Rc<Cell<u64>>,
    until: Rc<Cell<u64>>,
}

struct Fenced<R> {
    inner: R,
    fence: Fence,
}

impl<R: Read> Read for Fenced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.fence.at.get();
        let left = self.fence.until.get().saturating_sub(at);
        if left == 0 && !buffer.is_empty() {
            let why = format!("more than {DESCRIPTION} bytes stand before a member");
            return Err(io::Error::other(why));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.inner.read(&mut buffer[..most])?;
        self.fence.at.set(at.saturating_add(n as u64));
        Ok(n)
    }
}

/// Reads so many bytes, and fails where there are fewer.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            let why = "the archive ends within it";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}
