//! What the fields of a class hold, as far as the class itself writes them.

use super::value::{Value, What};
use super::{Class, Dex, Field};
use crate::cursor::Cursor;
use crate::error::Result;
use std::collections::HashMap;

/// The values that a class gives its own fields; joined where it gives several.
#[derive(Debug, Default)]
pub(super) struct Fields(HashMap<u32, Value>);

impl Fields {
    /// The constants that the class's table states.
    pub(super) fn of(dex: &Dex<'_>, class: &Class, statics: &[Field]) -> Self {
        let mut fields = Self::default();
        // What cannot be read of the table is not known.
        let _ = constants(dex, class, statics, &mut fields.0);
        fields
    }

    pub(super) fn get(&self, id: u32) -> Option<Value> {
        self.0.get(&id).copied()
    }

    pub(super) fn put(&mut self, id: u32, value: Value) {
        self.0
            .entry(id)
            .and_modify(|known| *known = known.join(value))
            .or_insert(value);
    }
}

/// The texts that the class's table states, with their fields.
pub(crate) fn texts(dex: &Dex<'_>, class: &Class, statics: &[Field]) -> Vec<(u32, u32)> {
    let mut found = HashMap::new();
    let _ = constants(dex, class, statics, &mut found);
    let text = |(id, value): (u32, Value)| match value.what {
        What::Text(text) => Some((id, text)),
        _ => None,
    };
    found.into_iter().filter_map(text).collect()
}

fn constants(dex: &Dex<'_>, class: &Class, statics: &[Field], out: &mut HashMap<u32, Value>) -> Result<()> {
    if class.values_at == 0 {
        return Ok(());
    }
    let mut cursor = Cursor::at(dex.bytes, class.values_at, "dex constants");
    let n_values = cursor.uleb()? as usize;
    for field in statics.iter().take(n_values) {
        let head = cursor.u8()?;
        let (kind, size) = (head & 0x1f, usize::from(head >> 5) + 1);
        let value = match kind {
            0x1c | 0x1d => return Ok(()),
            0x1e => What::Int(0),
            0x1f => What::Int(i64::from(head >> 5)),
            _ => {
                let number = number(cursor.take(size)?);
                match kind {
                    0x17 => What::Text(u32::try_from(number).unwrap_or(u32::MAX)),
                    0x00 | 0x02 | 0x03 | 0x04 | 0x06 => What::Int(number.cast_signed()),
                    _ => What::Unknown,
                }
            }
        };
        if field.flags & super::FINAL != 0 {
            out.insert(field.id, Value::of(value));
        }
    }
    Ok(())
}

/// Little-endian, of one to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
