//! What a class holds, as digests that do not depend on where a build puts its parts: names stand for the numbers of
//! the tables, and lines for debuggers are left out.

use super::code::{Body, Insn};
use super::{Class, Dex, Method};
use crate::cursor::{Cursor, u32_at};
use crate::error::{Error, Result};
use aws_lc_rs::digest::{Context, SHA256};

/// A digest of one thing.
pub(crate) type Print = [u8; 16];

/// The digests of a class: of its head (parents, fields, annotations) and of each method by name and types.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ClassPrint {
    pub(crate) head: Print,
    pub(crate) methods: Vec<(String, Print)>,
}

/// Annotations one within the other, and of one class.
const LEVELS: usize = 8;
const VALUES: usize = 100_000;

/// The digests of a class; an error where a part of it cannot be read.
pub(crate) fn print(dex: &Dex<'_>, class: &Class) -> Result<ClassPrint> {
    let members = dex.members(class)?;
    let mut ink = Ink::new(dex);
    ink.number(class.flags);
    ink.kind(class.parent);
    for interface in dex.interfaces(class) {
        ink.kind(interface);
    }
    for (part, fields) in [&members.statics, &members.fields].into_iter().enumerate() {
        ink.number(part as u32);
        for field in fields {
            ink.number(field.flags);
            ink.field(field.id);
        }
    }
    ink.statics(class)?;
    ink.annotations(class.annotations_at)?;
    let mut methods = members
        .methods
        .iter()
        .map(|method| Ok((signature(dex, method.id), body(dex, method)?)))
        .collect::<Result<Vec<_>>>()?;
    methods.sort();
    Ok(ClassPrint {
        head: ink.dry(),
        methods,
    })
}

/// The name of a method with what it takes and returns, as files of classes write it.
fn signature(dex: &Dex<'_>, id: u32) -> String {
    let name = String::from_utf8_lossy(dex.method_name(id));
    let method = dex.method(id).and_then(|method| dex.prototype(method.prototype));
    let (takes, returns) = method.unwrap_or_default();
    let mut out = format!("{name}(");
    for kind in takes {
        out.push_str(&String::from_utf8_lossy(dex.descriptor(kind)));
    }
    out.push(')');
    out.push_str(&String::from_utf8_lossy(dex.descriptor(returns)));
    out
}

fn body(dex: &Dex<'_>, method: &Method) -> Result<Print> {
    let mut ink = Ink::new(dex);
    ink.number(method.flags);
    let Some(body) = dex.body(method)? else {
        return Ok(ink.dry());
    };
    ink.code(&body);
    Ok(ink.dry())
}

/// What is written into one digest.
struct Ink<'d, 'b> {
    dex: &'d Dex<'b>,
    to: Context,
    n_values: usize,
}

impl<'d, 'b> Ink<'d, 'b> {
    fn new(dex: &'d Dex<'b>) -> Self {
        Self {
            dex,
            to: Context::new(&SHA256),
            n_values: 0,
        }
    }

    fn dry(self) -> Print {
        let mut print = Print::default();
        print.copy_from_slice(&self.to.finish().as_ref()[..16]);
        print
    }

    fn number(&mut self, number: u32) {
        self.to.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.to.update(bytes);
    }

    fn string(&mut self, n: u32) {
        let dex = self.dex;
        self.bytes(dex.raw(n).unwrap_or_default());
    }

    fn kind(&mut self, kind: u32) {
        let dex = self.dex;
        self.bytes(dex.descriptor(kind));
    }

    fn field(&mut self, id: u32) {
        let (class, kind, name) = self.dex.whole_field(id).unwrap_or_default();
        self.kind(class);
        self.kind(kind);
        self.string(name);
    }

    fn method(&mut self, id: u32) {
        let Some(method) = self.dex.method(id) else {
            return self.number(u32::MAX);
        };
        self.kind(method.class);
        self.string(method.name);
        self.prototype(method.prototype);
    }

    fn prototype(&mut self, id: u32) {
        let (takes, returns) = self.dex.prototype(id).unwrap_or_default();
        self.kind(returns);
        self.number(takes.len() as u32);
        takes.into_iter().for_each(|kind| self.kind(kind));
    }

    fn code(&mut self, body: &Body<'b>) {
        self.number(body.n_registers as u32);
        self.number(body.n_ins as u32);
        let mut n_read = 0;
        for insn in body.insns() {
            n_read = insn.at + insn.width();
            self.insn(&insn);
        }
        // Bytes that are no instruction.
        self.bytes(body.units.get(n_read * 2..).unwrap_or_default());
        for handler in &body.handlers {
            for n in [handler.begin, handler.end, handler.at] {
                self.number(n as u32);
            }
            self.kind(handler.kind);
        }
    }

    /// An instruction with what its number stands for in place of the number.
    fn insn(&mut self, insn: &Insn<'b>) {
        let n = u32::from(insn.unit(1));
        // The same text is loaded by a longer instruction where the table is longer.
        let op = if insn.op == 0x1b { 0x1a } else { insn.op };
        self.number(u32::from(op) | (insn.aa() as u32) << 8);
        match insn.op {
            0x1a | 0x1b => return self.string(insn.string().unwrap_or(super::NONE)),
            0x1c | 0x1f | 0x20 | 0x22..=0x25 => self.kind(n),
            0x52..=0x6d => self.field(n),
            0x6e..=0x72 | 0x74..=0x78 => self.method(n),
            0xfa | 0xfb => {
                self.method(n);
                return self.prototype(u32::from(insn.unit(3)));
            }
            0xff => return self.prototype(n),
            // Tables of their own: what they call is in the methods that they name.
            0xfc..=0xfe => {}
            _ => self.number(n),
        }
        for unit in 2..insn.width() {
            self.number(u32::from(insn.unit(unit)));
        }
    }

    /// The values that static fields begin with.
    fn statics(&mut self, class: &Class) -> Result<()> {
        if class.values_at == 0 {
            return Ok(());
        }
        let mut cursor = Cursor::at(self.dex.bytes, class.values_at, "dex constants");
        let n_values = cursor.uleb()?;
        self.values(&mut cursor, n_values, 0)
    }

    fn values(&mut self, cursor: &mut Cursor<'_>, n_values: u32, level: usize) -> Result<()> {
        for _ in 0..n_values {
            self.value(cursor, level)?;
        }
        Ok(())
    }

    fn value(&mut self, cursor: &mut Cursor<'_>, level: usize) -> Result<()> {
        self.n_values += 1;
        if level > LEVELS || self.n_values > VALUES {
            return Err(Error::TooMuch {
                what: "values of one class",
                limit: VALUES as u64,
            });
        }
        let head = cursor.u8()?;
        let (kind, size) = (head & 0x1f, usize::from(head >> 5) + 1);
        self.number(u32::from(kind));
        if matches!(kind, 0x1c..=0x1f) {
            return match kind {
                0x1c => {
                    let n_values = cursor.uleb()?;
                    self.values(cursor, n_values, level + 1)
                }
                0x1d => self.annotation(cursor, level + 1),
                _ => {
                    self.number(u32::from(head));
                    Ok(())
                }
            };
        }
        let bytes = cursor.take(size)?;
        let n = bytes
            .iter()
            .rev()
            .fold(0, |n: u32, byte| n << 8 | u32::from(*byte));
        match kind {
            0x15 => self.prototype(n),
            0x17 => self.string(n),
            0x18 => self.kind(n),
            0x19 | 0x1b => self.field(n),
            0x1a => self.method(n),
            _ => self.bytes(bytes),
        }
        Ok(())
    }

    fn annotation(&mut self, cursor: &mut Cursor<'_>, level: usize) -> Result<()> {
        let kind = cursor.uleb()?;
        self.kind(kind);
        let n_elements = cursor.uleb()?;
        for _ in 0..n_elements {
            let name = cursor.uleb()?;
            self.string(name);
            self.value(cursor, level)?;
        }
        Ok(())
    }

    /// What is noted beside the class and its members: an interface's addresses stand there.
    fn annotations(&mut self, at: usize) -> Result<()> {
        if at == 0 {
            return Ok(());
        }
        let mut cursor = Cursor::at(self.dex.bytes, at, "dex annotations");
        let of_class = cursor.size()?;
        let counts = [cursor.u32()?, cursor.u32()?, cursor.u32()?];
        self.set(of_class)?;
        for (part, n_members) in counts.into_iter().enumerate() {
            for _ in 0..n_members {
                let (id, set_at) = (cursor.u32()?, cursor.size()?);
                match part {
                    0 => self.field(id),
                    _ => self.method(id),
                }
                if part < 2 {
                    self.set(set_at)?;
                } else {
                    self.sets(set_at)?;
                }
            }
        }
        Ok(())
    }

    fn sets(&mut self, at: usize) -> Result<()> {
        let mut cursor = Cursor::at(self.dex.bytes, at, "dex annotations");
        for _ in 0..cursor.u32()? {
            let set_at = cursor.size()?;
            self.set(set_at)?;
        }
        Ok(())
    }

    fn set(&mut self, at: usize) -> Result<()> {
        if at == 0 {
            return Ok(());
        }
        let n_items = u32_at(self.dex.bytes, at).unwrap_or(0);
        let mut cursor = Cursor::at(self.dex.bytes, at.saturating_add(4), "dex annotations");
        for _ in 0..n_items {
            self.n_values += 1;
            if self.n_values > VALUES {
                return Err(cursor.bad("more annotations than a class has"));
            }
            let item_at = cursor.size()?;
            let mut item = Cursor::at(self.dex.bytes, item_at, "dex annotations");
            self.number(u32::from(item.u8()?));
            self.annotation(&mut item, 0)?;
        }
        Ok(())
    }
}
