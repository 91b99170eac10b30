//! A small data-flow: which constants and which kinds of data reach which call, within a method and through the
//! methods of the same class that it calls.
//!
//! It follows values, not conditions, and forgets rather than guesses: what two paths disagree about is unknown. A
//! method that costs more than its share is not followed to its end, and that is counted.

mod arrays;
mod blocks;
mod calls;
mod texts;

use super::code::{Body, Insn};
use super::fields::Fields;
use super::value::{Labels, Value, What, label};
use super::{Class, Dex, Members, Method, STATIC};
use crate::names::is_credential;
use crate::resources::Texts;
use arrays::{arithmetic, fill, filled, int, new_array, put_element};
use blocks::{flow_to, leaders};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

pub(crate) use texts::Made;

/// Methods of the class that are followed one within the other.
const DEPTH: usize = 3;
/// Times that a block's beginning is computed anew, before it is left as it is.
const VISITS: u8 = 6;
/// Registers of all blocks of a method together.
const CELLS: usize = 1 << 20;

/// What a call of a known method does to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What it returns depends on what it is given.
    Plain,
    /// It returns data of these kinds.
    Gives(Labels),
    /// It returns them where its n-th argument is that text.
    GivesWhere(usize, &'static str, Labels),
    /// It returns what the address of its first argument names.
    Queries,
    /// It returns its n-th argument in another form.
    Same(usize),
    /// What it returns holds nothing but this.
    Clean(Labels),
    /// It puts its arguments into its receiver, and may return that.
    Joins,
    /// It writes data of these kinds into the arrays that it is given.
    Fills(Labels),
}

/// What is to be known of a method before it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    /// Whether some check looks at its calls.
    pub(crate) is_watched: bool,
    pub(crate) effect: Effect,
    /// Of the platform or the language, so that it leaves an array alone which it is not known to fill.
    pub(crate) is_platform: bool,
}

/// A call, with what is known of its arguments; the receiver is the first of them.
#[derive(Debug)]
pub(crate) struct Call<'c, 'b> {
    pub(crate) dex: &'c Dex<'b>,
    /// The method that it stands in, and where, in bytes of the method's code.
    pub(crate) method: u32,
    pub(crate) at: usize,
    /// From where that method was entered, outermost first.
    pub(crate) callers: &'c [(u32, usize)],
    pub(crate) callee: u32,
    pub(crate) args: &'c [Value],
    pub(crate) made: &'c Made,
}

impl<'b> Call<'_, 'b> {
    /// The text of an argument, where it is a constant or was put together from constants.
    pub(crate) fn text(&self, value: Value) -> Option<Cow<'b, str>> {
        match value.what {
            What::Text(n) => self.dex.string(n),
            What::Made(n) => self.made.get(n).map(Cow::Owned),
            _ => None,
        }
    }
}

/// What came of a class.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Followed {
    /// Methods that were not followed to their end.
    pub(crate) n_cut: usize,
    /// Steps that it took.
    pub(crate) n_steps: usize,
}

/// The data-flow of one class.
pub(crate) struct Flow<'d, 'b, 's> {
    dex: &'d Dex<'b>,
    interests: &'d [Interest],
    texts: &'d Texts,
    bodies: HashMap<u32, (Method, Body<'b>)>,
    fields: Fields,
    frozen: bool,
    steps_left: usize,
    n_cut: usize,
    callers: Vec<(u32, usize)>,
    returned: HashMap<(u32, Vec<Value>), Value>,
    emitted: HashSet<(u32, Vec<Value>)>,
    wide: RefCell<HashMap<u32, Rc<[bool]>>>,
    made: Made,
    sink: &'s mut dyn FnMut(&Call<'_, 'b>),
}

/// A method while it is followed.
struct Frame {
    id: u32,
    returns: Option<Value>,
    /// What the last call returned.
    last: Value,
    emits: bool,
}

type States = BTreeMap<usize, (Vec<Value>, u8)>;

impl<'d, 'b, 's> Flow<'d, 'b, 's> {
    /// Follows every method of a class; `sink` sees each call once per way in which it is entered.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of a class meets here once"
    )]
    pub(crate) fn class(
        dex: &'d Dex<'b>,
        interests: &'d [Interest],
        texts: &'d Texts,
        class: &Class,
        members: &Members,
        defined: &[(Method, Body<'b>)],
        steps: usize,
        sink: &'s mut dyn FnMut(&Call<'_, 'b>),
    ) -> Followed {
        let bodies = defined
            .iter()
            .map(|(method, body)| (method.id, (*method, body.clone())))
            .collect();
        let mut flow = Self {
            dex,
            interests,
            texts,
            bodies,
            fields: Fields::of(dex, class, &members.statics),
            frozen: false,
            steps_left: steps,
            n_cut: 0,
            callers: Vec::new(),
            returned: HashMap::new(),
            emitted: HashSet::new(),
            wide: RefCell::default(),
            made: Made::default(),
            sink,
        };
        // Constructors first: what they write is what the others read.
        let mut order: Vec<u32> = members.methods.iter().map(|method| method.id).collect();
        order.sort_by_key(|id| (!dex.method_name(*id).starts_with(b"<"), *id));
        for emits in [false, true] {
            flow.frozen = emits;
            flow.returned.clear();
            for id in &order {
                flow.method(*id, None, emits);
            }
        }
        Followed {
            n_cut: flow.n_cut,
            n_steps: steps.saturating_sub(flow.steps_left),
        }
    }

    /// Follows a method with what it is given; where that is not known, with what its types tell.
    fn method(&mut self, id: u32, args: Option<&[Value]>, emits: bool) -> Value {
        let Some((method, body)) = self.bodies.get(&id).cloned() else {
            return Value::UNKNOWN;
        };
        let mut registers = vec![Value::UNKNOWN; body.n_registers];
        self.enter(&mut registers, &method, &body, args);
        let mut frame = Frame {
            id,
            returns: None,
            last: Value::UNKNOWN,
            emits: false,
        };
        let leaders = leaders(&body);
        if leaders.len().saturating_mul(body.n_registers + 1) > CELLS {
            self.n_cut += usize::from(emits);
            return Value::UNKNOWN;
        }
        let mut states: States = BTreeMap::from([(0, (registers, 0))]);
        let mut work = vec![0usize];
        while let Some(at) = work.pop() {
            let Some((registers, _)) = states.get(&at).cloned() else {
                continue;
            };
            if !self.block(
                at,
                registers,
                &body,
                &leaders,
                &mut frame,
                &mut Some((&mut states, &mut work)),
            ) {
                self.n_cut += usize::from(emits);
                return Value::UNKNOWN;
            }
        }
        if emits {
            frame.emits = true;
            for (at, (registers, _)) in states {
                self.block(at, registers, &body, &leaders, &mut frame, &mut None);
            }
        }
        frame.returns.unwrap_or(Value::UNKNOWN)
    }

    /// Puts parameters into the registers where they arrive.
    fn enter(&self, registers: &mut [Value], method: &Method, body: &Body<'_>, args: Option<&[Value]>) {
        let mut at = body.n_registers.saturating_sub(body.n_ins);
        let is_static = method.flags & STATIC != 0;
        let wide = self.wide(method.id);
        let mut put = |value: Value, n_registers: usize| {
            if let Some(register) = registers.get_mut(at) {
                *register = value;
            }
            at += n_registers;
        };
        let given = |n: usize| args.and_then(|args| args.get(n)).copied();
        if !is_static {
            put(given(0).unwrap_or(Value::UNKNOWN), 1);
        }
        let types = self.parameter_types(method.id);
        for (n, is_wide) in wide.iter().enumerate() {
            let by_type = types.get(n).map_or(Value::UNKNOWN, |kind| self.by_type(*kind));
            let value = given(n + usize::from(!is_static)).unwrap_or(by_type);
            put(value, if *is_wide { 2 } else { 1 });
        }
    }

    fn parameter_types(&self, id: u32) -> Vec<u32> {
        self.dex
            .method(id)
            .and_then(|method| self.dex.prototype(method.prototype))
            .map(|(types, _)| types)
            .unwrap_or_default()
    }

    /// What a parameter holds by its type alone.
    fn by_type(&self, kind: u32) -> Value {
        match self.dex.descriptor(kind) {
            b"Landroid/location/Location;" => Value::UNKNOWN.with(label::LOCATION),
            _ => Value::UNKNOWN,
        }
    }

    /// Which parameters take two registers.
    fn wide(&self, id: u32) -> Rc<[bool]> {
        let Some(method) = self.dex.method(id) else {
            return Rc::from([]);
        };
        if let Some(known) = self.wide.borrow().get(&method.prototype) {
            return Rc::clone(known);
        }
        let types = self.parameter_types(id);
        let wide: Rc<[bool]> = types
            .iter()
            .map(|kind| matches!(self.dex.descriptor(*kind), b"J" | b"D"))
            .collect();
        self.wide.borrow_mut().insert(method.prototype, Rc::clone(&wide));
        wide
    }

    /// Follows the instructions from a leader to the next one. False where the steps are used up.
    fn block(
        &mut self,
        begin: usize,
        mut registers: Vec<Value>,
        body: &Body<'b>,
        leaders: &[usize],
        frame: &mut Frame,
        next: &mut Option<(&mut States, &mut Vec<usize>)>,
    ) -> bool {
        let mut at = begin;
        frame.last = Value::UNKNOWN;
        while let Some(insn) = Insn::at(body.units, at) {
            // What an instruction costs grows with the registers and handlers that it may touch.
            let cost = match (insn.is_invoke(), insn.targets(body.units).0.len()) {
                (false, 0) if at != begin => 1,
                (_, n_targets) => 1 + (n_targets + 1) * registers.len() / 16 + body.handlers.len() / 8,
            };
            let Some(left) = self.steps_left.checked_sub(cost) else {
                return false;
            };
            self.steps_left = left;
            if let Some((states, work)) = next
                && (at == begin || insn.is_invoke())
            {
                for handler in body.handlers.iter().filter(|h| h.begin <= at && at < h.end) {
                    flow_to(states, work, handler.at, &registers);
                }
            }
            self.step(&insn, &mut registers, body, frame);
            let (targets, goes_on) = insn.targets(body.units);
            if let Some((states, work)) = next {
                for target in targets {
                    flow_to(states, work, target, &registers);
                }
            }
            at += insn.width();
            if !goes_on {
                return true;
            }
            if leaders.binary_search(&at).is_ok() {
                if let Some((states, work)) = next {
                    flow_to(states, work, at, &registers);
                }
                return true;
            }
        }
        true
    }

    fn step(&mut self, insn: &Insn<'b>, registers: &mut [Value], body: &Body<'b>, frame: &mut Frame) {
        let get = |registers: &[Value], n: usize| registers.get(n).copied().unwrap_or(Value::UNKNOWN);
        let low = usize::from(insn.unit(1) & 0xff);
        let high = usize::from(insn.unit(1) >> 8);
        let here = (frame.id, insn.at as u32);
        let (to, value) = match insn.op {
            0x01 | 0x04 | 0x07 | 0x7b..=0x8f => (insn.a(), get(registers, insn.b())),
            0x02 | 0x05 | 0x08 => (insn.aa(), get(registers, usize::from(insn.unit(1)))),
            0x03 | 0x06 | 0x09 => (
                usize::from(insn.unit(1)),
                get(registers, usize::from(insn.unit(2))),
            ),
            0x0a..=0x0c => (insn.aa(), frame.last),
            0x0d | 0x2d..=0x31 | 0xfe | 0xff => (insn.aa(), Value::UNKNOWN),
            0x0f..=0x11 => {
                let value = get(registers, insn.aa());
                frame.returns = Some(frame.returns.map_or(value, |known| known.join(value)));
                return;
            }
            0x12 => (insn.a(), int(i64::from(((insn.b() as u8) << 4) as i8 >> 4))),
            0x13 | 0x16 => (insn.aa(), int(i64::from(insn.unit(1) as i16))),
            0x14 | 0x17 => (insn.aa(), int(i64::from(insn.word() as i32))),
            0x15 => (insn.aa(), int(i64::from((u32::from(insn.unit(1)) << 16) as i32))),
            0x18 => {
                let upper = u64::from(insn.unit(3)) | u64::from(insn.unit(4)) << 16;
                (
                    insn.aa(),
                    int((u64::from(insn.word()) | upper << 32).cast_signed()),
                )
            }
            0x19 => (insn.aa(), int((u64::from(insn.unit(1)) << 48).cast_signed())),
            0x1a | 0x1b => {
                let text = insn.string().unwrap_or(super::NONE);
                (insn.aa(), Value::of(What::Text(text)))
            }
            0x1c => (insn.aa(), Value::of(What::Class(u32::from(insn.unit(1))))),
            0x20 => (insn.a(), Value::UNKNOWN),
            0x21 => {
                let length = match get(registers, insn.b()).what {
                    What::Constants { n_elements, .. } => int(i64::from(n_elements)),
                    _ => Value::UNKNOWN,
                };
                (insn.a(), length)
            }
            0x22 => {
                let kind = u32::from(insn.unit(1));
                (
                    insn.aa(),
                    Value::of(What::New {
                        method: here.0,
                        at: here.1,
                        kind,
                    }),
                )
            }
            0x23 => (insn.a(), new_array(here, get(registers, insn.b()))),
            0x24 | 0x25 => {
                frame.last = filled(here, registers, &insn.registers());
                return;
            }
            0x26 => (insn.aa(), fill(here, insn, body)),
            0x44..=0x4a => {
                let array = get(registers, low);
                (insn.aa(), Value::UNKNOWN.with(array.labels))
            }
            0x4b..=0x51 => {
                let (value, array) = (get(registers, insn.aa()), get(registers, low));
                put_element(registers, array, value);
                return;
            }
            0x52..=0x58 => {
                let object = get(registers, insn.b());
                (insn.a(), self.read(u32::from(insn.unit(1)), object.labels))
            }
            0x59..=0x5f => return self.write(u32::from(insn.unit(1)), get(registers, insn.a())),
            0x60..=0x66 => (insn.aa(), self.read(u32::from(insn.unit(1)), 0)),
            0x67..=0x6d => return self.write(u32::from(insn.unit(1)), get(registers, insn.aa())),
            0x90..=0xaf => (
                insn.aa(),
                arithmetic(insn.op - 0x90, get(registers, low), get(registers, high)),
            ),
            0xb0..=0xcf => (
                insn.a(),
                arithmetic(insn.op - 0xb0, get(registers, insn.a()), get(registers, insn.b())),
            ),
            0xd0..=0xd7 => {
                let literal = int(i64::from(insn.unit(1) as i16));
                (
                    insn.a(),
                    arithmetic(insn.op - 0xd0, get(registers, insn.b()), literal),
                )
            }
            0xd8..=0xe2 => {
                let literal = int(i64::from(high as u8 as i8));
                (
                    insn.aa(),
                    arithmetic(insn.op - 0xd8, get(registers, low), literal),
                )
            }
            0xfc | 0xfd => {
                let labels = insn
                    .registers()
                    .iter()
                    .fold(0, |all, n| all | get(registers, *n).labels);
                frame.last = Value::UNKNOWN.with(labels & !label::ENCRYPTED);
                return;
            }
            _ if insn.is_invoke() => return self.invoke(insn, registers, frame),
            _ => return,
        };
        if let Some(register) = registers.get_mut(to) {
            *register = value;
        }
    }

    fn read(&self, field: u32, labels: Labels) -> Value {
        let known = self.fields.get(field).unwrap_or(Value::of(What::Field(field)));
        let name = self.dex.field(field).map(|(_, name)| name).unwrap_or_default();
        let named = std::str::from_utf8(name).is_ok_and(is_credential);
        let more = if named && !known.is_constant() && !known.has(label::ENCRYPTED) {
            label::CREDENTIAL
        } else {
            0
        };
        known.with(labels & !label::ENCRYPTED | more)
    }

    fn write(&mut self, field: u32, value: Value) {
        if !self.frozen {
            self.fields.put(field, value);
        }
    }
}
