//! Where bytes lie: files, and members of archives however deep. Archives are opened here, under caps, and what
//! is in them is read or told, member by member.

mod near;
mod tape;
mod walk;

use crate::Error;
use crate::capped::{CappedReader, Caps, Meter, peek};
use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::read::ZipReadOptions;
use zip::unstable::read::ZipIterable;

use near::Near;
use tape::{Entry, each_of_tar};

pub use walk::{glance, hash};

/// How much of a file's beginning is looked at.
pub const HEAD: usize = 64 << 10;
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
    /// The first decompressed bytes: [`HEAD`] at most, but where a line that goes beyond them hides what they are of.
    pub head: Vec<u8>,
    /// SHA-256 in hexadecimal and length: of a file as it lies there, of a member as it comes out (as far as it
    /// does).
    pub sha256: String,
    pub bytes: u64,
    /// When it was last written, in seconds since 1970, where an archive tells.
    pub modified: Option<i64>,
}

impl Place {
    pub fn file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
            members: Vec::new(),
        }
    }

    /// Whether it is a file by itself, and no member of an archive.
    pub fn is_file(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether the bytes lie here as they are read: in no archive, and not under a name of compressed files.
    pub fn is_plain(&self) -> bool {
        let ending = self.file.extension().and_then(|ending| ending.to_str());
        self.is_file() && !matches!(ending, Some("gz" | "zst" | "xz" | "bz2"))
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

    /// The bare name from the root of the file system on, so that it is the same from wherever it is named.
    pub fn absolute_name(&self) -> String {
        let absolute = || {
            let folder = self.file.parent()?;
            let folder = match folder.as_os_str().is_empty() {
                true => Path::new("."),
                false => folder,
            };
            Some(folder.canonicalize().ok()?.join(self.file.file_name()?))
        };
        let file = absolute().unwrap_or_else(|| self.file.clone());
        let members = self.members.clone();
        Self { file, members }.bare_name()
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
    let mut zip = unzip(bytes)?;
    let files = zip.files()?;
    if let Some(entry) = files.nth(member.index) {
        let mut content = entry?.with_reader(files.reader_mut(), ZipReadOptions::new())?;
        let reader = CappedReader::unpack(&mut content as &mut dyn Read, meter, *caps)?;
        descend(reader, inner, meter, caps, use_it)?;
    }
    Ok(())
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
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

/// Opens a zip by its table of contents.
fn unzip<R: Read + Seek>(bytes: R) -> io::Result<ZipIterable<R>> {
    ZipIterable::try_new(bytes, zip::read::Config::default()).map_err(|why| {
        io::Error::other(format!(
            "{why}; the table of contents at its end is missing or damaged, and nothing of it was read (zip -FF may restore it)"
        ))
    })
}
