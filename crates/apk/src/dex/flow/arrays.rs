//! Numbers and arrays of constants: what instructions make of them.

use crate::dex::code::{Body, Insn};
use crate::dex::value::{Labels, Value, What, label};

pub(super) const fn int(value: i64) -> Value {
    Value::of(What::Int(value))
}

/// Sums and bits of constants; whatever else is computed is not known.
pub(super) fn arithmetic(op: u8, left: Value, right: Value) -> Value {
    let labels = (left.labels | right.labels) & !label::ENCRYPTED;
    let what = match (left.what, right.what, op) {
        (What::Int(a), What::Int(b), 0) => What::Int(a.wrapping_add(b)),
        (What::Int(a), What::Int(b), 5) => What::Int(a & b),
        (What::Int(a), What::Int(b), 6) => What::Int(a | b),
        _ => What::Unknown,
    };
    Value { what, labels }
}

pub(super) fn constants((method, at): (u32, u32), n_elements: u32) -> Value {
    Value::of(What::Constants {
        method,
        at,
        n_elements,
    })
}

/// An array of zeros is one of constants.
pub(super) fn new_array(here: (u32, u32), size: Value) -> Value {
    match size.what {
        What::Int(n) => constants(here, u32::try_from(n).unwrap_or(0)),
        _ => Value::UNKNOWN,
    }
}

pub(super) fn filled(here: (u32, u32), registers: &[Value], listed: &[usize]) -> Value {
    let values = || listed.iter().filter_map(|n| registers.get(*n));
    let labels = values().fold(0, |all, value| all | value.labels);
    if values().all(|value| value.is_constant()) {
        constants(here, listed.len() as u32)
    } else {
        Value::UNKNOWN.with(labels & !label::ENCRYPTED)
    }
}

pub(super) fn fill(here: (u32, u32), insn: &Insn<'_>, body: &Body<'_>) -> Value {
    let at = i64::try_from(insn.at).unwrap_or(0) + i64::from(insn.word() as i32);
    let data = usize::try_from(at).ok().and_then(|at| Insn::at(body.units, at));
    let n_elements = data.map_or(0, |data| u32::from(data.unit(2)) | u32::from(data.unit(3)) << 16);
    constants(here, n_elements)
}

pub(super) fn put_element(registers: &mut [Value], array: Value, value: Value) {
    let is_constant = value.is_constant();
    retag(registers, array, |mut known| {
        if !is_constant && matches!(known.what, What::Constants { .. }) {
            known.what = What::Unknown;
        }
        known.with(value.labels & !label::ENCRYPTED)
    });
}

/// What a call leaves of the arrays that it was given.
pub(super) fn mutate(registers: &mut [Value], args: &[Value], leaves_alone: bool, labels: Labels) {
    if leaves_alone {
        return;
    }
    for array in args
        .iter()
        .filter(|value| matches!(value.what, What::Constants { .. } | What::Builder { .. }))
    {
        retag(registers, *array, |_| Value::UNKNOWN.with(labels));
    }
}

/// Changes every register that holds the same object.
pub(super) fn retag(registers: &mut [Value], object: Value, change: impl Fn(Value) -> Value) {
    if matches!(
        object.what,
        What::Unknown | What::Int(_) | What::Text(_) | What::Made(_)
    ) {
        return;
    }
    for register in registers
        .iter_mut()
        .filter(|register| register.what == object.what)
    {
        *register = change(*register);
    }
}
