//! Goes over a file and all that is in it, under one budget: each member is seen or complained of.

use super::tape::{Entry, Kind, each_of_tar, is_tar};
use super::{Archive, Glance, HEAD, Names, Near, Place, hold, is_zip, read_error, unzip};
use crate::Error;
use crate::capped::{self, CappedReader, Caps, Meter, peek};
use crate::contained;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use zip::read::ZipReadOptions;

/// Archives within archives that are opened, the outermost included.
const DEPTH: usize = 4;

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
        let head = telling(head, &mut reader)?;
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
        let head = telling(head, &mut reader)?;
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
        let mut zip = unzip(bytes)?;
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
                Ok(mut content) => {
                    let modified = content.last_modified().and_then(seconds);
                    self.member(&place, &mut content, held, modified);
                }
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

/// A zip's time is that of the place where it was packed, wherever that was: a day is added, so that no zone makes it
/// earlier than it is. Its first instant is what is written where no time is kept.
fn seconds(at: zip::DateTime) -> Option<i64> {
    const DAY: i64 = 86_400;
    let part = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(at.year()).ok().filter(|year| *year > 1980)?;
    let (month, day) = (part(at.month())?, part(at.day())?);
    let (hour, minute, second) = (part(at.hour())?, part(at.minute())?, part(at.second())?);
    let civil = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let instant = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(instant.timestamp().as_second() + DAY)
}

fn holds_files(n_seen: usize) -> io::Result<()> {
    match n_seen {
        0 => Err(io::Error::other("the archive holds no file")),
        _ => Ok(()),
    }
}

/// As much of the beginning as tells what a file is: more where it is all one line that a container's runtime cut.
fn telling(head: Vec<u8>, reader: &mut CappedReader<'_>) -> io::Result<Vec<u8>> {
    match head.len() == HEAD && contained::is_cut(&head) {
        true => reader.head(contained::LONG_HEAD),
        false => Ok(head),
    }
}

fn is_archive(head: &[u8]) -> bool {
    is_zip(head) || is_tar(head) || unopened(head).is_some()
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
    let is_packed = capped::is_packed(head);
    let over_again = is_packed.then_some("what is compressed over and over");
    known.map(|(_, kind)| *kind).or(over_again)
}

/// Digest and length of what can be read, and why no more can.
pub fn hash(reader: &mut dyn Read) -> (String, u64, Option<io::Error>) {
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
