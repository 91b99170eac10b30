//! Bodies of methods as instructions.

use crate::cursor::{Cursor, u16_at, u32_at};

/// A method's code: its registers, the instructions, and where exceptions are caught.
#[derive(Debug, Clone)]
pub(crate) struct Body<'b> {
    pub(crate) n_registers: usize,
    /// The last so many registers hold the parameters when it begins.
    pub(crate) n_ins: usize,
    pub(crate) units: &'b [u8],
    pub(crate) handlers: Vec<Handler>,
}

/// Instructions from `begin` until `end` whose exceptions are caught at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handler {
    pub(crate) begin: usize,
    pub(crate) end: usize,
    pub(crate) at: usize,
    /// The kind that is caught; [`NONE`](super::NONE) where all are.
    pub(crate) kind: u32,
}

/// One instruction: where it stands, counted in units of two bytes, and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Insn<'b> {
    pub(crate) at: usize,
    pub(crate) op: u8,
    bytes: &'b [u8],
}

/// Handlers of one method at most.
const HANDLERS: usize = 4_096;

impl<'b> Body<'b> {
    /// The instructions in the order in which they stand; bytes that are none end them.
    pub(crate) fn insns(&self) -> impl Iterator<Item = Insn<'b>> + use<'b> {
        let (units, mut at) = (self.units, 0);
        std::iter::from_fn(move || {
            let insn = Insn::at(units, at)?;
            at += insn.width();
            Some(insn)
        })
    }

    pub(crate) const fn n_units(&self) -> usize {
        self.units.len() / 2
    }
}

impl<'b> Insn<'b> {
    /// The instruction at a unit; `None` where there is none that is whole.
    pub(crate) fn at(units: &'b [u8], at: usize) -> Option<Self> {
        let rest = units.get(at.checked_mul(2)?..)?;
        let first = u16_at(rest, 0)?;
        let n_units = match first {
            0x0100 => usize::from(u16_at(rest, 2)?) * 2 + 4,
            0x0200 => usize::from(u16_at(rest, 2)?) * 4 + 2,
            0x0300 => {
                let n_bytes = usize::from(u16_at(rest, 2)?).checked_mul(u32_at(rest, 4)? as usize)?;
                n_bytes.div_ceil(2).checked_add(4)?
            }
            _ => usize::from(WIDTHS[usize::from(first & 0xff)]),
        };
        Some(Self {
            at,
            op: (first & 0xff) as u8,
            bytes: rest.get(..n_units.checked_mul(2)?)?,
        })
    }

    pub(crate) const fn width(&self) -> usize {
        self.bytes.len() / 2
    }

    pub(crate) fn unit(&self, n: usize) -> u16 {
        u16_at(self.bytes, n * 2).unwrap_or(0)
    }

    /// The high byte of the first unit.
    pub(crate) fn aa(&self) -> usize {
        usize::from(self.unit(0) >> 8)
    }

    /// The two halves of it, the low one first.
    pub(crate) fn a(&self) -> usize {
        usize::from(self.unit(0) >> 8 & 0xf)
    }

    pub(crate) fn b(&self) -> usize {
        usize::from(self.unit(0) >> 12)
    }

    pub(crate) fn word(&self) -> u32 {
        u32_at(self.bytes, 2).unwrap_or(0)
    }

    /// Whether a pseudo instruction that holds data.
    pub(crate) fn is_data(&self) -> bool {
        self.op == 0 && self.unit(0) != 0
    }

    /// Whether it calls a method whose id its second unit holds.
    pub(crate) const fn is_invoke(&self) -> bool {
        matches!(self.op, 0x6e..=0x72 | 0x74..=0x78 | 0xfa | 0xfb)
    }

    pub(crate) const fn is_static_invoke(&self) -> bool {
        matches!(self.op, 0x71 | 0x77)
    }

    /// The registers that a call or a filled array takes.
    pub(crate) fn registers(&self) -> Vec<usize> {
        match self.op {
            0x25 | 0x74..=0x78 | 0xfb | 0xfd => {
                let first = usize::from(self.unit(2));
                (first..first + self.aa()).collect()
            }
            _ => {
                let listed = self.unit(2);
                let nibble = |n: u16| usize::from(listed >> (4 * n) & 0xf);
                let all = [nibble(0), nibble(1), nibble(2), nibble(3), self.a()];
                all[..self.b().min(5)].to_vec()
            }
        }
    }

    /// The string that it loads.
    pub(crate) fn string(&self) -> Option<u32> {
        match self.op {
            0x1a => Some(u32::from(self.unit(1))),
            0x1b => Some(self.word()),
            _ => None,
        }
    }

    /// Where it may go on besides the next instruction, and whether it goes on there at all.
    pub(crate) fn targets(&self, units: &[u8]) -> (Vec<usize>, bool) {
        let to = |offset: i64| {
            let target = i64::try_from(self.at).unwrap_or(i64::MAX).saturating_add(offset);
            usize::try_from(target).ok()
        };
        match self.op {
            0x0e..=0x11 | 0x27 => (Vec::new(), false),
            0x28 => (
                to(i64::from((self.unit(0) >> 8) as u8 as i8))
                    .into_iter()
                    .collect(),
                false,
            ),
            0x29 => (to(i64::from(self.unit(1) as i16)).into_iter().collect(), false),
            0x2a => (to(i64::from(self.word() as i32)).into_iter().collect(), false),
            0x32..=0x3d => (to(i64::from(self.unit(1) as i16)).into_iter().collect(), true),
            0x2b | 0x2c => {
                let table = to(i64::from(self.word() as i32)).and_then(|at| Insn::at(units, at));
                let offsets = table.map(|table| table.switch_offsets()).unwrap_or_default();
                (
                    offsets.into_iter().filter_map(|o| to(i64::from(o))).collect(),
                    true,
                )
            }
            _ => (Vec::new(), !self.is_data()),
        }
    }

    fn switch_offsets(&self) -> Vec<i32> {
        let n_cases = usize::from(self.unit(1));
        let first = match self.unit(0) {
            0x0100 => 8,
            0x0200 => 4 + n_cases * 4,
            _ => return Vec::new(),
        };
        (0..n_cases)
            .map_while(|n| u32_at(self.bytes, first + n * 4))
            .map(|offset| offset as i32)
            .collect()
    }
}

/// Where exceptions are caught. What cannot be read is left out: it only makes the data-flow see less.
pub(super) fn handlers(bytes: &[u8], tries_at: usize, n_tries: usize) -> Vec<Handler> {
    let mut out = Vec::new();
    let lists_at = tries_at.saturating_add(n_tries * 8);
    for n in 0..n_tries {
        let at = tries_at.saturating_add(n * 8);
        let (Some(begin), Some(n_units), Some(offset)) = (
            u32_at(bytes, at),
            u16_at(bytes, at.saturating_add(4)),
            u16_at(bytes, at.saturating_add(6)),
        ) else {
            break;
        };
        let mut cursor = Cursor::at(
            bytes,
            lists_at.saturating_add(usize::from(offset)),
            "dex handlers",
        );
        let span = (
            begin as usize,
            (begin as usize).saturating_add(usize::from(n_units)),
        );
        let _ = list(&mut cursor, span, &mut out);
        if out.len() >= HANDLERS {
            break;
        }
    }
    out
}

fn list(
    cursor: &mut Cursor<'_>,
    (begin, end): (usize, usize),
    out: &mut Vec<Handler>,
) -> crate::error::Result<()> {
    let size = sleb(cursor)?;
    for _ in 0..size.unsigned_abs().min(HANDLERS as u64) {
        let kind = cursor.uleb()?;
        let at = cursor.uleb()? as usize;
        out.push(Handler { begin, end, at, kind });
        if out.len() >= HANDLERS {
            return Ok(());
        }
    }
    if size <= 0 {
        let (at, kind) = (cursor.uleb()? as usize, super::NONE);
        out.push(Handler { begin, end, at, kind });
    }
    Ok(())
}

fn sleb(cursor: &mut Cursor<'_>) -> crate::error::Result<i64> {
    let (mut value, mut shift) = (0i64, 0);
    loop {
        let byte = cursor.u8()?;
        value |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            let sign = byte & 0x40 != 0;
            return Ok(if sign { value | -1i64 << shift } else { value });
        }
        if shift > 28 {
            return Err(cursor.bad("a number of more than five bytes"));
        }
    }
}

/// Units that an instruction takes, by its operation.
const WIDTHS: [u8; 256] = {
    let mut widths = [1u8; 256];
    // (first, last, units), as the tables of the Dalvik instruction formats have them.
    let spans: [(usize, usize, u8); 36] = [
        (0x02, 0x02, 2),
        (0x03, 0x03, 3),
        (0x05, 0x05, 2),
        (0x06, 0x06, 3),
        (0x08, 0x08, 2),
        (0x09, 0x09, 3),
        (0x13, 0x13, 2),
        (0x14, 0x14, 3),
        (0x15, 0x16, 2),
        (0x17, 0x17, 3),
        (0x18, 0x18, 5),
        (0x19, 0x1a, 2),
        (0x1b, 0x1b, 3),
        (0x1c, 0x1c, 2),
        (0x1f, 0x20, 2),
        (0x22, 0x23, 2),
        (0x24, 0x26, 3),
        (0x29, 0x29, 2),
        (0x2a, 0x2c, 3),
        (0x2d, 0x3d, 2),
        (0x44, 0x51, 2),
        (0x52, 0x6d, 2),
        (0x6e, 0x72, 3),
        (0x74, 0x78, 3),
        (0x90, 0xaf, 2),
        (0xd0, 0xe2, 2),
        (0xfa, 0xfb, 4),
        (0xfc, 0xfd, 3),
        (0xfe, 0xff, 2),
        (0x00, 0x01, 1),
        (0x04, 0x04, 1),
        (0x07, 0x07, 1),
        (0x0a, 0x12, 1),
        (0x1d, 0x1e, 1),
        (0x21, 0x21, 1),
        (0x27, 0x28, 1),
    ];
    let mut n = 0;
    while n < spans.len() {
        let (mut op, last, units) = spans[n];
        while op <= last {
            widths[op] = units;
            op += 1;
        }
        n += 1;
    }
    widths
};
