//! The protobuf form of a document, which app bundles (`.aab`) carry.

use super::{ATTRIBUTES, Attribute, Element, Held, Tree, attribute_name};
use crate::cursor::Cursor;
use crate::error::{Error, Result};

const WHAT: &str = "bundle XML";

/// A field of a message: its number, and what it holds.
enum Part<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// What is still to be read: a node to open, or an element to close.
enum Task<'b> {
    Open(&'b [u8]),
    Close,
}

pub(crate) fn parse(bytes: &[u8]) -> Result<Element> {
    let mut tree = Tree::default();
    let mut tasks = vec![Task::Open(bytes)];
    while let Some(task) = tasks.pop() {
        match task {
            Task::Close => tree.end(),
            Task::Open(node) => open(node, &mut tree, &mut tasks)?,
        }
    }
    tree.finish()
        .ok_or_else(|| Error::bad(WHAT, 0, "the document has no element"))
}

fn open<'b>(node: &'b [u8], tree: &mut Tree, tasks: &mut Vec<Task<'b>>) -> Result<()> {
    for (number, part) in fields(node)? {
        match (number, part) {
            (1, Part::Bytes(element)) => {
                let (read, children) = element_of(element)?;
                tree.begin(read)?;
                tasks.push(Task::Close);
                tasks.extend(children.into_iter().rev().map(Task::Open));
            }
            (2, Part::Bytes(text)) => tree.text(&String::from_utf8_lossy(text)),
            _ => {}
        }
    }
    Ok(())
}

/// An element and its child nodes, not yet read.
fn element_of(bytes: &[u8]) -> Result<(Element, Vec<&[u8]>)> {
    let (mut element, mut children) = (Element::default(), Vec::new());
    for (number, part) in fields(bytes)? {
        match (number, part) {
            (3, Part::Bytes(name)) => element.name = String::from_utf8_lossy(name).into_owned(),
            (4, Part::Bytes(attribute)) if element.attributes.len() < ATTRIBUTES => {
                element.attributes.push(attribute_of(attribute)?);
            }
            (5, Part::Bytes(child)) => children.push(child),
            _ => {}
        }
    }
    Ok((element, children))
}

fn attribute_of(bytes: &[u8]) -> Result<Attribute> {
    let (mut written, mut id, mut text, mut compiled) = (String::new(), None, None, None);
    for (number, part) in fields(bytes)? {
        match (number, part) {
            (2, Part::Bytes(name)) => written = String::from_utf8_lossy(name).into_owned(),
            (3, Part::Bytes(value)) => text = Some(String::from_utf8_lossy(value).into_owned()),
            (5, Part::Number(number)) => id = u32::try_from(number).ok(),
            (6, Part::Bytes(item)) => compiled = item_of(item)?,
            _ => {}
        }
    }
    let held = compiled.or(text.map(Held::Text)).unwrap_or_default();
    Ok(Attribute {
        name: attribute_name(id, written),
        held,
    })
}

/// A compiled value: a string, a reference by id, or a primitive.
fn item_of(bytes: &[u8]) -> Result<Option<Held>> {
    for (number, part) in fields(bytes)? {
        let Part::Bytes(inner) = part else { continue };
        for (field, value) in fields(inner)? {
            match (number, field, value) {
                (1, 2, Part::Number(id)) => return Ok(u32::try_from(id).ok().map(Held::Reference)),
                (2 | 3, 1, Part::Bytes(text)) => {
                    return Ok(Some(Held::Text(String::from_utf8_lossy(text).into_owned())));
                }
                (7, 8, Part::Number(flag)) => return Ok(Some(Held::Flag(flag != 0))),
                // The lower half of a number that may be written with its sign.
                (7, 6 | 7, Part::Number(n)) => return Ok(Some(Held::Number((n & 0xffff_ffff) as u32))),
                _ => {}
            }
        }
    }
    Ok(None)
}

/// The fields of a message in their order.
fn fields(bytes: &[u8]) -> Result<Vec<(u64, Part<'_>)>> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let mut out = Vec::new();
    while !cursor.is_empty() {
        let key = cursor.varint()?;
        let part = match key & 7 {
            0 => Part::Number(cursor.varint()?),
            1 => Part::Number(cursor.u64()?),
            2 => {
                let n_bytes = usize::try_from(cursor.varint()?).unwrap_or(usize::MAX);
                Part::Bytes(cursor.take(n_bytes)?)
            }
            5 => Part::Number(u64::from(cursor.u32()?)),
            kind => return Err(cursor.bad(format!("a field of kind {kind}"))),
        };
        out.push((key >> 3, part));
    }
    Ok(out)
}
