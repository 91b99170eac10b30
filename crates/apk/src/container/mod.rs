//! The zip that a package is: members by the central directory, as Android reads it, beside what the local headers
//! say. Two readers that see two packages are how bytes are hidden from a scanner.

mod inflate;

use crate::cursor::{Cursor, u16_at, u32_at};
use crate::error::{Error, Result};
use crate::limits::{Budget, Limits};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

const WHAT: &str = "zip";
const END: u32 = 0x0605_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
const END_BYTES: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Flags of a member: encrypted; its sizes follow its data.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 8;
/// Oddities that are kept; a package can hold more members than anybody reads about.
const MOST_ODDITIES: usize = 100;
/// What is said of a local header that names another method; devices ask the directory.
const OTHER_METHOD: &str = "its local header says that it is packed by method";
/// Bytes that show what kind of file a member is.
const HEAD: usize = 16;
/// Bytes between two members that alignment explains.
const ALIGNMENT: usize = 65_536;

/// One member, as the central directory tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub packed: u32,
    pub size: u32,
    /// Where its local header stands.
    pub header_at: usize,
}

/// What an honest tool would not have written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Oddity {
    /// Where in the file.
    pub at: usize,
    /// The member, where it is about one.
    pub member: String,
    pub what: String,
    /// Whether another reader may see another package.
    pub hides: bool,
    /// Whether the headers of a member contradict each other in what decides which bytes it has.
    #[serde(skip)]
    pub(crate) is_contradiction: bool,
}

/// A package's members and where its parts lie.
#[derive(Debug)]
pub struct Container<'b> {
    bytes: &'b [u8],
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    central: Range<usize>,
    end_at: usize,
    oddities: Vec<Oddity>,
    n_oddities: usize,
}

impl<'b> Container<'b> {
    /// Reads the central directory and compares it with the local headers.
    ///
    /// # Errors
    /// Where there is no central directory, or it leaves the file.
    pub fn parse(bytes: &'b [u8], limits: &Limits) -> Result<Self> {
        let end_at = find_end(bytes).ok_or_else(|| {
            Error::bad(
                WHAT,
                bytes.len(),
                "no end of a central directory: this is no package, or it is cut",
            )
        })?;
        let mut end = Cursor::at(bytes, end_at + 10, WHAT);
        let n_entries = usize::from(end.u16()?);
        let (n_bytes, begin) = (end.size()?, end.size()?);
        if n_bytes == u32::MAX as usize || begin == u32::MAX as usize {
            return Err(Error::bad(
                WHAT,
                end_at,
                "a zip64 archive, which Android does not install",
            ));
        }
        let central = begin..begin.saturating_add(n_bytes);
        if central.end > end_at {
            return Err(Error::bad(WHAT, end_at, "the central directory leaves the file"));
        }
        let mut container = Self {
            bytes,
            entries: Vec::new(),
            by_name: HashMap::new(),
            central,
            end_at,
            oddities: Vec::new(),
            n_oddities: 0,
        };
        let n_comment = u16_at(bytes, end_at + 20).map_or(0, usize::from);
        if end_at + END_BYTES + n_comment != bytes.len() {
            container.odd(
                end_at,
                "",
                "the file goes on behind its end, or ends before it",
                true,
            );
        }
        container.read_central(n_entries, limits)?;
        container.compare_local();
        Ok(container)
    }

    fn read_central(&mut self, n_entries: usize, limits: &Limits) -> Result<()> {
        let directory = self.bytes.get(self.central.clone()).unwrap_or_default();
        let mut cursor = Cursor::new(directory, "zip central directory");
        while !cursor.is_empty() {
            if self.entries.len() == limits.members {
                return Err(Error::TooMuch {
                    what: "members of a package",
                    limit: limits.members as u64,
                });
            }
            let at = self.central.start + cursor.position();
            if cursor.u32()? != CENTRAL {
                self.odd(
                    at,
                    "",
                    "the central directory ends in bytes that are no entry",
                    false,
                );
                break;
            }
            let entry = central_entry(&mut cursor)?;
            self.keep(at, entry);
        }
        if self.entries.len() % 65_536 != n_entries {
            let what = format!(
                "the end record counts {n_entries} members, the directory has {}",
                self.entries.len()
            );
            self.odd(self.end_at, "", what, true);
        }
        Ok(())
    }

    fn keep(&mut self, at: usize, entry: Entry) {
        let n = self.entries.len();
        if self.by_name.insert(entry.name.clone(), n).is_some() {
            self.odd(
                at,
                &entry.name,
                "two members have this name; the last one is read",
                true,
            );
        }
        if leaves_its_folder(&entry.name) {
            self.odd(
                at,
                &entry.name,
                "a name that leaves the folder it is unpacked to",
                true,
            );
        }
        if entry.flags & ENCRYPTED != 0 {
            self.strange(at, &entry.name, "marked as encrypted, which Android ignores");
        }
        if !matches!(entry.method, STORED | DEFLATED) {
            let what = format!(
                "packed by method {}, which Android takes for stored",
                entry.method
            );
            self.odd(at, &entry.name, what, true);
        }
        self.entries.push(entry);
    }

    fn compare_local(&mut self) {
        let mut spans: Vec<(usize, usize, usize)> = Vec::with_capacity(self.entries.len());
        let mut odd = Vec::new();
        for (n, entry) in self.entries.iter().enumerate() {
            match self.local(entry) {
                Ok((data, differences)) => {
                    spans.push((entry.header_at, data.end, n));
                    odd.extend(differences.into_iter().map(|what| (n, what)));
                }
                Err(error) => odd.push((n, error.to_string())),
            }
        }
        for (n, what) in odd {
            let (at, name) = (self.entries[n].header_at, self.entries[n].name.clone());
            if what.starts_with(OTHER_METHOD) {
                self.strange(at, &name, what);
            } else {
                self.odd(at, &name, what, true);
            }
        }
        spans.sort_unstable();
        let mut reached = 0usize;
        for (begin, end, n) in spans {
            let name = self.entries[n].name.clone();
            if begin < reached {
                self.odd(begin, &name, "overlaps the member before it", true);
            } else if begin - reached > ALIGNMENT {
                let what = format!("{} bytes before it belong to no member", begin - reached);
                self.odd(begin, &name, what, false);
            }
            reached = reached.max(end);
        }
    }

    /// Where a member's data lies, and how its local header differs from the central directory.
    fn local(&self, entry: &Entry) -> Result<(Range<usize>, Vec<String>)> {
        let mut cursor = Cursor::at(self.bytes, entry.header_at, "zip local header");
        if cursor.u32()? != LOCAL {
            return Err(cursor.bad("there is no member here"));
        }
        cursor.skip(2)?;
        let (flags, method) = (cursor.u16()?, cursor.u16()?);
        cursor.skip(4)?;
        let (crc, packed, size) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
        let (n_name, n_extra) = (usize::from(cursor.u16()?), usize::from(cursor.u16()?));
        let name = String::from_utf8_lossy(cursor.take(n_name)?);
        cursor.skip(n_extra)?;
        let begin = cursor.position();
        cursor.skip(entry.packed_bytes())?;
        let end = cursor.position();
        let mut differences = Vec::new();
        if name != entry.name {
            differences.push(format!("its local header calls it `{name}`"));
        }
        if method != entry.method {
            differences.push(format!(
                "{OTHER_METHOD} {method}, {} in the directory",
                entry.method
            ));
        }
        if (flags ^ entry.flags) & SIZES_FOLLOW != 0 {
            differences.push("its headers disagree about whether its sizes follow it".into());
        }
        if flags & SIZES_FOLLOW == 0 && (crc, packed, size) != (entry.crc, entry.packed, entry.size) {
            differences.push("sizes or checksum in its local header differ from the directory".into());
        }
        if end > self.central.start && entry.header_at < self.central.end {
            differences.push("reaches into the central directory".into());
        }
        Ok((begin..end, differences))
    }

    fn odd(&mut self, at: usize, member: &str, what: impl Into<String>, hides: bool) {
        self.keep_oddity(Oddity {
            at,
            member: member.to_owned(),
            what: what.into(),
            hides,
            is_contradiction: hides,
        });
    }

    /// What may hide bytes from other readers, and changes none that a device reads.
    fn strange(&mut self, at: usize, member: &str, what: impl Into<String>) {
        self.keep_oddity(Oddity {
            at,
            member: member.to_owned(),
            what: what.into(),
            hides: true,
            is_contradiction: false,
        });
    }

    /// Keeps the first of each weight: a hundred trifles do not push a contradiction out.
    fn keep_oddity(&mut self, oddity: Oddity) {
        self.n_oddities += 1;
        let alike = |known: &&Oddity| known.is_contradiction == oddity.is_contradiction;
        if self.oddities.iter().filter(alike).count() < MOST_ODDITIES {
            self.oddities.push(oddity);
        }
    }

    /// The members in the order of the central directory.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|&n| self.entries.get(n))
    }

    /// The oddities that are kept, and how many there were.
    #[must_use]
    pub fn oddities(&self) -> (&[Oddity], usize) {
        (&self.oddities, self.n_oddities)
    }

    /// The bytes of a member, unpacked under the caps.
    ///
    /// # Errors
    /// Where it lies outside the file, its stream is broken, or a cap is reached.
    pub fn read(&self, entry: &Entry, budget: &Budget) -> Result<Cow<'b, [u8]>> {
        let (data, _) = self.local(entry)?;
        let packed = self.bytes.get(data).unwrap_or_default();
        if entry.method != DEFLATED {
            if packed.len() as u64 > budget.member() {
                return Err(Error::TooMuch {
                    what: "bytes of one member",
                    limit: budget.member(),
                });
            }
            // Many members can lie over the same bytes.
            budget.spend(packed.len() as u64)?;
            return Ok(Cow::Borrowed(packed));
        }
        inflate::inflate(packed, u64::from(entry.size), budget).map(Cow::Owned)
    }

    /// The first bytes of a member, by which its kind is known whatever its name says; fewer where it cannot be read.
    pub(crate) fn head(&self, entry: &Entry) -> Vec<u8> {
        let data = self.local(entry).map(|(data, _)| data).unwrap_or_default();
        let packed = self.bytes.get(data).unwrap_or_default();
        if entry.method == DEFLATED {
            inflate::head(packed, HEAD)
        } else {
            packed.iter().take(HEAD).copied().collect()
        }
    }

    /// The bytes of the member of this name; `None` where there is none.
    ///
    /// # Errors
    /// As [`Container::read`].
    pub fn read_named(&self, name: &str, budget: &Budget) -> Result<Option<Cow<'b, [u8]>>> {
        self.entry(name).map(|entry| self.read(entry, budget)).transpose()
    }

    /// Whether unpacked bytes are what the directory promises.
    #[must_use]
    pub fn is_intact(entry: &Entry, unpacked: &[u8]) -> bool {
        unpacked.len() == entry.size as usize && inflate::crc32(unpacked) == entry.crc
    }

    pub(crate) const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    pub(crate) fn central(&self) -> Range<usize> {
        self.central.clone()
    }

    pub(crate) const fn end_at(&self) -> usize {
        self.end_at
    }
}

impl Entry {
    /// Bytes that it takes in the file: what is not deflated is as long as it is.
    const fn packed_bytes(&self) -> usize {
        if self.method == DEFLATED {
            self.packed as usize
        } else {
            self.size as usize
        }
    }
}

fn central_entry(cursor: &mut Cursor<'_>) -> Result<Entry> {
    cursor.skip(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    cursor.skip(4)?;
    let (crc, packed, size) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let (n_name, n_extra, n_comment) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
    cursor.skip(8)?;
    let header_at = cursor.size()?;
    let name = String::from_utf8_lossy(cursor.take(usize::from(n_name))?).into_owned();
    cursor.skip(usize::from(n_extra) + usize::from(n_comment))?;
    Ok(Entry {
        name,
        method,
        flags,
        crc,
        packed,
        size,
        header_at,
    })
}

/// The last end record whose comment reaches exactly to the end of the file, as Android looks for it; else the last
/// one at all.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let records = (first..=last).rev().filter(|&at| u32_at(bytes, at) == Some(END));
    let exact = |at: &usize| {
        u16_at(bytes, at + 20).is_some_and(|n_comment| at + END_BYTES + usize::from(n_comment) == bytes.len())
    };
    records.clone().find(exact).or_else(|| records.clone().next())
}

fn leaves_its_folder(name: &str) -> bool {
    name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..")
}
