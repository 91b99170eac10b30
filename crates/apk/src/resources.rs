//! The table of resources: what a reference in the manifest stands for, and the texts that a package carries.

use crate::cursor::{Cursor, u16_at, u32_at};
use crate::error::{Error, Result};
use crate::xml::{Held, POOL, Strings};
use std::collections::HashMap;

const WHAT: &str = "resource table";
const TABLE: u16 = 0x0002;
const PACKAGE: u16 = 0x0200;
const TYPE: u16 = 0x0201;
/// Flags of a type: its entries are listed with their numbers; offsets are of 16 bits.
const SPARSE: u8 = 1;
const SHORT_OFFSETS: u8 = 2;
/// Flags of an entry: a bag of values; one value in eight bytes.
const COMPLEX: u16 = 1;
const COMPACT: u16 = 8;
/// Values of a table at most, and references that are followed one after the other.
const VALUES: usize = 4_000_000;
const HOPS: usize = 8;

/// One text of the package, under the name of the first resource that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The texts of a package's resources, and which of them an id stands for.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    all: Vec<Text>,
    by_id: HashMap<u32, usize>,
}

/// A value, by the id that names it.
#[derive(Debug, Clone, Copy)]
struct Value {
    kind: u8,
    data: u32,
    /// The version of Android from which on it holds, where it holds for every device of it; 0 is the default.
    since: Option<u16>,
}

/// Where the names of an id stand: its package, and the number of its key.
#[derive(Debug, Clone, Copy)]
struct Name {
    package: usize,
    key: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Resources<'b> {
    strings: Strings<'b>,
    packages: Vec<Package<'b>>,
    values: HashMap<u32, Value>,
    names: HashMap<u32, Name>,
    /// Values of bags: the id of the bag, a value.
    bags: Vec<(u32, Value)>,
    n_values: usize,
    /// What could not be read of it.
    pub(crate) unread: Vec<String>,
}

#[derive(Debug, Default)]
struct Package<'b> {
    types: Strings<'b>,
    keys: Strings<'b>,
}

impl<'b> Resources<'b> {
    /// Reads `resources.arsc`. A chunk that cannot be read is named in `unread`; the others are kept.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let kind = cursor.u16()?;
        if kind != TABLE {
            return Err(cursor.bad(format!("a chunk of kind {kind:#06x}, no table")));
        }
        let header = usize::from(cursor.u16()?);
        let mut table = Self::default();
        for (at, chunk) in chunks(bytes, header.max(12)) {
            let read = match u16_at(chunk, 0) {
                Some(POOL) => Strings::parse(chunk).map(|strings| table.strings = strings),
                Some(PACKAGE) => table.package(chunk, at),
                _ => Ok(()),
            };
            table.tell(read)?;
        }
        Ok(table)
    }

    /// Keeps why a part was not read; a ceiling that is reached ends the reading.
    fn tell(&mut self, read: Result<()>) -> Result<()> {
        match read {
            Err(error @ Error::TooMuch { .. }) => Err(error),
            Err(error) => {
                if self.unread.len() < 20 {
                    self.unread.push(error.to_string());
                }
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn package(&mut self, chunk: &'b [u8], at: usize) -> Result<()> {
        let cut = || Error::bad(WHAT, at, "a package whose header is cut");
        let id = u32_at(chunk, 8).ok_or_else(cut)?;
        let types_at = u32_at(chunk, 268).ok_or_else(cut)? as usize;
        let keys_at = u32_at(chunk, 276).ok_or_else(cut)? as usize;
        let pool = |at: usize| chunk.get(at..).filter(|_| at > 0).map(Strings::parse).transpose();
        let package = Package {
            types: pool(types_at)?.unwrap_or_default(),
            keys: pool(keys_at)?.unwrap_or_default(),
        };
        self.packages.push(package);
        let header = usize::from(u16_at(chunk, 2).unwrap_or(288));
        for (_, inner) in chunks(chunk, header.max(8)) {
            if u16_at(inner, 0) == Some(TYPE) {
                let read = self.types(inner, id);
                self.tell(read)?;
            }
        }
        Ok(())
    }

    /// One type in one configuration.
    fn types(&mut self, chunk: &'b [u8], package: u32) -> Result<()> {
        let mut cursor = Cursor::at(chunk, 2, "resource type");
        let header = usize::from(cursor.u16()?);
        cursor.skip(4)?;
        let (id, flags) = (cursor.u8()?, cursor.u8()?);
        cursor.skip(2)?;
        let (n_entries, begin) = (cursor.size()?, cursor.size()?);
        let n_config = cursor.size()?;
        let config = cursor.take(n_config.saturating_sub(4).min(cursor.left()))?;
        let since = since(config);
        let step = if flags & (SPARSE | SHORT_OFFSETS) == SHORT_OFFSETS {
            2
        } else {
            4
        };
        let offsets = chunk.get(header..).unwrap_or_default();
        for (n, place) in offsets.chunks_exact(step).take(n_entries).enumerate() {
            let (number, offset) = match (flags, step) {
                (_, 2) => match u16_at(place, 0) {
                    Some(u16::MAX) | None => continue,
                    Some(words) => (n, usize::from(words) * 4),
                },
                (flags, _) if flags & SPARSE != 0 => (
                    usize::from(u16_at(place, 0).unwrap_or(0)),
                    usize::from(u16_at(place, 2).unwrap_or(0)) * 4,
                ),
                _ => match u32_at(place, 0) {
                    Some(u32::MAX) | None => continue,
                    Some(offset) => (n, offset as usize),
                },
            };
            let full = package << 24 | u32::from(id) << 16 | (number & 0xffff) as u32;
            self.entry(chunk, begin.saturating_add(offset), full, since)?;
        }
        Ok(())
    }

    fn entry(&mut self, chunk: &[u8], at: usize, id: u32, since: Option<u16>) -> Result<()> {
        let mut cursor = Cursor::at(chunk, at, "resource entry");
        let (size, flags) = (cursor.u16()?, cursor.u16()?);
        let package = self.packages.len().saturating_sub(1);
        if flags & COMPACT != 0 {
            let data = cursor.u32()?;
            self.name(id, package, u32::from(size));
            let kind = (flags >> 8) as u8;
            return self.keep(id, Value { kind, data, since });
        }
        let key = cursor.u32()?;
        self.name(id, package, key);
        if flags & COMPLEX == 0 {
            cursor.skip(3)?;
            let (kind, data) = (cursor.u8()?, cursor.u32()?);
            return self.keep(id, Value { kind, data, since });
        }
        cursor.skip(4)?;
        let n_values = cursor.size()?.min(cursor.left() / 12);
        for _ in 0..n_values {
            cursor.skip(7)?;
            let (kind, data) = (cursor.u8()?, cursor.u32()?);
            self.count()?;
            if kind == 3 && since.is_some() {
                self.bags.push((id, Value { kind, data, since }));
            }
        }
        Ok(())
    }

    fn name(&mut self, id: u32, package: usize, key: u32) {
        self.names.entry(id).or_insert(Name { package, key });
    }

    fn count(&mut self) -> Result<()> {
        self.n_values += 1;
        if self.n_values > VALUES {
            return Err(Error::TooMuch {
                what: "values of a resource table",
                limit: VALUES as u64,
            });
        }
        Ok(())
    }

    /// The value that a device of today takes wins, whatever its language, screen and place; else the first one that is
    /// found.
    fn keep(&mut self, id: u32, value: Value) -> Result<()> {
        self.count()?;
        let known = self.values.entry(id).or_insert(value);
        if value.since > known.since {
            *known = value;
        }
        Ok(())
    }

    /// What a value stands for: references are followed, but not in circles.
    pub(crate) fn resolve(&self, held: &Held) -> Held {
        let mut held = held.clone();
        for _ in 0..HOPS {
            let Held::Reference(id) = held else { return held };
            let Some(value) = self.values.get(&id) else {
                return held;
            };
            held = match value.kind {
                0x01 => Held::Reference(value.data),
                0x03 => Held::Text(self.strings.get(value.data).unwrap_or_default()),
                0x12 => Held::Flag(value.data != 0),
                _ => Held::Number(value.data),
            };
        }
        held
    }

    /// `type/name` of a resource.
    pub(crate) fn name_of(&self, id: u32) -> Option<String> {
        let name = self.names.get(&id)?;
        let package = self.packages.get(name.package)?;
        let kind = package.types.get((id >> 16 & 0xff).checked_sub(1)?)?;
        Some(format!("{kind}/{}", package.keys.get(name.key)?))
    }

    /// The texts of the app's own making that devices of today show in the default language, each once, in the order
    /// of ids. Strings can be made to overlap: what they come to is bounded by the table, and the rest named in `unread`.
    pub(crate) fn texts(&mut self) -> Texts {
        let simple = self.values.iter().map(|(id, value)| (*id, *value));
        let mut all: Vec<(u32, u32)> = simple
            .chain(self.bags.iter().copied())
            .filter(|(_, value)| value.kind == 3)
            .map(|(id, value)| (id, value.data))
            .collect();
        all.sort_unstable();
        all.dedup();
        let mut texts = Texts::default();
        let mut places: HashMap<u32, Option<usize>> = HashMap::new();
        let mut left = Some(self.strings.n_bytes().saturating_mul(2));
        for (id, n) in all {
            let place = *places.entry(n).or_insert_with(|| {
                let text = self.strings.get(n)?;
                left = left.and_then(|left| left.checked_sub(text.len()));
                left?;
                let name = self.name_of(id).unwrap_or_else(|| format!("{id:#010x}"));
                texts.all.push(Text { name, text });
                Some(texts.all.len() - 1)
            });
            if let Some(place) = place {
                texts.by_id.entry(id).or_insert(place);
            }
        }
        if left.is_none() {
            let why = "texts that overlap others: not looked into";
            self.unread.push(why.to_owned());
        }
        texts
    }
}

impl Texts {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Text> {
        self.all.iter()
    }

    pub(crate) fn get(&self, id: u32) -> Option<&str> {
        self.all.get(*self.by_id.get(&id)?).map(|text| text.text.as_str())
    }
}

/// From which version of Android on a configuration holds, if it asks for nothing else.
fn since(config: &[u8]) -> Option<u16> {
    const VERSION: std::ops::Range<usize> = 20..24;
    // No device is as new: such a value is never taken.
    const NEVER: u16 = 100;
    let is_plain = |(n, byte): (usize, &u8)| *byte == 0 || VERSION.contains(&n);
    let version = u16_at(config, VERSION.start).unwrap_or(0);
    (config.iter().enumerate().all(is_plain) && version < NEVER).then_some(version)
}

/// The chunks from `at` on, with where they begin; the first that is no chunk ends them.
fn chunks(bytes: &[u8], at: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = at;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let size = u32_at(rest, 4)? as usize;
        if size < 8 {
            return None;
        }
        let chunk = rest.get(..size).unwrap_or(rest);
        let begin = at;
        at += chunk.len();
        Some((begin, chunk))
    })
}
