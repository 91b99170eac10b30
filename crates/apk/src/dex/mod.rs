//! Code of an app: the tables of a DEX file and the bodies of its methods, read where they stand.
//!
//! Nothing is believed: an index outside its table is no name, an offset outside the file no body, and what all
//! classes together cost is bounded by the size of the file, however often they point at the same bytes.

mod code;
mod effects;
mod elsewhere;
mod fields;
mod flow;
mod print;
mod value;

pub(crate) use code::{Body, Insn};
pub(crate) use effects::effect;
pub(crate) use elsewhere::Elsewhere;
pub(crate) use fields::texts;
pub(crate) use flow::{Call, Effect, Flow, Interest};
pub(crate) use print::{ClassPrint, print};
pub(crate) use value::{Value, What, label};

use crate::cursor::{Cursor, u16_at, u32_at};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::cell::Cell;

const WHAT: &str = "dex";
const HEADER: usize = 0x70;
/// Bytes of the longest string that is read, and of the longest name of a class.
const LONGEST: usize = 1 << 18;
const LONGEST_NAME: usize = 1 << 10;
/// Of no such type or string.
pub(crate) const NONE: u32 = u32::MAX;

/// The flags that are asked for.
pub(crate) const STATIC: u32 = 0x8;
pub(crate) const FINAL: u32 = 0x10;
pub(crate) const NATIVE: u32 = 0x100;

/// One table: where it stands, and how many entries it has.
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    at: usize,
    n_entries: usize,
}

/// A method that the file names, defined in it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MethodRef {
    pub(crate) class: u32,
    pub(crate) prototype: u32,
    pub(crate) name: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) parent: u32,
    interfaces_at: usize,
    annotations_at: usize,
    data_at: usize,
    values_at: usize,
}

/// A method that the file defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) id: u32,
    pub(crate) flags: u32,
    code_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) id: u32,
    pub(crate) flags: u32,
}

/// What a class defines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    pub(crate) statics: Vec<Field>,
    /// Those of each object.
    pub(crate) fields: Vec<Field>,
    pub(crate) methods: Vec<Method>,
}

/// One DEX file.
#[derive(Debug, Clone)]
pub(crate) struct Dex<'b> {
    /// The member of the package that it is.
    pub(crate) name: String,
    bytes: &'b [u8],
    strings: Table,
    types: Table,
    prototypes: Table,
    fields: Table,
    methods: Table,
    classes: Table,
    /// Members that may still be read; each is defined once in an honest file.
    members_left: Cell<usize>,
    /// Bytes of code that may still be walked; identical bodies may be shared, but not without end.
    code_left: Cell<usize>,
}

impl<'b> Dex<'b> {
    /// Every file in the bytes: from version 41 on they can hold several.
    pub(crate) fn parse(name: &str, bytes: &'b [u8]) -> Result<Vec<Self>> {
        let (mut all, mut at) = (Vec::new(), 0);
        loop {
            let (dex, size) = Self::one(name, bytes, at)?;
            let has_more = bytes.get(at + 4..at + 7) >= Some(b"041".as_slice());
            all.push(dex);
            at = at.saturating_add(size.max(HEADER));
            if !has_more || at >= bytes.len() || all.len() == 100 {
                return Ok(all);
            }
        }
    }

    /// The file as if nothing of it had been read: whoever reads it a second time does so at his own cost.
    fn anew(&self) -> Self {
        Self {
            members_left: Cell::new(2 * (self.fields.n_entries + self.methods.n_entries) + 64),
            code_left: Cell::new(self.bytes.len().saturating_mul(4)),
            ..self.clone()
        }
    }

    fn one(name: &str, bytes: &'b [u8], at: usize) -> Result<(Self, usize)> {
        let mut header = Cursor::at(bytes, at, WHAT);
        if header.take(4)? != b"dex\n" {
            return Err(Error::bad(WHAT, at, "no DEX file"));
        }
        header.skip(28)?;
        let size = header.size()?;
        header.skip(4)?;
        if header.u32()? != 0x1234_5678 {
            return Err(Error::bad(
                WHAT,
                at + 40,
                "not in the order of bytes that devices read",
            ));
        }
        header.skip(12)?;
        let mut table = |n_bytes: usize, what: &'static str| -> Result<Table> {
            let (n_entries, begin) = (header.size()?, header.size()?);
            let end = n_entries.checked_mul(n_bytes).and_then(|n| n.checked_add(begin));
            if n_entries > 0 && end.is_none_or(|end| end > bytes.len()) {
                return Err(Error::bad(
                    WHAT,
                    begin,
                    format!("the table of {what} leaves the file"),
                ));
            }
            Ok(Table { at: begin, n_entries })
        };
        let strings = table(4, "strings")?;
        let types = table(4, "types")?;
        let prototypes = table(12, "prototypes")?;
        let fields = table(8, "fields")?;
        let methods = table(8, "methods")?;
        let classes = table(32, "classes")?;
        let dex = Self {
            name: name.to_owned(),
            bytes,
            strings,
            types,
            prototypes,
            fields,
            methods,
            classes,
            members_left: Cell::default(),
            code_left: Cell::default(),
        };
        Ok((dex.anew(), size))
    }

    pub(crate) const fn n_strings(&self) -> u32 {
        self.strings.n_entries as u32
    }

    pub(crate) const fn n_methods(&self) -> u32 {
        self.methods.n_entries as u32
    }

    pub(crate) const fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) const fn n_types(&self) -> u32 {
        self.types.n_entries as u32
    }

    /// The bytes of a string, in Java's modified UTF-8; `None` where it is longer than any that compilers write.
    pub(crate) fn raw(&self, n: u32) -> Option<&'b [u8]> {
        self.raw_within(n, LONGEST)
    }

    fn raw_within(&self, n: u32, limit: usize) -> Option<&'b [u8]> {
        if n as usize >= self.strings.n_entries {
            return None;
        }
        let at = u32_at(self.bytes, self.strings.at + n as usize * 4)? as usize;
        let mut cursor = Cursor::at(self.bytes, at, WHAT);
        cursor.uleb().ok()?;
        let rest = cursor.rest();
        let rest = rest.get(..limit).unwrap_or(rest);
        rest.get(..memchr::memchr(0, rest)?)
    }

    pub(crate) fn string(&self, n: u32) -> Option<Cow<'b, str>> {
        self.raw(n).map(decode)
    }

    /// The descriptor of a type: `Ljava/lang/String;`.
    pub(crate) fn descriptor(&self, kind: u32) -> &'b [u8] {
        let n = (kind as usize) < self.types.n_entries;
        n.then(|| u32_at(self.bytes, self.types.at + kind as usize * 4))
            .flatten()
            .and_then(|string| self.raw_within(string, LONGEST_NAME))
            .unwrap_or_default()
    }

    /// A type as people write it: `java.lang.String`.
    pub(crate) fn type_name(&self, kind: u32) -> String {
        readable(&String::from_utf8_lossy(self.descriptor(kind)))
    }

    pub(crate) fn method(&self, id: u32) -> Option<MethodRef> {
        if id as usize >= self.methods.n_entries {
            return None;
        }
        let at = self.methods.at + id as usize * 8;
        Some(MethodRef {
            class: u32::from(u16_at(self.bytes, at)?),
            prototype: u32::from(u16_at(self.bytes, at + 2)?),
            name: u32_at(self.bytes, at + 4)?,
        })
    }

    /// The name of a method, without its class.
    pub(crate) fn method_name(&self, id: u32) -> &'b [u8] {
        self.method(id).and_then(|m| self.raw(m.name)).unwrap_or_default()
    }

    /// `class.method`, as people write it.
    pub(crate) fn method_path(&self, id: u32) -> String {
        let Some(method) = self.method(id) else {
            return format!("method {id}");
        };
        let name = self.string(method.name).unwrap_or_default();
        format!("{}.{name}", self.type_name(method.class))
    }

    /// The descriptors of a method's parameters, and what it returns.
    pub(crate) fn prototype(&self, id: u32) -> Option<(Vec<u32>, u32)> {
        if id as usize >= self.prototypes.n_entries {
            return None;
        }
        let at = self.prototypes.at + id as usize * 12;
        let returns = u32_at(self.bytes, at + 4)?;
        let list = u32_at(self.bytes, at + 8)? as usize;
        Some((self.type_list(list), returns))
    }

    /// Class and name of a field.
    pub(crate) fn field(&self, id: u32) -> Option<(u32, &'b [u8])> {
        if id as usize >= self.fields.n_entries {
            return None;
        }
        let at = self.fields.at + id as usize * 8;
        let class = u32::from(u16_at(self.bytes, at)?);
        Some((class, self.raw(u32_at(self.bytes, at + 4)?)?))
    }

    /// Class, type and name of a field, as numbers of their tables.
    fn whole_field(&self, id: u32) -> Option<(u32, u32, u32)> {
        if id as usize >= self.fields.n_entries {
            return None;
        }
        let at = self.fields.at + id as usize * 8;
        let (class, kind) = (u16_at(self.bytes, at)?, u16_at(self.bytes, at + 2)?);
        Some((u32::from(class), u32::from(kind), u32_at(self.bytes, at + 4)?))
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = Class> {
        (0..self.classes.n_entries).filter_map(|n| self.class(n))
    }

    fn class(&self, n: usize) -> Option<Class> {
        let at = self.classes.at + n * 32;
        let word = |n: usize| u32_at(self.bytes, at + n * 4);
        Some(Class {
            kind: word(0)?,
            flags: word(1)?,
            parent: word(2)?,
            interfaces_at: word(3)? as usize,
            annotations_at: word(5)? as usize,
            data_at: word(6)? as usize,
            values_at: word(7)? as usize,
        })
    }

    pub(crate) fn interfaces(&self, class: &Class) -> Vec<u32> {
        self.type_list(class.interfaces_at)
    }

    fn type_list(&self, at: usize) -> Vec<u32> {
        let n_types = if at == 0 {
            0
        } else {
            u32_at(self.bytes, at).unwrap_or(0) as usize
        };
        // A class file has no more parameters or interfaces than this.
        (0..n_types.min(255))
            .map_while(|n| u16_at(self.bytes, at + 4 + n * 2))
            .map(u32::from)
            .collect()
    }

    /// The fields and methods that a class defines.
    pub(crate) fn members(&self, class: &Class) -> Result<Members> {
        let mut members = Members::default();
        if class.data_at == 0 {
            return Ok(members);
        }
        let mut cursor = Cursor::at(self.bytes, class.data_at, "dex class");
        let counts = [cursor.uleb()?, cursor.uleb()?, cursor.uleb()?, cursor.uleb()?];
        for (part, n_members) in counts.into_iter().enumerate() {
            let mut id = 0u32;
            for _ in 0..n_members {
                let left = self.members_left.get().checked_sub(1).ok_or(Error::TooMuch {
                    what: "members of all classes",
                    limit: 2 * (self.fields.n_entries + self.methods.n_entries) as u64 + 64,
                })?;
                self.members_left.set(left);
                id = id.wrapping_add(cursor.uleb()?);
                let flags = cursor.uleb()?;
                match part {
                    0 => members.statics.push(Field { id, flags }),
                    1 => members.fields.push(Field { id, flags }),
                    _ => members.methods.push(Method {
                        id,
                        flags,
                        code_at: cursor.uleb()? as usize,
                    }),
                }
            }
        }
        Ok(members)
    }

    /// The body of a method; `None` where it has none.
    pub(crate) fn body(&self, method: &Method) -> Result<Option<Body<'b>>> {
        if method.code_at == 0 {
            return Ok(None);
        }
        let mut cursor = Cursor::at(self.bytes, method.code_at, "dex code");
        let (n_registers, n_ins) = (cursor.u16()?, cursor.u16()?);
        cursor.skip(2)?;
        let n_tries = usize::from(cursor.u16()?);
        cursor.skip(4)?;
        let n_units = cursor.size()?;
        let units = cursor.take(n_units.saturating_mul(2))?;
        let left = self
            .code_left
            .get()
            .checked_sub(units.len())
            .ok_or(Error::TooMuch {
                what: "bytes of code of all methods",
                limit: self.bytes.len() as u64 * 4,
            })?;
        self.code_left.set(left);
        let tries_at = cursor.position() + if n_units % 2 == 1 { 2 } else { 0 };
        Ok(Some(Body {
            n_registers: usize::from(n_registers),
            n_ins: usize::from(n_ins),
            units,
            handlers: code::handlers(self.bytes, tries_at, n_tries),
        }))
    }
}

/// Java's modified UTF-8: a NUL has two bytes, and characters beyond 16 bits are two halves of three bytes each.
fn decode(raw: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(raw) {
        return Cow::Borrowed(text);
    }
    let mut units = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&first, tail)) = rest.split_first() {
        let (unit, n_more) = match (first, tail) {
            (0..=0x7f, _) => (u16::from(first), 0),
            (0xc0..=0xdf, [a, ..]) => (u16::from(first & 0x1f) << 6 | u16::from(a & 0x3f), 1),
            (0xe0..=0xef, [a, b, ..]) => (
                u16::from(first & 0xf) << 12 | u16::from(a & 0x3f) << 6 | u16::from(b & 0x3f),
                2,
            ),
            _ => (0xfffd, 0),
        };
        units.push(unit);
        rest = &tail[n_more..];
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

/// `Ljava/lang/String;` as `java.lang.String`, `[B` as `byte[]`.
pub(crate) fn readable(descriptor: &str) -> String {
    let element = descriptor.trim_start_matches('[');
    let n_arrays = descriptor.len() - element.len();
    let name = match element {
        "B" => "byte".into(),
        "C" => "char".into(),
        "D" => "double".into(),
        "F" => "float".into(),
        "I" => "int".into(),
        "J" => "long".into(),
        "S" => "short".into(),
        "Z" => "boolean".into(),
        "V" => "void".into(),
        _ => element
            .strip_prefix('L')
            .and_then(|name| name.strip_suffix(';'))
            .unwrap_or(element)
            .replace('/', "."),
    };
    format!("{name}{}", "[]".repeat(n_arrays.min(8)))
}
