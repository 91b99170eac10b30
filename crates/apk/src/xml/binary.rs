//! Binary XML, as `aapt` writes it and packages carry it.

use super::{
    ATTRIBUTES, Attribute, Element, Held, POOL, Strings, Tree, attribute_name, is_of_platform, is_reserved,
};
use crate::cursor::{Cursor, u16_at, u32_at};
use crate::error::{Error, Result};

const WHAT: &str = "binary XML";
const DOCUMENT: u16 = 0x0003;
const RESOURCE_MAP: u16 = 0x0180;
const START: u16 = 0x0102;
const END: u16 = 0x0103;
const TEXT: u16 = 0x0104;
const NONE: u32 = u32::MAX;

/// Kinds of a typed value.
const REFERENCE: u8 = 0x01;
const STRING: u8 = 0x03;
const FLAG: u8 = 0x12;

/// Reads a document. What cannot be read of it ends it; what came before is kept only where the root is whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element> {
    // Some packers write a wrong kind here, which Android does not look at.
    let header = usize::from(u16_at(bytes, 2).unwrap_or(8)).max(8);
    if bytes.len() < 16 {
        return Err(Error::bad(WHAT, 0, "no document"));
    }
    if u16_at(bytes, 0) != Some(DOCUMENT) && bytes.first() == Some(&b'<') {
        return Err(Error::bad(
            WHAT,
            0,
            "a document of plain text, where a binary one belongs",
        ));
    }
    let mut strings = Strings::default();
    let mut ids: &[u8] = &[];
    let mut tree = Tree::default();
    let mut at = header;
    while let Some(chunk) = chunk_at(bytes, at)? {
        match u16_at(chunk, 0) {
            Some(POOL) if strings.len() == 0 => strings = Strings::parse(chunk)?,
            Some(RESOURCE_MAP) => ids = chunk.get(8..).unwrap_or_default(),
            Some(START) => tree.begin(element(chunk, at, &strings, ids)?)?,
            Some(END) => tree.end(),
            Some(TEXT) => {
                let text = u32_at(chunk, 16).and_then(|n| strings.get(n));
                tree.text(text.as_deref().unwrap_or_default());
            }
            _ => {}
        }
        at += chunk.len();
    }
    tree.finish()
        .ok_or_else(|| Error::bad(WHAT, at, "the document has no element"))
}

/// The chunk that begins at `at`; `None` at the end.
fn chunk_at(bytes: &[u8], at: usize) -> Result<Option<&[u8]>> {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.len() < 8 {
        return Ok(None);
    }
    let size = u32_at(rest, 4).unwrap_or(0) as usize;
    if size < 8 {
        return Err(Error::bad(WHAT, at, format!("a chunk of {size} bytes")));
    }
    // A last chunk that claims more than there is, is read as far as it goes.
    Ok(Some(rest.get(..size).unwrap_or(rest)))
}

fn element(chunk: &[u8], at: usize, strings: &Strings<'_>, ids: &[u8]) -> Result<Element> {
    let mut cursor = Cursor::at(chunk, 20, "binary XML element");
    let name = strings.get(cursor.u32()?).unwrap_or_default();
    let begin = usize::from(cursor.u16()?);
    let step = usize::from(cursor.u16()?);
    let n_attributes = usize::from(cursor.u16()?);
    if n_attributes > ATTRIBUTES {
        return Err(Error::TooMuch {
            what: "attributes of an element",
            limit: ATTRIBUTES as u64,
        });
    }
    if step < 20 && n_attributes > 0 {
        return Err(Error::bad(WHAT, at, format!("attributes of {step} bytes")));
    }
    let mut attributes = Vec::with_capacity(n_attributes);
    for n in 0..n_attributes {
        let place = 16 + begin + n * step;
        attributes.push(attribute(chunk, place, strings, ids)?);
    }
    Ok(Element {
        name,
        attributes,
        text: String::new(),
        children: Vec::new(),
    })
}

fn attribute(chunk: &[u8], at: usize, strings: &Strings<'_>, ids: &[u8]) -> Result<Attribute> {
    let mut cursor = Cursor::at(chunk, at, "binary XML attribute");
    cursor.skip(4)?;
    let (name, raw) = (cursor.u32()?, cursor.u32()?);
    cursor.skip(3)?;
    let (kind, data) = (cursor.u8()?, cursor.u32()?);
    let id = (name as usize).checked_mul(4).and_then(|at| u32_at(ids, at));
    let written = strings.get(name).unwrap_or_default();
    let held = match kind {
        STRING => Held::Text(strings.get(data).unwrap_or_default()),
        REFERENCE => Held::Reference(data),
        FLAG => Held::Flag(data != 0),
        0x10..=0x1f => Held::Number(data),
        _ if raw != NONE => Held::Text(strings.get(raw).unwrap_or_default()),
        0 => Held::Nothing,
        _ => Held::Number(data),
    };
    let name = attribute_name(id, written);
    // The platform asks by id: a name that only looks like one of its own must not stand before it.
    let is_its_own = id.is_some_and(|id| is_of_platform(&name, id));
    Ok(Attribute {
        name: if is_its_own || !is_reserved(&name) {
            name
        } else {
            format!("{name} without an id")
        },
        held,
    })
}
