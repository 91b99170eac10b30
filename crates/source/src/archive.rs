//! Where bytes lie: files, and members of archives however deep. Archives are opened here, under caps, and what
//! is in them is read or told, member by member.

use crate::Error;
use crate::capped::{CappedReader, Caps, Meter, peek};
use ambit_event::printable;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use zip::read::ZipReadOptions;
use zip::unstable::read::ZipIterable;

/// Archives within archives that are opened, the outermost included.
const DEPTH: usize = 4;
/// How much of a file's beginning is looked at.
pub const HEAD: usize = 64 << 10;
/// Bytes that an archive may spend on the name of one member and what else it says of it.
const DESCRIPTION: u64 = 1 << 20;
/// Bytes of a member's name that are kept at its beginning, and at its end.
const NAME: (usize, usize) = (700, 300);

/// Where bytes lie: a file, or a member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// The way into the file: a member of the archive that it is, a member of the archive that this is, and so on.
    members: Vec<Member>,
}

/// A member of an archive by its number, with its name as the archive tells it. Names are for people; they say
/// nothing of where the bytes lie, and several members may bear the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    index: usize,
    name: String,
    /// 1 for the first member of that name.
    nth: usize,
    archive: Archive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Archive {
    Tar,
    Zip,
}

/// What is seen of a file, or of a member of an archive, before it is read.
#[derive(Debug)]
pub struct Glance {
    /// The first decompressed bytes.
    pub head: Vec<u8>,
    /// SHA-256 in hexadecimal and length: of a file as it lies there, of a member as it comes out (as far as it
    /// does).
    pub sha256: String,
    pub bytes: u64,
    /// When it was last written, in seconds since 1970, where an archive tells.
    pub modified: Option<i64>,
}

/// Is given each file that is found, or why one is not read.
pub type Seen<'s> = &'s mut dyn FnMut(Place, Result<Glance, Error>);

/// Glances at a file, or in one pass at each member of the archive that it is.
pub fn glance(path: &Path, caps: &Caps, seen: Seen<'_>) {
    let place = Place::file(path);
    let mut walk = Walk {
        caps,
        meter: Meter::new(0),
        n_members: 0,
        seen,
    };
    if let Err(why) = walk.file(&place) {
        let error = Error::unreadable(place.name(), &why);
        (walk.seen)(place, Err(error));
    }
}

impl Place {
    pub fn file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
            members: Vec::new(),
        }
    }

    /// The path as a person would name it, archive members as `archive!member`; a second member of the same name
    /// as `archive!member [2]`.
    pub fn name(&self) -> String {
        let mut name = self.bare_name();
        if self.generation() > 1 {
            name.push_str(&ordinal(self.generation()));
        }
        name
    }

    /// The name without the number that tells it from others of the same name.
    pub fn bare_name(&self) -> String {
        let mut name = self.file.to_string_lossy().into_owned();
        for (n, member) in self.members.iter().enumerate() {
            name.push('!');
            name.push_str(&member.name);
            if member.nth > 1 && n + 1 < self.members.len() {
                name.push_str(&ordinal(member.nth));
            }
        }
        name
    }

    /// 1 for the first file of its name, 2 for a second one in the same archive.
    pub fn generation(&self) -> usize {
        self.members.last().map_or(1, |member| member.nth)
    }

    /// Opens the place and hands its decompressed bytes over.
    pub fn with_content<T>(
        &self,
        caps: &Caps,
        use_it: impl FnOnce(&mut CappedReader<'_>) -> T,
    ) -> Result<T, Error> {
        let (mut use_it, mut used) = (Some(use_it), None);
        let mut once = |reader: &mut CappedReader<'_>| {
            used = use_it.take().map(|use_it| use_it(reader));
        };
        let opened = self.open(caps, &mut once);
        opened
            .and_then(|()| used.ok_or_else(|| io::Error::other("the archive has become another")))
            .map_err(|why| Error::unreadable(self.name(), &why))
    }

    fn open(&self, caps: &Caps, use_it: Use<'_>) -> io::Result<()> {
        let mut file = File::open(&self.file)?;
        let meter = Meter::new(file.metadata()?.len());
        if !self.members.is_empty() && is_zip(&peek(&mut file, 4)?.0) {
            return in_zip(Near::open(&self.file)?, &self.members, &meter, caps, use_it);
        }
        file.rewind()?;
        let reader = CappedReader::unpack(file, &meter, *caps)?;
        descend(reader, &self.members, &meter, caps, use_it)
    }

    fn member(&self, index: usize, name: &[u8], archive: Archive, names: &mut Names) -> Self {
        let name = shortened(&String::from_utf8_lossy(name));
        let nth = names.entry(name.clone()).or_default();
        *nth += 1;
        let member = Member {
            index,
            name,
            nth: *nth,
            archive,
        };
        Self {
            file: self.file.clone(),
            members: [self.members.as_slice(), &[member]].concat(),
        }
    }
}

type Use<'u> = &'u mut dyn FnMut(&mut CappedReader<'_>);
/// How many members of each name there were.
type Names = HashMap<String, usize>;

fn ordinal(nth: usize) -> String {
    format!(" [{nth}]")
}

fn shortened(name: &str) -> String {
    if name.len() <= NAME.0 + NAME.1 {
        return name.to_owned();
    }
    let begin = name.floor_char_boundary(NAME.0);
    let end = name.ceil_char_boundary(name.len() - NAME.1);
    format!("{}…{}", &name[..begin], &name[end..])
}

fn read_error(place: &Place, why: &dyn Display) -> Error {
    Error::Read {
        path: place.name(),
        why: why.to_string(),
    }
}

/// Hands the member over at which the way ends, from the bytes of the place where it begins.
fn descend(
    mut reader: CappedReader<'_>,
    way: &[Member],
    meter: &Arc<Meter>,
    caps: &Caps,
    use_it: Use<'_>,
) -> io::Result<()> {
    match way.first() {
        None => {
            use_it(&mut reader);
            Ok(())
        }
        Some(member) if member.archive == Archive::Zip => {
            let held = hold(&mut reader, caps.held)?;
            in_zip(Cursor::new(held), way, meter, caps, use_it)
        }
        Some(member) => {
            let mut way_on = |_: &Entry, content: &mut dyn Read| {
                let reader = CappedReader::unpack(content, meter, *caps)?;
                descend(reader, &way[1..], meter, caps, use_it)
            };
            each_of_tar(reader, &mut |entry, content| match entry.index == member.index {
                true => way_on(entry, content).map(ControlFlow::Break),
                false => Ok(ControlFlow::Continue(())),
            })
        }
    }
}

fn in_zip(
    bytes: impl Read + Seek,
    way: &[Member],
    meter: &Arc<Meter>,
    caps: &Caps,
    use_it: Use<'_>,
) -> io::Result<()> {
    let Some((member, inner)) = way.split_first() else {
        return Ok(());
    };
    let mut zip = ZipIterable::try_new(bytes, zip::read::Config::default())?;
    let files = zip.files()?;
    if let Some(entry) = files.nth(member.index) {
        let mut content = entry?.with_reader(files.reader_mut(), ZipReadOptions::new())?;
        let reader = CappedReader::unpack(&mut content as &mut dyn Read, meter, *caps)?;
        descend(reader, inner, meter, caps, use_it)?;
    }
    Ok(())
}

/// What a tar says of a member.
struct Entry {
    index: usize,
    name: Vec<u8>,
    kind: Kind,
    modified: Option<i64>,
}

/// Whether a member is a file, and why not.
enum Kind {
    File,
    /// It holds nothing of its own.
    Frame,
    Other(String),
}

/// Goes over the members of a tar, with their content.
fn each_of_tar(
    reader: CappedReader<'_>,
    use_it: &mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
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
            modified: entry.header().mtime().ok().and_then(|at| i64::try_from(at).ok()),
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

/// Goes over a file, and over all that is in it.
struct Walk<'w> {
    caps: &'w Caps,
    meter: Arc<Meter>,
    n_members: usize,
    seen: Seen<'w>,
}

impl Walk<'_> {
    fn file(&mut self, place: &Place) -> io::Result<()> {
        let mut file = File::open(&place.file)?;
        self.meter = Meter::new(file.metadata()?.len());
        if is_zip(&peek(&mut file, 4)?.0) {
            return self.zip(place, Near::open(&place.file)?, self.caps.held);
        }
        file.rewind()?;
        let mut reader = CappedReader::unpack(file, &self.meter, *self.caps)?;
        let head = reader.head(HEAD)?;
        if is_archive(&head) {
            return self.archive(place, reader, &head, self.caps.held);
        }
        let (sha256, bytes, error) = hash(&mut File::open(&place.file)?);
        error.map_or(Ok(()), Err)?;
        let glance = Glance {
            head,
            sha256,
            bytes,
            modified: None,
        };
        (self.seen)(place.clone(), Ok(glance));
        Ok(())
    }

    fn complain(&mut self, place: &Place, why: &dyn Display) {
        (self.seen)(place.clone(), Err(read_error(place, why)));
    }

    /// Looks at a member. One that breaks off is given as far as it goes: reading it tells the rest.
    fn member(&mut self, place: &Place, packed: &mut dyn Read, held: u64, modified: Option<i64>) {
        if let Err(why) = self.look(place, packed, held, modified) {
            self.complain(place, &why);
        }
    }

    fn look(
        &mut self,
        place: &Place,
        packed: &mut dyn Read,
        held: u64,
        modified: Option<i64>,
    ) -> io::Result<()> {
        let mut reader = CappedReader::unpack(packed, &self.meter, *self.caps)?;
        let head = reader.head(HEAD)?;
        if is_archive(&head) {
            return self.archive(place, reader, &head, held);
        }
        let (sha256, bytes, error) = hash(&mut reader);
        if let Some(why) = error.filter(|_| head.is_empty()) {
            return Err(why);
        }
        let glance = Glance {
            head,
            sha256,
            bytes,
            modified,
        };
        (self.seen)(place.clone(), Ok(glance));
        Ok(())
    }

    fn archive(
        &mut self,
        place: &Place,
        mut reader: CappedReader<'_>,
        head: &[u8],
        held: u64,
    ) -> io::Result<()> {
        if place.members.len() >= DEPTH {
            let why = format!("an archive within {DEPTH} others is not opened; unpack it first");
            return Err(io::Error::other(why));
        }
        if let Some(kind) = unopened(head) {
            let why = format!("{kind} is not opened; unpack it first");
            return Err(io::Error::other(why));
        }
        if !is_zip(head) {
            return self.tar(place, reader, held);
        }
        let bytes = hold(&mut reader, held)?;
        let left = held.saturating_sub(bytes.len() as u64);
        self.zip(place, Cursor::new(bytes), left)
    }

    fn tar(&mut self, place: &Place, reader: CappedReader<'_>, held: u64) -> io::Result<()> {
        let (mut names, mut n_seen) = (Names::new(), 0);
        let mut last = None;
        let mut look = |entry: &Entry, content: &mut dyn Read| {
            self.count()?;
            if matches!(entry.kind, Kind::Frame) {
                return Ok(ControlFlow::Continue(()));
            }
            n_seen += 1;
            let place = place.member(entry.index, &entry.name, Archive::Tar, &mut names);
            match &entry.kind {
                Kind::Other(why) => self.complain(&place, why),
                _ => self.member(&place, content, held, entry.modified),
            }
            last = Some(place);
            Ok(ControlFlow::Continue(()))
        };
        let gone_over = each_of_tar(reader, &mut look);
        gone_over.map_err(|why| match last {
            Some(last) => io::Error::other(format!("{why}; nothing after {} was read", last.name())),
            None => why,
        })?;
        holds_files(n_seen)
    }

    fn zip(&mut self, place: &Place, bytes: impl Read + Seek, held: u64) -> io::Result<()> {
        let mut zip = ZipIterable::try_new(bytes, zip::read::Config::default())?;
        let files = zip.files()?;
        let (mut names, mut n_seen, mut index) = (Names::new(), 0, 0..);
        while let Some(entry) = files.next() {
            let (entry, index) = (entry?, index.next().unwrap_or(usize::MAX));
            self.count()?;
            if entry.is_dir() {
                continue;
            }
            n_seen += 1;
            let name = match entry.name() {
                Ok(name) => name.as_bytes().to_vec(),
                Err(_) => entry.name_raw().to_vec(),
            };
            let place = place.member(index, &name, Archive::Zip, &mut names);
            if entry.is_symlink() {
                self.complain(&place, &"a link, and links are not followed");
                continue;
            }
            match entry.with_reader(files.reader_mut(), ZipReadOptions::new()) {
                Ok(mut content) => self.member(&place, &mut content, held, None),
                Err(why) => self.complain(&place, &why),
            }
        }
        holds_files(n_seen)
    }

    fn count(&mut self) -> io::Result<()> {
        self.meter.check(self.caps)?;
        self.n_members += 1;
        if self.n_members > self.caps.members {
            let most = self.caps.members;
            return Err(io::Error::other(format!(
                "the archive has more than {most} members"
            )));
        }
        Ok(())
    }
}

fn holds_files(n_seen: usize) -> io::Result<()> {
    match n_seen {
        0 => Err(io::Error::other("the archive holds no file")),
        _ => Ok(()),
    }
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

fn is_archive(head: &[u8]) -> bool {
    is_zip(head) || is_tar(head) || unopened(head).is_some()
}

/// Whether a tar's first header stands there: by its check sum, as whoever writes the first line of a log can
/// put tar's name for itself where a header has it.
fn is_tar(head: &[u8]) -> bool {
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

/// Archives and compressions of which nothing is read here.
fn unopened(head: &[u8]) -> Option<&'static str> {
    const KINDS: &[(&[u8], &str)] = &[
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a rar archive"),
        (b"MSCF\0\0\0\0", "a cab archive"),
        (b"!<arch>\n", "an ar archive"),
        (b"\x04\x22\x4d\x18", "an lz4 file"),
        (b"\x1f\x9d", "a compress (.Z) file"),
        (b"LZIP\x01", "an lzip file"),
        (b"\xff\x06\0\0sNaPpY", "a snappy file"),
    ];
    let known = KINDS.iter().find(|(magic, _)| head.starts_with(magic));
    known.map(|(_, kind)| *kind)
}

/// A zip within an archive, whole: its table of contents stands at its end.
fn hold(reader: &mut CappedReader<'_>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("a zip of more than {most} bytes within an archive is not opened; unpack it first");
        return Err(io::Error::other(why));
    }
    Ok(bytes)
}

/// Digest and length of what can be read, and why no more can.
fn hash(reader: &mut dyn Read) -> (String, u64, Option<io::Error>) {
    let (mut hash, mut buffer, mut n) = (Sha256::new(), vec![0; 1 << 18], 0);
    let error = loop {
        match reader.read(&mut buffer) {
            Ok(0) => break None,
            Ok(got) => {
                hash.update(&buffer[..got]);
                n += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    (hex::encode(hash.finalize()), n, error)
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

/// A buffered file in which going to a place nearby costs nothing: the table of contents of a zip is gone over
/// entry by entry.
struct Near {
    inner: BufReader<File>,
    at: u64,
}

impl Near {
    fn open(path: &Path) -> io::Result<Self> {
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
